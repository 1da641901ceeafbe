//! What the broker does with each command.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::delivery::{Consumer, Waiting};
use super::link::Link;
use super::state::{Connection, Logged, Producer, State, Transaction};
use super::stored::stored_message;
use crate::mock::store::{Store, now_millis};
use crate::protocol::openwire::{
    BrokerId, BrokerInfo, Command, ConnectionControl, ConnectionInfo, ConsumerInfo, DestinationInfo, Message,
    MessageAck, MessageId, MessageKind, ObjectId, Packet, ProducerAck, ProducerId, ProducerInfo, SessionId,
    SessionInfo, Throwable, TransactionId, TransactionInfo, Value,
};

/// A property that holds a message back, in milliseconds.
const SCHEDULED_DELAY: &str = "AMQ_SCHEDULED_DELAY";
/// The longest that a message is held back.
const MAX_DELAY: i64 = 24 * 3600 * 1000;

/// What goes out when a command was executed.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// In front of the answer.
    pub(super) before: Vec<Command>,
    /// Behind the answer.
    pub(super) after: Vec<Command>,
    pub(super) close: bool,
}

pub(super) type Executed = Result<Done, Throwable>;

fn refuse<T>(class: &str, message: impl Into<String>) -> Result<T, Throwable> {
    Err(Throwable::new(class, message))
}

const JMS: &str = "javax.jms.JMSException";

impl State {
    fn connection(&mut self, number: u64) -> Result<&mut Connection, Throwable> {
        self.connections.get_mut(&number).ok_or_else(|| Throwable::new(JMS, "the connection is gone"))
    }

    /// Ends what a connection had.
    pub(super) fn disconnect(&mut self, number: u64) {
        self.clear_connection(number);
        self.connections.remove(&number);
    }

    fn clear_connection(&mut self, number: u64) {
        self.remove_consumers(0, |consumer| consumer.connection == number);
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.sessions.clear();
            connection.producers.clear();
            connection.transactions.clear();
        }
        let own = self.temporaries.iter().filter(|(_, owner)| **owner == number);
        let own: Vec<_> = own.map(|(destination, _)| destination.clone()).collect();
        let id = self.connections.get(&number).and_then(|connection| connection.id.clone()).unwrap_or_default();
        for destination in own {
            self.remove_temporary(&DestinationInfo {
                connection_id: id.clone(),
                destination: Some(destination),
                operation: DestinationInfo::REMOVE,
                ..DestinationInfo::default()
            });
        }
    }

    fn add_connection(&mut self, number: u64, info: &ConnectionInfo) -> Executed {
        const INVALID: &str = "javax.jms.InvalidClientIDException";
        let Some(client_id) = info.client_id.clone() else {
            return refuse(INVALID, "No clientID specified for connection request");
        };
        let taken = self
            .connections
            .iter()
            .any(|(other, connection)| *other != number && connection.client_id.as_ref() == Some(&client_id));
        if taken {
            return refuse(INVALID, format!("Broker: embedded - Client: {client_id} already connected"));
        }
        let connection = self.connection(number)?;
        connection.id = Some(info.connection_id.clone());
        connection.client_id = Some(client_id);
        // A connection's own consumers, those of advisories, belong to a session that nobody opens.
        let connection_id = info.connection_id.value.clone();
        connection.sessions.insert(SessionId { connection_id, value: -1 });
        let control = ConnectionControl {
            connected_brokers: Some(String::new()),
            reconnect_to: Some(String::new()),
            ..ConnectionControl::default()
        };
        Ok(Done { before: vec![control.into()], ..Done::default() })
    }

    fn add_session(&mut self, number: u64, info: &SessionInfo) -> Executed {
        let connection = self.connection(number)?;
        if connection.id.is_none() {
            return refuse("java.lang.IllegalStateException", "a session of a connection that was not registered");
        }
        connection.sessions.insert(info.session_id.clone());
        Ok(Done::default())
    }

    fn add_producer(&mut self, number: u64, info: &ProducerInfo) -> Executed {
        let id = &info.producer_id;
        let connection = self.connection(number)?;
        require_session(connection, &id.connection_id, id.session_id, "producer")?;
        let producer = Producer { destination: info.destination.clone(), window: info.window_size };
        connection.producers.insert(id.clone(), producer);
        Ok(Done::default())
    }

    fn add_consumer_of(&mut self, number: u64, info: &ConsumerInfo) -> Executed {
        let id = &info.consumer_id;
        require_session(self.connection(number)?, &id.connection_id, id.session_id, "consumer")?;
        if info.selector.as_deref().is_some_and(|selector| !selector.trim().is_empty()) {
            return refuse("javax.jms.InvalidSelectorException", "the embedded broker knows no selectors");
        }
        let gone = info.destination.as_ref().filter(|own| own.is_temporary() && !self.temporaries.contains_key(own));
        if let Some(destination) = gone {
            return refuse("org.apache.activemq.DestinationDoesNotExistException", destination.to_string());
        }
        self.add_consumer(Consumer::new(number, info.clone()));
        self.advise_again(info.destination.as_ref());
        Ok(Done::default())
    }

    fn change_destination(&mut self, number: u64, info: &DestinationInfo) -> Executed {
        let Some(destination) = info.destination.as_ref().filter(|destination| destination.is_temporary()) else {
            return Ok(Done::default());
        };
        match info.operation {
            DestinationInfo::ADD => {
                if self.temporaries.insert(destination.clone(), number).is_none() {
                    self.advise(info);
                }
            }
            _ if self.is_consumed(destination) => {
                let name = &destination.name;
                return refuse(JMS, format!("Destination still has an active subscription: {name}"));
            }
            _ => self.remove_temporary(info),
        }
        Ok(Done::default())
    }

    fn remove_temporary(&mut self, info: &DestinationInfo) {
        if let Some(destination) = &info.destination {
            self.temporaries.remove(destination);
            self.queues.remove(destination);
            self.advise(info);
        }
    }

    fn remove(&mut self, number: u64, id: &ObjectId, last: i64) -> Executed {
        match id {
            ObjectId::Connection(_) => self.clear_connection(number),
            ObjectId::Session(session) => {
                let connection = self.connection(number)?;
                connection.sessions.remove(session);
                connection
                    .producers
                    .retain(|id, _| id.connection_id != session.connection_id || id.session_id != session.value);
                self.remove_consumers(last, |consumer| {
                    consumer.connection == number && consumer.is_of_session(session)
                });
            }
            ObjectId::Consumer(id) => self.remove_consumers(last, |consumer| consumer.info.consumer_id == *id),
            ObjectId::Producer(id) => {
                self.connection(number)?.producers.remove(id);
            }
        }
        Ok(Done::default())
    }

    fn transaction(&mut self, number: u64, id: Option<&TransactionId>) -> Result<(i64, &mut Connection), Throwable> {
        match id {
            Some(TransactionId::Local(id)) => Ok((id.value, self.connection(number)?)),
            _ => refuse(JMS, "the embedded broker knows no distributed transactions"),
        }
    }

    /// The transaction's messages are returned: they are to be stored.
    fn change_transaction(&mut self, number: u64, info: &TransactionInfo) -> Result<Vec<Message>, Throwable> {
        let (value, connection) = self.transaction(number, info.transaction_id.as_ref())?;
        if info.operation == TransactionInfo::BEGIN {
            connection.transactions.entry(value).or_default();
            return Ok(Vec::new());
        }
        let Some(transaction) = connection.transactions.remove(&value) else {
            let id = info.transaction_id.as_ref().map(text_of).unwrap_or_default();
            return refuse(JMS, format!("Transaction '{id}' has not been started."));
        };
        match (info.operation, transaction) {
            (TransactionInfo::ROLLBACK, _) => Ok(Vec::new()),
            (TransactionInfo::COMMIT_ONE_PHASE, Transaction { failed: Some(why), .. }) => {
                refuse("javax.jms.TransactionRolledBackException", why)
            }
            (TransactionInfo::COMMIT_ONE_PHASE, Transaction { messages, acks, .. }) => {
                for ack in &acks {
                    self.acknowledge(ack).or_else(|why| refuse(JMS, why))?;
                }
                Ok(messages)
            }
            (other, _) => refuse(JMS, format!("the embedded broker knows no step {other} of a transaction")),
        }
    }

    fn acknowledge_of(&mut self, number: u64, ack: &MessageAck) -> Executed {
        if ack.transaction_id.is_some() && ack.ack_type != MessageAck::DELIVERED {
            let (value, connection) = self.transaction(number, ack.transaction_id.as_ref())?;
            if let Some(transaction) = connection.transactions.get_mut(&value) {
                transaction.acks.push(ack.clone());
                return Ok(Done::default());
            }
        }
        self.acknowledge(ack).or_else(|why| refuse(JMS, why))?;
        Ok(Done::default())
    }

    /// What is wrong with a message; else the window of its producer.
    fn check(&mut self, number: u64, message: &Message) -> Result<i32, Throwable> {
        let connection = self.connection(number)?;
        let producer = message.producer_id.as_ref().and_then(|id| connection.producers.get(id));
        let Some(Producer { destination, window }) = producer else {
            let id = message.producer_id.as_ref().map(ToString::to_string).unwrap_or_default();
            return refuse(JMS, format!("Could not send the message: invalid (null) producer state of {id}"));
        };
        let window = *window;
        let Some(to) = &message.destination else {
            return refuse("javax.jms.InvalidDestinationException", "the message has no destination");
        };
        if destination.as_ref().is_some_and(|own| own != to) {
            return refuse("javax.jms.InvalidDestinationException", format!("the producer does not send to {to}"));
        }
        if to.is_temporary() && !self.temporaries.contains_key(to) {
            return refuse("org.apache.activemq.DestinationDoesNotExistException", to.to_string());
        }
        Ok(window)
    }

    /// `None`: the message waits for the end of its transaction.
    fn send(&mut self, number: u64, message: &Message) -> Result<(i32, Option<Message>), Throwable> {
        let checked = self.check(number, message);
        let Some(id) = &message.transaction_id else {
            return Ok((checked?, Some(message.clone())));
        };
        let (value, connection) = self.transaction(number, Some(id))?;
        let Some(transaction) = connection.transactions.get_mut(&value) else {
            return refuse(JMS, format!("Transaction '{}' has not been started.", text_of(id)));
        };
        match checked {
            Ok(window) => {
                transaction.messages.push(message.clone());
                Ok((window, None))
            }
            Err(error) => {
                transaction.failed = Some(error.to_string());
                Err(error)
            }
        }
    }
}

fn require_session(connection: &Connection, connection_id: &str, value: i64, of: &str) -> Result<(), Throwable> {
    let known = connection.sessions.iter().any(|id| id.connection_id == connection_id && id.value == value);
    if known {
        return Ok(());
    }
    let why = format!("Cannot add a {of} to a session that had not been registered: {connection_id}:{value}");
    refuse("java.lang.IllegalStateException", why)
}

fn text_of(id: &TransactionId) -> String {
    match id {
        TransactionId::Local(id) => id.to_string(),
        TransactionId::Xa(_) => "XID".to_owned(),
    }
}

fn delay_of(message: &Message) -> Option<Duration> {
    let properties = message.properties().ok()?;
    let (_, value) = properties.iter().find(|(name, _)| name == SCHEDULED_DELAY)?;
    match *value {
        Value::Long(delay @ 1..) => Some(delay),
        Value::Int(delay @ 1..) => Some(delay.into()),
        _ => None,
    }
    .map(|delay| Duration::from_millis(delay.min(MAX_DELAY).unsigned_abs()))
}

impl Link {
    /// Executes a command.
    pub(super) fn execute(&self, connector: usize, packet: &Packet) -> Executed {
        let (number, store) = (self.number, &self.store);
        let mut guard = store.lock();
        let state = &mut guard.openwire;
        match &packet.command {
            Command::WireFormatInfo(_) => {
                let address = store.brokers[connector].name.replace("broker-", super::PREFIX);
                let info = BrokerInfo {
                    broker_id: Some(BrokerId { value: "ID:embedded".to_owned() }),
                    broker_url: Some(format!("tcp://{address}")),
                    broker_name: Some("embedded".to_owned()),
                    connection_id: number.try_into().unwrap_or_default(),
                    ..BrokerInfo::default()
                };
                Ok(Done { before: vec![info.into()], ..Done::default() })
            }
            Command::ConnectionInfo(info) => state.add_connection(number, info),
            Command::SessionInfo(info) => state.add_session(number, info),
            Command::ProducerInfo(info) => state.add_producer(number, info),
            Command::ConsumerInfo(info) => state.add_consumer_of(number, info),
            Command::DestinationInfo(info) => state.change_destination(number, info),
            Command::RemoveInfo(info) => state.remove(number, &info.object_id, info.last_delivered_sequence_id),
            Command::MessageAck(ack) => state.acknowledge_of(number, ack),
            Command::MessagePull(pull) => {
                if let Some(id) = &pull.consumer_id {
                    state.pull(id, pull.timeout != -1);
                }
                Ok(Done::default())
            }
            Command::TransactionInfo(info) => {
                let messages = state.change_transaction(number, info)?;
                drop(guard);
                messages.into_iter().for_each(|message| take(store, connector, message));
                Ok(Done::default())
            }
            Command::Message(message) => {
                let (window, at_once) = state.send(number, message)?;
                drop(guard);
                if let Some(message) = at_once {
                    take(store, connector, message);
                }
                let mut done = Done::default();
                if window > 0 && !packet.response_required {
                    let ack = ProducerAck { producer_id: message.producer_id.clone(), size: message.window_size() };
                    done.after.push(ack.into());
                }
                Ok(done)
            }
            Command::ShutdownInfo(_) => Ok(Done { close: true, ..Done::default() }),
            Command::RemoveSubscriptionInfo(_) => {
                refuse("javax.jms.InvalidDestinationException", "the embedded broker knows no durable subscriptions")
            }
            _ => Ok(Done::default()),
        }
    }
}

/// Takes a message: now, or when its delay is over.
fn take(store: &Arc<Store>, connector: usize, mut message: Message) {
    let now = now_millis();
    (message.arrival, message.broker_in_time) = (now, now);
    let Some(delay) = delay_of(&message) else {
        return store_message(store, connector, message);
    };
    let generation = {
        let mut guard = store.lock();
        guard.openwire.scheduled += 1;
        guard.openwire.generation
    };
    let store = Arc::clone(store);
    tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        {
            let state = &mut store.lock().openwire;
            if state.generation != generation {
                return;
            }
            state.scheduled -= 1;
        }
        store_message(&store, connector, message);
    });
}

fn store_message(store: &Arc<Store>, connector: usize, message: Message) {
    let accepted = {
        let mut guard = store.lock();
        let accepted = guard.openwire.accept(connector, message);
        store.announce(&guard);
        accepted
    };
    accepted.iter().for_each(|waiting| respond(store, connector, waiting));
}

/// Has the responder of the destination answer a message that wants an answer.
fn respond(store: &Arc<Store>, connector: usize, request: &Waiting) {
    let (Some(to), Some(responder)) = (&request.message.reply_to, store.responders.get(&request.destination.name))
    else {
        return;
    };
    let logged = Logged {
        connector,
        destination: request.destination.clone(),
        offset: 0,
        message: Arc::clone(&request.message),
    };
    let shown = stored_message(&store.brokers[connector], &logged);
    let body = match catch_unwind(AssertUnwindSafe(|| responder(&shown))) {
        Ok(Some(body)) => body,
        Ok(None) => return,
        Err(_) => return tracing::error!(topic = request.destination.name, "a responder panicked"),
    };
    let mut guard = store.lock();
    let state = &mut guard.openwire;
    if to.is_temporary() && !state.temporaries.contains_key(to) {
        return tracing::warn!("the answer to {} is for a destination that is gone", shown.message_id);
    }
    state.replies += 1;
    let producer_id = ProducerId { connection_id: "ID:embedded".to_owned(), value: 2, session_id: 1 };
    let correlation = request.message.correlation_id.clone().unwrap_or(shown.message_id);
    let now = now_millis();
    let reply = Message {
        kind: MessageKind::Bytes,
        producer_id: Some(producer_id.clone()),
        message_id: Some(MessageId {
            producer_id: Some(producer_id),
            producer_sequence_id: state.replies,
            ..MessageId::default()
        }),
        destination: Some(to.clone()),
        correlation_id: Some(correlation),
        priority: 4,
        timestamp: now,
        arrival: now,
        content: Some(body.into()),
        ..Message::default()
    };
    state.accept(connector, reply);
    store.announce(&guard);
}
