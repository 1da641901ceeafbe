//! Completion queues as handles: the ends of messages for whoever waits on a descriptor instead of taking callbacks.

#![allow(unsafe_code, non_camel_case_types)]

use super::callback::mqp_completion;
use super::error::mqp_error;
use super::handle::Out;
use super::os::{Readiness, ReadinessNumbers, fork_generation, is_library_thread};
use super::receipt::mqp_receipt;
use super::status::{MQP_OK, mqp_status, number};
use super::types::{element_size, invalid};
use super::{boundary, handle};
use crate::completion_queue::CompletionQueue;
use crate::error::{Error, ErrorKind, Result};
use crate::producer::admission::Permit;
use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where messages end that were sent by mqp_producer_send_queued or mqp_producer_send_many: an *owned* handle, freed by
/// mqp_completion_queue_free. Any number of producers may share it, and any number of threads use it at the same time.
///
/// It needs no thread and no callback: its descriptor shows whether there is something to poll. After `fork` a child
/// makes a queue of its own: the parent's is refused there with MQP_ERR_FORKED.
pub struct mqp_completion_queue {
    queue: Option<Arc<Queue>>,
    descriptors: ReadinessNumbers,
    generation: u32,
}

type Queue = CompletionQueue<Entry, Readiness>;

/// An end that nobody has fetched.
struct Entry {
    user_data: *mut c_void,
    /// The receipt of a message; a lookup has none.
    outcome: Result<Option<Box<mqp_receipt>>>,
    /// Given back when it is polled.
    permit: Option<Permit>,
}

// SAFETY: `user_data` is never read here, only handed back; all else can be sent.
unsafe impl Send for Entry {}

/// The end of one message, for a queue.
pub(crate) struct QueuedCompletion {
    queue: Arc<Queue>,
    user_data: *mut c_void,
}

// SAFETY: as for `Entry`.
unsafe impl Send for QueuedCompletion {}

impl QueuedCompletion {
    /// Puts the end into the queue, on the calling thread.
    pub(crate) fn append(self, outcome: Result<Box<mqp_receipt>>, permit: Option<Permit>) {
        self.put(outcome.map(Some), permit);
    }

    /// The same for what is no message.
    pub(crate) fn append_plain(self, outcome: Result<()>) {
        self.put(outcome.map(|()| None), None);
    }

    fn put(self, outcome: Result<Option<Box<mqp_receipt>>>, permit: Option<Permit>) {
        let mut put = Some((self.queue, Entry { user_data: self.user_data, outcome, permit }));
        // A caller's thread that is ending has no such place any more.
        let _ = GATHERED.try_with(|gathered| {
            if let Some(gathered) = &mut *gathered.borrow_mut()
                && let Some((queue, entry)) = put.take()
            {
                gathered.add(queue, entry);
            }
        });
        if let Some((queue, entry)) = put {
            append(&queue, vec![entry]);
        }
    }
}

fn append(queue: &Queue, entries: Vec<Entry>) {
    queue.append(entries, |entries| {
        Permit::wait_to_be_polled(entries.iter_mut().filter_map(|entry| entry.permit.as_mut()));
    });
}

thread_local! {
    /// What ends on this thread just now; `None`: nothing is gathered.
    static GATHERED: RefCell<Option<Gathered>> = const { RefCell::new(None) };
}

/// Ends that go into one queue together.
#[derive(Default)]
struct Gathered {
    queue: Option<Arc<Queue>>,
    entries: Vec<Entry>,
}

impl Gathered {
    fn add(&mut self, queue: Arc<Queue>, entry: Entry) {
        if !self.queue.as_ref().is_some_and(|known| Arc::ptr_eq(known, &queue)) {
            self.flush();
            self.queue = Some(queue);
        }
        self.entries.push(entry);
    }

    fn flush(&mut self) {
        if let Some(queue) = self.queue.take() {
            append(&queue, std::mem::take(&mut self.entries));
        }
    }
}

/// Runs `work`, after which the ends that it put into queues are there: many answers that came at once wake a poller
/// once. `work` must not wait.
pub(crate) fn gather<R>(work: impl FnOnce() -> R) -> R {
    /// Also when `work` panics.
    struct Flush(Option<Gathered>);
    impl Drop for Flush {
        fn drop(&mut self) {
            if let Some(mut gathered) = GATHERED.replace(self.0.take()) {
                gathered.flush();
            }
        }
    }
    let _flush = Flush(GATHERED.replace(Some(Gathered::default())));
    work()
}

impl mqp_completion_queue {
    /// How a message ends in here.
    pub(crate) fn completion(&self, user_data: *mut c_void) -> Result<QueuedCompletion> {
        Ok(QueuedCompletion { queue: Arc::clone(self.queue()?), user_data })
    }

    fn queue(&self) -> Result<&Arc<Queue>> {
        match &self.queue {
            Some(queue) if self.generation == fork_generation() => Ok(queue),
            _ => Err(Error::new(
                ErrorKind::Forked,
                "the completion queue was made before a fork; make a new one in the child process",
            )),
        }
    }
}

impl Drop for mqp_completion_queue {
    fn drop(&mut self) {
        let Some(queue) = self.queue.take() else { return };
        if self.generation == fork_generation() {
            return queue.close();
        }
        // The lock may be held by a thread that the child does not have.
        std::mem::forget(queue);
        Readiness::close_inherited(self.descriptors);
    }
}

impl Entry {
    /// What C sees of it; receipt and error are the receiver's from now on.
    fn give(self, struct_size: usize) -> mqp_completion {
        let (mut receipt, mut error) = (std::ptr::null_mut(), std::ptr::null_mut());
        let status = match self.outcome {
            Ok(stored) => {
                receipt = stored.map_or(receipt, handle::give_box);
                MQP_OK
            }
            Err(failure) => {
                let status = number(failure.kind());
                error = handle::give(mqp_error::new(failure));
                status
            }
        };
        mqp_completion { struct_size: struct_size as u32, status, user_data: self.user_data, receipt, error }
    }
}

/// Makes a completion queue.
///
/// `out`: receives an *owned* handle; NULL on failure. `error`: may be NULL. Threads: any. Errors: MQP_ERR_RESOURCE when
/// the system gives no descriptor; MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_completion_queue_new(
    out: *mut *mut mqp_completion_queue,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the handle.
        let out = unsafe { Out::required(out, "out", std::ptr::null_mut())? };
        let readiness = Readiness::new().map_err(|error| {
            Error::new(ErrorKind::Resource, format!("the system refused a descriptor for a completion queue: {error}"))
        })?;
        let descriptors = readiness.numbers();
        let queue = Some(Arc::new(CompletionQueue::new(readiness)));
        out.set(handle::give(mqp_completion_queue { queue, descriptors, generation: fork_generation() }));
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// The descriptor of a queue, for epoll, poll, select and the like: readable exactly while the queue is not empty.
///
/// It is a state, not a stream: never read, write or close it; mqp_completion_queue_poll makes it unreadable when it
/// takes the last entry. One who waits for edges (EPOLLET) polls until the count is 0 before the next wait. Where several
/// threads poll, one may find the queue empty although the descriptor was readable. Non-blocking and close-on-exec; an
/// eventfd on Linux, elsewhere the end of a pipe.
///
/// Returns: *borrowed* until the queue is freed, which closes it; -1 for NULL and in a child of `fork`. Threads: any.
/// Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_completion_queue_fd(queue: *const mqp_completion_queue) -> c_int {
    boundary::infallible(-1, || {
        // SAFETY: the caller passes NULL or a queue that is not freed.
        match unsafe { queue.as_ref() } {
            Some(queue) if queue.queue().is_ok() => queue.descriptors[0].unwrap_or(-1),
            _ => -1,
        }
    })
}

/// Takes the oldest completions, as many as there are and fit, and waits for the first when there is none. Each
/// completion goes to exactly one caller.
///
/// Its message counts as in flight until it is polled: a queue that nobody polls is bounded by the producers'
/// `max_in_flight_messages` and `max_in_flight_bytes`, and loses nothing. A thread that both sends and polls sets
/// `backpressure` to `fail`, since a send that waits for room would wait for the poll after it.
///
/// `out`: room for `capacity` completions of `completion_size` bytes, sizeof(mqp_completion) each; written one after the
/// other, with their receipts and errors, which are *owned*: mqp_completions_free. `user_data` is what the message was
/// sent with, and is never dropped by the library. `timeout_ms`: in milliseconds; 0: do not wait. When the time passes
/// without a completion, the count is 0 and the call returns MQP_OK. `count`: receives how many there are; 0 on
/// failure. `error`: may be NULL.
/// Threads: any; with a timeout not those of the library. Errors: MQP_ERR_FORKED; MQP_ERR_WOULD_DEADLOCK with a timeout
/// on a thread of the library; MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_completion_queue_poll(
    queue: *mut mqp_completion_queue,
    out: *mut mqp_completion,
    completion_size: u32,
    capacity: usize,
    timeout_ms: u32,
    count: *mut usize,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the count.
        let count = unsafe { Out::required(count, "count", 0)? };
        // SAFETY: the caller passes NULL or a queue that is not freed.
        let queue = unsafe { handle::borrow(queue, "queue")? };
        let size = element_size("completion_size", completion_size, mqp_completion::FIRST_SIZE)?;
        let known = size.min(size_of::<mqp_completion>());
        if out.is_null() {
            return Err(invalid("`out` is NULL".to_owned()));
        }
        if capacity == 0 {
            return Err(invalid("`capacity` is 0; the minimum is 1".to_owned()));
        }
        let queue = queue.queue()?;
        if timeout_ms > 0 && is_library_thread() {
            let what = "`timeout_ms` is not 0 on a thread of the library, which must not wait; poll with 0 there";
            return Err(Error::new(ErrorKind::WouldDeadlock, what));
        }
        let taken = queue.take(capacity, Instant::now() + Duration::from_millis(timeout_ms.into()));
        let found = taken.len();
        // Room is given back once for all of a producer.
        let mut room: Option<Permit> = None;
        for (index, mut entry) in taken.into_iter().enumerate() {
            match (&mut room, entry.permit.take()) {
                (Some(room), Some(permit)) => room.join(permit),
                (None, permit) => room = permit,
                (Some(_), None) => {}
            }
            let completion = entry.give(known);
            // SAFETY: not more than `capacity` elements of `size` bytes, which the caller has room for; `known` is within
            // both an element and a completion.
            unsafe {
                let element = out.cast::<u8>().add(index * size);
                element.copy_from_nonoverlapping((&raw const completion).cast(), known);
                element.add(known).write_bytes(0, size - known);
            }
        }
        drop(room);
        count.set(found);
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Frees the receipts and errors of polled completions and sets the pointers to NULL; `user_data` is left alone.
///
/// `completions`: `count` of them, as mqp_completion_queue_poll wrote them; NULL is allowed. `completion_size`: as given
/// there. Threads: any. Errors: none; with a size that mqp_completion_queue_poll refuses nothing is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_completions_free(completions: *mut mqp_completion, completion_size: u32, count: usize) {
    boundary::infallible((), || {
        let Ok(size) = element_size("completion_size", completion_size, mqp_completion::FIRST_SIZE) else { return };
        if completions.is_null() {
            return;
        }
        for index in 0..count {
            // SAFETY: the caller passes `count` elements of `size` bytes that `mqp_completion_queue_poll` wrote, so that
            // receipt and error, which each version of it has, are NULL or were given there; they are taken once, since
            // NULL is left behind.
            unsafe {
                let element = completions.byte_add(index * size);
                let (receipt, error) = (&raw mut (*element).receipt, &raw mut (*element).error);
                drop(handle::take(receipt.read_unaligned().cast_mut()));
                drop(handle::take(error.read_unaligned().cast_mut()));
                receipt.write_unaligned(std::ptr::null());
                error.write_unaligned(std::ptr::null());
            }
        }
    });
}

/// Frees a queue and closes its descriptor; NULL is allowed. Completions that nobody has polled, and those that messages
/// still in flight will have, are dropped: their room in flight is given back, their `user_data` is left alone.
///
/// `queue`: *owned*, taken. Threads: any, when no other uses the handle: neither polls it nor sends to it now. Errors:
/// none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_completion_queue_free(queue: *mut mqp_completion_queue) {
    // SAFETY: the caller gives up a queue that it owns, or passes NULL.
    boundary::infallible((), || drop(unsafe { handle::take(queue) }));
}

impl std::fmt::Debug for mqp_completion_queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("mqp_completion_queue").field("descriptors", &self.descriptors).finish()
    }
}
