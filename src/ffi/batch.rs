//! Batches: several messages in one request.

#![allow(unsafe_code, non_camel_case_types)]

use super::callback::ForeignJob;
use super::error::mqp_error;
use super::handle::Out;
use super::message::{self, mqp_message, mqp_send_options};
use super::producer::mqp_producer;
use super::receipt::mqp_receipt;
use super::sized::{self, SizedStruct};
use super::status::{MQP_OK, mqp_status, number};
use super::types::{element_size, invalid};
use super::{boundary, handle};
use crate::batch::{BatchEnd, BatchOptions};
use crate::error::{Error, Result};
use crate::message::{Message, SendOptions};
use crate::producer::Producer;
use crate::producer::admission::Permit;
use crate::producer::batch::BatchCompletion;
use std::ffi::c_void;
use std::sync::Arc;

/// More messages than `max_in_flight_messages` can ever be.
const MAX_COUNT: usize = 1_000_000;

/// How a batch is sent: *copied*. Set `struct_size`, or start from MQP_BATCH_OPTIONS_INIT; zero stands for each default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_batch_options {
    /// Size of the caller's struct in bytes.
    pub struct_size: u32,
    /// 0: the batch is one request, and refused when it takes more than `max_message_size`. Otherwise it is split into
    /// requests that take at most so many bytes each, up to `max_message_size`; a message that is larger by itself goes
    /// alone. A message takes its body, its properties and 22 bytes.
    pub split_bytes: u32,
}

// SAFETY: `repr(C)`, two `u32` without padding.
unsafe impl SizedStruct for mqp_batch_options {
    const NAME: &'static str = "mqp_batch_options";
    const FIRST_SIZE: usize = std::mem::offset_of!(Self, split_bytes) + size_of::<u32>();
}

/// How each message of a batch ended: an *owned* handle, freed by mqp_batch_result_free. It never changes, so that any
/// threads may read it at the same time.
#[derive(Clone, Debug)]
pub struct mqp_batch_result {
    messages: Arc<Vec<Ended>>,
    failure: Option<Error>,
}

#[derive(Debug)]
enum Ended {
    Stored(mqp_receipt),
    Failed(mqp_error),
}

impl mqp_batch_result {
    fn new(end: &BatchEnd) -> Self {
        let failure = end.first_error().map(|(index, error)| error.context(format_args!("messages[{index}]")));
        let mut messages: Vec<Ended> = Vec::with_capacity(end.len());
        end.of_each(|index, told| {
            let ended = match (told, messages.last()) {
                (Ok(told), Some(Ended::Stored(neighbour))) if index > 0 => Ended::Stored(neighbour.beside(&told)),
                (Ok(told), _) => Ended::Stored(mqp_receipt::packed(&told)),
                (Err(error), _) => Ended::Failed(mqp_error::new(error.clone())),
            };
            messages.push(ended);
        });
        mqp_batch_result { messages: messages.into(), failure }
    }

    /// The receipt of each message that was stored.
    pub(crate) fn receipts(&self) -> impl Iterator<Item = Option<&mqp_receipt>> {
        self.messages.iter().map(|ended| match ended {
            Ended::Stored(receipt) => Some(receipt),
            Ended::Failed(_) => None,
        })
    }
}

/// The end of a batch. Everything in it is *borrowed* for the duration of the callback it is passed to;
/// mqp_batch_result_clone and mqp_error_clone keep more.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_batch_completion {
    /// Size of the struct in bytes as the library knows it; fields beyond it must not be read.
    pub struct_size: u32,
    /// MQP_OK when every message was stored, else why the first of those that were not failed.
    pub status: mqp_status,
    /// The `user_data` that came with the batch.
    pub user_data: *mut c_void,
    /// How each message ended; never NULL.
    pub result: *const mqp_batch_result,
    /// The error of the first message that failed, its index before the text; NULL when there is none.
    pub error: *const mqp_error,
}

/// Who is told of the end of a batch, once for all its messages. As with mqp_callback: once the call that took it
/// returned MQP_OK, `call` runs exactly once and then `drop` exactly once, on the library's dispatcher and with the
/// same restrictions; on any other return neither runs, and `user_data` stays the caller's.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_batch_callback {
    /// Required: receives the completion, *borrowed* until it returns.
    pub call: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, completion: *const mqp_batch_completion)>,
    /// Passed to both functions, not read by the library; may be NULL.
    pub user_data: *mut c_void,
    /// Gives `user_data` back after the call; may be NULL.
    pub drop: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
}

/// Sends several messages in one request, or in several when `batch_options` says to split them, and waits until each
/// has its end or the deadline passed; failed tries are repeated as configured.
///
/// The messages have one topic and one `no_wait_store`. Each keeps its unique id, flag and properties. None may have a
/// delay, a priority or a lite topic, also not as a property, be half of a transaction or go to a retry topic
/// (`%RETRY%...`); none is compressed. A message that is refused is named by its index, and then nothing was sent.
///
/// The requests of a split batch go one after the other. With MQP_SELECT_ROUND_ROBIN and MQP_SELECT_RANDOM each has a
/// queue of its own choice, and one that fails does not stop the next; with all other selectors they go to one queue in
/// the order of the messages, and after a failure the rest is not sent.
///
/// `messages`: *borrowed* for the call, `count` of them, at least 1. `message_size`: size in bytes of one element, the
/// library's step: sizeof(mqp_message). `options`: *copied*, the deadline is one for the whole batch; NULL: all
/// defaults. `batch_options`: *copied*; NULL: all defaults. `result`: receives an *owned* handle; may be NULL. `error`:
/// may be NULL.
///
/// Returns: MQP_OK when every message was stored. Otherwise either the batch was refused and `*result` is NULL, or it
/// was sent, `*result` tells how each message ended, and the status is that of the first one that failed.
/// Threads: any; blocks up to the deadline. Errors: those of mqp_producer_send.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_send_batch(
    producer: *mut mqp_producer,
    messages: *const mqp_message,
    count: usize,
    message_size: u32,
    options: *const mqp_send_options,
    batch_options: *const mqp_batch_options,
    result: *mut *mut mqp_batch_result,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let lent = Lent { producer, messages, count, message_size, options, batch_options };
    // SAFETY: the caller keeps what this function asks of it.
    unsafe { send_for_result(&lent, result, error, Producer::end_batch) }
}

/// Sends several messages as mqp_producer_send_batch does without asking for answers: success means that they were
/// handed to the connection, no more. Nothing is repeated.
///
/// `messages`, `count`, `message_size`, `options`, `batch_options`, `error`: as in mqp_producer_send_batch. `result`:
/// receives an *owned* handle whose receipts have the `send_status` MQP_SEND_ONEWAY; may be NULL. Returns: as there.
/// Threads: any; blocks, at most up to the deadline, until connections are open. Errors: those of
/// mqp_producer_send_batch but MQP_ERR_BROKER.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_send_batch_oneway(
    producer: *mut mqp_producer,
    messages: *const mqp_message,
    count: usize,
    message_size: u32,
    options: *const mqp_send_options,
    batch_options: *const mqp_batch_options,
    result: *mut *mut mqp_batch_result,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let lent = Lent { producer, messages, count, message_size, options, batch_options };
    // SAFETY: the caller keeps what this function asks of it.
    unsafe { send_for_result(&lent, result, error, Producer::end_batch_oneway) }
}

/// Sends several messages as mqp_producer_send_batch does and returns at once; `callback` is told of the end of all of
/// them, once. It waits, and in a callback does not, as mqp_producer_send_async says.
///
/// `messages`, `count`, `message_size`, `options`, `batch_options`, `error`: as in mqp_producer_send_batch. `callback`:
/// taken when the call returns MQP_OK, else untouched: see mqp_batch_callback. Threads: any, a callback's included.
/// Errors, returned or told to the callback: those of mqp_producer_send_batch but MQP_ERR_WOULD_DEADLOCK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_send_batch_async(
    producer: *mut mqp_producer,
    messages: *const mqp_message,
    count: usize,
    message_size: u32,
    options: *const mqp_send_options,
    batch_options: *const mqp_batch_options,
    callback: mqp_batch_callback,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let lent = Lent { producer, messages, count, message_size, options, batch_options };
    let body = || {
        let send = |producer: &Producer, messages: &[Message<'_>], options: &SendOptions<'_>, batch: &BatchOptions| {
            let callback = BatchCompletion::Foreign(ForeignBatchCallback::new(callback)?);
            producer.submit_batch(messages, options, batch, callback)
        };
        // SAFETY: the caller keeps what this function asks of it.
        unsafe { lent.send(send) }
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// What the three sends are passed.
struct Lent {
    producer: *mut mqp_producer,
    messages: *const mqp_message,
    count: usize,
    message_size: u32,
    options: *const mqp_send_options,
    batch_options: *const mqp_batch_options,
}

impl Lent {
    /// # Safety
    /// Each pointer is NULL or leads to what [`mqp_producer_send_batch`] says of it, until this returns.
    unsafe fn send<T>(
        &self,
        send: impl FnOnce(&Producer, &[Message<'_>], &SendOptions<'_>, &BatchOptions) -> Result<T>,
    ) -> Result<T> {
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(self.producer, "producer")? };
        // SAFETY: the caller lends all three, with all that they point to, until the call returns.
        let (messages, options, batch) = unsafe {
            (
                read_messages(self.messages, self.count, self.message_size)?,
                message::read_options(self.options)?,
                read_batch_options(self.batch_options)?,
            )
        };
        send(&producer.producer, &messages, &options.options(), &batch)
    }
}

/// # Safety
/// As [`Lent::send`]; `result` and `error` are NULL or writable.
unsafe fn send_for_result(
    lent: &Lent,
    result: *mut *mut mqp_batch_result,
    error: *mut *mut mqp_error,
    send: impl FnOnce(&Producer, &[Message<'_>], &SendOptions<'_>, &BatchOptions) -> Result<BatchEnd>,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the handle.
        let out = unsafe { Out::optional(result, std::ptr::null_mut()) };
        // SAFETY: the contract of this function.
        let ended = mqp_batch_result::new(&unsafe { lent.send(send)? });
        let failure = ended.failure.clone();
        if let Some(out) = out {
            out.set(handle::give(ended));
        }
        failure.map_or(Ok(()), Err)
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// # Safety
/// `messages` is NULL or leads to `count` elements of `message_size` bytes, unchanged during `'a`.
unsafe fn read_messages<'a>(messages: *const mqp_message, count: usize, message_size: u32) -> Result<Vec<Message<'a>>> {
    if messages.is_null() {
        return Err(invalid(format!("`messages` is NULL with `count` {count}")));
    }
    if count == 0 || count > MAX_COUNT {
        return Err(invalid(format!("`count` is {count}; the minimum is 1, the maximum {MAX_COUNT}")));
    }
    let step = element_size("message_size", message_size, mqp_message::FIRST_SIZE)?;
    let mut read: Vec<Message<'a>> = Vec::with_capacity(count);
    let mut before = None;
    for index in 0..count {
        // SAFETY: within the array, by the contract of this function.
        let message = unsafe { message::read_next_element(messages, step, index, before.take().zip(read.last())) };
        let (raw, message) = message.map_err(|error| error.context(format_args!("messages[{index}]")))?;
        read.push(message);
        before = Some(raw);
    }
    Ok(read)
}

/// # Safety
/// `from` is NULL or leads to options with their size set.
unsafe fn read_batch_options(from: *const mqp_batch_options) -> Result<BatchOptions> {
    let mut options = BatchOptions::default();
    if !from.is_null() {
        // SAFETY: the contract of this function.
        let raw = unsafe { sized::read(from)? };
        options.split_bytes = raw.split_bytes as usize;
    }
    Ok(options)
}

/// How many messages the batch held; 0 for NULL.
///
/// Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_batch_result_count(result: *const mqp_batch_result) -> usize {
    boundary::infallible(0, || {
        // SAFETY: the caller passes NULL or a result that is not freed.
        unsafe { result.as_ref() }.map_or(0, |result| result.messages.len())
    })
}

/// Reads how the message at `index` ended, in the order in which they were given.
///
/// `receipt`: receives the receipt, *borrowed* until the result is freed, or NULL when the message failed. `failure`:
/// receives why it failed, *borrowed* until the result is freed, or NULL. Each may be NULL when it is not wanted.
/// `error`: may be NULL; why reading failed. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_batch_result_get(
    result: *const mqp_batch_result,
    index: usize,
    receipt: *mut *const mqp_receipt,
    failure: *mut *const mqp_error,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or places for the handles.
        let (receipt, failure) =
            unsafe { (Out::optional(receipt, std::ptr::null()), Out::optional(failure, std::ptr::null())) };
        // SAFETY: the caller passes NULL or a result that is not freed.
        let result = unsafe { handle::borrow(result, "result")? };
        let Some(ended) = result.messages.get(index) else {
            return Err(invalid(format!("`index` is {index}; there are {} messages", result.messages.len())));
        };
        match (ended, receipt, failure) {
            (Ended::Stored(stored), Some(out), _) => out.set(stored),
            (Ended::Failed(failed), _, Some(out)) => out.set(failed),
            _ => {}
        }
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Copies a result, to keep one that is only borrowed, as in a callback.
///
/// Returns: *owned*, to be freed by mqp_batch_result_free; NULL for NULL. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_batch_result_clone(result: *const mqp_batch_result) -> *mut mqp_batch_result {
    boundary::infallible(std::ptr::null_mut(), || {
        // SAFETY: the caller passes NULL or a result that is not freed.
        let result = unsafe { result.as_ref() };
        result.map_or(std::ptr::null_mut(), |result| handle::give(result.clone()))
    })
}

/// Frees a result; NULL is allowed.
///
/// `result`: *owned*, taken. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_batch_result_free(result: *mut mqp_batch_result) {
    // SAFETY: the caller gives up a result that it owns, or passes NULL.
    boundary::infallible((), || drop(unsafe { handle::take(result) }));
}

/// A callback whose `call` is there. Without a `Drop`: a batch that is refused leaves `user_data` to the caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForeignBatchCallback {
    call: unsafe extern "C-unwind" fn(*mut c_void, *const mqp_batch_completion),
    user_data: *mut c_void,
    drop: Option<unsafe extern "C-unwind" fn(*mut c_void)>,
}

// SAFETY: `user_data` is never read here, and the documentation of `mqp_batch_callback` says on which thread it is used.
unsafe impl Send for ForeignBatchCallback {}

impl ForeignBatchCallback {
    fn new(callback: mqp_batch_callback) -> Result<Self> {
        let Some(call) = callback.call else {
            return Err(invalid("`callback.call` is NULL".to_owned()));
        };
        Ok(ForeignBatchCallback { call, user_data: callback.user_data, drop: callback.drop })
    }

    /// What the dispatcher has to run; the permit is given back after the callback has returned.
    pub(crate) fn job(self, end: BatchEnd, permit: Permit) -> ForeignJob {
        ForeignJob::Batch(Box::new(HeldBatch { callback: self, end: Some(end), shown: None, permit }))
    }
}

/// A batch's completion with all that it points to.
pub(crate) struct HeldBatch {
    callback: ForeignBatchCallback,
    end: Option<BatchEnd>,
    shown: Option<ShownBatch>,
    permit: Permit,
}

/// What the pointers lead to stays at its place: the whole is boxed.
struct ShownBatch {
    completion: mqp_batch_completion,
    result: mqp_batch_result,
    error: Option<mqp_error>,
}

// SAFETY: the pointers of `shown` are set by the thread that uses them; all else can be sent.
unsafe impl Send for HeldBatch {}

impl HeldBatch {
    /// Puts the end into the form that C reads; the conversion is the dispatcher's work, not the I/O thread's.
    fn fill(&mut self) {
        let result = mqp_batch_result::new(&self.end.take().unwrap_or_else(|| BatchEnd::lost(Arc::default())));
        let completion = mqp_batch_completion {
            struct_size: size_of::<mqp_batch_completion>() as u32,
            status: result.failure.as_ref().map_or(MQP_OK, |error| number(error.kind())),
            user_data: self.callback.user_data,
            result: std::ptr::null(),
            error: std::ptr::null(),
        };
        let error = result.failure.clone().map(mqp_error::new);
        let shown = self.shown.insert(ShownBatch { completion, result, error });
        shown.completion.result = &raw const shown.result;
        shown.completion.error = shown.error.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    }
}

/// Tells the callback. While it runs, no frame here holds anything that needs a drop.
pub(crate) fn complete(held: *mut HeldBatch) {
    // SAFETY: `held` was given just now, nothing else uses it, and it lives until it is taken at the end; the functions
    // are called as `mqp_batch_callback` promises.
    unsafe {
        let ForeignBatchCallback { call, user_data, drop: give_back } = (*held).callback;
        if !(*held).permit.is_discarding() {
            (*held).fill();
        }
        if let Some(shown) = &(*held).shown {
            call(user_data, &raw const shown.completion);
        }
        if let Some(give_back) = give_back
            && !(*held).permit.is_discarding()
        {
            give_back(user_data);
        }
        drop(handle::take(held));
    }
}
