//! Frames of a caller who sends many: those of one connection leave together.

use super::connection::Connection;
use std::cell::RefCell;
use std::sync::Arc;

/// Connections whose outbox holds frames back; they go when it is drawn or dropped, and before its caller waits.
#[derive(Debug, Default)]
pub(crate) struct Cork(RefCell<Vec<Arc<Connection>>>);

impl Cork {
    pub(super) fn hold(&self, connection: &Arc<Connection>) {
        let mut held = self.0.borrow_mut();
        if !held.iter().any(|known| Arc::ptr_eq(known, connection)) {
            held.push(Arc::clone(connection));
        }
    }

    /// Lets everything go that was held so far.
    pub(crate) fn draw(&self) {
        for connection in self.0.take() {
            connection.release_held();
        }
    }
}

impl Drop for Cork {
    fn drop(&mut self) {
        self.draw();
    }
}
