//! Maps from names to primitive values: the properties of messages, of [`WireFormatInfo`](super::WireFormatInfo), and
//! the bodies of map messages.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

use super::error::CodecError;
use super::text;
use super::wire::{MAX_DEPTH, Reader, Writer};

/// A primitive value of Java.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// None.
    Null,
    /// `boolean`.
    Bool(bool),
    /// `byte`.
    Byte(i8),
    /// `char`: a unit of UTF-16.
    Char(u16),
    /// `short`.
    Short(i16),
    /// `int`.
    Int(i32),
    /// `long`.
    Long(i64),
    /// `double`.
    Double(f64),
    /// `float`.
    Float(f32),
    /// `String`.
    Text(Cow<'a, str>),
    /// `byte[]`.
    Bytes(Cow<'a, [u8]>),
    /// A map; in properties only if the broker allows it.
    Map(Vec<(Cow<'a, str>, Value<'a>)>),
    /// A list; in properties only if the broker allows it.
    List(Vec<Value<'a>>),
}

/// A string of this many UTF-16 units or more goes behind a length of four bytes.
const BIG_STRING: usize = 8191;

mod tag {
    pub const NULL: u8 = 0;
    pub const BOOL: u8 = 1;
    pub const BYTE: u8 = 2;
    pub const CHAR: u8 = 3;
    pub const SHORT: u8 = 4;
    pub const INT: u8 = 5;
    pub const LONG: u8 = 6;
    pub const DOUBLE: u8 = 7;
    pub const FLOAT: u8 = 8;
    pub const STRING: u8 = 9;
    pub const BYTES: u8 = 10;
    pub const MAP: u8 = 11;
    pub const LIST: u8 = 12;
    pub const BIG_STRING: u8 = 13;
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(Cow::Borrowed(text))
    }
}

impl Value<'_> {
    /// For a reader: what JMS makes of it where a text is asked for; of bytes what of them is UTF-8.
    pub fn to_text(&self) -> String {
        match self {
            Value::Null => String::new(),
            Value::Bool(value) => value.to_string(),
            Value::Byte(value) => value.to_string(),
            Value::Char(value) => char::from_u32((*value).into()).unwrap_or(char::REPLACEMENT_CHARACTER).to_string(),
            Value::Short(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Long(value) => value.to_string(),
            Value::Double(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Text(value) => value.to_string(),
            Value::Bytes(value) => String::from_utf8_lossy(value).into_owned(),
            Value::Map(_) | Value::List(_) => format!("{self:?}"),
        }
    }

    /// What Java calls its type.
    #[cfg(feature = "mock")]
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Byte(_) => "byte",
            Value::Char(_) => "char",
            Value::Short(_) => "short",
            Value::Int(_) => "int",
            Value::Long(_) => "long",
            Value::Double(_) => "double",
            Value::Float(_) => "float",
            Value::Text(_) => "String",
            Value::Bytes(_) => "byte[]",
            Value::Map(_) => "Map",
            Value::List(_) => "List",
        }
    }

    /// The same, owning what it holds.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(value) => Value::Bool(value),
            Value::Byte(value) => Value::Byte(value),
            Value::Char(value) => Value::Char(value),
            Value::Short(value) => Value::Short(value),
            Value::Int(value) => Value::Int(value),
            Value::Long(value) => Value::Long(value),
            Value::Double(value) => Value::Double(value),
            Value::Float(value) => Value::Float(value),
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
            Value::Map(map) => Value::Map(own(map)),
            Value::List(list) => Value::List(list.into_iter().map(Value::into_owned).collect()),
        }
    }
}

/// A map that owns what it holds.
pub fn own(map: Vec<(Cow<'_, str>, Value<'_>)>) -> Vec<(Cow<'static, str>, Value<'static>)> {
    map.into_iter().map(|(name, value)| (Cow::Owned(name.into_owned()), value.into_owned())).collect()
}

/// Appends a map of `count` values.
pub fn encode<'v, N: AsRef<str>>(
    out: &mut BytesMut,
    count: usize,
    values: impl Iterator<Item = (N, Value<'v>)>,
) -> Result<(), CodecError> {
    let start = out.len();
    let mut w = Writer::new(out);
    w.length(count, "properties");
    for (name, value) in values {
        w.utf(name.as_ref(), "property name");
        put_value(&mut w, &value, 0);
    }
    w.finish().inspect_err(|_| out.truncate(start))
}

/// Appends a map.
#[inline]
pub(super) fn put_map<'v, N: AsRef<str> + 'v>(w: &mut Writer<'_>, values: &'v [(N, Value<'v>)], depth: usize) {
    w.length(values.len(), "properties");
    for (name, value) in values {
        w.utf(name.as_ref(), "property name");
        put_value(w, value, depth);
    }
}

fn put_value(w: &mut Writer<'_>, value: &Value<'_>, depth: usize) {
    macro_rules! put {
        ($tag:ident, $put:ident, $value:expr) => {{
            w.out.put_u8(tag::$tag);
            w.out.$put($value);
        }};
    }
    match value {
        Value::Null => w.out.put_u8(tag::NULL),
        Value::Bool(value) => put!(BOOL, put_u8, (*value).into()),
        Value::Byte(value) => put!(BYTE, put_i8, *value),
        Value::Char(value) => put!(CHAR, put_u16, *value),
        Value::Short(value) => put!(SHORT, put_i16, *value),
        Value::Int(value) => put!(INT, put_i32, *value),
        Value::Long(value) => put!(LONG, put_i64, *value),
        Value::Double(value) => put!(DOUBLE, put_f64, *value),
        Value::Float(value) => put!(FLOAT, put_f32, *value),
        Value::Text(text) => put_text(w, text),
        Value::Bytes(bytes) => {
            w.out.put_u8(tag::BYTES);
            w.length(bytes.len(), "property value");
            w.out.put_slice(bytes);
        }
        Value::Map(_) | Value::List(_) if depth == MAX_DEPTH => {
            w.fail(CodecError::TooDeep { field: "property value", limit: MAX_DEPTH });
        }
        Value::Map(map) => {
            w.out.put_u8(tag::MAP);
            put_map(w, map, depth + 1);
        }
        Value::List(list) => {
            w.out.put_u8(tag::LIST);
            w.length(list.len(), "property value");
            for value in list {
                put_value(w, value, depth + 1);
            }
        }
    }
}

#[inline]
fn put_text(w: &mut Writer<'_>, value: &str) {
    // There are never more units than bytes.
    if value.len() < BIG_STRING || value.chars().map(char::len_utf16).sum::<usize>() < BIG_STRING {
        w.out.put_u8(tag::STRING);
        w.utf(value, "property value");
    } else {
        w.out.put_u8(tag::BIG_STRING);
        w.length(text::encoded_length(value), "property value");
        text::put(w.out, value);
    }
}

/// The map in `bytes`, in the order of the wire; one that Java knows as null is empty. What follows it is an error.
pub fn decode(bytes: &[u8]) -> Result<Vec<(Cow<'_, str>, Value<'_>)>, CodecError> {
    let mut r = Reader::new(bytes, false);
    let map = read_map(&mut r)?;
    match r.cursor.left() {
        0 => Ok(map),
        extra => Err(CodecError::TooMuch { name: "properties", extra }),
    }
}

type Map<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

fn read_map<'a>(r: &mut Reader<'a>) -> Result<Map<'a>, CodecError> {
    let count = r.cursor.i32("properties")?;
    if count < 0 {
        return Ok(Vec::new());
    }
    let count = r.cursor.count(count.into(), 3, "properties")?;
    let mut map = Vec::new();
    for _ in 0..count {
        let name = r.utf("property name")?;
        map.push((name, read_value(r)?));
    }
    Ok(map)
}

fn read_value<'a>(r: &mut Reader<'a>) -> Result<Value<'a>, CodecError> {
    let field = "property value";
    Ok(match r.cursor.u8(field)? {
        tag::NULL => Value::Null,
        tag::BOOL => Value::Bool(r.bool(field)?),
        tag::BYTE => Value::Byte(r.cursor.u8(field)? as i8),
        tag::CHAR => Value::Char(r.cursor.u16(field)?),
        tag::SHORT => Value::Short(r.cursor.i16(field)?),
        tag::INT => Value::Int(r.cursor.i32(field)?),
        tag::LONG => Value::Long(r.cursor.i64(field)?),
        tag::DOUBLE => Value::Double(f64::from_bits(r.cursor.i64(field)? as u64)),
        tag::FLOAT => Value::Float(f32::from_bits(r.cursor.i32(field)? as u32)),
        tag::STRING => Value::Text(r.utf(field)?),
        tag::BIG_STRING => {
            let length = r.cursor.i32(field)?;
            Value::Text(text::decode(r.cursor.take(length, field)?, field)?)
        }
        tag::BYTES => {
            let length = r.cursor.i32(field)?;
            Value::Bytes(Cow::Borrowed(r.cursor.take(length, field)?))
        }
        tag::MAP => Value::Map(r.deeper(field, |r| read_map(r))?),
        tag::LIST => {
            let count = r.cursor.i32(field)?;
            let count = r.cursor.count(count.into(), 1, field)?;
            r.deeper(field, |r| {
                let mut list = Vec::new();
                for _ in 0..count {
                    list.push(read_value(r)?);
                }
                Ok(Value::List(list))
            })?
        }
        kind => return Err(CodecError::UnexpectedType { field, kind, expected: "a primitive (0 to 13)" }),
    })
}
