//! One connection: frames in, answers out.

use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;

use bytes::BytesMut;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::answer::{Answer, Request};
use super::clients::Link;
use super::output::{Next, Output, handle_some};
use super::store::Store;
use super::{broker, name_server, openwire};
use crate::ffi::inherited::ClosedInChildren;
use crate::protocol::remoting::{CodecError, Frame, Header, Serializer, frame, split};

/// Room for a read when the size of the next frame is not known.
pub(super) const READ_BYTES: usize = 64 * 1024;
/// Answers are written when they are this many, although more requests wait.
pub(super) const WRITE_BYTES: usize = 256 * 1024;

/// The number of a connection to the name server, which no broker has.
const NO_BROKER: usize = usize::MAX;

/// Which server a socket belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    NameServer,
    /// The broker of this number.
    Broker(usize),
    /// The connector of this number for ActiveMQ clients.
    OpenWire(usize),
}

/// One server of the cluster.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) store: Arc<Store>,
    pub(super) role: Role,
    pub(super) serializer: Serializer,
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
struct Caller<'a> {
    peer: SocketAddr,
    link: &'a Link,
}

impl Node {
    /// Takes one frame and makes the answer ready; an error closes the connection. `thawed`: a fault has held this frame
    /// up and is over.
    fn handle(
        &self,
        frame: &Frame<'_>,
        caller: Caller<'_>,
        thawed: bool,
        out: &mut Output,
    ) -> Result<Next, CodecError> {
        let header = Header::decode(frame)?;
        // What the brokers of this cluster ask for themselves waits for no response.
        if header.is_response() {
            return Ok(Next::Frame);
        }
        let Store { faults, requests, .. } = &*self.store;
        let Caller { peer, link } = caller;
        let execute = || self.answer(&Request { header: &header, body: frame.body, peer, link });
        let Some(hit) = (if thawed { None } else { faults.take(self.role, header.code) }) else {
            let answer = execute();
            if !header.is_oneway() {
                answer.encode(&header, self.serializer, &mut out.ready);
            }
            if !thawed {
                requests.add(self.role, header, frame.body, None);
            }
            return Ok(Next::Frame);
        };
        let fault = Arc::clone(&hit.fault);
        let next = if hit.freezes() {
            Next::Freeze(hit)
        } else {
            let executed = hit.executes().then(execute);
            fault.apply(&header, executed, self.serializer, out)
        };
        requests.add(self.role, header, frame.body, Some(fault));
        Ok(next)
    }

    fn answer(&self, request: &Request<'_>) -> Answer {
        match self.role {
            Role::NameServer => name_server::answer(&self.store, request),
            Role::Broker(number) | Role::OpenWire(number) => broker::answer(&self.store, number, request),
        }
    }
}

/// Closes a stream however its task ends: the peer learns it even when a child that was forked just then holds a copy of
/// the socket.
pub(super) struct Closing {
    _inherited: ClosedInChildren,
    pub(super) stream: TcpStream,
}

impl Drop for Closing {
    fn drop(&mut self) {
        // A failure means that the peer knows.
        let _ = SockRef::from(&self.stream).shutdown(Shutdown::Both);
    }
}

/// Serves a connection until either side closes it.
pub(super) async fn serve(node: Arc<Node>, stream: TcpStream, peer: SocketAddr) {
    // Without it an answer waits for the acknowledgement of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("no TCP_NODELAY for {peer}: {error}");
    }
    let mut stream = Closing { _inherited: ClosedInChildren::new(&stream), stream };
    let broker = match node.role {
        Role::NameServer => NO_BROKER,
        Role::Broker(number) => number,
        Role::OpenWire(number) => return openwire::serve(&node, number, stream, peer).await,
    };
    let (link, mut asked) = node.store.clients.connect(broker, node.serializer);
    let caller = Caller { peer, link: &link };
    let (mut input, mut out) = (BytesMut::new(), Output::default());
    let mut thawed = false;
    loop {
        let handle = |input: &BytesMut, thawed: bool, out: &mut Output| match split(input)? {
            Some((frame, used)) => Ok::<_, CodecError>(Some((node.handle(&frame, caller, thawed, out)?, used))),
            None => Ok(None),
        };
        let next = if out.take_due() { handle_some(&mut input, thawed, &mut out, peer, handle) } else { Next::Close };
        thawed = false;
        let enough = out.ready.len() >= WRITE_BYTES;
        if !out.ready.is_empty() {
            if stream.stream.write_all(&out.ready).await.is_err() {
                return;
            }
            out.ready.clear();
        }
        match next {
            Next::Frame if enough => continue,
            Next::Frame => {}
            Next::Close => return,
            Next::Freeze(hit) => {
                hit.thaw().await;
                thawed = true;
                continue;
            }
        }
        let wanted = match frame::size_of_first(&input) {
            Ok(Some(size)) => size.saturating_sub(input.len()),
            _ => 0,
        };
        input.reserve(wanted.max(READ_BYTES));
        tokio::select! {
            read = stream.stream.read_buf(&mut input) => match read {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            },
            Some(frame) = asked.recv() => out.ready.extend_from_slice(&frame),
            () = out.due() => {}
        }
    }
}
