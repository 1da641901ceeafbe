//! Messages as a broker has stored them, and their comparison with what was sent.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};

/// Properties that clients and brokers add on their own; a test that cares for one expects it by name and value.
const SYSTEM_PROPERTIES: [&str; 13] = [
    "CLUSTER",
    "DELAY",
    "INNER_NUM",
    "KEYS",
    "MSG_REGION",
    "PGROUP",
    "REAL_QID",
    "REAL_TOPIC",
    "TAGS",
    "TRACE_ON",
    "TRAN_MSG",
    "UNIQ_KEY",
    "WAIT",
];

/// A stored message, read back through the official Java client.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredMessage {
    /// The topic.
    pub topic: String,
    /// The broker's name.
    pub broker_name: String,
    /// The queue's number on that broker.
    pub queue_id: i32,
    /// The position in the queue.
    pub queue_offset: i64,
    /// The unique id that the producing client made, or the offset id of a message without one.
    pub msg_id: String,
    /// The id made of the store's address and its offset.
    pub offset_msg_id: String,
    /// The tags.
    pub tags: Option<String>,
    /// The keys, joined by blanks.
    pub keys: Option<String>,
    /// The user's flag.
    pub flag: i32,
    /// The system flag; a body that the reader decompressed has lost bit 0 and kept the bits of the method.
    pub sys_flag: i32,
    /// When the producer made it, in milliseconds since the epoch.
    pub born_timestamp: i64,
    /// `address:port` of the producer.
    pub born_host: String,
    /// When the broker stored it, in milliseconds since the epoch.
    pub store_timestamp: i64,
    /// `address:port` of the broker.
    pub store_host: String,
    /// How often it was consumed before.
    pub reconsume_times: i32,
    /// All properties, those of the system too.
    pub properties: BTreeMap<String, String>,
    /// The body.
    #[serde(deserialize_with = "base64_body")]
    pub body: Vec<u8>,
}

fn base64_body<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(serde::de::Error::custom)
}

/// Reads the lines that the Java tool wrote.
pub fn read_file(path: &Path) -> Result<Vec<StoredMessage>, String> {
    let file = File::open(path).map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    BufReader::new(file)
        .lines()
        .map(|line| {
            let line = line.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            serde_json::from_str(&line).map_err(|error| format!("no stored message: {error}: {line}"))
        })
        .collect()
}

/// What a test expects of a stored message. `keys` identify it among its topic's messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// The topic.
    pub topic: String,
    /// The keys, joined by blanks; unique in a list of expectations.
    pub keys: String,
    /// The tags.
    pub tags: Option<String>,
    /// The user's flag.
    pub flag: i32,
    /// The user's properties: all of them, and no other is accepted but those of the system.
    pub properties: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Expected {
    /// Describes every difference to `stored`.
    pub fn differences(&self, stored: &StoredMessage) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |field: &str, same: bool, wanted: String, got: String| {
            if !same {
                found.push(format!("{}: {field}: expected {wanted}, stored {got}", self.keys));
            }
        };
        compare("topic", self.topic == stored.topic, self.topic.clone(), stored.topic.clone());
        let keys = stored.keys.as_deref();
        compare("keys", keys == Some(&self.keys), self.keys.clone(), format!("{keys:?}"));
        compare("tags", self.tags == stored.tags, format!("{:?}", self.tags), format!("{:?}", stored.tags));
        compare("flag", self.flag == stored.flag, self.flag.to_string(), stored.flag.to_string());
        compare("body", self.body == stored.body, summary(&self.body), summary(&stored.body));
        for (name, value) in &self.properties {
            let got = stored.properties.get(name);
            compare(&format!("property {name}"), got == Some(value), format!("{value:?}"), format!("{got:?}"));
        }
        for (name, value) in &stored.properties {
            let known = self.properties.contains_key(name) || SYSTEM_PROPERTIES.contains(&name.as_str());
            compare(&format!("property {name}"), known, "none".to_owned(), format!("{value:?}"));
        }
        found
    }
}

fn summary(body: &[u8]) -> String {
    format!(
        "{} bytes, crc32 {:08x}, {:?}…",
        body.len(),
        crc32fast::hash(body),
        body[..body.len().min(24)].escape_ascii()
    )
}

/// Whether one expected message may be stored more than once, as after a send of unknown outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// A second copy is a difference.
    Refused,
    /// Further equal copies are fine.
    Allowed,
}

/// Compares whole sets by their keys, whatever their order; the error lists all differences.
pub fn compare(expected: &[Expected], stored: &[StoredMessage], duplicates: Duplicates) -> Result<(), Vec<String>> {
    let mut differences = Vec::new();
    let mut by_keys: HashMap<&str, (&Expected, usize)> = HashMap::new();
    for message in expected {
        if by_keys.insert(&message.keys, (message, 0)).is_some() {
            differences.push(format!("{}: expected twice, but keys identify a message", message.keys));
        }
    }
    for message in stored {
        match message.keys.as_deref().and_then(|keys| by_keys.get_mut(keys)) {
            Some((wanted, copies)) => {
                *copies += 1;
                differences.extend(wanted.differences(message));
            }
            None => differences.push(format!("{:?}: stored but not expected", message.keys)),
        }
    }
    for message in expected {
        let copies = by_keys.get(message.keys.as_str()).map_or(0, |(_, copies)| *copies);
        if copies == 0 {
            differences.push(format!("{}: not stored", message.keys));
        } else if copies > 1 && duplicates == Duplicates::Refused {
            differences.push(format!("{}: stored {copies} times", message.keys));
        }
    }
    if differences.is_empty() { Ok(()) } else { Err(differences) }
}
