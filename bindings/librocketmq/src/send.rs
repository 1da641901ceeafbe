//! Sends that wait, and one-way ones.

use crate::boundary::{self, Failure, PRODUCER_SEND_ONEWAY_FAILED, PRODUCER_SEND_SYNC_FAILED};
use crate::message::{self, Message};
use crate::producer::{self, Handle, Rules};
use crate::send_result::CSendResult;
use mqproducer::SendOptions;
use std::ffi::c_int;
use std::time::Duration;

/// The longest that the core lets a send take.
const LONGEST: Duration = Duration::from_secs(3600);

/// A send of so many tries: the time-out is that of each try, as in the old client.
pub fn options(rules: &Rules, tries: u32) -> SendOptions<'static> {
    SendOptions::default().with_timeout(rules.timeout.saturating_mul(tries).min(LONGEST))
}

/// Refuses a result that cannot be written.
pub fn present(result: *mut CSendResult) -> Result<(), Failure> {
    if result.is_null() { Err(Failure::null("result")) } else { Ok(()) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn SendMessageSync(
    handle: *const Handle,
    message: *const Message,
    result: *mut CSendResult,
) -> c_int {
    const FAILED: c_int = PRODUCER_SEND_SYNC_FAILED;
    boundary::status(FAILED, || {
        // SAFETY: as the module `lib` says.
        let (handle, message) = unsafe { (producer::borrow(handle)?, message::borrow(message)?) };
        present(result)?;
        let running = handle.running_plain(FAILED)?;
        let options = options(&running.rules, running.rules.sync_tries);
        let sent = running.producer.send(&message.lend(FAILED)?, &options);
        let receipt = sent.map_err(|error| Failure::of(FAILED, &error))?;
        // SAFETY: it is not NULL, and by contract writable.
        unsafe { result.write(CSendResult::new(&receipt)) };
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn SendMessageOneway(handle: *const Handle, message: *const Message) -> c_int {
    const FAILED: c_int = PRODUCER_SEND_ONEWAY_FAILED;
    boundary::status(FAILED, || {
        // SAFETY: as the module `lib` says.
        let (handle, message) = unsafe { (producer::borrow(handle)?, message::borrow(message)?) };
        let running = handle.running_plain(FAILED)?;
        let sent = running.producer.send_oneway(&message.lend(FAILED)?, &options(&running.rules, 1));
        sent.map(drop).map_err(|error| Failure::of(FAILED, &error))
    })
}
