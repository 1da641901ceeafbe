//! Traces of what comes after a send: the end of a transaction, a recall.

use crate::fake::{LONG, eventually};
use crate::{TOPIC, property, send, texts, traced};
use mqproducer::mock::Cluster;
use mqproducer::protocol::remoting::message_id::OffsetId;
use mqproducer::protocol::remoting::trace::{Ended, Recalled, TraceRecord, TracedType, decode};
use mqproducer::{Config, Delay, Message, Producer, SendOptions, TransactionState};
use std::time::Duration;

/// Rows: TR-02 HK-07.
#[test]
fn a_half_message_and_each_end_of_its_transaction_are_told() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let config = Config::new()
        .with("url", &cluster.url())
        .and_then(|config| config.with("producer_group", "shop"))
        .and_then(|config| config.with("enable_trace", "true"))
        .unwrap();
    let producer = Producer::new(&config).unwrap();
    producer.set_transaction_checker(|_| TransactionState::Unknown).unwrap();
    producer.start().unwrap();
    let half = Message::new("T", b"half").with_tags("tag").with_keys("k1 k2");
    let mut expected = Vec::new();
    for state in [TransactionState::Commit, TransactionState::Rollback] {
        let transaction = producer.begin_transaction().unwrap();
        let receipt = transaction.send(&half, &SendOptions::default()).unwrap();
        match state {
            TransactionState::Commit => transaction.commit().unwrap(),
            _ => transaction.rollback().unwrap(),
        }
        expected.push((receipt, state));
    }
    producer.close(LONG).unwrap();
    let told = texts(&cluster, TOPIC);
    let records: Vec<TraceRecord<'_>> = told.iter().flat_map(|text| decode(text)).map(Result::unwrap).collect();
    assert_eq!(records.len(), 4);
    for (receipt, state) in &expected {
        let published = records.iter().find_map(|record| match record {
            TraceRecord::Published(it) if it.message_id == receipt.message_id => Some(it),
            _ => None,
        });
        assert_eq!(published.expect("the half message").message_type, TracedType::Half);
        let ended = records.iter().find_map(|record| match record {
            TraceRecord::Ended(it) if it.message_id == receipt.message_id => Some(*it),
            _ => None,
        });
        let ended = ended.expect("the end");
        let broker = OffsetId::decode(&receipt.offset_message_id).unwrap().store_host.to_string();
        let wanted = Ended {
            timestamp: ended.timestamp,
            region: "DefaultRegion",
            group: "shop",
            topic: "T",
            message_id: &receipt.message_id,
            tags: "tag",
            keys: "k1 k2",
            store_host: &broker,
            transaction_id: &receipt.transaction_id,
            state: *state,
            from_check: false,
        };
        assert_eq!(ended, wanted);
    }
}

/// Rows: TR-02.
#[test]
fn the_answer_to_a_check_is_told_as_one() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    cluster.set_transaction_check_interval(Duration::from_millis(100)).unwrap();
    let config = Config::new()
        .with("url", &cluster.url())
        .and_then(|config| config.with("producer_group", "shop"))
        .and_then(|config| config.with("enable_trace", "true"))
        .and_then(|config| config.with("namespace", "NS"))
        .and_then(|config| config.with("trace_msg_batch_num", "1"))
        .unwrap();
    let producer = Producer::new(&config).unwrap();
    producer.set_transaction_checker(|_| TransactionState::Commit).unwrap();
    producer.start().unwrap();
    let half = Message::new("T", b"half").with_tags("tag").with_keys("k1");
    let transaction = producer.begin_transaction().unwrap();
    let receipt = transaction.send(&half, &SendOptions::default()).unwrap();
    assert!(cluster.wait_for_messages(Some("NS%T"), 1, LONG), "the checker commits it");
    let is_end = |text: &String| text.starts_with("EndTransaction");
    eventually("the answer is told", || texts(&cluster, TOPIC).iter().any(is_end));
    producer.close(LONG).unwrap();
    let told = texts(&cluster, TOPIC);
    let ended = told.iter().flat_map(|text| decode(text)).find_map(|record| match record.unwrap() {
        TraceRecord::Ended(ended) => Some(ended),
        _ => None,
    });
    let ended = ended.expect("the answer");
    assert_eq!((ended.group, ended.topic, ended.region), ("shop", "T", "DefaultRegion"));
    assert_eq!((ended.message_id, ended.tags, ended.keys), (&*receipt.message_id, "tag", "k1"));
    assert_eq!((ended.state, ended.from_check), (TransactionState::Commit, true));
    drop(transaction);
}

/// Rows: TR-02.
#[test]
fn a_recall_is_told_with_its_success() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = traced(&cluster.url(), &[]);
    let later = Message::new("T", b"later").with_delay(Delay::Seconds(3600));
    let receipt = send(&producer, &later);
    producer.recall("T", &receipt.recall_handle, None).unwrap();
    producer.close(LONG).unwrap();
    let told = texts(&cluster, TOPIC);
    let recalled: Vec<Recalled<'_>> = told
        .iter()
        .flat_map(|text| decode(text))
        .filter_map(|record| match record.unwrap() {
            TraceRecord::Recalled(recalled) => Some(recalled),
            _ => None,
        })
        .collect();
    assert_eq!(recalled.len(), 1);
    let wanted = Recalled {
        timestamp: recalled[0].timestamp,
        region: "DefaultRegion",
        group: "test",
        topic: "T",
        message_id: &receipt.message_id,
        success: true,
    };
    assert_eq!(recalled[0], wanted);
    let stored = cluster.messages(Some(TOPIC));
    assert!(stored.iter().all(|message| property(message, "KEYS").unwrap().contains(&receipt.message_id)));
}
