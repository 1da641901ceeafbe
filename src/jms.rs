//! What a JMS message has beside a body and text properties; for brokers that speak OpenWire.

pub use crate::protocol::openwire::Value;
use std::time::Duration;

/// The body of a JMS message.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Body<'a> {
    /// A BytesMessage with the message's `body`, which may be empty.
    #[default]
    Bytes,
    /// A TextMessage with the message's `body`, which must be UTF-8 and may be empty.
    Text,
    /// A MapMessage with these entries; the message's `body` must be empty.
    Map(Vec<(&'a str, Value<'a>)>),
}

/// How a message outlives its broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeliveryMode {
    /// As the configuration's `delivery_mode` says.
    #[default]
    Configured,
    /// It is kept in the broker's store, and survives its end.
    Persistent,
    /// It is kept in the broker's memory.
    NonPersistent,
}

/// What a JMS message has beside what every message has; see [`Message::jms`](crate::Message::jms).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Jms<'a> {
    /// The body. Default: bytes.
    pub body: Body<'a>,
    /// Typed properties, beside the text ones of the message. Default: none.
    pub properties: Vec<(&'a str, Value<'a>)>,
    /// Default: as the configuration says.
    pub delivery_mode: DeliveryMode,
    /// How long the broker keeps it, to the millisecond; zero: for ever. Default: the configured `time_to_live`.
    pub time_to_live: Option<Duration>,
    /// `JMSCorrelationID`; empty: none.
    pub correlation_id: &'a str,
    /// `JMSReplyTo`, a destination; empty: none.
    pub reply_to: &'a str,
    /// `JMSType`; empty: none.
    pub kind: &'a str,
    /// `JMSXGroupID`: one consumer gets all messages of a group, in order. Empty: the message's `sharding_key`.
    pub group_id: &'a str,
    /// `JMSXGroupSeq`. Default 0.
    pub group_sequence: i32,
}
