//! Topics whose queues are not what each broker says of itself.

use crate::names::start;
use crate::suites::{Bench, text};
use crate::support::broker_conf::TopologySpec;
use crate::support::cluster::Topology;
use mqproducer::{Message, Producer, SendOptions};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(60);
const BOTH: [&str; 2] = ["broker-a", "broker-b"];

/// The queues that `count` messages go to, and where each is stored.
fn send(producer: &Producer, topic: &str, count: usize) -> Result<BTreeSet<(i32, String)>, String> {
    let receipts = (0..count).map(|i| {
        let body = i.to_string();
        producer.send(&Message::new(topic, body.as_bytes()), &SendOptions::default()).map_err(|error| error.to_string())
    });
    receipts.map(|receipt| receipt.map(|receipt| (receipt.queue_id, receipt.broker_name))).collect()
}

fn same(what: &str, found: &BTreeSet<(i32, String)>, expected: &[(i32, &str)]) -> Result<(), String> {
    let expected: BTreeSet<_> = expected.iter().map(|(queue, broker)| (*queue, (*broker).to_owned())).collect();
    if *found == expected { Ok(()) } else { Err(format!("{what}: {found:?} instead of {expected:?}")) }
}

/// Rows: NS-06 RT-10 RT-15 RT-16.
pub fn static_and_ordered_topics(bench: &Bench) -> Result<String, String> {
    let (_, tool) = bench.parts();
    let mut spec = TopologySpec::two_masters();
    spec.namesrv_properties.push(("orderMessageEnable".to_owned(), "true".to_owned()));
    let topology = Topology::start(&spec)?;
    let to = topology.connection();
    let url = format!("rocketmq://{}", topology.namesrv_addr());
    let producer = start(&url, &[("poll_name_server_interval", "100")])?;

    tool.create_static_topic(&to, "Static", 4, &BOTH).map_err(text)?;
    let queues = send(&producer, "Static", 8)?;
    let ids: Vec<i32> = queues.iter().map(|(queue, _)| *queue).collect();
    let brokers: BTreeSet<&str> = queues.iter().map(|(_, broker)| broker.as_str()).collect();
    if ids != [0, 1, 2, 3] || brokers != BTreeSet::from(BOTH) {
        return Err(format!("logical queues and their brokers: {queues:?}"));
    }
    // All move to one broker; the producer follows with its next look at the route.
    tool.remap_static_topic(&to, "Static", &["broker-a"]).map_err(text)?;
    let deadline = Instant::now() + LIMIT;
    let mut moved = 0;
    let on_a = [0, 1, 2, 3].map(|queue| (queue, "broker-a"));
    loop {
        let found = send(&producer, "Static", 4);
        moved += usize::from(found.is_ok()) * 4;
        match found.and_then(|found| same("after the move", &found, &on_a)) {
            Ok(()) => break,
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(_) => {}
        }
    }
    let stored = tool.read(&to, "Static", 8 + moved, LIMIT).map_err(text)?;
    if stored.len() < 8 + moved {
        return Err(format!("{} of {} messages are stored", stored.len(), 8 + moved));
    }

    for node in &topology.brokers {
        tool.create_topic(&to, &node.addr, "Ordered", 4, 6, &[]).map_err(text)?;
    }
    let normal = send(&producer, "Ordered", 16)?;
    same("without an order", &normal, &[0, 1, 2, 3].map(|queue| BOTH.map(|broker| (queue, broker))).concat())?;
    tool.set_order(&to, "Ordered", "broker-b:1;broker-a:2").map_err(text)?;
    let ordered = start(&url, &[])?;
    let order = [(0, "broker-b"), (0, "broker-a"), (1, "broker-a")];
    same("with an order", &send(&ordered, "Ordered", 9)?, &order)?;
    Ok(format!("{} messages to a static topic", stored.len()))
}
