//! Structs that begin with their size, so that they can grow: a caller built against an older or a newer header
//! works with this library.

#![allow(unsafe_code)]

use super::types::invalid;
use crate::error::Result;

/// No struct of this interface comes near it: a larger size was never set.
const LARGEST: usize = 4096;

/// A struct whose first field is `struct_size: u32`.
///
/// # Safety
/// The type is `repr(C)`, begins with a `u32`, has no padding at its end, and every bit pattern is a value of it.
pub(crate) unsafe trait SizedStruct: Copy {
    /// How C calls it.
    const NAME: &'static str;
    /// Its size when it was first released. It never changes.
    const FIRST_SIZE: usize;
}

/// Copies a struct that C lent: fields that the caller does not know are zero, which stands for their defaults.
///
/// # Safety
/// `from` is NULL or leads to as many readable bytes as its `struct_size` says.
pub(crate) unsafe fn read<T: SizedStruct>(from: *const T) -> Result<T> {
    // SAFETY: the contract of this function.
    let size = unsafe { checked_size(from)? };
    let known = size.min(size_of::<T>());
    // SAFETY: all bytes zero is a value of `T`.
    let mut value: T = unsafe { std::mem::zeroed() };
    // SAFETY: `known` is within both the struct lent and `value`, which do not overlap.
    unsafe { std::ptr::copy_nonoverlapping(from.cast::<u8>(), (&raw mut value).cast::<u8>(), known) };
    // SAFETY: the struct lent has `size` bytes and `known` is not more.
    unsafe { check_tail(from.cast(), known, size, T::NAME)? };
    Ok(value)
}

/// Writes `value` over a struct of the caller, at most as many bytes as its `struct_size` says; what this library
/// does not know becomes zero. `struct_size` keeps the caller's value.
///
/// # Safety
/// `to` is NULL or leads to as many writable bytes as its `struct_size` says.
pub(crate) unsafe fn write<T: SizedStruct>(to: *mut T, value: &T) -> Result<()> {
    const HEAD: usize = size_of::<u32>();
    // SAFETY: the contract of this function.
    let size = unsafe { checked_size(to)? };
    let known = size.min(size_of::<T>());
    let to = to.cast::<u8>();
    let from = std::ptr::from_ref(value).cast::<u8>();
    // SAFETY: `known` is at least `FIRST_SIZE`, which is more than the head, and within both structs; `known` to `size`
    // is within the caller's.
    unsafe {
        std::ptr::copy_nonoverlapping(from.add(HEAD), to.add(HEAD), known - HEAD);
        std::ptr::write_bytes(to.add(known), 0, size - known);
    }
    Ok(())
}

/// Refuses bytes that are not zero beyond `known`: they ask for something that this library does not know.
///
/// # Safety
/// `from` leads to `size` readable bytes, and `known` is not more than `size`.
pub(crate) unsafe fn check_tail(from: *const u8, known: usize, size: usize, name: &str) -> Result<()> {
    // SAFETY: the contract of this function.
    let tail = unsafe { std::slice::from_raw_parts(from.add(known), size - known) };
    match tail.iter().position(|byte| *byte != 0) {
        Some(at) => Err(invalid(format!(
            "`{name}` has the size {size} and sets the byte at {}; this library knows {known} bytes, the rest must be zero",
            known + at
        ))),
        None => Ok(()),
    }
}

/// Whether [`write`] may write over a struct of the caller.
///
/// # Safety
/// `to` is NULL or leads to a `u32`.
pub(crate) unsafe fn check<T: SizedStruct>(to: *const T) -> Result<()> {
    // SAFETY: the contract of this function.
    unsafe { checked_size(to) }.map(|_| ())
}

unsafe fn checked_size<T: SizedStruct>(from: *const T) -> Result<usize> {
    if from.is_null() {
        return Err(invalid(format!("`{}` is NULL", T::NAME)));
    }
    // SAFETY: not NULL, and by contract a struct that begins with its size.
    let size = unsafe { from.cast::<u32>().read_unaligned() };
    match usize::try_from(size) {
        Ok(size) if size < T::FIRST_SIZE => {
            Err(invalid(format!("`{}.struct_size` is {size}; the minimum is {}", T::NAME, T::FIRST_SIZE)))
        }
        Ok(size) if size <= LARGEST => Ok(size),
        _ => Err(invalid(format!("`{}.struct_size` is {size}; the maximum is {LARGEST}", T::NAME))),
    }
}
