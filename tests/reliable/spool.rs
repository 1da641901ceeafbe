//! Messages that wait in a file until they can be sent.

use super::scratch::ScratchDir;
use super::*;
use mqproducer::{BatchOptions, ErrorKind, Selector};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

/// A folder with room for a spool.
pub(super) struct Place {
    pub(super) file: PathBuf,
    _folder: ScratchDir,
}

impl Place {
    pub(super) fn new() -> Place {
        let folder = ScratchDir::new("spool").unwrap();
        Place { file: folder.path().join("spool"), _folder: folder }
    }

    pub(super) fn producer(&self, url: &str, settings: &[(&str, &str)]) -> Producer {
        let mut all = vec![("spool_file", self.file.to_str().unwrap()), ("reliable_retry_times", "1")];
        all.extend_from_slice(settings);
        unstarted(url, &all)
    }
}

pub(super) const DELIVERED: ReliabilityEventKind = ReliabilityEventKind::SpoolDelivered;

/// A cluster with a route, whose brokers do not listen.
fn down(brokers: usize) -> Cluster {
    let cluster = Cluster::open("", brokers, 1).unwrap();
    cluster.create_topic(TOPIC, 1).unwrap();
    listen(&cluster, brokers, false);
    cluster
}

pub(super) fn listen(cluster: &Cluster, brokers: usize, listening: bool) {
    (0..brokers).for_each(|broker| cluster.set_listening(&broker.to_string(), listening).unwrap());
}

/// Rows: SO-01 SO-09 SO-10.
#[test]
fn what_cannot_be_sent_is_spooled_and_sent_on_in_order_when_the_cluster_is_back() {
    let cluster = down(1);
    let place = Place::new();
    let producer = place.producer(&cluster.url(), &[]);
    let (alarms, later) = (Told::alarms(&producer), Told::spool(&producer));
    producer.start().unwrap();
    let bodies: Vec<String> = (0..20).map(|number| format!("{number:02}")).collect();
    for body in &bodies {
        let error = producer.send(&message(body).with_keys(body), &options()).unwrap_err();
        assert_eq!((error.kind(), error.retriable()), (ErrorKind::Spooled, false), "{error}");
        assert!(error.message().contains("waits in the spool") && error.attempts().len() == 2, "{error}");
    }
    assert_eq!(alarms.bodies(ReliabilityEventKind::GivenUp), bodies);
    assert!(alarms.all().iter().all(|event| event.error.as_ref().unwrap().kind() == ErrorKind::Spooled));
    let statistics = producer.statistics().unwrap();
    assert_eq!((statistics.spooled_messages, statistics.spool_waiting_messages, statistics.alarms), (20, 20, 20));
    assert_eq!((statistics.acknowledged_messages, statistics.failed_messages()), (0, 20), "never a success");
    assert!(statistics.spool_waiting_bytes > 0 && statistics.spool_bytes_limit == 64 * 1024 * 1024);
    listen(&cluster, 1, true);
    let events = later.wait(20);
    assert_eq!(stored(&cluster), bodies, "in the order of arrival");
    assert_eq!(later.bodies(DELIVERED), bodies);
    for (event, given_up) in events.iter().zip(alarms.all()) {
        let (message, receipt) = (event.message.as_ref().unwrap(), event.receipt.as_ref().unwrap());
        assert_eq!(message.message_id, given_up.message.unwrap().message_id);
        assert_eq!((&message.message_id, message.keys().as_bytes()), (&receipt.message_id, &message.body[..]));
        assert!(cluster.messages(None).iter().any(|stored| stored.offset_message_id == receipt.offset_message_id));
    }
    producer.send(&message("new"), &options()).unwrap();
    let statistics = producer.statistics().unwrap();
    assert_eq!((statistics.spool_delivered_messages, statistics.acknowledged_messages), (20, 1));
    assert_eq!((statistics.spool_waiting_messages, statistics.spool_waiting_bytes), (0, 0));
    producer.close(LONG).unwrap();
    assert_eq!(later.all().len(), 20, "each told once");
}

/// Rows: SO-01 SO-10.
#[test]
fn the_next_start_sends_what_an_earlier_one_left() {
    let cluster = down(2);
    let place = Place::new();
    let producer = place.producer(&cluster.url(), &[]);
    producer.start().unwrap();
    let (done, ended) = mpsc::channel();
    for body in ["a", "b", "c"] {
        let done = done.clone();
        producer.send_async(&message(body), &options(), move |outcome| done.send(outcome).unwrap()).unwrap();
        assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap_err().kind(), ErrorKind::Spooled);
    }
    let second = place.producer(&cluster.url(), &[]);
    let error = second.start().unwrap_err();
    assert!(error.message().contains("in use by another producer"), "{error}");
    producer.close(LONG).unwrap();
    listen(&cluster, 2, true);
    let later = Told::spool(&second);
    second.start().unwrap();
    later.wait(3);
    assert_eq!(later.bodies(DELIVERED), ["a", "b", "c"]);
    let mut all = stored(&cluster);
    all.sort();
    assert_eq!(all, ["a", "b", "c"]);
    second.close(LONG).unwrap();
}

/// Rows: SO-10.
#[test]
fn a_message_without_any_route_is_spooled_with_its_selector() {
    let cluster = Cluster::open("", 2, 4).unwrap();
    cluster.create_topic(TOPIC, 4).unwrap();
    let reference = unstarted(&cluster.url(), &[]);
    reference.start().unwrap();
    let keyed = |key| options().with_selector(Selector::Hash(key));
    let expected = ["k1", "k2"].map(|key| reference.send(&message(key), &keyed(key)).unwrap());
    cluster.clear();
    cluster.set_listening("name-server", false).unwrap();
    let place = Place::new();
    let producer = place.producer(&cluster.url(), &[]);
    let (alarms, later) = (Told::alarms(&producer), Told::spool(&producer));
    producer.start().unwrap();
    for key in ["k1", "k2"] {
        let error = producer.send(&message(key), &keyed(key)).unwrap_err();
        assert_eq!((error.kind(), error.maybe_persisted()), (ErrorKind::Spooled, false), "{error}");
    }
    let pick = |_: &[mqproducer::MessageQueue<'_>]| 0;
    let own = options().with_selector(Selector::Callback(&pick));
    let error = producer.send(&message("own"), &own).unwrap_err();
    assert_ne!(error.kind(), ErrorKind::Spooled, "only the caller could choose its queue later");
    assert_eq!(alarms.all().len(), 2);
    let statistics = producer.statistics().unwrap();
    let refused: u64 = statistics.refusals.iter().map(|cause| cause.count).sum();
    assert_eq!((statistics.accepted_messages, refused), (2, 1));
    cluster.set_listening("name-server", true).unwrap();
    for (event, expected) in later.wait(2).iter().zip(expected) {
        let receipt = event.receipt.as_ref().unwrap();
        assert_eq!((&receipt.broker_name, receipt.queue_id), (&expected.broker_name, expected.queue_id));
    }
}

/// Rows: SO-04 SO-09.
#[test]
fn a_message_of_the_spool_that_is_refused_for_good_or_too_old_is_told_as_lost() {
    let cluster = down(1);
    let place = Place::new();
    let producer = place.producer(&cluster.url(), &[]);
    let later = Told::spool(&producer);
    producer.start().unwrap();
    for body in ["refused", "good"] {
        assert_eq!(producer.send(&message(body), &options()).unwrap_err().kind(), ErrorKind::Spooled);
    }
    cluster.push_fault(&refused(16, 1)).unwrap();
    listen(&cluster, 1, true);
    let events = later.wait(2);
    assert_eq!(events[0].kind, ReliabilityEventKind::SpoolLost);
    assert_eq!(events[0].error.as_ref().unwrap().broker_code(), Some(16));
    assert_eq!(events[0].message.as_ref().unwrap().body, b"refused");
    assert_eq!(later.bodies(DELIVERED), ["good"]);
    producer.close(LONG).unwrap();

    listen(&cluster, 1, false);
    let producer = place.producer(&cluster.url(), &[("spool_max_age", "1"), ("reliable_retry_interval", "20")]);
    let later = Told::spool(&producer);
    producer.start().unwrap();
    assert_eq!(producer.send(&message("old"), &options()).unwrap_err().kind(), ErrorKind::Spooled);
    let events = later.wait(1);
    assert_eq!(events[0].kind, ReliabilityEventKind::SpoolLost);
    assert!(events[0].error.as_ref().unwrap().message().contains("`spool_max_age` is 1"), "{events:?}");
    assert_eq!(producer.statistics().unwrap().spool_lost_messages, 1);
}

/// Rows: SO-10.
#[test]
fn batches_and_groups_are_spooled_whole_and_in_order() {
    for auto_batch in ["false", "true"] {
        let cluster = down(1);
        let place = Place::new();
        let producer = place.producer(&cluster.url(), &[("auto_batch", auto_batch), ("batch_max_delay_ms", "50")]);
        let (alarms, later) = (Told::alarms(&producer), Told::spool(&producer));
        producer.start().unwrap();
        let bodies: Vec<String> = (0..6).map(|number| format!("b{number}")).collect();
        let batch: Vec<Message<'_>> = bodies.iter().map(|body| message(body)).collect();
        let split = BatchOptions::default().with_split_bytes(300);
        let ordered = options().with_selector(Selector::Hash("one queue"));
        let result = producer.send_batch(&batch, &ordered, &split).unwrap();
        for end in result.results() {
            assert_eq!(end.as_ref().unwrap_err().kind(), ErrorKind::Spooled, "{end:?}");
        }
        assert_eq!(alarms.bodies(ReliabilityEventKind::GivenUp), bodies);
        let (done, ended) = mpsc::channel();
        let many = ["m0", "m1", "m2"].map(|body| {
            let done = done.clone();
            (message(body), move |outcome: mqproducer::Result<mqproducer::Receipt>| done.send(outcome).unwrap())
        });
        assert_eq!(producer.send_many(many, &options()).0, 3);
        for _ in 0..3 {
            assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap_err().kind(), ErrorKind::Spooled);
        }
        listen(&cluster, 1, true);
        later.wait(9);
        let told = later.bodies(DELIVERED);
        assert_eq!(&told[..6], &bodies[..], "{auto_batch}");
        assert_eq!(stored(&cluster), told, "as they are stored");
        for event in later.all() {
            assert_eq!(event.receipt.unwrap().message_id, event.message.unwrap().message_id);
        }
        producer.close(LONG).unwrap();
    }
}

/// Rows: SO-10.
#[test]
fn a_batch_without_any_route_is_spooled_whole() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    cluster.create_topic(TOPIC, 4).unwrap();
    cluster.set_listening("name-server", false).unwrap();
    let place = Place::new();
    let producer = place.producer(&cluster.url(), &[]);
    let (alarms, later) = (Told::alarms(&producer), Told::spool(&producer));
    producer.start().unwrap();
    let bodies: Vec<String> = (0..6).map(|number| format!("b{number}")).collect();
    let batch: Vec<Message<'_>> = bodies.iter().map(|body| message(body)).collect();
    let split = BatchOptions::default().with_split_bytes(300);
    let ordered = options().with_selector(Selector::Hash("one queue"));
    let result = producer.send_batch(&batch, &ordered, &split).unwrap();
    assert_eq!(result.results().len(), 6);
    for end in result.results() {
        let error = end.as_ref().unwrap_err();
        assert_eq!((error.kind(), error.maybe_persisted()), (ErrorKind::Spooled, false), "{error}");
    }
    assert_eq!(alarms.bodies(ReliabilityEventKind::GivenUp), bodies);
    let pick = |_: &[mqproducer::MessageQueue<'_>]| 0;
    let own = options().with_selector(Selector::Callback(&pick));
    let error = producer.send_batch(&batch, &own, &split).unwrap_err();
    assert_ne!(error.kind(), ErrorKind::Spooled, "only the caller could choose its queue later");
    let statistics = producer.statistics().unwrap();
    let refused: u64 = statistics.refusals.iter().map(|cause| cause.count).sum();
    assert_eq!((statistics.accepted_messages, refused, statistics.spooled_messages), (6, 1, 6));
    cluster.set_listening("name-server", true).unwrap();
    later.wait(6);
    assert_eq!(later.bodies(DELIVERED), bodies);
    assert_eq!(stored(&cluster), bodies, "in one queue");
    producer.close(LONG).unwrap();
}

/// Rows: SO-09.
#[test]
fn a_full_spool_leaves_a_message_its_own_error() {
    let cluster = down(1);
    let place = Place::new();
    let producer = place.producer(&cluster.url(), &[("spool_max_bytes", "4096")]);
    let alarms = Told::alarms(&producer);
    producer.start().unwrap();
    let body = "x".repeat(3000);
    assert_eq!(producer.send(&message(&body), &options()).unwrap_err().kind(), ErrorKind::Spooled);
    let error = producer.send(&message(&body), &options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(error.message().contains("is full") && error.attempts().len() == 2, "{error}");
    let last = alarms.all().pop().unwrap();
    assert_eq!(last.error.unwrap().kind(), ErrorKind::Connect);
    assert_eq!(producer.statistics().unwrap().spooled_messages, 1);
}

/// Rows: SO-01.
#[test]
fn a_close_and_a_drop_leave_messages_under_way_to_the_spool() {
    let cluster = down(1);
    for close in [true, false] {
        let place = Place::new();
        let settings = [("reliable_retry_interval", "600000"), ("reliable_retry_interval_max", "600000")];
        let producer = place.producer(&cluster.url(), &[&settings[..], &[("send_msg_timeout", "3000000")]].concat());
        producer.start().unwrap();
        let (done, ended) = mpsc::channel();
        for body in ["a", "b"] {
            let done = done.clone();
            producer.send_async(&message(body), &options(), move |outcome| done.send(outcome).unwrap()).unwrap();
        }
        eventually("the first tries", || producer.statistics().unwrap().connect_failures > 0);
        if close {
            assert_eq!(producer.close(Duration::ZERO).unwrap_err().kind(), ErrorKind::Timeout);
        }
        drop(producer);
        for _ in 0..2 {
            assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap_err().kind(), ErrorKind::Spooled);
        }
        let again = place.producer(&cluster.url(), &[]);
        eventually("the file's lock", || again.start().is_ok());
        assert_eq!(again.statistics().unwrap().spool_waiting_messages, 2);
        again.close(LONG).unwrap();
    }
}

/// Rows: SO-09.
#[test]
fn damage_is_told_and_the_rest_is_sent() {
    let cluster = down(1);
    let place = Place::new();
    let producer = place.producer(&cluster.url(), &[("spool_fsync", "interval"), ("spool_fsync_interval", "1")]);
    producer.start().unwrap();
    for body in ["first", "second", "third"] {
        producer.send(&message(body), &options()).unwrap_err();
    }
    producer.close(LONG).unwrap();
    let mut bytes = std::fs::read(&place.file).unwrap();
    let wrong = bytes.windows(6).position(|window| window == b"second").unwrap();
    bytes[wrong] ^= 1;
    bytes.extend_from_slice(b"\xf5MQR torn");
    std::fs::write(&place.file, &bytes).unwrap();
    listen(&cluster, 1, true);
    let producer = place.producer(&cluster.url(), &[("spool_fsync", "never")]);
    let later = Told::spool(&producer);
    producer.start().unwrap();
    let events = later.wait(4);
    let damaged = events.iter().filter(|event| event.kind == ReliabilityEventKind::SpoolDamaged);
    assert_eq!(damaged.count(), 2);
    assert_eq!(later.bodies(DELIVERED), ["first", "third"]);
    assert_eq!(stored(&cluster), ["first", "third"]);
    assert_eq!(producer.statistics().unwrap().spool_damages, 2);
}

/// Rows: SO-10.
#[test]
fn requests_are_not_spooled() {
    let cluster = down(1);
    let place = Place::new();
    let producer = place.producer(&cluster.url(), &[]);
    producer.start().unwrap();
    let error = producer.request(&message("ask"), &options(), LONG).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert_eq!(producer.statistics().unwrap().spooled_messages, 0);
}
