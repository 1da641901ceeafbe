//! Transactions: a half message, the local transaction on the caller's thread, the word that ends it; and the checker.

use crate::boundary::{self, Failure, PRODUCER_SEND_TRANSACTION_FAILED as FAILED};
use crate::calls;
use crate::message::{self, Message, c_string};
use crate::producer::{self, Handle};
use crate::send::{options, present};
use crate::send_result::CSendResult;
use mqproducer::{RawChecker, ReceivedMessage, SendStatus, Transaction, TransactionState};
use std::ffi::{c_int, c_void};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// `CLocalTransactionCheckerCallback` and `CLocalTransactionExecutorCallback`, which have three parameters. The fourth is
/// for one binding in Go, which reads a word more than it is passed and hands it to the garbage collector.
pub type CheckerCallback =
    unsafe extern "C-unwind" fn(*mut Handle, *mut Message, *mut c_void, nothing: *mut c_void) -> c_int;

/// How long the end of a producer waits for a checker that runs.
const RETIRE_LIMIT: Duration = Duration::from_secs(5);

/// The numbers of `CTransactionStatus`; all others are unknown.
fn state(number: c_int) -> TransactionState {
    match number {
        0 => TransactionState::Commit,
        1 => TransactionState::Rollback,
        _ => TransactionState::Unknown,
    }
}

/// Who is asked what became of a transaction.
#[derive(Debug)]
pub struct Checker {
    callback: CheckerCallback,
    user_data: *mut c_void,
    calls: Mutex<Calls>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Calls {
    running: usize,
    retired: bool,
}

// SAFETY: `user_data` is not read here; the C header says on which threads the callback runs.
unsafe impl Send for Checker {}
// SAFETY: the same.
unsafe impl Sync for Checker {}

/// A checker with the producer that it is called with.
struct OfProducer {
    checker: Arc<Checker>,
    handle: *mut Handle,
}

impl Checker {
    pub fn new(callback: CheckerCallback, user_data: *mut c_void) -> Self {
        Checker { callback, user_data, calls: Mutex::default(), returned: Condvar::new() }
    }

    pub fn raw(checker: &Arc<Checker>, handle: *mut Handle) -> RawChecker {
        let of_producer = OfProducer { checker: Arc::clone(checker), handle };
        RawChecker { call: check, told, user_data: Box::into_raw(Box::new(of_producer)).cast(), drop: give_back }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self) -> bool {
        let mut calls = self.calls();
        calls.running += 1;
        !calls.retired
    }

    fn leave(&self) {
        self.calls().running -= 1;
        self.returned.notify_all();
    }

    /// Lets no further call begin, and waits until one that runs has been told to the broker: its producer goes.
    pub fn retire(&self) {
        if calls::are_here() {
            return;
        }
        let mut calls = self.calls();
        calls.retired = true;
        let _ = self.returned.wait_timeout_while(calls, RETIRE_LIMIT, |calls| calls.running > 0);
    }
}

unsafe fn give_back(user_data: *mut c_void) {
    // SAFETY: `raw` made it, and it is given back once.
    drop(unsafe { Box::from_raw(user_data.cast::<OfProducer>()) });
}

unsafe fn told(user_data: *mut c_void) {
    // SAFETY: `raw` made it, and it is not given back before.
    unsafe { &*user_data.cast::<OfProducer>() }.checker.leave();
}

/// Asks the callback. Nothing here needs a drop meanwhile.
unsafe extern "C-unwind" fn check(user_data: *mut c_void, received: *const ReceivedMessage) -> TransactionState {
    // SAFETY: `raw` made it, and it lives as long as its `RawChecker`, which lends the message, too.
    unsafe {
        let of_producer = user_data.cast::<OfProducer>();
        let checker: &Checker = &(*of_producer).checker;
        if !checker.enter() {
            return TransactionState::Unknown;
        }
        let message = Box::into_raw(Box::new(Message::received(&*received)));
        calls::enter();
        let answer = (checker.callback)((*of_producer).handle, message, checker.user_data, std::ptr::null_mut());
        calls::leave();
        drop(Box::from_raw(message));
        state(answer)
    }
}

/// A half message that is stored, while its local transaction runs.
struct Half {
    transaction: Transaction,
    result: CSendResult,
    is_safe: bool,
}

/// Sends the half message, runs the local transaction by `callback` when it is stored, and ends it as that says.
///
/// OK means that the half message was sent: a word of the end that is lost is asked for by the broker's check.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn SendMessageTransaction(
    handle: *mut Handle,
    message: *mut Message,
    callback: Option<CheckerCallback>,
    user_data: *mut c_void,
    result: *mut CSendResult,
) -> c_int {
    let mut half: *mut Half = std::ptr::null_mut();
    let sent = boundary::status(FAILED, || {
        // SAFETY: as the module `lib` says.
        let (producer, lent) = unsafe { (producer::borrow(handle)?, message::borrow(message)?) };
        present(result)?;
        if callback.is_none() {
            return Err(Failure::null("callback"));
        }
        half = Box::into_raw(Box::new(send_half(producer, lent)?));
        // SAFETY: nothing else uses the message during the call; `lent` is not used any more.
        unsafe { (*message).told.message_id = message_id(&(*half).result) };
        Ok(())
    });
    let (Some(callback), false) = (callback, half.is_null()) else {
        return sent;
    };
    let mut answer = TransactionState::Rollback;
    // SAFETY: made just now, and taken back below. Nothing needs a drop while the callback runs.
    unsafe {
        if (*half).is_safe {
            answer = state(callback(handle, message, user_data, std::ptr::null_mut()));
        }
    }
    boundary::status(FAILED, || {
        // SAFETY: it is not NULL and was made above; the result is not NULL and by contract writable.
        let Half { transaction, result: told, is_safe } = *unsafe {
            let half = Box::from_raw(half);
            result.write(half.result);
            half
        };
        let ended = match answer {
            // The core has rolled it back.
            _ if !is_safe => return Ok(()),
            TransactionState::Commit => transaction.commit(),
            TransactionState::Rollback => transaction.rollback(),
            TransactionState::Unknown => {
                transaction.leave_unknown();
                Ok(())
            }
        };
        if let Err(cause) = ended {
            tracing::warn!(message_id = ?message_id(&told), %cause, "the end of a transaction is left to its check");
        }
        Ok(())
    })
}

fn send_half(handle: &Handle, message: &Message) -> Result<Half, Failure> {
    if handle.checker().is_none() {
        return Err(Failure::new(FAILED, "UNSUPPORTED: transactions need a producer of CreateTransactionProducer"));
    }
    let running = handle.running(FAILED)?;
    let refused = |error: mqproducer::Error| Failure::of(FAILED, &error);
    let transaction = running.producer.begin_transaction().map_err(refused)?;
    let options = options(&running.rules, running.rules.sync_tries);
    let receipt = transaction.send(&message.lend(FAILED)?, &options).map_err(refused)?;
    Ok(Half { transaction, result: CSendResult::new(&receipt), is_safe: receipt.status == SendStatus::Ok })
}

fn message_id(result: &CSendResult) -> std::ffi::CString {
    let bytes: Vec<u8> = result.msg_id.iter().take_while(|byte| **byte != 0).map(|byte| *byte as u8).collect();
    c_string(bytes)
}
