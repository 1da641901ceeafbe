//! The bodies of messages, plain and compressed.

use std::io::{Read, Write};

use bytes::{BufMut, BytesMut};

use super::error::CodecError;
use super::message::MessageKind;
use super::outgoing::Content;
use super::text;
use super::wire::{Reader, Writer};

/// The content of a compressed message, for [`Content::Raw`]: bytes behind their length, anything else as a whole, as
/// ActiveMQ's client does. `None`: there is nothing to compress.
///
/// `level`: 0 to 9.
pub fn compress(content: &Content<'_>, level: u32) -> Result<Option<Vec<u8>>, CodecError> {
    let mut plain = BytesMut::new();
    let mut w = Writer::new(&mut plain);
    let mut compressed = Vec::new();
    let body = match content {
        Content::None => return Ok(None),
        Content::Bytes(bytes) => {
            w.length(bytes.len(), "content");
            w.finish()?;
            compressed.extend_from_slice(&plain);
            bytes
        }
        other => {
            other.put(&mut w);
            w.finish()?;
            &plain[..]
        }
    };
    let mut encoder = flate2::write::ZlibEncoder::new(compressed, flate2::Compression::new(level));
    let done = encoder.write_all(body).and_then(|()| encoder.finish());
    done.map(Some).map_err(|error| CodecError::Compression(error.to_string()))
}

/// What [`compress`] was given.
pub(super) fn inflate(kind: MessageKind, content: &[u8], limit: usize) -> Result<Vec<u8>, CodecError> {
    let (field, mut zlib, mut wanted) = ("content", content, None);
    if kind == MessageKind::Bytes {
        let mut r = Reader::new(content, false);
        let length = r.cursor.i32(field)?;
        let negative = CodecError::Invalid { field, value: length.into(), expected: "a length of 0 or more" };
        wanted = Some(usize::try_from(length).map_err(|_| negative)?);
        zlib = r.cursor.rest();
    }
    // ActiveMQ's client compresses all of its buffer, so that what comes out may go on after the body's end.
    let most = wanted.map_or(limit.saturating_add(1), |wanted| wanted.min(limit.saturating_add(1)));
    let mut body = Vec::new();
    let read = flate2::read::ZlibDecoder::new(zlib).take(most as u64).read_to_end(&mut body);
    read.map_err(|error| CodecError::Compression(error.to_string()))?;
    match wanted {
        _ if body.len() > limit => {
            Err(CodecError::TooLong { field: "inflated content", size: wanted.unwrap_or(body.len()), limit })
        }
        Some(wanted) if body.len() < wanted => {
            Err(CodecError::Truncated { field: "inflated content", need: wanted as i64, have: body.len() })
        }
        _ => Ok(body),
    }
}

/// The text in the content of a text message.
pub(super) fn text(content: &[u8]) -> Result<String, CodecError> {
    let mut r = Reader::new(content, false);
    let length = r.cursor.i32("text")?;
    let bytes = r.cursor.take(length, "text")?;
    match r.cursor.left() {
        0 => Ok(text::decode(bytes, "text")?.into_owned()),
        extra => Err(CodecError::TooMuch { name: "text", extra }),
    }
}

/// Appends the content of a text message.
#[inline]
pub(super) fn put_text(w: &mut Writer<'_>, value: &str) {
    let size = text::encoded_length(value);
    w.length(size, "text");
    if size == value.len() {
        w.out.put_slice(value.as_bytes());
    } else {
        text::put(w.out, value);
    }
}
