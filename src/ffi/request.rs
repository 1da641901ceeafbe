//! Requests and replies.

#![allow(unsafe_code, non_camel_case_types)]

use super::callback::{ForeignCallback, ForeignJob, mqp_callback};
use super::error::mqp_error;
use super::handle::Out;
use super::message::{self, mqp_message, mqp_send_options};
use super::producer::mqp_producer;
use super::receipt::mqp_receipt;
use super::received::mqp_received_message;
use super::sized::{self, SizedStruct};
use super::status::{MQP_OK, mqp_status, number};
use super::types::{invalid, mqp_str};
use super::{boundary, handle};
use crate::completion::Completion;
use crate::error::Result;
use crate::producer::admission::Permit;
use crate::producer::waiting::{Receiver, Replied};
use crate::reply::ReplyTo;
use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;

/// The end of one request. Everything in it is *borrowed* for the duration of the callback it is passed to;
/// mqp_received_message_clone and mqp_error_clone keep more.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_request_completion {
    /// Size of the struct in bytes as the library knows it; fields beyond it must not be read.
    pub struct_size: u32,
    /// MQP_OK, or why there is no reply.
    pub status: mqp_status,
    /// The `user_data` that came with the request.
    pub user_data: *mut c_void,
    /// The reply; NULL on failure.
    pub reply: *const mqp_received_message,
    /// The error; NULL on success.
    pub error: *const mqp_error,
}

/// Who is told of the end of a request.
///
/// Once the call that took it returned MQP_OK, `call` runs exactly once and then `drop` exactly once, as those of
/// mqp_callback do, on the same thread and under the same rules; on any other return neither runs, and `user_data`
/// stays the caller's.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_request_callback {
    /// Required: receives the completion, *borrowed* until it returns.
    pub call: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, completion: *const mqp_request_completion)>,
    /// Passed to both functions, not read by the library; may be NULL.
    pub user_data: *mut c_void,
    /// Gives `user_data` back after the call; may be NULL.
    pub drop: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
}

/// Where the reply to a request goes, from the properties of the request: *copied*. Set `struct_size`, or start from
/// MQP_REPLY_TO_INIT.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_reply_to {
    /// Size of the caller's struct in bytes.
    pub struct_size: u32,
    /// How long the client waits from its request on, in milliseconds: the property `TTL`, which is handed on and
    /// nothing depends on. 0: none.
    pub ttl_ms: u32,
    /// Required: the property `CORRELATION_ID`.
    pub correlation_id: mqp_str,
    /// Required: the client that asked, the property `REPLY_TO_CLIENT`.
    pub reply_to_client: mqp_str,
    /// Required: the cluster that stored the request, the property `CLUSTER`.
    pub cluster: mqp_str,
}

// SAFETY: `repr(C)`, begins with a `u32`, ends with pointer-sized fields, and holds only numbers and raw pointers.
unsafe impl SizedStruct for mqp_reply_to {
    const NAME: &'static str = "mqp_reply_to";
    const FIRST_SIZE: usize = std::mem::offset_of!(Self, cluster) + size_of::<mqp_str>();
}

/// A callback whose `call` is there.
///
/// Without a `Drop`: a request that is refused leaves `user_data` to the caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForeignRequestCallback {
    call: unsafe extern "C-unwind" fn(*mut c_void, *const mqp_request_completion),
    user_data: *mut c_void,
    drop: Option<unsafe extern "C-unwind" fn(*mut c_void)>,
}

// SAFETY: `user_data` is never read here, and the documentation of `mqp_request_callback` says on which thread it is
// used.
unsafe impl Send for ForeignRequestCallback {}

impl ForeignRequestCallback {
    fn new(callback: mqp_request_callback) -> Result<Self> {
        let Some(call) = callback.call else {
            return Err(invalid("`callback.call` is NULL".to_owned()));
        };
        Ok(ForeignRequestCallback { call, user_data: callback.user_data, drop: callback.drop })
    }

    /// What the dispatcher has to run; the permit is given back after the callback has returned.
    pub(crate) fn job(self, replied: Replied, permit: Arc<Permit>) -> ForeignJob {
        let completion = mqp_request_completion {
            struct_size: size_of::<mqp_request_completion>() as u32,
            status: MQP_OK,
            user_data: self.user_data,
            reply: std::ptr::null(),
            error: std::ptr::null(),
        };
        let replied = Some(replied);
        let held = HeldReply { callback: self, completion, replied, reply: None, error: None, permit };
        ForeignJob::Reply(Box::new(held))
    }
}

/// A completion with all that it points to.
pub(crate) struct HeldReply {
    callback: ForeignRequestCallback,
    completion: mqp_request_completion,
    replied: Option<Replied>,
    reply: Option<mqp_received_message>,
    error: Option<mqp_error>,
    permit: Arc<Permit>,
}

// SAFETY: the pointers of `completion` are set by the thread that uses them; all else can be sent.
unsafe impl Send for HeldReply {}

impl HeldReply {
    /// Puts the end into the form that C reads; the conversion is the dispatcher's work, not the I/O thread's.
    fn fill(&mut self) {
        match self.replied.take() {
            Some(Ok(reply)) => self.completion.reply = self.reply.insert(mqp_received_message::new(reply)),
            Some(Err(error)) => {
                self.completion.status = number(error.kind());
                self.completion.error = self.error.insert(mqp_error::new(error));
            }
            None => {}
        }
    }
}

/// Tells the callback. While a foreign function runs, no frame here holds anything that needs a drop.
pub(crate) fn complete(held: *mut HeldReply) {
    // SAFETY: `held` was given just now, nothing else uses it, and it lives until it is taken at the end; the functions
    // are called as `mqp_request_callback` promises.
    unsafe {
        let ForeignRequestCallback { call, user_data, drop: give_back } = (*held).callback;
        if !(*held).permit.is_discarding() {
            (*held).fill();
            call(user_data, &raw const (*held).completion);
        }
        if let Some(give_back) = give_back
            && !(*held).permit.is_discarding()
        {
            give_back(user_data);
        }
        drop(handle::take(held));
    }
}

/// The timeout of a request: 0 stands for the configured `send_msg_timeout`.
fn timeout(producer: &mqp_producer, timeout_ms: u32) -> Duration {
    match timeout_ms {
        0 => producer.producer.send_timeout(),
        milliseconds => Duration::from_millis(milliseconds.into()),
    }
}

/// Sends a request and waits for the reply of whoever consumes it.
///
/// The broker hands the reply to this client, which it knows by its heartbeats. The message is sent as by
/// mqp_producer_send_async, within the same `timeout_ms` and within that of `options`, when it is shorter; when that
/// fails, the request fails at once with its error.
///
/// `message`: *borrowed* for the call; without a delay and without properties called `CORRELATION_ID`,
/// `REPLY_TO_CLIENT` or `TTL`, which the library sets. `options`: *copied*; NULL: all defaults. `timeout_ms`: until the
/// reply has come, the sending included, up to 3600000; 0: the configured `send_msg_timeout`. `reply`: receives an
/// *owned* handle, freed by mqp_received_message_free; NULL on failure. `error`: may be NULL.
/// Threads: any; blocks up to the timeout. Errors: those of mqp_producer_send; MQP_ERR_REQUEST_TIMEOUT when the message
/// was stored, but no reply came.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_request(
    producer: *mut mqp_producer,
    message: *const mqp_message,
    options: *const mqp_send_options,
    timeout_ms: u32,
    reply: *mut *mut mqp_received_message,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the handle.
        let out = unsafe { Out::required(reply, "reply", std::ptr::null_mut())? };
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        // SAFETY: the caller lends both, with all that they point to, until the call returns.
        let (message, options) = unsafe { (message::read_message(message)?, message::read_options(options)?) };
        let timeout = timeout(producer, timeout_ms);
        let reply = producer.producer.request(&message, &options.options(), timeout)?;
        out.set(handle::give(mqp_received_message::new(reply)));
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Sends a request and returns at once; `callback` is told of its end: the reply, or why there is none.
///
/// The request counts as in flight until the callback has returned: mqp_producer_flush waits for it, and
/// mqp_producer_close, when its time is over, ends it with MQP_ERR_CLOSED. The call itself waits no longer than
/// mqp_producer_send_async does.
///
/// `message`, `options`, `timeout_ms`: as for mqp_producer_request. `callback`: taken when the call returns MQP_OK,
/// else untouched: see mqp_request_callback. `error`: may be NULL. Threads: any, a callback's included. Errors, returned
/// or told to the callback: those of mqp_producer_request but MQP_ERR_WOULD_DEADLOCK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_request_async(
    producer: *mut mqp_producer,
    message: *const mqp_message,
    options: *const mqp_send_options,
    timeout_ms: u32,
    callback: mqp_request_callback,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        // SAFETY: the caller lends both, with all that they point to, until the call returns.
        let (message, options) = unsafe { (message::read_message(message)?, message::read_options(options)?) };
        let receiver = Receiver::Foreign(ForeignRequestCallback::new(callback)?);
        let timeout = timeout(producer, timeout_ms);
        producer.producer.submit_request(&message, &options.options(), timeout, receiver)
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Checks and copies what C lent.
///
/// # Safety
/// `from` is NULL or leads to a struct with its size set, unchanged with all that it points to until the call returns.
unsafe fn read_reply_to(from: *const mqp_reply_to) -> Result<ReplyTo> {
    // SAFETY: the contract of this function covers each of these reads.
    unsafe {
        let raw = sized::read(from)?;
        Ok(ReplyTo {
            correlation_id: raw.correlation_id.read(|| "correlation_id".to_owned())?.to_owned(),
            reply_to_client: raw.reply_to_client.read(|| "reply_to_client".to_owned())?.to_owned(),
            ttl: (raw.ttl_ms > 0).then(|| Duration::from_millis(raw.ttl_ms.into())),
            cluster: raw.cluster.read(|| "cluster".to_owned())?.to_owned(),
        })
    }
}

/// Replies to a request that something else consumed, and waits for the receipt of the broker, which hands the reply to
/// the client that asked.
///
/// `to`: *copied*. `message`: *borrowed* for the call; its topic is not read, for the reply goes to the reply topic of
/// the request's cluster; without a delay and without properties called `MSG_TYPE`, `CORRELATION_ID`, `REPLY_TO_CLIENT`
/// or `TTL`, which the library sets. `options`: *copied*; NULL: all defaults. `receipt`: receives an *owned* handle,
/// NULL on failure; may be NULL when no receipt is wanted. `error`: may be NULL. Threads: any; blocks up to the
/// deadline. Errors: those of mqp_producer_send; MQP_ERR_BROKER with code 1 when no broker of the cluster knows the
/// client any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_reply(
    producer: *mut mqp_producer,
    to: *const mqp_reply_to,
    message: *const mqp_message,
    options: *const mqp_send_options,
    receipt: *mut *mut mqp_receipt,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the handle.
        let out = unsafe { Out::optional(receipt, std::ptr::null_mut()) };
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        // SAFETY: the caller lends all three, with all that they point to, until the call returns.
        let (to, message, options) =
            unsafe { (read_reply_to(to)?, message::read_message(message)?, message::read_options(options)?) };
        let receipt = producer.producer.reply(&to, &message, &options.options())?;
        if let Some(out) = out {
            out.set(handle::give(mqp_receipt::new(&receipt)));
        }
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Replies to a request and returns at once; `callback` is told of the end.
///
/// `to`, `message`, `options`: as for mqp_producer_reply. `callback`: taken when the call returns MQP_OK, else
/// untouched: see mqp_callback. `error`: may be NULL. Threads: any, a callback's included; waits no longer than
/// mqp_producer_send_async. Errors, returned or told to the callback: those of mqp_producer_reply but
/// MQP_ERR_WOULD_DEADLOCK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_reply_async(
    producer: *mut mqp_producer,
    to: *const mqp_reply_to,
    message: *const mqp_message,
    options: *const mqp_send_options,
    callback: mqp_callback,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        // SAFETY: the caller lends all three, with all that they point to, until the call returns.
        let (to, message, options) =
            unsafe { (read_reply_to(to)?, message::read_message(message)?, message::read_options(options)?) };
        let completion = Completion::Foreign(ForeignCallback::new(callback)?);
        producer.producer.submit_reply(&to, &message, &options.options(), completion)
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}
