//! Frames of a caller who sends many: those of one connection leave together.

use super::connection::Connection;
use bytes::{Bytes, BytesMut};
use std::cell::RefCell;
use std::sync::Arc;

/// Frames up to so large share memory, which goes when the last one of it does.
const LARGEST_SHARING: usize = 2048;
/// How much memory they share: few frames, so that one that waits long keeps little.
const BLOCK: usize = 8192;

/// Connections whose outbox holds frames back; they go when it is drawn or dropped, and before its caller waits.
#[derive(Debug, Default)]
pub(crate) struct Cork {
    held: RefCell<Vec<Arc<Connection>>>,
    block: RefCell<BytesMut>,
}

impl Cork {
    pub(super) fn hold(&self, connection: &Arc<Connection>) {
        let mut held = self.held.borrow_mut();
        if !held.iter().any(|known| Arc::ptr_eq(known, connection)) {
            held.push(Arc::clone(connection));
        }
    }

    /// A frame of at most `room` bytes, unless escapes make it longer.
    pub(crate) fn frame(&self, room: usize, write: impl FnOnce(&mut BytesMut)) -> Bytes {
        if room > LARGEST_SHARING {
            let mut own = BytesMut::with_capacity(room);
            write(&mut own);
            return own.freeze();
        }
        let mut block = self.block.borrow_mut();
        if block.capacity() < room {
            *block = BytesMut::with_capacity(BLOCK);
        }
        write(&mut block);
        block.split().freeze()
    }

    /// Lets everything go that was held so far.
    pub(crate) fn draw(&self) {
        for connection in self.held.take() {
            connection.release_held();
        }
    }
}

impl Drop for Cork {
    fn drop(&mut self) {
        self.draw();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_share_memory_while_they_are_small_and_stay_what_they_are() {
        let cork = Cork::default();
        let room = |n: usize| if n.is_multiple_of(7) { LARGEST_SHARING + 1 } else { 1 + n };
        let frame = |n: usize| {
            // Longer than its room, as escapes make one.
            cork.frame(room(n), |out| out.extend_from_slice(&vec![n as u8; 2 * room(n)]))
        };
        let frames: Vec<Bytes> = (0..200).map(frame).collect();
        for (n, frame) in frames.iter().enumerate() {
            assert!(frame.len() == 2 * room(n) && frame.iter().all(|&byte| byte == n as u8), "{n}");
        }
        let neighbours = |pair: &[Bytes]| pair[0].as_ptr_range().end == pair[1].as_ptr();
        assert!(frames.windows(2).filter(|pair| neighbours(pair)).count() > 100);
    }
}
