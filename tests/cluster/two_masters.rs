//! Two masters: how a producer spreads its messages, and what it makes of one that is killed or frozen under load,
//! beside the official Java client in the same scenario.

use crate::suites::{Bench, text};
use crate::support::cluster::{Node, Topology};
use crate::support::java_tool::Load;
use mqproducer::{Config, Message, Producer, SendOptions};
use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(120);
const THREADS: usize = 4;
/// Between two sends of a thread: what is measured are failures, not throughput.
const PAUSE: Duration = Duration::from_millis(2);

/// Milliseconds under load while one broker is killed, or frozen, and while the time without it lasts.
fn times() -> (u64, u64) {
    if std::env::var_os("MQP_TEST_LONG").is_some() { (60_000, 20_000) } else { (15_000, 5_000) }
}

fn producer(topology: &Topology, settings: &[(&str, &str)]) -> Result<Producer, String> {
    let url = format!("rocketmq://{}", topology.namesrv_addr());
    let own = [("url", url.as_str()), ("producer_group", "two-masters")];
    let mut config = Config::new();
    for (key, value) in own.iter().chain(settings) {
        config.set(key, value).map_err(text)?;
    }
    let producer = Producer::new(&config).map_err(text)?;
    producer.start().map_err(text)?;
    Ok(producer)
}

fn create_topic(bench: &Bench, topology: &Topology, topic: &str) -> Result<(), String> {
    for name in ["broker-a", "broker-b"] {
        let addr = &topology.master(name).addr;
        bench.tool.create_topic(&topology.connection(), addr, topic, 4, 6, &[]).map_err(text)?;
    }
    Ok(())
}

/// Rows: QS-01 QS-02.
pub fn sixteen_sends_spread_eight_and_eight(bench: &Bench) -> Result<String, String> {
    let (topology, topic) = (bench.two_masters()?, "Balance");
    create_topic(bench, topology, topic)?;
    // A broker that has begun just now may be slow, and no message shall be tried twice for that.
    let producer = producer(topology, &[("send_msg_timeout", "60000")])?;
    let mut again = Vec::new();
    for _ in 0..16 {
        let receipt = producer.send(&Message::new(topic, b"x"), &SendOptions::default()).map_err(text)?;
        again.extend(receipt.earlier);
    }
    let mut queues: BTreeMap<(String, i32), usize> = BTreeMap::new();
    for message in bench.tool.read(&topology.connection(), topic, 16, LIMIT).map_err(text)? {
        *queues.entry((message.broker_name, message.queue_id)).or_default() += 1;
    }
    if queues.len() != 8 || queues.values().any(|count| *count != 2) {
        return Err(format!("not two messages in each queue: {queues:?}; tried again: {again:?}"));
    }
    Ok("2 messages in each of 8 queues".to_owned())
}

/// Sends from several threads for a time, as the Java tool's `send_for` does.
fn send_for(producer: &Producer, topic: &str, time: Duration) -> Load {
    let (sent, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let (ids, worst) = (Mutex::new(Vec::new()), Mutex::new(Duration::ZERO));
    let end = Instant::now() + time;
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while Instant::now() < end {
                    let start = Instant::now();
                    sent.fetch_add(1, Ordering::Relaxed);
                    match producer.send(&Message::new(topic, &[0; 64]), &SendOptions::default()) {
                        Ok(receipt) => ids.lock().unwrap().push(receipt.message_id),
                        Err(error) => failed.lock().unwrap().push(error.to_string()),
                    }
                    let mut worst = worst.lock().unwrap();
                    *worst = start.elapsed().max(*worst);
                    drop(worst);
                    std::thread::sleep(PAUSE);
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    if let Some(first) = failed.first() {
        println!("    the first failure: {first}");
    }
    Load {
        sent: sent.into_inner(),
        failed: failed.len(),
        worst: worst.into_inner().unwrap(),
        // What is compared here are failures.
        longest_gap: Duration::ZERO,
        ids: ids.into_inner().unwrap(),
    }
}

/// Does `harm` to the broker a second after the load began, and `mend`s it after the time without it.
fn under_load(
    broker: &Node,
    harm: fn(&Node) -> Result<(), String>,
    mend: fn(&Node) -> Result<(), String>,
    load: impl FnOnce() -> Result<Load, String> + Send,
) -> Result<Load, String> {
    let (_, without) = times();
    std::thread::scope(|scope| {
        let loading = scope.spawn(load);
        std::thread::sleep(Duration::from_secs(1));
        harm(broker)?;
        std::thread::sleep(Duration::from_millis(without));
        mend(broker)?;
        loading.join().map_err(|_| "the load panicked".to_owned())?
    })
}

type Sender<'a> = (&'a str, Box<dyn Fn(&str) -> Result<Load, String> + Send + Sync + 'a>);

/// Runs the scenario with each client; nothing that was acknowledged may be missing.
fn compare(
    bench: &Bench,
    what: &str,
    harm: fn(&Node) -> Result<(), String>,
    mend: fn(&Node) -> Result<(), String>,
) -> Result<String, String> {
    let topology = bench.two_masters()?;
    let time = Duration::from_millis(times().0);
    let plain = producer(topology, &[])?;
    let avoiding = producer(topology, &[("send_latency_enable", "true"), ("start_detector_enable", "true")])?;
    let java = |latency: bool| {
        let connection = topology.connection();
        move |topic: &str| bench.tool.send_for(&connection, topic, time, THREADS, PAUSE, latency).map_err(text)
    };
    let senders: [Sender<'_>; 4] = [
        ("mqproducer", Box::new(|topic| Ok(send_for(&plain, topic, time)))),
        ("mqproducer_latency", Box::new(|topic| Ok(send_for(&avoiding, topic, time)))),
        ("java", Box::new(java(false))),
        ("java_latency", Box::new(java(true))),
    ];
    let mut lines = String::new();
    for (name, sender) in &senders {
        let topic = format!("Two_{what}_{name}");
        create_topic(bench, topology, &topic)?;
        let load = under_load(topology.master("broker-b"), harm, mend, || sender(&topic))?;
        // Later sends reach both again.
        let stored = bench.tool.read(&topology.connection(), &topic, load.ids.len(), LIMIT).map_err(text)?;
        let stored: HashSet<&str> = stored.iter().map(|message| message.msg_id.as_str()).collect();
        let missing = load.ids.iter().filter(|id| !stored.contains(id.as_str())).count();
        lines += &format!(
            "\n    {what} {name:<18} {} of {} sends failed ({:.3} %), worst {} ms, {missing} acknowledged are missing",
            load.failed,
            load.sent,
            100.0 * load.failed as f64 / load.sent as f64,
            load.worst.as_millis(),
        );
        let ours = name.starts_with("mqproducer");
        if ours && (missing > 0 || load.failed + load.ids.len() != load.sent || load.sent < 100) {
            return Err(lines);
        }
        if ours && load.failed * 100 > load.sent {
            return Err(format!("{lines}\n    more than 1 % failed although one broker was well"));
        }
    }
    Ok(lines)
}

/// Rows: FT-01 FT-02 RE-01 RE-09.
pub fn a_master_killed_under_load(bench: &Bench) -> Result<String, String> {
    compare(bench, "killed", Node::kill, |broker| broker.restart().map(drop))
}

/// Rows: FT-01 FT-02 SK-06 SK-07 RE-01.
pub fn a_master_frozen_under_load(bench: &Bench) -> Result<String, String> {
    compare(bench, "frozen", Node::stop, Node::cont)
}
