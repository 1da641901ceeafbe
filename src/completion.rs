//! How the end of a message reaches whoever sent it: exactly once.

use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "capi")]
use crate::ffi::receipt::mqp_receipt;
use crate::message::Receipt;
use crate::net::connection::Awaited;
use crate::producer::admission::Permit;
use crate::producer::waiting::SentRequest;
use crate::route::Queue;
use crate::runtime::{Dispatcher, Job};
use crate::sync::{Condvar, Mutex, wait};
use std::sync::Arc;

/// How one message ended.
pub(crate) type Outcome = Result<Receipt>;

/// Who waits for the end of a message.
pub(crate) enum Completion {
    /// A caller that is parked.
    Waiter(Arc<Waiter>),
    /// The same in C.
    #[cfg(feature = "capi")]
    Handle(Arc<Waiter<Box<mqp_receipt>>>),
    /// A Rust closure, run on the dispatcher.
    Closure(Box<dyn FnOnce(Outcome) + Send>),
    /// Code of the library that is quick, run where the message ends: no code of the user's, nothing that waits.
    Inline(Box<dyn FnOnce(Ending) + Send>),
    /// A callback of the C surface, run on the dispatcher.
    #[cfg(feature = "capi")]
    Foreign(crate::ffi::callback::ForeignCallback),
    /// A bare function, run on the dispatcher.
    #[cfg(feature = "raw")]
    Raw(crate::ffi::raw::RawCallback),
    /// A request, which then waits for its reply.
    Request(Box<SentRequest>),
    /// A completion queue of the C surface: the end is put there where it comes.
    #[cfg(feature = "capi")]
    Queued(crate::ffi::completion_queue::QueuedCompletion),
}

impl Completion {
    /// Whether a caller waits for it on its own thread.
    pub(crate) fn is_parked_caller(&self) -> bool {
        match self {
            Completion::Waiter(_) => true,
            #[cfg(feature = "capi")]
            Completion::Handle(_) => true,
            _ => false,
        }
    }
}

/// Runs what ends messages, many of them perhaps: whoever takes ends from a queue finds those of all when it is over.
/// It must not wait.
pub(crate) fn together<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(feature = "capi")]
    return crate::ffi::completion_queue::gather(work);
    #[cfg(not(feature = "capi"))]
    work()
}

/// How a request ended.
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    /// The queue of its last try, and the number of tries; `None`: it was dropped inside the library.
    pub(crate) last: Option<(Queue, u32)>,
}

/// A completion that is owed: dropping it undelivered delivers an error, so that no path can lose one.
///
/// There is no permit where the completion holds it itself, and no dispatcher where nothing is to be run there: most
/// messages end on another thread than they were sent on, where each count that both threads change costs time.
pub(crate) struct Owed(Option<(Completion, Option<Permit>, Option<Arc<Dispatcher>>)>);

impl Owed {
    pub(crate) fn new(mut completion: Completion, permit: Permit, dispatcher: &Arc<Dispatcher>) -> Self {
        let (permit, dispatcher) = match &mut completion {
            Completion::Request(request) => {
                request.accepted(permit, dispatcher);
                (None, None)
            }
            Completion::Waiter(_) | Completion::Inline(_) => (Some(permit), None),
            #[cfg(feature = "capi")]
            Completion::Queued(_) | Completion::Handle(_) => (Some(permit), None),
            _ => {
                dispatcher.owe();
                (Some(permit), Some(Arc::clone(dispatcher)))
            }
        };
        Owed(Some((completion, permit, dispatcher)))
    }

    /// The end of a request whose messages are held in flight elsewhere.
    pub(crate) fn inline(told: impl FnOnce(Ending) + Send + 'static) -> Self {
        Owed(Some((Completion::Inline(Box::new(told)), None, None)))
    }

    /// Delivers the end. The permit is given back when the receiver has taken it: for a callback, after it returned.
    pub(crate) fn deliver(mut self, outcome: Outcome) {
        self.take_and_deliver(outcome, None);
    }

    /// The same, after so many tries of which the last was at `queue`.
    pub(crate) fn deliver_after(mut self, outcome: Outcome, queue: Queue, tries: u32) {
        self.take_and_deliver(outcome, Some((queue, tries)));
    }

    /// Whether its receiver takes the receipt in the form of the C surface.
    #[cfg(feature = "capi")]
    pub(crate) fn takes_packed(&self) -> bool {
        use Completion::{Foreign, Handle, Queued};
        matches!(self.0, Some((Handle(_) | Foreign(_) | Queued(_), ..)))
    }

    /// Delivers such a receipt, to one who takes it.
    #[cfg(feature = "capi")]
    pub(crate) fn deliver_packed(mut self, receipt: Box<mqp_receipt>) {
        let Some((completion, permit, dispatcher)) = self.0.take() else {
            return;
        };
        if let Some(permit) = &permit {
            permit.count_stored();
        }
        match completion {
            Completion::Handle(waiter) => {
                drop(permit);
                waiter.set(Ok(receipt));
            }
            Completion::Foreign(callback) => run(dispatcher, Job::Foreign(callback.job(Ok(receipt), permit))),
            Completion::Queued(queued) => queued.append(Ok(receipt), permit),
            others => drop(Owed(Some((others, permit, dispatcher)))),
        }
    }

    fn take_and_deliver(&mut self, outcome: Outcome, last: Option<(Queue, u32)>) {
        let Some((completion, permit, dispatcher)) = self.0.take() else {
            return;
        };
        if let Some(permit) = &permit {
            permit.count(&outcome);
        }
        match completion {
            Completion::Waiter(waiter) => {
                drop(permit);
                waiter.set(outcome);
            }
            #[cfg(feature = "capi")]
            Completion::Handle(waiter) => {
                drop(permit);
                waiter.set(outcome.map(mqp_receipt::boxed));
            }
            Completion::Inline(told) => {
                told(Ending { outcome, last });
                drop(permit);
            }
            Completion::Closure(closure) => {
                let job = move || {
                    let _until_it_returned = permit;
                    closure(outcome);
                };
                run(dispatcher, Job::Closure(Box::new(job)));
            }
            #[cfg(feature = "capi")]
            Completion::Foreign(callback) => {
                run(dispatcher, Job::Foreign(callback.job(outcome.map(mqp_receipt::boxed), permit)));
            }
            #[cfg(feature = "raw")]
            Completion::Raw(callback) => {
                run(dispatcher, Job::Raw(crate::ffi::raw::RawJob::completion(callback, outcome, permit)));
            }
            Completion::Request(request) => request.sent(outcome),
            #[cfg(feature = "capi")]
            Completion::Queued(queued) => queued.append(outcome.map(mqp_receipt::boxed), permit),
        }
    }
}

/// Runs what is owed there.
fn run(dispatcher: Option<Arc<Dispatcher>>, job: Job) {
    if let Some(dispatcher) = dispatcher {
        dispatcher.push_owed(job);
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if self.0.is_some() {
            let lost = Error::new(ErrorKind::Internal, "the message was dropped inside the library");
            self.take_and_deliver(Err(lost.with_maybe_persisted(true)), None);
        }
    }
}

/// Where a synchronous caller parks.
#[derive(Debug)]
pub(crate) struct Waiter<T = Receipt> {
    outcome: Mutex<Option<Result<T>>>,
    ready: Condvar,
}

impl<T> Waiter<T> {
    pub(crate) fn new() -> Self {
        Waiter { outcome: Mutex::new(None), ready: Condvar::new() }
    }

    pub(crate) fn set(&self, outcome: Result<T>) {
        *self.outcome.lock() = Some(outcome);
        self.ready.notify_one();
    }

    /// The same for a caller who may have to read the answer himself.
    pub(crate) fn wait_after(&self, awaited: Option<Awaited>) -> Result<T> {
        if let Some(awaited) = awaited {
            awaited.read();
        }
        self.wait()
    }

    /// Waits until the outcome is there. Every accepted message has a deadline, so this ends.
    pub(crate) fn wait(&self) -> Result<T> {
        let mut outcome = self.outcome.lock();
        loop {
            if let Some(outcome) = outcome.take() {
                return outcome;
            }
            outcome = wait(&self.ready, outcome);
        }
    }
}

#[cfg(all(test, not(mqp_loom)))]
mod tests {
    use super::*;
    use crate::config::Backpressure;
    use crate::producer::admission::Admission;
    use crate::runtime::Runtime;
    use std::sync::mpsc::channel;
    use std::time::{Duration, Instant};

    fn owed(completion: Completion, admission: &Arc<Admission>, runtime: &Runtime) -> Owed {
        let permit = admission.admit(1, Backpressure::Fail, Instant::now()).unwrap();
        Owed::new(completion, permit, runtime.dispatcher())
    }

    #[test]
    fn a_completion_that_is_dropped_is_delivered_as_an_error() {
        let admission = Admission::new(9, 9);
        let waiter = Arc::new(Waiter::new());
        let runtime = Runtime::shared().unwrap();
        drop(owed(Completion::Waiter(Arc::clone(&waiter)), &admission, &runtime));
        let error = waiter.wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(error.maybe_persisted());
    }

    /// Rows: RM-06 AS-05.
    #[test]
    fn the_permit_is_held_until_the_callback_returned() {
        let admission = Admission::new(9, 9);
        let (entered, wait_entered) = channel();
        let (leave, wait_leave) = channel::<()>();
        let callback = Completion::Closure(Box::new(move |outcome| {
            entered.send(outcome.unwrap_err().message().to_owned()).unwrap();
            wait_leave.recv().unwrap();
        }));
        let runtime = Runtime::shared().unwrap();
        owed(callback, &admission, &runtime).deliver(Err(Error::new(ErrorKind::Timeout, "late")));
        assert_eq!(wait_entered.recv_timeout(Duration::from_secs(10)).unwrap(), "late");
        assert_eq!(admission.wait_idle(Instant::now()), Err(1));
        leave.send(()).unwrap();
        admission.wait_idle(Instant::now() + Duration::from_secs(10)).unwrap();
    }
}

#[cfg(all(test, mqp_loom))]
mod loom_checks {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    /// The outcome reaches the parked caller whether it is set before, while or after the caller parks.
    #[test]
    fn a_waiter_is_woken() {
        loom::model(|| {
            let waiter = Arc::new(<Waiter>::new());
            let setter = {
                let waiter = Arc::clone(&waiter);
                thread::spawn(move || waiter.set(Err(Error::new(ErrorKind::Timeout, "late"))))
            };
            assert_eq!(waiter.wait().unwrap_err().message(), "late");
            setter.join().unwrap();
        });
    }
}
