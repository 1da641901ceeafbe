//! Which messages may share a batch, and how a large batch is split.

use super::returns::RETRY_TOPIC;
use super::special::DELAYS;
use crate::error::{Error, ErrorKind, Result};
use crate::message::{Delay, Message};
use crate::protocol::remoting::properties::{INNER_MULTI_DISPATCH, LITE_TOPIC, PGROUP, PRIORITY, TRAN_MSG};
use std::ops::Range;

/// Properties that a broker acts on only when the message comes alone, but for the delays.
const ALONE: &[&str] = &[PRIORITY, LITE_TOPIC, INNER_MULTI_DISPATCH, TRAN_MSG, PGROUP];

/// Why a message cannot be part of a batch, with its field: a broker stores the messages of a batch as they are, at
/// once and in one queue. `None`: it can.
pub(crate) fn obstacle(message: &Message<'_>) -> Option<String> {
    if message.topic.starts_with(RETRY_TOPIC) {
        return Some(format!("`topic` = `{}` is a retry topic", message.topic));
    }
    if message.delay != Delay::None {
        return Some(format!("`delay` is {:?}", message.delay));
    }
    if let Some(priority) = message.priority {
        return Some(format!("`priority` is {priority}"));
    }
    if !message.lite_topic.is_empty() {
        return Some(format!("`lite_topic` = `{}` is set", message.lite_topic));
    }
    let alone = |name: &&str| DELAYS.contains(name) || ALONE.contains(name);
    let (name, value) = message.properties.iter().find(|(name, _)| alone(name))?;
    Some(format!("the property `{name}` = `{value:.40}` is set"))
}

/// Whether messages may go as one batch, each of them legal by itself.
pub(crate) fn check(messages: &[Message<'_>]) -> Result<()> {
    let refuse = |index: usize, why: String| {
        let what = format!("messages[{index}]: {why}, and a batch cannot hold it");
        Err(Error::new(ErrorKind::InvalidMessage, what))
    };
    let Some(first) = messages.first() else {
        return Err(Error::new(ErrorKind::InvalidArgument, "the batch holds 0 messages; the minimum is 1"));
    };
    for (index, message) in messages.iter().enumerate() {
        if index > 0 && message.is_like(&messages[index - 1]) {
            continue;
        }
        if let Some(why) = obstacle(message) {
            return refuse(index, why);
        }
        if message.topic != first.topic {
            return refuse(
                index,
                format!("`topic` = `{}` is not that of messages[0], `{}`", message.topic, first.topic),
            );
        }
        if message.wait_store_msg_ok != first.wait_store_msg_ok {
            let (own, other) = (message.wait_store_msg_ok, first.wait_store_msg_ok);
            return refuse(index, format!("`wait_store_msg_ok` is {own}, that of messages[0] {other}"));
        }
    }
    Ok(())
}

/// The requests that messages of these encoded sizes go in: one without `split_bytes`, else as many as it takes to
/// keep each within it, where a larger message goes by itself. No request is larger than `max_message_size`.
pub(crate) fn parts(sizes: &[usize], split_bytes: usize, max_message_size: usize) -> Result<Vec<Range<usize>>> {
    let too_large = |what: String| Err(Error::new(ErrorKind::MessageTooLarge, what));
    if split_bytes > max_message_size {
        let what = format!("`split_bytes` is {split_bytes}; the maximum is `max_message_size`, {max_message_size}");
        return Err(Error::new(ErrorKind::InvalidArgument, what));
    }
    if split_bytes == 0 {
        let total: usize = sizes.iter().sum();
        if total > max_message_size {
            return too_large(format!(
                "the batch of {} messages is {total} bytes long when encoded; `max_message_size` is {max_message_size}; \
                 with `split_bytes` it goes in parts",
                sizes.len()
            ));
        }
        return Ok(std::iter::once(0..sizes.len()).collect());
    }
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut filled = usize::MAX;
    for (index, &size) in sizes.iter().enumerate() {
        if size > max_message_size {
            return too_large(format!(
                "messages[{index}]: it is {size} bytes long when encoded in a batch; `max_message_size` is \
                 {max_message_size}"
            ));
        }
        match parts.last_mut() {
            Some(part) if filled.saturating_add(size) <= split_bytes => {
                part.end = index + 1;
                filled += size;
            }
            _ => {
                parts.push(index..index + 1);
                filled = size;
            }
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(messages: &[Message<'_>]) -> String {
        check(messages).unwrap_err().message().to_owned()
    }

    fn plain() -> Message<'static> {
        Message::new("T", b"x")
    }

    /// Rows: BA-04.
    #[test]
    fn what_a_batch_cannot_hold_is_refused_by_the_number_of_the_message_and_its_field() {
        check(&[plain(), plain().with_tags("a").with_flag(1).with_sharding_key("s")]).unwrap();
        assert_eq!(check(&[]).unwrap_err().kind(), ErrorKind::InvalidArgument);
        assert_eq!(text(&[]), "the batch holds 0 messages; the minimum is 1");
        let unsafe_one = Message { wait_store_msg_ok: false, ..plain() };
        let wait = "messages[1]: `wait_store_msg_ok` is false, that of messages[0] true, and a batch cannot hold it";
        assert_eq!(text(&[plain(), unsafe_one]), wait);
        let other = "messages[1]: `topic` = `U` is not that of messages[0], `T`, and a batch cannot hold it";
        assert_eq!(text(&[plain(), Message::new("U", b"x")]), other);
        for (odd, field) in [
            (Message::new("%RETRY%G", b"x"), "`topic` = `%RETRY%G` is a retry topic"),
            (plain().with_delay(Delay::Level(3)), "`delay` is Level(3)"),
            (plain().with_delay(Delay::DeliverAt(0)), "`delay` is DeliverAt(0)"),
            (plain().with_priority(0), "`priority` is 0"),
            (plain().with_lite_topic("l"), "`lite_topic` = `l` is set"),
            (plain().with_property("DELAY", "3"), "the property `DELAY` = `3` is set"),
            (plain().with_property("TIMER_DELAY_SEC", "3"), "the property `TIMER_DELAY_SEC` = `3` is set"),
            (plain().with_property("TIMER_DELAY_MS", "3"), "the property `TIMER_DELAY_MS` = `3` is set"),
            (plain().with_property("TIMER_DELIVER_MS", "3"), "the property `TIMER_DELIVER_MS` = `3` is set"),
            (plain().with_property("__STARTDELIVERTIME", "3"), "the property `__STARTDELIVERTIME` = `3` is set"),
            (plain().with_property("_SYS_MSG_PRIORITY_", "3"), "the property `_SYS_MSG_PRIORITY_` = `3` is set"),
            (plain().with_property("__LITE_TOPIC", "l"), "the property `__LITE_TOPIC` = `l` is set"),
            (plain().with_property("INNER_MULTI_DISPATCH", "l"), "the property `INNER_MULTI_DISPATCH` = `l` is set"),
            (plain().with_property("TRAN_MSG", "true"), "the property `TRAN_MSG` = `true` is set"),
            (plain().with_property("PGROUP", "g"), "the property `PGROUP` = `g` is set"),
        ] {
            let error = check(std::slice::from_ref(&odd)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidMessage);
            assert_eq!(error.message(), format!("messages[0]: {field}, and a batch cannot hold it"));
        }
    }

    #[test]
    fn parts_are_consecutive_full_and_within_the_limit() {
        assert_eq!(parts(&[40, 60], 0, 100).unwrap().first(), Some(&(0..2)));
        let error = parts(&[40, 61], 0, 100).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
        assert!(
            error
                .message()
                .starts_with("the batch of 2 messages is 101 bytes long when encoded; `max_message_size` is 100")
        );
        assert_eq!(parts(&[40, 60, 1, 99, 50, 51], 100, 100).unwrap(), [0..2, 2..4, 4..5, 5..6]);
        assert_eq!(parts(&[5, 50, 5, 5], 10, 100).unwrap(), [0..1, 1..2, 2..4], "a larger one goes by itself");
        let error = parts(&[5, 101], 10, 100).unwrap_err();
        assert_eq!(
            error.message(),
            "messages[1]: it is 101 bytes long when encoded in a batch; `max_message_size` is 100"
        );
        let error = parts(&[5], 101, 100).unwrap_err();
        assert_eq!(error.message(), "`split_bytes` is 101; the maximum is `max_message_size`, 100");
    }
}
