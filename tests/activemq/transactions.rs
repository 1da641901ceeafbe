//! Transactions of many messages.

use crate::broker::{Broker, bodies, close, producer, queue};
use mqproducer::{ErrorKind, Message, SendOptions, SendStatus};

/// Rows: AM-05.
#[test]
fn a_transaction_is_seen_whole_or_not_at_all() {
    let (broker, queue) = (Broker::shared(), queue("transaction"));
    let producer = broker.producer(&[]);
    for (round, commit) in [(0, true), (1, false), (2, true)] {
        let transaction = producer.begin_transaction().unwrap();
        for number in 0..10 {
            let body = format!("{round}.{number}");
            let receipt = transaction.send(&Message::new(&queue, body.as_bytes()), &SendOptions::default()).unwrap();
            assert_eq!(receipt.status, SendStatus::Oneway);
            assert!(receipt.transaction_id.starts_with("TX:ID:"), "{}", receipt.transaction_id);
        }
        if commit {
            transaction.commit().unwrap()
        } else {
            transaction.rollback().unwrap()
        }
        let error = transaction.send(&Message::new(&queue, b"late"), &SendOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert_eq!(transaction.commit().unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
    // One that is dropped is rolled back; one without a message has nothing to say.
    let dropped = producer.begin_transaction().unwrap();
    dropped.send(&Message::new(&queue, b"dropped"), &SendOptions::default()).unwrap();
    drop(dropped);
    producer.begin_transaction().unwrap().commit().unwrap();
    close(&producer);
    let expected: Vec<String> = [0, 2].iter().flat_map(|round| (0..10).map(move |n| format!("{round}.{n}"))).collect();
    assert_eq!(bodies(&broker.read(&queue, 20)), expected);
}

/// The broker is cut off at each step: what it has dropped and what is in doubt are told apart.
#[test]
fn a_transaction_that_is_cut_is_rolled_back_or_in_doubt() {
    let broker = Broker::start(&[], true);
    let queue = queue("cut");
    let url = format!("failover:(tcp://{})?maxReconnectDelay=100", broker.address());
    let producer = producer(&url, &[]);
    let message = Message::new(&queue, b"cut");
    let options = SendOptions::default();
    // Between two messages, and between the last message and the commit.
    for before_commit in [false, true] {
        let transaction = producer.begin_transaction().unwrap();
        transaction.send(&message, &options).unwrap();
        broker.restart();
        // The next connection is there.
        producer.send(&Message::new(&queue, b"alone"), &options).unwrap();
        let error = match before_commit {
            true => transaction.commit().unwrap_err(),
            false => transaction.send(&message, &options).unwrap_err(),
        };
        assert_eq!(error.kind(), ErrorKind::TransactionRolledBack, "{error}");
        assert_eq!(transaction.commit().unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
    // While the commit waits for its answer.
    let transaction = producer.begin_transaction().unwrap();
    transaction.send(&message, &options).unwrap();
    broker.freeze();
    let committing = std::thread::spawn(move || transaction.commit());
    std::thread::sleep(std::time::Duration::from_millis(300));
    broker.restart();
    let error = committing.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransactionInDoubt, "{error}");
    assert!(error.maybe_persisted());
    let transaction = producer.begin_transaction().unwrap();
    transaction.send(&Message::new(&queue, b"whole"), &options).unwrap();
    transaction.commit().unwrap();
    close(&producer);
    let stored = bodies(&broker.read(&queue, 3));
    let known: Vec<&str> = stored.iter().map(String::as_str).filter(|body| *body != "cut").collect();
    assert_eq!(known, ["alone", "alone", "whole"]);
}
