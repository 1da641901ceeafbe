//! The process-wide runtime: one I/O thread and one dispatcher, shared by all producers.
//!
//! It starts with the first producer and ends with the last. User code (callbacks, log sinks) runs on the dispatcher,
//! never on the I/O thread, so that a slow callback stops no connection.

mod event_loop;

pub(crate) use event_loop::EventLoop;

use crate::error::{Error, ErrorKind, Result};
use crate::ffi::os::{ForkLocal, RawThread, is_library_thread};
use crate::sync::{Condvar, Mutex, MutexGuard, wait};
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

static SHARED: ForkLocal<Mutex<Weak<Runtime>>> = ForkLocal::new();

/// The handle that keeps the two threads alive.
pub(crate) struct Runtime {
    io: EventLoop,
    dispatcher: Arc<Dispatcher>,
    dispatcher_thread: Option<RawThread>,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Runtime")
    }
}

impl Runtime {
    /// The process's runtime, started when there is none.
    pub(crate) fn shared() -> Result<Arc<Runtime>> {
        let mut slot = SHARED.get_or_init(|| Mutex::new(Weak::new())).lock();
        if let Some(runtime) = slot.upgrade() {
            return Ok(runtime);
        }
        let runtime = Arc::new(Runtime::start()?);
        *slot = Arc::downgrade(&runtime);
        Ok(runtime)
    }

    /// The process's runtime, when it is running.
    #[cfg(feature = "capi")]
    pub(crate) fn running() -> Option<Arc<Runtime>> {
        SHARED.get_or_init(|| Mutex::new(Weak::new())).lock().upgrade()
    }

    fn start() -> Result<Runtime> {
        let refused = |what: &str, error: std::io::Error| {
            Error::new(ErrorKind::Resource, format!("the system refused {what}: {error}"))
        };
        let io = EventLoop::start("mqp-io").map_err(|error| refused("the I/O thread", error))?;
        let dispatcher = Arc::new(Dispatcher::default());
        let thread = RawThread::spawn("mqp-dispatch", Arc::clone(&dispatcher), Dispatcher::run)
            .map_err(|error| refused("the dispatcher thread", error))?;
        Ok(Runtime { io, dispatcher, dispatcher_thread: Some(thread) })
    }

    /// Runs a future on the I/O thread.
    pub(crate) fn spawn<F>(&self, future: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.io.spawn(future)
    }

    /// The dispatcher, which ends with the runtime: what is pushed after that never runs.
    pub(crate) fn dispatcher(&self) -> &Arc<Dispatcher> {
        &self.dispatcher
    }

    /// Runs user code on the dispatcher.
    #[cfg(any(feature = "capi", test))]
    pub(crate) fn dispatch(&self, job: Job) {
        self.dispatcher.push(job);
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.dispatcher.stop();
        if let Some(thread) = self.dispatcher_thread.take() {
            // A library thread cannot wait for itself: there it ends on its own.
            if is_library_thread() { thread.detach() } else { thread.join() }
        }
    }
}

/// One piece of user code to run.
pub(crate) enum Job {
    /// A Rust closure; a panic in it is caught and logged.
    Closure(Box<dyn FnOnce() + Send>),
    /// A callback of the C surface.
    #[cfg(feature = "capi")]
    Foreign(crate::ffi::callback::ForeignJob),
    /// A bare function of a binding in Rust.
    #[cfg(feature = "raw")]
    Raw(crate::ffi::raw::RawJob),
}

impl Job {
    // Nothing here may wait for a drop while a foreign callback runs; see `RawThread`.
    fn run(self) {
        match self {
            Job::Closure(closure) => {
                if catch_unwind(AssertUnwindSafe(closure)).is_err() {
                    tracing::error!("a callback panicked");
                }
            }
            #[cfg(feature = "capi")]
            Job::Foreign(job) => job.run(),
            #[cfg(feature = "raw")]
            Job::Raw(job) => job.run(),
        }
    }
}

/// The thread that runs user code, one job after the other.
#[derive(Default)]
pub(crate) struct Dispatcher {
    state: Mutex<DispatcherState>,
    wake: Condvar,
    /// Completions that will still be pushed: the thread does not end before.
    owed: AtomicUsize,
}

#[derive(Default)]
struct DispatcherState {
    jobs: VecDeque<Job>,
    waiting: bool,
    stopping: bool,
}

impl Dispatcher {
    pub(crate) fn push(&self, job: Job) {
        self.enqueue(self.state.lock(), job);
    }

    /// How many jobs wait.
    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().jobs.len()
    }

    /// Announces one [`Dispatcher::push_owed`].
    pub(crate) fn owe(&self) {
        self.owed.fetch_add(1, Ordering::Relaxed);
    }

    /// Pushes a job that was announced.
    pub(crate) fn push_owed(&self, job: Job) {
        // Under the lock: the thread, which looks at both together, sees the job or the debt.
        let state = self.state.lock();
        self.owed.fetch_sub(1, Ordering::Relaxed);
        self.enqueue(state, job);
    }

    fn enqueue(&self, mut state: MutexGuard<'_, DispatcherState>, job: Job) {
        state.jobs.push_back(job);
        if state.waiting {
            state.waiting = false;
            self.wake.notify_one();
        }
    }

    /// Lets the thread end once it has run what is queued and owed.
    fn stop(&self) {
        self.state.lock().stopping = true;
        self.wake.notify_one();
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.stopping && self.owed.load(Ordering::Relaxed) == 0 {
                return None;
            }
            state.waiting = true;
            state = wait(&self.wake, state);
        }
    }

    fn run(&self) {
        while let Some(job) = self.next() {
            job.run();
        }
    }
}

#[cfg(all(test, not(mqp_loom)))]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    /// Rows: AS-10.
    #[test]
    fn jobs_run_in_order_on_the_dispatcher_and_a_panic_stops_none() {
        let runtime = Runtime::shared().unwrap();
        let (send, receive) = channel();
        for n in 0..3 {
            let send = send.clone();
            runtime.dispatch(Job::Closure(Box::new(move || {
                if n == 1 {
                    panic!("from a callback");
                }
                send.send((n, is_library_thread())).unwrap();
            })));
        }
        let limit = Duration::from_secs(10);
        assert_eq!(receive.recv_timeout(limit).unwrap(), (0, true));
        assert_eq!(receive.recv_timeout(limit).unwrap(), (2, true));
    }

    #[test]
    fn the_dispatcher_does_not_end_before_what_is_owed_has_run() {
        let runtime = Runtime::start().unwrap();
        let dispatcher = Arc::clone(runtime.dispatcher());
        dispatcher.owe();
        let ending = std::thread::spawn(move || drop(runtime));
        let (send, receive) = channel();
        dispatcher.push_owed(Job::Closure(Box::new(move || send.send(()).unwrap())));
        ending.join().unwrap();
        receive.try_recv().unwrap();
    }

    #[test]
    fn dropping_the_last_handle_runs_what_is_queued() {
        let runtime = Runtime::start().unwrap();
        let (send, receive) = channel();
        runtime.dispatch(Job::Closure(Box::new(move || send.send(()).unwrap())));
        drop(runtime);
        receive.try_recv().unwrap();
    }
}
