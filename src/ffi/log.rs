//! The library's log for C: silent until a callback is set.

#![allow(unsafe_code, non_camel_case_types)]

use super::callback::{ForeignJob, GiveBack};
use super::error::mqp_error;
use super::os::{ForkLocal, is_library_thread};
use super::status::mqp_status;
use super::text::Texts;
use super::types::{invalid, mqp_str};
use super::{boundary, handle};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Job, Runtime};
use crate::sync::Mutex;
use std::cell::Cell;
use std::ffi::c_void;
use std::fmt::Write;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber, span};

/// No record at all.
pub const MQP_LOG_OFF: u32 = 0;
/// Something failed that the library does not mend by itself.
pub const MQP_LOG_ERROR: u32 = 1;
/// Something failed and is tried again.
pub const MQP_LOG_WARN: u32 = 2;
/// Rare events of normal life: a producer starts, a connection opens.
pub const MQP_LOG_INFO: u32 = 3;
/// What helps to find a fault.
pub const MQP_LOG_DEBUG: u32 = 4;
/// Every message.
pub const MQP_LOG_TRACE: u32 = 5;

/// One record of the log, *borrowed* with its strings for the duration of the callback it is passed to.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_log_record {
    /// Size of the struct in bytes as the library knows it; fields beyond it must not be read.
    pub struct_size: u32,
    /// MQP_LOG_ERROR to MQP_LOG_TRACE.
    pub level: u32,
    /// The part of the library that speaks.
    pub target: mqp_str,
    /// What it says, on one line.
    pub message: mqp_str,
}

/// Who receives the records of the log.
///
/// Once mqp_log_set returned MQP_OK, `call` runs for each record, and `drop` exactly once after the last of them, when
/// the callback was replaced or removed. On any other return neither runs, and `user_data` stays the caller's.
///
/// Thread: the library's dispatcher; before the first producer starts and after the last is gone, the thread that makes
/// the record or replaces the callback. Never two at the same time from the dispatcher. They MUST NOT call the library,
/// block for long, throw or `longjmp`, and only on the dispatcher may they end the thread. What the library does for a
/// record is itself not logged.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_log_callback {
    /// Receives a record; NULL removes the callback that was set before.
    pub call: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, record: *const mqp_log_record)>,
    /// Passed to both functions, not read by the library; may be NULL.
    pub user_data: *mut c_void,
    /// Gives `user_data` back; may be NULL.
    pub drop: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
}

/// Most records that wait for the dispatcher; more are counted and reported as a number.
pub(crate) const QUEUE_LIMIT: usize = if cfg!(miri) { 16 } else { 1024 };

type Call = unsafe extern "C-unwind" fn(*mut c_void, *const mqp_log_record);

struct Sink {
    call: Call,
    give_back: GiveBack,
}

// SAFETY: `user_data` is never read here, and the documentation of `mqp_log_callback` says on which threads it is used.
unsafe impl Send for Sink {}
// SAFETY: the same.
unsafe impl Sync for Sink {}

impl Drop for Sink {
    fn drop(&mut self) {
        self.give_back.dispatch();
    }
}

/// A record on its way to the callback.
pub(crate) struct LogRecord {
    sink: Arc<Sink>,
    level: u32,
    texts: Texts<2>,
}

thread_local! {
    /// Whether this thread is delivering a record: what that does is not logged, or it would never end.
    static DELIVERING: Cell<bool> = const { Cell::new(false) };
}

impl LogRecord {
    /// Runs the callback. As in [`ForeignJob::run`], nothing needs a drop meanwhile.
    pub(crate) fn run(self) {
        state().queued.fetch_sub(1, Ordering::Relaxed);
        DELIVERING.set(true);
        let (call, user_data) = (self.sink.call, self.sink.give_back.user_data());
        let held = handle::give(self);
        // SAFETY: `held` lives until it is taken below; the function is called as `mqp_log_callback` promises.
        unsafe {
            let record = mqp_log_record {
                struct_size: size_of::<mqp_log_record>() as u32,
                level: (*held).level,
                target: (*held).texts.get(0),
                message: (*held).texts.get(1),
            };
            call(user_data, &record);
            drop(handle::take(held));
        }
        DELIVERING.set(false);
    }
}

/// One for each process: after a fork the child is silent until it sets a callback of its own.
#[derive(Default)]
struct State {
    sink: Mutex<Option<Arc<Sink>>>,
    level: AtomicU32,
    queued: AtomicUsize,
    /// Not reported yet.
    lost: AtomicU64,
    /// All of them.
    dropped: AtomicU64,
}

/// How many records the callback was too slow for.
pub(crate) fn dropped() -> u64 {
    state().dropped.load(Ordering::Relaxed)
}

fn state() -> &'static State {
    static STATE: ForkLocal<State> = ForkLocal::new();
    STATE.get_or_init(State::default)
}

const fn number(level: &Level) -> u32 {
    match *level {
        Level::ERROR => MQP_LOG_ERROR,
        Level::WARN => MQP_LOG_WARN,
        Level::INFO => MQP_LOG_INFO,
        Level::DEBUG => MQP_LOG_DEBUG,
        Level::TRACE => MQP_LOG_TRACE,
    }
}

fn filter(level: u32) -> LevelFilter {
    match level {
        MQP_LOG_OFF => LevelFilter::OFF,
        MQP_LOG_ERROR => LevelFilter::ERROR,
        MQP_LOG_WARN => LevelFilter::WARN,
        MQP_LOG_INFO => LevelFilter::INFO,
        MQP_LOG_DEBUG => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}

/// Takes this library's events only; a Rust program that uses the crate keeps its own for all else.
struct ForeignLog;

impl Subscriber for ForeignLog {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> tracing::subscriber::Interest {
        use tracing::subscriber::Interest;
        let ours = metadata.is_event() && metadata.target().split("::").next() == Some(env!("CARGO_PKG_NAME"));
        if ours { Interest::sometimes() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        number(metadata.level()) <= state().level.load(Ordering::Relaxed) && !DELIVERING.get()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(filter(state().level.load(Ordering::Relaxed)))
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = LineOfText::default();
        event.record(&mut text);
        emit(number(event.metadata().level()), event.metadata().target(), &text.0);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct LineOfText(String);

impl Visit for LineOfText {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

fn emit(level: u32, target: &str, message: &str) {
    let state = state();
    let Some(sink) = state.sink.lock().clone() else {
        return;
    };
    let runtime = Runtime::running();
    // A library thread that outlives its runtime must not run user code.
    if runtime.is_none() && is_library_thread() {
        return;
    }
    let deliver = |level: u32, target: &str, message: &str| {
        state.queued.fetch_add(1, Ordering::Relaxed);
        let message = message.replace(['\n', '\r', '\0'], " ");
        let record = LogRecord { sink: Arc::clone(&sink), level, texts: Texts::new([target, &message]) };
        match &runtime {
            Some(runtime) => runtime.dispatch(Job::Foreign(ForeignJob::Log(record))),
            None => record.run(),
        }
    };
    if state.queued.load(Ordering::Relaxed) >= QUEUE_LIMIT {
        state.lost.fetch_add(1, Ordering::Relaxed);
        state.dropped.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let lost = state.lost.swap(0, Ordering::Relaxed);
    if lost > 0 {
        deliver(MQP_LOG_WARN, module_path!(), &format!("{lost} records were left out: the log callback is too slow"));
    }
    deliver(level, target, message);
}

fn install() -> Result<()> {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    if *INSTALLED.get_or_init(|| tracing::subscriber::set_global_default(ForeignLog).is_ok()) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unsupported, "the program has set a `tracing` subscriber; the log goes there"))
}

/// Sets who receives the log of the whole process, in place of what was set before. By default nobody does.
///
/// It does not wait: records made before may still reach the earlier callback, whose `drop` tells that it is over.
///
/// `max_level`: MQP_LOG_OFF to MQP_LOG_TRACE; records above it are not made. `callback`: taken when the call returns
/// MQP_OK, else untouched; with `call` NULL nobody receives the log and nothing of it is taken. `error`: may be NULL.
/// Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT; MQP_ERR_UNSUPPORTED in a Rust program that has set a `tracing`
/// subscriber of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_log_set(
    max_level: u32,
    callback: mqp_log_callback,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        if max_level > MQP_LOG_TRACE {
            return Err(invalid(format!("`max_level` is {max_level}; the maximum is {MQP_LOG_TRACE}")));
        }
        install()?;
        let give_back = GiveBack::new(callback.user_data, callback.drop);
        let sink = callback.call.map(|call| Arc::new(Sink { call, give_back }));
        let state = state();
        state.level.store(if sink.is_some() { max_level } else { MQP_LOG_OFF }, Ordering::Relaxed);
        let earlier = std::mem::replace(&mut *state.sink.lock(), sink);
        tracing::callsite::rebuild_interest_cache();
        drop(earlier);
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}
