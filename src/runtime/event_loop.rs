//! A thread with an event loop.

use crate::ffi::os::{RawThread, fork_generation, is_library_thread};
use crate::sync::{Condvar, Mutex, wait};
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running event loop; dropping it ends its thread and what runs there.
///
/// Outside the library's threads the drop waits for that end; inside one it would wait for itself and does not. After
/// a fork the thread is the parent's, and the child leaves it alone.
#[derive(Debug)]
pub(crate) struct EventLoop {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<RawThread>,
    pub(crate) generation: u32,
}

/// What the new thread tells its starter.
type Started = io::Result<(Handle, oneshot::Sender<()>)>;

#[derive(Default)]
struct Starting {
    started: Mutex<Option<Started>>,
    changed: Condvar,
}

impl EventLoop {
    /// Starts a thread called `name`. The loop is made there: what a thread keeps of an event loop ends with it.
    pub(crate) fn start(name: &str) -> io::Result<EventLoop> {
        let starting = Arc::new(Starting::default());
        let thread = RawThread::spawn(name, Arc::clone(&starting), run)?;
        let mut started = starting.started.lock();
        let result = loop {
            match started.take() {
                Some(result) => break result,
                None => started = wait(&starting.changed, started),
            }
        };
        match result {
            Ok((handle, stop)) => {
                Ok(EventLoop { handle, stop: Some(stop), thread: Some(thread), generation: fork_generation() })
            }
            Err(error) => {
                thread.join();
                Err(error)
            }
        }
    }

    /// Runs a future on the thread.
    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle.spawn(future)
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        let (stop, thread) = (self.stop.take(), self.thread.take());
        if self.generation != fork_generation() {
            // Waking the thread would go through a descriptor that is shared with the parent.
            std::mem::forget(stop);
            return;
        }
        drop(stop);
        if let Some(thread) = thread {
            if is_library_thread() { thread.detach() } else { thread.join() }
        }
    }
}

fn run(starting: &Starting) {
    let built = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        // Only name resolution blocks; its threads end soon after.
        .max_blocking_threads(2)
        .thread_keep_alive(Duration::from_secs(1))
        .thread_name("mqp-resolve")
        .build();
    let (stop, stopped) = oneshot::channel();
    let (runtime, started) = match built {
        Ok(runtime) => {
            let handle = runtime.handle().clone();
            (Some(runtime), Ok((handle, stop)))
        }
        Err(error) => (None, Err(error)),
    };
    *starting.started.lock() = Some(started);
    starting.changed.notify_all();
    let Some(runtime) = runtime else {
        return;
    };
    let ended = catch_unwind(AssertUnwindSafe(|| {
        // An error: the sender is gone, which is how it is stopped.
        let _ = runtime.block_on(stopped);
    }));
    if ended.is_err() {
        tracing::error!("an event loop panicked; its connections are gone");
    }
    runtime.shutdown_background();
}
