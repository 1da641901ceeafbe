//! Sends of single messages, and how a try becomes a frame.

use super::Mode;
use super::accept::{Accepted, Form, Head, Rules};
use super::choose::Choice;
use super::lifecycle::Core;
use super::tries::First;
use crate::completion::{Completion, Outcome, Owed};
use crate::error::Result;
use crate::message::{Message, SendOptions, SendStatus, Told};
use crate::net::connection::{Awaited, Connection};
use crate::net::cork::Cork;
use crate::net::outbox::OnWritten;
use crate::protocol::remoting::payload::Payload;
use crate::protocol::remoting::send::SendHeader;
use crate::route::Queue;
use bytes::{Bytes, BytesMut};
use std::sync::Arc;
use std::time::Instant;

/// Where a one-way message goes, and the broker that this is: the first, the second...
pub(super) struct Place {
    pub(super) queue: Queue,
    pub(super) choice: Choice,
    pub(super) tries: u32,
}

impl Core {
    /// Takes a message, whose end is told to `completion`. What is returned is for a caller who waits for that.
    pub(crate) fn submit(
        self: &Arc<Self>,
        message: &Message<'_>,
        options: &SendOptions,
        mode: Mode,
        completion: Completion,
    ) -> Result<Option<Awaited>> {
        let form = Form::default();
        match &self.accumulator {
            Some(accumulator) => self.accumulate(accumulator, message, options, mode, &form, completion),
            None => self.submit_as(message, options, mode, &form, completion),
        }
    }

    pub(super) fn submit_as(
        self: &Arc<Self>,
        message: &Message<'_>,
        options: &SendOptions,
        mode: Mode,
        form: &Form<'_>,
        completion: Completion,
    ) -> Result<Option<Awaited>> {
        let accepted = match self.accept(message, options, mode, form) {
            Err(cause) if self.spool_for(&cause, form).is_some() => {
                return self.spool_unrouted(message, options, mode, form, cause, completion).map(|()| None);
            }
            accepted => accepted?,
        };
        let Accepted { head, compressed, queue, choice, rules, permit, after } = accepted;
        let awaited = completion.is_parked_caller();
        let owed = Owed::new(completion, permit, self.runtime.dispatcher());
        let body = compressed.as_deref().unwrap_or(message.body);
        let first = First { body: Payload::Plain(body), cork: form.cork, awaited };
        Ok(self.launch(head, (queue, choice), rules, after, owed, first))
    }

    pub(crate) fn send_oneway(self: &Arc<Self>, message: &Message<'_>, options: &SendOptions) -> Outcome {
        self.send_oneway_and_tell(message, options, |told| told.to_receipt())
    }

    /// The same; `tell` makes of the receipt what is wanted of it.
    pub(crate) fn send_oneway_and_tell<T>(
        self: &Arc<Self>,
        message: &Message<'_>,
        options: &SendOptions,
        tell: impl FnOnce(&Told<'_>) -> T,
    ) -> Result<T> {
        let Accepted { head, compressed, queue, choice, rules, permit, after } =
            self.accept(message, options, Mode::Oneway, &Form::default())?;
        let body = Payload::Plain(compressed.as_deref().unwrap_or(message.body));
        let count = |pushed: &Result<()>| self.counters().ended_oneway(pushed, 1, message.body.len());
        let mut place = Place { queue, choice, tries: 1 };
        let Some(after) = after else {
            let pushed = self.push_oneway(&head, body, &mut place, rules, Box::new(permit));
            count(&pushed);
            return pushed.map(|()| self.told_oneway(&head, &place, tell));
        };
        let permit = Arc::new(permit);
        let pushed = self.push_oneway(&head, body, &mut place, rules, Box::new(Arc::clone(&permit)));
        count(&pushed);
        let outcome = pushed.clone().map(|()| self.told_oneway(&head, &place, |told| told.to_receipt()));
        after.hold(permit).end(&place.queue, place.tries, outcome, None, self.runtime.dispatcher());
        pushed.map(|()| self.told_oneway(&head, &place, tell))
    }

    /// Lends `tell` the receipt of a one-way message.
    pub(super) fn told_oneway<T>(&self, head: &Head, place: &Place, tell: impl FnOnce(&Told<'_>) -> T) -> T {
        tell(&Told {
            status: SendStatus::Oneway,
            message_id: head.message_id(),
            offset_message_id: "",
            topic: &self.settings.namespace.strip(head.topic()),
            broker_name: &place.queue.broker.name,
            queue_id: place.queue.id,
            queue_offset: -1,
            transaction_id: "",
            region_id: "",
            recall_handle: "",
            attempts: place.tries,
            earlier: &[],
        })
    }

    /// Writes a one-way message, and says in `place` where to.
    pub(super) fn push_oneway(
        &self,
        head: &Head,
        body: Payload<'_>,
        place: &mut Place,
        rules: Rules,
        on_written: OnWritten,
    ) -> Result<()> {
        let connection = self.open_for_oneway(head.topic(), place, rules.deadline)?;
        let queue = &place.queue;
        let opaque = connection.unanswered()?;
        let frame = self.encode(head, queue, opaque, true, body, None);
        queue.broker.counters.sent.add(frame.len());
        connection.push_unhurried(frame, on_written, rules.started)
    }

    /// The connection of a one-way message: to another broker when that of its queue cannot be reached, since nothing is
    /// written before.
    fn open_for_oneway(&self, topic: &str, place: &mut Place, deadline: Instant) -> Result<Arc<Connection>> {
        loop {
            let connection = self.pool.broker(&place.queue.broker.address);
            if self.faults.is_none() && connection.is_open() {
                return Ok(connection);
            }
            let opening = Instant::now();
            let opened = connection.wait_open(deadline);
            self.note_oneway(&place.queue.broker, opened.as_ref().err(), opening);
            let Err(cause) = opened else {
                return Ok(connection);
            };
            let may_move = place.choice != Choice::Fixed
                && place.tries < self.settings.sync_tries
                && Instant::now() < deadline
                && self.must_end().is_none();
            let other = |queue: &Queue| queue.broker.name != place.queue.broker.name;
            let next = may_move.then(|| self.choose_again(topic, &place.queue, place.choice)).flatten();
            place.queue = next.filter(other).ok_or(cause)?;
            place.tries += 1;
        }
    }

    pub(super) fn encode(
        &self,
        head: &Head,
        queue: &Queue,
        opaque: i32,
        oneway: bool,
        body: Payload<'_>,
        cork: Option<&Cork>,
    ) -> Bytes {
        let header = SendHeader {
            producer_group: &self.settings.producer_group,
            topic: head.topic(),
            default_topic: &self.settings.create_topic_key,
            default_topic_queue_nums: self.settings.default_topic_queue_nums,
            queue_id: queue.id,
            sys_flag: head.sys_flag,
            born_timestamp: head.born_timestamp,
            flag: head.flag,
            properties: head.properties(),
            reconsume_times: head.returns.times,
            unit_mode: self.settings.unit_mode,
            max_reconsume_times: head.returns.most,
            batch: head.batch,
            broker_name: &queue.broker.name,
        };
        let serializer = self.settings.serializer;
        let write = |out: &mut BytesMut| {
            let template = &queue.broker.template;
            let envelope = &self.settings.envelope;
            envelope.encode_send_by(template, out, head.code, serializer, opaque, oneway, &header, body);
        };
        match cork {
            Some(cork) => cork.frame(body.size(), write),
            None => {
                // The encoder reserves what it needs.
                let mut out = BytesMut::new();
                write(&mut out);
                out.freeze()
            }
        }
    }
}
