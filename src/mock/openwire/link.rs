//! A connection's entry in the broker, which ends with it.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::mock::store::Store;

#[derive(Debug)]
pub(super) struct Link {
    pub(super) store: Arc<Store>,
    pub(super) number: u64,
}

impl Link {
    /// A new connection, and the frames to write to it.
    pub(super) fn open(store: &Arc<Store>) -> (Link, mpsc::UnboundedReceiver<Bytes>) {
        // Unbounded: what goes there is bounded by the windows of consumers, and tests are small.
        let (frames, receiver) = mpsc::unbounded_channel();
        let number = store.lock().openwire.connect(frames);
        (Link { store: Arc::clone(store), number }, receiver)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.store.lock().openwire.disconnect(self.number);
    }
}
