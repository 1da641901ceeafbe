//! Tries, their end, and the alarm.

use super::*;
use mqproducer::{BatchOptions, ErrorKind, Selector, SendStatus};
use std::collections::HashSet;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Rows: SO-02 SO-03 SO-05 SO-06 SO-07 SO-08 SO-10.
#[test]
fn what_is_stored_unsafely_is_sent_again_to_another_broker_with_the_same_id() {
    let cluster = Cluster::open("", 2, 2).unwrap();
    let producer = unstarted(&cluster.url(), &[]);
    let alarms = Told::alarms(&producer);
    producer.start().unwrap();
    for code in [10, 11, 12] {
        cluster.push_fault(&stored_but(code, 1)).unwrap();
        let receipt = producer.send(&message("sync"), &options()).unwrap();
        cluster.push_fault(&stored_but(code, 1)).unwrap();
        let (done, ended) = mpsc::channel();
        producer.send_async(&message("async"), &options(), move |outcome| done.send(outcome).unwrap()).unwrap();
        let later = ended.recv_timeout(LONG).unwrap().unwrap();
        for receipt in [receipt, later] {
            assert_eq!((receipt.status, receipt.attempts), (SendStatus::Ok, 2));
            let [earlier] = &receipt.earlier[..] else { panic!("{receipt:?}") };
            assert_eq!((earlier.kind, earlier.broker_code), (ErrorKind::Broker, Some(code)));
            assert_eq!(&*earlier.remark, "not safe");
            assert!(earlier.maybe_stored && earlier.started > 1_600_000_000_000);
            assert_ne!(earlier.broker_name, receipt.broker_name, "another broker when there is one");
            let copies = cluster.messages(None).into_iter().filter(|stored| stored.message_id == receipt.message_id);
            let copies: Vec<_> = copies.collect();
            assert_eq!(copies.len(), 2, "the id is what a consumer drops duplicates by");
            let safe = copies.iter().find(|copy| copy.offset_message_id == receipt.offset_message_id).unwrap();
            assert_eq!((&safe.broker_name, safe.queue_id), (&receipt.broker_name, receipt.queue_id));
            assert_eq!(safe.queue_offset, receipt.queue_offset);
        }
    }
    assert!(alarms.all().is_empty());
    assert_eq!(producer.statistics().unwrap().alarms, 0);
}

/// Rows: SO-08 SO-09.
#[test]
fn at_the_limit_there_is_an_error_an_alarm_and_a_count_and_no_success() {
    let cluster = Cluster::open("", 2, 2).unwrap();
    let producer = unstarted(&cluster.url(), &[("reliable_retry_times", "2"), ("compress_msg_body_over_howmuch", "9")]);
    let alarms = Told::alarms(&producer);
    producer.start().unwrap();
    cluster.push_fault(&stored_but(12, 0)).unwrap();
    let body = "x".repeat(500);
    let error = producer.send(&message(&body).with_keys("k1").with_property("a", "b"), &options()).unwrap_err();
    assert_eq!((error.kind(), error.broker_code(), error.maybe_persisted()), (ErrorKind::Broker, Some(12), true));
    assert!(error.message().contains("3 tries"), "{error}");
    // It was told before the sender.
    let [alarm] = &alarms.all()[..] else { panic!("{:?}", alarms.all()) };
    assert_eq!(alarm.kind, ReliabilityEventKind::GivenUp);
    let told = alarm.message.as_ref().unwrap();
    assert_eq!((&*told.topic, &told.body[..], told.keys()), (TOPIC, body.as_bytes(), "k1"));
    assert_eq!(told.property("a"), Some("b"));
    assert!(cluster.messages(None).iter().all(|stored| stored.message_id == told.message_id));
    let cause = alarm.error.as_ref().unwrap();
    assert_eq!((cause.message(), cause.maybe_persisted()), (error.message(), true));
    assert_eq!(cause.attempts(), error.attempts());
    let brokers: HashSet<_> = cause.attempts().iter().map(|attempt| attempt.broker_name.clone()).collect();
    assert_eq!((cause.attempts().len(), brokers.len()), (3, 2));
    assert!(cause.attempts().iter().all(|attempt| attempt.broker_code == Some(12) && attempt.maybe_stored));
    cluster.clear_faults().unwrap();
    cluster.push_fault(&refused(2, 0)).unwrap();
    let error = producer.send(&message("busy"), &options()).unwrap_err();
    assert!(!error.maybe_persisted(), "refused each time, it is stored nowhere");
    let statistics = producer.statistics().unwrap();
    assert_eq!((statistics.alarms, statistics.given_up_messages, statistics.acknowledged_messages), (2, 2, 0));
    assert_eq!(alarms.bodies(ReliabilityEventKind::GivenUp)[1], "busy");
}

/// Rows: SO-04.
#[test]
fn a_refusal_of_form_or_permission_returns_at_once_with_its_reason() {
    let cluster = Cluster::open("", 1, 1).unwrap();
    let producer = unstarted(&cluster.url(), &[("reliable_retry_interval", "600000"), ("spool_max_age", "0")]);
    let alarms = Told::alarms(&producer);
    producer.start().unwrap();
    for code in [13, 16, 29] {
        cluster.push_fault(&refused(code, 1)).unwrap();
        let error = producer.send(&message("refused"), &options()).unwrap_err();
        assert_eq!((error.broker_code(), error.remark()), (Some(code), Some("refused")));
        assert_eq!(error.attempts().len(), 1);
    }
    let error = producer.send(&Message::new("no topic!", b"x"), &options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidMessage);
    assert!(alarms.all().is_empty() && cluster.message_count(None) == 0);
    producer.send(&message("fixed"), &options()).unwrap();
}

/// Rows: SO-08.
#[test]
fn the_interval_stays_inside_the_deadline() {
    let cluster = Cluster::open("", 1, 1).unwrap();
    let intervals = [("reliable_retry_interval", "600000"), ("reliable_retry_interval_max", "600000")];
    let producer = unstarted(&cluster.url(), &intervals);
    let alarms = Told::alarms(&producer);
    producer.start().unwrap();
    cluster.push_fault(&refused(2, 1)).unwrap();
    let started = Instant::now();
    let error = producer.send(&message("late"), &options().with_timeout(LONG)).unwrap_err();
    assert_eq!((error.broker_code(), error.attempts().len()), (Some(2), 1));
    assert!(started.elapsed() < Duration::from_secs(600), "it waits for no pause that ends too late");
    assert_eq!(alarms.all().len(), 1, "its time was used up");
}

/// Rows: SO-10.
#[test]
fn what_could_not_keep_the_promise_is_refused() {
    let cluster = Cluster::open("", 1, 1).unwrap();
    let producer = unstarted(&cluster.url(), &[]);
    producer.start().unwrap();
    let batch = [message("a"), message("b")];
    for error in [
        producer.send_oneway(&message("x"), &options()).unwrap_err(),
        producer.send_batch_oneway(&batch, &options(), &BatchOptions::default()).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("`reliability` = `reliable`"), "{error}");
    }
    let hasty = Message { wait_store_msg_ok: false, ..message("x") };
    let error = producer.send(&hasty, &options()).unwrap_err();
    assert!(error.message().contains("`wait_store_msg_ok` is false"), "{error}");
    producer.send_batch(&[hasty], &options(), &BatchOptions::default()).unwrap_err();
    assert_eq!(cluster.message_count(None), 0);
}

/// Rows: SO-10.
#[test]
fn batches_many_and_groups_end_safe_or_with_an_alarm_for_each_message() {
    let cluster = Cluster::open("", 2, 2).unwrap();
    for settings in [&[][..], &[("auto_batch", "true"), ("batch_max_delay_ms", "50")]] {
        cluster.clear();
        let producer = unstarted(&cluster.url(), settings);
        let alarms = Told::alarms(&producer);
        producer.start().unwrap();
        let any = |code| Fault::new(FaultAction::ChangeAnswer { code, remark: String::new() });
        let (done, ended) = mpsc::channel();
        let many = |bodies: &'static [&'static str]| {
            let done = done.clone();
            let each = bodies.iter().map(move |body| {
                let done = done.clone();
                (message(body), move |outcome| done.send(outcome).unwrap())
            });
            assert_eq!(producer.send_many(each, &options()).0, bodies.len());
        };
        let sends = [310, 320].map(|code| any(10).code(code).count(1));
        sends.iter().for_each(|fault| cluster.push_fault(fault).unwrap());
        many(&["m0", "m1", "m2"]);
        let result = producer.send_batch(&[message("b0"), message("b1")], &options(), &BatchOptions::default());
        assert!(result.unwrap().all_ok());
        for _ in 0..3 {
            assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap().status, SendStatus::Ok);
        }
        assert!(alarms.all().is_empty());
        cluster.clear_faults().unwrap();
        [310, 320].iter().for_each(|code| cluster.push_fault(&any(12).code(*code).count(0)).unwrap());
        many(&["n0", "n1", "n2"]);
        for _ in 0..3 {
            assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap_err().broker_code(), Some(12));
        }
        let batch = [message("c0"), message("c1").with_keys("k")];
        let result = producer.send_batch(&batch, &options(), &BatchOptions::default()).unwrap();
        assert!(result.results().iter().all(|end| end.as_ref().unwrap_err().maybe_persisted()));
        let mut given_up = alarms.bodies(ReliabilityEventKind::GivenUp);
        given_up.sort();
        assert_eq!(given_up, ["c0", "c1", "n0", "n1", "n2"], "{settings:?}");
        let last = alarms.all().into_iter().find(|event| event.message.as_ref().unwrap().body == b"c1");
        assert_eq!(last.unwrap().message.unwrap().keys(), "k");
        assert_eq!(producer.statistics().unwrap().alarms, 5);
        cluster.clear_faults().unwrap();
    }
}

/// Rows: SO-10.
#[test]
fn a_half_message_is_kept_only_when_it_is_safe_and_is_never_spooled() {
    let cluster = Cluster::open("", 1, 1).unwrap();
    let folder = scratch::ScratchDir::new("half").unwrap();
    let file = folder.path().join("spool");
    let producer = unstarted(&cluster.url(), &[("spool_file", file.to_str().unwrap())]);
    let alarms = Told::alarms(&producer);
    producer.set_transaction_checker(|_| mqproducer::TransactionState::Unknown).unwrap();
    producer.start().unwrap();
    cluster.push_fault(&stored_but(11, 1)).unwrap();
    let transaction = producer.begin_transaction().unwrap();
    assert_eq!(transaction.send(&message("safe"), &options()).unwrap().attempts, 2);
    transaction.commit().unwrap();
    assert!(cluster.wait_for_messages(None, 1, LONG));
    cluster.push_fault(&stored_but(12, 0)).unwrap();
    let transaction = producer.begin_transaction().unwrap();
    let error = transaction.send(&message("unsafe"), &options()).unwrap_err();
    assert_eq!((error.kind(), error.broker_code()), (ErrorKind::Broker, Some(12)), "and not spooled");
    assert!(transaction.commit().is_err(), "what is not safe is left to the broker's check");
    assert_eq!(alarms.bodies(ReliabilityEventKind::GivenUp), ["unsafe"]);
    assert_eq!(producer.statistics().unwrap().spooled_messages, 0);
    assert_eq!(stored(&cluster), ["safe"]);
}

/// Rows: SO-08 SO-10.
#[test]
fn a_chosen_queue_stays_over_every_try() {
    let cluster = Cluster::open("", 2, 4).unwrap();
    let producer = unstarted(&cluster.url(), &[]);
    producer.start().unwrap();
    cluster.push_fault(&stored_but(10, 2)).unwrap();
    let receipt = producer.send(&message("x"), &options().with_selector(Selector::Hash("key"))).unwrap();
    assert_eq!(receipt.attempts, 3);
    assert!(receipt.earlier.iter().all(|try_| try_.broker_name == receipt.broker_name));
    assert!(receipt.earlier.iter().all(|try_| try_.queue_id == receipt.queue_id));
}

#[test]
fn an_alarm_is_set_before_the_start_and_may_panic() {
    let cluster = Cluster::open("", 1, 1).unwrap();
    let producer = unstarted(&cluster.url(), &[("reliable_retry_times", "0")]);
    producer.set_alarm_callback(|_| panic!("from the alarm")).unwrap();
    producer.start().unwrap();
    assert_eq!(producer.set_alarm_callback(|_| ()).unwrap_err().kind(), ErrorKind::AlreadyStarted);
    cluster.push_fault(&refused(2, 1)).unwrap();
    assert_eq!(producer.send(&message("x"), &options()).unwrap_err().broker_code(), Some(2));
    producer.send(&message("y"), &options()).unwrap();
}
