//! Groups of messages under way in one request, each message with a deadline and a sender of its own.

use super::accept::{Head, Rules};
use super::hooks::After;
use crate::batch::OfBatch;
use crate::completion::{Ending, Outcome, Owed};
use crate::error::{Error, ErrorKind};
use crate::route::{Broker, Queue};
use crate::runtime::Dispatcher;
use crate::sync::Mutex;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

/// A message that was accepted and waits in a group.
pub(super) struct Member {
    pub(super) head: Head,
    pub(super) rules: Rules,
    /// The one that the caller chose.
    pub(super) queue: Option<Queue>,
    pub(super) after: Option<Box<After>>,
    pub(super) owed: Owed,
}

impl Member {
    /// Tells the hooks and the sender.
    pub(super) fn end(self, outcome: Outcome, (queue, tries): (&Queue, u32), dispatcher: &Dispatcher) {
        match self.after {
            None => self.owed.deliver(outcome),
            Some(after) => after.end(queue, tries, outcome, Some(self.owed), dispatcher),
        }
    }
}

/// A group under way.
pub(super) struct Flight {
    /// In the order of the batch; `None`: ended already.
    members: Mutex<Vec<Option<Member>>>,
    queue: Queue,
    /// The request's deadline, which is the latest of the members'.
    deadline: Instant,
    dispatcher: Arc<Dispatcher>,
}

impl Flight {
    pub(super) fn new(members: Vec<Member>, queue: Queue, deadline: Instant, dispatcher: Arc<Dispatcher>) -> Self {
        Flight { members: Mutex::new(members.into_iter().map(Some).collect()), queue, deadline, dispatcher }
    }

    /// The request ended, and with it everyone who still waits.
    pub(super) fn end(&self, ending: Ending) {
        let members = std::mem::take(&mut *self.members.lock());
        let (queue, tries) = ending.last.unwrap_or_else(|| (self.queue.clone(), 1));
        let each = ending.outcome.as_ref().map(|receipt| OfBatch::new(receipt, members.len()));
        for (index, member) in members.into_iter().enumerate() {
            let Some(member) = member else { continue };
            let outcome = match &each {
                Ok(each) => Ok(each.receipt(index, member.head.message_id())),
                Err(error) => Err((*error).clone()),
            };
            member.end(outcome, (&queue, tries), &self.dispatcher);
        }
    }

    /// Ends those whose deadline has passed; the deadline of the next one that comes before the request's.
    pub(super) fn expire(&self, now: Instant) -> Option<Instant> {
        let mut members = self.members.lock();
        let passed = |member: &Option<Member>| member.as_ref().is_some_and(|member| member.rules.deadline <= now);
        let expired: Vec<Member> =
            members.iter_mut().filter(|member| passed(member)).filter_map(Option::take).collect();
        let left = members.iter().flatten().map(|member| member.rules.deadline);
        let next = left.filter(|deadline| *deadline < self.deadline).min();
        drop(members);
        for member in expired {
            let (topic, total) = (member.head.topic(), member.rules.total.as_millis());
            let what = format!("topic `{topic}`: no answer for the batch that it went in within its {total} ms");
            let error = Error::new(ErrorKind::Timeout, what).with_maybe_persisted(true);
            member.end(Err(error), (&self.queue, 1), &self.dispatcher);
        }
        next
    }
}

/// Groups under way some of whose messages have less time than others.
#[derive(Default)]
pub(super) struct Watched {
    by_time: BTreeMap<(Instant, u64), Weak<Flight>>,
    next: u64,
    sweep_at: usize,
}

impl Watched {
    /// To be looked at again at a time, unless it has ended by then.
    pub(super) fn insert(&mut self, at: Instant, flight: &Arc<Flight>) {
        if self.by_time.len() >= self.sweep_at {
            // Those that have ended; so there are never more than twice as many as are under way.
            self.by_time.retain(|_, flight| flight.strong_count() > 0);
            self.sweep_at = (2 * self.by_time.len()).max(64);
        }
        self.by_time.insert((at, self.next), Arc::downgrade(flight));
        self.next += 1;
    }

    /// When the first one is due.
    pub(super) fn first(&self) -> Option<Instant> {
        self.by_time.keys().next().map(|(at, _)| *at)
    }

    /// Those that are due and have not ended.
    pub(super) fn take_until(&mut self, now: Instant) -> Vec<Arc<Flight>> {
        let later = self.by_time.split_off(&(now, u64::MAX));
        let passed = std::mem::replace(&mut self.by_time, later);
        passed.into_values().filter_map(|flight| flight.upgrade()).collect()
    }
}

impl Queue {
    /// Stands for one that is not chosen yet.
    pub(super) fn unknown() -> Queue {
        Queue { broker: Arc::new(Broker::new("".into(), "".into(), Arc::default())), id: -1 }
    }
}
