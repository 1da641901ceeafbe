//! One client's connection: commands in, answers and messages out.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::fault::{answer, apply, hit, note};
use super::link::Link;
use crate::mock::connection::{Closing, Node, READ_BYTES, Role, WRITE_BYTES};
use crate::mock::output::{Next, Output, handle_some};
use crate::protocol::openwire::{
    CodecError, Command, KeepAliveInfo, MAX_FRAME, Packet, WireFormat, WireFormatInfo, encode, size_of_first, split,
};

/// What ActiveMQ's broker offers, in milliseconds.
const MAX_INACTIVITY: u64 = 30_000;
const INITIAL_DELAY: u64 = 10_000;

/// A connection's side of the protocol.
struct Served<'a> {
    node: &'a Node,
    connector: usize,
    link: Link,
    ours: WireFormatInfo,
    agreed: Option<WireFormat>,
}

impl Served<'_> {
    fn role(&self) -> Role {
        Role::OpenWire(self.connector)
    }

    /// Executes one command and makes its answer ready; an error closes the connection. `thawed`: a fault has held this
    /// frame up and is over.
    fn handle(&mut self, frame: &[u8], thawed: bool, out: &mut Output) -> Result<Next, CodecError> {
        let packet = Packet::decode(frame, self.agreed.is_some_and(|format| format.stack_traces))?;
        match &packet.command {
            Command::WireFormatInfo(theirs) => self.agreed = Some(self.ours.negotiate(theirs)?),
            _ if self.agreed.is_none() => return Err(CodecError::Missing("WireFormatInfo")),
            _ => {}
        }
        let store = &self.node.store;
        let Some(hit) = (if thawed { None } else { hit(store, self.role(), &packet.command) }) else {
            if !thawed {
                note(store, self.role(), &packet, frame, None);
            }
            let (bytes, close) = answer(&packet, self.link.execute(self.connector, &packet));
            out.ready.extend_from_slice(&bytes);
            return Ok(if close { Next::Close } else { Next::Frame });
        };
        note(store, self.role(), &packet, frame, Some(hit.fault.clone()));
        if hit.freezes() {
            return Ok(Next::Freeze(hit));
        }
        let executed = hit.executes().then(|| self.link.execute(self.connector, &packet));
        Ok(apply(&hit.fault, &packet, executed, out))
    }

    /// How long the client may be silent, and how long the broker; `None`: as long as they like.
    fn silence(&self) -> Option<(Duration, Duration)> {
        let most = self.agreed.map_or(INITIAL_DELAY, |format| format.max_inactivity_duration);
        // A client's timer may be late by as much again, as ActiveMQ's broker allows.
        (most > 0).then(|| (Duration::from_millis(2 * most), Duration::from_millis(most.div_ceil(3))))
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Serves a connection until either side closes it.
pub(in crate::mock) async fn serve(node: &Node, connector: usize, mut stream: Closing, peer: SocketAddr) {
    let (link, mut pushed) = Link::open(&node.store);
    let ours = WireFormatInfo::ours("", MAX_INACTIVITY, INITIAL_DELAY);
    let (mut input, mut out) = (BytesMut::new(), Output::default());
    if encode(&mut out.ready, 0, false, &ours).is_err() {
        return;
    }
    let mut served = Served { node, connector, link, ours, agreed: None };
    let mut thawed = false;
    let (mut heard, mut spoke) = (Instant::now(), Instant::now());
    loop {
        let handle = |input: &BytesMut, thawed: bool, out: &mut Output| match split(input, MAX_FRAME)? {
            Some((frame, used)) => Ok::<_, CodecError>(Some((served.handle(frame, thawed, out)?, used))),
            None => Ok(None),
        };
        let next = if out.take_due() { handle_some(&mut input, thawed, &mut out, peer, handle) } else { Next::Close };
        thawed = false;
        let enough = out.ready.len() >= WRITE_BYTES;
        while let Ok(frame) = pushed.try_recv() {
            out.ready.extend_from_slice(&frame);
        }
        if !out.ready.is_empty() {
            if stream.stream.write_all(&out.ready).await.is_err() {
                return;
            }
            out.ready.clear();
            spoke = Instant::now();
        }
        match next {
            Next::Frame if enough => continue,
            Next::Frame => {}
            Next::Close => return,
            Next::Freeze(hit) => {
                hit.thaw().await;
                thawed = true;
                heard = Instant::now();
                continue;
            }
        }
        let wanted = match size_of_first(&input, MAX_FRAME) {
            Ok(Some(size)) => size.saturating_sub(input.len()),
            _ => 0,
        };
        // What a peer only says it will send gets no memory of its own before it comes.
        input.reserve(wanted.clamp(READ_BYTES, 16 * READ_BYTES));
        let silence = served.silence();
        tokio::select! {
            read = stream.stream.read_buf(&mut input) => match read {
                Ok(0) | Err(_) => return,
                Ok(_) => heard = Instant::now(),
            },
            Some(frame) = pushed.recv() => out.ready.extend_from_slice(&frame),
            () = out.due() => {}
            () = until(silence.map(|(hear, _)| heard + hear)) => {
                return tracing::debug!("the embedded broker has not heard of {peer} for too long");
            }
            () = until(silence.map(|(_, speak)| spoke + speak)), if served.agreed.is_some() => {
                if encode(&mut out.ready, 0, false, &KeepAliveInfo {}).is_err() {
                    return;
                }
            }
        }
    }
}
