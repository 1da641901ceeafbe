//! The cluster's thread: sockets are bound by the opener, everything else happens here.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::connection::{Node, Role, serve};
use super::store::{Broker, Store};
use crate::error::{Error, ErrorKind, Result};
use crate::ffi::os::fork_generation;
use crate::protocol::remoting::Serializer;
use crate::runtime::EventLoop;

/// How long accepting rests after a failure, mostly that of too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

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
    /// Held for its drop.
    #[cfg_attr(not(test), expect(dead_code))]
    event_loop: EventLoop,
    generation: u32,
}

fn refused(what: impl std::fmt::Display, error: &std::io::Error) -> Error {
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

fn bind(port: u16) -> Result<(std::net::TcpListener, SocketAddr)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let bound = std::net::TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    bound.map_err(|error| refused(format_args!("to listen on {address}"), &error))
}

impl Server {
    pub(super) fn start(plan: &Plan) -> Result<Server> {
        let (name_server, name_server_address) = bind(plan.name_server_port)?;
        let mut sockets = vec![(name_server, Role::NameServer)];
        let mut brokers = Vec::with_capacity(plan.brokers);
        for number in 0..plan.brokers {
            let (socket, address) = bind(0)?;
            sockets.push((socket, Role::Broker(number)));
            brokers.push(Broker { name: broker_name(number), address });
        }
        let store = Arc::new(Store::new(name_server_address, brokers, plan.queues));

        let event_loop =
            EventLoop::start("mqp-mock").map_err(|error| refused("the embedded cluster's thread", &error))?;
        for (socket, role) in sockets {
            let node = Node { store: Arc::clone(&store), role, serializer: plan.serializer };
            event_loop.spawn(accept(socket, Arc::new(node)));
        }
        Ok(Server { store, event_loop, generation: fork_generation() })
    }

    /// Where its name server listens.
    pub(super) fn name_server(&self) -> SocketAddr {
        self.store.name_server
    }

    /// The state; `None` in a child forked since the start, where the lock may be held for ever and nobody serves.
    pub(super) fn store(&self) -> Option<&Store> {
        (self.generation == fork_generation()).then_some(&*self.store)
    }
}

async fn accept(socket: std::net::TcpListener, node: Arc<Node>) {
    let listener = match TcpListener::from_std(socket) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!("the embedded cluster cannot listen: {error}"),
    };
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                tokio::spawn(serve(Arc::clone(&node), stream, peer));
            }
            Err(error) => {
                tracing::debug!("the embedded cluster cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
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
