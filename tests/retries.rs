//! Further tries: the pause between them, what ends them, and a broker that sends its clients away.

mod fake;

use fake::{Act, FakeServer, LONG, closed_port, eventually, producer};
use mqproducer::protocol::remoting::command::request_code::{HEART_BEAT, SEND_MESSAGE_V2};
use mqproducer::{ErrorKind, Message, MessageQueue, Selector, SendOptions};
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::{Duration, Instant};

fn message() -> Message<'static> {
    Message::new("T", b"body")
}

/// Rows: RE-11 CF-21.
#[test]
fn a_configured_pause_lies_between_the_tries() {
    let broker = FakeServer::start(|_, _| Act::Answer(2, "busy", vec![]));
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[("retry_backoff", "200"), ("retry_backoff_max", "200")]);
    let started = Instant::now();
    let error = producer.send(&message(), &SendOptions::default()).unwrap_err();
    assert_eq!(error.broker_code(), Some(2));
    assert_eq!(broker.seen(SEND_MESSAGE_V2).len(), 3);
    // Two pauses of 200 ms, up to half of each taken off.
    assert!(started.elapsed() >= Duration::from_millis(200), "{:?}", started.elapsed());
}

/// Rows: RE-11 SK-06.
#[test]
fn a_pause_that_would_pass_the_deadline_ends_the_message() {
    let broker = FakeServer::start(|_, _| Act::Answer(2, "busy", vec![]));
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[("retry_backoff", "3600000")]);
    let error = producer.send(&message(), &SendOptions::default().with_timeout(LONG)).unwrap_err();
    assert_eq!(error.broker_code(), Some(2), "the refusal, not a time-out: {error}");
    assert!(error.message().contains("1 try in"), "{error}");
}

/// Rows: RE-11 RE-12.
#[test]
fn a_pause_holds_up_no_other_message_and_ends_with_the_producer() {
    let broker = FakeServer::start(|_, request| match request.get("i").unwrap().contains("busy") {
        true => Act::Answer(2, "busy", vec![]),
        false => Act::stored(0, 0),
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let settings = [("retry_backoff", "3600000"), ("send_msg_timeout", "3600000")];
    let producer = producer(&names.url(), &settings);
    let (done, ended) = mpsc::channel();
    for _ in 0..20 {
        let (busy, done) = (message().with_keys("busy"), done.clone());
        producer.send_async(&busy, &SendOptions::default(), move |outcome| done.send(outcome).unwrap()).unwrap();
    }
    eventually("every first try", || broker.seen(SEND_MESSAGE_V2).len() == 20);
    producer.send(&message(), &SendOptions::default()).unwrap();
    assert!(ended.try_recv().is_err(), "a message ended in its pause");
    let started = Instant::now();
    assert_eq!(producer.close(Duration::ZERO).unwrap_err().kind(), ErrorKind::Timeout);
    for _ in 0..20 {
        assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap_err().kind(), ErrorKind::Closed);
    }
    assert!(started.elapsed() < LONG);
    drop(done);
    assert!(ended.recv_timeout(LONG).is_err(), "more completions than messages");
    assert_eq!(broker.seen(SEND_MESSAGE_V2).len(), 21, "nothing is sent after the close");
}

/// Rows: RE-11.
#[test]
fn dropping_a_producer_ends_the_pauses() {
    let broker = FakeServer::start(|_, _| Act::Answer(2, "busy", vec![]));
    let names = FakeServer::name_server(&[&broker.address], 1);
    let settings = [("retry_backoff", "3600000"), ("send_msg_timeout", "3600000")];
    let producer = producer(&names.url(), &settings);
    let (done, ended) = mpsc::channel();
    producer.send_async(&message(), &SendOptions::default(), move |outcome| done.send(outcome).unwrap()).unwrap();
    eventually("the first try", || !broker.seen(SEND_MESSAGE_V2).is_empty());
    drop(producer);
    assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap_err().kind(), ErrorKind::Closed);
}

/// Rows: RE-05 RE-06 RE-07 RE-08.
#[test]
fn an_async_retry_takes_a_fresh_queue_broker_and_header() {
    let dying = FakeServer::start(|_, _| Act::Close);
    let good = FakeServer::start(|_, request| Act::stored(request.get("e").unwrap().parse().unwrap(), 0));
    let names = FakeServer::name_server(&[&dying.address, &good.address], 4);
    let producer = producer(&names.url(), &[]);
    let (done, ended) = mpsc::channel();
    for _ in 0..16 {
        let done = done.clone();
        producer.send_async(&message(), &SendOptions::default(), move |outcome| done.send(outcome).unwrap()).unwrap();
        let receipt = ended.recv_timeout(LONG).unwrap().unwrap();
        assert_eq!(receipt.broker_name, "broker-b");
    }
    let (failed, stored) = (dying.seen(SEND_MESSAGE_V2), good.seen(SEND_MESSAGE_V2));
    assert!(!failed.is_empty() && stored.len() == 16);
    assert!(failed.iter().all(|request| request.get("n") == Some("broker-a")));
    assert!(stored.iter().all(|request| request.get("n") == Some("broker-b")));
    for request in &failed {
        let again = stored.iter().find(|other| other.get("i") == request.get("i")).expect("the same unique id");
        assert_ne!((again.get("n"), again.get("e")), (request.get("n"), request.get("e")));
    }
}

/// Rows: RE-02 RE-03 SK-03 SK-04 RE-05 RE-06 CF-07 VA-12.
#[test]
fn listed_codes_are_tried_again_in_both_modes_and_others_are_not() {
    for (code, tries) in [(1, 3), (2, 3), (14, 3), (17, 3), (204, 3), (205, 3), (13, 1), (16, 1), (29, 1), (604, 1)] {
        let broker = FakeServer::start(move |_, _| Act::Answer(code, "refused", vec![]));
        let names = FakeServer::name_server(&[&broker.address], 1);
        let producer = producer(&names.url(), &[]);
        let sync = producer.send(&message(), &SendOptions::default()).unwrap_err();
        let (done, ended) = mpsc::channel();
        producer.send_async(&message(), &SendOptions::default(), move |outcome| done.send(outcome).unwrap()).unwrap();
        let later = ended.recv_timeout(LONG).unwrap().unwrap_err();
        assert_eq!(broker.seen(SEND_MESSAGE_V2).len(), 2 * tries, "{code}");
        for error in [sync, later] {
            assert_eq!((error.broker_code(), error.code(), error.retriable()), (Some(code), Some(code), tries > 1));
            let brokers = vec!["broker-a"; tries].join(", ");
            assert!(error.message().contains(&format!("brokers [{brokers}]")), "{error}");
        }
    }
}

/// Rows: RE-04 VA-02.
#[test]
fn errors_carry_the_numbers_of_the_java_client() {
    let frozen = FakeServer::start(|_, _| Act::Silence);
    let no_route = FakeServer::start(|_, _| Act::Answer(17, "no route", vec![]));
    let cases = [
        (FakeServer::name_server(&[&closed_port()], 1).url(), ErrorKind::Connect, Some(10_001)),
        (FakeServer::name_server(&[&frozen.address], 1).url(), ErrorKind::Timeout, Some(10_002)),
        (format!("rocketmq://{}", closed_port()), ErrorKind::NoNameServer, Some(10_004)),
        (no_route.url(), ErrorKind::NoRoute, Some(10_005)),
    ];
    for (url, kind, code) in cases {
        let options = SendOptions::default().with_timeout(Duration::from_millis(1000));
        let error = producer(&url, &[]).send(&message(), &options).unwrap_err();
        assert_eq!((error.kind(), error.code()), (kind, code), "{error}");
    }
    let names = FakeServer::name_server(&[&frozen.address], 1);
    let producer = producer(&names.url(), &[]);
    let error = producer.send(&Message::new("a b", b"x"), &SendOptions::default()).unwrap_err();
    assert_eq!(error.code(), Some(13), "MESSAGE_ILLEGAL");
    producer.close(LONG).unwrap();
    assert_eq!(producer.send(&message(), &SendOptions::default()).unwrap_err().code(), None);
}

/// Rows: SK-18.
#[test]
fn a_one_way_message_is_never_sent_twice() {
    let broker = FakeServer::start(|_, _| Act::Close);
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[]);
    producer.send_oneway(&message(), &SendOptions::default()).unwrap();
    eventually("the message", || !broker.seen(SEND_MESSAGE_V2).is_empty());
    producer.close(LONG).unwrap();
    assert_eq!(broker.seen(SEND_MESSAGE_V2).len(), 1);
}

/// Rows: RM-03.
#[test]
fn a_broker_that_sends_its_clients_away_gets_the_message_on_a_new_connection() {
    let broker = FakeServer::start(|number, _| match number {
        0 => Act::Silence,
        1 => Act::Answer(1500, "go away", vec![]),
        _ => Act::stored(0, 0),
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer =
        producer(&names.url(), &[("send_msg_timeout", "30000"), ("send_msg_max_timeout_per_request", "3000")]);
    let (done, ended) = mpsc::channel();
    producer.send_async(&message(), &SendOptions::default(), move |outcome| done.send(outcome).unwrap()).unwrap();
    eventually("the first message", || broker.seen(SEND_MESSAGE_V2).len() == 1);
    let receipt = producer.send(&message(), &SendOptions::default()).unwrap();
    assert_eq!(receipt.attempts, 1, "the same try, resent");
    assert_eq!(broker.connections.load(Ordering::SeqCst), 2);
    assert_eq!(broker.seen(HEART_BEAT).len(), 2, "the new connection is greeted");
    assert!(ended.try_recv().is_err(), "what was under way on the old connection goes on there");
    producer.send(&message(), &SendOptions::default()).unwrap();
    assert_eq!(broker.connections.load(Ordering::SeqCst), 2, "the new connection is kept");
    assert!(ended.recv_timeout(LONG).unwrap().is_ok(), "the unanswered one is tried again");
    eventually("the old connection's end", || broker.ended.load(Ordering::SeqCst) == 1);
    producer.close(LONG).unwrap();
}

/// Rows: RM-03.
#[test]
fn a_broker_that_goes_on_sending_away_is_reconnected_once_and_then_left() {
    let away = FakeServer::start(|_, _| Act::Answer(1500, "go away", vec![]));
    let good = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&away.address, &good.address], 1);
    let producer = producer(&names.url(), &[]);
    for _ in 0..10 {
        assert_eq!(producer.send(&message(), &SendOptions::default()).unwrap().broker_name, "broker-b");
    }
    assert_eq!(away.connections.load(Ordering::SeqCst), 2);
    let ids: Vec<String> = away.seen(SEND_MESSAGE_V2).iter().map(|sent| sent.get("i").unwrap().to_owned()).collect();
    assert_eq!(ids[0], ids[1], "the first message is resent on the new connection");
    let others: HashSet<&String> = ids[1..].iter().collect();
    assert_eq!(others.len(), ids.len() - 1, "no other is resent");
}

/// Rows: FT-13 QS-03.
#[test]
fn a_broker_that_refuses_connections_is_left_to_the_others_until_it_is_back() {
    let refusing = closed_port();
    let good = FakeServer::start(|_, request| Act::stored(request.get("e").unwrap().parse().unwrap(), 0));
    let names = FakeServer::name_server(&[&refusing, &good.address], 4);
    let producer = producer(&names.url(), &[("reconnect_backoff_max", "200")]);
    let fixed = Selector::Queue(MessageQueue { broker_name: "broker-a", queue_id: 1 });
    let fixed = SendOptions { selector: fixed, ..SendOptions::default() };
    let error = producer.send(&message(), &fixed).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "a queue that was chosen stays: {error}");
    assert_eq!(producer.send_oneway(&message(), &fixed).unwrap_err().kind(), ErrorKind::Connect);
    let (done, ended) = mpsc::channel();
    let selectors = [Selector::RoundRobin, Selector::Random];
    for selector in selectors.iter().cycle().take(48) {
        let options = SendOptions { selector: *selector, ..SendOptions::default() };
        let done = done.clone();
        producer.send_async(&message(), &options, move |outcome| done.send(outcome).unwrap()).unwrap();
        let three = [
            producer.send(&message(), &options),
            producer.send_oneway(&message(), &options),
            ended.recv_timeout(LONG).unwrap(),
        ];
        for receipt in three {
            let receipt = receipt.unwrap();
            assert_eq!((&*receipt.broker_name, receipt.attempts), ("broker-b", 1), "it is known to refuse");
        }
    }
    let queues: HashSet<_> = good.seen(SEND_MESSAGE_V2).iter().map(|sent| sent.get("e").unwrap().to_owned()).collect();
    assert_eq!(queues.len(), 4, "each queue of the others gets its share");
    let _back = FakeServer::start_at(&refusing, |_, _| Act::stored(0, 0));
    eventually("it is back", || producer.send(&message(), &SendOptions::default()).unwrap().broker_name == "broker-a");
}

/// Rows: SK-18.
#[test]
fn a_one_way_message_that_finds_no_connection_goes_to_another_broker() {
    let good = FakeServer::start(|_, _| Act::Silence);
    let names = FakeServer::name_server(&[&closed_port(), &good.address], 4);
    for _ in 0..4 {
        let producer = producer(&names.url(), &[]);
        for _ in 0..8 {
            let receipt = producer.send_oneway(&message(), &SendOptions::default()).unwrap();
            assert_eq!(receipt.broker_name, "broker-b");
        }
        producer.send_batch_oneway(&[message(), message()], &SendOptions::default(), &Default::default()).unwrap();
        producer.close(LONG).unwrap();
    }
    eventually("all of them", || good.seen(SEND_MESSAGE_V2).len() == 32);
    let none = FakeServer::name_server(&[&closed_port(), &closed_port()], 1);
    let error = producer(&none.url(), &[]).send_oneway(&message(), &SendOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
}
