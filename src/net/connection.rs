//! One connection: written by any thread, read by the I/O task or a caller who waits, and its end told to every waiter.

mod awaited;
pub(super) mod buffer;
mod life;

pub(crate) use awaited::Awaited;

use super::cork::Pending;
use super::inflight::{Entered, Inflight, Refused};
use super::outbox::{OnWritten, Outbox, Progress};
use super::reach::OutOfReach;
use super::reading::Reading;
use super::transport::{Access, Transport};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::remoting::envelope::Envelope;
use crate::protocol::remoting::frame::Frame;
use crate::protocol::remoting::header::Header;
use crate::protocol::remoting::scan::Scan;
use crate::runtime::Runtime;
use crate::statistics::counters::Counters;
use crate::sync::{Condvar, Mutex, wait_timeout};
use buffer::ReadBuffer;
use bytes::Bytes;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);

/// Who waits for the answer to one request. Exactly one of the two is called, on the I/O thread or that of a caller who
/// reads, and must not block.
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

/// Hears what servers do of their own accord.
pub(crate) trait ServerRequests: Send + Sync {
    /// Takes one request, on the thread that reads: it must not block. A request that is not one-way is answered with what is
    /// returned; one that is `NotServed` is refused.
    fn serve(&self, connection: &Arc<Connection>, request: &Header, body: &[u8]) -> Served;
    /// A connection ended, whoever ended it; on the I/O thread.
    fn ended(&self, connection: &Connection);
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
    /// What hears whether it could be opened.
    pub(crate) reach: Option<Arc<OutOfReach>>,
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
    reach: Option<Arc<OutOfReach>>,
    common: Arc<Common>,
    /// Whether it takes the place of another one.
    again: bool,
    outbox: Outbox,
    inflight: Inflight<Box<dyn Responder>>,
    stream: OnceLock<Transport>,
    reading: Reading<ReadBuffer>,
    /// Wakes the I/O task: the socket is full, the timer must move, or the connection is doomed.
    wake: Notify,
    doomed: OnceLock<Error>,
    /// Whether it ends with its last request.
    retired: AtomicBool,
    phase: Mutex<Phase>,
    phase_changed: Condvar,
    /// Tells of the phase without its lock.
    is_open: AtomicBool,
    is_dead: AtomicBool,
}

#[derive(Clone, Debug)]
enum Phase {
    Opening,
    Open {
        since: Instant,
    },
    /// `lived`: how long it was open, if it was.
    Dead {
        cause: Error,
        at: Instant,
        lived: Option<Duration>,
    },
}

impl Connection {
    /// Starts to dial; requests can be made at once and leave when the connection is open.
    pub(crate) fn start(runtime: &Runtime, dialling: Dialling, greet: impl FnOnce(&Arc<Self>)) -> Arc<Self> {
        let connection = Arc::new(Connection {
            address: dialling.address,
            number: NEXT_NUMBER.fetch_add(1, Ordering::Relaxed),
            previous: dialling.previous,
            reach: dialling.reach,
            common: dialling.common,
            again: dialling.again,
            outbox: Outbox::parked(),
            inflight: Inflight::new(),
            stream: OnceLock::new(),
            reading: Reading::new(),
            wake: Notify::new(),
            doomed: OnceLock::new(),
            retired: AtomicBool::new(false),
            phase: Mutex::new(Phase::Opening),
            phase_changed: Condvar::new(),
            is_open: AtomicBool::new(false),
            is_dead: AtomicBool::new(false),
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
        self.is_open.load(Ordering::Acquire)
    }

    /// Whether no request waits for an answer.
    pub(crate) fn is_idle(&self) -> bool {
        self.inflight.len() == 0
    }

    /// Bytes that wait for the socket.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.outbox.waiting_bytes()
    }

    /// Why and when it died, and how long it had been open, if it had.
    pub(crate) fn death(&self) -> Option<(Error, Instant, Option<Duration>)> {
        if !self.is_dead.load(Ordering::Acquire) {
            return None;
        }
        match &*self.phase.lock() {
            Phase::Dead { cause, at, lived } => Some((cause.clone(), *at, *lived)),
            _ => None,
        }
    }

    /// Waits until the connection is open. Not for library threads.
    pub(crate) fn wait_open(&self, deadline: Instant) -> Result<()> {
        if self.is_open() {
            return Ok(());
        }
        let mut phase = self.phase.lock();
        loop {
            match &*phase {
                Phase::Open { .. } => return Ok(()),
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

    /// An opaque for a frame that has no answer.
    pub(crate) fn unanswered(&self) -> Result<i32> {
        self.inflight.unanswered()
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
        self.enter_and_push(opaque, bytes, responder, deadline)?;
        self.see_that_it_is_read();
        Ok(())
    }

    /// The same for a caller who then waits for the answer, and may have to read it.
    pub(crate) fn request_awaited(
        self: &Arc<Self>,
        opaque: i32,
        bytes: Bytes,
        responder: Box<dyn Responder>,
        deadline: Instant,
    ) -> std::result::Result<Option<Awaited>, Refused<Box<dyn Responder>>> {
        let entered = self.enter_and_push(opaque, bytes, responder, deadline)?;
        if self.reading.is_lent() {
            return Ok(Some(Awaited::new(self, opaque, deadline)));
        }
        self.reading.note(entered.alone);
        Ok(None)
    }

    fn enter_and_push(
        &self,
        opaque: i32,
        bytes: Bytes,
        responder: Box<dyn Responder>,
        deadline: Instant,
    ) -> std::result::Result<Entered, Refused<Box<dyn Responder>>> {
        let entered = self.inflight.enter(opaque, responder, deadline)?;
        if entered.earlier {
            self.wake.notify_one();
        }
        // A refusal means that the connection died after `enter`: the responder has been told.
        let _ = self.push_frame(Some(opaque), bytes, None);
        Ok(entered)
    }

    /// For a request whose sender does not read; it is entered already.
    fn see_that_it_is_read(&self) {
        if self.reading.is_lent() && self.reading.call_back() {
            self.wake.notify_one();
        }
    }

    /// The same for several requests at once, which share locks and writes. One that cannot be made hears of it.
    pub(super) fn request_many(&self, requests: Vec<Pending>) {
        let mut entering = match self.inflight.entering() {
            Ok(entering) => entering,
            Err(cause) => {
                let failed = |request: Pending| {
                    request.responder.on_failure(Failure { cause: cause.clone(), maybe_sent: false });
                };
                return requests.into_iter().for_each(failed);
            }
        };
        let mut frames = Vec::with_capacity(requests.len());
        for Pending { opaque, bytes, responder, deadline } in requests {
            entering.enter(opaque, responder, deadline);
            frames.push((opaque, bytes));
        }
        let earlier = entering.entered.earlier;
        drop(entering);
        if earlier {
            self.wake.notify_one();
        }
        // As for one.
        if let Ok(progress) = self.outbox.push_many(frames.into_iter(), self.stream.get()) {
            self.go_on(progress);
        }
        self.see_that_it_is_read();
    }

    /// Several opaques at once: at least one, unless there is an error.
    pub(super) fn reserve_many(&self, count: usize, into: &mut Vec<i32>) -> Result<()> {
        self.inflight.reserve_many(count, into)
    }

    /// Gives them back unused.
    pub(super) fn release_many(&self, opaques: &[i32]) {
        if opaques.is_empty() {
            return;
        }
        self.inflight.release_many(opaques);
        if self.is_retired() {
            // They may have been all that kept it.
            self.wake.notify_one();
        }
    }

    /// Sends a frame that has no answer.
    pub(crate) fn push(&self, bytes: Bytes, on_written: Option<OnWritten>) -> Result<()> {
        self.push_frame(None, bytes, on_written)
    }

    /// The same with one that nobody waits for, sent at `now`: it may leave some milliseconds later, together with
    /// others.
    pub(crate) fn push_unhurried(&self, bytes: Bytes, on_written: OnWritten, now: Instant) -> Result<()> {
        self.go_on(self.outbox.push_unhurried(bytes, on_written, self.stream.get(), now)?);
        Ok(())
    }

    /// Writes what is held back for that.
    pub(crate) fn release_held(&self) {
        if let Some(stream) = self.stream.get() {
            self.go_on(self.outbox.release(stream));
        }
    }

    fn push_frame(&self, opaque: Option<i32>, bytes: Bytes, on_written: Option<OnWritten>) -> Result<()> {
        self.go_on(self.outbox.push(opaque, bytes, on_written, self.stream.get())?);
        Ok(())
    }

    fn go_on(&self, progress: Progress) {
        match progress {
            Progress::Done | Progress::Held => {}
            Progress::NeedsWritable | Progress::Watch => self.wake.notify_one(),
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

    fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    fn end_when_idle(&self) -> Result<()> {
        if self.is_retired() && self.inflight.is_vacant() && self.outbox.is_empty() {
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
