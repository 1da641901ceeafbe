//! How each mode of a send goes, and a message on its way.

use super::Client;
use super::accept::{Accepted, Known};
use super::ids::Lane;
use super::many::Held;
use super::numbers::{Encoded, Numbered};
use super::session::{Session, Up};
use crate::completion::{Completion, Outcome, Owed, Waiter};
use crate::config::Backpressure;
use crate::error::{Error, ErrorKind, Result};
use crate::jms::DeliveryMode;
use crate::message::{Message, Receipt, SendOptions, SendStatus};
use crate::net::openwire::{Asker, refusal};
use crate::policy::exchange::{Exchange, Wish, exchange};
use crate::policy::window::Place;
use crate::producer::Mode;
use crate::producer::hooks::After;
use crate::protocol::openwire::{Prepared, ProducerId, Throwable};
use crate::route::Queue;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Instant;

/// A message that was accepted and whose answer has not come.
pub(super) struct SendOp {
    client: Arc<Client>,
    command: i32,
    /// The message's number, by which the broker knows it again.
    pub(super) sequence: i64,
    lane: Lane,
    /// Empty once it is sent without `failover:`.
    frame: Bytes,
    started: Instant,
    deadline: Instant,
    /// Until when it waits for a connection.
    pub(super) patience: Instant,
    destination: Arc<Known>,
    transaction: Option<String>,
    queue: Queue,
    tries: u32,
    try_started: Instant,
    maybe_sent: bool,
    after: Option<Box<After>>,
    owed: Owed,
}

/// The transaction that a message belongs to.
#[derive(Clone, Copy)]
pub(super) struct Within<'a> {
    pub(super) prepared: &'a Prepared,
    pub(super) text: &'a str,
    /// The connection that it began on.
    pub(super) connection: u64,
}

impl Client {
    /// What becomes of a message that the caller sends and waits for, if that is how it goes.
    pub(crate) fn send(self: &Arc<Self>, message: &Message<'_>, options: &SendOptions) -> Outcome {
        self.transformed(message, |message| self.send_as_it_is(message, options))
    }

    fn send_as_it_is(self: &Arc<Self>, message: &Message<'_>, options: &SendOptions) -> Outcome {
        match self.exchange_of(message, false, false) {
            Exchange::Silent => self.send_silently(message, options, Mode::Sync),
            _ => {
                let waiter = Arc::new(Waiter::new());
                let accepted = self.accept(message, options, Mode::Sync, Lane::Plain, None)?;
                self.launch(accepted, Completion::Waiter(Arc::clone(&waiter)), None, None)?;
                waiter.wait()
            }
        }
    }

    /// Without an answer, unless the producer always wants one.
    pub(crate) fn send_oneway(self: &Arc<Self>, message: &Message<'_>, options: &SendOptions) -> Outcome {
        self.transformed(message, |message| match self.exchange_of(message, false, true) {
            Exchange::Silent => self.send_silently(message, options, Mode::Oneway),
            _ => self.send_as_it_is(message, options),
        })
    }

    /// Lets `send` have the message that the transformer made, if there is one.
    #[inline]
    pub(super) fn transformed<T>(
        &self,
        message: &Message<'_>,
        send: impl FnOnce(&Message<'_>) -> Result<T>,
    ) -> Result<T> {
        let Some(transformer) = self.transformers.get() else {
            return send(message);
        };
        // A producer that does not run says so before all else.
        if self.must_run().is_err() {
            return send(message);
        }
        let made = transformer.apply(message).inspect_err(|refusal| self.counters().refusals.add(refusal, 1))?;
        match made.message() {
            Some(other) => send(&other),
            None => send(message),
        }
    }

    pub(super) fn exchange_of(&self, message: &Message<'_>, transacted: bool, oneway: bool) -> Exchange {
        let persistent = match message.jms.as_ref().map(|jms| jms.delivery_mode) {
            None | Some(DeliveryMode::Configured) => self.activemq.persistent,
            Some(mode) => mode == DeliveryMode::Persistent,
        };
        exchange(Wish {
            callback: false,
            send_timeout: self.activemq.send_timeout.is_some(),
            always_sync_send: self.activemq.always_sync_send,
            persistent,
            use_async_send: self.activemq.use_async_send,
            transacted,
            oneway,
        })
    }

    /// Sends a message whose answer `completion` hears; when this fails it hears nothing.
    pub(crate) fn submit(
        self: &Arc<Self>,
        message: &Message<'_>,
        options: &SendOptions,
        mode: Mode,
        completion: Completion,
    ) -> Result<()> {
        self.transformed(message, |message| {
            let accepted = self.accept(message, options, mode, Lane::Plain, None)?;
            self.launch(accepted, completion, None, None)
        })
    }

    /// Numbers, encodes and sends what was accepted, in one step, so that messages reach the broker by their numbers. With
    /// `held` its frame may wait for others.
    pub(super) fn launch(
        self: &Arc<Self>,
        accepted: Accepted<'_>,
        completion: Completion,
        within: Option<Within<'_>>,
        held: Option<&Held>,
    ) -> Result<()> {
        let Accepted { draft, rules, permit, after, .. } = accepted;
        let lane = if within.is_some() { Lane::Transacted } else { Lane::Plain };
        let (link, unsent) = {
            let mut session = self.session.lock();
            let (sequence, command) = (session.next(lane), self.command());
            let transaction = within.map(|within| within.prepared);
            let numbered = Numbered { draft: &draft, lane, sequence, transaction, command, response_required: true };
            let encoded = self
                .of_transaction(&session, within)
                .and_then(|()| self.encoded(&mut session, &numbered, self.failover().is_some()));
            let Encoded { now, later, .. } = match encoded {
                Ok(encoded) => encoded,
                Err(error) => {
                    drop(session);
                    return Err(self.refused_late(error, after));
                }
            };
            session.take(lane);
            let op = Box::new(SendOp {
                client: Arc::clone(self),
                command,
                sequence,
                lane,
                frame: later,
                started: rules.started,
                deadline: rules.deadline,
                patience: self.patience(rules.deadline),
                destination: draft.destination,
                transaction: within.map(|within| within.text.to_owned()),
                queue: self.nowhere.clone(),
                tries: 0,
                try_started: rules.started,
                maybe_sent: false,
                after,
                owed: Owed::new(completion, permit, self.runtime.dispatcher()),
            });
            match session.up().cloned() {
                Some(up) => (Some(Arc::clone(&up.link)), op.transmit(&up, now, true).err().map(Unsent::Lost)),
                None => (None, self.enqueue(&mut session, op).err().map(|(op, cause)| Unsent::Ended(op, cause))),
            }
        };
        match unsent {
            None => {}
            Some(Unsent::Lost((asker, cause))) => asker.lost(&cause),
            Some(Unsent::Ended(op, cause)) => op.fail(cause),
        }
        match (link, held) {
            (Some(link), Some(held)) => held.hold(link),
            (Some(link), None) => link.release(),
            (None, _) => {}
        }
        Ok(())
    }

    /// Refuses a message of a transaction that another connection, or none, took the place of.
    fn of_transaction(&self, session: &Session, within: Option<Within<'_>>) -> Result<()> {
        match (within, session.up()) {
            (None, _) => Ok(()),
            (Some(within), Some(up)) if up.number == within.connection => Ok(()),
            _ => Err(rolled_back("the connection that it began on has ended")),
        }
    }

    /// A refusal after the hooks were told of the message: they hear of its end, too.
    fn refused_late(&self, error: Error, after: Option<Box<After>>) -> Error {
        self.counters().failures.add(&error, 1);
        if let Some(after) = after {
            after.end(&self.nowhere, 0, Err(error.clone()), None, self.runtime.dispatcher());
        }
        error
    }

    fn send_silently(self: &Arc<Self>, message: &Message<'_>, options: &SendOptions, mode: Mode) -> Outcome {
        let accepted = self.accept(message, options, mode, Lane::Plain, None)?;
        self.push(accepted, None)
    }

    /// Sends a message that asks for no answer: waits for room in the window and for a connection.
    pub(super) fn push(self: &Arc<Self>, accepted: Accepted<'_>, within: Option<Within<'_>>) -> Outcome {
        let Accepted { draft, rules, permit, after, body_length } = accepted;
        let lane = if within.is_some() { Lane::Transacted } else { Lane::Plain };
        let permit = Arc::new(permit);
        let pushed = self.enter(lane, self.backpressure(), rules.deadline).and_then(|place| {
            let mut left = Left { client: self, lane, place };
            let mut session = self.wait_until_up(rules.deadline)?;
            self.of_transaction(&session, within)?;
            let sequence = session.next(lane);
            let (transaction, command) = (within.map(|within| within.prepared), self.command());
            let numbered = Numbered { draft: &draft, lane, sequence, transaction, command, response_required: false };
            let Encoded { now, size, .. } = self.encoded(&mut session, &numbered, false)?;
            session.take(lane);
            let up = session.up().cloned().zip(now);
            let (up, frame) = up.ok_or_else(|| Error::new(ErrorKind::Internal, "the session is not up"))?;
            up.queue.broker.counters.sent.add(frame.len());
            up.link.push(frame, Some(Box::new(Arc::clone(&permit))), true)?;
            if let (Some(place), Some(room)) = (left.place.take(), &self.rooms[lane as usize]) {
                room.fill(place, size);
            }
            drop(session);
            up.link.release();
            Ok((up.queue, sequence))
        });
        let (queue, outcome) = match pushed {
            Ok((queue, sequence)) => {
                let receipt = Receipt {
                    status: SendStatus::Oneway,
                    attempts: 1,
                    ..self.receipt(lane, sequence, &draft.destination, &queue, within.map(|within| within.text))
                };
                (queue, Ok(receipt))
            }
            Err(error) => (self.nowhere.clone(), Err(error)),
        };
        self.counters().ended_oneway(&outcome, 1, body_length);
        if let Some(after) = after {
            after.hold(permit).end(&queue, 1, outcome.clone(), None, self.runtime.dispatcher());
        }
        outcome
    }

    fn enter(&self, lane: Lane, policy: Backpressure, deadline: Instant) -> Result<Option<Place>> {
        self.rooms[lane as usize].as_ref().map(|room| room.enter(policy, deadline)).transpose()
    }

    /// The broker has taken so much off a producer's window.
    pub(super) fn acknowledged(&self, producer: &ProducerId, size: i32) {
        let lane = if producer.session_id == self.ids.producer(Lane::Plain).id.session_id {
            Lane::Plain
        } else {
            Lane::Transacted
        };
        if let Some(room) = &self.rooms[lane as usize] {
            room.acknowledge(size);
        }
    }

    fn receipt(&self, lane: Lane, sequence: i64, to: &Known, queue: &Queue, transaction: Option<&str>) -> Receipt {
        Receipt {
            status: SendStatus::Ok,
            message_id: self.ids.message(lane, sequence),
            offset_message_id: String::new(),
            topic: to.text.clone(),
            broker_name: queue.broker.name[..].to_owned(),
            queue_id: queue.id,
            queue_offset: -1,
            transaction_id: transaction.unwrap_or_default().to_owned(),
            region_id: String::new(),
            recall_handle: String::new(),
            attempts: 0,
            earlier: Vec::new(),
        }
    }
}

/// A message that could not be sent, for after the session's lock.
enum Unsent {
    Lost((Box<dyn Asker>, Error)),
    Ended(Box<SendOp>, Error),
}

/// Gives a place in the window back, if it was not filled.
struct Left<'a> {
    client: &'a Client,
    lane: Lane,
    place: Option<Place>,
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        if let (Some(place), Some(room)) = (self.place.take(), &self.client.rooms[self.lane as usize]) {
            room.leave(place);
        }
    }
}

/// The error of a transaction that the broker has dropped.
pub(super) fn rolled_back(why: &str) -> Error {
    let what = format!("the broker has rolled the transaction back: {why}; begin another");
    Error::new(ErrorKind::TransactionRolledBack, what)
}

impl SendOp {
    /// Sends it on a connection, whose form `ready` has; without that it gets it here. It is given back when the
    /// connection has ended; the session's lock must be gone then.
    pub(super) fn transmit(
        mut self: Box<Self>,
        up: &Up,
        ready: Option<Bytes>,
        hold: bool,
    ) -> std::result::Result<(), (Box<dyn Asker>, Error)> {
        self.tries += 1;
        self.try_started = Instant::now();
        self.queue = up.queue.clone();
        let frame = match ready.map_or_else(|| up.link.in_its_form(&self.frame), Ok) {
            Ok(frame) => frame,
            Err(error) => return Err((Box::new(Unfit(self)), error)),
        };
        up.queue.broker.counters.sent.add(frame.len());
        // It is kept where it may be needed again; else its memory goes where it came from, on the thread that writes it.
        if self.client.failover().is_none() {
            self.frame = Bytes::new();
        }
        let (command, deadline) = (self.command, self.deadline);
        up.link.request(command, frame, self, deadline, hold)
    }

    /// Ends it without an answer.
    pub(super) fn fail(self: Box<Self>, cause: Error) {
        self.queue.broker.counters.failed.add(1);
        let took = self.started.elapsed().as_millis();
        let context = format!("destination `{}`: {} tries in {took} ms", self.destination.text, self.tries);
        let error = match self.lane {
            Lane::Plain => cause.context(context).with_maybe_persisted(self.maybe_sent),
            Lane::Transacted => cause,
        };
        self.client.counters().given_up.add(1);
        self.finish(Err(error));
    }

    fn finish(self: Box<Self>, outcome: Outcome) {
        let SendOp { client, queue, tries, after, owed, .. } = *self;
        let Some(after) = after else {
            // Before the owner hears of it and may close: the last handle should not go on the I/O thread.
            drop(client);
            return owed.deliver_after(outcome, queue, tries);
        };
        let dispatcher = Arc::clone(client.runtime.dispatcher());
        drop(client);
        after.end(&queue, tries, outcome, Some(owed), &dispatcher);
    }
}

/// A message that waited for a connection and has no form on it; another one would not change that.
struct Unfit(Box<SendOp>);

impl Asker for Unfit {
    fn answered(self: Box<Self>, answer: std::result::Result<(), Throwable>) {
        self.0.answered(answer);
    }

    fn late(self: Box<Self>, maybe_sent: bool) {
        self.0.late(maybe_sent);
    }

    fn lost(self: Box<Self>, cause: &Error) {
        self.0.fail(cause.clone());
    }
}

impl Asker for SendOp {
    fn answered(self: Box<Self>, answer: std::result::Result<(), Throwable>) {
        self.queue.broker.counters.answered(self.try_started.elapsed());
        let outcome = match answer {
            Ok(()) => Ok(Receipt {
                attempts: self.tries,
                ..self.client.receipt(
                    self.lane,
                    self.sequence,
                    &self.destination,
                    &self.queue,
                    self.transaction.as_deref(),
                )
            }),
            Err(exception) => {
                self.queue.broker.counters.failed.add(1);
                Err(refusal(&exception).context(format_args!("destination `{}`", self.destination.text)))
            }
        };
        self.finish(outcome);
    }

    fn late(mut self: Box<Self>, maybe_sent: bool) {
        self.maybe_sent |= maybe_sent;
        let what = format!(
            "{} did not answer in time: it is slow, or its flow control keeps producers waiting",
            self.queue.broker.address
        );
        self.fail(Error::new(ErrorKind::Timeout, what));
    }

    fn lost(mut self: Box<Self>, cause: &Error) {
        self.maybe_sent = true;
        if let Some(closed) = self.client.must_end() {
            return self.fail(closed);
        }
        if self.lane == Lane::Transacted {
            return self.fail(rolled_back(cause.message()));
        }
        if self.client.failover().is_none() {
            return self.fail(cause.clone());
        }
        let client = Arc::clone(&self.client);
        if let Err((op, closed)) = client.requeue(self) {
            op.fail(closed);
        }
    }
}
