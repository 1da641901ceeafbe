//! The replier's side: two producers and the embedded cluster between them.

use crate::{LONG, cluster, options, producer, property, request, waiting};
use mqproducer::mock::Cluster;
use mqproducer::protocol::remoting::command::request_code::{
    PUSH_REPLY_MESSAGE_TO_CLIENT, SEND_REPLY_MESSAGE, SEND_REPLY_MESSAGE_V2,
};
use mqproducer::{Delay, ErrorKind, Message, Producer, ReceivedMessage, ReplyTo, Result};
use std::sync::mpsc;

const REPLY_TOPIC: &str = "DefaultCluster_REPLY_TOPIC";

/// Asks, and tells where the reply goes, as whoever consumed the request knows it.
pub fn ask(cluster: &Cluster, producer: &Producer, topic: &str) -> (mpsc::Receiver<Result<ReceivedMessage>>, ReplyTo) {
    let (done, ended) = mpsc::channel();
    let told = move |replied| done.send(replied).unwrap();
    let count = cluster.message_count(None);
    let key = count.to_string();
    let message = Message { topic, ..request() }.with_keys(&key);
    producer.request_async(&message, &options(), LONG, told).unwrap();
    assert!(cluster.wait_for_messages(None, count + 1, LONG));
    let asked = cluster.messages(None).into_iter().find(|message| message.keys.as_ref() == Some(&key)).unwrap();
    let pairs = asked.properties.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    (ended, ReplyTo::from_properties(pairs).unwrap())
}

/// Rows: RR-04.
#[test]
fn a_reply_goes_to_the_cluster_s_reply_topic_and_from_there_to_the_client_that_asked() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let (asker, replier) = (producer(&cluster.url(), &[]), producer(&cluster.url(), &[]));
    let (ended, to) = ask(&cluster, &asker, "Asked");
    assert_eq!((&*to.cluster, to.ttl), ("DefaultCluster", Some(LONG)));
    // Compressed on its way.
    let body = b"all work and no play ".repeat(1000);
    let message = Message::new("", &body).with_tags("answer").with_property("mine", "1");
    let receipt = replier.reply(&to, &message, &options()).unwrap();
    let reply = ended.recv_timeout(LONG).unwrap().unwrap();
    assert_eq!(reply.body, body);
    assert_eq!((&*reply.topic, reply.tags(), reply.property("mine")), (REPLY_TOPIC, "answer", Some("1")));
    assert_eq!((&*reply.message_id, reply.queue_offset), (&*receipt.message_id, -1));
    assert!(reply.property("PUSH_REPLY_TIME").is_some() && !reply.store_host.is_empty());

    let stored = &cluster.messages(Some(REPLY_TOPIC))[0];
    assert_eq!((&stored.body, stored.queue_id, stored.queue_offset), (&body, 0, receipt.queue_offset));
    assert_eq!(property(stored, "MSG_TYPE"), "reply");
    assert_eq!(property(stored, "CORRELATION_ID"), to.correlation_id);
    assert_eq!(property(stored, "REPLY_TO_CLIENT"), to.reply_to_client);
    assert_eq!(property(stored, "TTL"), LONG.as_millis().to_string());
    let sent = cluster.requests(None, Some(SEND_REPLY_MESSAGE_V2)).unwrap();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].body.len() < body.len() / 2, "{} bytes on the wire", sent[0].body.len());
    assert_eq!(cluster.request_count(None, Some(SEND_REPLY_MESSAGE)).unwrap(), 0);
    assert_eq!(cluster.request_count(None, Some(PUSH_REPLY_MESSAGE_TO_CLIENT)).unwrap(), 0, "a broker's request");
    assert_eq!(waiting(&asker), 0);
}

/// Rows: RR-04.
#[test]
fn a_second_reply_and_one_to_a_client_that_waits_no_more_are_accepted_and_change_nothing() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let (asker, replier) = (producer(&cluster.url(), &[]), producer(&cluster.url(), &[]));
    let (ended, to) = ask(&cluster, &asker, "Asked");
    for body in [b"first", b"again"] {
        replier.reply(&to, &Message::new("", body), &options()).unwrap();
    }
    let (done, receipts) = mpsc::channel();
    let told = move |outcome| done.send(outcome).unwrap();
    replier.reply_async(&to, &Message::new("", b"async"), &options(), told).unwrap();
    receipts.recv_timeout(LONG).unwrap().unwrap();
    assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap().body, b"first");
    assert!(ended.recv_timeout(LONG).is_err(), "told once");
    assert_eq!(cluster.message_count(Some(REPLY_TOPIC)), 3);
    // The connection is as good as before.
    let (ended, to) = ask(&cluster, &asker, "Asked");
    replier.reply(&to, &Message::new("", b"pong"), &options()).unwrap();
    assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap().body, b"pong");
}

#[test]
fn a_namespace_is_the_asker_s_alone_and_the_reply_topic_is_in_none() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let space = [("namespace", "NS")];
    let (asker, replier) = (producer(&cluster.url(), &space), producer(&cluster.url(), &space));
    let (ended, to) = ask(&cluster, &asker, "Asked");
    assert_eq!(cluster.message_count(Some("NS%Asked")), 1);
    let receipt = replier.reply(&to, &Message::new("", b"pong"), &options()).unwrap();
    assert_eq!(receipt.topic, REPLY_TOPIC);
    assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap().topic, REPLY_TOPIC);
    assert_eq!(cluster.message_count(Some(REPLY_TOPIC)), 1);
    // A topic inside of the namespace comes back as its user knows it.
    let (ended, to) = ask(&cluster, &asker, "Asked");
    let inside = ReplyTo { cluster: "NS%Own".to_owned(), ..to };
    replier.reply(&inside, &Message::new("", b"pong"), &options()).unwrap();
    assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap().topic, "Own_REPLY_TOPIC");
}

/// Rows: RR-04.
#[test]
fn a_broker_that_does_not_know_the_client_refuses_and_says_so() {
    let cluster = cluster();
    let replier = producer(&cluster.url(), &[("send_latency_enable", "true")]);
    let to = ReplyTo {
        correlation_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        reply_to_client: "nobody@1".to_owned(),
        ttl: None,
        cluster: "DefaultCluster".to_owned(),
    };
    let error = replier.reply(&to, &Message::new("", b"pong"), &options()).unwrap_err();
    assert_eq!((error.kind(), error.broker_code()), (ErrorKind::Broker, Some(1)));
    assert_eq!(error.remark(), Some("push reply message fail, channel of <nobody@1> not found."));
    // Each broker was asked, as one may know what another does not; and none is blamed for it.
    let asked = cluster.requests(None, Some(SEND_REPLY_MESSAGE_V2)).unwrap();
    assert!(["broker-a", "broker-b"].iter().all(|name| asked.iter().any(|request| request.broker_name == *name)));
    let healthy = |state: &mqproducer::BrokerState| state.health == mqproducer::BrokerHealth::Healthy;
    assert!(replier.brokers().unwrap().iter().all(healthy), "{:?}", replier.brokers());
    let stored = cluster.messages(Some(REPLY_TOPIC));
    assert!(stored.iter().all(|message| message.properties.iter().all(|(name, _)| name != "TTL")), "{stored:?}");

    let (done, ended) = mpsc::channel();
    let told = move |outcome: Result<_>| done.send(outcome.map(drop)).unwrap();
    replier.reply_async(&to, &Message::new("", b"pong"), &options(), told).unwrap();
    assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap_err().broker_code(), Some(1));
}

#[test]
fn what_does_not_go_with_a_reply_is_refused_by_name() {
    let cluster = cluster();
    let replier = producer(&cluster.url(), &[]);
    let good = ReplyTo {
        correlation_id: "1".to_owned(),
        reply_to_client: "c".to_owned(),
        ttl: None,
        cluster: "DefaultCluster".to_owned(),
    };
    let refused = |to: &ReplyTo, message: &Message<'_>, kind: ErrorKind, part: &str| {
        let error = replier.reply(to, message, &options()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(part), "{part}: {error}");
    };
    let pong = Message::new("", b"pong");
    let invalid = ErrorKind::InvalidArgument;
    refused(&ReplyTo { correlation_id: String::new(), ..good.clone() }, &pong, invalid, "`correlation_id`");
    refused(&ReplyTo { reply_to_client: String::new(), ..good.clone() }, &pong, invalid, "`reply_to_client`");
    refused(&ReplyTo { cluster: String::new(), ..good.clone() }, &pong, invalid, "`cluster`");
    refused(
        &ReplyTo { cluster: "a b".to_owned(), ..good.clone() },
        &pong,
        ErrorKind::InvalidMessage,
        "a b_REPLY_TOPIC",
    );
    for name in ["MSG_TYPE", "CORRELATION_ID", "REPLY_TO_CLIENT", "TTL", "DELAY"] {
        let message = pong.clone().with_property(name, "1");
        refused(&good, &message, ErrorKind::InvalidMessage, &format!("`{name}`"));
    }
    refused(&good, &pong.clone().with_delay(Delay::Level(3)), ErrorKind::InvalidMessage, "`delay` is Level(3)");
    refused(&good, &Message::new("", b""), ErrorKind::InvalidMessage, "`body` is empty");
    assert_eq!(cluster.message_count(None), 0);
}
