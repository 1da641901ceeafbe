//! The plain values of the C surface, and how what C lends is checked before it is used.

#![allow(unsafe_code, non_camel_case_types)]

use crate::error::{Error, ErrorKind, Result};
use std::ffi::{CStr, c_char};

/// No struct of this interface comes near it: a larger size was never set.
const LARGEST_ELEMENT: usize = 4096;

/// Text: `len` bytes of UTF-8 at `ptr`.
///
/// As an argument: *borrowed* until the call returns; it needs no NUL at its end. (NULL, 0) is the empty text;
/// NULL with another length is refused. As a result: *borrowed* from the handle it was read from, never NULL, and
/// a NUL follows the last byte, so that `ptr` alone serves as a C string when the text holds no NUL itself.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_str {
    /// First byte; may be NULL when `len` is 0.
    pub ptr: *const c_char,
    /// Length in bytes, without a NUL at the end.
    pub len: usize,
}

/// Bytes: `len` of them at `ptr`, NUL bytes included. (NULL, 0) is empty; NULL with another length is refused.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_bytes {
    /// First byte; may be NULL when `len` is 0.
    pub ptr: *const u8,
    /// Length in bytes.
    pub len: usize,
}

/// A user property of a message: neither name nor value is empty or holds the bytes 1 and 2.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_property {
    /// The name.
    pub name: mqp_str,
    /// The value.
    pub value: mqp_str,
}

pub(crate) fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// The size of one element of an array, given as the parameter `name`.
pub(crate) fn element_size(name: &str, size: u32, least: usize) -> Result<usize> {
    match usize::try_from(size) {
        Ok(size) if (least..=LARGEST_ELEMENT).contains(&size) => Ok(size),
        _ => Err(invalid(format!("`{name}` is {size}; the minimum is {least}, the maximum {LARGEST_ELEMENT}"))),
    }
}

impl mqp_str {
    pub(crate) const EMPTY: mqp_str = mqp_str::fixed(c"");

    /// A text that lives for ever.
    pub(crate) const fn fixed(text: &'static CStr) -> Self {
        mqp_str { ptr: text.as_ptr(), len: text.count_bytes() }
    }

    /// The text that C lent as `field`.
    ///
    /// # Safety
    /// A pointer that is not NULL leads to `len` bytes that stay unchanged during `'a`.
    #[inline]
    pub(crate) unsafe fn read<'a>(self, field: impl Fn() -> String) -> Result<&'a str> {
        // Most texts of a message.
        if self.len == 0 {
            return Ok("");
        }
        let bytes = mqp_bytes { ptr: self.ptr.cast(), len: self.len };
        // SAFETY: the contract of this function is the same.
        let bytes = unsafe { bytes.read(&field)? };
        if bytes.is_ascii() {
            // SAFETY: ASCII is UTF-8; most texts are, and this look at them is the shorter one.
            return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
        }
        std::str::from_utf8(bytes)
            .map_err(|error| invalid(format!("`{}` is not UTF-8 at byte {}", field(), error.valid_up_to())))
    }
}

impl mqp_bytes {
    /// The bytes that C lent as `field`.
    ///
    /// # Safety
    /// A pointer that is not NULL leads to `len` bytes that stay unchanged during `'a`.
    pub(crate) unsafe fn read<'a>(self, field: impl Fn() -> String) -> Result<&'a [u8]> {
        if self.len == 0 {
            return Ok(&[]);
        }
        if self.ptr.is_null() {
            return Err(invalid(format!("`{}` is NULL with the length {}", field(), self.len)));
        }
        if isize::try_from(self.len).is_err() {
            return Err(invalid(format!("`{}` has the length {}; the limit is {}", field(), self.len, isize::MAX)));
        }
        // SAFETY: not NULL, of a legal length, and by contract readable and unchanged during `'a`; bytes need no
        // alignment.
        Ok(unsafe { std::slice::from_raw_parts(self.ptr, self.len) })
    }
}
