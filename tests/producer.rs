//! The producer against servers that misbehave, and against the embedded cluster.

mod fake;

use fake::{Act, FakeServer, closed_port};
use mqproducer::protocol::remoting::command::request_code::{HEART_BEAT, SEND_MESSAGE_V2, UNREGISTER_CLIENT};
use mqproducer::{Config, ErrorKind, Message, Producer, SendOptions, SendStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);

fn producer(url: &str, settings: &[(&str, &str)]) -> Producer {
    let mut config = Config::new();
    config.set("url", url).unwrap();
    config.set("producer_group", "test").unwrap();
    config.set("send_msg_timeout", "60000").unwrap();
    for (key, value) in settings {
        config.set(key, value).unwrap();
    }
    let producer = Producer::new(&config).unwrap();
    producer.start().unwrap();
    producer
}

fn message() -> Message<'static> {
    Message::new("T", b"body\0with NUL")
}

fn send(producer: &Producer) -> mqproducer::Result<mqproducer::Receipt> {
    producer.send(&message(), &SendOptions::default())
}

fn within(milliseconds: u64) -> SendOptions<'static> {
    SendOptions::default().with_timeout(Duration::from_millis(milliseconds))
}

/// Waits for a condition of another thread.
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let limit = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < limit, "{what}: not within {LONG:?}");
        std::thread::yield_now();
    }
}

/// Rows: RE-01 RE-02 SK-03 QS-03 RT-21.
#[test]
fn a_refused_code_of_the_list_is_tried_on_the_other_broker() {
    let good = FakeServer::start(|_, _| Act::stored(3, 42));
    let bad = FakeServer::start(|_, _| Act::Answer(2, "system busy", vec![]));
    let names = FakeServer::name_server(&[&bad.address, &good.address], 1);
    let producer = producer(&names.url(), &[]);
    let mut tried_both = false;
    for _ in 0..4 {
        let receipt = send(&producer).unwrap();
        assert_eq!((&*receipt.broker_name, receipt.queue_id, receipt.queue_offset), ("broker-b", 3, 42));
        tried_both |= receipt.attempts == 2;
    }
    assert!(tried_both, "the round robin never began at the bad broker");
    let retried = &bad.seen(SEND_MESSAGE_V2)[0];
    assert_eq!((retried.get("n"), retried.get("e")), (Some("broker-a"), Some("0")));
    assert!(good.seen(SEND_MESSAGE_V2).iter().all(|request| request.get("n") == Some("broker-b")));
}

/// Rows: RE-03 RE-04 VA-12.
#[test]
fn a_refusal_that_is_not_worth_a_retry_returns_at_once_with_code_and_remark() {
    let broker = FakeServer::start(|_, _| Act::Answer(16, "no permission for you", vec![]));
    let names = FakeServer::name_server(&[&broker.address], 4);
    let error = send(&producer(&names.url(), &[])).unwrap_err();
    assert_eq!((error.kind(), error.broker_code()), (ErrorKind::Broker, Some(16)));
    assert_eq!(error.remark(), Some("no permission for you"));
    assert!(!error.retriable() && !error.maybe_persisted());
    assert_eq!(broker.seen(SEND_MESSAGE_V2).len(), 1);
}

/// Rows: SK-03 SK-04 RE-09 SK-08 CF-06.
#[test]
fn the_tries_are_counted_and_the_message_keeps_its_id() {
    let broker = FakeServer::start(|_, _| Act::Answer(1, "broken", vec![]));
    let names = FakeServer::name_server(&[&broker.address], 4);
    let error = send(&producer(&names.url(), &[("retry_times_when_send_failed", "4")])).unwrap_err();
    assert!(error.message().contains("topic `T`: 5 tries in"), "{error}");
    assert!(error.message().ends_with("the server answered code 1: broken"), "{error}");
    let requests = broker.seen(SEND_MESSAGE_V2);
    assert_eq!(requests.len(), 5);
    assert!(requests.iter().all(|request| request.get("i") == requests[0].get("i")), "UNIQ_KEY changed");
}

/// Rows: SK-06 SK-07.
#[test]
fn a_silent_broker_costs_one_try_not_the_whole_deadline() {
    let frozen = FakeServer::start(|_, _| Act::Silence);
    let good = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&frozen.address, &good.address], 1);
    let producer = producer(&names.url(), &[("send_msg_max_timeout_per_request", "100")]);
    for _ in 0..2 {
        assert_eq!(send(&producer).unwrap().broker_name, "broker-b");
    }
}

/// Rows: SK-06 RE-09 RM-04 RM-05 CF-02.
#[test]
fn a_deadline_without_an_answer_says_that_the_message_may_be_stored() {
    let frozen = FakeServer::start(|_, _| Act::Silence);
    let names = FakeServer::name_server(&[&frozen.address], 1);
    let producer = producer(&names.url(), &[]);
    let started = Instant::now();
    let error = producer.send(&message(), &within(200)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.maybe_persisted() && error.retriable());
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert!(error.message().contains(&format!("{} did not answer in time", frozen.address)), "{error}");
}

/// Rows: RM-03 RM-04 RM-05.
#[test]
fn a_late_answer_is_passed_over_and_the_connection_lives() {
    let slow = FakeServer::start(|number, _| if number == 1 { Act::Late(2000) } else { Act::stored(0, 5) });
    let names = FakeServer::name_server(&[&slow.address], 1);
    let producer = producer(&names.url(), &[]);
    // The route and the connection are there before time is short.
    assert_eq!(send(&producer).unwrap().queue_offset, 5);
    assert_eq!(producer.send(&message(), &within(500)).unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(send(&producer).unwrap().queue_offset, 5);
    assert_eq!(slow.connections.load(Ordering::SeqCst), 1);
}

/// Servers that break the protocol: the connection is closed, the waiter told, and the library lives.
///
/// Rows: RM-05.
#[test]
fn a_server_that_breaks_the_protocol_loses_its_connection() {
    let oversized = |_: usize, _: &_| Act::Raw((17_u32 << 20).to_be_bytes().to_vec());
    let garbage = |_: usize, _: &_| Act::Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
    let negative_header = |_: usize, _: &_| Act::Raw(vec![0, 0, 0, 8, 0, 0, 0, 99, 1, 2, 3, 4]);
    type Respond = Box<dyn Fn(usize, &mqproducer::protocol::remoting::Header) -> Act + Send + Sync>;
    let cases: Vec<(&str, Respond, ErrorKind, &str)> = vec![
        ("oversized", Box::new(oversized), ErrorKind::Protocol, "16777216"),
        ("garbage", Box::new(garbage), ErrorKind::Protocol, "broke the protocol"),
        ("header over frame", Box::new(negative_header), ErrorKind::Protocol, "broke the protocol"),
        ("wrong opaque", Box::new(|_, _| Act::WrongOpaque), ErrorKind::Protocol, "which no request had"),
        ("half", Box::new(|_, _| Act::HalfThenClose), ErrorKind::ConnectionLost, "inside a frame"),
        ("close", Box::new(|_, _| Act::Close), ErrorKind::ConnectionLost, "the server closed it"),
    ];
    for (name, respond, kind, text) in cases {
        let respond = Arc::new(respond);
        let bad = FakeServer::start(move |number, request| match number {
            0 => respond(number, request),
            _ => Act::stored(0, 9),
        });
        let names = FakeServer::name_server(&[&bad.address], 1);
        let producer = producer(&names.url(), &[("retry_times_when_send_failed", "0")]);
        let error = send(&producer).unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert!(error.message().contains(text), "{name}: {error}");
        assert!(error.maybe_persisted(), "{name}");
        assert_eq!(send(&producer).unwrap().queue_offset, 9, "{name}: the next send dials anew");
        assert_eq!(bad.connections.load(Ordering::SeqCst), 2, "{name}");
    }
}

/// Rows: RM-05.
#[test]
fn every_waiter_hears_the_one_cause_when_a_connection_dies() {
    let waiting = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&waiting);
    let broker = FakeServer::start(move |_, _| match count.fetch_add(1, Ordering::SeqCst) {
        99 => Act::Close,
        _ => Act::Silence,
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[("retry_times_when_send_async_failed", "0")]);
    let (done, ended) = mpsc::channel();
    for _ in 0..100 {
        let done = done.clone();
        producer.send_async(&message(), &within(60_000), move |outcome| done.send(outcome).unwrap()).unwrap();
    }
    for _ in 0..100 {
        let error = ended.recv_timeout(LONG).unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    }
    assert!(ended.try_recv().is_err(), "more completions than messages");
}

/// Rows: SK-06 AS-08 RT-18 CF-15.
#[test]
fn unreachable_name_servers_are_all_named_within_the_deadline() {
    let (first, second) = (closed_port(), closed_port());
    let silent = FakeServer::start(|_, _| Act::Silence);
    let url = format!("rocketmq://{first};{second};{}", silent.address);
    let producer = producer(&url, &[]);
    let started = Instant::now();
    let error = producer.send(&message(), &within(6000)).unwrap_err();
    assert!(started.elapsed() < LONG, "{:?}", started.elapsed());
    assert_eq!(error.kind(), ErrorKind::NoNameServer);
    for address in [&first, &second, &silent.address] {
        assert!(error.message().contains(&**address), "{error}");
    }
    assert!(error.message().contains("refused"), "{error}");
    assert!(error.message().contains("did not answer in time"), "{error}");
}

/// Rows: RT-06.
#[test]
fn a_dead_name_server_is_passed_over() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&broker.address], 1);
    for _ in 0..4 {
        let url = format!("rocketmq://{};{}", closed_port(), names.address);
        send(&producer(&url, &[])).unwrap();
    }
}

/// Rows: RT-04 RT-18.
#[test]
fn a_topic_without_a_route_is_an_error_that_names_it() {
    let names = FakeServer::start(|_, _| Act::Answer(17, "No topic route info in name server", vec![]));
    let error = send(&producer(&names.url(), &[])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoRoute);
    assert!(error.message().contains("`T`") && error.message().contains("`TBW102`"), "{error}");
}

/// Rows: RT-14.
#[test]
fn a_malformed_route_is_a_protocol_error() {
    let names = FakeServer::start(|_, request| {
        let mut header = mqproducer::protocol::remoting::Header::response_to(request, 0);
        header.remark = None;
        let mut out = bytes::BytesMut::new();
        header.encode(mqproducer::protocol::remoting::Serializer::Json, br#"{"queueDatas":"x"}"#, &mut out);
        Act::Raw(out.to_vec())
    });
    let error = send(&producer(&names.url(), &[])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
}

/// Rows: RM-05.
#[test]
fn a_broker_that_refuses_connections_is_a_connect_error_and_nothing_is_persisted() {
    let names = FakeServer::name_server(&[&closed_port()], 1);
    let error = send(&producer(&names.url(), &[])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(!error.maybe_persisted());
    let oneway = producer(&names.url(), &[]).send_oneway(&message(), &SendOptions::default()).unwrap_err();
    assert_eq!(oneway.kind(), ErrorKind::Connect, "{oneway}");
}

/// Rows: SK-06 RM-05.
#[test]
fn a_message_that_failed_before_the_connection_opened_is_not_sent_later() {
    let address = closed_port();
    let names = FakeServer::name_server(&[&address], 1);
    let settings = [("send_msg_max_timeout_per_request", "20"), ("reconnect_backoff_max", "400")];
    let producer = producer(&names.url(), &settings);
    // The pauses before dialling grow beyond the time of a try: these messages wait for a connection in vain.
    let early = message().with_tags("early");
    for _ in 0..8 {
        let error = producer.send(&early, &SendOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
        assert!(!error.maybe_persisted());
    }
    let broker = FakeServer::start_at(&address, |_, _| Act::stored(0, 0));
    eventually("a send to the broker that came", || send(&producer).is_ok());
    // On a slow machine the later message may have been tried more than once.
    let seen = broker.seen(SEND_MESSAGE_V2);
    assert!(!seen.is_empty() && seen.iter().all(|request| !request.get("i").unwrap().contains("early")));
}

/// Rows: LC-12 LC-17 ST-03 CF-13 RM-02.
#[test]
fn heartbeats_go_first_and_repeat_and_close_says_farewell() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[("heartbeat_broker_interval", "100")]);
    send(&producer).unwrap();
    assert_eq!(broker.requests.lock().unwrap()[0].code, HEART_BEAT);
    eventually("a second heartbeat", || broker.seen(HEART_BEAT).len() > 1);
    producer.close(LONG).unwrap();
    let farewell = broker.seen(UNREGISTER_CLIENT);
    assert_eq!(farewell.len(), 1);
    assert_eq!(farewell[0].get("producerGroup"), Some("test"));
    assert!(farewell[0].get("clientID").unwrap().contains('@'));
}

/// Rows: LC-02 LC-03 LC-17 LC-18 VA-01.
#[test]
fn the_life_of_a_producer() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&broker.address], 1);
    let mut config = Config::new();
    config.set("url", &names.url()).unwrap();
    config.set("producer_group", "test").unwrap();
    let producer = Producer::new(&config).unwrap();
    assert_eq!(send(&producer).unwrap_err().kind(), ErrorKind::NotStarted);
    assert_eq!(producer.flush(LONG).unwrap_err().kind(), ErrorKind::NotStarted);
    producer.start().unwrap();
    assert_eq!(producer.start().unwrap_err().kind(), ErrorKind::AlreadyStarted);
    send(&producer).unwrap();
    producer.flush(LONG).unwrap();
    producer.close(LONG).unwrap();
    producer.close(LONG).unwrap();
    assert_eq!(send(&producer).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(producer.start().unwrap_err().kind(), ErrorKind::Closed);
}

/// Rows: LC-17.
#[test]
fn closing_with_messages_in_flight_completes_each_once() {
    let broker = FakeServer::start(|_, _| Act::Silence);
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[]);
    let (done, ended) = mpsc::channel();
    for _ in 0..50 {
        let done = done.clone();
        producer.send_async(&message(), &within(60_000), move |outcome| done.send(outcome).unwrap()).unwrap();
    }
    let error = producer.close(Duration::from_millis(50)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.message().starts_with("50 messages had not completed within 50 ms"), "{error}");
    for _ in 0..50 {
        let error = ended.recv_timeout(LONG).unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
        assert!(error.maybe_persisted());
    }
    assert!(ended.try_recv().is_err());
}

/// Rows: LC-17.
#[test]
fn dropping_a_producer_completes_what_is_in_flight() {
    let broker = FakeServer::start(|_, _| Act::Silence);
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[]);
    let (done, ended) = mpsc::channel();
    producer.send_async(&message(), &within(60_000), move |outcome| done.send(outcome).unwrap()).unwrap();
    drop(producer);
    assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap_err().kind(), ErrorKind::Closed);
}

/// Rows: AS-01.
#[test]
fn blocking_calls_in_a_callback_are_refused_and_async_ones_work() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[]);
    let inside = producer.clone();
    let (done, ended) = mpsc::channel();
    let callback = move |_| {
        let kinds = [
            send(&inside).unwrap_err().kind(),
            inside.flush(LONG).unwrap_err().kind(),
            inside.close(LONG).unwrap_err().kind(),
        ];
        let nested = done.clone();
        inside
            .send_async(&message(), &SendOptions::default(), move |outcome| {
                nested.send((vec![], outcome.is_ok())).unwrap()
            })
            .unwrap();
        done.send((kinds.to_vec(), true)).unwrap();
    };
    producer.send_async(&message(), &SendOptions::default(), callback).unwrap();
    assert_eq!(ended.recv_timeout(LONG).unwrap(), (vec![ErrorKind::WouldDeadlock; 3], true));
    assert_eq!(ended.recv_timeout(LONG).unwrap(), (vec![], true));
    producer.close(LONG).unwrap();
}

/// Rows: RM-06.
#[test]
fn flush_waits_for_callbacks_and_names_what_is_left() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[]);
    let (leave, wait) = mpsc::channel::<()>();
    producer.send_async(&message(), &SendOptions::default(), move |_| wait.recv().unwrap()).unwrap();
    let error = producer.flush(Duration::from_millis(50)).unwrap_err();
    assert_eq!(error.message(), "1 messages have not completed within 50 ms");
    leave.send(()).unwrap();
    producer.flush(LONG).unwrap();
}

/// Rows: SK-19 CF-08 SK-17.
#[test]
fn a_status_below_full_safety_is_a_result() {
    let broker = FakeServer::start(|_, _| {
        Act::Answer(12, "", vec![("msgId", "X".into()), ("queueId", "1".into()), ("queueOffset", "2".into())])
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    assert_eq!(send(&producer(&names.url(), &[])).unwrap().status, SendStatus::FlushSlaveTimeout);
    let before = broker.seen(SEND_MESSAGE_V2).len();
    let strict = producer(&names.url(), &[("retry_another_broker_when_not_store_ok", "true")]);
    let receipt = send(&strict).unwrap();
    assert_eq!((receipt.status, receipt.attempts), (SendStatus::FlushSlaveTimeout, 3));
    assert_eq!(broker.seen(SEND_MESSAGE_V2).len() - before, 3);
}

/// Rows: AS-03 CF-16 RM-06.
#[test]
fn the_limit_in_flight_is_kept() {
    let broker = FakeServer::start(|_, _| Act::Silence);
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[("max_in_flight_messages", "2"), ("backpressure", "fail")]);
    for _ in 0..2 {
        producer.send_async(&message(), &within(60_000), |_| ()).unwrap();
    }
    let error = producer.send_async(&message(), &within(60_000), |_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backpressure);
}

/// Rows: SK-06.
#[cfg(feature = "mock")]
#[test]
fn the_longest_times_are_refused_or_waited_but_never_a_panic() {
    let cluster = mqproducer::mock::Cluster::open("", 1, 1).unwrap();
    let producer = producer(&cluster.url(), &[]);
    for timeout in [Duration::from_millis(3_600_001), Duration::MAX] {
        let options = SendOptions::default().with_timeout(timeout);
        for error in [
            producer.send(&message(), &options).unwrap_err(),
            producer.send_oneway(&message(), &options).unwrap_err(),
            producer.send_async(&message(), &options, |_| ()).unwrap_err(),
            producer.send_batch(&[message()], &options, &Default::default()).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains("the maximum is 3600000 ms"), "{error}");
        }
    }
    assert_eq!(cluster.message_count(None), 0);
    producer.send(&message(), &within(3_600_000)).unwrap();
    producer.flush(Duration::MAX).unwrap();
    producer.close(Duration::MAX).unwrap();
}
