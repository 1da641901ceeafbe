//! Requests: each names a temporary queue of the producer's own for its reply, which the producer consumes.

use super::Client;
use super::ids::Lane;
use crate::completion::Completion;
use crate::error::{Error, ErrorKind, Result};
use crate::jms::Jms;
use crate::message::{Delay, Message, SendOptions};
use crate::net::openwire::{Answer, Link, refusal};
use crate::policy::validate;
use crate::producer::Mode;
use crate::producer::waiting::{Asked, CorrelationId, Receiver, SentRequest};
use crate::protocol::openwire::{ConsumerInfo, Destination, DestinationInfo, MessageAck, MessageDispatch};
use crate::received::ReceivedMessage;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many replies may be on their way to us; each is acknowledged when it comes.
const PREFETCH: i32 = 1000;

/// Refuses what a request must not have.
fn check(message: &Message<'_>) -> Result<()> {
    let refuse = |what: String| Err(Error::new(ErrorKind::InvalidMessage, what));
    if message.delay != Delay::None {
        return refuse(format!("`delay` is {:?}; a request cannot be delayed", message.delay));
    }
    let Some(jms) = &message.jms else { return Ok(()) };
    for (field, value) in [("correlation_id", jms.correlation_id), ("reply_to", jms.reply_to)] {
        if !value.is_empty() {
            return refuse(format!("`{field}` is `{value:.60}`; the library sets that of a request"));
        }
    }
    Ok(())
}

impl Client {
    /// Sends a request; its end comes to `receiver`, exactly once, when `Ok` is returned, and never otherwise.
    pub(crate) fn request(
        self: &Arc<Self>,
        message: &Message<'_>,
        options: &SendOptions,
        timeout: Duration,
        receiver: Receiver,
    ) -> Result<()> {
        self.transformed(message, |message| self.request_as_it_is(message, options, timeout, receiver))
    }

    fn request_as_it_is(
        self: &Arc<Self>,
        message: &Message<'_>,
        options: &SendOptions,
        timeout: Duration,
        receiver: Receiver,
    ) -> Result<()> {
        let started = Instant::now();
        self.must_run()?;
        validate::request_timeout(timeout)?;
        check(message)?;
        self.waiting.start_timer(&self.runtime);
        let (id, queue) = (CorrelationId::random(), self.reply_queue().to_string());
        let correlation_id = id.to_string();
        let own = message.jms.as_deref().cloned().unwrap_or_default();
        let jms = Jms { correlation_id: &correlation_id, reply_to: &queue, ..own };
        let message = Message { jms: Some(Box::new(jms)), ..message.clone() };
        let options =
            SendOptions { timeout: Some(options.timeout.map_or(timeout, |own| own.min(timeout))), ..*options };
        let asked = Asked { topic: message.topic.to_owned(), timeout, deadline: started + timeout, receiver };
        let sent = SentRequest::new(&self.waiting, id, asked);
        let accepted = self.accept(&message, &options, Mode::Async, Lane::Plain, None)?;
        self.launch(accepted, Completion::Request(Box::new(sent)), None, None)
    }

    /// The queue for replies. It is made with the first request, in front of it, and anew on each connection.
    fn reply_queue(self: &Arc<Self>) -> Destination {
        let mut session = self.session.lock();
        if let Some(queue) = &session.reply_queue {
            return queue.clone();
        }
        let queue = Destination::temp_queue(self.ids.next_temporary());
        session.reply_queue = Some(queue.clone());
        if let Some(up) = session.up() {
            self.open_reply_queue(&up.link, &queue);
        }
        queue
    }

    /// Makes the queue and consumes it; what is sent behind this on the connection finds it. Does not wait.
    pub(super) fn open_reply_queue(self: &Arc<Self>, link: &Arc<Link>, queue: &Destination) {
        let deadline = Instant::now() + self.settings.connect_timeout;
        let made = DestinationInfo {
            connection_id: self.ids.connection.clone(),
            destination: Some(queue.clone()),
            operation: DestinationInfo::ADD,
            ..DestinationInfo::default()
        };
        let consumed = ConsumerInfo {
            consumer_id: self.ids.consumer(),
            destination: Some(queue.clone()),
            prefetch_size: PREFETCH,
            dispatch_async: true,
            ..ConsumerInfo::default()
        };
        let made = link.call(self.command(), &made.into(), deadline);
        let consumed = link.call(self.command(), &consumed.into(), deadline);
        let client = Arc::downgrade(self);
        self.runtime.spawn(async move {
            for answer in [made.await, consumed.await] {
                if let (Answer::Refused(exception), Some(client)) = (answer, client.upgrade()) {
                    return client.without_replies(refusal(&exception));
                }
            }
        });
    }

    /// The broker lets this client have no queue for replies: those who wait for one hear so, the next asks again.
    fn without_replies(&self, cause: Error) {
        let cause = cause.context("a temporary queue for replies");
        tracing::warn!(%cause, "the broker refused a queue for replies");
        self.session.lock().reply_queue = None;
        self.waiting.fail(&cause);
    }

    /// A message for the queue of replies: it is acknowledged, whether or not anybody waits for it.
    pub(super) fn take_reply(&self, link: &Arc<Link>, dispatch: MessageDispatch) {
        let Some(message) = dispatch.message.map(|packet| packet.command) else {
            return;
        };
        let ack = MessageAck {
            destination: dispatch.destination,
            consumer_id: dispatch.consumer_id,
            ack_type: MessageAck::STANDARD,
            first_message_id: message.message_id.clone(),
            last_message_id: message.message_id.clone(),
            message_count: 1,
            ..MessageAck::default()
        };
        // A connection that ended needs none: its queue is gone with it.
        let _ = link.tell(self.command(), &ack.into());
        let correlation_id = message.correlation_id.as_deref().unwrap_or_default();
        // Looked for first: a body that nobody wants is not inflated.
        let waited = CorrelationId::parse(correlation_id).filter(|id| self.waiting.waits(*id));
        let known = waited.is_some_and(|id| match ReceivedMessage::from_openwire(&message) {
            Ok(reply) => self.waiting.reply(id, reply),
            Err(error) => {
                tracing::warn!(address = %link.address(), %error, "a reply was not understood");
                true
            }
        });
        if !known {
            tracing::warn!(address = %link.address(), correlation_id, "a reply that no request waits for");
        }
    }
}
