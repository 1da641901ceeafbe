//! A client that has nothing but the codec.

use std::io::{ErrorKind as IoErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use mqproducer::mock::{Cluster, StoredMessage};
use mqproducer::protocol::remoting::command::{request_code as request, response_code as response};
use mqproducer::protocol::remoting::route::TopicRouteData;
use mqproducer::protocol::remoting::{Header, Identity, SendHeader, Serializer, encode_request_as, encode_send, split};

pub const LIMIT: Duration = Duration::from_secs(60);

/// An answer, taken apart.
pub struct Answer {
    pub serializer: Serializer,
    pub header: Header,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn field(&self, name: &str) -> &str {
        self.header.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.header))
    }

    pub fn remark(&self) -> &str {
        self.header.remark.as_deref().unwrap_or_default()
    }
}

/// A client of one server.
pub struct Client {
    pub stream: TcpStream,
    input: BytesMut,
    pub opaque: i32,
}

impl Client {
    pub fn connect(address: &str) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Client { stream, input: BytesMut::new(), opaque: 0 }
    }

    pub fn name_server(cluster: &Cluster) -> Client {
        Client::connect(&cluster.name_server_address())
    }

    /// A client of the broker of this number, found through the route as any client finds it.
    pub fn broker(cluster: &Cluster, number: usize) -> Client {
        let route = Client::name_server(cluster).route("TBW102");
        Client::connect(route.broker_datas[number].master().unwrap())
    }

    /// `None`: the server closed the connection.
    pub fn receive(&mut self) -> Option<Answer> {
        loop {
            if let Some((frame, used)) = split(&self.input).unwrap() {
                let header = Header::decode(&frame).unwrap();
                let answer = Answer { serializer: frame.serializer, header, body: frame.body.to_vec() };
                self.input.advance(used);
                assert!(answer.header.is_response());
                return Some(answer);
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(read) => self.input.extend_from_slice(&chunk[..read]),
                // Closed with bytes of ours unread.
                Err(error) if error.kind() == IoErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no answer: {error}"),
            }
        }
    }

    pub fn round_trip(&mut self, frame: &[u8]) -> Answer {
        self.stream.write_all(frame).unwrap();
        let answer = self.receive().expect("an answer");
        assert_eq!(answer.header.opaque, self.opaque);
        answer
    }

    pub fn call(&mut self, code: i32, fields: &[(&str, &str)], body: &[u8]) -> Answer {
        self.call_as(Identity::OURS, Serializer::Json, code, fields, body)
    }

    pub fn call_as(
        &mut self,
        identity: Identity,
        serializer: Serializer,
        code: i32,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.opaque += 1;
        let mut frame = BytesMut::new();
        encode_request_as(&mut frame, identity, code, serializer, self.opaque, 0, fields, body);
        self.round_trip(&frame)
    }

    pub fn route(&mut self, topic: &str) -> TopicRouteData {
        let answer = self.call(request::GET_ROUTEINFO_BY_TOPIC, &[("topic", topic)], b"");
        assert_eq!(answer.header.code, response::SUCCESS, "{}", answer.remark());
        TopicRouteData::decode(&answer.body).unwrap()
    }

    pub fn send(&mut self, header: &SendHeader<'_>, body: &[u8]) -> Answer {
        let code = if header.batch { request::SEND_BATCH_MESSAGE } else { request::SEND_MESSAGE_V2 };
        self.send_as(code, Serializer::Json, header, body)
    }

    pub fn send_as(&mut self, code: i32, serializer: Serializer, header: &SendHeader<'_>, body: &[u8]) -> Answer {
        self.opaque += 1;
        let mut frame = BytesMut::new();
        encode_send(&mut frame, code, serializer, self.opaque, false, header, &[], body);
        self.round_trip(&frame)
    }
}

pub fn header<'a>(topic: &'a str, properties: &'a str) -> SendHeader<'a> {
    SendHeader {
        producer_group: "G",
        topic,
        default_topic: "TBW102",
        default_topic_queue_nums: 4,
        queue_id: 0,
        sys_flag: 0,
        born_timestamp: 1_700_000_000_123,
        flag: 0,
        properties,
        reconsume_times: 0,
        unit_mode: false,
        max_reconsume_times: None,
        batch: false,
        broker_name: "",
    }
}

pub fn one(cluster: &Cluster, topic: &str) -> StoredMessage {
    let mut messages = cluster.messages(Some(topic));
    assert_eq!(messages.len(), 1);
    messages.remove(0)
}

pub fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}
