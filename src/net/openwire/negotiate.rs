//! The first words on an OpenWire connection: both sides tell at once what they can do.

use super::waiting::Waiting;
use super::{Events, Link};
use crate::error::{Error, ErrorKind, Result};
use crate::net::connection::buffer::ReadBuffer;
use crate::net::dial::within;
use crate::net::outbox::{Outbox, Sink};
use crate::net::transport::{Access, Transport};
use crate::protocol::openwire::{Command, MAX_FRAME, Packet, WireFormat, WireFormatInfo, encode, split};
use crate::sync::Mutex;
use bytes::BytesMut;
use std::io::{self, IoSlice};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// What a connection is made from.
pub(crate) struct Dialling<'a> {
    pub(crate) address: &'a Arc<str>,
    /// For all of it.
    pub(crate) timeout: Duration,
    pub(crate) access: &'a Access,
    /// How long silence may last; zero: for ever.
    pub(crate) max_inactivity: Duration,
    /// Whether the tight encoding is offered.
    pub(crate) tight: bool,
    /// Whether objects may be known by number.
    pub(crate) cache: bool,
    pub(crate) events: Arc<dyn Events>,
}

/// A connection on which both sides have said what they can do; [`Negotiated::run`] must be spawned.
pub(crate) struct Negotiated {
    pub(crate) link: Arc<Link>,
}

impl Link {
    /// Dials and negotiates.
    pub(crate) async fn open(dialling: Dialling<'_>) -> Result<Negotiated> {
        let Dialling { address, timeout, access, max_inactivity, tight, cache, events } = dialling;
        let started = Instant::now();
        let transport = Transport::open(address, timeout, access).await?;
        let left = timeout.saturating_sub(started.elapsed());
        let mut ours = WireFormatInfo::ours(host(address), millis(max_inactivity), millis(timeout));
        ours.offer(tight, cache);
        let (format, early) = within(address, timeout, left, negotiate(&transport, &ours)).await?;
        let link = Link {
            address: Arc::clone(address),
            outbox: Outbox::parked(),
            waiting: Mutex::new(Waiting::default()),
            transport,
            format,
            early: Mutex::new(Some(early)),
            wake: Notify::new(),
            doomed: OnceLock::new(),
            ended: OnceLock::new(),
            wrote: AtomicBool::new(true),
            events,
        };
        // Frames go straight to the socket from now on.
        link.go_on(link.outbox.resume(&link.transport));
        Ok(Negotiated { link: Arc::new(link) })
    }
}

fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Neither side waits for the other's first word.
async fn negotiate(
    transport: &Transport,
    ours: &WireFormatInfo,
) -> std::result::Result<(WireFormat, ReadBuffer), String> {
    let mut out = BytesMut::new();
    encode(&mut out, 0, false, ours).map_err(|error| error.to_string())?;
    let mut written = 0;
    let watch = transport.watch().map_err(|error| error.to_string())?;
    while written < out.len() {
        let mut ready = watch.writable().await.map_err(|error| error.to_string())?;
        transport.settle().map_err(|error| error.to_string())?;
        match transport.write_vectored(&[IoSlice::new(&out[written..])]) {
            Ok(n) => written += n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.exhausted(),
            Err(error) if is_early(&error) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    let mut buffer = ReadBuffer::new();
    loop {
        let frame =
            split(buffer.bytes(), MAX_FRAME).map_err(|error| format!("it is no broker of ActiveMQ: {error}"))?;
        if let Some((body, length)) = frame {
            let packet =
                Packet::decode(body, false).map_err(|error| format!("it is no broker of ActiveMQ: {error}"))?;
            let Command::WireFormatInfo(theirs) = packet.command else {
                return Err(format!("its first word is {}, not WireFormatInfo", packet.command.name()));
            };
            let format = ours.negotiate(&theirs).map_err(|error| format!("it speaks otherwise: {error}"))?;
            buffer.consume(length);
            return Ok((format, buffer));
        }
        let mut ready = watch.readable().await.map_err(|error| error.to_string())?;
        transport.settle().map_err(|error| error.to_string())?;
        match ready.try_read(buffer.room()) {
            // A broker that has its most connections closes like this.
            Ok(0) => return Err("it closed the connection before its first word".to_owned()),
            Ok(n) => {
                buffer.filled(n);
            }
            Err(error) if is_early(&error) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn is_early(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

impl Negotiated {
    /// Serves the connection until it ends; to be spawned before anything is sent.
    pub(crate) async fn run(link: Arc<Link>) {
        let buffer = link.early.lock().take();
        let cause = match buffer {
            Some(buffer) => link.serve(buffer).await,
            None => Error::new(ErrorKind::Internal, "a connection is served twice"),
        };
        link.die(cause);
    }
}
