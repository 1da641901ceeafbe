//! Reliable sending on a synchronous master with a synchronous slave: nothing counts as sent before both have it, and what
//! the spool took is stored once they are well again.

use crate::suites::{Bench, text};
use mqproducer::{
    Config, ErrorKind, Message, Producer, ReliabilityEvent, ReliabilityEventKind, SendOptions, SendStatus,
};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const TOPIC: &str = "Reliable";
const LIMIT: Duration = Duration::from_secs(120);

type Told = Arc<Mutex<Vec<ReliabilityEvent>>>;

fn producer(url: &str, file: &str) -> Result<(Producer, Told, Told), String> {
    let mut config = Config::new();
    for (key, value) in [
        ("url", url),
        ("producer_group", "reliable"),
        ("reliability", "reliable"),
        ("reliable_retry_times", "1"),
        ("reliable_retry_interval", "100"),
        ("send_msg_timeout", "30000"),
        ("spool_file", file),
        ("spool_retry_interval", "500"),
    ] {
        config.set(key, value).map_err(text)?;
    }
    let producer = Producer::new(&config).map_err(text)?;
    let (alarms, later) = (Told::default(), Told::default());
    let (into_alarms, into_later) = (Arc::clone(&alarms), Arc::clone(&later));
    producer.set_alarm_callback(move |event| into_alarms.lock().unwrap().push(event.clone())).map_err(text)?;
    producer.set_spool_callback(move |event| into_later.lock().unwrap().push(event.clone())).map_err(text)?;
    producer.start().map_err(text)?;
    Ok((producer, alarms, later))
}

/// Sends so many, each of which must be safe or in the spool: the ids of the safe ones, and how many are spooled.
fn send(producer: &Producer, what: &str, count: usize, safe: &mut HashSet<String>) -> Result<usize, String> {
    let mut spooled = 0;
    for number in 0..count {
        let body = format!("{what} {number}");
        match producer.send(&Message::new(TOPIC, body.as_bytes()), &SendOptions::default()) {
            Ok(receipt) if receipt.status == SendStatus::Ok => drop(safe.insert(receipt.message_id)),
            Err(error) if error.kind() == ErrorKind::Spooled => spooled += 1,
            other => return Err(format!("{what} {number}: neither safe nor spooled: {other:?}")),
        }
    }
    Ok(spooled)
}

/// Waits until each spooled message was told as delivered.
fn delivered(later: &Told, count: usize) -> Result<Duration, String> {
    let started = Instant::now();
    while later.lock().unwrap().len() < count {
        if started.elapsed() > LIMIT {
            return Err(format!("{} of {count} messages of the spool after {LIMIT:?}", later.lock().unwrap().len()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(started.elapsed())
}

/// The codes of all tries of the alarms from `from` on.
fn codes(alarms: &Told, from: usize) -> Vec<Option<i32>> {
    let alarms = alarms.lock().unwrap();
    let errors = alarms[from..].iter().filter_map(|alarm| alarm.error.as_ref());
    errors.flat_map(|error| error.attempts().iter().map(|attempt| attempt.broker_code)).collect()
}

/// Rows: SO-01 SO-05 SO-06 SO-07 SO-09.
pub fn safe_or_in_the_spool_on_a_synchronous_pair(bench: &Bench) -> Result<String, String> {
    let topology = bench.sync_pair()?;
    let (master, slave) = (topology.master("broker-a"), topology.node("broker-a", 1));
    bench.tool.create_topic(&topology.connection(), &master.addr, TOPIC, 4, 6, &[]).map_err(text)?;
    let configure =
        |settings: &[(&str, &str)]| bench.tool.set_config(&topology.connection(), &master.addr, settings).map_err(text);
    let file = bench.scratch().join("reliable.spool");
    let url = format!("rocketmq://{}", topology.namesrv_addr());
    let (producer, alarms, later) = producer(&url, &file.display().to_string())?;
    let mut safe = HashSet::new();
    // A slave that has just started is connected to its master a little later.
    let (mut early, started) = (0, Instant::now());
    while send(&producer, "early", 1, &mut safe)? != 0 {
        early += 1;
        if started.elapsed() > LIMIT {
            return Err(format!("the pair keeps nothing safe; the tries tell {:?}", codes(&alarms, 0)));
        }
    }
    delivered(&later, early)?;
    if send(&producer, "well", 20, &mut safe)? != 0 {
        return Err("the pair is well and messages were spooled".to_owned());
    }

    configure(&[("syncFlushTimeout", "1")])?;
    let flushes = send(&producer, "flush", 5, &mut safe)?;
    configure(&[("syncFlushTimeout", "5000")])?;
    if flushes > 0 && !codes(&alarms, early).contains(&Some(10)) {
        return Err(format!("flushes timed out, but the tries tell {:?}", codes(&alarms, early)));
    }
    delivered(&later, early + flushes)?;

    slave.kill()?;
    let without = send(&producer, "slave", 3, &mut safe)?;
    let seen = codes(&alarms, early + flushes);
    if without != 3 || !seen.contains(&Some(12)) {
        return Err(format!("{without} of 3 messages were spooled without the slave; the tries tell {seen:?}"));
    }
    slave.restart()?;
    let back = delivered(&later, early + flushes + without)?;
    send(&producer, "again", 5, &mut safe)?;
    producer.close(Duration::from_secs(20)).map_err(text)?;

    let later = later.lock().unwrap();
    let stored_ids = later.iter().filter(|event| event.kind == ReliabilityEventKind::SpoolDelivered);
    let from_spool: Vec<String> =
        stored_ids.filter_map(|event| event.receipt.as_ref()).map(|receipt| receipt.message_id.clone()).collect();
    safe.extend(from_spool.iter().cloned());
    let stored = bench.tool.read(&topology.connection(), TOPIC, safe.len(), LIMIT).map_err(text)?;
    let found: HashSet<&str> = stored.iter().map(|message| message.msg_id.as_str()).collect();
    let missing = safe.iter().filter(|id| !found.contains(id.as_str())).count();
    if missing > 0 || from_spool.len() != early + flushes + without {
        return Err(format!(
            "{missing} of {} messages are missing, {} were in the spool",
            safe.len(),
            from_spool.len()
        ));
    }
    Ok(format!(
        "{} safe, {flushes} spooled for the flush and {without} for the slave, all stored {:.1} s after it was back",
        safe.len(),
        back.as_secs_f64()
    ))
}
