//! How messages reach consumers, and what consumers say of them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::state::State;
use crate::mock::store::now_millis;
use crate::protocol::openwire::{
    ConsumerId, ConsumerInfo, Destination, DestinationKind, Message, MessageAck, MessageDispatch, MessageId, Packet,
    SessionId,
};

/// Where messages go that a consumer gave up.
const DEAD_LETTERS: &str = "ActiveMQ.DLQ";

/// A message that waits for a consumer.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) destination: Destination,
    pub(super) message: Arc<Message>,
    /// How often it was handed out before.
    pub(super) redeliveries: i32,
}

impl Waiting {
    fn is_expired(&self) -> bool {
        self.message.expiration > 0 && self.message.expiration <= now_millis()
    }

    fn is(&self, id: &MessageId) -> bool {
        let own = self.message.message_id.as_ref();
        own.is_some_and(|own| own.producer_id == id.producer_id && own.producer_sequence_id == id.producer_sequence_id)
    }
}

/// A consumer of a connection.
#[derive(Debug)]
pub(super) struct Consumer {
    pub(super) connection: u64,
    pub(super) info: ConsumerInfo,
    /// What waits for it alone: of topics, and for browsers.
    waiting: VecDeque<Waiting>,
    /// What it has and did not acknowledge.
    unacknowledged: VecDeque<Waiting>,
    /// How many of those its client handed on, so that as many more may follow.
    delivered: usize,
    /// How many it asked for.
    pulls: usize,
}

impl Consumer {
    pub(super) fn new(connection: u64, info: ConsumerInfo) -> Self {
        Consumer { connection, info, waiting: VecDeque::new(), unacknowledged: VecDeque::new(), delivered: 0, pulls: 0 }
    }

    pub(super) fn is_of_session(&self, session: &SessionId) -> bool {
        let id = &self.info.consumer_id;
        id.connection_id == session.connection_id && id.session_id == session.value
    }

    fn has_room(&self) -> bool {
        match usize::try_from(self.info.prefetch_size) {
            Ok(prefetch @ 1..) => self.unacknowledged.len().saturating_sub(self.delivered) < prefetch,
            _ => self.pulls > 0,
        }
    }

    /// Whether it takes messages of `destination`.
    fn covers(&self, destination: &Destination) -> bool {
        self.info.destination.as_ref().is_some_and(|own| {
            own.kind == destination.kind && own.name.split(',').any(|pattern| matches(pattern, &destination.name))
        })
    }

    pub(super) fn forget(&mut self) {
        self.waiting.clear();
        self.unacknowledged.clear();
        self.delivered = 0;
    }
}

/// Whether `pattern` covers `name`: `*` is one part between dots, `>` at the end all that follow.
fn matches(pattern: &str, name: &str) -> bool {
    let (mut wanted, mut parts) = (pattern.split('.'), name.split('.'));
    loop {
        match (wanted.next(), parts.next()) {
            (Some(">"), _) | (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

/// The single destinations of a composite one; each may name its type.
pub(super) fn parts(destination: &Destination) -> Vec<Destination> {
    let part = |text: &str| {
        let text = text.trim();
        for (scheme, kind) in [("queue://", DestinationKind::Queue), ("topic://", DestinationKind::Topic)] {
            if let Some(name) = text.strip_prefix(scheme) {
                return Destination { kind, name: name.to_owned() };
            }
        }
        Destination { kind: destination.kind, name: text.to_owned() }
    };
    destination.name.split(',').map(part).collect()
}

impl State {
    /// Takes a message for each of its destinations and hands out what it can. A second one with its id is dropped.
    pub(super) fn accept(&mut self, connector: usize, message: Message) -> Vec<Waiting> {
        let (true, Some(destination)) = (self.is_new(message.message_id.as_ref()), message.destination.clone()) else {
            return Vec::new();
        };
        let mut accepted = Vec::new();
        for part in parts(&destination) {
            let mut copy = message.clone();
            if part != destination {
                copy.original_destination = Some(destination.clone());
                copy.destination = Some(part.clone());
            }
            let message = self.store(connector, &part, copy);
            let waiting = Waiting { destination: part, message, redeliveries: 0 };
            self.enqueue(waiting.clone());
            accepted.push(waiting);
        }
        accepted
    }

    /// Puts a message where its consumers find it, and hands out what it can.
    pub(super) fn enqueue(&mut self, waiting: Waiting) {
        let destination = waiting.destination.clone();
        if destination.is_queue() {
            self.queues.entry(destination.clone()).or_default().push_back(waiting);
            self.hand_out(&destination);
            return;
        }
        let mut reached = Vec::new();
        for (at, consumer) in self.consumers.iter_mut().enumerate() {
            if consumer.covers(&destination) {
                consumer.waiting.push_back(waiting.clone());
                reached.push(at);
            }
        }
        for at in reached {
            self.hand_out_own(at);
        }
    }

    /// Hands a queue's messages to consumers that have room, by turns.
    fn hand_out(&mut self, queue: &Destination) {
        while self.queues.get(queue).is_some_and(|waiting| !waiting.is_empty()) {
            let count = self.consumers.len();
            let turns = (0..count).map(|at| (self.turn + at) % count);
            let ready = |at: &usize| {
                let consumer = &self.consumers[*at];
                !consumer.info.browser && consumer.covers(queue) && consumer.has_room()
            };
            let Some(at) = turns.into_iter().find(ready) else { return };
            let Some(waiting) = self.queues.get_mut(queue).and_then(VecDeque::pop_front) else { return };
            self.turn = at + 1;
            self.hand_to(at, waiting);
        }
    }

    /// Hands a consumer what waits for it alone.
    fn hand_out_own(&mut self, at: usize) {
        while self.consumers[at].has_room() {
            let Some(waiting) = self.consumers[at].waiting.pop_front() else { break };
            self.hand_to(at, waiting);
        }
        let consumer = &self.consumers[at];
        if consumer.info.browser && consumer.waiting.is_empty() && consumer.has_room() {
            self.end_of_look(at);
        }
    }

    fn hand_to(&mut self, at: usize, waiting: Waiting) {
        if waiting.is_expired() {
            return;
        }
        let consumer = &mut self.consumers[at];
        let dispatch = MessageDispatch {
            consumer_id: Some(consumer.info.consumer_id.clone()),
            destination: Some(waiting.destination.clone()),
            message: Some(Packet {
                command_id: 0,
                response_required: false,
                command: Box::new(Message {
                    redelivery_counter: waiting.redeliveries,
                    broker_out_time: now_millis(),
                    ..(*waiting.message).clone()
                }),
            }),
            redelivery_counter: waiting.redeliveries,
        };
        consumer.pulls = consumer.pulls.saturating_sub(1);
        consumer.unacknowledged.push_back(waiting);
        if let Some(connection) = self.connections.get(&consumer.connection) {
            connection.push(&dispatch);
        }
    }

    /// A dispatch without a message: there is nothing more.
    fn end_of_look(&mut self, at: usize) {
        let consumer = &mut self.consumers[at];
        consumer.pulls = consumer.pulls.saturating_sub(1);
        let (consumer_id, destination) = (Some(consumer.info.consumer_id.clone()), consumer.info.destination.clone());
        let dispatch = MessageDispatch { consumer_id, destination, message: None, redelivery_counter: 0 };
        if let Some(connection) = self.connections.get(&consumer.connection) {
            connection.push(&dispatch);
        }
    }

    /// Hands out all that can be handed out.
    pub(super) fn hand_out_all(&mut self) {
        let queues: Vec<_> = self.queues.keys().cloned().collect();
        queues.iter().for_each(|queue| self.hand_out(queue));
        (0..self.consumers.len())
            .filter(|at| !self.consumers[*at].waiting.is_empty())
            .collect::<Vec<_>>()
            .iter()
            .for_each(|at| self.hand_out_own(*at));
    }

    pub(super) fn add_consumer(&mut self, consumer: Consumer) {
        let (browser, at) = (consumer.info.browser, self.consumers.len());
        self.consumers.push(consumer);
        if browser {
            let consumer = &self.consumers[at];
            let covered = self.queues.iter().filter(|(queue, _)| consumer.covers(queue));
            let waiting = covered.flat_map(|(_, waiting)| waiting).cloned().collect();
            self.consumers[at].waiting = waiting;
            self.hand_out_own(at);
        }
        self.hand_out_all();
    }

    /// Takes consumers off; what they did not acknowledge goes back to the front of its queue. `last`: the broker's
    /// number of the last message that reached the application, which counts as handed out.
    pub(super) fn remove_consumers(&mut self, last: i64, wanted: impl Fn(&Consumer) -> bool) {
        let (gone, stay): (Vec<_>, Vec<_>) = self.consumers.drain(..).partition(wanted);
        self.consumers = stay;
        for mut back in gone.into_iter().filter(|consumer| !consumer.info.browser).flat_map(|c| c.unacknowledged).rev()
        {
            let number = back.message.message_id.as_ref().map_or(0, |id| id.broker_sequence_id);
            if back.destination.is_queue() {
                back.redeliveries += i32::from(last == 0 || number <= last);
                self.queues.entry(back.destination.clone()).or_default().push_front(back);
            }
        }
        self.hand_out_all();
    }

    /// A consumer asks for a message.
    pub(super) fn pull(&mut self, id: &ConsumerId, wait: bool) {
        let Some(at) = self.consumers.iter().position(|consumer| consumer.info.consumer_id == *id) else { return };
        self.consumers[at].pulls += 1;
        let before = self.consumers[at].pulls;
        self.hand_out_all();
        if !wait && self.consumers[at].pulls == before {
            self.end_of_look(at);
        }
    }

    /// What a consumer says of messages; `Err`: it has no such message.
    pub(super) fn acknowledge(&mut self, ack: &MessageAck) -> Result<(), String> {
        let found = self.consumers.iter().position(|c| Some(&c.info.consumer_id) == ack.consumer_id.as_ref());
        let Some(at) = found else {
            return Ok(());
        };
        let consumer = &mut self.consumers[at];
        let count = usize::try_from(ack.message_count).unwrap_or(0);
        let position = |id: &Option<MessageId>| {
            id.as_ref().and_then(|id| consumer.unacknowledged.iter().position(|waiting| waiting.is(id)))
        };
        let last = position(&ack.last_message_id);
        let mut dead = Vec::new();
        match ack.ack_type {
            MessageAck::DELIVERED => {
                consumer.delivered = (consumer.delivered + count).min(consumer.unacknowledged.len())
            }
            MessageAck::REDELIVERED => {
                let first = position(&ack.first_message_id).unwrap_or(0);
                let end = last.map_or(0, |last| last + 1);
                consumer.unacknowledged.range_mut(first.min(end)..end).for_each(|waiting| waiting.redeliveries += 1);
            }
            kind => {
                let Some(last) = last else {
                    let id = ack.last_message_id.as_ref().map(ToString::to_string).unwrap_or_default();
                    return Err(format!("Unmatched acknowledge: {id} is not in the dispatched list"));
                };
                let first = if kind == MessageAck::INDIVIDUAL {
                    last
                } else {
                    position(&ack.first_message_id).unwrap_or_else(|| (last + 1).saturating_sub(count.max(1)))
                };
                let taken: Vec<_> = consumer.unacknowledged.drain(first.min(last)..=last).collect();
                consumer.delivered = consumer.delivered.saturating_sub(taken.len());
                if kind == MessageAck::POISON {
                    dead = taken;
                }
            }
        }
        for waiting in dead {
            let destination = Destination::queue(DEAD_LETTERS);
            self.enqueue(Waiting { destination, redeliveries: 0, ..waiting });
        }
        self.hand_out_all();
        Ok(())
    }

    /// Whether somebody consumes it.
    pub(super) fn is_consumed(&self, destination: &Destination) -> bool {
        self.consumers.iter().any(|consumer| consumer.info.destination.as_ref() == Some(destination))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_cover_whole_parts() {
        for (pattern, name, covered) in [
            ("a.b", "a.b", true),
            ("a.b", "a.c", false),
            ("a.*", "a.b", true),
            ("a.*", "a.b.c", false),
            ("a.>", "a.b.c", true),
            ("a.>", "b.c", false),
            (">", "a", true),
            ("a.b", "a", false),
        ] {
            assert_eq!(matches(pattern, name), covered, "{pattern} {name}");
        }
    }

    #[test]
    fn composite_names_fall_apart() {
        let composite = Destination::queue("A, topic://B,queue://C");
        assert_eq!(parts(&composite), [Destination::queue("A"), Destination::topic("B"), Destination::queue("C")]);
    }
}
