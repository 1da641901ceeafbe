//! What only a JMS message has, out of steps.

use crate::value::body_bytes;
use mqproducer::jms::{Body, DeliveryMode, Jms, Value as Typed};
use serde_json::Value;
use std::borrow::Cow;
use std::time::Duration;

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// The message's part of that name.
pub fn jms(of: &Value) -> Result<Jms<'_>, String> {
    let body = match of["body"].as_str() {
        None | Some("bytes") => Body::Bytes,
        Some("text") => Body::Text,
        Some("map") => Body::Map(values(&of["entries"])?),
        Some(other) => return Err(format!("there is no body `{other}`")),
    };
    let delivery_mode = match of["delivery_mode"].as_str() {
        None => DeliveryMode::Configured,
        Some("persistent") => DeliveryMode::Persistent,
        Some("non_persistent") => DeliveryMode::NonPersistent,
        Some(other) => return Err(format!("there is no delivery mode `{other}`")),
    };
    Ok(Jms {
        body,
        properties: values(&of["properties"])?,
        delivery_mode,
        time_to_live: of["time_to_live_ms"].as_u64().map(Duration::from_millis),
        correlation_id: text(of, "correlation_id"),
        reply_to: text(of, "reply_to"),
        kind: text(of, "type"),
        group_id: text(of, "group_id"),
        group_sequence: of["group_sequence"].as_i64().unwrap_or(0) as i32,
    })
}

fn values(of: &Value) -> Result<Vec<(&str, Typed<'_>)>, String> {
    let named = of.as_object().into_iter().flatten();
    named.map(|(name, value)| Ok((name.as_str(), typed(value)?))).collect()
}

/// Of an object with one field: the type.
fn typed(of: &Value) -> Result<Typed<'_>, String> {
    let wrong = || format!("{of} is no typed value");
    let (kind, value) = of.as_object().and_then(|fields| fields.iter().next()).ok_or_else(wrong)?;
    let whole = || value.as_i64().ok_or_else(wrong);
    Ok(match kind.as_str() {
        "null" => Typed::Null,
        "bool" => Typed::Bool(value.as_bool().ok_or_else(wrong)?),
        "byte" => Typed::Byte(whole()? as i8),
        "char" => Typed::Char(whole()? as u16),
        "short" => Typed::Short(whole()? as i16),
        "int" => Typed::Int(whole()? as i32),
        "long" => Typed::Long(whole()?),
        "float" => Typed::Float(value.as_f64().ok_or_else(wrong)? as f32),
        "double" => Typed::Double(value.as_f64().ok_or_else(wrong)?),
        "text" => Typed::Text(Cow::Borrowed(value.as_str().ok_or_else(wrong)?)),
        "bytes" => Typed::Bytes(Cow::Owned(body_bytes(value.as_str().ok_or_else(wrong)?)?)),
        _ => return Err(wrong()),
    })
}
