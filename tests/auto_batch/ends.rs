//! How messages of `auto_batch` end: by their own deadlines, with their group, at flush and close.

use crate::fake::{Act, FakeServer, LONG, eventually, producer};
use crate::{Ended, HELD, IPV4, ON, PATIENT, alone, batches, broker, end, send, send_with};
use mqproducer::mock::Cluster;
use mqproducer::{Config, ErrorKind, Message, Producer, Receipt, Result, SendOptions};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Rows: BA-06 RE-01 SK-06.
#[test]
fn each_has_its_own_deadline_while_its_group_is_under_way() {
    let broker = FakeServer::start(|_, _| Act::Late(2500));
    let names = FakeServer::name_server(&[&broker.address], 1);
    // The third body of 100 bytes fills the group.
    let settings = [ON, HELD, IPV4, ("batch_max_bytes", "522"), ("send_msg_max_timeout_per_request", "60000")];
    let producer = producer(&names.url(), &settings);
    let within = |milliseconds| {
        let options = SendOptions::default().with_timeout(Duration::from_millis(milliseconds));
        send_with(&producer, &Message::new("T", &[b'x'; 100]), &options)
    };
    let started = Instant::now();
    let (patient, hasty, less) = (within(60_000), within(1000), within(1500));
    for (ended, milliseconds) in [(&hasty, 1000), (&less, 1500)] {
        let error = end(ended).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(
            error.maybe_persisted() && error.message().contains(&format!("within its {milliseconds} ms")),
            "{error}"
        );
        assert!(started.elapsed() >= Duration::from_millis(milliseconds));
    }
    end(&patient).unwrap();
    assert_eq!(batches(&broker).len(), 1);
}

/// Rows: BA-06 RE-02.
#[test]
fn a_group_is_tried_again_whole_and_its_failure_is_everyones() {
    let broker = FakeServer::start(|number, _| match number {
        0 => Act::Answer(2, "busy", vec![]),
        1 => Act::stored(0, 7),
        _ => Act::Answer(13, "no", vec![]),
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[ON, HELD, PATIENT]);
    let three = || (0..3).map(|_| send(&producer, &Message::new("T", b"x"))).collect::<Vec<Ended>>();
    let good = three();
    producer.flush(LONG).unwrap();
    let receipts: Vec<Receipt> = good.iter().map(|ended| end(ended).unwrap()).collect();
    let offsets: Vec<(u32, i64)> = receipts.iter().map(|receipt| (receipt.attempts, receipt.queue_offset)).collect();
    assert_eq!(offsets, [(2, 7), (2, 8), (2, 9)]);
    let bad = three();
    producer.flush(LONG).unwrap();
    for ended in &bad {
        let error = end(ended).unwrap_err();
        assert_eq!((error.broker_code(), error.remark()), (Some(13), Some("no")));
    }
}

/// Rows: BA-06 RE-02.
#[test]
fn callers_that_wait_are_all_told_of_their_groups_end() {
    for code in [0, 13] {
        let broker = FakeServer::start(move |_, _| match code {
            0 => Act::stored(0, 0),
            code => Act::Answer(code, "no", vec![]),
        });
        let names = FakeServer::name_server(&[&broker.address], 1);
        // The third body of 100 bytes fills the group.
        let settings = [ON, HELD, PATIENT, IPV4, ("batch_max_bytes", "522")];
        let producer = producer(&names.url(), &settings);
        let outcomes: Vec<Result<Receipt>> = std::thread::scope(|scope| {
            let wait = || producer.send(&Message::new("T", &[b'x'; 100]), &SendOptions::default());
            let waiting: Vec<_> = (0..3).map(|_| scope.spawn(wait)).collect();
            waiting.into_iter().map(|caller| caller.join().unwrap()).collect()
        });
        let (told, expected): (Vec<_>, _) = match code {
            0 => {
                let mut offsets: Vec<i64> = outcomes.into_iter().map(|outcome| outcome.unwrap().queue_offset).collect();
                offsets.sort_unstable();
                (offsets, vec![0, 1, 2])
            }
            _ => (outcomes.into_iter().map(|o| o.unwrap_err().broker_code().unwrap().into()).collect(), vec![13; 3]),
        };
        assert_eq!((told, batches(&broker).len()), (expected, 1));
    }
}

/// Rows: LC-15 BA-06 LC-17.
#[test]
fn flush_and_close_send_what_is_held_and_each_producer_holds_its_own() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let make = |group: &str| {
        let mut config = Config::new();
        let own = [("url", &*cluster.url()), ("producer_group", group), ("instance_name", "shared")];
        for (key, value) in own.into_iter().chain([ON, HELD, PATIENT]) {
            config.set(key, value).unwrap();
        }
        let producer = Producer::new(&config).unwrap();
        producer.start().unwrap();
        producer
    };
    let (one, other) = (make("one"), make("other"));
    let mine = [send(&one, &Message::new("T", b"1")), send(&one, &Message::new("T", b"2"))];
    let others = [send(&other, &Message::new("T", b"3")), send(&other, &Message::new("T", b"4"))];
    one.flush(LONG).unwrap();
    mine.iter().for_each(|ended| drop(end(ended).unwrap()));
    assert_eq!(cluster.message_count(Some("T")), 2);
    let mine = send(&one, &Message::new("T", b"5"));
    one.close(LONG).unwrap();
    end(&mine).unwrap();
    assert_eq!(cluster.message_count(Some("T")), 3);
    assert!(others.iter().all(|ended| ended.try_recv().is_err()), "a close touches no other producer");
    let refused = one.send(&Message::new("T", b"6"), &SendOptions::default()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Closed);
    // It goes on as before.
    let more = send(&other, &Message::new("T", b"7"));
    other.close(LONG).unwrap();
    others.iter().chain([&more]).for_each(|ended| drop(end(ended).unwrap()));
    assert_eq!(cluster.message_count(Some("T")), 6);
}

/// Rows: LC-15 LC-17.
#[test]
fn a_producer_that_is_dropped_ends_what_it_holds() {
    let broker = broker();
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[ON, HELD, PATIENT]);
    let ended: Vec<Ended> = (0..3).map(|_| send(&producer, &Message::new("T", b"x"))).collect();
    drop(producer);
    for ended in &ended {
        let error = end(ended).unwrap_err();
        assert!(error.kind() == ErrorKind::Closed && !error.maybe_persisted(), "{error:?}");
    }
    assert_eq!((alone(&broker).len(), batches(&broker).len()), (0, 0));
}

/// Rows: LC-15 LC-17 BA-06.
#[test]
fn whatever_comes_while_the_producer_closes_ends_once() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    for round in 0..20 {
        let producer = producer(&cluster.url(), &[ON, HELD, PATIENT]);
        let topic = format!("T{round}");
        let (accepted, stored) = std::thread::scope(|scope| {
            let senders: Vec<_> = (0..4)
                .map(|_| {
                    let (producer, topic) = (&producer, &topic);
                    scope.spawn(move || {
                        let mut accepted = Vec::new();
                        loop {
                            let (done, ended) = mpsc::channel();
                            let told = move |outcome: Result<Receipt>| done.send(outcome).unwrap();
                            let message = Message::new(topic, b"x");
                            match producer.send_async(&message, &SendOptions::default(), told) {
                                Ok(()) => accepted.push(ended),
                                Err(error) => {
                                    assert_eq!(error.kind(), ErrorKind::Closed);
                                    return accepted;
                                }
                            }
                        }
                    })
                })
                .collect();
            eventually("a first group", || cluster.message_count(Some(&topic)) > 0);
            producer.close(LONG).unwrap();
            let accepted: Vec<Ended> = senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
            let stored: Vec<Receipt> = accepted.iter().map(|ended| end(ended).unwrap()).collect();
            (accepted.len(), stored.len())
        });
        assert_eq!((accepted, cluster.message_count(Some(&topic))), (stored, stored));
    }
}
