//! The producer window, where senders wait.

use crate::config::Backpressure;
use crate::error::{Error, ErrorKind, Result};
use crate::policy::window::{Place, Window};
use crate::sync::{Condvar, Mutex, wait, wait_timeout};
use std::time::Instant;

/// See the module's text.
pub(super) struct Room {
    state: Mutex<(Window, bool)>,
    changed: Condvar,
}

impl Room {
    pub(super) fn new(limit: i32) -> Self {
        Room { state: Mutex::new((Window::new(limit), false)), changed: Condvar::new() }
    }

    /// Takes a place, waiting as `policy` says.
    pub(super) fn enter(&self, policy: Backpressure, deadline: Instant) -> Result<Place> {
        let mut state = self.state.lock();
        loop {
            if state.1 {
                return Err(Error::new(ErrorKind::Closed, "the producer is closed"));
            }
            if let Some(place) = state.0.enter() {
                return Ok(place);
            }
            let now = Instant::now();
            if policy == Backpressure::Fail || (policy == Backpressure::Block && now >= deadline) {
                let (used, limit) = (state.0.used(), state.0.limit());
                let what = format!(
                    "the broker has not acknowledged {used} bytes of messages; `producer_window_size` is {limit}"
                );
                return Err(Error::new(ErrorKind::Backpressure, what));
            }
            state = match policy {
                Backpressure::WaitForever => wait(&self.changed, state),
                _ => wait_timeout(&self.changed, state, deadline - now),
            };
        }
    }

    pub(super) fn fill(&self, place: Place, size: i32) {
        self.state.lock().0.fill(place, size);
    }

    pub(super) fn leave(&self, place: Place) {
        self.state.lock().0.leave(place);
        self.changed.notify_all();
    }

    pub(super) fn acknowledge(&self, size: i32) {
        self.state.lock().0.acknowledge(size);
        self.changed.notify_all();
    }

    pub(super) fn restart(&self) {
        self.state.lock().0.restart();
        self.changed.notify_all();
    }

    /// Refuses all from now on.
    pub(super) fn close(&self) {
        self.state.lock().1 = true;
        self.changed.notify_all();
    }

    pub(super) fn used(&self) -> i64 {
        self.state.lock().0.used()
    }
}
