//! What is sent, and what comes back for it.

use crate::error::ErrorKind;
use crate::jms::Jms;
use crate::protocol::remoting::properties;
use crate::selector::Selector;
use std::time::Duration;

/// A message, borrowed from its owner until the send call returns.
///
/// The library copies the body once, into the buffer that goes out.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Topic: 1 to 127 bytes of `%|a-zA-Z0-9_-`.
    pub topic: &'a str,
    /// Body: 1 byte to `max_message_size`; NUL bytes are data.
    pub body: &'a [u8],
    /// Tag for the broker's filter; empty: none.
    pub tags: &'a str,
    /// Index keys, separated by spaces; empty: none.
    pub keys: &'a str,
    /// Carried to the consumer, not read by the broker. Default 0.
    pub flag: i32,
    /// User properties: names and values are not empty and hold neither `\x01` nor `\x02`.
    pub properties: Vec<(&'a str, &'a str)>,
    /// The broker answers after it stored the message to its configured safety. Default true.
    pub wait_store_msg_ok: bool,
    /// When it is delivered. Default: at once.
    pub delay: Delay,
    /// From 0; a RocketMQ broker then chooses the queue by it: the number of the priority, or the last one. Default:
    /// none.
    pub priority: Option<i32>,
    /// The lite topic inside the topic; empty: none.
    pub lite_topic: &'a str,
    /// What orders messages, for those who read it as the message's property; it does not choose the queue (see
    /// [`Selector`]). Empty: none.
    pub sharding_key: &'a str,
    /// The W3C trace context that the message belongs to, `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`, carried
    /// as its property `traceparent`; empty: none.
    pub trace_parent: &'a str,
    /// What a JMS message has beside all this, for ActiveMQ; RocketMQ has no place for it and such a message is refused
    /// there. Default: none.
    pub jms: Option<Box<Jms<'a>>>,
}

impl Message<'_> {
    /// Whether both are the same but for their bodies and flags.
    pub(crate) fn is_like(&self, other: &Message<'_>) -> bool {
        // Most are lent from one place, and then their bytes need no look.
        let same = |one: &str, other: &str| std::ptr::eq(one, other) || one == other;
        same(self.topic, other.topic)
            && same(self.tags, other.tags)
            && same(self.keys, other.keys)
            && self.properties == other.properties
            && (self.wait_store_msg_ok, self.delay, self.priority)
                == (other.wait_store_msg_ok, other.delay, other.priority)
            && same(self.lite_topic, other.lite_topic)
            && same(self.sharding_key, other.sharding_key)
            && same(self.trace_parent, other.trace_parent)
            && self.jms.is_none()
            && other.jms.is_none()
    }
}

/// When a message is delivered, by RocketMQ's broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delay {
    /// At once.
    #[default]
    None,
    /// After the delay of this level, from 1 to 2147483647; a broker takes a level over its highest (18, unless configured
    /// otherwise) for that one.
    Level(u32),
    /// After so many seconds, up to 4611686018427387. The broker's timer rounds to its precision, 1 s by default, and refuses what is over its
    /// limit, 3 days by default.
    Seconds(u64),
    /// After so many milliseconds, up to 4611686018427387903; as above.
    Milliseconds(u64),
    /// At this time, in milliseconds since 1970, as above; a time that has passed: at once.
    DeliverAt(u64),
}

impl Delay {
    /// The property that tells a broker.
    pub(crate) fn property(self) -> Option<(&'static str, u64)> {
        match self {
            Delay::None => None,
            Delay::Level(level) => Some((properties::DELAY, level.into())),
            Delay::Seconds(seconds) => Some((properties::TIMER_DELAY_SEC, seconds)),
            Delay::Milliseconds(milliseconds) => Some((properties::TIMER_DELAY_MS, milliseconds)),
            Delay::DeliverAt(time) => Some((properties::TIMER_DELIVER_MS, time)),
        }
    }
}

impl<'a> Message<'a> {
    /// A message with a topic and a body.
    pub fn new(topic: &'a str, body: &'a [u8]) -> Self {
        Message {
            topic,
            body,
            tags: "",
            keys: "",
            flag: 0,
            properties: Vec::new(),
            wait_store_msg_ok: true,
            delay: Delay::None,
            priority: None,
            lite_topic: "",
            sharding_key: "",
            trace_parent: "",
            jms: None,
        }
    }

    /// Sets the tag.
    pub fn with_tags(mut self, tags: &'a str) -> Self {
        self.tags = tags;
        self
    }

    /// Sets the index keys, separated by spaces.
    pub fn with_keys(mut self, keys: &'a str) -> Self {
        self.keys = keys;
        self
    }

    /// Sets the flag.
    pub fn with_flag(mut self, flag: i32) -> Self {
        self.flag = flag;
        self
    }

    /// Adds a user property.
    pub fn with_property(mut self, name: &'a str, value: &'a str) -> Self {
        self.properties.push((name, value));
        self
    }

    /// Sets when it is delivered.
    pub fn with_delay(mut self, delay: Delay) -> Self {
        self.delay = delay;
        self
    }

    /// Sets the priority, from 0.
    pub fn with_priority(mut self, priority: i32) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Sets the lite topic.
    pub fn with_lite_topic(mut self, lite_topic: &'a str) -> Self {
        self.lite_topic = lite_topic;
        self
    }

    /// Sets what orders messages.
    pub fn with_sharding_key(mut self, sharding_key: &'a str) -> Self {
        self.sharding_key = sharding_key;
        self
    }

    /// Sets what a JMS message has beside the rest.
    pub fn with_jms(mut self, jms: Jms<'a>) -> Self {
        self.jms = Some(Box::new(jms));
        self
    }

    /// Sets the W3C trace context.
    pub fn with_trace_parent(mut self, trace_parent: &'a str) -> Self {
        self.trace_parent = trace_parent;
        self
    }
}

/// What the broker said of a stored message. The numbers are those of the C surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum SendStatus {
    /// Stored to the broker's configured safety.
    Ok = 0,
    /// Stored, but the disk flush did not end in time.
    FlushDiskTimeout = 1,
    /// Stored, but the replica did not confirm in time.
    FlushSlaveTimeout = 2,
    /// Stored, but there is no replica to confirm.
    SlaveNotAvailable = 3,
    /// Sent one-way: written to the connection, no answer is asked for.
    Oneway = 4,
}

/// The broker's receipt of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// How safely it is stored.
    pub status: SendStatus,
    /// The unique id the producer gave the message (its `UNIQ_KEY`), kept over retries.
    pub message_id: String,
    /// The broker's id: store address and commit-log offset. Empty for one-way.
    pub offset_message_id: String,
    /// The topic sent to.
    pub topic: String,
    /// The broker that stored it.
    pub broker_name: String,
    /// The queue that the broker put it in.
    pub queue_id: i32,
    /// Its offset in the queue; -1 for one-way.
    pub queue_offset: i64,
    /// Transaction id; empty when there is none.
    pub transaction_id: String,
    /// The broker's region; empty when it told none.
    pub region_id: String,
    /// Handle to recall a timer message; empty when there is none.
    pub recall_handle: String,
    /// How many tries it took, at least 1.
    pub attempts: u32,
    /// The tries before the last one; a try that says `maybe_stored` may have left another copy of the message, with
    /// the same unique id.
    pub earlier: Vec<Attempt>,
}

/// One try of a message that did not end as wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The broker that it was for.
    pub broker_name: String,
    /// The queue that was asked for.
    pub queue_id: i32,
    /// What went wrong; `Broker` for an answer that was no `SEND_OK`.
    pub kind: ErrorKind,
    /// The broker's response code, when it answered.
    pub broker_code: Option<i32>,
    /// The broker's remark, or what went wrong, for a person.
    pub remark: String,
    /// When it began, in milliseconds since 1970.
    pub started: i64,
    /// How long it took.
    pub took: Duration,
    /// Whether the broker may have stored the message: it said so, or its answer was not heard.
    pub maybe_stored: bool,
}

/// A receipt whose texts are only lent.
pub(crate) struct Told<'a> {
    pub(crate) status: SendStatus,
    pub(crate) message_id: &'a str,
    pub(crate) offset_message_id: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) broker_name: &'a str,
    pub(crate) queue_id: i32,
    pub(crate) queue_offset: i64,
    pub(crate) transaction_id: &'a str,
    pub(crate) region_id: &'a str,
    pub(crate) recall_handle: &'a str,
    pub(crate) attempts: u32,
    pub(crate) earlier: &'a [Attempt],
}

impl Told<'_> {
    pub(crate) fn to_receipt(&self) -> Receipt {
        Receipt {
            status: self.status,
            message_id: self.message_id.to_owned(),
            offset_message_id: self.offset_message_id.to_owned(),
            topic: self.topic.to_owned(),
            broker_name: self.broker_name.to_owned(),
            queue_id: self.queue_id,
            queue_offset: self.queue_offset,
            transaction_id: self.transaction_id.to_owned(),
            region_id: self.region_id.to_owned(),
            recall_handle: self.recall_handle.to_owned(),
            attempts: self.attempts,
            earlier: self.earlier.to_vec(),
        }
    }
}

/// How one send departs from the producer's configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct SendOptions<'a> {
    /// The total deadline of this send, at most an hour; `None`: `send_msg_timeout`.
    pub timeout: Option<std::time::Duration>,
    /// Which queue the message goes to.
    pub selector: Selector<'a>,
    /// How often it is tried again at most; `None`: as the configuration says. For bindings that have such a parameter.
    #[cfg(feature = "raw")]
    pub retries: Option<u32>,
}

impl<'a> SendOptions<'a> {
    /// How often it is tried in all, where that is not left to the configuration.
    pub(crate) fn tries(&self) -> Option<u32> {
        #[cfg(feature = "raw")]
        let retries = self.retries;
        #[cfg(not(feature = "raw"))]
        let retries: Option<u32> = None;
        retries.map(|retries| retries.saturating_add(1))
    }

    /// Sets the total deadline of this send.
    pub fn with_timeout(mut self, timeout: std::time::Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets which queue the message goes to.
    pub fn with_selector(mut self, selector: Selector<'a>) -> Self {
        self.selector = selector;
        self
    }
}
