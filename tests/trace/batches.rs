//! Traces and trace contexts of batches.

use crate::fake::{LONG, eventually};
use crate::{TOPIC, context, contexts, records_of, texts, traced, with_context};
use mqproducer::mock::Cluster;
use mqproducer::protocol::remoting::trace::TracedType;
use mqproducer::{BatchOptions, Message, SendOptions};
use std::sync::Mutex;

const BODIES: [&str; 3] = ["a", "b", "c"];

fn messages() -> Vec<Message<'static>> {
    BODIES.iter().map(|body| Message::new("T", body.as_bytes()).with_keys("k").with_tags("tag")).collect()
}

/// Rows: TR-02 TR-05.
#[test]
fn a_batch_leaves_one_record_with_the_ids_of_all() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = traced(&cluster.url(), &[]);
    let result = producer.send_batch(&messages(), &SendOptions::default(), &BatchOptions::default()).unwrap();
    producer.send_batch_oneway(&messages(), &SendOptions::default(), &BatchOptions::default()).unwrap();
    producer.close(LONG).unwrap();
    let receipts: Vec<_> = result.results().iter().map(|outcome| outcome.as_ref().unwrap()).collect();
    let joined =
        |of: fn(&mqproducer::Receipt) -> &str| receipts.iter().map(|receipt| of(receipt)).collect::<Vec<_>>().join(",");
    let told = texts(&cluster, TOPIC);
    let records = records_of(&told);
    assert_eq!(records.len(), 1, "none of the one-way batch");
    assert_eq!(records[0].message_id, joined(|receipt| &receipt.message_id));
    assert_eq!(records[0].offset_message_id, joined(|receipt| &receipt.offset_message_id));
    // A batch has neither of its own.
    assert_eq!((records[0].tags, records[0].keys), ("", ""));
    assert_eq!((records[0].message_type, records[0].success), (TracedType::Normal, true));
    assert!(records[0].body_length > 3, "the batch as it was sent");
}

/// Rows: TR-02.
#[test]
fn messages_that_auto_batch_gathered_leave_one_record_with_their_tag() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = traced(&cluster.url(), &[("auto_batch", "true"), ("batch_max_delay_ms", "30000")]);
    for message in messages() {
        producer.send_async(&message, &SendOptions::default(), |outcome| drop(outcome.unwrap())).unwrap();
    }
    producer.close(LONG).unwrap();
    let stored = cluster.messages(Some("T"));
    let ids: Vec<&str> = stored.iter().map(|message| message.message_id.as_str()).collect();
    let told = texts(&cluster, TOPIC);
    let records = records_of(&told);
    assert_eq!((stored.len(), records.len()), (3, 1));
    assert_eq!((records[0].message_id, records[0].tags), (&*ids.join(","), "tag"));
}

#[test]
fn each_message_of_a_batch_gets_its_trace_context() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let calls = Mutex::new(0);
    let producer = with_context(&cluster.url(), move || {
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        Some(context(&format!("{calls:02}")))
    });
    let own = context("ff");
    let mut messages = messages();
    messages[1].trace_parent = &own;
    producer.send_batch(&messages, &SendOptions::default(), &BatchOptions::default()).unwrap();
    eventually("the batch is stored", || contexts(&cluster).len() == 3);
    let expected = [("a", context("01")), ("b", own.clone()), ("c", context("02"))];
    let expected: Vec<_> = expected.into_iter().map(|(body, context)| (body.to_owned(), Some(context))).collect();
    assert_eq!(contexts(&cluster), expected);
}
