//! What a JMS consumer sees of a message.

use crate::broker::{Broker, bodies, close, queue};
use mqproducer::jms::{Body, Jms, Value};
use mqproducer::{Delay, ErrorKind, Message, SendOptions};
use serde_json::{Value as Json, json};
use std::borrow::Cow;
use std::time::Duration;

/// A value of each type, and how the Java consumer shows it, which reads characters beyond 16 bits wrongly in properties.
fn values() -> Vec<(&'static str, Value<'static>, Json)> {
    vec![
        ("bool", Value::Bool(true), json!({"type": "boolean", "value": "true"})),
        ("byte", Value::Byte(-7), json!({"type": "byte", "value": "-7"})),
        ("short", Value::Short(-300), json!({"type": "short", "value": "-300"})),
        ("int", Value::Int(70_000), json!({"type": "integer", "value": "70000"})),
        ("long", Value::Long(1 << 40), json!({"type": "long", "value": "1099511627776"})),
        ("float", Value::Float(1.5), json!({"type": "float", "value": "1.5"})),
        ("double", Value::Double(-2.25), json!({"type": "double", "value": "-2.25"})),
        ("text", Value::Text(Cow::Borrowed("größer €")), json!({"type": "string", "value": "größer €"})),
    ]
}

/// In each form that frames can have.
#[test]
fn every_kind_of_message_and_property() {
    for tight in ["true", "false"] {
        for cache in ["true", "false"] {
            every_kind(&[("tight_encoding", tight), ("marshalling_cache", cache)]);
        }
    }
}

fn every_kind(form: &[(&str, &str)]) {
    let (broker, queue) = (Broker::shared(), queue("kinds"));
    let producer = broker.producer(form);
    let properties = || values().into_iter().map(|(name, value, _)| (name, value)).collect::<Vec<_>>();
    let mut entries = properties();
    entries.push(("char", Value::Char(u16::from(b'c'))));
    entries.push(("bytes", Value::Bytes(Cow::Borrowed(&[0, 1, 255]))));
    let jms = Jms {
        properties: properties(),
        time_to_live: Some(Duration::from_secs(600)),
        correlation_id: "corr-1",
        reply_to: "topic://answers",
        kind: "kind-1",
        group_id: "group-1",
        group_sequence: 3,
        ..Jms::default()
    };
    let text = "naïve \0 𝄞";
    let bodies = [
        (Body::Text, text.as_bytes()),
        (Body::Bytes, &[0, 159, 146, 150][..]),
        (Body::Map(entries), &[][..]),
        (Body::Text, &[][..]),
    ];
    for (body, bytes) in bodies {
        let message = Message::new(&queue, bytes)
            .with_priority(9)
            .with_tags("tag")
            .with_keys("key-1 key-2")
            .with_property("plain", "value")
            .with_jms(Jms { body, ..jms.clone() });
        producer.send(&message, &SendOptions::default()).unwrap();
    }
    close(&producer);
    let stored = broker.read(&queue, 4);
    let classes: Vec<&str> = stored.iter().map(|message| message["class"].as_str().unwrap()).collect();
    assert_eq!(classes, ["ActiveMQTextMessage", "ActiveMQBytesMessage", "ActiveMQMapMessage", "ActiveMQTextMessage"]);
    assert_eq!((&stored[0]["text"], &stored[3]["text"]), (&json!(text), &json!("")));
    assert_eq!(stored[1]["bytes"], json!("AJ+Slg=="));
    let map = &stored[2]["map"];
    for (name, _, shown) in values() {
        assert_eq!(map[name], shown, "{name}");
    }
    assert_eq!(map["char"], json!({"type": "character", "value": "c"}));
    assert_eq!(map["bytes"], json!({"type": "bytes", "value": "AAH/"}));
    for message in &stored {
        for (name, _, shown) in values() {
            assert_eq!(message["properties"][name], shown, "{name}");
        }
        for (name, value) in [("TAGS", "tag"), ("KEYS", "key-1 key-2"), ("plain", "value")] {
            assert_eq!(message["properties"][name], json!({"type": "string", "value": value}), "{name}");
        }
        for (field, value) in [
            ("priority", json!(9)),
            ("correlation_id", json!("corr-1")),
            ("reply_to", json!("topic://answers")),
            ("type", json!("kind-1")),
            ("group_id", json!("group-1")),
            ("group_sequence", json!(3)),
            ("compressed", json!(false)),
            ("destination", json!(format!("queue://{queue}"))),
        ] {
            assert_eq!(message[field], value, "{field}");
        }
        let lived = message["expiration"].as_i64().unwrap() - message["timestamp"].as_i64().unwrap();
        assert_eq!(lived, 600_000);
    }
}

/// What finds no place in the cache is sent as a whole each time. A transaction has a producer of its own, and ids that are
/// sent as a whole in any case.
#[test]
fn more_destinations_than_the_cache_holds() {
    let broker = Broker::start(&[("cache_size", "128")], false);
    for tight in ["true", "false"] {
        let names: Vec<String> = (0..140).map(|number| format!("cache.{tight}.{number}")).collect();
        let producer = broker.producer(&[("tight_encoding", tight)]);
        let options = SendOptions::default();
        for body in [b"1", b"2"] {
            for name in &names {
                producer.send(&Message::new(name, body), &options).unwrap();
            }
            let transaction = producer.begin_transaction().unwrap();
            for name in [&names[0], &names[139]] {
                transaction.send(&Message::new(name, &[body[0] + 2]), &options).unwrap();
            }
            transaction.commit().unwrap();
        }
        close(&producer);
        for (number, sent) in [(0, &["1", "3", "2", "4"][..]), (126, &["1", "2"]), (139, &["1", "3", "2", "4"])] {
            assert_eq!(bodies(&broker.read(&names[number], sent.len())), sent, "{number}, {tight}");
        }
    }
}

#[test]
fn compressed_bodies_are_read_as_they_were() {
    let (broker, queue) = (Broker::shared(), queue("compressed"));
    let producer = broker.producer(&[("use_compression", "true"), ("compress_msg_body_over_howmuch", "100")]);
    let long = "all the same ".repeat(1000);
    for body in [Body::Bytes, Body::Text] {
        for text in [long.as_str(), "short"] {
            let message = Message::new(&queue, text.as_bytes()).with_jms(Jms { body: body.clone(), ..Jms::default() });
            producer.send(&message, &SendOptions::default()).unwrap();
        }
    }
    close(&producer);
    let stored = broker.read(&queue, 4);
    let compressed: Vec<&Json> = stored.iter().map(|message| &message["compressed"]).collect();
    assert_eq!(compressed, [&json!(true), &json!(false), &json!(true), &json!(false)]);
    assert_eq!(bodies(&stored[..2]), [long.clone(), "short".to_owned()]);
    assert_eq!((&stored[2]["text"], &stored[3]["text"]), (&json!(long), &json!("short")));
}

#[test]
fn topics_reach_who_listens() {
    let (broker, name) = (Broker::shared(), format!("topic://{}", queue("topic")));
    broker.subscribe(&name);
    let producer = broker.producer(&[]);
    for number in 0..10 {
        let body = number.to_string();
        producer.send(&Message::new(&name, body.as_bytes()), &SendOptions::default()).unwrap();
    }
    close(&producer);
    assert_eq!(bodies(&broker.take(&name, 10)), (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_scheduled_message_comes_when_it_is_due() {
    let (broker, queue) = (Broker::shared(), queue("scheduled"));
    let producer = broker.producer(&[]);
    let message = Message::new(&queue, b"later").with_delay(Delay::Milliseconds(1500));
    let sent = producer.send(&message, &SendOptions::default()).unwrap();
    let at = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    let absolute = Message::new(&queue, b"last").with_delay(Delay::DeliverAt(at + 3000));
    producer.send(&absolute, &SendOptions::default()).unwrap();
    producer.send(&Message::new(&queue, b"first"), &SendOptions::default()).unwrap();
    let error = producer.send(&message.clone().with_delay(Delay::Level(3)), &SendOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidMessage);
    close(&producer);
    assert!(!sent.message_id.is_empty());
    assert_eq!(bodies(&broker.read(&queue, 3)), ["first", "later", "last"]);
}

/// Rows: AM-12.
#[test]
fn a_producer_of_one_destination_keeps_to_it() {
    let (broker, queue) = (Broker::shared(), queue("fixed"));
    let producer = broker.producer(&[("destination", &queue)]);
    producer.send(&Message::new("", b"to its own"), &SendOptions::default()).unwrap();
    producer.send(&Message::new(&queue, b"by its name"), &SendOptions::default()).unwrap();
    let error = producer.send(&Message::new("other", b"x"), &SendOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    close(&producer);
    let anonymous = broker.producer(&[]);
    let error = anonymous.send(&Message::new("", b"x"), &SendOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidMessage);
    anonymous.send(&Message::new(&queue, b"anonymous"), &SendOptions::default()).unwrap();
    close(&anonymous);
    assert_eq!(bodies(&broker.read(&queue, 3)), ["to its own", "by its name", "anonymous"]);
}
