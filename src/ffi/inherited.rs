//! Sockets that a child of fork gives back at once.
//!
//! The child has no use for its parent's sockets, but as long as it keeps them open no server sees them end when the parent
//! does, and a port stays taken. What is open is noted in a table that a child reads without locks and memory of its own.

#![allow(unsafe_code)]

use super::os::fork_generation;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

const BITS: usize = 64;
const WORDS: usize = 1024;
/// Descriptors of one part.
const PART: usize = BITS * WORDS;

/// One bit for each descriptor that is to be closed. The parts are made when a descriptor needs them, and never freed.
static OPEN: [AtomicPtr<[AtomicU64; WORDS]>; 16] = [const { AtomicPtr::new(null_mut()) }; 16];

/// The word and the bit of a descriptor; `None` beyond the table, which holds a million.
fn place(number: RawFd, make: bool) -> Option<(&'static AtomicU64, u64)> {
    let number = usize::try_from(number).ok()?;
    let part = OPEN.get(number / PART)?;
    if make && part.load(Ordering::Acquire).is_null() {
        let fresh = Box::into_raw(Box::new([const { AtomicU64::new(0) }; WORDS]));
        if part.compare_exchange(null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: it was not published, so that this is its only owner.
            unsafe { drop(Box::from_raw(fresh)) };
        }
    }
    // SAFETY: a part is published once, fully made, and never freed.
    let words = unsafe { part.load(Ordering::Acquire).as_ref()? };
    Some((&words[number % PART / BITS], 1 << (number % BITS)))
}

/// Marks an open descriptor for children. In a struct it stands before what owns the descriptor: the mark must be gone
/// before the number can be another's.
#[derive(Debug)]
pub(crate) struct ClosedInChildren {
    number: RawFd,
    generation: u32,
}

impl ClosedInChildren {
    pub(crate) fn new(socket: &impl AsRawFd) -> Self {
        // Registers the handler, too.
        let generation = fork_generation();
        let number = socket.as_raw_fd();
        if let Some((word, bit)) = place(number, true) {
            word.fetch_or(bit, Ordering::SeqCst);
        }
        ClosedInChildren { number, generation }
    }
}

impl Drop for ClosedInChildren {
    fn drop(&mut self) {
        if self.generation == fork_generation()
            && let Some((word, bit)) = place(self.number, false)
        {
            word.fetch_and(!bit, Ordering::SeqCst);
        }
    }
}

/// In a new child: closes what is marked. Only calls that a signal handler may make.
///
/// What owned the descriptors is the parent's and is leaked here, never dropped.
#[cfg_attr(miri, allow(dead_code))]
pub(super) fn close_all() {
    for (at, part) in OPEN.iter().enumerate() {
        // SAFETY: as in `place`.
        let Some(words) = (unsafe { part.load(Ordering::Acquire).as_ref() }) else { continue };
        for (index, word) in words.iter().enumerate() {
            let mut bits = word.swap(0, Ordering::SeqCst);
            while bits != 0 {
                let bit = bits.trailing_zeros() as usize;
                bits &= bits - 1;
                // SAFETY: the child's copy of a descriptor that the library opened and nobody closed before the fork.
                unsafe { libc::close((at * PART + index * BITS + bit) as RawFd) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Number(RawFd);

    impl AsRawFd for Number {
        fn as_raw_fd(&self) -> RawFd {
            self.0
        }
    }

    fn is_marked(number: RawFd) -> bool {
        place(number, false).is_some_and(|(word, bit)| word.load(Ordering::SeqCst) & bit != 0)
    }

    #[test]
    fn a_descriptor_is_marked_as_long_as_it_is_owned() {
        // Numbers that no test's process reaches.
        for number in [900_000, 900_063, 900_064, 1_048_575] {
            let mark = ClosedInChildren::new(&Number(number));
            assert!(is_marked(number) && !is_marked(number - 1), "{number}");
            drop(mark);
            assert!(!is_marked(number), "{number}");
        }
    }

    #[test]
    fn a_descriptor_beyond_the_table_is_left_alone() {
        for number in [-1, 1_048_576, RawFd::MAX] {
            drop(ClosedInChildren::new(&Number(number)));
            assert!(!is_marked(number), "{number}");
        }
    }
}
