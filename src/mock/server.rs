//! The cluster's thread: sockets are bound by the opener, everything else happens here.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::connection::{Node, Role, serve};
use super::store::{Broker, Store};
use crate::error::{Error, ErrorKind, Result};
use crate::ffi::os::{RawThread, fork_generation};
use crate::protocol::remoting::Serializer;
use crate::sync::Mutex;

/// How long accepting rests after a failure, mostly that of too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

thread_local! {
    static ON_CLUSTER_THREAD: Cell<bool> = const { Cell::new(false) };
}

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
    generation: u32,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<RawThread>,
}

/// Ends without waiting, so that it may be dropped where waiting is forbidden: on a thread of another event loop.
struct EventLoop(Option<Runtime>);

impl EventLoop {
    fn new() -> std::io::Result<Self> {
        tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().map(|it| EventLoop(Some(it)))
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

struct Parts {
    event_loop: EventLoop,
    listeners: Vec<(TcpListener, Arc<Node>)>,
    stopped: oneshot::Receiver<()>,
}

struct ClusterThread {
    parts: Mutex<Option<Parts>>,
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

        let event_loop = EventLoop::new().map_err(|error| refused("the embedded cluster's event loop", &error))?;
        let listeners = {
            let _context = event_loop.0.as_ref().map(Runtime::enter);
            let listen = |(socket, role)| {
                let node = Node { store: Arc::clone(&store), role, serializer: plan.serializer };
                Ok((TcpListener::from_std(socket)?, Arc::new(node)))
            };
            sockets.into_iter().map(listen).collect::<std::io::Result<Vec<_>>>()
        };
        let listeners = listeners.map_err(|error| refused("the embedded cluster's sockets", &error))?;
        let (stop, stopped) = oneshot::channel();
        let parts = Parts { event_loop, listeners, stopped };
        let context = Arc::new(ClusterThread { parts: Mutex::new(Some(parts)) });
        let thread = RawThread::spawn("mqp-mock", context, run)
            .map_err(|error| refused("the embedded cluster's thread", &error))?;
        Ok(Server { store, generation: fork_generation(), stop: Some(stop), thread: Some(thread) })
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

impl Drop for Server {
    fn drop(&mut self) {
        let (stop, thread) = (self.stop.take(), self.thread.take());
        if self.generation != fork_generation() {
            // The thread is the parent's, and waking it would go through a descriptor shared with the parent.
            std::mem::forget(stop);
            return;
        }
        drop(stop);
        if let Some(thread) = thread {
            // A thread cannot wait for itself, and two clusters must not wait for each other.
            if ON_CLUSTER_THREAD.with(Cell::get) { thread.detach() } else { thread.join() }
        }
    }
}

fn run(thread: &ClusterThread) {
    ON_CLUSTER_THREAD.with(|on| on.set(true));
    let Some(Parts { event_loop, listeners, stopped }) = thread.parts.lock().take() else { return };
    let Some(runtime) = &event_loop.0 else { return };
    let ended = catch_unwind(AssertUnwindSafe(|| {
        for (listener, node) in listeners {
            runtime.spawn(accept(listener, node));
        }
        // An error: the sender is gone, which is how it is stopped.
        let _ = runtime.block_on(stopped);
    }));
    if ended.is_err() {
        tracing::error!("the embedded cluster's thread panicked; its connections are gone");
    }
}

async fn accept(listener: TcpListener, node: Arc<Node>) {
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
        assert!(server.store().is_none());
        // The parent may hold the lock at the fork: nothing may wait for it.
        let store = Arc::clone(&server.store);
        let held = store.lock();
        drop(server);
        drop(held);
        std::net::TcpStream::connect(address).unwrap();
    }
}
