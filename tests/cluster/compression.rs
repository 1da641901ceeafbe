//! Compressed bodies, read back by the official Java consumer.

use crate::suites::{Bench, first_few};
use crate::support::messages::{Duplicates, compare};
use crate::support::samples::samples;
use mqproducer::{Config, Message, Producer, SendOptions};
use std::sync::mpsc;
use std::time::Duration;

const EACH: usize = 12;

/// Rows: CO-01 CO-02 CO-03 SK-10 CF-03 CF-04 CF-05.
pub fn compressed_bodies(bench: &Bench) -> Result<String, String> {
    let mut shown = Vec::new();
    for (word, level, bits) in [("ZLIB", "9", 0x300), ("LZ4", "5", 0x100), ("ZSTD", "3", 0x200)] {
        let topic = format!("Compressed_{word}");
        bench.create_topic(&topic)?;
        // Around the threshold and far beyond it, where LZ4 needs several blocks.
        for (round, size) in [4095, 4096, 100_000, 1_500_000].into_iter().enumerate() {
            send(&bench.url(), &topic, word, level, round * EACH, size)?;
            let stored = bench.read(&topic, (round + 1) * EACH)?;
            let wanted = samples(&topic, round * EACH, EACH, size);
            let of_round: Vec<_> = (stored.into_iter())
                .filter(|message| wanted.iter().any(|wanted| Some(&wanted.keys) == message.keys.as_ref()))
                .collect();
            compare(&wanted, &of_round, Duplicates::Refused)
                .map_err(|wrong| format!("{word} {size}: {}", first_few(wrong)))?;
            let expected = if size < 4096 { 0 } else { bits };
            if let Some(odd) = of_round.iter().find(|message| message.sys_flag != expected) {
                return Err(format!("{word} {size}: the system flag is {:#x}, not {expected:#x}", odd.sys_flag));
            }
        }
        shown.push(word);
    }
    Ok(format!("{} with {} messages each", shown.join(", "), 4 * EACH))
}

/// A third of the messages in each mode.
fn send(url: &str, topic: &str, word: &str, level: &str, first: usize, size: usize) -> Result<(), String> {
    let config = Config::new()
        .with("url", url)
        .and_then(|config| config.with("producer_group", "compressing"))
        .and_then(|config| config.with("send_msg_timeout", "60000"))
        .and_then(|config| config.with("compress_type", word))
        .and_then(|config| config.with("compress_level", level))
        .map_err(|error| error.to_string())?;
    let producer = Producer::new(&config).map_err(|error| error.to_string())?;
    producer.start().map_err(|error| error.to_string())?;
    let (done, ended) = mpsc::channel();
    for (number, sample) in samples(topic, first, EACH, size).iter().enumerate() {
        let mut message = Message::new(topic, &sample.body).with_keys(&sample.keys).with_flag(sample.flag);
        message.tags = sample.tags.as_deref().unwrap_or_default();
        message.properties = sample.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let options = SendOptions::default();
        let sent = match number % 3 {
            0 => producer.send(&message, &options).map(drop),
            1 => {
                let done = done.clone();
                producer.send_async(&message, &options, move |end| drop(done.send(end.map(drop))))
            }
            _ => producer.send_oneway(&message, &options).map(drop),
        };
        sent.map_err(|error| format!("{word}: {error}"))?;
    }
    producer.close(Duration::from_secs(30)).map_err(|error| error.to_string())?;
    drop(done);
    ended.iter().collect::<mqproducer::Result<Vec<()>>>().map(drop).map_err(|error| format!("{word}: {error}"))
}
