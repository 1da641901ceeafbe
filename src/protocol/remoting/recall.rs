//! Taking back a timer message: the handle a send returns, and the request.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use bytes::BytesMut;

use super::command::request_code;
use super::error::CodecError;
use super::frame::Serializer;
use super::header::{Header, Identity};
use super::json::parse_int;
use super::request::{Fixed, encode};

/// What a recall handle holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecallHandle {
    /// The message's topic.
    pub topic: String,
    /// The broker that holds it.
    pub broker_name: String,
    /// When it is due, milliseconds since 1970.
    pub deliver_ms: i64,
    /// The message's unique id.
    pub uniq_key: String,
}

const FIELD: &str = "recallHandle";

impl RecallHandle {
    /// The handle as a broker writes it.
    pub fn encode(&self) -> String {
        let RecallHandle { topic, broker_name, deliver_ms, uniq_key } = self;
        URL_SAFE.encode(["v1", topic, broker_name, itoa::Buffer::new().format(*deliver_ms), uniq_key].join(" "))
    }

    /// Reads a handle; only version 1 is known.
    pub fn decode(handle: &str) -> Result<Self, CodecError> {
        let wrong = || CodecError::invalid(FIELD, handle, "base64 of \"v1 topic broker time key\"");
        let text = URL_SAFE.decode(handle).map_err(|_| wrong())?;
        let text = super::binary::utf8(&text, FIELD)?;
        let mut parts = text.split(' ');
        let mut part = || parts.next().filter(|part| !part.is_empty()).ok_or_else(wrong);
        if part()? != "v1" {
            return Err(wrong());
        }
        let decoded = RecallHandle {
            topic: part()?.to_owned(),
            broker_name: part()?.to_owned(),
            deliver_ms: parse_int(part()?, FIELD)?,
            uniq_key: part()?.to_owned(),
        };
        if parts.next().is_some() { Err(wrong()) } else { Ok(decoded) }
    }
}

/// The fields of a recall request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecallMessage<'a> {
    /// The producer's group.
    pub producer_group: &'a str,
    /// The message's topic.
    pub topic: &'a str,
    /// The handle.
    pub recall_handle: &'a str,
    /// The broker meant.
    pub broker_name: &'a str,
}

impl<'a> RecallMessage<'a> {
    /// The fields as they go into the frame.
    pub fn fields(&self) -> [(&'static str, &'a str); 4] {
        [
            ("producerGroup", self.producer_group),
            ("bname", self.broker_name),
            ("topic", self.topic),
            (FIELD, self.recall_handle),
        ]
    }

    /// Appends the request as a whole frame.
    pub fn encode(&self, out: &mut BytesMut, serializer: Serializer, opaque: i32, extra: &[(&str, &str)]) {
        let code = request_code::RECALL_MESSAGE;
        let fixed = Fixed { code, identity: Identity::OURS, opaque, flag: 0, remark: None };
        encode(out, serializer, &fixed, self.fields().into_iter().chain(extra.iter().copied()), b"");
    }

    /// The fields of a decoded request.
    pub fn decode(header: &'a Header) -> Result<Self, CodecError> {
        Ok(RecallMessage {
            producer_group: header.get("producerGroup").unwrap_or_default(),
            topic: header.require("topic")?,
            recall_handle: header.require(FIELD)?,
            broker_name: header.get("bname").unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_with_a_part_missing_or_too_many_is_refused() {
        for text in ["", "v1", "v2 t b 1 k", "v1 t b x k", "v1 t b 1", "v1 t b 1 k more", "v1  b 1 k"] {
            assert!(RecallHandle::decode(&URL_SAFE.encode(text)).is_err(), "{text}");
        }
        assert!(RecallHandle::decode("not base64!").is_err());
    }
}
