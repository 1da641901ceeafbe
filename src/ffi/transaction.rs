//! Transactions as handles, and the checker of C that a broker's check asks.

#![allow(unsafe_code, non_camel_case_types)]

use super::callback::UserData;
use super::end_transaction::EndShown;
use super::error::mqp_error;
use super::handle::Out;
use super::message::{self, mqp_message, mqp_send_options};
use super::producer::mqp_producer;
use super::receipt::mqp_receipt;
use super::received::mqp_received_message;
use super::status::mqp_status;
use super::types::invalid;
use super::{boundary, handle};
use crate::error::Result;
use crate::producer::Transaction;
use crate::producer::checks::{Check, Checker, ask};
use crate::producer::hooks::Hook;
use crate::protocol::remoting::transaction::TransactionState;
use crate::received::ReceivedMessage;
use std::ffi::c_void;
use std::sync::Arc;

/// The end of the transaction is not known yet: the broker asks again.
pub const MQP_TRANSACTION_UNKNOWN: u32 = 0;
/// The message is delivered.
pub const MQP_TRANSACTION_COMMIT: u32 = 1;
/// The message is dropped.
pub const MQP_TRANSACTION_ROLLBACK: u32 = 2;

/// Who knows what became of a transaction: *copied*.
///
/// A broker that hears no end of a transaction asks any producer of its group that is connected: RocketMQ's broker
/// after 6 s at first, then each 30 s, up to 15 times, unless configured otherwise.
///
/// Thread: `call` runs on the library's dispatcher. It MUST NOT block for long (all other callbacks wait), throw or
/// `longjmp`; calls of the library that block return MQP_ERR_WOULD_DEADLOCK there. Ending the thread by `pthread_exit`
/// is survived, but no callback runs after it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_transaction_checker {
    /// Required: receives the half message, *borrowed* until it returns, and answers MQP_TRANSACTION_UNKNOWN or another
    /// of MQP_TRANSACTION_...; any other number counts as unknown and is told to the broker.
    pub call: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, message: *const mqp_received_message) -> u32>,
    /// Passed to both functions, not read by the library; may be NULL.
    pub user_data: *mut c_void,
    /// Gives `user_data` back once the producer is freed and `call` does not run any more, on any thread, those of the
    /// library included; may be NULL.
    pub drop: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
}

/// A transaction: an *owned* handle, freed by mqp_transaction_free. Any number of threads may use it at the same time.
/// It does not keep its producer open, nor must it be freed first: once the producer is closed or freed, nothing can be
/// ended any more and the broker's check decides.
#[derive(Debug)]
pub struct mqp_transaction {
    transaction: Transaction,
}

/// Sets who knows what became of a transaction, before the start and once. Needed for mqp_transaction_begin.
///
/// A process that only answers checks, for another one of its group that ended, names the `topics` in its
/// configuration: the start then connects it to their brokers, although it sends nothing.
///
/// `checker`: *copied*; its `user_data` is taken when the call returns MQP_OK. Up to 2000 checks wait for it, more are
/// dropped with a warning and asked again by the broker. `error`: may be NULL. Threads: any.
/// Errors: MQP_ERR_ALREADY_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT, also for a second checker.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_set_transaction_checker(
    producer: *mut mqp_producer,
    checker: mqp_transaction_checker,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        let Some(call) = checker.call else {
            return Err(invalid("`checker.call` is NULL".to_owned()));
        };
        let mqp_transaction_checker { user_data, drop: give_back, .. } = checker;
        let taken = || {
            let user_data = UserData::new(user_data, give_back);
            Checker::Foreign(Arc::new(ForeignChecker { call, user_data }))
        };
        producer.producer.set_checker(taken)
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Begins a transaction: send one message in it, do the local work, then commit or roll back.
///
/// `out`: receives an *owned* handle; NULL on failure. `error`: may be NULL. Threads: any.
/// Errors: MQP_ERR_INVALID_CONFIG for a producer without a transaction checker; MQP_ERR_NOT_STARTED, MQP_ERR_CLOSED,
/// MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_transaction_begin(
    producer: *mut mqp_producer,
    out: *mut *mut mqp_transaction,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the handle.
        let out = unsafe { Out::required(out, "out", std::ptr::null_mut())? };
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        out.set(handle::give(mqp_transaction { transaction: producer.producer.begin_transaction()? }));
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Sends the transaction's message and waits for the broker's receipt, with retries as mqp_producer_send does.
/// Consumers do not see the message before it is committed.
///
/// RocketMQ takes one message in a transaction: a second is refused. After an error that says `maybe_persisted` the
/// broker may hold the message, and its check decides; after any other the send can be repeated. A message whose receipt
/// does not say MQP_SEND_OK is rolled back at once, as the Java client does it, and cannot be committed.
///
/// `transaction`: the transaction. `message`: *borrowed* for the call; neither delayed nor with the properties
/// `TRAN_MSG` and `PGROUP`. `options`: *copied*; NULL: all defaults. `receipt`: receives an *owned* handle, NULL on
/// failure; may be NULL. `error`: may be NULL. Threads: any; blocks up to the deadline. Errors: those of
/// mqp_producer_send; MQP_ERR_UNSUPPORTED for a second message; MQP_ERR_INVALID_ARGUMENT while another call uses the
/// transaction.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_transaction_send(
    transaction: *mut mqp_transaction,
    message: *const mqp_message,
    options: *const mqp_send_options,
    receipt: *mut *mut mqp_receipt,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the handle.
        let out = unsafe { Out::optional(receipt, std::ptr::null_mut()) };
        // SAFETY: the caller passes NULL or a transaction that is not freed.
        let handle = unsafe { handle::borrow(transaction, "transaction")? };
        // SAFETY: the caller lends both, with all that they point to, until the call returns.
        let (message, options) = unsafe { (message::read_message(message)?, message::read_options(options)?) };
        let receipt = handle.transaction.send(&message, &options.options())?;
        if let Some(out) = out {
            out.set(handle::give(mqp_receipt::new(&receipt)));
        }
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Lets the broker deliver the transaction's message.
///
/// The word is one-way: MQP_OK says that it was handed to the operating system for the broker that holds the message,
/// not that it arrived; when it is lost, the broker asks the transaction checker. After MQP_ERR_CONNECT and other errors
/// of the connection it may be said again, but not the opposite.
///
/// `transaction`: the transaction. `error`: may be NULL. Threads: any; blocks for at most the configured
/// `send_msg_timeout`. Errors: MQP_ERR_INVALID_ARGUMENT without a stored message, after an end, and while another call
/// uses the transaction; MQP_ERR_BROKER_NOT_FOUND, MQP_ERR_NO_ROUTE, MQP_ERR_NO_NAME_SERVER, MQP_ERR_CONNECT,
/// MQP_ERR_CONNECTION_LOST, MQP_ERR_TIMEOUT, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_WOULD_DEADLOCK on a thread of the
/// library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_transaction_commit(
    transaction: *mut mqp_transaction,
    error: *mut *mut mqp_error,
) -> mqp_status {
    // SAFETY: the caller keeps what this function asks of it.
    unsafe { end(transaction, error, Transaction::commit) }
}

/// Lets the broker drop the transaction's message; all else as with mqp_transaction_commit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_transaction_rollback(
    transaction: *mut mqp_transaction,
    error: *mut *mut mqp_error,
) -> mqp_status {
    // SAFETY: the caller keeps what this function asks of it.
    unsafe { end(transaction, error, Transaction::rollback) }
}

/// # Safety
/// Each pointer is NULL or leads to what [`mqp_transaction_commit`] says of it, until the call returns.
unsafe fn end(
    transaction: *mut mqp_transaction,
    error: *mut *mut mqp_error,
    end: impl FnOnce(&Transaction) -> Result<()>,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a transaction that is not freed.
        let handle = unsafe { handle::borrow(transaction, "transaction")? };
        end(&handle.transaction)
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Frees a transaction; NULL is allowed. Its message, if it has one and neither commit nor rollback was attempted, is
/// rolled back without waiting; otherwise the broker's check decides what is not decided.
///
/// `transaction`: *owned*, taken. Threads: any, a callback's included, when no other uses the handle. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_transaction_free(transaction: *mut mqp_transaction) {
    // SAFETY: the caller gives up a transaction that it owns, or passes NULL.
    boundary::infallible((), || drop(unsafe { handle::take(transaction) }));
}

/// A checker that was taken; its `user_data` is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct ForeignChecker {
    call: unsafe extern "C-unwind" fn(*mut c_void, *const mqp_received_message) -> u32,
    user_data: UserData,
}

/// A check with all that C is shown of it.
pub(crate) struct HeldCheck {
    message: Option<ReceivedMessage>,
    lent: Option<mqp_received_message>,
    state: TransactionState,
    hooks: Option<Arc<[Hook]>>,
    shown: Option<EndShown>,
    /// The last to be dropped: a close waits for it.
    check: Box<Check>,
}

// SAFETY: the pointers of `shown` are set by the thread that uses them; all else can be sent.
unsafe impl Send for HeldCheck {}

impl HeldCheck {
    pub(crate) fn new(check: Box<Check>) -> Self {
        HeldCheck { message: None, lent: None, state: TransactionState::Unknown, hooks: None, shown: None, check }
    }

    /// Puts the message into the form that the checker reads; `false`: there is nothing to ask.
    fn open(&mut self) -> bool {
        let Some(message) = self.check.open() else {
            return false;
        };
        match self.check.checker() {
            Checker::Rust(_) => self.message = Some(message),
            Checker::Foreign(_) => self.lent = Some(mqp_received_message::new(message)),
            // Those are asked elsewhere.
            #[cfg(feature = "raw")]
            Checker::Raw(_) => return false,
        }
        true
    }

    /// A checker of Rust answers itself, one of C has `answered`.
    fn answer(&mut self, answered: u32) {
        let odd;
        let (state, remark) = match (self.check.checker(), &self.message) {
            (Checker::Rust(checker), Some(message)) => ask(&**checker, message),
            _ => match answered {
                MQP_TRANSACTION_UNKNOWN => (TransactionState::Unknown, None),
                MQP_TRANSACTION_COMMIT => (TransactionState::Commit, None),
                MQP_TRANSACTION_ROLLBACK => (TransactionState::Rollback, None),
                other => {
                    odd = format!("the transaction checker answered {other}");
                    tracing::error!("{odd}, which is no state");
                    (TransactionState::Unknown, Some(odd.as_str()))
                }
            },
        };
        self.hooks = self.check.answer(state, remark);
        self.state = state;
        if self.hooks.is_some() {
            self.shown = self.check.with(state, EndShown::new);
        }
    }

    fn hooks(&self) -> &[Hook] {
        self.hooks.as_deref().unwrap_or_default()
    }
}

/// Asks the checker, tells the broker, then the hooks. While a foreign function runs, no frame here holds anything that
/// needs a drop.
pub(crate) fn check(held: *mut HeldCheck) {
    // SAFETY: `held` was given just now, nothing else uses it, and it lives until it is taken at the end; the functions
    // are called as `mqp_transaction_checker` and `mqp_hook` promise.
    unsafe {
        if (*held).open() {
            let mut answered = MQP_TRANSACTION_UNKNOWN;
            if let (Checker::Foreign(checker), Some(message)) = ((*held).check.checker(), &(*held).lent) {
                answered = (checker.call)(checker.user_data.get(), std::ptr::from_ref(message));
            }
            (*held).answer(answered);
            let count = (*held).hooks().len();
            let mut index = 0;
            while index < count {
                match (&(*held).hooks()[index], &(*held).shown) {
                    (Hook::Foreign(hook), Some(shown)) => hook.tell_end(&shown.context),
                    (hook, _) => (*held).check.tell(hook, (*held).state),
                }
                index += 1;
            }
        }
        drop(handle::take(held));
    }
}
