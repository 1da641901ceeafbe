//! Texts handed to C: kept in one buffer with a NUL behind each.

use super::types::mqp_str;

/// `N` texts in one allocation.
#[derive(Clone, Debug)]
pub(crate) struct Texts<const N: usize> {
    buffer: Box<[u8]>,
    ends: [usize; N],
}

impl<const N: usize> Texts<N> {
    pub(crate) fn new(parts: [&str; N]) -> Self {
        let mut buffer = Vec::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
        let ends = parts.map(|part| {
            buffer.extend_from_slice(part.as_bytes());
            buffer.push(0);
            buffer.len() - 1
        });
        Texts { buffer: buffer.into_boxed_slice(), ends }
    }

    /// All of them, one behind the other.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// The text at `index`, valid as long as `self` lives; the buffer does not move with it.
    pub(crate) fn get(&self, index: usize) -> mqp_str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] + 1 };
        let part = &self.buffer[start..];
        mqp_str { ptr: part.as_ptr().cast(), len: self.ends[index] - start }
    }
}
