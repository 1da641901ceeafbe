//! One message on its way: the first try on the caller's thread, answers and further tries on the I/O thread.

use super::Mode;
use super::identity::now_ms;
use super::lifecycle::Core;
use crate::completion::{Completion, Outcome, Owed};
use crate::config::Backpressure;
use crate::error::{Error, ErrorKind, Result};
use crate::ffi::os::is_library_thread;
use crate::message::{Message, Receipt, SendOptions, SendStatus};
use crate::net::connection::{Failure, Responder};
use crate::policy::retry::{RetryRules, TryEnd};
use crate::policy::validate;
use crate::protocol::remoting::command::{request_code, response_code};
use crate::protocol::remoting::frame::Frame;
use crate::protocol::remoting::properties;
use crate::protocol::remoting::scan::Scan;
use crate::protocol::remoting::send::SendHeader;
use crate::route::{Broker, Queue};
use bytes::{Bytes, BytesMut};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Room for a frame's lengths, its header's fixed text and its numbers.
const HEADER_ROOM: usize = 512;

/// A message that was accepted and is not completed.
struct SendOp {
    core: Arc<Core>,
    head: Head,
    /// The body inside the first frame.
    body: Bytes,
    queue: Queue,
    rules: Rules,
    tries: u32,
    failed: Vec<FailedTry>,
    /// A try that stored the message, but not to its full safety.
    stored: Option<Receipt>,
    maybe_persisted: bool,
    owed: Owed,
}

/// What a message's header needs, the same for every try.
struct Head {
    topic: String,
    properties: String,
    message_id: String,
    flag: i32,
    born_timestamp: i64,
}

#[derive(Clone, Copy)]
struct Rules {
    mode: Mode,
    started: Instant,
    total: Duration,
    deadline: Instant,
}

struct FailedTry {
    broker: Arc<Broker>,
    cause: Error,
}

/// A message that keeps every rule, with its route.
struct Accepted {
    head: Head,
    queue: Queue,
    rules: Rules,
    permit: super::admission::Permit,
}

impl Core {
    /// Steps that every mode shares, on the caller's thread: validate, admit, route, select.
    fn accept(self: &Arc<Self>, message: &Message<'_>, options: &SendOptions, mode: Mode) -> Result<Accepted> {
        self.must_run()?;
        validate::message(message, self.settings.max_message_size)?;
        let topic = self.settings.namespace.wrap(message.topic);
        if matches!(topic, Cow::Owned(_)) {
            validate::topic_name(&topic)?;
        }
        let started = Instant::now();
        let total = options.timeout.unwrap_or(self.settings.send_msg_timeout);
        let rules = Rules { mode, started, total, deadline: started + total };
        let head = self.head(message, &topic)?;
        // Room is given back by the dispatcher, which would wait for itself in a callback.
        let policy = if is_library_thread() { Backpressure::Fail } else { self.settings.backpressure };
        let permit = self.admission.admit(message.body.len(), policy, rules.deadline)?;
        let route = self.route(&head.topic, rules.deadline)?;
        let Some(queue) = route.select(None).cloned() else {
            return Err(Error::new(ErrorKind::NoRoute, format!("topic `{}` has no writable queue", head.topic)));
        };
        Ok(Accepted { head, queue, rules, permit })
    }

    fn head(&self, message: &Message<'_>, topic: &str) -> Result<Head> {
        let born_timestamp = now_ms();
        let message_id = self.identity.message_id(born_timestamp);
        let given: usize = message.properties.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
        let mut text = String::with_capacity(given + message.keys.len() + message.tags.len() + 96);
        for (name, value) in &message.properties {
            properties::append(&mut text, name, value);
        }
        if !message.keys.is_empty() {
            properties::append(&mut text, properties::KEYS, message.keys);
        }
        if !message.tags.is_empty() {
            properties::append(&mut text, properties::TAGS, message.tags);
        }
        properties::append(&mut text, properties::UNIQ_KEY, &message_id);
        properties::append(&mut text, properties::WAIT, if message.wait_store_msg_ok { "true" } else { "false" });
        if let Some(namespace) = self.settings.namespace.name() {
            properties::append(&mut text, properties::INSTANCE_ID, namespace);
        }
        validate::properties_length(text.len())?;
        Ok(Head { topic: topic.to_owned(), properties: text, message_id, flag: message.flag, born_timestamp })
    }

    pub(crate) fn submit(
        self: &Arc<Self>,
        message: &Message<'_>,
        options: &SendOptions,
        mode: Mode,
        completion: Completion,
    ) -> Result<()> {
        let Accepted { head, queue, rules, permit } = self.accept(message, options, mode)?;
        let op = Box::new(SendOp {
            core: Arc::clone(self),
            head,
            body: Bytes::new(),
            queue,
            rules,
            tries: 0,
            failed: Vec::new(),
            stored: None,
            maybe_persisted: false,
            owed: Owed::new(completion, permit, Arc::clone(self.runtime.dispatcher())),
        });
        op.start_try(Some(message.body));
        Ok(())
    }

    pub(crate) fn send_oneway(self: &Arc<Self>, message: &Message<'_>, options: &SendOptions) -> Outcome {
        let Accepted { head, queue, rules, permit } = self.accept(message, options, Mode::Sync)?;
        let connection = self.pool.broker(&queue.broker.address);
        connection.wait_open(rules.deadline)?;
        let opaque = connection.reserve()?;
        // Nothing will be answered: the number alone is wanted.
        connection.release(opaque);
        let frame = self.encode(&head, &queue, opaque, true, message.body);
        connection.push(frame, Some(Box::new(permit)))?;
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

    fn encode(&self, head: &Head, queue: &Queue, opaque: i32, oneway: bool, body: &[u8]) -> Bytes {
        // Control characters grow sixfold in a JSON header; two belong to each property.
        let room = HEADER_ROOM + head.properties.len() * 2 + head.topic.len();
        let mut out = BytesMut::with_capacity(room + body.len());
        let header = SendHeader {
            producer_group: &self.settings.producer_group,
            topic: &head.topic,
            default_topic: &self.settings.create_topic_key,
            default_topic_queue_nums: self.settings.default_topic_queue_nums,
            queue_id: queue.id,
            sys_flag: 0,
            born_timestamp: head.born_timestamp,
            flag: head.flag,
            properties: &head.properties,
            reconsume_times: 0,
            unit_mode: self.settings.unit_mode,
            max_reconsume_times: None,
            batch: false,
            broker_name: &queue.broker.name,
        };
        let serializer = self.settings.serializer;
        let code = request_code::SEND_MESSAGE_V2;
        self.settings.envelope.encode_send(&mut out, code, serializer, opaque, oneway, &header, body);
        out.freeze()
    }
}

impl SendOp {
    fn retry_rules(&self) -> RetryRules<'_> {
        let settings = &self.core.settings;
        RetryRules {
            tries: match self.rules.mode {
                Mode::Sync => settings.sync_tries,
                Mode::Async => settings.async_tries,
            },
            codes: &settings.retry_response_codes,
            when_not_store_ok: settings.retry_when_not_store_ok,
        }
    }

    /// Sends to `self.queue`; the body comes from the caller the first time, from the first frame later.
    fn start_try(mut self: Box<Self>, first_body: Option<&[u8]>) {
        self.tries += 1;
        let now = Instant::now();
        let cap = self.core.settings.per_request_timeout;
        let deadline = self.retry_rules().try_deadline(now, self.rules.total, self.rules.deadline, cap);
        let connection = self.core.pool.broker(&self.queue.broker.address);
        let opaque = match connection.reserve() {
            Ok(opaque) => opaque,
            Err(cause) => {
                if let Some(body) = first_body {
                    self.body = Bytes::copy_from_slice(body);
                }
                return self.on_failure(Failure { cause, maybe_sent: false });
            }
        };
        let body = first_body.unwrap_or(&self.body);
        let frame = self.core.encode(&self.head, &self.queue, opaque, false, body);
        if let Some(body) = first_body {
            self.body = frame.slice(frame.len() - body.len()..);
        }
        if let Err((responder, cause)) = connection.request(opaque, frame, self, deadline) {
            responder.on_failure(Failure { cause, maybe_sent: false });
        }
    }

    /// Another try on another broker where there is one, or the end.
    fn end_try(mut self: Box<Self>, end: TryEnd, cause: Error) {
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
        let next = again.then(|| self.core.routes.get(&self.head.topic)).flatten();
        let next = next.and_then(|route| route.select(Some(&self.queue.broker.name)).cloned());
        self.failed.push(FailedTry { broker: Arc::clone(&self.queue.broker), cause });
        match next {
            Some(queue) => {
                self.queue = queue;
                self.start_try(None);
            }
            None => {
                let outcome = match self.stored.take() {
                    Some(receipt) => Ok(receipt),
                    None => Err(self.failure()),
                };
                self.finish(outcome);
            }
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
        let SendOp { core, maybe_persisted, owed, .. } = *self;
        // Before the owner hears of it and may close: the last handle of the core should not go on the I/O thread.
        drop(core);
        owed.deliver(outcome.map_err(|error| match maybe_persisted {
            true => error.with_maybe_persisted(true),
            false => error,
        }));
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
        let status = match scan.code {
            response_code::SUCCESS => SendStatus::Ok,
            response_code::FLUSH_DISK_TIMEOUT => SendStatus::FlushDiskTimeout,
            response_code::FLUSH_SLAVE_TIMEOUT => SendStatus::FlushSlaveTimeout,
            response_code::SLAVE_NOT_AVAILABLE => SendStatus::SlaveNotAvailable,
            code => {
                let retriable = self.core.settings.retry_response_codes.contains(&code);
                return self.end_try(TryEnd::Refused(code), Error::broker(code, scan.remark.as_ref(), retriable));
            }
        };
        let receipt = self.receipt(status, scan);
        if status == SendStatus::Ok || !self.core.settings.retry_when_not_store_ok {
            return self.finish(Ok(receipt));
        }
        self.stored = Some(receipt);
        self.end_try(TryEnd::NotStoreOk, Error::broker(scan.code, scan.remark.as_ref(), true));
    }

    fn on_failure(mut self: Box<Self>, failure: Failure) {
        self.maybe_persisted |= failure.maybe_sent;
        self.end_try(TryEnd::NoAnswer, failure.cause);
    }
}
