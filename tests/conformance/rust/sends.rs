//! Messages, options and selectors out of steps, and the calls that take them.

use crate::jms::jms;
use crate::observe;
use crate::run::Begun;
use crate::value::body_bytes;
use mqproducer::{BatchOptions, Delay, Message, MessageQueue, Producer, ReplyTo, Result, Selector, SendOptions};
use serde_json::{Value, json};
use std::sync::mpsc;
use std::time::Duration;

type Wrong<T> = std::result::Result<T, String>;

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

pub fn milliseconds(value: &Value, field: &str) -> Duration {
    Duration::from_millis(value[field].as_u64().unwrap_or(0))
}

fn body(message: &Value) -> Wrong<Vec<u8>> {
    body_bytes(message["body"].as_str().unwrap_or("x"))
}

fn message<'a>(value: &'a Value, body: &'a [u8]) -> Wrong<Message<'a>> {
    let mut message = Message::new(value["topic"].as_str().unwrap_or("T"), body);
    message.tags = text(value, "tags");
    message.keys = text(value, "keys");
    message.flag = value["flag"].as_i64().unwrap_or(0) as i32;
    let properties = value["properties"].as_object().into_iter().flatten();
    message.properties = properties.map(|(name, value)| (&**name, value.as_str().unwrap_or_default())).collect();
    message.wait_store_msg_ok = value["wait_store"].as_bool().unwrap_or(true);
    let number = |field: &str| value[field].as_u64();
    let delays = [
        number("delay_level").map(|level| Delay::Level(level as u32)),
        number("delay_seconds").map(Delay::Seconds),
        number("delay_ms").map(Delay::Milliseconds),
        number("deliver_at_ms").map(Delay::DeliverAt),
    ];
    message.delay = delays.into_iter().flatten().next().unwrap_or_default();
    message.priority = value["priority"].as_i64().map(|priority| priority as i32);
    message.lite_topic = text(value, "lite_topic");
    message.sharding_key = text(value, "sharding_key");
    message.trace_parent = text(value, "trace_parent");
    message.jms = value.get("jms").map(|of| jms(of).map(Box::new)).transpose()?;
    Ok(message)
}

/// Calls `send` with the options of a step.
fn with_options<R>(step: &Value, send: impl FnOnce(&SendOptions<'_>) -> R) -> Wrong<R> {
    let options = &step["options"];
    let chosen = &options["selector"];
    let rooms: Vec<&str> = chosen["rooms"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let index = |queues: &[MessageQueue<'_>]| match text(chosen, "index") {
        "first" => 0,
        "last" => queues.len() - 1,
        _ => queues.len(),
    };
    let selector = match text(chosen, "kind") {
        "" | "round_robin" => Selector::RoundRobin,
        "random" => Selector::Random,
        "hash" => Selector::Hash(text(chosen, "key")),
        "consistent_hash" => Selector::ConsistentHash(text(chosen, "key")),
        "machine_room" => Selector::MachineRoom(&rooms),
        "queue" => {
            let queue_id = chosen["queue_id"].as_i64().unwrap_or(0) as i32;
            Selector::Queue(MessageQueue { broker_name: text(chosen, "broker"), queue_id })
        }
        "callback" => Selector::Callback(&index),
        other => return Err(format!("there is no selector `{other}`")),
    };
    let timeout = options["timeout_ms"].as_u64().map(Duration::from_millis);
    let mut sent = SendOptions::default().with_selector(selector);
    sent.timeout = timeout;
    Ok(send(&sent))
}

fn with_message<R>(step: &Value, send: impl FnOnce(&Message<'_>, &SendOptions<'_>) -> R) -> Wrong<R> {
    let body = body(&step["message"])?;
    let message = message(&step["message"], &body)?;
    with_options(step, |options| send(&message, options))
}

fn with_messages<R>(step: &Value, send: impl FnOnce(&[Message<'_>], &SendOptions<'_>) -> R) -> Wrong<R> {
    let values = step["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let bodies = values.iter().map(body).collect::<Wrong<Vec<_>>>()?;
    let messages = values.iter().zip(&bodies).map(|(value, body)| message(value, body)).collect::<Wrong<Vec<_>>>()?;
    with_options(step, |options| send(&messages, options))
}

/// What a send in a transaction needs, too.
pub fn one(step: &Value, send: impl FnOnce(&Message<'_>, &SendOptions<'_>) -> Value) -> Wrong<Begun> {
    with_message(step, send).map(Begun::Done)
}

/// Begins an asynchronous call, whose callback hands over its outcome.
fn later(begin: impl FnOnce(mpsc::Sender<Value>) -> Wrong<Result<()>>) -> Wrong<Begun> {
    let (tell, told) = mpsc::channel();
    Ok(match begin(tell)? {
        Ok(()) => Begun::Waiting(told),
        Err(error) => Begun::Done(observe::failure(&error)),
    })
}

/// Tells the case, which may have ended already.
fn receipt_to(tell: mpsc::Sender<Value>) -> impl FnOnce(Result<mqproducer::Receipt>) + Send + 'static {
    move |result| drop(tell.send(observe::of_receipt(result)))
}

pub fn send(producer: &Producer, step: &Value) -> Wrong<Begun> {
    one(step, |message, options| observe::of_receipt(producer.send(message, options)))
}

pub fn send_oneway(producer: &Producer, step: &Value) -> Wrong<Begun> {
    one(step, |message, options| observe::of_receipt(producer.send_oneway(message, options)))
}

pub fn send_async(producer: &Producer, step: &Value) -> Wrong<Begun> {
    later(|tell| with_message(step, |message, options| producer.send_async(message, options, receipt_to(tell))))
}

pub fn request(producer: &Producer, step: &Value) -> Wrong<Begun> {
    let timeout = request_timeout(step);
    one(step, |message, options| {
        observe::of(producer.request(message, options, timeout), |reply| observe::received(&reply))
    })
}

pub fn request_async(producer: &Producer, step: &Value) -> Wrong<Begun> {
    let timeout = request_timeout(step);
    later(|tell| {
        let callback = move |result| drop(tell.send(observe::of(result, |reply| observe::received(&reply))));
        with_message(step, |message, options| producer.request_async(message, options, timeout, callback))
    })
}

fn request_timeout(step: &Value) -> Duration {
    milliseconds(step, "timeout_ms")
}

fn reply_to(step: &Value) -> ReplyTo {
    let to = &step["to"];
    ReplyTo {
        correlation_id: text(to, "correlation_id").to_owned(),
        reply_to_client: text(to, "reply_to_client").to_owned(),
        ttl: to["ttl_ms"].as_u64().map(Duration::from_millis),
        cluster: text(to, "cluster").to_owned(),
    }
}

pub fn reply(producer: &Producer, step: &Value) -> Wrong<Begun> {
    let to = reply_to(step);
    one(step, |message, options| observe::of_receipt(producer.reply(&to, message, options)))
}

pub fn reply_async(producer: &Producer, step: &Value) -> Wrong<Begun> {
    let to = reply_to(step);
    later(|tell| with_message(step, |message, options| producer.reply_async(&to, message, options, receipt_to(tell))))
}

pub fn send_batch(producer: &Producer, step: &Value) -> Wrong<Begun> {
    let split = BatchOptions::default().with_split_bytes(step["split_bytes"].as_u64().unwrap_or(0) as usize);
    let outcome = |result| observe::of(result, |result| observe::batch(&result));
    match text(step, "do") {
        "send_batch" => {
            with_messages(step, |messages, options| outcome(producer.send_batch(messages, options, &split)))
                .map(Begun::Done)
        }
        "send_batch_oneway" => {
            with_messages(step, |messages, options| outcome(producer.send_batch_oneway(messages, options, &split)))
                .map(Begun::Done)
        }
        _ => later(|tell| {
            let callback = move |result| drop(tell.send(observe::batch(&result)));
            with_messages(step, |messages, options| producer.send_batch_async(messages, options, &split, callback))
        }),
    }
}

pub fn send_many(producer: &Producer, step: &Value, limit: Duration) -> Wrong<Begun> {
    let (mut outcome, told) = with_messages(step, |messages, options| {
        let (tell, told): (Vec<_>, Vec<_>) = messages.iter().map(|_| mpsc::channel()).unzip();
        let pairs = messages.iter().zip(tell).map(|(message, tell)| (message.clone(), receipt_to(tell)));
        let (accepted, result) = producer.send_many(pairs, options);
        let mut outcome = observe::of_nothing(result);
        outcome["accepted"] = json!(accepted);
        (outcome, told.into_iter().take(accepted).collect::<Vec<_>>())
    })?;
    let completions = told.iter().map(|told| told.recv_timeout(limit).map_err(|error| error.to_string()));
    outcome["completions"] = completions.collect::<Wrong<Vec<_>>>()?.into();
    Ok(Begun::Done(outcome))
}
