//! Namespaces of both versions, units and the VIP channel against the shared broker.

use crate::rust_stress;
use crate::stress::{Report, check};
use crate::suites::{Bench, first_few, text};
use crate::support::messages::StoredMessage;
use mqproducer::{Config, Message, Producer, SendOptions};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// A started producer.
pub fn start(url: &str, settings: &[(&str, &str)]) -> Result<Producer, String> {
    let mut config = Config::new();
    for (key, value) in
        [&[("url", url), ("producer_group", "rust-names"), ("send_msg_timeout", "60000")], settings].concat()
    {
        config.set(key, value).map_err(|error| error.to_string())?;
    }
    let producer = Producer::new(&config).map_err(|error| error.to_string())?;
    producer.start().map_err(|error| error.to_string())?;
    Ok(producer)
}

/// Settings, the topic of the producer, the topic of the broker.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

/// Rows: NS-01 NS-02 NS-03 NS-04 NS-05 SK-09.
pub fn namespaces_units_and_the_vip_channel(bench: &Bench) -> Result<String, String> {
    let (topology, tool) = bench.parts();
    let to = topology.connection();
    let url = format!("rocketmq://{}", topology.namesrv_addr());
    let address = &topology.master("broker-a").addr;
    let cases: [Case<'_>; 4] = [
        (&[("namespace", "NS")], "Prefixed", "NS%Prefixed"),
        (&[("namespace_v2", "space")], "Fielded", "Fielded"),
        (&[("unit_name", "unit-1"), ("unit_mode", "true")], "Unit", "Unit"),
        (&[("vip_channel_enabled", "true")], "Vip", "Vip"),
    ];
    for (settings, topic, wire) in cases {
        tool.create_topic(&to, address, wire, 4, 6, &[]).map_err(text)?;
        let reports: Vec<Report> = rust_stress::run(&url, topic, 100, settings)?;
        let mut stored: Vec<StoredMessage> = tool.read(&to, wire, 100, LIMIT).map_err(text)?;
        for message in &mut stored {
            let namespace = message.properties.remove("INSTANCE_ID");
            let expected = settings.iter().find(|(key, _)| *key == "namespace").map(|(_, value)| *value);
            if message.topic != wire || namespace.as_deref() != expected {
                return Err(format!("{settings:?}: stored {message:?}"));
            }
            message.topic = topic.to_owned();
        }
        check(topic, "rust", 100, &reports, &stored, true)
            .map_err(|wrong| format!("{settings:?}: {}", first_few(wrong)))?;
    }
    let producer = start(&url, &[("namespace", "NS")])?;
    let receipt = producer.send(&Message::new("Prefixed", b"x"), &SendOptions::default()).map_err(text)?;
    match receipt.topic.as_str() {
        "Prefixed" => Ok(format!("{} settings", cases.len())),
        other => Err(format!("the receipt names topic {other}")),
    }
}
