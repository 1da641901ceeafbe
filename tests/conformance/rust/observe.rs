//! What came, as outcomes.

use crate::body_text::body_text;
use mqproducer::mock::{FaultAction, SeenRequest, StoredMessage};
use mqproducer::{
    BatchResult, BrokerHealth, BrokerState, Error, ErrorKind, Receipt, ReceivedMessage, Result, SendStatus,
};
use serde_json::{Map, Value, json};

pub fn ok() -> Value {
    json!({"status": "OK"})
}

/// What is waited for did not come.
pub fn timed_out() -> Value {
    json!({"status": "TIMEOUT"})
}

pub fn of<T>(result: Result<T>, outcome: impl FnOnce(T) -> Value) -> Value {
    match result {
        Ok(value) => outcome(value),
        Err(error) => failure(&error),
    }
}

pub fn of_nothing(result: Result<()>) -> Value {
    of(result, |()| ok())
}

pub fn failure(error: &Error) -> Value {
    json!({
        "status": error.kind().name(),
        "code": error.code().unwrap_or(0),
        "broker_code": error.broker_code().unwrap_or(0),
        "remark": error.remark().unwrap_or_default(),
        "text": error.message(),
        "retriable": error.retriable(),
        "maybe_persisted": error.maybe_persisted(),
    })
}

pub fn receipt(receipt: &Receipt) -> Value {
    let status = match receipt.status {
        SendStatus::Ok => "SEND_OK",
        SendStatus::FlushDiskTimeout => "FLUSH_DISK_TIMEOUT",
        SendStatus::FlushSlaveTimeout => "FLUSH_SLAVE_TIMEOUT",
        SendStatus::SlaveNotAvailable => "SLAVE_NOT_AVAILABLE",
        SendStatus::Oneway => "ONEWAY",
    };
    json!({
        "status": "OK",
        "send_status": status,
        "topic": receipt.topic,
        "broker": receipt.broker_name,
        "queue_id": receipt.queue_id,
        "queue_offset": receipt.queue_offset,
        "message_id": receipt.message_id,
        "offset_message_id": receipt.offset_message_id,
        "transaction_id": receipt.transaction_id,
        "region_id": receipt.region_id,
        "recall_handle": receipt.recall_handle,
        "attempts": receipt.attempts,
    })
}

pub fn of_receipt(result: Result<Receipt>) -> Value {
    of(result, |came| receipt(&came))
}

pub fn batch(result: &BatchResult) -> Value {
    let results: Vec<Value> = result.results().iter().map(|result| of_receipt(result.clone())).collect();
    let mut outcome = result.first_error().map_or_else(ok, |(_, error)| failure(error));
    outcome["results"] = Value::Array(results);
    outcome
}

fn object<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    Value::Object(pairs.map(|(name, value)| (name.to_owned(), Value::from(value))).collect::<Map<_, _>>())
}

fn owned(pairs: &[(String, String)]) -> Value {
    object(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

pub fn received(message: &ReceivedMessage) -> Value {
    json!({
        "status": "OK",
        "topic": message.topic,
        "body": body_text(&message.body),
        "tags": message.tags(),
        "keys": message.keys(),
        "flag": message.flag,
        "message_id": message.message_id,
        "transaction_id": message.transaction_id,
        "properties": object(message.properties()),
    })
}

pub fn stored(message: &StoredMessage) -> Value {
    json!({
        "topic": message.topic,
        "body": body_text(&message.body),
        "tags": message.tags.as_deref().unwrap_or_default(),
        "keys": message.keys.as_deref().unwrap_or_default(),
        "flag": message.flag,
        "broker": message.broker_name,
        "queue_id": message.queue_id,
        "queue_offset": message.queue_offset,
        "message_id": message.message_id,
        "offset_message_id": message.offset_message_id,
        "properties": owned(&message.properties),
    })
}

pub fn request(request: &SeenRequest) -> Value {
    let fault = match &request.fault {
        None => "none",
        Some(FaultAction::Answer { .. }) => "answer",
        Some(FaultAction::ChangeAnswer { .. }) => "change_answer",
        Some(FaultAction::Delay) => "delay",
        Some(FaultAction::Drop) => "drop",
        Some(FaultAction::LoseAnswer) => "lose_answer",
        Some(FaultAction::CloseBefore) => "close_before",
        Some(FaultAction::CloseAfter) => "close_after",
        Some(FaultAction::HalfAnswer) => "half_answer",
        Some(FaultAction::Garbage(_)) => "garbage",
        Some(FaultAction::StopReading) => "stop_reading",
        Some(other) => panic!("a fault without a name here: {other:?}"),
    };
    json!({
        "code": request.code,
        "broker": request.broker_name,
        "oneway": request.oneway,
        "fault": fault,
        "fields": owned(&request.fields),
        "body": body_text(&request.body),
    })
}

pub fn brokers(states: Vec<BrokerState>) -> Value {
    let health = |state: &BrokerState| match state.health {
        BrokerHealth::Healthy => "healthy",
        BrokerHealth::Isolated { .. } => "isolated",
        BrokerHealth::Unreachable => "unreachable",
    };
    let states: Vec<_> = states.iter().map(|state| json!({"name": state.name, "state": health(state)})).collect();
    json!({"status": "OK", "brokers": states})
}

pub fn error_names() -> Value {
    let names = ErrorKind::ALL.iter().map(|kind| (kind.name().to_owned(), Value::from(*kind as u32)));
    json!({"status": "OK", "names": names.collect::<Map<_, _>>()})
}
