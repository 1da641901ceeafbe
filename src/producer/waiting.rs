//! The requests that wait for a reply: found by their correlation id, ended once, and by one timer at the latest.

use super::admission::Permit;
use crate::completion::{Outcome, Waiter};
use crate::error::{Error, ErrorKind, Result};
use crate::received::ReceivedMessage;
use crate::runtime::{Dispatcher, Job, Runtime};
use crate::sync::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How a request ends.
pub(crate) type Replied = Result<ReceivedMessage>;

/// Ties a reply to its request: on the wire a text like those of Java's `UUID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CorrelationId(u128);

impl CorrelationId {
    /// A new one, marked as random (version 4).
    pub(crate) fn random() -> Self {
        let bits = crate::random::generator().u128(..);
        CorrelationId(bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62)
    }

    /// The one that `text` writes; `None`: no request of this library has it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits: String = text.split('-').collect();
        let id = CorrelationId(u128::from_str_radix(&digits, 16).ok()?);
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |shift: u32, digits: u32| (self.0 >> shift) & ((1 << (4 * digits)) - 1);
        let [a, b, c, d, e] = [part(96, 8), part(80, 4), part(64, 4), part(48, 4), part(0, 12)];
        write!(f, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
    }
}

/// Who waits for a reply.
pub(crate) enum Receiver {
    /// A caller that is parked.
    Waiter(Arc<Waiter<ReceivedMessage>>),
    /// A Rust closure, run on the dispatcher.
    Closure(Box<dyn FnOnce(Replied) + Send>),
    /// A callback of the C surface, run on the dispatcher.
    #[cfg(feature = "capi")]
    Foreign(crate::ffi::request::ForeignRequestCallback),
}

/// A request to make.
pub(crate) struct Asked {
    pub(crate) topic: String,
    pub(crate) timeout: Duration,
    /// When it ends without a reply.
    pub(crate) deadline: Instant,
    pub(crate) receiver: Receiver,
}

/// One that was accepted and has not ended.
struct Entry {
    asked: Asked,
    permit: Arc<Permit>,
    dispatcher: Arc<Dispatcher>,
    /// Whether a broker has stored the message.
    stored: bool,
}

#[derive(Default)]
struct Table {
    entries: HashMap<CorrelationId, Entry>,
    /// Of the entries that are stored: until then the end of the send comes first, by the same deadline.
    deadlines: BTreeSet<(Instant, CorrelationId)>,
    closed: bool,
}

/// See the module's text.
#[derive(Default)]
pub(crate) struct Waiting {
    table: Mutex<Table>,
    /// The timer must look again.
    wake: Notify,
    has_timer: AtomicBool,
}

impl Waiting {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.table.lock().entries.len()
    }

    /// Whether a request with this id waits.
    pub(crate) fn waits(&self, id: CorrelationId) -> bool {
        self.table.lock().entries.contains_key(&id)
    }

    /// Ends a request with its reply; `false`: none with this id waits.
    pub(crate) fn reply(&self, id: CorrelationId, reply: ReceivedMessage) -> bool {
        let entry = self.table.lock().remove(id);
        let known = entry.is_some();
        if let Some(entry) = entry {
            entry.end(Ok(reply));
        }
        known
    }

    /// Ends all that wait with `cause`; their messages may be on their way, and end unheard.
    pub(crate) fn fail(&self, cause: &Error) {
        let all: Vec<Entry> = {
            let mut table = self.table.lock();
            table.deadlines.clear();
            table.entries.drain().map(|(_, entry)| entry).collect()
        };
        for entry in all {
            entry.end(Err(cause.clone()));
        }
    }

    /// Ends all that wait for a reply alone, and whatever comes to it from now on.
    pub(crate) fn close(&self) {
        let stored: Vec<Entry> = {
            let mut table = self.table.lock();
            table.closed = true;
            let due: Vec<_> = std::mem::take(&mut table.deadlines).into_iter().collect();
            due.into_iter().filter_map(|(_, id)| table.entries.remove(&id)).collect()
        };
        self.wake.notify_one();
        for entry in stored {
            entry.end(Err(closed()));
        }
    }

    /// The message of a request ended: from now on only a reply is missing, or nothing any more.
    fn sent(&self, id: CorrelationId, outcome: Outcome) {
        let mut table = self.table.lock();
        let closing = table.closed;
        let ended = match (outcome, table.entries.get_mut(&id)) {
            // The reply was faster.
            (_, None) => return,
            (Ok(_), Some(_)) if closing => Err(closed()),
            (Ok(_), Some(entry)) => {
                entry.stored = true;
                let deadline = entry.asked.deadline;
                table.deadlines.insert((deadline, id));
                let is_first = table.deadlines.first() == Some(&(deadline, id));
                drop(table);
                if is_first {
                    self.wake.notify_one();
                }
                return;
            }
            (Err(error), Some(_)) => Err(error),
        };
        let entry = table.remove(id);
        drop(table);
        if let Some(entry) = entry {
            entry.end(ended);
        }
    }

    /// Starts the timer, unless it runs. It ends with [`Waiting::close`].
    pub(crate) fn start_timer(self: &Arc<Self>, runtime: &Runtime) {
        if !self.has_timer.load(Ordering::Relaxed) && !self.has_timer.swap(true, Ordering::Relaxed) {
            runtime.spawn(Arc::clone(self).end_those_that_are_late());
        }
    }

    async fn end_those_that_are_late(self: Arc<Self>) {
        loop {
            let now = Instant::now();
            let (late, next) = {
                let mut table = self.table.lock();
                if table.closed {
                    return;
                }
                (table.take_late(now), table.deadlines.first().map(|(at, _)| *at))
            };
            for (id, entry) in late {
                let error = entry.timed_out(id);
                tracing::warn!(%error, "a request was given up");
                entry.end(Err(error));
            }
            match next {
                Some(at) => {
                    let _ = tokio::time::timeout_at(at.into(), self.wake.notified()).await;
                }
                None => self.wake.notified().await,
            }
        }
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the producer was closed before the reply came").with_maybe_persisted(true)
}

impl Table {
    fn remove(&mut self, id: CorrelationId) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        if entry.stored {
            self.deadlines.remove(&(entry.asked.deadline, id));
        }
        Some(entry)
    }

    fn take_late(&mut self, now: Instant) -> Vec<(CorrelationId, Entry)> {
        let mut late = Vec::new();
        while let Some((_, id)) = self.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            late.extend(self.remove(id).map(|entry| (id, entry)));
        }
        late
    }
}

impl Entry {
    fn timed_out(&self, id: CorrelationId) -> Error {
        let Asked { topic, timeout, .. } = &self.asked;
        let what = format!(
            "request timeout, no reply message (code 10006): topic `{topic}`, correlation id {id}, timeout {} ms",
            timeout.as_millis()
        );
        Error::new(ErrorKind::RequestTimeout, what).with_maybe_persisted(true)
    }

    fn end(self, replied: Replied) {
        let Entry { asked, permit, dispatcher, .. } = self;
        match asked.receiver {
            Receiver::Waiter(waiter) => {
                drop(permit);
                waiter.set(replied);
            }
            Receiver::Closure(closure) => dispatcher.push_owed(Job::Closure(Box::new(move || {
                let _until_it_returned = permit;
                closure(replied);
            }))),
            #[cfg(feature = "capi")]
            Receiver::Foreign(callback) => dispatcher.push_owed(Job::Foreign(callback.job(replied, permit))),
        }
    }
}

/// The message of a request on its way, as who is told of its end.
pub(crate) struct SentRequest {
    waiting: Arc<Waiting>,
    id: CorrelationId,
    /// Until the message is accepted.
    asked: Option<Asked>,
    /// From then on, so that the request is in flight until the message has ended, too.
    permit: Option<Arc<Permit>>,
}

impl SentRequest {
    /// A request that counts from [`SentRequest::accepted`] on; dropped before, its receiver hears nothing.
    pub(crate) fn new(waiting: &Arc<Waiting>, id: CorrelationId, asked: Asked) -> Self {
        SentRequest { waiting: Arc::clone(waiting), id, asked: Some(asked), permit: None }
    }

    /// The message will be sent: from now on a reply finds the request.
    pub(crate) fn accepted(&mut self, permit: Permit, dispatcher: &Arc<Dispatcher>) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        if !matches!(asked.receiver, Receiver::Waiter(_)) {
            dispatcher.owe();
        }
        let permit = Arc::new(permit);
        self.permit = Some(Arc::clone(&permit));
        let entry = Entry { asked, permit, dispatcher: Arc::clone(dispatcher), stored: false };
        self.waiting.table.lock().entries.insert(self.id, entry);
    }

    /// How the message ended.
    pub(crate) fn sent(self, outcome: Outcome) {
        let SentRequest { waiting, id, permit, .. } = self;
        if let Some(permit) = &permit {
            permit.count(&outcome);
        }
        // First, so that who hears of a failure finds the room.
        drop(permit);
        waiting.sent(id, outcome);
    }
}
