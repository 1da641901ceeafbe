//! What goes over the wire when a broker pushes: collisions of opaques, and acknowledgements.

use crate::fake::{Act, FakeServer, answer};
use crate::{LONG, eventually, options, producer, request, waiting};
use mqproducer::protocol::remoting::command::request_code::{HEART_BEAT, SEND_MESSAGE_V2};
use mqproducer::protocol::remoting::reply::PushReply;
use mqproducer::protocol::remoting::{Header, Serializer, properties};
use mqproducer::{Message, ReceivedMessage, Result};
use std::sync::mpsc;

/// A broker's request that hands over a reply.
fn push(opaque: i32, encoded: &str, sys_flag: i32, body: &[u8]) -> Vec<u8> {
    let pushed = PushReply {
        producer_group: "G",
        topic: "c_REPLY_TOPIC",
        default_topic: "TBW102",
        default_topic_queue_nums: 4,
        queue_id: 0,
        sys_flag,
        born_timestamp: 1,
        flag: 0,
        properties: encoded,
        reconsume_times: 0,
        unit_mode: false,
        born_host: None,
        store_host: None,
        store_timestamp: 2,
    };
    let header = Header { opaque, ..pushed.to_header() };
    let mut frame = bytes::BytesMut::new();
    header.encode(Serializer::Json, body, &mut frame);
    frame.to_vec()
}

fn stored(send: &Header) -> Vec<u8> {
    let fields = [("msgId", "7F00000100002A9F0000000000000001"), ("queueId", "0"), ("queueOffset", "1")];
    answer(send, 0, "", &fields.map(|(name, value)| (name, value.to_owned())), &[])
}

/// The correlation id of a send, when it is a request.
fn correlation(send: &Header) -> Option<String> {
    properties::get(send.get("i").unwrap(), "CORRELATION_ID").map(str::to_owned)
}

fn replying_to(id: &str) -> String {
    properties::encode(&[("CORRELATION_ID", id), ("MSG_TYPE", "reply")])
}

/// The answers that a broker got to what it pushed: opaque, code and remark.
fn acknowledged(broker: &FakeServer, count: usize) -> Vec<(i32, i32, String)> {
    eventually("the acknowledgements", || broker.answers.lock().unwrap().len() >= count);
    let answers = broker.answers.lock().unwrap();
    answers.iter().map(|a| (a.opaque, a.code, a.remark.clone().unwrap_or_default())).collect()
}

type Ended = mpsc::Receiver<Result<ReceivedMessage>>;

fn ask(producer: &mqproducer::Producer, body: &[u8]) -> Ended {
    let (done, ended) = mpsc::channel();
    let told = move |replied| done.send(replied).unwrap();
    producer.request_async(&Message::new("T", body), &options(), LONG, told).unwrap();
    ended
}

/// Rows: RR-05.
#[test]
fn the_heartbeat_is_the_first_frame_of_a_connection_and_the_request_the_second() {
    let broker = FakeServer::start(|_, request| {
        let reply = push(0, &replying_to(&correlation(request).unwrap()), 0, b"pong");
        Act::Raw([stored(request), reply].concat())
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[]);
    assert_eq!(producer.request(&request(), &options(), LONG).unwrap().body, b"pong");
    let codes: Vec<_> = broker.requests.lock().unwrap().iter().map(|request| request.code).collect();
    assert_eq!(codes, [HEART_BEAT, SEND_MESSAGE_V2]);
    assert!(String::from_utf8(broker.bodies_of(HEART_BEAT)[0].clone()).unwrap().contains("\"groupName\":\"test\""));
    assert_eq!(acknowledged(&broker, 1), [(0, 0, String::new())]);
}

/// Rows: RR-01.
#[test]
fn a_push_with_the_opaque_of_an_outstanding_request_is_not_its_answer() {
    // The request stays unanswered; the second send has both pushed: a reply with that send's own opaque, then the
    // answers of the two sends, with the same opaques again.
    let asked = std::sync::Mutex::new(None);
    let broker = FakeServer::start(move |number, send| match number {
        0 => {
            *asked.lock().unwrap() = Some(send.clone());
            Act::Silence
        }
        _ => {
            let first = asked.lock().unwrap().take().unwrap();
            let id = correlation(&first).unwrap();
            let unknown = push(first.opaque, &replying_to("unknown"), 0, b"nobody's");
            let reply = push(send.opaque, &replying_to(&id), 0, b"pong");
            Act::Raw([unknown, reply, stored(send), stored(&first)].concat())
        }
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[]);
    let ended = ask(&producer, b"ping");
    eventually("the request", || broker.seen(SEND_MESSAGE_V2).len() == 1);
    let receipt = producer.send(&Message::new("T", b"plain"), &options()).unwrap();
    assert_eq!(receipt.queue_offset, 1);
    assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap().body, b"pong");
    producer.flush(LONG).unwrap();
    let sends = broker.seen(SEND_MESSAGE_V2);
    let expected = [(sends[0].opaque, 0, String::new()), (sends[1].opaque, 0, String::new())];
    assert_eq!(acknowledged(&broker, 2), expected);
    assert_eq!(broker.ended.load(std::sync::atomic::Ordering::SeqCst), 0, "the connection lives on");
}

/// Rows: RR-03.
#[test]
fn late_and_unknown_replies_are_acknowledged_and_malformed_ones_refused() {
    let broker = FakeServer::start(|_, send| {
        let id = correlation(send).unwrap();
        let other = format!("{}0", &id[..id.len() - 1]);
        let frames = [
            push(1, &replying_to("not an id of ours"), 0, b"x"),
            push(2, &replying_to(&other.to_uppercase()), 0, b"x"),
            push(3, "MSG_TYPE\u{1}reply\u{2}", 0, b"x"),
            // Said to be zlib.
            push(4, &replying_to(&id), 1, b"not zlib"),
            stored(send),
            push(5, &replying_to(&id), 0, b"pong"),
            push(6, &replying_to(&id), 0, b"pong again"),
        ];
        Act::Raw(frames.concat())
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let producer = producer(&names.url(), &[]);
    let ended = ask(&producer, b"ping");
    assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap().body, b"pong");
    assert!(ended.recv_timeout(LONG).is_err(), "told once");
    let answers = acknowledged(&broker, 6);
    let codes: Vec<_> = answers.iter().map(|(opaque, code, _)| (*opaque, *code)).collect();
    assert_eq!(codes, [(1, 0), (2, 0), (3, 1), (4, 1), (5, 0), (6, 0)]);
    assert!(answers[2].2.contains("CORRELATION_ID") && answers[3].2.contains("body"), "{answers:?}");
    assert_eq!(waiting(&producer), 0);
}
