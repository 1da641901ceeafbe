//! Batches that the caller makes: one request, or several one after the other.
//!
//! The parts of a split batch never overlap: a broker works on the requests of one connection in parallel, so that only
//! the answer to a part shows that the next one comes behind it in the queue. Besides, one part at a time is all that
//! is in the outbox.

use super::Mode;
use super::accept::{Form, Head, Rules, properties_room};
use super::admission::Permit;
use super::choose::Choice;
use super::hooks::{self, After};
use super::identity::{ID_ROOM, now_ms};
use super::lifecycle::Core;
use super::reliable::{Last, Unsent, choice_of, target_by, target_of};
use super::send::Place;
use super::tries::First;
use crate::batch::{BatchEnd, BatchOptions, BatchResult, Ids, Sizes};
use crate::completion::{Ending, Outcome, Owed, Waiter};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{Message, SendOptions};
use crate::net::connection::Awaited;
use crate::policy::batch::{check, parts};
use crate::policy::returns::Returns;
use crate::policy::validate;
use crate::protocol::remoting::batch::{BatchMessage, OVERHEAD};
use crate::protocol::remoting::command::request_code;
use crate::protocol::remoting::payload::Payload;
use crate::protocol::remoting::properties::{self, UNIQ_KEY};
use crate::protocol::spool::Target;
use crate::route::Queue;
use crate::runtime::{Dispatcher, Job};
use bytes::Bytes;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// What makes a send one of a batch.
pub(super) const FORM: Form<'static> = Form {
    code: request_code::SEND_BATCH_MESSAGE,
    sys_flag: 0,
    properties: &[],
    batch: true,
    servers_topic: false,
    spoolable: true,
    cork: None,
};

/// Messages of a batch whose ids are of one millisecond.
const IDS_OF_ONE_TIME: usize = 1024;

/// Who waits for the end of a batch.
pub(crate) enum BatchCompletion {
    /// A caller that is parked.
    Waiter(Arc<Waiter<BatchEnd>>),
    /// A Rust closure, run on the dispatcher.
    Closure(Box<dyn FnOnce(BatchResult) + Send>),
    /// A callback of the C surface, run on the dispatcher.
    #[cfg(feature = "capi")]
    Foreign(crate::ffi::batch::ForeignBatchCallback),
}

/// The completion of a batch with bodies of these lengths, delivered once; dropped undelivered, it says that the messages are lost.
struct BatchOwed(Option<(BatchCompletion, Permit, Arc<Dispatcher>, Sizes)>);

impl BatchOwed {
    fn new(completion: BatchCompletion, permit: Permit, dispatcher: Arc<Dispatcher>, sizes: Sizes) -> Self {
        if !matches!(completion, BatchCompletion::Waiter(_)) {
            dispatcher.owe();
        }
        BatchOwed(Some((completion, permit, dispatcher, sizes)))
    }

    fn deliver(mut self, end: BatchEnd) {
        self.take_and_deliver(|_| end);
    }

    fn take_and_deliver(&mut self, end: impl FnOnce(Sizes) -> BatchEnd) {
        let Some((completion, permit, dispatcher, sizes)) = self.0.take() else {
            return;
        };
        let end = end(sizes);
        end.each(|outcome, messages, bytes| permit.counters().ended(outcome, messages, bytes));
        match completion {
            BatchCompletion::Waiter(waiter) => {
                drop(permit);
                waiter.set(Ok(end));
            }
            BatchCompletion::Closure(closure) => dispatcher.push_owed(Job::Closure(Box::new(move || {
                let _until_it_returned = permit;
                closure(end.into_result());
            }))),
            #[cfg(feature = "capi")]
            BatchCompletion::Foreign(callback) => dispatcher.push_owed(Job::Foreign(callback.job(end, permit))),
        }
    }
}

impl Drop for BatchOwed {
    fn drop(&mut self) {
        self.take_and_deliver(BatchEnd::lost);
    }
}

/// Messages that keep every rule, with their route.
struct Prepared {
    topic: String,
    ids: Ids,
    properties: Properties,
    sizes: Sizes,
    parts: Vec<(Range<usize>, Head)>,
    queue: Queue,
    choice: Choice,
    /// Without a route: where they go from the spool, and why they go there.
    unrouted: Option<(Target, Error)>,
    rules: Rules,
    permit: Permit,
    after: Option<Box<After>>,
}

/// The properties of the messages, one behind the other.
struct Properties {
    text: String,
    /// Where those of each message end.
    ends: Vec<usize>,
}

/// The messages as they are encoded.
fn encodable<'a>(messages: &'a [Message<'a>], properties: &'a Properties) -> Vec<BatchMessage<'a>> {
    let mut start = 0;
    let each = messages.iter().zip(&properties.ends).map(|(message, &end)| {
        let own = &properties.text[start..end];
        start = end;
        BatchMessage { flag: message.flag, body: message.body, properties: own }
    });
    each.collect()
}

/// A part that waits for its turn.
struct Part {
    range: Range<usize>,
    head: Head,
    body: Bytes,
}

/// A batch that was accepted and is not completed.
struct BatchOp {
    core: Arc<Core>,
    topic: String,
    queue: Queue,
    choice: Choice,
    rules: Rules,
    tries: u32,
    waiting: VecDeque<Part>,
    /// Where its parts go from the spool, when that is not the queue.
    target: Option<Target>,
    /// Why all that is left goes into the spool: there is no route, or a part waits there that others must not overtake.
    behind: Option<Error>,
    end: BatchEnd,
    after: Option<Box<After>>,
    owed: BatchOwed,
}

impl Core {
    /// Takes the messages or refuses them, and counts which.
    fn take_batch(
        self: &Arc<Self>,
        messages: &[Message<'_>],
        options: &SendOptions<'_>,
        batch: &BatchOptions,
        mode: Mode,
    ) -> Result<Prepared> {
        let prepared = self.prepare(messages, options, batch, mode);
        match &prepared {
            Ok(_) => {
                self.counters().accepted.add_many(messages.len(), body_bytes(messages));
                self.counters().batches.add(1);
            }
            Err(refusal) => self.counters().refusals.add(refusal, 1),
        }
        prepared
    }

    /// Steps that every mode shares, on the caller's thread: validate, admit, route, select, ask the hooks.
    fn prepare(
        self: &Arc<Self>,
        messages: &[Message<'_>],
        options: &SendOptions<'_>,
        batch: &BatchOptions,
        mode: Mode,
    ) -> Result<Prepared> {
        self.must_run()?;
        let max_message_size = self.settings.max_message_size;
        validate::messages(messages, max_message_size).map_err(|(index, error)| numbered(index, &error))?;
        check(messages)?;
        messages.iter().try_for_each(|message| self.must_be_reliable(message, mode))?;
        let rules = self.rules(options, mode)?;
        let topic = self.settings.namespace.wrap(messages[0].topic);
        if matches!(topic, Cow::Owned(_)) {
            validate::topic_name(&topic)?;
        }
        let topic = topic.into_owned();
        let (ids, properties, encoded) = self.write_properties(messages)?;
        // Hooks and headers see the batch as one message.
        let one = Message { wait_store_msg_ok: messages[0].wait_store_msg_ok, ..Message::new(messages[0].topic, &[]) };
        let parts = parts(&encoded, batch.split_bytes, max_message_size)?
            .into_iter()
            .map(|range| {
                let mut head = self.head(&one, &topic, &FORM)?;
                head.messages = range.len();
                Ok((range, head))
            })
            .collect::<Result<Vec<_>>>()?;
        let bytes = body_bytes(messages);
        let permit = self.admission.admit_many(messages.len(), bytes, self.backpressure(), rules.deadline)?;
        let route = self.route_or_spool(&topic, || self.route(&topic, rules.deadline));
        let chosen = route.and_then(|route| self.choose(&topic, &route, &options.selector));
        let (queue, choice, unrouted) = match chosen {
            Ok((queue, choice)) => (queue, choice, None),
            Err(cause) => match target_by(&options.selector).filter(|_| self.spool_for(&cause, &FORM).is_some()) {
                Some(target) => (Queue::unknown(), choice_of(&target), Some((target, cause))),
                None => return Err(cause),
            },
        };
        let after = match (self.hooks.get(), parts.first()) {
            (Some(hooks), Some((_, head))) => {
                let mut sending = self.sending(&one, head, &queue, &rules);
                sending.batch = messages;
                sending.body_length = bytes;
                Some(hooks::before(hooks, &sending)?)
            }
            _ => None,
        };
        let sizes = messages.iter().map(|message| message.body.len()).collect();
        Ok(Prepared { topic, ids, properties, sizes, parts, queue, choice, unrouted, rules, permit, after })
    }

    /// What each message has of its own: its unique id, its properties, and the length of both with its body when encoded.
    fn write_properties(&self, messages: &[Message<'_>]) -> Result<(Ids, Properties, Vec<usize>)> {
        let mut ids = Ids::with_room(messages.len(), ID_ROOM);
        for some in messages.chunks(IDS_OF_ONE_TIME) {
            // Ids of one millisecond are no more than their counter tells apart.
            ids.extend(some.len(), |text| self.identity.append_message_ids(now_ms(), some.len() as u16, text));
        }
        let mut text = Vec::with_capacity(messages.iter().map(properties_room).sum());
        let mut ends = Vec::with_capacity(messages.len());
        let mut encoded = Vec::with_capacity(messages.len());
        // Those of the message before: where they begin, and where its id stands among them.
        let (mut before, mut id_at) = (0, 0);
        for (index, (message, id)) in messages.iter().zip(ids.of(0..messages.len())).enumerate() {
            let start = text.len();
            if index > 0 && !self.contexts.are_given() && message.is_like(&messages[index - 1]) {
                text.extend_from_within(before..start);
                text[start + id_at..][..id.len()].copy_from_slice(id.as_bytes());
            } else {
                let mut own = String::with_capacity(properties_room(message));
                let append_id = |own: &mut String| {
                    properties::append(own, UNIQ_KEY, id);
                    id_at = own.len() - id.len() - 1;
                };
                self.append_properties(&mut own, message, &Returns::default(), &Form::default(), append_id)
                    .map_err(|error| numbered(index, &error))?;
                text.extend_from_slice(own.as_bytes());
            }
            before = start;
            encoded.push(OVERHEAD + message.body.len() + text.len() - start);
            ends.push(text.len());
        }
        let text = String::from_utf8(text).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
        let properties = Properties { text, ends };
        Ok((ids, properties, encoded))
    }

    pub(crate) fn submit_batch(
        self: &Arc<Self>,
        messages: &[Message<'_>],
        options: &SendOptions<'_>,
        batch: &BatchOptions,
        mode: Mode,
        completion: BatchCompletion,
    ) -> Result<Option<Awaited>> {
        let prepared = self.take_batch(messages, options, batch, mode)?;
        let encodable = encodable(messages, &prepared.properties);
        let payload = |range: &Range<usize>| Payload::Batch(&encodable[range.clone()]);
        let mut parts = prepared.parts.into_iter();
        let awaited = matches!(completion, BatchCompletion::Waiter(_));
        let (target, behind) = prepared.unrouted.unzip();
        // All of them wait when they go into the spool.
        let first = if behind.is_none() { parts.next() } else { None };
        let waiting = parts.map(|(range, head)| Part { body: payload(&range).to_bytes(), range, head }).collect();
        let sizes = Arc::clone(&prepared.sizes);
        let owed = BatchOwed::new(completion, prepared.permit, Arc::clone(self.runtime.dispatcher()), sizes);
        let op = Box::new(BatchOp {
            core: Arc::clone(self),
            topic: prepared.topic,
            queue: prepared.queue,
            choice: prepared.choice,
            rules: prepared.rules,
            tries: 0,
            waiting,
            target,
            behind,
            end: BatchEnd::new(prepared.ids, prepared.sizes),
            after: prepared.after,
            owed,
        });
        Ok(match first {
            Some((range, head)) => {
                let first = payload(&range);
                op.send(range, head, First { awaited, ..first.into() })
            }
            None => {
                op.send_next();
                None
            }
        })
    }

    pub(crate) fn send_batch_oneway(
        self: &Arc<Self>,
        messages: &[Message<'_>],
        options: &SendOptions<'_>,
        batch: &BatchOptions,
    ) -> Result<BatchEnd> {
        let prepared = self.take_batch(messages, options, batch, Mode::Oneway)?;
        let encodable = encodable(messages, &prepared.properties);
        let mut end = BatchEnd::new(prepared.ids, prepared.sizes);
        let mut place = Place { queue: prepared.queue, choice: prepared.choice, tries: 1 };
        let permit = Arc::new(prepared.permit);
        for (range, head) in prepared.parts {
            if range.start > 0 {
                let queue = self.choose_next(&prepared.topic, &place.queue, place.choice);
                place = Place { queue, tries: 1, ..place };
            }
            let payload = Payload::Batch(&encodable[range.clone()]);
            let pushed = self.push_oneway(&head, payload, &mut place, prepared.rules, Box::new(Arc::clone(&permit)));
            end.push(range, pushed.map(|()| self.told_oneway(&head, &place, |told| told.to_receipt())));
        }
        end.each(|outcome, messages, bytes| self.counters().ended_oneway(outcome, messages, bytes));
        if let Some(after) = prepared.after {
            let (outcome, dispatcher) = (end.as_one(), self.runtime.dispatcher());
            after.hold(permit).end(&place.queue, place.tries, outcome, None, dispatcher);
        }
        Ok(end)
    }
}

fn body_bytes(messages: &[Message<'_>]) -> usize {
    messages.iter().map(|message| message.body.len()).sum()
}

fn numbered(index: usize, error: &Error) -> Error {
    error.context(format_args!("messages[{index}]"))
}

impl BatchOp {
    fn send(self: Box<Self>, range: Range<usize>, head: Head, first: First<'_>) -> Option<Awaited> {
        let core = Arc::clone(&self.core);
        let (queue, choice, rules) = (self.queue.clone(), self.choice, self.rules);
        let owed = Owed::inline(move |end| self.part_ended(range, end));
        core.launch(head, (queue, choice), rules, None, owed, first)
    }

    fn part_ended(mut self: Box<Self>, range: Range<usize>, end: Ending) {
        if let Some((queue, tries)) = end.last {
            self.queue = queue;
            self.tries += tries;
        }
        let failed = end.outcome.as_ref().err().cloned();
        self.end.push(range, end.outcome);
        if let (Some(cause), Choice::Fixed) = (failed, self.choice) {
            if cause.kind() == ErrorKind::Spooled {
                if self.behind.is_none() {
                    let cause = cause.context("an earlier part of the batch waits in the spool");
                    self.behind = Some(Error::new(ErrorKind::Timeout, cause.message()));
                }
                return self.go_on();
            }
            // What is behind it in the queue stays unsent, so that sending the rest again keeps the order.
            return self.end_rest(&cause.context("not sent, because an earlier part of the batch failed"));
        }
        self.go_on();
    }

    fn go_on(self: Box<Self>) {
        if self.waiting.is_empty() {
            return self.finish();
        }
        let runtime = Arc::clone(&self.core.runtime);
        // On a stack of its own: many parts that fail at once must not nest.
        runtime.spawn(async move { self.send_next() });
    }

    fn send_next(mut self: Box<Self>) {
        if let Some(cause) = self.behind.clone() {
            return self.spool_next(cause);
        }
        if let Some(closed) = self.core.must_end() {
            return self.end_rest(&closed);
        }
        if Instant::now() >= self.rules.deadline {
            let total = self.rules.total.as_millis();
            let late = format!("not sent: the earlier parts of the batch took all of its {total} ms");
            return self.end_rest(&Error::new(ErrorKind::Timeout, late));
        }
        match self.waiting.pop_front() {
            Some(Part { range, head, body }) => {
                self.queue = self.core.choose_next(&self.topic, &self.queue, self.choice);
                drop(self.send(range, head, Payload::Plain(&body).into()));
            }
            None => self.finish(),
        }
    }

    /// The next part follows into the spool.
    fn spool_next(mut self: Box<Self>, cause: Error) {
        let Some(Part { range, head, body }) = self.waiting.pop_front() else {
            return self.finish();
        };
        let core = Arc::clone(&self.core);
        let queue = self.queue.clone();
        let target = self.target.clone().unwrap_or_else(|| target_of(&queue, self.choice));
        let dispatcher = Arc::clone(core.runtime.dispatcher());
        let owed = Owed::inline(move |end| self.part_ended(range, end));
        let last = Last { queue, tries: 0, after: None, owed, dispatcher };
        core.keep(Unsent { head, body, target, spooled: now_ms() }, cause, true, last);
    }

    /// Parts that are not sent end with `cause`.
    fn end_rest(mut self: Box<Self>, cause: &Error) {
        let cause = cause.with_maybe_persisted(false);
        for part in std::mem::take(&mut self.waiting) {
            self.end.push(part.range, Err(cause.clone()));
        }
        self.finish();
    }

    fn finish(self: Box<Self>) {
        let BatchOp { core, queue, tries, end, after, owed, .. } = *self;
        let dispatcher = Arc::clone(core.runtime.dispatcher());
        // Before the owner hears of it and may close: the last handle of the core should not go on the I/O thread.
        drop(core);
        let Some(after) = after else {
            return owed.deliver(end);
        };
        let outcome: Outcome = end.as_one();
        let sender = Owed::inline(move |_| owed.deliver(end));
        after.end(&queue, tries, outcome, Some(sender), &dispatcher);
    }
}
