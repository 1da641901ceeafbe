//! Each mode, and what it promises.

use crate::broker::{Broker, LIMIT, bodies, close, queue, send};
use mqproducer::jms::{DeliveryMode, Jms};
use mqproducer::{ErrorKind, Message, SendOptions, SendStatus};
use std::sync::mpsc::channel;

/// Rows: AM-01 AM-04 AM-15.
#[test]
fn a_persistent_message_is_answered_and_stored_in_order() {
    let (broker, queue) = (Broker::shared(), queue("sync"));
    let producer = broker.producer(&[]);
    let mut ids = Vec::new();
    for number in 0..50 {
        let receipt = send(&producer, &queue, &format!("body {number}")).unwrap();
        assert_eq!(receipt.status, SendStatus::Ok);
        assert_eq!((receipt.topic.as_str(), receipt.broker_name.as_str()), (queue.as_str(), "test"));
        ids.push(receipt.message_id);
    }
    close(&producer);
    let stored = broker.read(&queue, 50);
    assert_eq!(bodies(&stored), (0..50).map(|number| format!("body {number}")).collect::<Vec<_>>());
    let told: Vec<&str> = stored.iter().map(|message| message["message_id"].as_str().unwrap()).collect();
    assert_eq!(told, ids);
    assert!(ids[0].ends_with(":1") && ids[49].ends_with(":50"), "{}", ids[0]);
    assert!(stored.iter().all(|message| message["persistent"] == true && message["priority"] == 4));
}

/// Rows: AM-03.
#[test]
fn a_message_that_is_not_persistent_asks_for_no_answer() {
    let (broker, queue) = (Broker::shared(), queue("quick"));
    let producer = broker.producer(&[("delivery_mode", "non_persistent")]);
    for number in 0..50 {
        let receipt = send(&producer, &queue, &number.to_string()).unwrap();
        assert_eq!(receipt.status, SendStatus::Oneway);
    }
    let jms = Jms { delivery_mode: DeliveryMode::Persistent, ..Jms::default() };
    let message = Message::new(&queue, b"50").with_jms(jms);
    assert_eq!(producer.send(&message, &SendOptions::default()).unwrap().status, SendStatus::Ok);
    close(&producer);
    // The broker keeps the two kinds apart, and promises no order between them.
    let (kept, quick): (Vec<_>, Vec<_>) =
        broker.read(&queue, 51).into_iter().partition(|message| message["persistent"] == true);
    assert_eq!(bodies(&quick), (0..50).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(bodies(&kept), ["50"]);
}

/// Rows: AM-08.
#[test]
fn a_callback_hears_the_answer_of_each_message() {
    let (broker, queue) = (Broker::shared(), queue("async"));
    for mode in ["persistent", "non_persistent"] {
        let producer = broker.producer(&[("delivery_mode", mode)]);
        let (told, ends) = channel();
        for number in 0..500 {
            let told = told.clone();
            let body = number.to_string();
            let message = Message::new(&queue, body.as_bytes());
            producer.send_async(&message, &SendOptions::default(), move |end| told.send(end).unwrap()).unwrap();
        }
        producer.flush(LIMIT).unwrap();
        for _ in 0..500 {
            assert_eq!(ends.recv_timeout(LIMIT).unwrap().unwrap().status, SendStatus::Ok);
        }
        close(&producer);
        let stored = broker.read(&queue, 500);
        assert_eq!(bodies(&stored), (0..500).map(|number| number.to_string()).collect::<Vec<_>>());
    }
}

/// Rows: AM-06 AM-07.
#[test]
fn settings_choose_who_waits() {
    let (broker, queue) = (Broker::shared(), queue("settings"));
    for (settings, expected) in [
        (&[("use_async_send", "true")][..], SendStatus::Oneway),
        (&[("use_async_send", "true"), ("send_timeout", "5000")], SendStatus::Ok),
        (&[("delivery_mode", "non_persistent"), ("always_sync_send", "true")], SendStatus::Ok),
        (&[("delivery_mode", "non_persistent"), ("send_timeout", "5000")], SendStatus::Ok),
    ] {
        let producer = broker.producer(settings);
        assert_eq!(send(&producer, &queue, "x").unwrap().status, expected, "{settings:?}");
        close(&producer);
    }
    let producer = broker.producer(&[]);
    let oneway = producer.send_oneway(&Message::new(&queue, b"x"), &SendOptions::default()).unwrap();
    assert_eq!(oneway.status, SendStatus::Oneway);
    close(&producer);
    assert_eq!(broker.read(&queue, 5).len(), 5);
}

/// Rows: AM-09 AM-10.
#[test]
fn the_window_returns_to_nothing() {
    let (broker, queue) = (Broker::shared(), queue("window"));
    for window in ["1", "1024", "5000", "100000"] {
        let producer = broker.producer(&[("delivery_mode", "non_persistent"), ("producer_window_size", window)]);
        for number in 0..100 {
            let text = "é".repeat(number);
            let message = Message::new(&queue, text.as_bytes()).with_property("größe", "ü");
            producer.send(&message, &SendOptions::default()).unwrap();
        }
        let limit = std::time::Instant::now() + LIMIT;
        while producer.statistics().unwrap().window_bytes > 0 {
            assert!(std::time::Instant::now() < limit, "{} left", producer.statistics().unwrap().window_bytes);
            std::thread::yield_now();
        }
        close(&producer);
        assert_eq!(broker.read(&queue, 100).len(), 100);
    }
}

/// Many messages in each mode: each is stored once, in order.
#[test]
fn many_messages_in_each_mode() {
    let broker = Broker::shared();
    let count = if std::env::var_os("MQP_TEST_LONG").is_some() { 20_000 } else { 2_000 };
    let quick = ("delivery_mode", "non_persistent");
    for (mode, settings) in [
        ("sync", &[][..]),
        ("async", &[]),
        ("transaction", &[]),
        ("quick", &[quick]),
        ("window", &[quick, ("producer_window_size", "100000")]),
    ] {
        let (producer, queue, options) = (broker.producer(settings), queue(mode), SendOptions::default());
        let (told, ends) = channel();
        let transaction = (mode == "transaction").then(|| producer.begin_transaction().unwrap());
        for number in 0..count {
            let body = number.to_string();
            let message = Message::new(&queue, body.as_bytes());
            let told = told.clone();
            match (&transaction, mode) {
                (Some(transaction), _) => drop(transaction.send(&message, &options).unwrap()),
                (None, "async") => {
                    producer.send_async(&message, &options, move |end| told.send(end.is_ok()).unwrap()).unwrap()
                }
                _ => drop(producer.send(&message, &options).unwrap()),
            }
        }
        if let Some(transaction) = transaction {
            transaction.commit().unwrap();
        }
        producer.flush(LIMIT).unwrap();
        let answered = ends.try_iter().inspect(|ok| assert!(ok)).count();
        assert_eq!(answered, if mode == "async" { count } else { 0 });
        close(&producer);
        let stored = bodies(&broker.read(&queue, count));
        assert!(stored == (0..count).map(|number| number.to_string()).collect::<Vec<_>>(), "{mode}: {}", stored.len());
    }
}

/// Rows: AM-11.
#[test]
fn a_producer_that_is_closed_says_so() {
    let producer = Broker::shared().producer(&[]);
    close(&producer);
    let error = send(&producer, "closed", "x").unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Closed, "the producer is closed"));
}
