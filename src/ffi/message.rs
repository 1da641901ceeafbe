//! Messages and send options as C lends them.

#![allow(unsafe_code, non_camel_case_types)]

use super::jms::{self, mqp_jms};
use super::selector::{LentOptions, mqp_queue_selector};
use super::sized::{self, SizedStruct};
use super::types::{element_size, invalid, mqp_bytes, mqp_property, mqp_str};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{Delay, Message};
use std::time::Duration;

/// A message to send: *borrowed*, with all that it points to, until the call that takes it returns. The library copies
/// what it keeps. Set `struct_size`, or start from MQP_MESSAGE_INIT; zero stands for each default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_message {
    /// Size of the caller's struct in bytes.
    pub struct_size: u32,
    /// Carried to the consumer, not read by the broker. Default 0.
    pub flag: i32,
    /// Required: 1 to 127 bytes of `%|a-zA-Z0-9_-`.
    pub topic: mqp_str,
    /// Required: 1 byte to `max_message_size`. NUL bytes are data.
    pub body: mqp_bytes,
    /// Tag for the broker's filter; empty: none.
    pub tags: mqp_str,
    /// Index keys, separated by spaces; empty: none.
    pub keys: mqp_str,
    /// The first of the user properties; may be NULL when there are none.
    pub properties: *const mqp_property,
    /// How many user properties there are.
    pub property_count: usize,
    /// Size in bytes of one element of `properties`, the library's step: sizeof(mqp_property).
    pub property_size: u32,
    /// 1: the broker may answer before the message is stored to its configured safety. Default 0.
    pub no_wait_store: u32,
    /// When the message is delivered, as the delay of a level: a RocketMQ broker has 18, unless configured otherwise,
    /// and takes a level over its highest for that one. The maximum is 2147483647; 0: not so. Of `delay_level`,
    /// `delay_seconds`, `delay_ms` and `deliver_at_ms` at most one may be set.
    pub delay_level: u32,
    /// 1: `priority` is set. Default 0.
    pub has_priority: u32,
    /// From 0; a RocketMQ broker then chooses the queue by it: the number of the priority, or the last one. Must be 0
    /// unless `has_priority` is 1.
    pub priority: i32,
    /// Must be 0.
    pub reserved: u32,
    /// When the message is delivered, as seconds from its coming to the broker, up to 4611686018427387; 0: not so. The
    /// timer of a RocketMQ broker rounds to its precision, 1 s by default, and refuses what is over its limit, 3 days
    /// by default.
    pub delay_seconds: u64,
    /// As `delay_seconds`, in milliseconds, up to 4611686018427387903.
    pub delay_ms: u64,
    /// When the message is delivered, in milliseconds since 1970; 0: not so. A time that has passed: at once.
    pub deliver_at_ms: i64,
    /// The lite topic inside the topic; empty: none.
    pub lite_topic: mqp_str,
    /// What orders messages, for those who read it as the message's property `__SHARDINGKEY`; it does not choose the
    /// queue, which is what the sharding key of mqp_send_options does. Empty: none.
    pub sharding_key: mqp_str,
    /// The W3C trace context that the message belongs to, `00-<32 hex digits>-<16 hex digits>-<2 hex digits>` in lower
    /// case, carried as its property `traceparent`; empty: none.
    pub trace_parent: mqp_str,
    /// What a JMS message has beside all this, for ActiveMQ; with RocketMQ such a message is refused. NULL: nothing.
    pub jms: *const mqp_jms,
}

// SAFETY: `repr(C)`, begins with a `u32`, ends with pointer-sized fields, and holds only numbers and raw pointers.
unsafe impl SizedStruct for mqp_message {
    const NAME: &'static str = "mqp_message";
    const FIRST_SIZE: usize = std::mem::offset_of!(Self, no_wait_store) + size_of::<u32>();
}

/// How one send departs from the configuration: *copied*. Set `struct_size`, or start from MQP_SEND_OPTIONS_INIT; zero
/// stands for each default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_send_options {
    /// Size of the caller's struct in bytes.
    pub struct_size: u32,
    /// The total deadline of this send in milliseconds, up to 3600000. 0: the configured `send_msg_timeout`.
    pub timeout_ms: u32,
    /// Which queue the message goes to: MQP_SELECT_ROUND_ROBIN or another of MQP_SELECT_.... With all but that and
    /// MQP_SELECT_RANDOM the message stays on the queue chosen first, over its retries.
    pub selector: u32,
    /// For MQP_SELECT_QUEUE: the queue's number.
    pub queue_id: i32,
    /// For MQP_SELECT_HASH and MQP_SELECT_CONSISTENT_HASH, and required there.
    pub sharding_key: mqp_str,
    /// For MQP_SELECT_QUEUE: the broker's name.
    pub broker_name: mqp_str,
    /// For MQP_SELECT_MACHINE_ROOM: the names of rooms, separated by commas.
    pub machine_rooms: mqp_str,
    /// For MQP_SELECT_CALLBACK.
    pub queue_selector: mqp_queue_selector,
    /// 1: somebody waits for the end of the message, although the call does not, as where a language has its own
    /// scheduler. Then mqp_producer_send_queued and mqp_producer_send_many try the message as often as mqp_producer_send
    /// does (`retry_times_when_send_failed`), and hooks see MQP_MODE_SYNC. 0: it is asynchronous. All others do not read
    /// it.
    pub awaited: u32,
    /// Zero.
    pub reserved: u32,
}

// SAFETY: `repr(C)`, begins with a `u32`, has no padding, and holds only numbers, raw pointers and a function that may be
// absent.
unsafe impl SizedStruct for mqp_send_options {
    const NAME: &'static str = "mqp_send_options";
    const FIRST_SIZE: usize = std::mem::offset_of!(Self, timeout_ms) + size_of::<u32>();
}

const MAX_TIMEOUT_MS: u32 = 3_600_000;
/// More properties than the protocol's 32767 bytes can hold, at four bytes each.
const MAX_PROPERTIES: usize = 8_192;

/// Checks and borrows the message that C lent.
///
/// # Safety
/// `from` is NULL or leads to a message as its documentation demands, unchanged during `'a`.
pub(crate) unsafe fn read_message<'a>(from: *const mqp_message) -> Result<Message<'a>> {
    // SAFETY: the contract of this function covers each of these reads.
    unsafe { of_raw(&sized::read(from)?) }
}

/// # Safety
/// `raw` is a message as its documentation demands, unchanged during `'a` with all that it points to.
unsafe fn of_raw<'a>(raw: &mqp_message) -> Result<Message<'a>> {
    // SAFETY: the contract of this function covers each of these reads.
    unsafe {
        if raw.no_wait_store > 1 {
            return Err(invalid(format!("`no_wait_store` is {}; it must be 0 or 1", raw.no_wait_store)));
        }
        Ok(Message {
            topic: raw.topic.read(|| "topic".to_owned())?,
            body: raw.body.read(|| "body".to_owned())?,
            tags: raw.tags.read(|| "tags".to_owned())?,
            keys: raw.keys.read(|| "keys".to_owned())?,
            flag: raw.flag,
            properties: read_properties(raw)?,
            wait_store_msg_ok: raw.no_wait_store == 0,
            delay: read_delay(raw)?,
            priority: read_priority(raw)?,
            lite_topic: raw.lite_topic.read(|| "lite_topic".to_owned())?,
            sharding_key: raw.sharding_key.read(|| "sharding_key".to_owned())?,
            trace_parent: raw.trace_parent.read(|| "trace_parent".to_owned())?,
            jms: jms::read(raw.jms)?,
        })
    }
}

/// Checks and borrows the message at `index` of an array that C lent, whose elements have `size` bytes.
///
/// # Safety
/// There is such an element, a message as its documentation demands, unchanged during `'a`.
pub(crate) unsafe fn read_element<'a>(first: *const mqp_message, size: usize, index: usize) -> Result<Message<'a>> {
    // SAFETY: the contract of this function is the same.
    unsafe { of_raw(&raw_element(first, size, index)?) }
}

/// The same, and how C lent it; `before` is that of the element before, and what was read of it: messages often differ
/// in their bodies alone.
///
/// # Safety
/// As for [`read_element`].
pub(crate) unsafe fn read_next_element<'a>(
    first: *const mqp_message,
    size: usize,
    index: usize,
    before: Option<(mqp_message, &Message<'a>)>,
) -> Result<(mqp_message, Message<'a>)> {
    // SAFETY: the contract of this function covers both.
    let raw = unsafe { raw_element(first, size, index)? };
    let message = match before {
        Some((raw_before, before)) if raw.has_all_but_the_body_of(&raw_before) => {
            // SAFETY: the contract of this function.
            let body = unsafe { raw.body.read(|| "body".to_owned())? };
            Message { body, ..before.clone() }
        }
        // SAFETY: the contract of this function.
        _ => unsafe { of_raw(&raw)? },
    };
    Ok((raw, message))
}

impl mqp_message {
    /// Whether both lend the same, but for their bodies.
    fn has_all_but_the_body_of(&self, other: &mqp_message) -> bool {
        let texts = |of: &mqp_message| {
            [of.topic, of.tags, of.keys, of.lite_topic, of.sharding_key, of.trace_parent]
                .map(|text| (text.ptr, text.len))
        };
        let is_plain = |of: &mqp_message| {
            (of.has_priority, of.priority, of.reserved) == (0, 0, 0)
                && (of.delay_level, of.delay_seconds, of.delay_ms, of.deliver_at_ms) == (0, 0, 0, 0)
                && of.jms.is_null()
        };
        (self.flag, self.no_wait_store) == (other.flag, other.no_wait_store)
            && (self.properties, self.property_count, self.property_size)
                == (other.properties, other.property_count, other.property_size)
            && is_plain(self)
            && is_plain(other)
            && texts(self) == texts(other)
    }
}

/// # Safety
/// As for [`read_element`].
unsafe fn raw_element(first: *const mqp_message, size: usize, index: usize) -> Result<mqp_message> {
    // SAFETY: the contract of this function.
    let element = unsafe { first.byte_add(index * size) };
    // SAFETY: each message begins with its size.
    let own = unsafe { element.cast::<u32>().read_unaligned() };
    if usize::try_from(own).is_ok_and(|own| own > size) {
        return Err(invalid(format!("`mqp_message.struct_size` is {own}; `message_size` is {size}")));
    }
    // SAFETY: the message is within its element.
    unsafe { sized::read(element) }
}

fn read_delay(raw: &mqp_message) -> Result<Delay> {
    let refuse = |what: String| Err(Error::new(ErrorKind::InvalidMessage, what));
    let Ok(deliver_at) = u64::try_from(raw.deliver_at_ms) else {
        return refuse(format!("`deliver_at_ms` is {}; the minimum is 0", raw.deliver_at_ms));
    };
    let ways = [
        ("delay_level", Delay::Level(raw.delay_level), raw.delay_level > 0),
        ("delay_seconds", Delay::Seconds(raw.delay_seconds), raw.delay_seconds > 0),
        ("delay_ms", Delay::Milliseconds(raw.delay_ms), raw.delay_ms > 0),
        ("deliver_at_ms", Delay::DeliverAt(deliver_at), deliver_at > 0),
    ];
    let mut set = ways.iter().filter(|(_, _, set)| *set);
    match (set.next(), set.next()) {
        (Some((first, ..)), Some((second, ..))) => {
            refuse(format!("`{first}` and `{second}` are both set; at most one may say when to deliver"))
        }
        (Some((_, delay, _)), None) => Ok(*delay),
        (None, _) => Ok(Delay::None),
    }
}

fn read_priority(raw: &mqp_message) -> Result<Option<i32>> {
    if raw.reserved != 0 {
        return Err(invalid(format!("`reserved` is {}; it must be 0", raw.reserved)));
    }
    match raw.has_priority {
        0 if raw.priority != 0 => Err(invalid(format!("`priority` is {} while `has_priority` is 0", raw.priority))),
        0 => Ok(None),
        1 => Ok(Some(raw.priority)),
        other => Err(invalid(format!("`has_priority` is {other}; it must be 0 or 1"))),
    }
}

/// # Safety
/// `properties` leads to `property_count` elements of `property_size` bytes, unchanged during `'a`.
unsafe fn read_properties<'a>(raw: &mqp_message) -> Result<Vec<(&'a str, &'a str)>> {
    const KNOWN: usize = size_of::<mqp_property>();
    if raw.property_count == 0 {
        return Ok(Vec::new());
    }
    if raw.properties.is_null() {
        return Err(invalid(format!("`properties` is NULL with `property_count` {}", raw.property_count)));
    }
    if raw.property_count > MAX_PROPERTIES {
        return Err(invalid(format!("`property_count` is {}; the maximum is {MAX_PROPERTIES}", raw.property_count)));
    }
    let step = element_size("property_size", raw.property_size, KNOWN)?;
    let mut properties = Vec::with_capacity(raw.property_count);
    for index in 0..raw.property_count {
        // SAFETY: within the array, by the contract of this function.
        unsafe {
            let element = raw.properties.cast::<u8>().add(index * step);
            sized::check_tail(element, KNOWN, step, "mqp_property")?;
            let property = element.cast::<mqp_property>().read_unaligned();
            properties.push((
                property.name.read(|| format!("properties[{index}].name"))?,
                property.value.read(|| format!("properties[{index}].value"))?,
            ));
        }
    }
    Ok(properties)
}

/// Checks the options that C lent; NULL stands for all defaults.
///
/// # Safety
/// `from` is NULL or leads to options with their size set, unchanged during `'a` with all that they point to.
pub(crate) unsafe fn read_options<'a>(from: *const mqp_send_options) -> Result<LentOptions<'a>> {
    if from.is_null() {
        return Ok(LentOptions::defaults());
    }
    // SAFETY: the contract of this function.
    let raw = unsafe { sized::read(from)? };
    let timeout = timeout(raw.timeout_ms)?;
    // SAFETY: the contract of this function.
    unsafe { LentOptions::new(&raw, timeout) }
}

/// A time-out in milliseconds as C gives it; 0 stands for the default.
pub(crate) fn timeout(timeout_ms: u32) -> Result<Option<Duration>> {
    if timeout_ms > MAX_TIMEOUT_MS {
        return Err(invalid(format!("`timeout_ms` is {timeout_ms}; the maximum is {MAX_TIMEOUT_MS}")));
    }
    Ok((timeout_ms > 0).then(|| Duration::from_millis(timeout_ms.into())))
}
