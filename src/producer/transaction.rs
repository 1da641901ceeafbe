//! Transactions. That of RocketMQ is one half message that a broker keeps back, and the word that delivers or drops it.

use super::Producer;
use super::accept::Form;
use super::end_transaction::Half;
use super::lifecycle::Core;
use super::openwire::Transacted;
use super::{Engine, Mode, forked, would_deadlock};
use crate::completion::{Completion, Outcome, Waiter};
use crate::error::{Error, ErrorKind, Result};
use crate::ffi::os::{fork_generation, is_library_thread};
use crate::message::{Delay, Message, Receipt, SendOptions, SendStatus};
use crate::policy::special::DELAYS;
use crate::protocol::remoting::message_id::OffsetId;
use crate::protocol::remoting::transaction::TransactionState;
use crate::protocol::remoting::{properties, sys_flag};
use crate::sync::Mutex;
use std::sync::Arc;
use std::time::Instant;

/// A transaction; made by [`Producer::begin_transaction`].
///
/// RocketMQ: send one message in it, do the local work, then commit or roll back. Consumers see the message once it is
/// committed. When the broker hears nothing, because this process ended or a word was lost, it asks the checker of any
/// producer of the group (see [`Producer::set_transaction_checker`]), again and again until that knows.
///
/// ActiveMQ: send any number of messages in it, then commit or roll back. Consumers see all of them once the broker has
/// answered the commit, and none otherwise: it rolls back when the connection ends first.
///
/// Dropping it rolls back, without waiting, if a message was sent and neither commit nor rollback was attempted;
/// otherwise the broker's check decides, or its answer to the commit that nobody heard. It does not keep its producer
/// open: once that is closed nothing can be ended any more, and the check decides, too. Any thread may use it.
#[derive(Debug)]
pub struct Transaction {
    kind: Kind,
    generation: u32,
}

#[derive(Debug)]
enum Kind {
    Half(HalfTransaction),
    Many(Transacted),
}

/// That of RocketMQ: one half message.
#[derive(Debug)]
struct HalfTransaction {
    core: Arc<Core>,
    stage: Mutex<Stage>,
}

#[derive(Debug)]
enum Stage {
    /// Nothing is sent.
    Open,
    /// A call is under way.
    Busy,
    /// The broker waits for a word; one that could not be written may be said again.
    Stored(Box<Half>, Option<TransactionState>),
    /// Nothing more can be done; why.
    Over(String),
}

fn name(state: TransactionState) -> &'static str {
    match state {
        TransactionState::Commit => "commit",
        TransactionState::Rollback => "rollback",
        TransactionState::Unknown => "unknown",
    }
}

impl Producer {
    /// Begins a transaction. Refuses a producer that is not running, and, for RocketMQ, one without a transaction
    /// checker: the broker asks it for what became of a transaction.
    pub fn begin_transaction(&self) -> Result<Transaction> {
        let kind = match self.engine()? {
            Engine::RocketMq(core) => Kind::Half(HalfTransaction::begin(core)?),
            Engine::ActiveMq(client) => Kind::Many(client.begin_transaction()?),
        };
        Ok(Transaction { kind, generation: self.handle.generation })
    }
}

impl Transaction {
    /// Sends a message of the transaction.
    ///
    /// RocketMQ: the transaction's only message; a second is refused. Waits for the broker's receipt, for at most the
    /// send's deadline, with retries like [`Producer::send`]. After a failure that says
    /// [`maybe_persisted`](Error::maybe_persisted) the broker may hold the message, and its check decides; after any
    /// other the send can be repeated. A message whose receipt does not say [`SendStatus::Ok`] is rolled back at once,
    /// as the Java client does it. A delay is refused, as are the properties `TRAN_MSG` and `PGROUP`.
    ///
    /// ActiveMQ: one of any number. As in JMS, no answer is asked for and the receipt says [`SendStatus::Oneway`]: the
    /// commit tells. With `always_sync_send` or a `send_timeout` it waits for the answer.
    /// [`TransactionRolledBack`](ErrorKind::TransactionRolledBack): the connection has ended, and the transaction with it.
    pub fn send(&self, message: &Message<'_>, options: &SendOptions) -> Outcome {
        match self.blocking()? {
            Kind::Half(half) => half.send(message, options),
            Kind::Many(many) => many.send(message, options),
        }
    }

    /// Lets the broker deliver what was sent. Waits for at most `send_msg_timeout`. Refuses a transaction that ended.
    ///
    /// RocketMQ: the word is one-way: `Ok` says that it was handed to the operating system for the broker that holds the
    /// message, not that it arrived; when it is lost the broker asks the checker. After an error it may be said again,
    /// but not the opposite. Refuses a transaction without a stored message.
    ///
    /// ActiveMQ: `Ok` is the broker's answer. [`TransactionRolledBack`](ErrorKind::TransactionRolledBack): nothing was
    /// delivered. [`TransactionInDoubt`](ErrorKind::TransactionInDoubt): no answer came, and all or nothing was
    /// delivered. Either way it is over. Without a message there is nothing to do.
    pub fn commit(&self) -> Result<()> {
        match self.blocking()? {
            Kind::Half(half) => half.end(TransactionState::Commit, None),
            Kind::Many(many) => many.commit(),
        }
    }

    /// Lets the broker drop what was sent; otherwise like [`Transaction::commit`].
    pub fn rollback(&self) -> Result<()> {
        match self.blocking()? {
            Kind::Half(half) => half.end(TransactionState::Rollback, None),
            Kind::Many(many) => many.rollback(),
        }
    }

    /// [`Transaction::rollback`] with a reason, which a RocketMQ broker gets to see, as the Java client tells the
    /// exception of a local transaction.
    pub fn rollback_with_reason(&self, reason: &str) -> Result<()> {
        match self.blocking()? {
            Kind::Half(half) => half.end(TransactionState::Rollback, Some(reason)),
            Kind::Many(many) => many.rollback(),
        }
    }

    /// Leaves the end to the broker's check, as when the local transaction does not know it yet: the broker is told so
    /// where it is reachable at once, and nothing is rolled back. ActiveMQ has no checks and rolls back.
    pub fn leave_unknown(self) {
        if self.generation != fork_generation() {
            return;
        }
        match &self.kind {
            Kind::Half(half) => half.leave_unknown(),
            Kind::Many(many) => many.give_up(),
        }
    }

    fn blocking(&self) -> Result<&Kind> {
        if self.generation != fork_generation() {
            return Err(forked("transaction"));
        }
        if is_library_thread() {
            return Err(would_deadlock());
        }
        Ok(&self.kind)
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let here = self.generation == fork_generation();
        match &self.kind {
            // In a forked child the threads and locks behind it are the parent's: it is leaked.
            Kind::Half(half) if !here => std::mem::forget(Arc::clone(&half.core)),
            Kind::Many(many) if !here => many.leak(),
            Kind::Half(half) => half.give_up(),
            Kind::Many(many) => many.give_up(),
        }
    }
}

impl HalfTransaction {
    fn begin(core: &Arc<Core>) -> Result<Self> {
        core.must_run()?;
        if !core.checks.has_checker() {
            let what = "the producer has no transaction checker, which a broker asks for the end of transactions; set one before the start";
            return Err(Error::new(ErrorKind::InvalidConfig, what));
        }
        Ok(HalfTransaction { core: Arc::clone(core), stage: Mutex::new(Stage::Open) })
    }

    fn send(&self, message: &Message<'_>, options: &SendOptions) -> Outcome {
        let core = &self.core;
        fits(message)?;
        {
            let mut stage = self.stage.lock();
            match &*stage {
                Stage::Open => *stage = Stage::Busy,
                Stage::Busy => return Err(busy()),
                Stage::Stored(..) | Stage::Over(_) => {
                    let what = "the transaction has its message: RocketMQ takes one in a transaction; begin another";
                    return Err(Error::new(ErrorKind::Unsupported, what));
                }
            }
        }
        let (outcome, stage) = send_half(core, message, options);
        *self.stage.lock() = stage;
        outcome
    }

    fn leave_unknown(&self) {
        let stage = std::mem::replace(&mut *self.stage.lock(), Stage::Over("it was left to the check".to_owned()));
        if let Stage::Stored(half, None) = stage
            && self.core.must_run().is_ok()
        {
            self.core.end_half_now(&half, TransactionState::Unknown, None);
        }
    }

    fn give_up(&self) {
        if let Stage::Stored(half, None) = &*self.stage.lock()
            && self.core.must_run().is_ok()
        {
            self.core.end_half_now(half, TransactionState::Rollback, Some("the transaction was given up"));
        }
    }

    fn end(&self, state: TransactionState, reason: Option<&str>) -> Result<()> {
        let core = &self.core;
        core.must_run()?;
        let half = {
            let mut stage = self.stage.lock();
            match &mut *stage {
                Stage::Stored(half, attempted) if attempted.is_none_or(|attempted| attempted == state) => {
                    let half = half.clone();
                    *stage = Stage::Busy;
                    half
                }
                Stage::Busy => return Err(busy()),
                other => return Err(cannot_end(state, other)),
            }
        };
        let deadline = Instant::now() + core.settings.send_msg_timeout;
        let ended = core.end_half(&half, state, reason, deadline);
        *self.stage.lock() = match &ended {
            Ok(()) if state == TransactionState::Commit => Stage::Over("it was committed".to_owned()),
            Ok(()) => Stage::Over("it was rolled back".to_owned()),
            Err(_) => Stage::Stored(half, Some(state)),
        };
        ended
    }
}

fn busy() -> Error {
    Error::new(ErrorKind::InvalidArgument, "another call uses the transaction just now")
}

fn cannot_end(state: TransactionState, stage: &Stage) -> Error {
    let why = match stage {
        Stage::Open | Stage::Busy => "no message was sent in it",
        Stage::Stored(_, Some(TransactionState::Commit)) => "a commit was attempted",
        Stage::Stored(..) => "a rollback was attempted",
        Stage::Over(why) => why.as_str(),
    };
    Error::new(ErrorKind::InvalidArgument, format!("the transaction cannot take a {}: {why}", name(state)))
}

/// What a message in a transaction must not be.
fn fits(message: &Message<'_>) -> Result<()> {
    let refuse = |what: String| Err(Error::new(ErrorKind::InvalidMessage, what));
    if message.delay != Delay::None {
        return refuse("a message in a transaction cannot be delayed, too: `delay` is set".to_owned());
    }
    for (name, value) in &message.properties {
        if DELAYS.contains(name) {
            return refuse(format!(
                "a message in a transaction cannot be delayed, too: property `{name}` = `{value:.40}`"
            ));
        }
        if [properties::TRAN_MSG, properties::PGROUP].contains(name) {
            return refuse(format!("the property `{name}` is set by the transaction"));
        }
    }
    Ok(())
}

fn send_half(core: &Arc<Core>, message: &Message<'_>, options: &SendOptions) -> (Outcome, Stage) {
    let properties = [(properties::TRAN_MSG, "true"), (properties::PGROUP, core.settings.producer_group.as_str())];
    let form =
        Form { sys_flag: sys_flag::TRANSACTION_PREPARED, properties: &properties, spoolable: false, ..Form::default() };
    let waiter = Arc::new(Waiter::new());
    let submitted = core.submit_as(message, options, Mode::Sync, &form, Completion::Waiter(Arc::clone(&waiter)));
    let receipt = match submitted.and_then(|awaited| waiter.wait_after(awaited)) {
        Ok(receipt) => {
            core.counters().half_messages.add(1);
            receipt
        }
        Err(error) if error.maybe_persisted() => {
            let why = "its message may be stored or not, which the broker's check decides";
            return (Err(error), Stage::Over(why.to_owned()));
        }
        Err(error) => return (Err(error), Stage::Open),
    };
    let half = match half(core, message, &receipt) {
        Ok(half) => half,
        Err(error) => return (Err(error), Stage::Over("the broker told no place of its message".to_owned())),
    };
    if receipt.status == SendStatus::Ok {
        return (Ok(receipt), Stage::Stored(Box::new(half), None));
    }
    let why = format!("it was rolled back, since its message was stored with {:?}", receipt.status);
    let deadline = Instant::now() + core.settings.send_msg_timeout;
    if let Err(cause) = core.end_half(&half, TransactionState::Rollback, Some(&why), deadline) {
        tracing::warn!(message_id = half.message_id, %cause, "a half message was not rolled back; its check decides");
    }
    (Ok(receipt), Stage::Over(why))
}

fn half(core: &Core, message: &Message<'_>, receipt: &Receipt) -> Result<Half> {
    let stored = OffsetId::decode(&receipt.offset_message_id).map_err(|error| {
        let what = format!("{} answered a half message without its place: {error}", receipt.broker_name);
        Error::new(ErrorKind::Protocol, what).with_maybe_persisted(true)
    })?;
    let transaction_id = match receipt.transaction_id.as_str() {
        "" => &receipt.message_id,
        told => told,
    };
    Ok(Half {
        topic: core.settings.namespace.wrap(message.topic).into_owned(),
        broker_name: receipt.broker_name.clone(),
        table_offset: receipt.queue_offset,
        commit_log_offset: stored.commit_log_offset,
        message_id: receipt.message_id.clone(),
        transaction_id: transaction_id.to_owned(),
        tags: message.tags.to_owned(),
        keys: message.keys.to_owned(),
        region_id: receipt.region_id.clone(),
    })
}
