//! A message on its way: its tries, the answers to them, and its end.

use super::Mode;
use super::accept::{Head, Rules};
use super::choose::Choice;
use super::faults;
use super::hooks::After;
use super::identity::now_ms;
use super::lifecycle::Core;
use super::reliable::{Last, Unsent, target_of};
use super::trace::{Stored, Tracer};
use crate::completion::{Outcome, Owed};
use crate::error::{Error, ErrorKind};
#[cfg(feature = "capi")]
use crate::ffi::receipt::mqp_receipt;
use crate::message::{Attempt, Receipt, SendStatus, Told};
use crate::net::connection::{Awaited, Failure, Responder};
use crate::net::cork::{Cork, Pending};
use crate::policy::fault::Ended;
use crate::policy::retry::{RetryRules, TryEnd};
use crate::protocol::remoting::command::{request_code, response_code};
use crate::protocol::remoting::frame::Frame;
use crate::protocol::remoting::payload::Payload;
use crate::protocol::remoting::scan::Scan;
use crate::route::{Broker, Queue};
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
    /// Whether the last of them was worth another one.
    worth: bool,
    /// A try that stored the message, but not to its full safety.
    stored: Option<Box<Receipt>>,
    maybe_persisted: bool,
    after: Option<Box<After>>,
    owed: Owed,
}

struct FailedTry {
    broker: Arc<Broker>,
    queue_id: i32,
    cause: Error,
    /// In milliseconds since 1970.
    ended: i64,
    took: Duration,
    maybe_stored: bool,
}

impl FailedTry {
    fn attempt(&self) -> Attempt {
        let cause = &self.cause;
        Attempt {
            broker_name: self.broker.name[..].to_owned(),
            queue_id: self.queue_id,
            kind: cause.kind(),
            broker_code: cause.broker_code(),
            remark: cause.remark().unwrap_or(cause.message()).to_owned(),
            started: self.ended - i64::try_from(self.took.as_millis()).unwrap_or(i64::MAX),
            took: self.took,
            maybe_stored: self.maybe_stored,
        }
    }
}

/// What only the first try has.
#[derive(Clone, Copy)]
pub(super) struct First<'a> {
    /// The caller's body, or its compressed form.
    pub(super) body: Payload<'a>,
    pub(super) cork: Option<&'a Cork>,
    /// Whether the caller waits for the end, by [`Awaited::read`] first.
    pub(super) awaited: bool,
}

impl<'a> From<Payload<'a>> for First<'a> {
    fn from(body: Payload<'a>) -> Self {
        First { body, cork: None, awaited: false }
    }
}

impl Core {
    /// Sends what was accepted. What is returned is for a caller who waits.
    pub(super) fn launch<'a>(
        self: &Arc<Self>,
        head: Head,
        (queue, choice): (Queue, Choice),
        rules: Rules,
        after: Option<Box<After>>,
        owed: Owed,
        first: impl Into<First<'a>>,
    ) -> Option<Awaited> {
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
            worth: true,
            stored: None,
            maybe_persisted: false,
            after,
            owed,
        });
        op.start_try(Some(first.into()))
    }
}

impl SendOp {
    fn retry_rules(&self) -> RetryRules<'_> {
        let settings = &self.core.settings;
        RetryRules {
            tries: self.rules.tries.unwrap_or(match self.rules.mode {
                Mode::Async => settings.async_tries,
                Mode::Sync | Mode::Oneway => settings.sync_tries,
                Mode::Resend => 1,
            }),
            codes: &settings.retry_response_codes,
            when_not_store_ok: settings.retry_when_not_store_ok,
        }
    }

    /// Sends to `self.queue`; the body comes from the caller the first time, from the first frame later.
    fn start_try(mut self: Box<Self>, first: Option<First<'_>>) -> Option<Awaited> {
        self.tries += 1;
        self.sent_away = false;
        if self.tries > 1 {
            self.core.counters().retries.add(1);
        }
        self.transmit(first)
    }

    /// Sends the present try, which is the second time after a GO_AWAY.
    fn transmit(mut self: Box<Self>, first: Option<First<'_>>) -> Option<Awaited> {
        self.try_started = Instant::now();
        let cap = self.core.settings.per_request_timeout;
        let (rules, number, started) = (self.retry_rules(), self.tries, self.try_started);
        let deadline = rules.try_deadline(number, started, self.rules.total, self.rules.deadline, cap);
        let connection = self.core.pool.broker(&self.queue.broker.address);
        self.connection = connection.number();
        let cork = first.and_then(|first| first.cork);
        let reserved = match cork {
            None => connection.reserve(),
            Some(cork) => cork.reserve(&connection),
        };
        let opaque = match reserved {
            Ok(opaque) => opaque,
            Err(cause) => {
                if let Some(first) = first {
                    self.body = first.body.to_bytes();
                }
                self.queue.broker.counters.sent.add(0);
                self.on_failure(Failure { cause, maybe_sent: false });
                return None;
            }
        };
        let body = first.map_or(Payload::Plain(&self.body), |first| first.body);
        let size = body.size();
        let frame = self.core.encode(&self.head, &self.queue, opaque, false, body, cork);
        self.queue.broker.counters.sent.add(frame.len());
        // Of every frame so far only the last is kept.
        self.body = frame.slice(frame.len() - size..);
        let awaited = first.is_some_and(|first| first.awaited);
        let requested = match cork {
            None if awaited => connection.request_awaited(opaque, frame, self, deadline),
            None => connection.request(opaque, frame, self, deadline).map(|()| None),
            Some(cork) => {
                cork.hold(&connection, Pending { opaque, bytes: frame, responder: self, deadline });
                return None;
            }
        };
        requested.unwrap_or_else(|(responder, cause)| {
            responder.on_failure(Failure { cause, maybe_sent: false });
            None
        })
    }

    /// Another try on another broker where there is one, or the end.
    fn end_try(mut self: Box<Self>, end: TryEnd, cause: Error, maybe_stored: bool) {
        self.queue.broker.counters.failed.add(1);
        if let Some(closed) = self.core.must_end() {
            return self.end_closed(closed);
        }
        let rules = self.retry_rules();
        let (worth, again) =
            (rules.is_worth_another(end), rules.again(end, self.tries, Instant::now(), self.rules.deadline));
        self.worth = worth;
        tracing::debug!(
            message_id = self.head.message_id(), topic = self.head.topic(), broker = %self.queue.broker.name,
            attempt = self.tries, again, %cause, "a try failed"
        );
        // The second: a static topic's queue has moved.
        if matches!(end, TryEnd::NoAnswer | TryEnd::Refused(response_code::NOT_LEADER_FOR_QUEUE)) {
            self.core.refresh_soon(self.head.topic());
        }
        let (broker, queue_id) = (Arc::clone(&self.queue.broker), self.queue.id);
        let (ended, took) = (now_ms(), self.try_started.elapsed());
        self.failed.push(FailedTry { broker, queue_id, cause, ended, took, maybe_stored });
        if again { self.pause() } else { self.give_up() }
    }

    /// The next try, now.
    pub(super) fn go_on(mut self: Box<Self>) {
        if let Some(closed) = self.core.must_end() {
            return self.end_closed(closed);
        }
        match self.core.choose_again(self.head.topic(), &self.queue, self.choice) {
            Some(queue) => {
                self.queue = queue;
                // Whoever waits for it does not know this connection.
                drop(self.start_try(None));
            }
            None => self.give_up(),
        }
    }

    /// The end of a message whose tries are over.
    pub(super) fn give_up(mut self: Box<Self>) {
        let reliable = self.core.settings.reliability.is_some();
        if let Some(receipt) = self.stored.take().filter(|_| !reliable) {
            return self.finish(Ok(*receipt));
        }
        let error = self.failure();
        if self.rules.mode == Mode::Resend {
            return self.finish(Err(error));
        }
        let counters = self.core.counters();
        let left = self.tries < self.retry_rules().tries;
        let count = if left { &counters.retries_spared } else { &counters.given_up };
        count.add(self.head.messages as u64);
        if reliable && self.worth {
            return self.keep(error, true);
        }
        tracing::warn!(message_id = self.head.message_id(), %error, "a message was given up");
        self.finish(Err(error));
    }

    /// The producer ends before the message does; the spool takes what it can.
    fn end_closed(self: Box<Self>, closed: Error) {
        let closed = closed.with_attempts(self.attempts());
        match self.core.spooling.is_some() && self.rules.mode != Mode::Resend {
            true => self.keep(closed, false),
            false => self.finish(Err(closed)),
        }
    }

    /// The end of a message that reliable sending gives up.
    #[cold]
    fn keep(self: Box<Self>, error: Error, alarm: bool) {
        let SendOp { core, head, body, queue, choice, maybe_persisted, tries, after, owed, .. } = *self;
        let error = error.with_maybe_persisted(maybe_persisted);
        let target = target_of(&queue, choice);
        let dispatcher = Arc::clone(core.runtime.dispatcher());
        let last = Last { queue, tries, after, owed, dispatcher };
        core.keep(Unsent { head, body, target, spooled: now_ms() }, error, alarm, last);
    }

    /// What became of each try that did not end as wanted.
    fn attempts(&self) -> Vec<Attempt> {
        self.failed.iter().map(FailedTry::attempt).collect()
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
            self.head.topic(),
            self.tries,
            if self.tries == 1 { "try" } else { "tries" },
            brokers.join(", ")
        );
        match self.failed.last() {
            Some(last) => last.cause.context(context).with_attempts(self.attempts()),
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
                topic: self.head.topic(),
                properties: self.head.properties(),
                message_id: self.head.message_id(),
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

    /// Lends `tell` the receipt of an answer.
    fn told<T>(&self, status: SendStatus, scan: &Scan<'_>, tell: impl FnOnce(&Told<'_>) -> T) -> T {
        tell(&Told {
            status,
            message_id: self.head.message_id(),
            offset_message_id: &scan.msg_id,
            topic: &self.core.settings.namespace.strip(self.head.topic()),
            broker_name: &self.queue.broker.name,
            queue_id: if scan.queue_id >= 0 { scan.queue_id } else { self.queue.id },
            queue_offset: scan.queue_offset,
            transaction_id: &scan.transaction_id,
            region_id: &scan.region_id,
            recall_handle: &scan.recall_handle,
            attempts: self.tries,
            earlier: &if self.failed.is_empty() { Vec::new() } else { self.attempts() },
        })
    }

    /// The end of a message that is stored, for a sender who takes the receipt in one piece.
    #[cfg(feature = "capi")]
    fn finish_packed(self: Box<Self>, status: SendStatus, scan: &Scan<'_>) {
        let receipt = self.told(status, scan, |told| Box::new(mqp_receipt::packed(told)));
        let SendOp { core, owed, .. } = *self;
        // As in `finish`.
        drop(core);
        owed.deliver_packed(receipt);
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
            response_code::GO_AWAY if self.go_elsewhere() => return drop(self.transmit(None)),
            code => {
                // A client that waits for a reply no more is no trouble of the broker's.
                if self.head.code != request_code::SEND_REPLY_MESSAGE_V2 {
                    self.note(Ended::Refused(code));
                }
                let retriable = self.core.settings.retry_response_codes.contains(&code);
                return self.end_try(
                    TryEnd::Refused(code),
                    Error::broker(code, scan.remark.as_ref(), retriable),
                    false,
                );
            }
        };
        self.note(Ended::Stored);
        if let Some(tracer) = &self.core.tracer {
            self.trace(tracer, status, scan);
        }
        let last = status == SendStatus::Ok || !self.core.settings.retry_when_not_store_ok;
        #[cfg(feature = "capi")]
        if last && self.after.is_none() && self.owed.takes_packed() {
            return self.finish_packed(status, scan);
        }
        let receipt = self.told(status, scan, |told| told.to_receipt());
        if last {
            return self.finish(Ok(receipt));
        }
        self.stored = Some(Box::new(receipt));
        self.maybe_persisted = true;
        self.end_try(TryEnd::NotStoreOk, Error::broker(scan.code, scan.remark.as_ref(), true), true);
    }

    fn on_failure(mut self: Box<Self>, failure: Failure) {
        self.maybe_persisted |= failure.maybe_sent;
        if let Some(ended) = faults::ended(&failure.cause) {
            self.note(ended);
        }
        self.end_try(TryEnd::NoAnswer, failure.cause, failure.maybe_sent);
    }
}
