//! Statistics as handles, and the callback that is told them.

#![allow(unsafe_code, non_camel_case_types)]

use super::callback::KeptUserData;
use super::error::mqp_error;
use super::handle::Out;
use super::producer::mqp_producer;
use super::status::mqp_status;
use super::text::Texts;
use super::types::{invalid, mqp_str};
use super::{boundary, handle};
use crate::producer::statistics::{Listener, Report};
use crate::statistics::Statistics;
use std::ffi::c_void;
use std::sync::{Arc, OnceLock};

/// What a producer counted up to one moment: an *owned* handle, freed by mqp_statistics_free, unless a callback lends
/// it. It never changes, so that any threads may read it at the same time. docs/STATISTICS.md lists what is in it.
#[derive(Debug)]
pub struct mqp_statistics {
    statistics: Statistics,
    json: OnceLock<Texts<1>>,
    prometheus: OnceLock<Texts<1>>,
}

impl mqp_statistics {
    fn new(statistics: Statistics) -> Self {
        mqp_statistics { statistics, json: OnceLock::new(), prometheus: OnceLock::new() }
    }
}

/// Who is told a producer's statistics, again and again.
///
/// Once mqp_producer_set_statistics_callback returned MQP_OK, `call` runs every `statistics_interval` from the
/// producer's start on, and `drop` exactly once after the last of these calls: when the producer is closed or freed, or
/// the callback replaced. On any other return neither runs, and `user_data` stays the caller's.
///
/// Thread: both run on the library's dispatcher, one after the other, and `drop` on the thread that frees the last
/// producer when that ends the dispatcher. An interval is left out while the call before it still waits for the
/// dispatcher. No call begins after mqp_producer_close returned. They MUST NOT block for long (all other callbacks
/// wait), throw or `longjmp`; calls of the library that block return MQP_ERR_WOULD_DEADLOCK there, all others are
/// allowed. Ending the thread by `pthread_exit` is survived, but no callback runs after it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_statistics_callback {
    /// Required: receives the statistics, *borrowed* until it returns.
    pub call: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, statistics: *const mqp_statistics)>,
    /// Passed to both functions, not read by the library; may be NULL.
    pub user_data: *mut c_void,
    /// Gives `user_data` back; may be NULL.
    pub drop: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
}

type Call = unsafe extern "C-unwind" fn(*mut c_void, *const mqp_statistics);

/// A callback that was taken; its `user_data` is given back when it is dropped.
pub(crate) struct ForeignStatistics {
    call: Call,
    user_data: KeptUserData,
}

impl ForeignStatistics {
    /// It is not given back.
    pub(crate) fn discard(&self) {
        self.user_data.discard();
    }
}

/// A call with all that it points to.
pub(crate) struct HeldReport {
    listener: Arc<ForeignStatistics>,
    report: Report,
    statistics: Option<mqp_statistics>,
}

impl HeldReport {
    pub(crate) fn new(listener: Arc<ForeignStatistics>, report: Report) -> Self {
        HeldReport { listener, report, statistics: None }
    }

    fn target(&self) -> (Call, *mut c_void) {
        (self.listener.call, self.listener.user_data.get())
    }

    /// Takes the statistics; NULL when there is nothing to tell any more.
    fn fill(&mut self) -> *const mqp_statistics {
        self.statistics = self.report.begin().map(mqp_statistics::new);
        self.statistics.as_ref().map_or(std::ptr::null(), std::ptr::from_ref)
    }
}

/// Tells the callback. While a foreign function runs, no frame here holds anything that needs a drop.
pub(crate) fn tell(held: *mut HeldReport) {
    // SAFETY: `held` was given just now, nothing else uses it, and it lives until it is taken at the end; the function
    // is called as `mqp_statistics_callback` promises.
    unsafe {
        let statistics = (*held).fill();
        if !statistics.is_null() {
            let (call, user_data) = (*held).target();
            call(user_data, statistics);
            (*held).report.end();
        }
        drop(handle::take(held));
    }
}

/// Takes a snapshot of what a producer has counted since it was made, and of how it does at the moment; also of one that
/// is closed.
///
/// `out`: receives an *owned* handle; NULL on failure. `error`: may be NULL. Threads: any. Errors: MQP_ERR_FORKED,
/// MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_statistics(
    producer: *const mqp_producer,
    out: *mut *mut mqp_statistics,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the handle.
        let out = unsafe { Out::required(out, "out", std::ptr::null_mut())? };
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        out.set(handle::give(mqp_statistics::new(producer.producer.statistics()?)));
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// The statistics as one JSON object, in the form of docs/STATISTICS.md; the empty text for NULL.
///
/// Returns: *borrowed* until the statistics are freed. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_statistics_json(statistics: *const mqp_statistics) -> mqp_str {
    boundary::infallible(mqp_str::EMPTY, || {
        // SAFETY: the caller passes NULL or statistics that are not freed.
        let Some(statistics) = (unsafe { statistics.as_ref() }) else {
            return mqp_str::EMPTY;
        };
        statistics.json.get_or_init(|| Texts::new([&statistics.statistics.to_json()])).get(0)
    })
}

/// The statistics as Prometheus text exposition, version 0.0.4, in the form of docs/STATISTICS.md; the empty text for
/// NULL.
///
/// Returns: *borrowed* until the statistics are freed. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_statistics_prometheus(statistics: *const mqp_statistics) -> mqp_str {
    boundary::infallible(mqp_str::EMPTY, || {
        // SAFETY: the caller passes NULL or statistics that are not freed.
        let Some(statistics) = (unsafe { statistics.as_ref() }) else {
            return mqp_str::EMPTY;
        };
        statistics.prometheus.get_or_init(|| Texts::new([&statistics.statistics.to_prometheus()])).get(0)
    })
}

/// Frees statistics; NULL is allowed. Not for those that a callback lends.
///
/// `statistics`: *owned*, taken. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_statistics_free(statistics: *mut mqp_statistics) {
    // SAFETY: the caller gives up statistics that it owns, or passes NULL.
    boundary::infallible((), || drop(unsafe { handle::take(statistics) }));
}

/// Sets who is told the statistics of a producer that is not started, every `statistics_interval` milliseconds (0, the
/// default: never), in place of who was set before.
///
/// `callback`: taken when the call returns MQP_OK, else untouched: see mqp_statistics_callback. `error`: may be NULL.
/// Threads: any. Errors: MQP_ERR_ALREADY_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_set_statistics_callback(
    producer: *mut mqp_producer,
    callback: mqp_statistics_callback,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        let Some(call) = callback.call else {
            return Err(invalid("`callback.call` is NULL".to_owned()));
        };
        producer.producer.report_to(|| {
            let user_data = KeptUserData::new(callback.user_data, callback.drop);
            Listener::Foreign(Arc::new(ForeignStatistics { call, user_data }))
        })
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}
