//! The requester's side, with the embedded cluster as the one that replies or does not.

use crate::{LONG, cluster, eventually, options, producer, property, request, waiting};
use mqproducer::mock::{Fault, FaultAction};
use mqproducer::protocol::remoting::command::request_code::{HEART_BEAT, SEND_MESSAGE_V2};
use mqproducer::{Delay, ErrorKind, Message, MessageQueue, Selector};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Rows: RR-01.
#[test]
fn a_request_carries_its_id_its_client_and_its_time_and_gets_its_reply() {
    let cluster = cluster();
    cluster.set_responder("Asked", |request| Some([b"pong:", &*request.body].concat())).unwrap();
    let producer = producer(&cluster.url(), &[("client_ip", "10.1.2.3"), ("instance_name", "asker")]);
    let message = request().with_tags("t").with_property("mine", "1");
    let reply = producer.request(&message, &options(), LONG).unwrap();
    assert_eq!(reply.body, b"pong:ping");
    assert_eq!(reply.topic, "DefaultCluster_REPLY_TOPIC");
    assert_eq!(reply.property("MSG_TYPE"), Some("reply"));

    let stored = &cluster.messages(Some("Asked"))[..];
    let [stored] = stored else { panic!("{stored:?}") };
    assert_eq!(stored.body, b"ping");
    assert_eq!((property(stored, "mine"), stored.tags.as_deref()), ("1", Some("t")));
    let id = property(stored, "CORRELATION_ID");
    assert_eq!(reply.property("CORRELATION_ID"), Some(id));
    let lengths: Vec<_> = id.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
    assert!(property(stored, "REPLY_TO_CLIENT").starts_with("10.1.2.3@asker"), "{stored:?}");
    assert_eq!(property(stored, "TTL"), LONG.as_millis().to_string());

    // Another request has another id.
    producer.request(&request(), &options(), LONG).unwrap();
    let ids: Vec<_> =
        cluster.messages(Some("Asked")).iter().map(|m| property(m, "CORRELATION_ID").to_owned()).collect();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(waiting(&producer), 0);
}

/// Rows: RR-01.
#[test]
fn callbacks_run_on_the_dispatcher_each_with_its_own_reply() {
    const COUNT: usize = 200;
    let cluster = cluster();
    cluster.set_responder("Asked", |request| Some(request.body.clone())).unwrap();
    let producer = producer(&cluster.url(), &[]);
    let (done, ended) = mpsc::channel();
    for number in 0..COUNT {
        let body = number.to_string();
        let (done, own, inside) = (done.clone(), body.clone(), producer.clone());
        let told = move |replied: mqproducer::Result<mqproducer::ReceivedMessage>| {
            assert_eq!(replied.unwrap().body, own.as_bytes());
            // What blocks is refused, what does not is allowed.
            let nested = inside.request(&request(), &options(), LONG).unwrap_err();
            assert_eq!(nested.kind(), ErrorKind::WouldDeadlock);
            done.send(number).unwrap();
        };
        producer.request_async(&Message::new("Asked", body.as_bytes()), &options(), LONG, told).unwrap();
    }
    let mut numbers: Vec<_> = (0..COUNT).map(|_| ended.recv_timeout(LONG).unwrap()).collect();
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(0..COUNT));
    assert_eq!(waiting(&producer), 0);
    assert_eq!(cluster.message_count(Some("Asked")), COUNT);
}

/// Rows: RR-02 RR-03 LC-13.
#[test]
fn a_request_that_nobody_answers_ends_with_its_time_and_leaves_nothing() {
    let cluster = cluster();
    let producer = producer(&cluster.url(), &[]);
    // The times are long enough for the sends.
    let started = Instant::now();
    let error = producer.request(&request(), &options(), Duration::from_millis(1000)).unwrap_err();
    assert!(started.elapsed() >= Duration::from_millis(1000));
    assert_eq!((error.kind(), error.code()), (ErrorKind::RequestTimeout, Some(10_006)));
    assert!(error.maybe_persisted() && error.retriable() && error.broker_code().is_none());
    let id = property(&cluster.messages(Some("Asked"))[0], "CORRELATION_ID").to_owned();
    for part in ["request timeout, no reply message", "10006", "`Asked`", &id, "1000 ms"] {
        assert!(error.message().contains(part), "{part}: {error}");
    }
    assert_eq!(waiting(&producer), 0);

    // Of several, the one with the nearest deadline ends first, whatever the order in which they came.
    let (done, ended) = mpsc::channel();
    for timeout in [3000_u64, 1000, 2000] {
        let (done, inside) = (done.clone(), producer.clone());
        let told = move |replied: mqproducer::Result<mqproducer::ReceivedMessage>| {
            assert_eq!(inside.flush(LONG).unwrap_err().kind(), ErrorKind::WouldDeadlock, "a library thread");
            done.send((timeout, replied.unwrap_err().kind())).unwrap();
        };
        producer.request_async(&request(), &options(), Duration::from_millis(timeout), told).unwrap();
    }
    let order: Vec<_> = (0..3).map(|_| ended.recv_timeout(LONG).unwrap()).collect();
    assert_eq!(order, [1000, 2000, 3000].map(|timeout| (timeout, ErrorKind::RequestTimeout)));
    assert_eq!(waiting(&producer), 0);
    producer.close(LONG).unwrap();
}

/// Rows: RR-02.
#[test]
fn a_request_that_cannot_be_sent_ends_at_once_with_the_send_s_error() {
    let cluster = cluster();
    let producer = producer(&cluster.url(), &[]);
    let refusal = FaultAction::Answer { code: 13, remark: "illegal here".to_owned() };
    cluster.push_fault(&Fault::new(refusal).code(SEND_MESSAGE_V2).count(0)).unwrap();
    let started = Instant::now();
    let hour = Duration::from_secs(3600);
    let error = producer.request(&request(), &options(), hour).unwrap_err();
    assert_eq!(
        (error.kind(), error.broker_code(), error.remark()),
        (ErrorKind::Broker, Some(13), Some("illegal here"))
    );
    assert!(started.elapsed() < LONG && !error.maybe_persisted());
    assert_eq!(waiting(&producer), 0);
    assert_eq!(cluster.message_count(Some("Asked")), 0);

    // A broker that is silent: the deadline is one, of the send and of the reply.
    cluster.clear_faults().unwrap();
    cluster.push_fault(&Fault::new(FaultAction::Drop).code(SEND_MESSAGE_V2).count(0)).unwrap();
    let started = Instant::now();
    let error = producer.request(&request(), &options(), Duration::from_millis(400)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(started.elapsed() >= Duration::from_millis(400) && started.elapsed() < LONG && error.maybe_persisted());
    // The options' own timeout is the send's.
    let error = producer.request(&request(), &options().with_timeout(Duration::from_millis(100)), hour).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_eq!(waiting(&producer), 0);
}

/// Rows: RR-01.
#[test]
fn a_reply_that_comes_before_the_send_s_answer_or_without_it_counts() {
    let cluster = cluster();
    cluster.set_responder("Asked", |_| Some(b"early".to_vec())).unwrap();
    let producer = producer(&cluster.url(), &[]);
    cluster.push_fault(&Fault::new(FaultAction::LoseAnswer).code(SEND_MESSAGE_V2)).unwrap();
    let hour = Duration::from_secs(3600);
    let started = Instant::now();
    // Each try may take the whole time: without the reply the request would go on for it.
    assert_eq!(producer.request(&request(), &options(), hour).unwrap().body, b"early");
    assert!(started.elapsed() < LONG);
    assert_eq!(waiting(&producer), 0);
    assert_eq!(cluster.message_count(Some("Asked")), 1);
    // The message is still on its way, and the producer knows.
    assert_eq!(producer.flush(Duration::from_millis(10)).unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(producer.close(Duration::ZERO).unwrap_err().kind(), ErrorKind::Timeout);
}

/// Rows: RR-03.
#[test]
fn a_close_ends_those_that_wait() {
    let cluster = cluster();
    let producer = producer(&cluster.url(), &[]);
    let (done, ended) = mpsc::channel();
    let told = |done: mpsc::Sender<_>| move |replied| done.send(replied).unwrap();
    let hour = Duration::from_secs(3600);
    producer.request_async(&request(), &options(), hour, told(done.clone())).unwrap();
    let asking = std::thread::spawn({
        let producer = producer.clone();
        move || producer.request(&request(), &options(), hour)
    });
    assert!(cluster.wait_for_messages(Some("Asked"), 2, LONG));
    assert_eq!(producer.close(Duration::ZERO).unwrap_err().kind(), ErrorKind::Timeout);
    for error in [ended.recv_timeout(LONG).unwrap().unwrap_err(), asking.join().unwrap().unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Closed);
        assert!(error.maybe_persisted());
    }
    assert_eq!(waiting(&producer), 0);
    let error = producer.request(&request(), &options(), hour).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(producer.request_async(&request(), &options(), hour, told(done)).unwrap_err().kind(), ErrorKind::Closed);
    assert!(ended.recv_timeout(LONG).is_err(), "a refused request is not told of");
}

#[test]
fn dropping_the_producer_ends_those_that_wait() {
    let cluster = cluster();
    let producer = producer(&cluster.url(), &[]);
    let (done, ended) = mpsc::channel();
    let told = move |replied: mqproducer::Result<_>| done.send(replied.map(drop)).unwrap();
    producer.request_async(&request(), &options(), Duration::from_secs(3600), told).unwrap();
    assert!(cluster.wait_for_messages(Some("Asked"), 1, LONG));
    drop(producer);
    assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_request_is_in_flight_until_its_callback_returned() {
    let cluster = cluster();
    let producer = producer(&cluster.url(), &[("max_in_flight_messages", "1"), ("backpressure", "fail")]);
    let (enter, entered) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    let told = move |replied: mqproducer::Result<_>| {
        enter.send(replied.map(drop)).unwrap();
        left.recv().unwrap();
    };
    producer.request_async(&request(), &options(), LONG, told).unwrap();
    assert!(cluster.wait_for_messages(Some("Asked"), 1, LONG));
    // Sent, and waiting for the reply.
    assert_eq!(producer.send(&request(), &options()).unwrap_err().kind(), ErrorKind::Backpressure);
    assert_eq!(producer.flush(Duration::from_millis(10)).unwrap_err().kind(), ErrorKind::Timeout);
    let asked = &cluster.messages(Some("Asked"))[0];
    let pairs = asked.properties.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let to = mqproducer::ReplyTo::from_properties(pairs).unwrap();
    let other = crate::producer(&cluster.url(), &[]);
    // The reply may go to the broker that the first producer is known to, or to the other one, too.
    other.reply(&to, &Message::new("", b"pong"), &options()).unwrap();
    entered.recv_timeout(LONG).unwrap().unwrap();
    assert_eq!(producer.send(&request(), &options()).unwrap_err().kind(), ErrorKind::Backpressure);
    leave.send(()).unwrap();
    producer.flush(LONG).unwrap();
    producer.send(&request(), &options()).unwrap();
}

/// Rows: RR-05.
#[test]
fn every_broker_of_the_topic_hears_of_the_client_before_the_first_request() {
    let cluster = cluster();
    cluster.create_topic("Asked", 1).unwrap();
    cluster.set_responder("Asked", |_| Some(b"pong".to_vec())).unwrap();
    let producer = producer(&cluster.url(), &[]);
    assert!(cluster.requests(None, Some(HEART_BEAT)).unwrap().is_empty());
    producer.request(&request(), &options(), LONG).unwrap();
    for broker in ["broker-a", "broker-b"] {
        assert!(cluster.wait_for_requests(Some(broker), Some(HEART_BEAT), 1, LONG).unwrap(), "{broker}");
    }
    let asked = &cluster.messages(Some("Asked"))[0];
    let codes: Vec<_> = cluster.requests(Some(&asked.broker_name), None).unwrap().iter().map(|r| r.code).collect();
    assert_eq!(codes, [HEART_BEAT, SEND_MESSAGE_V2]);
}

#[test]
fn selectors_choose_a_request_s_queue() {
    let cluster = cluster();
    cluster.create_topic("Asked", 3).unwrap();
    cluster.set_responder("Asked", |_| Some(b"pong".to_vec())).unwrap();
    let producer = producer(&cluster.url(), &[]);
    let queue = MessageQueue { broker_name: "broker-b", queue_id: 2 };
    producer.request(&request(), &options().with_selector(Selector::Queue(queue)), LONG).unwrap();
    let asked = &cluster.messages(Some("Asked"))[0];
    assert_eq!((&*asked.broker_name, asked.queue_id), ("broker-b", 2));
}

#[test]
fn what_does_not_go_with_a_request_is_refused_by_name() {
    let cluster = cluster();
    let producer = producer(&cluster.url(), &[]);
    let refused = |message: &Message<'_>, part: &str| {
        let error = producer.request(message, &options(), LONG).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMessage, "{error}");
        assert!(error.message().contains(part), "{error}");
    };
    for name in ["CORRELATION_ID", "REPLY_TO_CLIENT", "TTL", "DELAY", "TIMER_DELAY_MS", "TRAN_MSG"] {
        refused(&request().with_property(name, "1"), &format!("`{name}`"));
    }
    refused(&request().with_delay(Delay::Seconds(1)), "`delay` is Seconds(1)");
    refused(&Message::new("", b"x"), "`topic` is empty");
    for timeout in [Duration::ZERO, Duration::from_micros(999), Duration::from_millis(3_600_001)] {
        let error = producer.request(&request(), &options(), timeout).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("`timeout` is"), "{error}");
    }
    assert_eq!(waiting(&producer), 0);
    assert_eq!(cluster.message_count(None), 0);
    eventually("nothing is in flight", || producer.flush(LONG).is_ok());
}
