//! What the bindings call.

use super::Mode;
use super::Producer;
use super::batch::BatchCompletion;
#[cfg(feature = "capi")]
use super::engine::Engine;
use super::waiting::Receiver;
use crate::batch::{BatchEnd, BatchOptions};
use crate::completion::{Completion, Waiter};
use crate::error::Result;
use crate::message::{Message, SendOptions};
use crate::reply::ReplyTo;
use std::sync::Arc;
use std::time::Duration;

impl Producer {
    /// The asynchronous batch of every binding; on an error the completion is dropped undelivered.
    pub(crate) fn submit_batch(
        &self,
        messages: &[Message<'_>],
        options: &SendOptions,
        batch: &BatchOptions,
        completion: BatchCompletion,
    ) -> Result<()> {
        self.engine()?.rocketmq("batches")?.submit_batch(messages, options, batch, Mode::Async, completion).map(drop)
    }

    /// The synchronous batch of every binding.
    pub(crate) fn end_batch(
        &self,
        messages: &[Message<'_>],
        options: &SendOptions,
        batch: &BatchOptions,
    ) -> Result<BatchEnd> {
        let core = self.blocking()?.rocketmq("batches")?;
        let waiter = Arc::new(Waiter::new());
        let completion = BatchCompletion::Waiter(Arc::clone(&waiter));
        let awaited = core.submit_batch(messages, options, batch, Mode::Sync, completion)?;
        waiter.wait_after(awaited)
    }

    /// The one-way batch of every binding.
    pub(crate) fn end_batch_oneway(
        &self,
        messages: &[Message<'_>],
        options: &SendOptions,
        batch: &BatchOptions,
    ) -> Result<BatchEnd> {
        self.blocking()?.rocketmq("batches")?.send_batch_oneway(messages, options, batch)
    }

    /// The asynchronous send of every binding; on an error the completion is dropped undelivered.
    pub(crate) fn submit(&self, message: &Message<'_>, options: &SendOptions, completion: Completion) -> Result<()> {
        self.engine()?.submit(message, options, Mode::Async, completion)
    }

    /// The same for a completion queue, of a message whose end somebody may wait for.
    #[cfg(feature = "capi")]
    pub(crate) fn submit_queued(
        &self,
        message: &Message<'_>,
        options: &SendOptions,
        awaited: bool,
        completion: Completion,
    ) -> Result<()> {
        self.engine()?.submit(message, options, Mode::of_queued(awaited), completion)
    }

    /// The configured `send_msg_timeout`.
    #[cfg(feature = "capi")]
    pub(crate) fn send_timeout(&self) -> Duration {
        self.handle.engine.base().settings.send_msg_timeout
    }

    /// The asynchronous request of every binding; on an error the receiver is dropped untold.
    pub(crate) fn submit_request(
        &self,
        message: &Message<'_>,
        options: &SendOptions,
        timeout: Duration,
        receiver: Receiver,
    ) -> Result<()> {
        self.engine()?.request(message, options, timeout, receiver)
    }

    /// The asynchronous reply of every binding; on an error the completion is dropped undelivered.
    pub(crate) fn submit_reply(
        &self,
        to: &ReplyTo,
        message: &Message<'_>,
        options: &SendOptions,
        completion: Completion,
    ) -> Result<()> {
        self.engine()?.rocketmq("replies")?.reply(to, message, options, Mode::Async, completion).map(drop)
    }

    /// Many for a completion queue; a message that cannot be read is refused, too.
    #[cfg(feature = "capi")]
    pub(crate) fn submit_many<'m>(
        &self,
        messages: impl Iterator<Item = Result<(Message<'m>, Completion)>>,
        options: &SendOptions,
        awaited: bool,
    ) -> (usize, Result<()>) {
        match self.engine() {
            Ok(engine) => engine.submit_many(messages, options, Mode::of_queued(awaited)),
            Err(refused) => (0, Err(refused)),
        }
    }

    /// Finds the route of a topic, so that sends to it need not wait for it; `make` is called when that begins.
    #[cfg(feature = "capi")]
    pub(crate) fn find_route<T: FnOnce(Result<()>) + Send + 'static>(
        &self,
        topic: &str,
        timeout: Option<Duration>,
        make: impl FnOnce() -> T,
    ) -> Result<()> {
        match self.engine()? {
            Engine::RocketMq(core) => core.find_route(topic, timeout, make),
            Engine::ActiveMq(client) => client.find_connection(timeout, make),
        }
    }

    /// From now on no callback of the C surface is called for this producer's messages.
    #[cfg(feature = "capi")]
    pub(crate) fn discard_completions(&self) -> Result<()> {
        let engine = self.engine()?;
        engine.base().admission.discard();
        engine.base().reports.discard();
        if let Engine::RocketMq(core) = engine {
            core.events.discard();
        }
        Ok(())
    }
}
