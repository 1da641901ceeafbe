//! A cluster behind relays, as the clients of a fault see it.

use crate::relay::{Condition, Relay};
use crate::support::cluster::{Node, Topology};
use crate::support::java_tool::Connection;
use std::sync::Mutex;

/// A cluster, and the relays between it and its clients.
pub(super) struct Field<'a> {
    pub(super) topology: &'a Topology,
    /// The name server, as it is known first.
    pub(super) name_server: Relay,
    /// The same name server at the second address that clients know; nobody listens there unless a fault says so.
    pub(super) moved_name_server: Relay,
    /// Of the masters, by name; the last one of a name is where routes lead.
    brokers: Mutex<Vec<(String, Relay)>>,
}

impl<'a> Field<'a> {
    pub(super) fn of(topology: &'a Topology) -> Result<Field<'a>, String> {
        let mut brokers = Vec::new();
        for broker in topology.brokers.iter().filter(|broker| broker.id == 0) {
            brokers.push((broker.name.clone(), Relay::to(&broker.addr)?));
        }
        let field = Field {
            topology,
            name_server: Relay::to(topology.namesrv_addr())?,
            moved_name_server: Relay::to(topology.namesrv_addr())?,
            brokers: Mutex::new(brokers),
        };
        field.moved_name_server.set(Condition::Refusing);
        field.tell_addresses();
        Ok(field)
    }

    /// The name servers that clients are given.
    pub(super) fn name_servers(&self) -> String {
        format!("{};{}", self.name_server.address(), self.moved_name_server.address())
    }

    pub(super) fn connection(&self) -> Connection {
        Connection::plain(&self.name_servers())
    }

    pub(super) fn masters(&self) -> impl Iterator<Item = &Node> {
        self.topology.brokers.iter().filter(|broker| broker.id == 0)
    }

    /// The master that faults are done to.
    pub(super) fn victim(&self) -> &Node {
        self.masters().last().expect("a cluster has a master")
    }

    /// Changes the condition of the connections to that master.
    pub(super) fn set_victim(&self, condition: Condition) {
        self.with_victims_relay(|relay| relay.set(condition));
    }

    pub(super) fn with_victims_relay(&self, action: impl FnOnce(&Relay)) {
        let name = &self.victim().name;
        let brokers = self.brokers.lock().unwrap();
        let relay = brokers.iter().rev().find(|(of, _)| of == name);
        action(&relay.expect("each master has a relay").1);
    }

    /// The master is at another address from now on, and the old one is dead.
    pub(super) fn move_victim(&self) -> Result<(), String> {
        let victim = self.victim();
        let fresh = Relay::to(&victim.addr)?;
        self.set_victim(Condition::Refusing);
        self.brokers.lock().unwrap().push((victim.name.clone(), fresh));
        self.tell_addresses();
        Ok(())
    }

    fn tell_addresses(&self) {
        let brokers = self.brokers.lock().unwrap();
        let current = self.masters().map(|master| {
            let relay = brokers.iter().rev().find(|(name, _)| *name == master.name);
            (master.addr.clone(), relay.expect("each master has a relay").1.address())
        });
        let addresses: Vec<_> = current.collect();
        self.name_server.rewrite(addresses.clone());
        self.moved_name_server.rewrite(addresses);
    }
}
