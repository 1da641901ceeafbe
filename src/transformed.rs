//! The message that a transformer puts in the place of another.

use crate::jms::{Body, DeliveryMode, Jms, Value};
use crate::message::{Delay, Message};
use std::time::Duration;

/// What a message transformer made; see [`Producer::set_message_transformer`](crate::Producer::set_message_transformer).
///
/// Nothing, at first: the message goes as it is.
#[derive(Debug, Default)]
pub struct Transformed(Option<Box<Owned>>);

impl Transformed {
    /// Sends a copy of `message` in the place of the one that was given. The last one set counts.
    pub fn set(&mut self, message: &Message<'_>) {
        self.0 = Some(Box::new(Owned::new(message)));
    }

    /// What goes instead; `None`: the message as it is.
    pub(crate) fn message(&self) -> Option<Message<'_>> {
        self.0.as_deref().map(Owned::message)
    }
}

type Named<T> = Vec<(String, T)>;

/// A message that owns all that it holds.
#[derive(Debug)]
struct Owned {
    topic: String,
    body: Vec<u8>,
    tags: String,
    keys: String,
    flag: i32,
    properties: Named<String>,
    wait_store_msg_ok: bool,
    delay: Delay,
    priority: Option<i32>,
    lite_topic: String,
    sharding_key: String,
    trace_parent: String,
    jms: Option<OwnedJms>,
}

#[derive(Debug)]
struct OwnedJms {
    body: OwnedBody,
    properties: Named<Value<'static>>,
    delivery_mode: DeliveryMode,
    time_to_live: Option<Duration>,
    correlation_id: String,
    reply_to: String,
    kind: String,
    group_id: String,
    group_sequence: i32,
}

#[derive(Debug)]
enum OwnedBody {
    Bytes,
    Text,
    Map(Named<Value<'static>>),
}

fn own(values: &[(&str, Value<'_>)]) -> Named<Value<'static>> {
    values.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into_owned())).collect()
}

fn lend<'a>(values: &'a Named<Value<'static>>) -> Vec<(&'a str, Value<'a>)> {
    values.iter().map(|(name, value)| (name.as_str(), value.clone())).collect()
}

impl Owned {
    fn new(message: &Message<'_>) -> Self {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Owned {
            topic: message.topic.to_owned(),
            body: message.body.to_vec(),
            tags: message.tags.to_owned(),
            keys: message.keys.to_owned(),
            flag: message.flag,
            properties: message.properties.iter().map(pair).collect(),
            wait_store_msg_ok: message.wait_store_msg_ok,
            delay: message.delay,
            priority: message.priority,
            lite_topic: message.lite_topic.to_owned(),
            sharding_key: message.sharding_key.to_owned(),
            trace_parent: message.trace_parent.to_owned(),
            jms: message.jms.as_deref().map(OwnedJms::new),
        }
    }

    fn message(&self) -> Message<'_> {
        Message {
            topic: &self.topic,
            body: &self.body,
            tags: &self.tags,
            keys: &self.keys,
            flag: self.flag,
            properties: self.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            wait_store_msg_ok: self.wait_store_msg_ok,
            delay: self.delay,
            priority: self.priority,
            lite_topic: &self.lite_topic,
            sharding_key: &self.sharding_key,
            trace_parent: &self.trace_parent,
            jms: self.jms.as_ref().map(|jms| Box::new(jms.jms())),
        }
    }
}

impl OwnedJms {
    fn new(jms: &Jms<'_>) -> Self {
        OwnedJms {
            body: match &jms.body {
                Body::Bytes => OwnedBody::Bytes,
                Body::Text => OwnedBody::Text,
                Body::Map(entries) => OwnedBody::Map(own(entries)),
            },
            properties: own(&jms.properties),
            delivery_mode: jms.delivery_mode,
            time_to_live: jms.time_to_live,
            correlation_id: jms.correlation_id.to_owned(),
            reply_to: jms.reply_to.to_owned(),
            kind: jms.kind.to_owned(),
            group_id: jms.group_id.to_owned(),
            group_sequence: jms.group_sequence,
        }
    }

    fn jms(&self) -> Jms<'_> {
        Jms {
            body: match &self.body {
                OwnedBody::Bytes => Body::Bytes,
                OwnedBody::Text => Body::Text,
                OwnedBody::Map(entries) => Body::Map(lend(entries)),
            },
            properties: lend(&self.properties),
            delivery_mode: self.delivery_mode,
            time_to_live: self.time_to_live,
            correlation_id: &self.correlation_id,
            reply_to: &self.reply_to,
            kind: &self.kind,
            group_id: &self.group_id,
            group_sequence: self.group_sequence,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_all_that_the_message_has() {
        let jms = Jms {
            body: Body::Map(vec![("entry", Value::Bytes([1, 2][..].into()))]),
            properties: vec![("number", Value::Long(-7))],
            delivery_mode: DeliveryMode::NonPersistent,
            time_to_live: Some(Duration::from_millis(5)),
            correlation_id: "corr",
            reply_to: "topic://answers",
            kind: "kind",
            group_id: "group",
            group_sequence: 9,
        };
        let mut message = Message::new("topic", b"body")
            .with_tags("tag")
            .with_keys("k1 k2")
            .with_flag(3)
            .with_property("name", "value")
            .with_delay(Delay::Milliseconds(4))
            .with_priority(7)
            .with_lite_topic("lite")
            .with_sharding_key("shard")
            .with_trace_parent("trace")
            .with_jms(jms);
        message.wait_store_msg_ok = false;
        let mut transformed = Transformed::default();
        assert!(transformed.message().is_none());
        transformed.set(&message);
        assert_eq!(format!("{:?}", transformed.message().unwrap()), format!("{message:?}"));
    }
}
