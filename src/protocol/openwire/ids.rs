//! The names of what lives in a broker: connections, sessions, producers, consumers, messages, transactions.

use std::fmt;

use bytes::Bytes;

use super::error::CodecError;
use super::wire::{Object, Reader, Writer, required, structures};

structures! {
    /// A connection.
    ConnectionId = 120 {
        /// `ID:<host>-<port>-<milliseconds>-<n>:<m>`.
        value: String,
    }

    /// A session of a connection.
    SessionId = 121 {
        /// The connection's id.
        connection_id: String,
        /// From 1; -1 is the connection's own.
        value: i64,
    }

    /// A consumer of a session.
    ConsumerId = 122 {
        /// The connection's id.
        connection_id: String,
        /// The session's number.
        session_id: i64,
        /// From 1.
        value: i64,
    }

    /// A producer of a session.
    ProducerId = 123 {
        /// The connection's id.
        connection_id: String,
        /// From 1.
        value: i64,
        /// The session's number.
        session_id: i64,
    }

    /// A broker.
    BrokerId = 124 {
        /// Its name.
        value: String,
    }

    /// A message; the same id on a second sending tells the broker that it is a duplicate.
    MessageId = 110 {
        /// The id as a foreign client wrote it; none for those of this protocol.
        text_view: Option<String>,
        /// Its producer.
        producer_id: Option<ProducerId>,
        /// From 1, for each producer.
        producer_sequence_id: i64,
        /// The broker's own number; 0 from a producer.
        broker_sequence_id: i64,
    }

    /// A transaction of one connection.
    LocalTransactionId = 111 {
        /// From 1.
        value: i64,
        /// The connection.
        connection_id: ConnectionId,
    }

    /// A branch of a distributed transaction.
    XaTransactionId = 112 {
        /// The format of the two names.
        format_id: i32,
        /// The global name.
        global_transaction_id: Option<Bytes>,
        /// The branch.
        branch_qualifier: Option<Bytes>,
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.connection_id, self.value)
    }
}

impl fmt::Display for ConsumerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.connection_id, self.session_id, self.value)
    }
}

impl fmt::Display for ProducerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.connection_id, self.session_id, self.value)
    }
}

impl fmt::Display for BrokerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value)
    }
}

/// As JMS tells it: connection, session, producer, number.
impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.text_view, &self.producer_id) {
            (Some(text), _) => f.write_str(text),
            (None, Some(producer)) => write!(f, "{producer}:{}", self.producer_sequence_id),
            (None, None) => write!(f, "{}", self.producer_sequence_id),
        }
    }
}

impl fmt::Display for LocalTransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TX:{}:{}", self.connection_id, self.value)
    }
}

/// Types of which one field may hold any.
macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident, $expected:literal { $($(#[$variant_doc:meta])* $variant:ident($type:ty),)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant($type),)*
        }

        $(impl From<$type> for $name {
            fn from(id: $type) -> Self {
                $name::$variant(id)
            }
        })*

        impl Object for $name {
            const EXPECTED: &'static str = $expected;

            fn kind(&self) -> u8 {
                match self { $($name::$variant(_) => <$type>::KIND,)* }
            }

            fn read_body(kind: u8, r: &mut Reader<'_>) -> Result<Option<Self>, CodecError> {
                match kind {
                    $(<$type>::KIND => Ok(<$type>::read_body(kind, r)?.map($name::$variant)),)*
                    _ => Ok(None),
                }
            }

            fn write_body(&self, w: &mut Writer<'_>) {
                match self { $($name::$variant(id) => id.write_body(w),)* }
            }
        }
    )*};
}

choices! {
    /// A transaction.
    TransactionId, "a transaction id (111 or 112)" {
        /// Of one connection.
        Local(LocalTransactionId),
        /// A branch of a distributed one.
        Xa(XaTransactionId),
    }

    /// What [`RemoveInfo`](super::RemoveInfo) removes.
    ObjectId, "the id of a connection, session, consumer or producer (120 to 123)" {
        /// A connection.
        Connection(ConnectionId),
        /// A session.
        Session(SessionId),
        /// A consumer.
        Consumer(ConsumerId),
        /// A producer.
        Producer(ProducerId),
    }
}

impl Default for ObjectId {
    fn default() -> Self {
        ObjectId::Connection(ConnectionId::default())
    }
}

required!(ConnectionId, SessionId, ConsumerId, ProducerId, ObjectId);
