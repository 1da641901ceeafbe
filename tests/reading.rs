//! Synchronous callers who read their connection themselves: what goes wrong meanwhile, and others who send.

mod fake;

use fake::{Act, FakeServer, LONG, producer};
use mqproducer::protocol::remoting::command::request_code::SEND_MESSAGE_V2;
use mqproducer::{ErrorKind, Message, Producer, SendOptions};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

/// So many sends of one thread, one after the other: by the end of them the thread reads its own answers.
const ROW: usize = 60;

fn message() -> Message<'static> {
    Message::new("T", b"body")
}

fn within(milliseconds: u64) -> SendOptions<'static> {
    SendOptions::default().with_timeout(Duration::from_millis(milliseconds))
}

fn send_row(producer: &Producer) {
    for offset in 0..ROW {
        assert_eq!(producer.send(&message(), &within(20_000)).unwrap().queue_offset, offset as i64);
    }
}

/// A broker that stores a row and then does as it is told.
fn broker(then: impl Fn(usize) -> Act + Send + Sync + 'static) -> (FakeServer, FakeServer) {
    let broker = FakeServer::start(move |number, _| match number {
        number if number < ROW => Act::stored(0, number as i64),
        number => then(number - ROW),
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    (broker, names)
}

#[test]
fn an_end_of_the_connection_is_told_to_a_caller_who_reads_and_the_next_send_dials_anew() {
    type Then = fn() -> Act;
    let cases: [(&str, Then, ErrorKind, &str); 4] = [
        ("closed", || Act::Close, ErrorKind::ConnectionLost, "the server closed it"),
        ("half", || Act::HalfThenClose, ErrorKind::ConnectionLost, "inside a frame"),
        ("wrong opaque", || Act::WrongOpaque, ErrorKind::Protocol, "which no request had"),
        ("garbage", || Act::Raw(vec![0xff; 64]), ErrorKind::Protocol, "broke the protocol"),
    ];
    for (name, then, kind, text) in cases {
        let (broker, names) = broker(move |number| if number == 0 { then() } else { Act::stored(0, 77) });
        let producer = producer(&names.url(), &[("retry_times_when_send_failed", "0")]);
        send_row(&producer);
        let error = producer.send(&message(), &within(20_000)).unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert!(error.message().contains(text) && error.maybe_persisted(), "{name}: {error}");
        assert_eq!(producer.send(&message(), &within(20_000)).unwrap().queue_offset, 77, "{name}");
        assert_eq!(broker.connections.load(Ordering::SeqCst), 2, "{name}");
    }
}

#[test]
fn a_caller_who_reads_keeps_its_deadline_and_a_late_answer_harms_nobody() {
    let (broker, names) = broker(|number| if number == 0 { Act::Late(400) } else { Act::stored(0, 88) });
    let producer = producer(&names.url(), &[("retry_times_when_send_failed", "0")]);
    send_row(&producer);
    let started = Instant::now();
    let error = producer.send(&message(), &within(100)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(started.elapsed() >= Duration::from_millis(100) && error.maybe_persisted());
    assert_eq!(producer.send(&message(), &within(20_000)).unwrap().queue_offset, 88);
    assert_eq!(broker.connections.load(Ordering::SeqCst), 1);
}

#[test]
fn a_caller_who_reads_hears_for_others_and_of_the_close() {
    let (broker, names) = broker(|number| if number == 0 { Act::Silence } else { Act::stored(0, 99) });
    let producer = producer(&names.url(), &[("send_msg_max_timeout_per_request", "60000")]);
    send_row(&producer);
    let sync = {
        let producer = producer.clone();
        std::thread::spawn(move || producer.send(&message(), &within(60_000)))
    };
    let limit = Instant::now() + LONG;
    while broker.seen(SEND_MESSAGE_V2).len() == ROW {
        assert!(Instant::now() < limit);
        std::thread::yield_now();
    }
    let (done, ended) = mpsc::channel();
    producer.send_async(&message(), &within(60_000), move |outcome| done.send(outcome).unwrap()).unwrap();
    assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap().queue_offset, 99);
    assert!(!sync.is_finished(), "it was not answered");
    producer.close(Duration::ZERO).unwrap_err();
    assert_eq!(sync.join().unwrap().unwrap_err().kind(), ErrorKind::Closed);
}

/// The role of the reader goes round and round, and each message has its end.
#[test]
fn threads_that_send_now_alone_and_now_together_all_have_their_answers() {
    const EACH: usize = 400;
    let broker = FakeServer::start(|number, _| Act::stored(0, number as i64));
    let names = FakeServer::name_server(&[&broker.address], 4);
    let producer = producer(&names.url(), &[]);
    let alone = Mutex::new(());
    let send_some = |thread: usize, count: usize| {
        for number in 0..count {
            producer.send(&message(), &within(60_000)).unwrap();
            if number % 40 == thread {
                let (done, ended) = mpsc::channel();
                let callback = move |outcome| done.send(outcome).unwrap();
                producer.send_async(&message(), &within(60_000), callback).unwrap();
                ended.recv_timeout(LONG).unwrap().unwrap();
            }
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (alone, send_some) = (&alone, &send_some);
            scope.spawn(move || {
                for _ in 0..EACH / 80 {
                    let guard = alone.lock().unwrap();
                    send_some(thread, 40);
                    drop(guard);
                    send_some(thread, 40);
                }
            });
        }
    });
    producer.close(LONG).unwrap();
    assert_eq!(broker.seen(SEND_MESSAGE_V2).len(), 3 * (EACH + EACH / 40));
}
