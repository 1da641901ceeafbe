//! Batches: what goes out, what is refused, and how each message ends.

#![cfg(feature = "mock")]

mod fake;

use fake::{Act, FakeServer, LONG, producer};
use mqproducer::mock::{Cluster, StoredMessage};
use mqproducer::protocol::remoting::command::request_code::{SEND_BATCH_MESSAGE, SEND_MESSAGE_V2};
use mqproducer::protocol::remoting::{SendHeader, batch, properties};
use mqproducer::{
    BatchOptions, BatchResult, Config, Delay, ErrorKind, HookContext, HookEnd, Message, MessageQueue, Producer,
    Receipt, Selector, SendHook, SendOptions, SendStatus,
};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

fn split(bytes: usize) -> BatchOptions {
    BatchOptions::default().with_split_bytes(bytes)
}

fn whole() -> BatchOptions {
    BatchOptions::default()
}

/// What message `number` of a test says.
struct Sample {
    body: Vec<u8>,
    keys: String,
    flag: i32,
    value: String,
}

fn samples(count: usize, size: usize) -> Vec<Sample> {
    let sample = |number: usize| Sample {
        body: (0..size.max(1)).map(|at| (at * 7 + number) as u8).collect(),
        keys: format!("key-{number}"),
        flag: number as i32 - 1,
        value: format!("{number} \u{e4}"),
    };
    (0..count).map(sample).collect()
}

fn messages<'a>(topic: &'a str, samples: &'a [Sample]) -> Vec<Message<'a>> {
    let message = |sample: &'a Sample| {
        let message = Message::new(topic, &sample.body).with_keys(&sample.keys).with_tags("t").with_flag(sample.flag);
        message.with_property("number", &sample.value)
    };
    samples.iter().map(message).collect()
}

/// Each message is stored once, as its sample says, where its receipt says.
fn check_stored(cluster: &Cluster, topic: &str, samples: &[Sample], receipts: &[Receipt]) {
    let stored = cluster.messages(Some(topic));
    assert_eq!((stored.len(), receipts.len()), (samples.len(), samples.len()));
    for (sample, receipt) in samples.iter().zip(receipts) {
        let found: Vec<&StoredMessage> = stored.iter().filter(|one| one.message_id == receipt.message_id).collect();
        let [found] = found[..] else { panic!("{} is stored {} times", receipt.message_id, found.len()) };
        assert_eq!((&found.body, found.flag, found.sys_flag), (&sample.body, sample.flag, 0));
        assert_eq!((found.keys.as_deref(), found.tags.as_deref()), (Some(&*sample.keys), Some("t")));
        assert_eq!(found.property("number"), Some(&*sample.value));
        assert_eq!(found.property("WAIT"), Some("true"));
        if receipt.status == SendStatus::Ok {
            assert_eq!((found.queue_id, found.queue_offset), (receipt.queue_id, receipt.queue_offset));
            assert_eq!(found.offset_message_id, receipt.offset_message_id);
            assert_eq!((&found.broker_name, &found.topic), (&receipt.broker_name, &receipt.topic));
        }
    }
}

fn receipts(result: BatchResult) -> Vec<Receipt> {
    assert!(result.all_ok(), "{:?}", result.first_error());
    result.into_results().into_iter().map(Result::unwrap).collect()
}

fn send_async(producer: &Producer, messages: &[Message<'_>], options: &BatchOptions) -> mpsc::Receiver<BatchResult> {
    let (done, ended) = mpsc::channel();
    let callback = move |result| done.send(result).unwrap();
    producer.send_batch_async(messages, &SendOptions::default(), options, callback).unwrap();
    ended
}

/// Rows: BA-01 BA-02 BA-03 BA-05.
#[test]
fn every_message_is_stored_as_it_is_in_each_mode() {
    let cluster = Cluster::open("", 2, 4).unwrap();
    let producer = producer(&cluster.url(), &[]);
    let options = SendOptions::default();
    for (topic, count, size) in [("One", 1, 1), ("Few", 3, 100), ("Many", 500, 3), ("Large", 4, 900_000)] {
        let samples = samples(count, size);
        let sync = format!("{topic}-sync");
        let result = producer.send_batch(&messages(&sync, &samples), &options, &whole()).unwrap();
        check_stored(&cluster, &sync, &samples, &receipts(result));
        let later = format!("{topic}-async");
        let ended = send_async(&producer, &messages(&later, &samples), &whole());
        let result = ended.recv_timeout(LONG).unwrap();
        check_stored(&cluster, &later, &samples, &receipts(result));
        assert!(ended.recv().is_err(), "told once");
        let oneway = format!("{topic}-oneway");
        let result = producer.send_batch_oneway(&messages(&oneway, &samples), &options, &whole()).unwrap();
        let receipts = receipts(result);
        assert!(receipts.iter().all(|one| one.status == SendStatus::Oneway && one.queue_offset == -1));
        assert!(cluster.wait_for_messages(Some(&oneway), count, LONG));
        check_stored(&cluster, &oneway, &samples, &receipts);
    }
}

/// Rows: BA-01 BA-02 BA-03 BA-05 CO-04.
#[test]
fn one_request_carries_all_and_is_not_compressed() {
    let ids = "0A0A0A0A00002A9F0000000000000001,0A0A0A0A00002A9F0000000000000002";
    let broker = FakeServer::start(move |_, _| {
        let fields = [("msgId", ids), ("queueId", "0"), ("queueOffset", "41"), ("transactionId", "X")];
        Act::Answer(0, "", fields.map(|(name, value)| (name, value.to_owned())).to_vec())
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[("compress_msg_body_over_howmuch", "10")]);
    let body = vec![b'x'; 100_000];
    let both = [Message::new("T", &body).with_flag(5).with_property("a", "b"), Message::new("T", b"second")];
    let result = producer.send_batch(&both, &SendOptions::default(), &whole()).unwrap();
    let receipts = receipts(result);
    let [request] = &broker.seen(SEND_BATCH_MESSAGE)[..] else { panic!("not one request") };
    assert!(broker.seen(SEND_MESSAGE_V2).is_empty());
    let header = SendHeader::decode(request).unwrap();
    assert!(header.batch && header.sys_flag == 0 && header.topic == "T" && header.flag == 0);
    let names: Vec<&str> = properties::decode(header.properties).map(|(name, _)| name).collect();
    assert_eq!(names, ["UNIQ_KEY", "WAIT"], "the batch's own");
    let carried = broker.bodies_of(SEND_BATCH_MESSAGE).remove(0);
    let carried: Vec<_> = batch::decode(&carried).map(Result::unwrap).collect();
    assert_eq!(carried.len(), 2);
    assert_eq!((carried[0].body, carried[0].flag), (&body[..], 5));
    assert_eq!((carried[1].body, carried[1].flag), (&b"second"[..], 0));
    assert_eq!(properties::get(carried[0].properties, "a"), Some("b"));
    let own = properties::get(header.properties, "UNIQ_KEY").unwrap();
    let mut unique = BTreeSet::from([own]);
    for (index, (message, receipt)) in carried.iter().zip(&receipts).enumerate() {
        let id = properties::get(message.properties, "UNIQ_KEY").unwrap();
        assert!(unique.insert(id) && receipt.message_id == id);
        assert_eq!(receipt.offset_message_id, ids.split(',').nth(index).unwrap());
        assert_eq!(receipt.queue_offset, 41 + index as i64);
    }
}

/// Rows: BA-05.
#[test]
fn a_topic_that_keeps_batches_whole_gives_one_offset_id_to_all() {
    let broker = FakeServer::start(|_, _| {
        let fields = [("msgId", "ABC"), ("queueId", "0"), ("queueOffset", "7"), ("batchUniqId", "U")];
        Act::Answer(0, "", fields.map(|(name, value)| (name, value.to_owned())).to_vec())
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let samples = samples(3, 3);
    let result = producer(&names.url(), &[]).send_batch(&messages("T", &samples), &SendOptions::default(), &whole());
    for (index, receipt) in receipts(result.unwrap()).iter().enumerate() {
        assert_eq!((&*receipt.offset_message_id, receipt.queue_offset), ("ABC", 7 + index as i64));
    }
}

/// Rows: BA-04.
#[test]
fn what_is_refused_is_named_and_nothing_is_sent() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = producer(&cluster.url(), &[("max_message_size", "1000")]);
    let plain = || Message::new("T", b"x");
    let body = vec![b'x'; 990];
    let long = "x".repeat(40_000);
    let cases: Vec<(Vec<Message<'_>>, BatchOptions, ErrorKind, &str)> = vec![
        (vec![], whole(), ErrorKind::InvalidArgument, "the batch holds 0 messages; the minimum is 1"),
        (vec![plain(), Message::new("U", b"x")], whole(), ErrorKind::InvalidMessage, "messages[1]: `topic` = `U`"),
        (vec![plain(), Message::new("", b"x")], whole(), ErrorKind::InvalidMessage, "messages[1]: `topic` is empty"),
        (vec![plain(), Message::new("T", b"")], whole(), ErrorKind::InvalidMessage, "messages[1]: `body` is empty"),
        (
            vec![plain().with_delay(Delay::Level(1))],
            whole(),
            ErrorKind::InvalidMessage,
            "messages[0]: `delay` is Level(1)",
        ),
        (vec![Message::new("%RETRY%G", b"x")], whole(), ErrorKind::InvalidMessage, "messages[0]: `topic` = `%RETRY%G`"),
        (
            vec![plain(), Message { wait_store_msg_ok: false, ..plain() }],
            whole(),
            ErrorKind::InvalidMessage,
            "messages[1]: `wait_store_msg_ok` is false",
        ),
        (vec![plain(), plain().with_property("UNIQ_KEY", "x")], whole(), ErrorKind::InvalidMessage, "messages[1]: the"),
        (
            vec![plain(), plain().with_property("a", &long)],
            whole(),
            ErrorKind::MessageTooLarge,
            "messages[1]: the prop",
        ),
        (vec![plain(), Message::new("T", &body)], whole(), ErrorKind::MessageTooLarge, "the batch of 2 messages is "),
        (vec![plain(), Message::new("T", &body)], split(500), ErrorKind::MessageTooLarge, "messages[1]: it is "),
        (vec![plain()], split(1001), ErrorKind::InvalidArgument, "`split_bytes` is 1001; the maximum is"),
    ];
    for (messages, batch, kind, text) in cases {
        let options = SendOptions::default();
        let sync = producer.send_batch(&messages, &options, &batch).unwrap_err();
        let oneway = producer.send_batch_oneway(&messages, &options, &batch).unwrap_err();
        let callback = |_| panic!("told of what was refused");
        let later = producer.send_batch_async(&messages, &options, &batch, callback).unwrap_err();
        for error in [sync, oneway, later] {
            assert!(error.kind() == kind && error.message().starts_with(text), "{error:?} and not {text}");
        }
    }
    producer.flush(LONG).unwrap();
    assert_eq!(cluster.message_count(None), 0);
}

/// Rows: BA-01 BA-02 BA-05.
#[test]
fn a_split_batch_goes_in_parts_that_are_each_small_enough() {
    let broker_of = |request: &mqproducer::protocol::remoting::Header| SendHeader::decode(request).unwrap().queue_id;
    let cluster = Cluster::open("", 2, 4).unwrap();
    let samples = samples(100, 1000);
    for later in [false, true] {
        let topic = if later { "Later" } else { "Waiting" };
        let producer = producer(&cluster.url(), &[]);
        let messages = messages(topic, &samples);
        let result = match later {
            true => send_async(&producer, &messages, &split(10_000)).recv_timeout(LONG).unwrap(),
            false => producer.send_batch(&messages, &SendOptions::default(), &split(10_000)).unwrap(),
        };
        let receipts = receipts(result);
        check_stored(&cluster, topic, &samples, &receipts);
        let requests: BTreeSet<&str> = receipts.iter().map(|one| one.transaction_id.as_str()).collect();
        assert!((12..=15).contains(&requests.len()), "100 messages of about 1.1 kB in requests of 10 kB");
        let queues: BTreeSet<_> = receipts.iter().map(|one| (&one.broker_name, one.queue_id)).collect();
        assert!(queues.len() >= 8, "round robin over 8 queues: {queues:?}");
    }
    // What is on the wire.
    let broker = FakeServer::start(|_, _| Act::stored(3, 0));
    let names = FakeServer::name_server(&[&broker.address], 4);
    let producer = producer(&names.url(), &[]);
    let queue = MessageQueue { broker_name: "broker-a", queue_id: 3 };
    let options = SendOptions::default().with_selector(Selector::Queue(queue));
    producer.send_batch(&messages("T", &samples), &options, &split(10_000)).unwrap();
    let bodies = broker.bodies_of(SEND_BATCH_MESSAGE);
    assert!(bodies.iter().all(|body| body.len() <= 10_000) && bodies.len() >= 12);
    assert!(broker.seen(SEND_BATCH_MESSAGE).iter().all(|request| broker_of(request) == 3));
    let all: Vec<Vec<u8>> =
        bodies.iter().flat_map(|body| batch::decode(body).map(|one| one.unwrap().body.to_vec())).collect();
    assert!(all.iter().eq(samples.iter().map(|sample| &sample.body)), "in the order of the batch");
}

/// Rows: BA-05.
#[test]
fn a_part_that_fails_stops_the_rest_only_when_all_go_to_one_queue() {
    for fixed in [false, true] {
        let broker = FakeServer::start(|number, _| match number {
            1 => Act::Answer(13, "too much", vec![]),
            _ => Act::stored(0, number as i64),
        });
        let names = FakeServer::name_server(&[&broker.address], 1);
        let producer = producer(&names.url(), &[]);
        let samples = samples(4, 10);
        let selector = if fixed { Selector::Hash("key") } else { Selector::RoundRobin };
        let options = SendOptions::default().with_selector(selector);
        let result = producer.send_batch(&messages("T", &samples), &options, &split(1)).unwrap();
        assert_eq!(result.first_error().map(|(index, _)| index), Some(1));
        let results = result.results();
        assert_eq!(results[0].as_ref().unwrap().queue_offset, 0);
        let refused = results[1].as_ref().unwrap_err();
        assert_eq!((refused.broker_code(), refused.remark()), (Some(13), Some("too much")));
        for rest in &results[2..] {
            match rest {
                Ok(receipt) => assert!(!fixed && receipt.attempts == 1),
                Err(error) => {
                    assert!(fixed && error.message().starts_with("not sent, because an earlier part"), "{error}");
                    assert!(error.broker_code() == Some(13) && !error.maybe_persisted());
                }
            }
        }
        assert_eq!(broker.seen(SEND_BATCH_MESSAGE).len(), if fixed { 2 } else { 4 });
    }
}

/// Rows: BA-01 BA-05.
#[test]
fn a_batch_is_tried_again_whole_with_the_same_ids() {
    let broker = FakeServer::start(|number, _| match number {
        0 => Act::Answer(2, "busy", vec![]),
        1 => Act::Close,
        _ => Act::stored(0, 0),
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let samples = samples(3, 2000);
    let producer = producer(&names.url(), &[]);
    let result = producer.send_batch(&messages("T", &samples), &SendOptions::default(), &whole()).unwrap();
    assert!(receipts(result).iter().all(|receipt| receipt.attempts == 3));
    let bodies = broker.bodies_of(SEND_BATCH_MESSAGE);
    assert!(bodies.len() == 3 && bodies[0] == bodies[1] && bodies[0] == bodies[2]);
}

/// Rows: BA-05 CF-02.
#[test]
fn one_deadline_holds_for_all_parts() {
    let broker = FakeServer::start(|number, _| if number == 0 { Act::stored(0, 0) } else { Act::Silence });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[("retry_times_when_send_failed", "0")]);
    let samples = samples(4, 10);
    let options = SendOptions::default().with_timeout(Duration::from_millis(300));
    let started = Instant::now();
    let result = producer.send_batch(&messages("T", &samples), &options, &split(1)).unwrap();
    assert!(started.elapsed() >= Duration::from_millis(300));
    let results = result.results();
    assert!(results[0].is_ok());
    let silent = results[1].as_ref().unwrap_err();
    assert!(silent.kind() == ErrorKind::Timeout && silent.maybe_persisted(), "{silent:?}");
    for rest in &results[2..] {
        let error = rest.as_ref().unwrap_err();
        assert!(error.kind() == ErrorKind::Timeout && !error.maybe_persisted(), "{error:?}");
        assert!(error.message().contains("took all of its 300 ms"), "{error}");
    }
    assert_eq!(broker.seen(SEND_BATCH_MESSAGE).len(), 2);
}

/// Rows: BA-05 AS-03 LC-17.
#[test]
fn each_message_counts_in_flight_and_a_batch_ends_once_when_the_producer_closes() {
    let broker = FakeServer::start(|_, _| Act::Silence);
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[("max_in_flight_messages", "5"), ("backpressure", "fail")]);
    let samples = samples(4, 10);
    let options = SendOptions::default().with_timeout(LONG);
    let (done, ended) = mpsc::channel();
    let callback = move |result: BatchResult| done.send(result).unwrap();
    producer.send_batch_async(&messages("T", &samples), &options, &split(1), callback).unwrap();
    let error = producer.send_batch(&messages("T", &samples[..2]), &options, &whole()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backpressure);
    assert!(error.message().starts_with("4 messages and 40 bytes are in flight"), "{error}");
    assert!(producer.flush(Duration::ZERO).unwrap_err().message().starts_with("4 messages"));
    producer.close(Duration::from_millis(50)).unwrap_err();
    let result = ended.recv_timeout(LONG).unwrap();
    assert_eq!(result.results().len(), 4);
    assert!(result.results().iter().all(|one| one.as_ref().unwrap_err().kind() == ErrorKind::Closed));
    assert!(ended.recv_timeout(LONG).is_err(), "told once");
}

#[derive(Default)]
struct Recorder(Mutex<Vec<String>>);

impl SendHook for Recorder {
    fn check_forbidden(&self, context: &HookContext<'_>) -> Result<(), String> {
        let bodies: Vec<_> = context.batch.iter().map(|message| message.body.len()).collect();
        let message = context.message.unwrap();
        let seen = format!("check {} {} {} {bodies:?}", message.topic, context.body_length, context.message_count);
        self.0.lock().unwrap().push(seen);
        if context.batch.iter().any(|message| message.tags == "bad") { Err("no".to_owned()) } else { Ok(()) }
    }

    fn before_send(&self, context: &HookContext<'_>) {
        self.0.lock().unwrap().push(format!("before {}", context.message_count));
    }

    fn after_send(&self, context: &HookContext<'_>, end: &HookEnd<'_>) {
        assert!(context.message.is_none() && context.batch.is_empty());
        let end_text = match end.result {
            Ok(receipt) => format!("{} ids, {} tries", receipt.message_id.split(',').count(), end.attempts),
            Err(error) => format!("{:?}", error.kind()),
        };
        self.0.lock().unwrap().push(format!("after {} {}: {end_text}", context.topic, context.message_count));
    }
}

/// Rows: HK-01 HK-02 HK-04 HK-05 BA-01 BA-05.
#[test]
fn hooks_see_a_batch_as_one_message() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let recorder = Arc::new(Recorder::default());
    let mut config = Config::new();
    config.set("url", &cluster.url()).unwrap();
    config.set("producer_group", "hooked").unwrap();
    let producer = Producer::new(&config).unwrap();
    producer.add_hook(recorder.clone()).unwrap();
    producer.start().unwrap();
    let samples = samples(3, 10);
    let messages = messages("T", &samples);
    let options = SendOptions::default();
    receipts(producer.send_batch(&messages, &options, &whole()).unwrap());
    receipts(send_async(&producer, &messages, &split(1)).recv_timeout(LONG).unwrap());
    receipts(producer.send_batch_oneway(&messages, &options, &split(1)).unwrap());
    producer.flush(LONG).unwrap();
    let bad = [messages[0].clone(), messages[1].clone().with_tags("bad")];
    let error = producer.send_batch(&bad, &options, &whole()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    let seen = std::mem::take(&mut *recorder.0.lock().unwrap());
    let steps =
        |end| ["check T 30 3 [10, 10, 10]".to_owned(), "before 3".to_owned(), format!("after T 3: 3 ids, {end} tries")];
    assert_eq!(seen[..9], [steps(1), steps(3), steps(1)].concat());
    assert_eq!(seen[9..], ["check T 20 2 [10, 10]"]);
    assert!(cluster.wait_for_messages(Some("T"), 9, LONG));
}

/// Rows: AS-01 BA-01.
#[test]
fn a_callback_may_send_the_next_batch() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = producer(&cluster.url(), &[]);
    let (done, ended) = mpsc::channel();
    let inside = producer.clone();
    let callback = move |_: BatchResult| {
        let samples = samples(4, 10);
        let blocked = inside.send_batch(&messages("T", &samples), &SendOptions::default(), &whole()).unwrap_err();
        let later = send_async(&inside, &messages("T", &samples), &split(1));
        done.send((blocked.kind(), later)).unwrap();
    };
    let samples = samples(2, 10);
    producer.send_batch_async(&messages("T", &samples), &SendOptions::default(), &whole(), callback).unwrap();
    let (blocked, later) = ended.recv_timeout(LONG).unwrap();
    assert_eq!(blocked, ErrorKind::WouldDeadlock);
    receipts(later.recv_timeout(LONG).unwrap());
    assert_eq!(cluster.message_count(Some("T")), 6);
}
