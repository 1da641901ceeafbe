//! Connections that end while requests wait for their replies.

use crate::fake::{FakeServer, answer};
use crate::replies::ask;
use crate::{LONG, eventually, options, producer, request};
use mqproducer::mock::Cluster;
use mqproducer::protocol::remoting::command::request_code::{HEART_BEAT, SEND_MESSAGE_V2};
use mqproducer::protocol::remoting::{Header, split};
use mqproducer::{ErrorKind, Message, Producer};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What happens at intervals happens in no test.
const NEVER: [(&str, &str); 2] = [("heartbeat_broker_interval", "3600000"), ("poll_name_server_interval", "3600000")];

fn connects(producer: &Producer) -> (u64, u64) {
    let statistics = producer.statistics().unwrap();
    (statistics.connects, statistics.connect_failures)
}

/// Rows: RR-05.
#[test]
fn a_client_that_waits_is_known_to_its_broker_again_without_a_send_or_a_heartbeat_of_the_interval() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let (asker, idle) = (producer(&cluster.url(), &NEVER), producer(&cluster.url(), &NEVER));
    idle.send(&request(), &options()).unwrap();
    let (ended, to) = ask(&cluster, &asker, "Asked");
    let heartbeats = || cluster.request_count(Some("broker-a"), Some(HEART_BEAT)).unwrap();
    let before = heartbeats();
    assert_eq!((connects(&asker), connects(&idle)), ((2, 0), (2, 0)));

    cluster.set_listening("broker-a", false).unwrap();
    // It does not give up.
    eventually("dials in vain", || connects(&asker).1 >= 4);
    cluster.set_listening("broker-a", true).unwrap();
    eventually("the heartbeat", || heartbeats() > before);
    let replier = producer(&cluster.url(), &NEVER);
    replier.reply(&to, &Message::new("", b"pong"), &options()).unwrap();
    assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap().body, b"pong");
    assert_eq!(connects(&idle), (2, 0), "who waits for nothing dials when there is something to send");

    // And no more, once nothing waits.
    let before = connects(&asker);
    cluster.set_listening("broker-a", false).unwrap();
    eventually("the end of the connection", || asker.statistics().unwrap().open_connections == 1);
    cluster.set_listening("broker-a", true).unwrap();
    replier.send(&request(), &options()).unwrap();
    assert_eq!(connects(&asker), before);
}

#[test]
fn a_close_that_waits_for_a_reply_keeps_the_client_known_and_then_ends_it() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let (asker, replier) = (producer(&cluster.url(), &NEVER), producer(&cluster.url(), &NEVER));
    let (ended, to) = ask(&cluster, &asker, "Asked");
    let closing = asker.clone();
    let close = std::thread::spawn(move || closing.close(LONG));
    eventually("the close", || asker.send(&request(), &options()).is_err());
    let heartbeats = || cluster.request_count(Some("broker-a"), Some(HEART_BEAT)).unwrap();
    let before = heartbeats();
    cluster.set_listening("broker-a", false).unwrap();
    cluster.set_listening("broker-a", true).unwrap();
    eventually("the heartbeat", || heartbeats() > before);
    replier.reply(&to, &Message::new("", b"pong"), &options()).unwrap();
    assert_eq!(ended.recv_timeout(LONG).unwrap().unwrap().body, b"pong");
    close.join().unwrap().unwrap();
    eventually("the end of all connections", || asker.statistics().unwrap().open_connections == 0);
}

/// Answers the first send, and closes; whoever comes later is hung up on.
fn serve_once(mut stream: TcpStream) {
    let (mut buffer, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let n = stream.read(&mut chunk).unwrap();
        buffer.extend_from_slice(&chunk[..n]);
        while let Some((frame, length)) = split(&buffer).unwrap() {
            let request = Header::decode(&frame).unwrap();
            buffer.drain(..length);
            if request.code == SEND_MESSAGE_V2 {
                let fields = [("msgId", "7F00000100002A9F0000000000000001"), ("queueId", "0"), ("queueOffset", "1")];
                let stored = answer(&request, 0, "", &fields.map(|(name, value)| (name, value.to_owned())), &[]);
                return stream.write_all(&stored).unwrap();
            }
        }
    }
}

/// No more often than the shortest pause allows, however slow this machine is.
#[test]
fn a_server_that_takes_clients_and_drops_them_is_not_dialled_without_a_pause() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let names = FakeServer::name_server(&[&listener.local_addr().unwrap().to_string()], 1);
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&dropped);
    std::thread::spawn(move || {
        serve_once(listener.accept().unwrap().0);
        for stream in listener.incoming() {
            drop(stream);
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let asker = producer(&names.url(), &[&NEVER[..], &[("reconnect_backoff_max", "400")]].concat());
    let started = Instant::now();
    let error = asker.request(&request(), &options(), Duration::from_secs(2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RequestTimeout, "{error}");
    eventually("a dial", || dropped.load(Ordering::SeqCst) >= 1);
    let (dropped, most) = (dropped.load(Ordering::SeqCst), 2 + started.elapsed().as_millis() / 200);
    assert!(dropped as u128 <= most, "{dropped} dials in {:?}", started.elapsed());
    asker.close(LONG).unwrap();
}
