//! Trace contexts that C tells.

#![allow(unsafe_code, non_camel_case_types)]

use super::boundary;
use super::callback::UserData;
use super::error::mqp_error;
use super::handle;
use super::producer::mqp_producer;
use super::status::mqp_status;
use super::types::invalid;
use crate::producer::trace_context::ContextSource;
use std::ffi::{c_char, c_void};

/// What `call` can write: a W3C trace context and some room.
const CAPACITY: usize = 64;

/// Tells the W3C trace context of the code that sends.
///
/// `call` runs for each message that has neither a `trace_parent` nor a property `traceparent` of its own, for each
/// message of a batch, too, on the thread that sends and before the send returns, never again for a retry. It may run
/// on several threads at the same time. It MUST NOT throw, `longjmp` or end its thread.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_trace_context {
    /// Required: writes a `traceparent` (`00-<32 hex digits>-<16 hex digits>-<2 hex digits>`, in lower case, 55 bytes;
    /// no NUL is needed) to `out`, which has room for `capacity` bytes, at least 56, and returns its length. 0: there
    /// is none. What is longer than `capacity` or no such context is left out; the log tells of the first.
    pub call: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, out: *mut c_char, capacity: usize) -> usize>,
    /// Passed to both functions, not read by the library; may be NULL.
    pub user_data: *mut c_void,
    /// Gives `user_data` back, once: when the producer is freed and `call` does not run any more, on any thread, those
    /// of the library included, or when another is set in its place. May be NULL.
    pub drop: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
}

/// Sets where messages get their trace context, on a producer that is not started; one set before is given back.
///
/// The context goes to consumers as the message's property `traceparent`; brokers do not read it.
///
/// `trace_context`: *copied*; its `user_data` is taken when the call returns MQP_OK, else untouched. `error`: may be
/// NULL. Threads: any. Errors: MQP_ERR_ALREADY_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_set_trace_context(
    producer: *mut mqp_producer,
    trace_context: mqp_trace_context,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        let mqp_trace_context { call, user_data, drop } = trace_context;
        let Some(call) = call else {
            return Err(invalid("`trace_context.call` is NULL".to_owned()));
        };
        producer.producer.set_context_source(|| {
            ContextSource::Foreign(ForeignTraceContext { call, user_data: UserData::new(user_data, drop) })
        })
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// A trace context that was taken; its `user_data` is given back when it is dropped.
pub(crate) struct ForeignTraceContext {
    call: unsafe extern "C-unwind" fn(*mut c_void, *mut c_char, usize) -> usize,
    user_data: UserData,
}

impl ForeignTraceContext {
    /// `None`: there is none. An error: what was told is no text that fits.
    pub(crate) fn ask(&self) -> Result<Option<String>, String> {
        let mut out = [0_u8; CAPACITY];
        // SAFETY: called as `mqp_trace_context` promises, with room of the size told.
        let length = unsafe { (self.call)(self.user_data.get(), out.as_mut_ptr().cast(), CAPACITY) };
        match out.get(..length) {
            Some(text) => match std::str::from_utf8(text) {
                Ok(text) => Ok((length > 0).then(|| text.to_owned())),
                Err(_) => Err("the trace context is not UTF-8".to_owned()),
            },
            None => Err(format!("the trace context's length is {length}; the maximum is {CAPACITY}")),
        }
    }
}
