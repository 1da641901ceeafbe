//! Addresses that could not be connected to when it was tried last.

use crate::sync::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// See the module's text.
#[derive(Debug, Default)]
pub(crate) struct OutOfReach {
    /// So that it costs next to nothing to learn that there is none.
    count: AtomicUsize,
    addresses: Mutex<HashSet<Arc<str>>>,
}

impl OutOfReach {
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    pub(crate) fn contains(&self, address: &str) -> bool {
        self.addresses.lock().contains(address)
    }

    /// Notes an address, if `still` holds then.
    pub(super) fn add(&self, address: &Arc<str>, still: impl FnOnce() -> bool) {
        let mut addresses = self.addresses.lock();
        if still() {
            addresses.insert(Arc::clone(address));
            self.count.store(addresses.len(), Ordering::Relaxed);
        }
    }

    pub(super) fn remove(&self, address: &str) {
        if !self.is_empty() {
            let mut addresses = self.addresses.lock();
            addresses.remove(address);
            self.count.store(addresses.len(), Ordering::Relaxed);
        }
    }
}
