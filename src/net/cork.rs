//! Requests of a caller who sends many: those of one connection are entered and leave together.

use super::connection::{Connection, Responder};
use super::outbox::MAX_SLICES;
use crate::error::Result;
use bytes::{Bytes, BytesMut};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

/// Frames with bodies up to so large share memory, which goes when the last one of it does.
const LARGEST_SHARING: usize = 1024;
/// More than what is before a body, nearly always.
const HEADER_ROOM: usize = 1024;
/// How much memory they share: few frames, so that one that waits long keeps little.
const BLOCK: usize = 8192;
/// Most opaques that are reserved at once.
const MOST_RESERVED: usize = 32;

/// A request that is ready to go.
pub(crate) struct Pending {
    pub(crate) opaque: i32,
    pub(crate) bytes: Bytes,
    pub(crate) responder: Box<dyn Responder>,
    pub(crate) deadline: Instant,
}

/// What is held back; it goes when one write is full of it, when it is drawn or dropped, and before its caller waits.
#[derive(Default)]
pub(crate) struct Cork {
    held: RefCell<Vec<Held>>,
    block: RefCell<BytesMut>,
}

/// The requests of one connection.
struct Held {
    connection: Arc<Connection>,
    /// Reserved for the next ones.
    opaques: Vec<i32>,
    /// How many are reserved next time.
    reserve: usize,
    requests: Vec<Pending>,
}

impl Cork {
    /// The opaque for a request that [`Cork::hold`] will take.
    pub(crate) fn reserve(&self, connection: &Arc<Connection>) -> Result<i32> {
        let mut held = self.held.borrow_mut();
        let held = Held::of(&mut held, connection);
        if let Some(opaque) = held.opaques.pop() {
            return Ok(opaque);
        }
        connection.reserve_many(held.reserve, &mut held.opaques)?;
        held.reserve = (2 * held.reserve).min(MOST_RESERVED);
        // The other way round, so that they are used in order.
        held.opaques.reverse();
        held.opaques.pop().map_or_else(|| connection.reserve(), Ok)
    }

    /// Holds a request back until it goes with others.
    pub(crate) fn hold(&self, connection: &Arc<Connection>, request: Pending) {
        let full = {
            let mut held = self.held.borrow_mut();
            let requests = &mut Held::of(&mut held, connection).requests;
            requests.push(request);
            (requests.len() == MAX_SLICES).then(|| std::mem::replace(requests, Vec::with_capacity(MAX_SLICES)))
        };
        if let Some(full) = full {
            connection.request_many(full);
        }
    }

    /// A frame with a body of `size` bytes; `write` reserves what it needs.
    pub(crate) fn frame(&self, size: usize, write: impl FnOnce(&mut BytesMut)) -> Bytes {
        if size > LARGEST_SHARING {
            let mut own = BytesMut::new();
            write(&mut own);
            return own.freeze();
        }
        let mut block = self.block.borrow_mut();
        if block.capacity() < HEADER_ROOM + size {
            *block = BytesMut::with_capacity(BLOCK);
        }
        write(&mut block);
        block.split().freeze()
    }

    /// Lets everything go that was held so far.
    pub(crate) fn draw(&self) {
        for Held { connection, opaques, requests, .. } in self.held.take() {
            connection.release_many(&opaques);
            if !requests.is_empty() {
                connection.request_many(requests);
            }
        }
    }
}

impl Held {
    fn of<'h>(held: &'h mut Vec<Held>, connection: &Arc<Connection>) -> &'h mut Held {
        let known = held.iter().position(|known| Arc::ptr_eq(&known.connection, connection));
        let index = known.unwrap_or_else(|| {
            let connection = Arc::clone(connection);
            held.push(Held { connection, opaques: Vec::new(), reserve: 1, requests: Vec::new() });
            held.len() - 1
        });
        &mut held[index]
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
        let size = |n: usize| if n.is_multiple_of(7) { LARGEST_SHARING + 1 } else { 1 + n };
        // Some are longer than there is room for, as escapes make them.
        let length = |n: usize| size(n) + if n.is_multiple_of(11) { 2 * HEADER_ROOM } else { 100 };
        let frame = |n: usize| cork.frame(size(n), |out| out.extend_from_slice(&vec![n as u8; length(n)]));
        let frames: Vec<Bytes> = (0..200).map(frame).collect();
        for (n, frame) in frames.iter().enumerate() {
            assert!(frame.len() == length(n) && frame.iter().all(|&byte| byte == n as u8), "{n}");
        }
        let neighbours = |pair: &[Bytes]| pair[0].as_ptr_range().end == pair[1].as_ptr();
        assert!(frames.windows(2).filter(|pair| neighbours(pair)).count() > 100);
    }
}
