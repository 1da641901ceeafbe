//! Requests and replies: against the embedded cluster, and against servers that push what they like.

#![cfg(feature = "mock")]

#[path = "../fake/mod.rs"]
mod fake;
mod lost;
mod replies;
mod requests;
mod wire;

use fake::{LONG, eventually, producer};
use mqproducer::mock::{Cluster, StoredMessage};
use mqproducer::{Message, Producer, SendOptions};

/// A cluster with two brokers.
fn cluster() -> Cluster {
    Cluster::open("", 2, 2).unwrap()
}

fn options() -> SendOptions<'static> {
    SendOptions::default()
}

fn request() -> Message<'static> {
    Message::new("Asked", b"ping")
}

/// The value of a property that must be there.
fn property<'m>(message: &'m StoredMessage, name: &str) -> &'m str {
    let found = message.properties.iter().find(|(key, _)| key == name);
    found.map_or_else(|| panic!("no {name} in {:?}", message.properties), |(_, value)| value)
}

/// How many requests wait, as the producer shows it.
fn waiting(producer: &Producer) -> usize {
    let shown = format!("{producer:?}");
    let (_, rest) = shown.rsplit_once("requests: ").unwrap();
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}
