//! Sends that end in a callback: exactly one of the two, once, when the send returned OK; none otherwise.
//!
//! Callbacks run on the library's dispatcher, a thread that they may end.

use crate::boundary::{self, Failure, PRODUCER_SEND_ASYNC_FAILED};
use crate::calls;
use crate::message::{self, Message};
use crate::producer::{self, Handle, Running};
use crate::send::options;
use crate::send_result::{CSendResult, WideException};
use mqproducer::{RawCallback, Receipt, Selector};
use std::ffi::{c_int, c_void};

/// `CSendSuccessCallback`, called so that both a function that takes the result by value and one that takes a pointer to
/// it find it: one binding in Python declares the pointer. On x86-64 the pointer goes into a register that the first
/// kind does not read; elsewhere a struct of this size is passed by a pointer anyway.
#[cfg(all(target_arch = "x86_64", not(windows)))]
pub type SendSuccess = unsafe extern "C-unwind" fn(*const CSendResult, CSendResult);
#[cfg(not(all(target_arch = "x86_64", not(windows))))]
pub type SendSuccess = unsafe extern "C-unwind" fn(CSendResult);
/// `CSendExceptionCallback`; see [`WideException`].
pub type SendException = unsafe extern "C-unwind" fn(WideException);
/// `COnSendSuccessCallback`, whose further parameters are in the registers.
type OnSendSuccess = unsafe extern "C-unwind" fn(CSendResult, *mut Message, *mut c_void);
/// `COnSendExceptionCallback`.
type OnSendException = unsafe extern "C-unwind" fn(WideException, *mut Message, *mut c_void);

/// Whom one message's end is told to.
#[derive(Clone, Copy, Debug)]
pub enum Callbacks {
    /// `SendMessageAsync`.
    Plain(SendSuccess, SendException),
    /// `SendAsync`.
    WithData(OnSendSuccess, OnSendException, *mut Message, *mut c_void),
}

impl Callbacks {
    pub fn plain(success: Option<SendSuccess>, exception: Option<SendException>) -> Result<Self, Failure> {
        match (success, exception) {
            (None, _) => Err(Failure::null("cSendSuccessCallback")),
            (_, None) => Err(Failure::null("cSendExceptionCallback")),
            (Some(success), Some(exception)) => Ok(Callbacks::Plain(success, exception)),
        }
    }
}

/// Sends a copy of the message.
pub fn submit(
    running: &Running,
    message: &Message,
    selector: Selector<'_>,
    callbacks: Callbacks,
    failed: c_int,
) -> Result<(), Failure> {
    let options = options(&running.rules, running.rules.async_tries).with_selector(selector);
    let lent = message.lend(failed)?;
    let user_data = Box::into_raw(Box::new(callbacks));
    let sent =
        running.producer.send_async_raw(&lent, &options, RawCallback { call: ended, user_data: user_data.cast() });
    sent.map_err(|error| {
        // SAFETY: made just now, and a send that is refused does not call.
        drop(unsafe { Box::from_raw(user_data) });
        Failure::of(failed, &error)
    })
}

/// Tells the end of a message. Nothing here needs a drop while a callback runs.
unsafe extern "C-unwind" fn ended(user_data: *mut c_void, outcome: *const mqproducer::Result<Receipt>) {
    // SAFETY: `submit` made it, and this runs once.
    let callbacks = *unsafe { Box::from_raw(user_data.cast::<Callbacks>()) };
    calls::enter();
    // SAFETY: `RawCallback` lends it.
    match unsafe { &*outcome } {
        Ok(receipt) => {
            let result = CSendResult::new(receipt);
            // SAFETY: the functions are the user's, called as their types say.
            unsafe {
                match callbacks {
                    Callbacks::Plain(success, _) => tell(success, &result),
                    Callbacks::WithData(success, _, message, data) => success(result, message, data),
                }
            }
        }
        Err(error) => {
            let wide = WideException::new(error);
            // SAFETY: the same.
            unsafe {
                match callbacks {
                    Callbacks::Plain(_, exception) => exception(wide),
                    Callbacks::WithData(_, exception, message, data) => exception(wide, message, data),
                }
            }
        }
    }
    calls::leave();
}

/// # Safety
/// The function is the user's.
unsafe fn tell(success: SendSuccess, result: &CSendResult) {
    // SAFETY: the contract of this function.
    #[cfg(all(target_arch = "x86_64", not(windows)))]
    unsafe {
        success(result, *result);
    }
    // SAFETY: the same.
    #[cfg(not(all(target_arch = "x86_64", not(windows))))]
    unsafe {
        success(*result);
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn SendMessageAsync(
    handle: *const Handle,
    message: *const Message,
    success: Option<SendSuccess>,
    exception: Option<SendException>,
) -> c_int {
    boundary::status(PRODUCER_SEND_ASYNC_FAILED, || {
        // SAFETY: as the module `lib` says.
        let (handle, message) = unsafe { (producer::borrow(handle)?, message::borrow(message)?) };
        let callbacks = Callbacks::plain(success, exception)?;
        let running = handle.running_plain(PRODUCER_SEND_ASYNC_FAILED)?;
        submit(&running, message, Selector::RoundRobin, callbacks, PRODUCER_SEND_ASYNC_FAILED)
    })
}

/// The callbacks get the caller's own message back, which must live until then if they read it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SendAsync(
    handle: *const Handle,
    message: *mut Message,
    success: Option<OnSendSuccess>,
    exception: Option<OnSendException>,
    user_data: *mut c_void,
) -> c_int {
    boundary::status(PRODUCER_SEND_ASYNC_FAILED, || {
        // SAFETY: as the module `lib` says.
        let (handle, lent) = unsafe { (producer::borrow(handle)?, message::borrow(message)?) };
        let success = success.ok_or_else(|| Failure::null("cSendSuccessCallback"))?;
        let exception = exception.ok_or_else(|| Failure::null("cSendExceptionCallback"))?;
        let running = handle.running_plain(PRODUCER_SEND_ASYNC_FAILED)?;
        let callbacks = Callbacks::WithData(success, exception, message, user_data);
        submit(&running, lent, Selector::RoundRobin, callbacks, PRODUCER_SEND_ASYNC_FAILED)
    })
}
