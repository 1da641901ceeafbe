//! Request and reply: where a reply goes, and how a broker hands it to the client that asked.

use std::net::SocketAddr;

use super::command::request_code;
use super::error::CodecError;
use super::header::Header;
use super::{properties, stored_message};

/// The topic that replies of a cluster's messages go to.
pub fn reply_topic(cluster: &str) -> String {
    [cluster, "_REPLY_TOPIC"].concat()
}

/// Appends the properties that make a message a request.
pub fn append_request_properties(out: &mut String, correlation_id: &str, client_id: &str, ttl_ms: u64) {
    properties::append(out, properties::CORRELATION_ID, correlation_id);
    properties::append(out, properties::REPLY_TO_CLIENT, client_id);
    properties::append(out, properties::TTL, itoa::Buffer::new().format(ttl_ms));
}

/// Appends the properties that make a message the reply to a request with the encoded properties `request`.
pub fn append_reply_properties(out: &mut String, request: &str) -> Result<(), CodecError> {
    let require = |name| properties::get(request, name).ok_or(CodecError::Missing(name));
    let correlation_id = require(properties::CORRELATION_ID)?;
    let client_id = require(properties::REPLY_TO_CLIENT)?;
    properties::append(out, properties::MSG_TYPE, properties::MSG_TYPE_REPLY);
    properties::append(out, properties::CORRELATION_ID, correlation_id);
    properties::append(out, properties::REPLY_TO_CLIENT, client_id);
    if let Some(ttl) = properties::get(request, properties::TTL) {
        properties::append(out, properties::TTL, ttl);
    }
    Ok(())
}

/// The fields of a PUSH_REPLY_MESSAGE_TO_CLIENT request; its body is the reply's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushReply<'a> {
    /// The group of the producer that replied.
    pub producer_group: &'a str,
    /// The reply topic.
    pub topic: &'a str,
    /// As in [`super::SendHeader`].
    pub default_topic: &'a str,
    /// As in [`super::SendHeader`].
    pub default_topic_queue_nums: i32,
    /// The queue it was sent to.
    pub queue_id: i32,
    /// Bits of [`super::sys_flag`].
    pub sys_flag: i32,
    /// When the reply was made.
    pub born_timestamp: i64,
    /// The message's own flag.
    pub flag: i32,
    /// Encoded properties; the correlation id is among them.
    pub properties: &'a str,
    /// How often consumers gave it back.
    pub reconsume_times: i32,
    /// Whether the client works in a unit.
    pub unit_mode: bool,
    /// Who replied.
    pub born_host: Option<SocketAddr>,
    /// The broker.
    pub store_host: Option<SocketAddr>,
    /// When the broker got it.
    pub store_timestamp: i64,
}

fn address(header: &Header, name: &'static str) -> Result<Option<SocketAddr>, CodecError> {
    match header.get(name) {
        None | Some("") => Ok(None),
        Some(text) => stored_message::parse_address(text, name).map(Some),
    }
}

impl<'a> PushReply<'a> {
    /// The fields of a decoded request.
    pub fn decode(header: &'a Header) -> Result<Self, CodecError> {
        let text = |name| header.get(name).unwrap_or_default();
        Ok(PushReply {
            producer_group: text("producerGroup"),
            topic: header.require("topic")?,
            default_topic: text("defaultTopic"),
            default_topic_queue_nums: header.int_or("defaultTopicQueueNums", 0)?,
            queue_id: header.int_or("queueId", 0)?,
            sys_flag: header.int_or("sysFlag", 0)?,
            born_timestamp: header.int_or("bornTimestamp", 0)?,
            flag: header.int_or("flag", 0)?,
            properties: header.require("properties")?,
            reconsume_times: header.int_or("reconsumeTimes", 0)?,
            unit_mode: header.is_true("unitMode"),
            born_host: address(header, "bornHost")?,
            store_host: address(header, "storeHost")?,
            store_timestamp: header.int_or("storeTimestamp", 0)?,
        })
    }

    /// The request as a header.
    pub fn to_header(&self) -> Header {
        let mut header = Header::request(request_code::PUSH_REPLY_MESSAGE_TO_CLIENT)
            .with("queueId", self.queue_id.to_string())
            .with("flag", self.flag.to_string())
            .with("sysFlag", self.sys_flag.to_string())
            .with("reconsumeTimes", self.reconsume_times.to_string())
            .with("storeTimestamp", self.store_timestamp.to_string())
            .with("unitMode", self.unit_mode.to_string())
            .with("defaultTopic", self.default_topic);
        if let Some(address) = self.born_host {
            header = header.with("bornHost", address.to_string());
        }
        header = header
            .with("defaultTopicQueueNums", self.default_topic_queue_nums.to_string())
            .with("producerGroup", self.producer_group)
            .with("topic", self.topic)
            .with("bornTimestamp", self.born_timestamp.to_string());
        if let Some(address) = self.store_host {
            header = header.with("storeHost", address.to_string());
        }
        header.with("properties", self.properties)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_answers_only_a_request() {
        let mut request = String::new();
        append_request_properties(&mut request, "id-1", "10.0.0.1@x", 3000);
        let mut reply = String::new();
        append_reply_properties(&mut reply, &request).unwrap();
        assert_eq!(
            properties::decode(&reply).collect::<Vec<_>>(),
            [("MSG_TYPE", "reply"), ("CORRELATION_ID", "id-1"), ("REPLY_TO_CLIENT", "10.0.0.1@x"), ("TTL", "3000")]
        );
        assert_eq!(append_reply_properties(&mut reply, ""), Err(CodecError::Missing("CORRELATION_ID")));
    }
}
