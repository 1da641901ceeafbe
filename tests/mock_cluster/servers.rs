//! Servers that leave and come back, and the requests that came.

use std::io::ErrorKind as IoErrorKind;
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use mqproducer::mock::{Cluster, Fault, FaultAction, NAME_SERVER};
use mqproducer::protocol::remoting::command::request_code::{
    GET_ROUTEINFO_BY_TOPIC, HEART_BEAT, SEND_MESSAGE_V2, UNREGISTER_CLIENT,
};
use mqproducer::protocol::remoting::command::response_code::SUCCESS;
use mqproducer::{ErrorKind, Message, SendOptions};
use socket2::{Domain, Socket, Type};

use super::client::{Client, LIMIT, header};
use super::sender::{TOPIC, producer, send, stored, trying_once};

fn routed(cluster: &Cluster) -> Vec<String> {
    let route = Client::name_server(cluster).route("TBW102");
    assert_eq!(route.broker_datas.len(), route.queue_datas.len());
    route.broker_datas.into_iter().map(|broker| broker.broker_name).collect()
}

#[test]
fn a_broker_leaves_its_routes_and_comes_back() {
    let cluster = Cluster::open("", 2, 4).unwrap();
    let producer = producer(&cluster, &[("poll_name_server_interval", "100")]);
    send(&producer).unwrap();
    let mut known = Client::broker(&cluster, 0);
    cluster.set_in_route("broker-a", false).unwrap();
    assert_eq!(routed(&cluster), ["broker-b"]);
    // Once the producer has heard of it, nothing goes to the broker that left.
    let left = Instant::now() + LIMIT;
    while (0..8).any(|_| send(&producer).unwrap().broker_name == "broker-a") {
        assert!(Instant::now() < left);
    }
    // Known addresses are served on.
    assert_eq!(known.send(&header("other", ""), b"x").header.code, SUCCESS);

    cluster.set_in_route("0", true).unwrap();
    assert_eq!(routed(&cluster), ["broker-a", "broker-b"]);
    let back = Instant::now() + LIMIT;
    while send(&producer).unwrap().broker_name == "broker-b" {
        assert!(Instant::now() < back);
    }

    for broker in ["0", "1"] {
        cluster.set_in_route(broker, false).unwrap();
    }
    assert_eq!(send(&trying_once(&cluster)).unwrap_err().kind(), ErrorKind::NoRoute);
}

#[test]
fn a_broker_stops_and_comes_back_at_its_port() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = trying_once(&cluster);
    send(&producer).unwrap();
    let mut client = Client::broker(&cluster, 0);
    let address = client.stream.peer_addr().unwrap();

    for _ in 0..2 {
        cluster.set_listening("broker-a", false).unwrap();
        assert!(client.receive().is_none());
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), IoErrorKind::ConnectionRefused);
    }
    // The first may still go to the connection that died.
    let failure = || send(&producer).unwrap_err();
    let error = Some(failure()).filter(|error| error.kind() != ErrorKind::ConnectionLost).unwrap_or_else(failure);
    assert_eq!((error.kind(), error.maybe_persisted()), (ErrorKind::Connect, false));
    assert_eq!(stored(&cluster), 1, "what it holds stays");

    for _ in 0..2 {
        cluster.set_listening("broker-a", true).unwrap();
        TcpStream::connect(address).unwrap();
    }
    assert_eq!(Client::broker(&cluster, 0).stream.peer_addr().unwrap(), address);
    send(&producer).unwrap();
    assert_eq!(stored(&cluster), 2);
}

#[test]
fn a_message_under_way_when_a_broker_stops_goes_to_another() {
    let cluster = Cluster::open("", 2, 4).unwrap();
    let producer = producer(&cluster, &[]);
    cluster.push_fault(&Fault::new(FaultAction::StopReading).code(SEND_MESSAGE_V2)).unwrap();
    let (done, ended) = mpsc::channel();
    let options = SendOptions::default().with_timeout(Duration::from_secs(3600));
    producer.send_async(&Message::new(TOPIC, b"x"), &options, move |outcome| done.send(outcome).unwrap()).unwrap();
    assert!(cluster.wait_for_requests(None, Some(SEND_MESSAGE_V2), 1, LIMIT).unwrap());
    let frozen = cluster.requests(None, Some(SEND_MESSAGE_V2)).unwrap().remove(0).broker_name;
    cluster.set_listening(&frozen, false).unwrap();
    let receipt = ended.recv_timeout(LIMIT).unwrap().unwrap();
    assert!(receipt.broker_name != frozen && receipt.attempts == 2);
    assert_eq!(stored(&cluster), 1);
}

#[test]
fn a_name_server_stops_and_comes_back() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    cluster.set_listening(NAME_SERVER, false).unwrap();
    let producer = trying_once(&cluster);
    assert_eq!(send(&producer).unwrap_err().kind(), ErrorKind::NoNameServer);
    cluster.set_listening(NAME_SERVER, true).unwrap();
    send(&producer).unwrap();
}

#[test]
fn a_stopped_broker_s_port_is_nobody_else_s() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let address = Client::broker(&cluster, 0).stream.peer_addr().unwrap();
    cluster.set_listening("0", false).unwrap();
    let bind = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap().bind(&address.into());
    assert_eq!(bind().unwrap_err().kind(), IoErrorKind::AddrInUse);
    drop(cluster);
    Cluster::builder().name_server_port(address.port()).start().unwrap();
}

#[test]
fn requests_are_listed_as_they_came() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = producer(&cluster, &[("topics", TOPIC)]);
    let long = vec![7; 100_000];
    producer.send(&Message::new(TOPIC, b"a\0b").with_tags("tag"), &SendOptions::default()).unwrap();
    producer.send_oneway(&Message::new(TOPIC, b"oneway"), &SendOptions::default()).unwrap();
    assert!(cluster.wait_for_requests(None, Some(SEND_MESSAGE_V2), 2, LIMIT).unwrap());
    let codes = |broker| -> Vec<i32> {
        let requests = cluster.requests(broker, None).unwrap();
        requests.into_iter().map(|request| request.code).collect()
    };
    assert!(codes(Some(NAME_SERVER)).iter().all(|code| *code == GET_ROUTEINFO_BY_TOPIC));
    let of_broker = codes(Some("broker-a"));
    assert_eq!(of_broker.first(), Some(&HEART_BEAT));
    assert_eq!(of_broker.iter().filter(|code| **code == SEND_MESSAGE_V2).count(), 2);
    assert_eq!(codes(None).len(), codes(Some(NAME_SERVER)).len() + of_broker.len());

    let sends = cluster.requests(Some("0"), Some(SEND_MESSAGE_V2)).unwrap();
    let [sync, oneway] = &sends[..] else { panic!("{sends:?}") };
    assert_eq!((sync.broker_name.as_str(), sync.code), ("broker-a", SEND_MESSAGE_V2));
    assert_eq!((sync.oneway, oneway.oneway), (false, true));
    assert_eq!((sync.body.as_slice(), oneway.body.as_slice()), (&b"a\0b"[..], &b"oneway"[..]));
    assert_eq!((sync.field("a"), sync.field("b"), sync.field("none")), (Some("test"), Some(TOPIC), None));
    assert!(sync.field("i").unwrap().contains("TAGS\u{1}tag"), "{sync:?}");
    assert_ne!(sync.opaque, oneway.opaque);
    assert!(sync.timestamp > 1_700_000_000_000 && oneway.timestamp >= sync.timestamp);
    assert_eq!((&sync.fault, cluster.dropped_requests().unwrap()), (&None, 0));

    cluster.clear_requests().unwrap();
    assert_eq!((cluster.requests(None, None).unwrap().len(), cluster.request_count(None, None).unwrap()), (0, 0));
    producer.send(&Message::new(TOPIC, &long).with_property("k", "v"), &SendOptions::default()).unwrap();
    assert_eq!(cluster.request_count(None, Some(SEND_MESSAGE_V2)).unwrap(), 1);
    producer.close(LIMIT).unwrap();
    assert!(cluster.wait_for_requests(Some("broker-a"), Some(UNREGISTER_CLIENT), 1, LIMIT).unwrap());
}

#[test]
fn a_wait_for_requests_ends_when_they_come_or_at_its_timeout() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = trying_once(&cluster);
    assert!(!cluster.wait_for_requests(None, Some(SEND_MESSAGE_V2), 1, Duration::from_millis(20)).unwrap());
    std::thread::scope(|scope| {
        let started = Instant::now();
        let waiting = scope.spawn(|| cluster.wait_for_requests(Some("0"), Some(SEND_MESSAGE_V2), 3, LIMIT).unwrap());
        for _ in 0..3 {
            send(&producer).unwrap();
        }
        assert!(waiting.join().unwrap());
        assert!(started.elapsed() < LIMIT, "the arrival wakes, not the timeout");
    });
    assert!(!cluster.wait_for_requests(Some("0"), Some(SEND_MESSAGE_V2), 4, Duration::ZERO).unwrap());
}

#[test]
fn unknown_servers_are_refused_by_name() {
    let cluster = Cluster::open("", 2, 4).unwrap();
    let fault = |broker: &str| cluster.push_fault(&Fault::new(FaultAction::Drop).broker(broker)).unwrap_err();
    let error = fault("broker-c");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(
        error.message(),
        "`broker` is `broker-c`; there are `broker-a` to `broker-b`, their numbers 0 to 1, and `name-server`"
    );
    for error in [
        fault("2"),
        fault("-1"),
        cluster.set_in_route("x", true).unwrap_err(),
        cluster.set_in_route("", true).unwrap_err(),
        cluster.set_in_route(NAME_SERVER, false).unwrap_err(),
        cluster.set_listening("x", false).unwrap_err(),
        cluster.requests(Some("x"), None).unwrap_err(),
        cluster.request_count(Some("x"), None).unwrap_err(),
        cluster.wait_for_requests(Some("x"), None, 0, Duration::ZERO).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().starts_with("`broker` is `"), "{error}");
    }
    let (done, ended) = mpsc::channel();
    let shared = cluster.clone();
    let producer = trying_once(&cluster);
    let callback = move |_| done.send(shared.set_listening("0", false)).unwrap();
    producer.send_async(&Message::new(TOPIC, b"x"), &SendOptions::default(), callback).unwrap();
    assert_eq!(ended.recv_timeout(LIMIT).unwrap().unwrap_err().kind(), ErrorKind::WouldDeadlock);
}
