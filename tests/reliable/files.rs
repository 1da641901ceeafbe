//! Spool files that are kept as they were written: what an earlier version left must be read. The corpus of the spool's
//! fuzz target begins with them, too.
//!
//! `MQP_WRITE_VECTORS=1` writes them anew.

use super::spool::{DELIVERED, Place, listen};
use super::*;
use mqproducer::{BatchOptions, Delay, ErrorKind, MessageQueue, Selector};
use std::path::{Path, PathBuf};

struct Kept {
    name: &'static str,
    /// Puts messages into the spool.
    fill: fn(&Producer, &Cluster, &Told),
    /// What waits in it.
    bodies: &'static [&'static str],
}

const FILES: [Kept; 3] = [
    Kept { name: "single", fill: single, bodies: &["plain", "whole", "random", "hash", "consistent", "queue"] },
    Kept { name: "batch", fill: batch, bodies: &["b0", "b1", "b2"] },
    Kept { name: "sent_on", fill: sent_on, bodies: &["stays 0", "stays 1"] },
];

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/vectors/spool/{name}.spool"))
}

fn spooled(producer: &Producer, message: &Message<'_>, selector: Selector<'_>) {
    let error = producer.send(message, &SendOptions::default().with_selector(selector)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Spooled, "{error}");
}

fn queue_of(broker_name: &str) -> Selector<'_> {
    Selector::Queue(MessageQueue { broker_name, queue_id: 0 })
}

fn single(producer: &Producer, _: &Cluster, _: &Told) {
    spooled(producer, &message("plain"), Selector::RoundRobin);
    let whole = message("whole").with_keys("k1 k2").with_tags("TagA").with_property("colour", "größe");
    let whole = Message { flag: 7, delay: Delay::Level(1), ..whole };
    spooled(producer, &whole, Selector::RoundRobin);
    spooled(producer, &message("random"), Selector::Random);
    spooled(producer, &message("hash"), Selector::Hash("order-7"));
    spooled(producer, &message("consistent"), Selector::ConsistentHash("order-7"));
    spooled(producer, &message("queue"), queue_of("broker-b"));
}

fn batch(producer: &Producer, _: &Cluster, _: &Told) {
    let messages = [message("b0"), message("b1").with_tags("B"), message("b2").with_property("p", "v")];
    let result = producer.send_batch(&messages, &options(), &BatchOptions::default()).unwrap();
    assert!(result.results().iter().all(|end| end.as_ref().unwrap_err().kind() == ErrorKind::Spooled));
}

/// With what was sent already, and is not to be sent again.
fn sent_on(producer: &Producer, cluster: &Cluster, later: &Told) {
    for body in ["goes 0", "goes 1"] {
        spooled(producer, &message(body), queue_of("broker-a"));
    }
    for body in ["stays 0", "stays 1"] {
        spooled(producer, &Message::new("Others", body.as_bytes()), queue_of("broker-b"));
    }
    cluster.set_listening("broker-a", true).unwrap();
    later.wait(2);
}

fn down() -> Cluster {
    let cluster = Cluster::open("", 2, 1).unwrap();
    cluster.create_topic(TOPIC, 1).unwrap();
    cluster.create_topic("Others", 1).unwrap();
    listen(&cluster, 2, false);
    cluster
}

fn write(of: &Kept) {
    let (cluster, place) = (down(), Place::new());
    let producer = place.producer(&cluster.url(), &[]);
    let later = Told::spool(&producer);
    producer.start().unwrap();
    (of.fill)(&producer, &cluster, &later);
    producer.close(LONG).unwrap();
    std::fs::copy(&place.file, kept(of.name)).unwrap();
}

/// Rows: SO-10.
#[test]
fn files_that_were_written_once_are_still_read() {
    for of in &FILES {
        if std::env::var_os("MQP_WRITE_VECTORS").is_some() {
            write(of);
        }
        let (cluster, place) = (down(), Place::new());
        std::fs::copy(kept(of.name), &place.file).unwrap();
        let producer = place.producer(&cluster.url(), &[]);
        let later = Told::spool(&producer);
        listen(&cluster, 2, true);
        producer.start().unwrap();
        let events = later.wait(of.bodies.len());
        producer.close(LONG).unwrap();
        assert_eq!(later.bodies(DELIVERED), of.bodies, "{}", of.name);
        if of.name == "single" {
            let whole = events[1].message.as_ref().unwrap();
            assert_eq!((whole.keys(), whole.tags(), whole.flag), ("k1 k2", "TagA", 7));
            assert_eq!(whole.property("colour"), Some("größe"));
            assert_eq!(events[5].receipt.as_ref().unwrap().broker_name, "broker-b");
        }
        assert_eq!(later.all().len(), of.bodies.len(), "{}: nothing is damaged", of.name);
    }
}
