//! Randomness for starts, jitter and ids: never for secrets.

use crate::ffi::os::ForkLocal;
use crate::sync::{Mutex, MutexGuard};
use fastrand::Rng;
use std::hash::{BuildHasher, RandomState};

static GENERATOR: ForkLocal<Mutex<Rng>> = ForkLocal::new();

/// The process's generator. A forked child gets one of its own, so that the two do not make the same ids; its seed
/// comes from the system, and leaves nothing behind in the calling thread.
pub(crate) fn generator() -> MutexGuard<'static, Rng> {
    GENERATOR.get_or_init(|| Mutex::new(Rng::with_seed(RandomState::new().hash_one(std::process::id())))).lock()
}
