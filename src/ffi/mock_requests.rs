//! The requests that an embedded cluster got.

#![allow(unsafe_code, non_camel_case_types)]

use super::error::mqp_error;
use super::handle::Out;
use super::mock::mqp_mock_cluster;
use super::mock_fault::{self, MQP_MOCK_FAULT_NONE};
use super::os::is_library_thread;
use super::sized::{self, SizedStruct};
use super::status::mqp_status;
use super::text::Texts;
use super::types::{invalid, mqp_bytes, mqp_property, mqp_str};
use super::{boundary, handle};
use crate::error::{Error, ErrorKind};
#[cfg(feature = "mock")]
use crate::mock::SeenRequest;
#[cfg(not(feature = "mock"))]
use absent::SeenRequest;
use std::time::Duration;

/// Requests that a cluster had got at one moment: an *owned* handle, freed by mqp_mock_requests_free. It never changes,
/// so that any threads may read it at the same time.
#[derive(Debug)]
pub struct mqp_mock_requests {
    requests: Vec<Seen>,
    dropped: u64,
}

/// A request that a cluster got. Set `struct_size`, or start from MQP_MOCK_REQUEST_VIEW_INIT. Strings, fields and body
/// are *borrowed* until the mqp_mock_requests is freed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_mock_request_view {
    /// Size of the caller's struct in bytes.
    pub struct_size: u32,
    /// The request code.
    pub code: i32,
    /// The number that ties the answer to it.
    pub opaque: i32,
    /// 1: it wanted no answer; 0: it did.
    pub oneway: u32,
    /// The action of the fault that hit it: one of MQP_MOCK_FAULT_....
    pub fault: u32,
    /// Size in bytes of one element of `fields`: step by it.
    pub field_size: u32,
    /// When it came, in milliseconds since 1970.
    pub timestamp: i64,
    /// The broker, or `name-server`.
    pub broker_name: mqp_str,
    /// The header's fields (`extFields`), in the order of the wire.
    pub fields: *const mqp_property,
    /// How many fields there are.
    pub field_count: usize,
    /// The body.
    pub body: mqp_bytes,
}

// SAFETY: `repr(C)`, begins with a `u32`, ends with pointer-sized fields, and holds only numbers and raw pointers.
unsafe impl SizedStruct for mqp_mock_request_view {
    const NAME: &'static str = "mqp_mock_request_view";
    const FIRST_SIZE: usize = std::mem::offset_of!(Self, body) + size_of::<mqp_bytes>();
}

#[derive(Debug)]
struct Seen {
    request: SeenRequest,
    broker_name: Texts<1>,
    /// What `pointers` leads to.
    _field_texts: Vec<Texts<2>>,
    pointers: Vec<mqp_property>,
}

impl Seen {
    fn new(request: SeenRequest) -> Self {
        let texts: Vec<_> = request.fields.iter().map(|(name, value)| Texts::new([name.as_str(), value])).collect();
        let pointers = texts.iter().map(|texts| mqp_property { name: texts.get(0), value: texts.get(1) }).collect();
        Seen { broker_name: Texts::new([&request.broker_name]), _field_texts: texts, pointers, request }
    }

    fn view(&self) -> mqp_mock_request_view {
        mqp_mock_request_view {
            struct_size: 0,
            code: self.request.code,
            opaque: self.request.opaque,
            oneway: self.request.oneway.into(),
            fault: self.request.fault.as_ref().map_or(MQP_MOCK_FAULT_NONE, mock_fault::number),
            field_size: size_of::<mqp_property>() as u32,
            timestamp: self.request.timestamp,
            broker_name: self.broker_name.get(0),
            fields: self.pointers.as_ptr(),
            field_count: self.pointers.len(),
            body: mqp_bytes { ptr: self.request.body.as_ptr(), len: self.request.body.len() },
        }
    }
}

/// What C asks for: an empty text and the code 0 stand for all.
fn filter(broker: &str, code: i32) -> (Option<&str>, Option<i32>) {
    (Some(broker).filter(|broker| !broker.is_empty()), Some(code).filter(|code| *code != 0))
}

/// Takes a snapshot of the requests that servers got, in the order of their arrival: each is there before its answer
/// goes out. A cluster keeps the newest 8192, in at most 32 MiB; see mqp_mock_requests_dropped.
///
/// `broker`: a broker's name (`broker-a`) or number from 0 on (`0`), or `name-server`; empty: all of them; *borrowed*
/// for the call. `request_code`: 0: all codes. `out`: receives an *owned* handle; NULL on failure. `error`: may be NULL.
/// Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT, MQP_ERR_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_cluster_requests(
    cluster: *const mqp_mock_cluster,
    broker: mqp_str,
    request_code: i32,
    out: *mut *mut mqp_mock_requests,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the handle.
        let out = unsafe { Out::required(out, "out", std::ptr::null_mut())? };
        // SAFETY: the caller passes NULL or a cluster that is not freed.
        let cluster = &unsafe { handle::borrow(cluster, "cluster")? }.cluster;
        // SAFETY: the caller lends the text until the call returns.
        let (broker, code) = filter(unsafe { broker.read(|| "broker".to_owned())? }, request_code);
        let (requests, dropped) = cluster.requests_and_dropped(broker, code)?;
        let requests = requests.into_iter().map(Seen::new).collect();
        out.set(handle::give(mqp_mock_requests { requests, dropped }));
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Waits until servers got at least a number of requests since the start or the last mqp_mock_cluster_clear_requests,
/// those that are not listed any more included.
///
/// `broker`, `request_code`: as in mqp_mock_cluster_requests. `timeout_ms`: in milliseconds; 0 only looks. `error`: may
/// be NULL. Threads: any but the library's; blocks. Errors: MQP_ERR_TIMEOUT, MQP_ERR_WOULD_DEADLOCK on a thread of the
/// library; MQP_ERR_INVALID_ARGUMENT, MQP_ERR_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_cluster_wait_requests(
    cluster: *const mqp_mock_cluster,
    broker: mqp_str,
    request_code: i32,
    count: usize,
    timeout_ms: u32,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a cluster that is not freed.
        let cluster = &unsafe { handle::borrow(cluster, "cluster")? }.cluster;
        // SAFETY: the caller lends the text until the call returns.
        let (broker, code) = filter(unsafe { broker.read(|| "broker".to_owned())? }, request_code);
        if is_library_thread() {
            return Err(Error::new(ErrorKind::WouldDeadlock, "a wait on a thread of the library"));
        }
        if cluster.wait_for_requests(broker, code, count, Duration::from_millis(timeout_ms.into()))? {
            return Ok(());
        }
        let seen = cluster.request_count(broker, code)?;
        let what = format!("the cluster got {seen} of {count} requests after {timeout_ms} ms");
        Err(Error::new(ErrorKind::Timeout, what))
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Forgets the requests that a cluster got, and their numbers.
///
/// `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT, MQP_ERR_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_cluster_clear_requests(
    cluster: *const mqp_mock_cluster,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a cluster that is not freed.
        unsafe { handle::borrow(cluster, "cluster")? }.cluster.clear_requests()
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// How many requests a snapshot holds; 0 for NULL.
///
/// Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_requests_count(requests: *const mqp_mock_requests) -> usize {
    boundary::infallible(0, || {
        // SAFETY: the caller passes NULL or a snapshot that is not freed.
        unsafe { requests.as_ref() }.map_or(0, |requests| requests.requests.len())
    })
}

/// How many requests, of all servers and codes, the cluster had forgotten by the snapshot because newer ones took their
/// place; 0 for NULL.
///
/// Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_requests_dropped(requests: *const mqp_mock_requests) -> u64 {
    boundary::infallible(0, || {
        // SAFETY: the caller passes NULL or a snapshot that is not freed.
        unsafe { requests.as_ref() }.map_or(0, |requests| requests.dropped)
    })
}

/// Reads one request of a snapshot.
///
/// `index`: 0 to mqp_mock_requests_count() - 1. `out`: written; what it points to is *borrowed* until the snapshot is
/// freed. `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_requests_get(
    requests: *const mqp_mock_requests,
    index: usize,
    out: *mut mqp_mock_request_view,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a snapshot that is not freed.
        let requests = &unsafe { handle::borrow(requests, "requests")? }.requests;
        let request = requests
            .get(index)
            .ok_or_else(|| invalid(format!("`index` is {index}; there are {} requests", requests.len())))?;
        // SAFETY: the caller passes NULL or a struct with its size set.
        unsafe { sized::write(out, &request.view()) }
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Frees a snapshot; NULL is allowed.
///
/// `requests`: *owned*, taken. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_requests_free(requests: *mut mqp_mock_requests) {
    // SAFETY: the caller gives up a snapshot that it owns, or passes NULL.
    boundary::infallible((), || drop(unsafe { handle::take(requests) }));
}

/// Stands in for the embedded cluster in a build without it.
#[cfg(not(feature = "mock"))]
mod absent {
    use super::super::mock::absent::Cluster;
    use super::super::mock_fault::FaultAction;
    use crate::error::Result;
    use std::time::Duration;

    #[derive(Debug)]
    pub(in crate::ffi) struct SeenRequest {
        pub(in crate::ffi) broker_name: String,
        pub(in crate::ffi) code: i32,
        pub(in crate::ffi) opaque: i32,
        pub(in crate::ffi) oneway: bool,
        pub(in crate::ffi) fields: Vec<(String, String)>,
        pub(in crate::ffi) body: Vec<u8>,
        pub(in crate::ffi) timestamp: i64,
        pub(in crate::ffi) fault: Option<FaultAction>,
    }

    impl Cluster {
        pub(in crate::ffi) fn requests_and_dropped(
            &self,
            _broker: Option<&str>,
            _code: Option<i32>,
        ) -> Result<(Vec<SeenRequest>, u64)> {
            match *self {}
        }

        pub(in crate::ffi) fn wait_for_requests(
            &self,
            _broker: Option<&str>,
            _code: Option<i32>,
            _count: usize,
            _timeout: Duration,
        ) -> Result<bool> {
            match *self {}
        }

        pub(in crate::ffi) fn request_count(&self, _broker: Option<&str>, _code: Option<i32>) -> Result<usize> {
            match *self {}
        }

        pub(in crate::ffi) fn clear_requests(&self) -> Result<()> {
            match *self {}
        }
    }
}
