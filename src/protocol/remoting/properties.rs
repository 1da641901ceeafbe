//! Message properties: `name \x01 value \x02`, repeated.

/// Ends a name.
pub const NAME_END: u8 = 1;
/// Ends a value.
pub const VALUE_END: u8 = 2;
/// The most bytes of properties that the wire's 16-bit length can tell.
pub const MAX_PROPERTIES: usize = i16::MAX as usize;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $value;)*

        /// Every property that RocketMQ gives a meaning of its own.
        pub const SYSTEM: &[&str] = &[$($value,)*];
    };
}

names! {
    /// Index keys, separated by spaces.
    KEYS = "KEYS";
    /// The tag.
    TAGS = "TAGS";
    /// Whether the broker answers only after storing as safely as configured.
    WAIT = "WAIT";
    /// The unique id that the producer gave.
    UNIQ_KEY = "UNIQ_KEY";
    /// Delay level.
    DELAY = "DELAY";
    /// `true`: a half message.
    TRAN_MSG = "TRAN_MSG";
    /// The producer group of a half message.
    PGROUP = "PGROUP";
    /// Seconds before the first check-back.
    CHECK_IMMUNITY_TIME_IN_SECONDS = "CHECK_IMMUNITY_TIME_IN_SECONDS";
    /// How often a half message was checked back.
    TRANSACTION_CHECK_TIMES = "TRANSACTION_CHECK_TIMES";
    /// The transaction id a client chose.
    TRANSACTION_ID = "__transactionId__";
    /// The topic a broker hid behind one of its own.
    REAL_TOPIC = "REAL_TOPIC";
    /// The queue a broker hid.
    REAL_QID = "REAL_QID";
    /// Instance (namespace) id.
    INSTANCE_ID = "INSTANCE_ID";
    /// The cluster of the broker that stored it.
    CLUSTER = "CLUSTER";
    /// How often consumers gave it back.
    RECONSUME_TIME = "RECONSUME_TIME";
    /// After how many returns it is dead.
    MAX_RECONSUME_TIMES = "MAX_RECONSUME_TIMES";
    /// The topic before it went to a retry topic.
    RETRY_TOPIC = "RETRY_TOPIC";
    /// The id before it went to a retry topic.
    ORIGIN_MESSAGE_ID = "ORIGIN_MESSAGE_ID";
    /// The broker's region.
    MSG_REGION = "MSG_REGION";
    /// Whether the broker wants traces.
    TRACE_ON = "TRACE_ON";
    /// Ties a reply to its request.
    CORRELATION_ID = "CORRELATION_ID";
    /// The client id that a reply goes to.
    REPLY_TO_CLIENT = "REPLY_TO_CLIENT";
    /// Milliseconds a requester waits.
    TTL = "TTL";
    /// `reply` on a reply.
    MSG_TYPE = "MSG_TYPE";
    /// When the broker got a reply.
    ARRIVE_TIME = "ARRIVE_TIME";
    /// When the broker pushed a reply.
    PUSH_REPLY_TIME = "PUSH_REPLY_TIME";
    /// Seconds until delivery.
    TIMER_DELAY_SEC = "TIMER_DELAY_SEC";
    /// Milliseconds until delivery.
    TIMER_DELAY_MS = "TIMER_DELAY_MS";
    /// When to deliver, milliseconds since 1970.
    TIMER_DELIVER_MS = "TIMER_DELIVER_MS";
    /// When the broker's timer delivers.
    TIMER_OUT_MS = "TIMER_OUT_MS";
    /// The unique key of the timer message to delete.
    TIMER_DEL_UNIQKEY = "TIMER_DEL_UNIQKEY";
    /// Priority, from 0.
    PRIORITY = "_SYS_MSG_PRIORITY_";
    /// The lite topic.
    LITE_TOPIC = "__LITE_TOPIC";
    /// What orders messages.
    SHARDING_KEY = "__SHARDINGKEY";
    /// Further queues a broker dispatches to.
    INNER_MULTI_DISPATCH = "INNER_MULTI_DISPATCH";
    /// The older spelling of `TIMER_DELIVER_MS`.
    START_DELIVER_TIME = "__STARTDELIVERTIME";
    /// How many messages an inner batch holds.
    INNER_NUM = "INNER_NUM";
    /// Buyer id.
    BUYER_ID = "BUYER_ID";
    /// Set on a message that moved between clusters.
    TRANSFER_FLAG = "TRANSFER_FLAG";
    /// Set on corrected messages.
    CORRECTION_FLAG = "CORRECTION_FLAG";
    /// The older mark of a message moved.
    MQ2_FLAG = "MQ2_FLAG";
}

/// The W3C trace context; not RocketMQ's own.
pub const TRACEPARENT: &str = "traceparent";

/// The value of [`MSG_TYPE`] on a reply.
pub const MSG_TYPE_REPLY: &str = "reply";

/// Appends one property.
#[inline]
pub fn append(out: &mut String, name: &str, value: &str) {
    out.reserve(name.len() + value.len() + 2);
    out.push_str(name);
    out.push(NAME_END as char);
    out.push_str(value);
    out.push(VALUE_END as char);
}

/// The same with a value that stands in the text before.
pub fn append_own(out: &mut String, name: &str, value: std::ops::Range<usize>) {
    out.reserve(name.len() + value.len() + 2);
    out.push_str(name);
    out.push(NAME_END as char);
    out.extend_from_within(value);
    out.push(VALUE_END as char);
}

/// The properties of several pairs.
pub fn encode(pairs: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        append(&mut out, name, value);
    }
    out
}

/// The pairs of encoded properties, in order, as Java reads them: a part with an empty name, an empty value or no
/// separator is dropped.
#[derive(Clone, Debug)]
pub struct Pairs<'a>(&'a str);

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.0.is_empty() {
            let end = memchr::memchr(VALUE_END, self.0.as_bytes()).unwrap_or(self.0.len());
            let part = &self.0[..end];
            self.0 = self.0.get(end + 1..).unwrap_or_default();
            match part.split_once(NAME_END as char) {
                Some((name, value)) if !name.is_empty() && !value.is_empty() => return Some((name, value)),
                _ => {}
            }
        }
        None
    }
}

/// Reads encoded properties.
pub fn decode(properties: &str) -> Pairs<'_> {
    Pairs(properties)
}

/// The value of a property; of several, the last.
pub fn get<'a>(properties: &'a str, name: &str) -> Option<&'a str> {
    decode(properties).filter(|(key, _)| *key == name).last().map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_java_reads() {
        let text = "a\u{1}b\u{2}empty\u{1}\u{2}\u{2}x\u{2}\u{1}y\u{2}k\u{1}v\u{1}w\u{2}a\u{1}c";
        let pairs: Vec<_> = decode(text).collect();
        assert_eq!(pairs, [("a", "b"), ("k", "v\u{1}w"), ("a", "c")]);
        assert_eq!((get(text, "a"), get(text, "empty")), (Some("c"), None));
        assert_eq!(encode(&[("a", "b"), ("c", "")]), "a\u{1}b\u{2}c\u{1}\u{2}");
    }
}
