//! Errors as handles.

#![allow(unsafe_code, non_camel_case_types)]

use super::attempt::HeldAttempt;
use super::sized::{self, SizedStruct};
use super::status::{MQP_OK, mqp_status, name, number};
use super::text::Texts;
use super::types::mqp_str;
use super::{boundary, handle};
use crate::error::Error;
use std::ffi::c_char;

/// Why a call or a message failed: an *owned* handle, freed by mqp_error_free. It never changes, so that any threads
/// may read it at the same time.
#[derive(Debug)]
pub struct mqp_error {
    error: Error,
    texts: Texts<2>,
    attempts: Vec<HeldAttempt>,
}

impl mqp_error {
    pub(crate) fn new(error: Error) -> Self {
        // What was quoted may hold a NUL, which would end the text for C.
        let [message, remark] =
            [error.message(), error.remark().unwrap_or_default()].map(|text| text.replace('\0', "\\0"));
        let attempts = HeldAttempt::all(error.attempts());
        mqp_error { error, texts: Texts::new([&message, &remark]), attempts }
    }

    /// The tries of the message that failed.
    pub(crate) fn attempts(&self) -> &[HeldAttempt] {
        &self.attempts
    }
}

/// What an error tells. Set `struct_size`, or start from MQP_ERROR_VIEW_INIT.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_error_view {
    /// Size of the caller's struct in bytes.
    pub struct_size: u32,
    /// The status; never MQP_OK.
    pub status: mqp_status,
    /// 1 when a server refused and `broker_code` is its response code, else 0.
    pub has_broker_code: u32,
    /// The server's response code; 0 when there is none.
    pub broker_code: i32,
    /// 1 when the same call may succeed later without being changed, else 0.
    pub retriable: u32,
    /// 1 when a broker may have stored the message although the send failed, else 0.
    pub maybe_persisted: u32,
    /// The status's name, as mqp_status_name gives it. *Borrowed* for ever.
    pub name: mqp_str,
    /// The text for a person; it names the field, the value and the limit. *Borrowed* until the error is freed.
    pub message: mqp_str,
    /// The server's remark; empty when there is none. *Borrowed* until the error is freed.
    pub remark: mqp_str,
    /// The number that RocketMQ's Java client gives this failure: the server's response code, or one of its own such as
    /// 10001 for a connection that could not be opened; 0 when it has none.
    pub code: i32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: `repr(C)`, begins with a `u32`, ends with two of four bytes that leave no padding, and holds only numbers and
// raw pointers.
unsafe impl SizedStruct for mqp_error_view {
    const NAME: &'static str = "mqp_error_view";
    const FIRST_SIZE: usize = std::mem::offset_of!(Self, remark) + size_of::<mqp_str>();
}

/// The status of an error; MQP_OK for NULL.
///
/// Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_error_status(error: *const mqp_error) -> mqp_status {
    boundary::infallible(MQP_OK, || {
        // SAFETY: the caller passes NULL or an error that is not freed.
        unsafe { error.as_ref() }.map_or(MQP_OK, |error| number(error.error.kind()))
    })
}

/// The text of an error for a person; empty for NULL.
///
/// Returns: NUL-terminated, *borrowed* until the error is freed. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_error_message(error: *const mqp_error) -> *const c_char {
    boundary::infallible(mqp_str::EMPTY.ptr, || {
        // SAFETY: the caller passes NULL or an error that is not freed.
        unsafe { error.as_ref() }.map_or(mqp_str::EMPTY.ptr, |error| error.texts.get(0).ptr)
    })
}

/// Reads all that an error tells.
///
/// `of`: the error. `out`: written, its strings *borrowed* until `of` is freed. `error`: may be NULL; why reading
/// failed. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_error_get(
    of: *const mqp_error,
    out: *mut mqp_error_view,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or an error that is not freed.
        let of = unsafe { handle::borrow(of, "of")? };
        let status = number(of.error.kind());
        let view = mqp_error_view {
            struct_size: 0,
            status,
            has_broker_code: of.error.broker_code().is_some().into(),
            broker_code: of.error.broker_code().unwrap_or_default(),
            retriable: of.error.retriable().into(),
            maybe_persisted: of.error.maybe_persisted().into(),
            name: mqp_str::fixed(name(status)),
            message: of.texts.get(0),
            remark: of.texts.get(1),
            code: of.error.code().unwrap_or_default(),
            reserved: 0,
        };
        // SAFETY: the caller passes NULL or a struct with its size set.
        unsafe { sized::write(out, &view) }
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Copies an error, to keep one that is only borrowed, as in a callback.
///
/// Returns: *owned*, to be freed by mqp_error_free; NULL for NULL. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_error_clone(error: *const mqp_error) -> *mut mqp_error {
    boundary::infallible(std::ptr::null_mut(), || {
        // SAFETY: the caller passes NULL or an error that is not freed.
        let error = unsafe { error.as_ref() };
        error.map_or(std::ptr::null_mut(), |error| handle::give(mqp_error::new(error.error.clone())))
    })
}

/// Frees an error; NULL is allowed.
///
/// `error`: *owned*, taken. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_error_free(error: *mut mqp_error) {
    // SAFETY: the caller gives up an error that it owns, or passes NULL.
    boundary::infallible((), || drop(unsafe { handle::take(error) }));
}
