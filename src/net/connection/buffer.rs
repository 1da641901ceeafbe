//! Where a connection reads to.

use crate::protocol::remoting::shape::Shape;

/// Room for reading; grows for one larger frame and shrinks after it.
const READ_BUFFER: usize = 64 * 1024;

/// Bytes read and not yet decoded.
pub(in crate::net) struct ReadBuffer {
    memory: Vec<u8>,
    filled: usize,
    /// That of the answers so far.
    shape: Shape,
}

impl ReadBuffer {
    pub(in crate::net) fn new() -> Self {
        ReadBuffer { memory: vec![0; READ_BUFFER], filled: 0, shape: Shape::default() }
    }

    pub(in crate::net) fn room(&mut self) -> &mut [u8] {
        if self.filled == self.memory.len() {
            self.memory.resize(self.filled * 2, 0);
        }
        &mut self.memory[self.filled..]
    }

    /// Counts `n` bytes in; whether they filled the room, so that there may be more.
    pub(in crate::net) fn filled(&mut self, n: usize) -> bool {
        self.filled += n;
        self.filled == self.memory.len()
    }

    pub(in crate::net) fn bytes(&self) -> &[u8] {
        &self.memory[..self.filled]
    }

    /// The bytes, and what answers among them look like.
    pub(super) fn content(&mut self) -> (&[u8], &mut Shape) {
        (&self.memory[..self.filled], &mut self.shape)
    }

    pub(in crate::net) fn is_empty(&self) -> bool {
        self.filled == 0
    }

    pub(in crate::net) fn consume(&mut self, n: usize) {
        self.memory.copy_within(n..self.filled, 0);
        self.filled -= n;
        if self.filled < READ_BUFFER && self.memory.len() > READ_BUFFER {
            self.memory.truncate(READ_BUFFER);
            self.memory.shrink_to_fit();
        }
    }
}
