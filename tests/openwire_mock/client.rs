//! A client of the embedded broker that does only what a test tells it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use mqproducer::mock::Cluster;
use mqproducer::protocol::openwire::wire::Object;
use mqproducer::protocol::openwire::*;

/// No answer takes as long.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Client {
    stream: TcpStream,
    input: BytesMut,
    next: i32,
    pub id: String,
    sequence: i64,
}

impl Client {
    /// Negotiated, and nothing more.
    pub fn negotiated(address: &str, id: &str) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Client { stream, input: BytesMut::new(), next: 0, id: id.to_owned(), sequence: 0 };
        client.next = 1;
        client.put(0, false, &WireFormatInfo::ours("localhost", 30_000, 10_000));
        let Command::WireFormatInfo(theirs) = client.read().command else { panic!("no WireFormatInfo") };
        assert_eq!(theirs.version, VERSION);
        assert!(matches!(client.read().command, Command::BrokerInfo(_)));
        client
    }

    /// With a connection, a session and a producer.
    pub fn ready(cluster: &Cluster, id: &str, window: i32) -> Client {
        let address = &cluster.openwire_addresses().unwrap()[0];
        let mut client = Client::negotiated(address, id);
        assert_eq!(client.ask(&client.connection_info()), None);
        client.send(&SessionInfo { session_id: client.session() });
        let producer = ProducerInfo { producer_id: client.producer(), window_size: window, ..ProducerInfo::default() };
        assert_eq!(client.ask(&producer), None);
        client
    }

    pub fn connection_info(&self) -> ConnectionInfo {
        let connection_id = ConnectionId { value: self.id.clone() };
        ConnectionInfo { connection_id, client_id: Some(self.id.clone()), ..ConnectionInfo::default() }
    }

    pub fn session(&self) -> SessionId {
        SessionId { connection_id: self.id.clone(), value: 1 }
    }

    pub fn producer(&self) -> ProducerId {
        ProducerId { connection_id: self.id.clone(), value: 1, session_id: 1 }
    }

    pub fn transaction(&self, value: i64) -> TransactionId {
        LocalTransactionId { value, connection_id: ConnectionId { value: self.id.clone() } }.into()
    }

    pub fn end(&mut self, value: i64, operation: u8) -> Option<Throwable> {
        let connection_id = ConnectionId { value: self.id.clone() };
        let transaction_id = Some(self.transaction(value));
        let info = TransactionInfo { connection_id, transaction_id, operation };
        match operation {
            TransactionInfo::BEGIN => {
                self.send(&info);
                None
            }
            _ => self.ask(&info),
        }
    }

    /// A text message with the next number.
    pub fn message(&mut self, destination: Destination, text: &str) -> Message {
        self.sequence += 1;
        let mut content = (text.len() as i32).to_be_bytes().to_vec();
        content.extend_from_slice(text.as_bytes());
        Message {
            kind: MessageKind::Text,
            producer_id: Some(self.producer()),
            destination: Some(destination),
            message_id: Some(MessageId {
                producer_id: Some(self.producer()),
                producer_sequence_id: self.sequence,
                ..MessageId::default()
            }),
            persistent: true,
            priority: 4,
            content: Some(content.into()),
            ..Message::default()
        }
    }

    pub fn consume(&mut self, number: i64, destination: Destination, prefetch_size: i32) -> ConsumerId {
        let consumer_id = ConsumerId { connection_id: self.id.clone(), session_id: 1, value: number };
        let (id, destination) = (consumer_id.clone(), Some(destination));
        let info = ConsumerInfo { consumer_id, destination, prefetch_size, ..ConsumerInfo::default() };
        assert_eq!(self.ask(&info), None);
        id
    }

    pub fn acknowledge(&mut self, dispatch: &MessageDispatch, ack_type: u8) {
        let id = dispatch.message.as_ref().unwrap().command.message_id.clone();
        self.send(&MessageAck {
            destination: dispatch.destination.clone(),
            consumer_id: dispatch.consumer_id.clone(),
            ack_type,
            last_message_id: id,
            message_count: 1,
            ..MessageAck::default()
        });
    }

    fn put(&mut self, id: i32, response_required: bool, command: &impl Object) {
        let mut out = BytesMut::new();
        encode(&mut out, id, response_required, command).unwrap();
        self.stream.write_all(&out).unwrap();
    }

    /// Without an answer.
    pub fn send(&mut self, command: &impl Object) {
        self.next += 1;
        self.put(self.next, false, command);
    }

    /// With an answer: the exception, if there is one. What else comes before it is passed over.
    pub fn ask(&mut self, command: &impl Object) -> Option<Throwable> {
        self.next += 1;
        let id = self.next;
        self.put(id, true, command);
        loop {
            match self.read().command {
                Command::Response(response) if response.correlation_id == id => return None,
                Command::ExceptionResponse(response) if response.correlation_id == id => {
                    return Some(response.exception.unwrap());
                }
                Command::ConnectionControl(_) | Command::MessageDispatch(_) => {}
                other => panic!("{other:?} in place of an answer"),
            }
        }
    }

    /// The next command; `None`: the broker closed the connection.
    pub fn try_read(&mut self) -> Option<Packet> {
        loop {
            if let Some((body, used)) = split(&self.input, MAX_FRAME).unwrap() {
                let packet = Packet::decode(body, false).unwrap();
                self.input.advance(used);
                return Some(packet);
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(count) => self.input.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub fn read(&mut self) -> Packet {
        self.try_read().expect("the broker closed the connection")
    }

    pub fn dispatched(&mut self) -> MessageDispatch {
        match self.read().command {
            Command::MessageDispatch(dispatch) => *dispatch,
            other => panic!("{other:?} in place of a message"),
        }
    }
}

pub fn text_of(dispatch: &MessageDispatch) -> String {
    dispatch.message.as_ref().unwrap().command.text(1 << 20).unwrap().unwrap()
}
