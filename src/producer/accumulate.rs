//! `auto_batch`: messages of single sends that go together.
//!
//! The accumulator belongs to one producer. Whoever brings a message that fills a group sends the group; the I/O
//! thread's timer sends what is due. What is ready leaves in the order in which it became so, messages that go alone
//! too.

use super::Mode;
use super::accept::{Admitted, Form, Head, Rules};
use super::admission::Permit;
use super::batch::FORM;
use super::choose::Choice;
use super::flight::{Flight, Member, Watched};
use super::hooks::{self, After};
use super::lifecycle::Core;
use super::relay::Relay;
use crate::completion::{Completion, Owed};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{Message, SendOptions};
use crate::net::connection::Awaited;
use crate::policy::batch::obstacle;
use crate::policy::linger::{Group, Limits, Linger};
use crate::protocol::remoting::batch::{BODY_AT, BatchMessage, encode, encoded_len};
use crate::protocol::remoting::payload::Payload;
use crate::route::Queue;
use crate::selector::Selector;
use crate::sync::Mutex;
use bytes::{Bytes, BytesMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// What the messages of a group have in common, as in the Java client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    topic: String,
    to: To,
    wait_store_msg_ok: bool,
    tags: String,
    mode: Mode,
    /// With reliable sending all have the same time, so that they end together; then this long.
    total: Option<Duration>,
}

/// The queue that a group goes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum To {
    /// Chosen when it goes.
    RoundRobin,
    /// The same.
    Random,
    /// Chosen by the caller.
    Queue(Arc<str>, i32),
}

/// How much one caller sends of what others have brought; the I/O thread does the rest.
const MOST_FOR_OTHERS: usize = 16;

/// What goes next.
enum Ready {
    Together(Key, Group<Member>),
    /// A message that no group can hold, with its body as it goes out.
    Alone(To, Box<Member>, Bytes),
}

impl From<(Key, Group<Member>)> for Ready {
    fn from((key, group): (Key, Group<Member>)) -> Ready {
        Ready::Together(key, group)
    }
}

/// Holds messages for a moment; see the module's text.
pub(super) struct Accumulator {
    state: Mutex<State>,
    ready: Relay<Ready>,
    /// Told when the timer must fire earlier.
    earlier: Notify,
    limits: Limits,
}

struct State {
    linger: Linger<Key, Member>,
    watched: Watched,
    /// When the timer fires next.
    armed: Option<Instant>,
    holding: Holding,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Holding {
    Yes,
    /// The producer closes: what comes goes at once.
    NoMore,
    /// It is closed: nothing goes.
    Ended,
}

impl Accumulator {
    pub(super) fn new(limits: Limits, max_message_size: usize) -> Self {
        let limits = Limits { group_bytes: limits.group_bytes.min(max_message_size), ..limits };
        let linger = Linger::new(limits);
        let state = State { linger, watched: Watched::default(), armed: None, holding: Holding::Yes };
        Accumulator { state: Mutex::new(state), ready: Relay::new(), earlier: Notify::new(), limits }
    }

    /// Takes a message in, which takes `size` bytes in a group.
    fn add(&self, key: Key, member: Member, size: usize, body: &[u8]) {
        let due = self.limits.due(Instant::now(), member.rules.deadline);
        let mut state = self.state.lock();
        if state.holding != Holding::Yes || !state.linger.has_room(size) {
            return self.pass(&mut state, &key, member, Bytes::copy_from_slice(body));
        }
        let encode = |out: &mut BytesMut, member: &mut Member, first: bool| {
            let message = BatchMessage { flag: member.head.flag, body, properties: member.head.properties() };
            if let Err(error) = encode(out, &message) {
                // The lengths were checked when the message was accepted.
                tracing::error!(%error, "a message could not be encoded");
            }
            if !first {
                // Only a message that goes alone needs them again.
                member.head.forget_properties();
            }
        };
        let mut ready = Vec::new();
        state.linger.add(key, size, due, member, encode, &mut ready);
        self.ready.push(ready.into_iter().map(Ready::from));
        self.arm(&mut state, due);
    }

    /// Has a message go alone, behind those of its kind that are held.
    fn pass_by(&self, key: &Key, member: Member, body: Bytes) {
        self.pass(&mut self.state.lock(), key, member, body);
    }

    fn pass(&self, state: &mut State, key: &Key, member: Member, body: Bytes) {
        let before = state.linger.take(key).map(Ready::from);
        let alone = Ready::Alone(key.to.clone(), Box::new(member), body);
        self.ready.push(before.into_iter().chain([alone]));
    }

    /// Wakes the timer when it would fire later than at `due`.
    fn arm(&self, state: &mut State, due: Instant) {
        if state.armed.is_none_or(|armed| due < armed) {
            state.armed = Some(due);
            self.earlier.notify_one();
        }
    }

    /// Makes all groups ready; from now on `holding` counts.
    fn release_all(&self, holding: Option<Holding>) {
        let mut state = self.state.lock();
        let all = state.linger.take_all();
        self.ready.push(all.into_iter().map(Ready::from));
        if let Some(holding) = holding {
            state.holding = holding;
        }
    }

    /// Makes ready what is due; those whose own deadline has passed while their group is under way.
    fn tick(&self, now: Instant) -> Vec<Arc<Flight>> {
        let mut state = self.state.lock();
        let due = state.linger.take_due(now);
        self.ready.push(due.into_iter().map(Ready::from));
        state.watched.take_until(now)
    }

    fn watch(&self, at: Instant, flight: &Arc<Flight>) {
        let mut state = self.state.lock();
        state.watched.insert(at, flight);
        self.arm(&mut state, at);
    }

    /// When the timer fires next, from now on.
    fn next_wake(&self) -> Option<Instant> {
        let mut state = self.state.lock();
        state.armed = [state.linger.next_due(), state.watched.first()].into_iter().flatten().min();
        state.armed
    }
}

/// A message that keeps every rule and has its room in flight, and where it belongs.
struct Gathered {
    key: Key,
    head: Head,
    compressed: Option<Vec<u8>>,
    rules: Rules,
    queue: Option<Queue>,
    permit: Permit,
    after: Option<Box<After>>,
}

impl Core {
    /// A single send with `auto_batch`: into a group, or on its own way. Of `form` only the cork counts.
    pub(super) fn accumulate(
        self: &Arc<Self>,
        accumulator: &Accumulator,
        message: &Message<'_>,
        options: &SendOptions,
        mode: Mode,
        form: &Form<'_>,
        completion: Completion,
    ) -> Result<Option<Awaited>> {
        if obstacle(message).is_some() {
            return self.submit_as(message, options, mode, form, completion);
        }
        let gathered = match self.gather(message, options, mode, form) {
            Err(cause) if self.spool_for(&cause, form).is_some() => {
                return self.spool_unrouted(message, options, mode, form, cause, completion).map(|()| None);
            }
            gathered => gathered,
        };
        self.counters().taken(&gathered, message.body.len());
        let Gathered { key, head, compressed, rules, queue, permit, after } = gathered?;
        let encodable = BatchMessage { flag: head.flag, body: message.body, properties: head.properties() };
        let size = encoded_len(&encodable);
        let owed = Owed::new(completion, permit, self.runtime.dispatcher());
        let member = Member { head, rules, queue, after, owed };
        match compressed {
            Some(compressed) => accumulator.pass_by(&key, member, compressed.into()),
            // Its turn may come after this call.
            None if size > accumulator.limits.group_bytes => {
                accumulator.pass_by(&key, member, Bytes::copy_from_slice(message.body));
            }
            None => accumulator.add(key, member, size, message.body),
        }
        self.send_ready(accumulator);
        // It goes with others, or later: the I/O task reads.
        Ok(None)
    }

    /// Validates, admits, finds what the message has in common with others, and asks the hooks.
    fn gather(
        self: &Arc<Self>,
        message: &Message<'_>,
        options: &SendOptions,
        mode: Mode,
        form: &Form<'_>,
    ) -> Result<Gathered> {
        let Admitted { head, compressed, route, rules, permit } = self.admit(message, options, mode, form)?;
        let (to, queue) = match options.selector {
            Selector::RoundRobin => (To::RoundRobin, None),
            Selector::Random => (To::Random, None),
            _ => {
                let (queue, _) = self.choose(head.topic(), &route, &options.selector)?;
                (To::Queue(Arc::clone(&queue.broker.name), queue.id), Some(queue))
            }
        };
        let after = match self.hooks.get() {
            None => None,
            Some(hooks) => {
                let chosen = queue.clone().unwrap_or_else(Queue::unknown);
                Some(hooks::before(hooks, &self.sending(message, &head, &chosen, &rules))?)
            }
        };
        let key = Key {
            topic: head.topic().to_owned(),
            to,
            wait_store_msg_ok: message.wait_store_msg_ok,
            tags: message.tags.to_owned(),
            mode,
            total: self.settings.reliability.as_ref().map(|_| rules.total),
        };
        Ok(Gathered { key, head, compressed, rules, queue, permit, after })
    }

    /// Sends what is ready, but not all that others bring without an end.
    fn send_ready(self: &Arc<Self>, accumulator: &Accumulator) {
        let left = accumulator.ready.run(MOST_FOR_OTHERS, |ready| {
            let send = || match ready {
                Ready::Together(key, group) => self.send_group(accumulator, &key, group),
                Ready::Alone(to, member, body) => self.send_alone(*member, &to, &body),
            };
            // It may be another caller's, who hears of it.
            if catch_unwind(AssertUnwindSafe(send)).is_err() {
                tracing::error!("sending what was held panicked");
            }
        });
        if left {
            accumulator.earlier.notify_one();
        }
    }

    /// The queue for messages of a group.
    fn queue_for(&self, topic: &str, to: &To, chosen: Option<&Queue>) -> Result<(Queue, Choice)> {
        let selector = match (to, chosen) {
            (To::Queue(..), Some(queue)) => return Ok((queue.clone(), Choice::Fixed)),
            (To::Random, _) => Selector::Random,
            _ => Selector::RoundRobin,
        };
        let gone = || Error::new(ErrorKind::NoRoute, format!("topic `{topic}` has no writable queue any more"));
        let route = self.routes.get(topic).ok_or_else(gone)?;
        self.choose(topic, &route, &selector)
    }

    fn send_alone(self: &Arc<Self>, member: Member, to: &To, body: &[u8]) {
        let dispatcher = self.runtime.dispatcher();
        let chosen = match self.must_end() {
            Some(closed) => Err(closed),
            None => self.queue_for(member.head.topic(), to, member.queue.as_ref()),
        };
        match chosen {
            Ok(chosen) => {
                let Member { head, rules, after, owed, .. } = member;
                drop(self.launch(head, chosen, rules, after, owed, Payload::Plain(body)));
            }
            Err(error) => member.end(Err(error), (&Queue::unknown(), 0), dispatcher),
        }
    }

    fn send_group(self: &Arc<Self>, accumulator: &Accumulator, key: &Key, group: Group<Member>) {
        let Group { body, mut members, .. } = group;
        if members.len() == 1
            && let Some(member) = members.pop()
        {
            let length = body.len() - BODY_AT - 2 - member.head.properties().len();
            return self.send_alone(member, &key.to, &body[BODY_AT..BODY_AT + length]);
        }
        self.send_together(accumulator, key, &body, members);
    }

    fn send_together(self: &Arc<Self>, accumulator: &Accumulator, key: &Key, body: &[u8], members: Vec<Member>) {
        let dispatcher = Arc::clone(self.runtime.dispatcher());
        let one = Message::new(&key.topic, &[]).with_tags(&key.tags);
        let one = Message { wait_store_msg_ok: key.wait_store_msg_ok, ..one };
        let queue = members.first().and_then(|member| member.queue.as_ref());
        let prepared = match self.must_end() {
            Some(closed) => Err(closed),
            None => self.queue_for(&key.topic, &key.to, queue),
        };
        let prepared = prepared.and_then(|chosen| Ok((chosen, self.head(&one, &key.topic, &FORM)?)));
        let ((queue, choice), mut head) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                let unknown = Queue::unknown();
                return members
                    .into_iter()
                    .for_each(|member| member.end(Err(error.clone()), (&unknown, 0), &dispatcher));
            }
        };
        head.messages = members.len();
        let started = Instant::now();
        let deadlines = || members.iter().map(|member| member.rules.deadline);
        let (first, last) = (deadlines().min().unwrap_or(started), deadlines().max().unwrap_or(started));
        // The request has the time of its most patient message; the others end at their own deadlines. Where a message
        // that is given up is kept, it ends with all of its request, and so do the others.
        let last = if key.total.is_some() { first } else { last };
        let total = last.saturating_duration_since(started);
        let rules = Rules { mode: key.mode, tries: None, started, total, deadline: last };
        let flight = Arc::new(Flight::new(members, queue.clone(), last, dispatcher));
        if first < last {
            accumulator.watch(first, &flight);
        }
        let owed = Owed::inline(move |ending| flight.end(ending));
        drop(self.launch(head, (queue, choice), rules, None, owed, Payload::Plain(body)));
    }

    /// Sends what is held.
    pub(super) fn send_held(self: &Arc<Self>) {
        if let Some(accumulator) = &self.accumulator {
            accumulator.release_all(None);
            self.send_ready(accumulator);
        }
    }

    /// The same, and what comes from now on goes at once.
    pub(super) fn hold_no_more(self: &Arc<Self>) {
        if let Some(accumulator) = &self.accumulator {
            accumulator.release_all(Some(Holding::NoMore));
            self.send_ready(accumulator);
        }
    }

    /// Ends what is held; after the producer was told to end.
    pub(super) fn end_held(self: &Arc<Self>) {
        if let Some(accumulator) = &self.accumulator {
            accumulator.release_all(Some(Holding::Ended));
            self.send_ready(accumulator);
        }
    }

    /// Has the timer run beside the producer.
    pub(super) fn start_accumulator(self: &Arc<Self>) {
        if let Some(accumulator) = &self.accumulator {
            let timer = run_timer(Arc::downgrade(self), Arc::clone(accumulator));
            self.tasks.lock().push(self.runtime.spawn(timer).abort_handle());
        }
    }

    fn tick(self: &Arc<Self>, accumulator: &Accumulator) {
        let now = Instant::now();
        let passed = accumulator.tick(now);
        self.send_ready(accumulator);
        for flight in passed {
            if let Some(next) = flight.expire(now) {
                accumulator.watch(next, &flight);
            }
        }
    }
}

async fn run_timer(core: Weak<Core>, accumulator: Arc<Accumulator>) {
    loop {
        match accumulator.next_wake() {
            Some(at) => drop(tokio::time::timeout_at(at.into(), accumulator.earlier.notified()).await),
            None => accumulator.earlier.notified().await,
        }
        let Some(core) = core.upgrade() else {
            return;
        };
        if catch_unwind(AssertUnwindSafe(|| core.tick(&accumulator))).is_err() {
            tracing::error!("the timer of held messages panicked");
        }
        drop(core);
        // There may be more to do at once, and others of this thread wait for their turn.
        tokio::task::yield_now().await;
    }
}
