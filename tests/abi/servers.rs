//! Servers that misbehave: a name server or a broker on a loopback socket, driven by one closure for each request.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// A listener whose connections are each served on a thread; they end with the test's process.
pub fn serve(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// An address that nobody listens on.
pub fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// What the servers need of a request; the client writes headers as JSON by default.
pub struct Request {
    pub code: i64,
    pub opaque: i64,
}

/// The next request; `None` when the connection ended.
pub fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame).ok()?;
    let header_length = u32::from_be_bytes([0, frame[1], frame[2], frame[3]]) as usize;
    let header = std::str::from_utf8(&frame[4..4 + header_length]).unwrap();
    Some(Request { code: number(header, "\"code\":"), opaque: number(header, "\"opaque\":") })
}

fn number(header: &str, key: &str) -> i64 {
    let rest = header.split_once(key).unwrap_or_else(|| panic!("no {key} in {header}")).1;
    let end = rest.find(|c: char| c != '-' && !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().unwrap()
}

/// The frame of an answer.
pub fn answer(code: i64, opaque: i64, remark: &str, body: &str) -> Vec<u8> {
    let header = format!(
        r#"{{"code":{code},"flag":1,"language":"JAVA","opaque":{opaque},"remark":"{remark}","serializeTypeCurrentRPC":"JSON","version":401}}"#
    );
    let mut frame = Vec::new();
    frame.extend_from_slice(&(4 + header.len() as u32 + body.len() as u32).to_be_bytes());
    frame.extend_from_slice(&(header.len() as u32).to_be_bytes());
    frame.extend_from_slice(header.as_bytes());
    frame.extend_from_slice(body.as_bytes());
    frame
}

/// A server that answers each request with bytes of its own and ends the connection on `None`.
pub fn answering(reply: impl Fn(&Request) -> Option<Vec<u8>> + Send + Sync + 'static) -> SocketAddr {
    serve(move |mut stream| {
        while let Some(request) = read_request(&mut stream) {
            let Some(bytes) = reply(&request) else {
                return;
            };
            if stream.write_all(&bytes).is_err() {
                return;
            }
        }
    })
}

/// A name server whose every topic has one queue on `broker`.
pub fn name_server_of(broker: SocketAddr) -> SocketAddr {
    let route = format!(
        r#"{{"brokerDatas":[{{"brokerAddrs":{{"0":"{broker}"}},"brokerName":"odd","cluster":"c"}}],"filterServerTable":{{}},"queueDatas":[{{"brokerName":"odd","perm":6,"readQueueNums":1,"topicSysFlag":0,"writeQueueNums":1}}]}}"#
    );
    answering(move |request| Some(answer(0, request.opaque, "", &route)))
}

/// Heartbeat and farewell: requests that the odd brokers answer well.
const HEART_BEAT: i64 = 34;
const UNREGISTER_CLIENT: i64 = 35;

/// A broker that greets well and answers each send with `reply`.
pub fn broker(reply: impl Fn(&Request) -> Option<Vec<u8>> + Send + Sync + 'static) -> SocketAddr {
    name_server_of(answering(move |request| match request.code {
        HEART_BEAT | UNREGISTER_CLIENT => Some(answer(0, request.opaque, "", "")),
        _ => reply(request),
    }))
}

/// The URL of a broker that greets well and answers no send.
pub fn silent_url() -> String {
    format!("rocketmq://{}", broker(|_| Some(Vec::new())))
}
