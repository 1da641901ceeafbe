//! Ends of messages that wait for their receiver to fetch them.
//!
//! The signal is the queue's state for whoever waits on a descriptor: raised exactly while there is an entry. It moves
//! only under the queue's lock, so that the two never disagree.

use crate::sync::{Condvar, Mutex, wait_timeout};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What tells the outside that the queue is not empty.
pub(crate) trait Signal {
    /// The queue has its first entry.
    fn raise(&self);
    /// The queue has given away its last entry.
    fn clear(&self);
}

/// See the module's text.
pub(crate) struct CompletionQueue<T, S> {
    state: Mutex<State<T, S>>,
    arrived: Condvar,
}

struct State<T, S> {
    entries: VecDeque<T>,
    /// How many callers wait for an entry.
    waiting: usize,
    /// `None`: the queue is closed.
    signal: Option<S>,
}

impl<T, S: Signal> CompletionQueue<T, S> {
    pub(crate) fn new(signal: S) -> Self {
        let state = State { entries: VecDeque::new(), waiting: 0, signal: Some(signal) };
        CompletionQueue { state: Mutex::new(state), arrived: Condvar::new() }
    }

    /// Adds entries, of which there must be one, unless the queue is closed: then they are dropped. `placed` sees them
    /// before anybody can take them, and when the signal is raised already: whoever learns from it that a message has
    /// ended may look at the descriptor at once.
    pub(crate) fn append(&self, mut entries: Vec<T>, placed: impl FnOnce(&mut [T])) {
        let mut state = self.state.lock();
        let Some(signal) = &state.signal else {
            drop(state);
            return drop(entries);
        };
        if !state.entries.is_empty() {
            placed(&mut entries);
            return state.entries.extend(entries);
        }
        signal.raise();
        placed(&mut entries);
        // Others who wait are woken by whoever leaves entries behind.
        if state.waiting > 0 {
            self.arrived.notify_one();
        }
        // Without a copy.
        state.entries = entries.into();
    }

    /// Takes the oldest entries, at most `most` and at least 1 of which there must be; waits for the first of them, at
    /// most up to the deadline.
    pub(crate) fn take(&self, most: usize, deadline: Instant) -> VecDeque<T> {
        let mut state = self.state.lock();
        while state.entries.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return VecDeque::new();
            }
            state.waiting += 1;
            state = wait_timeout(&self.arrived, state, left);
            state.waiting -= 1;
        }
        if most < state.entries.len() {
            if state.waiting > 0 {
                self.arrived.notify_one();
            }
            return state.entries.drain(..most).collect();
        }
        if let Some(signal) = &state.signal {
            signal.clear();
        }
        std::mem::take(&mut state.entries)
    }

    /// Drops what is there and what still comes, and the signal.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        let (signal, entries) = (state.signal.take(), std::mem::take(&mut state.entries));
        drop(state);
        drop((signal, entries));
    }
}

#[cfg(all(test, not(mqp_loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Whether it is raised, and how often it was.
    #[derive(Clone, Default)]
    struct Flag(Arc<(AtomicUsize, AtomicUsize)>);

    impl Signal for Flag {
        fn raise(&self) {
            assert_eq!(self.0.0.swap(1, Ordering::SeqCst), 0, "raised twice");
            self.0.1.fetch_add(1, Ordering::SeqCst);
        }

        fn clear(&self) {
            assert_eq!(self.0.0.swap(0, Ordering::SeqCst), 1, "cleared twice");
        }
    }

    impl Flag {
        fn state(&self) -> (usize, usize) {
            (self.0.0.load(Ordering::SeqCst), self.0.1.load(Ordering::SeqCst))
        }
    }

    fn append<T>(queue: &CompletionQueue<T, Flag>, entry: T) {
        queue.append(vec![entry], |_| ());
    }

    #[test]
    fn the_signal_is_raised_once_until_the_last_entry_is_taken() {
        let flag = Flag::default();
        let queue = CompletionQueue::new(flag.clone());
        assert!(queue.take(9, Instant::now()).is_empty());
        for n in 0..5 {
            append(&queue, n);
            assert_eq!(flag.state(), (1, 1));
        }
        assert_eq!(queue.take(4, Instant::now()), [0, 1, 2, 3]);
        assert_eq!(flag.state(), (1, 1));
        assert_eq!(queue.take(4, Instant::now()), [4]);
        assert_eq!(flag.state(), (0, 1));
        append(&queue, 5);
        assert_eq!(flag.state(), (1, 2));
    }

    #[test]
    fn entries_that_come_together_keep_their_order_behind_those_before() {
        let flag = Flag::default();
        let queue = CompletionQueue::new(flag.clone());
        queue.append(vec![0, 1], |placed| assert_eq!((&*placed, flag.state()), (&[0, 1][..], (1, 1))));
        queue.append(vec![2, 3], |_| ());
        assert_eq!(flag.state(), (1, 1));
        assert_eq!(queue.take(3, Instant::now()), [0, 1, 2]);
        assert_eq!(flag.state(), (1, 1));
        assert_eq!(queue.take(3, Instant::now()), [3]);
        assert_eq!(flag.state(), (0, 1));
    }

    #[test]
    fn a_waiting_caller_gets_what_comes_and_a_deadline_ends_the_wait() {
        let queue = Arc::new(CompletionQueue::new(Flag::default()));
        assert_eq!(queue.take(1, Instant::now() + Duration::from_millis(20)), [0; 0]);
        let takers: Vec<_> = (0..3)
            .map(|_| {
                let queue = Arc::clone(&queue);
                std::thread::spawn(move || queue.take(1, Instant::now() + Duration::from_secs(60)))
            })
            .collect();
        (0..3).for_each(|n| append(&queue, n));
        let mut taken: Vec<_> = takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect();
        taken.sort();
        assert_eq!(taken, [0, 1, 2]);
    }

    #[test]
    fn a_closed_queue_drops_what_it_has_and_what_comes() {
        let (token, flag) = (Arc::new(()), Flag::default());
        let queue = CompletionQueue::new(flag.clone());
        append(&queue, Arc::clone(&token));
        queue.close();
        assert_eq!((Arc::strong_count(&token), Arc::strong_count(&flag.0)), (1, 1));
        append(&queue, Arc::clone(&token));
        assert_eq!(Arc::strong_count(&token), 1);
        assert!(queue.take(1, Instant::now()).is_empty());
    }
}

#[cfg(all(test, mqp_loom))]
mod loom_checks {
    use super::*;
    use loom::sync::{Arc, Mutex};
    use loom::thread;

    /// The descriptor, which must never be told what it is already.
    #[derive(Clone)]
    struct Descriptor(Arc<Mutex<bool>>);

    impl Signal for Descriptor {
        fn raise(&self) {
            assert!(!std::mem::replace(&mut *self.0.lock().unwrap(), true), "raised twice");
        }

        fn clear(&self) {
            assert!(std::mem::replace(&mut *self.0.lock().unwrap(), false), "cleared twice");
        }
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }

    fn queue() -> (Descriptor, Arc<CompletionQueue<u32, Descriptor>>) {
        let descriptor = Descriptor(Arc::new(Mutex::new(false)));
        (descriptor.clone(), Arc::new(CompletionQueue::new(descriptor)))
    }

    /// An entry is appended while a poller takes the last one: the descriptor tells the truth, and no entry is lost.
    #[test]
    fn the_descriptor_is_never_wrong() {
        loom::model(|| {
            let (descriptor, queue) = queue();
            queue.append(vec![1], |_| ());
            let appending = {
                let queue = Arc::clone(&queue);
                thread::spawn(move || queue.append(vec![2], |_| ()))
            };
            let mut taken = queue.take(1, Instant::now());
            appending.join().unwrap();
            assert!(*descriptor.0.lock().unwrap(), "one of the two is still there");
            taken.extend(queue.take(2, Instant::now()));
            assert_eq!(taken, [1, 2]);
            assert!(!*descriptor.0.lock().unwrap());
        });
    }

    /// Two pollers sleep, each for one entry: both are woken, however the entries come.
    #[test]
    fn each_sleeper_gets_its_entry() {
        loom::model(|| {
            let (descriptor, queue) = queue();
            let sleeping = {
                let queue = Arc::clone(&queue);
                thread::spawn(move || queue.take(1, later()))
            };
            let appending = {
                let queue = Arc::clone(&queue);
                thread::spawn(move || (1..=2).for_each(|n| queue.append(vec![n], |_| ())))
            };
            let mut taken = queue.take(1, later());
            taken.extend(sleeping.join().unwrap());
            appending.join().unwrap();
            taken.make_contiguous().sort();
            assert_eq!(taken, [1, 2]);
            assert!(!*descriptor.0.lock().unwrap());
        });
    }

    /// Two entries come at once for two pollers that sleep: the first who wakes wakes the other.
    #[test]
    fn entries_that_come_together_wake_all_they_are_for() {
        loom::model(|| {
            let (descriptor, queue) = queue();
            let sleeping = {
                let queue = Arc::clone(&queue);
                thread::spawn(move || queue.take(1, later()))
            };
            let appending = {
                let queue = Arc::clone(&queue);
                thread::spawn(move || queue.append(vec![1, 2], |_| ()))
            };
            let mut taken = queue.take(1, later());
            taken.extend(sleeping.join().unwrap());
            appending.join().unwrap();
            taken.make_contiguous().sort();
            assert_eq!(taken, [1, 2]);
            assert!(!*descriptor.0.lock().unwrap());
        });
    }

    /// The queue is closed while an entry comes: the entry goes one way or the other.
    #[test]
    fn closing_leaves_nothing() {
        loom::model(|| {
            let descriptor = Descriptor(Arc::new(Mutex::new(false)));
            let queue = Arc::new(CompletionQueue::new(descriptor));
            let token = std::sync::Arc::new(());
            let appending = {
                let (queue, token) = (Arc::clone(&queue), token.clone());
                thread::spawn(move || queue.append(vec![token], |_| ()))
            };
            queue.close();
            appending.join().unwrap();
            assert_eq!(std::sync::Arc::strong_count(&token), 1);
        });
    }
}
