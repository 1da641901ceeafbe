//! Requests, the replies to them that brokers push, and replies to the requests of others.

use super::Mode;
use super::accept::Form;
use super::lifecycle::Core;
use super::waiting::{Asked, CorrelationId, Receiver, SentRequest};
use crate::completion::Completion;
use crate::error::{Error, ErrorKind, Result};
use crate::message::{Delay, Message, SendOptions};
use crate::net::connection::{Awaited, Connection, Served};
use crate::policy::validate;
use crate::protocol::remoting::command::{request_code, response_code};
use crate::protocol::remoting::header::Header;
use crate::protocol::remoting::properties::{self, CORRELATION_ID, MSG_TYPE, REPLY_TO_CLIENT, TTL};
use crate::protocol::remoting::reply::{PushReply, reply_topic};
use crate::random::generator;
use crate::received::ReceivedMessage;
use crate::reply::ReplyTo;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A connection that was open for so long is dialled again at once, while requests wait.
const LIVED_WELL: Duration = Duration::from_secs(1);
/// Before any dial for a reply's sake: what fails at once, again and again, must not fill a thread.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

/// Properties that put a message off or make it a half message, which nobody would answer in time.
const POSTPONING: [&str; 6] = [
    properties::DELAY,
    properties::TIMER_DELAY_SEC,
    properties::TIMER_DELAY_MS,
    properties::TIMER_DELIVER_MS,
    properties::START_DELIVER_TIME,
    properties::TRAN_MSG,
];

/// Refuses what cannot be in a message of this kind: a delay, and properties that are set here.
fn check(message: &Message<'_>, kind: &str, ours: &[&str]) -> Result<()> {
    let refuse = |what: String| Err(Error::new(ErrorKind::InvalidMessage, what));
    if message.delay != Delay::None {
        return refuse(format!("`delay` is {:?}; {kind} cannot be delayed", message.delay));
    }
    for (name, _) in &message.properties {
        if ours.contains(name) {
            return refuse(format!("the property `{name}` of {kind} is set by the library"));
        }
        if POSTPONING.contains(name) {
            return refuse(format!("the property `{name}` does not go with {kind}, which cannot be put off"));
        }
    }
    Ok(())
}

impl Core {
    /// Sends a request; its end comes to `receiver`, exactly once, when `Ok` is returned, and never otherwise.
    pub(super) fn request(
        self: &Arc<Self>,
        message: &Message<'_>,
        options: &SendOptions,
        timeout: Duration,
        receiver: Receiver,
    ) -> Result<()> {
        let started = Instant::now();
        self.must_run()?;
        validate::request_timeout(timeout)?;
        validate::message(message, self.settings.max_message_size)?;
        check(message, "a request", &[CORRELATION_ID, REPLY_TO_CLIENT, TTL])?;
        let deadline = started + timeout;
        self.greet_brokers(message.topic, deadline)?;
        self.waiting.start_timer(&self.runtime);

        let id = CorrelationId::random();
        let (id_text, ttl) = (id.to_string(), timeout.as_millis().to_string());
        let properties = [(CORRELATION_ID, &*id_text), (REPLY_TO_CLIENT, self.identity.client_id()), (TTL, &*ttl)];
        let form = Form { properties: &properties, spoolable: false, ..Form::default() };
        let left = deadline.saturating_duration_since(Instant::now());
        let options = SendOptions { timeout: Some(options.timeout.map_or(left, |own| own.min(left))), ..*options };
        let asked = Asked { topic: message.topic.to_owned(), timeout, deadline, receiver };
        let sent = SentRequest::new(&self.waiting, id, asked);
        // As by the Java client, each request is an asynchronous send.
        self.submit_as(message, &options, Mode::Async, &form, Completion::Request(Box::new(sent))).map(drop)
    }

    /// Makes this client known to every broker of a topic, for the reply may come from any of them: a new connection
    /// begins with a heartbeat, an open one has had it.
    fn greet_brokers(self: &Arc<Self>, topic: &str, deadline: Instant) -> Result<()> {
        let topic = self.settings.namespace.wrap(topic);
        validate::topic_name(&topic)?;
        for broker in self.route(&topic, deadline)?.brokers() {
            self.pool.broker(&broker.address);
        }
        Ok(())
    }

    /// A connection ended. While requests wait its broker must know this client, to hand a reply on, so that it is
    /// dialled again, and greeted, without waiting for the next send or heartbeat. The next end comes here, too.
    pub(super) fn stay_known(self: &Arc<Self>, connection: &Connection) {
        if !self.expects_replies_from(connection.address()) {
            return;
        }
        // An address that refuses is the pool's to be patient with; not so a server that takes clients and drops them.
        let pause = match connection.death() {
            Some((_, _, Some(lived))) if lived >= LIVED_WELL => Duration::ZERO,
            Some((_, _, Some(_))) => self.settings.reconnect_backoff_max.mul_f64(0.5 + generator().f64() / 2.0),
            _ => Duration::ZERO,
        };
        let (core, address) = (Arc::downgrade(self), Arc::clone(connection.address()));
        self.runtime.spawn(async move {
            tokio::time::sleep(pause.max(SHORTEST_PAUSE)).await;
            let Some(core) = core.upgrade().filter(|core| core.expects_replies_from(&address)) else {
                return;
            };
            let connection = core.pool.broker(&address);
            // Closed meanwhile, on another thread, which may not have seen this one.
            if let Some(closed) = core.must_end() {
                connection.doom(closed);
            }
        });
    }

    fn expects_replies_from(&self, address: &Arc<str>) -> bool {
        self.waiting.len() > 0 && self.must_end().is_none() && self.routes.broker_addresses().contains(address)
    }

    /// A reply that a broker pushed. The broker is told that it came, whether or not anybody waits for it.
    pub(super) fn take_reply(&self, connection: &Connection, request: &Header, body: &[u8]) -> Served {
        let malformed = |why: String| {
            tracing::warn!(address = %connection.address(), why, "a reply was not understood");
            Served::Answer(response_code::SYSTEM_ERROR, Some(why))
        };
        let pushed = match PushReply::decode(request) {
            Ok(pushed) => pushed,
            Err(error) => return malformed(error.to_string()),
        };
        let Some(text) = properties::get(pushed.properties, CORRELATION_ID) else {
            return malformed(format!("the reply has no property `{CORRELATION_ID}`"));
        };
        let unknown = || {
            tracing::warn!(address = %connection.address(), correlation_id = text, "a reply that no request waits for");
            Served::Answer(response_code::SUCCESS, None)
        };
        // Looked for first: a body that nobody wants is not inflated.
        let Some(id) = CorrelationId::parse(text).filter(|id| self.waiting.waits(*id)) else {
            return unknown();
        };
        let reply = match ReceivedMessage::from_reply(&pushed, body) {
            Ok(reply) => reply,
            Err(error) => return malformed(error.to_string()),
        };
        let reply = reply.with_topic(&self.settings.namespace.strip(pushed.topic));
        match self.waiting.reply(id, reply) {
            true => Served::Answer(response_code::SUCCESS, None),
            false => unknown(),
        }
    }

    /// Sends the reply to a request of another client.
    pub(super) fn reply(
        self: &Arc<Self>,
        to: &ReplyTo,
        message: &Message<'_>,
        options: &SendOptions,
        mode: Mode,
        completion: Completion,
    ) -> Result<Option<Awaited>> {
        to.check()?;
        check(message, "a reply", &[MSG_TYPE, CORRELATION_ID, REPLY_TO_CLIENT, TTL])?;
        let topic = reply_topic(&to.cluster);
        let ttl = to.ttl.map(|ttl| ttl.as_millis().to_string());
        let mut properties = vec![
            (MSG_TYPE, properties::MSG_TYPE_REPLY),
            (CORRELATION_ID, &*to.correlation_id),
            (REPLY_TO_CLIENT, &*to.reply_to_client),
        ];
        properties.extend(ttl.as_deref().map(|ttl| (TTL, ttl)));
        let code = request_code::SEND_REPLY_MESSAGE_V2;
        let form = Form { code, properties: &properties, servers_topic: true, spoolable: false, ..Form::default() };
        let message = Message { topic: &topic, ..message.clone() };
        self.submit_as(&message, options, mode, &form, completion)
    }
}
