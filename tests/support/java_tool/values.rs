//! What the tool is told of sends, and what it tells of them.

use super::ToolError;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;

/// How the official producer shall send.
#[derive(Debug, Clone)]
pub struct SendSpec {
    /// The producer group.
    pub group: String,
    /// The topic.
    pub topic: String,
    /// `sync`, `async`, `oneway` or `batch` (one batch of all messages).
    pub mode: String,
    /// The index of the first message.
    pub first: usize,
    /// How many messages.
    pub count: usize,
    /// The size of each body.
    pub body_size: usize,
    /// `ZLIB`, `LZ4`, `ZSTD` for every body, `none`, or the client's defaults.
    pub compress: Option<String>,
    /// The delay level.
    pub delay_level: Option<i32>,
    /// The broker's name and the queue; without it the producer chooses.
    pub queue: Option<(String, i32)>,
    /// User properties besides those of every sample message.
    pub properties: Vec<(String, String)>,
    /// The producer's `sendMsgTimeout`.
    pub timeout: Duration,
    /// Whether the producer writes traces.
    pub trace: bool,
}

impl SendSpec {
    /// `count` messages of 64 bytes from index 0, by the client's defaults.
    pub fn new(topic: &str, mode: &str, count: usize) -> Self {
        Self {
            group: "java-producers".to_owned(),
            topic: topic.to_owned(),
            mode: mode.to_owned(),
            first: 0,
            count,
            body_size: 64,
            compress: None,
            delay_level: None,
            queue: None,
            properties: Vec::new(),
            timeout: Duration::from_secs(10),
            trace: false,
        }
    }

    pub(super) fn fields(&self) -> Value {
        let mut fields = json!({
            "group": self.group, "topic": self.topic, "mode": self.mode, "first": self.first, "count": self.count,
            "body_size": self.body_size, "compress": self.compress, "timeout_ms": self.timeout.as_millis() as u64,
            "properties": self.properties.iter().cloned().collect::<HashMap<_, _>>(), "trace": self.trace,
        });
        if let Some(level) = self.delay_level {
            fields["delay_level"] = json!(level);
        }
        if let Some((broker, queue)) = &self.queue {
            fields["broker"] = json!(broker);
            fields["queue"] = json!(queue);
        }
        fields
    }
}

/// The Java client's result of a send.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JavaSendResult {
    /// `SEND_OK` and its like.
    pub status: String,
    /// The unique id; the ids of a batch are joined by commas.
    pub msg_id: String,
    /// The id of the stored message; those of a batch are joined by commas.
    pub offset_msg_id: Option<String>,
    /// The broker's name.
    pub broker: String,
    /// The queue.
    pub queue_id: i32,
    /// The position in the queue, of a batch's first message.
    pub queue_offset: i64,
    /// The transaction's id.
    pub transaction_id: Option<String>,
    /// The broker's region.
    pub region_id: Option<String>,
    /// Whether the broker wants traces.
    pub trace_on: bool,
    /// The handle by which a delayed message can be recalled.
    pub recall_handle: Option<String>,
}

/// What became of a send command.
#[derive(Debug, Clone)]
pub struct Sent {
    /// One entry a message, one for a whole batch, none for one-way sends.
    pub results: Vec<Result<JavaSendResult, ToolError>>,
    /// The unique id of every message; none for one that the client refused before it made an id.
    pub ids: Vec<Option<String>>,
}

/// A trace record as the official decoder reads it, and as the official encoder writes it again.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JavaTrace {
    /// `Pub` and its like.
    #[serde(rename = "type")]
    pub kind: String,
    /// The broker's region.
    pub region: String,
    /// The producer's group.
    pub group: String,
    /// The topic.
    pub topic: String,
    /// The unique id; those of a batch are joined by commas.
    pub msg_id: String,
    /// The tags; `null` as a text: none.
    pub tags: String,
    /// The keys; `null` as a text: none.
    pub keys: String,
    /// The broker's address.
    pub store_host: String,
    /// The length of the body as it was sent.
    pub body_length: usize,
    /// `Normal_Msg` and its like.
    pub msg_type: Option<String>,
    /// The id of the stored message; those of a batch are joined by commas.
    pub offset_msg_id: String,
    /// Whether it was stored.
    pub success: bool,
    /// The record's text.
    pub text: String,
    /// What the message that carries it is found by.
    pub index_keys: Vec<String>,
}

/// What became of a load.
#[derive(Debug, Clone)]
pub struct Load {
    /// How many sends were made.
    pub sent: usize,
    /// How many of them failed.
    pub failed: usize,
    /// The longest one.
    pub worst: Duration,
    /// The longest time between two acknowledgements.
    pub longest_gap: Duration,
    /// The unique ids of those that were acknowledged.
    pub ids: Vec<String>,
}
