//! The cluster's thread: sockets are bound by the opener, everything else happens here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::connection::{Node, Role};
use super::held;
use super::listener::{Listener, bind};
use super::store::{Broker, Store};
use crate::error::{Error, ErrorKind, Result};
use crate::ffi::os::fork_generation;
use crate::protocol::remoting::Serializer;
use crate::runtime::EventLoop;
use crate::sync::Mutex;

/// What a cluster is started with.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) brokers: usize,
    pub(super) queues: i32,
    /// 0: any free one.
    pub(super) name_server_port: u16,
    pub(super) serializer: Serializer,
}

/// A running cluster; dropping it ends the thread and closes the sockets.
#[derive(Debug)]
pub(super) struct Server {
    store: Arc<Store>,
    event_loop: EventLoop,
    /// The name server, then the brokers.
    listeners: Vec<Listener>,
    /// The connectors for ActiveMQ clients; none before somebody asks for them.
    openwire: Mutex<Vec<Listener>>,
    generation: u32,
}

pub(super) fn refused(what: impl std::fmt::Display, error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Resource, format!("the system refused {what}: {error}"))
}

/// `broker-a` to `broker-z`, then `broker-aa` and so on.
fn broker_name(number: usize) -> String {
    let letter = char::from(b'a' + (number % 26) as u8);
    match number / 26 {
        0 => format!("broker-{letter}"),
        rest => format!("{}{letter}", broker_name(rest - 1)),
    }
}

impl Server {
    pub(super) fn start(plan: &Plan) -> Result<Server> {
        let (name_server, name_server_address) = bind(plan.name_server_port)?;
        let mut sockets = vec![(name_server, name_server_address, Role::NameServer)];
        let mut brokers = Vec::with_capacity(plan.brokers);
        for number in 0..plan.brokers {
            let (socket, address) = bind(0)?;
            sockets.push((socket, address, Role::Broker(number)));
            brokers.push(Broker { name: broker_name(number), address, in_route: AtomicBool::new(true) });
        }
        let store = Arc::new(Store::new(name_server_address, brokers, plan.queues));

        let event_loop =
            EventLoop::start("mqp-mock").map_err(|error| refused("the embedded cluster's thread", &error))?;
        let listeners = sockets.into_iter().map(|(socket, address, role)| {
            let node = Node { store: Arc::clone(&store), role, serializer: plan.serializer };
            Listener::start(socket, address, node, &event_loop)
        });
        let listeners = listeners.collect();
        event_loop.spawn(held::run(Arc::clone(&store)));
        Ok(Server { store, event_loop, listeners, openwire: Mutex::default(), generation: fork_generation() })
    }

    /// Where its name server listens.
    pub(super) fn name_server(&self) -> SocketAddr {
        self.store.name_server
    }

    /// The state; `None` in a child forked since the start, where the lock may be held for ever and nobody serves.
    pub(super) fn store(&self) -> Option<&Store> {
        (self.generation == fork_generation()).then_some(&*self.store)
    }

    /// Closes a server's socket and connections, or opens the socket again. Not for a forked child.
    pub(super) fn set_listening(&self, role: Role, listening: bool) -> Result<()> {
        let number = match role {
            Role::NameServer => 0,
            Role::Broker(number) => number + 1,
            Role::OpenWire(number) => {
                self.openwire()?;
                return self.switch(&self.openwire.lock()[number], listening);
            }
        };
        self.switch(&self.listeners[number], listening)
    }

    fn switch(&self, listener: &Listener, listening: bool) -> Result<()> {
        if listening {
            return listener.open(&self.event_loop);
        }
        listener.close();
        Ok(())
    }

    /// Where the connectors for ActiveMQ clients listen, one for each broker. Not for a forked child.
    pub(super) fn openwire(&self) -> Result<Vec<SocketAddr>> {
        let mut connectors = self.openwire.lock();
        if connectors.is_empty() {
            let bound = (0..self.store.brokers.len()).map(|_| bind(0)).collect::<Result<Vec<_>>>()?;
            for (number, (socket, address)) in bound.into_iter().enumerate() {
                let (store, role) = (Arc::clone(&self.store), Role::OpenWire(number));
                let node = Node { store, role, serializer: Serializer::Json };
                connectors.push(Listener::start(socket, address, node, &self.event_loop));
            }
        }
        Ok(connectors.iter().map(Listener::address).collect())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.generation != fork_generation() {
            // The tasks that their drop wakes are the parent's.
            std::mem::forget(std::mem::take(&mut self.listeners));
            // Perhaps somebody held the lock at the fork.
            std::mem::forget(std::mem::take(&mut self.openwire));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broker_names_go_on_after_z() {
        let names: Vec<_> = [0, 1, 25, 26, 27, 51, 52, 701, 702].into_iter().map(broker_name).collect();
        assert_eq!(
            names,
            [
                "broker-a",
                "broker-b",
                "broker-z",
                "broker-aa",
                "broker-ab",
                "broker-az",
                "broker-ba",
                "broker-zz",
                "broker-aaa"
            ]
        );
    }

    #[test]
    fn a_server_of_another_process_is_neither_shown_nor_stopped() {
        let plan = Plan { brokers: 1, queues: 4, name_server_port: 0, serializer: Serializer::Json };
        let mut server = Server::start(&plan).unwrap();
        let address = server.name_server();
        // As a forked child sees it.
        server.generation = server.generation.wrapping_add(1);
        server.event_loop.generation = server.generation;
        assert!(server.store().is_none());
        // The parent may hold the lock at the fork: nothing may wait for it.
        let store = Arc::clone(&server.store);
        let held = store.lock();
        drop(server);
        drop(held);
        std::net::TcpStream::connect(address).unwrap();
    }
}
