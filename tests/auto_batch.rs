//! `auto_batch`: which messages go together, when they go, and how each of them ends.

#![cfg(feature = "mock")]

#[path = "auto_batch/ends.rs"]
mod ends;
mod fake;
#[path = "auto_batch/seen.rs"]
mod seen;

use fake::{Act, FakeServer, LONG, eventually, producer};
use mqproducer::mock::Cluster;
use mqproducer::protocol::remoting::command::request_code::{SEND_BATCH_MESSAGE, SEND_MESSAGE_V2};
use mqproducer::protocol::remoting::{SendHeader, batch, properties};
use mqproducer::{Config, Delay, Message, MessageQueue, Producer, Receipt, Result, Selector, SendOptions, SendStatus};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

const ON: (&str, &str) = ("auto_batch", "true");
/// Longer than any test: what goes before goes for another reason.
const HELD: (&str, &str) = ("batch_max_delay_ms", "30000");
/// A message then takes its body, 52 bytes of properties and 22 around them.
const IPV4: (&str, &str) = ("client_ip", "10.1.2.3");
const PATIENT: (&str, &str) = ("send_msg_timeout", "600000");

type Ended = mpsc::Receiver<Result<Receipt>>;

fn send_with(producer: &Producer, message: &Message<'_>, options: &SendOptions<'_>) -> Ended {
    let (done, ended) = mpsc::channel();
    producer.send_async(message, options, move |outcome| done.send(outcome).unwrap()).unwrap();
    ended
}

fn send(producer: &Producer, message: &Message<'_>) -> Ended {
    send_with(producer, message, &SendOptions::default())
}

fn end(ended: &Ended) -> Result<Receipt> {
    let outcome = ended.recv_timeout(LONG).unwrap();
    assert!(ended.try_recv().is_err(), "told twice");
    outcome
}

/// A broker that stores everything, as a real one does: ids joined by commas, offsets one behind the other.
fn broker() -> FakeServer {
    FakeServer::start(|number, _| {
        let ids = (0..200).map(|id| format!("{number}-{id}")).collect::<Vec<_>>().join(",");
        let fields = [("msgId", ids), ("queueId", "0".into()), ("queueOffset", (number * 1000).to_string())];
        Act::Answer(0, "", fields.to_vec())
    })
}

/// The bodies of each batch that came.
fn batches(broker: &FakeServer) -> Vec<Vec<String>> {
    let text = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
    let taken_apart = |body: &Vec<u8>| batch::decode(body).map(|message| text(message.unwrap().body)).collect();
    broker.bodies_of(SEND_BATCH_MESSAGE).iter().map(taken_apart).collect()
}

fn alone(broker: &FakeServer) -> Vec<String> {
    broker.bodies_of(SEND_MESSAGE_V2).iter().map(|body| String::from_utf8_lossy(body).into_owned()).collect()
}

/// Rows: CF-20.
#[test]
fn it_is_off_until_it_is_switched_on() {
    let broker = broker();
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[]);
    let ended: Vec<Ended> = (0..10).map(|_| send(&producer, &Message::new("T", b"x"))).collect();
    ended.iter().for_each(|ended| drop(end(ended).unwrap()));
    assert_eq!((alone(&broker).len(), batches(&broker).len()), (10, 0));
}

/// Rows: BA-06 BA-05.
#[test]
fn messages_of_all_threads_go_together_and_each_has_its_own_receipt() {
    const THREADS: usize = 8;
    const EACH: usize = 500;
    let cluster = Cluster::open("", 2, 4).unwrap();
    let producer = producer(&cluster.url(), &[ON, PATIENT]);
    let receipts: Mutex<BTreeMap<String, Receipt>> = Mutex::default();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (producer, receipts) = (&producer, &receipts);
            scope.spawn(move || {
                let mut later = Vec::new();
                for number in 0..EACH {
                    let body = format!("{thread}-{number}");
                    let message = Message::new("T", body.as_bytes()).with_keys(&body).with_flag(number as i32);
                    // Each thread waits for one in fifty, as callers that wait do.
                    match number % 50 {
                        0 => {
                            let receipt = producer.send(&message, &SendOptions::default()).unwrap();
                            assert!(receipts.lock().unwrap().insert(body, receipt).is_none());
                        }
                        _ => later.push((body.clone(), send(producer, &message))),
                    }
                }
                for (body, ended) in later {
                    let receipt = end(&ended).unwrap();
                    assert!(receipts.lock().unwrap().insert(body, receipt).is_none());
                }
            });
        }
    });
    let receipts = receipts.into_inner().unwrap();
    let stored = cluster.messages(Some("T"));
    assert_eq!((stored.len(), receipts.len()), (THREADS * EACH, THREADS * EACH));
    let mut places = BTreeSet::new();
    for message in &stored {
        let body = String::from_utf8(message.body.clone()).unwrap();
        let receipt = &receipts[&body];
        assert_eq!(receipt.status, SendStatus::Ok);
        assert_eq!(
            (&receipt.message_id, &receipt.offset_message_id),
            (&message.message_id, &message.offset_message_id)
        );
        assert_eq!((receipt.queue_id, receipt.queue_offset), (message.queue_id, message.queue_offset));
        assert_eq!((message.keys.as_deref(), &receipt.broker_name), (Some(&*body), &message.broker_name));
        assert_eq!(message.flag.to_string(), body.split_once('-').unwrap().1);
        assert!(places.insert((message.broker_name.clone(), message.queue_id, message.queue_offset)));
    }
    let requests: usize =
        [SEND_BATCH_MESSAGE, SEND_MESSAGE_V2].map(|code| cluster.request_count(None, Some(code)).unwrap()).iter().sum();
    println!("{requests} requests for {} messages", stored.len());
    assert!(requests * 10 < stored.len(), "{requests} requests for {} messages", stored.len());
}

/// Rows: BA-06.
#[test]
fn a_group_goes_when_it_is_full() {
    let broker = broker();
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[ON, HELD, PATIENT, IPV4, ("batch_max_bytes", "1000")]);
    let bodies: Vec<String> = (0..20).map(|number| format!("{number:0>100}")).collect();
    let ended: Vec<Ended> = bodies.iter().map(|body| send(&producer, &Message::new("T", body.as_bytes()))).collect();
    // 174 bytes each: five fit.
    ended[..15].iter().for_each(|ended| drop(end(ended).unwrap()));
    let batches = batches(&broker);
    assert!(batches.iter().all(|batch| batch.len() == 5) && batches.concat().iter().eq(&bodies[..15]));
    assert!(broker.bodies_of(SEND_BATCH_MESSAGE).iter().all(|body| body.len() <= 1000));
    let header = SendHeader::decode(&broker.seen(SEND_BATCH_MESSAGE)[0]).map(|header| header.batch);
    assert_eq!(header, Ok(true));
    producer.close(LONG).unwrap();
    ended[15..].iter().for_each(|ended| drop(end(ended).unwrap()));
}

/// Rows: BA-06.
#[test]
fn many_that_are_sent_in_one_call_go_together() {
    let broker = broker();
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[ON, HELD, PATIENT]);
    let (done, ended) = mpsc::channel();
    let bodies: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let message = |body| {
        let done = done.clone();
        (Message::new("T", str::as_bytes(body)), move |outcome: Result<Receipt>| done.send(outcome).unwrap())
    };
    let (accepted, refused) =
        producer.send_many(bodies.iter().map(|body| message(body.as_str())), &SendOptions::default());
    assert!(accepted == 20 && refused.is_ok());
    producer.flush(LONG).unwrap();
    assert_eq!(batches(&broker), [bodies]);
    assert_eq!(ended.try_iter().filter(Result::is_ok).count(), 20);
}

/// Rows: BA-06 CF-20.
#[test]
fn a_group_goes_when_its_first_message_has_waited_long_enough() {
    let broker = broker();
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[ON, ("batch_max_delay_ms", "200"), PATIENT]);
    let started = Instant::now();
    let first = [send(&producer, &Message::new("T", b"1")), send(&producer, &Message::new("T", b"2"))];
    first.iter().for_each(|ended| drop(end(ended).unwrap()));
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert_eq!([batches(&broker).concat(), alone(&broker)].concat(), ["1", "2"]);
    // One that finds no company goes as a message by itself.
    producer.send(&Message::new("T", b"3").with_property("a", "b"), &SendOptions::default()).unwrap();
    assert_eq!(alone(&broker).last().map(String::as_str), Some("3"));
    let plain = broker.seen(SEND_MESSAGE_V2).pop().unwrap();
    let header = SendHeader::decode(&plain).unwrap();
    assert!(!header.batch && properties::get(header.properties, "a") == Some("b"));
}

/// Rows: BA-06 CF-02.
#[test]
fn a_message_with_little_time_does_not_wait_long() {
    let broker = broker();
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[ON, HELD, PATIENT]);
    let patient = send(&producer, &Message::new("T", b"1"));
    let hasty = SendOptions::default().with_timeout(Duration::from_secs(2));
    end(&send_with(&producer, &Message::new("T", b"2"), &hasty)).unwrap();
    end(&patient).unwrap();
    assert_eq!(batches(&broker), [["1", "2"]]);
}

/// Rows: BA-07.
#[test]
fn only_messages_with_everything_in_common_go_together() {
    let broker = broker();
    let names = FakeServer::name_server(&[&broker.address], 4);
    let producer = producer(&names.url(), &[ON, HELD, PATIENT]);
    let queue = |queue_id| Selector::Queue(MessageQueue { broker_name: "broker-a", queue_id });
    let last = |queues: &[MessageQueue<'_>]| queues.len() - 1;
    let mut ended = Vec::new();
    for round in 0..2 {
        let mut put = |body: &str, topic: &str, tags: &str, wait: bool, selector: Selector<'_>| {
            let body = format!("{body}{round}");
            let message = Message::new(topic, body.as_bytes()).with_tags(tags);
            let message = Message { wait_store_msg_ok: wait, ..message };
            ended.push(send_with(&producer, &message, &SendOptions::default().with_selector(selector)));
        };
        put("plain", "T", "", true, Selector::RoundRobin);
        put("topic", "U", "", true, Selector::RoundRobin);
        put("tag", "T", "a", true, Selector::RoundRobin);
        put("wait", "T", "", false, Selector::RoundRobin);
        put("random", "T", "", true, Selector::Random);
        put("queue", "T", "", true, queue(2));
        put("other", "T", "", true, queue(1));
        // The queue that a selector gives counts, not how it came by it.
        put("called", "T", "", true, Selector::Callback(&last));
        put("given", "T", "", true, queue(3));
    }
    // Whoever waits has a group of its own; here it goes for its deadline.
    let hasty = SendOptions::default().with_timeout(Duration::from_secs(1));
    producer.send(&Message::new("T", b"sync"), &hasty).unwrap();
    assert_eq!(batches(&broker).len(), 0);
    producer.flush(LONG).unwrap();
    ended.iter().for_each(|ended| drop(end(ended).unwrap()));
    let mut groups: Vec<Vec<String>> = batches(&broker);
    groups.sort();
    let mut expected: Vec<Vec<String>> = ["plain", "topic", "tag", "wait", "random", "queue", "other"]
        .iter()
        .map(|name| vec![format!("{name}0"), format!("{name}1")])
        .collect();
    expected.push(["called0", "given0", "called1", "given1"].map(str::to_owned).to_vec());
    expected.sort();
    assert_eq!(groups, expected);
    assert_eq!(alone(&broker), ["sync"]);
    for (request, bodies) in broker.seen(SEND_BATCH_MESSAGE).iter().zip(batches(&broker)) {
        let header = SendHeader::decode(request).unwrap();
        let wait = properties::get(header.properties, "WAIT") == Some("true");
        assert_eq!((header.topic == "U", wait), (bodies[0] == "topic0", bodies[0] != "wait0"));
        let queues = [("queue0", 2), ("other0", 1), ("called0", 3)];
        if let Some((_, queue)) = queues.iter().find(|(body, _)| *body == bodies[0]) {
            assert_eq!(header.queue_id, *queue);
        }
    }
}

/// Rows: BA-06 BA-04 CO-04.
#[test]
fn what_a_batch_cannot_hold_goes_alone_and_at_once() {
    let broker = broker();
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[ON, HELD, PATIENT, ("batch_max_bytes", "5000")]);
    let held = send(&producer, &Message::new("T", b"held"));
    let plain = Message::new("T", b"x");
    for message in [
        plain.clone().with_delay(Delay::Level(1)),
        plain.clone().with_delay(Delay::Seconds(1)),
        plain.clone().with_property("TIMER_DELAY_MS", "5"),
        plain.clone().with_priority(1),
        plain.clone().with_lite_topic("l"),
        plain.clone().with_property("TRAN_MSG", "true"),
        Message::new("%RETRY%G", b"x"),
    ] {
        producer.send(&message, &SendOptions::default()).unwrap();
        end(&send(&producer, &message)).unwrap();
    }
    producer.send_oneway(&plain, &SendOptions::default()).unwrap();
    eventually("the one-way message", || alone(&broker).len() == 15);
    assert_eq!(batches(&broker).len(), 0);
    assert!(held.try_recv().is_err(), "it is still held");
    // A body that is compressed, and one too large: behind what was there before.
    let compressible = vec![b'x'; 4500];
    end(&send(&producer, &Message::new("T", &compressible))).unwrap();
    end(&held).unwrap();
    let requests = broker.seen(SEND_MESSAGE_V2);
    assert_eq!(alone(&broker)[15], "held");
    assert_ne!(SendHeader::decode(&requests[16]).unwrap().sys_flag, 0, "compressed");
    let held = send(&producer, &Message::new("T", b"held"));
    let mut random = fastrand::Rng::with_seed(7);
    let large: Vec<u8> = (0..6000).map(|_| random.u8(..)).collect();
    end(&send(&producer, &Message::new("T", &large))).unwrap();
    end(&held).unwrap();
    assert_eq!((alone(&broker).len(), batches(&broker).len()), (19, 0));
    assert!(broker.bodies_of(SEND_MESSAGE_V2)[18] == large);
}

/// Rows: BA-06 CF-20.
#[test]
fn more_than_the_total_is_not_held() {
    let broker = broker();
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[ON, HELD, PATIENT, ("total_batch_max_bytes", "1000")]);
    let held = ["T", "U"].map(|topic| send(&producer, &Message::new(topic, &[b'x'; 300])));
    producer.send(&Message::new("V", &[b'y'; 400]), &SendOptions::default()).unwrap();
    assert!(held.iter().all(|ended| ended.try_recv().is_err()));
    assert_eq!(alone(&broker).len(), 1);
    // It goes behind those of its kind.
    end(&send(&producer, &Message::new("T", &[b'z'; 400]))).unwrap();
    end(&held[0]).unwrap();
    assert!(held[1].try_recv().is_err());
    let firsts: Vec<u8> = alone(&broker).iter().map(|body| body.as_bytes()[0]).collect();
    assert_eq!(text(&firsts), "yxz");
    // What went made room.
    let more = send(&producer, &Message::new("U", &[b'w'; 300]));
    producer.flush(LONG).unwrap();
    [&held[1], &more].iter().for_each(|ended| drop(end(ended).unwrap()));
    assert_eq!(batches(&broker).len(), 1);
}

/// Rows: BA-06 QS-06.
#[test]
fn messages_of_one_key_stay_in_order() {
    let cluster = Cluster::open("", 2, 4).unwrap();
    let producer = producer(&cluster.url(), &[ON, PATIENT, ("batch_max_bytes", "600"), ("batch_max_delay_ms", "1")]);
    std::thread::scope(|scope| {
        for key in 0..4 {
            let producer = &producer;
            scope.spawn(move || {
                let name = format!("key-{key}");
                let options = SendOptions::default().with_selector(Selector::Hash(&name));
                let each = |number: usize| {
                    // Some are compressed, some too large for a group.
                    let padding = " ".repeat([5000, 0, 0, 700, 0, 0, 0][number % 7]);
                    let body = format!("{number}{padding}");
                    send_with(producer, &Message::new(&name, body.as_bytes()), &options)
                };
                let ended: Vec<Ended> = (0..500).map(each).collect();
                ended.iter().for_each(|ended| drop(end(ended).unwrap()));
            });
        }
    });
    for key in 0..4 {
        let stored = cluster.messages(Some(&format!("key-{key}")));
        let number = |body: &[u8]| text(body).trim_end().parse::<usize>().unwrap();
        let order: Vec<usize> = stored.iter().map(|message| number(&message.body)).collect();
        assert!(order.iter().copied().eq(0..500), "{order:?}");
    }
}

fn text(body: &[u8]) -> &str {
    std::str::from_utf8(body).unwrap()
}

/// Rows: CF-20.
#[test]
fn its_keys_have_their_ranges() {
    for (key, good, bad) in [
        ("auto_batch", "true", "yes"),
        ("batch_max_delay_ms", "30000", "30001"),
        ("batch_max_delay_ms", "1", "0"),
        ("batch_max_bytes", "2097152", "2097153"),
        ("batch_max_bytes", "1", "0"),
        ("total_batch_max_bytes", "1", "0"),
    ] {
        let mut config = Config::new();
        config.set(key, good).unwrap();
        let error = config.set(key, bad).unwrap_err();
        assert!(error.message().contains(&format!("`{key}` = `{bad}`")), "{error}");
    }
    let config = Config::new();
    let defaults = ["auto_batch", "batch_max_delay_ms", "batch_max_bytes", "total_batch_max_bytes"];
    assert_eq!(defaults.map(|key| config.get(key).unwrap()), ["false", "10", "32768", "33554432"]);
}
