//! Misbehaving servers on loopback sockets: a name server that routes every topic to one address, and a broker that
//! does with each request what the test says.

#![allow(dead_code)]

use mqproducer::protocol::remoting::{Frame, Header, Serializer, command::request_code, split};
use mqproducer::{Config, Producer};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a broker does with one request.
pub enum Act {
    /// Answers with a code, remark and fields.
    Answer(i32, &'static str, Vec<(&'static str, String)>),
    /// Answers success after so many milliseconds.
    Late(u64),
    /// Writes these bytes in place of an answer.
    Raw(Vec<u8>),
    /// Answers an opaque that was never asked.
    WrongOpaque,
    /// Writes half of an answer and closes.
    HalfThenClose,
    /// Closes the connection.
    Close,
    /// Says nothing.
    Silence,
}

impl Act {
    /// A stored message.
    pub fn stored(queue: i32, offset: i64) -> Act {
        let fields = vec![
            ("msgId", "7F00000100002A9F0000000000000001".to_owned()),
            ("queueId", queue.to_string()),
            ("queueOffset", offset.to_string()),
        ];
        Act::Answer(0, "", fields)
    }

    /// Success with a body.
    pub fn body(request: &Header, body: &[u8]) -> Act {
        Act::Raw(answer(request, 0, "", &[], body))
    }
}

/// A server that is fed frames and answers each by `respond`.
pub struct FakeServer {
    pub address: String,
    pub requests: Arc<Mutex<Vec<Header>>>,
    /// The body of each request, in the order of `requests`.
    pub bodies: Arc<Mutex<Vec<Vec<u8>>>>,
    /// What clients answered to requests of the server.
    pub answers: Arc<Mutex<Vec<Header>>>,
    pub connections: Arc<AtomicUsize>,
    /// Connections that have ended.
    pub ended: Arc<AtomicUsize>,
}

impl FakeServer {
    /// Starts a server; heartbeats and farewells are answered, `respond` sees all else with its running number.
    pub fn start(respond: impl Fn(usize, &Header) -> Act + Send + Sync + 'static) -> FakeServer {
        FakeServer::start_at("127.0.0.1:0", respond)
    }

    /// The same, listening on an address of the test's choice.
    pub fn start_at(listen: &str, respond: impl Fn(usize, &Header) -> Act + Send + Sync + 'static) -> FakeServer {
        let listener = TcpListener::bind(listen).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let respond = Arc::new(respond);
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Mutex::new(Vec::new()));
        let log = (Arc::clone(&requests), Arc::clone(&bodies), Arc::clone(&answers));
        let ended = Arc::new(AtomicUsize::new(0));
        let server = FakeServer {
            address,
            requests,
            bodies,
            answers,
            connections: Arc::clone(&connections),
            ended: Arc::clone(&ended),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                connections.fetch_add(1, Ordering::SeqCst);
                let (log, respond, ended) = (log.clone(), Arc::clone(&respond), Arc::clone(&ended));
                std::thread::spawn(move || {
                    serve(stream, &log, &*respond);
                    ended.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        server
    }

    /// A name server that routes every topic to brokers `broker-a`, `broker-b`, ... at these addresses.
    pub fn name_server(brokers: &[&str], queues: u32) -> FakeServer {
        FakeServer::name_server_at("127.0.0.1:0", brokers, queues)
    }

    /// The same, listening on an address of the test's choice.
    pub fn name_server_at(listen: &str, brokers: &[&str], queues: u32) -> FakeServer {
        let names: Vec<String> = ('a'..='z').map(|letter| format!("broker-{letter}")).collect();
        let named: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(brokers.iter().copied()).collect();
        FakeServer::name_server_of(listen, &named, queues)
    }

    /// A name server that routes every topic to brokers of these names and addresses.
    pub fn name_server_of(listen: &str, brokers: &[(&str, &str)], queues: u32) -> FakeServer {
        let broker_datas: Vec<String> = (brokers.iter())
            .map(|(name, address)| {
                format!(r#"{{"brokerAddrs":{{"0":"{address}"}},"brokerName":"{name}","cluster":"c"}}"#)
            })
            .collect();
        let queue_datas: Vec<String> = (brokers.iter())
            .map(|(name, _)| {
                format!(r#"{{"brokerName":"{name}","perm":6,"readQueueNums":{queues},"writeQueueNums":{queues},"topicSysFlag":0}}"#)
            })
            .collect();
        let route =
            format!(r#"{{"brokerDatas":[{}],"queueDatas":[{}]}}"#, broker_datas.join(","), queue_datas.join(","));
        FakeServer::start_at(listen, move |_, request| match request.code {
            request_code::GET_ROUTEINFO_BY_TOPIC => Act::body(request, route.as_bytes()),
            code => panic!("a name server was asked code {code}"),
        })
    }

    /// The bodies of the requests of a code so far.
    pub fn bodies_of(&self, code: i32) -> Vec<Vec<u8>> {
        let requests = self.requests.lock().unwrap();
        let bodies = self.bodies.lock().unwrap();
        requests
            .iter()
            .zip(&*bodies)
            .filter(|(request, _)| request.code == code)
            .map(|(_, body)| body.clone())
            .collect()
    }

    /// The URL with this server as the only name server.
    pub fn url(&self) -> String {
        format!("rocketmq://{}", self.address)
    }

    /// Requests of a code so far.
    pub fn seen(&self, code: i32) -> Vec<Header> {
        self.requests.lock().unwrap().iter().filter(|request| request.code == code).cloned().collect()
    }
}

/// A broker that takes connections and never reads.
pub fn never_reads() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let kept: Vec<_> = listener.incoming().collect();
        drop(kept);
    });
    address
}

pub const LONG: Duration = Duration::from_secs(60);

/// A started producer of the group `test`, which gives slow machines time for a try.
pub fn producer(url: &str, settings: &[(&str, &str)]) -> Producer {
    let mut config = Config::new();
    let common = [("url", url), ("producer_group", "test"), ("send_msg_timeout", "60000")];
    for (key, value) in common.iter().chain(settings) {
        config.set(key, value).unwrap();
    }
    let producer = Producer::new(&config).unwrap();
    producer.start().unwrap();
    producer
}

/// Waits for a condition of another thread.
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let limit = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < limit, "{what}: not within {LONG:?}");
        std::thread::yield_now();
    }
}

/// An address of loopback where nobody listens.
pub fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// An answer as bytes.
pub fn answer(request: &Header, code: i32, remark: &str, fields: &[(&str, String)], body: &[u8]) -> Vec<u8> {
    let mut header = Header::response_to(request, code);
    if !remark.is_empty() {
        header.remark = Some(remark.to_owned());
    }
    for (name, value) in fields {
        header = header.with(*name, value.clone());
    }
    let mut out = bytes::BytesMut::new();
    header.encode(Serializer::Json, body, &mut out);
    out.to_vec()
}

/// What was asked, headers and bodies, and what clients answered.
type Log = (Arc<Mutex<Vec<Header>>>, Arc<Mutex<Vec<Vec<u8>>>>, Arc<Mutex<Vec<Header>>>);

fn serve(mut stream: TcpStream, log: &Log, respond: &(impl Fn(usize, &Header) -> Act + ?Sized)) {
    let mut buffer = Vec::new();
    let mut chunk = [0; 65_536];
    loop {
        let n = match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(n) => n,
        };
        buffer.extend_from_slice(&chunk[..n]);
        let mut consumed = 0;
        while let Some((frame, length)) = split(&buffer[consumed..]).unwrap() {
            consumed += length;
            if !handle(&mut stream, &frame, log, respond) {
                return;
            }
        }
        buffer.drain(..consumed);
    }
}

/// Whether the connection goes on.
fn handle(
    stream: &mut TcpStream,
    frame: &Frame<'_>,
    (requests, bodies, answers): &Log,
    respond: &(impl Fn(usize, &Header) -> Act + ?Sized),
) -> bool {
    let request = Header::decode(frame).unwrap();
    if request.is_response() {
        answers.lock().unwrap().push(request);
        return true;
    }
    let number = {
        let mut requests = requests.lock().unwrap();
        requests.push(request.clone());
        bodies.lock().unwrap().push(frame.body.to_vec());
        let housekeeping = [request_code::HEART_BEAT, request_code::UNREGISTER_CLIENT];
        if housekeeping.contains(&request.code) {
            drop(requests);
            return stream.write_all(&answer(&request, 0, "", &[], &[])).is_ok();
        }
        requests.iter().filter(|request| !housekeeping.contains(&request.code)).count() - 1
    };
    let ok = Act::stored(0, 1);
    match respond(number, &request) {
        Act::Answer(code, remark, fields) => stream.write_all(&answer(&request, code, remark, &fields, &[])).is_ok(),
        Act::Late(milliseconds) => {
            std::thread::sleep(std::time::Duration::from_millis(milliseconds));
            let Act::Answer(code, remark, fields) = ok else { unreachable!() };
            stream.write_all(&answer(&request, code, remark, &fields, &[])).is_ok()
        }
        Act::Raw(bytes) => stream.write_all(&bytes).is_ok(),
        Act::WrongOpaque => {
            let mut other = request.clone();
            other.opaque += 77;
            stream.write_all(&answer(&other, 0, "", &[], &[])).is_ok()
        }
        Act::HalfThenClose => {
            let bytes = answer(&request, 0, "", &[], &[]);
            let _ = stream.write_all(&bytes[..bytes.len() / 2]);
            false
        }
        Act::Close => false,
        Act::Silence => true,
    }
}
