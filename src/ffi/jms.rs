//! What a JMS message has beside the rest, as C lends it; and temporary destinations.

#![allow(unsafe_code, non_camel_case_types)]

use super::error::mqp_error;
use super::message;
use super::producer::mqp_producer;
use super::sized::{self, SizedStruct};
use super::status::mqp_status;
use super::types::{element_size, invalid, mqp_bytes, mqp_str};
use super::{boundary, handle};
use crate::error::Result;
use crate::jms::{Body, DeliveryMode, Jms, Value};
use std::borrow::Cow;
use std::ffi::c_char;
use std::time::Duration;

/// A BytesMessage with the message's `body`, which may be empty here.
pub const MQP_BODY_BYTES: u32 = 0;
/// A TextMessage with the message's `body`, which must be UTF-8 and may be empty here.
pub const MQP_BODY_TEXT: u32 = 1;
/// A MapMessage with `entries`; the message's `body` must be empty.
pub const MQP_BODY_MAP: u32 = 2;

/// As the configuration's `delivery_mode` says.
pub const MQP_DELIVERY_CONFIGURED: u32 = 0;
/// It is kept in the broker's store, and survives its end.
pub const MQP_DELIVERY_PERSISTENT: u32 = 1;
/// It is kept in the broker's memory.
pub const MQP_DELIVERY_NON_PERSISTENT: u32 = 2;

/// No value.
pub const MQP_VALUE_NULL: u32 = 0;
/// `integer` is 0 or 1.
pub const MQP_VALUE_BOOL: u32 = 1;
/// `integer` is from -128 to 127.
pub const MQP_VALUE_BYTE: u32 = 2;
/// `integer` is a UTF-16 code unit, from 0 to 65535.
pub const MQP_VALUE_CHAR: u32 = 3;
/// `integer` is from -32768 to 32767.
pub const MQP_VALUE_SHORT: u32 = 4;
/// `integer` has 32 bits.
pub const MQP_VALUE_INT: u32 = 5;
/// `integer`.
pub const MQP_VALUE_LONG: u32 = 6;
/// `number`.
pub const MQP_VALUE_DOUBLE: u32 = 7;
/// `number`, as the nearest of 32 bits.
pub const MQP_VALUE_FLOAT: u32 = 8;
/// `data`, which must be UTF-8.
pub const MQP_VALUE_TEXT: u32 = 9;
/// `data`.
pub const MQP_VALUE_BYTES: u32 = 10;

/// A typed property of a JMS message, or an entry of a map.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_typed_property {
    /// The name, which is not empty.
    pub name: mqp_str,
    /// MQP_VALUE_NULL or another of MQP_VALUE_..., which says what holds the value; the others are not read.
    pub value_type: u32,
    /// Must be 0.
    pub reserved: u32,
    /// The value, as the type says.
    pub integer: i64,
    /// The value, as the type says.
    pub number: f64,
    /// The value, as the type says.
    pub data: mqp_bytes,
}

/// What a JMS message has beside what every message has, for ActiveMQ: *borrowed*, with all that it points to, until the
/// call that takes the message returns. Set `struct_size`, or start from MQP_JMS_INIT; zero stands for each default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mqp_jms {
    /// Size of the caller's struct in bytes.
    pub struct_size: u32,
    /// MQP_BODY_BYTES or another of MQP_BODY_....
    pub body_type: u32,
    /// MQP_DELIVERY_CONFIGURED or another of MQP_DELIVERY_....
    pub delivery_mode: u32,
    /// 1: `time_to_live_ms` counts. 0: the configured `time_to_live`.
    pub has_time_to_live: u32,
    /// How long the broker keeps the message, in milliseconds; 0: for ever.
    pub time_to_live_ms: u64,
    /// `JMSCorrelationID`; empty: none.
    pub correlation_id: mqp_str,
    /// `JMSReplyTo`, a destination; empty: none.
    pub reply_to: mqp_str,
    /// `JMSType`; empty: none.
    pub message_type: mqp_str,
    /// `JMSXGroupID`: one consumer gets all messages of a group, in order. Empty: the message's `sharding_key`.
    pub group_id: mqp_str,
    /// `JMSXGroupSeq`.
    pub group_sequence: i32,
    /// Size in bytes of one element of `properties` and of `entries`, the library's step: sizeof(mqp_typed_property).
    pub property_size: u32,
    /// The first of the typed properties, beside the text ones of the message; may be NULL when there are none.
    pub properties: *const mqp_typed_property,
    /// How many there are.
    pub property_count: usize,
    /// With MQP_BODY_MAP the first of the map's entries; may be NULL when there are none.
    pub entries: *const mqp_typed_property,
    /// How many there are.
    pub entry_count: usize,
}

// SAFETY: `repr(C)`, begins with a `u32`, ends with pointer-sized fields, and holds only numbers and raw pointers.
unsafe impl SizedStruct for mqp_jms {
    const NAME: &'static str = "mqp_jms";
    const FIRST_SIZE: usize = std::mem::offset_of!(Self, entry_count) + size_of::<usize>();
}

/// Far more than any message has.
const MAX_PROPERTIES: usize = 65_536;

/// Checks and borrows what C lent; NULL: nothing.
///
/// # Safety
/// `from` is NULL or leads to what its documentation demands, unchanged during `'a`.
pub(crate) unsafe fn read<'a>(from: *const mqp_jms) -> Result<Option<Box<Jms<'a>>>> {
    if from.is_null() {
        return Ok(None);
    }
    // SAFETY: the contract of this function covers each of these reads.
    unsafe {
        let raw = sized::read(from)?;
        let size = raw.property_size;
        let body = match raw.body_type {
            MQP_BODY_BYTES => Body::Bytes,
            MQP_BODY_TEXT => Body::Text,
            MQP_BODY_MAP => Body::Map(properties("jms.entries", raw.entries, raw.entry_count, size)?),
            other => return Err(invalid(format!("`jms.body_type` is {other}; the maximum is {MQP_BODY_MAP}"))),
        };
        if raw.entry_count > 0 && raw.body_type != MQP_BODY_MAP {
            return Err(invalid(format!("`jms.entry_count` is {} without MQP_BODY_MAP", raw.entry_count)));
        }
        Ok(Some(Box::new(Jms {
            body,
            properties: properties("jms.properties", raw.properties, raw.property_count, size)?,
            delivery_mode: match raw.delivery_mode {
                MQP_DELIVERY_CONFIGURED => DeliveryMode::Configured,
                MQP_DELIVERY_PERSISTENT => DeliveryMode::Persistent,
                MQP_DELIVERY_NON_PERSISTENT => DeliveryMode::NonPersistent,
                other => {
                    let most = MQP_DELIVERY_NON_PERSISTENT;
                    return Err(invalid(format!("`jms.delivery_mode` is {other}; the maximum is {most}")));
                }
            },
            time_to_live: match (raw.has_time_to_live, raw.time_to_live_ms) {
                (0, 0) => None,
                (1, time) => Some(Duration::from_millis(time)),
                (0, time) => {
                    return Err(invalid(format!("`jms.time_to_live_ms` is {time} while `has_time_to_live` is 0")));
                }
                (other, _) => return Err(invalid(format!("`jms.has_time_to_live` is {other}; it must be 0 or 1"))),
            },
            correlation_id: raw.correlation_id.read(|| "jms.correlation_id".to_owned())?,
            reply_to: raw.reply_to.read(|| "jms.reply_to".to_owned())?,
            kind: raw.message_type.read(|| "jms.message_type".to_owned())?,
            group_id: raw.group_id.read(|| "jms.group_id".to_owned())?,
            group_sequence: raw.group_sequence,
        })))
    }
}

/// # Safety
/// `first` leads to `count` elements of `size` bytes, unchanged during `'a`.
unsafe fn properties<'a>(
    field: &str,
    first: *const mqp_typed_property,
    count: usize,
    size: u32,
) -> Result<Vec<(&'a str, Value<'a>)>> {
    const KNOWN: usize = size_of::<mqp_typed_property>();
    if count == 0 {
        return Ok(Vec::new());
    }
    if first.is_null() {
        return Err(invalid(format!("`{field}` is NULL with the count {count}")));
    }
    if count > MAX_PROPERTIES {
        return Err(invalid(format!("`{field}` has the count {count}; the maximum is {MAX_PROPERTIES}")));
    }
    let step = element_size("jms.property_size", size, KNOWN)?;
    let mut all = Vec::with_capacity(count);
    for index in 0..count {
        // SAFETY: within the array, by the contract of this function.
        unsafe {
            let element = first.cast::<u8>().add(index * step);
            sized::check_tail(element, KNOWN, step, "mqp_typed_property")?;
            let raw = element.cast::<mqp_typed_property>().read_unaligned();
            let at = |part: &str| format!("{field}[{index}].{part}");
            all.push((raw.name.read(|| at("name"))?, value(&raw, at)?));
        }
    }
    Ok(all)
}

/// # Safety
/// `raw.data` leads to its bytes, unchanged during `'a`.
unsafe fn value<'a>(raw: &mqp_typed_property, at: impl Fn(&str) -> String) -> Result<Value<'a>> {
    fn whole<T: TryFrom<i64>>(raw: &mqp_typed_property, at: impl Fn(&str) -> String) -> Result<T> {
        T::try_from(raw.integer)
            .map_err(|_| invalid(format!("`{}` is {}, which its type does not hold", at("integer"), raw.integer)))
    }
    if raw.reserved != 0 {
        return Err(invalid(format!("`{}` is {}; it must be 0", at("reserved"), raw.reserved)));
    }
    Ok(match raw.value_type {
        MQP_VALUE_NULL => Value::Null,
        MQP_VALUE_BOOL => match raw.integer {
            0 | 1 => Value::Bool(raw.integer == 1),
            other => return Err(invalid(format!("`{}` is {other}; a truth value is 0 or 1", at("integer")))),
        },
        MQP_VALUE_BYTE => Value::Byte(whole(raw, at)?),
        MQP_VALUE_CHAR => Value::Char(whole(raw, at)?),
        MQP_VALUE_SHORT => Value::Short(whole(raw, at)?),
        MQP_VALUE_INT => Value::Int(whole(raw, at)?),
        MQP_VALUE_LONG => Value::Long(raw.integer),
        MQP_VALUE_DOUBLE => Value::Double(raw.number),
        MQP_VALUE_FLOAT => Value::Float(raw.number as f32),
        MQP_VALUE_TEXT => {
            let text = mqp_str { ptr: raw.data.ptr.cast::<c_char>(), len: raw.data.len };
            // SAFETY: the contract of this function.
            Value::Text(Cow::Borrowed(unsafe { text.read(|| at("data"))? }))
        }
        // SAFETY: the contract of this function.
        MQP_VALUE_BYTES => Value::Bytes(Cow::Borrowed(unsafe { raw.data.read(|| at("data"))? })),
        other => return Err(invalid(format!("`{}` is {other}; the maximum is {MQP_VALUE_BYTES}", at("type")))),
    })
}

/// Longest name of a temporary destination, with the NUL at its end.
pub const MQP_TEMPORARY_NAME_SIZE: usize = 256;

/// Makes a temporary queue of an ActiveMQ broker, which lives as long as the producer, for the answers of others: to be
/// named as `reply_to` of mqp_jms. It is made anew, with its name, on each connection.
///
/// `topic`: 0: a queue; 1: a topic. `timeout_ms`: in milliseconds, up to 3600000; 0: the configured `send_msg_timeout`.
/// `name`: room for MQP_TEMPORARY_NAME_SIZE bytes, which receives the name, `temp-queue://...`, and a NUL; on failure
/// only the NUL. `error`: may be NULL. Threads: any; blocks up to the deadline.
/// Errors: MQP_ERR_UNSUPPORTED for RocketMQ; MQP_ERR_BROKER, MQP_ERR_CONNECT, MQP_ERR_CONNECTION_LOST, MQP_ERR_TIMEOUT,
/// MQP_ERR_NOT_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT, and MQP_ERR_WOULD_DEADLOCK on a thread
/// of the library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_create_temporary(
    producer: *mut mqp_producer,
    topic: u32,
    timeout_ms: u32,
    name: *mut c_char,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        if name.is_null() {
            return Err(invalid("`name` is NULL".to_owned()));
        }
        // SAFETY: the caller gives room for it.
        unsafe { name.write(0) };
        if topic > 1 {
            return Err(invalid(format!("`topic` is {topic}; it must be 0 or 1")));
        }
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { &handle::borrow(producer, "producer")?.producer };
        let timeout = message::timeout(timeout_ms)?.unwrap_or(producer.send_timeout());
        let made = match topic {
            0 => producer.create_temporary_queue(timeout)?,
            _ => producer.create_temporary_topic(timeout)?,
        };
        let text = made.as_bytes();
        if text.len() >= MQP_TEMPORARY_NAME_SIZE {
            return Err(invalid(format!("the name is {} bytes long", text.len())));
        }
        // SAFETY: the caller gives room for as many bytes, and text and room do not overlap.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr().cast::<c_char>(), name, text.len());
            name.add(text.len()).write(0);
        }
        Ok(())
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}

/// Takes a temporary destination away that mqp_producer_create_temporary made; from now on messages to it are refused
/// with MQP_ERR_INVALID_MESSAGE.
///
/// `name`: *copied*. `timeout_ms`: in milliseconds, up to 3600000; 0: the configured `send_msg_timeout`. `error`: may be
/// NULL. Threads: any; blocks up to the deadline. Errors: those of mqp_producer_create_temporary;
/// MQP_ERR_INVALID_ARGUMENT also for a name that is none of the producer's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mqp_producer_delete_temporary(
    producer: *mut mqp_producer,
    name: mqp_str,
    timeout_ms: u32,
    error: *mut *mut mqp_error,
) -> mqp_status {
    let body = || {
        // SAFETY: the caller passes NULL or a producer that is not freed.
        let producer = unsafe { &handle::borrow(producer, "producer")?.producer };
        // SAFETY: the caller lends the text until the call returns.
        let name = unsafe { name.read(|| "name".to_owned())? };
        producer.delete_temporary(name, message::timeout(timeout_ms)?.unwrap_or(producer.send_timeout()))
    };
    // SAFETY: the caller passes NULL or a place for the error.
    unsafe { boundary::fallible(error, body) }
}
