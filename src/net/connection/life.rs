//! The I/O task of a connection: it dials, reads, writes what callers could not, keeps deadlines, and tells the end.

use super::buffer::ReadBuffer;
use super::{Connection, Failure, Phase, Responder, Served};
use crate::completion::together;
use crate::error::{Error, Result};
use crate::net::inflight::Taken;
use crate::net::outbox::Progress;
use crate::net::transport::{Ready, Transport, Watch};
use crate::protocol::remoting::command::response_code;
use crate::protocol::remoting::frame::{Frame, split};
use crate::protocol::remoting::header::Header;
use crate::protocol::remoting::scan::Scan;
use crate::protocol::remoting::shape::Shape;
use bytes::BytesMut;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Reads in a row before other connections get their turn.
const READS_IN_A_ROW: usize = 32;
/// Most answers whose requests are taken from the table at once.
const MOST_ANSWERS: usize = 64;

/// How long callers keep the role of the reader when none of them sends.
const LOAN: Duration = Duration::from_millis(20);

/// How often frames that nobody waits for are looked after.
const TICK: Duration = Duration::from_millis(1);

async fn readable<'w>(watch: Option<&'w Watch<'_>>) -> io::Result<Ready<'w>> {
    match watch {
        Some(watch) => watch.readable().await,
        None => std::future::pending().await,
    }
}

async fn writable<'w>(watch: Option<&'w Watch<'_>>) -> io::Result<Ready<'w>> {
    match watch {
        Some(watch) => watch.writable().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(time: Option<tokio::time::Instant>) {
    if let Some(time) = time {
        tokio::time::sleep_until(time).await;
    }
}

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

    /// Waits for a wake-up or the first deadline.
    async fn next_wake(&self) {
        match self.inflight.earliest() {
            Some(at) => {
                let _ = tokio::time::timeout_at(at.into(), self.wake.notified()).await;
            }
            None => self.wake.notified().await,
        }
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
        {
            let mut phase = self.phase.lock();
            *phase = Phase::Open { since: Instant::now() };
            self.is_open.store(true, Ordering::Release);
        }
        self.phase_changed.notify_all();
        self.write(stream).map(drop)
    }

    /// Reads and writes until the connection ends; returns why.
    async fn serve(self: &Arc<Self>) -> Error {
        match self.serve_until_failure().await {
            Ok(never) => match never {},
            Err(cause) => cause,
        }
    }

    async fn serve_until_failure(self: &Arc<Self>) -> Result<Infallible> {
        let lost = |error: io::Error| self.lost(&error.to_string());
        let Some(stream) = self.stream.get() else {
            return Err(self.lost("it was never open"));
        };
        // `None`: callers read.
        let mut buffer = Some(ReadBuffer::new());
        let mut watch = Some(stream.watch().map_err(lost)?);
        let timer = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(timer);
        // `None`: nothing is held back.
        let mut tick: Option<tokio::time::Instant> = None;
        loop {
            if tick.is_none() && self.outbox.is_watched() {
                tick = Some(tokio::time::Instant::now() + TICK);
            }
            buffer = buffer.or_else(|| self.reading.take_over());
            let (reads, blocked) = (buffer.is_some(), self.outbox.is_blocked() || stream.owes());
            if !reads && !blocked {
                watch = None;
            } else if watch.is_none() {
                watch = Some(stream.watch().map_err(lost)?);
            }
            let deadline = self.inflight.earliest();
            if let Some(at) = deadline
                && timer.deadline() != at.into()
            {
                timer.as_mut().reset(at.into());
            }
            // In random order: a server that never stops talking must not keep writes, deadlines and the end waiting.
            tokio::select! {
                ready = readable(watch.as_ref()), if reads => {
                    let ready = ready.map_err(lost)?;
                    if let Some(buffer) = &mut buffer {
                        self.read(ready, buffer).await?;
                    }
                }
                ready = writable(watch.as_ref()), if blocked => {
                    let mut ready = ready.map_err(lost)?;
                    if self.write(stream)? {
                        ready.exhausted();
                    }
                }
                () = self.wake.notified() => self.tend()?,
                () = timer.as_mut(), if deadline.is_some() => self.tend()?,
                () = sleep_until(tick), if tick.is_some() => {
                    let (progress, again) = self.outbox.tick(stream);
                    self.go_on(progress);
                    tick = again.then(|| tokio::time::Instant::now() + TICK);
                }
                () = tokio::time::sleep(LOAN), if !reads => self.reading.end_if_unused(),
            }
            self.end_when_idle()?;
            if self.reading.should_lend() && self.is_idle() && stream.bare().is_some() {
                watch = None;
                self.lend(&mut buffer);
            }
        }
    }

    /// Lets callers read from now on.
    fn lend(&self, buffer: &mut Option<ReadBuffer>) {
        if let Some(buffer) = buffer.take() {
            self.reading.lend(buffer);
        }
        // Whoever sent before he could see the loan does not read.
        if !self.is_idle() {
            self.reading.call_back();
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

    /// Goes on writing; whether the socket is full again.
    fn write(&self, stream: &Transport) -> Result<bool> {
        stream.settle().map_err(|error| self.lost(&error.to_string()))?;
        match self.outbox.resume(stream) {
            Progress::NeedsWritable => Ok(true),
            Progress::Done | Progress::Held | Progress::Watch => Ok(false),
            Progress::Failed(error) => Err(self.lost(&error.to_string())),
        }
    }

    async fn read(self: &Arc<Self>, mut ready: Ready<'_>, buffer: &mut ReadBuffer) -> Result<()> {
        for _ in 0..READS_IN_A_ROW {
            match ready.try_read(buffer.room()) {
                Ok(n) => {
                    if !self.take_in(buffer, n)? {
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

    /// Takes `n` bytes that were read into the room of `buffer`; whether they filled it, so that there may be more.
    pub(super) fn take_in(self: &Arc<Self>, buffer: &mut ReadBuffer, n: usize) -> Result<bool> {
        if n == 0 {
            let inside = if buffer.is_empty() { "" } else { " inside a frame" };
            return Err(self.lost(&format!("the server closed it{inside}")));
        }
        let full = buffer.filled(n);
        let (bytes, shape) = buffer.content();
        let consumed = together(|| self.receive_all(bytes, shape))?;
        buffer.consume(consumed);
        Ok(full)
    }

    /// Takes the whole frames at the front; how many bytes they are.
    fn receive_all(self: &Arc<Self>, bytes: &[u8], shape: &mut Shape) -> Result<usize> {
        let mut consumed = 0;
        let mut answers = Vec::new();
        let broken = loop {
            let (frame, length) = match split(&bytes[consumed..]) {
                Ok(Some(whole)) => whole,
                Ok(None) => break None,
                Err(error) => break Some(error),
            };
            let scan = match shape.scan(&frame) {
                Ok(scan) => scan,
                Err(error) => break Some(error),
            };
            consumed += length;
            if scan.is_response() {
                if answers.is_empty() && consumed == bytes.len() {
                    // The only one, as that of a lone synchronous send.
                    self.end_request(self.inflight.take(scan.opaque), &frame, &scan)?;
                    break None;
                }
                answers.push((frame, scan));
                if answers.len() == MOST_ANSWERS {
                    self.receive(&mut answers)?;
                }
            } else {
                self.receive(&mut answers)?;
                self.serve_request(&frame, &scan)?;
            }
        };
        // What came before counts.
        self.receive(&mut answers)?;
        broken.map_or(Ok(consumed), |error| Err(self.protocol(&error.to_string())))
    }

    /// Ends the requests that were answered, in the order of the answers.
    fn receive(&self, answers: &mut Vec<(Frame<'_>, Scan<'_>)>) -> Result<()> {
        let mut taken = Vec::with_capacity(answers.len());
        if !answers.is_empty() {
            self.inflight.take_many(answers.iter().map(|(_, scan)| scan.opaque), &mut taken);
        }
        for ((frame, scan), taken) in answers.drain(..).zip(taken) {
            self.end_request(taken, &frame, &scan)?;
        }
        Ok(())
    }

    fn end_request(&self, taken: Taken<Box<dyn Responder>>, frame: &Frame<'_>, scan: &Scan<'_>) -> Result<()> {
        match taken {
            Taken::Found(responder) => responder.on_response(frame, scan),
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
            self.is_open.store(false, Ordering::Release);
            self.is_dead.store(true, Ordering::Release);
        }
        self.phase_changed.notify_all();
        if let Some(stream) = open {
            // What is held back was accepted.
            let _ = self.outbox.release(stream);
            // The peer hears of the end now, not when the last handle goes.
            stream.shut_down();
        }
        self.outbox.close(cause.clone());
        for responder in self.inflight.poison(cause.clone()) {
            responder.on_failure(Failure { cause: cause.clone(), maybe_sent: open.is_some() });
        }
    }
}
