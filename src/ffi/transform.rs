//! Message transformers of C.

#![allow(unsafe_code, non_camel_case_types)]

use super::boundary;
use super::callback::UserData;
use super::error::mqp_error;
use super::handle;
use super::lent::Parts;
use super::message::{self, mqp_message};
use super::producer::mqp_producer;
use super::reason;
use super::status::mqp_status;
use super::types::invalid;
use crate::message::Message;
use crate::producer::transform::Transformer;
use crate::transformed::Transformed;
use std::ffi::{c_char, c_void};

/// Takes what a message transformer made: *borrowed* for its call, and to be used on its thread.
#[derive(Debug)]
pub struct mqp_transformed {
    made: Transformed,
}

/// Puts another message in the place of one that is sent.
///
/// `call` runs for each message, those of transactions and requests too, once, on the thread that sends and before all
/// else: hooks see what it made, and so do the rules of destinations and of who waits. It may run on several threads at
/// the same time. It MUST NOT throw, `longjmp` or end its thread.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_message_transformer {
    /// Required. `message`: the message to be sent, *borrowed* until the call returns, its texts without a NUL at the
    /// end. `transformed`: takes another one by mqp_transformed_set; left alone, `message` goes as it is. Returns 0, or
    /// any other number to refuse the message, whose send fails with MQP_ERR_INVALID_MESSAGE then; it may write why, as
    /// NUL-terminated UTF-8 of at most `reason_size` bytes, to `reason`, which is empty at first.
    pub call: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            message: *const mqp_message,
            transformed: *mut mqp_transformed,
            reason: *mut c_char,
            reason_size: usize,
        ) -> u32,
    >,
    /// Passed to both functions, not read by the library; may be NULL.
    pub user_data: *mut c_void,
    /// Gives `user_data` back, once: when the producer is freed and `call` does not run any more, on any thread, those
    /// of the library included, or when another is set in its place. May be NULL.
    pub drop: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
}

/// Sends a copy of `message` in the place of the one that the transformer was called with; the last one set counts.
///
/// `transformed`: as the transformer's `call` got it. `message`: *copied*. `error`: may be NULL. Threads: the one of
/// `call`. Errors: MQP_ERR_INVALID_ARGUMENT and MQP_ERR_INVALID_MESSAGE for what is no message; then the one before
/// stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_transformed_set(
    transformed: *mut mqp_transformed,
    message: *const mqp_message,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or what the library lends it for the call, on its thread.
        let transformed = unsafe { handle::borrow_mut(transformed, "transformed")? };
        // SAFETY: the caller lends it, with all that it points to, until the call returns.
        transformed.made.set(&unsafe { message::read_message(message)? });
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Sets what may put another message in the place of each that is sent, on a producer of ActiveMQ that is not started;
/// one set before is given back. As the message transformer of ActiveMQ's Java client. Default: none.
///
/// `message_transformer`: *copied*; its `user_data` is taken when the call returns MQP_OK, else untouched. `error`: may
/// be NULL. Threads: any. Errors: MQP_ERR_UNSUPPORTED for RocketMQ, MQP_ERR_ALREADY_STARTED, MQP_ERR_CLOSED,
/// MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_set_message_transformer(
    producer: *mut mqp_producer,
    message_transformer: mqp_message_transformer,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        let mqp_message_transformer { call, user_data, drop } = message_transformer;
        let Some(call) = call else {
            return Err(invalid("`message_transformer.call` is NULL".to_owned()));
        };
        producer.producer.transform_by(|| {
            Transformer::Foreign(ForeignTransformer { call, user_data: UserData::new(user_data, drop) })
        })
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// A transformer that was taken; its `user_data` is given back when it is dropped.
pub(crate) struct ForeignTransformer {
    call: unsafe extern "C-unwind" fn(*mut c_void, *const mqp_message, *mut mqp_transformed, *mut c_char, usize) -> u32,
    user_data: UserData,
}

impl ForeignTransformer {
    /// What it made of a message; an error: why it refuses it.
    pub(crate) fn ask(&self, message: &Message<'_>) -> Result<Transformed, String> {
        let parts = Parts::of(message);
        let view = parts.message();
        let mut transformed = mqp_transformed { made: Transformed::default() };
        reason::ask(|out, size| {
            // SAFETY: called as `mqp_message_transformer` promises: what is lent lives for the call, the room is as large
            // as told.
            unsafe { (self.call)(self.user_data.get(), &raw const view, &raw mut transformed, out, size) }
        })?;
        Ok(transformed.made)
    }
}
