//! Pull consumers, which this library does not have; as for push consumers.

use crate::push_consumer::{Consumer, create, refuse, refusing};
use std::ffi::{c_char, c_int, c_long, c_longlong, c_void};

/// `E_BROKER_TIMEOUT`: nothing was pulled, and it may be tried again.
const BROKER_TIMEOUT: c_int = 4;

/// `struct _CPullResult_`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct CPullResult {
    pull_status: c_int,
    next_begin_offset: c_longlong,
    min_offset: c_longlong,
    max_offset: c_longlong,
    found: *mut *mut c_void,
    size: c_int,
    data: *mut c_void,
}

const _: () = assert!(size_of::<CPullResult>() == 56);

#[unsafe(no_mangle)]
pub extern "C" fn CreatePullConsumer(_group: *const c_char) -> *mut Consumer {
    create()
}

#[unsafe(no_mangle)]
pub extern "C" fn ShowPullConsumerVersion(_: *mut Consumer) -> *const c_char {
    c"DefaultVersion".as_ptr()
}

#[unsafe(no_mangle)]
pub extern "C" fn GetPullConsumerGroupID(_: *mut Consumer) -> *const c_char {
    refuse();
    std::ptr::null()
}

refusing! {
    DestroyPullConsumer();
    StartPullConsumer();
    ShutdownPullConsumer();
    SetPullConsumerGroupID(*const c_char);
    SetPullConsumerNameServerAddress(*const c_char);
    SetPullConsumerNameServerDomain(*const c_char);
    SetPullConsumerSessionCredentials(*const c_char, *const c_char, *const c_char);
    SetPullConsumerLogPath(*const c_char);
    SetPullConsumerLogFileNumAndSize(c_int, c_long);
    SetPullConsumerLogLevel(c_int);
    SetPullConsumerSsl(c_int);
    SetPullConsumerSslPropertyFile(*const c_char);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn FetchSubscriptionMessageQueues(
    _: *mut Consumer,
    _topic: *const c_char,
    queues: *mut *mut c_void,
    size: *mut c_int,
) -> c_int {
    // SAFETY: each is NULL or writable, as the module `lib` says.
    unsafe {
        if !queues.is_null() {
            queues.write(std::ptr::null_mut());
        }
        if !size.is_null() {
            size.write(0);
        }
    }
    refuse()
}

#[unsafe(no_mangle)]
pub extern "C" fn ReleaseSubscriptionMessageQueue(_queues: *mut c_void) -> c_int {
    refuse()
}

#[unsafe(no_mangle)]
pub extern "C" fn Pull(
    _: *mut Consumer,
    _queue: *const c_void,
    _expression: *const c_char,
    _offset: c_longlong,
    _most: c_int,
) -> CPullResult {
    refuse();
    CPullResult {
        pull_status: BROKER_TIMEOUT,
        next_begin_offset: 0,
        min_offset: 0,
        max_offset: 0,
        found: std::ptr::null_mut(),
        size: 0,
        data: std::ptr::null_mut(),
    }
}

/// Every result is an empty one, with nothing to release.
#[unsafe(no_mangle)]
pub extern "C" fn ReleasePullResult(_result: CPullResult) -> c_int {
    refuse()
}
