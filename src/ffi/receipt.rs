//! Receipts as handles.

#![allow(unsafe_code, non_camel_case_types)]

use super::attempt::HeldAttempt;
use super::error::mqp_error;
use super::sized::{self, SizedStruct};
use super::status::mqp_status;
use super::text::PackedTexts;
use super::types::mqp_str;
use super::{boundary, handle};
use crate::message::{Receipt, Told};
use std::ffi::c_char;

/// Stored to the broker's configured safety.
pub const MQP_SEND_OK: u32 = 0;
/// Stored, but the disk flush did not end in time.
pub const MQP_SEND_FLUSH_DISK_TIMEOUT: u32 = 1;
/// Stored, but the replica did not confirm in time.
pub const MQP_SEND_FLUSH_SLAVE_TIMEOUT: u32 = 2;
/// Stored, but there is no replica to confirm.
pub const MQP_SEND_SLAVE_NOT_AVAILABLE: u32 = 3;
/// Sent one-way: written to the connection, no answer is asked for.
pub const MQP_SEND_ONEWAY: u32 = 4;

/// The broker's receipt of one message: an *owned* handle, freed by mqp_receipt_free. It never changes, so that any
/// threads may read it at the same time.
#[derive(Clone, Debug)]
pub struct mqp_receipt {
    send_status: u32,
    queue_id: i32,
    queue_offset: i64,
    attempts: u32,
    texts: PackedTexts<7>,
    earlier: Vec<HeldAttempt>,
    maybe_duplicated: bool,
}

impl mqp_receipt {
    pub(crate) fn new(receipt: &Receipt) -> Self {
        mqp_receipt::packed(&Told {
            status: receipt.status,
            message_id: &receipt.message_id,
            offset_message_id: &receipt.offset_message_id,
            topic: &receipt.topic,
            broker_name: &receipt.broker_name,
            queue_id: receipt.queue_id,
            queue_offset: receipt.queue_offset,
            transaction_id: &receipt.transaction_id,
            region_id: &receipt.region_id,
            recall_handle: &receipt.recall_handle,
            attempts: receipt.attempts,
            earlier: &receipt.earlier,
        })
    }

    /// The same, to be given away.
    #[allow(clippy::needless_pass_by_value)]
    pub(crate) fn boxed(receipt: Receipt) -> Box<Self> {
        Box::new(mqp_receipt::new(&receipt))
    }

    /// Straight from what a broker told.
    pub(crate) fn packed(told: &Told<'_>) -> Self {
        mqp_receipt {
            send_status: told.status as u32,
            queue_id: told.queue_id,
            queue_offset: told.queue_offset,
            attempts: told.attempts,
            texts: PackedTexts::new([
                told.message_id,
                told.offset_message_id,
                told.topic,
                told.broker_name,
                told.transaction_id,
                told.region_id,
                told.recall_handle,
            ]),
            earlier: HeldAttempt::all(told.earlier),
            maybe_duplicated: told.earlier.iter().any(|attempt| attempt.maybe_stored),
        }
    }

    /// That of another message of the same request, which has ids and an offset of its own.
    pub(crate) fn beside(&self, told: &Told<'_>) -> Self {
        let mut other = self.clone();
        other.queue_offset = told.queue_offset;
        match other.texts.replace(0, told.message_id) && other.texts.replace(1, told.offset_message_id) {
            true => other,
            false => mqp_receipt::packed(told),
        }
    }

    /// What C sees of it.
    pub(crate) fn view(&self) -> mqp_receipt_view {
        mqp_receipt_view {
            struct_size: 0,
            send_status: self.send_status,
            attempts: self.attempts,
            queue_id: self.queue_id,
            queue_offset: self.queue_offset,
            message_id: self.texts.get(0),
            offset_message_id: self.texts.get(1),
            topic: self.texts.get(2),
            broker_name: self.texts.get(3),
            transaction_id: self.texts.get(4),
            region_id: self.texts.get(5),
            recall_handle: self.texts.get(6),
            maybe_duplicated: self.maybe_duplicated.into(),
            reserved: 0,
        }
    }

    /// The tries before the last one.
    pub(crate) fn earlier(&self) -> &[HeldAttempt] {
        &self.earlier
    }

    /// The bytes that the texts of its view lie in.
    pub(crate) fn text(&self) -> &[u8] {
        self.texts.bytes()
    }
}

/// What a receipt tells. Set `struct_size`, or start from MQP_RECEIPT_VIEW_INIT. The strings are *borrowed* until the
/// receipt is freed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_receipt_view {
    /// Size of the caller's struct in bytes.
    pub struct_size: u32,
    /// How safely the message is stored: MQP_SEND_OK or another of MQP_SEND_....
    pub send_status: u32,
    /// How many tries it took, at least 1.
    pub attempts: u32,
    /// The queue that the broker put it in.
    pub queue_id: i32,
    /// Its offset in the queue; -1 for one-way.
    pub queue_offset: i64,
    /// The unique id that the producer gave the message, kept over retries.
    pub message_id: mqp_str,
    /// The broker's id: store address and commit-log offset. Empty for one-way.
    pub offset_message_id: mqp_str,
    /// The topic sent to.
    pub topic: mqp_str,
    /// The broker that stored it.
    pub broker_name: mqp_str,
    /// Transaction id; empty when there is none.
    pub transaction_id: mqp_str,
    /// The broker's region; empty when it told none.
    pub region_id: mqp_str,
    /// Handle to recall a timer message; empty when there is none.
    pub recall_handle: mqp_str,
    /// 1 when an earlier try may have left another copy of the message, with the same `message_id`
    /// (mqp_receipt_attempt_at tells of it); else 0.
    pub maybe_duplicated: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: `repr(C)`, begins with a `u32`, ends with two of four bytes that leave no padding, and holds only numbers and
// raw pointers.
unsafe impl SizedStruct for mqp_receipt_view {
    const NAME: &'static str = "mqp_receipt_view";
    const FIRST_SIZE: usize = std::mem::offset_of!(Self, recall_handle) + size_of::<mqp_str>();
}

/// The name of a send status as the broker's protocol spells it: `SEND_OK`, `FLUSH_DISK_TIMEOUT` and so on; `ONEWAY`
/// for MQP_SEND_ONEWAY and `UNKNOWN` for a number that this library does not know.
///
/// Returns: NUL-terminated, *borrowed* for ever. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn mqp_send_status_name(send_status: u32) -> *const c_char {
    let name = match send_status {
        MQP_SEND_OK => c"SEND_OK",
        MQP_SEND_FLUSH_DISK_TIMEOUT => c"FLUSH_DISK_TIMEOUT",
        MQP_SEND_FLUSH_SLAVE_TIMEOUT => c"FLUSH_SLAVE_TIMEOUT",
        MQP_SEND_SLAVE_NOT_AVAILABLE => c"SLAVE_NOT_AVAILABLE",
        MQP_SEND_ONEWAY => c"ONEWAY",
        _ => c"UNKNOWN",
    };
    name.as_ptr()
}

/// Reads all that a receipt tells.
///
/// `receipt`: the receipt. `out`: written, its strings *borrowed* until the receipt is freed. `error`: may be NULL.
/// Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_receipt_get(
    receipt: *const mqp_receipt,
    out: *mut mqp_receipt_view,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a receipt that is not freed.
        let receipt = unsafe { handle::borrow(receipt, "receipt")? };
        // SAFETY: the caller passes NULL or a struct with its size set.
        unsafe { sized::write(out, &receipt.view()) }
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Copies a receipt, to keep one that is only borrowed, as in a callback.
///
/// Returns: *owned*, to be freed by mqp_receipt_free; NULL for NULL. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_receipt_clone(receipt: *const mqp_receipt) -> *mut mqp_receipt {
    boundary::infallible(std::ptr::null_mut(), || {
        // SAFETY: the caller passes NULL or a receipt that is not freed.
        let receipt = unsafe { receipt.as_ref() };
        receipt.map_or(std::ptr::null_mut(), |receipt| handle::give(receipt.clone()))
    })
}

/// Frees a receipt; NULL is allowed.
///
/// `receipt`: *owned*, taken. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_receipt_free(receipt: *mut mqp_receipt) {
    // SAFETY: the caller gives up a receipt that it owns, or passes NULL.
    boundary::infallible((), || drop(unsafe { handle::take(receipt) }));
}
