//! The one error type of the library.
//!
//! Each [`ErrorKind`] has a number that never changes: the C surface exports the same numbers as `MQP_ERR_…`.

use crate::message::Attempt;
use std::fmt;
use std::sync::Arc;

/// Result with this library's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

macro_rules! error_kinds {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// What went wrong. The numbers are for ever.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u32)]
        pub enum ErrorKind {
            $($(#[$doc])* $variant = $number,)*
        }

        impl ErrorKind {
            /// Every kind, in the order of its number.
            pub const ALL: &'static [ErrorKind] = &[$(ErrorKind::$variant,)*];

            /// The stable name, as the C constant spells it behind `MQP_ERR_`.
            pub const fn name(self) -> &'static str {
                match self { $(ErrorKind::$variant => $name,)* }
            }
        }
    };
}

error_kinds! {
    /// A NULL handle or pointer, a `struct_size` too small, text that is not UTF-8.
    InvalidArgument = 1, "INVALID_ARGUMENT";
    /// An unknown configuration key, a value out of its range, a malformed URL.
    InvalidConfig = 2, "INVALID_CONFIG";
    /// A message that breaks a rule: topic, body, property.
    InvalidMessage = 3, "INVALID_MESSAGE";
    /// A body or properties over the configured or protocol limit.
    MessageTooLarge = 4, "MESSAGE_TOO_LARGE";
    /// A send, flush or close before `start`.
    NotStarted = 5, "NOT_STARTED";
    /// A second `start`.
    AlreadyStarted = 6, "ALREADY_STARTED";
    /// The producer is closed or closing.
    Closed = 7, "CLOSED";
    /// No name server answered; the message names each address and its cause.
    NoNameServer = 8, "NO_NAME_SERVER";
    /// The name servers know no route of the topic with a writable queue.
    NoRoute = 9, "NO_ROUTE";
    /// The route names a broker without a master address.
    BrokerNotFound = 10, "BROKER_NOT_FOUND";
    /// A connection could not be opened.
    Connect = 11, "CONNECT";
    /// A connection died under the request.
    ConnectionLost = 12, "CONNECTION_LOST";
    /// The deadline passed.
    Timeout = 13, "TIMEOUT";
    /// The broker refused; `broker_code` and `remark` tell why.
    Broker = 14, "BROKER";
    /// The peer broke the protocol.
    Protocol = 15, "PROTOCOL";
    /// The limit of messages or bytes in flight is reached.
    Backpressure = 16, "BACKPRESSURE";
    /// A blocking call was made on a thread of the library.
    WouldDeadlock = 17, "WOULD_DEADLOCK";
    /// The handle was made before `fork` and is used in the child.
    Forked = 18, "FORKED";
    /// Header and library do not fit together.
    VersionMismatch = 19, "VERSION_MISMATCH";
    /// The operating system refused a thread, a socket or memory.
    Resource = 20, "RESOURCE";
    /// A defect of the library; the message holds the panic's text.
    Internal = 21, "INTERNAL";
    /// The operation exists but not for this transport or build.
    Unsupported = 22, "UNSUPPORTED";
    /// A hook refused the message.
    Forbidden = 23, "FORBIDDEN";
    /// No reply to a request came before its deadline.
    RequestTimeout = 24, "REQUEST_TIMEOUT";
    /// Not sent yet: the message waits in the local spool, from which it is sent later. Not a success, nor to be sent
    /// again.
    Spooled = 25, "SPOOLED";
    /// The broker has dropped the transaction, all of it: its connection ended before the commit, or it refused a part.
    TransactionRolledBack = 26, "TRANSACTION_ROLLED_BACK";
    /// No answer came to a commit: the transaction may be committed or not.
    TransactionInDoubt = 27, "TRANSACTION_IN_DOUBT";
}

/// Why a call or a message failed.
///
/// Cheap to clone: one cause is shared by every waiter of a dead connection.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    broker: Option<(Option<i32>, String)>,
    retriable: bool,
    maybe_persisted: bool,
    attempts: Vec<Attempt>,
}

impl Error {
    /// An error of `kind` with its text.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let retriable = matches!(
            kind,
            ErrorKind::NoNameServer
                | ErrorKind::Connect
                | ErrorKind::ConnectionLost
                | ErrorKind::Timeout
                | ErrorKind::Backpressure
                | ErrorKind::Resource
                | ErrorKind::RequestTimeout
        );
        Error(Arc::new(Inner {
            kind,
            message: message.into(),
            broker: None,
            retriable,
            maybe_persisted: false,
            attempts: Vec::new(),
        }))
    }

    /// A refusal by a broker or name server, with its code and remark.
    pub fn broker(code: i32, remark: impl Into<String>, retriable: bool) -> Self {
        let remark = remark.into();
        let message = format!("the server answered code {code}: {remark}");
        Error(Arc::new(Inner {
            kind: ErrorKind::Broker,
            message,
            broker: Some((Some(code), remark)),
            retriable,
            maybe_persisted: false,
            attempts: Vec::new(),
        }))
    }

    /// A refusal by an ActiveMQ broker, with the exception that it told.
    pub(crate) fn exception(exception: &str, retriable: bool) -> Self {
        Error(Arc::new(Inner {
            kind: ErrorKind::Broker,
            message: format!("the broker refused: {exception}"),
            broker: Some((None, exception.to_owned())),
            retriable,
            maybe_persisted: false,
            attempts: Vec::new(),
        }))
    }

    /// The same failure as another kind of it.
    pub(crate) fn as_kind(&self, kind: ErrorKind) -> Self {
        let mut inner = (*self.0).clone();
        inner.kind = kind;
        inner.retriable = false;
        Error(Arc::new(inner))
    }

    /// The same error, with `context` before its text.
    pub fn context(&self, context: impl fmt::Display) -> Self {
        let mut inner = (*self.0).clone();
        inner.message = format!("{context}: {}", inner.message);
        Error(Arc::new(inner))
    }

    /// The same error, saying whether a broker may have stored the message all the same.
    pub fn with_maybe_persisted(&self, maybe: bool) -> Self {
        let mut inner = (*self.0).clone();
        inner.maybe_persisted = maybe;
        Error(Arc::new(inner))
    }

    /// The same error with the tries that led to it.
    pub(crate) fn with_attempts(&self, attempts: Vec<Attempt>) -> Self {
        let mut inner = (*self.0).clone();
        inner.attempts = attempts;
        Error(Arc::new(inner))
    }

    /// Says that the message waits in the spool; the server's code and the tries stay.
    pub(crate) fn spooled(&self, context: impl fmt::Display) -> Self {
        let mut inner = (*self.0).clone();
        inner.message = format!("{context}: {}", inner.message);
        (inner.kind, inner.retriable) = (ErrorKind::Spooled, false);
        Error(Arc::new(inner))
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The text for a person; names the field, value and limit where there are such.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The server's response code, when a server refused.
    pub fn broker_code(&self) -> Option<i32> {
        self.0.broker.as_ref().and_then(|(code, _)| *code)
    }

    /// The number that RocketMQ's Java client gives this failure: the server's response code, or one of its own such as
    /// 10001 for a connection that could not be opened; `None` when it has none.
    pub fn code(&self) -> Option<i32> {
        self.broker_code().or(match self.kind() {
            ErrorKind::InvalidMessage | ErrorKind::MessageTooLarge => Some(13),
            ErrorKind::Connect => Some(10_001),
            ErrorKind::Timeout => Some(10_002),
            ErrorKind::BrokerNotFound => Some(10_003),
            ErrorKind::NoNameServer => Some(10_004),
            ErrorKind::NoRoute => Some(10_005),
            ErrorKind::RequestTimeout => Some(10_006),
            _ => None,
        })
    }

    /// The server's remark, when a server refused.
    pub fn remark(&self) -> Option<&str> {
        self.0.broker.as_ref().map(|(_, remark)| remark.as_str())
    }

    /// Whether the same call may succeed later without being changed.
    pub fn retriable(&self) -> bool {
        self.0.retriable
    }

    /// Whether a broker may have stored the message although the send failed.
    pub fn maybe_persisted(&self) -> bool {
        self.0.maybe_persisted
    }

    /// The tries of the message, in their order; empty when none was made, as for a message that was refused.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("broker", &self.0.broker)
            .field("retriable", &self.0.retriable)
            .field("maybe_persisted", &self.0.maybe_persisted)
            .finish()
    }
}

impl std::error::Error for Error {}
