//! One connection: written by any thread, read by the I/O task, and its end told to every waiter.

use super::cork::Cork;
use super::inflight::{Inflight, Refused, Taken};
use super::outbox::{OnWritten, Outbox, Progress};
use super::transport::{Access, Transport};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::remoting::command::response_code;
use crate::protocol::remoting::envelope::Envelope;
use crate::protocol::remoting::frame::{Frame, split};
use crate::protocol::remoting::header::Header;
use crate::protocol::remoting::scan::{Scan, scan};
use crate::runtime::Runtime;
use crate::statistics::counters::Counters;
use crate::sync::{Condvar, Mutex, wait_timeout};
use bytes::{Bytes, BytesMut};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Room for reading; grows for one larger frame and shrinks after it.
const READ_BUFFER: usize = 64 * 1024;
/// Reads in a row before other connections get their turn.
const READS_IN_A_ROW: usize = 32;

static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);

/// Who waits for the answer to one request. Exactly one of the two is called, on the I/O thread, and must not block.
pub(crate) trait Responder: Send {
    /// The answer is there.
    fn on_response(self: Box<Self>, frame: &Frame<'_>, scan: &Scan<'_>);
    /// There will be none.
    fn on_failure(self: Box<Self>, failure: Failure);
}

/// Why a request has no answer.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// What happened.
    pub(crate) cause: Error,
    /// Whether the request may have reached the server.
    pub(crate) maybe_sent: bool,
}

/// Serves what servers ask of their own accord.
pub(crate) trait ServerRequests: Send + Sync {
    /// Takes one request, on the I/O thread: it must not block. A request that is not one-way is answered with what is
    /// returned; one that is `NotServed` is refused.
    fn serve(&self, connection: &Arc<Connection>, request: &Header, body: &[u8]) -> Served;
}

/// What became of a server's request.
pub(crate) enum Served {
    /// This client does not serve its kind.
    NotServed,
    /// It was taken; the answer's code and remark.
    Answer(i32, Option<String>),
}

/// What a connection is made from.
pub(crate) struct Dialling {
    pub(crate) address: Arc<str>,
    /// Pause before dialling.
    pub(crate) pause: Duration,
    pub(crate) timeout: Duration,
    /// Whether it takes the place of another one to the same address.
    pub(crate) again: bool,
    /// Why the connection before this one failed.
    pub(crate) previous: Option<Error>,
    pub(crate) common: Arc<Common>,
}

/// What all connections of a producer share.
pub(crate) struct Common {
    /// What requests carry besides their own fields.
    pub(crate) envelope: Arc<Envelope>,
    pub(crate) access: Access,
    pub(crate) requests: Arc<dyn ServerRequests>,
    pub(crate) counters: Arc<Counters>,
}

/// See the module's text.
pub(crate) struct Connection {
    address: Arc<str>,
    number: u64,
    previous: Option<Error>,
    common: Arc<Common>,
    /// Whether it takes the place of another one.
    again: bool,
    outbox: Outbox,
    inflight: Inflight<Box<dyn Responder>>,
    stream: OnceLock<Transport>,
    /// Wakes the I/O task: the socket is full, the timer must move, or the connection is doomed.
    wake: Notify,
    doomed: OnceLock<Error>,
    /// Whether it ends with its last request.
    retired: AtomicBool,
    phase: Mutex<Phase>,
    phase_changed: Condvar,
}

#[derive(Clone, Debug)]
enum Phase {
    Opening,
    Open,
    Dead { cause: Error, at: Instant },
}

impl Connection {
    /// Starts to dial; requests can be made at once and leave when the connection is open.
    pub(crate) fn start(runtime: &Runtime, dialling: Dialling, greet: impl FnOnce(&Arc<Self>)) -> Arc<Self> {
        let connection = Arc::new(Connection {
            address: dialling.address,
            number: NEXT_NUMBER.fetch_add(1, Ordering::Relaxed),
            previous: dialling.previous,
            common: dialling.common,
            again: dialling.again,
            outbox: Outbox::parked(),
            inflight: Inflight::new(),
            stream: OnceLock::new(),
            wake: Notify::new(),
            doomed: OnceLock::new(),
            retired: AtomicBool::new(false),
            phase: Mutex::new(Phase::Opening),
            phase_changed: Condvar::new(),
        });
        greet(&connection);
        runtime.spawn(Arc::clone(&connection).run(dialling.pause, dialling.timeout));
        connection
    }

    /// Where it leads.
    pub(crate) fn address(&self) -> &Arc<str> {
        &self.address
    }

    /// Its number, which no other connection of the process has.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// What requests on it carry besides their own fields.
    pub(crate) fn envelope(&self) -> &Envelope {
        &self.common.envelope
    }

    /// Whether it was opened and has not died.
    pub(crate) fn is_open(&self) -> bool {
        matches!(*self.phase.lock(), Phase::Open)
    }

    /// Whether no request waits for an answer.
    pub(crate) fn is_idle(&self) -> bool {
        self.inflight.len() == 0
    }

    /// Bytes that wait for the socket.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.outbox.waiting_bytes()
    }

    /// Why and when it died, and whether it had been open.
    pub(crate) fn death(&self) -> Option<(Error, Instant, bool)> {
        match &*self.phase.lock() {
            Phase::Dead { cause, at } => Some((cause.clone(), *at, self.stream.get().is_some())),
            _ => None,
        }
    }

    /// Waits until the connection is open. Not for library threads.
    pub(crate) fn wait_open(&self, deadline: Instant) -> Result<()> {
        let mut phase = self.phase.lock();
        loop {
            match &*phase {
                Phase::Open => return Ok(()),
                Phase::Dead { cause, .. } => return Err(cause.clone()),
                Phase::Opening => {}
            }
            let now = Instant::now();
            if now >= deadline {
                drop(phase);
                return Err(self.timed_out());
            }
            phase = wait_timeout(&self.phase_changed, phase, deadline - now);
        }
    }

    /// The opaque for a request that [`Connection::request`] will make.
    pub(crate) fn reserve(&self) -> Result<i32> {
        self.inflight.reserve()
    }

    /// Gives an opaque back unused.
    pub(crate) fn release(&self, opaque: i32) {
        self.inflight.release(opaque);
    }

    /// Sends the frame of a reserved opaque; `responder` hears of its end. On an error it is given back, untold.
    pub(crate) fn request(
        &self,
        opaque: i32,
        bytes: Bytes,
        responder: Box<dyn Responder>,
        deadline: Instant,
    ) -> std::result::Result<(), Refused<Box<dyn Responder>>> {
        if self.inflight.enter(opaque, responder, deadline)? {
            self.wake.notify_one();
        }
        // A refusal means that the connection died after `enter`: the responder has been told.
        let _ = self.push_frame(Some(opaque), bytes, None);
        Ok(())
    }

    /// The same; the frame may wait until the cork is drawn.
    pub(crate) fn request_corked(
        self: &Arc<Self>,
        opaque: i32,
        bytes: Bytes,
        responder: Box<dyn Responder>,
        deadline: Instant,
        cork: &Cork,
    ) -> std::result::Result<(), Refused<Box<dyn Responder>>> {
        if self.inflight.enter(opaque, responder, deadline)? {
            self.wake.notify_one();
        }
        match self.outbox.push_or_hold(Some(opaque), bytes, None, self.stream.get(), true) {
            Ok(Progress::Held) => cork.hold(self),
            Ok(progress) => self.go_on(progress),
            // As above.
            Err(_) => {}
        }
        Ok(())
    }

    /// Writes the frames that a cork held back.
    pub(super) fn release_held(&self) {
        if let Some(stream) = self.stream.get() {
            self.go_on(self.outbox.release(stream));
        }
    }

    /// Sends a frame that has no answer.
    pub(crate) fn push(&self, bytes: Bytes, on_written: Option<OnWritten>) -> Result<()> {
        self.push_frame(None, bytes, on_written)
    }

    fn push_frame(&self, opaque: Option<i32>, bytes: Bytes, on_written: Option<OnWritten>) -> Result<()> {
        self.go_on(self.outbox.push(opaque, bytes, on_written, self.stream.get())?);
        Ok(())
    }

    fn go_on(&self, progress: Progress) {
        match progress {
            Progress::Done | Progress::Held => {}
            Progress::NeedsWritable => self.wake.notify_one(),
            Progress::Failed(error) => self.doom(self.lost(&error.to_string())),
        }
    }

    /// Ends the connection with a cause that every waiter hears, soon and on the I/O thread.
    pub(crate) fn doom(&self, cause: Error) {
        let _ = self.doomed.set(cause);
        self.wake.notify_one();
    }

    /// Ends the connection as soon as nothing is on its way there or back.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    fn end_when_idle(&self) -> Result<()> {
        if self.retired.load(Ordering::Acquire) && self.inflight.is_vacant() && !self.outbox.is_blocked() {
            return Err(self.lost("the server sent its clients away"));
        }
        Ok(())
    }

    fn lost(&self, why: &str) -> Error {
        Error::new(ErrorKind::ConnectionLost, format!("the connection to {} was lost: {why}", self.address))
    }

    fn protocol(&self, why: &str) -> Error {
        Error::new(ErrorKind::Protocol, format!("{} broke the protocol: {why}", self.address))
    }

    fn timed_out(&self) -> Error {
        match &self.previous {
            _ if self.stream.get().is_some() => {
                Error::new(ErrorKind::Timeout, format!("{} did not answer in time", self.address))
            }
            Some(previous) => previous.clone(),
            None => Error::new(ErrorKind::Connect, format!("cannot connect to {}: no answer in time", self.address)),
        }
    }

    async fn run(self: Arc<Self>, pause: Duration, timeout: Duration) {
        let cause = match self.open(pause, timeout).await {
            Ok(()) => self.serve().await,
            Err(cause) => {
                // One that was not wanted any more did not fail.
                if self.doomed.get().is_none() && self.stream.get().is_none() {
                    self.common.counters.connect_failures.add(1);
                }
                cause
            }
        };
        self.die(cause);
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
        *self.phase.lock() = Phase::Open;
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
                    let mut consumed = 0;
                    while let Some((frame, length)) =
                        split(&buffer.bytes()[consumed..]).map_err(|error| self.protocol(&error.to_string()))?
                    {
                        self.receive(&frame)?;
                        consumed += length;
                    }
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
        *self.phase.lock() = Phase::Dead { cause: cause.clone(), at: Instant::now() };
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

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("address", &self.address)
            .field("phase", &*self.phase.lock())
            .field("outbox", &self.outbox)
            .field("inflight", &self.inflight)
            .finish()
    }
}

/// Bytes read and not yet decoded.
struct ReadBuffer {
    memory: Vec<u8>,
    filled: usize,
}

impl ReadBuffer {
    fn new() -> Self {
        ReadBuffer { memory: vec![0; READ_BUFFER], filled: 0 }
    }

    fn room(&mut self) -> &mut [u8] {
        if self.filled == self.memory.len() {
            self.memory.resize(self.filled * 2, 0);
        }
        &mut self.memory[self.filled..]
    }

    /// Counts `n` bytes in; whether they filled the room, so that there may be more.
    fn filled(&mut self, n: usize) -> bool {
        self.filled += n;
        self.filled == self.memory.len()
    }

    fn bytes(&self) -> &[u8] {
        &self.memory[..self.filled]
    }

    fn is_empty(&self) -> bool {
        self.filled == 0
    }

    fn consume(&mut self, n: usize) {
        self.memory.copy_within(n..self.filled, 0);
        self.filled -= n;
        if self.filled < READ_BUFFER && self.memory.len() > READ_BUFFER {
            self.memory.truncate(READ_BUFFER);
            self.memory.shrink_to_fit();
        }
    }
}
