//! Frames on their way to one socket.
//!
//! Whoever adds a frame to an idle outbox writes it to the non-blocking socket at once; frames that others add in the
//! meantime are taken by that writer, many in one vectored write. Only a full socket buffer hands the rest to the I/O
//! task. At every moment there is at most one writer, so frames never interleave and keep their order.

use crate::error::{Error, Result};
use crate::sync::{Mutex, MutexGuard};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSlice};

/// Most frames in one vectored write.
pub(super) const MAX_SLICES: usize = 64;

/// A non-blocking writer.
pub(crate) trait Sink {
    /// Writes what it can take; `WouldBlock` when it can take nothing now.
    fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// After a `WouldBlock`: how many of the offered bytes it has taken all the same, encrypted, and will tell of in
    /// the next write, which must offer them again.
    fn held(&self) -> usize {
        0
    }
}

/// Something to drop once a frame is handed to the operating system, or will never be.
pub(crate) type OnWritten = Box<dyn Send>;

struct Entry {
    /// The request that the frame makes; `None` for a frame without an answer.
    opaque: Option<i32>,
    bytes: Bytes,
    on_written: Option<OnWritten>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    /// Nobody writes, and nothing waits but for a caller who holds it back.
    Idle,
    /// Somebody is inside the socket's write.
    Writing,
    /// The socket is not open yet, or full: the I/O task goes on when it is ready.
    Parked,
}

struct State {
    queue: VecDeque<Entry>,
    /// Bytes of the first entry that are written.
    written: usize,
    /// Bytes after those that the sink holds.
    held: usize,
    /// Entries at the front that a write is taking just now.
    being_written: usize,
    writer: Writer,
    closed: Option<Error>,
}

/// What is left to do after a push or a resume.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Nothing: the frame is written, or another thread that is writing takes it, or the connection is not open yet.
    Done,
    /// The frame waits, for the caller wished it so: [`Outbox::release`], unless somebody else's frame takes it along.
    Held,
    /// The socket is full: the I/O task must wait until it is writable and resume.
    NeedsWritable,
    /// The socket failed: the connection must be declared dead.
    Failed(io::Error),
}

/// See the module's text.
pub(crate) struct Outbox {
    state: Mutex<State>,
}

impl Outbox {
    /// An outbox of a connection that is not open yet: frames wait for [`Outbox::resume`].
    pub(crate) fn parked() -> Self {
        Outbox {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                written: 0,
                held: 0,
                being_written: 0,
                writer: Writer::Parked,
                closed: None,
            }),
        }
    }

    /// Adds a frame and writes it when nobody else is writing. `sink` is `None` as long as the socket is not open.
    pub(crate) fn push(
        &self,
        opaque: Option<i32>,
        bytes: Bytes,
        on_written: Option<OnWritten>,
        sink: Option<&impl Sink>,
    ) -> Result<Progress> {
        self.push_or_hold(opaque, bytes, on_written, sink, false)
    }

    /// The same; with `hold` the frame waits for more, up to as many as one write takes.
    pub(crate) fn push_or_hold(
        &self,
        opaque: Option<i32>,
        bytes: Bytes,
        on_written: Option<OnWritten>,
        sink: Option<&impl Sink>,
        hold: bool,
    ) -> Result<Progress> {
        self.add(std::iter::once(Entry { opaque, bytes, on_written }), sink, hold)
    }

    /// Adds the frames of requests that go together.
    pub(crate) fn push_many(
        &self,
        frames: impl Iterator<Item = (i32, Bytes)>,
        sink: Option<&impl Sink>,
    ) -> Result<Progress> {
        let entry = |(opaque, bytes)| Entry { opaque: Some(opaque), bytes, on_written: None };
        self.add(frames.map(entry), sink, false)
    }

    fn add(&self, entries: impl Iterator<Item = Entry>, sink: Option<&impl Sink>, hold: bool) -> Result<Progress> {
        let mut state = self.state.lock();
        if let Some(cause) = &state.closed {
            return Err(cause.clone());
        }
        // A full socket whose last frame was taken back: nobody waits for it to become writable any more.
        let abandoned = state.writer == Writer::Parked && state.queue.is_empty();
        state.queue.extend(entries);
        match (state.writer, sink) {
            (Writer::Idle, Some(_)) if hold && state.queue.len() < MAX_SLICES => Ok(Progress::Held),
            (Writer::Idle, Some(sink)) => Ok(self.drain(state, sink)),
            (Writer::Parked, Some(sink)) if abandoned => Ok(self.drain(state, sink)),
            _ => Ok(Progress::Done),
        }
    }

    /// Writes what was held back, unless that was done already or another thread writes.
    pub(crate) fn release(&self, sink: &impl Sink) -> Progress {
        let state = self.state.lock();
        if state.writer != Writer::Idle || state.closed.is_some() {
            return Progress::Done;
        }
        self.drain(state, sink)
    }

    /// Goes on after the socket became open or writable; called by the I/O task only.
    pub(crate) fn resume(&self, sink: &impl Sink) -> Progress {
        let state = self.state.lock();
        if state.writer != Writer::Parked || state.closed.is_some() {
            return Progress::Done;
        }
        self.drain(state, sink)
    }

    /// Takes back the frames of requests that were given up: they must neither be sent later nor take up memory.
    /// Tells for each whether that was possible, so that its request was never sent.
    pub(crate) fn withdraw(&self, opaques: &[i32]) -> Vec<bool> {
        let mut state = self.state.lock();
        let mut taken = vec![false; opaques.len()];
        let begun = state.being_written.max(state.begun());
        let given_up: HashMap<i32, usize> = opaques.iter().copied().zip(0..).collect();
        let mut position = 0;
        state.queue.retain(|entry| {
            position += 1;
            match entry.opaque.and_then(|opaque| given_up.get(&opaque)) {
                Some(index) if position > begun => {
                    taken[*index] = true;
                    false
                }
                _ => true,
            }
        });
        taken
    }

    /// Bytes of frames that are not written.
    pub(crate) fn waiting_bytes(&self) -> usize {
        let state = self.state.lock();
        let bytes: usize = state.queue.iter().map(|entry| entry.bytes.len()).sum();
        bytes.saturating_sub(state.written)
    }

    /// Whether frames wait for the socket to become writable.
    pub(crate) fn is_blocked(&self) -> bool {
        let state = self.state.lock();
        state.writer == Writer::Parked && !state.queue.is_empty()
    }

    /// Refuses frames from now on and drops those that are waiting.
    pub(crate) fn close(&self, cause: Error) {
        let mut state = self.state.lock();
        state.closed.get_or_insert(cause);
        let dropped = std::mem::take(&mut state.queue);
        state.written = 0;
        drop(state);
        drop(dropped);
    }

    fn drain<'a>(&'a self, mut state: MutexGuard<'a, State>, sink: &impl Sink) -> Progress {
        loop {
            if state.queue.is_empty() {
                state.writer = Writer::Idle;
                return Progress::Done;
            }
            state.writer = Writer::Writing;
            let skip = state.written;
            let batch: smallbatch::Batch =
                state.queue.iter().take(MAX_SLICES).map(|entry| entry.bytes.clone()).collect();
            state.being_written = state.queue.len().min(MAX_SLICES);
            drop(state);
            let result = batch.write(skip, sink);
            drop(batch);
            state = self.state.lock();
            state.being_written = 0;
            match result {
                Ok(0) => {
                    state.writer = Writer::Parked;
                    return Progress::Failed(io::ErrorKind::WriteZero.into());
                }
                Ok(n) => {
                    state.held = 0;
                    let finished = state.advance(n);
                    if !finished.is_empty() {
                        drop(state);
                        drop(finished);
                        state = self.state.lock();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    state.held = sink.held();
                    state.writer = Writer::Parked;
                    return Progress::NeedsWritable;
                }
                Err(error) => {
                    state.writer = Writer::Parked;
                    return Progress::Failed(error);
                }
            }
        }
    }
}

impl State {
    /// Entries at the front of which some byte has left.
    fn begun(&self) -> usize {
        let mut left = self.written + self.held;
        let begun = move |entry: &&Entry| {
            let has_left = left > 0;
            left = left.saturating_sub(entry.bytes.len());
            has_left
        };
        self.queue.iter().take_while(begun).count()
    }

    /// Takes `n` written bytes off the queue; returns what is to be dropped outside the lock.
    fn advance(&mut self, n: usize) -> Vec<OnWritten> {
        let mut finished = Vec::new();
        let mut left = self.written + n;
        while let Some(entry) = self.queue.front() {
            if left < entry.bytes.len() {
                break;
            }
            left -= entry.bytes.len();
            finished.extend(self.queue.pop_front().and_then(|entry| entry.on_written));
        }
        // The queue was emptied by `close` while the write was under way: nothing is left to count from.
        self.written = if self.queue.is_empty() { 0 } else { left };
        finished
    }
}

mod smallbatch {
    //! The frames of one write, held outside the lock.

    use super::{MAX_SLICES, Sink};
    use bytes::Bytes;
    use std::io::{self, IoSlice};

    pub(super) enum Batch {
        One(Bytes),
        Many(Vec<Bytes>),
    }

    impl FromIterator<Bytes> for Batch {
        fn from_iter<I: IntoIterator<Item = Bytes>>(iter: I) -> Self {
            let mut iter = iter.into_iter();
            match (iter.next(), iter.next()) {
                (Some(only), None) => Batch::One(only),
                (first, second) => Batch::Many(first.into_iter().chain(second).chain(iter).collect()),
            }
        }
    }

    impl Batch {
        pub(super) fn write(&self, skip: usize, sink: &impl Sink) -> io::Result<usize> {
            match self {
                Batch::One(bytes) => sink.write_vectored(&[IoSlice::new(&bytes[skip..])]),
                Batch::Many(frames) => {
                    let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                    for (i, bytes) in frames.iter().enumerate() {
                        slices[i] = IoSlice::new(if i == 0 { &bytes[skip..] } else { bytes });
                    }
                    sink.write_vectored(&slices[..frames.len()])
                }
            }
        }
    }
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.state.lock();
        f.debug_struct("Outbox").field("frames", &state.queue.len()).field("writer", &state.writer).finish()
    }
}

#[cfg(test)]
mod tests;
