//! The I/O task of a connection: it dials, reads, writes what callers could not, keeps deadlines, and tells the end.

use super::buffer::ReadBuffer;
use super::{Connection, Failure, Phase, Served};
use crate::completion::together;
use crate::error::{Error, Result};
use crate::net::inflight::Taken;
use crate::net::outbox::Progress;
use crate::net::transport::Transport;
use crate::protocol::remoting::command::response_code;
use crate::protocol::remoting::frame::{Frame, split};
use crate::protocol::remoting::header::Header;
use crate::protocol::remoting::scan::{Scan, scan};
use bytes::BytesMut;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Reads in a row before other connections get their turn.
const READS_IN_A_ROW: usize = 32;

impl Connection {
    pub(super) async fn run(self: Arc<Self>, pause: Duration, timeout: Duration) {
        let cause = match self.open(pause, timeout).await {
            Ok(()) => self.serve().await,
            Err(cause) => {
                // One that was not wanted any more did not fail.
                if self.doomed.get().is_none() && self.stream.get().is_none() {
                    self.common.counters.connect_failures.add(1);
                    if let Some(reach) = &self.reach {
                        reach.add(&self.address, || self.doomed.get().is_none());
                    }
                }
                cause
            }
        };
        self.die(cause);
        self.common.requests.ended(&self);
    }

    /// Dials, telling those whose time runs out meanwhile.
    async fn open(&self, pause: Duration, timeout: Duration) -> Result<()> {
        let dialled = async {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            Transport::open(&self.address, timeout, &self.common.access).await
        };
        tokio::pin!(dialled);
        let stream = loop {
            tokio::select! {
                biased;
                stream = &mut dialled => break stream?,
                () = self.next_wake() => self.tend()?,
            }
        };
        let stream = self.stream.get_or_init(|| stream);
        self.common.counters.connects.add(1);
        if self.again {
            self.common.counters.reconnects.add(1);
        }
        if let Some(reach) = &self.reach {
            reach.remove(&self.address);
        }
        *self.phase.lock() = Phase::Open { since: Instant::now() };
        self.phase_changed.notify_all();
        self.write(stream)
    }

    /// Reads and writes until the connection ends; returns why.
    async fn serve(self: &Arc<Self>) -> Error {
        let Some(stream) = self.stream.get() else {
            return self.lost("it was never open");
        };
        let mut buffer = ReadBuffer::new();
        loop {
            // In random order: a server that never stops talking must not keep writes, deadlines and the end waiting.
            let step = tokio::select! {
                ready = stream.readable() => match ready {
                    Ok(()) => self.read(stream, &mut buffer).await,
                    Err(error) => Err(self.lost(&error.to_string())),
                },
                ready = stream.writable(), if self.outbox.is_blocked() || stream.owes() => match ready {
                    Ok(()) => self.write(stream),
                    Err(error) => Err(self.lost(&error.to_string())),
                },
                () = self.next_wake() => self.tend(),
            };
            if let Err(cause) = step.and_then(|()| self.end_when_idle()) {
                return cause;
            }
        }
    }

    /// Waits for a wake-up or the first deadline.
    async fn next_wake(&self) {
        match self.inflight.earliest() {
            Some(at) => {
                let _ = tokio::time::timeout_at(at.into(), self.wake.notified()).await;
            }
            None => self.wake.notified().await,
        }
    }

    fn tend(&self) -> Result<()> {
        if let Some(cause) = self.doomed.get() {
            return Err(cause.clone());
        }
        let (expired, _) = self.inflight.expire(Instant::now());
        if expired.is_empty() {
            return Ok(());
        }
        let opaques: Vec<i32> = expired.iter().map(|(opaque, _)| *opaque).collect();
        let taken_back = self.outbox.withdraw(&opaques);
        for ((_, responder), taken_back) in expired.into_iter().zip(taken_back) {
            responder.on_failure(Failure { cause: self.timed_out(), maybe_sent: !taken_back });
        }
        Ok(())
    }

    fn write(&self, stream: &Transport) -> Result<()> {
        stream.settle().map_err(|error| self.lost(&error.to_string()))?;
        match self.outbox.resume(stream) {
            Progress::Done | Progress::Held | Progress::NeedsWritable => Ok(()),
            Progress::Failed(error) => Err(self.lost(&error.to_string())),
        }
    }

    async fn read(self: &Arc<Self>, stream: &Transport, buffer: &mut ReadBuffer) -> Result<()> {
        for _ in 0..READS_IN_A_ROW {
            match stream.try_read(buffer.room()) {
                Ok(0) if buffer.is_empty() => return Err(self.lost("the server closed it")),
                Ok(0) => return Err(self.lost("the server closed it inside a frame")),
                Ok(n) => {
                    let asked = buffer.filled(n);
                    let consumed = together(|| self.receive_all(buffer.bytes()))?;
                    buffer.consume(consumed);
                    if !asked {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.lost(&error.to_string())),
            }
        }
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Takes the whole frames at the front; how many bytes they are.
    fn receive_all(self: &Arc<Self>, bytes: &[u8]) -> Result<usize> {
        let mut consumed = 0;
        while let Some((frame, length)) =
            split(&bytes[consumed..]).map_err(|error| self.protocol(&error.to_string()))?
        {
            self.receive(&frame)?;
            consumed += length;
        }
        Ok(consumed)
    }

    fn receive(self: &Arc<Self>, frame: &Frame<'_>) -> Result<()> {
        let scan = scan(frame).map_err(|error| self.protocol(&error.to_string()))?;
        if !scan.is_response() {
            return self.serve_request(frame, &scan);
        }
        match self.inflight.take(scan.opaque) {
            Taken::Found(responder) => responder.on_response(frame, &scan),
            Taken::Late => tracing::debug!(address = %self.address, opaque = scan.opaque, "an answer came too late"),
            Taken::NeverIssued => {
                return Err(self.protocol(&format!("it answered opaque {}, which no request had", scan.opaque)));
            }
        }
        Ok(())
    }

    fn serve_request(self: &Arc<Self>, frame: &Frame<'_>, scan: &Scan<'_>) -> Result<()> {
        let request = Header::decode(frame).map_err(|error| self.protocol(&error.to_string()))?;
        let (code, remark) = match self.common.requests.serve(self, &request, frame.body) {
            Served::Answer(code, remark) => (code, remark),
            // Answered all the same, so that the server does not wait.
            Served::NotServed => {
                tracing::debug!(address = %self.address, code = scan.code, "a request of the server is not served");
                let remark = format!("request type {} not supported", request.code);
                (response_code::REQUEST_CODE_NOT_SUPPORTED, Some(remark))
            }
        };
        if !scan.is_oneway() {
            let mut answer = Header::response_to(&request, code);
            answer.remark = remark;
            let mut out = BytesMut::new();
            answer.encode(frame.serializer, &[], &mut out);
            let _ = self.push(out.freeze(), None);
        }
        Ok(())
    }

    fn die(&self, cause: Error) {
        let open = self.stream.get();
        tracing::debug!(address = %self.address, cause = %cause, "a connection ended");
        {
            let (mut phase, at) = (self.phase.lock(), Instant::now());
            let lived = match *phase {
                Phase::Open { since } => Some(at.saturating_duration_since(since)),
                _ => None,
            };
            *phase = Phase::Dead { cause: cause.clone(), at, lived };
        }
        self.phase_changed.notify_all();
        if let Some(stream) = open {
            // The peer hears of the end now, not when the last handle goes.
            stream.shut_down();
        }
        self.outbox.close(cause.clone());
        for responder in self.inflight.poison(cause.clone()) {
            responder.on_failure(Failure { cause: cause.clone(), maybe_sent: open.is_some() });
        }
    }
}
