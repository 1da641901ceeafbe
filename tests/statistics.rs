//! What producers count, against what servers saw and callers measured; both text forms; the periodic callback.

#![cfg(feature = "mock")]

mod fake;
#[path = "statistics/prometheus.rs"]
mod prometheus;

use fake::{Act, FakeServer, LONG, closed_port, eventually, never_reads, producer};
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
fn a_try_after_a_go_away_is_a_resend() {
    let broker = FakeServer::start(|number, _| match number {
        0 => Act::Answer(1500, "go away", vec![]),
        _ => Act::stored(0, 0),
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[]);
    producer.send(&message(), &SendOptions::default()).unwrap();
    let statistics = producer.statistics().unwrap();
    assert_eq!((statistics.resends, statistics.retries, statistics.reconnects), (1, 0, 1));
    let counted = statistics.broker("broker-a").unwrap();
    assert_eq!((counted.tries, counted.failed_tries, counted.answers.count), (2, 0, 2));
}

/// No send was quicker than its broker's delay, nor slower than its caller found; so no quantile may be.
#[test]
fn quantiles_lie_between_the_delays_of_the_broker_and_what_callers_measured() {
    let broker = FakeServer::start(|number, _| if number % 10 == 9 { Act::Late(200) } else { Act::Late(20) });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer =
        producer(&names.url(), &[("send_msg_timeout", "60000"), ("send_msg_max_timeout_per_request", "60000")]);
    let mut measured: Vec<Duration> = (0..20)
        .map(|_| {
            let started = Instant::now();
            producer.send(&message(), &SendOptions::default()).unwrap();
            started.elapsed()
        })
        .collect();
    measured.sort();
    let statistics = producer.statistics().unwrap();
    let answers = statistics.broker("broker-a").unwrap().answers;
    assert_eq!(answers.count, 20);
    for (told, rank, least) in
        [(answers.p50, 10, 20), (answers.p90, 18, 20), (answers.p99, 20, 200), (answers.p999, 20, 200)]
    {
        assert!(told >= Duration::from_millis(least) * 31 / 32, "{told:?} for {least} ms");
        assert!(told <= measured[rank - 1] * 33 / 32, "{told:?} of {measured:?}");
    }
    assert!(answers.max >= Duration::from_millis(200) && answers.max <= measured[19]);
    assert!(answers.sum >= Duration::from_millis(18 * 20 + 2 * 200) && answers.sum <= measured.iter().sum());
    json_of(&statistics);
}

#[test]
fn connections_that_fail_are_counted() {
    let names = FakeServer::name_server(&[&closed_port()], 1);
    let producer = producer(&names.url(), &[("retry_times_when_send_failed", "1")]);
    assert_eq!(producer.send(&message(), &SendOptions::default()).unwrap_err().kind(), ErrorKind::Connect);
    let statistics = producer.statistics().unwrap();
    assert!(statistics.connect_failures >= 2, "{}", statistics.connect_failures);
    assert_eq!((statistics.connects, statistics.reconnects, statistics.open_connections), (1, 0, 1));
    assert_eq!(count_of(&statistics.failures, ErrorKind::Connect, None), 1);
    json_of(&statistics);
}

#[test]
fn what_a_socket_does_not_take_waits_in_the_outbox() {
    let names = FakeServer::name_server(&[&never_reads()], 1);
    let settings = [("send_msg_timeout", "600000"), ("compress_msg_body_over_howmuch", "2147483647")];
    let producer = producer(&names.url(), &settings);
    let body = vec![7; 4_000_000];
    let ends: Vec<_> = (0..10).map(|_| send_async(&producer, &Message::new("T", &body))).collect();
    eventually("a full socket", || producer.statistics().unwrap().outbox_bytes > 1_000_000);
    let statistics = producer.statistics().unwrap();
    assert_eq!((statistics.in_flight_messages, statistics.in_flight_bytes), (10, 40_000_000));
    assert!(statistics.outbox_bytes < of_brokers(&statistics, |broker| broker.sent_bytes), "some was written");
    assert_eq!(producer.close(Duration::ZERO).unwrap_err().kind(), ErrorKind::Timeout);
    ends.into_iter().for_each(|end| drop(end.recv_timeout(LONG).unwrap().unwrap_err()));
    eventually("an empty outbox", || producer.statistics().unwrap().outbox_bytes == 0);
}

#[test]
fn brokers_that_do_badly_are_named() {
    let broker = obedient();
    let odd = r#"bro\"ker\\x"#;
    let names = FakeServer::name_server_of("127.0.0.1:0", &[(odd, &broker.address)], 1);
    for (detector, isolated, unreachable) in [("false", 1, 0), ("true", 0, 1)] {
        let settings = [
            ("send_latency_enable", "true"),
            ("start_detector_enable", detector),
            ("send_msg_timeout", "200"),
            ("retry_times_when_send_failed", "0"),
        ];
        let producer = producer(&names.url(), &settings);
        producer.send(&message(), &SendOptions::default()).unwrap();
        let states = |producer: &Producer| {
            let json = json_of(&producer.statistics().unwrap());
            let value = |name: &str| {
                assert_eq!(json[name][0]["broker"], "bro\"ker\\x");
                json[name][0]["value"].as_u64().unwrap()
            };
            (value("broker_isolated"), value("broker_unreachable"))
        };
        assert_eq!(states(&producer), (0, 0));
        producer.send(&message().with_keys("silent"), &SendOptions::default()).unwrap_err();
        assert_eq!(states(&producer), (isolated, unreachable));
        let health = producer.statistics().unwrap().broker("bro\"ker\\x").unwrap().health;
        assert_eq!(health == BrokerHealth::Unreachable, unreachable == 1);
    }
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

/// A producer whose callback counts its calls.
fn reporting(url: &str) -> (Producer, Arc<AtomicU64>) {
    let (producer, calls) = (unstarted(url, "5"), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&calls);
    producer.set_statistics_callback(move |_| _ = counted.fetch_add(1, Ordering::SeqCst)).unwrap();
    producer.start().unwrap();
    (producer, calls)
}

#[test]
fn the_callback_comes_again_and_again_and_not_after_the_close() {
    let cluster = Cluster::open("", 1, 1).unwrap();
    let producer = unstarted(&cluster.url(), "5");
    let (tell, told) = mpsc::channel();
    let on_library_thread = producer.clone();
    let alive = Arc::new(());
    let kept = Arc::clone(&alive);
    producer.set_statistics_callback(|_| panic!("it was replaced")).unwrap();
    producer
        .set_statistics_callback(move |statistics| {
            let blocked = on_library_thread.flush(LONG).unwrap_err().kind();
            let _ = tell.send((statistics.accepted_messages, blocked, Arc::strong_count(&kept)));
        })
        .unwrap();
    producer.start().unwrap();
    for accepted in 1..=3 {
        producer.send(&message(), &SendOptions::default()).unwrap();
        loop {
            let (number, blocked, _) = told.recv_timeout(LONG).unwrap();
            assert_eq!(blocked, ErrorKind::WouldDeadlock, "it runs on the dispatcher");
            assert!(number <= accepted);
            if number == accepted {
                break;
            }
        }
    }
    let refused = producer.set_statistics_callback(|_| ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyStarted);
    assert_eq!(refused.message(), "the statistics callback is set before the start");
    producer.close(LONG).unwrap();
    while told.try_recv().is_ok() {}
    eventually("the callback's drop", || Arc::strong_count(&alive) == 1);
    // The sender went with it.
    assert_eq!(told.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    assert_eq!(producer.set_statistics_callback(|_| ()).unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn other_producers_go_on_when_one_is_closed_or_dropped() {
    let cluster = Cluster::open("", 1, 1).unwrap();
    let (closed, calls_of_closed) = reporting(&cluster.url());
    let (dropped, calls_of_dropped) = reporting(&cluster.url());
    let (other, calls_of_other) = reporting(&cluster.url());
    let calls = |counted: &AtomicU64| counted.load(Ordering::SeqCst);
    eventually("calls of all", || calls(&calls_of_closed) > 1 && calls(&calls_of_dropped) > 1);
    closed.close(LONG).unwrap();
    let (at_close, then) = (calls(&calls_of_closed), calls(&calls_of_other));
    drop(dropped);
    eventually("the drop of a callback", || Arc::strong_count(&calls_of_dropped) == 1);
    eventually("calls of the other", || calls(&calls_of_other) > then + 3);
    assert_eq!(calls(&calls_of_closed), at_close);
    assert_eq!(Arc::strong_count(&calls_of_closed), 1);
    drop(other);
}

#[test]
fn close_waits_for_a_call_under_way() {
    let cluster = Cluster::open("", 1, 1).unwrap();
    let producer = unstarted(&cluster.url(), "5");
    let (entered, wait_entered) = mpsc::channel();
    let ended = Arc::new(AtomicBool::new(false));
    let (set, same) = (Arc::clone(&ended), producer.clone());
    producer
        .set_statistics_callback(move |_| {
            let _ = entered.send(());
            eventually("the close", || same.set_statistics_callback(|_| ()).unwrap_err().kind() == ErrorKind::Closed);
            set.store(true, Ordering::SeqCst);
        })
        .unwrap();
    producer.start().unwrap();
    wait_entered.recv_timeout(LONG).unwrap();
    producer.close(LONG).unwrap();
    assert!(ended.load(Ordering::SeqCst));
}

#[test]
fn a_callback_that_panics_is_called_again_and_none_is_called_without_an_interval() {
    let cluster = Cluster::open("", 1, 1).unwrap();
    let (tell, told) = mpsc::channel();
    let panics = unstarted(&cluster.url(), "5");
    panics
        .set_statistics_callback(move |_| {
            let _ = tell.send(());
            panic!("from a callback");
        })
        .unwrap();
    let off = unstarted(&cluster.url(), "0");
    off.set_statistics_callback(|_| std::process::abort()).unwrap();
    off.start().unwrap();
    panics.start().unwrap();
    for _ in 0..3 {
        told.recv_timeout(LONG).unwrap();
    }
    panics.close(LONG).unwrap();
    for (value, legal) in [("86400000", true), ("86400001", false), ("-1", false)] {
        assert_eq!(Config::new().set("statistics_interval", value).is_ok(), legal, "{value}");
    }
}

#[test]
fn the_reader_of_expositions_sees_what_is_wrong() {
    let good = "# HELP a_total All.\n# TYPE a_total counter\na_total{x=\"1\"} 1\na_total{x=\"\\\"\\\\\\n\"} 2.5\n\
                # HELP s Took.\n# TYPE s summary\ns{b=\"c\",quantile=\"1\"} NaN\ns_sum{b=\"c\"} 0\ns_count{b=\"c\"} 0\n";
    let series = prometheus::read(good).unwrap();
    assert_eq!(series[&("a_total".to_owned(), vec![("x".to_owned(), "\"\\\n".to_owned())])], 2.5);
    assert_eq!(series.len(), 5);
    for (from, to) in [
        ("# HELP a_total All.\n", ""),
        ("# TYPE a_total counter\n", ""),
        ("counter", "meter"),
        ("x=\"1\"} 1", "x=\"\\\"\\\\\\n\"} 1"),
        ("\\\"", "\""),
        ("\\n", "\\m"),
        ("a_total{x=\"1\"} 1", "a_total{x=\"1\"}"),
        ("a_total{x=\"1\"} 1", "a_total{x=\"1\"} -1"),
        ("a_total{x=\"1\"} 1", "a_total{x=\"1\",x=\"2\"} 1"),
        ("a_total{x=\"1\"} 1", "b_total{x=\"1\"} 1"),
        ("s_sum{b", "s_max{b"),
        (",quantile=\"1\"", ""),
        ("s_count{b=\"c\"} 0\n", "s_count{b=\"c\"} 0"),
        ("# HELP s Took.", "# HELP a_total Took."),
    ] {
        assert!(good.contains(from), "{from}");
        assert!(prometheus::read(&good.replacen(from, to, 1)).is_err(), "{from} → {to}");
    }
}
