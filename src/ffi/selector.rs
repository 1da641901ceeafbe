//! Queue selectors as C names them.

#![allow(unsafe_code, non_camel_case_types)]

use super::message::mqp_send_options;
use super::types::{invalid, mqp_str};
use crate::error::Result;
use crate::message::SendOptions;
use crate::selector::{MessageQueue, Selector};
use std::ffi::c_void;
use std::time::Duration;

/// One queue after the other; retries go to another broker while there is one. The default.
pub const MQP_SELECT_ROUND_ROBIN: u32 = 0;
/// Any queue; retries go to another broker while there is one.
pub const MQP_SELECT_RANDOM: u32 = 1;
/// By `sharding_key`, as the Java client's hash selector: |`String.hashCode`| modulo the number of queues.
pub const MQP_SELECT_HASH: u32 = 2;
/// By `sharding_key` on a ring of hashes: only the keys of queues that come or go move.
pub const MQP_SELECT_CONSISTENT_HASH: u32 = 3;
/// One queue after the other of those whose broker's name is `room@name` with one of `machine_rooms`.
pub const MQP_SELECT_MACHINE_ROOM: u32 = 4;
/// The queue `queue_id` of the broker `broker_name`, which must belong to the topic.
pub const MQP_SELECT_QUEUE: u32 = 5;
/// The queue that `queue_selector` returns the index of.
pub const MQP_SELECT_CALLBACK: u32 = 6;

/// A queue of a topic.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_queue {
    /// The broker's name.
    pub broker_name: mqp_str,
    /// The queue's number on that broker.
    pub queue_id: i32,
    /// 0.
    pub reserved: u32,
}

/// Chooses the queue of one message.
///
/// `call` runs once for each send that gets so far, on the thread of the send and before it returns, never again for a
/// retry. It MUST NOT throw, `longjmp` or end its thread.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_queue_selector {
    /// Required: receives the topic's `count` queues, by broker name and number, *borrowed* until it returns; each is
    /// `element_size` bytes after the one before. It returns the index of one of them; any other number fails the send
    /// with MQP_ERR_INVALID_ARGUMENT.
    pub call: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            queues: *const mqp_queue,
            count: usize,
            element_size: usize,
        ) -> usize,
    >,
    /// Passed to `call`, not read by the library; may be NULL.
    pub user_data: *mut c_void,
}

/// Send options that C lent, with what only their Rust form needs.
pub(crate) struct LentOptions<'a> {
    timeout: Option<Duration>,
    selector: Selector<'a>,
    rooms: Vec<&'a str>,
    callback: Option<Box<SelectorFn>>,
    /// Whether somebody waits for the end of a message that is sent without waiting.
    pub(crate) awaited: bool,
}

type SelectorFn = dyn Fn(&[MessageQueue<'_>]) -> usize;

impl<'a> LentOptions<'a> {
    /// All defaults.
    pub(crate) fn defaults() -> Self {
        LentOptions { timeout: None, selector: Selector::RoundRobin, rooms: Vec::new(), callback: None, awaited: false }
    }

    /// The options, checked.
    ///
    /// # Safety
    /// What they point to is unchanged during `'a`.
    pub(crate) unsafe fn new(raw: &mqp_send_options, timeout: Option<Duration>) -> Result<LentOptions<'a>> {
        // SAFETY: the contract of this function covers each of these reads.
        let (key, broker_name, rooms) = unsafe {
            (
                raw.sharding_key.read(|| "sharding_key".to_owned())?,
                raw.broker_name.read(|| "broker_name".to_owned())?,
                raw.machine_rooms.read(|| "machine_rooms".to_owned())?,
            )
        };
        if raw.awaited > 1 {
            return Err(invalid(format!("`awaited` is {}; it must be 0 or 1", raw.awaited)));
        }
        if raw.reserved != 0 {
            return Err(invalid(format!("`reserved` is {}; it must be 0", raw.reserved)));
        }
        let mut options = LentOptions { timeout, awaited: raw.awaited == 1, ..LentOptions::defaults() };
        let selector = raw.selector;
        // A field that the selector does not read was meant for another one.
        for (field, set, readers) in [
            ("sharding_key", !key.is_empty(), [MQP_SELECT_HASH, MQP_SELECT_CONSISTENT_HASH]),
            ("machine_rooms", !rooms.is_empty(), [MQP_SELECT_MACHINE_ROOM; 2]),
            ("broker_name", !broker_name.is_empty(), [MQP_SELECT_QUEUE; 2]),
            ("queue_id", raw.queue_id != 0, [MQP_SELECT_QUEUE; 2]),
            ("queue_selector", raw.queue_selector.call.is_some(), [MQP_SELECT_CALLBACK; 2]),
        ] {
            if set && !readers.contains(&selector) {
                return Err(invalid(format!("`{field}` is set, but the `selector` {selector} does not read it")));
            }
        }
        options.selector = match selector {
            MQP_SELECT_ROUND_ROBIN => Selector::RoundRobin,
            MQP_SELECT_RANDOM => Selector::Random,
            MQP_SELECT_HASH => Selector::Hash(key),
            MQP_SELECT_CONSISTENT_HASH => Selector::ConsistentHash(key),
            MQP_SELECT_MACHINE_ROOM => {
                options.rooms = rooms.split(',').map(str::trim).filter(|room| !room.is_empty()).collect();
                Selector::RoundRobin
            }
            MQP_SELECT_QUEUE => Selector::Queue(MessageQueue { broker_name, queue_id: raw.queue_id }),
            MQP_SELECT_CALLBACK => {
                let mqp_queue_selector { call, user_data } = raw.queue_selector;
                let call = call.ok_or_else(|| invalid("`queue_selector.call` is NULL".to_owned()))?;
                options.callback = Some(Box::new(move |queues: &[MessageQueue<'_>]| {
                    let (queues, _names) = lend(queues);
                    // SAFETY: the caller of the send vouches for the function; the queues live until it has returned.
                    unsafe { call(user_data, queues.as_ptr(), queues.len(), size_of::<mqp_queue>()) }
                }));
                Selector::RoundRobin
            }
            other => {
                return Err(invalid(format!("`selector` is {other}; the maximum is {MQP_SELECT_CALLBACK}")));
            }
        };
        if selector == MQP_SELECT_MACHINE_ROOM && options.rooms.is_empty() {
            return Err(invalid("`machine_rooms` names no room".to_owned()));
        }
        Ok(options)
    }

    /// Their Rust form.
    pub(crate) fn options(&self) -> SendOptions<'_> {
        let selector = match (&self.callback, self.rooms.as_slice()) {
            (Some(callback), _) => Selector::Callback(callback),
            (None, []) => self.selector,
            (None, rooms) => Selector::MachineRoom(rooms),
        };
        let mut options = SendOptions::default().with_selector(selector);
        options.timeout = self.timeout;
        options
    }
}

/// Queues as C sees them, and the buffer that holds their names, each with a NUL behind it.
fn lend(queues: &[MessageQueue<'_>]) -> (Vec<mqp_queue>, Box<[u8]>) {
    let mut names = Vec::new();
    let mut starts: Vec<usize> = Vec::with_capacity(queues.len());
    for (i, queue) in queues.iter().enumerate() {
        match i.checked_sub(1) {
            Some(before) if queues[before].broker_name == queue.broker_name => starts.push(starts[before]),
            _ => {
                starts.push(names.len());
                names.extend_from_slice(queue.broker_name.as_bytes());
                names.push(0);
            }
        }
    }
    let names = names.into_boxed_slice();
    let lent = queues.iter().zip(starts).map(|(queue, start)| mqp_queue {
        broker_name: mqp_str { ptr: names[start..].as_ptr().cast(), len: queue.broker_name.len() },
        queue_id: queue.queue_id,
        reserved: 0,
    });
    (lent.collect(), names)
}
