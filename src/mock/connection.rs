//! One connection: frames in, answers out.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::answer::{Answer, Request};
use super::clients::Link;
use super::store::Store;
use super::{broker, name_server};
use crate::protocol::remoting::{CodecError, Frame, Header, Serializer, frame, split};

/// Room for a read when the size of the next frame is not known.
const READ_BYTES: usize = 64 * 1024;
/// Answers are written when they are this many, although more requests wait.
const WRITE_BYTES: usize = 256 * 1024;

/// The number of a connection to the name server, which no broker has.
const NO_BROKER: usize = usize::MAX;

/// Which server a socket belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role {
    NameServer,
    /// The broker of this number.
    Broker(usize),
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
    /// Takes one frame and appends the answer; an error closes the connection.
    fn handle(&self, frame: &Frame<'_>, caller: Caller<'_>, out: &mut BytesMut) -> Result<(), CodecError> {
        let header = Header::decode(frame)?;
        // Brokers of this cluster ask one-way, so nothing is waiting for a response.
        if header.is_response() {
            return Ok(());
        }
        let Caller { peer, link } = caller;
        let answer = self.answer(&Request { header: &header, body: frame.body, peer, link });
        if !header.is_oneway() {
            answer.encode(&header, self.serializer, out);
        }
        Ok(())
    }

    fn answer(&self, request: &Request<'_>) -> Answer {
        match self.role {
            Role::NameServer => name_server::answer(&self.store, request),
            Role::Broker(number) => broker::answer(&self.store, number, request),
        }
    }

    /// Handles whole frames until there is no other or enough to write; `false`: the connection must be closed.
    fn handle_some(&self, input: &mut BytesMut, caller: Caller<'_>, out: &mut BytesMut) -> bool {
        while out.len() < WRITE_BYTES {
            let used = match split(input) {
                Ok(None) => break,
                Ok(Some((frame, used))) => self.handle(&frame, caller, out).map(|()| used),
                Err(error) => Err(error),
            };
            match used {
                Ok(used) => input.advance(used),
                Err(error) => {
                    tracing::debug!("the embedded cluster closes the connection of {}: {error}", caller.peer);
                    return false;
                }
            }
        }
        true
    }
}

/// Serves a connection until either side closes it.
pub(super) async fn serve(node: Arc<Node>, mut stream: TcpStream, peer: SocketAddr) {
    // Without it an answer waits for the acknowledgement of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("no TCP_NODELAY for {peer}: {error}");
    }
    let broker = match node.role {
        Role::NameServer => NO_BROKER,
        Role::Broker(number) => number,
    };
    let (link, mut asked) = node.store.clients.connect(broker, node.serializer);
    let caller = Caller { peer, link: &link };
    let (mut input, mut out) = (BytesMut::new(), BytesMut::new());
    loop {
        let open = node.handle_some(&mut input, caller, &mut out);
        if !out.is_empty() {
            if stream.write_all(&out).await.is_err() {
                return;
            }
            let more = out.len() >= WRITE_BYTES;
            out.clear();
            if open && more {
                continue;
            }
        }
        if !open {
            break;
        }
        let wanted = match frame::size_of_first(&input) {
            Ok(Some(size)) => size.saturating_sub(input.len()),
            _ => 0,
        };
        input.reserve(wanted.max(READ_BYTES));
        tokio::select! {
            read = stream.read_buf(&mut input) => match read {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            },
            Some(frame) = asked.recv() => out.extend_from_slice(&frame),
        }
    }
    // The peer learns it now, even when a forked child holds a copy of the socket. A failure means that it knows.
    let _ = stream.shutdown().await;
}
