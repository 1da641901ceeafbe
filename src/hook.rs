//! What sees every message on its way, and may forbid it.

use crate::error::Error;
use crate::message::{Message, Receipt};
use crate::protocol::remoting::properties;
use crate::protocol::remoting::transaction::TransactionState;
use std::time::Duration;

/// How a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendMode {
    /// The caller waits.
    Sync,
    /// A callback is told.
    Async,
    /// Nobody hears of the end.
    Oneway,
}

/// What a message is to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageType {
    /// Delivered at once.
    Normal,
    /// Delivered once its transaction is committed.
    TransactionHalf,
    /// Delivered later.
    Delay,
}

impl MessageType {
    /// By the encoded properties.
    pub(crate) fn of(encoded: &str) -> Self {
        const DELAYS: [&str; 5] = [
            properties::DELAY,
            properties::START_DELIVER_TIME,
            properties::TIMER_DELIVER_MS,
            properties::TIMER_DELAY_SEC,
            properties::TIMER_DELAY_MS,
        ];
        let mut kind = MessageType::Normal;
        for (name, value) in properties::decode(encoded) {
            if name == properties::TRAN_MSG && value == "true" {
                return MessageType::TransactionHalf;
            }
            if DELAYS.contains(&name) {
                kind = MessageType::Delay;
            }
        }
        kind
    }
}

/// A message on its way, as hooks see it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HookContext<'a> {
    /// The producer's group.
    pub producer_group: &'a str,
    /// The producer's namespace; empty: none.
    pub namespace: &'a str,
    /// How it is sent.
    pub mode: SendMode,
    /// What it is to the broker.
    pub message_type: MessageType,
    /// The topic.
    pub topic: &'a str,
    /// The unique id that the producer gave it; of a batch, its first request's own.
    pub message_id: &'a str,
    /// The length of the body before it was compressed; of a batch, of all bodies together.
    pub body_length: usize,
    /// 1; of a batch, how many messages it holds. Hooks see a batch as one message, as those of the Java client do.
    pub message_count: usize,
    /// This client's address.
    pub born_host: &'a str,
    /// The broker chosen; after the send the one of the last try. With `auto_batch` it is chosen after the hooks, unless
    /// the caller's selector names it: then this and the address are empty and the queue is -1 before the send.
    pub broker_name: &'a str,
    /// Its `host:port`.
    pub broker_address: &'a str,
    /// The queue chosen; after the send the one of the last try.
    pub queue_id: i32,
    /// The message itself; `None` after the send. Of a batch it has the topic and `wait_store_msg_ok`, but no body.
    pub message: Option<&'a Message<'a>>,
    /// The messages of a batch; empty for a single message, and after the send.
    pub batch: &'a [Message<'a>],
}

/// How a message ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HookEnd<'a> {
    /// The receipt, or why it failed. Of a batch: the receipt of its first request with the ids of all messages, joined
    /// by commas; or its first failure.
    pub result: Result<&'a Receipt, &'a Error>,
    /// The time from its acceptance to its end.
    pub cost: Duration,
    /// How many tries it took.
    pub attempts: u32,
}

/// The end of a transaction, as hooks see it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct EndTransactionContext<'a> {
    /// The producer's group.
    pub producer_group: &'a str,
    /// The producer's namespace; empty: none.
    pub namespace: &'a str,
    /// The half message's topic.
    pub topic: &'a str,
    /// The unique id that its producer gave it.
    pub message_id: &'a str,
    /// The transaction's id.
    pub transaction_id: &'a str,
    /// The half message's tag; empty: none.
    pub tags: &'a str,
    /// Its index keys, separated by spaces; empty: none.
    pub keys: &'a str,
    /// The region of its broker; empty when that told none.
    pub region_id: &'a str,
    /// The broker that holds it.
    pub broker_name: &'a str,
    /// Its `host:port`.
    pub broker_address: &'a str,
    /// What the broker was told.
    pub state: TransactionState,
    /// Whether the broker had asked, in a transaction check.
    pub from_check: bool,
}

/// Sees every message of a producer; see [`Producer::add_hook`](crate::Producer::add_hook).
///
/// A panic is caught and logged. It changes nothing, but in `check_forbidden`, where it forbids the message.
pub trait SendHook: Send + Sync {
    /// Before the send, on the caller's thread, once for each message: an `Err` forbids it with its text, and the send
    /// fails with [`ErrorKind::Forbidden`](crate::ErrorKind::Forbidden). No other function is called for it then.
    fn check_forbidden(&self, context: &HookContext<'_>) -> Result<(), String> {
        let _ = context;
        Ok(())
    }

    /// Before the send, on the caller's thread, once for each message and not again for a further try.
    fn before_send(&self, context: &HookContext<'_>) {
        let _ = context;
    }

    /// After the message succeeded or finally failed, on the dispatcher, before its sender or callback is told. For
    /// each call of `before_send` there is one. It must not block for long: callbacks and synchronous senders wait.
    fn after_send(&self, context: &HookContext<'_>, end: &HookEnd<'_>) {
        let _ = (context, end);
    }

    /// After the broker was told the end of a transaction: on the thread that committed or rolled back, on the
    /// dispatcher for an answer to the broker's check. It is called once for each word to the broker, an unknown state
    /// included, and not for an end that could not be written.
    fn end_transaction(&self, context: &EndTransactionContext<'_>) {
        let _ = context;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: HK-03.
    #[test]
    fn types_follow_from_properties() {
        for (pairs, expected) in [
            (&[("KEYS", "DELAY")][..], MessageType::Normal),
            (&[("DELAY", "3")], MessageType::Delay),
            (&[("__STARTDELIVERTIME", "1")], MessageType::Delay),
            (&[("TIMER_DELIVER_MS", "1")], MessageType::Delay),
            (&[("TIMER_DELAY_SEC", "1")], MessageType::Delay),
            (&[("TIMER_DELAY_MS", "1")], MessageType::Delay),
            (&[("DELAY", "3"), ("TRAN_MSG", "true")], MessageType::TransactionHalf),
            (&[("TRAN_MSG", "false")], MessageType::Normal),
        ] {
            assert_eq!(MessageType::of(&properties::encode(pairs)), expected, "{pairs:?}");
        }
    }
}
