//! Reading back: queue offsets and pulls.

use super::answer::{Answer, Request};
use super::store::{Queue, Store};
use crate::protocol::remoting::CodecError;
use crate::protocol::remoting::command::response_code;
use crate::protocol::remoting::stored_message::{StoredMessage, body_crc};

/// A pull outside of the queue's offsets: go on at another.
const PULL_OFFSET_MOVED: i32 = 21;
/// A pull's answer ends with the message that makes it this long.
const PULL_BYTES: usize = 1024 * 1024;

/// What `tell` says of a queue; 0 of one that does not exist, as a broker does.
fn offset(store: &Store, broker: usize, request: &Request<'_>, tell: fn(&Queue) -> i64) -> Result<Answer, CodecError> {
    let topic = request.header.require("topic")?;
    let queue: usize = request.header.require_int("queueId")?;
    let state = store.lock();
    let queue = state.topic(broker, topic).and_then(|on| on.queues.get(queue));
    Ok(Answer::success().with("offset", queue.map_or(0, tell)))
}

pub(super) fn max_offset(store: &Store, broker: usize, request: &Request<'_>) -> Result<Answer, CodecError> {
    offset(store, broker, request, Queue::max_offset)
}

pub(super) fn min_offset(store: &Store, broker: usize, request: &Request<'_>) -> Result<Answer, CodecError> {
    offset(store, broker, request, Queue::min_offset)
}

/// Answers at once, also when nothing is there; tags are left for the consumer to filter.
pub(super) fn pull(store: &Store, broker: usize, request: &Request<'_>) -> Result<Answer, CodecError> {
    let header = request.header;
    let topic = header.require("topic")?;
    let queue_id: i32 = header.require_int("queueId")?;
    let from: i64 = header.require_int("queueOffset")?;
    let most: usize = header.require_int("maxMsgNums")?;
    let state = store.lock();
    let Some(on_broker) = state.topic(broker, topic) else {
        let remark = format!(
            "topic[{topic}] not exist, apply first please! See https://rocketmq.apache.org/docs/bestPractice/06FAQ \
             for further details."
        );
        return Ok(Answer::refusal(response_code::TOPIC_NOT_EXIST, remark));
    };
    let Some(queue) = usize::try_from(queue_id).ok().and_then(|queue| on_broker.queues.get(queue)) else {
        let remark = format!(
            "queueId[{queue_id}] is illegal, topic:[{topic}] topicConfig.readQueueNums:[{}] consumer:[{}]",
            on_broker.config.read_queues, request.peer
        );
        return Ok(Answer::refusal(response_code::INVALID_PARAMETER, remark));
    };

    let (min, max) = (queue.min_offset(), queue.max_offset());
    let mut answer = Answer::success();
    let mut next = from.clamp(min, max);
    if from < min || from > max {
        answer.code = PULL_OFFSET_MOVED;
    } else if from == max {
        answer.code = response_code::PULL_NOT_FOUND;
    } else {
        for (queue_offset, record) in queue.records_from(from).take(most.max(1)) {
            let message = StoredMessage {
                body_crc: body_crc(&record.body),
                queue_id,
                flag: record.flag,
                queue_offset,
                commit_log_offset: record.commit_log_offset,
                sys_flag: record.sys_flag,
                born_timestamp: record.born_timestamp,
                born_host: record.born_host,
                store_timestamp: record.store_timestamp,
                store_host: store.brokers[broker].address,
                reconsume_times: record.reconsume_times,
                prepared_transaction_offset: 0,
                body: &record.body,
                topic,
                properties: &record.properties,
            };
            message.encode(&mut answer.body)?;
            next = queue_offset + 1;
            if answer.body.len() >= PULL_BYTES {
                break;
            }
        }
        answer.remark = Some("FOUND".to_owned());
    }
    Ok(answer
        .with("suggestWhichBrokerId", 0)
        .with("nextBeginOffset", next)
        .with("minOffset", min)
        .with("maxOffset", max)
        .with("topicSysFlag", 0)
        .with("groupSysFlag", 0))
}
