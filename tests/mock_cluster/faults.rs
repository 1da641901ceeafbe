//! Each fault, as a producer meets it.

use std::io::Write;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use mqproducer::mock::{Cluster, Fault, FaultAction, NAME_SERVER};
use mqproducer::protocol::remoting::command::request_code::{GET_ROUTEINFO_BY_TOPIC, SEND_MESSAGE_V2};
use mqproducer::protocol::remoting::{Serializer, encode_send};
use mqproducer::{ErrorKind, Message, SendOptions, SendStatus};

use super::client::{Client, LIMIT, header};
use super::sender::{TOPIC, producer, refusal, send, send_within, stored, trying_once};

/// When nothing is to come.
const SHORT: Duration = Duration::from_millis(300);
/// Long enough to be over for no test.
const HOUR: Duration = Duration::from_secs(3600);

fn fault(action: FaultAction) -> Fault {
    Fault::new(action).code(SEND_MESSAGE_V2)
}

fn answer(code: i32, remark: &str) -> FaultAction {
    FaultAction::Answer { code, remark: remark.to_owned() }
}

/// One broker with one fault, met by a producer that tries once: how its send ends, and how much is stored.
fn met(action: FaultAction, timeout: Duration) -> (ErrorKind, bool, usize) {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = trying_once(&cluster);
    // From here on there is a connection.
    send(&producer).unwrap();
    cluster.clear();
    cluster.clear_requests().unwrap();
    cluster.push_fault(&fault(action.clone())).unwrap();
    let error = send_within(&producer, timeout).unwrap_err();
    assert!(cluster.wait_for_requests(None, Some(SEND_MESSAGE_V2), 1, LIMIT).unwrap());
    let count = stored(&cluster);
    let requests = cluster.requests(None, Some(SEND_MESSAGE_V2)).unwrap();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].fault, Some(action));
    send(&producer).unwrap();
    assert_eq!(stored(&cluster), count + 1, "the fault is used up");
    (error.kind(), error.maybe_persisted(), count)
}

#[test]
fn refusals_come_in_the_order_of_their_push() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = trying_once(&cluster);
    cluster.push_fault(&refusal("once").code(SEND_MESSAGE_V2)).unwrap();
    cluster.push_fault(&refusal("twice").code(SEND_MESSAGE_V2).broker("broker-a").count(2)).unwrap();
    cluster.push_fault(&refusal("").broker(0).code(SEND_MESSAGE_V2)).unwrap();
    for remark in ["once", "twice", "twice", ""] {
        let error = send(&producer).unwrap_err();
        assert_eq!((error.kind(), error.broker_code()), (ErrorKind::Broker, Some(13)));
        assert_eq!(error.remark().unwrap_or_default(), remark);
    }
    assert_eq!(stored(&cluster), 0);
    send(&producer).unwrap();
    assert_eq!(stored(&cluster), 1);

    cluster.push_fault(&refusal("for ever").code(SEND_MESSAGE_V2).count(0)).unwrap();
    for _ in 0..5 {
        assert_eq!(send(&producer).unwrap_err().remark(), Some("for ever"));
    }
    cluster.clear_faults().unwrap();
    send(&producer).unwrap();
    assert_eq!(stored(&cluster), 2);
}

#[test]
fn a_busy_broker_is_tried_again_elsewhere() {
    let cluster = Cluster::open("", 2, 4).unwrap();
    let producer = producer(&cluster, &[]);
    cluster.push_fault(&fault(answer(2, "busy")).broker("broker-b").count(0)).unwrap();
    for _ in 0..8 {
        assert_eq!(send(&producer).unwrap().broker_name, "broker-a");
    }
    let refused = cluster.request_count(Some("broker-b"), Some(SEND_MESSAGE_V2)).unwrap();
    assert!(refused > 0 && stored(&cluster) == 8);
}

#[test]
fn a_changed_answer_keeps_its_fields() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = trying_once(&cluster);
    for (code, status) in
        [(10, SendStatus::FlushDiskTimeout), (12, SendStatus::FlushSlaveTimeout), (11, SendStatus::SlaveNotAvailable)]
    {
        cluster.push_fault(&fault(FaultAction::ChangeAnswer { code, remark: String::new() })).unwrap();
        let receipt = send(&producer).unwrap();
        assert_eq!(receipt.status, status);
        let message =
            cluster.messages(Some(TOPIC)).into_iter().find(|message| message.message_id == receipt.message_id);
        let message = message.expect("stored all the same");
        assert_eq!(message.offset_message_id, receipt.offset_message_id);
        assert_eq!((message.queue_id, message.queue_offset), (receipt.queue_id, receipt.queue_offset));
    }
}

#[test]
fn a_late_answer_is_late_and_holds_up_nothing_else() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = trying_once(&cluster);
    cluster.push_fault(&fault(FaultAction::Delay).delay(Duration::from_millis(200))).unwrap();
    let started = Instant::now();
    send(&producer).unwrap();
    assert!(started.elapsed() >= Duration::from_millis(200));

    cluster.push_fault(&fault(FaultAction::Delay).delay(HOUR)).unwrap();
    let (done, ended) = mpsc::channel();
    let options = SendOptions::default().with_timeout(HOUR);
    producer.send_async(&Message::new(TOPIC, b"late"), &options, move |outcome| done.send(outcome).unwrap()).unwrap();
    assert!(cluster.wait_for_messages(Some(TOPIC), 2, LIMIT), "it is stored at once");
    // Over the same connection, and over another.
    send(&producer).unwrap();
    send(&trying_once(&cluster)).unwrap();
    assert!(ended.try_recv().is_err(), "an answer came before its time");
    assert_eq!(producer.close(Duration::ZERO).unwrap_err().kind(), ErrorKind::Timeout);
    assert!(ended.recv_timeout(LIMIT).unwrap().unwrap_err().maybe_persisted());
}

#[test]
fn late_answers_come_in_the_order_of_their_times() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let mut client = Client::broker(&cluster, 0);
    for delay in [HOUR, Duration::from_millis(50), Duration::from_millis(100)] {
        cluster.push_fault(&fault(FaultAction::Delay).delay(delay)).unwrap();
    }
    cluster.push_fault(&fault(FaultAction::CloseAfter).delay(Duration::from_millis(1000))).unwrap();
    let mut frames = BytesMut::new();
    for opaque in 1..=5 {
        encode_send(&mut frames, SEND_MESSAGE_V2, Serializer::Json, opaque, false, &header(TOPIC, ""), &[], b"x");
    }
    client.stream.write_all(&frames).unwrap();
    let answers: Vec<_> = std::iter::from_fn(|| client.receive()).map(|answer| answer.header.opaque).collect();
    assert_eq!(answers, [5, 2, 3], "the connection closes before the answer to the first");
    assert_eq!(stored(&cluster), 5);
}

#[test]
fn a_dropped_request_is_not_executed_and_one_with_a_lost_answer_is() {
    assert_eq!(met(FaultAction::Drop, SHORT), (ErrorKind::Timeout, true, 0));
    assert_eq!(met(FaultAction::LoseAnswer, SHORT), (ErrorKind::Timeout, true, 1));
}

#[test]
fn a_retry_after_a_lost_answer_stores_the_message_twice() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = producer(&cluster, &[("send_msg_max_timeout_per_request", "1000")]);
    cluster.push_fault(&fault(FaultAction::LoseAnswer)).unwrap();
    let receipt = send(&producer).unwrap();
    assert_eq!(receipt.attempts, 2);
    let ids: Vec<_> = cluster.messages(Some(TOPIC)).into_iter().map(|message| message.message_id).collect();
    assert_eq!(ids, [receipt.message_id.clone(), receipt.message_id]);
}

#[test]
fn a_connection_closes_before_or_after() {
    assert_eq!(met(FaultAction::CloseBefore, LIMIT), (ErrorKind::ConnectionLost, true, 0));
    assert_eq!(met(FaultAction::CloseAfter, LIMIT), (ErrorKind::ConnectionLost, true, 1));
    assert_eq!(met(FaultAction::HalfAnswer, LIMIT), (ErrorKind::ConnectionLost, true, 1));
}

#[test]
fn half_an_answer_is_the_first_half() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let mut whole = Client::broker(&cluster, 0);
    assert_eq!(whole.send(&header(TOPIC, ""), b"x").field("queueOffset"), "0");
    cluster.push_fault(&fault(FaultAction::HalfAnswer)).unwrap();
    let mut client = Client::broker(&cluster, 0);
    let mut frame = BytesMut::new();
    encode_send(&mut frame, SEND_MESSAGE_V2, Serializer::Json, 1, false, &header(TOPIC, ""), &[], b"x");
    client.stream.write_all(&frame).unwrap();
    let mut got = Vec::new();
    std::io::Read::read_to_end(&mut client.stream, &mut got).unwrap();
    let promised = u32::from_be_bytes(got[..4].try_into().unwrap()) as usize + 4;
    assert_eq!(got.len(), promised / 2);
}

#[test]
fn garbage_breaks_the_protocol() {
    assert_eq!(met(FaultAction::Garbage(vec![]), LIMIT), (ErrorKind::Protocol, true, 0));
    // An answer of seven bytes whose header is no JSON.
    assert_eq!(met(FaultAction::Garbage(b"\0\0\0\x07\0\0\0\x03{x}".to_vec()), LIMIT), (ErrorKind::Protocol, true, 0));
}

#[test]
fn a_connection_that_is_not_read_goes_on_when_faults_are_cleared() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = trying_once(&cluster);
    cluster.push_fault(&fault(FaultAction::StopReading)).unwrap();
    let (done, ended) = mpsc::channel();
    for _ in 0..3 {
        let done = done.clone();
        let options = SendOptions::default().with_timeout(HOUR);
        producer.send_async(&Message::new(TOPIC, b"x"), &options, move |outcome| done.send(outcome).unwrap()).unwrap();
    }
    assert!(cluster.wait_for_requests(None, Some(SEND_MESSAGE_V2), 1, LIMIT).unwrap());
    assert_eq!(stored(&cluster), 0);
    send(&trying_once(&cluster)).unwrap();
    assert_eq!(stored(&cluster), 1, "another connection is read");
    let seen = cluster.requests(None, Some(SEND_MESSAGE_V2)).unwrap();
    assert_eq!(seen.iter().filter(|request| request.body == b"x").count(), 1, "the others are not even read");
    assert!(ended.try_recv().is_err());

    cluster.clear_faults().unwrap();
    for _ in 0..3 {
        ended.recv_timeout(LIMIT).unwrap().unwrap();
    }
    assert_eq!(stored(&cluster), 4);
    let count = cluster.request_count(None, Some(SEND_MESSAGE_V2)).unwrap();
    assert_eq!(count, 4, "each is listed once");
}

#[test]
fn a_connection_that_is_not_read_for_a_time_goes_on_by_itself() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = trying_once(&cluster);
    cluster.push_fault(&fault(FaultAction::StopReading).delay(Duration::from_millis(150))).unwrap();
    let started = Instant::now();
    send(&producer).unwrap();
    assert!(started.elapsed() >= Duration::from_millis(150));
    assert_eq!(stored(&cluster), 1);
}

#[test]
fn a_cluster_ends_while_connections_are_not_read_and_answers_are_late() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let mut clients = [Client::broker(&cluster, 0), Client::broker(&cluster, 0)];
    cluster.push_fault(&fault(FaultAction::StopReading)).unwrap();
    cluster.push_fault(&fault(FaultAction::Delay).delay(HOUR)).unwrap();
    for (number, client) in clients.iter_mut().enumerate() {
        let mut frame = BytesMut::new();
        encode_send(&mut frame, SEND_MESSAGE_V2, Serializer::Json, 1, false, &header(TOPIC, ""), &[], b"x");
        client.stream.write_all(&frame).unwrap();
        assert!(cluster.wait_for_requests(None, Some(SEND_MESSAGE_V2), number + 1, LIMIT).unwrap());
    }
    drop(cluster);
    assert!(clients.iter_mut().all(|client| client.receive().is_none()));
}

#[test]
fn one_way_messages_meet_faults_too() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = trying_once(&cluster);
    send(&producer).unwrap();
    cluster.clear();
    for action in [FaultAction::Drop, answer(13, "no"), FaultAction::LoseAnswer, answer(13, "no")] {
        cluster.push_fault(&fault(action)).unwrap();
    }
    for body in [b"1", b"2", b"3", b"4", b"5"] {
        producer.send_oneway(&Message::new(TOPIC, body), &SendOptions::default()).unwrap();
    }
    assert!(cluster.wait_for_requests(Some("broker-a"), Some(SEND_MESSAGE_V2), 6, LIMIT).unwrap());
    let mut bodies: Vec<_> = cluster.messages(Some(TOPIC)).into_iter().map(|message| message.body).collect();
    bodies.sort();
    assert_eq!(bodies, [b"3", b"5"]);
    // An answer to one of them would break the connection.
    send(&producer).unwrap();
}

#[test]
fn a_name_server_has_faults_of_its_own() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = trying_once(&cluster);
    let route = |action| Fault::new(action).broker(NAME_SERVER).code(GET_ROUTEINFO_BY_TOPIC);
    cluster.push_fault(&refusal("of brokers").count(0)).unwrap();
    cluster.push_fault(&route(answer(17, "no such topic")).count(2)).unwrap();
    assert_eq!(send(&producer).unwrap_err().kind(), ErrorKind::NoRoute);
    cluster.push_fault(&route(FaultAction::CloseBefore).count(0)).unwrap();
    assert_eq!(send(&producer).unwrap_err().kind(), ErrorKind::NoNameServer);
    cluster.clear_faults().unwrap();
    send(&producer).unwrap();
    assert_eq!(stored(&cluster), 1);
}

#[test]
fn each_of_many_is_hit_once_whatever_runs_beside() {
    const THREADS: usize = 8;
    const SENDS: usize = 50;
    const FAULTS: usize = 60;
    let cluster = Cluster::open("", 3, 4).unwrap();
    let producers = [(); 3].map(|()| trying_once(&cluster));
    let refused = std::thread::scope(|scope| {
        let sending: Vec<_> = (0..THREADS)
            .map(|number| {
                let producer = &producers[number % producers.len()];
                scope.spawn(move || (0..SENDS).filter(|_| send(producer).is_err()).count())
            })
            .collect();
        for number in 0..FAULTS {
            cluster.push_fault(&refusal(&number.to_string()).code(SEND_MESSAGE_V2)).unwrap();
        }
        sending.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });
    let mut left = 0;
    while send(&producers[0]).is_err() {
        left += 1;
    }
    assert_eq!(refused + left, FAULTS);
    assert_eq!(stored(&cluster), THREADS * SENDS - refused + 1);
    let requests = cluster.requests(None, Some(SEND_MESSAGE_V2)).unwrap();
    let hits = requests.iter().filter_map(|request| request.fault.as_ref());
    let remarks: Vec<_> = hits
        .map(|action| match action {
            FaultAction::Answer { remark, .. } => remark.parse::<usize>().unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(remarks, (0..FAULTS).collect::<Vec<_>>());
}
