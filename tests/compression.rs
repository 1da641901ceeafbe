//! Compressed bodies on the wire and in the embedded cluster.

#![cfg(feature = "mock")]

mod fake;

use fake::{Act, FakeServer};
use mqproducer::mock::Cluster;
use mqproducer::protocol::remoting::command::request_code::SEND_MESSAGE_V2;
use mqproducer::protocol::remoting::compress::{inflate, supported};
use mqproducer::protocol::remoting::sys_flag::Compression;
use mqproducer::{Config, Message, Producer, SendOptions};
use std::sync::mpsc;

const TYPES: [(&str, Compression, &str); 3] =
    [("ZLIB", Compression::Zlib, "769"), ("LZ4", Compression::Lz4, "257"), ("ZSTD", Compression::Zstd, "513")];

fn built() -> impl Iterator<Item = (&'static str, Compression, &'static str)> {
    TYPES.into_iter().filter(|(_, compression, _)| supported(*compression))
}

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

fn text(length: usize) -> Vec<u8> {
    b"all work and no play ".iter().copied().cycle().take(length).collect()
}

/// Rows: CO-01 CO-03 CO-05 SK-10 SK-13 SK-14 CF-03 CF-05.
#[test]
fn the_wire_carries_type_bits_and_the_compressed_body_and_the_callers_body_stays() {
    for (word, compression, flag) in built() {
        let broker = FakeServer::start(|_, _| Act::stored(0, 0));
        let names = FakeServer::name_server(&[&broker.address], 1);
        let producer = producer(&names.url(), &[("compress_type", word)]);
        let body = text(4096);
        let small = text(4095);
        producer.send(&Message::new("T", &body), &SendOptions::default()).unwrap();
        producer.send(&Message::new("T", &small), &SendOptions::default()).unwrap();
        assert_eq!(body, text(4096));
        let headers = broker.seen(SEND_MESSAGE_V2);
        let bodies = broker.bodies_of(SEND_MESSAGE_V2);
        assert_eq!((headers[0].get("f"), headers[1].get("f")), (Some(flag), Some("0")), "{word}");
        assert!(bodies[0].len() < 500, "{word}: {} bytes", bodies[0].len());
        assert_eq!(inflate(compression, &bodies[0], 4096).unwrap(), body, "{word}");
        assert_eq!(bodies[1], small, "{word}");
    }
}

/// Rows: CO-05 SK-05 SK-13.
#[test]
fn every_try_carries_the_same_compressed_body() {
    let broker = FakeServer::start(|number, _| match number {
        0 | 1 => Act::Answer(2, "busy", vec![]),
        _ => Act::stored(0, 0),
    });
    let names = FakeServer::name_server(&[&broker.address], 4);
    let producer = producer(&names.url(), &[]);
    producer.send(&Message::new("T", &text(9000)), &SendOptions::default()).unwrap();
    let bodies = broker.bodies_of(SEND_MESSAGE_V2);
    assert_eq!(bodies.len(), 3);
    assert!(bodies[0].len() < 1000 && bodies[1] == bodies[0] && bodies[2] == bodies[0]);
    let sent = broker.seen(SEND_MESSAGE_V2);
    assert!(sent.iter().all(|request| (request.get("b"), request.get("f")) == (Some("T"), Some("769"))));
}

/// Rows: CO-01.
#[test]
fn a_body_that_does_not_shrink_goes_plain() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&broker.address], 1);
    // Steps of a linear congruential generator: nothing to squeeze out.
    let mut state = 1_u32;
    let step = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let body: Vec<u8> = (0..8000).map(step).collect();
    for (word, ..) in built() {
        let producer = producer(&names.url(), &[("compress_type", word)]);
        producer.send(&Message::new("T", &body), &SendOptions::default()).unwrap();
    }
    assert!(broker.seen(SEND_MESSAGE_V2).iter().all(|request| request.get("f") == Some("0")));
    assert!(broker.bodies_of(SEND_MESSAGE_V2).iter().all(|sent| *sent == body));
}

/// Rows: CO-01 CF-03.
#[test]
fn the_threshold_moves_from_every_body_to_none() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    for (threshold, length, flag) in [("0", 100, 0x300), ("2147483647", 100_000, 0), ("100", 99, 0)] {
        let topic = format!("T{threshold}");
        let producer = producer(&cluster.url(), &[("compress_msg_body_over_howmuch", threshold)]);
        producer.send(&Message::new(&topic, &text(length)), &SendOptions::default()).unwrap();
        let stored = &cluster.messages(Some(&topic))[0];
        assert_eq!((stored.sys_flag, stored.body.len()), (flag, length), "{threshold}");
    }
}

/// Rows: CO-03.
#[test]
fn the_embedded_cluster_lists_every_type_and_mode_decompressed() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    for (word, _, flag) in built() {
        let producer = producer(&cluster.url(), &[("compress_type", word)]);
        let body = text(50_000);
        let message = Message::new(word, &body);
        let (done, ended) = mpsc::channel();
        producer.send(&message, &SendOptions::default()).unwrap();
        producer.send_async(&message, &SendOptions::default(), move |end| done.send(end.is_ok()).unwrap()).unwrap();
        assert!(ended.recv().unwrap());
        producer.send_oneway(&message, &SendOptions::default()).unwrap();
        assert!(cluster.wait_for_messages(Some(word), 3, std::time::Duration::from_secs(20)));
        for stored in cluster.messages(Some(word)) {
            assert_eq!((stored.sys_flag + 1).to_string(), flag, "{word}");
            assert!(stored.body == body, "{word}: {} bytes", stored.body.len());
        }
    }
}
