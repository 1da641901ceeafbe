//! What a handle shows, and how long its cluster lives.

use std::io::{ErrorKind as IoErrorKind, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use mqproducer::ErrorKind;
use mqproducer::mock::{Cluster, StoredMessage};
use mqproducer::protocol::remoting::command::{ONEWAY, request_code as request, response_code as response};
use mqproducer::protocol::remoting::heartbeat::Heartbeat;
use mqproducer::protocol::remoting::{Identity, SendHeader, Serializer, encode_request_as, encode_send, sys_flag};

use super::client::{Client, LIMIT, header, one, zlib};

#[test]
fn a_name_is_shared_while_a_handle_lives() {
    let first = Cluster::open("shared", 2, 4).unwrap();
    let second = Cluster::open("shared", 1, 1).unwrap();
    assert_eq!(first.url(), second.url());
    assert_eq!(first.url(), format!("rocketmq://{}", first.name_server_address()));
    assert_eq!(Client::name_server(&second).route("TBW102").broker_datas.len(), 2, "the first opener's number counts");
    assert_ne!(Cluster::open("other", 1, 1).unwrap().url(), first.url());
    assert_ne!(Cluster::open("", 1, 1).unwrap().url(), Cluster::open("", 1, 1).unwrap().url());

    Client::broker(&first, 0).send(&header("T", ""), b"x");
    drop(first);
    assert_eq!(second.message_count(None), 1);
    let clone = second.clone();
    drop(second);
    assert_eq!(clone.message_count(None), 1);
    drop(clone);
    assert_eq!(Cluster::open("shared", 1, 4).unwrap().message_count(None), 0, "a new one");
}

#[test]
fn dropping_the_last_handle_closes_everything() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let port = cluster.name_server_address().rsplit_once(':').unwrap().1.parse().unwrap();
    let mut name_server = Client::name_server(&cluster);
    let mut broker = Client::broker(&cluster, 0);
    assert_eq!(broker.send(&header("T", ""), b"x").header.code, response::SUCCESS);
    let broker_address = broker.stream.peer_addr().unwrap();

    let taken = Cluster::builder().name_server_port(port).start().unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Resource);
    assert!(taken.message().contains(&format!("127.0.0.1:{port}")), "{taken}");

    drop(cluster);
    assert!(name_server.receive().is_none() && broker.receive().is_none());
    assert_eq!(TcpStream::connect(broker_address).unwrap_err().kind(), IoErrorKind::ConnectionRefused);
    let again = Cluster::builder().name_server_port(port).start().unwrap();
    assert_eq!(again.url(), format!("rocketmq://127.0.0.1:{port}"));
}

#[test]
fn a_handle_may_be_opened_and_dropped_inside_another_event_loop() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let cluster = Cluster::open("", 1, 4).unwrap();
        assert_eq!(cluster.message_count(None), 0);
    });
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let text = |brokers, queues| {
        let error = Cluster::open("", brokers, queues).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        error.message().to_owned()
    };
    assert_eq!(text(0, 1), "`brokers` = `0` is out of range: 1 to 64");
    assert_eq!(text(65, 1), "`brokers` = `65` is out of range: 1 to 64");
    assert_eq!(text(1, 0), "`queues` = `0` is out of range: 1 to 1024");
    assert_eq!(text(1, 1025), "`queues` = `1025` is out of range: 1 to 1024");
    let cluster = Cluster::open("", 1, 1).unwrap();
    assert_eq!(cluster.create_topic("a b", 1).unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(cluster.create_topic("T", 0).unwrap_err().kind(), ErrorKind::InvalidConfig);
}

#[test]
fn the_listing_goes_by_topic_broker_queue_and_offset() {
    let cluster = Cluster::open("", 2, 2).unwrap();
    let mut clients = [Client::broker(&cluster, 0), Client::broker(&cluster, 1)];
    for (topic, broker, queue_id) in [("b", 1, 1), ("b", 0, 1), ("a", 1, 0), ("b", 0, 0), ("b", 0, 1)] {
        let answer = clients[broker].send(&SendHeader { queue_id, ..header(topic, "") }, b"x");
        assert_eq!(answer.header.code, response::SUCCESS);
    }
    let places = |topic| {
        let messages = cluster.messages(topic);
        let place = |m: &StoredMessage| format!("{} {} {} {}", m.topic, m.broker_name, m.queue_id, m.queue_offset);
        messages.iter().map(place).collect::<Vec<_>>()
    };
    let b = ["b broker-a 0 0", "b broker-a 1 0", "b broker-a 1 1", "b broker-b 1 0"];
    assert_eq!(places(None), [&["a broker-b 0 0"][..], &b].concat());
    assert_eq!(places(Some("b")), b);
    assert_eq!(places(Some("none")), [""; 0]);
    assert_eq!((cluster.message_count(None), cluster.message_count(Some("b"))), (5, 4));

    cluster.clear();
    assert_eq!((cluster.message_count(None), cluster.message_count(Some("b")), cluster.messages(None)), (0, 0, vec![]));
    let answer = clients[0].send(&SendHeader { queue_id: 1, ..header("b", "") }, b"x");
    assert_eq!(answer.field("queueOffset"), "2", "offsets go on");
    assert_eq!(places(None), ["b broker-a 1 2"]);
}

#[test]
fn groups_come_with_heartbeats_and_go_when_taken_off() {
    let cluster = Cluster::open("", 2, 4).unwrap();
    let mut client = Client::broker(&cluster, 1);
    let beat = |heartbeat: &Heartbeat, client: &mut Client| {
        let mut body = BytesMut::new();
        heartbeat.encode(&mut body);
        let answer = client.call(request::HEART_BEAT, &[], &body);
        assert_eq!(answer.header.code, response::SUCCESS);
        assert_eq!(answer.field("IS_SUPPORT_HEART_BEAT_V2"), "true");
        answer.field("IS_SUB_CHANGE").to_owned()
    };
    assert_eq!(beat(&Heartbeat::v1("10.0.0.1@x", &["G2", "G1"]), &mut client), "true");
    assert_eq!(beat(&Heartbeat::v2("10.0.0.1@x", &["G2", "G1"], false), &mut client), "false");
    let groups = |cluster: &Cluster| -> Vec<_> {
        let groups = cluster.producer_groups();
        groups.into_iter().map(|group| [group.broker_name, group.group, group.client_id].join(" ")).collect()
    };
    assert_eq!(groups(&cluster), ["broker-b G1 10.0.0.1@x", "broker-b G2 10.0.0.1@x"]);

    let fields = [("clientID", "10.0.0.1@x"), ("producerGroup", "G1")];
    assert_eq!(client.call(request::UNREGISTER_CLIENT, &fields, b"").header.code, response::SUCCESS);
    assert_eq!(groups(&cluster), ["broker-b G2 10.0.0.1@x"]);

    let answer = client.call(request::HEART_BEAT, &[], b"not json");
    assert_eq!(answer.header.code, response::SYSTEM_ERROR);
}

#[test]
fn zlib_bodies_are_inflated_and_broken_ones_left() {
    let text = b"compress compress compress".repeat(40);
    let packed = zlib(&text);
    let compressed = |kind| sys_flag::with_compression(0, kind);
    let cases: [(i32, &[u8], &[u8], i32); 5] = [
        (compressed(sys_flag::Compression::Zlib), &packed, &text, 0x300),
        // An old client tells no kind.
        (sys_flag::COMPRESSED, &packed, &text, 0),
        (compressed(sys_flag::Compression::Lz4), b"not of LZ4", b"not of LZ4", 0x101),
        (compressed(sys_flag::Compression::Zstd), b"not of zstd", b"not of zstd", 0x201),
        (compressed(sys_flag::Compression::Zlib), &packed[..9], &packed[..9], 0x301),
    ];
    for (sys_flag, sent, shown, shown_flag) in cases {
        let cluster = Cluster::open("", 1, 4).unwrap();
        let answer = Client::broker(&cluster, 0).send(&SendHeader { sys_flag, ..header("T", "") }, sent);
        assert_eq!(answer.header.code, response::SUCCESS);
        let message = one(&cluster, "T");
        assert!(message.body == shown, "{} bytes", message.body.len());
        assert_eq!(message.sys_flag, shown_flag);
    }
}

#[test]
fn a_wait_ends_at_its_timeout() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let start = Instant::now();
    assert!(!cluster.wait_for_messages(None, 1, Duration::from_millis(50)));
    assert!(start.elapsed() >= Duration::from_millis(50) && start.elapsed() < LIMIT);
}
#[test]
fn one_way_sends_get_no_answer_and_can_be_waited_for() {
    let cluster = Cluster::open("", 1, 8).unwrap();
    let mut client = Client::broker(&cluster, 0);
    let mut frames = BytesMut::new();
    for opaque in 100..103 {
        let code = request::SEND_MESSAGE_V2;
        encode_send(&mut frames, code, Serializer::Json, opaque, true, &header("T", ""), &[], b"x");
    }
    // An answer to these would be taken for the next call's, and its opaque would not fit.
    encode_request_as(&mut frames, Identity::OURS, 9999, Serializer::Json, 103, ONEWAY, &[], b"");
    assert!(!cluster.wait_for_messages(None, 1, Duration::ZERO));
    let start = Instant::now();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| cluster.wait_for_messages(Some("T"), 3, LIMIT));
        client.stream.write_all(&frames).unwrap();
        assert!(waiting.join().unwrap());
    });
    assert!(start.elapsed() < LIMIT, "the arrival wakes, not the timeout");
    assert_eq!(client.call(9999, &[], b"").header.code, response::REQUEST_CODE_NOT_SUPPORTED);
    assert!(cluster.wait_for_messages(None, 3, Duration::ZERO));
    assert!(!cluster.wait_for_messages(None, 4, Duration::from_millis(20)));
    assert!(!cluster.wait_for_messages(Some("other"), 1, Duration::ZERO));
}
