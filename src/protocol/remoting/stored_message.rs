//! A message as a broker stores and returns it: in pulls, views and transaction checks.

use std::net::SocketAddr;

use bytes::{BufMut, BytesMut};

use super::binary::{self, put_socket};
use super::error::CodecError;
use super::message_id::OffsetId;
use super::properties::MAX_PROPERTIES;
use super::sys_flag;
use crate::protocol::cursor::Cursor;

/// Marks the form whose topic length is one byte.
pub const MAGIC_V1: i32 = 0xdaa3_20a7_u32 as i32;
/// Marks the form whose topic length is two bytes.
pub const MAGIC_V2: i32 = 0xdaa3_20ab_u32 as i32;

/// One stored message, borrowed from the frame's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredMessage<'a> {
    /// CRC-32 of the body in 31 bits; 0: not told.
    pub body_crc: i32,
    /// The queue.
    pub queue_id: i32,
    /// The message's own flag.
    pub flag: i32,
    /// Offset in the queue.
    pub queue_offset: i64,
    /// Offset in the commit log.
    pub commit_log_offset: i64,
    /// Bits of [`super::sys_flag`]; encoding sets the two address bits itself.
    pub sys_flag: i32,
    /// When the producer made it, milliseconds since 1970.
    pub born_timestamp: i64,
    /// The producer's address.
    pub born_host: SocketAddr,
    /// When the broker stored it, milliseconds since 1970.
    pub store_timestamp: i64,
    /// The broker's address.
    pub store_host: SocketAddr,
    /// How often consumers gave it back.
    pub reconsume_times: i32,
    /// Of a committed message, the queue offset of its half.
    pub prepared_transaction_offset: i64,
    /// The body, as sent: compressed, if it was.
    pub body: &'a [u8],
    /// The topic.
    pub topic: &'a str,
    /// Encoded properties.
    pub properties: &'a str,
}

/// The checksum that brokers store: CRC-32 in 31 bits.
pub fn body_crc(body: &[u8]) -> i32 {
    (crc32fast::hash(body) & 0x7fff_ffff) as i32
}

/// `host:port` as brokers print it: `/` may lead, and an IPv6 host may lack its brackets.
pub(super) fn parse_address(text: &str, field: &'static str) -> Result<SocketAddr, CodecError> {
    let plain = text.strip_prefix('/').unwrap_or(text);
    if let Ok(address) = plain.parse() {
        return Ok(address);
    }
    let parts = plain.rsplit_once(':').and_then(|(host, port)| Some((host.parse().ok()?, port.parse().ok()?)));
    parts.map(|(host, port)| SocketAddr::new(host, port)).ok_or_else(|| CodecError::invalid(field, text, "host:port"))
}

impl<'a> StoredMessage<'a> {
    /// The broker's id of it.
    pub fn offset_id(&self) -> OffsetId {
        OffsetId { store_host: self.store_host, commit_log_offset: self.commit_log_offset }
    }

    /// Appends the message; nothing is written on an error. A topic over 127 bytes takes the second form.
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), CodecError> {
        for (field, text) in [("topic", self.topic), ("properties", self.properties)] {
            if text.len() > MAX_PROPERTIES {
                return Err(CodecError::TooLong { field, size: text.len(), limit: MAX_PROPERTIES });
            }
        }
        if self.body.len() > super::frame::MAX_FRAME {
            return Err(CodecError::TooLong { field: "body", size: self.body.len(), limit: super::frame::MAX_FRAME });
        }
        let mut sys_flag = self.sys_flag & !(sys_flag::BORN_HOST_V6 | sys_flag::STORE_HOST_V6);
        sys_flag |= if self.born_host.is_ipv6() { sys_flag::BORN_HOST_V6 } else { 0 };
        sys_flag |= if self.store_host.is_ipv6() { sys_flag::STORE_HOST_V6 } else { 0 };
        let wide = self.topic.len() > 127;
        let start = out.len();
        out.put_i32(0);
        out.put_i32(if wide { MAGIC_V2 } else { MAGIC_V1 });
        out.put_i32(self.body_crc);
        out.put_i32(self.queue_id);
        out.put_i32(self.flag);
        out.put_i64(self.queue_offset);
        out.put_i64(self.commit_log_offset);
        out.put_i32(sys_flag);
        out.put_i64(self.born_timestamp);
        put_socket(out, &self.born_host);
        out.put_i64(self.store_timestamp);
        put_socket(out, &self.store_host);
        out.put_i32(self.reconsume_times);
        out.put_i64(self.prepared_transaction_offset);
        out.put_i32(self.body.len() as i32);
        out.put_slice(self.body);
        if wide {
            out.put_i16(self.topic.len() as i16);
        } else {
            out.put_u8(self.topic.len() as u8);
        }
        out.put_slice(self.topic.as_bytes());
        out.put_i16(self.properties.len() as i16);
        out.put_slice(self.properties.as_bytes());
        let size = (out.len() - start) as i32;
        out[start..start + 4].copy_from_slice(&size.to_be_bytes());
        Ok(())
    }

    fn read(messages: &mut Cursor<'a>) -> Result<Self, CodecError> {
        let size = i64::from(messages.i32("stored message size")?);
        let mut c = Cursor::new(messages.take(size - 4, "stored message")?);
        let wide = match c.i32("magic code")? {
            MAGIC_V1 => false,
            MAGIC_V2 => true,
            other => return Err(CodecError::invalid("magic code", &other.to_string(), "that of a stored message")),
        };
        let body_crc = c.i32("body CRC")?;
        let queue_id = c.i32("queue id")?;
        let flag = c.i32("flag")?;
        let queue_offset = c.i64("queue offset")?;
        let commit_log_offset = c.i64("commit log offset")?;
        let sys_flag = c.i32("sys flag")?;
        let born_timestamp = c.i64("born timestamp")?;
        let born_host = binary::socket(&mut c, sys_flag & sys_flag::BORN_HOST_V6 != 0, "born host")?;
        let store_timestamp = c.i64("store timestamp")?;
        let store_host = binary::socket(&mut c, sys_flag & sys_flag::STORE_HOST_V6 != 0, "store host")?;
        let reconsume_times = c.i32("reconsume times")?;
        let prepared_transaction_offset = c.i64("prepared transaction offset")?;
        let length = c.i32("body length")?;
        let body = c.take(i64::from(length), "body")?;
        let length = if wide { i64::from(c.i16("topic length")?) } else { i64::from(c.u8("topic length")?) };
        let topic = binary::text(&mut c, length, "topic")?;
        let length = c.i16("properties length")?;
        let properties = binary::text(&mut c, i64::from(length), "properties")?;
        if !c.is_empty() {
            return Err(CodecError::invalid("stored message size", &size.to_string(), "the size of its parts"));
        }
        Ok(StoredMessage {
            body_crc,
            queue_id,
            flag,
            queue_offset,
            commit_log_offset,
            sys_flag,
            born_timestamp,
            born_host,
            store_timestamp,
            store_host,
            reconsume_times,
            prepared_transaction_offset,
            body,
            topic,
            properties,
        })
    }
}

/// The messages of a body. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Messages<'a>(Cursor<'a>);

/// Reads a body of stored messages.
pub fn decode(body: &[u8]) -> Messages<'_> {
    Messages(Cursor::new(body))
}

/// Reads a body that must hold exactly one stored message.
pub fn decode_one(body: &[u8]) -> Result<StoredMessage<'_>, CodecError> {
    let mut cursor = Cursor::new(body);
    let message = StoredMessage::read(&mut cursor)?;
    match cursor.left() {
        0 => Ok(message),
        left => Err(CodecError::TooLong { field: "stored message body", size: body.len(), limit: body.len() - left }),
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<StoredMessage<'a>, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let message = StoredMessage::read(&mut self.0);
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
    fn addresses_as_brokers_print_them() {
        for text in ["10.0.0.1:80", "/10.0.0.1:80"] {
            assert_eq!(parse_address(text, "host").unwrap().to_string(), "10.0.0.1:80");
        }
        for text in ["[fd00::2]:80", "fd00::2:80"] {
            assert_eq!(parse_address(text, "host").unwrap().port(), 80);
        }
        for text in ["", "host:80", "10.0.0.1", "10.0.0.1:65536"] {
            assert!(parse_address(text, "host").is_err(), "{text}");
        }
    }
}
