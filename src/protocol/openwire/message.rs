//! A message with all its fields, as a peer sent it.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};

use super::body;
use super::command::Structure;
use super::destination::Destination;
use super::error::CodecError;
use super::ids::{BrokerId, ConsumerId, MessageId, ProducerId, TransactionId};
use super::properties::{self, Value};
use super::wire::{Object, Reader, Wire, Writer};

/// The types of messages, with their numbers on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum MessageKind {
    /// No body.
    #[default]
    Plain = 23,
    /// Bytes.
    Bytes = 24,
    /// Names and primitive values.
    Map = 25,
    /// A serialized object of Java.
    Object = 26,
    /// Primitive values.
    Stream = 27,
    /// Text.
    Text = 28,
    /// A large body elsewhere.
    Blob = 29,
}

/// What a message needs at least, for a producer's window and a broker's memory.
pub(super) const WINDOW_BASE: usize = 1024;

/// What a message counts in its producer's window, as ActiveMQ's broker does.
pub(super) fn window_size(properties: usize, content: usize) -> i32 {
    i32::try_from(WINDOW_BASE + properties + content).unwrap_or(i32::MAX)
}

macro_rules! message {
    ($($(#[$doc:meta])* $field:ident: $type:ty,)*) => {
        /// A message.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
        pub struct Message {
            /// Its type.
            pub kind: MessageKind,
            $($(#[$doc])* pub $field: $type,)*
            /// Where a [`MessageKind::Blob`]'s body is.
            pub blob: Blob,
        }

        impl Object for Message {
            const EXPECTED: &'static str = "a message (23 to 29)";

            fn kind(&self) -> u8 {
                self.kind as u8
            }

            fn read_body(kind: u8, r: &mut Reader<'_>) -> Result<Option<Self>, CodecError> {
                let kind = match kind {
                    23 => MessageKind::Plain,
                    24 => MessageKind::Bytes,
                    25 => MessageKind::Map,
                    26 => MessageKind::Object,
                    27 => MessageKind::Stream,
                    28 => MessageKind::Text,
                    29 => MessageKind::Blob,
                    _ => return Ok(None),
                };
                $(let $field = Wire::read(r, concat!("Message.", stringify!($field)))?;)*
                let blob = if kind == MessageKind::Blob { Blob::read(r)? } else { Blob::default() };
                Ok(Some(Message { kind, $($field,)* blob }))
            }

            fn write_body(&self, w: &mut Writer<'_>) {
                $(Wire::write(&self.$field, w, concat!("Message.", stringify!($field)));)*
                if self.kind == MessageKind::Blob {
                    self.blob.write(w);
                }
            }
        }
    };
}

message! {
    /// Who sent it.
    producer_id: Option<ProducerId>,
    /// Where it went.
    destination: Option<Destination>,
    /// The transaction that it belongs to.
    transaction_id: Option<TransactionId>,
    /// Where it was sent first.
    original_destination: Option<Destination>,
    /// Its id.
    message_id: Option<MessageId>,
    /// The transaction that it belonged to first.
    original_transaction_id: Option<TransactionId>,
    /// Messages of a group go to one consumer: `JMSXGroupID`.
    group_id: Option<String>,
    /// The number in the group; -1 ends the group: `JMSXGroupSeq`.
    group_sequence: i32,
    /// `JMSCorrelationID`.
    correlation_id: Option<String>,
    /// Whether it outlives the broker's process.
    persistent: bool,
    /// Milliseconds since 1970 after which nobody gets it; 0: never.
    expiration: i64,
    /// From 0 to 9.
    priority: u8,
    /// Where an answer goes.
    reply_to: Option<Destination>,
    /// When it was sent, in milliseconds since 1970.
    timestamp: i64,
    /// `JMSType`.
    message_type: Option<String>,
    /// The body as it goes over the wire; see [`Message::text`] and its like.
    content: Option<Bytes>,
    /// The properties as they go over the wire; see [`Message::properties`].
    marshalled_properties: Option<Bytes>,
    /// What an advisory message tells.
    data_structure: Option<Structure>,
    /// The only consumer that gets it.
    target_consumer_id: Option<ConsumerId>,
    /// Whether the content is compressed.
    compressed: bool,
    /// How often it was handed out before.
    redelivery_counter: i32,
    /// The brokers that it came by.
    broker_path: Option<Vec<BrokerId>>,
    /// When the broker got it, in milliseconds since 1970.
    arrival: i64,
    /// The user that sent it, if the broker tells.
    user_id: Option<String>,
    /// It came by a bridge between brokers.
    received_by_df_bridge: bool,
    /// The broker may lose it.
    droppable: bool,
    /// The brokers that have it.
    cluster: Option<Vec<BrokerId>>,
    /// When it entered the broker, in milliseconds since 1970.
    broker_in_time: i64,
    /// When it left the broker, in milliseconds since 1970.
    broker_out_time: i64,
    /// It is the first of its group for its consumer.
    jmsx_group_first_for_consumer: bool,
}

/// Where the body of a blob message is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Blob {
    /// Its address.
    pub remote_url: Option<String>,
    /// Its type.
    pub mime_type: Option<String>,
    /// Whether the broker takes it away.
    pub deleted_by_broker: bool,
}

impl Blob {
    fn read(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Blob {
            remote_url: Wire::read(r, "Blob.remote_url")?,
            mime_type: Wire::read(r, "Blob.mime_type")?,
            deleted_by_broker: Wire::read(r, "Blob.deleted_by_broker")?,
        })
    }

    fn write(&self, w: &mut Writer<'_>) {
        self.remote_url.write(w, "Blob.remote_url");
        self.mime_type.write(w, "Blob.mime_type");
        self.deleted_by_broker.write(w, "Blob.deleted_by_broker");
    }
}

impl Message {
    /// The first of the types' numbers on the wire.
    pub const KIND: u8 = 23;

    /// What it counts in its producer's window: 1024, and its properties and content as they go over the wire.
    pub fn window_size(&self) -> i32 {
        let size = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        window_size(size(&self.marshalled_properties), size(&self.content))
    }

    /// Its properties, in the order of the wire.
    pub fn properties(&self) -> Result<Vec<(Cow<'_, str>, Value<'_>)>, CodecError> {
        self.marshalled_properties.as_deref().map_or_else(|| Ok(Vec::new()), properties::decode)
    }

    /// Sets its properties; none are left out.
    pub fn set_properties(&mut self, values: &[(&str, Value<'_>)]) -> Result<(), CodecError> {
        let mut out = BytesMut::new();
        if !values.is_empty() {
            let values = values.iter().map(|(name, value)| (*name, value.clone()));
            properties::encode(&mut out, values.len(), values)?;
        }
        self.marshalled_properties = Some(out.freeze()).filter(|out| !out.is_empty());
        Ok(())
    }

    /// The body as it was before it was compressed, if that is at most `limit` bytes: of a text or map message in its
    /// form on the wire.
    pub fn bytes(&self, limit: usize) -> Result<Option<Cow<'_, [u8]>>, CodecError> {
        let Some(content) = &self.content else { return Ok(None) };
        if !self.compressed {
            return Ok(Some(Cow::Borrowed(content)));
        }
        body::inflate(self.kind, content, limit).map(|body| Some(Cow::Owned(body)))
    }

    /// The text of a text message, if it takes at most `limit` bytes.
    pub fn text(&self, limit: usize) -> Result<Option<String>, CodecError> {
        let Some(body) = self.bytes(limit.saturating_add(4))? else { return Ok(None) };
        body::text(&body).map(Some)
    }

    /// The values of a map message, if they take at most `limit` bytes.
    pub fn map(&self, limit: usize) -> Result<Vec<(Cow<'static, str>, Value<'static>)>, CodecError> {
        match self.bytes(limit)? {
            Some(body) => properties::decode(&body).map(properties::own),
            None => Ok(Vec::new()),
        }
    }
}
