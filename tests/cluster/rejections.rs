//! What a real broker refuses: the code, the remark and the number of tries reach the sender.

use crate::suites::{Bench, text};
use mqproducer::{Config, Error, ErrorKind, Message, Producer, SendOptions};
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Messages at once, more than a broker answers before its page cache counts as busy.
const BURST: usize = 3000;

fn producer(bench: &Bench, settings: &[(&str, &str)]) -> Result<Producer, String> {
    let mut config = Config::new();
    let url = bench.url();
    let common = [
        ("url", url.as_str()),
        ("producer_group", "rejected"),
        ("compress_msg_body_over_howmuch", "2147483647"),
        // Stale routes are wanted.
        ("poll_name_server_interval", "3600000"),
    ];
    for (key, value) in common.iter().chain(settings) {
        config.set(key, value).map_err(text)?;
    }
    let producer = Producer::new(&config).map_err(text)?;
    producer.start().map_err(text)?;
    Ok(producer)
}

fn refused(producer: &Producer, topic: &str, body: &[u8]) -> Result<Error, String> {
    match producer.send(&Message::new(topic, body), &SendOptions::default()) {
        Ok(receipt) => Err(format!("{topic}: stored: {receipt:?}")),
        Err(error) => Ok(error),
    }
}

/// The error is a refusal with this code, after so many tries, with `part` in its remark.
fn expect(what: &str, error: &Error, code: i32, tries: u32, part: &str) -> Result<(), String> {
    let counted = format!(": {tries} {} in ", if tries == 1 { "try" } else { "tries" });
    let remark = error.remark().unwrap_or_default();
    let right = error.kind() == ErrorKind::Broker
        && error.broker_code() == Some(code)
        && remark.contains(part)
        && error.message().contains(&counted)
        && !error.maybe_persisted();
    if right { Ok(()) } else { Err(format!("{what}: expected {code}, {tries} tries, `{part}`: {error:?}")) }
}

fn configure(bench: &Bench, settings: &[(&str, &str)]) -> Result<(), String> {
    let broker = &bench.topology.master("broker-a").addr;
    bench.tool.set_config(&bench.topology.connection(), broker, settings).map_err(text)
}

fn topic(bench: &Bench, name: &str, queues: u32, perm: u32) -> Result<(), String> {
    let broker = &bench.topology.master("broker-a").addr;
    bench.tool.create_topic(&bench.topology.connection(), broker, name, queues, perm, &[]).map_err(text)
}

/// Rows: VA-04 VA-12 RE-02 RE-03.
pub fn a_broker_refuses_what_is_too_large(bench: &Bench) -> Result<String, String> {
    topic(bench, "TooLarge", 4, 6)?;
    let producer = producer(bench, &[])?;
    configure(bench, &[("maxMessageSize", "65536")])?;
    let end = refused(&producer, "TooLarge", &[b'x'; 100_000])
        .and_then(|error| expect("too large", &error, 13, 1, "msg body length limit 65536B"));
    configure(bench, &[("maxMessageSize", "4194304")])?;
    end?;
    producer.send(&Message::new("TooLarge", &[b'x'; 100_000]), &SendOptions::default()).map_err(text)?;
    Ok(String::new())
}

/// Rows: VA-12 RE-03.
pub fn a_broker_refuses_a_queue_that_is_gone(bench: &Bench) -> Result<String, String> {
    topic(bench, "Shrunk", 4, 6)?;
    let producer = producer(bench, &[("topics", "Shrunk")])?;
    topic(bench, "Shrunk", 1, 6)?;
    let mut refusals = 0;
    for _ in 0..4 {
        match producer.send(&Message::new("Shrunk", b"x"), &SendOptions::default()) {
            Ok(receipt) if receipt.queue_id == 0 => {}
            Ok(receipt) => return Err(format!("stored: {receipt:?}")),
            Err(error) => {
                refusals += 1;
                expect("a queue that is gone", &error, 29, 1, "is illegal")?;
            }
        }
    }
    if refusals == 3 { Ok(String::new()) } else { Err(format!("{refusals} refusals of 3")) }
}

/// Rows: RT-15 RT-18 VA-12.
pub fn a_topic_that_may_only_be_read_has_no_route(bench: &Bench) -> Result<String, String> {
    topic(bench, "ReadOnly", 4, 4)?;
    let error = refused(&producer(bench, &[])?, "ReadOnly", b"x")?;
    match error.kind() {
        ErrorKind::NoRoute if error.message().contains("no writable queue") => Ok(String::new()),
        _ => Err(text(error)),
    }
}

/// Rows: RE-02.
pub fn a_broker_out_of_service_is_tried_again(bench: &Bench) -> Result<String, String> {
    topic(bench, "OutOfService", 4, 6)?;
    let producer = producer(bench, &[("retry_times_when_send_failed", "4")])?;
    let future = SystemTime::now() + Duration::from_secs(3600);
    let future = future.duration_since(UNIX_EPOCH).map_err(text)?.as_millis().to_string();
    configure(bench, &[("startAcceptSendRequestTimeStamp", &future)])?;
    let end = refused(&producer, "OutOfService", b"x")
        .and_then(|error| expect("out of service", &error, 1, 5, "broker unable to service, until"));
    configure(bench, &[("startAcceptSendRequestTimeStamp", "0")])?;
    end?;
    producer.send(&Message::new("OutOfService", b"x"), &SendOptions::default()).map_err(text)?;
    Ok(String::new())
}

/// Rows: RE-02 AS-07.
pub fn flow_control_is_a_refusal_and_worth_a_retry(bench: &Bench) -> Result<String, String> {
    topic(bench, "FlowControl", 4, 6)?;
    let producer = producer(bench, &[("retry_times_when_send_async_failed", "0"), ("send_msg_timeout", "30000")])?;
    configure(bench, &[("osPageCacheBusyTimeOutMills", "-1")])?;
    let (done, ended) = mpsc::channel();
    let mut end = Ok(());
    for _ in 0..BURST {
        let done = done.clone();
        let callback = move |outcome: mqproducer::Result<_>| drop(done.send(outcome.err()));
        let sent = producer.send_async(&Message::new("FlowControl", &[b'x'; 2000]), &SendOptions::default(), callback);
        end = end.and(sent.map_err(text));
    }
    drop(done);
    let refusals: Vec<Error> = ended.iter().flatten().collect();
    configure(bench, &[("osPageCacheBusyTimeOutMills", "1000")])?;
    end?;
    for error in &refusals {
        expect("flow control", error, 2, 1, "start flow control for a while")?;
        if !error.retriable() {
            return Err(format!("not retriable: {error:?}"));
        }
    }
    producer.send(&Message::new("FlowControl", b"x"), &SendOptions::default()).map_err(text)?;
    if refusals.is_empty() {
        Err("no message was refused".to_owned())
    } else {
        Ok(format!("{} of {BURST}", refusals.len()))
    }
}

/// After it this broker creates no topics any more, even when it is allowed again: it runs last.
///
/// Rows: RT-03 RT-04 RE-02.
pub fn an_unknown_topic_is_refused_where_topics_are_not_created(bench: &Bench) -> Result<String, String> {
    let producer = producer(bench, &[])?;
    configure(bench, &[("autoCreateTopicEnable", "false")])?;
    let end = refused(&producer, "NeverCreated", b"x")
        .and_then(|error| expect("unknown topic", &error, 17, 3, "topic[NeverCreated] not exist"));
    configure(bench, &[("autoCreateTopicEnable", "true")])?;
    end.map(|()| String::new())
}
