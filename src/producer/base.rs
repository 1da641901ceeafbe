//! What a producer has whatever it speaks: its life, its bound in flight, its hooks, its counters.
//!
//! This is one side of the seam between a producer and its transport. Each protocol owns a `Base` and adds what it needs
//! to bring messages to brokers; neither knows of the other.

use super::Mode;
use super::accept::Rules;
use super::admission::{Admission, Permit};
use super::events::Events;
use super::hooks::{Hook, Hooks};
use super::statistics::Reports;
use super::trace_context::TraceContexts;
use super::transform::Transformers;
use crate::config::{Backpressure, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::ffi::os::is_library_thread;
use crate::message::SendOptions;
use crate::policy::validate;
use crate::runtime::Runtime;
use crate::statistics::counters::Counters;
use crate::sync::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// Stands for longer times, which no clock could add.
const CENTURY: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// Where a producer is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Created,
    Running,
    Closed,
}

/// See the module's text.
pub(crate) struct Base {
    pub(super) settings: Settings,
    pub(super) runtime: Arc<Runtime>,
    pub(super) admission: Arc<Admission>,
    /// Told when messages in flight must end now.
    pub(super) ending: Arc<Notify>,
    pub(super) hooks: Hooks,
    pub(super) contexts: TraceContexts,
    pub(super) transformers: Transformers,
    pub(super) reports: Arc<Reports>,
    pub(super) events: Arc<Events>,
    pub(super) tasks: Mutex<Vec<AbortHandle>>,
    phase: Mutex<Phase>,
    /// Whether the phase is `Running`, for a look without its lock.
    running: AtomicBool,
    /// Set when messages in flight must end now.
    aborting: AtomicBool,
}

impl Base {
    pub(super) fn new(settings: Settings, runtime: Arc<Runtime>, admission: Arc<Admission>) -> Self {
        Base {
            settings,
            runtime,
            admission,
            ending: Arc::default(),
            hooks: Hooks::default(),
            contexts: TraceContexts::default(),
            transformers: Transformers::default(),
            reports: Arc::default(),
            events: Arc::default(),
            tasks: Mutex::new(Vec::new()),
            phase: Mutex::new(Phase::Created),
            running: AtomicBool::new(false),
            aborting: AtomicBool::new(false),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.lock()
    }

    pub(super) fn must_run(&self) -> Result<()> {
        if self.running.load(Ordering::Acquire) {
            return Ok(());
        }
        match self.phase() {
            Phase::Running => Ok(()),
            Phase::Created => Err(Error::new(ErrorKind::NotStarted, "the producer is not started")),
            Phase::Closed => Err(Error::new(ErrorKind::Closed, "the producer is closed")),
        }
    }

    /// Whether messages in flight must end now; the error they end with.
    pub(super) fn must_end(&self) -> Option<Error> {
        self.aborting.load(Ordering::Acquire).then(|| Error::new(ErrorKind::Closed, "the producer was closed"))
    }

    /// Runs from now on, if `prepare` succeeds; else it stays as it was, and a later start may succeed.
    pub(super) fn run(&self, prepare: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut phase = self.phase.lock();
        match *phase {
            Phase::Created => {
                prepare()?;
                self.hooks.fix();
                self.contexts.fix();
                self.transformers.fix();
                *phase = Phase::Running;
                self.running.store(true, Ordering::Release);
                Ok(())
            }
            Phase::Running => Err(Error::new(ErrorKind::AlreadyStarted, "the producer is started already")),
            Phase::Closed => Err(Error::new(ErrorKind::Closed, "the producer is closed")),
        }
    }

    /// The start failed after all: a later one may succeed.
    pub(super) fn stay_created(&self) {
        let mut phase = self.phase.lock();
        if *phase == Phase::Running {
            *phase = Phase::Created;
        }
    }

    /// Takes no more messages from now on; what it was before.
    pub(super) fn refuse_more(&self) -> Phase {
        let before = {
            let mut phase = self.phase.lock();
            self.running.store(false, Ordering::Release);
            std::mem::replace(&mut *phase, Phase::Closed)
        };
        self.admission.close();
        before
    }

    /// Lets whatever waits on the way to its end hear that it has come.
    pub(super) fn end_now(&self) {
        self.reports.stop();
        self.aborting.store(true, Ordering::Release);
        self.ending.notify_waiters();
    }

    pub(super) fn stop_tasks(&self) {
        for task in self.tasks.lock().drain(..) {
            task.abort();
        }
    }

    /// Waits until every accepted message has completed, after what was `held` is on its way.
    pub(super) fn flush(&self, timeout: Duration, held: impl FnOnce()) -> Result<()> {
        if self.phase() == Phase::Created {
            self.must_run()?;
        }
        held();
        let left = self.admission.wait_idle(after(timeout));
        left.map_err(|left| {
            let what = format!("{left} messages have not completed within {} ms", timeout.as_millis());
            Error::new(ErrorKind::Timeout, what)
        })
    }

    /// What a close says that had to give messages up; `left` had not completed when its time was over, `still` have not
    /// since.
    pub(super) fn given_up(left: usize, still: usize, timeout: Duration) -> Error {
        let ended = format!("{left} messages had not completed within {} ms and were given up", timeout.as_millis());
        Error::new(
            ErrorKind::Timeout,
            match still {
                0 => ended,
                still => format!("{ended}; {still} of their callbacks have not returned yet"),
            },
        )
    }

    pub(super) fn add_hook(&self, make: impl FnOnce() -> Hook) -> Result<()> {
        self.before_start("hooks are added", || self.hooks.add(make()))
    }

    /// Does what can be done only while the producer is not started.
    pub(super) fn before_start<T>(&self, what: &str, set: impl FnOnce() -> T) -> Result<T> {
        match *self.phase.lock() {
            Phase::Created => Ok(set()),
            Phase::Running => Err(Error::new(ErrorKind::AlreadyStarted, format!("{what} before the start"))),
            Phase::Closed => Err(Error::new(ErrorKind::Closed, "the producer is closed")),
        }
    }

    pub(super) fn rules(&self, options: &SendOptions, mode: Mode) -> Result<Rules> {
        let started = Instant::now();
        let total = validate::timeout(options.timeout.unwrap_or(self.settings.send_msg_timeout))?;
        Ok(Rules { mode, tries: options.tries(), started, total, deadline: started + total })
    }

    /// What the calling thread does at the limits in flight.
    pub(super) fn backpressure(&self) -> Backpressure {
        // Room is given back by the dispatcher, which would wait for itself in a callback.
        if is_library_thread() { Backpressure::Fail } else { self.settings.backpressure }
    }

    /// Room in flight for one of many messages. What is not there at once may depend on what its caller holds back, which
    /// `let_go` sends.
    pub(super) fn admit_one_of_many(&self, bytes: usize, deadline: Instant, let_go: impl FnOnce()) -> Result<Permit> {
        let policy = self.backpressure();
        match self.admission.admit(bytes, Backpressure::Fail, deadline) {
            Err(full) if full.kind() == ErrorKind::Backpressure && policy != Backpressure::Fail => {
                let_go();
                self.admission.admit(bytes, policy, deadline)
            }
            admitted => admitted,
        }
    }

    pub(super) fn counters(&self) -> &Counters {
        self.admission.counters()
    }
}

/// The time after `timeout`, however long that is.
pub(super) fn after(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(CENTURY)
}
