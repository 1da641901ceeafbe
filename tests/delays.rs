//! Delays, timers, recalls, priorities and lite topics on the embedded cluster: what a broker stores, and when.

#![cfg(feature = "mock")]

mod fake;

use fake::{LONG, producer};
use mqproducer::mock::{Cluster, Fault, FaultAction, StoredMessage};
use mqproducer::protocol::remoting::command::request_code::{GET_ROUTEINFO_BY_TOPIC, RECALL_MESSAGE};
use mqproducer::protocol::remoting::recall::RecallHandle;
use mqproducer::{Delay, Error, ErrorKind, Message, Producer, Receipt, SendOptions};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const TOPIC: &str = "later";

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn send(producer: &Producer, message: &Message<'_>) -> Receipt {
    producer.send(message, &SendOptions::default()).unwrap()
}

fn stored(cluster: &Cluster, body: &str) -> StoredMessage {
    cluster.messages(None).into_iter().find(|message| message.body == body.as_bytes()).unwrap()
}

fn refused(result: mqproducer::Result<Receipt>, kind: ErrorKind, part: &str) -> Error {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.message().contains(part), "{error}");
    error
}

/// Rows: DL-01 DL-02 DL-03.
#[test]
fn each_way_of_delay_holds_a_message_back_until_it_is_due() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = producer(&cluster.url(), &[]);
    let at = now_ms() + 1500;
    let text = at.to_string();
    let message = |body: &'static str| Message::new(TOPIC, body.as_bytes());
    let due = [
        (message("level").with_delay(Delay::Level(1)), "DELAY", "1", 1000),
        (message("seconds").with_delay(Delay::Seconds(1)), "TIMER_DELAY_SEC", "1", 1000),
        (message("milliseconds").with_delay(Delay::Milliseconds(1200)), "TIMER_DELAY_MS", "1200", 1200),
        (message("at").with_delay(Delay::DeliverAt(at)), "TIMER_DELIVER_MS", &text, 0),
    ];
    for (message, ..) in &due {
        let receipt = send(&producer, message);
        let timer = message.delay != Delay::Level(1);
        assert_eq!(!receipt.recall_handle.is_empty(), timer, "a timer message can be recalled");
    }
    assert_eq!((cluster.message_count(None), cluster.delayed_message_count()), (0, 4));
    send(&producer, &message("passed").with_delay(Delay::DeliverAt(1)));
    // The cloud services' own way, which is a property and no delay to a broker of Apache's.
    send(&producer, &message("cloud").with_property("__STARTDELIVERTIME", &text));
    assert_eq!(cluster.message_count(None), 2, "a time that has passed, or is not known, is now");
    assert_eq!(stored(&cluster, "cloud").property("__STARTDELIVERTIME"), Some(&*text));
    assert!(cluster.wait_for_messages(None, 6, LONG));
    for (message, property, value, least) in &due {
        let found = stored(&cluster, std::str::from_utf8(message.body).unwrap());
        assert_eq!(found.property(property), Some(*value));
        let held = found.store_timestamp - found.born_timestamp;
        // Both ends of the time are rounded.
        assert!(held >= least - 2, "{property}: held for {held} ms");
    }
    assert!(stored(&cluster, "at").store_timestamp + 2 >= i64::try_from(at).unwrap());
}

/// Rows: DL-03.
#[test]
fn a_timer_that_the_broker_refuses_is_its_refusal() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = producer(&cluster.url(), &[]);
    let message = Message::new(TOPIC, b"x").with_delay(Delay::Seconds(3 * 24 * 3600 + 1));
    let error = refused(producer.send(&message, &SendOptions::default()), ErrorKind::Broker, "timer message illegal");
    assert_eq!(error.broker_code(), Some(13));
}

/// Rows: DL-03.
#[test]
fn a_recalled_message_is_never_delivered() {
    let cluster = Cluster::open("", 2, 4).unwrap();
    let producer = producer(&cluster.url(), &[("namespace", "SPACE")]);
    let recalled = send(&producer, &Message::new(TOPIC, b"recalled").with_delay(Delay::Milliseconds(2000)));
    let answer = producer.recall(TOPIC, &recalled.recall_handle, None).unwrap();
    assert_eq!((&answer.message_id, &answer.topic), (&recalled.message_id, &recalled.topic));
    assert_eq!((&answer.broker_name, answer.queue_id, answer.queue_offset), (&recalled.broker_name, -1, -1));
    assert_eq!(cluster.delayed_message_count(), 0);
    producer.recall(TOPIC, &recalled.recall_handle, Some(LONG)).unwrap();
    let request = cluster.requests(None, Some(RECALL_MESSAGE)).unwrap().remove(0);
    assert_eq!(request.broker_name, recalled.broker_name);
    assert_eq!((request.field("topic"), request.field("producerGroup")), (Some("SPACE%later"), Some("SPACE%test")));
    assert_eq!(request.field("recallHandle"), Some(&*recalled.recall_handle));
    assert_eq!(request.field("bname"), Some(&*recalled.broker_name));

    // Due after it, so that it would be there before.
    send(&producer, &Message::new(TOPIC, b"marker").with_delay(Delay::Milliseconds(2100)));
    assert!(cluster.wait_for_messages(None, 1, LONG));
    assert_eq!((stored(&cluster, "marker").topic.as_str(), cluster.message_count(None)), ("SPACE%later", 1));
    let late = producer.recall(TOPIC, &recalled.recall_handle, None);
    let error = refused(late, ErrorKind::Broker, "recall failed, timestamp invalid");
    assert_eq!((error.broker_code(), error.remark()), (Some(604), Some("recall failed, timestamp invalid")));
}

/// Rows: DL-03.
#[test]
fn a_handle_that_is_none_or_elsewhere_asks_no_broker() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    cluster.create_topic(TOPIC, 4).unwrap();
    let producer = producer(&cluster.url(), &[]);
    let handle = |topic: &str, broker: &str| {
        let in_an_hour = i64::try_from(now_ms()).unwrap() + 3_600_000;
        let (topic, broker_name) = (topic.to_owned(), broker.to_owned());
        RecallHandle { topic, broker_name, deliver_ms: in_an_hour, uniq_key: "ID".to_owned() }.encode()
    };
    refused(producer.recall(TOPIC, "no handle", None), ErrorKind::InvalidArgument, "`recall_handle` = `no handle`");
    refused(producer.recall(TOPIC, "", None), ErrorKind::InvalidArgument, "`recall_handle` = ``");
    let other = producer.recall(TOPIC, &handle("other", "broker-a"), None);
    refused(other, ErrorKind::InvalidArgument, "`recall_handle` is of the topic `other`, not of `later`");
    refused(producer.recall("", "x", None), ErrorKind::InvalidMessage, "`topic` is empty");
    assert_eq!(cluster.request_count(None, Some(GET_ROUTEINFO_BY_TOPIC)).unwrap(), 0, "before any I/O");
    let elsewhere = producer.recall(TOPIC, &handle(TOPIC, "broker-z"), None);
    refused(elsewhere, ErrorKind::BrokerNotFound, "names no broker `broker-z`");
    assert_eq!(cluster.requests(None, Some(RECALL_MESSAGE)).unwrap(), []);

    // As a broker's default is.
    let forbidden = FaultAction::Answer { code: 16, remark: "recall failed, operation is forbidden".to_owned() };
    cluster.push_fault(&Fault::new(forbidden).code(RECALL_MESSAGE)).unwrap();
    let error = refused(producer.recall(TOPIC, &handle(TOPIC, "broker-a"), None), ErrorKind::Broker, "forbidden");
    assert_eq!((error.broker_code(), error.retriable()), (Some(16), false));
    cluster.push_fault(&Fault::new(FaultAction::Drop).code(RECALL_MESSAGE)).unwrap();
    let silent = producer.recall(TOPIC, &handle(TOPIC, "broker-a"), Some(Duration::from_millis(200)));
    assert!(refused(silent, ErrorKind::Timeout, "did not answer in time").maybe_persisted());
    producer.close(LONG).unwrap();
    refused(producer.recall(TOPIC, &handle(TOPIC, "broker-a"), None), ErrorKind::Closed, "closed");
}

/// Rows: DL-04.
#[test]
fn the_broker_chooses_the_queue_of_a_priority_and_the_receipt_tells_it() {
    let cluster = Cluster::open("", 1, 8).unwrap();
    cluster.create_topic(TOPIC, 8).unwrap();
    let producer = producer(&cluster.url(), &[]);
    for (priority, queue) in [(0, 0), (3, 3), (9, 7), (i32::MAX, 7)] {
        let body = priority.to_string();
        let receipt = send(&producer, &Message::new(TOPIC, body.as_bytes()).with_priority(priority));
        let found = stored(&cluster, &body);
        assert_eq!((receipt.queue_id, found.queue_id), (queue, queue));
        assert_eq!(found.property("_SYS_MSG_PRIORITY_"), Some(&*body));
        assert_eq!(receipt.queue_offset, found.queue_offset);
    }
    let message = Message::new(TOPIC, b"lite").with_lite_topic("inside").with_sharding_key("shard");
    send(&producer, &message);
    let found = stored(&cluster, "lite");
    assert_eq!((found.property("__LITE_TOPIC"), found.property("__SHARDINGKEY")), (Some("inside"), Some("shard")));
    refused(
        producer.send(&Message::new(TOPIC, b"x").with_priority(-1), &SendOptions::default()),
        ErrorKind::InvalidMessage,
        "`priority` is -1; the minimum is 0",
    );
    assert_eq!(cluster.message_count(None), 5);
}
