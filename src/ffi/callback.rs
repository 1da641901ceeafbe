//! Callbacks into C, run on the dispatcher.

#![allow(unsafe_code, non_camel_case_types)]

use super::batch::{self, HeldBatch};
use super::error::mqp_error;
use super::event::{self, ForeignEvents, HeldEvents};
use super::handle;
use super::hook::{self, HeldAfter};
use super::log::LogRecord;
use super::receipt::mqp_receipt;
use super::request::{self, HeldReply};
use super::statistics::{self, ForeignStatistics, HeldReport};
use super::status::{MQP_OK, mqp_status, number};
use super::transaction::{self, HeldCheck};
use super::types::invalid;
use crate::error::Result;
use crate::producer::admission::Permit;
use crate::producer::checks::Check;
use crate::producer::events::Facts;
use crate::producer::hooks::After;
use crate::producer::statistics::Report;
use crate::runtime::{Job, Runtime};
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The end of one message. In a callback everything in it is *borrowed* until the callback returns; mqp_receipt_clone
/// and mqp_error_clone keep more. From a completion queue it is *owned*: mqp_completions_free.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_completion {
    /// Size of the struct in bytes as the library knows it; fields beyond it must not be read.
    pub struct_size: u32,
    /// MQP_OK, or why the message failed.
    pub status: mqp_status,
    /// The `user_data` that came with the message.
    pub user_data: *mut c_void,
    /// The receipt; NULL on failure, and for what is no message (mqp_producer_find_route).
    pub receipt: *const mqp_receipt,
    /// The error; NULL on success.
    pub error: *const mqp_error,
}

impl mqp_completion {
    /// Its size when it was first released; it never changes.
    pub(crate) const FIRST_SIZE: usize = std::mem::offset_of!(Self, error) + size_of::<*const mqp_error>();
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
    pub(crate) fn job(self, outcome: Result<Box<mqp_receipt>>, permit: Option<Permit>) -> ForeignJob {
        let struct_size = size_of::<mqp_completion>() as u32;
        let (user_data, receipt, error) = (self.user_data, std::ptr::null(), std::ptr::null());
        let completion = mqp_completion { struct_size, status: MQP_OK, user_data, receipt, error };
        let held = Held { callback: self, completion, outcome, error: None, permit };
        ForeignJob::Completion(Box::new(held))
    }
}

/// A foreign function with what it needs, for the dispatcher.
pub(crate) enum ForeignJob {
    /// The end of a message.
    Completion(Box<Held>),
    /// The end of a request.
    Reply(Box<HeldReply>),
    /// The end of a batch.
    Batch(Box<HeldBatch>),
    /// The hooks of a message that ended, then its sender.
    Hooks(Box<HeldAfter>),
    /// A broker's question what became of a transaction.
    Check(Box<HeldCheck>),
    /// A record for the log callback.
    Log(LogRecord),
    /// The statistics for their callback.
    Statistics(Box<HeldReport>),
    /// What an alarm or a spool's callback is told.
    Events(Box<HeldEvents>),
    /// The `drop` of a callback that is not called any more.
    GiveBack(GiveBack),
}

/// The `drop` of a callback with its argument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GiveBack {
    user_data: *mut c_void,
    drop: Option<unsafe extern "C-unwind" fn(*mut c_void)>,
}

// SAFETY: `user_data` is never read here, and the documentation of each callback says on which threads it is used.
unsafe impl Send for GiveBack {}

impl GiveBack {
    pub(crate) fn new(user_data: *mut c_void, drop: Option<unsafe extern "C-unwind" fn(*mut c_void)>) -> Self {
        GiveBack { user_data, drop }
    }

    pub(crate) fn user_data(self) -> *mut c_void {
        self.user_data
    }

    /// Runs it on the dispatcher; without one, here.
    pub(crate) fn dispatch(self) {
        match Runtime::running() {
            Some(runtime) => runtime.dispatch(Job::Foreign(ForeignJob::GiveBack(self))),
            None => self.run(),
        }
    }

    fn run(self) {
        if let Some(drop) = self.drop {
            // SAFETY: called once, after the last call, as the documentation of each callback promises.
            unsafe { drop(self.user_data) };
        }
    }
}

/// The `user_data` of a function that runs where it is needed; it is given back when this is dropped, by that thread.
#[derive(Debug)]
pub(crate) struct UserData(GiveBack);

// SAFETY: as for `GiveBack`: `user_data` is never read here.
unsafe impl Sync for UserData {}

impl UserData {
    pub(crate) fn new(user_data: *mut c_void, drop: Option<unsafe extern "C-unwind" fn(*mut c_void)>) -> Self {
        UserData(GiveBack::new(user_data, drop))
    }

    pub(crate) fn get(&self) -> *mut c_void {
        self.0.user_data()
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        self.0.run();
    }
}

/// The `user_data` of a callback that is called again and again; it is given back when this is dropped, on the
/// dispatcher.
pub(crate) struct KeptUserData {
    give_back: GiveBack,
    discarded: AtomicBool,
}

// SAFETY: as for `GiveBack`: `user_data` is never read here.
unsafe impl Sync for KeptUserData {}

impl KeptUserData {
    pub(crate) fn new(user_data: *mut c_void, drop: Option<unsafe extern "C-unwind" fn(*mut c_void)>) -> Self {
        KeptUserData { give_back: GiveBack::new(user_data, drop), discarded: AtomicBool::new(false) }
    }

    pub(crate) fn get(&self) -> *mut c_void {
        self.give_back.user_data()
    }

    /// It is left to the end of the process.
    pub(crate) fn discard(&self) {
        self.discarded.store(true, Ordering::Release);
    }

    pub(crate) fn is_discarded(&self) -> bool {
        self.discarded.load(Ordering::Acquire)
    }
}

impl Drop for KeptUserData {
    fn drop(&mut self) {
        if !self.is_discarded() {
            self.give_back.dispatch();
        }
    }
}

/// A completion with all that it points to.
pub(crate) struct Held {
    callback: ForeignCallback,
    completion: mqp_completion,
    outcome: Result<Box<mqp_receipt>>,
    error: Option<mqp_error>,
    permit: Option<Permit>,
}

// SAFETY: the pointers of `completion` are set by the thread that uses them; all else can be sent.
unsafe impl Send for Held {}

impl ForeignJob {
    pub(crate) fn hooks(after: Box<After>) -> Self {
        ForeignJob::Hooks(Box::new(HeldAfter::new(after)))
    }

    pub(crate) fn check(check: Box<Check>) -> Self {
        ForeignJob::Check(Box::new(HeldCheck::new(check)))
    }

    pub(crate) fn statistics(listener: Arc<ForeignStatistics>, report: Report) -> Self {
        ForeignJob::Statistics(Box::new(HeldReport::new(listener, report)))
    }

    pub(crate) fn events(listener: Arc<ForeignEvents>, facts: Facts, after: Option<Box<dyn FnOnce() + Send>>) -> Self {
        ForeignJob::Events(Box::new(HeldEvents::new(listener, facts, after)))
    }

    /// Runs it on the calling thread.
    ///
    /// While a foreign function runs, no frame of Rust holds anything that needs a drop: the function may end the
    /// thread, which unwinds through here.
    pub(crate) fn run(self) {
        match self {
            ForeignJob::Completion(held) => complete(handle::give_box(held)),
            ForeignJob::Reply(held) => request::complete(handle::give_box(held)),
            ForeignJob::Batch(held) => batch::complete(handle::give_box(held)),
            ForeignJob::Hooks(held) => hook::tell(handle::give_box(held)),
            ForeignJob::Check(held) => transaction::check(handle::give_box(held)),
            ForeignJob::Log(record) => record.run(),
            ForeignJob::Statistics(held) => statistics::tell(handle::give_box(held)),
            ForeignJob::Events(held) => event::tell(handle::give_box(held)),
            ForeignJob::GiveBack(give_back) => give_back.run(),
        }
    }
}

fn complete(held: *mut Held) {
    // SAFETY: `held` was given just now, nothing else uses it, and it lives until it is taken at the end; the functions
    // are called as `mqp_callback` promises.
    unsafe {
        let ForeignCallback { call, user_data, drop: give_back } = (*held).callback;
        if !(*held).is_discarding() {
            (*held).fill();
            call(user_data, &raw const (*held).completion);
        }
        // Asked again: the call may have run while its interpreter began to end.
        if let Some(give_back) = give_back
            && !(*held).is_discarding()
        {
            give_back(user_data);
        }
        drop(handle::take(held));
    }
}

impl Held {
    fn is_discarding(&self) -> bool {
        self.permit.as_ref().is_some_and(Permit::is_discarding)
    }

    /// Puts the outcome into the form that C reads; the conversion is the dispatcher's work, not the I/O thread's.
    fn fill(&mut self) {
        match &self.outcome {
            Ok(receipt) => self.completion.receipt = &raw const **receipt,
            Err(error) => {
                self.completion.status = number(error.kind());
                self.completion.error = self.error.insert(mqp_error::new(error.clone()));
            }
        }
    }
}
