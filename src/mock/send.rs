//! Sends: a broker's checks in a broker's order, and storing.

use std::net::SocketAddr;

use super::answer::{Answer, Request};
use super::held::{Delivery, MAX_TIMER_MS};
use super::message::offset_id;
use super::reply;
use super::store::{Record, State, Store};
use super::topic::{self, TopicConfig};
use super::transactions::is_half;
use super::{CLUSTER_NAME, REGION};
use crate::protocol::remoting::command::response_code;
use crate::protocol::remoting::properties::{self, MAX_PROPERTIES, VALUE_END};
use crate::protocol::remoting::recall::RecallHandle;
use crate::protocol::remoting::route::PERM_INHERIT;
use crate::protocol::remoting::{CodecError, SendHeader, batch};

/// The longest body that a broker takes.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Answers one send; every answer tells the region and that traces are wanted.
pub(super) fn answer(store: &Store, broker: usize, request: &Request<'_>) -> Answer {
    let (Ok(answer) | Err(answer)) = send(store, broker, request);
    of_region(answer)
}

/// What every answer to a send tells.
pub(super) fn of_region(answer: Answer) -> Answer {
    answer.with("TRACE_ON", true).with("MSG_REGION", REGION)
}

fn send(store: &Store, broker: usize, request: &Request<'_>) -> Result<Answer, Answer> {
    let header = SendHeader::decode(request.header)?;
    let sent = store_message(store, broker, &header, request.body, request.peer)?;
    if sent.readable {
        reply::respond(store, broker, header.topic, &sent);
    }
    Ok(match properties::get(header.properties, properties::UNIQ_KEY) {
        Some(key) => sent.answer().with("transactionId", key),
        None => sent.answer(),
    })
}

/// Where messages were stored.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) queue: i32,
    /// The offset of the first in the queue.
    pub(super) first: i64,
    /// The broker's id of each.
    ids: Vec<String>,
    /// Whether they can be read already.
    readable: bool,
    /// Of a timer message.
    recall_handle: Option<RecallHandle>,
}

impl Sent {
    pub(super) fn answer(&self) -> Answer {
        let answer = Answer::success().with("queueId", self.queue).with("msgId", self.ids.join(","));
        let answer = match &self.recall_handle {
            Some(handle) => answer.with("recallHandle", handle.encode()),
            None => answer,
        };
        answer.with("queueOffset", self.first)
    }
}

/// Checks and stores a message or a batch.
pub(super) fn store_message(
    store: &Store,
    broker: usize,
    header: &SendHeader<'_>,
    body: &[u8],
    peer: SocketAddr,
) -> Result<Sent, Answer> {
    check_names(header)?;
    let mut state = store.lock();
    let queue = queue_of(&mut state, broker, header, peer)?;
    let records = records(header, body, peer)?;
    let unknown_queue = || Answer::refusal(response_code::SYSTEM_ERROR, "the queue is gone");
    let number = usize::try_from(queue).map_err(|_| unknown_queue())?;
    let delivery = if header.batch { Delivery::Now } else { Delivery::of(header.properties) };
    let half = !header.batch && is_half(header.properties);
    let stored = match <[Record; 1]>::try_from(records) {
        Ok([record]) if half => {
            state.hold(broker, header.topic, number, record).map(|(first, log_offset)| (first, vec![log_offset]))
        }
        Ok(_) if delivery == Delivery::Illegal => return Err(illegal_timer()),
        Ok([record]) => {
            state.place(broker, header.topic, number, record).map(|(first, log_offset)| (first, vec![log_offset]))
        }
        Err(records) => state.append(broker, header.topic, number, records),
    };
    let (first, log_offsets) = stored.ok_or_else(unknown_queue)?;
    store.announce(&state);
    if state.held.is_some() {
        store.clock.changed();
    }
    drop(state);

    let ids = log_offsets.into_iter().map(|offset| offset_id(&store.brokers[broker], offset)).collect();
    let recall_handle = match (delivery, properties::get(header.properties, properties::UNIQ_KEY)) {
        (Delivery::Timer(_, deliver_ms), Some(key)) if !half => Some(RecallHandle {
            topic: header.topic.to_owned(),
            broker_name: store.brokers[broker].name.clone(),
            deliver_ms,
            uniq_key: key.to_owned(),
        }),
        _ => None,
    };
    Ok(Sent { queue, first, ids, readable: !half && delivery == Delivery::Now, recall_handle })
}

fn illegal_timer() -> Answer {
    let remark = format!(
        "timer message illegal, the delay time should not be bigger than the max delay {MAX_TIMER_MS}ms; or if set del \
         msg, the delay time should be bigger than the current time"
    );
    Answer::refusal(response_code::MESSAGE_ILLEGAL, remark)
}

fn check_names(header: &SendHeader<'_>) -> Result<(), Answer> {
    if let Some(remark) = topic::name_error(header.topic) {
        return Err(Answer::refusal(response_code::INVALID_PARAMETER, remark));
    }
    if topic::is_forbidden(header.topic) {
        let remark = format!("Sending message to topic[{}] is forbidden.", header.topic);
        return Err(Answer::refusal(response_code::NO_PERMISSION, remark));
    }
    Ok(())
}

/// The queue to store in; the topic is made when there is none yet.
fn queue_of(state: &mut State, broker: usize, header: &SendHeader<'_>, peer: SocketAddr) -> Result<i32, Answer> {
    if state.topic(broker, header.topic).is_none() {
        let config = inherited(state, broker, header).ok_or_else(|| {
            let remark = format!(
                "topic[{}] not exist, apply first please!\n\
                 See https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.",
                header.topic
            );
            Answer::refusal(response_code::TOPIC_NOT_EXIST, remark)
        })?;
        state.set_topic(broker, config);
    }
    let Some(on_broker) = state.topic(broker, header.topic) else {
        return Err(Answer::refusal(response_code::SYSTEM_ERROR, "the topic is gone"));
    };
    let config = &on_broker.config;
    let mut queue = header.queue_id;
    if queue < 0 {
        queue = fastrand::i32(0..config.write_queues.max(1));
    }
    if queue >= config.queues() {
        let remark = format!("request queueId[{queue}] is illegal, {config} Producer: {peer}");
        return Err(Answer::refusal(response_code::INVALID_PARAMETER, remark));
    }
    // A priority chooses the queue, whichever was asked for.
    let priority = properties::get(header.properties, properties::PRIORITY).and_then(|text| text.parse::<i32>().ok());
    match priority {
        Some(priority) if priority >= 0 => Ok(priority.min(config.write_queues - 1).max(0)),
        _ => Ok(queue),
    }
}

/// The settings of a topic made by a send: `None` when its default topic gives none.
fn inherited(state: &State, broker: usize, header: &SendHeader<'_>) -> Option<TopicConfig> {
    let default = &state.topic(broker, header.default_topic)?.config;
    if default.perm & PERM_INHERIT == 0 {
        return None;
    }
    let queues = match header.default_topic_queue_nums {
        wanted if wanted > 0 => wanted.min(default.write_queues),
        _ => default.write_queues,
    };
    Some(TopicConfig::new(header.topic, queues, default.perm & !PERM_INHERIT))
}

fn records(header: &SendHeader<'_>, sent: &[u8], peer: SocketAddr) -> Result<Vec<Record>, Answer> {
    if sent.is_empty() {
        let remark = "java.lang.NullPointerException: the message has no body";
        return Err(Answer::refusal(response_code::SYSTEM_ERROR, remark));
    }
    let record = |flag, properties: String, body: &[u8]| Record {
        flag,
        sys_flag: header.sys_flag,
        born_timestamp: header.born_timestamp,
        born_host: peer,
        reconsume_times: header.reconsume_times,
        properties,
        body: body.to_vec(),
        store_timestamp: 0,
        commit_log_offset: 0,
    };
    let properties = if header.batch { String::new() } else { with_broker_properties(header.properties) };
    if sent.len() > MAX_BODY || properties.len() > MAX_PROPERTIES {
        let remark = format!(
            "the message is illegal, maybe msg body or properties length not matched. msg body length limit \
             {MAX_BODY}B, msg properties length limit 32KB."
        );
        return Err(Answer::refusal(response_code::MESSAGE_ILLEGAL, remark));
    }
    if !header.batch {
        return Ok(vec![record(header.flag, properties, sent)]);
    }
    let messages: Result<Vec<_>, CodecError> = batch::decode(sent).collect();
    Ok(messages?.iter().map(|message| record(message.flag, message.properties.to_owned(), message.body)).collect())
}

fn with_broker_properties(sent: &str) -> String {
    let mut all = sent.to_owned();
    if !all.is_empty() && !all.ends_with(VALUE_END as char) {
        all.push(VALUE_END as char);
    }
    properties::append(&mut all, properties::MSG_REGION, REGION);
    properties::append(&mut all, properties::TRACE_ON, "true");
    properties::append(&mut all, properties::CLUSTER, CLUSTER_NAME);
    all
}
