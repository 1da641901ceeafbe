//! Callbacks and close at the same time, from many threads: what ThreadSanitizer watches.

#![cfg(feature = "mock")]

use mqproducer::mock::Cluster;
use mqproducer::{Config, ErrorKind, Message, Producer, SendOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const ROUNDS: usize = 10;
const THREADS: usize = 4;
const SENDS: usize = 100;

fn producer(cluster: &Cluster) -> Producer {
    let mut config = Config::new();
    config.set("url", &cluster.url()).unwrap();
    config.set("producer_group", "race").unwrap();
    config.set("send_msg_timeout", "60000").unwrap();
    Producer::new(&config).unwrap()
}

/// Sends until the producer is closed; counts what was accepted, and every completion.
fn send_all(producer: &Producer, accepted: &AtomicUsize, completed: &Arc<AtomicUsize>) {
    for _ in 0..SENDS {
        let completed = Arc::clone(completed);
        let counted = move |_| {
            completed.fetch_add(1, Ordering::SeqCst);
        };
        match producer.send_async(&Message::new("Race", b"x"), &SendOptions::default(), counted) {
            Ok(()) => accepted.fetch_add(1, Ordering::SeqCst),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
                return;
            }
        };
    }
}

#[test]
fn each_accepted_message_completes_once_while_the_producer_closes() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    for round in 0..ROUNDS {
        let producer = producer(&cluster);
        producer.start().unwrap();
        let (accepted, completed) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| send_all(&producer, &accepted, &completed));
            }
            scope.spawn(|| {
                // The first completions show that the senders are at work.
                while round % 2 == 0 && completed.load(Ordering::SeqCst) < round {
                    std::thread::yield_now();
                }
                producer.close(Duration::from_secs(30)).unwrap();
            });
        });
        assert_eq!(completed.load(Ordering::SeqCst), accepted.load(Ordering::SeqCst), "round {round}");
    }
}

#[test]
fn producers_opened_and_closed_in_parallel_do_not_disturb_each_other() {
    let cluster = Cluster::open("", 2, 2).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    let producer = producer(&cluster);
                    producer.start().unwrap();
                    producer.send(&Message::new("Race", b"y"), &SendOptions::default()).unwrap();
                    let clone = producer.clone();
                    producer
                        .send_async(&Message::new("Race", b"z"), &SendOptions::default(), move |_| drop(clone))
                        .unwrap();
                }
            });
        }
    });
}
