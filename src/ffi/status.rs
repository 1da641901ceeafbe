//! The numbers of statuses, and their table for the bindings.

#![allow(unsafe_code, non_camel_case_types)]

use super::boundary;
use super::error::mqp_error;
use super::sized::{self, SizedStruct};
use super::types::{invalid, mqp_str};
use crate::error::ErrorKind;
use std::ffi::{CStr, c_char};

/// The result of a call or of a message: MQP_OK or one of MQP_ERR_.... The numbers never change; later versions add
/// some.
pub type mqp_status = u32;

/// Success.
pub const MQP_OK: mqp_status = 0;
/// A NULL handle or pointer, a `struct_size` too small, text that is not UTF-8.
pub const MQP_ERR_INVALID_ARGUMENT: mqp_status = 1;
/// An unknown configuration key, a value out of its range, a malformed URL.
pub const MQP_ERR_INVALID_CONFIG: mqp_status = 2;
/// A message that breaks a rule: topic, body, property.
pub const MQP_ERR_INVALID_MESSAGE: mqp_status = 3;
/// A body or properties over the configured or protocol limit.
pub const MQP_ERR_MESSAGE_TOO_LARGE: mqp_status = 4;
/// A send, flush or close before mqp_producer_start.
pub const MQP_ERR_NOT_STARTED: mqp_status = 5;
/// A second mqp_producer_start.
pub const MQP_ERR_ALREADY_STARTED: mqp_status = 6;
/// The producer is closed or closing.
pub const MQP_ERR_CLOSED: mqp_status = 7;
/// No name server answered; the message names each address and its cause.
pub const MQP_ERR_NO_NAME_SERVER: mqp_status = 8;
/// The name servers know no route of the topic with a writable queue.
pub const MQP_ERR_NO_ROUTE: mqp_status = 9;
/// The route names a broker without a master address.
pub const MQP_ERR_BROKER_NOT_FOUND: mqp_status = 10;
/// A connection could not be opened.
pub const MQP_ERR_CONNECT: mqp_status = 11;
/// A connection died under the request.
pub const MQP_ERR_CONNECTION_LOST: mqp_status = 12;
/// The deadline passed.
pub const MQP_ERR_TIMEOUT: mqp_status = 13;
/// The broker refused; `broker_code` and `remark` of the error tell why.
pub const MQP_ERR_BROKER: mqp_status = 14;
/// The peer broke the protocol.
pub const MQP_ERR_PROTOCOL: mqp_status = 15;
/// The limit of messages or bytes in flight is reached.
pub const MQP_ERR_BACKPRESSURE: mqp_status = 16;
/// A blocking call was made on a thread of the library.
pub const MQP_ERR_WOULD_DEADLOCK: mqp_status = 17;
/// The handle was made before `fork` and is used in the child.
pub const MQP_ERR_FORKED: mqp_status = 18;
/// Header and library do not fit together.
pub const MQP_ERR_VERSION_MISMATCH: mqp_status = 19;
/// The operating system refused a thread, a socket or memory.
pub const MQP_ERR_RESOURCE: mqp_status = 20;
/// A defect of the library; the error's message holds the text of the panic.
pub const MQP_ERR_INTERNAL: mqp_status = 21;
/// The operation exists but not for this transport or build.
pub const MQP_ERR_UNSUPPORTED: mqp_status = 22;
/// A hook refused the message.
pub const MQP_ERR_FORBIDDEN: mqp_status = 23;
/// No reply to a request came before its deadline.
pub const MQP_ERR_REQUEST_TIMEOUT: mqp_status = 24;
/// Not sent yet: the message waits in the local spool, from which it is sent later. Not a success, nor to be sent again.
pub const MQP_ERR_SPOOLED: mqp_status = 25;
/// Another name of MQP_ERR_SPOOLED.
pub const MQP_SPOOLED: mqp_status = MQP_ERR_SPOOLED;
/// The broker has dropped the transaction, all of it: its connection ended before the commit, or it refused a part.
pub const MQP_ERR_TRANSACTION_ROLLED_BACK: mqp_status = 26;
/// No answer came to a commit: the transaction may be committed or not.
pub const MQP_ERR_TRANSACTION_IN_DOUBT: mqp_status = 27;

/// One row of the table of statuses. Set `struct_size`, or start from MQP_STATUS_VIEW_INIT.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_status_view {
    /// Size of the caller's struct in bytes.
    pub struct_size: u32,
    /// The number.
    pub status: mqp_status,
    /// The stable name, as its constant spells it behind `MQP_ERR_`; `OK` for MQP_OK. *Borrowed* for ever.
    pub name: mqp_str,
}

// SAFETY: `repr(C)`, begins with a `u32`, ends with pointer-sized fields, and holds only numbers and raw pointers.
unsafe impl SizedStruct for mqp_status_view {
    const NAME: &'static str = "mqp_status_view";
    const FIRST_SIZE: usize = std::mem::offset_of!(Self, name) + size_of::<mqp_str>();
}

pub(crate) const fn number(kind: ErrorKind) -> mqp_status {
    kind as mqp_status
}

/// Every status with its name.
pub(crate) const STATUSES: &[(mqp_status, &CStr)] = &[
    (MQP_OK, c"OK"),
    (MQP_ERR_INVALID_ARGUMENT, c"INVALID_ARGUMENT"),
    (MQP_ERR_INVALID_CONFIG, c"INVALID_CONFIG"),
    (MQP_ERR_INVALID_MESSAGE, c"INVALID_MESSAGE"),
    (MQP_ERR_MESSAGE_TOO_LARGE, c"MESSAGE_TOO_LARGE"),
    (MQP_ERR_NOT_STARTED, c"NOT_STARTED"),
    (MQP_ERR_ALREADY_STARTED, c"ALREADY_STARTED"),
    (MQP_ERR_CLOSED, c"CLOSED"),
    (MQP_ERR_NO_NAME_SERVER, c"NO_NAME_SERVER"),
    (MQP_ERR_NO_ROUTE, c"NO_ROUTE"),
    (MQP_ERR_BROKER_NOT_FOUND, c"BROKER_NOT_FOUND"),
    (MQP_ERR_CONNECT, c"CONNECT"),
    (MQP_ERR_CONNECTION_LOST, c"CONNECTION_LOST"),
    (MQP_ERR_TIMEOUT, c"TIMEOUT"),
    (MQP_ERR_BROKER, c"BROKER"),
    (MQP_ERR_PROTOCOL, c"PROTOCOL"),
    (MQP_ERR_BACKPRESSURE, c"BACKPRESSURE"),
    (MQP_ERR_WOULD_DEADLOCK, c"WOULD_DEADLOCK"),
    (MQP_ERR_FORKED, c"FORKED"),
    (MQP_ERR_VERSION_MISMATCH, c"VERSION_MISMATCH"),
    (MQP_ERR_RESOURCE, c"RESOURCE"),
    (MQP_ERR_INTERNAL, c"INTERNAL"),
    (MQP_ERR_UNSUPPORTED, c"UNSUPPORTED"),
    (MQP_ERR_FORBIDDEN, c"FORBIDDEN"),
    (MQP_ERR_REQUEST_TIMEOUT, c"REQUEST_TIMEOUT"),
    (MQP_SPOOLED, c"SPOOLED"),
    (MQP_ERR_TRANSACTION_ROLLED_BACK, c"TRANSACTION_ROLLED_BACK"),
    (MQP_ERR_TRANSACTION_IN_DOUBT, c"TRANSACTION_IN_DOUBT"),
];

pub(crate) fn name(status: mqp_status) -> &'static CStr {
    STATUSES.iter().find(|(known, _)| *known == status).map_or(c"UNKNOWN", |(_, name)| name)
}

/// The stable name of a status, as its constant spells it behind `MQP_ERR_`; `OK` for MQP_OK, `UNKNOWN` for a number
/// that this library does not know.
///
/// Returns: NUL-terminated, *borrowed* for ever. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn mqp_status_name(status: mqp_status) -> *const c_char {
    name(status).as_ptr()
}

/// How many statuses this library knows, MQP_OK included: the bound of mqp_status_get.
///
/// Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn mqp_status_count() -> usize {
    STATUSES.len()
}

/// Reads one row of the table of statuses, for bindings that build their own enumeration from it.
///
/// `index`: 0 to mqp_status_count() - 1. `out`: written, its strings *borrowed* for ever. `error`: may be NULL.
/// Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_status_get(
    index: usize,
    out: *mut mqp_status_view,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        let Some((status, name)) = STATUSES.get(index) else {
            return Err(invalid(format!("`index` is {index}; the maximum is {}", STATUSES.len() - 1)));
        };
        let view = mqp_status_view { struct_size: 0, status: *status, name: mqp_str::fixed(name) };
        // SAFETY: the caller passes NULL or a struct with its size set.
        unsafe { sized::write(out, &view) }
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}
