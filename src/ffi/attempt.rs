//! The tries of a message, as receipts and errors tell them.

#![allow(unsafe_code, non_camel_case_types)]

use super::error::mqp_error;
use super::receipt::mqp_receipt;
use super::sized::{self, SizedStruct};
use super::status::{mqp_status, number};
use super::text::Texts;
use super::types::{invalid, mqp_str};
use super::{boundary, handle};
use crate::error::Result;
use crate::message::Attempt;

/// One try of a message that did not end as wanted. Set `struct_size`, or start from MQP_ATTEMPT_INIT. The strings are
/// *borrowed* until the receipt or error is freed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_attempt {
    /// Size of the caller's struct in bytes.
    pub struct_size: u32,
    /// What went wrong: MQP_ERR_BROKER for an answer that was no SEND_OK, or another status; never MQP_OK.
    pub status: mqp_status,
    /// 1 when the broker answered and `broker_code` is its response code, else 0.
    pub has_broker_code: u32,
    /// The broker's response code; 0 when there is none.
    pub broker_code: i32,
    /// The queue that was asked for.
    pub queue_id: i32,
    /// 1 when the broker may have stored the message: it said so, or its answer was not heard; else 0.
    pub maybe_stored: u32,
    /// When the try began, in milliseconds since 1970.
    pub started_ms: i64,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// The broker that it was for.
    pub broker_name: mqp_str,
    /// The broker's remark, or what went wrong, for a person.
    pub remark: mqp_str,
}

// SAFETY: `repr(C)`, begins with a `u32`, ends with pointer-sized fields, and holds only numbers and raw pointers.
unsafe impl SizedStruct for mqp_attempt {
    const NAME: &'static str = "mqp_attempt";
    const FIRST_SIZE: usize = std::mem::offset_of!(Self, remark) + size_of::<mqp_str>();
}

/// A try with the texts that C is shown.
#[derive(Clone, Debug)]
pub(crate) struct HeldAttempt {
    attempt: Attempt,
    texts: Texts<2>,
}

impl HeldAttempt {
    pub(crate) fn all(attempts: &[Attempt]) -> Vec<HeldAttempt> {
        let held = |attempt: &Attempt| HeldAttempt {
            texts: Texts::new([&attempt.broker_name, &attempt.remark.replace('\0', "\\0")]),
            attempt: attempt.clone(),
        };
        attempts.iter().map(held).collect()
    }

    fn view(&self) -> mqp_attempt {
        let attempt = &self.attempt;
        mqp_attempt {
            struct_size: 0,
            status: number(attempt.kind),
            has_broker_code: attempt.broker_code.is_some().into(),
            broker_code: attempt.broker_code.unwrap_or_default(),
            queue_id: attempt.queue_id,
            maybe_stored: attempt.maybe_stored.into(),
            started_ms: attempt.started,
            took_us: u64::try_from(attempt.took.as_micros()).unwrap_or(u64::MAX),
            broker_name: self.texts.get(0),
            remark: self.texts.get(1),
        }
    }
}

/// # Safety
/// `out` is NULL or a struct with its size set.
unsafe fn read(attempts: &[HeldAttempt], index: usize, out: *mut mqp_attempt) -> Result<()> {
    let Some(attempt) = attempts.get(index) else {
        return Err(invalid(format!("`index` is {index}; there are {} attempts", attempts.len())));
    };
    // SAFETY: the contract of this function.
    unsafe { sized::write(out, &attempt.view()) }
}

/// How many tries came before the one that a receipt tells of: the bound of mqp_receipt_attempt_at. 0 for NULL, and for
/// a message that was stored at the first try.
///
/// Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_receipt_attempt_count(receipt: *const mqp_receipt) -> usize {
    boundary::infallible(0, || {
        // SAFETY: the caller passes NULL or a receipt that is not freed.
        unsafe { receipt.as_ref() }.map_or(0, |receipt| receipt.earlier().len())
    })
}

/// Reads one of the tries before the one that a receipt tells of, in their order.
///
/// `receipt`: the receipt. `index`: 0 to mqp_receipt_attempt_count() - 1. `out`: written, its strings *borrowed* until
/// the receipt is freed. `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_receipt_attempt_at(
    receipt: *const mqp_receipt,
    index: usize,
    out: *mut mqp_attempt,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a receipt that is not freed.
        let receipt = unsafe { handle::borrow(receipt, "receipt")? };
        // SAFETY: the caller passes NULL or a struct with its size set.
        unsafe { read(receipt.earlier(), index, out) }
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// How many tries of its message an error tells: the bound of mqp_error_attempt_at. 0 for NULL, and for what failed
/// before any try.
///
/// Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_error_attempt_count(of: *const mqp_error) -> usize {
    boundary::infallible(0, || {
        // SAFETY: the caller passes NULL or an error that is not freed.
        unsafe { of.as_ref() }.map_or(0, |of| of.attempts().len())
    })
}

/// Reads one of the tries of the message that failed, in their order.
///
/// `of`: the error. `index`: 0 to mqp_error_attempt_count() - 1. `out`: written, its strings *borrowed* until `of` is
/// freed. `error`: may be NULL; why reading failed. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_error_attempt_at(
    of: *const mqp_error,
    index: usize,
    out: *mut mqp_attempt,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or an error that is not freed.
        let of = unsafe { handle::borrow(of, "of")? };
        // SAFETY: the caller passes NULL or a struct with its size set.
        unsafe { read(of.attempts(), index, out) }
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}
