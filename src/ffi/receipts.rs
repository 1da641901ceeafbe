//! Receipts of many completions in one call.

#![allow(unsafe_code, non_camel_case_types)]

use super::boundary;
use super::callback::mqp_completion;
use super::error::mqp_error;
use super::handle::Out;
use super::receipt::{mqp_receipt, mqp_receipt_view};
use super::sized::SizedStruct;
use super::status::mqp_status;
use super::types::{element_size, invalid, mqp_str};
use std::ffi::c_char;

/// Reads the receipts of polled completions in one call, for a language in which each call costs much.
///
/// `completions`: `count` of them, as mqp_completion_queue_poll wrote them, which keep their receipts. `completion_size`:
/// as given there. `out`: room for `count` views of `view_size` bytes, sizeof(mqp_receipt_view) each; the view of a
/// completion without a receipt is zero but for its `struct_size`. `texts`: room for `capacity` bytes, which receives
/// the strings of the views: they are *borrowed* from it, a NUL behind each, and outlive the receipts; may be NULL when
/// `capacity` is 0. `length`: receives how many bytes the strings take; when that is more than `capacity`, nothing else
/// is written, and the call is repeated with more room. `error`: may be NULL.
/// Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_completions_receipts(
    completions: *const mqp_completion,
    completion_size: u32,
    count: usize,
    out: *mut mqp_receipt_view,
    view_size: u32,
    texts: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the number.
        let length = unsafe { Out::required(length, "length", 0)? };
        let step = element_size("completion_size", completion_size, mqp_completion::FIRST_SIZE)?;
        let view_step = element_size("view_size", view_size, mqp_receipt_view::FIRST_SIZE)?;
        for (what, is_null) in [("completions", completions.is_null()), ("out", out.is_null())] {
            if is_null && count > 0 {
                return Err(invalid(format!("`{what}` is NULL with `count` {count}")));
            }
        }
        if texts.is_null() && capacity > 0 {
            return Err(invalid(format!("`texts` is NULL with `capacity` {capacity}")));
        }
        let receipts = || {
            (0..count).map(|index| {
                // SAFETY: the caller passes `count` elements of `step` bytes that `mqp_completion_queue_poll` wrote, whose
                // receipts are NULL or not freed.
                unsafe {
                    let completion = completions.byte_add(index * step);
                    (&raw const (*completion).receipt).read_unaligned().as_ref()
                }
            })
        };
        let needed = receipts().flatten().map(|receipt| receipt.text().len()).sum();
        length.set(needed);
        if needed > capacity {
            return Ok(());
        }
        let known = view_step.min(size_of::<mqp_receipt_view>());
        let mut at = texts;
        for (index, receipt) in receipts().enumerate() {
            // SAFETY: `out` has room for `count` elements of `view_step` bytes, of which `known` is not more; `texts` has
            // room for all texts, each of which is copied behind the one before.
            unsafe {
                let element = out.cast::<u8>().add(index * view_step);
                element.write_bytes(0, view_step);
                element.cast::<u32>().write_unaligned(known as u32);
                if let Some(receipt) = receipt {
                    let mut view = copied(receipt, at);
                    view.struct_size = known as u32;
                    element.copy_from_nonoverlapping((&raw const view).cast(), known);
                    at = at.add(receipt.text().len());
                }
            }
        }
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// The view of a receipt whose texts are copied to `to`.
///
/// # Safety
/// `to` has room for the receipt's text.
unsafe fn copied(receipt: &mqp_receipt, to: *mut c_char) -> mqp_receipt_view {
    let (text, mut view) = (receipt.text(), receipt.view());
    // SAFETY: the contract of this function.
    unsafe { to.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), text.len()) };
    let moved = |text_of: &mut mqp_str| {
        let offset = text_of.ptr.addr() - text.as_ptr().addr();
        text_of.ptr = to.wrapping_add(offset);
    };
    let mqp_receipt_view {
        message_id,
        offset_message_id,
        topic,
        broker_name,
        transaction_id,
        region_id,
        recall_handle,
        ..
    } = &mut view;
    [message_id, offset_message_id, topic, broker_name, transaction_id, region_id, recall_handle]
        .into_iter()
        .for_each(moved);
    view
}
