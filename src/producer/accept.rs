//! What happens to a message before its first try, on the caller's thread: it is looked at, gets room in flight, an id,
//! properties, a route and a queue, and the hooks are asked.

use super::Mode;
use super::choose::Choice;
use super::hooks::{self, After, Sending};
use super::identity::{ID_ROOM, now_ms};
use super::lifecycle::Core;
use crate::error::Result;
use crate::hook::SendMode;
use crate::message::{Message, SendOptions};
use crate::net::cork::Cork;
use crate::policy::returns::Returns;
use crate::policy::validate;
use crate::protocol::remoting::command::request_code;
use crate::protocol::remoting::properties;
use crate::protocol::remoting::sys_flag;
use crate::route::{Queue, TopicRoute};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Room for the names of a message's own fields, and what else few bytes make.
const OTHERS_ROOM: usize = 64;

/// What makes a send more than a plain one; the default is a plain one.
#[derive(Clone, Copy)]
pub(super) struct Form<'a> {
    /// The request that carries it.
    pub(super) code: i32,
    /// Bits of the message's `sysFlag`.
    pub(super) sys_flag: i32,
    /// Properties of the library's own.
    pub(super) properties: &'a [(&'a str, &'a str)],
    /// Whether the body is a batch, which goes uncompressed.
    pub(super) batch: bool,
    /// Whether the topic is one that the servers made, outside of every namespace.
    pub(super) servers_topic: bool,
    /// Whether it may be sent much later, by way of the spool.
    pub(super) spoolable: bool,
    /// What holds the first frame back, when it is one of many.
    pub(super) cork: Option<&'a Cork>,
}

impl Default for Form<'_> {
    fn default() -> Self {
        Form {
            code: request_code::SEND_MESSAGE_V2,
            sys_flag: 0,
            properties: &[],
            batch: false,
            servers_topic: false,
            spoolable: true,
            cork: None,
        }
    }
}

/// What a message's header needs, the same for every try.
#[derive(Clone)]
pub(super) struct Head {
    pub(super) code: i32,
    pub(super) batch: bool,
    /// How many messages it stands for.
    pub(super) messages: usize,
    pub(super) texts: Texts,
    pub(super) flag: i32,
    pub(super) sys_flag: i32,
    pub(super) returns: Returns,
    pub(super) born_timestamp: i64,
    /// See [`Form::spoolable`].
    pub(super) spoolable: bool,
}

impl Head {
    /// For another send of the same message.
    pub(super) fn again(&self) -> Head {
        self.clone()
    }

    pub(super) fn topic(&self) -> &str {
        &self.texts.all[..self.texts.topic_end]
    }

    pub(super) fn message_id(&self) -> &str {
        &self.texts.all[self.texts.topic_end..self.texts.id_end]
    }

    pub(super) fn properties(&self) -> &str {
        &self.texts.all[self.texts.id_end..]
    }

    /// Lets go of the properties and their memory.
    pub(super) fn forget_properties(&mut self) {
        self.texts.all.truncate(self.texts.id_end);
        self.texts.all.shrink_to_fit();
    }
}

/// A message's topic, its unique id, and then its properties, in one piece of memory.
#[derive(Clone)]
pub(super) struct Texts {
    all: String,
    topic_end: usize,
    id_end: usize,
}

impl Texts {
    pub(super) fn new(topic: &str, message_id: &str, properties: &str) -> Texts {
        let all = [topic, message_id, properties].concat();
        Texts { all, topic_end: topic.len(), id_end: topic.len() + message_id.len() }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) mode: Mode,
    /// Tries in all; `None`: as the configuration says.
    pub(super) tries: Option<u32>,
    pub(super) started: Instant,
    pub(super) total: Duration,
    pub(super) deadline: Instant,
}

/// A message that keeps every rule and has its room in flight, and the route of its topic.
pub(super) struct Admitted {
    pub(super) head: Head,
    /// In place of the caller's body, when it is smaller.
    pub(super) compressed: Option<Vec<u8>>,
    pub(super) route: Arc<TopicRoute>,
    pub(super) rules: Rules,
    pub(super) permit: super::admission::Permit,
}

/// The same with its queue, asked of and told to the hooks.
pub(super) struct Accepted {
    pub(super) head: Head,
    pub(super) compressed: Option<Vec<u8>>,
    pub(super) queue: Queue,
    pub(super) choice: Choice,
    pub(super) rules: Rules,
    pub(super) permit: super::admission::Permit,
    pub(super) after: Option<Box<After>>,
}

impl Core {
    /// Takes a message or refuses it, and counts which.
    pub(super) fn accept(
        self: &Arc<Self>,
        message: &Message<'_>,
        options: &SendOptions,
        mode: Mode,
        form: &Form<'_>,
    ) -> Result<Accepted> {
        let accepted = self.examine(message, options, mode, form);
        match &accepted {
            // Not refused yet.
            Err(cause) if self.spool_for(cause, form).is_some() => {}
            decided => self.counters().taken(decided, message.body.len()),
        }
        accepted
    }

    /// Steps that every mode shares, on the caller's thread: validate, admit, route, select.
    fn examine(
        self: &Arc<Self>,
        message: &Message<'_>,
        options: &SendOptions,
        mode: Mode,
        form: &Form<'_>,
    ) -> Result<Accepted> {
        let Admitted { head, compressed, route, rules, permit } = self.admit(message, options, mode, form)?;
        let (queue, choice) = self.choose(head.topic(), &route, &options.selector)?;
        let after = match self.hooks.get() {
            None => None,
            Some(hooks) => Some(hooks::before(hooks, &self.sending(message, &head, &queue, &rules))?),
        };
        Ok(Accepted { head, compressed, queue, choice, rules, permit, after })
    }

    /// The first of them, up to the route.
    pub(super) fn admit(
        self: &Arc<Self>,
        message: &Message<'_>,
        options: &SendOptions,
        mode: Mode,
        form: &Form<'_>,
    ) -> Result<Admitted> {
        self.must_run()?;
        validate::message(message, self.settings.max_message_size)?;
        self.must_be_reliable(message, mode)?;
        let topic = match form.servers_topic {
            true => Cow::Borrowed(message.topic),
            false => self.settings.namespace.wrap(message.topic),
        };
        if matches!(topic, Cow::Owned(_)) {
            validate::topic_name(&topic)?;
        }
        let rules = self.rules(options, mode)?;
        let mut head = self.head(message, &topic, form)?;
        let permit = match form.cork {
            None => self.admission.admit(message.body.len(), self.backpressure(), rules.deadline)?,
            Some(cork) => self.admit_one_of_many(message.body.len(), rules.deadline, || cork.draw())?,
        };
        let compressed = if form.batch { None } else { self.settings.compression.apply(message.body) };
        if compressed.is_some() {
            head.sys_flag = sys_flag::with_compression(head.sys_flag, self.settings.compression.compression);
        }
        let route = self.route_or_spool(head.topic(), || match form.cork {
            None => self.route(head.topic(), rules.deadline),
            Some(cork) => self.route_of_one_of_many(head.topic(), rules.deadline, cork),
        })?;
        Ok(Admitted { head, compressed, route, rules, permit })
    }

    pub(super) fn sending<'a>(
        &'a self,
        message: &'a Message<'a>,
        head: &'a Head,
        queue: &'a Queue,
        rules: &Rules,
    ) -> Sending<'a> {
        Sending {
            #[cfg(feature = "capi")]
            admission: &self.admission,
            producer_group: &self.settings.producer_group,
            namespace: self.settings.namespace.name().unwrap_or_default(),
            mode: match rules.mode {
                Mode::Sync => SendMode::Sync,
                Mode::Async | Mode::Resend => SendMode::Async,
                Mode::Oneway => SendMode::Oneway,
            },
            message,
            batch: &[],
            body_length: message.body.len(),
            properties: head.properties(),
            message_id: head.message_id(),
            born_host: self.identity.host(),
            queue,
            started: rules.started,
        }
    }

    pub(super) fn head(&self, message: &Message<'_>, topic: &str, form: &Form<'_>) -> Result<Head> {
        let born_timestamp = now_ms();
        let mut text = String::with_capacity(topic.len() + ID_ROOM + properties_room(message));
        text.push_str(topic);
        let topic_end = text.len();
        self.identity.append_message_id(born_timestamp, &mut text);
        let id_end = text.len();
        let returns = Returns::of(message)?;
        let id = |text: &mut String| properties::append_own(text, properties::UNIQ_KEY, topic_end..id_end);
        self.append_properties(&mut text, message, &returns, form, id)?;
        Ok(Head {
            code: form.code,
            batch: form.batch,
            messages: 1,
            texts: Texts { all: text, topic_end, id_end },
            flag: message.flag,
            sys_flag: form.sys_flag,
            returns,
            born_timestamp,
            spoolable: form.spoolable,
        })
    }

    /// Appends a message's properties; `append_id` does so with that of its unique id.
    pub(super) fn append_properties(
        &self,
        text: &mut String,
        message: &Message<'_>,
        returns: &Returns,
        form: &Form<'_>,
        append_id: impl FnOnce(&mut String),
    ) -> Result<()> {
        let start = text.len();
        for (name, value) in &message.properties {
            if !returns.takes(name) {
                properties::append(text, name, value);
            }
        }
        if !message.keys.is_empty() {
            properties::append(text, properties::KEYS, message.keys);
        }
        if !message.tags.is_empty() {
            properties::append(text, properties::TAGS, message.tags);
        }
        append_special(text, message);
        if !form.batch {
            self.contexts.append(text, message);
        }
        for (name, value) in form.properties {
            properties::append(text, name, value);
        }
        append_id(text);
        properties::append(text, properties::WAIT, if message.wait_store_msg_ok { "true" } else { "false" });
        if let Some(namespace) = self.settings.namespace.name() {
            properties::append(text, properties::INSTANCE_ID, namespace);
        }
        validate::properties_length(text.len() - start)
    }
}

/// Room for the properties of a message, but for those that few have.
pub(super) fn properties_room(message: &Message<'_>) -> usize {
    let given: usize = message.properties.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    ID_ROOM + given + message.keys.len() + message.tags.len() + OTHERS_ROOM
}

/// The properties of the message's own fields that few messages have.
fn append_special(text: &mut String, message: &Message<'_>) {
    let mut number = itoa::Buffer::new();
    if let Some((name, value)) = message.delay.property() {
        properties::append(text, name, number.format(value));
    }
    if let Some(priority) = message.priority {
        properties::append(text, properties::PRIORITY, number.format(priority));
    }
    if !message.lite_topic.is_empty() {
        properties::append(text, properties::LITE_TOPIC, message.lite_topic);
    }
    if !message.sharding_key.is_empty() {
        properties::append(text, properties::SHARDING_KEY, message.sharding_key);
    }
    if !message.trace_parent.is_empty() {
        properties::append(text, properties::TRACEPARENT, message.trace_parent);
    }
}
