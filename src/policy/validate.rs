//! The rules that a message, a topic and a group keep; each refusal names the field, the value and the limit.

use super::special;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Message;
use crate::protocol::remoting::properties;
use std::time::Duration;

/// Longest topic in bytes.
pub(crate) const MAX_TOPIC: usize = 127;
/// Longest producer group in bytes.
pub(crate) const MAX_GROUP: usize = 120;
/// Longest time that a caller may give a message.
pub(crate) const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);
/// Longest encoded properties: the store keeps their length in a signed 16-bit number.
pub(crate) const MAX_PROPERTIES: usize = 32_767;

/// Topics of the broker itself: a send to one would corrupt its bookkeeping.
const SYSTEM_TOPICS: &[&str] = &[
    "SCHEDULE_TOPIC_XXXX",
    "RMQ_SYS_TRANS_HALF_TOPIC",
    "RMQ_SYS_TRANS_OP_HALF_TOPIC",
    "TRANS_CHECK_MAX_TIME_TOPIC",
    "SELF_TEST_TOPIC",
    "OFFSET_MOVED_EVENT",
    "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC",
    "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC",
];

/// Properties that have a field of their own or that the library sets.
const OWN_PROPERTIES: &[&str] = &[properties::KEYS, properties::TAGS, properties::WAIT, properties::UNIQ_KEY];

pub(super) fn refuse(message: String) -> Result<()> {
    Err(Error::new(ErrorKind::InvalidMessage, message))
}

/// The first byte that names may not hold.
fn illegal_byte(name: &str) -> Option<char> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'%' | b'|' | b'-' | b'_');
    let at = name.bytes().position(|b| !legal(b))?;
    name.get(at..).and_then(|rest| rest.chars().next())
}

fn name(what: &str, value: &str, max: usize) -> std::result::Result<(), String> {
    if value.is_empty() {
        return Err(format!("`{what}` is empty"));
    }
    if value.len() > max {
        return Err(format!("`{what}` is {} bytes long; the limit is {max}: `{:.40}...`", value.len(), value));
    }
    match illegal_byte(value) {
        Some(c) => Err(format!("`{what}` = `{value}` holds `{}`; allowed are %|a-zA-Z0-9_-", c.escape_default())),
        None => Ok(()),
    }
}

/// Whether `topic` may name a topic.
pub(crate) fn topic_name(topic: &str) -> Result<()> {
    name("topic", topic, MAX_TOPIC).or_else(refuse)
}

/// Whether `group` may name a producer group.
pub(crate) fn group(group: &str) -> Result<()> {
    let invalid = |text| Err(Error::new(ErrorKind::InvalidConfig, text));
    name("producer_group", group, MAX_GROUP).or_else(invalid)?;
    if group == "DEFAULT_PRODUCER" {
        return invalid("`producer_group` = `DEFAULT_PRODUCER` is reserved; choose a name of your own".to_owned());
    }
    Ok(())
}

/// Whether a message may take so long.
pub(crate) fn timeout(timeout: Duration) -> Result<Duration> {
    if timeout <= LONGEST_TIMEOUT {
        return Ok(timeout);
    }
    let (given, most) = (timeout.as_millis(), LONGEST_TIMEOUT.as_millis());
    Err(Error::new(ErrorKind::InvalidArgument, format!("`timeout` is {given} ms; the maximum is {most} ms")))
}

/// Whether a request may take so long.
pub(crate) fn request_timeout(timeout: Duration) -> Result<()> {
    if (Duration::from_millis(1)..=LONGEST_TIMEOUT).contains(&timeout) {
        return Ok(());
    }
    let what = format!("`timeout` is {} ms; the minimum is 1, the maximum 3600000", timeout.as_millis());
    Err(Error::new(ErrorKind::InvalidArgument, what))
}

pub(super) fn property_text(text: &str, what: impl FnOnce() -> String) -> Result<()> {
    match memchr::memchr2(properties::NAME_END, properties::VALUE_END, text.as_bytes()) {
        Some(at) => refuse(format!(
            "{} holds the byte \\x{:02x} at {at}, which separates properties on the wire",
            what(),
            text.as_bytes()[at]
        )),
        None => Ok(()),
    }
}

/// Whether `message` keeps every rule but the length of its encoded properties.
pub(crate) fn message(message: &Message<'_>, max_message_size: usize) -> Result<()> {
    topic(message.topic)?;
    body(message, max_message_size)?;
    rest(message)
}

/// The same of several messages, many of which differ in their bodies alone; a refusal comes with the index of its message.
pub(crate) fn messages(all: &[Message<'_>], max_message_size: usize) -> std::result::Result<(), (usize, Error)> {
    for (index, one) in all.iter().enumerate() {
        let is_like_the_last = index > 0 && one.is_like(&all[index - 1]);
        let checked = if is_like_the_last { body(one, max_message_size) } else { message(one, max_message_size) };
        checked.map_err(|error| (index, error))?;
    }
    Ok(())
}

/// Whether messages may be sent to `topic`.
fn topic(topic: &str) -> Result<()> {
    topic_name(topic)?;
    if SYSTEM_TOPICS.contains(&topic) {
        return refuse(format!("`topic` = `{topic}` belongs to the broker; sends to it are forbidden"));
    }
    Ok(())
}

fn body(message: &Message<'_>, max_message_size: usize) -> Result<()> {
    if message.body.is_empty() {
        return refuse("`body` is empty; at least 1 byte is needed".to_owned());
    }
    if message.body.len() > max_message_size {
        return Err(Error::new(
            ErrorKind::MessageTooLarge,
            format!("`body` is {} bytes long; `max_message_size` is {max_message_size}", message.body.len()),
        ));
    }
    Ok(())
}

/// Whether all but topic and body keeps the rules.
fn rest(message: &Message<'_>) -> Result<()> {
    if message.jms.is_some() {
        return refuse("`jms` is set, for which RocketMQ has no place: it is for ActiveMQ".to_owned());
    }
    property_text(message.tags, || "`tags`".to_owned())?;
    property_text(message.keys, || "`keys`".to_owned())?;
    special::message(message)?;
    for (name, value) in &message.properties {
        if name.is_empty() {
            return refuse(format!("a property with the value `{value:.40}` has an empty name"));
        }
        if value.is_empty() {
            return refuse(format!("the property `{name}` has an empty value, which servers drop"));
        }
        property_text(name, || "a property name".to_owned())?;
        property_text(value, || format!("the value of property `{name}`"))?;
        if *name == properties::INNER_MULTI_DISPATCH && value.contains(['/', '\\']) {
            return refuse(format!("the property `{name}` = `{value}` holds a path separator, `/` or `\\`"));
        }
        if OWN_PROPERTIES.contains(name) {
            return refuse(format!("the property `{name}` is set through the message's own field"));
        }
    }
    Ok(())
}

/// Whether the encoded properties fit the store.
pub(crate) fn properties_length(length: usize) -> Result<()> {
    if length > MAX_PROPERTIES {
        return Err(Error::new(
            ErrorKind::MessageTooLarge,
            format!("the properties are {length} bytes long when encoded; the limit is {MAX_PROPERTIES}"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(result: Result<()>) -> String {
        result.unwrap_err().message().to_owned()
    }

    /// Rows: VA-05.
    #[test]
    fn topics() {
        topic_name("%RETRY%a|b-c_9").unwrap();
        topic_name(&"t".repeat(127)).unwrap();
        assert_eq!(text(topic_name("")), "`topic` is empty");
        assert!(text(topic_name(&"t".repeat(128))).starts_with("`topic` is 128 bytes long; the limit is 127"));
        assert_eq!(text(topic_name("a b")), "`topic` = `a b` holds ` `; allowed are %|a-zA-Z0-9_-");
        assert_eq!(text(topic_name("aé")), "`topic` = `aé` holds `\\u{e9}`; allowed are %|a-zA-Z0-9_-");
        assert!(text(topic_name("a\0b")).contains("\\u{0}"));
    }

    /// Rows: LC-04 CF-01 VA-05.
    #[test]
    fn groups() {
        group("G").unwrap();
        assert!(text(group("DEFAULT_PRODUCER")).contains("reserved"));
        assert!(text(group(&"g".repeat(121))).contains("the limit is 120"));
        assert_eq!(group("").unwrap_err().kind(), ErrorKind::InvalidConfig);
    }

    /// Rows: VA-06.
    #[test]
    fn sends_to_topics_of_the_broker_are_refused_and_others_like_them_are_not() {
        for topic in SYSTEM_TOPICS {
            let error = message(&Message::new(topic, b"x"), 9).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidMessage);
            assert!(error.message().contains(topic) && error.message().contains("forbidden"), "{error}");
        }
        for topic in ["RMQ_SYS_TRACE_TOPIC", "TBW102", "schedule_topic_xxxx", "%RETRY%group"] {
            message(&Message::new(topic, b"x"), 9).unwrap();
        }
    }

    /// Rows: VA-13.
    #[test]
    fn inner_multi_dispatch_holds_no_path_separator() {
        let with = |value| message(&Message::new("T", b"x").with_property("INNER_MULTI_DISPATCH", value), 9);
        with("%LMQ%a,%LMQ%b").unwrap();
        for value in ["%LMQ%a/b", "..\\x", "/"] {
            let error = with(value).unwrap_err();
            assert!(error.message().contains("path separator") && error.message().contains(value), "{error}");
        }
    }

    /// Rows: VA-02 VA-03 VA-04 VA-07 VA-08 VA-09 CF-09.
    #[test]
    fn messages() {
        let good = Message::new("T", b"\0x\0").with_property("a", "b").with_keys("k1 k2").with_tags("t");
        message(&good, 3).unwrap();
        assert_eq!(text(message(&good, 2)), "`body` is 3 bytes long; `max_message_size` is 2");
        assert!(text(message(&Message::new("T", b""), 9)).contains("`body` is empty"));
        assert!(text(message(&Message::new("SCHEDULE_TOPIC_XXXX", b"x"), 9)).contains("forbidden"));
        let with = |name, value| Message::new("T", b"x").with_property(name, value);
        assert!(text(message(&with("a\u{1}", "b"), 9)).contains("a property name holds the byte \\x01 at 1"));
        assert!(text(message(&with("a", "\u{2}b"), 9)).contains("the value of property `a` holds the byte \\x02 at 0"));
        assert!(text(message(&with("", "b"), 9)).contains("empty name"));
        assert!(text(message(&with("a", ""), 9)).contains("empty value"));
        assert!(text(message(&with("UNIQ_KEY", "b"), 9)).contains("own field"));
        assert!(text(message(&Message::new("T", b"x").with_keys("a\u{1}"), 9)).contains("`keys`"));
        assert!(text(message(&Message::new("T", b"x").with_tags("\u{2}"), 9)).contains("`tags`"));
        assert!(text(properties_length(32_768)).contains("limit is 32767"));
        let of = |topic| Message::new(topic, b"x");
        let refused = |second, third| {
            super::messages(&[of("T"), second, third], 9).map_err(|(index, error)| (index, text(Err(error))))
        };
        assert_eq!(refused(of("T"), of("U")), Ok(()));
        assert_eq!(refused(of("T").with_tags("\u{2}"), of("")).unwrap_err().0, 1);
        assert_eq!(refused(of("T"), of("")), Err((2, "`topic` is empty".to_owned())));
        assert_eq!(refused(of("SELF_TEST_TOPIC"), of("T")).unwrap_err().0, 1);
        assert_eq!(refused(of("T"), Message::new("T", b"")).unwrap_err().0, 2);
    }
}
