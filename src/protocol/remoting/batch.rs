//! The body of a batch: per message
//! `i32 size | i32 0 | i32 0 | i32 flag | i32 body length | body | i16 properties length | properties`.

use bytes::{BufMut, BytesMut};

use super::binary;
use super::error::CodecError;
use super::properties::MAX_PROPERTIES;
use crate::protocol::cursor::Cursor;

/// Bytes around one message's body and properties.
pub const OVERHEAD: usize = 22;
/// Where a message's body begins.
pub const BODY_AT: usize = 20;

/// One message of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchMessage<'a> {
    /// The message's own flag.
    pub flag: i32,
    /// Its body.
    pub body: &'a [u8],
    /// Its encoded properties.
    pub properties: &'a str,
}

/// How many bytes a message adds to a batch.
pub const fn encoded_len(message: &BatchMessage<'_>) -> usize {
    OVERHEAD + message.body.len() + message.properties.len()
}

/// Appends one message; nothing is written on an error.
pub fn encode(out: &mut BytesMut, message: &BatchMessage<'_>) -> Result<(), CodecError> {
    let properties = message.properties.as_bytes();
    if properties.len() > MAX_PROPERTIES {
        return Err(CodecError::TooLong { field: "properties", size: properties.len(), limit: MAX_PROPERTIES });
    }
    let size = encoded_len(message);
    if size > super::frame::MAX_FRAME {
        return Err(CodecError::TooLong { field: "batch message", size, limit: super::frame::MAX_FRAME });
    }
    put(out, message);
    Ok(())
}

/// Appends a message whose sizes were checked.
pub(super) fn put(out: &mut BytesMut, message: &BatchMessage<'_>) {
    out.reserve(encoded_len(message));
    out.put_slice(&head(message));
    out.put_slice(message.body);
    out.put_i16(message.properties.len() as i16);
    out.put_slice(message.properties.as_bytes());
}

/// What stands before a message's body.
pub(super) fn head(message: &BatchMessage<'_>) -> [u8; BODY_AT] {
    let mut head = [0; BODY_AT];
    head[..4].copy_from_slice(&(encoded_len(message) as i32).to_be_bytes());
    head[12..16].copy_from_slice(&message.flag.to_be_bytes());
    head[16..].copy_from_slice(&(message.body.len() as i32).to_be_bytes());
    head
}

/// The messages of a batch body. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Messages<'a>(Cursor<'a>);

/// Reads a batch body.
pub fn decode(body: &[u8]) -> Messages<'_> {
    Messages(Cursor::new(body))
}

impl<'a> Messages<'a> {
    fn message(&mut self) -> Result<BatchMessage<'a>, CodecError> {
        let size = i64::from(self.0.i32("batch message size")?);
        let mut message = Cursor::new(self.0.take(size - 4, "batch message")?);
        message.i32("magic code")?;
        message.i32("body CRC")?;
        let flag = message.i32("flag")?;
        let length = message.i32("body length")?;
        let body = message.take(i64::from(length), "body")?;
        let length = message.i16("properties length")?;
        let properties = binary::text(&mut message, i64::from(length), "properties")?;
        if message.is_empty() {
            return Ok(BatchMessage { flag, body, properties });
        }
        Err(CodecError::invalid("batch message size", &size.to_string(), "the size of its parts"))
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<BatchMessage<'a>, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let message = self.message();
        if message.is_err() {
            self.0 = Cursor::new(&[]);
        }
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_long_properties_are_refused_whole() {
        let mut out = BytesMut::new();
        let long = "x".repeat(MAX_PROPERTIES + 1);
        let error = encode(&mut out, &BatchMessage { flag: 0, body: b"b", properties: &long }).unwrap_err();
        assert_eq!(error.to_string(), "properties of 32768 bytes exceeds the limit of 32767");
        assert!(out.is_empty());
        encode(&mut out, &BatchMessage { flag: 0, body: b"b", properties: &long[1..] }).unwrap();
        assert_eq!(decode(&out).next().unwrap().unwrap().properties.len(), MAX_PROPERTIES);
    }

    #[test]
    fn a_size_that_disagrees_with_its_parts_is_an_error_and_ends_the_reading() {
        let mut out = BytesMut::new();
        encode(&mut out, &BatchMessage { flag: 7, body: b"body", properties: "" }).unwrap();
        out.put_u8(0);
        out[3] += 1;
        let mut messages = decode(&out);
        assert!(messages.next().unwrap().is_err());
        assert!(messages.next().is_none());
    }
}
