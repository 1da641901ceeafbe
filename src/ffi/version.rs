//! The version, and whether header and library fit together.

#![allow(unsafe_code)]

use super::boundary;
use super::error::mqp_error;
use super::status::mqp_status;
use crate::error::{Error, ErrorKind};
use std::ffi::{CStr, c_char};

const fn decimal(text: &str) -> u32 {
    let text = text.as_bytes();
    let (mut value, mut at) = (0, 0);
    while at < text.len() {
        value = value * 10 + (text[at] - b'0') as u32;
        at += 1;
    }
    value
}

const MAJOR: u32 = decimal(env!("CARGO_PKG_VERSION_MAJOR"));
const MINOR: u32 = decimal(env!("CARGO_PKG_VERSION_MINOR"));
const NUMBER: u32 = MAJOR * 1_000_000 + MINOR * 1_000 + decimal(env!("CARGO_PKG_VERSION_PATCH"));
const TEXT: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(text) => text,
    Err(_) => c"",
};

/// The library's version as a number: major * 1000000 + minor * 1000 + patch, as MQP_VERSION_NUMBER is the header's.
///
/// Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn mqp_version_number() -> u32 {
    NUMBER
}

/// The library's version as text, such as `1.2.3`.
///
/// Returns: NUL-terminated, *borrowed* for ever. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn mqp_version_string() -> *const c_char {
    TEXT.as_ptr()
}

/// Checks that a program compiled against one version of the header may use this library: the major version is the
/// same (below 1.0: the minor version too) and the library is not older than the header. Call it once after loading.
///
/// `header_version`: MQP_VERSION_NUMBER. `error`: may be NULL. Threads: any. Errors: MQP_ERR_VERSION_MISMATCH.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_version_check(header_version: u32, error: *mut *mut mqp_error) -> mqp_status {
    let body = || {
        let (major, minor) = (header_version / 1_000_000, header_version / 1_000 % 1_000);
        if major == MAJOR && (major > 0 || minor == MINOR) && header_version <= NUMBER {
            return Ok(());
        }
        let patch = header_version % 1_000;
        let library = env!("CARGO_PKG_VERSION");
        Err(Error::new(
            ErrorKind::VersionMismatch,
            format!(
                "the header is of version {major}.{minor}.{patch} and does not fit the library, which is {library}"
            ),
        ))
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}
