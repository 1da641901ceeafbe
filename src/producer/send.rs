//! One message on its way: the first try on the caller's thread, answers and further tries on the I/O thread.

use super::Mode;
use super::choose::Choice;
use super::faults;
use super::hooks::{self, After, Sending};
use super::identity::now_ms;
use super::lifecycle::Core;
use super::trace::{Stored, Tracer};
use crate::completion::{Completion, Outcome, Owed};
use crate::config::Backpressure;
use crate::error::{Error, ErrorKind, Result};
use crate::ffi::os::is_library_thread;
use crate::hook::SendMode;
use crate::message::{Message, Receipt, SendOptions, SendStatus};
use crate::net::connection::{Failure, Responder};
use crate::net::cork::Cork;
use crate::net::outbox::OnWritten;
use crate::policy::fault::Ended;
use crate::policy::retry::{RetryRules, TryEnd};
use crate::policy::returns::Returns;
use crate::policy::validate;
use crate::protocol::remoting::command::{request_code, response_code};
use crate::protocol::remoting::frame::Frame;
use crate::protocol::remoting::payload::Payload;
use crate::protocol::remoting::properties;
use crate::protocol::remoting::scan::Scan;
use crate::protocol::remoting::send::SendHeader;
use crate::protocol::remoting::sys_flag;
use crate::route::{Broker, Queue, TopicRoute};
use bytes::{Bytes, BytesMut};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Room for a frame's lengths, its header's fixed text and its numbers.
const HEADER_ROOM: usize = 512;

/// A message that was accepted and is not completed.
pub(super) struct SendOp {
    pub(super) core: Arc<Core>,
    head: Head,
    /// The body inside the first frame.
    body: Bytes,
    queue: Queue,
    choice: Choice,
    /// The connection of the present try.
    connection: u64,
    /// Whether the broker said GO_AWAY to this try already.
    sent_away: bool,
    pub(super) rules: Rules,
    pub(super) tries: u32,
    try_started: Instant,
    failed: Vec<FailedTry>,
    /// A try that stored the message, but not to its full safety.
    stored: Option<Receipt>,
    maybe_persisted: bool,
    after: Option<Box<After>>,
    owed: Owed,
}

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
    /// What holds the first frame back, when it is one of many.
    pub(super) cork: Option<&'a Cork>,
}

/// What only the first try has.
#[derive(Clone, Copy)]
pub(super) struct First<'a> {
    /// The caller's body, or its compressed form.
    body: Payload<'a>,
    cork: Option<&'a Cork>,
}

impl<'a> From<Payload<'a>> for First<'a> {
    fn from(body: Payload<'a>) -> Self {
        First { body, cork: None }
    }
}

impl Default for Form<'_> {
    fn default() -> Self {
        Form {
            code: request_code::SEND_MESSAGE_V2,
            sys_flag: 0,
            properties: &[],
            batch: false,
            servers_topic: false,
            cork: None,
        }
    }
}

/// What a message's header needs, the same for every try.
pub(super) struct Head {
    code: i32,
    batch: bool,
    /// How many messages it stands for.
    pub(super) messages: usize,
    pub(super) topic: String,
    pub(super) properties: String,
    pub(super) message_id: String,
    pub(super) flag: i32,
    sys_flag: i32,
    returns: Returns,
    born_timestamp: i64,
}

#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) mode: Mode,
    pub(super) started: Instant,
    pub(super) total: Duration,
    pub(super) deadline: Instant,
}

struct FailedTry {
    broker: Arc<Broker>,
    cause: Error,
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
struct Accepted {
    head: Head,
    compressed: Option<Vec<u8>>,
    queue: Queue,
    choice: Choice,
    rules: Rules,
    permit: super::admission::Permit,
    after: Option<Box<After>>,
}

impl Core {
    /// Takes a message or refuses it, and counts which.
    fn accept(
        self: &Arc<Self>,
        message: &Message<'_>,
        options: &SendOptions,
        mode: Mode,
        form: &Form<'_>,
    ) -> Result<Accepted> {
        let accepted = self.examine(message, options, mode, form);
        match &accepted {
            Ok(_) => self.counters().accepted.add(message.body.len()),
            Err(refusal) => self.counters().refusals.add(refusal, 1),
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
        let (queue, choice) = self.choose(&head.topic, &route, &options.selector)?;
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
            Some(cork) => self.admit_one_of_many(message.body.len(), rules.deadline, cork)?,
        };
        let compressed = if form.batch { None } else { self.settings.compression.apply(message.body) };
        if compressed.is_some() {
            head.sys_flag = sys_flag::with_compression(head.sys_flag, self.settings.compression.compression);
        }
        let route = match form.cork {
            None => self.route(&head.topic, rules.deadline)?,
            Some(cork) => self.route_of_one_of_many(&head.topic, rules.deadline, cork)?,
        };
        Ok(Admitted { head, compressed, route, rules, permit })
    }

    pub(super) fn rules(&self, options: &SendOptions, mode: Mode) -> Result<Rules> {
        let started = Instant::now();
        let total = validate::timeout(options.timeout.unwrap_or(self.settings.send_msg_timeout))?;
        Ok(Rules { mode, started, total, deadline: started + total })
    }

    /// What the calling thread does at the limits in flight.
    pub(super) fn backpressure(&self) -> Backpressure {
        // Room is given back by the dispatcher, which would wait for itself in a callback.
        if is_library_thread() { Backpressure::Fail } else { self.settings.backpressure }
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
                Mode::Async => SendMode::Async,
                Mode::Oneway => SendMode::Oneway,
            },
            message,
            batch: &[],
            body_length: message.body.len(),
            properties: &head.properties,
            message_id: &head.message_id,
            born_host: self.identity.host(),
            queue,
            started: rules.started,
        }
    }

    pub(super) fn head(&self, message: &Message<'_>, topic: &str, form: &Form<'_>) -> Result<Head> {
        let born_timestamp = now_ms();
        let message_id = self.identity.message_id(born_timestamp);
        let given: usize = message.properties.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
        let mut text = String::with_capacity(given + message.keys.len() + message.tags.len() + 96);
        let returns = Returns::of(message)?;
        for (name, value) in &message.properties {
            if !returns.takes(name) {
                properties::append(&mut text, name, value);
            }
        }
        if !message.keys.is_empty() {
            properties::append(&mut text, properties::KEYS, message.keys);
        }
        if !message.tags.is_empty() {
            properties::append(&mut text, properties::TAGS, message.tags);
        }
        append_special(&mut text, message);
        if !form.batch {
            self.contexts.append(&mut text, message);
        }
        for (name, value) in form.properties {
            properties::append(&mut text, name, value);
        }
        properties::append(&mut text, properties::UNIQ_KEY, &message_id);
        properties::append(&mut text, properties::WAIT, if message.wait_store_msg_ok { "true" } else { "false" });
        if let Some(namespace) = self.settings.namespace.name() {
            properties::append(&mut text, properties::INSTANCE_ID, namespace);
        }
        validate::properties_length(text.len())?;
        Ok(Head {
            code: form.code,
            batch: form.batch,
            messages: 1,
            topic: topic.to_owned(),
            properties: text,
            message_id,
            flag: message.flag,
            sys_flag: form.sys_flag,
            returns,
            born_timestamp,
        })
    }

    pub(crate) fn submit(
        self: &Arc<Self>,
        message: &Message<'_>,
        options: &SendOptions,
        mode: Mode,
        completion: Completion,
    ) -> Result<()> {
        let form = Form::default();
        match &self.accumulator {
            Some(accumulator) => self.accumulate(accumulator, message, options, mode, &form, completion),
            None => self.submit_as(message, options, mode, &form, completion),
        }
    }

    pub(super) fn submit_as(
        self: &Arc<Self>,
        message: &Message<'_>,
        options: &SendOptions,
        mode: Mode,
        form: &Form<'_>,
        completion: Completion,
    ) -> Result<()> {
        let Accepted { head, compressed, queue, choice, rules, permit, after } =
            self.accept(message, options, mode, form)?;
        let owed = Owed::new(completion, permit, Arc::clone(self.runtime.dispatcher()));
        let body = compressed.as_deref().unwrap_or(message.body);
        let first = First { body: Payload::Plain(body), cork: form.cork };
        self.launch(head, (queue, choice), rules, after, owed, first);
        Ok(())
    }

    /// Sends what was accepted.
    pub(super) fn launch<'a>(
        self: &Arc<Self>,
        head: Head,
        (queue, choice): (Queue, Choice),
        rules: Rules,
        after: Option<Box<After>>,
        owed: Owed,
        first: impl Into<First<'a>>,
    ) {
        let op = Box::new(SendOp {
            core: Arc::clone(self),
            head,
            body: Bytes::new(),
            queue,
            choice,
            connection: 0,
            sent_away: false,
            rules,
            tries: 0,
            try_started: rules.started,
            failed: Vec::new(),
            stored: None,
            maybe_persisted: false,
            after,
            owed,
        });
        op.start_try(Some(first.into()));
    }

    pub(crate) fn send_oneway(self: &Arc<Self>, message: &Message<'_>, options: &SendOptions) -> Outcome {
        self.send_oneway_as(message, options, &Form::default())
    }

    pub(super) fn send_oneway_as(
        self: &Arc<Self>,
        message: &Message<'_>,
        options: &SendOptions,
        form: &Form<'_>,
    ) -> Outcome {
        let Accepted { head, compressed, queue, rules, permit, after, .. } =
            self.accept(message, options, Mode::Oneway, form)?;
        let body = Payload::Plain(compressed.as_deref().unwrap_or(message.body));
        let count = |outcome: &Outcome| self.counters().ended_oneway(outcome, 1, message.body.len());
        let Some(after) = after else {
            let outcome = self.push_oneway(head, body, &queue, rules, Box::new(permit));
            count(&outcome);
            return outcome;
        };
        let permit = Arc::new(permit);
        let outcome = self.push_oneway(head, body, &queue, rules, Box::new(Arc::clone(&permit)));
        count(&outcome);
        after.hold(permit).end(&queue, 1, outcome.clone(), None, self.runtime.dispatcher());
        outcome
    }

    pub(super) fn push_oneway(
        &self,
        head: Head,
        body: Payload<'_>,
        queue: &Queue,
        rules: Rules,
        on_written: OnWritten,
    ) -> Outcome {
        let connection = self.pool.broker(&queue.broker.address);
        let opening = Instant::now();
        let opened = connection.wait_open(rules.deadline);
        self.note_oneway(&queue.broker, opened.as_ref().err(), opening);
        opened?;
        let opaque = connection.reserve()?;
        // Nothing will be answered: the number alone is wanted.
        connection.release(opaque);
        let frame = self.encode(&head, queue, opaque, true, body);
        queue.broker.counters.sent.add(frame.len());
        connection.push(frame, Some(on_written))?;
        Ok(Receipt {
            status: SendStatus::Oneway,
            message_id: head.message_id,
            offset_message_id: String::new(),
            topic: self.settings.namespace.strip(&head.topic).into_owned(),
            broker_name: queue.broker.name.to_string(),
            queue_id: queue.id,
            queue_offset: -1,
            transaction_id: String::new(),
            region_id: String::new(),
            recall_handle: String::new(),
            attempts: 1,
        })
    }

    fn encode(&self, head: &Head, queue: &Queue, opaque: i32, oneway: bool, body: Payload<'_>) -> Bytes {
        // Control characters grow sixfold in a JSON header; two belong to each property.
        let room = HEADER_ROOM + head.properties.len() * 2 + head.topic.len();
        let mut out = BytesMut::with_capacity(room + body.size());
        let header = SendHeader {
            producer_group: &self.settings.producer_group,
            topic: &head.topic,
            default_topic: &self.settings.create_topic_key,
            default_topic_queue_nums: self.settings.default_topic_queue_nums,
            queue_id: queue.id,
            sys_flag: head.sys_flag,
            born_timestamp: head.born_timestamp,
            flag: head.flag,
            properties: &head.properties,
            reconsume_times: head.returns.times,
            unit_mode: self.settings.unit_mode,
            max_reconsume_times: head.returns.most,
            batch: head.batch,
            broker_name: &queue.broker.name,
        };
        let serializer = self.settings.serializer;
        self.settings.envelope.encode_send(&mut out, head.code, serializer, opaque, oneway, &header, body);
        out.freeze()
    }
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

impl SendOp {
    fn retry_rules(&self) -> RetryRules<'_> {
        let settings = &self.core.settings;
        RetryRules {
            tries: match self.rules.mode {
                Mode::Async => settings.async_tries,
                Mode::Sync | Mode::Oneway => settings.sync_tries,
            },
            codes: &settings.retry_response_codes,
            when_not_store_ok: settings.retry_when_not_store_ok,
        }
    }

    /// Sends to `self.queue`; the body comes from the caller the first time, from the first frame later.
    fn start_try(mut self: Box<Self>, first: Option<First<'_>>) {
        self.tries += 1;
        self.sent_away = false;
        if self.tries > 1 {
            self.core.counters().retries.add(1);
        }
        self.transmit(first);
    }

    /// Sends the present try, which is the second time after a GO_AWAY.
    fn transmit(mut self: Box<Self>, first: Option<First<'_>>) {
        self.try_started = Instant::now();
        let cap = self.core.settings.per_request_timeout;
        let deadline = self.retry_rules().try_deadline(self.try_started, self.rules.total, self.rules.deadline, cap);
        let connection = self.core.pool.broker(&self.queue.broker.address);
        self.connection = connection.number();
        let opaque = match connection.reserve() {
            Ok(opaque) => opaque,
            Err(cause) => {
                if let Some(first) = first {
                    self.body = first.body.to_bytes();
                }
                self.queue.broker.counters.sent.add(0);
                return self.on_failure(Failure { cause, maybe_sent: false });
            }
        };
        let body = first.map_or(Payload::Plain(&self.body), |first| first.body);
        let size = body.size();
        let frame = self.core.encode(&self.head, &self.queue, opaque, false, body);
        self.queue.broker.counters.sent.add(frame.len());
        // Of every frame so far only the last is kept.
        self.body = frame.slice(frame.len() - size..);
        let requested = match first.and_then(|first| first.cork) {
            None => connection.request(opaque, frame, self, deadline),
            Some(cork) => connection.request_corked(opaque, frame, self, deadline, cork),
        };
        if let Err((responder, cause)) = requested {
            responder.on_failure(Failure { cause, maybe_sent: false });
        }
    }

    /// Another try on another broker where there is one, or the end.
    fn end_try(mut self: Box<Self>, end: TryEnd, cause: Error) {
        self.queue.broker.counters.failed.add(1);
        if let Some(closed) = self.core.must_end() {
            return self.finish(Err(closed));
        }
        let again = self.retry_rules().again(end, self.tries, Instant::now(), self.rules.deadline);
        tracing::debug!(
            message_id = self.head.message_id, topic = self.head.topic, broker = %self.queue.broker.name,
            attempt = self.tries, again, %cause, "a try failed"
        );
        // The second: a static topic's queue has moved.
        if matches!(end, TryEnd::NoAnswer | TryEnd::Refused(response_code::NOT_LEADER_FOR_QUEUE)) {
            self.core.refresh_soon(&self.head.topic);
        }
        self.failed.push(FailedTry { broker: Arc::clone(&self.queue.broker), cause });
        if again { self.pause() } else { self.give_up() }
    }

    /// The next try, now.
    pub(super) fn go_on(mut self: Box<Self>) {
        if let Some(closed) = self.core.must_end() {
            return self.finish(Err(closed));
        }
        match self.core.choose_again(&self.head.topic, &self.queue, self.choice) {
            Some(queue) => {
                self.queue = queue;
                self.start_try(None);
            }
            None => self.give_up(),
        }
    }

    /// The end of a message whose tries are over.
    pub(super) fn give_up(mut self: Box<Self>) {
        let outcome = match self.stored.take() {
            Some(receipt) => Ok(receipt),
            None => {
                let counters = self.core.counters();
                let left = self.tries < self.retry_rules().tries;
                let count = if left { &counters.retries_spared } else { &counters.given_up };
                count.add(self.head.messages as u64);
                let error = self.failure();
                tracing::warn!(message_id = self.head.message_id, %error, "a message was given up");
                Err(error)
            }
        };
        self.finish(outcome);
    }

    /// After a GO_AWAY: the same try once more, on a new connection; `false` when that was done already.
    fn go_elsewhere(&mut self) -> bool {
        let again = !self.sent_away && Instant::now() < self.rules.deadline && self.core.must_end().is_none();
        self.sent_away = true;
        let again = again && self.core.pool.leave(&self.queue.broker.address, self.connection);
        if again {
            self.core.counters().resends.add(1);
        }
        again
    }

    fn note(&self, ended: Ended) {
        if let Some(faults) = &self.core.faults {
            faults.note(&self.queue.broker.name, ended, self.try_started);
        }
    }

    /// The error of a message whose every try failed: the last cause, with all that was tried before it.
    fn failure(&self) -> Error {
        let brokers: Vec<&str> = self.failed.iter().map(|failed| &*failed.broker.name).collect();
        let took = self.rules.started.elapsed().as_millis();
        let context = format!(
            "topic `{}`: {} {} in {took} ms, brokers [{}]",
            self.head.topic,
            self.tries,
            if self.tries == 1 { "try" } else { "tries" },
            brokers.join(", ")
        );
        match self.failed.last() {
            Some(last) => last.cause.context(context),
            None => Error::new(ErrorKind::Internal, context),
        }
    }

    fn finish(self: Box<Self>, outcome: Outcome) {
        let SendOp { core, maybe_persisted, queue, tries, after, owed, .. } = *self;
        let outcome = outcome.map_err(|error| match maybe_persisted {
            true => error.with_maybe_persisted(true),
            false => error,
        });
        let Some(after) = after else {
            // Before the owner hears of it and may close: the last handle of the core should not go on the I/O thread.
            drop(core);
            return owed.deliver_after(outcome, queue, tries);
        };
        let dispatcher = Arc::clone(core.runtime.dispatcher());
        drop(core);
        after.end(&queue, tries, outcome, Some(owed), &dispatcher);
    }

    #[inline(never)]
    fn trace(&self, tracer: &Tracer, status: SendStatus, scan: &Scan<'_>) {
        if scan.trace_on {
            tracer.stored(&Stored {
                topic: &self.head.topic,
                properties: &self.head.properties,
                message_id: &self.head.message_id,
                body: &self.body,
                batch: self.head.batch && scan.batch_uniq_id.is_empty(),
                store_host: &self.queue.broker.address,
                region: &scan.region_id,
                offset_message_id: &scan.msg_id,
                started: self.try_started,
                success: status == SendStatus::Ok,
            });
        }
    }

    fn receipt(&self, status: SendStatus, scan: &Scan<'_>) -> Receipt {
        Receipt {
            status,
            message_id: self.head.message_id.clone(),
            offset_message_id: scan.msg_id.to_string(),
            topic: self.core.settings.namespace.strip(&self.head.topic).into_owned(),
            broker_name: self.queue.broker.name.to_string(),
            queue_id: if scan.queue_id >= 0 { scan.queue_id } else { self.queue.id },
            queue_offset: scan.queue_offset,
            transaction_id: scan.transaction_id.to_string(),
            region_id: scan.region_id.to_string(),
            recall_handle: scan.recall_handle.to_string(),
            attempts: self.tries,
        }
    }
}

impl Responder for SendOp {
    fn on_response(mut self: Box<Self>, _frame: &Frame<'_>, scan: &Scan<'_>) {
        self.queue.broker.counters.answered(self.try_started.elapsed());
        let status = match scan.code {
            response_code::SUCCESS => SendStatus::Ok,
            response_code::FLUSH_DISK_TIMEOUT => SendStatus::FlushDiskTimeout,
            response_code::FLUSH_SLAVE_TIMEOUT => SendStatus::FlushSlaveTimeout,
            response_code::SLAVE_NOT_AVAILABLE => SendStatus::SlaveNotAvailable,
            response_code::GO_AWAY if self.go_elsewhere() => return self.transmit(None),
            code => {
                // A client that waits for a reply no more is no trouble of the broker's.
                if self.head.code != request_code::SEND_REPLY_MESSAGE_V2 {
                    self.note(Ended::Refused(code));
                }
                let retriable = self.core.settings.retry_response_codes.contains(&code);
                return self.end_try(TryEnd::Refused(code), Error::broker(code, scan.remark.as_ref(), retriable));
            }
        };
        self.note(Ended::Stored);
        if let Some(tracer) = &self.core.tracer {
            self.trace(tracer, status, scan);
        }
        let receipt = self.receipt(status, scan);
        if status == SendStatus::Ok || !self.core.settings.retry_when_not_store_ok {
            return self.finish(Ok(receipt));
        }
        self.stored = Some(receipt);
        self.end_try(TryEnd::NotStoreOk, Error::broker(scan.code, scan.remark.as_ref(), true));
    }

    fn on_failure(mut self: Box<Self>, failure: Failure) {
        self.maybe_persisted |= failure.maybe_sent;
        if let Some(ended) = faults::ended(&failure.cause) {
            self.note(ended);
        }
        self.end_try(TryEnd::NoAnswer, failure.cause);
    }
}
