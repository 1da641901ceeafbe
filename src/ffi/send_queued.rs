//! Sends that end in a completion queue.

#![allow(unsafe_code, non_camel_case_types)]

use super::completion_queue::mqp_completion_queue;
use super::error::mqp_error;
use super::handle::Out;
use super::message::{self, mqp_message, mqp_send_options};
use super::producer::mqp_producer;
use super::sized::SizedStruct;
use super::status::mqp_status;
use super::types::{element_size, invalid};
use super::{boundary, handle};
use crate::completion::Completion;
use std::ffi::c_void;

/// Sends one message and returns at once, as mqp_producer_send_async does; its end is put into `queue`.
///
/// `message`: *borrowed* for the call. `options`: *copied*; NULL: all defaults. `queue`: may be freed while messages are
/// in flight, whose ends are then dropped. `user_data`: comes back in the completion, not read by the library and never
/// dropped; may be NULL. `error`: may be NULL. Threads: any, a callback's included. Errors, returned or told in the
/// completion: those of mqp_producer_send_async. After any other return than MQP_OK there will be no completion.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_send_queued(
    producer: *mut mqp_producer,
    message: *const mqp_message,
    options: *const mqp_send_options,
    queue: *mut mqp_completion_queue,
    user_data: *mut c_void,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        // SAFETY: the caller passes NULL or a queue that is not freed.
        let queue = unsafe { handle::borrow(queue, "queue")? };
        // SAFETY: the caller lends both, with all that they point to, until the call returns.
        let (message, options) = unsafe { (message::read_message(message)?, message::read_options(options)?) };
        let completion = Completion::Queued(queue.completion(user_data)?);
        producer.producer.submit_queued(&message, &options.options(), options.awaited, completion)
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Sends many messages, each as mqp_producer_send_queued does, in order and up to the first that is refused. The
/// messages of one broker leave in few writes: as many as one write takes, or all, are collected before they go, unless
/// the call has to wait meanwhile.
///
/// `messages`: the first of `count`, all *borrowed* for the call; each is `message_size` bytes after the one before,
/// which is sizeof(mqp_message); may be NULL when there are none. `options`: for each of them, *copied*; NULL: all
/// defaults. `queue`: as for mqp_producer_send_queued. `user_data`: one for each message, *copied*; NULL: all are NULL.
/// `accepted`: receives how many were taken: each of these will have its completion, and `messages[accepted]` is the one
/// that `error` tells of; may be NULL. `error`: may be NULL.
/// Threads: any, a callback's included; it waits as mqp_producer_send_async does, for each message up to its deadline.
/// Errors: those of mqp_producer_send_async, with MQP_ERR_BACKPRESSURE when there is no more room: then poll, and go on
/// with the rest.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_send_many(
    producer: *mut mqp_producer,
    messages: *const mqp_message,
    count: usize,
    message_size: u32,
    options: *const mqp_send_options,
    queue: *mut mqp_completion_queue,
    user_data: *const *mut c_void,
    accepted: *mut usize,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the number.
        let out = unsafe { Out::optional(accepted, 0) };
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        // SAFETY: the caller passes NULL or a queue that is not freed.
        let queue = unsafe { handle::borrow(queue, "queue")? };
        // SAFETY: the caller lends them until the call returns.
        let options = unsafe { message::read_options(options)? };
        let size = element_size("message_size", message_size, mqp_message::FIRST_SIZE)?;
        if messages.is_null() && count > 0 {
            return Err(invalid(format!("`messages` is NULL with `count` {count}")));
        }
        let read = (0..count).map(|index| {
            // SAFETY: within both arrays, which the caller lends with all that they point to until the call returns.
            unsafe {
                let message = message::read_element(messages, size, index)?;
                let user_data = if user_data.is_null() { std::ptr::null_mut() } else { *user_data.add(index) };
                Ok((message, Completion::Queued(queue.completion(user_data)?)))
            }
        });
        let (taken, refused) = producer.producer.submit_many(read, &options.options(), options.awaited);
        if let Some(out) = out {
            out.set(taken);
        }
        refused
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Ends all calls into the caller for this producer's messages: from now on their completions are dropped without
/// running `call` or `drop` of their callbacks, their after-send hooks are not told, statistics neither, and checks of
/// transactions are not answered, so that the broker asks again. For a binding whose interpreter is about to end; whatever `user_data` holds
/// is left to the end of the process.
///
/// A `call` that is running is not waited for, but its `drop` is left out, too. Messages in flight go on, flush and
/// close wait for them as before, and completion queues receive theirs. There is no way back.
///
/// `error`: may be NULL. Threads: any. Errors: MQP_ERR_FORKED; MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_discard_completions(
    producer: *mut mqp_producer,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        producer.producer.discard_completions()
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}
