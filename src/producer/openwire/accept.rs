//! What happens to a message before it is sent, on the caller's thread: it is looked at, gets room in flight, and the
//! hooks are asked.

use super::Client;
use super::ids::{Lane, ProducerIds};
use super::many::Held;
use super::numbers::Number;
use crate::error::{Error, ErrorKind, Result};
use crate::hook::SendMode;
use crate::jms::{Body, DeliveryMode, Jms};
use crate::message::{Delay, Message, SendOptions};
use crate::policy::{destination, special};
use crate::producer::Mode;
use crate::producer::accept::Rules;
use crate::producer::admission::Permit;
use crate::producer::hooks::{self, After, Sending};
use crate::producer::identity::now_ms;
use crate::protocol::openwire::{
    Content, Destination, MessageKind, OutgoingMessage, Prepared, Value, WireFormat, compress, encode_message,
    encode_message_as,
};
use crate::protocol::remoting::properties::{KEYS, TAGS, TIMER_DELAY_MS, TRACEPARENT, TRAN_MSG};
use crate::selector::Selector;
use crate::sync::Mutex;
use bytes::{Bytes, BytesMut};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// JMS's own priority where a message tells none.
const DEFAULT_PRIORITY: u8 = 4;
const HIGHEST_PRIORITY: i32 = 9;
/// The broker's scheduler reads it.
const SCHEDULED_DELAY: &str = "AMQ_SCHEDULED_DELAY";
/// How many destinations are kept encoded.
const MOST_KNOWN: usize = 4096;

/// A destination, encoded once.
#[derive(Debug)]
pub(super) struct Known {
    /// As the message named it.
    pub(super) text: String,
    pub(super) destination: Destination,
    prepared: Prepared,
    pub(super) number: Number,
}

/// The destinations in use.
#[derive(Default)]
pub(super) struct Destinations(Mutex<HashMap<String, Arc<Known>>>);

impl Destinations {
    fn of(&self, text: &str) -> Result<Arc<Known>> {
        let mut all = self.0.lock();
        if let Some(known) = all.get(text) {
            return Ok(Arc::clone(known));
        }
        let destination = destination::parse(text)?;
        let known = Arc::new(Known {
            text: text.to_owned(),
            prepared: Prepared::new(&destination)?,
            destination,
            number: Number::default(),
        });
        if all.len() >= MOST_KNOWN {
            all.clear();
        }
        all.insert(text.to_owned(), Arc::clone(&known));
        Ok(known)
    }
}

enum Payload<'a> {
    Plain(Content<'a>),
    Compressed(Vec<u8>),
}

/// A message as it will be encoded, but for its number.
pub(super) struct Draft<'a> {
    kind: MessageKind,
    payload: Payload<'a>,
    properties: Vec<(&'a str, Value<'a>)>,
    pub(super) persistent: bool,
    priority: u8,
    timestamp: i64,
    expiration: i64,
    group_id: &'a str,
    group_sequence: i32,
    correlation_id: &'a str,
    message_type: &'a str,
    reply_to: Option<Arc<Known>>,
    pub(super) destination: Arc<Known>,
}

/// A message that keeps every rule and has its room in flight.
pub(super) struct Accepted<'a> {
    pub(super) draft: Draft<'a>,
    pub(super) rules: Rules,
    pub(super) permit: Permit,
    pub(super) after: Option<Box<After>>,
    /// The number of its body's bytes as the caller gave them.
    pub(super) body_length: usize,
}

fn refuse<T>(what: impl Into<String>) -> Result<T> {
    Err(Error::new(ErrorKind::InvalidMessage, what))
}

fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

impl Draft<'_> {
    /// The frame of the message, and what it counts in the window. `form`: of a connection that has agreed on one, with
    /// the numbers of producer and destination; else it is the loose one.
    pub(super) fn encode(
        &self,
        producer: &ProducerIds,
        sequence: i64,
        transaction: Option<&Prepared>,
        command: i32,
        response_required: bool,
        form: Option<(&WireFormat, Option<[i16; 2]>)>,
    ) -> Result<(Bytes, i32)> {
        let (content, compressed) = match &self.payload {
            Payload::Plain(content) => (*content, false),
            Payload::Compressed(bytes) => (Content::Raw(bytes), true),
        };
        let message = OutgoingMessage {
            kind: self.kind,
            producer: &producer.prepared,
            sequence,
            destination: &self.destination.prepared,
            transaction,
            group_id: given(self.group_id),
            group_sequence: self.group_sequence,
            correlation_id: given(self.correlation_id),
            persistent: self.persistent,
            expiration: self.expiration,
            priority: self.priority,
            reply_to: self.reply_to.as_ref().map(|known| &known.prepared),
            timestamp: self.timestamp,
            message_type: given(self.message_type),
            content,
            compressed,
            properties: &self.properties,
        };
        let mut out = BytesMut::new();
        let encoded = match form {
            None => encode_message(&mut out, command, response_required, &message),
            Some((format, numbers)) => {
                encode_message_as(&mut out, format, numbers, command, response_required, &message)
            }
        };
        let size = encoded.map_err(|error| Error::new(ErrorKind::InvalidMessage, error.to_string()))?;
        Ok((out.freeze(), size))
    }
}

impl Client {
    /// Takes a message or refuses it, and counts which. `held`: frames that must not wait while this does.
    pub(super) fn accept<'a>(
        self: &Arc<Self>,
        message: &'a Message<'a>,
        options: &SendOptions,
        mode: Mode,
        lane: Lane,
        held: Option<&Held>,
    ) -> Result<Accepted<'a>> {
        let accepted = self.examine(message, options, mode, lane, held);
        self.counters().taken(&accepted, message.body.len());
        accepted
    }

    fn examine<'a>(
        self: &Arc<Self>,
        message: &'a Message<'a>,
        options: &SendOptions,
        mode: Mode,
        lane: Lane,
        held: Option<&Held>,
    ) -> Result<Accepted<'a>> {
        self.must_run()?;
        if !matches!(options.selector, Selector::RoundRobin) {
            let what = "`selector` is set: ActiveMQ has no queues inside a destination to choose from";
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        let rules = self.rules(options, mode)?;
        let draft = self.draft(message)?;
        let permit = match held {
            None => self.admission.admit(message.body.len(), self.backpressure(), rules.deadline)?,
            Some(held) => self.admit_one_of_many(message.body.len(), rules.deadline, || held.draw())?,
        };
        let after = match self.hooks.get() {
            None => None,
            Some(hooks) => Some(hooks::before(hooks, &self.sending(message, &rules, lane))?),
        };
        Ok(Accepted { draft, rules, permit, after, body_length: message.body.len() })
    }

    fn sending<'a>(&'a self, message: &'a Message<'a>, rules: &Rules, lane: Lane) -> Sending<'a> {
        // What hooks see of the message's kind is read off these.
        let delayed = const_format(TIMER_DELAY_MS);
        let half = const_format(TRAN_MSG);
        Sending {
            #[cfg(feature = "capi")]
            admission: &self.admission,
            producer_group: &self.settings.producer_group,
            namespace: "",
            mode: match rules.mode {
                Mode::Sync => SendMode::Sync,
                Mode::Async | Mode::Resend => SendMode::Async,
                Mode::Oneway => SendMode::Oneway,
            },
            message,
            batch: &[],
            body_length: message.body.len(),
            properties: match (lane, message.delay) {
                (Lane::Transacted, _) => half,
                (Lane::Plain, Delay::None) => "",
                (Lane::Plain, _) => delayed,
            },
            message_id: "",
            born_host: self.identity.host(),
            queue: &self.nowhere,
            started: rules.started,
        }
    }

    fn draft<'a>(&self, message: &'a Message<'a>) -> Result<Draft<'a>> {
        static NOTHING: Jms<'static> = Jms {
            body: Body::Bytes,
            properties: Vec::new(),
            delivery_mode: DeliveryMode::Configured,
            time_to_live: None,
            correlation_id: "",
            reply_to: "",
            kind: "",
            group_id: "",
            group_sequence: 0,
        };
        let jms: &'a Jms<'a> = message.jms.as_deref().unwrap_or(&NOTHING);
        fits(message, self.settings.max_message_size)?;
        let destination = self.destination(message.topic)?;
        let content = match &jms.body {
            Body::Bytes => Content::Bytes(message.body),
            Body::Text => match std::str::from_utf8(message.body) {
                Ok(text) => Content::Text(text),
                Err(error) => return refuse(format!("`body` is a text and not UTF-8 at byte {}", error.valid_up_to())),
            },
            Body::Map(_) if !message.body.is_empty() => return refuse("`body` is set beside the entries of a map"),
            Body::Map(entries) => Content::Map(entries),
        };
        let kind = match jms.body {
            Body::Bytes => MessageKind::Bytes,
            Body::Text => MessageKind::Text,
            Body::Map(_) => MessageKind::Map,
        };
        let rules = &self.settings.compression;
        let compressible = matches!(jms.body, Body::Map(_)) || message.body.len() >= rules.threshold;
        let compressed = match self.activemq.use_compression && compressible {
            true => compress(&content, rules.level.min(9))?,
            false => None,
        };
        let timestamp = now_ms();
        let lived = jms.time_to_live.or(self.activemq.time_to_live).filter(|time| !time.is_zero());
        Ok(Draft {
            kind,
            payload: compressed.map_or(Payload::Plain(content), Payload::Compressed),
            properties: self.properties(message, jms)?,
            persistent: match jms.delivery_mode {
                DeliveryMode::Configured => self.activemq.persistent,
                mode => mode == DeliveryMode::Persistent,
            },
            priority: match message.priority {
                None => DEFAULT_PRIORITY,
                Some(priority @ 0..=HIGHEST_PRIORITY) => priority.unsigned_abs() as u8,
                Some(other) => {
                    return refuse(format!("`priority` is {other}; it must be from 0 to {HIGHEST_PRIORITY}"));
                }
            },
            timestamp,
            expiration: lived.map_or(0, |time| timestamp.saturating_add(milliseconds(time))),
            group_id: if jms.group_id.is_empty() { message.sharding_key } else { jms.group_id },
            group_sequence: jms.group_sequence,
            correlation_id: jms.correlation_id,
            message_type: jms.kind,
            reply_to: given(jms.reply_to).map(|name| self.destinations.of(name)).transpose()?,
            destination,
        })
    }

    fn destination(&self, own: &str) -> Result<Arc<Known>> {
        let known = self.destinations.of(destination::choose(own, &self.activemq.destination)?)?;
        if known.destination.is_temporary() && self.temporary.lock().is_deleted(&known.text) {
            return refuse(format!("the destination `{}` was deleted", known.text));
        }
        Ok(known)
    }

    fn properties<'a>(&self, message: &'a Message<'a>, jms: &'a Jms<'a>) -> Result<Vec<(&'a str, Value<'a>)>> {
        let text = |value: &'a str| Value::Text(Cow::Borrowed(value));
        let mut all: Vec<(&str, Value<'_>)> = Vec::with_capacity(message.properties.len() + jms.properties.len());
        for (name, value) in &message.properties {
            all.push((name, text(value)));
        }
        all.extend(jms.properties.iter().map(|(name, value)| (*name, value.clone())));
        if all.iter().any(|(name, _)| name.is_empty()) {
            return refuse("a property has an empty name");
        }
        for (name, value) in [(TAGS, message.tags), (KEYS, message.keys), (TRACEPARENT, message.trace_parent)] {
            if !value.is_empty() {
                all.push((name, text(value)));
            }
        }
        if let Some(context) = self.contexts.of(message) {
            all.push((TRACEPARENT, Value::Text(Cow::Owned(context))));
        }
        let delay = match message.delay {
            Delay::None => None,
            Delay::Seconds(seconds) => Some(seconds.saturating_mul(1000)),
            Delay::Milliseconds(milliseconds) => Some(milliseconds),
            Delay::DeliverAt(time) => Some(time.saturating_sub(now_ms().unsigned_abs())),
            Delay::Level(_) => {
                return refuse("`delay_level` is set: the broker's scheduler has no levels; use another delay");
            }
        };
        if let Some(delay) = delay.filter(|delay| *delay > 0) {
            let Ok(delay) = i64::try_from(delay) else {
                return refuse(format!("`delay` is {delay} ms; the maximum is {}", i64::MAX));
            };
            all.push((SCHEDULED_DELAY, Value::Long(delay)));
        }
        Ok(all)
    }
}

/// An encoded property `true`, for [`crate::hook::MessageType::of`].
fn const_format(name: &'static str) -> &'static str {
    match name {
        TRAN_MSG => "TRAN_MSG\u{1}true\u{2}",
        _ => "TIMER_DELAY_MS\u{1}1\u{2}",
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// What a message must not have here.
fn fits(message: &Message<'_>, max_message_size: usize) -> Result<()> {
    if message.body.len() > max_message_size {
        return Err(Error::new(
            ErrorKind::MessageTooLarge,
            format!("`body` is {} bytes long; `max_message_size` is {max_message_size}", message.body.len()),
        ));
    }
    if message.flag != 0 {
        return refuse(format!("`flag` is {}: a JMS message has no place for it", message.flag));
    }
    if !message.lite_topic.is_empty() {
        return refuse(format!("`lite_topic` is `{:.40}`: ActiveMQ has no lite topics", message.lite_topic));
    }
    if !message.trace_parent.is_empty() {
        special::trace_parent(message.trace_parent)?;
    }
    Ok(())
}
