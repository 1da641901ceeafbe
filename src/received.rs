//! A message that comes back: from a broker in a transaction check or as the reply to a request, or because it could
//! not be sent.

use crate::protocol::openwire;
use crate::protocol::remoting::compress::inflate;
use crate::protocol::remoting::reply::PushReply;
use crate::protocol::remoting::stored_message::{self, StoredMessage};
use crate::protocol::remoting::{CodecError, properties, sys_flag};

/// Longest body that is inflated, which guards against a small one that grows without end.
const MAX_INFLATED: usize = 64 * 1024 * 1024;

/// A message as a broker handed it to this client, or as it comes back unsent.
///
/// It owns all that it tells. Of a reply the broker tells less: neither offsets nor a broker id. One that comes back
/// unsent has -1 for each of these, and no hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// The topic.
    pub topic: String,
    /// The body, decompressed.
    pub body: Vec<u8>,
    /// Carried from its producer.
    pub flag: i32,
    /// The unique id that its producer gave.
    pub message_id: String,
    /// The broker's id: store address and commit-log offset. Empty for a reply.
    pub offset_message_id: String,
    /// Its transaction id; empty when there is none.
    pub transaction_id: String,
    /// The queue.
    pub queue_id: i32,
    /// Offset in the queue; -1 for a reply.
    pub queue_offset: i64,
    /// Offset in the broker's commit log; -1 for a reply.
    pub commit_log_offset: i64,
    /// When its producer made it, in milliseconds since 1970.
    pub born_timestamp: i64,
    /// Its producer's `host:port`; empty when the broker does not tell.
    pub born_host: String,
    /// When the broker got it, in milliseconds since 1970.
    pub store_timestamp: i64,
    /// The broker's `host:port`; empty when it does not tell.
    pub store_host: String,
    /// How often consumers gave it back.
    pub reconsume_times: i32,
    /// How many bytes it takes in the broker's store; 0 for a reply.
    pub store_size: usize,
    /// Offset of the half message that it was made of; 0: none.
    pub prepared_transaction_offset: i64,
    /// Encoded.
    properties: String,
}

impl ReceivedMessage {
    /// Its properties, those of the system included, in the order of the wire.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &str)> {
        properties::decode(&self.properties)
    }

    /// The value of one property.
    pub fn property(&self, name: &str) -> Option<&str> {
        properties::get(&self.properties, name)
    }

    /// The tag; empty: none.
    pub fn tags(&self) -> &str {
        self.property(properties::TAGS).unwrap_or_default()
    }

    /// The index keys, separated by spaces; empty: none.
    pub fn keys(&self) -> &str {
        self.property(properties::KEYS).unwrap_or_default()
    }

    /// A message that no broker handed on: it was not sent.
    pub(crate) fn unsent(topic: &str, flag: i32, properties: &str, born_timestamp: i64) -> Self {
        ReceivedMessage {
            topic: topic.to_owned(),
            body: Vec::new(),
            flag,
            message_id: unique_id(properties),
            offset_message_id: String::new(),
            transaction_id: String::new(),
            queue_id: -1,
            queue_offset: -1,
            commit_log_offset: -1,
            born_timestamp,
            born_host: String::new(),
            store_timestamp: 0,
            store_host: String::new(),
            reconsume_times: 0,
            store_size: 0,
            prepared_transaction_offset: 0,
            properties: properties.to_owned(),
        }
    }

    /// The same with its body, of which the form that went out is given.
    pub(crate) fn with_body(mut self, sys_flag: i32, body: &[u8]) -> Self {
        // This library compressed it: it can be read, or is shown as it is.
        self.body = plain(sys_flag, body).unwrap_or_else(|_| body.to_vec());
        self
    }

    /// From the body of a transaction check.
    pub(crate) fn from_check(body: &[u8], transaction_id: &str) -> Result<Self, CodecError> {
        let stored = stored_message::decode_one(body)?;
        let StoredMessage { flag, queue_id, queue_offset, commit_log_offset, reconsume_times, topic, .. } = stored;
        Ok(ReceivedMessage {
            topic: topic.to_owned(),
            body: plain(stored.sys_flag, stored.body)?,
            flag,
            message_id: unique_id(stored.properties),
            offset_message_id: stored.offset_id().encode(),
            transaction_id: transaction_id.to_owned(),
            queue_id,
            queue_offset,
            commit_log_offset,
            born_timestamp: stored.born_timestamp,
            born_host: stored.born_host.to_string(),
            store_timestamp: stored.store_timestamp,
            store_host: stored.store_host.to_string(),
            reconsume_times,
            store_size: body.len(),
            prepared_transaction_offset: stored.prepared_transaction_offset,
            properties: stored.properties.to_owned(),
        })
    }

    /// From a reply that a broker pushed.
    pub(crate) fn from_reply(pushed: &PushReply<'_>, body: &[u8]) -> Result<Self, CodecError> {
        let host = |host: Option<std::net::SocketAddr>| host.map(|host| host.to_string()).unwrap_or_default();
        Ok(ReceivedMessage {
            topic: pushed.topic.to_owned(),
            body: plain(pushed.sys_flag, body)?,
            flag: pushed.flag,
            message_id: unique_id(pushed.properties),
            offset_message_id: String::new(),
            transaction_id: String::new(),
            queue_id: pushed.queue_id,
            queue_offset: -1,
            commit_log_offset: -1,
            born_timestamp: pushed.born_timestamp,
            born_host: host(pushed.born_host),
            store_timestamp: pushed.store_timestamp,
            store_host: host(pushed.store_host),
            reconsume_times: pushed.reconsume_times,
            store_size: 0,
            prepared_transaction_offset: 0,
            properties: pushed.properties.to_owned(),
        })
    }

    /// From a message of OpenWire: of a text message its text, of any other its body as it went over the wire. Typed
    /// properties become text, and headers that are set properties, the correlation id that of RocketMQ's name, too.
    pub(crate) fn from_openwire(message: &openwire::Message) -> Result<Self, openwire::CodecError> {
        let body = match message.kind {
            openwire::MessageKind::Text => message.text(MAX_INFLATED)?.unwrap_or_default().into_bytes(),
            _ => message.bytes(MAX_INFLATED)?.unwrap_or_default().into_owned(),
        };
        let mut encoded = String::new();
        // What ends names and values in the encoded form cannot stand in them.
        let shown = |text: &str| text.replace(['\u{1}', '\u{2}'], "\u{fffd}");
        let correlation_id = message.correlation_id.as_deref();
        let reply_to = message.reply_to.as_ref().map(ToString::to_string);
        let headers = [
            (properties::CORRELATION_ID, correlation_id),
            ("JMSCorrelationID", correlation_id),
            ("JMSReplyTo", reply_to.as_deref()),
            ("JMSType", message.message_type.as_deref()),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                properties::append(&mut encoded, name, &shown(value));
            }
        }
        for (name, value) in message.properties()? {
            properties::append(&mut encoded, &shown(&name), &shown(&value.to_text()));
        }
        let topic = message.destination.as_ref().map(ToString::to_string).unwrap_or_default();
        Ok(ReceivedMessage {
            body,
            message_id: message.message_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            queue_offset: -1,
            commit_log_offset: -1,
            store_timestamp: message.broker_in_time,
            reconsume_times: message.redelivery_counter,
            ..ReceivedMessage::unsent(&topic, 0, &encoded, message.timestamp)
        })
    }

    /// Changes its topic into the one that the user knows.
    pub(crate) fn with_topic(mut self, topic: &str) -> Self {
        self.topic = topic.to_owned();
        self
    }
}

fn unique_id(encoded: &str) -> String {
    properties::get(encoded, properties::UNIQ_KEY).unwrap_or_default().to_owned()
}

fn plain(sys_flag: i32, body: &[u8]) -> Result<Vec<u8>, CodecError> {
    if !sys_flag::is_compressed(sys_flag) {
        return Ok(body.to_vec());
    }
    let refused = |why: &str| CodecError::invalid("body", why, "a compressed body");
    let compression = sys_flag::compression(sys_flag).ok_or_else(|| refused("a compression not known here"))?;
    inflate(compression, body, MAX_INFLATED).map_err(|error| refused(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BytesMut;

    fn stored<'a>(sys_flag: i32, body: &'a [u8]) -> StoredMessage<'a> {
        StoredMessage {
            body_crc: 0,
            queue_id: 3,
            flag: 7,
            queue_offset: 11,
            commit_log_offset: 22,
            sys_flag,
            born_timestamp: 33,
            born_host: "10.0.0.1:80".parse().unwrap(),
            store_timestamp: 44,
            store_host: "10.0.0.2:81".parse().unwrap(),
            reconsume_times: 1,
            prepared_transaction_offset: 0,
            body,
            topic: "T",
            properties: "TAGS\u{1}a\u{2}KEYS\u{1}k1 k2\u{2}UNIQ_KEY\u{1}id\u{2}x\u{1}y\u{2}",
        }
    }

    #[test]
    fn a_check_tells_the_message_and_its_body_as_it_was() {
        let small = crate::protocol::remoting::compress::compress(sys_flag::Compression::Zlib, 5, &[7; 5000]).unwrap();
        let mut wire = BytesMut::new();
        stored(sys_flag::with_compression(0, sys_flag::Compression::Zlib), &small).encode(&mut wire).unwrap();
        let message = ReceivedMessage::from_check(&wire, "tx").unwrap();
        assert_eq!(message.body, [7; 5000]);
        assert_eq!((message.tags(), message.keys(), message.property("x")), ("a", "k1 k2", Some("y")));
        assert_eq!((&*message.message_id, &*message.transaction_id), ("id", "tx"));
        assert_eq!((message.queue_id, message.queue_offset, message.commit_log_offset), (3, 11, 22));
        assert_eq!((&*message.born_host, &*message.store_host), ("10.0.0.1:80", "10.0.0.2:81"));
        assert_eq!(message.properties().count(), 4);
        assert!(ReceivedMessage::from_check(&wire[..wire.len() - 1], "tx").is_err());
    }

    #[test]
    fn a_body_that_does_not_inflate_is_an_error() {
        let mut wire = BytesMut::new();
        stored(sys_flag::COMPRESSED, b"not zlib").encode(&mut wire).unwrap();
        assert!(ReceivedMessage::from_check(&wire, "").unwrap_err().to_string().contains("body"));
    }
}
