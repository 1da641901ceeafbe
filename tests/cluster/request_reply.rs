//! Requests and replies against the shared broker, with the official client on the other side.

use crate::names::start;
use crate::suites::{Bench, text};
use crate::support::messages::StoredMessage;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mqproducer::{Error, ErrorKind, Message, Producer, ReceivedMessage, ReplyTo, SendOptions};
use serde_json::{Value, json};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(60);
const REPLY_TOPIC: &str = "DefaultCluster_REPLY_TOPIC";

fn options() -> SendOptions<'static> {
    SendOptions::default()
}

/// A command of the Java tool, run to its end.
fn call(bench: &Bench, op: &str, fields: Value) -> Result<Value, String> {
    let (topology, tool) = bench.parts();
    tool.call(topology.connection().command(op, fields), 2 * LIMIT).map_err(text)
}

/// Rows: RR-01 RR-02 RR-03 RR-05.
pub fn requests_that_the_official_consumer_answers(bench: &Bench) -> Result<String, String> {
    const EACH: usize = 20;
    const TOPIC: &str = "Request_rust";
    bench.create_topic(TOPIC)?;
    let mut slowest = Duration::ZERO;
    for serializer in ["JSON", "ROCKETMQ"] {
        let producer = start(&bench.url(), &[("serialize_type", serializer)])?;
        let topic = format!("{TOPIC}_{serializer}");
        bench.create_topic(&topic)?;
        thread::scope(|scope| {
            let fields = json!({"group": "java-responders", "topic": topic, "count": 2 * EACH, "timeout_ms": 60_000});
            let responder = scope.spawn(move || call(bench, "respond", fields));
            let asked = ask(&producer, &topic, EACH, &mut slowest);
            let responded = responder.join().map_err(|_| "the responder panicked".to_owned())??;
            if responded["statuses"] != json!(vec!["SEND_OK"; 2 * EACH]) {
                return Err(format!("the official client's replies: {responded}"));
            }
            asked
        })?;
        let stored = bench.read(&topic, 2 * EACH)?;
        let complete = |message: &&StoredMessage| {
            let has = |name| message.properties.contains_key(name);
            has("CORRELATION_ID") && has("REPLY_TO_CLIENT") && message.properties["TTL"] == "60000"
        };
        if stored.len() != 2 * EACH || !stored.iter().all(|message| complete(&message)) {
            return Err(format!("{} stored: {:?}", stored.len(), stored.first()));
        }
        producer.close(LIMIT).map_err(text)?;
    }
    nobody_answers(bench)?;
    Ok(format!("{} answered, the slowest after {slowest:?}; one without a listener", 4 * EACH))
}

/// Half of the requests wait, half have a callback; one reply is long enough to be compressed.
fn ask(producer: &Producer, topic: &str, each: usize, slowest: &mut Duration) -> Result<(), String> {
    let body = |number: usize| match number {
        0 => b"long enough to be compressed on either way, ".repeat(500),
        _ => format!("ping {number}").into_bytes(),
    };
    let (done, ended) = mpsc::channel();
    for number in 0..each {
        let (body, done) = (body(number), done.clone());
        let message = Message::new(topic, &body).with_keys("async");
        let expected = [b"pong:", &*body].concat();
        let told = move |replied| drop(done.send((expected, replied)));
        producer.request_async(&message, &options(), LIMIT, told).map_err(text)?;
    }
    for number in 0..each {
        let body = body(number);
        let asked = Instant::now();
        let reply = producer.request(&Message::new(topic, &body), &options(), LIMIT);
        *slowest = (*slowest).max(asked.elapsed());
        correct(&[b"pong:", &*body].concat(), reply)?;
    }
    drop(done);
    let ends: Vec<_> = ended.iter().collect();
    if ends.len() != each {
        return Err(format!("{} of {each} callbacks", ends.len()));
    }
    ends.into_iter().try_for_each(|(expected, replied)| correct(&expected, replied))
}

fn correct(expected: &[u8], replied: mqproducer::Result<ReceivedMessage>) -> Result<(), String> {
    let reply = replied.map_err(text)?;
    let told = (&*reply.topic, reply.tags(), reply.property("MSG_TYPE"));
    if told != (REPLY_TOPIC, "java", Some("reply")) || reply.body != expected {
        return Err(format!("{told:?}, {} bytes in place of {}", reply.body.len(), expected.len()));
    }
    Ok(())
}

/// The message is stored, and nobody replies.
fn nobody_answers(bench: &Bench) -> Result<(), String> {
    const TOPIC: &str = "Request_unheard";
    bench.create_topic(TOPIC)?;
    let producer = start(&bench.url(), &[])?;
    let asked = producer.request(&Message::new(TOPIC, b"hello?"), &options(), Duration::from_millis(1500));
    let Err(error) = asked else {
        return Err("somebody answered".to_owned());
    };
    if (error.kind(), error.code(), error.maybe_persisted()) != (ErrorKind::RequestTimeout, Some(10_006), true) {
        return Err(text(error));
    }
    match bench.read(TOPIC, 1)?.len() {
        1 => producer.close(LIMIT).map_err(text),
        count => Err(format!("{count} messages are stored")),
    }
}

/// Rows: RR-04.
pub fn replies_to_the_official_requester(bench: &Bench) -> Result<String, String> {
    const TOPIC: &str = "Request_java";
    bench.create_topic(TOPIC)?;
    let producer = start(&bench.url(), &[])?;
    let long = b"all work and no play ".repeat(1000);
    for (number, body) in [b"pong".as_slice(), &long].into_iter().enumerate() {
        thread::scope(|scope| {
            let ping = format!("ping {number}");
            let fields = json!({
                "group": "java-requesters", "topic": TOPIC, "body": STANDARD.encode(&ping), "timeout_ms": 60_000,
            });
            let requester = scope.spawn(move || call(bench, "request", fields));
            let stored = bench.read(TOPIC, number + 1)?;
            let request = (stored.iter().find(|message| message.body == ping.as_bytes()))
                .ok_or_else(|| format!("no {ping} among {} requests", stored.len()))?;
            let pairs = request.properties.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let to = ReplyTo::from_properties(pairs).map_err(text)?;
            let replies = bench.read(REPLY_TOPIC, 0)?.len();
            let message = Message::new("", body).with_flag(7).with_property("mine", "1");
            reply(&producer, &to, &message, number % 2 == 1).map_err(text)?;
            let replied = requester.join().map_err(|_| "the requester panicked".to_owned())??;
            let told = [&replied["body"], &replied["topic"], &replied["flag"], &replied["properties"]["mine"]];
            let expected = [json!(STANDARD.encode(body)), json!(REPLY_TOPIC), json!(7), json!("1")];
            if told != expected.each_ref() || replied["properties"]["CORRELATION_ID"] != json!(to.correlation_id) {
                return Err(format!("the official client got {replied}"));
            }
            // The broker hands it on before it stores it, and stores a compressed body without the flag that says so.
            let stored = bench.read(REPLY_TOPIC, replies + 1)?;
            let id = |stored: &&StoredMessage| stored.properties.get("CORRELATION_ID") == Some(&to.correlation_id);
            match stored.iter().find(id) {
                Some(kept) if number == 1 || kept.body == *body => Ok(()),
                other => Err(format!("of {} stored replies ours is {other:?}", stored.len())),
            }
        })?;
    }
    let to = ReplyTo {
        correlation_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        reply_to_client: "nobody@1".to_owned(),
        ttl: Some(LIMIT),
        cluster: "DefaultCluster".to_owned(),
    };
    for is_async in [false, true] {
        let Err(error) = reply(&producer, &to, &Message::new("", b"pong"), is_async) else {
            return Err("a reply to nobody was accepted".to_owned());
        };
        let told = (error.kind(), error.broker_code(), error.remark());
        let remark = "push reply message fail, channel of <nobody@1> not found.";
        if told != (ErrorKind::Broker, Some(1), Some(remark)) {
            return Err(text(error));
        }
    }
    producer.close(LIMIT).map_err(text)?;
    Ok("2 replies, and 2 to nobody refused".to_owned())
}

fn reply(producer: &Producer, to: &ReplyTo, message: &Message<'_>, is_async: bool) -> Result<(), Error> {
    if !is_async {
        return producer.reply(to, message, &options()).map(drop);
    }
    let (done, ended) = mpsc::channel();
    producer.reply_async(to, message, &options(), move |outcome| drop(done.send(outcome)))?;
    let late = |_| Error::new(ErrorKind::Timeout, "no callback");
    ended.recv_timeout(LIMIT).map_err(late)?.map(drop)
}
