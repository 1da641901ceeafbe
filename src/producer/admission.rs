//! The bound on messages and bytes in flight, and the count that flush and close wait for.

use crate::completion::Outcome;
use crate::config::Backpressure;
use crate::error::{Error, ErrorKind, Result};
use crate::statistics::counters::Counters;
use crate::sync::{Condvar, Mutex, wait, wait_timeout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// What one producer has accepted and not yet completed.
#[derive(Debug)]
pub(crate) struct Admission {
    state: Mutex<State>,
    changed: Condvar,
    max_messages: usize,
    max_bytes: usize,
    /// Whether foreign callbacks are dropped uncalled.
    discarding: AtomicBool,
    counters: Arc<Counters>,
    relief: OnceLock<Relief>,
}

/// Makes what only waits for company end soon.
struct Relief(Box<dyn Fn() + Send + Sync>);

impl std::fmt::Debug for Relief {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Relief")
    }
}

#[derive(Debug, Default)]
struct State {
    messages: usize,
    bytes: usize,
    /// Of the messages, those that have ended and wait in a completion queue.
    unpolled: usize,
    waiting: usize,
    closed: bool,
}

impl Admission {
    pub(crate) fn new(max_messages: usize, max_bytes: usize) -> Arc<Self> {
        Arc::new(Admission {
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
            max_messages,
            max_bytes,
            discarding: AtomicBool::new(false),
            counters: Arc::default(),
            relief: OnceLock::new(),
        })
    }

    /// `relief` is called, without locks, before somebody waits for room or for the end of messages, or is refused: it
    /// lets go what is in flight only because it waits for company.
    pub(crate) fn relieve_by(&self, relief: impl Fn() + Send + Sync + 'static) {
        let _ = self.relief.set(Relief(Box::new(relief)));
    }

    /// What the producer counts.
    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Messages and bytes in flight.
    pub(crate) fn in_flight(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.messages, state.bytes)
    }

    /// Takes room for one message, waiting as `policy` says. A message over the byte limit goes through alone.
    pub(crate) fn admit(self: &Arc<Self>, bytes: usize, policy: Backpressure, deadline: Instant) -> Result<Permit> {
        self.admit_many(1, bytes, policy, deadline)
    }

    /// Takes room for several messages at once; more than the limits go through alone.
    pub(crate) fn admit_many(
        self: &Arc<Self>,
        messages: usize,
        bytes: usize,
        policy: Backpressure,
        deadline: Instant,
    ) -> Result<Permit> {
        let mut state = self.state.lock();
        let mut relief = self.relief.get();
        loop {
            if state.closed {
                return Err(Error::new(ErrorKind::Closed, "the producer is closed"));
            }
            let fits = state.messages.saturating_add(messages) <= self.max_messages
                && state.bytes.saturating_add(bytes) <= self.max_bytes;
            if fits || state.messages == 0 {
                state.messages += messages;
                state.bytes += bytes;
                return Ok(Permit { admission: Arc::clone(self), messages, bytes, unpolled: 0 });
            }
            if let Some(Relief(relieve)) = relief.take() {
                drop(state);
                relieve();
                state = self.state.lock();
                continue;
            }
            let now = Instant::now();
            if policy == Backpressure::Fail || (policy == Backpressure::Block && now >= deadline) {
                return Err(self.full(&state));
            }
            state.waiting += 1;
            state = match policy {
                Backpressure::WaitForever => wait(&self.changed, state),
                _ => wait_timeout(&self.changed, state, deadline - now),
            };
            state.waiting -= 1;
        }
    }

    fn full(&self, state: &State) -> Error {
        let unpolled = match state.unpolled {
            0 => String::new(),
            unpolled => format!(", {unpolled} of them in completion queues that nobody has polled"),
        };
        let what = format!(
            "{} messages and {} bytes are in flight{unpolled}; `max_in_flight_messages` is {}, `max_in_flight_bytes` is {}",
            state.messages, state.bytes, self.max_messages, self.max_bytes
        );
        Error::new(ErrorKind::Backpressure, what)
    }

    /// Lets foreign callbacks be dropped uncalled from now on.
    #[cfg(feature = "capi")]
    pub(crate) fn discard(&self) {
        self.discarding.store(true, Ordering::Release);
    }

    /// Whether foreign functions are not called any more.
    pub(crate) fn is_discarding(&self) -> bool {
        self.discarding.load(Ordering::Acquire)
    }

    /// Refuses further messages, and wakes those that wait for room.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_all();
    }

    /// Waits until nothing is in flight but what waits in a completion queue, perhaps for the very thread that waits
    /// here; the number left when the deadline comes first.
    pub(crate) fn wait_idle(&self, deadline: Instant) -> std::result::Result<(), usize> {
        if let Some(Relief(relieve)) = self.relief.get() {
            relieve();
        }
        let mut state = self.state.lock();
        while state.messages > state.unpolled {
            let now = Instant::now();
            if now >= deadline {
                return Err(state.messages - state.unpolled);
            }
            state.waiting += 1;
            state = wait_timeout(&self.changed, state, deadline - now);
            state.waiting -= 1;
        }
        Ok(())
    }
}

/// Room for what was admitted; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    messages: usize,
    bytes: usize,
    /// Of its messages, those that wait in a completion queue.
    unpolled: usize,
}

impl Permit {
    /// What they are for has ended and waits in a completion queue: it still takes up room, but is complete.
    #[cfg(feature = "capi")]
    pub(crate) fn wait_to_be_polled<'p>(permits: impl Iterator<Item = &'p mut Permit>) {
        let mut permits = permits.peekable();
        while let Some(first) = permits.next() {
            first.unpolled = first.messages;
            let mut ended = first.messages;
            while let Some(next) = permits.next_if(|next| Arc::ptr_eq(&next.admission, &first.admission)) {
                next.unpolled = next.messages;
                ended += next.messages;
            }
            let mut state = first.admission.state.lock();
            state.unpolled += ended;
            if state.waiting > 0 {
                first.admission.changed.notify_all();
            }
        }
    }

    /// Takes over the room of another one, if it is the same producer's: both are then given back at once.
    #[cfg(feature = "capi")]
    pub(crate) fn join(&mut self, mut other: Permit) {
        if Arc::ptr_eq(&self.admission, &other.admission) {
            self.messages += std::mem::take(&mut other.messages);
            self.bytes += std::mem::take(&mut other.bytes);
            self.unpolled += std::mem::take(&mut other.unpolled);
        }
    }

    /// Whether the foreign callback is to be dropped uncalled.
    #[cfg(feature = "capi")]
    pub(crate) fn is_discarding(&self) -> bool {
        self.admission.is_discarding()
    }

    /// Counts the end of the message.
    pub(crate) fn count(&self, outcome: &Outcome) {
        self.counters().ended(outcome, self.messages, self.bytes);
    }

    /// Counts that the message is stored.
    #[cfg(feature = "capi")]
    pub(crate) fn count_stored(&self) {
        self.counters().acknowledged.add_many(self.messages, self.bytes);
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.admission.counters
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.messages == 0 {
            // Another one gives its room back.
            return;
        }
        let mut state = self.admission.state.lock();
        state.messages -= self.messages;
        state.bytes -= self.bytes;
        state.unpolled -= self.unpolled;
        if state.waiting > 0 {
            self.admission.changed.notify_all();
        }
    }
}

#[cfg(all(test, not(mqp_loom)))]
mod tests {
    use super::*;
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    /// Rows: AS-03 AS-04 CF-16 RM-06.
    #[test]
    fn both_limits_hold_and_are_named() {
        let admission = Admission::new(2, 100);
        let first = admission.admit(60, Backpressure::Fail, soon()).unwrap();
        let error = admission.admit(41, Backpressure::Fail, soon()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Backpressure);
        assert_eq!(
            error.message(),
            "1 messages and 60 bytes are in flight; `max_in_flight_messages` is 2, `max_in_flight_bytes` is 100"
        );
        let _second = admission.admit(40, Backpressure::Fail, soon()).unwrap();
        assert!(admission.admit(0, Backpressure::Block, soon()).is_err());
        drop(first);
        admission.admit(0, Backpressure::Fail, soon()).unwrap();
    }

    /// Rows: AS-05 CF-16 RM-06.
    #[test]
    fn an_oversized_message_goes_alone() {
        let admission = Admission::new(10, 100);
        let big = admission.admit(1000, Backpressure::Fail, soon()).unwrap();
        assert!(admission.admit(1, Backpressure::Fail, soon()).is_err());
        drop(big);
        admission.wait_idle(soon()).unwrap();
    }

    /// Rows: AS-05 CF-16.
    #[test]
    fn a_batch_counts_with_each_of_its_messages_and_goes_alone_when_it_is_too_many() {
        let admission = Admission::new(3, 100);
        let admit = |messages| admission.admit_many(messages, 10, Backpressure::Fail, soon());
        let two = admit(2).unwrap();
        assert!(admit(2).unwrap_err().message().starts_with("2 messages and 10 bytes are in flight"));
        admit(1).unwrap();
        drop(two);
        let many = admit(1000).unwrap();
        assert_eq!(admission.wait_idle(soon()), Err(1000));
        drop(many);
        admission.wait_idle(soon()).unwrap();
    }

    #[cfg(feature = "capi")]
    #[test]
    fn room_that_is_joined_is_given_back_once_and_another_producers_stays_its_own() {
        let (admission, other) = (Admission::new(9, 900), Admission::new(9, 900));
        let admit = |admission: &Arc<Admission>| admission.admit(100, Backpressure::Fail, soon()).unwrap();
        let mut permits = [admit(&admission), admit(&admission), admit(&other)];
        Permit::wait_to_be_polled(permits.iter_mut());
        for admission in [&admission, &other] {
            admission.wait_idle(soon()).unwrap();
        }
        let [mut first, second, others] = permits;
        first.join(second);
        assert_eq!((admission.in_flight(), other.in_flight()), ((2, 200), (1, 100)));
        first.join(others);
        assert_eq!((admission.in_flight(), other.in_flight()), ((2, 200), (0, 0)));
        drop(first);
        assert_eq!(admission.in_flight(), (0, 0));
    }

    #[cfg(feature = "capi")]
    #[test]
    fn what_waits_to_be_polled_is_complete_and_takes_up_room() {
        let admission = Admission::new(2, 100);
        let mut ended = admission.admit(60, Backpressure::Fail, soon()).unwrap();
        assert_eq!(admission.wait_idle(soon()), Err(1));
        Permit::wait_to_be_polled(std::iter::once(&mut ended));
        admission.wait_idle(soon()).unwrap();
        let error = admission.admit(41, Backpressure::Fail, soon()).unwrap_err();
        assert_eq!(
            error.message(),
            "1 messages and 60 bytes are in flight, 1 of them in completion queues that nobody has polled; \
             `max_in_flight_messages` is 2, `max_in_flight_bytes` is 100"
        );
        let _other = admission.admit(40, Backpressure::Fail, soon()).unwrap();
        assert_eq!(admission.wait_idle(soon()), Err(1));
        drop(ended);
        assert_eq!(admission.wait_idle(soon()), Err(1));
        admission.admit(60, Backpressure::Fail, soon()).unwrap();
    }

    /// Rows: AS-05.
    #[test]
    fn a_waiter_gets_the_room_that_is_given_back() {
        let admission = Admission::new(1, 100);
        let held = admission.admit(1, Backpressure::Fail, soon()).unwrap();
        let other = Arc::clone(&admission);
        let waiter = std::thread::spawn(move || other.admit(1, Backpressure::WaitForever, Instant::now()).map(drop));
        assert_eq!(admission.wait_idle(soon()), Err(1));
        drop(held);
        waiter.join().unwrap().unwrap();
        admission.close();
        assert_eq!(admission.admit(1, Backpressure::Fail, soon()).unwrap_err().kind(), ErrorKind::Closed);
    }
}
