//! Request and reply: what a broker does with a reply, and the responders that stand in for consumers.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::answer::{Answer, Request};
use super::message::StoredMessage;
use super::send::{self, Sent};
use super::store::{Store, now_millis};
use super::topic::DEFAULT_TOPIC;
use super::{CLUSTER_NAME, REGION};
use crate::protocol::remoting::SendHeader;
use crate::protocol::remoting::command::response_code;
use crate::protocol::remoting::properties;
use crate::protocol::remoting::reply::{PushReply, append_reply_properties, reply_topic};
use crate::sync::Mutex;

/// Makes the body of the reply to a request; `None`: it is not answered.
pub(super) type Responder = Arc<dyn Fn(&StoredMessage) -> Option<Vec<u8>> + Send + Sync>;

/// The responders of topics.
#[derive(Default)]
pub(super) struct Responders(Mutex<BTreeMap<String, Responder>>);

impl fmt::Debug for Responders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.lock().keys()).finish()
    }
}

impl Responders {
    pub(super) fn set(&self, topic: &str, responder: Responder) {
        self.0.lock().insert(topic.to_owned(), responder);
    }

    pub(super) fn get(&self, topic: &str) -> Option<Responder> {
        self.0.lock().get(topic).cloned()
    }
}

/// Answers a reply: it is stored, as any message, and handed to the client that asked. When there is no such client the
/// answer is a refusal, although the reply is stored.
pub(super) fn answer(store: &Store, broker: usize, request: &Request<'_>) -> Answer {
    let replied = SendHeader::decode(request.header)
        .map_err(Answer::from)
        .and_then(|header| reply(store, broker, &header, request.body, request.peer));
    let (Ok(answer) | Err(answer)) = replied;
    send::of_region(answer)
}

fn reply(
    store: &Store,
    broker: usize,
    header: &SendHeader<'_>,
    body: &[u8],
    peer: SocketAddr,
) -> Result<Answer, Answer> {
    let sent = send::store_message(store, broker, header, body, peer)?;
    let mut answer = sent.answer();
    if let Err(remark) = push(store, broker, header, body, peer) {
        answer.code = response_code::SYSTEM_ERROR;
        answer.remark = Some(remark);
    }
    Ok(answer)
}

/// Hands a reply to the client that asked; it is not waited for the client's answer.
fn push(store: &Store, broker: usize, header: &SendHeader<'_>, body: &[u8], peer: SocketAddr) -> Result<(), String> {
    let Some(client_id) = properties::get(header.properties, properties::REPLY_TO_CLIENT) else {
        return Err("reply message properties[REPLY_TO_CLIENT] is null".to_owned());
    };
    let now = now_millis();
    let mut handed_on = String::new();
    for (name, value) in properties::decode(header.properties).filter(|(name, _)| *name != properties::WAIT) {
        properties::append(&mut handed_on, name, value);
    }
    properties::append(&mut handed_on, properties::MSG_REGION, REGION);
    properties::append(&mut handed_on, properties::TRACE_ON, "true");
    properties::append(&mut handed_on, properties::PUSH_REPLY_TIME, &now.to_string());
    let pushed = PushReply {
        producer_group: header.producer_group,
        topic: header.topic,
        default_topic: header.default_topic,
        default_topic_queue_nums: header.default_topic_queue_nums,
        queue_id: header.queue_id,
        sys_flag: header.sys_flag,
        born_timestamp: header.born_timestamp,
        flag: header.flag,
        properties: &handed_on,
        reconsume_times: header.reconsume_times,
        unit_mode: header.unit_mode,
        born_host: Some(peer),
        store_host: Some(store.brokers[broker].address),
        store_timestamp: now,
    };
    match store.clients.ask_client(broker, client_id, pushed.to_header(), body) {
        true => Ok(()),
        false => Err(format!("push reply message fail, channel of <{client_id}> not found.")),
    }
}

/// Has the responder of the topic, when there is one, answer a message that was just stored, when it is a request.
pub(super) fn respond(store: &Store, broker: usize, topic: &str, sent: &Sent) {
    let Some(responder) = store.responders.get(topic) else {
        return;
    };
    let request = store.lock().topic(broker, topic).and_then(|on| {
        let (offset, record) = on.queues.get(usize::try_from(sent.queue).ok()?)?.records_from(sent.first).next()?;
        let message = StoredMessage::new(topic, &store.brokers[broker], sent.queue, offset, record);
        Some((message, record.properties.clone()))
    });
    let Some((mut request, encoded)) = request else {
        return;
    };
    request.decompress();
    let mut properties = String::new();
    if append_reply_properties(&mut properties, &encoded).is_err() {
        // No request.
        return;
    }
    match catch_unwind(AssertUnwindSafe(|| responder(&request))) {
        Ok(Some(body)) => {
            if let Err(why) = send_reply(store, broker, properties, &body) {
                tracing::warn!(topic, why, "a responder's reply could not be sent");
            }
        }
        Ok(None) => {}
        Err(_) => tracing::error!(topic, "a responder panicked"),
    }
}

/// Sends a responder's reply from the broker itself.
fn send_reply(store: &Store, broker: usize, mut properties: String, body: &[u8]) -> Result<(), String> {
    properties::append(&mut properties, properties::UNIQ_KEY, &format!("{:032X}", fastrand::u128(..)));
    let header = SendHeader {
        producer_group: "EMBEDDED_RESPONDER",
        topic: &reply_topic(CLUSTER_NAME),
        default_topic: DEFAULT_TOPIC,
        default_topic_queue_nums: 1,
        queue_id: 0,
        sys_flag: 0,
        born_timestamp: now_millis(),
        flag: 0,
        properties: &properties,
        reconsume_times: 0,
        unit_mode: false,
        max_reconsume_times: None,
        batch: false,
        broker_name: "",
    };
    let (Ok(answer) | Err(answer)) = reply(store, broker, &header, body, store.brokers[broker].address);
    match answer.code {
        response_code::SUCCESS => Ok(()),
        code => Err(format!("code {code}: {}", answer.remark.unwrap_or_default())),
    }
}
