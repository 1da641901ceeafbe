//! What a cluster shows of its messages and clients.

use super::store::{Broker, Record};
use crate::protocol::remoting::compress::inflate;
use crate::protocol::remoting::message_id::OffsetId;
use crate::protocol::remoting::properties;
use crate::protocol::remoting::sys_flag;

/// No body is inflated beyond this; a larger one is shown as it was sent.
const MAX_INFLATED: usize = 64 * 1024 * 1024;

/// A message that a broker of the cluster holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredMessage {
    /// The topic.
    pub topic: String,
    /// The broker that holds it: `broker-a`, `broker-b` and so on.
    pub broker_name: String,
    /// The queue's number on that broker.
    pub queue_id: i32,
    /// The offset in that queue.
    pub queue_offset: i64,
    /// The unique id that the producer gave (`UNIQ_KEY`); empty: none.
    pub message_id: String,
    /// The broker's own id of it: its address and the offset in its commit log.
    pub offset_message_id: String,
    /// The tag.
    pub tags: Option<String>,
    /// The keys, separated by spaces.
    pub keys: Option<String>,
    /// The message's own flag.
    pub flag: i32,
    /// RocketMQ's bits. The lowest is set exactly while `body` is compressed; bits 8 to 10 tell how it was sent.
    pub sys_flag: i32,
    /// All properties, the user's and the system's: those sent in the order of the wire, then those that brokers add
    /// (`MSG_REGION`, `TRACE_ON`, `CLUSTER`; none to the messages of a batch).
    pub properties: Vec<(String, String)>,
    /// The body as a consumer sees it: inflated when it was sent compressed.
    pub body: Vec<u8>,
    /// When the producer made it, milliseconds since 1970.
    pub born_timestamp: i64,
    /// When the broker stored it, milliseconds since 1970.
    pub store_timestamp: i64,
}

impl StoredMessage {
    /// The message with its body as sent.
    pub(super) fn new(topic: &str, broker: &Broker, queue_id: i32, queue_offset: i64, record: &Record) -> Self {
        let property = |name| properties::get(&record.properties, name).map(str::to_owned);
        let pairs = properties::decode(&record.properties);
        StoredMessage {
            topic: topic.to_owned(),
            broker_name: broker.name.clone(),
            queue_id,
            queue_offset,
            message_id: property(properties::UNIQ_KEY).unwrap_or_default(),
            offset_message_id: offset_id(broker, record.commit_log_offset),
            tags: property(properties::TAGS),
            keys: property(properties::KEYS),
            flag: record.flag,
            sys_flag: record.sys_flag,
            properties: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: record.body.clone(),
            born_timestamp: record.born_timestamp,
            store_timestamp: record.store_timestamp,
        }
    }

    /// Inflates the body; one of an unknown type, broken or too large, stays as it is and keeps its bit.
    pub(super) fn decompress(&mut self) {
        if !sys_flag::is_compressed(self.sys_flag) {
            return;
        }
        let Some(kind) = sys_flag::compression(self.sys_flag) else {
            return;
        };
        if let Ok(body) = inflate(kind, &self.body, MAX_INFLATED) {
            self.body = body;
            self.sys_flag &= !sys_flag::COMPRESSED;
        }
    }

    /// The value of a property; of several with the name, the last.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A broker's id of the message at `commit_log_offset`.
pub(super) fn offset_id(broker: &Broker, commit_log_offset: i64) -> String {
    OffsetId { store_host: broker.address, commit_log_offset }.encode()
}

/// A producer group that a client announced to a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProducerGroup {
    /// The broker.
    pub broker_name: String,
    /// The group.
    pub group: String,
    /// The client.
    pub client_id: String,
}
