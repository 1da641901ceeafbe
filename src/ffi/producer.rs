//! Producers as handles.

#![allow(unsafe_code, non_camel_case_types)]

use super::callback::{ForeignCallback, mqp_callback};
use super::config::mqp_config;
use super::error::mqp_error;
use super::handle::Out;
use super::message::{self, mqp_message, mqp_send_options};
use super::receipt::mqp_receipt;
use super::status::mqp_status;
use super::types::mqp_str;
use super::{boundary, handle};
use crate::completion::Completion;
use crate::error::Result;
use crate::message::{Message, SendOptions};
use crate::producer::Producer;
use std::time::Duration;

/// A producer: an *owned* handle, freed by mqp_producer_free. Any number of threads may use it at the same time.
///
/// After `fork` a child makes a producer of its own: each call with the parent's returns MQP_ERR_FORKED there, and
/// mqp_producer_free only gives back what is the child's.
#[derive(Debug)]
pub struct mqp_producer {
    pub(super) producer: Producer,
}

/// Makes a producer; it does nothing until mqp_producer_start.
///
/// `config`: *copied*. `out`: receives an *owned* handle; NULL on failure. `error`: may be NULL. Threads: any.
/// Errors: MQP_ERR_INVALID_CONFIG for a required key that is not set or keys that do not agree; MQP_ERR_RESOURCE;
/// MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_new(
    config: *const mqp_config,
    out: *mut *mut mqp_producer,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the handle.
        let out = unsafe { Out::required(out, "out", std::ptr::null_mut())? };
        // SAFETY: the caller passes NULL or a configuration that nothing changes now.
        let config = unsafe { handle::borrow(config, "config")? };
        out.set(handle::give(mqp_producer { producer: Producer::new(&config.config)? }));
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Starts a producer: from now on it takes messages. The routes of the configured `topics` are fetched first; name
/// servers that do not answer are no error here, but at the first send.
///
/// `error`: may be NULL. Threads: any; blocks for at most the configured `mq_client_api_timeout`.
/// Errors: MQP_ERR_ALREADY_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_WOULD_DEADLOCK on a thread of the library;
/// MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_start(producer: *mut mqp_producer, error: *mut *mut mqp_error) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        producer.producer.start()
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Sends one message and waits until the broker answered or the deadline passed; failed tries are repeated as
/// configured.
///
/// `message`: *borrowed* for the call. `options`: *copied*; NULL: all defaults. `receipt`: receives an *owned* handle,
/// NULL on failure; may be NULL when no receipt is wanted. `error`: may be NULL.
/// Threads: any; blocks up to the deadline. Errors: MQP_ERR_INVALID_ARGUMENT, MQP_ERR_INVALID_MESSAGE,
/// MQP_ERR_MESSAGE_TOO_LARGE, MQP_ERR_NOT_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_NO_NAME_SERVER,
/// MQP_ERR_NO_ROUTE, MQP_ERR_BROKER_NOT_FOUND, MQP_ERR_CONNECT, MQP_ERR_CONNECTION_LOST, MQP_ERR_TIMEOUT,
/// MQP_ERR_BROKER, MQP_ERR_PROTOCOL, MQP_ERR_BACKPRESSURE, and MQP_ERR_WOULD_DEADLOCK on a thread of the library. After
/// an error that says `maybe_persisted` the message may be stored all the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_send(
    producer: *mut mqp_producer,
    message: *const mqp_message,
    options: *const mqp_send_options,
    receipt: *mut *mut mqp_receipt,
    error: *mut *mut mqp_error,
) -> mqp_status {
    // SAFETY: the caller keeps what this function asks of it.
    unsafe {
        send_for_receipt(producer, message, options, receipt, error, |producer, message, options, _| {
            producer.send_packed(message, options).map(Some)
        })
    }
}

/// The sends that end with a receipt.
///
/// # Safety
/// Each pointer is NULL or leads to what [`mqp_producer_send`] says of it, until the call returns.
unsafe fn send_for_receipt(
    producer: *mut mqp_producer,
    message: *const mqp_message,
    options: *const mqp_send_options,
    receipt: *mut *mut mqp_receipt,
    error: *mut *mut mqp_error,
    send: impl FnOnce(&Producer, &Message<'_>, &SendOptions<'_>, bool) -> Result<Option<Box<mqp_receipt>>>,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the handle.
        let out = unsafe { Out::optional(receipt, std::ptr::null_mut()) };
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        // SAFETY: the caller lends both, with all that they point to, until the call returns.
        let (message, options) = unsafe { (message::read_message(message)?, message::read_options(options)?) };
        let receipt = send(&producer.producer, &message, &options.options(), out.is_some())?;
        if let (Some(out), Some(receipt)) = (out, receipt) {
            out.set(handle::give_box(receipt));
        }
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Sends one message and returns at once; `callback` is told of its end.
///
/// It waits, at most up to the deadline, only for a route that is not known yet and, with `backpressure` = `block` or
/// `wait_forever`, for room in flight. In a callback it never waits for room, which is given back only when the
/// callback returns, but fails with MQP_ERR_BACKPRESSURE.
///
/// `message`: *borrowed* for the call. `options`: *copied*; NULL: all defaults. `callback`: taken when the call returns
/// MQP_OK, else untouched: see mqp_callback. `error`: may be NULL. Threads: any, a callback's included. Errors,
/// returned or told to the callback: those of mqp_producer_send but MQP_ERR_WOULD_DEADLOCK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_send_async(
    producer: *mut mqp_producer,
    message: *const mqp_message,
    options: *const mqp_send_options,
    callback: mqp_callback,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        // SAFETY: the caller lends both, with all that they point to, until the call returns.
        let (message, options) = unsafe { (message::read_message(message)?, message::read_options(options)?) };
        let callback = ForeignCallback::new(callback)?;
        producer.producer.submit(&message, &options.options(), Completion::Foreign(callback))
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Sends one message without asking for an answer: success means that it was handed to the connection, no more. It is
/// never repeated. Many that come one close behind the other leave together, up to some milliseconds later;
/// mqp_producer_flush and mqp_producer_close wait for them.
///
/// `message`: *borrowed* for the call. `options`: *copied*; NULL: all defaults. `receipt`: receives an *owned* handle
/// whose `send_status` is MQP_SEND_ONEWAY and whose `queue_offset` is -1, NULL on failure; may be NULL. `error`: may be
/// NULL. Threads: any; blocks, at most up to the deadline, until the connection is open. Errors: those of
/// mqp_producer_send but MQP_ERR_BROKER.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_send_oneway(
    producer: *mut mqp_producer,
    message: *const mqp_message,
    options: *const mqp_send_options,
    receipt: *mut *mut mqp_receipt,
    error: *mut *mut mqp_error,
) -> mqp_status {
    // SAFETY: the caller keeps what this function asks of it.
    unsafe {
        send_for_receipt(
            producer,
            message,
            options,
            receipt,
            error,
            |producer, message, options, wanted| match wanted {
                true => producer.send_oneway_packed(message, options).map(Some),
                false => producer.send_oneway_untold(message, options).map(|()| None),
            },
        )
    }
}

/// Takes a timer message back before it is delivered, and waits for the broker's answer; there are no retries, and the
/// broker takes a second recall of the same message, too.
///
/// `topic`: the message's. `recall_handle`: from its receipt. `timeout_ms`: in milliseconds, up to 3600000; 0: the
/// configured `send_msg_timeout`. `receipt`: receives an *owned* handle with the message's id, topic and broker, and no
/// queue (-1); NULL on failure; may be NULL. `error`: may be NULL. Threads: any; blocks up to the deadline.
/// Errors: MQP_ERR_INVALID_ARGUMENT, also for a handle that is none or of another topic; MQP_ERR_BROKER when the
/// message is due, and with the code 16 when the broker's `recallMessageEnable` is off, which is RocketMQ's default;
/// MQP_ERR_BROKER_NOT_FOUND when the topic's route does not name the handle's broker; MQP_ERR_INVALID_MESSAGE for the
/// topic's name; MQP_ERR_NOT_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_NO_NAME_SERVER, MQP_ERR_NO_ROUTE,
/// MQP_ERR_CONNECT, MQP_ERR_CONNECTION_LOST, MQP_ERR_TIMEOUT, MQP_ERR_PROTOCOL, and MQP_ERR_WOULD_DEADLOCK on a thread of
/// the library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_recall(
    producer: *mut mqp_producer,
    topic: mqp_str,
    recall_handle: mqp_str,
    timeout_ms: u32,
    receipt: *mut *mut mqp_receipt,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the handle.
        let out = unsafe { Out::optional(receipt, std::ptr::null_mut()) };
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        // SAFETY: the caller lends both texts until the call returns.
        let (topic, recall_handle) =
            unsafe { (topic.read(|| "topic".to_owned())?, recall_handle.read(|| "recall_handle".to_owned())?) };
        let receipt = producer.producer.recall(topic, recall_handle, message::timeout(timeout_ms)?)?;
        if let Some(out) = out {
            out.set(handle::give(mqp_receipt::new(&receipt)));
        }
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Waits until every message accepted so far is completed, its callback has returned, and one-way messages are handed
/// to the operating system.
///
/// `timeout_ms`: in milliseconds; 0 only looks. `error`: may be NULL. Threads: any; blocks. Errors: MQP_ERR_TIMEOUT,
/// which names how many are left; MQP_ERR_NOT_STARTED, MQP_ERR_FORKED, MQP_ERR_WOULD_DEADLOCK on a thread of the
/// library; MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_flush(
    producer: *mut mqp_producer,
    timeout_ms: u32,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        producer.producer.flush(Duration::from_millis(timeout_ms.into()))
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Closes a producer: refuses further messages, waits for those in flight, says farewell to the brokers. What is not
/// completed when the time is over is completed with MQP_ERR_CLOSED. A second call has nothing to do. The handle stays
/// valid until it is freed.
///
/// `timeout_ms`: in milliseconds; farewell and last callbacks get a second or two more. `error`: may be NULL.
/// Threads: any; blocks. Errors: MQP_ERR_TIMEOUT (the producer is closed all the same), MQP_ERR_FORKED,
/// MQP_ERR_WOULD_DEADLOCK on a thread of the library; MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_close(
    producer: *mut mqp_producer,
    timeout_ms: u32,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        producer.producer.close(Duration::from_millis(timeout_ms.into()))
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Frees a producer; NULL is allowed. One that is not closed is closed without waiting: what is in flight is completed
/// with MQP_ERR_CLOSED, its callbacks run.
///
/// `producer`: *owned*, taken. Threads: any, a callback's included, when no other uses the handle. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_free(producer: *mut mqp_producer) {
    // SAFETY: the caller gives up a producer that it owns, or passes NULL.
    boundary::infallible((), || drop(unsafe { handle::take(producer) }));
}
