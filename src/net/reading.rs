//! Who reads a connection: the I/O task, or a synchronous caller that waits for its own answer.
//!
//! A lone synchronous send costs two switches between threads when another thread reads its answer. So where such sends
//! follow one another, the I/O task lends the role of the reader: the buffer lies here, each caller takes it for as long
//! as it waits, reads whatever comes, for others too, and puts it back. The role returns to the I/O task when a caller
//! is done and others still wait, when somebody sends who will not wait himself, and when no caller has come for a
//! while.
//!
//! Nobody is forgotten: a request is entered before its sender looks here, and whoever gives the role away looks for
//! requests after that.

use crate::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Lone synchronous sends in a row after which the role is lent.
const FIRST_STREAK: u32 = 4;
/// The same after the role had to be called back again and again.
const LONGEST_STREAK: u32 = 1024;

/// See the module's text. `B` is the buffer: who has it reads.
#[derive(Debug)]
pub(crate) struct Reading<B> {
    state: Mutex<State<B>>,
    /// A copy of `state.lent`, for a look without the lock.
    lent: AtomicBool,
    /// Lone synchronous sends since the last of another kind.
    streak: AtomicU32,
    /// How long such a row must be.
    wanted: AtomicU32,
}

#[derive(Debug)]
struct State<B> {
    /// Whether callers may read; else the I/O task does, as soon as it has the buffer.
    lent: bool,
    /// `None`: somebody reads.
    buffer: Option<B>,
    /// How often a caller has read since the role was lent.
    turns: u32,
    /// The same when the I/O task last looked.
    seen: u32,
}

impl<B> Reading<B> {
    /// The I/O task is to read, by a buffer of its own.
    pub(crate) fn new() -> Self {
        Reading {
            state: Mutex::new(State { lent: false, buffer: None, turns: 0, seen: 0 }),
            lent: AtomicBool::new(false),
            streak: AtomicU32::new(0),
            wanted: AtomicU32::new(FIRST_STREAK),
        }
    }

    /// Whether callers may read.
    pub(crate) fn is_lent(&self) -> bool {
        self.lent.load(Ordering::Relaxed)
    }

    /// Notes a synchronous send, and whether nothing else is in flight.
    pub(crate) fn note(&self, lone: bool) {
        let streak = if lone { self.streak.load(Ordering::Relaxed).saturating_add(1) } else { 0 };
        self.streak.store(streak, Ordering::Relaxed);
    }

    /// Whether the I/O task should lend the role, with nothing in flight.
    pub(crate) fn should_lend(&self) -> bool {
        self.streak.load(Ordering::Relaxed) >= self.wanted.load(Ordering::Relaxed)
    }

    /// Lends the role; the I/O task looks for requests after that, and calls it back when there are some.
    pub(crate) fn lend(&self, buffer: B) {
        let mut state = self.state.lock();
        state.buffer = Some(buffer);
        state.lent = true;
        (state.turns, state.seen) = (0, 0);
        self.lent.store(true, Ordering::Relaxed);
        self.streak.store(0, Ordering::Relaxed);
    }

    /// The buffer, for a caller who reads now; put back by [`Reading::put_back`].
    pub(crate) fn take(&self) -> Option<B> {
        let mut state = self.state.lock();
        if !state.lent {
            return None;
        }
        let buffer = state.buffer.take()?;
        state.turns = state.turns.wrapping_add(1);
        Some(buffer)
    }

    /// A caller reads no more. `others_wait` is asked once the buffer is back. `true`: wake the I/O task, which reads
    /// from now on.
    pub(crate) fn put_back(&self, buffer: B, others_wait: impl FnOnce() -> bool) -> bool {
        // The loan does not end meanwhile: that takes the buffer.
        self.state.lock().buffer = Some(buffer);
        others_wait() && self.call_back()
    }

    /// Somebody waits who does not read. `true`: wake the I/O task, which reads from now on; else it does already, or a
    /// caller is at it, who will look for others.
    pub(crate) fn call_back(&self) -> bool {
        let mut state = self.state.lock();
        if !state.lent || state.buffer.is_none() {
            return false;
        }
        let wanted = match state.turns < LONGEST_STREAK {
            true => (self.wanted.load(Ordering::Relaxed) * 2).min(LONGEST_STREAK),
            false => FIRST_STREAK,
        };
        self.wanted.store(wanted, Ordering::Relaxed);
        self.end(&mut state);
        true
    }

    /// For the I/O task, every now and then: ends the loan when no caller has read since the last look.
    pub(crate) fn end_if_unused(&self) {
        let mut state = self.state.lock();
        if state.lent && state.buffer.is_some() && state.turns == state.seen {
            self.end(&mut state);
        }
        state.seen = state.turns;
    }

    /// The buffer for the I/O task, when it is its turn and no caller is reading.
    pub(crate) fn take_over(&self) -> Option<B> {
        let mut state = self.state.lock();
        if state.lent { None } else { state.buffer.take() }
    }

    fn end(&self, state: &mut State<B>) {
        state.lent = false;
        self.lent.store(false, Ordering::Relaxed);
        self.streak.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
