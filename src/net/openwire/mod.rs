//! One OpenWire connection: written by any thread, read by the I/O task, and its end told to everyone who waits.

mod life;
mod negotiate;
mod waiting;

pub(crate) use negotiate::{Dialling, Negotiated};

use super::connection::buffer::ReadBuffer;
use super::outbox::{OnWritten, Outbox, Progress};
use super::transport::Transport;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::openwire::{self, Command, Packet, Throwable, WireFormat};
use crate::sync::Mutex;
use bytes::{Bytes, BytesMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tokio::sync::{Notify, oneshot};
use waiting::Waiting;

/// Who waits for the answer to one command. Exactly one of the functions is called, on the I/O thread, and must not
/// block.
pub(crate) trait Asker: Send {
    /// The broker did it, or refused.
    fn answered(self: Box<Self>, answer: std::result::Result<(), Throwable>);
    /// No answer came in time. `maybe_sent`: the command may have reached the broker.
    fn late(self: Box<Self>, maybe_sent: bool);
    /// The connection ended first.
    fn lost(self: Box<Self>, cause: &Error);
}

/// Hears what happens on a connection, on the I/O thread; it must not block.
pub(crate) trait Events: Send + Sync {
    /// What the broker sent of its own accord.
    fn received(&self, link: &Arc<Link>, command: Command);
    /// The connection takes no more commands; those who wait are about to be told.
    fn ending(&self, link: &Link);
    /// They have been told.
    fn ended(&self, link: &Link, cause: &Error);
}

/// See the module's text.
pub(crate) struct Link {
    address: Arc<str>,
    outbox: Outbox,
    waiting: Mutex<Waiting<Box<dyn Asker>>>,
    transport: Transport,
    format: WireFormat,
    /// What was read with the broker's WireFormatInfo and not looked at.
    early: Mutex<Option<ReadBuffer>>,
    /// Wakes the I/O task: the socket is full, the timer must move, or the connection is doomed.
    wake: Notify,
    doomed: OnceLock<Error>,
    /// Why it ended.
    ended: OnceLock<Error>,
    /// Whether something was written since the last look.
    wrote: AtomicBool,
    events: Arc<dyn Events>,
}

impl Link {
    /// Where it leads.
    pub(crate) fn address(&self) -> &Arc<str> {
        &self.address
    }

    /// Why it ended; `None`: it has not.
    pub(crate) fn end(&self) -> Option<Error> {
        self.ended.get().cloned()
    }

    /// What both sides agreed on.
    pub(crate) fn format(&self) -> &WireFormat {
        &self.format
    }

    /// A loose frame in the form of this connection.
    pub(crate) fn in_its_form(&self, frame: &Bytes) -> Result<Bytes> {
        if !self.format.tight && self.format.cache_size == 0 {
            return Ok(frame.clone());
        }
        let packet = Packet::decode(&frame[4..], false)?;
        self.encoded(packet.command_id, packet.response_required, &packet.command)
    }

    /// The frame of a command.
    fn encoded(&self, id: i32, response_required: bool, command: &Command) -> Result<Bytes> {
        let mut out = BytesMut::new();
        openwire::encode_alone(&mut out, &self.format, id, response_required, command)?;
        Ok(out.freeze())
    }

    /// Bytes that wait for the socket.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.outbox.waiting_bytes()
    }

    /// Sends a command that is answered; `asker` hears of its end, unless it is given back. With `hold` the frame may
    /// wait for [`Link::release`].
    pub(crate) fn request(
        &self,
        id: i32,
        frame: Bytes,
        asker: Box<dyn Asker>,
        deadline: Instant,
        hold: bool,
    ) -> std::result::Result<(), (Box<dyn Asker>, Error)> {
        if self.waiting.lock().enter(id, asker, deadline)? {
            self.wake.notify_one();
        }
        // A refusal means that the connection died after `enter`: the asker has been told.
        let _ = self.push_as(Some(id), frame, None, hold);
        Ok(())
    }

    /// Sends a frame that has no answer.
    pub(crate) fn push(&self, frame: Bytes, on_written: Option<OnWritten>, hold: bool) -> Result<()> {
        self.push_as(None, frame, on_written, hold)
    }

    /// Sends a command that has no answer.
    pub(crate) fn tell(&self, id: i32, command: &Command) -> Result<()> {
        self.push(self.encoded(id, false, command)?, None, false)
    }

    /// Writes the frames that were held.
    pub(crate) fn release(&self) {
        self.go_on(self.outbox.release(&self.transport));
    }

    /// Sends a command now; the future resolves with the answer, at the deadline at the latest.
    pub(crate) fn call(
        &self,
        id: i32,
        command: &Command,
        deadline: Instant,
    ) -> impl Future<Output = Answer> + Send + use<> {
        let (sender, receiver) = oneshot::channel();
        let address = Arc::clone(&self.address);
        let started = self.encoded(id, true, command).and_then(|frame| {
            let call = Box::new(Call { sender, address: Arc::clone(&address) });
            self.request(id, frame, call, deadline, false).map_err(|(_, cause)| cause)
        });
        async move {
            if let Err(cause) = started {
                return Answer::Lost { cause, maybe_sent: false };
            }
            let lost =
                || Error::new(ErrorKind::Internal, format!("a call to {address} was dropped inside the library"));
            receiver.await.unwrap_or_else(|_| Answer::Lost { cause: lost(), maybe_sent: true })
        }
    }

    fn push_as(&self, id: Option<i32>, frame: Bytes, on_written: Option<OnWritten>, hold: bool) -> Result<()> {
        self.wrote.store(true, Ordering::Relaxed);
        self.go_on(self.outbox.push_or_hold(id, frame, on_written, Some(&self.transport), hold)?);
        Ok(())
    }

    fn go_on(&self, progress: Progress) {
        match progress {
            Progress::Done | Progress::Held | Progress::Watch => {}
            Progress::NeedsWritable => self.wake.notify_one(),
            Progress::Failed(error) => self.doom(self.broken(&error.to_string())),
        }
    }

    /// Ends the connection with a cause that everyone who waits hears, soon and on the I/O thread.
    pub(crate) fn doom(&self, cause: Error) {
        let _ = self.doomed.set(cause);
        self.wake.notify_one();
    }

    fn broken(&self, why: &str) -> Error {
        Error::new(ErrorKind::ConnectionLost, format!("the connection to {} was lost: {why}", self.address))
    }

    fn protocol(&self, why: &str) -> Error {
        Error::new(ErrorKind::Protocol, format!("{} broke the protocol: {why}", self.address))
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("address", &self.address).field("outbox", &self.outbox).finish_non_exhaustive()
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) enum Answer {
    Done,
    Refused(Throwable),
    /// `cause` tells why there is no answer.
    Lost {
        cause: Error,
        maybe_sent: bool,
    },
}

impl Answer {
    /// The refusal as an error.
    pub(crate) fn into_result(self) -> Result<()> {
        match self {
            Answer::Done => Ok(()),
            Answer::Refused(exception) => Err(refusal(&exception)),
            Answer::Lost { cause, .. } => Err(cause),
        }
    }
}

/// An exception of the broker as an error. What it lacks now it may have later; all else stays wrong.
pub(crate) fn refusal(exception: &Throwable) -> Error {
    Error::exception(&exception.to_string(), exception.simple_name() == "ResourceAllocationException")
}

struct Call {
    sender: oneshot::Sender<Answer>,
    address: Arc<str>,
}

impl Asker for Call {
    fn answered(self: Box<Self>, answer: std::result::Result<(), Throwable>) {
        // Nobody waits any more: the future was dropped.
        let _ = self.sender.send(answer.map_or_else(Answer::Refused, |()| Answer::Done));
    }

    fn late(self: Box<Self>, maybe_sent: bool) {
        let cause = Error::new(ErrorKind::Timeout, format!("{} did not answer in time", self.address));
        let _ = self.sender.send(Answer::Lost { cause, maybe_sent });
    }

    fn lost(self: Box<Self>, cause: &Error) {
        let _ = self.sender.send(Answer::Lost { cause: cause.clone(), maybe_sent: true });
    }
}

/// What an answer says; `None`: the packet is none.
fn answer_of(command: Command) -> std::result::Result<(i32, std::result::Result<(), Throwable>), Command> {
    match command {
        Command::Response(response) => Ok((response.correlation_id, Ok(()))),
        Command::ExceptionResponse(refused) => {
            Ok((refused.correlation_id, Err(refused.exception.clone().unwrap_or_default())))
        }
        Command::IntegerResponse(response) => Ok((response.correlation_id, Ok(()))),
        other => Err(other),
    }
}

/// Whether a packet wants its like in return.
fn echo(packet: &Packet) -> bool {
    matches!(packet.command, Command::KeepAliveInfo(_)) && packet.response_required
}
