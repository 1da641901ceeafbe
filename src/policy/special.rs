//! The rules of a message's fields that few messages have: delay, priority, lite topic, sharding key, trace context.

use super::validate::{property_text, refuse};
use crate::error::Result;
use crate::message::{Delay, Message};
use crate::protocol::remoting::properties::{
    DELAY, LITE_TOPIC, PRIORITY, SHARDING_KEY, START_DELIVER_TIME, TIMER_DELAY_MS, TIMER_DELAY_SEC, TIMER_DELIVER_MS,
    TRACEPARENT,
};

/// The broker reads a level as a signed 32-bit number.
const MAX_LEVEL: u32 = i32::MAX.unsigned_abs();
/// The broker adds a delay to its clock, both in signed 64-bit milliseconds.
const MAX_MILLISECONDS: u64 = i64::MAX.unsigned_abs() / 2;
/// As above; the broker multiplies by a thousand.
const MAX_SECONDS: u64 = MAX_MILLISECONDS / 1000;

/// Each says when a message is delivered.
pub(crate) const DELAYS: &[&str] = &[DELAY, TIMER_DELAY_SEC, TIMER_DELAY_MS, TIMER_DELIVER_MS, START_DELIVER_TIME];

/// Whether the fields are within their limits, and not given as properties, too.
pub(super) fn message(message: &Message<'_>) -> Result<()> {
    if let Some(field) = delay(message.delay)? {
        alone(message, field, DELAYS)?;
    }
    if let Some(priority) = message.priority {
        if priority < 0 {
            return refuse(format!("`priority` is {priority}; the minimum is 0"));
        }
        alone(message, "priority", &[PRIORITY])?;
    }
    if !message.lite_topic.is_empty() {
        property_text(message.lite_topic, || "`lite_topic`".to_owned())?;
        alone(message, "lite_topic", &[LITE_TOPIC])?;
    }
    if !message.sharding_key.is_empty() {
        property_text(message.sharding_key, || "`sharding_key`".to_owned())?;
        alone(message, "sharding_key", &[SHARDING_KEY])?;
    }
    if !message.trace_parent.is_empty() {
        trace_parent(message.trace_parent)?;
        alone(message, "trace_parent", &[TRACEPARENT])?;
    }
    Ok(())
}

/// The name of the field when one is set.
fn delay(delay: Delay) -> Result<Option<&'static str>> {
    let (field, value, least, most) = match delay {
        Delay::None => return Ok(None),
        Delay::Level(level) => ("delay_level", level.into(), 1, MAX_LEVEL.into()),
        Delay::Seconds(seconds) => ("delay_seconds", seconds, 0, MAX_SECONDS),
        Delay::Milliseconds(milliseconds) => ("delay_ms", milliseconds, 0, MAX_MILLISECONDS),
        Delay::DeliverAt(time) => ("deliver_at_ms", time, 0, i64::MAX.unsigned_abs()),
    };
    if value < least {
        refuse(format!("`{field}` is {value}; the minimum is {least}"))?;
    }
    if value > most {
        refuse(format!("`{field}` is {value}; the maximum is {most}"))?;
    }
    Ok(Some(field))
}

/// Refuses a property that says what `field` says.
fn alone(message: &Message<'_>, field: &str, names: &[&str]) -> Result<()> {
    match message.properties.iter().find(|(name, _)| names.contains(name)) {
        Some((name, value)) => refuse(format!("the property `{name}` = `{value:.40}` is given beside `{field}`")),
        None => Ok(()),
    }
}

/// Whether `text` is a W3C trace context.
pub(crate) fn trace_parent(text: &str) -> Result<()> {
    let hex =
        |part: &str, length| part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let tells = |part: &str| part.bytes().any(|byte| byte != b'0');
    let mut parts = text.split('-');
    let mut next = || parts.next().unwrap_or_default();
    let (version, trace, parent, flags) = (next(), next(), next(), next());
    let well_formed = version == "00" && hex(trace, 32) && hex(parent, 16) && hex(flags, 2) && parts.next().is_none();
    if !well_formed {
        return refuse(format!(
            "`trace_parent` = `{text:.60}` is no W3C trace context: 00-<32 hex digits>-<16 hex digits>-<2 hex digits>, in lower case"
        ));
    }
    if !tells(trace) || !tells(parent) {
        return refuse(format!("`trace_parent` = `{text}` has an id that is all zero"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(of: Message<'_>) -> String {
        message(&of).unwrap_err().message().to_owned()
    }

    fn plain() -> Message<'static> {
        Message::new("T", b"x")
    }

    #[test]
    fn limits() {
        assert_eq!(text(plain().with_priority(-1)), "`priority` is -1; the minimum is 0");
        assert_eq!(text(plain().with_delay(Delay::Level(0))), "`delay_level` is 0; the minimum is 1");
        let level = text(plain().with_delay(Delay::Level(1 << 31)));
        assert_eq!(level, "`delay_level` is 2147483648; the maximum is 2147483647");
        let seconds = text(plain().with_delay(Delay::Seconds(MAX_SECONDS + 1)));
        assert_eq!(seconds, "`delay_seconds` is 4611686018427388; the maximum is 4611686018427387");
        assert!(text(plain().with_delay(Delay::Milliseconds(u64::MAX))).starts_with("`delay_ms` is"));
        assert!(text(plain().with_delay(Delay::DeliverAt(u64::MAX))).starts_with("`deliver_at_ms` is"));
        for delay in [Delay::Level(99), Delay::Seconds(0), Delay::Milliseconds(1), Delay::DeliverAt(0)] {
            message(&plain().with_delay(delay).with_priority(0).with_lite_topic("l").with_sharding_key("s")).unwrap();
        }
        assert!(text(plain().with_lite_topic("\u{1}")).contains("`lite_topic` holds"));
        assert!(text(plain().with_sharding_key("\u{2}")).contains("`sharding_key` holds"));
    }

    #[test]
    fn a_field_and_a_property_that_say_the_same_are_refused() {
        let delayed = text(plain().with_delay(Delay::Level(1)).with_property("TIMER_DELAY_SEC", "5"));
        assert_eq!(delayed, "the property `TIMER_DELAY_SEC` = `5` is given beside `delay_level`");
        let priority = text(plain().with_priority(1).with_property("_SYS_MSG_PRIORITY_", "2"));
        assert!(priority.ends_with("beside `priority`"), "{priority}");
        let lite = text(plain().with_lite_topic("l").with_property("__LITE_TOPIC", "m"));
        assert!(lite.ends_with("beside `lite_topic`"), "{lite}");
        let sharding = text(plain().with_sharding_key("s").with_property("__SHARDINGKEY", "t"));
        assert!(sharding.ends_with("beside `sharding_key`"), "{sharding}");
        message(&plain().with_property("DELAY", "1").with_property("_SYS_MSG_PRIORITY_", "2")).unwrap();
    }

    #[test]
    fn a_trace_context_is_one_of_the_w3c() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        message(&plain().with_trace_parent(good)).unwrap();
        let both = text(plain().with_trace_parent(good).with_property("traceparent", good));
        assert!(both.ends_with("beside `trace_parent`"), "{both}");
        for bad in [
            "x",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        ] {
            assert!(text(plain().with_trace_parent(bad)).contains("is no W3C trace context"), "{bad}");
        }
        for zero in [
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        ] {
            assert!(text(plain().with_trace_parent(zero)).contains("all zero"), "{zero}");
        }
    }
}
