//! Timer messages taken back.

use super::REGION;
use super::answer::{Answer, Request};
use super::held::MAX_TIMER_MS;
use super::store::{Store, now_millis};
use crate::protocol::remoting::CodecError;
use crate::protocol::remoting::command::response_code;
use crate::protocol::remoting::recall::{RecallHandle, RecallMessage};

/// A request that a broker does not carry out.
const ILLEGAL_OPERATION: i32 = 604;

/// As a broker, which takes the same recall again and again, and does not look whether there is such a message.
pub(super) fn recall(store: &Store, broker: usize, request: &Request<'_>) -> Result<Answer, CodecError> {
    Ok(answer(store, broker, &RecallMessage::decode(request.header)?).with("MSG_REGION", REGION))
}

fn answer(store: &Store, broker: usize, asked: &RecallMessage<'_>) -> Answer {
    let mut state = store.lock();
    if state.topic(broker, asked.topic).is_none() {
        let remark = format!("recall failed, the topic[{}] not exist", asked.topic);
        return Answer::refusal(response_code::TOPIC_NOT_EXIST, remark);
    }
    let refuse = |remark: &str| Answer::refusal(ILLEGAL_OPERATION, remark);
    let Ok(handle) = RecallHandle::decode(asked.recall_handle) else {
        return refuse("recall handle is invalid");
    };
    if handle.topic != asked.topic {
        return refuse("recall failed, topic not match");
    }
    if handle.broker_name != store.brokers[broker].name {
        return refuse("recall failed, broker service not available");
    }
    let left = handle.deliver_ms - now_millis();
    if left <= 0 || left >= MAX_TIMER_MS {
        return refuse("recall failed, timestamp invalid");
    }
    state.held.recall(broker, &handle.topic, &handle.uniq_key);
    Answer::success().with("msgId", handle.uniq_key)
}
