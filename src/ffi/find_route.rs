//! Looking for routes without waiting, for those whose thread must not.

#![allow(unsafe_code, non_camel_case_types)]

use super::completion_queue::{QueuedCompletion, mqp_completion_queue};
use super::error::mqp_error;
use super::message;
use super::producer::mqp_producer;
use super::status::mqp_status;
use super::types::mqp_str;
use super::{boundary, handle};
use crate::error::{Error, ErrorKind, Result};
use std::ffi::c_void;

/// The end of a lookup, which is told even when the library ends before.
struct Told(Option<QueuedCompletion>);

impl Told {
    fn tell(mut self, found: Result<()>) {
        if let Some(completion) = self.0.take() {
            completion.append_plain(found);
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if let Some(completion) = self.0.take() {
            completion.append_plain(Err(Error::new(ErrorKind::Closed, "the producer is closed")));
        }
    }
}

/// Finds the route of a topic without waiting: its end is put into `queue`, at once when the route is known already.
/// Once it was found, sends to the topic do not wait for a route, so that a thread which must not wait, as that of an
/// event loop, never does: with `backpressure` = `fail`.
///
/// `topic`: *borrowed* for the call. `timeout_ms`: in milliseconds, up to 3600000; 0: the configured `send_msg_timeout`.
/// `queue`, `user_data`: as for mqp_producer_send_queued; the completion has no receipt. It counts not as a message: flush
/// and close do not wait for it. `error`: may be NULL. Threads: any, a callback's included. Errors, returned or told in
/// the completion: MQP_ERR_INVALID_MESSAGE for the topic's name, MQP_ERR_NO_ROUTE, MQP_ERR_NO_NAME_SERVER,
/// MQP_ERR_TIMEOUT, MQP_ERR_NOT_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT. After any other
/// return than MQP_OK there will be no completion.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_find_route(
    producer: *mut mqp_producer,
    topic: mqp_str,
    timeout_ms: u32,
    queue: *mut mqp_completion_queue,
    user_data: *mut c_void,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        // SAFETY: the caller passes NULL or a queue that is not freed.
        let queue = unsafe { handle::borrow(queue, "queue")? };
        // SAFETY: the caller lends the text until the call returns.
        let topic = unsafe { topic.read(|| "topic".to_owned())? };
        let timeout = message::timeout(timeout_ms)?;
        let completion = queue.completion(user_data)?;
        producer.producer.find_route(topic, timeout, || {
            let told = Told(Some(completion));
            |found| told.tell(found)
        })
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}
