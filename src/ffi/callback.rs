//! Callbacks into C, run on the dispatcher.

#![allow(unsafe_code, non_camel_case_types)]

use super::error::mqp_error;
use super::handle;
use super::log::{LogDrop, LogRecord};
use super::receipt::mqp_receipt;
use super::status::{MQP_OK, mqp_status, number};
use super::types::invalid;
use crate::completion::Outcome;
use crate::error::Result;
use crate::producer::admission::Permit;
use std::ffi::c_void;

/// The end of one message. Everything in it is *borrowed* for the duration of the callback it is passed to;
/// mqp_receipt_clone and mqp_error_clone keep more.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_completion {
    /// Size of the struct in bytes as the library knows it; fields beyond it must not be read.
    pub struct_size: u32,
    /// MQP_OK, or why the message failed.
    pub status: mqp_status,
    /// The `user_data` that came with the message.
    pub user_data: *mut c_void,
    /// The receipt; NULL on failure.
    pub receipt: *const mqp_receipt,
    /// The error; NULL on success.
    pub error: *const mqp_error,
}

/// Who is told of the end of a message.
///
/// Once the call that took it returned MQP_OK, `call` runs exactly once and then `drop` exactly once: on success,
/// failure, timeout and shutdown alike, and possibly before that call returned. On any other return neither runs, and
/// `user_data` stays the caller's.
///
/// Thread: both run on the library's dispatcher, one after the other for the whole process. They MUST NOT block for
/// long (all other callbacks wait), throw or `longjmp`; calls of the library that block return MQP_ERR_WOULD_DEADLOCK
/// there, all others are allowed. Ending the thread by `pthread_exit` is survived, but no callback runs after it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_callback {
    /// Required: receives the completion, *borrowed* until it returns.
    pub call: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, completion: *const mqp_completion)>,
    /// Passed to both functions, not read by the library; may be NULL.
    pub user_data: *mut c_void,
    /// Gives `user_data` back after the call; may be NULL.
    pub drop: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
}

/// A callback whose `call` is there.
///
/// Without a `Drop`: a message that is refused leaves `user_data` to the caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForeignCallback {
    call: unsafe extern "C-unwind" fn(*mut c_void, *const mqp_completion),
    user_data: *mut c_void,
    drop: Option<unsafe extern "C-unwind" fn(*mut c_void)>,
}

// SAFETY: `user_data` is never read here, and the documentation of `mqp_callback` says on which thread it is used.
unsafe impl Send for ForeignCallback {}

impl ForeignCallback {
    pub(crate) fn new(callback: mqp_callback) -> Result<Self> {
        let Some(call) = callback.call else {
            return Err(invalid("`callback.call` is NULL".to_owned()));
        };
        Ok(ForeignCallback { call, user_data: callback.user_data, drop: callback.drop })
    }

    /// What the dispatcher has to run; the permit is given back after the callback has returned.
    pub(crate) fn job(self, outcome: Outcome, permit: Permit) -> ForeignJob {
        ForeignJob::Completion { callback: self, outcome, permit }
    }
}

/// A foreign function with what it needs, for the dispatcher.
pub(crate) enum ForeignJob {
    /// The end of a message.
    Completion { callback: ForeignCallback, outcome: Outcome, permit: Permit },
    /// A record for the log callback.
    Log(LogRecord),
    /// The `drop` of a log callback that was replaced.
    LogDrop(LogDrop),
}

/// What a completion points to while the callback runs.
struct Held {
    completion: mqp_completion,
    receipt: Option<mqp_receipt>,
    error: Option<mqp_error>,
    _permit: Permit,
}

impl ForeignJob {
    /// Runs it on the calling thread.
    ///
    /// While a foreign function runs, no frame of Rust holds anything that needs a drop: the function may end the
    /// thread, which unwinds through here.
    pub(crate) fn run(self) {
        match self {
            ForeignJob::Completion { callback, outcome, permit } => complete(callback, outcome, permit),
            ForeignJob::Log(record) => record.run(),
            ForeignJob::LogDrop(drop) => drop.run(),
        }
    }
}

fn complete(callback: ForeignCallback, outcome: Outcome, permit: Permit) {
    let held = hold(callback.user_data, outcome, permit);
    // SAFETY: `held` lives until it is taken below; the functions are called as `mqp_callback` promises.
    unsafe {
        (callback.call)(callback.user_data, &raw const (*held).completion);
        if let Some(give_back) = callback.drop {
            give_back(callback.user_data);
        }
        drop(handle::take(held));
    }
}

fn hold(user_data: *mut c_void, outcome: Outcome, permit: Permit) -> *mut Held {
    let (status, receipt, error) = match outcome {
        Ok(receipt) => (MQP_OK, Some(mqp_receipt::new(&receipt)), None),
        Err(error) => (number(error.kind()), None, Some(mqp_error::new(error))),
    };
    let struct_size = size_of::<mqp_completion>() as u32;
    let completion =
        mqp_completion { struct_size, status, user_data, receipt: std::ptr::null(), error: std::ptr::null() };
    let held = handle::give(Held { completion, receipt, error, _permit: permit });
    // SAFETY: just made, and used by nothing else yet.
    unsafe {
        if let Some(receipt) = &(*held).receipt {
            (*held).completion.receipt = receipt;
        }
        if let Some(error) = &(*held).error {
            (*held).completion.error = error;
        }
    }
    held
}
