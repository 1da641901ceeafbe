//! No panic leaves the library, and no thread is cancelled inside it: each exported function runs its body in here.

#![allow(unsafe_code)]

use super::error::mqp_error;
use super::handle;
use super::os::Uncancelled;
use super::status::{MQP_OK, mqp_status, number};
use crate::error::{Error, ErrorKind, Result};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the body of a function that can fail. On failure an owned error is stored at `error`, on success NULL.
///
/// # Safety
/// `error` is NULL or writable.
pub(crate) unsafe fn fallible(error: *mut *mut mqp_error, body: impl FnOnce() -> Result<()>) -> mqp_status {
    let uncancelled = Uncancelled::new();
    let result = catch_unwind(AssertUnwindSafe(|| {
        #[cfg(test)]
        test_hook::panic_if_armed();
        body()
    }));
    drop(uncancelled);
    let (status, handle) = match result.unwrap_or_else(|panic| Err(panicked(panic.as_ref()))) {
        Ok(()) => (MQP_OK, std::ptr::null_mut()),
        Err(failure) => {
            let status = number(failure.kind());
            (status, if error.is_null() { std::ptr::null_mut() } else { handle::give(mqp_error::new(failure)) })
        }
    };
    if !error.is_null() {
        // SAFETY: not NULL, and by contract writable.
        unsafe { error.write(handle) };
    }
    status
}

/// Runs the body of a function that cannot report a failure; a panic gives `fallback` and is logged.
pub(crate) fn infallible<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    let _uncancelled = Uncancelled::new();
    let result = catch_unwind(AssertUnwindSafe(|| {
        #[cfg(test)]
        test_hook::panic_if_armed();
        body()
    }));
    result.unwrap_or_else(|panic| {
        tracing::error!("{}", panicked(panic.as_ref()));
        fallback
    })
}

fn panicked(payload: &(dyn Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text");
    Error::new(ErrorKind::Internal, format!("the library panicked: {text}"))
}

#[cfg(test)]
pub(crate) mod test_hook {
    use std::cell::Cell;

    thread_local! {
        static ARMED: Cell<bool> = const { Cell::new(false) };
    }

    /// The next function called on this thread panics.
    pub(crate) fn arm() {
        ARMED.set(true);
    }

    pub(super) fn panic_if_armed() {
        if ARMED.replace(false) {
            panic!("armed by a test");
        }
    }
}
