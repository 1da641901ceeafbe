//! Requests, which the official Java client answers.

use crate::broker::{Broker, LIMIT, close, producer, queue, send};
use mqproducer::jms::{Body, DeliveryMode, Jms, Value};
use mqproducer::{ErrorKind, Message, Producer, SendOptions};
use serde_json::json;
use std::sync::mpsc::channel;
use std::time::Duration;

fn answered(broker: &'static Broker, queue: &str) -> std::thread::JoinHandle<()> {
    let queue = queue.to_owned();
    std::thread::spawn(move || drop(broker.command("reply", json!({"destination": queue}))))
}

fn text<'a>(queue: &'a str, text: &'a str) -> Message<'a> {
    let jms = Jms { body: Body::Text, properties: vec![("n", Value::Int(1))], ..Jms::default() };
    Message::new(queue, text.as_bytes()).with_jms(jms)
}

#[test]
fn the_java_client_answers_requests() {
    let (broker, queue) = (Broker::shared(), queue("requests"));
    let producer = broker.producer(&[]);
    let options = SendOptions::default();
    // Text and bytes; persistent ones and others are asked for an answer alike.
    for (round, mode) in [DeliveryMode::Persistent, DeliveryMode::NonPersistent].into_iter().enumerate() {
        let answering = answered(broker, &queue);
        let body = format!("größer {round}");
        let mut message = text(&queue, &body);
        message.jms.as_mut().unwrap().delivery_mode = mode;
        let reply = producer.request(&message, &options, LIMIT).unwrap();
        answering.join().unwrap();
        assert_eq!(String::from_utf8(reply.body.clone()).unwrap(), format!("re: {body}"));
        assert_eq!(
            (reply.property("answered"), reply.property("JMSCorrelationID")),
            (Some("yes"), reply.property("CORRELATION_ID"))
        );
        assert!(reply.topic.starts_with("temp-queue://ID:") && reply.message_id.starts_with("ID:"), "{reply:?}");
    }
    let answering = answered(broker, &queue);
    let (told, ends) = channel();
    let bytes = Message::new(&queue, &[0, 255, 7]);
    producer.request_async(&bytes, &options, LIMIT, move |end| told.send(end).unwrap()).unwrap();
    let reply = ends.recv_timeout(LIMIT).unwrap().unwrap();
    answering.join().unwrap();
    assert_eq!(reply.body, b"re: \0\xff\x07");
    let error = producer.request(&text(&queue, "nobody"), &options, Duration::from_millis(3000)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RequestTimeout);
    // The reply that comes after that is taken off its queue, and nothing waits for it.
    answered(broker, &queue).join().unwrap();
    assert_eq!(producer.statistics().unwrap().waiting_requests, 0);
    close(&producer);
}

/// The queue of replies comes back with the connection, and what waits there is asked again under the same name.
#[test]
fn requests_go_on_after_a_fail_over() {
    let broker: &'static Broker = Box::leak(Box::new(Broker::start(&[], true)));
    let queue = queue("requests");
    let producer: Producer = producer(&format!("failover:(tcp://{})?maxReconnectDelay=100", broker.address()), &[]);
    let options = SendOptions::default();
    let ask = |body: &str| {
        let answering = answered(broker, &queue);
        let reply = producer.request(&text(&queue, body), &options, LIMIT).unwrap();
        answering.join().unwrap();
        String::from_utf8(reply.body).unwrap()
    };
    assert_eq!(ask("before"), "re: before");
    broker.restart();
    assert_eq!(ask("after"), "re: after");
    // Asked while there is no broker: it is sent when there is one.
    broker.kill();
    std::thread::scope(|scope| {
        let asking =
            scope.spawn(|| producer.request(&text(&queue, "meanwhile"), &SendOptions::default(), LIMIT).unwrap());
        broker.restart();
        answered(broker, &queue).join().unwrap();
        assert_eq!(asking.join().unwrap().body, b"re: meanwhile");
    });
    close(&producer);
    broker.kill();
}

/// A broker that allows no temporary queue: requests end with its reason and not at their deadline; other messages go.
#[test]
fn a_refused_queue_of_replies_ends_the_requests() {
    let (broker, queue) = (Broker::start(&[("deny_temporary", "true")], false), queue("refused"));
    let producer = broker.producer(&[]);
    for _ in 0..2 {
        let error = producer.request(&text(&queue, "asked"), &SendOptions::default(), LIMIT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Broker, "{error}");
        assert!(error.message().contains("not allowed here"), "{error}");
    }
    assert_eq!(producer.statistics().unwrap().waiting_requests, 0);
    send(&producer, &queue, "plain").unwrap();
    close(&producer);
}
