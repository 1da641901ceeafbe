//! What every exported function shares: status numbers, no panic that leaves, strings of C.

use crate::error_text;
use std::ffi::{CStr, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The numbers of `CStatus`.
pub const OK: c_int = 0;
pub const NULL_POINTER: c_int = 1;
/// Also what a setter returns that refuses its value.
pub const PRODUCER_START_FAILED: c_int = 10;
pub const PRODUCER_SEND_SYNC_FAILED: c_int = 11;
pub const PRODUCER_SEND_ONEWAY_FAILED: c_int = 12;
pub const PRODUCER_SEND_ORDERLY_FAILED: c_int = 13;
pub const PRODUCER_SEND_ASYNC_FAILED: c_int = 14;
/// Python's bindings do not know this number, nor do they call the one function that returns it.
pub const PRODUCER_SEND_ORDERLYASYNC_FAILED: c_int = 15;
/// Python's bindings do not know this number either, but read what `SendMessageTransaction` returns as a plain one.
pub const PRODUCER_SEND_TRANSACTION_FAILED: c_int = 16;

/// Why a call failed: the number that it returns and the text for `GetLatestErrorMessage`.
#[derive(Debug)]
pub struct Failure {
    pub status: c_int,
    pub code: i32,
    pub text: String,
}

impl Failure {
    pub fn new(status: c_int, text: impl Into<String>) -> Self {
        Failure { status, code: -1, text: text.into() }
    }

    /// A parameter that is NULL.
    pub fn null(name: &str) -> Self {
        Failure::new(NULL_POINTER, format!("`{name}` is NULL"))
    }

    /// What the core refused.
    pub fn of(status: c_int, error: &mqproducer::Error) -> Self {
        let code = error.code().unwrap_or(-1);
        Failure { status, code, text: format!("{}: {}", error.kind().name(), error.message()) }
    }
}

/// Runs the body of a function that returns a `CStatus`; a failure leaves its text on this thread.
pub fn status(panicked: c_int, body: impl FnOnce() -> Result<(), Failure>) -> c_int {
    let result = catch_unwind(AssertUnwindSafe(body));
    match result.unwrap_or_else(|_| Err(Failure::new(panicked, "a defect of the library: it panicked"))) {
        Ok(()) => OK,
        Err(failure) => {
            error_text::set(&failure.text, failure.code);
            failure.status
        }
    }
}

/// Runs the body of a function that returns something else; a panic gives `fallback`.
pub fn value<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        error_text::set("a defect of the library: it panicked", -1);
        fallback
    })
}

/// The bytes of a string of C; refuses NULL by its name.
///
/// # Safety
/// `text` is NULL or ends with a NUL byte, and is not changed during `'a`.
pub unsafe fn bytes<'a>(text: *const c_char, name: &str) -> Result<&'a [u8], Failure> {
    if text.is_null() {
        return Err(Failure::null(name));
    }
    // SAFETY: not NULL, and the contract of this function.
    Ok(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// The same, which must be UTF-8.
///
/// # Safety
/// As for [`bytes`].
pub unsafe fn text<'a>(text: *const c_char, name: &str, refused: c_int) -> Result<&'a str, Failure> {
    // SAFETY: the contract of this function.
    let bytes = unsafe { bytes(text, name)? };
    std::str::from_utf8(bytes).map_err(|_| Failure::new(refused, format!("`{name}` is not UTF-8")))
}
