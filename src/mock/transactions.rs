//! Half messages: kept back, ended by their producers, and asked after.

use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::answer::{Answer, Request};
use super::message::offset_id;
use super::store::{Record, State, Store};
use crate::protocol::remoting::command::response_code;
use crate::protocol::remoting::stored_message::{StoredMessage, body_crc};
use crate::protocol::remoting::transaction::{CheckTransactionState, EndTransaction, TransactionState};
use crate::protocol::remoting::{CodecError, properties, sys_flag};

/// The brokers' own topic of half messages.
const HALF_TOPIC: &str = "RMQ_SYS_TRANS_HALF_TOPIC";
/// How often a broker asks before it gives a half message up.
const MAX_CHECKS: u32 = 15;

/// No wish for a late first check goes beyond it.
const MAX_IMMUNITY_SECONDS: u64 = 24 * 3600;

/// A half message of one broker.
#[derive(Debug)]
pub(super) struct Half {
    broker: usize,
    topic: String,
    queue: usize,
    group: String,
    record: Record,
    /// Its offsets in the queue of halves and in the commit log: as first stored, then as each check stored it anew.
    places: Vec<(i64, i64)>,
    /// Counted from here on.
    since: Instant,
    /// The message's own wish for its first check.
    immunity: Duration,
}

impl Half {
    fn checks(&self) -> u32 {
        u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
    }

    fn due(&self, interval: Duration) -> Instant {
        self.since + if self.checks() == 0 { interval.max(self.immunity) } else { interval }
    }
}

/// Whether a broker holds the message back.
pub(super) fn is_half(encoded: &str) -> bool {
    properties::get(encoded, properties::TRAN_MSG).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

impl State {
    /// Keeps a half message back: its offsets.
    pub(super) fn hold(&mut self, broker: usize, topic: &str, queue: usize, mut record: Record) -> Option<(i64, i64)> {
        let place = (self.held.next_offset(), self.log(broker, topic, &mut record)?);
        let property = |name| properties::get(&record.properties, name);
        let seconds = property(properties::CHECK_IMMUNITY_TIME_IN_SECONDS).and_then(|text| text.parse().ok());
        self.held.halves.push(Half {
            broker,
            topic: topic.to_owned(),
            queue,
            group: property(properties::PGROUP).unwrap_or_default().to_owned(),
            places: vec![place],
            since: Instant::now(),
            immunity: Duration::from_secs(seconds.unwrap_or(0).min(MAX_IMMUNITY_SECONDS)),
            record,
        });
        Some(place)
    }
}

/// END_TRANSACTION, to which a producer waits for no answer.
pub(super) fn end(store: &Store, broker: usize, request: &Request<'_>) -> Result<Answer, CodecError> {
    let end = EndTransaction::decode(request.header)?;
    if end.state == TransactionState::Unknown {
        return Ok(Answer::success());
    }
    let place = (end.tran_state_table_offset, end.commit_log_offset);
    let meant = |half: &Half| {
        // An answer to a check means what the check told, any other the half message as it was sent.
        let mut places = half.places.iter().enumerate();
        half.broker == broker && places.any(|(at, known)| *known == place && (at > 0) == end.from_transaction_check)
    };
    let refuse = |remark: &str| Ok(Answer::refusal(response_code::SYSTEM_ERROR, remark));
    let mut state = store.lock();
    let Some(at) = state.held.halves.iter().position(meant) else {
        return refuse("Find prepared transaction message failed");
    };
    if state.held.halves[at].group != end.producer_group {
        return refuse("The producer group wrong");
    }
    let Half { topic, queue, mut record, .. } = state.held.halves.remove(at);
    if end.state == TransactionState::Commit {
        record.sys_flag = record.sys_flag & !sys_flag::TRANSACTION_ROLLBACK | sys_flag::TRANSACTION_COMMIT;
        record.properties = without_mark(&record.properties);
        state.place(broker, &topic, queue, record);
        store.announce(&state);
        store.clock.changed();
    }
    Ok(Answer::success())
}

fn without_mark(encoded: &str) -> String {
    let mut rest = String::with_capacity(encoded.len());
    for (name, value) in properties::decode(encoded).filter(|(name, _)| *name != properties::TRAN_MSG) {
        properties::append(&mut rest, name, value);
    }
    rest
}

/// Asks after the half messages that are due, and gives up those asked after too often; when the next is due.
pub(super) fn check(store: &Store, state: &mut State, now: Instant) -> Option<Instant> {
    let interval = store.clock.check_interval();
    state.held.halves.retain(|half| half.checks() < MAX_CHECKS || half.due(interval) > now);
    let mut halves = std::mem::take(&mut state.held.halves);
    for half in halves.iter_mut().filter(|half| half.due(interval) <= now) {
        ask(store, state, half, now);
    }
    state.held.halves = halves;
    state.held.halves.iter().map(|half| half.due(interval)).min()
}

/// Stores the half message anew, as a broker does for each check, and asks one client of its group.
fn ask(store: &Store, state: &mut State, half: &mut Half, now: Instant) {
    half.since = now;
    let Some(log_offset) = state.log(half.broker, &half.topic, &mut half.record) else {
        return;
    };
    let table_offset = state.held.next_offset();
    half.places.push((table_offset, log_offset));
    let broker = &store.brokers[half.broker];
    let mut told = half.record.properties.clone();
    properties::append(&mut told, properties::REAL_TOPIC, &half.topic);
    properties::append(&mut told, properties::REAL_QID, &half.queue.to_string());
    properties::append(&mut told, properties::TRANSACTION_CHECK_TIMES, &half.checks().to_string());
    let message = StoredMessage {
        body_crc: body_crc(&half.record.body),
        queue_id: i32::try_from(half.queue).unwrap_or(0),
        flag: half.record.flag,
        queue_offset: table_offset,
        commit_log_offset: log_offset,
        sys_flag: half.record.sys_flag,
        born_timestamp: half.record.born_timestamp,
        born_host: half.record.born_host,
        store_timestamp: half.record.store_timestamp,
        store_host: broker.address,
        reconsume_times: half.record.reconsume_times,
        prepared_transaction_offset: 0,
        body: &half.record.body,
        topic: &half.topic,
        properties: &told,
    };
    let mut body = BytesMut::new();
    if let Err(error) = message.encode(&mut body) {
        return tracing::error!("a transaction check of the embedded cluster cannot be written: {error}");
    }
    let id = properties::get(&half.record.properties, properties::UNIQ_KEY).unwrap_or_default();
    let request = CheckTransactionState {
        topic: HALF_TOPIC,
        tran_state_table_offset: table_offset,
        commit_log_offset: log_offset,
        msg_id: id,
        transaction_id: id,
        offset_msg_id: &offset_id(broker, log_offset),
        broker_name: &broker.name,
    }
    .to_header();
    if !store.clients.ask_group(half.broker, &half.group, request, &body) {
        tracing::debug!("the embedded cluster has no client of the group {} to check a transaction with", half.group);
    }
}
