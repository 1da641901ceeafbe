//! The producer: its life, and the way of a message through it.

mod accept;
mod accumulate;
pub(crate) mod admission;
mod base;
pub(crate) mod batch;
mod binding;
pub(crate) mod checks;
mod choose;
mod end_transaction;
mod engine;
pub(crate) mod events;
mod faults;
mod flight;
mod groups;
mod heartbeat;
pub(crate) mod hooks;
mod identity;
mod lifecycle;
mod lookup;
mod many;
pub(crate) mod openwire;
mod pause;
mod recall;
mod relay;
pub(crate) mod reliable;
mod request;
mod requests;
mod routes;
mod send;
mod spooling;
pub(crate) mod statistics;
mod tasks;
mod temporary;
mod trace;
pub(crate) mod trace_context;
mod transaction;
pub(crate) mod transform;
mod tries;
pub(crate) mod waiting;

pub use transaction::Transaction;

use crate::batch::{BatchEnd, BatchOptions, BatchResult};
use crate::broker::BrokerState;
use crate::completion::{Completion, Outcome, Waiter};
use crate::config::{Config, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::event::ReliabilityEvent;
use crate::ffi::os::{fork_generation, is_library_thread};
#[cfg(feature = "capi")]
use crate::ffi::receipt::mqp_receipt;
use crate::hook::SendHook;
use crate::message::{Message, Receipt, SendOptions};
use crate::received::ReceivedMessage;
use crate::reply::ReplyTo;
use crate::selector::OwnedQueue;
use crate::statistics::Statistics;
use batch::BatchCompletion;
use engine::Engine;
use events::{EventListener, Subject};
use hooks::Hook;
use statistics::{Counted, Listener};
use std::sync::Arc;
use std::time::Duration;
use trace_context::ContextSource;
use waiting::Receiver;

/// Sends messages. Cheap to clone; all clones are one producer, which closes with the last of them.
///
/// Create few and keep them: each has its own connections. Every method may be called from any thread; `send`,
/// `flush` and `close` block, and on a thread of the library (inside a callback) they return `WouldDeadlock`.
/// A producer made before a `fork` answers `Forked` in the child, where a new one can be made.
#[derive(Clone, Debug)]
pub struct Producer {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    engine: Engine,
    generation: u32,
}

/// How a message is sent; the modes differ in their number of tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    Sync,
    Async,
    Oneway,
    /// From the spool: one try, for which nobody waits.
    Resend,
}

impl Mode {
    /// That of a message which ends in a queue, and whose end somebody may wait for.
    #[cfg(feature = "capi")]
    fn of_queued(awaited: bool) -> Mode {
        if awaited { Mode::Sync } else { Mode::Async }
    }
}

impl Producer {
    /// A producer that is not started. Refuses a configuration without `url` or `producer_group`.
    pub fn new(config: &Config) -> Result<Producer> {
        let engine = Engine::new(Settings::from_config(config)?)?;
        let handle = Handle { engine, generation: fork_generation() };
        Ok(Producer { handle: Arc::new(handle) })
    }

    /// Adds a hook, before the start; they run in the order in which they were added. See [`SendHook`].
    pub fn add_hook(&self, hook: Arc<dyn SendHook>) -> Result<()> {
        self.add(|| Hook::Rust(hook))
    }

    /// The same; `make` is called when the hook is taken.
    pub(crate) fn add(&self, make: impl FnOnce() -> Hook) -> Result<()> {
        self.engine()?.base().add_hook(make)
    }

    /// Sets where messages get their W3C trace context, before the start; the last one set counts.
    ///
    /// `context` is called for each message, in batches too, that has neither a `trace_parent` nor a property
    /// `traceparent` of its own: on the thread that sends, before the send returns, never again for a retry. What it
    /// returns goes to consumers as the property `traceparent`. A text that is no trace context, and a panic, leave
    /// the message without one; the log tells of the first.
    pub fn set_trace_context(&self, context: impl Fn() -> Option<String> + Send + Sync + 'static) -> Result<()> {
        self.set_context_source(|| ContextSource::Rust(Box::new(context)))
    }

    /// The same; `make` is called when the source is taken.
    pub(crate) fn set_context_source(&self, make: impl FnOnce() -> ContextSource) -> Result<()> {
        self.engine()?.base().set_trace_context(make)
    }

    /// Starts it: routes of the configured `topics` are fetched and their brokers greeted. Blocks for at most
    /// `mq_client_api_timeout`; name servers that do not answer are no error here but at the first send.
    pub fn start(&self) -> Result<()> {
        match self.blocking()? {
            Engine::RocketMq(core) => core.start(),
            Engine::ActiveMq(client) => client.start(),
        }
    }

    /// Sends and waits for the broker's receipt, for at most the send's deadline.
    pub fn send(&self, message: &Message<'_>, options: &SendOptions) -> Outcome {
        let core = match self.blocking()? {
            Engine::RocketMq(core) => core,
            Engine::ActiveMq(client) => return client.send(message, options),
        };
        let waiter = Arc::new(Waiter::new());
        let awaited = core.submit(message, options, Mode::Sync, Completion::Waiter(Arc::clone(&waiter)))?;
        waiter.wait_after(awaited)
    }

    /// [`Producer::send`] for C.
    #[cfg(feature = "capi")]
    pub(crate) fn send_packed(&self, message: &Message<'_>, options: &SendOptions) -> Result<Box<mqp_receipt>> {
        let core = match self.blocking()? {
            Engine::RocketMq(core) => core,
            Engine::ActiveMq(client) => return client.send(message, options).map(mqp_receipt::boxed),
        };
        let waiter = Arc::new(Waiter::new());
        let awaited = core.submit(message, options, Mode::Sync, Completion::Handle(Arc::clone(&waiter)))?;
        waiter.wait_after(awaited)
    }

    /// [`Producer::send_oneway`] for C.
    #[cfg(feature = "capi")]
    pub(crate) fn send_oneway_packed(&self, message: &Message<'_>, options: &SendOptions) -> Result<Box<mqp_receipt>> {
        match self.blocking()? {
            Engine::RocketMq(core) => {
                core.send_oneway_and_tell(message, options, |told| Box::new(mqp_receipt::packed(told)))
            }
            Engine::ActiveMq(client) => client.send_oneway(message, options).map(mqp_receipt::boxed),
        }
    }

    /// The same for a caller who wants no receipt.
    #[cfg(feature = "capi")]
    pub(crate) fn send_oneway_untold(&self, message: &Message<'_>, options: &SendOptions) -> Result<()> {
        match self.blocking()? {
            Engine::RocketMq(core) => core.send_oneway_and_tell(message, options, |_| ()),
            Engine::ActiveMq(client) => client.send_oneway(message, options).map(drop),
        }
    }

    /// Sends without waiting: `callback` runs once, on the dispatcher thread, when `Ok` was returned; on an error it
    /// is dropped uncalled. The call itself may wait, up to the send's deadline, for a route that is not known yet and
    /// for room in flight; inside a callback it does not wait for room but fails with `Backpressure`.
    pub fn send_async(
        &self,
        message: &Message<'_>,
        options: &SendOptions,
        callback: impl FnOnce(Result<Receipt>) + Send + 'static,
    ) -> Result<()> {
        self.submit(message, options, Completion::Closure(Box::new(callback)))
    }

    /// Sends many without waiting, each as [`Producer::send_async`] does, in order and up to the first that is refused:
    /// how many were accepted, and that refusal. The messages of one broker leave in few writes.
    pub fn send_many<'m, F>(
        &self,
        messages: impl IntoIterator<Item = (Message<'m>, F)>,
        options: &SendOptions,
    ) -> (usize, Result<()>)
    where
        F: FnOnce(Result<Receipt>) + Send + 'static,
    {
        let boxed = |(message, callback)| Ok((message, Completion::Closure(Box::new(callback))));
        match self.engine() {
            Ok(engine) => engine.submit_many(messages.into_iter().map(boxed), options, Mode::Async),
            Err(refused) => (0, Err(refused)),
        }
    }

    /// Sends without an answer and without retries: the receipt tells the message's id and queue, not its storage.
    /// Waits, for at most the send's deadline, until the connection is open. Many that come one close behind the other
    /// leave together, up to some milliseconds later; [`Producer::flush`] and [`Producer::close`] wait for them.
    pub fn send_oneway(&self, message: &Message<'_>, options: &SendOptions) -> Outcome {
        match self.blocking()? {
            Engine::RocketMq(core) => core.send_oneway(message, options),
            Engine::ActiveMq(client) => client.send_oneway(message, options),
        }
    }

    /// Sends a request and waits for the reply of whoever consumes it, for at most `timeout` (1 ms to 1 h) in all.
    ///
    /// The broker hands the reply to this client, which it knows by its heartbeats; the reply's body is decompressed
    /// and its topic without the namespace. The message is sent as by [`Producer::send_async`], within the same
    /// `timeout` and within that of `options`, when it is shorter; when that fails, the request fails at once with its
    /// error. `RequestTimeout`: the message is stored, but no reply came. A message with a delay, or with a property
    /// of its own called `CORRELATION_ID`, `REPLY_TO_CLIENT` or `TTL`, is refused.
    ///
    /// ActiveMQ: the reply goes to a temporary queue of this producer's own, which it consumes; the message names it as
    /// `JMSReplyTo` and has a `JMSCorrelationID` that the reply must have, too. A message with one of both of its own is
    /// refused. The reply's headers stand among its properties, typed ones as text.
    pub fn request(&self, message: &Message<'_>, options: &SendOptions, timeout: Duration) -> Result<ReceivedMessage> {
        let engine = self.blocking()?;
        let waiter = Arc::new(Waiter::new());
        engine.request(message, options, timeout, Receiver::Waiter(Arc::clone(&waiter)))?;
        waiter.wait()
    }

    /// The same without waiting: `callback` runs once, on the dispatcher thread, when `Ok` was returned; on an error it
    /// is dropped uncalled. The request counts as in flight until the callback has returned; a close ends it with
    /// `Closed`. The call itself may wait as [`Producer::send_async`] may.
    pub fn request_async(
        &self,
        message: &Message<'_>,
        options: &SendOptions,
        timeout: Duration,
        callback: impl FnOnce(Result<ReceivedMessage>) + Send + 'static,
    ) -> Result<()> {
        self.submit_request(message, options, timeout, Receiver::Closure(Box::new(callback)))
    }

    /// Replies to a request, and waits for the receipt of the broker, which hands the reply to the client that asked.
    ///
    /// The message's topic is not read: the reply goes to the reply topic of the request's cluster. `Broker`: the
    /// broker refused; code 1 says that it does not know the client. Such a reply is tried on the other brokers of the
    /// cluster, as any send is. A message with a delay, or with one of the properties that make it a reply, is refused.
    pub fn reply(&self, to: &ReplyTo, message: &Message<'_>, options: &SendOptions) -> Outcome {
        let core = self.blocking()?.rocketmq("replies")?;
        let waiter = Arc::new(Waiter::new());
        let awaited = core.reply(to, message, options, Mode::Sync, Completion::Waiter(Arc::clone(&waiter)))?;
        waiter.wait_after(awaited)
    }

    /// The same without waiting, as [`Producer::send_async`] does it.
    pub fn reply_async(
        &self,
        to: &ReplyTo,
        message: &Message<'_>,
        options: &SendOptions,
        callback: impl FnOnce(Result<Receipt>) + Send + 'static,
    ) -> Result<()> {
        self.submit_reply(to, message, options, Completion::Closure(Box::new(callback)))
    }

    /// Sends several messages in one request, or in several when `batch` says to split them, and waits until each has
    /// its end, for at most the send's deadline.
    ///
    /// The messages have one topic and one `wait_store_msg_ok`. Each keeps its id, flag and properties; none may have a
    /// delay, a priority or a lite topic, be half of a transaction or go to a retry topic (`%RETRY%...`), and none is
    /// compressed. An `Err` refuses the whole batch and names the message and its field; nothing was sent then.
    ///
    /// The requests of a split batch go one after the other. With `RoundRobin` and `Random` each has a queue of its own
    /// choice, and one that fails does not stop the next. With all other selectors they go to one queue in the order of
    /// the messages, and after a failure the rest is not sent.
    pub fn send_batch(
        &self,
        messages: &[Message<'_>],
        options: &SendOptions,
        batch: &BatchOptions,
    ) -> Result<BatchResult> {
        self.end_batch(messages, options, batch).map(BatchEnd::into_result)
    }

    /// The same without waiting: `callback` runs once for the whole batch, as that of [`Producer::send_async`].
    pub fn send_batch_async(
        &self,
        messages: &[Message<'_>],
        options: &SendOptions,
        batch: &BatchOptions,
        callback: impl FnOnce(BatchResult) + Send + 'static,
    ) -> Result<()> {
        self.submit_batch(messages, options, batch, BatchCompletion::Closure(Box::new(callback)))
    }

    /// The same without answers and retries, as [`Producer::send_oneway`].
    pub fn send_batch_oneway(
        &self,
        messages: &[Message<'_>],
        options: &SendOptions,
        batch: &BatchOptions,
    ) -> Result<BatchResult> {
        self.end_batch_oneway(messages, options, batch).map(BatchEnd::into_result)
    }

    /// What is known of the brokers in the routes in use, by name.
    pub fn brokers(&self) -> Result<Vec<BrokerState>> {
        match self.engine()? {
            Engine::RocketMq(core) => Ok(core.broker_states()),
            Engine::ActiveMq(client) => Ok(client.broker_states()),
        }
    }

    /// The queues of a topic that can be sent to, by broker name and number, as a selector would see them; for callers
    /// that choose the queue themselves and name it by [`Selector::Queue`](crate::Selector::Queue). Waits for a route
    /// that is not known yet, for at most `timeout`.
    pub fn queues(&self, topic: &str, timeout: Duration) -> Result<Vec<OwnedQueue>> {
        self.blocking()?.rocketmq("queues of topics")?.queues(topic, timeout)
    }

    /// How many trace records were dropped, because too many waited or the trace topic was out of reach.
    pub fn traces_dropped(&self) -> Result<u64> {
        match self.engine()? {
            Engine::RocketMq(core) => Ok(core.traces_dropped()),
            Engine::ActiveMq(_) => Ok(0),
        }
    }

    /// What the producer has counted since it was made, and how it does at the moment; also after the close.
    pub fn statistics(&self) -> Result<Statistics> {
        match self.engine()? {
            Engine::RocketMq(core) => Ok(core.statistics()),
            Engine::ActiveMq(client) => Ok(client.statistics()),
        }
    }

    /// Sets, before the start, who is told the statistics every `statistics_interval` (0, the default: never), in place
    /// of who was set before.
    ///
    /// `callback` runs on the dispatcher, one call at a time, from the first interval after the start on; when the
    /// dispatcher is busy, intervals are left out. No call begins after [`Producer::close`] returned, and the callback is
    /// dropped then. One that holds the producer keeps it alive until it is closed.
    pub fn set_statistics_callback(&self, callback: impl Fn(&Statistics) + Send + Sync + 'static) -> Result<()> {
        self.report_to(|| Listener::Closure(Arc::new(callback)))
    }

    /// The same; `make` is called when the callback is taken.
    pub(crate) fn report_to(&self, make: impl FnOnce() -> Listener) -> Result<()> {
        self.engine()?.base().report_to(make)
    }

    /// Sets, before the start, who is told of messages that reliable sending gives up (`reliability` = `reliable`), in
    /// place of who was set before.
    ///
    /// `callback` runs on the dispatcher, before the message's sender is told of its end: once for each message that
    /// used up its tries or its time, whether it went into the spool or not. The event carries the message, its tries
    /// and whether a broker may have stored it. Not for what a broker refuses for good, such as a message of the wrong
    /// form or without permission: that fails at once. A callback that holds the producer keeps it alive until it is
    /// closed.
    pub fn set_alarm_callback(&self, callback: impl Fn(&ReliabilityEvent) + Send + Sync + 'static) -> Result<()> {
        self.listen(Subject::Alarm, || EventListener::Closure(Arc::new(callback)))
    }

    /// Sets, before the start, who is told what becomes of messages that completed with `Spooled`, those of earlier
    /// producers of the same `spool_file` too, in place of who was set before.
    ///
    /// `callback` runs on the dispatcher: for each message that a broker stored, or that is lost, and for what was found
    /// damaged in the file. [`Producer::close`] waits for calls under way, and none begins after it.
    pub fn set_spool_callback(&self, callback: impl Fn(&ReliabilityEvent) + Send + Sync + 'static) -> Result<()> {
        self.listen(Subject::Spool, || EventListener::Closure(Arc::new(callback)))
    }

    /// Both; `make` is called when the callback is taken.
    pub(crate) fn listen(&self, subject: Subject, make: impl FnOnce() -> EventListener) -> Result<()> {
        self.engine()?
            .rocketmq("reliable sending of this kind: `failover:` repeats messages")?
            .set_listener(subject, make)
    }

    /// Waits until every accepted message has completed, callbacks included, and one-way messages are handed to the
    /// operating system. `Timeout` names how many have not.
    pub fn flush(&self, timeout: Duration) -> Result<()> {
        match self.blocking()? {
            Engine::RocketMq(core) => core.flush(timeout),
            Engine::ActiveMq(client) => client.flush(timeout, || {}),
        }
    }

    /// Refuses further messages, waits up to `timeout` for those in flight, says farewell to the brokers and closes
    /// the connections. Messages that are left then complete with `Closed`, and the call returns `Timeout`.
    /// A second call has nothing to do.
    pub fn close(&self, timeout: Duration) -> Result<()> {
        match self.blocking()? {
            Engine::RocketMq(core) => core.close(timeout),
            Engine::ActiveMq(client) => client.close(timeout),
        }
    }

    fn engine(&self) -> Result<&Engine> {
        if self.handle.generation != fork_generation() {
            return Err(forked("producer"));
        }
        Ok(&self.handle.engine)
    }

    fn blocking(&self) -> Result<&Engine> {
        let engine = self.engine()?;
        if is_library_thread() {
            return Err(would_deadlock());
        }
        Ok(engine)
    }
}

fn forked(what: &str) -> Error {
    let what = format!("the {what} was made before a fork; make a new one in the child process");
    Error::new(ErrorKind::Forked, what)
}

fn would_deadlock() -> Error {
    let what = "a blocking call on a thread of the library, which would wait for itself; use send_async in callbacks";
    Error::new(ErrorKind::WouldDeadlock, what)
}

impl Drop for Handle {
    fn drop(&mut self) {
        // In a forked child the threads and locks behind the core are the parent's: it is leaked.
        if self.generation != fork_generation() {
            return std::mem::forget(self.engine.clone());
        }
        match &self.engine {
            Engine::RocketMq(core) => core.abandon(),
            Engine::ActiveMq(client) => client.abandon(),
        }
    }
}
