//! Receipts that are read by few calls: those of many messages, or together with the send.

#![allow(unsafe_code, non_camel_case_types)]

use super::batch::mqp_batch_result;
use super::callback::mqp_completion;
use super::error::mqp_error;
use super::handle::Out;
use super::message::{self, mqp_message, mqp_send_options};
use super::producer::mqp_producer;
use super::receipt::{mqp_receipt, mqp_receipt_view};
use super::sized::{self, SizedStruct};
use super::status::mqp_status;
use super::types::{element_size, invalid, mqp_str};
use super::{boundary, handle};
use crate::error::Result;
use crate::producer::Producer;
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
        if completions.is_null() && count > 0 {
            return Err(invalid(format!("`completions` is NULL with `count` {count}")));
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
        // SAFETY: the caller passes room for `count` views, and for the texts.
        unsafe { write_all(receipts, count, out, view_size, Room { texts, capacity }, length) }
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Reads the receipts of a batch in one call, as mqp_completions_receipts does those of completions.
///
/// `result`: *borrowed*. `out`: room for as many views of `view_size` bytes as mqp_batch_result_count tells,
/// sizeof(mqp_receipt_view) each; the view of a message that was not stored is zero but for its `struct_size`. `texts`,
/// `capacity`, `length`: as in mqp_completions_receipts. `error`: may be NULL.
/// Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_batch_result_receipts(
    result: *const mqp_batch_result,
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
        // SAFETY: the caller passes NULL or a result that is not freed.
        let result = unsafe { handle::borrow(result, "result")? };
        let count = result.receipts().count();
        // SAFETY: the caller passes room for `count` views, and for the texts.
        unsafe { write_all(|| result.receipts(), count, out, view_size, Room { texts, capacity }, length) }
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Sends one message as mqp_producer_send does and reads its receipt in the same call, for a language in which each call
/// costs much.
///
/// `oneway`: 1: as mqp_producer_send_oneway does; else 0. `view`: written as by mqp_receipt_get. `texts`: room for
/// `capacity` bytes, which receives the strings of the view, a NUL behind each; may be NULL when `capacity` is 0.
/// `receipt`: receives NULL, and the strings are *borrowed* from `texts`; but an *owned* handle that they are borrowed
/// from when there is not room enough for them, or there are tries before the last one to tell of. `message`, `options`,
/// `error`: as in mqp_producer_send. Threads, errors: those of the two.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_send_read(
    producer: *mut mqp_producer,
    message: *const mqp_message,
    options: *const mqp_send_options,
    oneway: u32,
    view: *mut mqp_receipt_view,
    texts: *mut c_char,
    capacity: usize,
    receipt: *mut *mut mqp_receipt,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the handle.
        let out = unsafe { Out::required(receipt, "receipt", std::ptr::null_mut())? };
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        let room = Room { texts, capacity };
        room.check()?;
        // SAFETY: the caller passes NULL or a struct with its size set. What cannot be written is found before the send.
        unsafe { sized::check(view)? };
        let send = match oneway {
            0 => Producer::send_packed,
            1 => Producer::send_oneway_packed,
            other => return Err(invalid(format!("`oneway` is {other}; it must be 0 or 1"))),
        };
        // SAFETY: the caller lends both, with all that they point to, until the call returns.
        let (message, options) = unsafe { (message::read_message(message)?, message::read_options(options)?) };
        let receipt = send(&producer.producer, &message, &options.options())?;
        let fits = receipt.text().len() <= capacity && receipt.earlier().is_empty();
        // SAFETY: there is room for the texts when they fit.
        let told = if fits { unsafe { copied(&receipt, texts) } } else { receipt.view() };
        // SAFETY: checked above.
        unsafe { sized::write(view, &told)? };
        if !fits {
            out.set(handle::give_box(receipt));
        }
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Where texts are copied to.
#[derive(Clone, Copy)]
struct Room {
    texts: *mut c_char,
    capacity: usize,
}

impl Room {
    fn check(self) -> Result<()> {
        match self.texts.is_null() && self.capacity > 0 {
            true => Err(invalid(format!("`texts` is NULL with `capacity` {}", self.capacity))),
            false => Ok(()),
        }
    }
}

/// Writes the views of receipts, unless their texts need more room.
///
/// # Safety
/// `out` is NULL or has room for `count` elements of `view_size` bytes, and `room` is as large as it says; `receipts`
/// gives `count` of them.
unsafe fn write_all<'a, Receipts: Iterator<Item = Option<&'a mqp_receipt>>>(
    receipts: impl Fn() -> Receipts,
    count: usize,
    out: *mut mqp_receipt_view,
    view_size: u32,
    room: Room,
    length: Out<usize>,
) -> Result<()> {
    let view_step = element_size("view_size", view_size, mqp_receipt_view::FIRST_SIZE)?;
    if out.is_null() && count > 0 {
        return Err(invalid(format!("`out` is NULL with `count` {count}")));
    }
    room.check()?;
    let needed = receipts().flatten().map(|receipt| receipt.text().len()).sum();
    length.set(needed);
    if needed > room.capacity {
        return Ok(());
    }
    let known = view_step.min(size_of::<mqp_receipt_view>());
    let mut at = room.texts;
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
