//! A topic's settings on a broker, and the rules of its name.

use std::fmt;

use crate::protocol::remoting::route::{PERM_INHERIT, PERM_READ, PERM_WRITE};

/// The topic from which topics made on the fly take their settings.
pub(super) const DEFAULT_TOPIC: &str = "TBW102";

const MAX_TOPIC: usize = 127;

/// The brokers' own topics, to which nobody may send.
const FORBIDDEN: &[&str] = &[
    "SCHEDULE_TOPIC_XXXX",
    "RMQ_SYS_TRANS_HALF_TOPIC",
    "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC",
    "RMQ_SYS_TRANS_OP_HALF_TOPIC",
    "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC",
    "TRANS_CHECK_MAX_TIME_TOPIC",
    "SELF_TEST_TOPIC",
    "OFFSET_MOVED_EVENT",
];

/// A topic's settings on one broker; displayed as a broker prints them in its remarks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TopicConfig {
    pub(super) name: String,
    pub(super) read_queues: i32,
    pub(super) write_queues: i32,
    pub(super) perm: i32,
    pub(super) sys_flag: i32,
    pub(super) order: bool,
}

impl TopicConfig {
    pub(super) fn new(name: &str, queues: i32, perm: i32) -> Self {
        TopicConfig {
            name: name.to_owned(),
            read_queues: queues,
            write_queues: queues,
            perm,
            sys_flag: 0,
            order: false,
        }
    }

    /// How many queues exist: those that only one side uses are counted, too.
    pub(super) fn queues(&self) -> i32 {
        self.read_queues.max(self.write_queues)
    }
}

impl fmt::Display for TopicConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |bit: i32, letter: char| if self.perm & bit == 0 { '-' } else { letter };
        write!(
            f,
            "TopicConfig [topicName={}, readQueueNums={}, writeQueueNums={}, perm={}{}{}, topicFilterType=SINGLE_TAG, \
             topicSysFlag={}, order={}, attributes={{}}]",
            self.name,
            self.read_queues,
            self.write_queues,
            letter(PERM_READ, 'R'),
            letter(PERM_WRITE, 'W'),
            letter(PERM_INHERIT, 'X'),
            self.sys_flag,
            self.order
        )
    }
}

/// Why `topic` cannot be a topic's name, as a broker says it.
pub(super) fn name_error(topic: &str) -> Option<String> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'%' | b'|' | b'-' | b'_');
    if topic.trim().is_empty() {
        Some("The specified topic is blank.".to_owned())
    } else if !topic.bytes().all(legal) {
        Some(format!("The specified topic: {topic}, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"))
    } else if topic.len() > MAX_TOPIC {
        Some(format!("The specified topic: {topic}, is longer than topic max length: {MAX_TOPIC}"))
    } else {
        None
    }
}

/// Whether `topic` belongs to the brokers themselves.
pub(super) fn is_forbidden(topic: &str) -> bool {
    FORBIDDEN.contains(&topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_print_as_in_a_broker_s_remark() {
        assert_eq!(
            TopicConfig::new("VecTopic", 4, PERM_READ | PERM_WRITE).to_string(),
            "TopicConfig [topicName=VecTopic, readQueueNums=4, writeQueueNums=4, perm=RW-, \
             topicFilterType=SINGLE_TAG, topicSysFlag=0, order=false, attributes={}]"
        );
        let one_sided = TopicConfig { write_queues: 2, ..TopicConfig::new("T", 3, 7) };
        assert_eq!(one_sided.queues(), 3);
        assert!(one_sided.to_string().contains("readQueueNums=3, writeQueueNums=2, perm=RWX"));
    }

    #[test]
    fn names() {
        assert_eq!(name_error("%RETRY%a|b-c_9"), None);
        assert_eq!(name_error(&"t".repeat(127)), None);
        assert_eq!(name_error("").unwrap(), "The specified topic is blank.");
        assert!(name_error(&"t".repeat(128)).unwrap().ends_with(", is longer than topic max length: 127"));
        assert_eq!(
            name_error("a b").unwrap(),
            "The specified topic: a b, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"
        );
        assert!(is_forbidden("SCHEDULE_TOPIC_XXXX") && !is_forbidden(DEFAULT_TOPIC));
    }
}
