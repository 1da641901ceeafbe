//! Requests that wait for their answers, found by the opaque that the answer repeats.
//!
//! An opaque is a slot's index and the slot's generation, so an answer that comes after its request was given up is
//! told apart from the answer to the slot's next request, and from an opaque that was never issued.

use crate::error::{Error, ErrorKind, Result};
use crate::sync::{Mutex, MutexGuard};
use std::time::Instant;

const INDEX_BITS: u32 = 20;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;
/// Opaques stay positive: 31 bits in all.
const GENERATIONS: u32 = 1 << (31 - INDEX_BITS);

enum Content<T> {
    Vacant { next_free: Option<u32> },
    Reserved,
    Waiting { request: T, deadline: Instant },
}

struct Slot<T> {
    /// The generation of the present content, or of the next one when vacant.
    generation: u32,
    content: Content<T>,
}

struct State<T> {
    slots: Vec<Slot<T>>,
    first_free: Option<u32>,
    waiting: usize,
    /// No request expires before this; `None`: the I/O task has no timer running.
    earliest: Option<Instant>,
    poisoned: Option<Error>,
}

/// What an answer's opaque leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken<T> {
    /// The request, which is now the caller's to complete.
    Found(T),
    /// A request that was given up before.
    Late,
    /// No request had this opaque: the peer breaks the protocol.
    NeverIssued,
}

/// What a request found when it was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entered {
    /// Its deadline is earlier than the I/O task's timer: wake it.
    pub(crate) earlier: bool,
    /// No other request waits.
    pub(crate) alone: bool,
}

/// A request that could not be entered, given back with the cause.
pub(crate) type Refused<T> = (T, Error);

/// See the module's text.
pub(crate) struct Inflight<T> {
    state: Mutex<State<T>>,
}

impl<T> Inflight<T> {
    pub(crate) fn new() -> Self {
        Inflight {
            state: Mutex::new(State {
                slots: Vec::new(),
                first_free: None,
                waiting: 0,
                earliest: None,
                poisoned: None,
            }),
        }
    }

    /// Takes a slot and its opaque, to be written into the frame before [`Inflight::enter`].
    pub(crate) fn reserve(&self) -> Result<i32> {
        self.state.lock().reserve()
    }

    /// The same for several at once, of which there is at least one.
    pub(crate) fn reserve_many(&self, count: usize, into: &mut Vec<i32>) -> Result<()> {
        let mut state = self.state.lock();
        into.push(state.reserve()?);
        into.extend((1..count).map_while(|_| state.reserve().ok()));
        Ok(())
    }

    /// An opaque that no answer will have.
    pub(crate) fn unanswered(&self) -> Result<i32> {
        let mut state = self.state.lock();
        let opaque = state.reserve()?;
        state.vacate(index_of(opaque));
        Ok(opaque)
    }

    /// Puts the request into its reserved slot.
    pub(crate) fn enter(&self, opaque: i32, request: T, deadline: Instant) -> std::result::Result<Entered, Refused<T>> {
        match self.entering() {
            Ok(mut entering) => {
                entering.enter(opaque, request, deadline);
                Ok(entering.entered)
            }
            Err(cause) => Err((request, cause)),
        }
    }

    /// Lets several requests in at once.
    pub(crate) fn entering(&self) -> Result<Entering<'_, T>> {
        let state = self.state.lock();
        match &state.poisoned {
            Some(cause) => Err(cause.clone()),
            None => Ok(Entering { state, entered: Entered { earlier: false, alone: false } }),
        }
    }

    /// Whether the request of this opaque still waits.
    pub(crate) fn is_waiting(&self, opaque: i32) -> bool {
        let state = self.state.lock();
        state.slots.get(index_of(opaque)).is_some_and(|slot| {
            slot.generation == opaque as u32 >> INDEX_BITS && matches!(slot.content, Content::Waiting { .. })
        })
    }

    /// Gives a reserved slot back unused.
    pub(crate) fn release(&self, opaque: i32) {
        self.state.lock().vacate(index_of(opaque));
    }

    /// The same for several.
    pub(crate) fn release_many(&self, opaques: &[i32]) {
        let mut state = self.state.lock();
        for opaque in opaques {
            state.vacate(index_of(*opaque));
        }
    }

    /// Takes the request that an answer belongs to.
    pub(crate) fn take(&self, opaque: i32) -> Taken<T> {
        self.state.lock().take(opaque)
    }

    /// Takes the requests that answers belong to, in order, up to the first that no request had.
    pub(crate) fn take_many(&self, opaques: impl Iterator<Item = i32>, into: &mut Vec<Taken<T>>) {
        let mut state = self.state.lock();
        for opaque in opaques {
            let taken = state.take(opaque);
            let stray = matches!(taken, Taken::NeverIssued);
            into.push(taken);
            if stray {
                break;
            }
        }
    }

    /// Takes every request whose deadline is not after `now`, with its opaque, and says when to come again.
    pub(crate) fn expire(&self, now: Instant) -> (Vec<(i32, T)>, Option<Instant>) {
        let mut state = self.state.lock();
        let mut expired = Vec::new();
        if state.earliest.is_none_or(|earliest| now < earliest) {
            return (expired, state.earliest);
        }
        let mut earliest: Option<Instant> = None;
        for index in 0..state.slots.len() {
            if let Content::Waiting { deadline, .. } = state.slots[index].content {
                if deadline <= now {
                    let opaque = ((state.slots[index].generation << INDEX_BITS) | index as u32) as i32;
                    expired.extend(state.vacate(index).map(|request| (opaque, request)));
                } else {
                    earliest = Some(earliest.map_or(deadline, |e| e.min(deadline)));
                }
            }
        }
        state.earliest = earliest;
        (expired, earliest)
    }

    /// When the timer must fire next.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.state.lock().earliest
    }

    /// Refuses requests from now on and takes all that wait, for all of them to hear one cause.
    pub(crate) fn poison(&self, cause: Error) -> Vec<T> {
        let mut state = self.state.lock();
        if state.poisoned.is_some() {
            return Vec::new();
        }
        state.poisoned = Some(cause);
        (0..state.slots.len())
            .filter(|index| matches!(state.slots[*index].content, Content::Waiting { .. }))
            .collect::<Vec<_>>()
            .into_iter()
            .filter_map(|index| state.vacate(index))
            .collect()
    }

    /// Whether no slot is taken, neither by a request that waits nor by one that is about to.
    pub(crate) fn is_vacant(&self) -> bool {
        self.state.lock().slots.iter().all(|slot| matches!(slot.content, Content::Vacant { .. }))
    }

    /// Requests that wait.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().waiting
    }
}

/// The table while requests are entered.
pub(crate) struct Entering<'t, T> {
    state: MutexGuard<'t, State<T>>,
    pub(crate) entered: Entered,
}

impl<T> Entering<'_, T> {
    pub(crate) fn enter(&mut self, opaque: i32, request: T, deadline: Instant) {
        let state = &mut *self.state;
        state.slots[index_of(opaque)].content = Content::Waiting { request, deadline };
        state.waiting += 1;
        let earlier = state.earliest.is_none_or(|earliest| deadline < earliest);
        if earlier {
            state.earliest = Some(deadline);
        }
        self.entered = Entered { earlier: self.entered.earlier || earlier, alone: state.waiting == 1 };
    }
}

impl<T> State<T> {
    fn reserve(&mut self) -> Result<i32> {
        if let Some(cause) = &self.poisoned {
            return Err(cause.clone());
        }
        let index = match self.first_free {
            Some(index) => index,
            None => {
                let index = self.slots.len() as u32;
                if index > INDEX_MASK {
                    return Err(Error::new(
                        ErrorKind::Backpressure,
                        format!("{index} requests wait on one connection, which is its limit"),
                    ));
                }
                self.slots.push(Slot { generation: 0, content: Content::Vacant { next_free: None } });
                index
            }
        };
        let slot = &mut self.slots[index as usize];
        let next_free = match slot.content {
            Content::Vacant { next_free } => next_free,
            _ => None,
        };
        slot.content = Content::Reserved;
        let opaque = (slot.generation << INDEX_BITS) | index;
        self.first_free = next_free;
        Ok(opaque as i32)
    }

    fn take(&mut self, opaque: i32) -> Taken<T> {
        let (index, generation) = (index_of(opaque), opaque as u32 >> INDEX_BITS);
        let Some(slot) = self.slots.get(index).filter(|_| opaque >= 0) else {
            return Taken::NeverIssued;
        };
        let age = slot.generation.wrapping_sub(generation) % GENERATIONS;
        match (&slot.content, age) {
            (Content::Waiting { .. }, 0) => match self.vacate(index) {
                Some(request) => Taken::Found(request),
                None => Taken::Late,
            },
            (_, 0) => Taken::NeverIssued,
            (_, age) if age <= GENERATIONS / 2 => Taken::Late,
            _ => Taken::NeverIssued,
        }
    }

    fn vacate(&mut self, index: usize) -> Option<T> {
        let next_free = self.first_free;
        let slot = &mut self.slots[index];
        slot.generation = (slot.generation + 1) % GENERATIONS;
        let content = std::mem::replace(&mut slot.content, Content::Vacant { next_free });
        self.first_free = Some(index as u32);
        match content {
            Content::Waiting { request, .. } => {
                self.waiting -= 1;
                Some(request)
            }
            _ => None,
        }
    }
}

fn index_of(opaque: i32) -> usize {
    (opaque as u32 & INDEX_MASK) as usize
}

impl<T> std::fmt::Debug for Inflight<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflight").field("waiting", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests;
