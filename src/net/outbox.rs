//! Frames on their way to one socket.
//!
//! Whoever adds a frame to an idle outbox writes it to the non-blocking socket at once; frames that others add in the
//! meantime are taken by that writer, many in one vectored write. Only a full socket buffer hands the rest to the I/O
//! task. At every moment there is at most one writer, so frames never interleave and keep their order.
//!
//! Frames that nobody waits for, one-way messages, may come so fast that a write for each is most of what they cost. From
//! the seventeenth on, one close behind the other, they stay until a write is full, a frame of another kind takes them
//! along, or the I/O task looks, which it does each millisecond as long as that lasts. One that comes alone goes at once.

use crate::error::{Error, Result};
use crate::sync::{Mutex, MutexGuard};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSlice};
use std::time::{Duration, Instant};

/// Most frames in one vectored write.
pub(super) const MAX_SLICES: usize = 64;
/// Most bytes of frames that nobody waits for before they are written.
const MOST_HELD: usize = 64 * 1024;
/// Frames come close behind each other when no more is between them.
const CLOSE: Duration = Duration::from_micros(50);
/// A pause that ends every flood.
const LULL: Duration = Duration::from_millis(5);
/// Such frames in a row after which they are held back.
const LONG_ROW: u32 = 16;
/// The memory for so many entries is kept.
const MOST_SPARE: usize = 1024;

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
    /// Dropped with the entry.
    _on_written: Option<OnWritten>,
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
    /// What waits, but for what a writer has taken out to write it.
    queue: VecDeque<Entry>,
    /// The memory of the next queue.
    spare: VecDeque<Entry>,
    /// How long all frames are that are not written.
    bytes: usize,
    /// Bytes of the first entry that are written.
    written: usize,
    /// Bytes after those that the sink holds.
    held: usize,
    writer: Writer,
    flood: Flood,
    /// Whether the I/O task looks again and again for what is held back.
    watched: bool,
    closed: Option<Error>,
}

/// What is left to do after a push or a resume.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Nothing: the frame is written, or another thread that is writing takes it, or the connection is not open yet.
    Done,
    /// The frame waits, for the caller wished it so: [`Outbox::release`], unless somebody else's frame takes it along.
    Held,
    /// The frame waits for more: the I/O task must [`Outbox::tick`] until that says otherwise.
    Watch,
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
                spare: VecDeque::new(),
                bytes: 0,
                written: 0,
                held: 0,
                writer: Writer::Parked,
                flood: Flood::default(),
                watched: false,
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
        let haste = if hold { Haste::Waits } else { Haste::Now };
        self.add(std::iter::once(Entry { opaque, bytes, _on_written: on_written }), sink, haste)
    }

    /// Adds a frame at `now` that nobody waits for: see the module's text.
    pub(crate) fn push_unhurried(
        &self,
        bytes: Bytes,
        on_written: OnWritten,
        sink: Option<&impl Sink>,
        now: Instant,
    ) -> Result<Progress> {
        let entry = Entry { opaque: None, bytes, _on_written: Some(on_written) };
        self.add(std::iter::once(entry), sink, Haste::None(now))
    }

    /// For the I/O task, a millisecond after a [`Progress::Watch`] and after each tick: writes what is held back, and
    /// says whether to come again.
    pub(crate) fn tick(&self, sink: &impl Sink) -> (Progress, bool) {
        let mut state = self.state.lock();
        state.watched = std::mem::take(&mut state.flood.held);
        let again = state.watched;
        if state.writer != Writer::Idle || state.queue.is_empty() || state.closed.is_some() {
            return (Progress::Done, again);
        }
        (self.drain(state, sink), again)
    }

    /// Whether [`Outbox::tick`] is wanted.
    pub(crate) fn is_watched(&self) -> bool {
        self.state.lock().watched
    }

    /// Adds the frames of requests that go together.
    pub(crate) fn push_many(
        &self,
        frames: impl Iterator<Item = (i32, Bytes)>,
        sink: Option<&impl Sink>,
    ) -> Result<Progress> {
        let entry = |(opaque, bytes)| Entry { opaque: Some(opaque), bytes, _on_written: None };
        self.add(frames.map(entry), sink, Haste::Now)
    }

    fn add(&self, entries: impl Iterator<Item = Entry>, sink: Option<&impl Sink>, haste: Haste) -> Result<Progress> {
        let mut state = self.state.lock();
        if let Some(cause) = &state.closed {
            return Err(cause.clone());
        }
        // A full socket whose last frame was taken back: nobody waits for it to become writable any more.
        let abandoned = state.writer == Writer::Parked && state.queue.is_empty();
        for entry in entries {
            state.bytes += entry.bytes.len();
            state.queue.push_back(entry);
        }
        let hold = state.holds(haste);
        match (state.writer, sink) {
            (Writer::Idle, Some(_)) if hold => Ok(match haste {
                Haste::None(_) => {
                    state.flood.held = true;
                    if std::mem::replace(&mut state.watched, true) { Progress::Held } else { Progress::Watch }
                }
                _ => Progress::Held,
            }),
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
        let begun = state.begun();
        let given_up: HashMap<i32, usize> = opaques.iter().copied().zip(0..).collect();
        let (mut position, mut bytes) = (0, 0);
        state.queue.retain(|entry| {
            position += 1;
            match entry.opaque.and_then(|opaque| given_up.get(&opaque)) {
                Some(index) if position > begun => {
                    taken[*index] = true;
                    bytes += entry.bytes.len();
                    false
                }
                _ => true,
            }
        });
        state.bytes -= bytes;
        taken
    }

    /// Bytes of frames that are not written.
    pub(crate) fn waiting_bytes(&self) -> usize {
        let state = self.state.lock();
        state.bytes.saturating_sub(state.written)
    }

    /// Whether no frame waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.state.lock().queue.is_empty()
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
        (state.written, state.bytes) = (0, 0);
        drop(state);
        drop(dropped);
    }

    fn drain<'a>(&'a self, mut state: MutexGuard<'a, State>, sink: &impl Sink) -> Progress {
        let mut taken = std::mem::take(&mut state.spare);
        loop {
            if state.queue.is_empty() {
                state.writer = Writer::Idle;
                if taken.capacity() <= MOST_SPARE {
                    state.spare = taken;
                }
                return Progress::Done;
            }
            state.writer = Writer::Writing;
            std::mem::swap(&mut state.queue, &mut taken);
            let mut written = std::mem::take(&mut state.written);
            state.held = 0;
            drop(state);
            let before: usize = taken.iter().map(|entry| entry.bytes.len()).sum();
            let result = write_all(&mut taken, &mut written, sink);
            let after: usize = taken.iter().map(|entry| entry.bytes.len()).sum();
            state = self.state.lock();
            state.bytes = state.bytes.saturating_sub(before - after);
            let Err(error) = result else { continue };
            state.writer = Writer::Parked;
            let is_full = error.kind() == io::ErrorKind::WouldBlock;
            if state.closed.is_none() {
                // What came meanwhile goes behind the rest.
                taken.append(&mut state.queue);
                std::mem::swap(&mut state.queue, &mut taken);
                state.written = written;
                state.held = if is_full { sink.held() } else { 0 };
            }
            drop(state);
            return if is_full { Progress::NeedsWritable } else { Progress::Failed(error) };
        }
    }
}

/// Writes entries and drops those that are written, until all are or the sink fails. `written`: bytes of the first that are
/// written already.
fn write_all(entries: &mut VecDeque<Entry>, written: &mut usize, sink: &impl Sink) -> io::Result<()> {
    while !entries.is_empty() {
        match write_some(entries, *written, sink) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                *written += n;
                while let Some(entry) = entries.front()
                    && *written >= entry.bytes.len()
                {
                    *written -= entry.bytes.len();
                    drop(entries.pop_front());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn write_some(entries: &VecDeque<Entry>, skip: usize, sink: &impl Sink) -> io::Result<usize> {
    let first = entries.front().map_or(&[][..], |entry| &entry.bytes[skip..]);
    if entries.len() == 1 {
        return sink.write_vectored(&[IoSlice::new(first)]);
    }
    let mut slices = [IoSlice::new(first); MAX_SLICES];
    for (slice, entry) in slices.iter_mut().zip(entries).skip(1) {
        *slice = IoSlice::new(&entry.bytes);
    }
    sink.write_vectored(&slices[..entries.len().min(MAX_SLICES)])
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

    /// Whether the next frame should wait for others, and not be the one that completes a write.
    fn holds(&mut self, haste: Haste) -> bool {
        match haste {
            Haste::Now => false,
            Haste::Waits => self.queue.len() < MAX_SLICES,
            Haste::None(now) => self.flood.is_on(now) && self.queue.len() < MAX_SLICES && self.bytes < MOST_HELD,
        }
    }
}

/// How soon a frame must leave.
#[derive(Clone, Copy)]
enum Haste {
    Now,
    /// When its sender says so.
    Waits,
    /// Nobody waits for it: within some milliseconds of this time.
    None(Instant),
}

/// How fast frames come that nobody waits for.
#[derive(Default)]
struct Flood {
    last: Option<Instant>,
    /// Frames that came one close behind the other, and fewer after a gap.
    row: u32,
    /// Whether a frame was held back since the last [`Outbox::tick`].
    held: bool,
}

impl Flood {
    /// Counts a frame; whether so many came that the next will not be long.
    fn is_on(&mut self, now: Instant) -> bool {
        self.row = match self.last.map(|last| now.saturating_duration_since(last)) {
            Some(gap) if gap < CLOSE => (self.row + 1).min(2 * LONG_ROW),
            // Its sender was held up, perhaps: a second such gap ends the flood.
            Some(gap) if gap < LULL => self.row / 2,
            _ => 0,
        };
        self.last = Some(now);
        self.row >= LONG_ROW
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
