//! Sends: a broker's checks in a broker's order, and storing.

use std::net::SocketAddr;

use super::answer::{Answer, Request};
use super::message::offset_id;
use super::reply;
use super::store::{Record, State, Store};
use super::topic::{self, TopicConfig};
use super::{CLUSTER_NAME, REGION};
use crate::protocol::remoting::command::response_code;
use crate::protocol::remoting::properties::{self, MAX_PROPERTIES, VALUE_END};
use crate::protocol::remoting::route::PERM_INHERIT;
use crate::protocol::remoting::{CodecError, SendHeader, batch, sys_flag};

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
    reply::respond(store, broker, header.topic, &sent);
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
}

impl Sent {
    pub(super) fn answer(&self) -> Answer {
        Answer::success().with("queueId", self.queue).with("msgId", self.ids.join(",")).with("queueOffset", self.first)
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
    let (first, log_offsets) = usize::try_from(queue)
        .ok()
        .and_then(|queue| state.append(broker, header.topic, queue, records))
        .ok_or_else(unknown_queue)?;
    store.announce(&state);
    drop(state);

    let ids = log_offsets.into_iter().map(|offset| offset_id(&store.brokers[broker], offset)).collect();
    Ok(Sent { queue, first, ids })
}

fn check_names(header: &SendHeader<'_>) -> Result<(), Answer> {
    if let Some(remark) = topic::name_error(header.topic) {
        return Err(Answer::refusal(response_code::INVALID_PARAMETER, remark));
    }
    if topic::is_forbidden(header.topic) {
        let remark = format!("Sending message to topic[{}] is forbidden.", header.topic);
        return Err(Answer::refusal(response_code::NO_PERMISSION, remark));
    }
    if sys_flag::transaction(header.sys_flag) == sys_flag::TRANSACTION_PREPARED {
        let remark = "the broker[127.0.0.1] sending transaction message is forbidden";
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
