//! Work that any thread brings and one thread at a time does, in the order in which it came.

use crate::sync::Mutex;
use std::collections::VecDeque;

/// See the module's text. Whoever brings work does it, and what comes meanwhile; nobody waits.
#[derive(Debug)]
pub(super) struct Relay<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    queue: VecDeque<T>,
    busy: bool,
}

impl<T> Relay<T> {
    pub(super) fn new() -> Self {
        Relay(Mutex::new(State { queue: VecDeque::new(), busy: false }))
    }

    /// Leaves work; [`Relay::run`] follows.
    pub(super) fn push(&self, work: impl IntoIterator<Item = T>) {
        self.0.lock().queue.extend(work);
    }

    /// Does what there is, unless another thread is about it, which then does this, too; but no more than `most`, so
    /// that none works for the others without an end. Whether something is left that nobody is about.
    pub(super) fn run(&self, most: usize, mut work: impl FnMut(T)) -> bool {
        for turn in 0.. {
            let mut state = self.0.lock();
            if state.busy || state.queue.is_empty() {
                return false;
            }
            if turn == most {
                break;
            }
            let next = state.queue.pop_front();
            state.busy = true;
            drop(state);
            let _turn = Turn(self);
            next.into_iter().for_each(&mut work);
        }
        true
    }
}

/// Given back when it is dropped, also by a panic.
struct Turn<'a, T>(&'a Relay<T>);

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.0.0.lock().busy = false;
    }
}

#[cfg(all(test, not(mqp_loom)))]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn work_is_done_in_order_also_what_comes_meanwhile_and_after_a_panic() {
        let relay = Relay::new();
        let mut done = Vec::new();
        relay.push([1, 2]);
        let left = relay.run(9, |number| {
            if number == 1 {
                relay.push([3]);
                assert!(!relay.run(9, |_| panic!("a turn inside a turn")));
            }
            done.push(number);
        });
        assert_eq!((&*done, left), (&[1, 2, 3][..], false));
        relay.push([4, 5]);
        assert!(catch_unwind(AssertUnwindSafe(|| relay.run(9, |_| panic!("from the work")))).is_err());
        relay.run(9, |number| done.push(number));
        assert_eq!(done, [1, 2, 3, 5]);
    }

    #[test]
    fn nobody_does_more_than_so_much_and_what_is_left_is_told() {
        let relay = Relay::new();
        let mut done = Vec::new();
        relay.push([1, 2, 3]);
        assert!(relay.run(2, |number| done.push(number)));
        assert!(!relay.run(1, |number| done.push(number)), "the last one leaves nothing");
        assert_eq!(done, [1, 2, 3]);
    }
}

#[cfg(all(test, mqp_loom))]
mod loom_checks {
    use super::*;
    use loom::sync::Arc;
    use loom::sync::Mutex;
    use loom::thread;

    /// Two threads bring work: all of it is done once, in the order in which it was left, and none stays behind when
    /// whoever is told of something left goes on.
    #[test]
    fn no_work_stays_behind() {
        loom::model(|| {
            let relay = Arc::new(Relay::new());
            let next = Arc::new(Mutex::new(0));
            let done = Arc::new(Mutex::new(Vec::new()));
            let bring = {
                let (relay, next, done) = (Arc::clone(&relay), Arc::clone(&next), Arc::clone(&done));
                move || {
                    let mut number = next.lock().unwrap();
                    relay.push([*number]);
                    *number += 1;
                    drop(number);
                    while relay.run(1, |number| done.lock().unwrap().push(number)) {}
                }
            };
            let other = thread::spawn(bring.clone());
            bring();
            other.join().unwrap();
            assert_eq!(*done.lock().unwrap(), [0, 1]);
        });
    }
}
