//! Faults and requests of connectors: what stands between a command and its answer.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::BytesMut;

use super::commands::{Done, Executed};
use super::stored::MAX_INFLATED;
use crate::mock::connection::Role;
use crate::mock::fault::{Fault, FaultAction, Hit};
use crate::mock::output::{Next, Output};
use crate::mock::store::Store;
use crate::protocol::openwire::wire::Object;
use crate::protocol::openwire::{
    CodecError, Command, ExceptionResponse, KeepAliveInfo, MessageKind, ObjectId, Packet, Response, Throwable,
    TransactionId, Value, encode,
};
use crate::protocol::remoting::Header;
use crate::protocol::remoting::command::ONEWAY;

/// What a broker throws when nothing else is said.
const ANY: &str = "javax.jms.JMSException";

/// What goes out for a command.
pub(super) fn answer(packet: &Packet, executed: Executed) -> (BytesMut, bool) {
    let (done, failed) = match executed {
        Ok(done) => (done, None),
        Err(exception) => (Done::default(), Some(exception)),
    };
    let mut out = BytesMut::new();
    let mut put = |command: &Command| {
        if let Err(error) = encode(&mut out, 0, false, command) {
            tracing::error!("the embedded broker cannot answer: {error}");
        }
    };
    done.before.iter().for_each(&mut put);
    let correlation_id = packet.command_id;
    match (&packet.command, failed) {
        _ if !packet.response_required => {}
        (Command::KeepAliveInfo(_), _) => put(&KeepAliveInfo {}.into()),
        (_, Some(exception)) => put(&ExceptionResponse { correlation_id, exception: Some(exception) }.into()),
        (_, None) => put(&Response { correlation_id }.into()),
    }
    done.after.iter().for_each(&mut put);
    (out, done.close)
}

/// `java.lang.SecurityException: text`; a text without a class is a JMS exception's.
fn exception(remark: &str) -> Throwable {
    match remark.split_once(": ") {
        Some((class, text)) if class.contains('.') && !class.contains(' ') => Throwable::new(class, text),
        _ => Throwable::new(ANY, remark),
    }
}

/// The fault that hits a command. What is no request is hit only by a fault of its own number.
pub(super) fn hit(store: &Store, role: Role, command: &Command) -> Option<Hit> {
    let code = command.kind().into();
    match command {
        Command::WireFormatInfo(_) | Command::KeepAliveInfo(_) => store.faults.take_of_code(role, code),
        _ => store.faults.take(role, code),
    }
}

/// Does to the connection what is left to do after the command was executed, or was not.
pub(super) fn apply(fault: &Fault, packet: &Packet, executed: Option<Executed>, out: &mut Output) -> Next {
    let answered = match &fault.action {
        FaultAction::Answer { remark, .. } => Some(answer(packet, Err(exception(remark)))),
        FaultAction::ChangeAnswer { remark, .. } => executed.map(|_| answer(packet, Err(exception(remark)))),
        FaultAction::Delay | FaultAction::HalfAnswer => executed.map(|executed| answer(packet, executed)),
        _ => None,
    };
    let (bytes, close) = answered.unwrap_or_default();
    fault.finish(bytes, close, out)
}

/// Notes a command among the requests.
pub(super) fn note(store: &Store, role: Role, packet: &Packet, frame: &[u8], fault: Option<Arc<Fault>>) {
    let mut header = Header::request(packet.command.kind().into());
    header.opaque = packet.command_id;
    header.flag = if packet.response_required { 0 } else { ONEWAY };
    header.ext = fields(&packet.command);
    store.requests.add(role, header, frame, fault);
}

fn transaction(id: Option<&TransactionId>) -> Option<String> {
    id.map(|id| match id {
        TransactionId::Local(id) => id.to_string(),
        TransactionId::Xa(_) => "XID".to_owned(),
    })
}

/// What tests ask about most; all else is in the frame.
fn fields(command: &Command) -> Vec<(String, String)> {
    let to = |destination: &Option<_>| destination.as_ref().map(ToString::to_string);
    let values = match command {
        Command::ConnectionInfo(info) => vec![
            ("clientId", info.client_id.clone()),
            ("userName", info.user_name.clone()),
            ("password", info.password.clone()),
            ("faultTolerant", Some(info.fault_tolerant.to_string())),
            ("failoverReconnect", Some(info.failover_reconnect.to_string())),
        ],
        Command::ProducerInfo(info) => vec![
            ("producerId", Some(info.producer_id.to_string())),
            ("destination", to(&info.destination)),
            ("windowSize", Some(info.window_size.to_string())),
        ],
        Command::ConsumerInfo(info) => vec![
            ("consumerId", Some(info.consumer_id.to_string())),
            ("destination", to(&info.destination)),
            ("prefetchSize", Some(info.prefetch_size.to_string())),
        ],
        Command::TransactionInfo(info) => vec![
            ("transactionId", transaction(info.transaction_id.as_ref())),
            ("type", Some(info.operation.to_string())),
        ],
        Command::DestinationInfo(info) => {
            vec![("destination", to(&info.destination)), ("operationType", Some(info.operation.to_string()))]
        }
        Command::RemoveInfo(info) => vec![("objectId", Some(object(&info.object_id)))],
        Command::Message(message) => vec![
            ("messageId", message.message_id.as_ref().map(ToString::to_string)),
            ("destination", to(&message.destination)),
            ("transactionId", transaction(message.transaction_id.as_ref())),
            ("persistent", Some(message.persistent.to_string())),
        ],
        _ => Vec::new(),
    };
    let named = std::iter::once(("command", Some(command.name().to_owned()))).chain(values);
    let mut all: Vec<(String, String)> = named.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    if let Command::Message(message) = command {
        all.extend(typed("property", message.properties()));
        if message.kind == MessageKind::Map {
            all.extend(typed("entry", message.map(MAX_INFLATED)));
        }
    }
    all
}

/// Values with their types, which the stored message has as texts only; those that cannot be read are left out.
fn typed<'v>(
    what: &'static str,
    values: Result<Vec<(Cow<'v, str>, Value<'v>)>, CodecError>,
) -> impl Iterator<Item = (String, String)> {
    let told = move |(name, value): (Cow<'v, str>, Value<'v>)| {
        (format!("{what}.{name}"), format!("{} {}", value.type_name(), value.to_text()))
    };
    values.unwrap_or_default().into_iter().map(told)
}

fn object(id: &ObjectId) -> String {
    match id {
        ObjectId::Connection(id) => id.to_string(),
        ObjectId::Session(id) => id.to_string(),
        ObjectId::Consumer(id) => id.to_string(),
        ObjectId::Producer(id) => id.to_string(),
    }
}
