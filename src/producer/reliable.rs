//! Reliable sending beyond its tries: messages that are given up, the alarm, and the way into the spool.

use super::Mode;
use super::accept::{Form, Head, Texts};
use super::choose::Choice;
use super::events::{Facts, Subject};
use super::hooks::{self, After};
use super::identity::now_ms;
use super::lifecycle::Core;
use super::lookup::Found;
use super::spooling::Spooling;
use crate::batch::OfBatch;
use crate::completion::{Completion, Outcome, Owed};
use crate::error::{Error, ErrorKind, Result};
use crate::event::ReliabilityEventKind;
use crate::message::{Message, Receipt, SendOptions};
use crate::policy::returns::Returns;
use crate::protocol::remoting::{batch, sys_flag};
use crate::protocol::spool::{SpooledMessage, Target};
use crate::received::ReceivedMessage;
use crate::route::Queue;
use crate::runtime::Dispatcher;
use crate::selector::{MessageQueue, Selector};
use bytes::Bytes;
use std::sync::Arc;

/// A message that is not sent, or not known to be: all that another try of it needs.
pub(crate) struct Unsent {
    pub(super) head: Head,
    /// As it goes out.
    pub(super) body: Bytes,
    pub(super) target: Target,
    /// When it came into the spool, in milliseconds since 1970.
    pub(super) spooled: i64,
}

impl Unsent {
    pub(super) fn record(&self) -> SpooledMessage<'_> {
        let head = &self.head;
        SpooledMessage {
            code: head.code,
            batch: head.batch,
            messages: u32::try_from(head.messages).unwrap_or(u32::MAX),
            flag: head.flag,
            sys_flag: head.sys_flag,
            reconsume_times: head.returns.times,
            max_reconsume_times: head.returns.most,
            born_timestamp: head.born_timestamp,
            spooled: self.spooled,
            target: self.target.clone(),
            topic: head.topic(),
            message_id: head.message_id(),
            properties: head.properties(),
            body: &self.body,
        }
    }

    pub(super) fn from_record(record: SpooledMessage<'_>) -> Unsent {
        let head = Head {
            code: record.code,
            batch: record.batch,
            messages: record.messages as usize,
            texts: Texts::new(record.topic, record.message_id, record.properties),
            flag: record.flag,
            sys_flag: record.sys_flag,
            returns: Returns::again(record.reconsume_times, record.max_reconsume_times),
            born_timestamp: record.born_timestamp,
            spoolable: false,
        };
        Unsent { head, body: Bytes::copy_from_slice(record.body), target: record.target, spooled: record.spooled }
    }

    /// Each message of it, as its sender knows it.
    pub(super) fn messages(&self, topic: &str) -> Vec<ReceivedMessage> {
        let head = &self.head;
        if !head.batch {
            let message = ReceivedMessage::unsent(topic, head.flag, head.properties(), head.born_timestamp);
            return vec![message.with_body(head.sys_flag, &self.body)];
        }
        let each = batch::decode(&self.body).filter_map(std::result::Result::ok);
        let each = each.map(|one| {
            ReceivedMessage::unsent(topic, one.flag, one.properties, head.born_timestamp).with_body(0, one.body)
        });
        each.collect()
    }

    /// The receipt of each of its messages; `None` for each without one.
    pub(super) fn receipts(&self, outcome: &Outcome, messages: &[ReceivedMessage]) -> Vec<Option<Receipt>> {
        match outcome {
            Ok(receipt) if self.head.batch => {
                let each = OfBatch::new(receipt, messages.len());
                let ids = messages.iter().map(|message| &message.message_id).enumerate();
                ids.map(|(index, id)| Some(each.receipt(index, id))).collect()
            }
            Ok(receipt) => vec![Some(receipt.clone())],
            Err(_) => vec![None; messages.len()],
        }
    }
}

/// The last steps of a message: its hooks, then its sender.
pub(super) struct Last {
    pub(super) queue: Queue,
    pub(super) tries: u32,
    pub(super) after: Option<Box<After>>,
    pub(super) owed: Owed,
    pub(super) dispatcher: Arc<Dispatcher>,
}

impl Last {
    pub(super) fn end(self, outcome: Outcome) {
        match self.after {
            None => self.owed.deliver_after(outcome, self.queue, self.tries),
            Some(after) => after.end(&self.queue, self.tries, outcome, Some(self.owed), &self.dispatcher),
        }
    }
}

/// Whether a message that failed so may be sent later.
fn may_wait(cause: &Error) -> bool {
    match cause.kind() {
        ErrorKind::NoRoute
        | ErrorKind::NoNameServer
        | ErrorKind::BrokerNotFound
        | ErrorKind::Connect
        | ErrorKind::ConnectionLost
        | ErrorKind::Timeout
        | ErrorKind::Resource => true,
        ErrorKind::Broker => cause.retriable(),
        _ => false,
    }
}

/// Where a message goes whose queue was chosen already.
pub(super) fn target_of(queue: &Queue, choice: Choice) -> Target {
    match choice {
        Choice::RoundRobin => Target::RoundRobin,
        Choice::Random => Target::Random,
        Choice::Fixed => Target::Queue { broker_name: queue.broker.name.to_string(), queue_id: queue.id },
    }
}

/// The same before that; `None`: only the caller can choose.
pub(super) fn target_by(selector: &Selector<'_>) -> Option<Target> {
    Some(match *selector {
        Selector::RoundRobin => Target::RoundRobin,
        Selector::Random => Target::Random,
        Selector::Hash(key) => Target::Hash(key.to_owned()),
        Selector::ConsistentHash(key) => Target::ConsistentHash(key.to_owned()),
        Selector::MachineRoom(rooms) => Target::MachineRoom(rooms.iter().map(|room| (*room).to_owned()).collect()),
        Selector::Queue(MessageQueue { broker_name, queue_id }) => {
            Target::Queue { broker_name: broker_name.to_owned(), queue_id }
        }
        Selector::Callback(_) => return None,
    })
}

/// What a try with that target does about the queue.
pub(super) fn choice_of(target: &Target) -> Choice {
    match target {
        Target::RoundRobin => Choice::RoundRobin,
        Target::Random => Choice::Random,
        _ => Choice::Fixed,
    }
}

impl Core {
    /// What reliable sending refuses, because it could not keep its word.
    pub(super) fn must_be_reliable(&self, message: &Message<'_>, mode: Mode) -> Result<()> {
        if self.settings.reliability.is_none() {
            return Ok(());
        }
        if mode == Mode::Oneway {
            let what = "one-way messages have no receipt; with `reliability` = `reliable` they are refused";
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        if !message.wait_store_msg_ok {
            let what = "`wait_store_msg_ok` is false; with `reliability` = `reliable` it must be true";
            return Err(Error::new(ErrorKind::InvalidMessage, what));
        }
        Ok(())
    }

    /// The spool, when a message that was refused so can go there.
    pub(super) fn spool_for(&self, cause: &Error, form: &Form<'_>) -> Option<&Arc<Spooling>> {
        self.spooling.as_ref().filter(|_| form.spoolable && may_wait(cause) && self.must_end().is_none())
    }

    /// What `find` finds. With a spool, a topic whose route could not be found is not looked for by each of its messages:
    /// they go into the spool until the next try of it is due.
    pub(super) fn route_or_spool(&self, topic: &str, find: impl FnOnce() -> Found) -> Found {
        let Some(spooling) = &self.spooling else { return find() };
        if let Some(cause) = spooling.unrouted(topic).filter(|_| self.routes.get(topic).is_none()) {
            return Err(cause);
        }
        let found = find();
        if let Err(cause) = &found {
            self.note_unrouted(topic, cause);
        }
        found
    }

    /// Whether messages of a topic whose route was not found, for this cause, go into the spool.
    pub(super) fn note_unrouted(&self, topic: &str, cause: &Error) -> bool {
        let spooling = self.spooling.as_ref().filter(|_| may_wait(cause));
        spooling.inspect(|spooling| spooling.note_unrouted(topic, cause)).is_some()
    }

    /// Puts a message into the spool that has no route to be sent by. On an error it is refused, with the cause.
    pub(super) fn spool_unrouted(
        self: &Arc<Self>,
        message: &Message<'_>,
        options: &SendOptions,
        mode: Mode,
        form: &Form<'_>,
        cause: Error,
        completion: Completion,
    ) -> Result<()> {
        let prepared = self.prepare_unrouted(message, options, mode, form, cause);
        self.counters().taken(&prepared, message.body.len());
        let (unsent, permit, after, cause) = prepared?;
        let dispatcher = Arc::clone(self.runtime.dispatcher());
        let owed = Owed::new(completion, permit, &dispatcher);
        let last = Last { queue: Queue::unknown(), tries: 0, after, owed, dispatcher };
        self.keep(unsent, cause, true, last);
        Ok(())
    }

    #[allow(clippy::type_complexity)]
    fn prepare_unrouted(
        self: &Arc<Self>,
        message: &Message<'_>,
        options: &SendOptions,
        mode: Mode,
        form: &Form<'_>,
        cause: Error,
    ) -> Result<(Unsent, super::admission::Permit, Option<Box<After>>, Error)> {
        let Some(target) = target_by(&options.selector) else {
            return Err(cause);
        };
        let rules = self.rules(options, mode)?;
        let topic = self.settings.namespace.wrap(message.topic);
        let mut head = self.head(message, &topic, form)?;
        let permit = self.admission.admit(message.body.len(), self.backpressure(), rules.deadline)?;
        let compressed = self.settings.compression.apply(message.body);
        if compressed.is_some() {
            head.sys_flag = sys_flag::with_compression(head.sys_flag, self.settings.compression.compression);
        }
        let after = match self.hooks.get() {
            None => None,
            Some(hooks) => {
                let unknown = Queue::unknown();
                Some(hooks::before(hooks, &self.sending(message, &head, &unknown, &rules))?)
            }
        };
        let body = compressed.map_or_else(|| Bytes::copy_from_slice(message.body), Bytes::from);
        Ok((Unsent { head, body, target, spooled: now_ms() }, permit, after, cause))
    }

    /// The end of a message that failed for good: into the spool where that is meant, then the alarm, then its sender.
    pub(super) fn keep(self: &Arc<Self>, unsent: Unsent, error: Error, alarm: bool, last: Last) {
        let topic = self.settings.namespace.strip(unsent.head.topic()).into_owned();
        let messages = unsent.head.messages as u64;
        let (events, counters) = (Arc::clone(&self.events), Arc::clone(self.admission.counters()));
        let end = move |unsent: Arc<Unsent>, error: Error| {
            if !alarm {
                return last.end(Err(error));
            }
            counters.alarms.add(messages);
            tracing::error!(
                message_id = unsent.head.message_id(), topic, messages, %error,
                "reliable sending gave a message up"
            );
            let dispatcher = Arc::clone(&last.dispatcher);
            let outcome = Box::new(Err(error.clone()));
            let facts = || Facts::Message { kind: ReliabilityEventKind::GivenUp, topic, unsent, outcome };
            events.tell(Subject::Alarm, facts, Some(Box::new(move || last.end(Err(error)))), &dispatcher);
        };
        match &self.spooling {
            Some(spooling) if unsent.head.spoolable => spooling.append(Arc::new(unsent), error, Box::new(end)),
            _ => end(Arc::new(unsent), error),
        }
    }
}
