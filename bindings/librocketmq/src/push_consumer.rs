//! Push consumers, which this library does not have: none can be created, and everything else answers `NULL_POINTER`.
//!
//! The functions are there because bindings look all of them up when they are loaded.

use crate::boundary::{self, Failure, NULL_POINTER};
use std::ffi::{c_char, c_int, c_long};

/// `CPushConsumer` and `CPullConsumer`, of which there are none.
#[derive(Debug)]
#[repr(C)]
pub struct Consumer {
    nothing: [u8; 0],
}

/// `CMessageExt`, which no consumer receives.
type MessageCallback = unsafe extern "C" fn(*mut Consumer, *mut crate::message::Message) -> c_int;

const WHY: &str =
    "UNSUPPORTED: this librocketmq is the drop-in of mqproducer, which sends messages; it has no consumers";

pub fn refuse() -> c_int {
    boundary::status(NULL_POINTER, || Err(Failure::new(NULL_POINTER, WHY)))
}

pub fn create() -> *mut Consumer {
    refuse();
    std::ptr::null_mut()
}

/// Functions of a consumer with these further parameters.
macro_rules! refusing {
    ($($function:ident($($parameter:ty),*);)*) => {$(
        #[unsafe(no_mangle)]
        pub extern "C" fn $function(_: *mut Consumer $(, _: $parameter)*) -> c_int {
            refuse()
        }
    )*};
}
pub(crate) use refusing;

#[unsafe(no_mangle)]
pub extern "C" fn CreatePushConsumer(_group: *const c_char) -> *mut Consumer {
    create()
}

#[unsafe(no_mangle)]
pub extern "C" fn ShowPushConsumerVersion(_: *mut Consumer) -> *const c_char {
    c"DefaultVersion".as_ptr()
}

#[unsafe(no_mangle)]
pub extern "C" fn GetPushConsumerGroupID(_: *mut Consumer) -> *const c_char {
    refuse();
    std::ptr::null()
}

refusing! {
    DestroyPushConsumer();
    StartPushConsumer();
    ShutdownPushConsumer();
    SetPushConsumerGroupID(*const c_char);
    SetPushConsumerNameServerAddress(*const c_char);
    SetPushConsumerNameServerDomain(*const c_char);
    Subscribe(*const c_char, *const c_char);
    RegisterMessageCallbackOrderly(Option<MessageCallback>);
    RegisterMessageCallback(Option<MessageCallback>);
    UnregisterMessageCallbackOrderly();
    UnregisterMessageCallback();
    SetPushConsumerThreadCount(c_int);
    SetPushConsumerMessageBatchMaxSize(c_int);
    SetPushConsumerInstanceName(*const c_char);
    SetPushConsumerSessionCredentials(*const c_char, *const c_char, *const c_char);
    SetPushConsumerLogPath(*const c_char);
    SetPushConsumerLogFileNumAndSize(c_int, c_long);
    SetPushConsumerLogLevel(c_int);
    SetPushConsumerMessageModel(c_int);
    SetPushConsumerMaxCacheMessageSize(c_int);
    SetPushConsumerMaxCacheMessageSizeInMb(c_int);
    SetPushConsumerMessageTrace(c_int);
    SetPushConsumerSsl(c_int);
    SetPushConsumerSslPropertyFile(*const c_char);
}
