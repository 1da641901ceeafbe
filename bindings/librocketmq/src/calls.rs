//! Whether the thread of the callbacks was ended by one of them: CPython does that when it ends.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

static LOST: AtomicBool = AtomicBool::new(false);

/// Looks, at the end of its thread, whether a callback was running.
struct Watch(Cell<bool>);

impl Drop for Watch {
    fn drop(&mut self) {
        if self.0.get() {
            LOST.store(true, Ordering::Release);
        }
    }
}

thread_local! {
    static WATCH: Watch = const { Watch(Cell::new(false)) };
}

/// Before a callback.
pub fn enter() {
    let _ = WATCH.try_with(|watch| watch.0.set(true));
    // A thread that calls is there.
    LOST.store(false, Ordering::Release);
}

/// After it has returned.
pub fn leave() {
    let _ = WATCH.try_with(|watch| watch.0.set(false));
}

/// Whether this thread is in a callback.
pub fn are_here() -> bool {
    WATCH.try_with(|watch| watch.0.get()).unwrap_or(false)
}

/// Whether no callback can run any more.
pub fn are_over() -> bool {
    LOST.load(Ordering::Acquire)
}
