//! Misbehaving servers on loopback sockets: a name server that routes every topic to one address, and a broker that
//! does with each request what the test says.

#![allow(dead_code)]

use mqproducer::protocol::remoting::{Frame, Header, Serializer, command::request_code, split};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

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
}

/// A server that is fed frames and answers each by `respond`.
pub struct FakeServer {
    pub address: String,
    pub requests: Arc<Mutex<Vec<Header>>>,
    pub connections: Arc<AtomicUsize>,
}

impl FakeServer {
    /// Starts a server; heartbeats and farewells are answered, `respond` sees all else with its running number.
    pub fn start(respond: impl Fn(usize, &Header) -> Act + Send + Sync + 'static) -> FakeServer {
        FakeServer::start_at("127.0.0.1:0", respond)
    }

    /// The same at an address of the test's choice.
    pub fn start_at(address: &str, respond: impl Fn(usize, &Header) -> Act + Send + Sync + 'static) -> FakeServer {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let respond = Arc::new(respond);
        let server = FakeServer { address, requests: Arc::clone(&requests), connections: Arc::clone(&connections) };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                connections.fetch_add(1, Ordering::SeqCst);
                let (requests, respond) = (Arc::clone(&requests), Arc::clone(&respond));
                std::thread::spawn(move || serve(stream, &requests, &*respond));
            }
        });
        server
    }

    /// A name server that routes every topic to brokers `broker-a`, `broker-b`, ... at these addresses.
    pub fn name_server(brokers: &[&str], queues: u32) -> FakeServer {
        let names: Vec<char> = ('a'..='z').collect();
        let broker_datas: Vec<String> = (brokers.iter().zip(&names))
            .map(|(address, n)| {
                format!(r#"{{"brokerAddrs":{{"0":"{address}"}},"brokerName":"broker-{n}","cluster":"c"}}"#)
            })
            .collect();
        let queue_datas: Vec<String> = (brokers.iter().zip(&names))
            .map(|(_, n)| {
                format!(r#"{{"brokerName":"broker-{n}","perm":6,"readQueueNums":{queues},"writeQueueNums":{queues},"topicSysFlag":0}}"#)
            })
            .collect();
        let route =
            format!(r#"{{"brokerDatas":[{}],"queueDatas":[{}]}}"#, broker_datas.join(","), queue_datas.join(","));
        FakeServer::start(move |_, request| match request.code {
            request_code::GET_ROUTEINFO_BY_TOPIC => Act::Raw(answer(request, 0, "", &[], route.as_bytes())),
            code => panic!("a name server was asked code {code}"),
        })
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

/// An address of loopback where nobody listens.
pub fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn answer(request: &Header, code: i32, remark: &str, fields: &[(&str, String)], body: &[u8]) -> Vec<u8> {
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

fn serve(mut stream: TcpStream, requests: &Mutex<Vec<Header>>, respond: &(impl Fn(usize, &Header) -> Act + ?Sized)) {
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
            if !handle(&mut stream, &frame, requests, respond) {
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
    requests: &Mutex<Vec<Header>>,
    respond: &(impl Fn(usize, &Header) -> Act + ?Sized),
) -> bool {
    let request = Header::decode(frame).unwrap();
    let number = {
        let mut requests = requests.lock().unwrap();
        requests.push(request.clone());
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
