//! What the broker knows: connections, destinations, messages.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use super::delivery::{Consumer, Waiting};
use crate::protocol::openwire::wire::Object;
use crate::protocol::openwire::{
    ConnectionId, Destination, Message, MessageAck, MessageId, ProducerId, SessionId, encode,
};

/// A client's connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) frames: mpsc::UnboundedSender<Bytes>,
    pub(super) id: Option<ConnectionId>,
    pub(super) client_id: Option<String>,
    pub(super) sessions: HashSet<SessionId>,
    pub(super) producers: HashMap<ProducerId, Producer>,
    pub(super) transactions: BTreeMap<i64, Transaction>,
}

impl Connection {
    /// Sends a command of the broker's own accord.
    pub(super) fn push(&self, command: &impl Object) {
        let mut frame = BytesMut::new();
        match encode(&mut frame, 0, false, command) {
            // An error means that the connection is at its end.
            Ok(()) => drop(self.frames.send(frame.freeze())),
            Err(error) => tracing::error!("the embedded broker cannot send: {error}"),
        }
    }
}

/// A producer of a connection.
#[derive(Debug)]
pub(super) struct Producer {
    /// The only one; none: any.
    pub(super) destination: Option<Destination>,
    pub(super) window: i32,
}

/// What a transaction has done so far.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    pub(super) messages: Vec<Message>,
    pub(super) acks: Vec<MessageAck>,
    /// Something failed that nobody was told of.
    pub(super) failed: Option<String>,
}

/// A message as it came.
#[derive(Clone, Debug)]
pub(in crate::mock) struct Logged {
    pub(in crate::mock) connector: usize,
    pub(super) destination: Destination,
    /// Its number in its destination, from 0.
    pub(super) offset: i64,
    pub(super) message: Arc<Message>,
}

/// What the broker knows.
#[derive(Debug, Default)]
pub(in crate::mock) struct State {
    pub(super) connections: BTreeMap<u64, Connection>,
    next_connection: u64,
    pub(super) queues: BTreeMap<Destination, VecDeque<Waiting>>,
    pub(super) consumers: Vec<Consumer>,
    /// Which consumer is asked first.
    pub(super) turn: usize,
    /// Each with its connection.
    pub(super) temporaries: BTreeMap<Destination, u64>,
    log: Vec<Logged>,
    offsets: BTreeMap<Destination, i64>,
    sequence: i64,
    pub(super) advisories: i64,
    pub(super) replies: i64,
    seen: HashSet<(ProducerId, i64)>,
    /// Messages that wait for their time.
    pub(super) scheduled: usize,
    /// Changes when messages are forgotten, so that those that wait for their time are.
    pub(super) generation: u64,
}

impl State {
    pub(super) fn connect(&mut self, frames: mpsc::UnboundedSender<Bytes>) -> u64 {
        let number = self.next_connection;
        self.next_connection += 1;
        let connection = Connection {
            frames,
            id: None,
            client_id: None,
            sessions: HashSet::new(),
            producers: HashMap::new(),
            transactions: BTreeMap::new(),
        };
        self.connections.insert(number, connection);
        number
    }

    /// Whether a message comes for the first time. Messages without an id always do.
    pub(super) fn is_new(&mut self, id: Option<&MessageId>) -> bool {
        let Some(MessageId { producer_id: Some(producer), producer_sequence_id, .. }) = id else { return true };
        self.seen.insert((producer.clone(), *producer_sequence_id))
    }

    /// Stores a message of one destination.
    pub(super) fn store(&mut self, connector: usize, destination: &Destination, mut message: Message) -> Arc<Message> {
        self.sequence += 1;
        if let Some(id) = &mut message.message_id {
            id.broker_sequence_id = self.sequence;
        }
        let message = Arc::new(message);
        let offset = self.offsets.entry(destination.clone()).or_default();
        let logged =
            Logged { connector, destination: destination.clone(), offset: *offset, message: Arc::clone(&message) };
        *offset += 1;
        self.log.push(logged);
        message
    }

    /// The messages of destinations of one name, or all.
    pub(in crate::mock) fn messages<'s>(&'s self, name: Option<&'s str>) -> impl Iterator<Item = &'s Logged> {
        self.log.iter().filter(move |logged| name.is_none_or(|name| logged.destination.name == name))
    }

    pub(in crate::mock) fn count(&self, name: Option<&str>) -> usize {
        match name {
            None => self.log.len(),
            Some(_) => self.messages(name).count(),
        }
    }

    pub(in crate::mock) fn scheduled(&self) -> usize {
        self.scheduled
    }

    pub(in crate::mock) fn clear(&mut self) {
        self.log.clear();
        self.queues.clear();
        self.scheduled = 0;
        self.generation += 1;
        self.consumers.iter_mut().for_each(Consumer::forget);
    }
}
