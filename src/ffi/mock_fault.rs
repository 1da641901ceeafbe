//! Faults of the embedded cluster, and servers that go and come back.

#![allow(unsafe_code, non_camel_case_types)]

use super::error::mqp_error;
use super::mock::mqp_mock_cluster;
use super::os::is_library_thread;
use super::sized::{self, SizedStruct};
use super::status::mqp_status;
use super::types::{invalid, mqp_bytes, mqp_str};
use super::{boundary, handle};
use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "mock")]
use crate::mock::{Fault, FaultAction};
#[cfg(not(feature = "mock"))]
pub(super) use absent::{Fault, FaultAction};
use std::time::Duration;

/// No fault hit the request.
pub const MQP_MOCK_FAULT_NONE: u32 = 0;
/// The request is not executed; the answer has `response_code` and `remark`.
pub const MQP_MOCK_FAULT_ANSWER: u32 = 1;
/// The request is executed, and its answer gets `response_code` and `remark` while its fields stay: as when a message is
/// stored but was not flushed in time (code 10).
pub const MQP_MOCK_FAULT_CHANGE_ANSWER: u32 = 2;
/// The request is executed at once and well; its answer comes after `delay_ms`.
pub const MQP_MOCK_FAULT_DELAY: u32 = 3;
/// The request is not executed and not answered.
pub const MQP_MOCK_FAULT_DROP: u32 = 4;
/// The request is executed and not answered.
pub const MQP_MOCK_FAULT_LOSE_ANSWER: u32 = 5;
/// The connection is closed in place of an answer; the request is not executed.
pub const MQP_MOCK_FAULT_CLOSE_BEFORE: u32 = 6;
/// The connection is closed in place of an answer; the request is executed.
pub const MQP_MOCK_FAULT_CLOSE_AFTER: u32 = 7;
/// The request is executed, the first half of its answer is written, and the connection is closed.
pub const MQP_MOCK_FAULT_HALF_ANSWER: u32 = 8;
/// The request is not executed; `bytes`, 64 of 0xff when there are none, come in place of an answer. The connection
/// stays open.
pub const MQP_MOCK_FAULT_GARBAGE: u32 = 9;
/// Nothing more of this connection is read or written until `delay_ms` are over or faults are cleared; with 0, until
/// they are cleared: as by a process that is stopped. Then the request is executed and answered.
pub const MQP_MOCK_FAULT_STOP_READING: u32 = 10;

/// The broker is in its routes and listens.
pub const MQP_MOCK_BROKER_UP: u32 = 0;
/// A bit: the broker is in no route, as after its shutdown. It serves those who know its address.
pub const MQP_MOCK_BROKER_OUT_OF_ROUTE: u32 = 1;
/// A bit: the server does not listen and its connections are closed, as after its death. Its port stays its own.
pub const MQP_MOCK_BROKER_STOPPED: u32 = 2;

/// What servers of an embedded cluster do to requests to come. Set `struct_size`, or start from MQP_MOCK_FAULT_INIT;
/// fields that the action does not read stay 0. Texts and bytes are *copied*.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_mock_fault {
    /// Size of the caller's struct in bytes.
    pub struct_size: u32,
    /// One of MQP_MOCK_FAULT_ANSWER to MQP_MOCK_FAULT_STOP_READING. A one-way request has no answer: all but that happens
    /// to it, too.
    pub action: u32,
    /// The server: a broker's name (`broker-a`) or number from 0 on (`0`), or `name-server`; empty: every broker, and
    /// not the name server.
    pub broker: mqp_str,
    /// The request code; 0: every code.
    pub request_code: i32,
    /// How many requests; 0: all, until faults are cleared.
    pub count: u32,
    /// The code that MQP_MOCK_FAULT_ANSWER and MQP_MOCK_FAULT_CHANGE_ANSWER answer.
    pub response_code: i32,
    /// How long the answer, the bytes or the close wait, in milliseconds, at most 3600000. Other requests of the
    /// connection are answered meanwhile. Not for MQP_MOCK_FAULT_DROP and MQP_MOCK_FAULT_LOSE_ANSWER.
    pub delay_ms: u32,
    /// The remark that MQP_MOCK_FAULT_ANSWER and MQP_MOCK_FAULT_CHANGE_ANSWER answer; empty: none.
    pub remark: mqp_str,
    /// What MQP_MOCK_FAULT_GARBAGE writes.
    pub bytes: mqp_bytes,
}

// SAFETY: `repr(C)`, begins with a `u32`, ends with pointer-sized fields, and holds only numbers and raw pointers.
unsafe impl SizedStruct for mqp_mock_fault {
    const NAME: &'static str = "mqp_mock_fault";
    const FIRST_SIZE: usize = std::mem::offset_of!(Self, bytes) + size_of::<mqp_bytes>();
}

/// The number of an action.
pub(super) fn number(action: &FaultAction) -> u32 {
    match action {
        FaultAction::Answer { .. } => MQP_MOCK_FAULT_ANSWER,
        FaultAction::ChangeAnswer { .. } => MQP_MOCK_FAULT_CHANGE_ANSWER,
        FaultAction::Delay => MQP_MOCK_FAULT_DELAY,
        FaultAction::Drop => MQP_MOCK_FAULT_DROP,
        FaultAction::LoseAnswer => MQP_MOCK_FAULT_LOSE_ANSWER,
        FaultAction::CloseBefore => MQP_MOCK_FAULT_CLOSE_BEFORE,
        FaultAction::CloseAfter => MQP_MOCK_FAULT_CLOSE_AFTER,
        FaultAction::HalfAnswer => MQP_MOCK_FAULT_HALF_ANSWER,
        FaultAction::Garbage(_) => MQP_MOCK_FAULT_GARBAGE,
        FaultAction::StopReading => MQP_MOCK_FAULT_STOP_READING,
    }
}

impl mqp_mock_fault {
    /// # Safety
    /// The pointers lead to what they say.
    unsafe fn fault(&self) -> Result<Fault> {
        // SAFETY: the contract of this function.
        let broker = unsafe { self.broker.read(|| "broker".to_owned())? };
        // SAFETY: the same.
        let remark = unsafe { self.remark.read(|| "remark".to_owned())? };
        // SAFETY: the same.
        let bytes = unsafe { self.bytes.read(|| "bytes".to_owned())? };
        let (code, text) = (self.response_code, remark.to_owned());
        let action = match self.action {
            MQP_MOCK_FAULT_ANSWER => FaultAction::Answer { code, remark: text },
            MQP_MOCK_FAULT_CHANGE_ANSWER => FaultAction::ChangeAnswer { code, remark: text },
            MQP_MOCK_FAULT_DELAY => FaultAction::Delay,
            MQP_MOCK_FAULT_DROP => FaultAction::Drop,
            MQP_MOCK_FAULT_LOSE_ANSWER => FaultAction::LoseAnswer,
            MQP_MOCK_FAULT_CLOSE_BEFORE => FaultAction::CloseBefore,
            MQP_MOCK_FAULT_CLOSE_AFTER => FaultAction::CloseAfter,
            MQP_MOCK_FAULT_HALF_ANSWER => FaultAction::HalfAnswer,
            MQP_MOCK_FAULT_GARBAGE => FaultAction::Garbage(bytes.to_vec()),
            MQP_MOCK_FAULT_STOP_READING => FaultAction::StopReading,
            other => {
                let (first, last) = (MQP_MOCK_FAULT_ANSWER, MQP_MOCK_FAULT_STOP_READING);
                return Err(invalid(format!("`action` is {other}; it must be {first} to {last}")));
            }
        };
        let answers = matches!(action, FaultAction::Answer { .. } | FaultAction::ChangeAnswer { .. });
        let unread = [
            ("response_code", self.response_code != 0 && !answers),
            ("remark", !remark.is_empty() && !answers),
            ("bytes", !bytes.is_empty() && self.action != MQP_MOCK_FAULT_GARBAGE),
        ];
        if let Some((field, _)) = unread.into_iter().find(|(_, set)| *set) {
            return Err(invalid(format!("`{field}` is set, but the `action` {} does not read it", self.action)));
        }
        let fault = Fault::new(action).broker(broker).code(self.request_code).count(self.count);
        Ok(fault.delay(Duration::from_millis(self.delay_ms.into())))
    }
}

/// Adds a fault to a cluster, behind those that wait: each request takes the oldest that fits it, and is counted by that
/// alone.
///
/// `fault`: *copied*. `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT for an unknown action or
/// broker, a field that the action does not read, a delay that is too long or that nothing waits for; MQP_ERR_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_cluster_push_fault(
    cluster: *const mqp_mock_cluster,
    fault: *const mqp_mock_fault,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a cluster that is not freed.
        let cluster = &unsafe { handle::borrow(cluster, "cluster")? }.cluster;
        // SAFETY: the caller passes NULL or a struct with its size set.
        let fault = unsafe { sized::read(fault)? };
        // SAFETY: the caller lends what the struct points to until the call returns.
        let fault = unsafe { fault.fault()? };
        cluster.push_fault(&fault)
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Takes back all faults of a cluster, and lets connections go on that stopped reading. Answers that are late still
/// come.
///
/// `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT, MQP_ERR_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_cluster_clear_faults(
    cluster: *const mqp_mock_cluster,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a cluster that is not freed.
        unsafe { handle::borrow(cluster, "cluster")? }.cluster.clear_faults()
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Takes a broker out of its routes, stops it, or brings it back. Its messages and its port stay. All that has happened
/// when the call returns.
///
/// `broker`: a broker's name (`broker-a`) or number from 0 on (`0`), or `name-server`, which can only stop; *borrowed*
/// for the call. `state`: MQP_MOCK_BROKER_UP or a sum of MQP_MOCK_BROKER_ bits. `error`: may be NULL. Threads: any but
/// the library's; blocks. Errors: MQP_ERR_INVALID_ARGUMENT; MQP_ERR_RESOURCE when the system refuses the port;
/// MQP_ERR_WOULD_DEADLOCK on a thread of the library; MQP_ERR_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_cluster_set_broker_state(
    cluster: *const mqp_mock_cluster,
    broker: mqp_str,
    state: u32,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a cluster that is not freed.
        let cluster = &unsafe { handle::borrow(cluster, "cluster")? }.cluster;
        // SAFETY: the caller lends the text until the call returns.
        let broker = unsafe { broker.read(|| "broker".to_owned())? };
        let most = MQP_MOCK_BROKER_UP | MQP_MOCK_BROKER_OUT_OF_ROUTE | MQP_MOCK_BROKER_STOPPED;
        if state > most {
            return Err(invalid(format!("`state` is {state}; the maximum is {most}")));
        }
        if is_library_thread() {
            return Err(Error::new(ErrorKind::WouldDeadlock, "a server's shutdown on a thread of the library"));
        }
        cluster.set_in_route(broker, state & MQP_MOCK_BROKER_OUT_OF_ROUTE == 0)?;
        cluster.set_listening(broker, state & MQP_MOCK_BROKER_STOPPED == 0)
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Stands in for the embedded cluster in a build without it.
#[cfg(not(feature = "mock"))]
mod absent {
    use super::super::mock::absent::Cluster;
    use crate::error::Result;
    use std::time::Duration;

    #[derive(Debug)]
    #[expect(dead_code, reason = "nothing reads them in this build")]
    pub(in crate::ffi) enum FaultAction {
        Answer { code: i32, remark: String },
        ChangeAnswer { code: i32, remark: String },
        Delay,
        Drop,
        LoseAnswer,
        CloseBefore,
        CloseAfter,
        HalfAnswer,
        Garbage(Vec<u8>),
        StopReading,
    }

    pub(in crate::ffi) struct Fault;

    impl Fault {
        pub(in crate::ffi) fn new(_action: FaultAction) -> Fault {
            Fault
        }

        pub(in crate::ffi) fn broker(self, _broker: &str) -> Fault {
            self
        }

        pub(in crate::ffi) fn code(self, _code: i32) -> Fault {
            self
        }

        pub(in crate::ffi) fn count(self, _count: u32) -> Fault {
            self
        }

        pub(in crate::ffi) fn delay(self, _delay: Duration) -> Fault {
            self
        }
    }

    impl Cluster {
        pub(in crate::ffi) fn push_fault(&self, _fault: &Fault) -> Result<()> {
            match *self {}
        }

        pub(in crate::ffi) fn clear_faults(&self) -> Result<()> {
            match *self {}
        }

        pub(in crate::ffi) fn set_in_route(&self, _broker: &str, _in_route: bool) -> Result<()> {
            match *self {}
        }

        pub(in crate::ffi) fn set_listening(&self, _broker: &str, _listening: bool) -> Result<()> {
            match *self {}
        }
    }
}
