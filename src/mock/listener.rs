//! A server's listening socket: it can be closed, with all its connections, and opened again at the same port.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::connection::{Node, serve};
use super::server::refused;
use crate::error::Result;
use crate::ffi::inherited::ClosedInChildren;
use crate::runtime::EventLoop;
use crate::sync::Mutex;

/// How long accepting rests after a failure, mostly that of too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// Connections that wait to be accepted, as many as the standard library asks for.
const BACKLOG: i32 = 128;

/// A server's socket and what runs behind it.
#[derive(Debug)]
pub(super) struct Listener {
    address: SocketAddr,
    node: Arc<Node>,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// `stop` is only dropped; then `ended` disconnects when listener and connections are closed.
    Open { stop: oneshot::Sender<()>, ended: mpsc::Receiver<()> },
    /// Keeps the port: the system gives it to nobody else, and who connects is refused. `None`: it did not let it.
    Closed(Option<Socket>),
}

/// A socket that has the port and does not listen.
fn reserve(address: SocketAddr) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // Connections of the one before may linger.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// A listening socket at this port; 0: any free one.
pub(super) fn bind(port: u16) -> Result<(Socket, SocketAddr)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let bound = reserve(address).and_then(|socket| {
        socket.listen(BACKLOG)?;
        let address = socket.local_addr()?.as_socket().unwrap_or(address);
        Ok((socket, address))
    });
    bound.map_err(|error| refused(format_args!("to listen on {address}"), &error))
}

impl Listener {
    /// Serves a socket that listens.
    pub(super) fn start(socket: Socket, address: SocketAddr, node: Node, event_loop: &EventLoop) -> Listener {
        let node = Arc::new(node);
        let state = open(socket, &node, event_loop);
        Listener { address, node, state: Mutex::new(state) }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the socket and all connections; all that has happened at the return. Must not run on the event loop.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        if let State::Open { stop, ended } = std::mem::replace(&mut *state, State::Closed(None)) {
            drop(stop);
            // Nothing is ever sent: it ends with the task.
            let _ = ended.recv();
            *state = State::Closed(reserve(self.address).ok());
        }
    }

    /// Listens again at the same port; nothing to do when it does.
    pub(super) fn open(&self, event_loop: &EventLoop) -> Result<()> {
        let mut state = self.state.lock();
        if let State::Closed(reserved) = &mut *state {
            let socket = match reserved.take() {
                Some(socket) => Ok(socket),
                None => reserve(self.address),
            };
            let socket = socket.and_then(|socket| socket.listen(BACKLOG).map(|()| socket));
            let socket =
                socket.map_err(|error| refused(format_args!("to listen on {} again", self.address), &error))?;
            *state = open(socket, &self.node, event_loop);
        }
        Ok(())
    }
}

fn open(socket: Socket, node: &Arc<Node>, event_loop: &EventLoop) -> State {
    let (stop, stopped) = oneshot::channel();
    let (end, ended) = mpsc::channel();
    event_loop.spawn(accept(socket.into(), Arc::clone(node), stopped, end));
    State::Open { stop, ended }
}

/// Accepts connections and serves them until `stopped`; `end` goes last.
async fn accept(
    socket: std::net::TcpListener,
    node: Arc<Node>,
    mut stopped: oneshot::Receiver<()>,
    end: mpsc::Sender<()>,
) {
    let listener = match socket.set_nonblocking(true).and_then(|()| TcpListener::from_std(socket)) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!("the embedded cluster cannot listen: {error}"),
    };
    let inherited = ClosedInChildren::new(&listener);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve(Arc::clone(&node), stream, peer));
                }
                Err(error) => {
                    tracing::debug!("the embedded cluster cannot accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = &mut stopped => break,
        }
    }
    drop(inherited);
    drop(listener);
    connections.shutdown().await;
    drop(end);
}
