//! The producer for ActiveMQ against the embedded cluster, which any program can have.
#![cfg(feature = "mock")]

use mqproducer::jms::{Body, DeliveryMode, Jms, Value};
use mqproducer::mock::Cluster;
use mqproducer::{
    Config, Delay, ErrorKind, HookContext, Message, Producer, SendHook, SendOptions, SendStatus, Transformed,
};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

fn producer(url: &str, settings: &[(&str, &str)]) -> Producer {
    let producer = unstarted(url, settings);
    producer.start().unwrap();
    producer
}

fn unstarted(url: &str, settings: &[(&str, &str)]) -> Producer {
    let mut config = Config::default();
    config.set("url", url).unwrap();
    config.set("send_msg_timeout", "60000").unwrap();
    for (key, value) in settings {
        config.set(key, value).unwrap();
    }
    Producer::new(&config).unwrap()
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

/// Notes where each message goes that is about to be sent.
#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl SendHook for Seen {
    fn before_send(&self, context: &HookContext<'_>) {
        self.0.lock().unwrap().push(context.topic.to_owned());
    }
}

/// Rows: AM-14.
#[test]
fn a_transformer_puts_another_message_in_the_place_of_each() {
    let cluster = Cluster::open("openwire-transform", 1, 4).unwrap();
    let producer = unstarted("mock+openwire://openwire-transform", &[("delivery_mode", "non_persistent")]);
    let (seen, hook) = (Arc::new(Seen::default()), |seen: &Arc<Seen>| Arc::clone(seen) as Arc<dyn SendHook>);
    producer.add_hook(hook(&seen)).unwrap();
    producer.set_message_transformer(|_, _| panic!("another is set after it")).unwrap();
    let change = |message: &Message<'_>, out: &mut Transformed| match message.body {
        b"same" => Ok(()),
        b"refuse" => Err("not today".to_owned()),
        b"panic" => panic!("on purpose"),
        body => {
            // It owns what it makes: this is gone when it returns.
            let topic = format!("{}.other", message.topic);
            let properties = vec![("length", Value::Int(body.len() as i32))];
            let delivery_mode = DeliveryMode::Persistent;
            let jms = Jms { body: Body::Text, properties, delivery_mode, ..Jms::default() };
            out.set(&Message::new("nowhere", b"x"));
            out.set(&Message::new(&topic, body).with_jms(jms));
            Ok(())
        }
    };
    producer.set_message_transformer(change).unwrap();
    producer.start().unwrap();
    let late = producer.set_message_transformer(|_, _| Ok(())).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::AlreadyStarted);
    let (options, message) = (SendOptions::default(), |body| Message::new("T", body));
    // A persistent message is answered: what was made decides who waits.
    assert_eq!(producer.send(&message(b"sync"), &options).unwrap().status, SendStatus::Ok);
    assert_eq!(producer.send(&message(b"same"), &options).unwrap().status, SendStatus::Oneway);
    assert_eq!(producer.send_oneway(&message(b"oneway"), &options).unwrap().topic, "T.other");
    let (told, ends) = channel();
    producer.send_async(&message(b"async"), &options, move |end| told.send(end).unwrap()).unwrap();
    ends.recv_timeout(LIMIT).unwrap().unwrap();
    let many = [&b"many"[..], b"refuse"].map(|body| (message(body), |_| ()));
    let (accepted, refused) = producer.send_many(many, &options);
    assert_eq!((accepted, refused.unwrap_err().kind()), (1, ErrorKind::InvalidMessage));
    let transaction = producer.begin_transaction().unwrap();
    transaction.send(&message(b"transacted"), &options).unwrap();
    transaction.commit().unwrap();
    for (body, why) in [(&b"refuse"[..], "not today"), (b"panic", "it panicked")] {
        let error = producer.send(&message(body), &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMessage);
        assert!(error.message().contains("the message transformer refuses it") && error.message().ends_with(why));
    }
    assert_eq!(producer.statistics().unwrap().refusals.iter().map(|cause| cause.count).sum::<u64>(), 3);
    producer.close(LIMIT).unwrap();
    assert_eq!(producer.send(&message(b"panic"), &options).unwrap_err().kind(), ErrorKind::Closed);
    let (same, changed): (Vec<_>, Vec<_>) = cluster.messages(None).into_iter().partition(|stored| stored.topic == "T");
    assert_eq!(same.iter().map(|stored| &stored.body[..]).collect::<Vec<_>>(), [b"same"]);
    let bodies: Vec<_> = changed.iter().map(|stored| String::from_utf8(stored.body.clone()).unwrap()).collect();
    assert_eq!(bodies, ["sync", "oneway", "async", "many", "transacted"]);
    for stored in &changed {
        let length = ("length".to_owned(), stored.body.len().to_string());
        assert_eq!((stored.topic.as_str(), stored.properties.contains(&length)), ("T.other", true));
    }
    // Hooks see what was made, and nothing of what was refused.
    assert_eq!(*seen.0.lock().unwrap(), ["T.other", "T", "T.other", "T.other", "T.other", "T.other"]);
    let rocket = unstarted("mock://", &[("producer_group", "G")]);
    let error = rocket.set_message_transformer(|_, _| Ok(())).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unsupported, "RocketMQ has no message transformers"));
}

/// Rows: AM-16.
#[test]
fn each_message_is_counted_by_its_end() {
    let producer = producer("mock+openwire://", &[]);
    let options = SendOptions::default();
    let quick = || Jms { delivery_mode: DeliveryMode::NonPersistent, ..Jms::default() };
    for _ in 0..3 {
        producer.send(&Message::new("T", b"12345"), &options).unwrap();
    }
    for _ in 0..2 {
        producer.send(&Message::new("T", b"123").with_jms(quick()), &options).unwrap();
    }
    producer.send_async(&Message::new("T", b"1"), &options, |_| ()).unwrap();
    let transaction = producer.begin_transaction().unwrap();
    transaction.send(&Message::new("T", b"1234"), &options).unwrap();
    transaction.commit().unwrap();
    let nobody = "temp-queue://ID:nobody-1-1-1:1:1";
    assert_eq!(producer.send(&Message::new(nobody, b"12"), &options).unwrap_err().kind(), ErrorKind::Broker);
    producer.send(&Message::new("", b"1"), &options).unwrap_err();
    producer.flush(LIMIT).unwrap();
    let counted = producer.statistics().unwrap();
    producer.close(LIMIT).unwrap();
    assert_eq!((counted.accepted_messages, counted.accepted_bytes), (8, 3 * 5 + 2 * 3 + 1 + 4 + 2));
    assert_eq!((counted.acknowledged_messages, counted.acknowledged_bytes), (4, 3 * 5 + 1));
    assert_eq!((counted.oneway_messages, counted.oneway_bytes), (3, 2 * 3 + 4));
    assert_eq!(counted.failures.iter().map(|cause| cause.count).sum::<u64>(), 1);
    assert_eq!(counted.refusals.iter().map(|cause| cause.count).sum::<u64>(), 1);
    assert_eq!((counted.commits, counted.in_flight_messages), (1, 0));
}

#[test]
fn a_request_without_a_reply_ends_in_time_and_what_is_its_own_is_refused() {
    let cluster = Cluster::open("openwire-request", 1, 4).unwrap();
    let producer = producer("mock+openwire://openwire-request", &[]);
    let (options, short) = (SendOptions::default(), Duration::from_millis(300));
    let error = producer.request(&Message::new("R", b"anybody?"), &options, short).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RequestTimeout);
    assert!(error.maybe_persisted() && error.message().contains("topic `R`"), "{error}");
    let stored = cluster.messages(None);
    let property = |name| stored[0].properties.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
    assert!(property("JMSReplyTo").unwrap().starts_with("temp-queue://ID:"), "{:?}", stored[0].properties);
    assert_eq!(property("JMSCorrelationID").unwrap().len(), 36);
    for (message, field) in [
        (Message::new("R", b"x").with_delay(Delay::Seconds(1)), "`delay`"),
        (Message::new("R", b"x").with_jms(Jms { reply_to: "queue://A", ..Jms::default() }), "`reply_to`"),
        (Message::new("R", b"x").with_jms(Jms { correlation_id: "c", ..Jms::default() }), "`correlation_id`"),
    ] {
        let error = producer.request(&message, &options, LIMIT).unwrap_err();
        assert!(error.kind() == ErrorKind::InvalidMessage && error.message().contains(field), "{error}");
    }
    let error = producer.request(&Message::new("R", b"x"), &options, Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    // A close ends those that wait.
    let (told, ends) = channel();
    producer.request_async(&Message::new("R", b"x"), &options, LIMIT, move |end| told.send(end).unwrap()).unwrap();
    assert_eq!(producer.close(Duration::from_millis(200)).unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(ends.recv_timeout(LIMIT).unwrap().unwrap_err().kind(), ErrorKind::Closed);
}
