//! Several messages in one request.

use crate::boundary::{self, Failure, NULL_POINTER, PRODUCER_SEND_SYNC_FAILED as FAILED};
use crate::message::{self, Message};
use crate::producer::{self, Handle};
use crate::send::{self, options};
use crate::send_result::{CSendResult, MAX_MESSAGE_ID, put};
use mqproducer::{BatchOptions, Receipt};
use std::ffi::c_int;

/// `CBatchMessage`: copies of its messages.
#[derive(Debug, Default)]
pub struct Batch(Vec<Message>);

#[unsafe(no_mangle)]
pub extern "C" fn CreateBatchMessage() -> *mut Batch {
    boundary::value(std::ptr::null_mut(), || Box::into_raw(Box::default()))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn AddMessage(batch: *mut Batch, message: *const Message) -> c_int {
    boundary::status(NULL_POINTER, || {
        // SAFETY: as the module `lib` says.
        let (batch, message) = unsafe { (batch.as_mut(), message::borrow(message)?) };
        batch.ok_or_else(|| Failure::null("batchMsg"))?.0.push(message.clone());
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn DestroyBatchMessage(batch: *mut Batch) -> c_int {
    boundary::status(NULL_POINTER, || {
        if batch.is_null() {
            return Err(Failure::null("batchMsg"));
        }
        // SAFETY: not NULL, made by `CreateBatchMessage`, and given up by the caller.
        drop(unsafe { Box::from_raw(batch) });
        Ok(())
    })
}

/// Sends the batch. The result's id is that of each message, joined by commas as far as there is room; its offset is the
/// first message's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SendBatchMessage(
    handle: *const Handle,
    batch: *const Batch,
    result: *mut CSendResult,
) -> c_int {
    boundary::status(FAILED, || {
        // SAFETY: as the module `lib` says.
        let (handle, batch) = unsafe { (producer::borrow(handle)?, batch.as_ref()) };
        let batch = batch.ok_or_else(|| Failure::null("batchMsg"))?;
        send::present(result)?;
        let running = handle.running_plain(FAILED)?;
        let messages = batch.0.iter().map(|message| message.lend(FAILED)).collect::<Result<Vec<_>, _>>()?;
        let options = options(&running.rules, running.rules.sync_tries);
        let sent = running.producer.send_batch(&messages, &options, &BatchOptions::default());
        let sent = sent.map_err(|error| Failure::of(FAILED, &error))?;
        let receipts = sent.into_results().into_iter().collect::<Result<Vec<_>, _>>();
        let receipts = receipts.map_err(|error| Failure::of(FAILED, &error))?;
        if let Some(first) = receipts.first() {
            // SAFETY: it is not NULL, and by contract writable.
            unsafe { result.write(joined(first, &receipts)) };
        }
        Ok(())
    })
}

fn joined(first: &Receipt, receipts: &[Receipt]) -> CSendResult {
    let mut ids = String::new();
    for receipt in receipts {
        if ids.len() + receipt.message_id.len() + 1 >= MAX_MESSAGE_ID {
            break;
        }
        if !ids.is_empty() {
            ids.push(',');
        }
        ids.push_str(&receipt.message_id);
    }
    let mut result = CSendResult::new(first);
    put(&mut result.msg_id, &ids);
    result
}
