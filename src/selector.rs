//! Which queue of its topic a message goes to, as the caller says.

use std::fmt;

/// A queue of a topic, as a selector callback sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageQueue<'a> {
    /// The broker's name.
    pub broker_name: &'a str,
    /// The queue's number on that broker.
    pub queue_id: i32,
}

/// A queue of a topic; see [`Producer::queues`](crate::Producer::queues).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedQueue {
    /// The broker's name.
    pub broker_name: String,
    /// The queue's number on that broker.
    pub queue_id: i32,
}

impl OwnedQueue {
    /// The same, lent.
    pub fn as_queue(&self) -> MessageQueue<'_> {
        MessageQueue { broker_name: &self.broker_name, queue_id: self.queue_id }
    }
}

/// Which queue of its topic a message goes to.
///
/// Queues are ordered by broker name and number. `RoundRobin` and `Random` take a fresh queue for each try; all others
/// choose once, on the caller's thread, and the message stays on that queue over its retries, so that messages of one
/// key keep their order.
#[derive(Clone, Copy, Default)]
pub enum Selector<'a> {
    /// One queue after the other from a random start, shared by all senders of the topic; retries go to another broker
    /// while there is one. With `send_latency_enable`, brokers that are slow or out of reach are passed over.
    #[default]
    RoundRobin,
    /// Any queue; retries go to another broker while there is one.
    Random,
    /// The queue at |`String.hashCode` of the key| modulo the number of queues, as the Java client's hash selector: most
    /// keys move when the number of queues changes.
    Hash(&'a str),
    /// The queue on a ring of MD5 hashes: only the keys of queues that come or go move.
    ConsistentHash(&'a str),
    /// One queue after the other of those whose broker's name is `room@name` with one of these rooms.
    MachineRoom(&'a [&'a str]),
    /// This queue, which must belong to the topic.
    Queue(MessageQueue<'a>),
    /// The queue at the index that the function returns for the topic's queues; it is called once, on the caller's
    /// thread.
    Callback(&'a (dyn Fn(&[MessageQueue<'_>]) -> usize + 'a)),
}

impl fmt::Debug for Selector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selector::RoundRobin => f.write_str("RoundRobin"),
            Selector::Random => f.write_str("Random"),
            Selector::Hash(key) => f.debug_tuple("Hash").field(key).finish(),
            Selector::ConsistentHash(key) => f.debug_tuple("ConsistentHash").field(key).finish(),
            Selector::MachineRoom(rooms) => f.debug_tuple("MachineRoom").field(rooms).finish(),
            Selector::Queue(queue) => f.debug_tuple("Queue").field(queue).finish(),
            Selector::Callback(_) => f.write_str("Callback"),
        }
    }
}
