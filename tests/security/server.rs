//! Servers that know one route and store everything, with or without TLS, and keep what they were asked.

use mqproducer::protocol::remoting::command::request_code;
use mqproducer::protocol::remoting::{Header, Serializer, split};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    pub header: Header,
    pub body: Vec<u8>,
}

/// Code, remark, fields of the answer to a send.
pub type Answer = (i32, String, Vec<(&'static str, String)>);

type Respond = Box<dyn Fn(&Request) -> Answer + Send + Sync>;

/// How a server departs from one that stores everything.
pub struct Plan {
    pub tls: Option<Arc<ServerConfig>>,
    /// The body of every route.
    pub route: String,
    pub respond: Respond,
    /// Called before the bytes of a connection are read.
    pub before_read: Box<dyn Fn() + Send + Sync>,
}

/// The route to one broker.
pub fn route_to(port: u16) -> String {
    format!(
        r#"{{"brokerDatas":[{{"brokerAddrs":{{"0":"127.0.0.1:{port}"}},"brokerName":"broker-a","cluster":"c"}}],
        "queueDatas":[{{"brokerName":"broker-a","perm":6,"readQueueNums":4,"writeQueueNums":4,"topicSysFlag":0}}]}}"#
    )
}

impl Default for Plan {
    fn default() -> Self {
        Plan { tls: None, route: String::new(), respond: Box::new(|_| stored()), before_read: Box::new(|| {}) }
    }
}

pub fn stored() -> Answer {
    let id = "7F00000100002A9F0000000000000001".to_owned();
    (0, String::new(), vec![("msgId", id), ("queueId", "0".to_owned()), ("queueOffset", "7".to_owned())])
}

pub struct Server {
    pub port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub fn start(plan: Plan) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let server = Server { port, requests: Arc::clone(&requests) };
        let plan = Arc::new(plan);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (plan, requests) = (Arc::clone(&plan), Arc::clone(&requests));
                std::thread::spawn(move || match &plan.tls {
                    None => serve(stream, &plan, &requests),
                    Some(config) => {
                        let session = ServerConnection::new(Arc::clone(config)).unwrap();
                        serve(StreamOwned::<_, TcpStream>::new(session, stream), &plan, &requests);
                    }
                });
            }
        });
        server
    }

    pub fn url(&self) -> String {
        format!("rocketmq://127.0.0.1:{}", self.port)
    }

    fn all(&self) -> MutexGuard<'_, Vec<Request>> {
        self.requests.lock().unwrap()
    }

    pub fn seen(&self, code: i32) -> Vec<Request> {
        self.all().iter().filter(|request| request.header.code == code).cloned().collect()
    }
}

/// A name server and the one broker of its route.
pub struct Cluster {
    pub names: Server,
    pub broker: Server,
}

impl Cluster {
    pub fn start(broker: Plan) -> Cluster {
        let tls = broker.tls.clone();
        let broker = Server::start(broker);
        Cluster { names: Server::start(Plan { tls, route: route_to(broker.port), ..Plan::default() }), broker }
    }

    pub fn url(&self) -> String {
        self.names.url()
    }

    pub fn all(&self) -> Vec<Request> {
        [self.names.all().clone(), self.broker.all().clone()].concat()
    }

    pub fn seen(&self, code: i32) -> Vec<Request> {
        self.all().into_iter().filter(|request| request.header.code == code).collect()
    }
}

fn serve(mut stream: impl Read + Write, plan: &Plan, requests: &Mutex<Vec<Request>>) {
    let mut buffer = Vec::new();
    let mut chunk = vec![0; 65_536];
    loop {
        (plan.before_read)();
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(n) => buffer.extend_from_slice(&chunk[..n]),
        }
        let mut consumed = 0;
        // What is no frame is a client that speaks something else: it is hung up on, as brokers do.
        while let Ok(Some((frame, length))) = split(&buffer[consumed..]) {
            consumed += length;
            let Ok(header) = Header::decode(&frame) else { return };
            let request = Request { header, body: frame.body.to_vec() };
            requests.lock().unwrap().push(request.clone());
            if !request.header.is_oneway() && stream.write_all(&answer(&request, plan)).is_err() {
                return;
            }
        }
        if split(&buffer[consumed..]).is_err() {
            return;
        }
        buffer.drain(..consumed);
    }
}

fn answer(request: &Request, plan: &Plan) -> Vec<u8> {
    let (code, remark, fields, body): (_, _, _, &[u8]) = match request.header.code {
        request_code::GET_ROUTEINFO_BY_TOPIC => (0, String::new(), vec![], plan.route.as_bytes()),
        request_code::UNREGISTER_CLIENT => (0, String::new(), vec![], &[]),
        _ => {
            let (code, remark, fields) = (plan.respond)(request);
            (code, remark, fields, &[])
        }
    };
    let mut header = Header::response_to(&request.header, code);
    header.remark = Some(remark).filter(|remark| !remark.is_empty());
    for (name, value) in fields {
        header = header.with(name, value);
    }
    let mut out = bytes::BytesMut::new();
    header.encode(Serializer::Json, body, &mut out);
    out.to_vec()
}
