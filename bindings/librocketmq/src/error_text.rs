//! The text of the last failure, one for each thread.

use std::cell::RefCell;
use std::ffi::{CString, c_char};

thread_local! {
    static LATEST: RefCell<CString> = RefCell::default();
}

/// Keeps the text of a failure for this thread, in the shape that bindings take apart.
pub fn set(text: &str, code: i32) {
    let text: String = text.chars().map(|c| if c == '\0' { ' ' } else { c }).collect();
    let whole = format!("msg: {text},error:{code},in file <librocketmq> line:0");
    if let Ok(whole) = CString::new(whole) {
        // A thread that ends has no text any more.
        let _ = LATEST.try_with(|latest| latest.replace(whole));
    }
}

/// The text of the last call of this thread that failed, valid until the next one that fails; empty when none did. Never
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn GetLatestErrorMessage() -> *const c_char {
    LATEST.try_with(|latest| latest.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}
