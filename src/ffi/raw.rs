//! Callbacks by bare functions, for a binding in Rust that calls functions of another language.
//!
//! A closure cannot do it: those functions may end their thread (`pthread_exit`), which unwinds, and a frame of Rust with
//! something to drop must not be unwound like that.

#![allow(unsafe_code)]

use super::handle;
use crate::completion::{Completion, Outcome};
use crate::error::Result;
use crate::message::{Message, Receipt, SendOptions};
use crate::producer::Producer;
use crate::producer::admission::Permit;
use crate::producer::checks::{Check, Checker};
use crate::producer::hooks::Hook;
use crate::protocol::remoting::transaction::TransactionState;
use crate::received::ReceivedMessage;
use std::ffi::c_void;
use std::sync::Arc;

/// Who is told of the end of a message: once the send that took it returned `Ok`, `call` runs exactly once, on the
/// dispatcher; else never.
#[derive(Clone, Copy, Debug)]
pub struct RawCallback {
    /// Receives `user_data` and the outcome, which is lent until it returns. It must not unwind but by ending its thread.
    pub call: unsafe extern "C-unwind" fn(user_data: *mut c_void, outcome: *const Result<Receipt>),
    /// Passed to `call`, not read here.
    pub user_data: *mut c_void,
}

// SAFETY: `user_data` is never read here; whoever makes it promises that the dispatcher may use it.
unsafe impl Send for RawCallback {}

/// Who knows what became of a transaction; see [`Producer::set_transaction_checker`].
#[derive(Debug)]
pub struct RawChecker {
    /// Receives `user_data` and the half message, which is lent until it returns. It must not unwind but by ending its
    /// thread.
    pub call: unsafe extern "C-unwind" fn(user_data: *mut c_void, message: *const ReceivedMessage) -> TransactionState,
    /// Follows each call that returned, once the broker was told its answer.
    pub told: unsafe fn(user_data: *mut c_void),
    /// Passed to all functions, not read here.
    pub user_data: *mut c_void,
    /// Takes `user_data` back when `call` does not run any more, on any thread.
    pub drop: unsafe fn(user_data: *mut c_void),
}

// SAFETY: `user_data` is never read here; whoever makes it promises that any thread may use it.
unsafe impl Send for RawChecker {}
// SAFETY: the same.
unsafe impl Sync for RawChecker {}

impl Drop for RawChecker {
    fn drop(&mut self) {
        // SAFETY: called once, after the last call.
        unsafe { (self.drop)(self.user_data) };
    }
}

impl Producer {
    /// [`Producer::send_async`] with a bare function.
    pub fn send_async_raw(&self, message: &Message<'_>, options: &SendOptions, callback: RawCallback) -> Result<()> {
        self.submit(message, options, Completion::Raw(callback))
    }

    /// [`Producer::set_transaction_checker`] with a bare function; `make` is called when the checker is taken.
    pub fn set_transaction_checker_raw(&self, make: impl FnOnce() -> RawChecker) -> Result<()> {
        self.set_checker(|| Checker::Raw(Arc::new(make())))
    }
}

/// A bare function with what it needs, for the dispatcher.
pub(crate) enum RawJob {
    /// The end of a message.
    Completion(Box<Held>),
    /// A broker's question what became of a transaction.
    Check(Box<HeldCheck>),
}

/// A completion with all that it lends.
pub(crate) struct Held {
    callback: RawCallback,
    outcome: Outcome,
    /// Given back after the call has returned.
    _permit: Option<Permit>,
}

/// A check with all that it lends.
pub(crate) struct HeldCheck {
    checker: Arc<RawChecker>,
    message: Option<ReceivedMessage>,
    /// The last to be dropped: a close waits for it.
    check: Box<Check>,
}

impl RawJob {
    pub(crate) fn completion(callback: RawCallback, outcome: Outcome, permit: Option<Permit>) -> Self {
        RawJob::Completion(Box::new(Held { callback, outcome, _permit: permit }))
    }

    pub(crate) fn check(check: Box<Check>, checker: Arc<RawChecker>) -> Self {
        RawJob::Check(Box::new(HeldCheck { checker, message: None, check }))
    }

    /// Runs it on the calling thread. While a foreign function runs, no frame of Rust holds anything that needs a drop.
    pub(crate) fn run(self) {
        match self {
            RawJob::Completion(held) => complete(handle::give_box(held)),
            RawJob::Check(held) => answer(handle::give_box(held)),
        }
    }
}

fn complete(held: *mut Held) {
    // SAFETY: `held` was given just now, nothing else uses it, and it lives until it is taken at the end; the function is
    // called as `RawCallback` promises.
    unsafe {
        let RawCallback { call, user_data } = (*held).callback;
        call(user_data, &raw const (*held).outcome);
        drop(handle::take(held));
    }
}

fn answer(held: *mut HeldCheck) {
    // SAFETY: as in `complete`.
    unsafe {
        (*held).message = (*held).check.open();
        if let Some(message) = &(*held).message {
            let checker: &RawChecker = &(*held).checker;
            let state = (checker.call)(checker.user_data, std::ptr::from_ref(message));
            tell(&mut (*held).check, state);
            (checker.told)(checker.user_data);
        }
        drop(handle::take(held));
    }
}

/// Tells the broker, then the hooks, which are Rust's own here.
fn tell(check: &mut Check, state: TransactionState) {
    let hooks: Option<Arc<[Hook]>> = check.answer(state, None);
    for hook in hooks.iter().flat_map(|hooks| hooks.iter()) {
        check.tell(hook, state);
    }
}
