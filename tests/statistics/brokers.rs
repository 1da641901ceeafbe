//! Brokers and the connections to them: tries, answers, what waits, how they do.

use super::fake::{closed_port, never_reads};
use super::*;

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
