//! Taking a timer message back.

use super::Producer;
use super::lifecycle::Core;
use crate::completion::{Outcome, Waiter};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{Receipt, SendStatus};
use crate::net::connection::{Failure, Responder};
use crate::policy::validate;
use crate::protocol::remoting::command::{request_code, response_code};
use crate::protocol::remoting::frame::Frame;
use crate::protocol::remoting::recall::{RecallHandle, RecallMessage};
use crate::protocol::remoting::scan::Scan;
use bytes::BytesMut;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

impl Producer {
    /// Takes a timer message back before it is delivered, by the [`recall_handle`](Receipt::recall_handle) of its
    /// receipt; waits for the broker's answer, for at most `timeout` (an hour at most; `None`: `send_msg_timeout`). The broker takes it
    /// once or many times with the same result. Without retries.
    ///
    /// Refuses a handle that is none, or of another topic. The broker answers with an error when its
    /// `recallMessageEnable` is off, which is RocketMQ's default, and when the message is due. The receipt tells
    /// message id, topic and broker; there is no queue.
    pub fn recall(&self, topic: &str, recall_handle: &str, timeout: Option<Duration>) -> Outcome {
        self.blocking()?.rocketmq("timer messages to recall")?.recall(topic, recall_handle, timeout)
    }
}

/// Who waits for the answer.
struct Recalling {
    waiter: Arc<Waiter>,
    receipt: Receipt,
    /// For the trace: where the broker is that answered, whatever it said.
    region: Arc<OnceLock<String>>,
}

impl Responder for Recalling {
    fn on_response(mut self: Box<Self>, _frame: &Frame<'_>, scan: &Scan<'_>) {
        let _ = self.region.set(scan.region_id.to_string());
        self.waiter.set(match scan.code {
            response_code::SUCCESS => {
                if !scan.msg_id.is_empty() {
                    self.receipt.message_id = scan.msg_id.to_string();
                }
                self.receipt.region_id = scan.region_id.to_string();
                Ok(self.receipt)
            }
            code => Err(Error::broker(code, scan.remark.as_ref(), false)),
        });
    }

    fn on_failure(self: Box<Self>, failure: Failure) {
        self.waiter.set(Err(failure.cause.with_maybe_persisted(failure.maybe_sent)));
    }
}

impl Core {
    fn recall(self: &Arc<Self>, topic: &str, recall_handle: &str, timeout: Option<Duration>) -> Outcome {
        self.must_run()?;
        validate::topic_name(topic)?;
        let wrapped = self.settings.namespace.wrap(topic);
        let handle = checked(&wrapped, recall_handle)?;
        let deadline = Instant::now() + validate::timeout(timeout.unwrap_or(self.settings.send_msg_timeout))?;
        let address = self.master_of(&handle.broker_name, &wrapped, deadline)?;
        let connection = self.pool.broker(&address);
        let opaque = connection.reserve()?;
        let fields = RecallMessage {
            producer_group: &self.settings.producer_group,
            topic: &wrapped,
            recall_handle,
            broker_name: &handle.broker_name,
        }
        .fields();
        let mut frame = BytesMut::new();
        let (code, serializer) = (request_code::RECALL_MESSAGE, self.settings.serializer);
        connection.envelope().encode_request(&mut frame, code, serializer, opaque, 0, &fields, &[]);
        let waiter = Arc::new(Waiter::new());
        let receipt = Receipt {
            status: SendStatus::Ok,
            message_id: handle.uniq_key,
            offset_message_id: String::new(),
            topic: topic.to_owned(),
            broker_name: handle.broker_name,
            queue_id: -1,
            queue_offset: -1,
            transaction_id: String::new(),
            region_id: String::new(),
            recall_handle: recall_handle.to_owned(),
            attempts: 1,
            earlier: Vec::new(),
        };
        let (region, message_id) = (Arc::<OnceLock<String>>::default(), receipt.message_id.clone());
        let recalling = Box::new(Recalling { waiter: Arc::clone(&waiter), receipt, region: Arc::clone(&region) });
        connection.request(opaque, frame.freeze(), recalling, deadline).map_err(|(_, cause)| cause)?;
        let outcome = waiter.wait();
        if let (Some(tracer), Some(region)) = (&self.tracer, region.get()) {
            tracer.recall(&wrapped, &message_id, region, outcome.is_ok());
        }
        outcome
    }
}

/// The handle, when it is one of the topic's.
fn checked(topic: &str, recall_handle: &str) -> Result<RecallHandle> {
    let refuse = |what: String| Err(Error::new(ErrorKind::InvalidArgument, what));
    match RecallHandle::decode(recall_handle) {
        Ok(handle) if handle.topic == topic => Ok(handle),
        Ok(handle) => refuse(format!("`recall_handle` is of the topic `{}`, not of `{topic}`", handle.topic)),
        Err(_) => refuse(format!("`recall_handle` = `{recall_handle:.80}` is not one that a receipt has")),
    }
}
