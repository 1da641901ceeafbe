//! The alarm and the spool's callback for C.

#![allow(unsafe_code, non_camel_case_types)]

use super::callback::KeptUserData;
use super::error::mqp_error;
use super::producer::mqp_producer;
use super::receipt::mqp_receipt;
use super::received::mqp_received_message;
use super::status::mqp_status;
use super::types::invalid;
use super::{boundary, handle};
use crate::event::{ReliabilityEvent, ReliabilityEventKind};
use crate::producer::events::{EventListener, Facts, Subject};
use std::ffi::c_void;
use std::sync::Arc;

/// Reliable sending gave a message up: every try was used, or its time. The alarm's only kind.
pub const MQP_EVENT_GIVEN_UP: u32 = 1;
/// A message of the spool was sent and stored.
pub const MQP_EVENT_SPOOL_DELIVERED: u32 = 2;
/// A message of the spool is lost: a broker refused it for good, or it was older than `spool_max_age`.
pub const MQP_EVENT_SPOOL_LOST: u32 = 3;
/// The spool held something that is no message, and it was skipped or cut.
pub const MQP_EVENT_SPOOL_DAMAGED: u32 = 4;

/// What alarm and spool callbacks are told. All that it points to is *borrowed* until the callback returns;
/// mqp_received_message_clone and mqp_receipt_clone keep more.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_reliability_event {
    /// Size of the struct in bytes as the library knows it; fields beyond it must not be read.
    pub struct_size: u32,
    /// What happened: MQP_EVENT_GIVEN_UP or another of MQP_EVENT_....
    pub kind: u32,
    /// The message as it was sent, its body decompressed and its topic without the namespace; its queue, offsets and
    /// store are not set. NULL for MQP_EVENT_SPOOL_DAMAGED.
    pub message: *const mqp_received_message,
    /// Where it is stored, for MQP_EVENT_SPOOL_DELIVERED; else NULL.
    pub receipt: *const mqp_receipt,
    /// Why, for all other kinds: its attempts are the tries (mqp_error_attempt_at), `maybe_persisted` tells whether a
    /// broker may have the message, and the status MQP_SPOOLED that it waits in the spool. NULL for
    /// MQP_EVENT_SPOOL_DELIVERED.
    pub error: *const mqp_error,
}

/// Who is told of messages that reliable sending gave up, or what becomes of those in the spool.
///
/// Once the call that took it returned MQP_OK, `call` runs for each event from the producer's start on, and `drop`
/// exactly once after the last of these calls: when the producer is closed or freed, or the callback replaced. On any
/// other return neither runs, and `user_data` stays the caller's.
///
/// Thread: both run on the library's dispatcher, one after the other, and `drop` on the thread that frees the last
/// producer when that ends the dispatcher. They MUST NOT block for long (all other callbacks wait), throw or `longjmp`;
/// calls of the library that block return MQP_ERR_WOULD_DEADLOCK there, all others are allowed. Ending the thread by
/// `pthread_exit` is survived, but no callback runs after it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_reliability_callback {
    /// Required: receives the event, *borrowed* until it returns.
    pub call: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, event: *const mqp_reliability_event)>,
    /// Passed to both functions, not read by the library; may be NULL.
    pub user_data: *mut c_void,
    /// Gives `user_data` back; may be NULL.
    pub drop: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
}

const fn number(kind: ReliabilityEventKind) -> u32 {
    match kind {
        ReliabilityEventKind::GivenUp => MQP_EVENT_GIVEN_UP,
        ReliabilityEventKind::SpoolDelivered => MQP_EVENT_SPOOL_DELIVERED,
        ReliabilityEventKind::SpoolLost => MQP_EVENT_SPOOL_LOST,
        ReliabilityEventKind::SpoolDamaged => MQP_EVENT_SPOOL_DAMAGED,
    }
}

type Call = unsafe extern "C-unwind" fn(*mut c_void, *const mqp_reliability_event);

/// A callback that was taken; its `user_data` is given back when it is dropped.
pub(crate) struct ForeignEvents {
    call: Call,
    user_data: KeptUserData,
}

impl ForeignEvents {
    /// It is neither called nor given back any more.
    pub(crate) fn discard(&self) {
        self.user_data.discard();
    }
}

/// Events with all that C is shown of them.
pub(crate) struct HeldEvents {
    listener: Arc<ForeignEvents>,
    facts: Option<Facts>,
    events: std::vec::IntoIter<ReliabilityEvent>,
    shown: Option<Shown>,
    after: Option<Box<dyn FnOnce() + Send>>,
}

/// What the pointers lead to stays at its place: the whole is boxed.
struct Shown {
    event: mqp_reliability_event,
    message: Option<mqp_received_message>,
    receipt: Option<mqp_receipt>,
    error: Option<mqp_error>,
}

// SAFETY: the pointers of `shown` are set by the thread that uses them; all else can be sent.
unsafe impl Send for HeldEvents {}

impl HeldEvents {
    pub(crate) fn new(listener: Arc<ForeignEvents>, facts: Facts, after: Option<Box<dyn FnOnce() + Send>>) -> Self {
        HeldEvents { listener, facts: Some(facts), events: Vec::new().into_iter(), shown: None, after }
    }

    /// Puts the next event into the form that C reads; NULL when there is none, or nobody to be told.
    fn fill(&mut self) -> *const mqp_reliability_event {
        if let Some(facts) = self.facts.take() {
            self.events = facts.events().into_iter();
        }
        let next = self.events.next().filter(|_| !self.listener.user_data.is_discarded());
        let Some(ReliabilityEvent { kind, message, receipt, error }) = next else {
            return std::ptr::null();
        };
        let (no_message, no_receipt, no_error) = (std::ptr::null(), std::ptr::null(), std::ptr::null());
        let shown = self.shown.insert(Shown {
            event: mqp_reliability_event {
                struct_size: size_of::<mqp_reliability_event>() as u32,
                kind: number(kind),
                message: no_message,
                receipt: no_receipt,
                error: no_error,
            },
            message: message.map(mqp_received_message::new),
            receipt: receipt.as_ref().map(mqp_receipt::new),
            error: error.map(mqp_error::new),
        });
        shown.event.message = shown.message.as_ref().map_or(no_message, std::ptr::from_ref);
        shown.event.receipt = shown.receipt.as_ref().map_or(no_receipt, std::ptr::from_ref);
        shown.event.error = shown.error.as_ref().map_or(no_error, std::ptr::from_ref);
        &raw const shown.event
    }

    fn target(&self) -> (Call, *mut c_void) {
        (self.listener.call, self.listener.user_data.get())
    }

    fn end(self) {
        self.after.into_iter().for_each(|after| after());
    }
}

/// Tells the callback. While a foreign function runs, no frame here holds anything that needs a drop.
pub(crate) fn tell(held: *mut HeldEvents) {
    // SAFETY: `held` was given just now, nothing else uses it, and it lives until it is taken at the end; the function
    // is called as `mqp_reliability_callback` promises.
    unsafe {
        loop {
            let event = (*held).fill();
            if event.is_null() {
                break;
            }
            let (call, user_data) = (*held).target();
            call(user_data, event);
        }
        if let Some(held) = handle::take(held) {
            held.end();
        }
    }
}

/// # Safety
/// As [`mqp_producer_set_alarm_callback`] says.
unsafe fn set(
    producer: *mut mqp_producer,
    subject: Subject,
    callback: mqp_reliability_callback,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        let Some(call) = callback.call else {
            return Err(invalid("`callback.call` is NULL".to_owned()));
        };
        producer.producer.listen(subject, || {
            let user_data = KeptUserData::new(callback.user_data, callback.drop);
            EventListener::Foreign(Arc::new(ForeignEvents { call, user_data }))
        })
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Sets who is told of messages that reliable sending gives up (`reliability` = `reliable`), of a producer that is not
/// started, in place of who was set before.
///
/// It is called once for each message that used up its tries or its time, before its sender is told of the end, whether
/// the message went into the spool or not: MQP_EVENT_GIVEN_UP. Not for what a broker refuses for good, such as a message
/// of the wrong form or without permission, which fails at once.
///
/// `callback`: taken when the call returns MQP_OK, else untouched: see mqp_reliability_callback. `error`: may be NULL.
/// Threads: any. Errors: MQP_ERR_ALREADY_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_set_alarm_callback(
    producer: *mut mqp_producer,
    callback: mqp_reliability_callback,
    error: *mut *mut mqp_error,
) -> mqp_status {
    // SAFETY: the caller keeps what this function asks of it.
    unsafe { set(producer, Subject::Alarm, callback, error) }
}

/// Sets who is told what becomes of messages that completed with MQP_SPOOLED, those of earlier producers of the same
/// `spool_file` too, of a producer that is not started, in place of who was set before: MQP_EVENT_SPOOL_DELIVERED,
/// MQP_EVENT_SPOOL_LOST and MQP_EVENT_SPOOL_DAMAGED. No call begins after mqp_producer_close returned.
///
/// `callback`: taken when the call returns MQP_OK, else untouched: see mqp_reliability_callback. `error`: may be NULL.
/// Threads: any. Errors: MQP_ERR_ALREADY_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_set_spool_callback(
    producer: *mut mqp_producer,
    callback: mqp_reliability_callback,
    error: *mut *mut mqp_error,
) -> mqp_status {
    // SAFETY: the caller keeps what this function asks of it.
    unsafe { set(producer, Subject::Spool, callback, error) }
}
