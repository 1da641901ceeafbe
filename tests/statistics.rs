//! What producers count, against what servers saw and callers measured; both text forms; the periodic callback.

#![cfg(feature = "mock")]

#[path = "statistics/brokers.rs"]
mod brokers;
#[path = "statistics/callback.rs"]
mod callback;
mod fake;
#[path = "statistics/prometheus.rs"]
mod prometheus;

use fake::{Act, FakeServer, LONG, eventually, producer};
use mqproducer::mock::Cluster;
use mqproducer::protocol::remoting::command::request_code::SEND_MESSAGE_V2;
use mqproducer::{
    BatchOptions, BrokerHealth, Config, ErrorKind, Message, Producer, Receipt, Result, SendOptions, Statistics,
    TransactionState,
};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

fn message() -> Message<'static> {
    Message::new("T", b"body")
}

fn send_async(producer: &Producer, message: &Message<'_>) -> mpsc::Receiver<Result<Receipt>> {
    let (done, ended) = mpsc::channel();
    producer.send_async(message, &SendOptions::default(), move |outcome| drop(done.send(outcome))).unwrap();
    ended
}

/// The sum of a field of all brokers.
fn of_brokers(statistics: &Statistics, field: impl Fn(&mqproducer::statistics::BrokerStatistics) -> u64) -> u64 {
    statistics.brokers.iter().map(field).sum()
}

/// Both text forms hold the snapshot's own numbers.
fn json_of(statistics: &Statistics) -> serde_json::Value {
    let json: serde_json::Value = serde_json::from_str(&statistics.to_json()).unwrap();
    let series = prometheus::read(&statistics.to_prometheus()).unwrap();
    let own = [("producer_group", &statistics.producer_group), ("client_id", &statistics.client_id)];
    let mut seen = 0;
    for ((name, labels), value) in &series {
        let name = name.strip_prefix("mqproducer_").unwrap();
        assert!(own.iter().zip(labels).all(|((label, value), shown)| *label == shown.0 && **value == shown.1));
        let shown = match json.get(name) {
            Some(serde_json::Value::Array(list)) => {
                let entry = list.iter().find(|entry| {
                    labels[2..].iter().all(|(label, value)| label == "quantile" || entry[label] == value.as_str())
                });
                match labels.last().unwrap() {
                    (label, quantile) if label == "quantile" => {
                        let names = [("0.5", "p50"), ("0.9", "p90"), ("0.99", "p99"), ("0.999", "p999"), ("1", "max")];
                        &entry.unwrap()[names.iter().find(|(known, _)| known == quantile).unwrap().1]
                    }
                    _ => &entry.unwrap()["value"],
                }
            }
            Some(number) => number,
            // The count or sum of a summary.
            None => {
                let (family, part) = name.rsplit_once('_').unwrap();
                let list = json[family].as_array().unwrap();
                &list.iter().find(|entry| entry["broker"] == labels[2].1.as_str()).unwrap()[part]
            }
        };
        assert!(shown.as_f64() == Some(*value) || (value.is_nan() && shown == 0), "{name} {labels:?}: {shown}");
        seen += 1;
    }
    assert!(seen > 25, "only {seen} series");
    json
}

/// Whether nothing was lost between acceptance and end.
fn assert_adds_up(statistics: &Statistics) {
    let Statistics { accepted_messages, acknowledged_messages, oneway_messages, in_flight_messages, .. } = *statistics;
    let ends = acknowledged_messages + oneway_messages + statistics.failed_messages();
    assert_eq!(accepted_messages, ends + in_flight_messages, "{statistics:#?}");
    let bytes = statistics.acknowledged_bytes + statistics.oneway_bytes + statistics.failed_bytes;
    assert_eq!(statistics.accepted_bytes, bytes + statistics.in_flight_bytes, "{statistics:#?}");
}

fn count_of(causes: &[mqproducer::statistics::CauseCount], kind: ErrorKind, code: Option<i32>) -> u64 {
    causes.iter().find(|cause| cause.kind == kind && cause.broker_code == code).map_or(0, |cause| cause.count)
}

#[test]
fn what_the_cluster_stored_was_counted_in_each_mode() {
    let cluster = Cluster::open("", 2, 4).unwrap();
    let before = Instant::now();
    let producer = producer(&cluster.url(), &[("max_in_flight_messages", "100"), ("max_in_flight_bytes", "5000")]);
    for size in 1..=10 {
        producer.send(&Message::new("T", &vec![7; size]), &SendOptions::default()).unwrap();
        send_async(&producer, &Message::new("T", &vec![7; size])).recv_timeout(LONG).unwrap().unwrap();
        producer.send_oneway(&Message::new("U", &vec![7; 2 * size]), &SendOptions::default()).unwrap();
    }
    assert_eq!(
        producer.send(&Message::new("no topic", b"x"), &SendOptions::default()).unwrap_err().kind(),
        ErrorKind::InvalidMessage
    );
    assert!(cluster.wait_for_messages(None, 30, LONG));
    producer.flush(LONG).unwrap();
    let statistics = producer.statistics().unwrap();
    assert_adds_up(&statistics);
    let counted = (statistics.accepted_messages, statistics.acknowledged_messages, statistics.oneway_messages);
    assert_eq!(counted, (30, 20, 10));
    let bytes = (statistics.accepted_bytes, statistics.acknowledged_bytes, statistics.oneway_bytes);
    assert_eq!(bytes, (220, 110, 110));
    assert_eq!((statistics.in_flight_messages_limit, statistics.in_flight_bytes_limit), (100, 5000));
    assert_eq!((statistics.failures.len(), statistics.failed_bytes), (0, 0));
    assert_eq!((statistics.refusals.len(), count_of(&statistics.refusals, ErrorKind::InvalidMessage, None)), (1, 1));
    assert_eq!(of_brokers(&statistics, |broker| broker.tries), 30);
    assert_eq!(of_brokers(&statistics, |broker| broker.answers.count), 20);
    assert_eq!(of_brokers(&statistics, |broker| broker.failed_tries), 0);
    for broker in &statistics.brokers {
        let stored = cluster.messages(None).iter().filter(|stored| stored.broker_name == broker.name).count();
        assert_eq!(broker.tries, stored as u64, "{}", broker.name);
        assert!(broker.sent_bytes > 200 * broker.tries, "headers count, too");
    }
    assert_eq!((statistics.open_connections, statistics.connects, statistics.reconnects), (3, 3, 0));
    let topics: Vec<&str> = statistics.routes.iter().map(|route| route.topic.as_str()).collect();
    assert_eq!(topics, ["T", "U"]);
    assert!(statistics.routes[0].age >= statistics.routes[1].age && statistics.routes[0].age <= before.elapsed());
    let json = json_of(&statistics);
    assert_eq!(json["accepted_messages_total"], 30);
    assert_eq!(json["routes"], 2);
    assert_eq!(json["refused_sends_total"][0]["cause"], "INVALID_MESSAGE");
    assert_eq!(json["oldest_route_age_seconds"], json["route_age_seconds"][0]["value"]);
    producer.close(LONG).unwrap();
    let last = producer.statistics().unwrap();
    assert_eq!(last.accepted_messages, 30, "statistics outlive the close");
    eventually("the connections' end", || producer.statistics().unwrap().open_connections == 0);
}

/// A broker that does with each message what its keys say.
fn obedient() -> FakeServer {
    FakeServer::start(|_, request| {
        let properties = request.get("i").unwrap();
        match ["refuse", "busy", "silent", "close"].into_iter().find(|word| properties.contains(word)) {
            Some("refuse") => Act::Answer(16, "no permission", vec![]),
            Some("busy") => Act::Answer(2, "busy", vec![]),
            Some("silent") => Act::Silence,
            Some(_) => Act::Close,
            None => Act::stored(0, 0),
        }
    })
}

#[test]
fn mixed_ends_add_up_by_cause() {
    let broker = obedient();
    let names = FakeServer::name_server(&[&broker.address], 1);
    let settings = [("send_msg_max_timeout_per_request", "100"), ("retry_times_when_send_async_failed", "1")];
    let producer = producer(&names.url(), &settings);
    let words = ["", "refuse", "busy", "silent", "close"];
    let mut ended: Vec<_> = Vec::new();
    for word in words.iter().cycle().take(20) {
        ended.push(send_async(&producer, &message().with_keys(word)));
    }
    for (index, end) in ended.into_iter().enumerate() {
        // What shared a connection with a message that had it closed may have failed with it, or after a second try.
        let outcome = end.recv_timeout(LONG).unwrap();
        assert!(index % 5 == 0 || outcome.is_err());
    }
    producer.flush(LONG).unwrap();
    let statistics = producer.statistics().unwrap();
    assert_adds_up(&statistics);
    assert_eq!(statistics.accepted_messages, 20);
    assert_eq!(statistics.failed_messages(), statistics.retries_spared + statistics.given_up_messages);
    let tries = broker.seen(SEND_MESSAGE_V2).len() as u64;
    let counted = statistics.broker("broker-a").unwrap();
    assert!(counted.tries >= tries, "some were written to a connection that was closed");
    assert_eq!(counted.tries, 20 + statistics.retries);
    assert_eq!(counted.failed_tries, counted.tries - statistics.acknowledged_messages);
    assert!(count_of(&statistics.failures, ErrorKind::ConnectionLost, None) >= 4);
    json_of(&statistics);
}

#[test]
fn each_cause_is_told_by_its_name_and_code() {
    let broker = obedient();
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[("send_msg_max_timeout_per_request", "100")]);
    let send = |word| producer.send(&message().with_keys(word), &SendOptions::default());
    send("").unwrap();
    send("refuse").unwrap_err();
    let first = producer.statistics().unwrap();
    assert_eq!((first.retries, first.retries_spared, first.given_up_messages), (0, 1, 0));
    send("busy").unwrap_err();
    let second = producer.statistics().unwrap();
    assert_eq!((second.retries, second.retries_spared, second.given_up_messages), (2, 1, 1));
    send("silent").unwrap_err();
    send("close").unwrap_err();
    let statistics = producer.statistics().unwrap();
    assert_adds_up(&statistics);
    let failed = |kind, code| count_of(&statistics.failures, kind, code);
    assert_eq!((failed(ErrorKind::Broker, Some(16)), failed(ErrorKind::Broker, Some(2))), (1, 1));
    assert_eq!((failed(ErrorKind::Timeout, None), failed(ErrorKind::ConnectionLost, None)), (1, 1));
    assert_eq!(statistics.failed_messages(), 4);
    let counted = statistics.broker("broker-a").unwrap();
    assert_eq!((counted.tries, counted.failed_tries, counted.answers.count), (11, 10, 5));
    assert_eq!(counted.tries, broker.seen(SEND_MESSAGE_V2).len() as u64);
    assert_eq!((statistics.retries, statistics.given_up_messages), (6, 3));
    // Three connections were closed by the broker; the third was not needed again.
    assert_eq!(statistics.reconnects, 2);
    assert_eq!(statistics.connects, 4, "and one to the name server");
    let json = json_of(&statistics);
    let causes: Vec<_> = (json["failed_messages_total"].as_array().unwrap().iter())
        .map(|entry| (entry["cause"].as_str().unwrap(), entry["code"].as_str().unwrap()))
        .collect();
    assert_eq!(causes, [("CONNECTION_LOST", ""), ("TIMEOUT", ""), ("BROKER", "2"), ("BROKER", "16")]);
}

#[test]
fn what_is_on_its_way_is_in_flight_until_the_close_ends_it() {
    let broker = obedient();
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(
        &names.url(),
        &[("send_msg_timeout", "60000"), ("max_in_flight_messages", "4"), ("backpressure", "fail")],
    );
    let silent: Vec<_> = (0..3).map(|_| send_async(&producer, &message().with_keys("silent"))).collect();
    producer.send(&message(), &SendOptions::default()).unwrap();
    let statistics = producer.statistics().unwrap();
    assert_eq!((statistics.in_flight_messages, statistics.in_flight_bytes), (3, 12));
    assert_adds_up(&statistics);
    let last = send_async(&producer, &message().with_keys("silent"));
    assert_eq!(producer.send(&message(), &SendOptions::default()).unwrap_err().kind(), ErrorKind::Backpressure);
    assert_eq!(count_of(&producer.statistics().unwrap().refusals, ErrorKind::Backpressure, None), 1);
    assert_eq!(producer.close(Duration::ZERO).unwrap_err().kind(), ErrorKind::Timeout);
    for end in silent.into_iter().chain([last]) {
        assert_eq!(end.recv_timeout(LONG).unwrap().unwrap_err().kind(), ErrorKind::Closed);
    }
    eventually("the callbacks' end", || producer.statistics().unwrap().in_flight_messages == 0);
    let statistics = producer.statistics().unwrap();
    assert_adds_up(&statistics);
    assert_eq!(count_of(&statistics.failures, ErrorKind::Closed, None), 4);
    assert_eq!(producer.send(&message(), &SendOptions::default()).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(count_of(&producer.statistics().unwrap().refusals, ErrorKind::Closed, None), 1);
}

#[test]
fn each_message_of_a_batch_counts() {
    let broker = FakeServer::start(|number, _| match number {
        1 => Act::Answer(16, "no permission", vec![]),
        _ => Act::stored(0, 0),
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[]);
    let messages = [b"1".as_slice(), b"22", b"333"].map(|body| Message::new("T", body));
    let (options, batch) = (SendOptions::default(), BatchOptions::default());
    assert!(producer.send_batch(&messages, &options, &batch).unwrap().results().iter().all(Result::is_ok));
    assert!(producer.send_batch(&messages[1..], &options, &batch).unwrap().results().iter().all(Result::is_err));
    producer.send_batch_oneway(&messages[..2], &options, &batch).unwrap();
    producer.flush(LONG).unwrap();
    let other_topic = [Message::new("T", b"x"), Message::new("U", b"x")];
    producer.send_batch(&other_topic, &options, &batch).unwrap_err();
    let statistics = producer.statistics().unwrap();
    assert_adds_up(&statistics);
    assert_eq!((statistics.batches, statistics.accepted_messages, statistics.accepted_bytes), (3, 7, 14));
    assert_eq!((statistics.acknowledged_messages, statistics.acknowledged_bytes), (3, 6));
    assert_eq!((statistics.oneway_messages, statistics.oneway_bytes), (2, 3));
    assert_eq!((count_of(&statistics.failures, ErrorKind::Broker, Some(16)), statistics.failed_bytes), (2, 5));
    assert_eq!((statistics.refusals.len(), statistics.refusals[0].count), (1, 1));
    assert_eq!(statistics.broker("broker-a").unwrap().tries, 3, "a try for each request");
    json_of(&statistics);
}

#[test]
fn the_ends_of_transactions_are_counted() {
    let cluster = Cluster::open("", 1, 1).unwrap();
    cluster.set_transaction_check_interval(Duration::from_millis(500)).unwrap();
    let producer = unstarted(&cluster.url(), "0");
    producer.set_transaction_checker(|_| TransactionState::Commit).unwrap();
    producer.start().unwrap();
    let sent = || {
        let transaction = producer.begin_transaction().unwrap();
        transaction.send(&message(), &SendOptions::default()).unwrap();
        transaction
    };
    sent().commit().unwrap();
    sent().rollback().unwrap();
    drop(sent());
    let left_to_the_check = sent();
    assert!(cluster.wait_for_messages(Some("T"), 2, LONG));
    // The answer is counted just after it is written.
    eventually("the check's answer", || {
        let Statistics { commits, checks_answered, .. } = producer.statistics().unwrap();
        checks_answered >= 1 && commits == 1 + checks_answered
    });
    let statistics = producer.statistics().unwrap();
    assert_adds_up(&statistics);
    assert_eq!((statistics.half_messages, statistics.acknowledged_messages), (4, 4));
    assert_eq!((statistics.rollbacks, statistics.checks_dropped), (2, 0));
    json_of(&statistics);
    drop(left_to_the_check);
}

#[test]
fn requests_that_wait_for_their_reply_are_counted() {
    let cluster = Cluster::open("", 1, 1).unwrap();
    let producer = producer(&cluster.url(), &[]);
    let (done, ended) = mpsc::channel();
    let told = move |reply: Result<mqproducer::ReceivedMessage>| drop(done.send(reply.map(drop)));
    producer.request_async(&message(), &SendOptions::default(), Duration::from_secs(600), told).unwrap();
    eventually("the message's end", || producer.statistics().unwrap().acknowledged_messages == 1);
    let waiting = producer.statistics().unwrap();
    assert_eq!((waiting.waiting_requests, waiting.in_flight_messages), (1, 1), "in flight until its reply");
    assert_eq!(producer.close(Duration::ZERO).unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap_err().kind(), ErrorKind::Closed);
    eventually("the callback's end", || producer.statistics().unwrap().in_flight_messages == 0);
    let statistics = producer.statistics().unwrap();
    assert_adds_up(&statistics);
    assert_eq!(statistics.waiting_requests, 0);
}

#[test]
fn callbacks_that_wait_for_the_dispatcher_are_counted() {
    let cluster = Cluster::open("", 1, 1).unwrap();
    let producer = producer(&cluster.url(), &[]);
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let (entered, wait_entered) = mpsc::channel();
    let waits = Arc::clone(&gate);
    let holds = move |_: Result<Receipt>| {
        entered.send(()).unwrap();
        drop(waits.1.wait_while(waits.0.lock().unwrap(), |open| !*open).unwrap());
    };
    producer.send_async(&message(), &SendOptions::default(), holds).unwrap();
    wait_entered.recv_timeout(LONG).unwrap();
    let ends: Vec<_> = (0..5).map(|_| send_async(&producer, &message())).collect();
    eventually("callbacks that wait", || producer.statistics().unwrap().waiting_jobs >= 5);
    let statistics = producer.statistics().unwrap();
    assert_eq!(
        (statistics.acknowledged_messages, statistics.in_flight_messages),
        (6, 6),
        "their callbacks have not run"
    );
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    ends.into_iter().for_each(|end| drop(end.recv_timeout(LONG).unwrap().unwrap()));
    producer.flush(LONG).unwrap();
    assert_adds_up(&producer.statistics().unwrap());
}

fn unstarted(url: &str, interval: &str) -> Producer {
    let config = Config::new().with("url", url).unwrap().with("producer_group", "test").unwrap();
    Producer::new(&config.with("statistics_interval", interval).unwrap()).unwrap()
}
