//! The embedded cluster as an ActiveMQ broker.
#![cfg(feature = "mock")]

use std::time::{Duration, Instant};

use mqproducer::mock::{Cluster, Fault, FaultAction};
use mqproducer::protocol::openwire::*;

#[path = "openwire_mock/client.rs"]
mod client;

use client::{Client, text_of};

const LIMIT: Duration = Duration::from_secs(60);

fn cluster() -> Cluster {
    Cluster::open("", 1, 4).unwrap()
}

fn bodies(cluster: &Cluster, topic: &str) -> Vec<String> {
    cluster.messages(Some(topic)).into_iter().map(|m| String::from_utf8(m.body).unwrap()).collect()
}

#[test]
fn messages_are_stored_with_all_that_came_and_listed_with_those_of_others() {
    let cluster = cluster();
    assert_eq!(cluster.openwire_url().unwrap(), format!("activemq://{}", cluster.openwire_addresses().unwrap()[0]));
    let mut client = Client::ready(&cluster, "ID:all", 0);
    let mut message = client.message(Destination::queue("Q"), "héllo");
    message.correlation_id = Some("c-1".to_owned());
    message.group_id = Some("g".to_owned());
    message.reply_to = Some(Destination::topic("R"));
    message.set_properties(&[("colour", Value::from("red")), ("n", Value::Int(7))]).unwrap();
    assert_eq!(client.ask(&message), None);
    let [stored] = &cluster.messages(Some("Q"))[..] else { panic!("not one message") };
    assert_eq!((stored.body.as_slice(), stored.broker_name.as_str()), ("héllo".as_bytes(), "openwire-a"));
    assert_eq!(stored.message_id, "ID:all:1:1:1");
    for (name, value) in [
        ("JMSDestination", "queue://Q"),
        ("JMSDeliveryMode", "PERSISTENT"),
        ("JMSPriority", "4"),
        ("JMSXMimeType", "jms/text-message"),
        ("JMSCorrelationID", "c-1"),
        ("JMSReplyTo", "topic://R"),
        ("JMSXGroupID", "g"),
        ("colour", "red"),
        ("n", "7"),
    ] {
        assert_eq!(stored.property(name), Some(value), "{name}");
    }
    let typed = cluster.openwire_messages(None).unwrap();
    assert_eq!(typed[0].properties().unwrap(), message.properties().unwrap());
    assert_eq!((cluster.message_count(None), cluster.message_count(Some("R"))), (1, 0));
    cluster.clear();
    assert_eq!(cluster.message_count(None), 0);
}

#[test]
fn a_second_message_with_one_id_is_answered_and_dropped() {
    let cluster = cluster();
    let mut client = Client::ready(&cluster, "ID:twice", 0);
    let message = client.message(Destination::queue("Q"), "once");
    assert_eq!((client.ask(&message), client.ask(&message)), (None, None));
    assert_eq!(bodies(&cluster, "Q"), ["once"]);
}

#[test]
fn windows_get_back_what_messages_count_and_only_without_an_answer() {
    let cluster = cluster();
    let mut client = Client::ready(&cluster, "ID:window", 5000);
    let message = client.message(Destination::queue("Q"), "text");
    client.send(&message);
    let Command::ProducerAck(ack) = client.read().command else { panic!("no ProducerAck") };
    assert_eq!((ack.producer_id, ack.size), (Some(client.producer()), 1024 + 8));
    let message = client.message(Destination::queue("Q"), "answered");
    assert_eq!(client.ask(&message), None);
    // Nothing came between: this answer is next.
    let mut keep_alive = Vec::new();
    client.send(&KeepAliveInfo {});
    assert_eq!(client.ask(&SessionInfo { session_id: client.session() }), None);
    keep_alive.push(cluster.request_count(Some("openwire-a"), Some(10)).unwrap());
    assert_eq!((bodies(&cluster, "Q"), keep_alive), (vec!["text".to_owned(), "answered".to_owned()], vec![1]));
}

#[test]
fn transactions_store_at_their_commit_and_forget_at_their_rollback() {
    let cluster = cluster();
    let mut client = Client::ready(&cluster, "ID:tx", 0);
    let mut in_transaction = |value, text: &str| {
        client.end(value, TransactionInfo::BEGIN);
        let mut message = client.message(Destination::queue("Q"), text);
        message.transaction_id = Some(client.transaction(value));
        client.send(&message);
        // An answer shows that what was before has arrived.
        assert_eq!(client.ask(&SessionInfo { session_id: client.session() }), None);
        assert!(!bodies(&cluster, "Q").contains(&text.to_owned()));
    };
    in_transaction(1, "one");
    in_transaction(2, "two");
    assert_eq!(client.end(1, TransactionInfo::COMMIT_ONE_PHASE), None);
    assert_eq!(client.end(2, TransactionInfo::ROLLBACK), None);
    assert_eq!(bodies(&cluster, "Q"), ["one"]);
    let unknown = client.end(1, TransactionInfo::COMMIT_ONE_PHASE).unwrap();
    assert!(unknown.to_string().contains("Transaction 'TX:ID:tx:1' has not been started."), "{unknown}");

    client.end(3, TransactionInfo::BEGIN);
    let mut message = client.message(Destination::temp_queue("gone"), "x");
    message.transaction_id = Some(client.transaction(3));
    client.send(&message);
    let failed = client.end(3, TransactionInfo::COMMIT_ONE_PHASE).unwrap();
    assert_eq!(failed.simple_name(), "TransactionRolledBackException");
}

#[test]
fn what_is_not_registered_is_refused_by_name() {
    let cluster = cluster();
    let mut client = Client::ready(&cluster, "ID:names", 0);
    let mut stranger = client.message(Destination::queue("Q"), "x");
    stranger.producer_id = Some(ProducerId { value: 9, ..client.producer() });
    let mut refused = |command: Command| client.ask(&command).map(|error| error.simple_name().to_owned());
    assert_eq!(refused(stranger.into()).as_deref(), Some("JMSException"));
    let session = SessionId { connection_id: "other".to_owned(), value: 1 };
    let producer_id = ProducerId { connection_id: session.connection_id, value: 1, session_id: 1 };
    let producer = ProducerInfo { producer_id, ..ProducerInfo::default() };
    assert_eq!(refused(producer.into()).as_deref(), Some("IllegalStateException"));
    let message = client.message(Destination::temp_queue("ID:nobody:1"), "x");
    let gone = client.ask(&message).unwrap();
    assert_eq!(gone.to_string(), "org.apache.activemq.DestinationDoesNotExistException: temp-queue://ID:nobody:1");
    let address = &cluster.openwire_addresses().unwrap()[0];
    let mut second = Client::negotiated(address, "ID:names");
    let info = second.connection_info();
    assert_eq!(second.ask(&info).unwrap().simple_name(), "InvalidClientIDException");
    assert_eq!(cluster.message_count(None), 0);
}

#[test]
fn consumers_share_queues_each_gets_topics_and_what_is_not_acknowledged_comes_again() {
    let cluster = cluster();
    let mut sender = Client::ready(&cluster, "ID:sender", 0);
    let mut first = Client::ready(&cluster, "ID:first", 0);
    let mut second = Client::ready(&cluster, "ID:second", 0);
    for client in [&mut first, &mut second] {
        client.consume(1, Destination::queue("Q.*"), 1);
        client.consume(2, Destination::topic("T.>"), 10);
    }
    for text in ["1", "2", "3"] {
        let message = sender.message(Destination::queue("Q.a"), text);
        assert_eq!(sender.ask(&message), None);
    }
    let topic = sender.message(Destination::topic("T.b.c"), "all");
    assert_eq!(sender.ask(&topic), None);
    let (of_first, of_second) = (first.dispatched(), second.dispatched());
    assert_eq!((text_of(&of_first), text_of(&of_second)), ("1".to_owned(), "2".to_owned()));
    assert_eq!((text_of(&first.dispatched()), text_of(&second.dispatched())), ("all".to_owned(), "all".to_owned()));
    second.acknowledge(&of_second, MessageAck::STANDARD);
    assert_eq!(text_of(&second.dispatched()), "3");
    // The first goes without an acknowledgement.
    drop(first);
    let third = second.message(Destination::queue("other"), "x");
    assert_eq!(second.ask(&third), None);
    drop(second);
    let mut heir = Client::ready(&cluster, "ID:heir", 0);
    heir.consume(1, Destination::queue("Q.a"), 10);
    let mut again = [heir.dispatched(), heir.dispatched()].map(|one| (text_of(&one), one.redelivery_counter));
    again.sort();
    assert_eq!(again, [("1".to_owned(), 1), ("3".to_owned(), 1)]);
}

#[test]
fn pulls_browsers_and_poison() {
    let cluster = cluster();
    let mut client = Client::ready(&cluster, "ID:pull", 0);
    for text in ["1", "2"] {
        let message = client.message(Destination::queue("Q"), text);
        assert_eq!(client.ask(&message), None);
    }
    let id = client.consume(1, Destination::queue("Q"), 0);
    let pull = MessagePull { consumer_id: Some(id), timeout: -1, ..MessagePull::default() };
    client.send(&pull);
    let one = client.dispatched();
    assert_eq!(text_of(&one), "1");
    client.acknowledge(&one, MessageAck::POISON);
    client.send(&pull);
    assert_eq!(text_of(&client.dispatched()), "2");
    client.send(&pull);
    assert_eq!(client.dispatched().message, None);
    let consumer_id = ConsumerId { connection_id: client.id.clone(), session_id: 1, value: 2 };
    let destination = Some(Destination::queue("ActiveMQ.DLQ"));
    client.send(&ConsumerInfo { consumer_id, destination, browser: true, prefetch_size: 9, ..ConsumerInfo::default() });
    assert_eq!(text_of(&client.dispatched()), "1");
    assert_eq!(client.dispatched().message, None);
}

#[test]
fn a_responder_answers_over_a_temporary_queue_of_which_others_hear() {
    let cluster = cluster();
    cluster.set_responder("ask", |request| Some([b"re: ", &request.body[..]].concat())).unwrap();
    let mut listener = Client::ready(&cluster, "ID:listener", 0);
    listener.consume(1, Destination::topic("ActiveMQ.Advisory.TempQueue,ActiveMQ.Advisory.TempTopic"), 100);
    let mut client = Client::ready(&cluster, "ID:asker", 0);
    let own = Destination::temp_queue("ID:asker:1");
    let info = |operation| DestinationInfo { destination: Some(own.clone()), operation, ..DestinationInfo::default() };
    assert_eq!(client.ask(&info(DestinationInfo::ADD)), None);
    let heard = |listener: &mut Client| {
        let advisory = listener.dispatched().message.unwrap().command;
        let Some(Structure::Command(told)) = advisory.data_structure else { panic!("no structure") };
        let Command::DestinationInfo(told) = told.command else { panic!("{told:?}") };
        (told.destination.unwrap(), told.operation)
    };
    assert_eq!(heard(&mut listener), (own.clone(), DestinationInfo::ADD));
    client.consume(1, own.clone(), 10);
    let mut request = client.message(Destination::queue("ask"), "question");
    request.reply_to = Some(own.clone());
    client.send(&request);
    let reply = client.dispatched().message.unwrap().command;
    assert_eq!(reply.bytes(100).unwrap().unwrap(), &b"re: question"[..]);
    assert_eq!(reply.correlation_id.as_deref(), Some("ID:asker:1:1:1"));
    assert!(client.ask(&info(DestinationInfo::REMOVE)).unwrap().to_string().contains("active subscription"));
    drop(client);
    assert_eq!(heard(&mut listener), (own, DestinationInfo::REMOVE));
}

#[test]
fn scheduled_messages_wait_and_expired_ones_reach_nobody() {
    let cluster = cluster();
    let mut client = Client::ready(&cluster, "ID:late", 0);
    let mut late = client.message(Destination::queue("Q"), "late");
    late.set_properties(&[("AMQ_SCHEDULED_DELAY", Value::Long(300))]).unwrap();
    assert_eq!(client.ask(&late), None);
    assert_eq!(cluster.delayed_message_count() + cluster.message_count(Some("Q")), 1);
    let mut expired = client.message(Destination::queue("Q"), "expired");
    expired.expiration = 1;
    assert_eq!(client.ask(&expired), None);
    client.consume(1, Destination::queue("Q"), 10);
    assert_eq!(text_of(&client.dispatched()), "late");
    assert!(cluster.wait_for_messages(Some("Q"), 2, LIMIT));
    assert_eq!(cluster.delayed_message_count(), 0);
}

#[test]
fn faults_hit_commands_by_their_type() {
    let cluster = cluster();
    let mut client = Client::ready(&cluster, "ID:faults", 0);
    let text = i32::from(MessageKind::Text as u8);
    let full = FaultAction::Answer { code: 0, remark: "javax.jms.ResourceAllocationException: full".to_owned() };
    cluster.push_fault(&Fault::new(full).broker("openwire-a").code(text)).unwrap();
    let tried = |client: &mut Client, body: &str| {
        let message = client.message(Destination::queue("Q"), body);
        client.ask(&message).map(|error| error.to_string())
    };
    assert_eq!(tried(&mut client, "1").as_deref(), Some("javax.jms.ResourceAllocationException: full"));
    assert_eq!(tried(&mut client, "2"), None);
    let changed = FaultAction::ChangeAnswer { code: 0, remark: "stored all the same".to_owned() };
    cluster.push_fault(&Fault::new(changed).code(text)).unwrap();
    assert_eq!(tried(&mut client, "3").as_deref(), Some("javax.jms.JMSException: stored all the same"));
    cluster.push_fault(&Fault::new(FaultAction::Delay).code(text).delay(Duration::from_millis(200))).unwrap();
    let start = Instant::now();
    assert_eq!(tried(&mut client, "4"), None);
    assert!(start.elapsed() >= Duration::from_millis(200));
    assert_eq!(bodies(&cluster, "Q"), ["2", "3", "4"]);
    cluster.push_fault(&Fault::new(FaultAction::CloseAfter).code(text)).unwrap();
    let message = client.message(Destination::queue("Q"), "5");
    client.send(&message);
    assert_eq!(client.try_read(), None);
    assert!(cluster.wait_for_messages(Some("Q"), 4, LIMIT));
    let requests = cluster.requests(Some("openwire-a"), Some(text)).unwrap();
    assert_eq!(requests.len(), 5);
    assert!(requests.iter().all(|request| request.field("destination") == Some("queue://Q")));
    assert_eq!((requests[4].oneway, requests[4].fault.as_ref()), (true, Some(&FaultAction::CloseAfter)));
    let seen = Packet::decode(&requests[4].body, false).unwrap();
    assert_eq!(seen.command, message.into());
}

#[test]
fn a_negotiation_is_hit_by_a_fault_of_its_own_number_alone() {
    let cluster = cluster();
    let address = &cluster.openwire_addresses().unwrap()[0];
    cluster.push_fault(&Fault::new(FaultAction::CloseBefore)).unwrap();
    let mut client = Client::negotiated(address, "ID:n");
    let info = client.connection_info();
    client.send(&info);
    assert_eq!(client.try_read(), None);
    let garbage = FaultAction::Garbage(vec![0, 0, 0, 0]);
    cluster.push_fault(&Fault::new(garbage).code(1)).unwrap();
    let negotiated = std::panic::catch_unwind(|| Client::negotiated(address, "ID:n"));
    assert!(negotiated.is_err());
}

#[test]
fn several_connectors_share_the_store_and_one_can_be_closed() {
    let cluster = Cluster::open("", 2, 4).unwrap();
    let url = cluster.openwire_url().unwrap();
    assert!(url.starts_with("failover:(tcp://127.0.0.1:") && url.ends_with(')'), "{url}");
    let mut client = Client::ready(&cluster, "ID:a", 0);
    let message = client.message(Destination::queue("Q"), "1");
    assert_eq!(client.ask(&message), None);
    cluster.set_listening("openwire-a", false).unwrap();
    assert_eq!(client.try_read(), None);
    let addresses = cluster.openwire_addresses().unwrap();
    assert!(std::net::TcpStream::connect(&addresses[0]).is_err());
    let mut other = Client::negotiated(&addresses[1], "ID:a");
    let info = other.connection_info();
    assert_eq!(other.ask(&info), None);
    other.send(&SessionInfo { session_id: other.session() });
    assert_eq!(other.ask(&ProducerInfo { producer_id: other.producer(), ..ProducerInfo::default() }), None);
    assert_eq!(other.ask(&message), None);
    assert_eq!(bodies(&cluster, "Q"), ["1"], "the second is a duplicate");
    cluster.set_listening("openwire-a", true).unwrap();
    Client::negotiated(&addresses[0], "ID:b");
    assert!(cluster.set_listening("openwire-c", true).is_err());
}
