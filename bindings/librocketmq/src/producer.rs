//! A producer's life: create, start, shut down, destroy.

use crate::boundary::{self, Failure, NULL_POINTER, PRODUCER_START_FAILED, bytes};
use crate::settings::Settings;
use crate::transaction::{Checker, CheckerCallback};
use crate::{calls, process};
use mqproducer::{ErrorKind, Producer};
use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};
use std::time::{Duration, Instant};

/// What a shutdown gives messages in flight beyond their own deadline.
const GRACE: Duration = Duration::from_secs(1);

/// How often a shutdown looks whether callbacks can still run.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// `CProducer`.
#[derive(Debug)]
pub struct Handle {
    settings: Mutex<Settings>,
    state: RwLock<State>,
    /// The process that started it: its generation and one; 0: none yet.
    started_in: AtomicU32,
    /// Of a transaction producer.
    checker: Option<Arc<Checker>>,
}

#[derive(Debug)]
enum State {
    New,
    Running(Running),
    Over,
}

/// A started producer with what its sends need of the settings.
#[derive(Clone, Debug)]
pub struct Running {
    pub producer: Producer,
    pub rules: Rules,
}

/// How long sends may take, and how the queue of a sharding key is found.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Of one try, as the old client has it.
    pub timeout: Duration,
    pub sync_tries: u32,
    pub async_tries: u32,
    pub java_hash: bool,
}

impl Handle {
    fn new(group: &[u8], checker: Option<Arc<Checker>>) -> Self {
        Handle {
            settings: Mutex::new(Settings::new(group)),
            state: RwLock::new(State::New),
            started_in: AtomicU32::new(0),
            checker,
        }
    }

    /// Whether it was started by the parent of this process.
    fn is_parents(&self) -> bool {
        let started_in = self.started_in.load(Ordering::Acquire);
        started_in != 0 && started_in != process::generation() + 1
    }

    fn refuse_forked(&self, status: c_int) -> Result<(), Failure> {
        match self.is_parents() {
            true => Err(Failure::new(
                status,
                "FORKED: the producer was started before a fork; create a new one in the child process",
            )),
            false => Ok(()),
        }
    }

    /// The producer for one call; `status`: what the call returns when there is none.
    pub fn running(&self, status: c_int) -> Result<Running, Failure> {
        // First: after a fork the lock may be held by a thread that is not here.
        self.refuse_forked(status)?;
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Running(running) => Ok(running.clone()),
            State::New => Err(Failure::new(status, "NOT_STARTED: the producer is not started")),
            State::Over => Err(Failure::new(status, "CLOSED: the producer is shut down")),
        }
    }

    /// The same for a call that is no transaction.
    pub fn running_plain(&self, status: c_int) -> Result<Running, Failure> {
        if self.checker.is_some() {
            return Err(Failure::new(
                status,
                "UNSUPPORTED: a transaction producer sends by SendMessageTransaction only",
            ));
        }
        self.running(status)
    }

    pub fn checker(&self) -> Option<&Arc<Checker>> {
        self.checker.as_ref()
    }

    /// Its settings, before the start.
    pub fn settings(&self) -> Result<MutexGuard<'_, Settings>, Failure> {
        match self.started_in.load(Ordering::Acquire) {
            0 => Ok(self.settings.lock().unwrap_or_else(PoisonError::into_inner)),
            _ => Err(Failure::new(PRODUCER_START_FAILED, "ALREADY_STARTED: it is set before the start")),
        }
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, handle: *mut Handle) -> Result<(), Failure> {
        self.refuse_forked(PRODUCER_START_FAILED)?;
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        match &*self.write() {
            State::Running(_) => return Ok(()),
            State::Over => return Err(Failure::new(PRODUCER_START_FAILED, "CLOSED: the producer is shut down")),
            State::New => {}
        }
        let refused = |error: mqproducer::Error| Failure::of(PRODUCER_START_FAILED, &error);
        let (config, rules) = settings.finish()?;
        let producer = Producer::new(&config).map_err(refused)?;
        if let Some(checker) = &self.checker {
            producer.set_transaction_checker_raw(|| Checker::raw(checker, handle)).map_err(refused)?;
        }
        producer.start().map_err(refused)?;
        *self.write() = State::Running(Running { producer, rules });
        self.started_in.store(process::generation() + 1, Ordering::Release);
        Ok(())
    }

    /// Waits for what is in flight, each message of which has a deadline, and ends what is left then.
    fn shut_down(&self) -> Result<(), Failure> {
        if self.is_parents() {
            return Ok(());
        }
        let running = {
            let mut state = self.write();
            match &*state {
                State::Running(_) => std::mem::replace(&mut *state, State::Over),
                State::New | State::Over => return Ok(()),
            }
        };
        let State::Running(Running { producer, rules }) = running else { return Ok(()) };
        let limit = rules.timeout * rules.sync_tries.max(rules.async_tries) + GRACE;
        // While the producer can still tell the broker what a checker says that runs just now.
        if let Some(checker) = &self.checker {
            checker.retire();
        }
        let until = Instant::now() + limit;
        // A program that ends may have taken the callbacks' thread with it: what waits for it would wait for ever.
        while Instant::now() < until && !calls::are_over() {
            match producer.flush(LOOK_EVERY) {
                Err(error) if error.kind() == ErrorKind::Timeout => {}
                _ => break,
            }
        }
        let left = if calls::are_over() { Duration::ZERO } else { until.saturating_duration_since(Instant::now()) };
        match producer.close(left) {
            Err(_) if calls::are_over() => Ok(()),
            // In a callback, which the wait would wait for: it ends at once then, with the last copy of the producer.
            Err(error) if error.kind() == ErrorKind::WouldDeadlock => Ok(()),
            Err(error) => Err(Failure::of(PRODUCER_START_FAILED, &error)),
            Ok(()) => Ok(()),
        }
    }
}

/// Borrows a producer for one call.
///
/// # Safety
/// `handle` is NULL or a producer that is not destroyed.
pub unsafe fn borrow<'a>(handle: *const Handle) -> Result<&'a Handle, Failure> {
    // SAFETY: the contract of this function.
    unsafe { handle.as_ref() }.ok_or_else(|| Failure::null("producer"))
}

/// # Safety
/// `group` is NULL or ends with a NUL byte.
unsafe fn create(group: *const c_char, checker: Option<Arc<Checker>>) -> *mut Handle {
    boundary::value(std::ptr::null_mut(), || {
        // SAFETY: the contract of this function.
        match unsafe { bytes(group, "groupId") } {
            Ok(group) => Box::into_raw(Box::new(Handle::new(group, checker))),
            Err(refusal) => {
                crate::error_text::set(&refusal.text, refusal.code);
                std::ptr::null_mut()
            }
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn CreateProducer(group: *const c_char) -> *mut Handle {
    // SAFETY: as the module `lib` says.
    unsafe { create(group, None) }
}

/// The same as [`CreateProducer`]: the order comes from how a message is sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn CreateOrderlyProducer(group: *const c_char) -> *mut Handle {
    // SAFETY: as the module `lib` says.
    unsafe { create(group, None) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn CreateTransactionProducer(
    group: *const c_char,
    callback: Option<CheckerCallback>,
    user_data: *mut c_void,
) -> *mut Handle {
    let Some(callback) = callback else {
        crate::error_text::set("`callback` is NULL", -1);
        return std::ptr::null_mut();
    };
    // SAFETY: as the module `lib` says.
    unsafe { create(group, Some(Arc::new(Checker::new(callback, user_data)))) }
}

/// A second start of a running producer has nothing to do.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn StartProducer(handle: *mut Handle) -> c_int {
    // SAFETY: as the module `lib` says.
    boundary::status(PRODUCER_START_FAILED, || unsafe { borrow(handle) }?.start(handle))
}

/// Waits for the messages in flight, each of which ends by its own deadline. A second call has nothing to do.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ShutdownProducer(handle: *const Handle) -> c_int {
    // SAFETY: as the module `lib` says.
    boundary::status(PRODUCER_START_FAILED, || unsafe { borrow(handle) }?.shut_down())
}

/// Shuts it down first, when it is running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn DestroyProducer(handle: *mut Handle) -> c_int {
    boundary::status(NULL_POINTER, || {
        // SAFETY: as the module `lib` says.
        let borrowed = unsafe { borrow(handle)? };
        if borrowed.is_parents() {
            // What is behind it is the parent's: it is leaked.
            return Ok(());
        }
        // What it could complain of is the shutdown's, and the handle goes all the same.
        let _ = borrowed.shut_down();
        // SAFETY: made by a `Create` function and given up by the caller.
        drop(unsafe { Box::from_raw(handle) });
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn ShowProducerVersion(handle: *const Handle) -> *const c_char {
    match handle.is_null() {
        true => c"DefaultVersion".as_ptr(),
        false => concat!("librocketmq of mqproducer ", env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast(),
    }
}
