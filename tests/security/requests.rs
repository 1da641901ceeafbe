//! What requests carry: signatures, namespaces, units; and where routes lead.

use crate::server::{Cluster, Plan, Request, Server, route_to};
use crate::{LONG, eventually, logs, producer, refused};
use mqproducer::protocol::remoting::acl::{SIGNATURE, signature};
use mqproducer::protocol::remoting::command::request_code::{
    GET_ROUTEINFO_BY_TOPIC, HEART_BEAT, SEND_MESSAGE_V2, UNREGISTER_CLIENT,
};
use mqproducer::protocol::remoting::heartbeat::Heartbeat;
use mqproducer::{ErrorKind, Message, Producer, SendOptions};
use std::sync::mpsc;

const KEYS: [(&str, &str); 3] =
    [("access_key", "AK-secret-1"), ("secret_key", "SK-secret-2"), ("security_token", "ST-secret-3")];

/// One send of each mode, and the farewell.
fn send_each_way(producer: &Producer, topic: &str) {
    let message = Message::new(topic, b"body\0with NUL").with_keys("k1 k2").with_property("name", "välue");
    producer.send(&message, &SendOptions::default()).unwrap();
    let (done, ended) = mpsc::channel();
    producer.send_async(&message, &SendOptions::default(), move |outcome| done.send(outcome).unwrap()).unwrap();
    ended.recv_timeout(LONG).unwrap().unwrap();
    producer.send_oneway(&message, &SendOptions::default()).unwrap();
    producer.flush(LONG).unwrap();
    producer.close(LONG).unwrap();
}

/// Every request of a producer's life, one of each kind at least.
fn a_life(server: &Cluster) -> Vec<Request> {
    eventually("the one-way message", || server.seen(SEND_MESSAGE_V2).len() == 3);
    for code in [GET_ROUTEINFO_BY_TOPIC, HEART_BEAT, UNREGISTER_CLIENT] {
        assert!(!server.seen(code).is_empty(), "no request of code {code}");
    }
    server.all()
}

/// Rows: HK-08.
#[test]
fn every_request_is_signed_over_what_arrives() {
    for serializer in ["JSON", "ROCKETMQ"] {
        let server = Cluster::start(Plan::default());
        let producer = producer(&server.url(), &[&KEYS[..], &[("serialize_type", serializer)]].concat());
        send_each_way(&producer, "T");
        for Request { header, body } in a_life(&server) {
            let arrived: Vec<(&str, &str)> = header.ext.iter().map(|(name, value)| (&**name, &**value)).collect();
            assert_eq!(header.get(SIGNATURE), Some(&*signature("SK-secret-2", &arrived, &body)), "{header:?}");
            assert_eq!(header.get("AccessKey"), Some("AK-secret-1"));
            assert_eq!(header.get("SecurityToken"), Some("ST-secret-3"));
            assert!(!header.ext.iter().any(|(_, value)| value.contains("SK-secret")), "{header:?}");
        }
    }
}

/// Rows: HK-08 RM-02.
#[test]
fn keys_show_neither_in_logs_nor_errors_nor_debug_output() {
    logs::capture();
    let refuse = |_: &Request| (16, "User:nobody is not found.".to_owned(), vec![]);
    let server = Cluster::start(Plan { respond: Box::new(refuse), ..Plan::default() });
    let config = crate::config(&server.url(), &KEYS);
    let producer = Producer::new(&config).unwrap();
    producer.start().unwrap();
    let error = producer.send(&Message::new("T", b"x"), &SendOptions::default()).unwrap_err();
    assert_eq!((error.kind(), error.broker_code()), (ErrorKind::Broker, Some(16)));
    assert_eq!(error.remark(), Some("User:nobody is not found."));
    assert_eq!(server.seen(SEND_MESSAGE_V2).len(), 1, "a refused permission is not tried again");
    eventually("the refused heartbeat", || logs::text().contains("a broker refused the heartbeat"));
    let shown = format!("{config:?} {producer:?} {producer:#?} {error:?} {error} {}", logs::text());
    assert!(!shown.contains("-secret-"), "{shown}");
    let alone = refused(&server.url(), &KEYS[1..2]);
    assert!(alone.message().contains("`secret_key`") && !alone.message().contains("-secret-"), "{alone}");
}

/// Rows: NS-01 NS-03 SK-09 LC-14.
#[test]
fn a_namespace_prefixes_names_on_the_wire_and_nowhere_else() {
    let server = Cluster::start(Plan::default());
    let producer = producer(&server.url(), &[("namespace", "NS"), ("topics", "Early")]);
    for (topic, wire) in [("T", "NS%T"), ("NS%T", "NS%T"), ("%RETRY%G", "%RETRY%NS%G")] {
        let receipt = producer.send(&Message::new(topic, b"x"), &SendOptions::default()).unwrap();
        assert_eq!(receipt.topic, if topic == "NS%T" { "T" } else { topic });
        let sent = server.seen(SEND_MESSAGE_V2).pop().unwrap().header;
        assert_eq!((sent.get("a"), sent.get("b"), sent.get("c")), (Some("NS%test"), Some(wire), Some("TBW102")));
        assert!(sent.get("i").unwrap().contains("INSTANCE_ID\u{1}NS\u{2}"), "{sent:?}");
    }
    let oneway = producer.send_oneway(&Message::new("T", b"x"), &SendOptions::default()).unwrap();
    assert_eq!(oneway.topic, "T");
    let asked: Vec<String> =
        server.seen(GET_ROUTEINFO_BY_TOPIC).iter().map(|r| r.header.get("topic").unwrap().to_owned()).collect();
    assert_eq!(asked, ["NS%Early", "NS%T", "%RETRY%NS%G"]);
    let heartbeat = Heartbeat::decode(&server.seen(HEART_BEAT)[0].body).unwrap();
    assert_eq!(heartbeat.producer_groups, ["NS%test"]);
    let long = "t".repeat(126);
    let error = producer.send(&Message::new(&long, b"x"), &SendOptions::default()).unwrap_err();
    assert!(error.message().contains("129 bytes long; the limit is 127"), "{error}");
    producer.close(LONG).unwrap();
    assert_eq!(server.seen(UNREGISTER_CLIENT)[0].header.get("producerGroup"), Some("NS%test"));
    assert!(refused(&server.url(), &[("namespace", &"n".repeat(120))]).message().contains("limit is 120"));
}

/// Rows: NS-02.
#[test]
fn a_namespace_of_version_two_is_a_field_of_every_request() {
    let server = Cluster::start(Plan::default());
    send_each_way(&producer(&server.url(), &[("namespace_v2", "space")]), "T");
    for Request { header, .. } in a_life(&server) {
        assert_eq!((header.get("nsd"), header.get("ns")), (Some("true"), Some("space")), "{header:?}");
        assert!(header.get("b").is_none_or(|topic| topic == "T"), "{header:?}");
    }
}

#[test]
fn without_these_keys_requests_carry_nothing_more() {
    let server = Cluster::start(Plan::default());
    send_each_way(&producer(&server.url(), &[]), "T");
    for Request { header, .. } in a_life(&server) {
        for name in ["ns", "nsd", "AccessKey", "Signature", "SecurityToken"] {
            assert_eq!(header.get(name), None, "{header:?}");
        }
        assert!(header.get("k").is_none_or(|unit| unit == "false"));
        assert!(header.get("i").is_none_or(|properties| !properties.contains("INSTANCE_ID")));
    }
}

/// Rows: NS-04 LC-06.
#[test]
fn a_unit_shows_in_the_client_id_and_the_header() {
    let server = Cluster::start(Plan::default());
    let settings =
        [("unit_name", "unit-1"), ("unit_mode", "true"), ("client_ip", "10.0.0.1"), ("instance_name", "here")];
    send_each_way(&producer(&server.url(), &settings), "T");
    a_life(&server);
    assert!(server.seen(SEND_MESSAGE_V2).iter().all(|request| request.header.get("k") == Some("true")));
    let heartbeat = Heartbeat::decode(&server.seen(HEART_BEAT)[0].body).unwrap();
    assert_eq!(heartbeat.client_id, "10.0.0.1@here@unit-1");
    assert_eq!(server.seen(UNREGISTER_CLIENT)[0].header.get("clientID"), Some("10.0.0.1@here@unit-1"));
}

/// Rows: NS-05 CF-18.
#[test]
fn the_vip_channel_is_two_ports_below_the_one_in_the_route() {
    let broker = Server::start(Plan::default());
    let names = Server::start(Plan { route: route_to(broker.port + 2), ..Plan::default() });
    send_each_way(&producer(&names.url(), &[("vip_channel_enabled", "true")]), "T");
    eventually("the one-way message", || broker.seen(SEND_MESSAGE_V2).len() == 3);
    assert!(!broker.seen(HEART_BEAT).is_empty() && !broker.seen(UNREGISTER_CLIENT).is_empty());
}

/// Rows: NS-06 RT-10.
#[test]
fn a_logical_queue_is_sent_to_the_broker_that_has_it_now() {
    let a = Server::start(Plan::default());
    let b = Server::start(Plan::default());
    let route = format!(
        r#"{{"brokerDatas":[{{"brokerAddrs":{{"0":"127.0.0.1:{}"}},"brokerName":"broker-a","cluster":"c"}},
            {{"brokerAddrs":{{"0":"127.0.0.1:{}"}},"brokerName":"broker-b","cluster":"c"}}],
            "queueDatas":[{{"brokerName":"broker-a","perm":6,"readQueueNums":2,"writeQueueNums":2,"topicSysFlag":0}}],
            "topicQueueMappingByBroker":{{
            "broker-a":{{"bname":"broker-a","currIdMap":{{"0":0,"1":1}},"epoch":1,"scope":"__global__","topic":"T","totalQueues":3}},
            "broker-b":{{"bname":"broker-b","currIdMap":{{"1":0,"2":1}},"epoch":2,"scope":"__global__","topic":"T","totalQueues":3}}}}}}"#,
        a.port, b.port
    );
    let names = Server::start(Plan { route, ..Plan::default() });
    let producer = producer(&names.url(), &[]);
    for _ in 0..6 {
        producer.send(&Message::new("T", b"x"), &SendOptions::default()).unwrap();
    }
    let queues = |server: &Server| -> Vec<(String, String)> {
        let headers = server.seen(SEND_MESSAGE_V2).into_iter().map(|request| request.header);
        let mut found: Vec<_> =
            headers.map(|h| (h.get("n").unwrap().to_owned(), h.get("e").unwrap().to_owned())).collect();
        found.sort();
        found.dedup();
        found
    };
    assert_eq!(queues(&a), [("broker-a".into(), "0".into())]);
    assert_eq!(queues(&b), [("broker-b".into(), "1".into()), ("broker-b".into(), "2".into())]);
}

/// Rows: NS-06.
#[test]
fn a_broker_that_no_longer_has_the_queue_has_the_route_fetched_anew() {
    let refuse = |_: &Request| (501, "not leader".to_owned(), vec![]);
    let cluster = Cluster::start(Plan { respond: Box::new(refuse), ..Plan::default() });
    let producer = producer(&cluster.url(), &[]);
    eventually("a second look at the route", || {
        let error = producer.send(&Message::new("T", b"x"), &SendOptions::default()).unwrap_err();
        assert_eq!(error.broker_code(), Some(501));
        cluster.seen(GET_ROUTEINFO_BY_TOPIC).len() > 1
    });
}
