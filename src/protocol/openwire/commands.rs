//! The commands, their fields in the order of the wire (version 10 and later).
//!
//! Those that no producer's connection sees (of networks of brokers, of browsing, of discovery) are missing.

use bytes::Bytes;

use super::command::{Packet, Structure};
use super::destination::Destination;
use super::ids::{BrokerId, ConnectionId, ConsumerId, MessageId, ObjectId, ProducerId, SessionId, TransactionId};
use super::message::Message;
use super::throwable::Throwable;
use super::wire::structures;

structures! {
    /// The broker presents itself.
    BrokerInfo = 2 {
        /// Its id.
        broker_id: Option<BrokerId>,
        /// Where it listens.
        broker_url: Option<String>,
        /// The brokers that it is connected to.
        peer_broker_infos: Option<Vec<Packet<BrokerInfo>>>,
        /// Its name.
        broker_name: Option<String>,
        /// It is a slave.
        slave_broker: bool,
        /// It is a master.
        master_broker: bool,
        /// It has a slave.
        fault_tolerant_configuration: bool,
        /// A network connection that goes both ways.
        duplex_connection: bool,
        /// A connection between brokers.
        network_connection: bool,
        /// The number of this connection.
        connection_id: i64,
        /// Where large messages are put.
        broker_upload_url: Option<String>,
        /// Properties of the network.
        network_properties: Option<String>,
    }

    /// A client presents itself.
    ConnectionInfo = 3 {
        /// The connection's id.
        connection_id: ConnectionId,
        /// The client's name, unique in the broker.
        client_id: Option<String>,
        /// The user's password.
        password: Option<String>,
        /// The user.
        user_name: Option<String>,
        /// The brokers that it came by.
        broker_path: Option<Vec<BrokerId>>,
        /// A slave's connection to its master.
        broker_master_connector: bool,
        /// The client follows the broker's control commands.
        manageable: bool,
        /// Java sends true.
        client_master: bool,
        /// The client reconnects by itself.
        fault_tolerant: bool,
        /// It is here again after a failure.
        failover_reconnect: bool,
        /// The client's address.
        client_ip: Option<String>,
    }

    /// A session is opened.
    SessionInfo = 4 {
        /// Its id.
        session_id: SessionId,
    }

    /// A consumer is opened.
    ConsumerInfo = 5 {
        /// Its id.
        consumer_id: ConsumerId,
        /// It looks only.
        browser: bool,
        /// What it consumes.
        destination: Option<Destination>,
        /// How many messages it takes before it has acknowledged the first; 0: it pulls.
        prefetch_size: i32,
        /// How many more a topic keeps for it.
        maximum_pending_message_limit: i32,
        /// The broker hands messages on by a thread of their own.
        dispatch_async: bool,
        /// The JMS selector.
        selector: Option<String>,
        /// The client's name.
        client_id: Option<String>,
        /// The name of a durable subscription.
        subscription_name: Option<String>,
        /// Messages of its own connection stay away.
        no_local: bool,
        /// It is the only one.
        exclusive: bool,
        /// It gets older messages, too.
        retroactive: bool,
        /// From 0 to 127.
        priority: i8,
        /// The brokers that it came by.
        broker_path: Option<Vec<BrokerId>>,
        /// A filter of networks of brokers.
        additional_predicate: Option<NetworkBridgeFilter>,
        /// It belongs to another broker.
        network_subscription: bool,
        /// It acknowledges in groups.
        optimized_acknowledge: bool,
        /// It acknowledges one at a time.
        no_range_acks: bool,
        /// The consumers of other brokers behind it.
        network_consumer_path: Option<Vec<ConsumerId>>,
    }

    /// A filter of networks of brokers.
    NetworkBridgeFilter = 91 {
        /// The other broker.
        network_broker_id: Option<BrokerId>,
        /// How far messages go.
        message_ttl: i32,
        /// How far subscriptions go.
        consumer_ttl: i32,
    }

    /// A producer is opened.
    ProducerInfo = 6 {
        /// Its id.
        producer_id: ProducerId,
        /// Its only destination; none: any.
        destination: Option<Destination>,
        /// The brokers that it came by.
        broker_path: Option<Vec<BrokerId>>,
        /// The broker hands its messages on by a thread of their own.
        dispatch_async: bool,
        /// Bytes that it may have sent without a [`ProducerAck`]; 0: no window.
        window_size: i32,
    }

    /// A transaction begins or ends.
    TransactionInfo = 7 {
        /// The connection.
        connection_id: ConnectionId,
        /// The transaction.
        transaction_id: Option<TransactionId>,
        /// What happens to it.
        operation: u8,
    }

    /// A temporary destination comes or goes.
    DestinationInfo = 8 {
        /// The connection.
        connection_id: ConnectionId,
        /// The destination.
        destination: Option<Destination>,
        /// [`ADD`](Self::ADD) or [`REMOVE`](Self::REMOVE).
        operation: u8,
        /// Milliseconds to wait for its end; 0: none.
        timeout: i64,
        /// The brokers that it came by.
        broker_path: Option<Vec<BrokerId>>,
    }

    /// A durable subscription ends.
    RemoveSubscriptionInfo = 9 {
        /// The connection.
        connection_id: ConnectionId,
        /// The subscription.
        subscription_name: Option<String>,
        /// The client.
        client_id: Option<String>,
    }

    /// A sign of life.
    KeepAliveInfo = 10 {}

    /// The sender closes the connection.
    ShutdownInfo = 11 {}

    /// A connection, session, consumer or producer ends.
    RemoveInfo = 12 {
        /// Its id.
        object_id: ObjectId,
        /// The last message that it got; Java sends -2 for producers and sessions, -1 for connections.
        last_delivered_sequence_id: i64,
    }

    /// A word to the process.
    ControlCommand = 14 {
        /// Such as `shutdown`.
        command: Option<String>,
    }

    /// The answer waits until all before it is done.
    FlushCommand = 15 {}

    /// Something failed that no request can be blamed for.
    ConnectionError = 16 {
        /// What happened.
        exception: Option<Throwable>,
        /// Where.
        connection_id: Option<ConnectionId>,
    }

    /// The broker steers a consumer.
    ConsumerControl = 17 {
        /// What it consumes.
        destination: Option<Destination>,
        /// Close it.
        close: bool,
        /// Which one.
        consumer_id: Option<ConsumerId>,
        /// Its new prefetch.
        prefetch: i32,
        /// Drop what is waiting.
        flush: bool,
        /// Go on.
        start: bool,
        /// Pause.
        stop: bool,
    }

    /// The broker steers a connection, or the client tells how it is.
    ConnectionControl = 18 {
        /// Close it.
        close: bool,
        /// End the process.
        exit: bool,
        /// The client reconnects by itself.
        fault_tolerant: bool,
        /// Go on.
        resume: bool,
        /// Pause.
        suspend: bool,
        /// The brokers of the cluster, separated by commas.
        connected_brokers: Option<String>,
        /// Where to go.
        reconnect_to: Option<String>,
        /// Choose among [`connected_brokers`](Self::connected_brokers) anew.
        rebalance_connection: bool,
        /// A secret.
        token: Option<Bytes>,
    }

    /// The broker has taken so many bytes off a producer's window; it says nothing of being stored.
    ProducerAck = 19 {
        /// The producer.
        producer_id: Option<ProducerId>,
        /// Bytes.
        size: i32,
    }

    /// A consumer without prefetch asks for a message.
    MessagePull = 20 {
        /// The consumer.
        consumer_id: Option<ConsumerId>,
        /// What it consumes.
        destination: Option<Destination>,
        /// Milliseconds; 0: without end; -1: not at all.
        timeout: i64,
        /// The message with this correlation id.
        correlation_id: Option<String>,
        /// This message.
        message_id: Option<MessageId>,
    }

    /// A message for a consumer.
    MessageDispatch = 21 {
        /// The consumer.
        consumer_id: Option<ConsumerId>,
        /// Where the message was sent.
        destination: Option<Destination>,
        /// The message; none ends a pull or a browser's look.
        message: Option<Packet<Box<Message>>>,
        /// How often it was handed out before.
        redelivery_counter: i32,
    }

    /// A consumer tells what became of messages.
    MessageAck = 22 {
        /// What it consumes.
        destination: Option<Destination>,
        /// The transaction.
        transaction_id: Option<TransactionId>,
        /// The consumer.
        consumer_id: Option<ConsumerId>,
        /// What became of them.
        ack_type: u8,
        /// The first message.
        first_message_id: Option<MessageId>,
        /// The last message.
        last_message_id: Option<MessageId>,
        /// How many.
        message_count: i32,
        /// Why they could not be worked on.
        poison_cause: Option<Throwable>,
    }

    /// A request is done.
    Response = 30 {
        /// The request's number.
        correlation_id: i32,
    }

    /// A request failed.
    ExceptionResponse = 31 {
        /// The request's number.
        correlation_id: i32,
        /// Why.
        exception: Option<Throwable>,
    }

    /// A request is done, with an object.
    DataResponse = 32 {
        /// The request's number.
        correlation_id: i32,
        /// The object.
        data: Option<Structure>,
    }

    /// A request is done, with several objects.
    DataArrayResponse = 33 {
        /// The request's number.
        correlation_id: i32,
        /// The objects.
        data: Option<Vec<Structure>>,
    }

    /// A request is done, with a number.
    IntegerResponse = 34 {
        /// The request's number.
        correlation_id: i32,
        /// The number: how many transactions, and the like.
        result: i32,
    }
}

impl TransactionInfo {
    /// It begins.
    pub const BEGIN: u8 = 0;
    /// It is made ready to commit.
    pub const PREPARE: u8 = 1;
    /// It is committed at once.
    pub const COMMIT_ONE_PHASE: u8 = 2;
    /// It is committed after it was made ready.
    pub const COMMIT_TWO_PHASE: u8 = 3;
    /// It is given up.
    pub const ROLLBACK: u8 = 4;
    /// Those made ready are asked for.
    pub const RECOVER: u8 = 5;
    /// It is forgotten.
    pub const FORGET: u8 = 6;
    /// The work in it ends.
    pub const END: u8 = 7;
}

impl DestinationInfo {
    /// It comes.
    pub const ADD: u8 = 0;
    /// It goes.
    pub const REMOVE: u8 = 1;
}

impl MessageAck {
    /// Handed on, not consumed yet.
    pub const DELIVERED: u8 = 0;
    /// Given up.
    pub const POISON: u8 = 1;
    /// Consumed.
    pub const STANDARD: u8 = 2;
    /// Handed out again.
    pub const REDELIVERED: u8 = 3;
    /// Consumed, and those before it not.
    pub const INDIVIDUAL: u8 = 4;
    /// Not matched by the consumer of a topic.
    pub const UNMATCHED: u8 = 5;
    /// Too old.
    pub const EXPIRED: u8 = 6;
}
