//! Routes as name servers really and wrongly give them, the header of a send, and the life of groups.

#![cfg(feature = "mock")]

mod fake;

use fake::{Act, FakeServer};
use mqproducer::mock::Cluster;
use mqproducer::protocol::remoting::command::request_code::{GET_ROUTEINFO_BY_TOPIC, SEND_MESSAGE_V2};
use mqproducer::{Config, ErrorKind, Message, Producer, SendOptions, SendStatus};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);

fn config(settings: &[(&str, &str)]) -> Config {
    let mut config =
        Config::default().with("producer_group", "test").unwrap().with("send_msg_timeout", "60000").unwrap();
    for (key, value) in settings {
        config.set(key, value).unwrap();
    }
    config
}

fn start(settings: &[(&str, &str)]) -> Producer {
    let producer = Producer::new(&config(settings)).unwrap();
    producer.start().unwrap();
    producer
}

fn send(producer: &Producer, topic: &str) -> mqproducer::Result<mqproducer::Receipt> {
    producer.send(&Message::new(topic, b"x"), &SendOptions::default())
}

/// A name server that says `route` of every topic.
fn says(route: String) -> FakeServer {
    FakeServer::start(move |_, request| Act::body(request, route.as_bytes()))
}

fn broker_data(name: &str, id: i64, address: &str) -> String {
    format!(r#"{{"brokerAddrs":{{"{id}":"{address}"}},"brokerName":"{name}","cluster":"c"}}"#)
}

fn queue_data(name: &str, perm: i32, write: i32) -> String {
    format!(r#"{{"brokerName":"{name}","perm":{perm},"readQueueNums":8,"writeQueueNums":{write}}}"#)
}

fn route(brokers: &[String], queues: &[String]) -> String {
    format!(r#"{{"brokerDatas":[{}],"queueDatas":[{}]}}"#, brokers.join(","), queues.join(","))
}

/// Rows: RT-14 RT-18.
#[test]
fn a_route_of_the_wrong_shape_is_a_protocol_error_that_names_server_topic_and_field() {
    for (body, field) in [
        (r#"{"brokerDatas":7,"queueDatas":[]}"#, "brokerDatas"),
        (r#"{"queueDatas":[{"brokerName":"a","perm":"rw"}]}"#, "queueDatas.perm"),
        (r#"{"brokerDatas":[{"brokerName":"a","brokerAddrs":["x"]}]}"#, "brokerAddrs"),
        ("[]", "route"),
        ("", "route"),
        (r#"{"brokerDatas":["#, "brokerDatas"),
    ] {
        let names = says(body.to_owned());
        let error = send(&start(&[("url", &names.url())]), "T").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{body}: {error}");
        for part in [field, "`T`", &names.address] {
            assert!(error.message().contains(part), "{body}: {error}");
        }
    }
}

/// Rows: RT-15 RT-18 RT-19 RT-20.
#[test]
fn a_route_without_a_writable_queue_on_a_master_is_no_route() {
    let alive = FakeServer::start(|_, _| Act::stored(0, 0));
    let address = &alive.address;
    for (what, body) in [
        ("empty", route(&[], &[])),
        ("read only", route(&[broker_data("a", 0, address)], &[queue_data("a", 4, 4)])),
        ("no queues", route(&[broker_data("a", 0, address)], &[queue_data("a", 6, 0)])),
        ("slave only", route(&[broker_data("a", 1, address)], &[queue_data("a", 6, 4)])),
        ("unknown broker", route(&[broker_data("b", 0, address)], &[queue_data("a", 6, 4)])),
    ] {
        let names = says(body);
        let error = send(&start(&[("url", &names.url())]), "T").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoRoute, "{what}: {error}");
        assert!(error.message().contains("`T` has no writable queue on a broker with a master"), "{what}: {error}");
    }
    assert_eq!(alive.seen(SEND_MESSAGE_V2).len(), 0);
    // A broker without a master beside a good one takes no message.
    let brokers = [broker_data("a", 1, address), broker_data("b", 0, address)];
    let names = says(route(&brokers, &[queue_data("a", 6, 4), queue_data("b", 2, 4), queue_data("c", 6, 4)]));
    let producer = start(&[("url", &names.url())]);
    for _ in 0..9 {
        assert_eq!(send(&producer, "T").unwrap().broker_name, "b");
    }
}

/// Rows: RT-01 RT-02 RT-06 RT-08 RT-11 RT-13 RT-17 ST-02 ST-03 RM-07 CF-12 LC-10 RT-09.
#[test]
fn routes_are_fetched_once_and_then_at_the_interval_for_every_topic_in_use() {
    let (first, second) = (FakeServer::start(|_, _| Act::stored(0, 1)), FakeServer::start(|_, _| Act::stored(0, 2)));
    let says = Arc::new(Mutex::new(route(&[broker_data("a", 0, &first.address)], &[queue_data("a", 6, 1)])));
    let said = Arc::clone(&says);
    let names = FakeServer::start(move |_, request| Act::body(request, said.lock().unwrap().as_bytes()));
    let url = names.url();
    let slow = start(&[("url", &url), ("topics", "A,B")]);
    let asked = || names.seen(GET_ROUTEINFO_BY_TOPIC).len();
    assert_eq!(asked(), 2, "the topics of the configuration are fetched at the start");
    for topic in ["A", "B", "A", "C", "C"] {
        assert_eq!(send(&slow, topic).unwrap().queue_offset, 1);
    }
    assert_eq!(asked(), 3);
    slow.close(LONG).unwrap();

    let intervals = [("poll_name_server_interval", "100"), ("heartbeat_broker_interval", "100")];
    let quick = start(&[&[("url", &*url)], &intervals[..]].concat());
    for topic in ["A", "B"] {
        assert_eq!(send(&quick, topic).unwrap().broker_name, "a");
    }
    *says.lock().unwrap() = route(&[broker_data("z", 0, &second.address)], &[queue_data("z", 6, 1)]);
    let limit = Instant::now() + LONG;
    for topic in ["A", "B"] {
        while send(&quick, topic).unwrap().broker_name != "z" {
            assert!(Instant::now() < limit, "the route of {topic} is not refreshed");
        }
    }
    while first.ended.load(Ordering::SeqCst) < first.connections.load(Ordering::SeqCst) {
        assert!(Instant::now() < limit, "the connection to the broker that left the routes stays");
        std::thread::yield_now();
    }
    assert_eq!(names.connections.load(Ordering::SeqCst), 2, "one for each producer");
}

/// Rows: RT-03 RT-04 RT-05 CF-10 CF-11.
#[test]
fn an_unknown_topic_borrows_the_default_topics_route_with_fewer_queues() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let default = route(&[broker_data("a", 0, &broker.address)], &[queue_data("a", 7, 8)]);
    let names = FakeServer::start(move |_, request| match request.get("topic") {
        Some("Template") => Act::body(request, default.as_bytes()),
        _ => Act::Answer(17, "No topic route info in name server for the topic", vec![]),
    });
    let settings = [("url", &*names.url()), ("create_topic_key", "Template"), ("default_topic_queue_nums", "3")];
    let producer = start(&settings);
    for _ in 0..6 {
        send(&producer, "New").unwrap();
    }
    let sent = broker.seen(SEND_MESSAGE_V2);
    let mut queues: Vec<_> = sent.iter().map(|request| request.get("e").unwrap()).collect();
    queues.sort();
    assert_eq!(queues, ["0", "0", "1", "1", "2", "2"]);
    assert!(sent.iter().all(|request| (request.get("c"), request.get("d")) == (Some("Template"), Some("3"))));
}

/// Rows: RT-07.
#[test]
fn callers_of_one_topic_share_one_lookup() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let good = route(&[broker_data("a", 0, &broker.address)], &[queue_data("a", 6, 4)]);
    let names = FakeServer::start(move |_, request| {
        // Long enough for every caller to have joined.
        std::thread::sleep(Duration::from_millis(200));
        Act::body(request, good.as_bytes())
    });
    let producer = start(&[("url", &names.url())]);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| send(&producer, "T").unwrap());
        }
    });
    assert_eq!(names.seen(GET_ROUTEINFO_BY_TOPIC).len(), 1);
}

/// Rows: SK-08 SK-11 SK-12 SK-15 SK-16 VA-07 VA-08 VA-09 VA-10 VA-11 CF-10 CF-11. The header of the first form
/// (`SEND_MESSAGE` 10, long names) is not sent: every broker since 3.x takes the second.
#[test]
fn the_header_of_a_send_is_whole() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = start(&[("url", &names.url())]);
    let mut message = Message::new("T", b"x").with_tags("tag").with_keys("k1 k2").with_flag(-7);
    message = message.with_property("DELAY", "3").with_property("RECONSUME_TIME", "5");
    producer.send(&message, &SendOptions::default()).unwrap();
    message.topic = "%RETRY%group";
    message.wait_store_msg_ok = false;
    producer.send(&message.with_property("MAX_RECONSUME_TIMES", "16"), &SendOptions::default()).unwrap();
    let sent = broker.seen(SEND_MESSAGE_V2);
    let value = |request: usize, name| sent[request].get(name).unwrap_or("absent").to_owned();
    let names = ["a", "b", "c", "d", "e", "f", "h", "j", "k", "l", "m", "n"];
    let plain: Vec<String> = names.iter().map(|name| value(0, name)).collect();
    let expected = ["test", "T", "TBW102", "4", "0", "0", "-7", "0", "false", "absent", "false", "broker-a"];
    assert_eq!(plain, expected);
    let id = value(0, "i").split("UNIQ_KEY\u{1}").nth(1).unwrap().split('\u{2}').next().unwrap().to_owned();
    assert_eq!(id.len(), 32);
    assert_eq!(
        value(0, "i"),
        format!(
            "DELAY\u{1}3\u{2}RECONSUME_TIME\u{1}5\u{2}KEYS\u{1}k1 k2\u{2}TAGS\u{1}tag\u{2}UNIQ_KEY\u{1}{id}\u{2}WAIT\u{1}true\u{2}"
        )
    );
    let born: i64 = value(0, "g").parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    assert!((now - 60_000..=now).contains(&born), "{born} {now}");
    // A retry topic: the two counts stand in the header, the rest among the properties.
    assert_eq!((value(1, "b").as_str(), value(1, "j").as_str(), value(1, "l").as_str()), ("%RETRY%group", "5", "16"));
    assert!(!value(1, "i").contains("RECONSUME") && value(1, "i").contains("DELAY\u{1}3"));
    assert!(value(1, "i").ends_with("WAIT\u{1}false\u{2}"));
}

/// Rows: SK-17.
#[test]
fn every_code_of_a_stored_message_is_a_status_and_any_other_an_error() {
    for (code, expected) in [
        (0, Some(SendStatus::Ok)),
        (10, Some(SendStatus::FlushDiskTimeout)),
        (11, Some(SendStatus::SlaveNotAvailable)),
        (12, Some(SendStatus::FlushSlaveTimeout)),
        (13, None),
    ] {
        let broker = FakeServer::start(move |_, _| {
            let text = |value: &str| value.to_owned();
            let fields = vec![
                ("msgId", text("OFFSETID")),
                ("queueId", text("3")),
                ("queueOffset", text("99")),
                ("transactionId", text("TX")),
                ("recallHandle", text("HANDLE")),
                ("MSG_REGION", text("eu")),
                ("TRACE_ON", text("true")),
            ];
            Act::Answer(code, "said so", fields)
        });
        let names = FakeServer::name_server(&[&broker.address], 1);
        match (send(&start(&[("url", &names.url())]), "T"), expected) {
            (Ok(receipt), Some(status)) => {
                assert_eq!((receipt.status, receipt.queue_id, receipt.queue_offset), (status, 3, 99));
                let texts = [
                    receipt.offset_message_id,
                    receipt.transaction_id,
                    receipt.recall_handle,
                    receipt.region_id,
                    receipt.topic,
                ];
                assert_eq!(texts, ["OFFSETID", "TX", "HANDLE", "eu", "T"]);
            }
            (Err(error), None) => assert_eq!((error.broker_code(), error.remark()), (Some(13), Some("said so"))),
            (other, _) => panic!("{code}: {other:?}"),
        }
    }
}

/// Rows: LC-01 LC-06 LC-08 RM-07.
#[test]
fn clones_are_one_client_with_one_connection_and_all_producers_share_two_threads() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&broker.address], 4);
    let producer = start(&[("url", &names.url())]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let clone = producer.clone();
            scope.spawn(move || (0..20).for_each(|_| drop(send(&clone, "T").unwrap())));
        }
    });
    assert_eq!(broker.connections.load(Ordering::SeqCst), 1);
    let _others: Vec<Producer> = (0..4).map(|_| start(&[("url", &names.url())])).collect();
    for thread in ["mqp-io", "mqp-dispatch"] {
        let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        let count = names.filter(|name| name.trim() == thread).count();
        assert!(count == 1 || !cfg!(target_os = "linux"), "{count} threads called {thread}");
    }
}

/// Rows: LC-05 LC-06 LC-07.
#[test]
fn a_group_runs_once_for_each_cluster_and_chosen_instance() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let url = cluster.url();
    let chosen = config(&[("url", &url), ("instance_name", "one")]);
    let (first, second) = (Producer::new(&chosen).unwrap(), Producer::new(&chosen).unwrap());
    first.start().unwrap();
    let error = second.start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.message().contains("`producer_group` = `test` runs already"), "{error}");
    assert_eq!(send(&second, "T").unwrap_err().kind(), ErrorKind::NotStarted);
    let other = start(&[("url", &url), ("instance_name", "two")]);
    // Without a chosen name each has one of its own.
    let (third, fourth) = (start(&[("url", &url)]), start(&[("url", &url)]));
    for producer in [&first, &other, &third, &fourth] {
        send(producer, "T").unwrap();
    }
    let clients: Vec<String> = cluster.producer_groups().into_iter().map(|group| group.client_id).collect();
    assert_eq!(clients.len(), 4, "{clients:?}");
    assert!(clients.iter().any(|id| id.ends_with("@one")) && clients.iter().any(|id| id.ends_with("@two")));
    first.close(LONG).unwrap();
    second.start().unwrap();
    send(&second, "T").unwrap();
    drop(second);
    Producer::new(&chosen).unwrap().start().unwrap();
}
