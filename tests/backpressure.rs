//! The bound in flight, in each mode and by each policy, and a broker that stops reading.

#![cfg(target_os = "linux")]

mod fake;

use fake::{Act, FakeServer, LONG, eventually, producer};
use mqproducer::protocol::remoting::command::request_code::SEND_MESSAGE_V2;
use mqproducer::{ErrorKind, Message, Producer, Receipt, Result, SendOptions};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

/// A broker that answers nobody before it is opened.
struct Gated {
    names: FakeServer,
    broker: FakeServer,
    gate: Arc<(Mutex<bool>, Condvar)>,
}

impl Gated {
    fn start() -> Gated {
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let waits = Arc::clone(&gate);
        let broker = FakeServer::start(move |_, _| {
            drop(waits.1.wait_while(waits.0.lock().unwrap(), |open| !*open).unwrap());
            Act::stored(0, 0)
        });
        let names = FakeServer::name_server(&[&broker.address], 1);
        Gated { names, broker, gate }
    }

    fn open(&self) {
        *self.gate.0.lock().unwrap() = true;
        self.gate.1.notify_all();
    }

    fn producer(&self, limit: (&str, &str), policy: &str) -> Producer {
        producer(&self.names.url(), &[limit, ("backpressure", policy), ("send_msg_timeout", "60000")])
    }
}

type Ended = mpsc::Receiver<Result<Receipt>>;

fn send_async(producer: &Producer, body: &[u8], timeout: Duration) -> Result<Ended> {
    let (done, ended) = mpsc::channel();
    let options = SendOptions::default().with_timeout(timeout);
    producer.send_async(&Message::new("T", body), &options, move |outcome| done.send(outcome).unwrap())?;
    Ok(ended)
}

const SHORT: Duration = Duration::from_millis(100);
const BY_COUNT: (&str, &str) = ("max_in_flight_messages", "1");
const BY_BYTES: (&str, &str) = ("max_in_flight_bytes", "1024");

/// Rows: AS-03 AS-04 AS-06.
#[test]
fn block_waits_up_to_the_deadline_and_fail_not_at_all_in_both_modes() {
    for limit in [BY_COUNT, BY_BYTES] {
        for (policy, least) in [("block", SHORT), ("fail", Duration::ZERO)] {
            let gated = Gated::start();
            let producer = gated.producer(limit, policy);
            let first = send_async(&producer, &[1; 1000], LONG).unwrap();
            let started = Instant::now();
            let error = send_async(&producer, &[1; 1000], SHORT).map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Backpressure);
            assert!(error.message().contains("1 messages and 1000 bytes are in flight"), "{error}");
            assert!(started.elapsed() >= least);
            let options = SendOptions::default().with_timeout(SHORT);
            let oneway = producer.send_oneway(&Message::new("T", &[1; 1000]), &options).unwrap_err();
            assert_eq!(oneway.kind(), ErrorKind::Backpressure);
            gated.open();
            first.recv_timeout(LONG).unwrap().unwrap();
            producer.flush(LONG).unwrap();
            producer.send_oneway(&Message::new("T", b"x"), &options).unwrap();
        }
    }
}

/// Rows: AS-03 AS-05.
#[test]
fn whoever_waits_is_woken_by_each_message_that_ends() {
    const WAITERS: usize = 8;
    for limit in [BY_COUNT, BY_BYTES] {
        for policy in ["block", "wait_forever"] {
            let gated = Gated::start();
            let producer = gated.producer(limit, policy);
            let first = send_async(&producer, &[1; 1000], LONG).unwrap();
            let begun = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                for waiter in 0..WAITERS {
                    let (producer, begun) = (&producer, &begun);
                    scope.spawn(move || {
                        begun.fetch_add(1, Ordering::SeqCst);
                        let options = SendOptions::default();
                        match waiter % 2 {
                            0 => drop(producer.send_oneway(&Message::new("T", &[1; 1000]), &options).unwrap()),
                            _ => drop(producer.send(&Message::new("T", &[1; 1000]), &options).unwrap()),
                        }
                    });
                }
                eventually("the waiters", || begun.load(Ordering::SeqCst) == WAITERS);
                assert!(gated.broker.seen(SEND_MESSAGE_V2).len() <= 1, "one at a time");
                gated.open();
            });
            first.recv_timeout(LONG).unwrap().unwrap();
            eventually("every message", || gated.broker.seen(SEND_MESSAGE_V2).len() == WAITERS + 1);
            producer.close(LONG).unwrap();
        }
    }
}

/// Rows: AS-05.
#[test]
fn a_message_over_the_byte_limit_goes_alone() {
    let gated = Gated::start();
    let producer = gated.producer(BY_BYTES, "fail");
    let big = send_async(&producer, &[1; 5000], LONG).unwrap();
    assert_eq!(send_async(&producer, b"x", LONG).map(drop).unwrap_err().kind(), ErrorKind::Backpressure);
    gated.open();
    big.recv_timeout(LONG).unwrap().unwrap();
    producer.flush(LONG).unwrap();
    producer.send_oneway(&Message::new("T", &[1; 5000]), &SendOptions::default()).unwrap();
}

/// Rows: AS-03.
#[test]
fn closing_ends_those_that_wait_for_room() {
    let gated = Gated::start();
    let producer = gated.producer(BY_COUNT, "wait_forever");
    let first = send_async(&producer, b"x", LONG).unwrap();
    let waiter = {
        let producer = producer.clone();
        std::thread::spawn(move || send_async(&producer, b"x", SHORT).map(drop))
    };
    std::thread::sleep(2 * SHORT);
    assert!(!waiter.is_finished(), "wait_forever goes on after the deadline");
    let closed = producer.close(SHORT).unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Timeout);
    assert_eq!(waiter.join().unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(first.recv_timeout(LONG).unwrap().unwrap_err().kind(), ErrorKind::Closed);
    gated.open();
}

const CHILD: &str = "MQP_TEST_FLOOD";
const BYTES: usize = 8 << 20;
const BODY: usize = 16 << 10;

/// Peak resident memory of this process in bytes.
fn peak_rss() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// What was accepted must be many times what fits.
const ENOUGH: usize = 8 * BYTES / BODY + 1;

/// Sends as fast as it can to brokers that never read, for so long and, on a machine that is busy, until it is enough.
fn flood(url: &str, seconds: u64) {
    let bytes = BYTES.to_string();
    let producer = producer(url, &[("max_in_flight_bytes", &bytes), ("send_msg_timeout", "300")]);
    let (accepted, completed) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let until = Instant::now() + Duration::from_secs(seconds);
    let limit = until + 2 * LONG;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let body = vec![7; BODY];
                while Instant::now() < until || (accepted.load(Ordering::SeqCst) < ENOUGH && Instant::now() < limit) {
                    let completed = Arc::clone(&completed);
                    let callback = move |outcome: Result<Receipt>| {
                        assert!(outcome.is_err());
                        completed.fetch_add(1, Ordering::SeqCst);
                    };
                    if producer.send_async(&Message::new("T", &body), &SendOptions::default(), callback).is_ok() {
                        accepted.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    producer.flush(LONG).unwrap();
    let (accepted, completed) = (accepted.into_inner(), completed.load(Ordering::SeqCst));
    println!("{accepted} accepted, {completed} completed, peak {} KiB", peak_rss() / 1024);
    assert_eq!(accepted, completed);
    assert!(accepted >= ENOUGH, "only {accepted} messages: nothing is proved");
    assert!(peak_rss() < BYTES + (32 << 20), "{} bytes", peak_rss());
}

/// Rows: AS-03 AS-07.
#[test]
fn brokers_that_stop_reading_bound_the_memory_and_every_message_ends_once() {
    let seconds = if std::env::var_os("MQP_TEST_LONG").is_some() { 60 } else { 5 };
    if let Ok(url) = std::env::var(CHILD) {
        return flood(&url, seconds);
    }
    let brokers = [fake::never_reads(), fake::never_reads()];
    let names = FakeServer::name_server(&[&brokers[0], &brokers[1]], 2);
    // In a process of its own, whose memory is that of the library.
    let name = "brokers_that_stop_reading_bound_the_memory_and_every_message_ends_once";
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).args(["--exact", name, "--nocapture"]).env(CHILD, names.url()).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    println!("{printed}");
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains(" accepted, "), "the child ran no flood: {printed}");
}

/// One-way messages that come fast leave together; the bounds, those who wait for an end, and the end of the producer let
/// them go. Rows: AS-05.
#[cfg(feature = "mock")]
#[test]
fn a_flood_of_one_way_messages_is_stored_in_its_order_whatever_the_bound() {
    const COUNT: usize = 600;
    let options = SendOptions::default().with_timeout(LONG);
    for (limit, end) in [("1", "flush"), ("40", "close"), ("10000", "flush"), ("10000", "close"), ("10000", "drop")] {
        let cluster = mqproducer::mock::Cluster::open("", 1, 1).unwrap();
        let producer = producer(&cluster.url(), &[("max_in_flight_messages", limit)]);
        for n in 0..COUNT {
            let body = n.to_string();
            let message = Message::new("T", body.as_bytes());
            match n % 200 {
                199 => drop(producer.send(&message, &options).unwrap()),
                _ => drop(producer.send_oneway(&message, &options).unwrap()),
            }
        }
        match end {
            "flush" => producer.flush(LONG).unwrap(),
            "close" => producer.close(LONG).unwrap(),
            _ => {}
        }
        drop(producer);
        eventually("every message", || cluster.message_count(Some("T")) == COUNT);
        let mut stored = cluster.messages(Some("T"));
        stored.sort_by_key(|message| message.queue_offset);
        let bodies: Vec<String> =
            stored.iter().map(|message| String::from_utf8(message.body.clone()).unwrap()).collect();
        assert_eq!(bodies, (0..COUNT).map(|n| n.to_string()).collect::<Vec<_>>(), "{limit} {end}");
    }
}
