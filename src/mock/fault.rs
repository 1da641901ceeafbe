//! Faults: what servers do to requests instead of answering them well, in the order in which it was asked for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::watch;

use super::answer::Answer;
use super::connection::Role;
use super::output::{Next, Output};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::remoting::{Header, Serializer};
use crate::sync::Mutex;

/// The longest [`Fault::delay`].
const MAX_DELAY: Duration = Duration::from_secs(3600);
/// What [`FaultAction::Garbage`] writes without bytes of its own: no frame begins so.
const GARBAGE: [u8; 64] = [0xff; 64];

/// What a server does to a request. A one-way request has no answer: all but that happens to it, too.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultAction {
    /// The request is not executed; the answer has this code and remark. An empty remark is none.
    Answer {
        /// The response code.
        code: i32,
        /// The remark.
        remark: String,
    },
    /// The request is executed, and its answer gets this code and remark while its fields stay: as when a message is
    /// stored but was not flushed in time (code 10).
    ChangeAnswer {
        /// The response code.
        code: i32,
        /// The remark.
        remark: String,
    },
    /// The request is executed at once and well; its answer comes after [`Fault::delay`].
    Delay,
    /// The request is not executed and not answered.
    Drop,
    /// The request is executed and not answered.
    LoseAnswer,
    /// The connection is closed in place of an answer; the request is not executed.
    CloseBefore,
    /// The connection is closed in place of an answer; the request is executed.
    CloseAfter,
    /// The request is executed, the first half of its answer is written, and the connection is closed.
    HalfAnswer,
    /// The request is not executed; these bytes, 64 of 0xff when there are none, come in place of an answer. The
    /// connection stays open.
    Garbage(Vec<u8>),
    /// Nothing more of this connection is read or written until [`Fault::delay`] is over or faults are cleared, without
    /// a delay until they are cleared: as by a process that is stopped. Then the request is executed and answered.
    StopReading,
}

impl FaultAction {
    fn executes(&self) -> bool {
        !matches!(self, Self::Answer { .. } | Self::Drop | Self::CloseBefore | Self::Garbage(_))
    }
}

/// A fault for requests to come; see [`Cluster::push_fault`](super::Cluster::push_fault).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub(super) action: FaultAction,
    pub(super) broker: String,
    code: i32,
    count: u32,
    delay: Duration,
}

impl Fault {
    /// A fault for the next request of any code to any broker.
    pub fn new(action: FaultAction) -> Self {
        Fault { action, broker: String::new(), code: 0, count: 1, delay: Duration::ZERO }
    }

    /// Only requests to this server: a broker's name or number, from 0 on, or `name-server`. Empty, the default, is
    /// every broker, and not the name server.
    pub fn broker(mut self, broker: impl ToString) -> Self {
        self.broker = broker.to_string();
        self
    }

    /// Only requests of this code; 0, the default, is every code.
    pub fn code(mut self, code: i32) -> Self {
        self.code = code;
        self
    }

    /// How many requests; 1 by default. 0: all, until the faults are cleared.
    pub fn count(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// How long the answer, the bytes or the close wait, at most an hour; 0 by default. Other requests of the connection
    /// are answered meanwhile. With [`FaultAction::StopReading`] it is how long nothing is read.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    fn check(&self) -> Result<()> {
        let refuse = |why: String| Err(Error::new(ErrorKind::InvalidArgument, why));
        let delay = self.delay.as_millis();
        if self.delay > MAX_DELAY {
            return refuse(format!("`delay` is {delay} ms; the maximum is {} ms", MAX_DELAY.as_millis()));
        }
        match self.action {
            FaultAction::Delay if self.delay.is_zero() => {
                refuse("`delay` is 0 ms, but the fault is a delay".to_owned())
            }
            FaultAction::Drop | FaultAction::LoseAnswer if !self.delay.is_zero() => {
                refuse(format!("`delay` is {delay} ms, but no answer comes that could wait"))
            }
            _ => Ok(()),
        }
    }

    /// Does to the connection what is left to do after the request was executed, or was not.
    pub(super) fn apply(
        &self,
        request: &Header,
        executed: Option<Answer>,
        serializer: Serializer,
        out: &mut Output,
    ) -> Next {
        let answer = match &self.action {
            FaultAction::Answer { code, remark } => Some(answer_with(Answer::success(), *code, remark)),
            FaultAction::ChangeAnswer { code, remark } => executed.map(|answer| answer_with(answer, *code, remark)),
            FaultAction::Delay | FaultAction::HalfAnswer => executed,
            _ => None,
        };
        let mut bytes = BytesMut::new();
        if let Some(answer) = answer.filter(|_| !request.is_oneway()) {
            answer.encode(request, serializer, &mut bytes);
        }
        self.finish(bytes, false, out)
    }

    /// Sends the answer as the fault has it: later, half, not at all, or something else. `close`: the connection would end
    /// without the fault, too.
    pub(super) fn finish(&self, mut bytes: BytesMut, close: bool, out: &mut Output) -> Next {
        match &self.action {
            FaultAction::HalfAnswer => bytes.truncate(bytes.len() / 2),
            FaultAction::Garbage(garbage) if garbage.is_empty() => bytes.extend_from_slice(&GARBAGE),
            FaultAction::Garbage(garbage) => bytes.extend_from_slice(garbage),
            _ => {}
        }
        let close = close
            || matches!(self.action, FaultAction::CloseBefore | FaultAction::CloseAfter | FaultAction::HalfAnswer);
        if !self.delay.is_zero() {
            out.later(self.delay, bytes, close);
            return Next::Frame;
        }
        out.ready.extend_from_slice(&bytes);
        if close { Next::Close } else { Next::Frame }
    }
}

fn answer_with(answer: Answer, code: i32, remark: &str) -> Answer {
    let remark = (!remark.is_empty()).then(|| remark.to_owned());
    Answer { code, remark, ..answer }
}

/// A fault that hit a request.
#[derive(Debug)]
pub(super) struct Hit {
    pub(super) fault: Arc<Fault>,
    /// Changes when faults are cleared after the hit.
    cleared: watch::Receiver<()>,
}

impl Hit {
    pub(super) fn executes(&self) -> bool {
        self.fault.action.executes()
    }

    pub(super) fn freezes(&self) -> bool {
        self.fault.action == FaultAction::StopReading
    }

    /// Waits until the connection may go on.
    pub(super) async fn thaw(mut self) {
        // An error means that the cluster is gone.
        let cleared = self.cleared.changed();
        if self.fault.delay.is_zero() {
            let _ = cleared.await;
        } else {
            let _ = tokio::time::timeout(self.fault.delay, cleared).await;
        }
    }
}

#[derive(Debug)]
struct Pushed {
    fault: Arc<Fault>,
    /// `None`: every broker.
    at: Option<Role>,
    /// 0: until cleared.
    left: u32,
}

impl Pushed {
    fn fits(&self, role: Role, code: i32) -> bool {
        let here = self.at.map_or(role != Role::NameServer, |at| at == role);
        here && (self.fault.code == 0 || self.fault.code == code)
    }
}

/// The faults that wait for requests, the oldest first.
#[derive(Debug)]
pub(super) struct Faults {
    pushed: Mutex<VecDeque<Pushed>>,
    cleared: watch::Sender<()>,
}

impl Default for Faults {
    fn default() -> Self {
        Faults { pushed: Mutex::default(), cleared: watch::Sender::new(()) }
    }
}

impl Faults {
    /// `at`: the server that the fault names.
    pub(super) fn push(&self, fault: &Fault, at: Option<Role>) -> Result<()> {
        fault.check()?;
        self.pushed.lock().push_back(Pushed { fault: Arc::new(fault.clone()), at, left: fault.count });
        Ok(())
    }

    pub(super) fn clear(&self) {
        let mut pushed = self.pushed.lock();
        pushed.clear();
        // Under the lock: a fault is either gone, or its connection hears of it.
        self.cleared.send_replace(());
    }

    /// The oldest fault for such a request, which is one less from now on.
    pub(super) fn take(&self, role: Role, code: i32) -> Option<Hit> {
        self.take_if(|pushed| pushed.fits(role, code))
    }

    /// The same, of faults that name the code.
    pub(super) fn take_of_code(&self, role: Role, code: i32) -> Option<Hit> {
        self.take_if(|pushed| pushed.fault.code == code && pushed.fits(role, code))
    }

    fn take_if(&self, fits: impl Fn(&Pushed) -> bool) -> Option<Hit> {
        let mut pushed = self.pushed.lock();
        let at = pushed.iter().position(fits)?;
        let hit = Hit { fault: Arc::clone(&pushed[at].fault), cleared: self.cleared.subscribe() };
        match pushed[at].left {
            0 => {}
            1 => drop(pushed.remove(at)),
            ref mut left => *left -= 1,
        }
        Some(hit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answering(code: i32) -> Fault {
        Fault::new(FaultAction::Answer { code, remark: String::new() })
    }

    fn taken(faults: &Faults, role: Role, code: i32) -> Option<i32> {
        faults.take(role, code).map(|hit| match hit.fault.action {
            FaultAction::Answer { code, .. } => code,
            _ => 0,
        })
    }

    #[test]
    fn the_oldest_that_fits_is_taken_as_often_as_it_says() {
        let faults = Faults::default();
        faults.push(&answering(1).code(10).count(2), Some(Role::Broker(1))).unwrap();
        faults.push(&answering(2), None).unwrap();
        faults.push(&answering(3).count(0), None).unwrap();
        faults.push(&answering(4).count(0), Some(Role::NameServer)).unwrap();
        assert_eq!(taken(&faults, Role::NameServer, 10), Some(4), "no broker");
        assert_eq!(taken(&faults, Role::Broker(0), 10), Some(2), "another broker");
        assert_eq!(taken(&faults, Role::Broker(1), 11), Some(3), "another code");
        let in_order: Vec<_> = (0..5).map(|_| taken(&faults, Role::Broker(1), 10)).collect();
        assert_eq!(in_order, [1, 1, 3, 3, 3].map(Some));
        faults.clear();
        assert_eq!(taken(&faults, Role::Broker(1), 10), None);
        assert_eq!(taken(&faults, Role::NameServer, 10), None);
    }

    #[test]
    fn delays_are_checked() {
        let faults = Faults::default();
        let refusal = |action, delay| {
            let error = faults.push(&Fault::new(action).delay(Duration::from_millis(delay)), None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            error.message().to_owned()
        };
        assert_eq!(refusal(FaultAction::Delay, 0), "`delay` is 0 ms, but the fault is a delay");
        assert_eq!(refusal(FaultAction::Delay, 3_600_001), "`delay` is 3600001 ms; the maximum is 3600000 ms");
        assert_eq!(refusal(FaultAction::Drop, 5), "`delay` is 5 ms, but no answer comes that could wait");
        assert_eq!(refusal(FaultAction::LoseAnswer, 5), "`delay` is 5 ms, but no answer comes that could wait");
        assert!(faults.take(Role::Broker(0), 10).is_none(), "nothing is pushed that is refused");
    }
}
