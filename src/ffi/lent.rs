//! Messages as C is shown them.

#![allow(unsafe_code)]

use super::jms::{
    MQP_BODY_BYTES, MQP_BODY_MAP, MQP_BODY_TEXT, MQP_DELIVERY_CONFIGURED, MQP_DELIVERY_NON_PERSISTENT,
    MQP_DELIVERY_PERSISTENT, MQP_VALUE_BOOL, MQP_VALUE_BYTE, MQP_VALUE_BYTES, MQP_VALUE_CHAR, MQP_VALUE_DOUBLE,
    MQP_VALUE_FLOAT, MQP_VALUE_INT, MQP_VALUE_LONG, MQP_VALUE_NULL, MQP_VALUE_SHORT, MQP_VALUE_TEXT, mqp_jms,
    mqp_typed_property,
};
use super::message::mqp_message;
use super::types::{mqp_bytes, mqp_property, mqp_str};
use crate::jms::{Body, DeliveryMode, Jms, Value};
use crate::message::{Delay, Message};

/// A message with the arrays that its view leads to.
pub(super) struct Parts<'a> {
    message: &'a Message<'a>,
    properties: Vec<mqp_property>,
    typed: Vec<mqp_typed_property>,
    entries: Vec<mqp_typed_property>,
    jms: Option<Box<mqp_jms>>,
}

impl<'a> Parts<'a> {
    pub(super) fn of(message: &'a Message<'a>) -> Self {
        let pair = |(name, value): &(&str, &str)| mqp_property { name: lent(name), value: lent(value) };
        let mut parts = Parts {
            message,
            properties: message.properties.iter().map(pair).collect(),
            typed: Vec::new(),
            entries: Vec::new(),
            jms: None,
        };
        if let Some(jms) = &message.jms {
            parts.typed = jms.properties.iter().map(typed).collect();
            if let Body::Map(entries) = &jms.body {
                parts.entries = entries.iter().map(typed).collect();
            }
            parts.jms = Some(Box::new(parts.lent_jms(jms)));
        }
        parts
    }

    /// The view, which holds as long as the parts.
    pub(super) fn message(&self) -> mqp_message {
        let message = self.message;
        // SAFETY: all bytes zero is a message, as its trait says; so fields that are not known here have their defaults.
        let mut view: mqp_message = unsafe { std::mem::zeroed() };
        view.struct_size = size_of::<mqp_message>() as u32;
        view.flag = message.flag;
        view.topic = lent(message.topic);
        view.body = bytes(message.body);
        view.tags = lent(message.tags);
        view.keys = lent(message.keys);
        view.properties = self.properties.as_ptr();
        view.property_count = self.properties.len();
        view.property_size = size_of::<mqp_property>() as u32;
        view.no_wait_store = u32::from(!message.wait_store_msg_ok);
        match message.delay {
            Delay::None => {}
            Delay::Level(level) => view.delay_level = level,
            Delay::Seconds(seconds) => view.delay_seconds = seconds,
            Delay::Milliseconds(milliseconds) => view.delay_ms = milliseconds,
            Delay::DeliverAt(time) => view.deliver_at_ms = i64::try_from(time).unwrap_or(i64::MAX),
        }
        view.has_priority = u32::from(message.priority.is_some());
        view.priority = message.priority.unwrap_or(0);
        view.lite_topic = lent(message.lite_topic);
        view.sharding_key = lent(message.sharding_key);
        view.trace_parent = lent(message.trace_parent);
        view.jms = self.jms.as_deref().map_or(std::ptr::null(), std::ptr::from_ref);
        view
    }

    fn lent_jms(&self, jms: &Jms<'_>) -> mqp_jms {
        mqp_jms {
            struct_size: size_of::<mqp_jms>() as u32,
            body_type: match jms.body {
                Body::Bytes => MQP_BODY_BYTES,
                Body::Text => MQP_BODY_TEXT,
                Body::Map(_) => MQP_BODY_MAP,
            },
            delivery_mode: match jms.delivery_mode {
                DeliveryMode::Configured => MQP_DELIVERY_CONFIGURED,
                DeliveryMode::Persistent => MQP_DELIVERY_PERSISTENT,
                DeliveryMode::NonPersistent => MQP_DELIVERY_NON_PERSISTENT,
            },
            has_time_to_live: u32::from(jms.time_to_live.is_some()),
            time_to_live_ms: jms.time_to_live.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            correlation_id: lent(jms.correlation_id),
            reply_to: lent(jms.reply_to),
            message_type: lent(jms.kind),
            group_id: lent(jms.group_id),
            group_sequence: jms.group_sequence,
            property_size: size_of::<mqp_typed_property>() as u32,
            properties: self.typed.as_ptr(),
            property_count: self.typed.len(),
            entries: self.entries.as_ptr(),
            entry_count: self.entries.len(),
        }
    }
}

fn lent(text: &str) -> mqp_str {
    mqp_str { ptr: text.as_ptr().cast(), len: text.len() }
}

fn bytes(bytes: &[u8]) -> mqp_bytes {
    mqp_bytes { ptr: bytes.as_ptr(), len: bytes.len() }
}

fn typed((name, value): &(&str, Value<'_>)) -> mqp_typed_property {
    let (value_type, integer, number, data) = match value {
        // What only Rust can put into a message only Rust is shown.
        Value::Null | Value::Map(_) | Value::List(_) => (MQP_VALUE_NULL, 0, 0.0, &[][..]),
        Value::Bool(value) => (MQP_VALUE_BOOL, i64::from(*value), 0.0, &[][..]),
        Value::Byte(value) => (MQP_VALUE_BYTE, i64::from(*value), 0.0, &[][..]),
        Value::Char(value) => (MQP_VALUE_CHAR, i64::from(*value), 0.0, &[][..]),
        Value::Short(value) => (MQP_VALUE_SHORT, i64::from(*value), 0.0, &[][..]),
        Value::Int(value) => (MQP_VALUE_INT, i64::from(*value), 0.0, &[][..]),
        Value::Long(value) => (MQP_VALUE_LONG, *value, 0.0, &[][..]),
        Value::Double(value) => (MQP_VALUE_DOUBLE, 0, *value, &[][..]),
        Value::Float(value) => (MQP_VALUE_FLOAT, 0, f64::from(*value), &[][..]),
        Value::Text(text) => (MQP_VALUE_TEXT, 0, 0.0, text.as_bytes()),
        Value::Bytes(data) => (MQP_VALUE_BYTES, 0, 0.0, &data[..]),
    };
    mqp_typed_property { name: lent(name), value_type, reserved: 0, integer, number, data: bytes(data) }
}
