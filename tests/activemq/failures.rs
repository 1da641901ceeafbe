//! Brokers that refuse, that are stuck, that die.

use crate::broker::{Broker, LIMIT, bodies, close, configured, producer, queue, send};
use mqproducer::{ErrorKind, Message, Producer, SendOptions};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What the broker says to who starts. A refusal that comes while the broker still sets the connection up closes it without
/// a word: then who sends hears it.
fn refusal(producer: &Producer) -> mqproducer::Error {
    if let Err(refused) = producer.start()
        && refused.kind() != ErrorKind::AlreadyStarted
    {
        return refused;
    }
    let until = Instant::now() + LIMIT;
    loop {
        let error = send(producer, "refused", "x").unwrap_err();
        if error.kind() == ErrorKind::Broker || Instant::now() > until {
            return error;
        }
    }
}

/// Rows: AM-01.
#[test]
fn a_wrong_password_is_told_at_the_start() {
    let broker = Broker::start(&[("users", "alice:secret")], false);
    let settings = |password| [("user_name", "alice"), ("password", password)];
    let refused = configured(&broker.url(), &settings("wrong"));
    let error = refusal(&refused);
    assert_eq!(error.kind(), ErrorKind::Broker);
    assert!(error.message().contains("SecurityException") && !error.message().contains("wrong"), "{error}");
    let again = refusal(&refused);
    assert_eq!(again.kind(), ErrorKind::Broker, "{again}");
    let welcome = producer(&broker.url(), &settings("secret"));
    send(&welcome, "welcome", "x").unwrap();
    close(&welcome);
    let by_url = producer(&format!("{}?jms.userName=alice&jms.password=secret", broker.url()), &[]);
    send(&by_url, "welcome", "x").unwrap();
    close(&by_url);
}

/// Fills the queue until a send does not end well; that end.
fn fill(producer: &Producer, queue: &str) -> mqproducer::Error {
    let body = vec![7; 1024];
    let options = SendOptions::default().with_timeout(Duration::from_secs(2));
    for _ in 0..1000 {
        if let Err(error) = producer.send(&Message::new(queue, &body), &options) {
            return error;
        }
    }
    panic!("the queue is never full");
}

/// Rows: AM-07.
#[test]
fn a_broker_that_keeps_producers_waiting_ends_in_a_deadline() {
    let broker = Broker::start(&[("memory", "204800")], false);
    let (persistent, other) = (broker.producer(&[]), queue("other"));
    let error = fill(&persistent, "full");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.maybe_persisted() && error.message().contains("flow control"), "{error}");
    let windowed = broker.producer(&[("delivery_mode", "non_persistent"), ("producer_window_size", "5000")]);
    let error = fill(&windowed, "full");
    assert_eq!(error.kind(), ErrorKind::Backpressure);
    assert!(error.message().contains("`producer_window_size` is 5000"), "{error}");
    // A window of its own: other connections go on.
    let free = broker.producer(&[]);
    send(&free, &other, "x").unwrap();
    for producer in [persistent, windowed, free] {
        // What the broker has parked is given up.
        let _ = producer.close(Duration::from_millis(200));
    }
}

/// Rows: AM-02.
#[test]
fn what_the_broker_refuses_is_told_to_who_waits_and_to_each_callback() {
    let broker = Broker::start(&[("memory", "204800"), ("fail_when_full", "true")], false);
    let producer = broker.producer(&[("delivery_mode", "non_persistent"), ("always_sync_send", "true")]);
    let error = fill(&producer, "full");
    assert_eq!(error.kind(), ErrorKind::Broker);
    assert!(error.retriable() && error.remark().is_some_and(|remark| remark.contains("ResourceAllocation")), "{error}");
    let (told, ends) = std::sync::mpsc::channel();
    let body = vec![7; 1024];
    producer
        .send_async(&Message::new("full", &body), &SendOptions::default(), move |end| told.send(end).unwrap())
        .unwrap();
    assert_eq!(ends.recv_timeout(LIMIT).unwrap().unwrap_err().kind(), ErrorKind::Broker);
    close(&producer);
}

#[test]
fn without_failover_those_who_wait_are_told_and_the_next_send_connects_again() {
    let broker = Broker::start(&[], true);
    let (producer, queue) = (broker.producer(&[]), queue("again"));
    send(&producer, &queue, "before").unwrap();
    broker.freeze();
    let waiting = producer.clone();
    let name = queue.clone();
    let sender = std::thread::spawn(move || send(&waiting, &name, "lost"));
    let limit = Instant::now() + LIMIT;
    while producer.statistics().unwrap().in_flight_messages == 0 {
        assert!(Instant::now() < limit);
        std::thread::yield_now();
    }
    broker.kill();
    let error = sender.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert!(error.maybe_persisted(), "{error}");
    assert_eq!(send(&producer, &queue, "nobody").unwrap_err().kind(), ErrorKind::Connect);
    broker.restart();
    send(&producer, &queue, "after").unwrap();
    assert_eq!(producer.statistics().unwrap().reconnects, 1);
    close(&producer);
    let stored = bodies(&broker.read(&queue, 2));
    assert_eq!((stored.first().unwrap().as_str(), stored.last().unwrap().as_str()), ("before", "after"));
}

#[test]
fn a_broker_that_falls_silent_is_given_up() {
    let broker = Broker::start(&[], false);
    let producer = broker.producer(&[("max_inactivity_duration", "900")]);
    send(&producer, "silent", "x").unwrap();
    // Words are exchanged all the time: a silence of many times the limit ends nothing.
    std::thread::sleep(Duration::from_secs(4));
    send(&producer, "silent", "x").unwrap();
    assert_eq!(producer.statistics().unwrap().connects, 1);
    broker.freeze();
    let error = send(&producer, "silent", "x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert!(error.message().contains("has said nothing for"), "{error}");
    broker.thaw();
    close(&producer);
}

/// Longer than either side waits for a word.
#[test]
fn a_minute_without_messages_ends_no_connection() {
    if std::env::var_os("MQP_TEST_LONG").is_none() {
        return println!("takes a minute; MQP_TEST_LONG=1 runs it");
    }
    let (broker, queue) = (Broker::shared(), queue("idle"));
    let producer = broker.producer(&[]);
    send(&producer, &queue, "before").unwrap();
    std::thread::sleep(Duration::from_secs(65));
    send(&producer, &queue, "after").unwrap();
    assert_eq!(producer.statistics().unwrap().connects, 1);
    close(&producer);
    assert_eq!(bodies(&broker.read(&queue, 2)), ["before", "after"]);
}

/// The broker is killed again and again while messages go out in two modes; what ended well is stored, once.
#[test]
fn failover_loses_nothing_that_ended_well() {
    let rounds = if std::env::var_os("MQP_TEST_LONG").is_some() { 20 } else { 3 };
    let broker = Broker::start(&[], true);
    let queue = queue("failover");
    let url = format!("failover:(tcp://{})?maxReconnectDelay=100", broker.address());
    let producer = producer(&url, &[]);
    let (stop, good, bad) = (Arc::new(AtomicBool::new(false)), Arc::default(), Arc::default());
    let record = |good: &Arc<Mutex<BTreeSet<String>>>,
                  bad: &Arc<Mutex<Vec<String>>>,
                  body: String,
                  ended: Result<_, mqproducer::Error>| {
        match ended {
            Ok(_) => drop(good.lock().unwrap().insert(body)),
            Err(error) => bad.lock().unwrap().push(format!("{body}: {error}")),
        }
    };
    let mut senders = Vec::new();
    for mode in ["sync", "async"] {
        let (producer, queue, stop) = (producer.clone(), queue.clone(), Arc::clone(&stop));
        let (good, bad) = (Arc::clone(&good), Arc::clone(&bad));
        senders.push(std::thread::spawn(move || {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                let body = format!("{mode} {number}");
                number += 1;
                let message = Message::new(&queue, body.as_bytes());
                if mode == "sync" {
                    record(&good, &bad, body.clone(), producer.send(&message, &SendOptions::default()));
                    continue;
                }
                let (good, bad, told) = (Arc::clone(&good), Arc::clone(&bad), body.clone());
                // Some stay on the way all the time, so that each end of the broker finds them there.
                while producer.statistics().unwrap().in_flight_messages > 50 {
                    std::thread::yield_now();
                }
                producer
                    .send_async(&message, &SendOptions::default(), move |ended| record(&good, &bad, told, ended))
                    .unwrap();
            }
        }));
    }
    for _ in 0..rounds {
        let before = good.lock().unwrap().len();
        let limit = Instant::now() + LIMIT;
        while good.lock().unwrap().len() < before + 200 {
            assert!(Instant::now() < limit, "no progress: {:?}", bad.lock().unwrap());
            std::thread::sleep(Duration::from_millis(5));
        }
        broker.kill();
        broker.restart();
    }
    stop.store(true, Ordering::Relaxed);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    producer.flush(LIMIT).unwrap();
    let statistics = producer.statistics().unwrap();
    close(&producer);
    assert!(statistics.reconnects >= rounds as u64, "{}", statistics.reconnects);
    let good = good.lock().unwrap().clone();
    let stored = bodies(&broker.read(&queue, good.len()));
    let distinct: BTreeSet<String> = stored.iter().cloned().collect();
    assert_eq!(stored.len(), distinct.len(), "a message is stored twice");
    let missing: Vec<_> = good.difference(&distinct).collect();
    assert!(missing.is_empty(), "ended well and missing: {missing:?}");
    // With a minute for each message none had to be given up.
    assert_eq!(*bad.lock().unwrap(), Vec::<String>::new());
    for mode in ["sync ", "async "] {
        let numbers: Vec<u64> =
            stored.iter().filter_map(|body| body.strip_prefix(mode)).map(|number| number.parse().unwrap()).collect();
        assert!(numbers.is_sorted(), "{mode}: out of order");
    }
    println!("{} messages, {} resends over {rounds} deaths", stored.len(), statistics.resends);
}

/// Rows: AM-13.
#[test]
fn a_temporary_destination_lives_until_it_is_deleted() {
    let broker = Broker::start(&[], false);
    let url = format!("failover:(tcp://{})?maxReconnectDelay=100", broker.address());
    let producer = producer(&url, &[]);
    let queue = producer.create_temporary_queue(LIMIT).unwrap();
    let topic = producer.create_temporary_topic(LIMIT).unwrap();
    assert!(queue.starts_with("temp-queue://ID:") && topic.starts_with("temp-topic://ID:"), "{queue} {topic}");
    send(&producer, &queue, "x").unwrap();
    send(&producer, &topic, "x").unwrap();
    // Another broker in its place knows it from the producer.
    broker.restart();
    send(&producer, &queue, "x").unwrap();
    producer.delete_temporary(&queue, LIMIT).unwrap();
    let error = send(&producer, &queue, "x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidMessage);
    assert!(error.message().contains("was deleted"), "{error}");
    assert_eq!(producer.delete_temporary(&queue, LIMIT).unwrap_err().kind(), ErrorKind::InvalidArgument);
    // That of another producer, which is gone, is known to the broker alone.
    let error = send(&producer, "temp-queue://ID:nobody-1-1-1:1:1", "x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Broker);
    assert!(error.remark().unwrap().contains("DestinationDoesNotExist"), "{error}");
    close(&producer);
}
