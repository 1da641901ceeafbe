//! An ActiveMQ as it is given away, of the version before the last one, with its store on disk.

use crate::broker::{Broker, LIMIT, bodies, close, producer, queue, send};
use mqproducer::{Message, SendOptions, SendStatus};
use std::sync::mpsc::channel;

/// What it acknowledged in each mode is there after SIGKILL; messages under way then arrive once it is back.
#[test]
fn what_a_5_18_3_has_acknowledged_survives_its_death() {
    let (broker, queue) = (Broker::distribution(), queue("survivors"));
    let url = format!("failover:(tcp://{})?maxReconnectDelay=100", broker.address());
    let producer = producer(&url, &[]);
    let options = SendOptions::default();
    let mut expected = Vec::new();
    for number in 0..20 {
        let body = format!("sync {number}");
        assert_eq!(send(&producer, &queue, &body).unwrap().status, SendStatus::Ok);
        expected.push(body);
    }
    let transaction = producer.begin_transaction().unwrap();
    for number in 0..20 {
        let body = format!("committed {number}");
        transaction.send(&Message::new(&queue, body.as_bytes()), &options).unwrap();
        expected.push(body);
    }
    transaction.commit().unwrap();
    let open = producer.begin_transaction().unwrap();
    open.send(&Message::new(&queue, b"never committed"), &options).unwrap();
    let (told, ends) = channel();
    broker.freeze();
    for number in 0..100 {
        let (body, told) = (format!("async {number}"), told.clone());
        let message = Message::new(&queue, body.as_bytes());
        producer.send_async(&message, &options, move |end| told.send(end).unwrap()).unwrap();
        expected.push(body);
    }
    broker.kill();
    broker.restart();
    for _ in 0..100 {
        assert_eq!(ends.recv_timeout(LIMIT).unwrap().unwrap().status, SendStatus::Ok);
    }
    assert!(open.commit().is_err());
    close(&producer);
    // Once more, so that nothing is read that was only in its memory.
    broker.restart();
    let stored = broker.read(&queue, expected.len());
    assert_eq!(bodies(&stored), expected);
    assert!(stored.iter().all(|message| message["persistent"] == true));
}
