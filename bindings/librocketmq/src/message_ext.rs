//! What can be read of a message, by either of the two names that the functions have.
//!
//! A string is valid until the message is changed or destroyed.

use crate::boundary::{self, NULL_POINTER, bytes};
use crate::message::Message;
use std::ffi::{CStr, c_char, c_int, c_longlong};

/// # Safety
/// `message` is NULL or a message that is not destroyed.
unsafe fn read<T>(message: *const Message, fallback: T, read: impl FnOnce(&Message) -> T) -> T
where
    T: Copy,
{
    boundary::value(fallback, || {
        // SAFETY: the contract of this function.
        unsafe { message.as_ref() }.map_or(fallback, read)
    })
}

fn body(message: &Message) -> *const c_char {
    message.body_with_nul().as_ptr().cast()
}

fn body_length(message: &Message) -> c_int {
    c_int::try_from(message.body().len()).unwrap_or(c_int::MAX)
}

/// # Safety
/// As for [`read`]; `key` is NULL or ends with a NUL byte.
unsafe fn property(message: *const Message, key: *const c_char) -> *const c_char {
    // SAFETY: the contract of this function.
    unsafe {
        read(message, std::ptr::null(), |message| match bytes(key, "key") {
            // A missing property is an empty one: bindings do not expect NULL.
            Ok(key) => message.property(key).unwrap_or_default().as_ptr(),
            Err(_) => std::ptr::null(),
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn GetOriginMessageProperty(message: *const Message, key: *const c_char) -> *const c_char {
    // SAFETY: as the module `lib` says.
    unsafe { property(message, key) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn GetMessageProperty(message: *const Message, key: *const c_char) -> *const c_char {
    // SAFETY: as the module `lib` says.
    unsafe { property(message, key) }
}

/// Functions that read one thing; the second value is what they answer for NULL.
macro_rules! readers {
    ($($function:ident -> $type:ty, $null:expr, $read:expr;)*) => {$(
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $function(message: *const Message) -> $type {
            // SAFETY: as the module `lib` says.
            unsafe { read(message, $null, $read) }
        }
    )*};
}

const NO_TEXT: *const c_char = std::ptr::null();
const NO_NUMBER: c_longlong = NULL_POINTER as c_longlong;

readers! {
    GetOriginMessageTopic -> *const c_char, NO_TEXT, |message| CStr::as_ptr(message.topic());
    GetOriginMessageTags -> *const c_char, NO_TEXT, |message| CStr::as_ptr(message.tags());
    GetOriginMessageKeys -> *const c_char, NO_TEXT, |message| CStr::as_ptr(message.keys());
    GetOriginMessageBody -> *const c_char, NO_TEXT, body;
    GetOriginMessageBodyLength -> c_int, 0, body_length;
    GetOriginDelayTimeLevel -> c_int, -1, Message::delay_level;
    GetMessageTopic -> *const c_char, NO_TEXT, |message| CStr::as_ptr(message.topic());
    GetMessageTags -> *const c_char, NO_TEXT, |message| CStr::as_ptr(message.tags());
    GetMessageKeys -> *const c_char, NO_TEXT, |message| CStr::as_ptr(message.keys());
    GetMessageBody -> *const c_char, NO_TEXT, body;
    GetMessageBodyLength -> c_int, 0, body_length;
    GetMessageId -> *const c_char, NO_TEXT, |message| message.told.message_id.as_ptr();
    GetMessageDelayTimeLevel -> c_int, NULL_POINTER, Message::delay_level;
    GetMessageQueueId -> c_int, NULL_POINTER, |message| message.told.queue_id;
    GetMessageReconsumeTimes -> c_int, NULL_POINTER, |message| message.told.reconsume_times;
    GetMessageStoreSize -> c_int, NULL_POINTER, |message| message.told.store_size;
    GetMessageBornTimestamp -> c_longlong, NO_NUMBER, |message| message.told.born_timestamp;
    GetMessageStoreTimestamp -> c_longlong, NO_NUMBER, |message| message.told.store_timestamp;
    GetMessageQueueOffset -> c_longlong, NO_NUMBER, |message| message.told.queue_offset;
    GetMessageCommitLogOffset -> c_longlong, NO_NUMBER, |message| message.told.commit_log_offset;
    GetMessagePreparedTransactionOffset -> c_longlong, NO_NUMBER, |message| message.told.prepared_transaction_offset;
    GetMessageStoreHost -> *const c_char, NO_TEXT, |message| message.told.store_host.as_ptr();
    GetMessageBornHost -> *const c_char, NO_TEXT, |message| message.told.born_host.as_ptr();
}
