//! What a producer tells of reliable sending besides the ends of its messages.

use crate::error::Error;
use crate::message::Receipt;
use crate::received::ReceivedMessage;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReliabilityEventKind {
    /// Reliable sending gave a message up: every try was used, or its time. The alarm's only kind.
    GivenUp,
    /// A message of the spool was sent and stored.
    SpoolDelivered,
    /// A message of the spool is lost: a broker refused it for good, or it was older than `spool_max_age`.
    SpoolLost,
    /// The spool held something that is no message, and it was skipped or cut.
    SpoolDamaged,
}

/// What alarm and spool callbacks are told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReliabilityEvent {
    /// What happened.
    pub kind: ReliabilityEventKind,
    /// The message as it was sent, its body decompressed and its topic without the namespace; there are neither queue
    /// nor offsets. `None` for `SpoolDamaged`.
    pub message: Option<ReceivedMessage>,
    /// Where it is stored, for `SpoolDelivered`.
    pub receipt: Option<Receipt>,
    /// Why, for all other kinds: its `attempts` are the tries, `maybe_persisted` tells whether a broker may have the
    /// message, and the kind `Spooled` that it waits in the spool.
    pub error: Option<Error>,
}
