//! Which client is on which connection of a broker, and what a broker sends to it of its own accord.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use crate::protocol::remoting::heartbeat::Heartbeat;
use crate::protocol::remoting::{Header, Language, Serializer, command};
use crate::sync::Mutex;

/// Frames that wait for a client that does not read; further ones are dropped.
const MAX_WAITING: usize = 1024;

#[derive(Debug)]
struct Client {
    broker: usize,
    serializer: Serializer,
    frames: mpsc::Sender<Bytes>,
    /// By the heartbeats that came over the connection.
    client_ids: BTreeSet<String>,
    groups: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct State {
    clients: BTreeMap<u64, Client>,
    next_number: u64,
    next_opaque: i32,
    /// So that the clients of a group take turns.
    turn: usize,
}

/// The clients of all brokers.
#[derive(Debug, Default)]
pub(super) struct Clients(Mutex<State>);

/// A connection's entry, which ends with it.
#[derive(Debug)]
pub(super) struct Link {
    clients: Arc<Clients>,
    number: u64,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.clients.0.lock().clients.remove(&self.number);
    }
}

impl Link {
    /// Notes who is on the connection.
    pub(super) fn note(&self, heartbeat: &Heartbeat) {
        if let Some(client) = self.clients.0.lock().clients.get_mut(&self.number) {
            client.client_ids.insert(heartbeat.client_id.clone());
            client.groups.extend(heartbeat.producer_groups.iter().cloned());
        }
    }
}

impl Clients {
    /// A new connection to broker number `broker`, and the frames to write to it.
    pub(super) fn connect(self: &Arc<Self>, broker: usize, serializer: Serializer) -> (Link, mpsc::Receiver<Bytes>) {
        let (frames, receiver) = mpsc::channel(MAX_WAITING);
        let mut state = self.0.lock();
        let number = state.next_number;
        state.next_number += 1;
        let client = Client { broker, serializer, frames, client_ids: BTreeSet::new(), groups: BTreeSet::new() };
        state.clients.insert(number, client);
        (Link { clients: Arc::clone(self), number }, receiver)
    }

    /// Takes a group off a client.
    pub(super) fn remove_group(&self, broker: usize, group: &str, client_id: &str) {
        for client in self.0.lock().clients.values_mut() {
            if client.broker == broker && client.client_ids.contains(client_id) {
                client.groups.remove(group);
            }
        }
    }

    /// Sends a request to one of the clients of a producer group, by turns; `false`: there is none that takes it.
    pub(super) fn ask_group(&self, broker: usize, group: &str, request: Header, body: &[u8]) -> bool {
        self.ask(broker, |client| client.groups.contains(group), request, body)
    }

    /// Sends a request to the client of this id; `false`: it is not there or does not take it.
    pub(super) fn ask_client(&self, broker: usize, client_id: &str, request: Header, body: &[u8]) -> bool {
        self.ask(broker, |client| client.client_ids.contains(client_id), request, body)
    }

    fn ask(&self, broker: usize, wanted: impl Fn(&Client) -> bool, mut request: Header, body: &[u8]) -> bool {
        let mut state = self.0.lock();
        request.opaque = state.next_opaque;
        request.language = Language::JAVA;
        request.version = command::VERSION;
        state.next_opaque = state.next_opaque.wrapping_add(1) & i32::MAX;
        state.turn = state.turn.wrapping_add(1);
        let fitting: Vec<&Client> =
            state.clients.values().filter(|client| client.broker == broker && wanted(client)).collect();
        if fitting.is_empty() {
            return false;
        }
        let client = fitting[state.turn % fitting.len()];
        let mut frame = BytesMut::new();
        request.encode(client.serializer, body, &mut frame);
        client.frames.try_send(frame.freeze()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_to_the_clients_of_the_group_by_turns_as_long_as_they_are_connected() {
        let clients = Arc::new(Clients::default());
        let heartbeat = |id, groups: &[&str]| Heartbeat::v1(id, groups);
        let (first, mut to_first) = clients.connect(0, Serializer::Json);
        let (second, mut to_second) = clients.connect(0, Serializer::Json);
        let (elsewhere, mut to_elsewhere) = clients.connect(1, Serializer::Json);
        let ask = |group| clients.ask_group(0, group, Header::request(39), b"body");
        assert!(!ask("G"));
        first.note(&heartbeat("first", &["G", "H"]));
        second.note(&heartbeat("second", &["G"]));
        elsewhere.note(&heartbeat("elsewhere", &["G"]));
        assert!(ask("G") && ask("G") && !ask("unknown"));
        assert!(to_first.try_recv().is_ok() && to_second.try_recv().is_ok() && to_elsewhere.try_recv().is_err());
        drop(second);
        assert!(ask("G") && to_first.try_recv().is_ok());
        clients.remove_group(0, "G", "first");
        assert!(!ask("G") && ask("H"));
        let ask = |client_id| clients.ask_client(1, client_id, Header::request(326), b"body");
        assert!(ask("elsewhere") && to_elsewhere.try_recv().is_ok());
        assert!(!ask("first"), "it is on another broker");
    }
}
