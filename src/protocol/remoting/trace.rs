//! Trace records: what became of messages, told to a topic of traces as text.
//!
//! A message to the trace topic holds several records, and its `KEYS` are the ids and keys of what they tell.

mod text;

pub use text::{FIELD_END, RECORD_END, decode};

use super::error::CodecError;
use super::transaction::TransactionState;
use std::collections::BTreeSet;

/// The topic of traces, unless another is configured.
pub const TRACE_TOPIC: &str = "RMQ_SYS_TRACE_TOPIC";
/// Begins the topic of traces in a cloud; the region follows.
pub const CLOUD_TRACE_TOPIC: &str = "rmq_sys_TRACE_DATA_";
/// The region of a broker that tells none.
pub const DEFAULT_REGION: &str = "DefaultRegion";
/// The longest body of a message to the trace topic.
pub const MAX_BODY: usize = 128_000;
/// Room for keys among the properties of such a message, whose own id and names stand there, too.
const MAX_KEYS: usize = 32_000;

/// What a traced message is, by Java's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum TracedType {
    /// Delivered at once.
    Normal = 0,
    /// A half message.
    Half = 1,
    /// The end of a transaction.
    Commit = 2,
    /// Delivered later.
    Delay = 3,
    /// Of an ordered topic.
    Order = 4,
}

impl TracedType {
    fn read(text: &str) -> Result<Self, CodecError> {
        [Self::Normal, Self::Half, Self::Commit, Self::Delay, Self::Order]
            .into_iter()
            .find(|kind| text == itoa::Buffer::new().format(*kind as i32))
            .ok_or_else(|| CodecError::invalid(text::FIELD, text, "a message type from 0 to 4"))
    }
}

/// A message that a broker answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published<'a> {
    /// When it was sent, milliseconds since 1970.
    pub timestamp: i64,
    /// The broker's region.
    pub region: &'a str,
    /// The producer's group, without a namespace.
    pub group: &'a str,
    /// The topic, without a namespace.
    pub topic: &'a str,
    /// The unique id; those of a batch are joined by `,`.
    pub message_id: &'a str,
    /// The tag.
    pub tags: &'a str,
    /// The keys.
    pub keys: &'a str,
    /// The broker's address.
    pub store_host: &'a str,
    /// The length of the body as it was sent.
    pub body_length: usize,
    /// From the request to its answer.
    pub cost_ms: i64,
    /// What it is.
    pub message_type: TracedType,
    /// The broker's id; those of a batch are joined by `,`.
    pub offset_message_id: &'a str,
    /// Whether it is stored to its full safety.
    pub success: bool,
}

/// A transaction that its producer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended<'a> {
    /// When, milliseconds since 1970.
    pub timestamp: i64,
    /// The region that the message tells.
    pub region: &'a str,
    /// The producer's group, without a namespace.
    pub group: &'a str,
    /// The message's topic, without a namespace.
    pub topic: &'a str,
    /// The message's unique id.
    pub message_id: &'a str,
    /// The message's tag.
    pub tags: &'a str,
    /// The message's keys.
    pub keys: &'a str,
    /// The broker's address.
    pub store_host: &'a str,
    /// Transaction id.
    pub transaction_id: &'a str,
    /// How it ended.
    pub state: TransactionState,
    /// Whether the broker had asked.
    pub from_check: bool,
}

/// A message that was taken back, or was to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recalled<'a> {
    /// When, milliseconds since 1970.
    pub timestamp: i64,
    /// The broker's region.
    pub region: &'a str,
    /// The producer's group, without a namespace.
    pub group: &'a str,
    /// The message's topic, without a namespace.
    pub topic: &'a str,
    /// The message's unique id.
    pub message_id: &'a str,
    /// Whether the broker took it back.
    pub success: bool,
}

/// One trace record of a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceRecord<'a> {
    /// `Pub`.
    Published(Published<'a>),
    /// `EndTransaction`.
    Ended(Ended<'a>),
    /// `Recall`.
    Recalled(Recalled<'a>),
}

impl TraceRecord<'_> {
    /// What the message that carries it is found by: the id and the keys, separated by spaces.
    pub fn index_keys(&self) -> String {
        let (id, keys) = match self {
            TraceRecord::Published(it) => (it.message_id, it.keys),
            TraceRecord::Ended(it) => (it.message_id, it.keys),
            TraceRecord::Recalled(it) => (it.message_id, ""),
        };
        if keys.is_empty() { id.to_owned() } else { [id, keys].join(" ") }
    }

    /// The region it tells.
    pub fn region(&self) -> &str {
        match self {
            TraceRecord::Published(it) => it.region,
            TraceRecord::Ended(it) => it.region,
            TraceRecord::Recalled(it) => it.region,
        }
    }
}

/// The `KEYS` of a message that holds records with these index keys: each once, in order. Keys that would not fit
/// among the properties are left out; they stand in the record itself.
pub fn join_keys<'a>(of_records: impl Iterator<Item = &'a str>) -> String {
    let (mut seen, mut joined) = (BTreeSet::new(), String::new());
    for key in of_records.flat_map(|keys| keys.split(' ')).filter(|key| !key.is_empty()) {
        if joined.len() + 1 + key.len() <= MAX_KEYS && seen.insert(key) {
            if !joined.is_empty() {
                joined.push(' ');
            }
            joined.push_str(key);
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn published() -> Published<'static> {
        Published {
            timestamp: 1_795_223_364_445,
            region: "DefaultRegion",
            group: "G",
            topic: "T",
            message_id: "ID",
            tags: "",
            keys: "k1 k2",
            store_host: "127.0.0.1:10911",
            body_length: 6,
            cost_ms: 47,
            message_type: TracedType::Delay,
            offset_message_id: "OFFSET",
            success: true,
        }
    }

    pub(super) fn ended() -> Ended<'static> {
        Ended {
            timestamp: 5,
            region: "R",
            group: "G",
            topic: "T",
            message_id: "ID",
            tags: "tag",
            keys: "",
            store_host: "b:1",
            transaction_id: "TX",
            state: TransactionState::Unknown,
            from_check: true,
        }
    }

    #[test]
    fn keys_are_ids_and_keys_once_each_and_fit_the_properties() {
        let records = [TraceRecord::Published(published()), TraceRecord::Ended(ended())];
        let keys: Vec<String> = records.iter().map(TraceRecord::index_keys).collect();
        assert_eq!(join_keys(keys.iter().map(String::as_str)), "ID k1 k2");
        let long = format!("{} b", "a".repeat(MAX_KEYS));
        assert_eq!(join_keys(["ID", &long].into_iter()), "ID b");
    }
}
