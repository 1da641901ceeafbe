//! Rows of the acceptance table that no other suite shows.

mod fake;
#[path = "security/logs.rs"]
mod logs;

use fake::{Act, FakeServer, LONG, closed_port, eventually, producer};
use mqproducer::protocol::remoting::command::request_code::SEND_MESSAGE_V2;
use mqproducer::{Config, ErrorKind, HookContext, HookEnd, Message, Producer, SendHook, SendOptions};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

fn message() -> Message<'static> {
    Message::new("T", b"body")
}

/// Rows: CF-17 CF-18.
#[test]
fn isolation_and_the_vip_channel_are_off_unless_asked_for() {
    for key in ["send_latency_enable", "vip_channel_enabled"] {
        assert_eq!(Config::new().get(key), Some("false"), "{key}");
    }
}

/// Rows: SK-02 RE-10 LC-10.
#[test]
fn the_log_of_a_message_carries_its_id_and_tells_when_it_is_given_up() {
    logs::capture();
    let broker = FakeServer::start(|_, _| Act::Answer(2, "busy", vec![]));
    let names = FakeServer::name_server(&[&broker.address], 1);
    let failing = producer(&names.url(), &[]);
    failing.send(&message().with_keys("logged"), &SendOptions::default()).unwrap_err();
    let sent = broker.seen(SEND_MESSAGE_V2);
    let properties = sent[0].get("i").unwrap();
    let id = properties.split("UNIQ_KEY\u{1}").nth(1).unwrap().split('\u{2}').next().unwrap();
    let about: Vec<String> = logs::text().lines().filter(|line| line.contains(id)).map(str::to_owned).collect();
    assert_eq!(about.iter().filter(|line| line.contains("a try failed")).count(), 3, "{about:?}");
    assert_eq!(about.iter().filter(|line| line.contains("a message was given up")).count(), 1, "{about:?}");

    let unknown = FakeServer::start(|_, _| Act::Answer(17, "no route", vec![]));
    let started = producer(&unknown.url(), &[("topics", "MissingAtStart")]);
    let warned = |line: &str| line.contains("no route at start") && line.contains("MissingAtStart");
    assert!(logs::text().lines().any(warned), "{}", logs::text());
    started.close(LONG).unwrap();
}

/// Rows: SK-05 SK-14.
#[test]
fn every_try_has_the_namespace_once() {
    let broker = FakeServer::start(|number, _| match number {
        0 | 1 => Act::Answer(2, "busy", vec![]),
        _ => Act::stored(0, 0),
    });
    let names = FakeServer::name_server(&[&broker.address], 2);
    let producer = producer(&names.url(), &[("namespace", "NS")]);
    let message = message();
    let receipt = producer.send(&message, &SendOptions::default()).unwrap();
    assert_eq!((receipt.attempts, receipt.topic.as_str(), message.topic), (3, "T", "T"));
    let sent = broker.seen(SEND_MESSAGE_V2);
    let topics: Vec<_> = sent.iter().map(|request| request.get("b").unwrap()).collect();
    assert_eq!(topics, ["NS%T"; 3]);
}

/// Rows: RT-20.
#[test]
fn a_route_without_a_master_is_fetched_again_by_the_next_send() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let address = broker.address.clone();
    let names = FakeServer::start(move |number, request| {
        let id = i32::from(number == 0);
        let route = format!(
            r#"{{"brokerDatas":[{{"brokerAddrs":{{"{id}":"{address}"}},"brokerName":"a","cluster":"c"}}],
                "queueDatas":[{{"brokerName":"a","perm":6,"readQueueNums":1,"writeQueueNums":1}}]}}"#
        );
        Act::body(request, route.as_bytes())
    });
    let producer = producer(&names.url(), &[]);
    assert_eq!(producer.send(&message(), &SendOptions::default()).unwrap_err().kind(), ErrorKind::NoRoute);
    assert_eq!(producer.send(&message(), &SendOptions::default()).unwrap().broker_name, "a");
}

/// Rows: RE-07.
#[test]
fn an_async_message_passes_over_a_broker_that_refuses_connections() {
    let good = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&closed_port(), &good.address], 1);
    let producer = producer(&names.url(), &[]);
    let mut retried = false;
    for _ in 0..4 {
        let (done, ended) = mpsc::channel();
        producer.send_async(&message(), &SendOptions::default(), move |outcome| done.send(outcome).unwrap()).unwrap();
        let receipt = ended.recv_timeout(LONG).unwrap().unwrap();
        assert_eq!(receipt.broker_name, "broker-b");
        retried |= receipt.attempts == 2;
    }
    assert!(retried, "no message began at the broker that refuses");
}

/// Rows: AS-08 CF-02 RT-07.
#[test]
fn the_wait_for_a_route_counts_against_an_async_message() {
    let names = FakeServer::start(|_, _| Act::Silence);
    let producer = producer(&names.url(), &[("mq_client_api_timeout", "60000")]);
    let started = Instant::now();
    let options = SendOptions::default().with_timeout(Duration::from_millis(200));
    let error = producer.send_async(&message(), &options, |_| unreachable!("it was not accepted")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoNameServer, "{error}");
    assert!(started.elapsed() < LONG, "{:?}", started.elapsed());
}

/// Rows: AS-01 AS-02.
#[test]
fn thousands_of_async_messages_wait_on_two_threads() {
    let broker = FakeServer::start(|_, _| Act::Silence);
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[]);
    let (done, ended) = mpsc::channel();
    let options = SendOptions::default().with_timeout(Duration::from_secs(600));
    for _ in 0..5000 {
        let done = done.clone();
        let callback = move |_| done.send(std::thread::current().id()).unwrap();
        producer.send_async(&message(), &options, callback).unwrap();
    }
    eventually("every message at the broker", || broker.seen(SEND_MESSAGE_V2).len() == 5000);
    assert!(ended.try_recv().is_err(), "no message has ended yet");
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let ours = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    let ours: Vec<String> = ours.filter(|name| name.starts_with("mqp-")).collect();
    assert!(ours.len() == 2 || !cfg!(target_os = "linux"), "{ours:?}");
    producer.close(Duration::ZERO).unwrap_err();
    let first = ended.recv_timeout(LONG).unwrap();
    assert_ne!(first, std::thread::current().id());
    for _ in 1..5000 {
        assert_eq!(ended.recv_timeout(LONG).unwrap(), first, "one thread runs all callbacks");
    }
}

/// Rows: VA-04 CF-09.
#[test]
fn the_limit_of_a_body_holds_before_it_is_compressed() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&broker.address], 1);
    let settings = [("max_message_size", "1000"), ("compress_msg_body_over_howmuch", "100")];
    let producer = producer(&names.url(), &settings);
    let error = producer.send(&Message::new("T", &[0; 1001]), &SendOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
    assert!(error.message().contains("1001 bytes") && error.message().contains("is 1000"), "{error}");
    assert!(broker.seen(SEND_MESSAGE_V2).is_empty());
    producer.send(&Message::new("T", &[0; 1000]), &SendOptions::default()).unwrap();
    assert!(broker.bodies_of(SEND_MESSAGE_V2)[0].len() < 100, "it was not compressed");
}

struct Ends(AtomicUsize);

impl SendHook for Ends {
    fn after_send(&self, _: &HookContext<'_>, end: &HookEnd<'_>) {
        assert!(end.result.is_ok());
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Rows: AS-09.
#[test]
fn a_message_whose_outcome_nobody_looks_at_reaches_hooks_and_the_fault_table() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&broker.address], 1);
    let mut config = Config::new();
    for (key, value) in [("url", &*names.url()), ("producer_group", "test"), ("send_latency_enable", "true")] {
        config.set(key, value).unwrap();
    }
    let producer = Producer::new(&config).unwrap();
    let ends = Arc::new(Ends(AtomicUsize::new(0)));
    producer.add_hook(ends.clone()).unwrap();
    producer.start().unwrap();
    producer.send_async(&message(), &SendOptions::default(), |_| ()).unwrap();
    producer.flush(LONG).unwrap();
    assert_eq!(ends.0.load(Ordering::SeqCst), 1);
    assert!(producer.brokers().unwrap()[0].latency.is_some());
}
