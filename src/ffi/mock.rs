//! The embedded cluster as a handle, for tests of programs that use the library.

#![allow(unsafe_code, non_camel_case_types)]

use super::error::mqp_error;
use super::handle::Out;
use super::os::is_library_thread;
use super::sized::{self, SizedStruct};
use super::status::mqp_status;
use super::text::Texts;
use super::types::{invalid, mqp_bytes, mqp_property, mqp_str};
use super::{boundary, handle};
use crate::error::{Error, ErrorKind};
#[cfg(feature = "mock")]
use crate::mock::{Cluster, StoredMessage};
#[cfg(not(feature = "mock"))]
use absent::{Cluster, StoredMessage};
use std::ffi::c_char;
use std::time::Duration;

/// A cluster of name server and brokers inside this process, on real sockets of the loopback interface: an *owned*
/// handle, freed by mqp_mock_cluster_free. Any threads may use it at the same time.
#[derive(Debug)]
pub struct mqp_mock_cluster {
    pub(super) cluster: Cluster,
    url: Texts<1>,
}

/// The messages that a cluster held at one moment: an *owned* handle, freed by mqp_mock_messages_free. It never
/// changes, so that any threads may read it at the same time.
#[derive(Debug)]
pub struct mqp_mock_messages {
    messages: Vec<Stored>,
}

/// A message that a cluster stored. Set `struct_size`, or start from MQP_MOCK_MESSAGE_VIEW_INIT. Strings, body and
/// properties are *borrowed* until the mqp_mock_messages is freed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_mock_message_view {
    /// Size of the caller's struct in bytes.
    pub struct_size: u32,
    /// The flag that it was sent with.
    pub flag: i32,
    /// The queue that it is in.
    pub queue_id: i32,
    /// Size in bytes of one element of `properties`: step by it.
    pub property_size: u32,
    /// Its offset in the queue.
    pub queue_offset: i64,
    /// When the producer made it, in milliseconds since 1970.
    pub born_timestamp: i64,
    /// When the broker stored it, in milliseconds since 1970.
    pub store_timestamp: i64,
    /// The topic.
    pub topic: mqp_str,
    /// The broker that stored it.
    pub broker_name: mqp_str,
    /// The unique id that the producer gave it.
    pub message_id: mqp_str,
    /// The broker's id.
    pub offset_message_id: mqp_str,
    /// The tag; empty: none.
    pub tags: mqp_str,
    /// The index keys; empty: none.
    pub keys: mqp_str,
    /// All properties as stored, those that the library sets included.
    pub properties: *const mqp_property,
    /// How many properties there are.
    pub property_count: usize,
    /// The body as it was sent.
    pub body: mqp_bytes,
}

// SAFETY: `repr(C)`, begins with a `u32`, ends with pointer-sized fields, and holds only numbers and raw pointers.
unsafe impl SizedStruct for mqp_mock_message_view {
    const NAME: &'static str = "mqp_mock_message_view";
    const FIRST_SIZE: usize = std::mem::offset_of!(Self, body) + size_of::<mqp_bytes>();
}

#[derive(Debug)]
struct Stored {
    message: StoredMessage,
    texts: Texts<6>,
    /// What `pointers` leads to.
    _property_texts: Vec<Texts<2>>,
    pointers: Vec<mqp_property>,
}

impl Stored {
    fn new(message: StoredMessage) -> Self {
        let texts = Texts::new([
            &message.topic,
            &message.broker_name,
            &message.message_id,
            &message.offset_message_id,
            message.tags.as_deref().unwrap_or_default(),
            message.keys.as_deref().unwrap_or_default(),
        ]);
        let property_texts: Vec<_> =
            message.properties.iter().map(|(name, value)| Texts::new([name.as_str(), value.as_str()])).collect();
        let pointers =
            property_texts.iter().map(|texts| mqp_property { name: texts.get(0), value: texts.get(1) }).collect();
        Stored { message, texts, _property_texts: property_texts, pointers }
    }

    fn view(&self) -> mqp_mock_message_view {
        mqp_mock_message_view {
            struct_size: 0,
            flag: self.message.flag,
            queue_id: self.message.queue_id,
            property_size: size_of::<mqp_property>() as u32,
            queue_offset: self.message.queue_offset,
            born_timestamp: self.message.born_timestamp,
            store_timestamp: self.message.store_timestamp,
            topic: self.texts.get(0),
            broker_name: self.texts.get(1),
            message_id: self.texts.get(2),
            offset_message_id: self.texts.get(3),
            tags: self.texts.get(4),
            keys: self.texts.get(5),
            properties: self.pointers.as_ptr(),
            property_count: self.pointers.len(),
            body: mqp_bytes { ptr: self.message.body.as_ptr(), len: self.message.body.len() },
        }
    }
}

/// Opens a cluster. Its brokers make a topic when the first message for it comes.
///
/// `name`: empty makes a new one of the caller's own; another name is shared in this process with each
/// mqp_mock_cluster_new and each `mock://name` URL, and the first of them decides its size. `brokers`: 1 to 64; 0: 1.
/// `queues` of a topic: 1 to 1024; 0: 4. `out`: receives an *owned* handle; NULL on failure. `error`: may be NULL.
/// Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT, MQP_ERR_RESOURCE, MQP_ERR_UNSUPPORTED in a build without the feature
/// `mock`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_cluster_new(
    name: mqp_str,
    brokers: u32,
    queues: u32,
    out: *mut *mut mqp_mock_cluster,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the handle.
        let out = unsafe { Out::required(out, "out", std::ptr::null_mut())? };
        // SAFETY: the caller lends the text until the call returns.
        let name = unsafe { name.read(|| "name".to_owned())? };
        if brokers > 64 {
            return Err(invalid(format!("`brokers` is {brokers}; the maximum is 64")));
        }
        if queues > 1024 {
            return Err(invalid(format!("`queues` is {queues}; the maximum is 1024")));
        }
        let brokers = if brokers == 0 { 1 } else { brokers as usize };
        let cluster = Cluster::open(name, brokers, if queues == 0 { 4 } else { queues })?;
        let url = Texts::new([cluster.url().as_str()]);
        out.set(handle::give(mqp_mock_cluster { cluster, url }));
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// The URL that a producer's configuration takes to send to this cluster; empty for NULL.
///
/// Returns: NUL-terminated, *borrowed* until the cluster is freed. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_cluster_url(cluster: *const mqp_mock_cluster) -> *const c_char {
    boundary::infallible(mqp_str::EMPTY.ptr, || {
        // SAFETY: the caller passes NULL or a cluster that is not freed.
        unsafe { cluster.as_ref() }.map_or(mqp_str::EMPTY.ptr, |cluster| cluster.url.get(0).ptr)
    })
}

/// Has a cluster answer the requests of one topic, each with the request's own body, as if a consumer did.
///
/// `topic`: *borrowed* for the call; its name on the wire. `error`: may be NULL. Threads: any. Errors:
/// MQP_ERR_INVALID_ARGUMENT; MQP_ERR_FORKED in a child process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_cluster_echo(
    cluster: *mut mqp_mock_cluster,
    topic: mqp_str,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a cluster that is not freed.
        let cluster = unsafe { handle::borrow(cluster, "cluster")? };
        // SAFETY: the caller lends the text until the call returns.
        let topic = unsafe { topic.read(|| "topic".to_owned())? };
        cluster.cluster.set_responder(topic, |request| Some(request.body.clone()))
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Takes a snapshot of the messages that a cluster holds, in the order of topic, broker, queue and offset.
///
/// `topic`: *borrowed* for the call; empty: all topics. `out`: receives an *owned* handle; NULL on failure. `error`:
/// may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_cluster_messages(
    cluster: *const mqp_mock_cluster,
    topic: mqp_str,
    out: *mut *mut mqp_mock_messages,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the handle.
        let out = unsafe { Out::required(out, "out", std::ptr::null_mut())? };
        // SAFETY: the caller passes NULL or a cluster that is not freed.
        let cluster = unsafe { handle::borrow(cluster, "cluster")? };
        // SAFETY: the caller lends the text until the call returns.
        let topic = unsafe { topic.read(|| "topic".to_owned())? };
        let messages = cluster.cluster.messages(Some(topic).filter(|topic| !topic.is_empty()));
        out.set(handle::give(mqp_mock_messages { messages: messages.into_iter().map(Stored::new).collect() }));
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// How many messages a cluster holds.
///
/// `topic`: *borrowed* for the call; empty: all topics. `out`: receives the number; 0 on failure. `error`: may be NULL.
/// Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_cluster_message_count(
    cluster: *const mqp_mock_cluster,
    topic: mqp_str,
    out: *mut usize,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a place for the number.
        let out = unsafe { Out::required(out, "out", 0)? };
        // SAFETY: the caller passes NULL or a cluster that is not freed.
        let cluster = unsafe { handle::borrow(cluster, "cluster")? };
        // SAFETY: the caller lends the text until the call returns.
        let topic = unsafe { topic.read(|| "topic".to_owned())? };
        out.set(cluster.cluster.message_count(Some(topic).filter(|topic| !topic.is_empty())));
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Waits until a cluster holds at least a number of messages, as one-way messages need.
///
/// `topic`: *borrowed* for the call; empty: all topics. `timeout_ms`: in milliseconds; 0 only looks. `error`: may be
/// NULL. Threads: any but the library's; blocks. Errors: MQP_ERR_TIMEOUT, MQP_ERR_WOULD_DEADLOCK on a thread of the
/// library; MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_cluster_wait(
    cluster: *const mqp_mock_cluster,
    topic: mqp_str,
    count: usize,
    timeout_ms: u32,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a cluster that is not freed.
        let cluster = &unsafe { handle::borrow(cluster, "cluster")? }.cluster;
        // SAFETY: the caller lends the text until the call returns.
        let topic = Some(unsafe { topic.read(|| "topic".to_owned())? }).filter(|topic| !topic.is_empty());
        if is_library_thread() {
            return Err(Error::new(ErrorKind::WouldDeadlock, "a wait on a thread of the library"));
        }
        if cluster.wait_for_messages(topic, count, Duration::from_millis(timeout_ms.into())) {
            return Ok(());
        }
        let held = cluster.message_count(topic);
        let what = format!("the cluster holds {held} of {count} messages after {timeout_ms} ms");
        Err(Error::new(ErrorKind::Timeout, what))
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Sets how long the brokers of a cluster wait before they ask for the end of a transaction, and before they ask again.
///
/// `interval_ms`: in milliseconds, 1 to 86400000; 1000 by default, where real brokers wait 6 s at first and 30 s then.
/// `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_cluster_set_transaction_check_interval(
    cluster: *mut mqp_mock_cluster,
    interval_ms: u32,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a cluster that is not freed.
        let cluster = unsafe { handle::borrow(cluster, "cluster")? };
        cluster.cluster.set_transaction_check_interval(Duration::from_millis(interval_ms.into()))
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Forgets the messages that a cluster holds.
///
/// `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_cluster_clear(
    cluster: *mut mqp_mock_cluster,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a cluster that is not freed.
        unsafe { handle::borrow(cluster, "cluster")? }.cluster.clear();
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Frees a cluster; NULL is allowed. The last handle or producer of its name stops it.
///
/// `cluster`: *owned*, taken. Threads: any, when no other uses the handle. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_cluster_free(cluster: *mut mqp_mock_cluster) {
    // SAFETY: the caller gives up a cluster that it owns, or passes NULL.
    boundary::infallible((), || drop(unsafe { handle::take(cluster) }));
}

/// How many messages a snapshot holds; 0 for NULL.
///
/// Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_messages_count(messages: *const mqp_mock_messages) -> usize {
    boundary::infallible(0, || {
        // SAFETY: the caller passes NULL or a snapshot that is not freed.
        unsafe { messages.as_ref() }.map_or(0, |messages| messages.messages.len())
    })
}

/// Reads one message of a snapshot.
///
/// `index`: 0 to mqp_mock_messages_count() - 1. `out`: written; what it points to is *borrowed* until the snapshot is
/// freed. `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_messages_get(
    messages: *const mqp_mock_messages,
    index: usize,
    out: *mut mqp_mock_message_view,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a snapshot that is not freed.
        let messages = &unsafe { handle::borrow(messages, "messages")? }.messages;
        let message = messages
            .get(index)
            .ok_or_else(|| invalid(format!("`index` is {index}; there are {} messages", messages.len())))?;
        // SAFETY: the caller passes NULL or a struct with its size set.
        unsafe { sized::write(out, &message.view()) }
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Frees a snapshot; NULL is allowed.
///
/// `messages`: *owned*, taken. Threads: any. Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_mock_messages_free(messages: *mut mqp_mock_messages) {
    // SAFETY: the caller gives up a snapshot that it owns, or passes NULL.
    boundary::infallible((), || drop(unsafe { handle::take(messages) }));
}

/// Stands in for the embedded cluster in a build without it, so that the symbols are always there.
#[cfg(not(feature = "mock"))]
pub(super) mod absent {
    use crate::error::{Error, ErrorKind, Result};
    use std::time::Duration;

    #[derive(Debug)]
    pub(in crate::ffi) enum Cluster {}

    #[derive(Debug)]
    pub(super) struct StoredMessage {
        pub(super) topic: String,
        pub(super) broker_name: String,
        pub(super) message_id: String,
        pub(super) offset_message_id: String,
        pub(super) tags: Option<String>,
        pub(super) keys: Option<String>,
        pub(super) flag: i32,
        pub(super) queue_id: i32,
        pub(super) queue_offset: i64,
        pub(super) born_timestamp: i64,
        pub(super) store_timestamp: i64,
        pub(super) properties: Vec<(String, String)>,
        pub(super) body: Vec<u8>,
    }

    impl Cluster {
        pub(super) fn open(_name: &str, _brokers: usize, _queues: u32) -> Result<Cluster> {
            Err(Error::new(ErrorKind::Unsupported, "this build is without the embedded cluster (feature `mock`)"))
        }

        pub(super) fn url(&self) -> String {
            match *self {}
        }

        pub(super) fn messages(&self, _topic: Option<&str>) -> Vec<StoredMessage> {
            match *self {}
        }

        pub(super) fn message_count(&self, _topic: Option<&str>) -> usize {
            match *self {}
        }

        pub(super) fn wait_for_messages(&self, _topic: Option<&str>, _count: usize, _timeout: Duration) -> bool {
            match *self {}
        }

        pub(super) fn clear(&self) {
            match *self {}
        }

        pub(super) fn set_responder(
            &self,
            _topic: &str,
            _responder: impl Fn(&StoredMessage) -> Option<Vec<u8>>,
        ) -> Result<()> {
            match *self {}
        }

        pub(super) fn set_transaction_check_interval(&self, _interval: Duration) -> Result<()> {
            match *self {}
        }
    }
}
