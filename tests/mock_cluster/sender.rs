//! The real producer against a cluster.

use std::time::Duration;

use mqproducer::mock::{Cluster, Fault, FaultAction};
use mqproducer::{Config, Error, Message, Producer, Receipt, SendOptions};

pub const TOPIC: &str = "T";

/// A started producer of a cluster.
pub fn producer(cluster: &Cluster, settings: &[(&str, &str)]) -> Producer {
    let mut config = Config::new();
    for (key, value) in [("url", cluster.url().as_str()), ("producer_group", "test")].iter().chain(settings) {
        config.set(key, value).unwrap();
    }
    let producer = Producer::new(&config).unwrap();
    producer.start().unwrap();
    producer
}

/// One that tries each message once.
pub fn trying_once(cluster: &Cluster) -> Producer {
    producer(cluster, &[("retry_times_when_send_failed", "0"), ("retry_times_when_send_async_failed", "0")])
}

pub fn send(producer: &Producer) -> Result<Receipt, Error> {
    send_within(producer, Duration::from_secs(20))
}

pub fn send_within(producer: &Producer, timeout: Duration) -> Result<Receipt, Error> {
    producer.send(&Message::new(TOPIC, b"body"), &SendOptions::default().with_timeout(timeout))
}

/// A refusal that the producer does not try again.
pub fn refusal(remark: &str) -> Fault {
    Fault::new(FaultAction::Answer { code: 13, remark: remark.to_owned() })
}

pub fn stored(cluster: &Cluster) -> usize {
    cluster.message_count(Some(TOPIC))
}
