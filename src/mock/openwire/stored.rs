//! A message as the cluster shows those of any protocol.

use super::state::Logged;
use crate::mock::message::StoredMessage;
use crate::mock::store::Broker;
use crate::protocol::openwire::{Message, MessageKind};

/// No body is inflated beyond this; a larger one is shown as it was sent.
pub(super) const MAX_INFLATED: usize = 64 * 1024 * 1024;

/// The name of a connector.
pub(in crate::mock) fn connector_name(broker: &Broker) -> String {
    broker.name.replacen("broker-", super::PREFIX, 1)
}

/// What ActiveMQ's client calls the type of a message.
const fn mime_type(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Plain => "jms/message",
        MessageKind::Bytes => "jms/bytes-message",
        MessageKind::Map => "jms/map-message",
        MessageKind::Object => "jms/object-message",
        MessageKind::Stream => "jms/stream-message",
        MessageKind::Text => "jms/text-message",
        MessageKind::Blob => "jms/blob-message",
    }
}

/// Headers of JMS that are set, then the message's own properties.
fn properties(logged: &Logged) -> Vec<(String, String)> {
    let m = &logged.message;
    let mode = if m.persistent { "PERSISTENT" } else { "NON_PERSISTENT" };
    let mut all = vec![
        ("JMSDestination".to_owned(), logged.destination.to_string()),
        ("JMSDeliveryMode".to_owned(), mode.to_owned()),
        ("JMSPriority".to_owned(), m.priority.to_string()),
        ("JMSXMimeType".to_owned(), mime_type(m.kind).to_owned()),
    ];
    let sequence = m.group_id.as_ref().map(|_| m.group_sequence.to_string());
    let optional = [
        ("JMSExpiration", (m.expiration != 0).then(|| m.expiration.to_string())),
        ("JMSCorrelationID", m.correlation_id.clone()),
        ("JMSReplyTo", m.reply_to.as_ref().map(ToString::to_string)),
        ("JMSType", m.message_type.clone()),
        ("JMSXGroupID", m.group_id.clone()),
        ("JMSXGroupSeq", sequence),
    ];
    all.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    let own = m.properties().unwrap_or_default();
    all.extend(own.iter().map(|(name, value)| (name.to_string(), value.to_text())));
    all
}

fn body(message: &Message) -> Option<Vec<u8>> {
    match message.kind {
        MessageKind::Text => message.text(MAX_INFLATED).ok()?.map(String::into_bytes),
        _ => message.bytes(MAX_INFLATED).ok()?.map(std::borrow::Cow::into_owned),
    }
}

/// The message; a body that cannot be read is shown as it was sent.
pub(in crate::mock) fn stored_message(broker: &Broker, logged: &Logged) -> StoredMessage {
    let m = &logged.message;
    StoredMessage {
        topic: logged.destination.name.clone(),
        broker_name: connector_name(broker),
        queue_id: 0,
        queue_offset: logged.offset,
        message_id: m.message_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        offset_message_id: String::new(),
        tags: None,
        keys: None,
        flag: 0,
        sys_flag: 0,
        properties: properties(logged),
        body: body(m).unwrap_or_else(|| m.content.as_ref().map(|content| content.to_vec()).unwrap_or_default()),
        born_timestamp: m.timestamp,
        store_timestamp: m.arrival,
    }
}
