//! Ownership over the border: the only place where boxes become raw pointers and come back.

#![allow(unsafe_code)]
// The feature `raw` alone needs little of it.
#![cfg_attr(not(feature = "capi"), allow(dead_code))]

use crate::error::{Error, ErrorKind, Result};

fn invalid(what: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, what)
}

/// Gives `value` to C, which gives it back to [`take`] once.
pub(crate) fn give<T>(value: T) -> *mut T {
    give_box(Box::new(value))
}

/// The same for what is boxed already.
pub(crate) fn give_box<T>(value: Box<T>) -> *mut T {
    Box::into_raw(value)
}

/// Takes back what [`give`] gave; `None` for NULL.
///
/// # Safety
/// `handle` is NULL or came from [`give`], was not taken before, and nothing else uses it.
pub(crate) unsafe fn take<T>(handle: *mut T) -> Option<Box<T>> {
    if handle.is_null() {
        return None;
    }
    // SAFETY: the contract of this function.
    Some(unsafe { Box::from_raw(handle) })
}

/// Borrows what C passes as the parameter `name`.
///
/// # Safety
/// `handle` is NULL or valid and not changed during `'a`.
pub(crate) unsafe fn borrow<'a, T>(handle: *const T, name: &str) -> Result<&'a T> {
    // SAFETY: the contract of this function.
    unsafe { handle.as_ref() }.ok_or_else(|| invalid(format!("`{name}` is NULL")))
}

/// Borrows what C passes as the parameter `name`, to change it.
///
/// # Safety
/// `handle` is NULL or valid and not used elsewhere during `'a`.
pub(crate) unsafe fn borrow_mut<'a, T>(handle: *mut T, name: &str) -> Result<&'a mut T> {
    // SAFETY: the contract of this function.
    unsafe { handle.as_mut() }.ok_or_else(|| invalid(format!("`{name}` is NULL")))
}

/// Where a result is stored for C.
#[derive(Debug)]
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// The required result parameter `name`, set to `empty` until there is a result.
    ///
    /// # Safety
    /// `place` is NULL or writable as long as `Out` lives.
    pub(crate) unsafe fn required(place: *mut T, name: &str, empty: T) -> Result<Self> {
        if place.is_null() {
            return Err(invalid(format!("`{name}` is NULL")));
        }
        // SAFETY: not NULL and by contract writable.
        unsafe { place.write(empty) };
        Ok(Out(place))
    }

    /// A result parameter that may be NULL, set to `empty` until there is a result.
    ///
    /// # Safety
    /// `place` is NULL or writable as long as `Out` lives.
    pub(crate) unsafe fn optional(place: *mut T, empty: T) -> Option<Self> {
        if place.is_null() {
            return None;
        }
        // SAFETY: not NULL and by contract writable.
        unsafe { place.write(empty) };
        Some(Out(place))
    }

    pub(crate) fn set(self, value: T) {
        // SAFETY: checked when `self` was made, by contract still writable.
        unsafe { self.0.write(value) };
    }
}
