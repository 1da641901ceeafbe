//! What a producer knows of its brokers, as a snapshot.

#![allow(unsafe_code, non_camel_case_types)]

use super::error::mqp_error;
use super::handle::Out;
use super::producer::mqp_producer;
use super::sized::{self, SizedStruct};
use super::status::mqp_status;
use super::text::Texts;
use super::types::{invalid, mqp_str};
use super::{boundary, handle};
use crate::broker::{BrokerHealth, BrokerState};

/// Takes its turn.
pub const MQP_BROKER_HEALTHY: u32 = 0;
/// Was slow or failed: passed over while there are others.
pub const MQP_BROKER_ISOLATED: u32 = 1;
/// Did not answer, and the detector has not reached it since.
pub const MQP_BROKER_UNREACHABLE: u32 = 2;

/// What a producer knew of its brokers at one moment: an *owned* handle, freed by mqp_broker_states_free. It never
/// changes, so that any threads may read it at the same time.
#[derive(Debug)]
pub struct mqp_broker_states {
    states: Vec<(BrokerState, Texts<2>)>,
}

/// How a broker does, as the key `send_latency_enable` has it judged; without that every broker is healthy. Set
/// `struct_size`, or start from MQP_BROKER_STATE_VIEW_INIT. The strings are *borrowed* until the snapshot is freed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_broker_state_view {
    /// Size of the caller's struct in bytes.
    pub struct_size: u32,
    /// MQP_BROKER_HEALTHY or another of MQP_BROKER_....
    pub state: u32,
    /// Until when an isolated broker is passed over, in milliseconds since 1970; else 0.
    pub until_ms: i64,
    /// How long the last send to it took, in milliseconds; -1 when none was measured.
    pub latency_ms: i64,
    /// The broker's name.
    pub name: mqp_str,
    /// The master's address.
    pub address: mqp_str,
}

// SAFETY: `repr(C)`, begins with a `u32`, ends with pointer-sized fields, and holds only numbers and raw pointers.
unsafe impl SizedStruct for mqp_broker_state_view {
    const NAME: &'static str = "mqp_broker_state_view";
    const FIRST_SIZE: usize = std::mem::offset_of!(Self, address) + size_of::<mqp_str>();
}

/// Takes a snapshot of what a producer knows of the brokers in the routes that it uses, by name.
///
/// `out`: receives an *owned* handle; NULL on failure. `error`: may be NULL. Threads: any. Errors: MQP_ERR_FORKED,
/// MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_broker_states(
    producer: *const mqp_producer,
    out: *mut *mut mqp_broker_states,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the handle.
        let out = unsafe { Out::required(out, "out", std::ptr::null_mut())? };
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { handle::borrow(producer, "producer")? };
        let states = producer.producer.brokers()?.into_iter();
        let states = states.map(|state| {
            let texts = Texts::new([&state.name, &state.address]);
            (state, texts)
        });
        out.set(handle::give(mqp_broker_states { states: states.collect() }));
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// How many brokers a snapshot holds; 0 for NULL.
///
/// Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_broker_states_count(states: *const mqp_broker_states) -> usize {
    boundary::infallible(0, || {
        // SAFETY: the caller passes NULL or a snapshot that is not freed.
        unsafe { states.as_ref() }.map_or(0, |states| states.states.len())
    })
}

/// Reads one broker of a snapshot.
///
/// `index`: 0 to mqp_broker_states_count() - 1. `out`: written, its strings *borrowed* until the snapshot is freed.
/// `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_broker_states_get(
    states: *const mqp_broker_states,
    index: usize,
    out: *mut mqp_broker_state_view,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a snapshot that is not freed.
        let states = &unsafe { handle::borrow(states, "states")? }.states;
        let (state, texts) = states
            .get(index)
            .ok_or_else(|| invalid(format!("`index` is {index}; there are {} brokers", states.len())))?;
        let (number, until_ms) = match state.health {
            BrokerHealth::Healthy => (MQP_BROKER_HEALTHY, 0),
            BrokerHealth::Isolated { until_ms } => (MQP_BROKER_ISOLATED, until_ms),
            BrokerHealth::Unreachable => (MQP_BROKER_UNREACHABLE, 0),
        };
        let view = mqp_broker_state_view {
            struct_size: 0,
            state: number,
            until_ms,
            latency_ms: state.latency.map_or(-1, |latency| i64::try_from(latency.as_millis()).unwrap_or(i64::MAX)),
            name: texts.get(0),
            address: texts.get(1),
        };
        // SAFETY: the caller passes NULL or a struct with its size set.
        unsafe { sized::write(out, &view) }
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Frees a snapshot; NULL is allowed.
///
/// `states`: *owned*, taken. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_broker_states_free(states: *mut mqp_broker_states) {
    // SAFETY: the caller gives up a snapshot that it owns, or passes NULL.
    boundary::infallible((), || drop(unsafe { handle::take(states) }));
}
