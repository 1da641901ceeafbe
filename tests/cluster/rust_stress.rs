//! The stress program of Rust, inside the test itself.

use crate::stress::{Report, expected, mode};
use mqproducer::{Config, Message, Producer, Receipt, SendOptions};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const THREADS: usize = 4;

/// Sends `count` messages by 2 producers on 4 threads, in all modes, and reports on each.
pub fn run(url: &str, topic: &str, count: usize, settings: &[(&str, &str)]) -> Result<Vec<Report>, String> {
    let producers: Vec<Producer> =
        ["rust-a", "rust-b"].iter().map(|group| start(url, group, settings)).collect::<Result<_, _>>()?;
    let reports = Arc::new(Mutex::new(Vec::with_capacity(count)));
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (producer, reports, next) = (&producers[thread % 2], &reports, &next);
            scope.spawn(move || {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= count {
                        return;
                    }
                    send(producer, topic, i, reports);
                }
            });
        }
    });
    for producer in &producers {
        producer.close(Duration::from_secs(60)).map_err(|error| error.to_string())?;
    }
    let reports = std::mem::take(&mut *reports.lock().unwrap());
    Ok(reports)
}

fn start(url: &str, group: &str, settings: &[(&str, &str)]) -> Result<Producer, String> {
    let mut config = Config::new();
    let own = [("url", url), ("producer_group", group)];
    for (key, value) in own.iter().chain(settings) {
        config.set(key, value).map_err(|error| error.to_string())?;
    }
    let producer = Producer::new(&config).map_err(|error| error.to_string())?;
    producer.start().map_err(|error| error.to_string())?;
    Ok(producer)
}

fn send(producer: &Producer, topic: &str, i: usize, reports: &Arc<Mutex<Vec<Report>>>) {
    let wanted = expected(topic, "rust", i);
    let mut message = Message::new(topic, &wanted.body).with_keys(&wanted.keys).with_flag(wanted.flag);
    message.tags = wanted.tags.as_deref().unwrap_or_default();
    message.properties = wanted.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let options = SendOptions::default();
    let report = move |outcome| report(i, outcome);
    match mode(i) {
        "sync" => reports.lock().unwrap().push(report(producer.send(&message, &options))),
        "oneway" => reports.lock().unwrap().push(report(producer.send_oneway(&message, &options))),
        _ => {
            let later = Arc::clone(reports);
            let accepted =
                producer.send_async(&message, &options, move |outcome| later.lock().unwrap().push(report(outcome)));
            if let Err(error) = accepted {
                reports.lock().unwrap().push(report(Err(error)));
            }
        }
    }
}

fn report(i: usize, outcome: mqproducer::Result<Receipt>) -> Report {
    let mut report = Report {
        i,
        mode: mode(i).to_owned(),
        ok: outcome.is_ok(),
        error: None,
        message_id: None,
        queue_id: None,
        queue_offset: None,
        broker: None,
        maybe_persisted: false,
        attempts: None,
        at_ms: None,
    };
    match outcome {
        Ok(receipt) => {
            report.message_id = Some(receipt.message_id);
            report.queue_id = Some(receipt.queue_id);
            report.queue_offset = Some(receipt.queue_offset);
            report.broker = Some(receipt.broker_name);
            report.attempts = Some(receipt.attempts);
        }
        Err(error) => {
            report.maybe_persisted = error.maybe_persisted();
            report.error = Some(error.to_string());
        }
    }
    report
}
