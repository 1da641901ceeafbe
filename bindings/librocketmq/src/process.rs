//! Which process this is: what a parent started does not run in its forked child.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

static GENERATION: AtomicU32 = AtomicU32::new(0);
static REGISTER: Once = Once::new();

extern "C" fn raise_generation() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// How many forks lie between the first process and this one, counted from the first call on.
pub fn generation() -> u32 {
    REGISTER.call_once(|| {
        // SAFETY: the handler is a static function and does nothing but an atomic addition.
        unsafe { libc::pthread_atfork(None, None, Some(raise_generation)) };
    });
    GENERATION.load(Ordering::Relaxed)
}
