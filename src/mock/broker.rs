//! A broker: which request goes where, its clients and its topics.

use super::answer::{Answer, Request};
use super::store::Store;
use super::topic::{self, TopicConfig};
use super::{pull, recall, reply, send, transactions};
use crate::protocol::remoting::CodecError;
use crate::protocol::remoting::command::{request_code, response_code};
use crate::protocol::remoting::heartbeat::{Heartbeat, IS_SUB_CHANGE, IS_SUPPORT_V2, unregister as names};

/// The most queues that a topic of a broker may have here.
pub(super) const MAX_QUEUES: i32 = 1024;

/// Answers one request to broker number `broker`.
pub(super) fn answer(store: &Store, broker: usize, request: &Request<'_>) -> Answer {
    let answer = match request.header.code {
        request_code::SEND_MESSAGE | request_code::SEND_MESSAGE_V2 | request_code::SEND_BATCH_MESSAGE => {
            return send::answer(store, broker, request);
        }
        request_code::SEND_REPLY_MESSAGE | request_code::SEND_REPLY_MESSAGE_V2 => {
            return reply::answer(store, broker, request);
        }
        request_code::HEART_BEAT => heartbeat(store, broker, request),
        request_code::END_TRANSACTION => transactions::end(store, broker, request),
        request_code::RECALL_MESSAGE => recall::recall(store, broker, request),
        request_code::UNREGISTER_CLIENT => unregister(store, broker, request),
        request_code::UPDATE_AND_CREATE_TOPIC => set_topic(store, broker, request),
        request_code::GET_MAX_OFFSET => pull::max_offset(store, broker, request),
        request_code::GET_MIN_OFFSET => pull::min_offset(store, broker, request),
        request_code::PULL_MESSAGE => pull::pull(store, broker, request),
        code => Ok(Answer::not_supported(code)),
    };
    answer.unwrap_or_else(Answer::from)
}

fn heartbeat(store: &Store, broker: usize, request: &Request<'_>) -> Result<Answer, CodecError> {
    let heartbeat = Heartbeat::decode(request.body)?;
    request.link.note(&heartbeat);
    let mut state = store.lock();
    for group in &heartbeat.producer_groups {
        state.add_group(broker, group, &heartbeat.client_id);
    }
    // Brokers say so of every heartbeat in the first form, and of one in the second only when consumers changed.
    let changed = heartbeat.fingerprint == 0;
    Ok(Answer::success().with(IS_SUPPORT_V2, true).with(IS_SUB_CHANGE, changed))
}

fn unregister(store: &Store, broker: usize, request: &Request<'_>) -> Result<Answer, CodecError> {
    let client_id = request.header.require(names::CLIENT_ID)?;
    if let Some(group) = request.header.get(names::PRODUCER_GROUP) {
        store.lock().remove_group(broker, group, client_id);
        store.clients.remove_group(broker, group, client_id);
    }
    Ok(Answer::success())
}

fn set_topic(store: &Store, broker: usize, request: &Request<'_>) -> Result<Answer, CodecError> {
    let header = request.header;
    let name = header.require("topic")?;
    let config = TopicConfig {
        name: name.to_owned(),
        read_queues: header.require_int("readQueueNums")?,
        write_queues: header.require_int("writeQueueNums")?,
        perm: header.require_int("perm")?,
        sys_flag: header.int_or("topicSysFlag", 0)?,
        order: header.is_true("order"),
    };
    let refuse = |remark: String| Ok(Answer::refusal(response_code::INVALID_PARAMETER, remark));
    if let Some(remark) = topic::name_error(name) {
        return refuse(remark);
    }
    if topic::is_forbidden(name) || name == topic::DEFAULT_TOPIC {
        return refuse(format!("The topic[{name}] is conflict with system topic."));
    }
    for (field, queues) in [("readQueueNums", config.read_queues), ("writeQueueNums", config.write_queues)] {
        if !(0..=MAX_QUEUES).contains(&queues) {
            return refuse(format!("{field} is {queues}, expected 0 to {MAX_QUEUES}"));
        }
    }
    store.lock().set_topic(broker, config);
    Ok(Answer::success())
}
