//! Delays, timers, recalls and priorities against the shared broker, read back by the official client.

use crate::names::start;
use crate::suites::{Bench, text};
use mqproducer::{Delay, ErrorKind, Message, SendOptions};
use std::time::{SystemTime, UNIX_EPOCH};

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Rows: DL-01 DL-03.
pub fn delayed_messages_come_when_they_are_due(bench: &Bench) -> Result<String, String> {
    const TOPIC: &str = "Delays";
    /// The broker's timer counts in seconds.
    const PRECISION_MS: i64 = 1000;
    bench.create_topic(TOPIC)?;
    let producer = start(&bench.url(), &[])?;
    let at = now_ms() + 3000;
    let ways = [
        ("level", Delay::Level(2), 5000),
        ("seconds", Delay::Seconds(3), 3000 - PRECISION_MS),
        ("milliseconds", Delay::Milliseconds(3000), 3000 - PRECISION_MS),
        ("at", Delay::DeliverAt(at), 0),
    ];
    for (body, delay, _) in ways {
        let message = Message::new(TOPIC, body.as_bytes()).with_delay(delay);
        let receipt = producer.send(&message, &SendOptions::default()).map_err(text)?;
        if receipt.recall_handle.is_empty() != (body == "level") {
            return Err(format!("{body}: {receipt:?}"));
        }
    }
    let stored = bench.read(TOPIC, ways.len())?;
    let mut waited = Vec::new();
    for (body, _, least) in ways {
        let found = stored.iter().find(|message| message.body == body.as_bytes()).ok_or(body)?;
        let held = found.store_timestamp - found.born_timestamp;
        let on_time = match body {
            "at" => found.store_timestamp >= at as i64 - PRECISION_MS,
            _ => held >= least,
        };
        if !on_time || stored.len() != ways.len() {
            return Err(format!("{body} was held for {held} ms: {found:?}"));
        }
        waited.push(format!("{body} {held} ms"));
    }
    Ok(waited.join(", "))
}

/// Rows: DL-03.
pub fn a_recalled_message_does_not_come(bench: &Bench) -> Result<String, String> {
    const TOPIC: &str = "Recalls";
    bench.create_topic(TOPIC)?;
    let producer = start(&bench.url(), &[])?;
    let send = |body: &'static str, seconds| {
        let message = Message::new(TOPIC, body.as_bytes()).with_delay(Delay::Seconds(seconds));
        producer.send(&message, &SendOptions::default()).map_err(text)
    };
    let recalled = send("recalled", 6)?;
    for _ in 0..2 {
        let answer = producer.recall(TOPIC, &recalled.recall_handle, None).map_err(text)?;
        if answer.message_id != recalled.message_id {
            return Err(format!("{answer:?} is not of {recalled:?}"));
        }
    }
    // Due after it: when it is there, the other one would be.
    let marker = send("marker", 8)?;
    let stored = bench.read(TOPIC, 1)?;
    if stored.len() != 1 || stored[0].body != b"marker" {
        return Err(format!("{stored:?}"));
    }
    match producer.recall(TOPIC, &marker.recall_handle, None) {
        Err(error) if error.kind() == ErrorKind::Broker => Ok(format!("too late: {error}")),
        other => Err(format!("a recall of what was delivered: {other:?}")),
    }
}

/// Rows: DL-04.
pub fn priorities_choose_the_queue(bench: &Bench) -> Result<String, String> {
    const TOPIC: &str = "Priorities";
    bench.create_topic(TOPIC)?;
    let producer = start(&bench.url(), &[])?;
    let expected = [(0, 0), (3, 3), (7, 7), (99, 7)];
    for (priority, queue) in expected {
        let body = priority.to_string();
        let message = Message::new(TOPIC, body.as_bytes()).with_priority(priority);
        let receipt = producer.send(&message, &SendOptions::default()).map_err(text)?;
        if receipt.queue_id != queue {
            return Err(format!("priority {priority}: {receipt:?}"));
        }
    }
    let stored = bench.read(TOPIC, expected.len())?;
    for message in &stored {
        let priority = String::from_utf8_lossy(&message.body);
        let wanted = expected.iter().find(|(known, _)| known.to_string() == priority).map(|(_, queue)| *queue);
        if wanted != Some(message.queue_id) {
            return Err(format!("{message:?}"));
        }
    }
    Ok(format!("{} messages", stored.len()))
}
