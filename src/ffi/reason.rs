//! Foreign functions that may refuse, and say why.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};

/// Room for the reason, its NUL included.
const SIZE: usize = 512;

/// Calls with room for a reason and its size; an answer other than 0 refuses, for the reason that was written.
pub(crate) fn ask(call: impl FnOnce(*mut c_char, usize) -> u32) -> Result<(), String> {
    let mut reason: [c_char; SIZE] = [0; SIZE];
    let refused = call(reason.as_mut_ptr(), SIZE);
    if refused == 0 {
        return Ok(());
    }
    reason[SIZE - 1] = 0;
    // SAFETY: a NUL is at the end at the latest.
    let text = unsafe { CStr::from_ptr(reason.as_ptr()) }.to_string_lossy();
    Err(if text.is_empty() { format!("it answered {refused}") } else { text.into_owned() })
}
