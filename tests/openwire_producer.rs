//! The producer for ActiveMQ against the embedded cluster, which any program can have.
#![cfg(feature = "mock")]

use mqproducer::jms::{Body, Jms};
use mqproducer::mock::Cluster;
use mqproducer::{Config, ErrorKind, Message, Producer, SendOptions, SendStatus};
use std::time::Duration;

fn producer(url: &str, settings: &[(&str, &str)]) -> Producer {
    let mut config = Config::default();
    config.set("url", url).unwrap();
    for (key, value) in settings {
        config.set(key, value).unwrap();
    }
    let producer = Producer::new(&config).unwrap();
    producer.start().unwrap();
    producer
}

#[test]
fn messages_and_transactions_reach_the_embedded_broker() {
    let cluster = Cluster::open("openwire-producer", 1, 4).unwrap();
    let producer = producer("mock+openwire://openwire-producer", &[]);
    let options = SendOptions::default();
    let text = Message::new("queue://A", b"text").with_jms(Jms { body: Body::Text, ..Jms::default() });
    assert_eq!(producer.send(&text, &options).unwrap().status, SendStatus::Ok);
    for commit in [true, false] {
        let transaction = producer.begin_transaction().unwrap();
        transaction.send(&Message::new("B", if commit { b"kept" } else { b"lost" }), &options).unwrap();
        if commit { transaction.commit() } else { transaction.rollback() }.unwrap();
    }
    producer.close(Duration::from_secs(10)).unwrap();
    let stored: Vec<_> = cluster.messages(None).into_iter().map(|message| (message.topic, message.body)).collect();
    assert_eq!(stored, [("A".to_owned(), b"text".to_vec()), ("B".to_owned(), b"kept".to_vec())]);
}

#[test]
fn what_one_of_the_two_worlds_lacks_is_refused_by_name() {
    let active = producer("mock+openwire://", &[]);
    let options = SendOptions::default();
    let error = active.recall("T", "handle", None).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unsupported, "ActiveMQ has no timer messages to recall"));
    let error = active.send(&Message::new("T", b"x").with_lite_topic("L"), &options).unwrap_err();
    assert!(error.message().contains("`lite_topic`"), "{error}");
    let rocket = producer("mock://", &[("producer_group", "G")]);
    let error = rocket.create_temporary_queue(Duration::from_secs(1)).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unsupported, "RocketMQ has no temporary queues"));
    let error = rocket.send(&Message::new("T", b"x").with_jms(Jms::default()), &options).unwrap_err();
    assert!(error.message().contains("`jms`"), "{error}");
}
