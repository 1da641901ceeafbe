//! Messages that a broker handed to this client, as handles.

#![allow(unsafe_code, non_camel_case_types)]

use super::error::mqp_error;
use super::handle::Out;
use super::sized::{self, SizedStruct};
use super::status::mqp_status;
use super::text::Texts;
use super::types::{invalid, mqp_bytes, mqp_str};
use super::{boundary, handle};
use crate::received::ReceivedMessage;
use std::sync::Arc;

/// A message that a broker handed to this client: the reply to a request, or a half message whose transaction is
/// checked. *Owned* and freed by mqp_received_message_free, or *borrowed* for a callback, which keeps it by
/// mqp_received_message_clone. It never changes, so that any threads may read it at the same time.
#[derive(Clone, Debug)]
pub struct mqp_received_message {
    content: Arc<Content>,
}

#[derive(Debug)]
struct Content {
    message: ReceivedMessage,
    texts: Texts<8>,
    properties: Vec<Texts<2>>,
}

impl mqp_received_message {
    pub(crate) fn new(message: ReceivedMessage) -> Self {
        let texts = Texts::new([
            &message.topic,
            message.tags(),
            message.keys(),
            &message.message_id,
            &message.offset_message_id,
            &message.transaction_id,
            &message.born_host,
            &message.store_host,
        ]);
        let properties = message.properties().map(|(name, value)| Texts::new([name, value])).collect();
        mqp_received_message { content: Arc::new(Content { message, texts, properties }) }
    }
}

/// What a received message tells. Set `struct_size`, or start from MQP_RECEIVED_MESSAGE_VIEW_INIT. Strings and body
/// are *borrowed* until the message is freed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_received_message_view {
    /// Size of the caller's struct in bytes.
    pub struct_size: u32,
    /// The flag that its producer gave it.
    pub flag: i32,
    /// The queue that it is in.
    pub queue_id: i32,
    /// How often consumers gave it back.
    pub reconsume_times: i32,
    /// Its offset in the queue; -1 for a reply.
    pub queue_offset: i64,
    /// Its offset in the broker's commit log; -1 for a reply.
    pub commit_log_offset: i64,
    /// When its producer made it, in milliseconds since 1970.
    pub born_timestamp: i64,
    /// When the broker got it, in milliseconds since 1970.
    pub store_timestamp: i64,
    /// The topic, without the configured namespace.
    pub topic: mqp_str,
    /// The tag; empty: none.
    pub tags: mqp_str,
    /// The index keys, separated by spaces; empty: none.
    pub keys: mqp_str,
    /// The unique id that its producer gave it.
    pub message_id: mqp_str,
    /// The broker's id: store address and commit-log offset. Empty for a reply.
    pub offset_message_id: mqp_str,
    /// Transaction id; empty when there is none.
    pub transaction_id: mqp_str,
    /// Its producer's `host:port`; empty when the broker does not tell.
    pub born_host: mqp_str,
    /// The broker's `host:port`; empty when it does not tell.
    pub store_host: mqp_str,
    /// The body, decompressed.
    pub body: mqp_bytes,
}

// SAFETY: `repr(C)`, begins with a `u32`, ends with pointer-sized fields, and holds only numbers and raw pointers.
unsafe impl SizedStruct for mqp_received_message_view {
    const NAME: &'static str = "mqp_received_message_view";
    const FIRST_SIZE: usize = std::mem::offset_of!(Self, body) + size_of::<mqp_bytes>();
}

/// Reads all that a received message tells but its properties.
///
/// `message`: the message. `out`: written, its strings and body *borrowed* until the message is freed. `error`: may be
/// NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_received_message_get(
    message: *const mqp_received_message,
    out: *mut mqp_received_message_view,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a message that is not freed.
        let Content { message, texts, .. } = unsafe { &*handle::borrow(message, "message")?.content };
        let view = mqp_received_message_view {
            struct_size: 0,
            flag: message.flag,
            queue_id: message.queue_id,
            reconsume_times: message.reconsume_times,
            queue_offset: message.queue_offset,
            commit_log_offset: message.commit_log_offset,
            born_timestamp: message.born_timestamp,
            store_timestamp: message.store_timestamp,
            topic: texts.get(0),
            tags: texts.get(1),
            keys: texts.get(2),
            message_id: texts.get(3),
            offset_message_id: texts.get(4),
            transaction_id: texts.get(5),
            born_host: texts.get(6),
            store_host: texts.get(7),
            body: mqp_bytes { ptr: message.body.as_ptr(), len: message.body.len() },
        };
        // SAFETY: the caller passes NULL or a struct with its size set.
        unsafe { sized::write(out, &view) }
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Looks up one property, those that RocketMQ sets included; of several with one name the last counts, as in
/// RocketMQ.
///
/// `message`: the message. `name`: *borrowed* for the call. `out`: receives the value, *borrowed* until the message is
/// freed, and the empty text when there is none; may be NULL. Returns: 1 when there is such a property, else 0, also
/// for a NULL message or a name that is not UTF-8. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_received_message_property(
    message: *const mqp_received_message,
    name: mqp_str,
    out: *mut mqp_str,
) -> u32 {
    boundary::infallible(0, || {
        // SAFETY: the caller passes NULL or a place for the text.
        let out = unsafe { Out::optional(out, mqp_str::EMPTY) };
        // SAFETY: the caller passes NULL or a message that is not freed, and lends the name until the call returns.
        let (Some(message), Ok(name)) = (unsafe { (message.as_ref(), name.read(|| "name".to_owned())) }) else {
            return 0;
        };
        let content = &*message.content;
        let same = |(_, (key, _)): &(usize, (&str, &str))| *key == name;
        let Some((index, _)) = content.message.properties().enumerate().filter(same).last() else {
            return 0;
        };
        if let Some(out) = out {
            out.set(content.properties[index].get(1));
        }
        1
    })
}

/// How many properties a received message has: the bound of mqp_received_message_property_at. 0 for NULL.
///
/// Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_received_message_property_count(message: *const mqp_received_message) -> usize {
    boundary::infallible(0, || {
        // SAFETY: the caller passes NULL or a message that is not freed.
        unsafe { message.as_ref() }.map_or(0, |message| message.content.properties.len())
    })
}

/// Reads one property, in the order in which the broker told them.
///
/// `message`: the message. `index`: 0 to mqp_received_message_property_count() - 1. `name`, `value`: each receives a
/// text, *borrowed* until the message is freed. `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_received_message_property_at(
    message: *const mqp_received_message,
    index: usize,
    name: *mut mqp_str,
    value: *mut mqp_str,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or places for the texts.
        let (name, value) =
            unsafe { (Out::required(name, "name", mqp_str::EMPTY)?, Out::required(value, "value", mqp_str::EMPTY)?) };
        // SAFETY: the caller passes NULL or a message that is not freed.
        let message = unsafe { handle::borrow(message, "message")? };
        let properties = &message.content.properties;
        let Some(texts) = properties.get(index) else {
            return Err(invalid(format!("`index` is {index}; the message has {} properties", properties.len())));
        };
        name.set(texts.get(0));
        value.set(texts.get(1));
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Keeps a received message that is only borrowed, as in a callback. The content is shared, not copied.
///
/// Returns: *owned*, to be freed by mqp_received_message_free; NULL for NULL. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_received_message_clone(message: *const mqp_received_message) -> *mut mqp_received_message {
    boundary::infallible(std::ptr::null_mut(), || {
        // SAFETY: the caller passes NULL or a message that is not freed.
        let message = unsafe { message.as_ref() };
        message.map_or(std::ptr::null_mut(), |message| handle::give(message.clone()))
    })
}

/// Frees a received message; NULL is allowed.
///
/// `message`: *owned*, taken. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_received_message_free(message: *mut mqp_received_message) {
    // SAFETY: the caller gives up a message that it owns, or passes NULL.
    boundary::infallible((), || drop(unsafe { handle::take(message) }));
}

#[cfg(all(test, not(mqp_loom)))]
mod tests {
    use super::*;
    use crate::ffi::status::{MQP_ERR_INVALID_ARGUMENT, MQP_OK};
    use crate::protocol::remoting::reply::PushReply;
    use std::ffi::CStr;
    use std::ptr::{null, null_mut};

    fn pushed() -> mqp_received_message {
        let header = PushReply {
            producer_group: "G",
            topic: "T",
            default_topic: "",
            default_topic_queue_nums: 0,
            queue_id: 3,
            sys_flag: 0,
            born_timestamp: 33,
            flag: 7,
            properties: "TAGS\u{1}a\u{2}x\u{1}first\u{2}UNIQ_KEY\u{1}id\u{2}x\u{1}last\u{2}",
            reconsume_times: 1,
            unit_mode: false,
            born_host: Some("10.0.0.1:80".parse().unwrap()),
            store_host: None,
            store_timestamp: 44,
        };
        mqp_received_message::new(ReceivedMessage::from_reply(&header, b"a\0b").unwrap())
    }

    /// A NUL follows each text.
    fn text(of: mqp_str) -> String {
        // SAFETY: borrowed from a message that lives.
        let text = unsafe { CStr::from_ptr(of.ptr) };
        assert_eq!(text.count_bytes(), of.len);
        text.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_message_and_its_clone_tell_the_same() {
        let message = handle::give(pushed());
        // SAFETY: the handles are freed once, the clone after the original, and views are read before that.
        unsafe {
            let clone = mqp_received_message_clone(message);
            mqp_received_message_free(message);
            let mut view: mqp_received_message_view = std::mem::zeroed();
            view.struct_size = size_of::<mqp_received_message_view>() as u32;
            assert_eq!(mqp_received_message_get(clone, &raw mut view, null_mut()), MQP_OK);
            assert_eq!((view.flag, view.queue_id, view.reconsume_times), (7, 3, 1));
            assert_eq!((view.queue_offset, view.commit_log_offset), (-1, -1));
            assert_eq!((view.born_timestamp, view.store_timestamp), (33, 44));
            assert_eq!([view.topic, view.tags, view.keys, view.message_id].map(text), ["T", "a", "", "id"]);
            assert_eq!([view.offset_message_id, view.transaction_id, view.store_host].map(text), ["", "", ""]);
            assert_eq!(text(view.born_host), "10.0.0.1:80");
            assert_eq!(std::slice::from_raw_parts(view.body.ptr, view.body.len), b"a\0b");
            mqp_received_message_free(clone);
            assert!(mqp_received_message_clone(null()).is_null());
            mqp_received_message_free(null_mut());
        }
    }

    #[test]
    fn properties_by_name_and_by_index() {
        let message = pushed();
        let name = |text: &'static CStr| mqp_str::fixed(text);
        let mut value = mqp_str::EMPTY;
        // SAFETY: the message lives, and so do the places.
        unsafe {
            assert_eq!(mqp_received_message_property(&message, name(c"x"), &raw mut value), 1);
            assert_eq!(text(value), "last");
            assert_eq!(mqp_received_message_property(&message, name(c"X"), &raw mut value), 0);
            assert_eq!(text(value), "");
            assert_eq!(mqp_received_message_property(&message, name(c"TAGS"), null_mut()), 1);
            let no_text = mqp_str { ptr: c"\xff".as_ptr(), len: 1 };
            assert_eq!(mqp_received_message_property(&message, no_text, &raw mut value), 0);
            assert_eq!(mqp_received_message_property(null(), name(c"x"), &raw mut value), 0);
            assert_eq!(
                (mqp_received_message_property_count(&message), mqp_received_message_property_count(null())),
                (4, 0)
            );
            let mut pairs = Vec::new();
            let mut key = mqp_str::EMPTY;
            for index in 0..4 {
                let status =
                    mqp_received_message_property_at(&message, index, &raw mut key, &raw mut value, null_mut());
                assert_eq!(status, MQP_OK);
                pairs.push((text(key), text(value)));
            }
            let expected = [("TAGS", "a"), ("x", "first"), ("UNIQ_KEY", "id"), ("x", "last")];
            assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
            let status = mqp_received_message_property_at(&message, 4, &raw mut key, &raw mut value, null_mut());
            assert_eq!((status, text(key), text(value)), (MQP_ERR_INVALID_ARGUMENT, String::new(), String::new()));
        }
    }
}
