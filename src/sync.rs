//! The locks that the model checker replaces: `--cfg mqp_loom` swaps them for loom's.
//!
//! A poisoned lock means that a panic was caught at the library's border; the state behind each lock is consistent
//! between statements, so the guard is taken all the same.

#[cfg(mqp_loom)]
use loom::sync as primitives;
#[cfg(not(mqp_loom))]
use std::sync as primitives;

pub(crate) use primitives::{Condvar, MutexGuard};

/// A mutex that ignores poisoning.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(primitives::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Mutex(primitives::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        match self.0.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}

/// Waits on a condition, ignoring poisoning.
pub(crate) fn wait<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    match condvar.wait(guard) {
        Ok(guard) => guard,
        Err(poisoned) => poisoned.into_inner(),
    }
}

/// Waits on a condition for at most `timeout`; loom has no time, there it waits without an end.
pub(crate) fn wait_timeout<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    timeout: std::time::Duration,
) -> MutexGuard<'a, T> {
    match condvar.wait_timeout(guard, timeout) {
        Ok((guard, _)) => guard,
        Err(poisoned) => poisoned.into_inner().0,
    }
}

/// Waits until what the lock guards is `done`, or until the deadline; whether it is.
pub(crate) fn wait_until<T>(
    condvar: &Condvar,
    mut guard: MutexGuard<'_, T>,
    deadline: std::time::Instant,
    done: impl Fn(&T) -> bool,
) -> bool {
    while !done(&guard) {
        let now = std::time::Instant::now();
        if now >= deadline {
            return false;
        }
        guard = wait_timeout(condvar, guard, deadline - now);
    }
    true
}

/// Opened once, by one thread, for another that waits.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    opened: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    pub(crate) fn open(&self) {
        *self.opened.lock() = true;
        self.changed.notify_all();
    }

    /// Waits until the gate is open, or the deadline; whether it is open.
    pub(crate) fn wait(&self, deadline: std::time::Instant) -> bool {
        wait_until(&self.changed, self.opened.lock(), deadline, |opened| *opened)
    }
}
