//! Traces: what a broker stored of them, and what they cannot change. Trace contexts: which messages get one.

#![cfg(feature = "mock")]

#[path = "trace/batches.rs"]
mod batches;
#[path = "trace/ends.rs"]
mod ends;
mod fake;

use fake::{Act, FakeServer, LONG, eventually};
use mqproducer::mock::{Cluster, StoredMessage};
use mqproducer::protocol::remoting::Header;
use mqproducer::protocol::remoting::command::request_code::{GET_ROUTEINFO_BY_TOPIC, HEART_BEAT, SEND_MESSAGE_V2};
use mqproducer::protocol::remoting::message_id::OffsetId;
use mqproducer::protocol::remoting::properties;
use mqproducer::protocol::remoting::trace::{Published, TraceRecord, TracedType, decode};
use mqproducer::{Config, Delay, ErrorKind, Message, Producer, SendOptions, TransactionState};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const TOPIC: &str = "RMQ_SYS_TRACE_TOPIC";

fn traced(url: &str, settings: &[(&str, &str)]) -> Producer {
    let all: Vec<(&str, &str)> = [("enable_trace", "true")].iter().chain(settings).copied().collect();
    fake::producer(url, &all)
}

fn send(producer: &Producer, message: &Message<'_>) -> mqproducer::Receipt {
    producer.send(message, &SendOptions::default()).unwrap()
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// The text of each trace message of a topic.
fn texts(cluster: &Cluster, topic: &str) -> Vec<String> {
    cluster.messages(Some(topic)).into_iter().map(|message| String::from_utf8(message.body).unwrap()).collect()
}

fn property<'a>(message: &'a StoredMessage, name: &str) -> Option<&'a str> {
    message.properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn published(text: &str) -> Vec<Published<'_>> {
    let records = decode(text).map(|record| match record.unwrap() {
        TraceRecord::Published(published) => published,
        other => panic!("{other:?}"),
    });
    records.collect()
}

/// Every record of a topic, in the order of the messages.
fn records_of(text: &[String]) -> Vec<Published<'_>> {
    text.iter().flat_map(|text| published(text)).collect()
}

/// Rows: TR-01 TR-02 TR-05 LC-16.
#[test]
fn what_a_broker_stored_is_told_as_java_tells_it_when_the_producer_closes() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = traced(&cluster.url(), &[]);
    let begun = now_ms();
    let tagged = send(&producer, &Message::new("T", b"tagged").with_tags("tag").with_keys("k1 k2"));
    let (done, ended) = channel();
    let delayed = Message::new("T", b"later").with_delay(Delay::Level(1)).with_keys("k1");
    producer.send_async(&delayed, &SendOptions::default(), move |end| done.send(end.unwrap()).unwrap()).unwrap();
    let later = ended.recv_timeout(LONG).unwrap();
    // Nobody answers it: there is nothing to tell, as in Java.
    producer.send_oneway(&Message::new("T", b"oneway"), &SendOptions::default()).unwrap();
    producer.close(LONG).unwrap();
    let closed = now_ms();
    assert_eq!(producer.traces_dropped().unwrap(), 0);

    assert!(cluster.wait_for_messages(Some("T"), 3, LONG), "the delayed one, too");
    assert_eq!(cluster.producer_groups().len(), 0, "both clients have said farewell");

    let stored = cluster.messages(Some(TOPIC));
    let keys: Vec<&str> = stored.iter().flat_map(|message| property(message, "KEYS").unwrap().split(' ')).collect();
    for key in [&*tagged.message_id, &*later.message_id, "k1", "k2"] {
        assert!(keys.contains(&key), "{keys:?}");
    }
    let told = texts(&cluster, TOPIC);
    let mut records = records_of(&told);
    records.sort_by_key(|record| record.body_length);
    records.reverse();
    assert_eq!(records.len(), 2);
    let broker = OffsetId::decode(&tagged.offset_message_id).unwrap().store_host.to_string();
    for (record, receipt, tags, keys, body_length, message_type) in [
        (records[0], &tagged, "tag", "k1 k2", 6, TracedType::Normal),
        (records[1], &later, "", "k1", 5, TracedType::Delay),
    ] {
        assert!((begun..=closed).contains(&record.timestamp), "{record:?}, {begun} to {closed}");
        assert!(record.cost_ms >= 0 && record.cost_ms < LONG.as_millis() as i64);
        let expected = Published {
            timestamp: record.timestamp,
            region: "DefaultRegion",
            group: "test",
            topic: "T",
            message_id: &receipt.message_id,
            tags,
            keys,
            store_host: &broker,
            body_length,
            cost_ms: record.cost_ms,
            message_type,
            offset_message_id: &receipt.offset_message_id,
            success: true,
        };
        assert_eq!(record, expected);
    }
}

/// Rows: TR-01.
#[test]
fn without_the_key_nothing_is_traced() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = fake::producer(&cluster.url(), &[("trace_topic", "Mine")]);
    send(&producer, &Message::new("T", b"x"));
    producer.close(LONG).unwrap();
    assert_eq!(cluster.message_count(None), 1);
    assert_eq!(cluster.producer_groups().len(), 0);
}

/// Rows: TR-05.
#[test]
fn records_are_joined_up_to_the_batch_number_and_fewer_go_after_a_while() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = traced(&cluster.url(), &[("trace_msg_batch_num", "4")]);
    for _ in 0..9 {
        send(&producer, &Message::new("T", b"x"));
    }
    eventually("all are told without a close", || records_of(&texts(&cluster, TOPIC)).len() == 9);
    assert!(texts(&cluster, TOPIC).iter().all(|text| published(text).len() <= 4));
    producer.close(LONG).unwrap();
    assert_eq!(records_of(&texts(&cluster, TOPIC)).len(), 9);
}

/// Rows: TR-05.
#[test]
fn a_message_of_traces_is_not_longer_than_its_limit() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = traced(&cluster.url(), &[]);
    let keys = "k".repeat(30_000);
    let ids: Vec<String> =
        (0..6).map(|_| send(&producer, &Message::new("T", b"x").with_keys(&keys)).message_id).collect();
    producer.close(LONG).unwrap();
    let stored = cluster.messages(Some(TOPIC));
    assert_eq!(records_of(&texts(&cluster, TOPIC)).len(), 6);
    assert!(stored.len() >= 2, "six of thirty thousand bytes do not fit one");
    assert!(stored.iter().all(|message| message.body.len() <= 128_000));
    // Each is found by its id.
    let found: Vec<&str> = stored.iter().flat_map(|message| property(message, "KEYS").unwrap().split(' ')).collect();
    assert!(ids.iter().all(|id| found.contains(&id.as_str())), "{found:.99?}");
    assert_eq!(producer.traces_dropped().unwrap(), 0);
}

/// Rows: TR-01 TR-06.
#[test]
fn traces_go_to_the_topic_of_choice_or_of_the_region_and_leave_none_themselves() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    for (settings, topic) in [
        (&[("trace_topic", "Mine"), ("trace_msg_batch_num", "1")][..], "Mine"),
        (&[("access_channel", "cloud"), ("trace_msg_batch_num", "1")], "rmq_sys_TRACE_DATA_DefaultRegion"),
    ] {
        let producer = traced(&cluster.url(), settings);
        send(&producer, &Message::new("T", b"x"));
        send(&producer, &Message::new(topic, b"no record"));
        producer.close(LONG).unwrap();
        let mut told = texts(&cluster, topic);
        told.retain(|text| text != "no record");
        assert_eq!(records_of(&told).len(), 1, "{topic}");
    }
    assert_eq!(cluster.message_count(Some(TOPIC)), 0);
}

fn with_fields(fields: &[(&'static str, &str)]) -> Act {
    let Act::Answer(code, remark, mut all) = Act::stored(0, 7) else { unreachable!() };
    all.extend(fields.iter().map(|(name, value)| (*name, (*value).to_owned())));
    Act::Answer(code, remark, all)
}

fn is_trace(request: &Header) -> bool {
    request.get("b").is_some_and(|topic| topic == TOPIC)
}

fn trace_bodies(broker: &FakeServer) -> Vec<String> {
    let requests = broker.seen(SEND_MESSAGE_V2);
    let bodies = broker.bodies_of(SEND_MESSAGE_V2);
    let traces = requests.iter().zip(bodies).filter(|(request, _)| is_trace(request));
    traces.map(|(_, body)| String::from_utf8(body).unwrap()).collect()
}

/// Rows: TR-02 LC-16.
#[test]
fn each_answer_is_told_with_its_region_and_success_unless_the_broker_wants_no_traces() {
    let broker = FakeServer::start(|_, request| match request.get("b") {
        _ if is_trace(request) => Act::stored(0, 0),
        Some("NS%Wanted") => with_fields(&[("MSG_REGION", "cn-1"), ("TRACE_ON", "true")]),
        Some("NS%Unwanted") => with_fields(&[("MSG_REGION", "cn-1"), ("TRACE_ON", "false")]),
        Some("NS%Late") => Act::Answer(10, "", vec![("queueId", "0".to_owned()), ("queueOffset", "3".to_owned())]),
        Some("NS%Refused") => Act::Answer(13, "illegal", vec![]),
        _ => Act::stored(0, 0),
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = traced(&names.url(), &[("namespace", "NS")]);
    for topic in ["Wanted", "Unwanted", "Late", "Refused"] {
        let ended = producer.send(&Message::new(topic, b"x"), &SendOptions::default());
        assert_eq!(ended.is_ok(), topic != "Refused", "{ended:?}");
    }
    producer.close(LONG).unwrap();
    let told = trace_bodies(&broker);
    let records = records_of(&told);
    let seen: Vec<_> = records.iter().map(|it| (it.group, it.topic, it.region, it.success)).collect();
    assert_eq!(seen, [("test", "Wanted", "cn-1", true), ("test", "Late", "DefaultRegion", false)]);
}

/// Rows: TR-03 TR-04 HK-08 LC-16.
#[test]
fn the_trace_producer_is_a_client_of_its_own_that_signs_as_its_owner_does() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&broker.address], 1);
    let settings =
        [("access_key", "AK"), ("secret_key", "SK"), ("namespace_v2", "N2"), ("instance_name", "traced-alone")];
    let producer = traced(&names.url(), &settings);
    send(&producer, &Message::new("T", b"x"));
    producer.close(LONG).unwrap();
    let sends = broker.seen(SEND_MESSAGE_V2);
    let trace = sends.iter().find(|request| is_trace(request)).expect("a trace");
    assert!(trace.get("a").unwrap().starts_with("_INNER_TRACE_PRODUCER-test-PRODUCE-"), "{trace:?}");
    for (name, value) in [("AccessKey", "AK"), ("ns", "N2"), ("nsd", "true")] {
        assert_eq!(trace.get(name), Some(value), "{trace:?}");
    }
    assert!(trace.get("Signature").is_some_and(|signature| !signature.is_empty()));
    let greetings = broker.bodies_of(HEART_BEAT);
    let mut clients: Vec<String> = (greetings.iter())
        .map(|body| {
            let beat: serde_json::Value = serde_json::from_slice(body).unwrap();
            beat["clientID"].as_str().unwrap().to_owned()
        })
        .collect();
    clients.sort_unstable();
    clients.dedup();
    assert_eq!(clients.len(), 2, "a broker must not take one for the other: {clients:?}");
}

/// A name server that knows one topic and is silent about all else.
fn knows_only(topic: &'static str, broker: &str) -> FakeServer {
    let data = r#""brokerName":"broker-a""#;
    let route = format!(
        r#"{{"brokerDatas":[{{"brokerAddrs":{{"0":"{broker}"}},{data},"cluster":"c"}}],"queueDatas":[{{{data},"perm":6,"readQueueNums":1,"writeQueueNums":1,"topicSysFlag":0}}]}}"#
    );
    FakeServer::start(move |_, request| match request.get("topic") {
        Some(asked) if asked == topic && request.code == GET_ROUTEINFO_BY_TOPIC => Act::body(request, route.as_bytes()),
        _ => Act::Silence,
    })
}

/// Rows: TR-04 TR-05.
#[test]
fn traces_that_nobody_takes_are_dropped_and_counted_and_no_send_hears_of_it() {
    const MESSAGES: usize = 2_100;
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = knows_only("T", &broker.address);
    let producer = traced(&names.url(), &[]);
    let (done, ended) = channel();
    for _ in 0..MESSAGES {
        let done = done.clone();
        let callback = move |end: mqproducer::Result<_>| done.send(end.is_ok()).unwrap();
        producer.send_async(&Message::new("T", b"x"), &SendOptions::default(), callback).unwrap();
    }
    for _ in 0..MESSAGES {
        assert!(ended.recv_timeout(LONG).unwrap());
    }
    let dropped = producer.traces_dropped().unwrap();
    assert!(dropped >= 52, "the queue holds 2048 of {MESSAGES}: {dropped}");
    producer.close(Duration::from_millis(100)).unwrap();
    assert_eq!(producer.traces_dropped().unwrap(), MESSAGES as u64);
    assert_eq!(trace_bodies(&broker).len(), 0);
}

/// Rows: TR-04.
#[test]
fn a_trace_topic_that_refuses_changes_no_send() {
    let broker = FakeServer::start(|_, request| match is_trace(request) {
        true => Act::Answer(13, "no traces here", vec![]),
        false => Act::stored(0, 0),
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = traced(&names.url(), &[("trace_msg_batch_num", "1")]);
    for sent in 1..=3 {
        send(&producer, &Message::new("T", b"x"));
        eventually("the trace is refused", || producer.traces_dropped().unwrap() == sent);
    }
    producer.close(LONG).unwrap();
    assert_eq!(trace_bodies(&broker).len(), 3);
}

#[test]
fn a_close_without_time_drops_what_waits() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = knows_only("T", &broker.address);
    let producer = traced(&names.url(), &[]);
    for _ in 0..3 {
        send(&producer, &Message::new("T", b"x"));
    }
    producer.close(Duration::ZERO).unwrap();
    assert_eq!(producer.traces_dropped().unwrap(), 3);
    assert_eq!(producer.statistics().unwrap().dropped_trace_records, 3);
    assert_eq!(trace_bodies(&broker).len(), 0);
}

fn context(last: &str) -> String {
    format!("00-4bf92f3577b34da6a3ce929d0e0e47{last}-00f067aa0ba902b7-01")
}

fn with_context(url: &str, source: impl Fn() -> Option<String> + Send + Sync + 'static) -> Producer {
    let config = Config::new().with("url", url).and_then(|c| c.with("producer_group", "test")).unwrap();
    let producer = Producer::new(&config).unwrap();
    producer.set_trace_context(|| panic!("another is set after it")).unwrap();
    producer.set_trace_context(source).unwrap();
    producer.start().unwrap();
    let late = producer.set_trace_context(|| None).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::AlreadyStarted);
    assert_eq!(late.message(), "a trace context is set before the start");
    producer
}

/// The trace context that the broker got with each body.
fn contexts(cluster: &Cluster) -> Vec<(String, Option<String>)> {
    let mut all: Vec<_> = (cluster.messages(Some("T")).iter())
        .map(|message| {
            let context = property(message, properties::TRACEPARENT).map(str::to_owned);
            (String::from_utf8(message.body.clone()).unwrap(), context)
        })
        .collect();
    all.sort();
    all
}

#[test]
fn messages_get_the_callers_trace_context_unless_they_have_their_own() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&calls);
    let producer = with_context(&cluster.url(), move || {
        let mut calls = seen.lock().unwrap();
        calls.push(std::thread::current().id());
        Some(context(&format!("{:02x}", calls.len())))
    });
    let (mine, other) = (context("aa"), context("bb"));
    send(&producer, &Message::new("T", b"1 asked"));
    send(&producer, &Message::new("T", b"2 own").with_trace_parent(&mine));
    send(&producer, &Message::new("T", b"3 property").with_property("traceparent", &other));
    let (done, ended) = channel();
    let callback = move |end: mqproducer::Result<_>| done.send(end.is_ok()).unwrap();
    producer.send_async(&Message::new("T", b"4 async"), &SendOptions::default(), callback).unwrap();
    assert!(ended.recv_timeout(LONG).unwrap());
    producer.send_oneway(&Message::new("T", b"5 oneway"), &SendOptions::default()).unwrap();
    producer.close(LONG).unwrap();
    assert!(cluster.wait_for_messages(Some("T"), 5, LONG));
    let expected = [
        ("1 asked", context("01")),
        ("2 own", mine),
        ("3 property", other),
        ("4 async", context("02")),
        ("5 oneway", context("03")),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(body, context)| (body.to_owned(), Some(context))).collect();
    assert_eq!(contexts(&cluster), expected);
    let here = std::thread::current().id();
    assert!(calls.lock().unwrap().iter().all(|thread| *thread == here));
}

#[test]
fn what_is_no_trace_context_is_left_out_and_the_message_goes() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let next = Mutex::new(0);
    let producer = with_context(&cluster.url(), move || {
        let number = {
            let mut next = next.lock().unwrap();
            *next += 1;
            *next
        };
        match number {
            1 => None,
            2 => Some(String::new()),
            3 => Some("00-nonsense".to_owned()),
            4 => Some(format!("{}\u{1}x\u{2}", context("01"))),
            5 => panic!("in the callback"),
            _ => Some(context("06")),
        }
    });
    for body in ["1", "2", "3", "4", "5", "6"] {
        send(&producer, &Message::new("T", body.as_bytes()));
    }
    let got: Vec<Option<String>> = contexts(&cluster).into_iter().map(|(_, context)| context).collect();
    assert_eq!(got, [None, None, None, None, None, Some(context("06"))]);
}

#[test]
fn a_retry_keeps_the_context_of_its_message() {
    let broker = FakeServer::start(|number, _| match number {
        0 | 1 => Act::Answer(2, "busy", vec![]),
        _ => Act::stored(0, 0),
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let calls = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&calls);
    let producer = with_context(&names.url(), move || {
        *seen.lock().unwrap() += 1;
        Some(context("01"))
    });
    send(&producer, &Message::new("T", b"x"));
    let sends = broker.seen(SEND_MESSAGE_V2);
    assert_eq!((sends.len(), *calls.lock().unwrap()), (3, 1));
    for request in &sends {
        assert_eq!(properties::get(request.get("i").unwrap(), "traceparent"), Some(&*context("01")));
    }
}

/// Rows: TR-02.
#[test]
fn ends_of_transactions_and_recalls_are_told() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let mut config = Config::new();
    for (key, value) in [("url", &*cluster.url()), ("producer_group", "test"), ("enable_trace", "true")] {
        config.set(key, value).unwrap();
    }
    let producer = Producer::new(&config).unwrap();
    producer.set_transaction_checker(|_| TransactionState::Unknown).unwrap();
    producer.start().unwrap();
    let transaction = producer.begin_transaction().unwrap();
    let message = Message::new("T", b"x").with_tags("tag").with_keys("k1");
    let half = transaction.send(&message, &SendOptions::default()).unwrap();
    transaction.commit().unwrap();
    let timer = send(&producer, &Message::new("T", b"x").with_delay(Delay::Seconds(3600)));
    producer.recall("T", &timer.recall_handle, None).unwrap();
    producer.close(LONG).unwrap();
    let told = texts(&cluster, TOPIC);
    let records: Vec<_> = told.iter().flat_map(|text| decode(text).map(Result::unwrap)).collect();
    let broker = OffsetId::decode(&half.offset_message_id).unwrap().store_host.to_string();
    let ended = records.iter().find_map(|record| match record {
        TraceRecord::Ended(ended) => Some(ended),
        _ => None,
    });
    let ended = ended.unwrap();
    assert_eq!((ended.group, ended.topic, ended.region), ("test", "T", "DefaultRegion"));
    assert_eq!((ended.tags, ended.keys, ended.store_host), ("tag", "k1", &*broker));
    assert_eq!((ended.message_id, ended.transaction_id), (&*half.message_id, &*half.transaction_id));
    assert_eq!((ended.state, ended.from_check), (TransactionState::Commit, false));
    assert!(records.iter().any(|record| matches!(record,
        TraceRecord::Recalled(recalled) if recalled.success && recalled.message_id == timer.message_id)));
}
