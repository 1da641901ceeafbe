//! Which queue a message goes to: selectors, and brokers that are passed over because they are slow or out of reach.

mod fake;

use fake::{Act, FakeServer, closed_port, eventually, producer};
use mqproducer::protocol::remoting::command::request_code::{GET_MAX_OFFSET, SEND_MESSAGE_V2};
use mqproducer::{
    BrokerHealth, BrokerState, ErrorKind, Message, MessageQueue, Producer, Receipt, Result, Selector, SendOptions,
};
use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn send(producer: &Producer, selector: Selector<'_>) -> Result<Receipt> {
    let message = Message::new("T", b"body");
    producer.send(&message, &SendOptions::default().with_selector(selector))
}

/// What the brokers were asked to store: broker and queue.
fn asked(servers: &[&FakeServer]) -> Vec<(String, i32)> {
    let of = |server: &&FakeServer| server.seen(SEND_MESSAGE_V2);
    let field = |request: &mqproducer::protocol::remoting::Header, name: &str| request.get(name).unwrap().to_owned();
    let sends = servers.iter().flat_map(of);
    sends.map(|request| (field(&request, "n"), field(&request, "e").parse().unwrap())).collect()
}

/// Two brokers that store everything in the queue they are asked for.
fn two_brokers(queues: u32) -> (FakeServer, FakeServer, FakeServer) {
    let store = |_: usize, request: &mqproducer::protocol::remoting::Header| {
        Act::stored(request.get("e").unwrap().parse().unwrap(), 0)
    };
    let (a, b) = (FakeServer::start(store), FakeServer::start(store));
    let names = FakeServer::name_server(&[&a.address, &b.address], queues);
    (a, b, names)
}

/// Rows: QS-01 QS-02 QS-08.
#[test]
fn a_round_visits_every_queue_once_from_a_random_start() {
    let (_a, _b, names) = two_brokers(4);
    let mut starts = BTreeSet::new();
    for _ in 0..40 {
        let producer = producer(&names.url(), &[]);
        let round: Vec<_> = (0..8).map(|_| send(&producer, Selector::RoundRobin).unwrap()).collect();
        let queues: BTreeSet<_> = round.iter().map(|r| (r.broker_name.clone(), r.queue_id)).collect();
        assert_eq!(queues.len(), 8);
        starts.insert((round[0].broker_name.clone(), round[0].queue_id));
        if starts.len() > 2 {
            return;
        }
    }
    panic!("40 producers began at {starts:?} only");
}

/// Rows: QS-06.
#[test]
fn one_key_stays_on_the_queue_of_javas_hash_and_keys_spread() {
    let (_a, _b, names) = two_brokers(4);
    let producer = producer(&names.url(), &[]);
    // abs("order-7".hashCode()) % 8 = abs(-1207111304) % 8 = 0, and "x" is 120.
    for (key, broker, queue) in
        [("order-7", "broker-a", 0), ("x", "broker-a", 0), ("é", "broker-a", 1), ("d", "broker-b", 0)]
    {
        for _ in 0..3 {
            let receipt = send(&producer, Selector::Hash(key)).unwrap();
            assert_eq!((&*receipt.broker_name, receipt.queue_id), (broker, queue), "{key}");
        }
    }
    for ring in [false, true] {
        let mut of_key = HashMap::new();
        for i in 0..300 {
            let key = format!("key-{}", i % 100);
            let receipt =
                send(&producer, if ring { Selector::ConsistentHash(&key) } else { Selector::Hash(&key) }).unwrap();
            let queue = (receipt.broker_name, receipt.queue_id);
            assert_eq!(of_key.entry(key.clone()).or_insert(queue.clone()), &queue, "{key}");
        }
        assert_eq!(of_key.values().collect::<BTreeSet<_>>().len(), 8, "100 keys leave a queue out");
    }
    let error = send(&producer, Selector::Hash("")).unwrap_err();
    assert_eq!(error.message(), "the sharding key is empty; the hash selectors need one");
}

/// Rows: QS-06.
#[test]
fn random_picks_reach_every_queue() {
    let (_a, _b, names) = two_brokers(2);
    let producer = producer(&names.url(), &[]);
    let reached: BTreeSet<_> = (0..200)
        .map(|_| send(&producer, Selector::Random).unwrap())
        .map(|receipt| (receipt.broker_name, receipt.queue_id))
        .collect();
    assert_eq!(reached.len(), 4);
}

/// Rows: QS-06.
#[test]
fn a_machine_room_keeps_its_messages() {
    let store = |_: usize, request: &mqproducer::protocol::remoting::Header| {
        Act::stored(request.get("e").unwrap().parse().unwrap(), 0)
    };
    let servers: Vec<FakeServer> = (0..3).map(|_| FakeServer::start(store)).collect();
    let names = FakeServer::name_server_of(
        "127.0.0.1:0",
        &[("hz@a", &servers[0].address), ("sh@a", &servers[1].address), ("plain", &servers[2].address)],
        2,
    );
    let producer = producer(&names.url(), &[]);
    let of = |rooms: &[&str]| -> BTreeSet<(String, i32)> {
        let sent = (0..8).map(|_| send(&producer, Selector::MachineRoom(rooms)).unwrap());
        sent.map(|receipt| (receipt.broker_name, receipt.queue_id)).collect()
    };
    let hz = [("hz@a".to_owned(), 0), ("hz@a".to_owned(), 1)];
    assert_eq!(of(&["hz"]), BTreeSet::from(hz.clone()));
    assert_eq!(of(&["hz", "sh"]).len(), 4);
    let error = send(&producer, Selector::MachineRoom(&["bj"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoRoute);
    assert_eq!(
        error.message(),
        "no broker of topic `T` is in a room of [bj]; its queues are 2 of `hz@a`, 2 of `plain`, 2 of `sh@a`"
    );
}

/// Rows: QS-05.
#[test]
fn an_explicit_queue_must_belong_to_the_topic() {
    let (_a, _b, names) = two_brokers(4);
    let producer = producer(&names.url(), &[]);
    let queue = |broker_name, queue_id| Selector::Queue(MessageQueue { broker_name, queue_id });
    let receipt = send(&producer, queue("broker-b", 3)).unwrap();
    assert_eq!((&*receipt.broker_name, receipt.queue_id), ("broker-b", 3));
    for (broker, id) in [("broker-b", 4), ("broker-b", -1), ("broker-x", 0)] {
        let error = send(&producer, queue(broker, id)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        let text = format!(
            "queue {id} of broker `{broker}` is no writable queue of topic `T`, which has 4 of `broker-a`, 4 of `broker-b`"
        );
        assert_eq!(error.message(), text);
    }
}

/// Rows: QS-06.
#[test]
fn a_callback_sees_all_queues_once_and_its_index_is_checked() {
    let busy = FakeServer::start(|_, _| Act::Answer(2, "busy", vec![]));
    let names = FakeServer::name_server(&[&busy.address, &busy.address], 2);
    let producer = producer(&names.url(), &[]);
    let (calls, caller) = (Cell::new(0), std::thread::current().id());
    let pick = |queues: &[MessageQueue<'_>]| {
        calls.set(calls.get() + 1);
        assert_eq!(std::thread::current().id(), caller);
        let seen: Vec<_> = queues.iter().map(|queue| (queue.broker_name, queue.queue_id)).collect();
        assert_eq!(seen, [("broker-a", 0), ("broker-a", 1), ("broker-b", 0), ("broker-b", 1)]);
        2
    };
    assert_eq!(send(&producer, Selector::Callback(&pick)).unwrap_err().broker_code(), Some(2));
    assert_eq!(calls.get(), 1, "never again on a retry");
    assert_eq!(asked(&[&busy]), vec![("broker-b".to_owned(), 0); 3]);
    let never = |_| panic!("the callback was taken");
    let options = SendOptions::default().with_selector(Selector::Callback(&|_| 4));
    let error = producer.send_async(&Message::new("T", b"x"), &options, never).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(error.message(), "the selector returned the index 4; topic `T` has 4 queues");
    producer.flush(fake::LONG).unwrap();
}

/// Rows: QS-05 FT-15.
#[test]
fn an_ordered_message_stays_on_its_queue_over_its_retries() {
    let good = FakeServer::start(|_, _| Act::stored(0, 0));
    let busy = FakeServer::start(|_, _| Act::Answer(2, "busy", vec![]));
    let names = FakeServer::name_server(&[&good.address, &busy.address], 1);
    for latency in ["false", "true"] {
        let producer = producer(&names.url(), &[("send_latency_enable", latency)]);
        let before = busy.seen(SEND_MESSAGE_V2).len();
        let queue = MessageQueue { broker_name: "broker-b", queue_id: 0 };
        for selector in [Selector::Queue(queue), Selector::Hash("é"), Selector::Callback(&|_| 1)] {
            let error = send(&producer, selector).unwrap_err();
            assert_eq!(error.broker_code(), Some(2), "{selector:?}");
            assert!(error.message().contains("brokers [broker-b, broker-b, broker-b]"), "{error}");
        }
        assert_eq!(busy.seen(SEND_MESSAGE_V2).len() - before, 9);
    }
    assert!(good.seen(SEND_MESSAGE_V2).is_empty());
}

fn state(producer: &Producer, name: &str) -> BrokerState {
    producer.brokers().unwrap().into_iter().find(|state| state.name == name).unwrap()
}

/// Rows: FT-01 FT-02 CF-17.
#[test]
fn a_broker_that_failed_is_isolated_only_when_the_mode_is_on() {
    for latency in ["true", "false"] {
        let good = FakeServer::start(|_, _| Act::stored(0, 0));
        let bad = FakeServer::start(|_, _| Act::Answer(2, "busy", vec![]));
        let names = FakeServer::name_server(&[&good.address, &bad.address], 1);
        let producer = producer(&names.url(), &[("send_latency_enable", latency)]);
        for _ in 0..16 {
            assert_eq!(send(&producer, Selector::RoundRobin).unwrap().broker_name, "broker-a");
        }
        let tried = bad.seen(SEND_MESSAGE_V2).len();
        assert!(tried >= 1 && (latency == "true") == (tried == 1), "{latency}: {tried}");
        let (a, b) = (state(&producer, "broker-a"), state(&producer, "broker-b"));
        assert_eq!((a.address, a.health), (good.address.clone(), BrokerHealth::Healthy));
        assert_eq!(a.latency.is_some(), latency == "true");
        let isolated = matches!(b.health, BrokerHealth::Isolated { until_ms } if until_ms > 1_700_000_000_000);
        assert_eq!(isolated, latency == "true", "{b:?}");
    }
}

/// Rows: QS-03 QS-09.
#[test]
fn retries_begin_anywhere_in_the_latency_mode_and_at_the_next_queue_without() {
    let busy = FakeServer::start(|_, _| Act::Answer(2, "busy", vec![]));
    let good = FakeServer::start(|_, request| Act::stored(request.get("e").unwrap().parse().unwrap(), 0));
    let names = FakeServer::name_server(&[&busy.address, &good.address], 4);
    for latency in ["false", "true"] {
        let mut queues = BTreeSet::new();
        let mut retried = 0;
        while retried < 20 {
            // A new one each time: from its second send on it would pass over the busy broker.
            let receipt =
                send(&producer(&names.url(), &[("send_latency_enable", latency)]), Selector::RoundRobin).unwrap();
            if receipt.attempts == 2 {
                retried += 1;
                queues.insert(receipt.queue_id);
            }
        }
        assert_eq!(queues.len() > 1, latency == "true", "{latency}: {queues:?}");
    }
}

/// Rows: FT-07 FT-13.
#[test]
fn a_broker_that_refuses_connections_is_isolated_for_sends_in_every_mode() {
    let good = FakeServer::start(|_, _| Act::stored(0, 0));
    for table in ["5.5", "4.x"] {
        let names = FakeServer::name_server(&[&good.address, &closed_port()], 1);
        let producer = producer(&names.url(), &[("send_latency_enable", "true"), ("fault_latency_table", table)]);
        while state_of(&producer, "broker-b").is_none_or(|state| state.health == BrokerHealth::Healthy) {
            assert_eq!(send(&producer, Selector::RoundRobin).unwrap().broker_name, "broker-a");
        }
        let latency = state(&producer, "broker-b").latency.unwrap();
        assert_eq!(latency == Duration::from_secs(3), table == "4.x", "{latency:?}");
        for _ in 0..6 {
            assert_eq!(send(&producer, Selector::RoundRobin).unwrap().attempts, 1);
            let oneway = producer.send_oneway(&Message::new("T", b"x"), &SendOptions::default()).unwrap();
            assert_eq!(oneway.broker_name, "broker-a");
        }
    }
}

fn state_of(producer: &Producer, name: &str) -> Option<BrokerState> {
    producer.brokers().unwrap().into_iter().find(|state| state.name == name)
}

/// Rows: FT-12.
#[test]
fn a_refusal_for_the_messages_sake_isolates_nobody() {
    let broker = FakeServer::start(|_, _| Act::Answer(13, "illegal", vec![]));
    let names = FakeServer::name_server(&[&broker.address], 1);
    let settings = [("send_latency_enable", "true"), ("start_detector_enable", "true")];
    let producer = producer(&names.url(), &settings);
    assert_eq!(send(&producer, Selector::RoundRobin).unwrap_err().broker_code(), Some(13));
    assert_eq!(state(&producer, "broker-a").health, BrokerHealth::Healthy);
}

/// Rows: FT-14 LC-11.
#[test]
fn the_detector_finds_a_broker_that_answers_again() {
    let awake = Arc::new(AtomicBool::new(false));
    let answers = Arc::clone(&awake);
    let broker = FakeServer::start(move |_, request| match request.code {
        GET_MAX_OFFSET if answers.load(Ordering::SeqCst) => Act::Answer(0, "", vec![("offset", "7".into())]),
        _ => Act::Silence,
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let settings = [
        ("send_latency_enable", "true"),
        ("start_detector_enable", "true"),
        ("detect_interval", "1"),
        ("retry_times_when_send_failed", "0"),
        ("send_msg_timeout", "1000"),
    ];
    let producer = producer(&names.url(), &settings);
    assert_eq!(send(&producer, Selector::RoundRobin).unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(state(&producer, "broker-a").health, BrokerHealth::Unreachable);
    eventually("a first probe", || !broker.seen(GET_MAX_OFFSET).is_empty());
    let probe = &broker.seen(GET_MAX_OFFSET)[0];
    assert_eq!((probe.get("topic"), probe.get("queueId")), (Some("T"), Some("0")));
    assert_eq!(state(&producer, "broker-a").health, BrokerHealth::Unreachable);
    awake.store(true, Ordering::SeqCst);
    eventually("reachable again", || state(&producer, "broker-a").health != BrokerHealth::Unreachable);
}
