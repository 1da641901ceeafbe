//! Making one connection ready for messages: the broker hears who this is, as it heard it on the last one.

use super::Client;
use super::ids::Lane;
use super::session::Up;
use crate::config::BrokerAddress;
use crate::error::{Error, ErrorKind, Result};
use crate::net::openwire::{Dialling, Events, Link, Negotiated, refusal};
use crate::policy::destination;
use crate::protocol::openwire::{
    Command, ConnectionControl, ConnectionInfo, DestinationInfo, ProducerInfo, SessionInfo,
};
use crate::route::{Broker, Queue};
use crate::sync::Mutex;
use std::sync::{Arc, Weak};
use std::time::Instant;

/// No broker's queue: the destination is the message's own.
const NO_QUEUE: i32 = -1;

/// Ends a connection that nobody took.
struct Unwanted(Option<Arc<Link>>);

impl Drop for Unwanted {
    fn drop(&mut self) {
        if let Some(link) = &self.0 {
            link.doom(Error::new(ErrorKind::Closed, "the connection is not wanted any more"));
        }
    }
}

impl Client {
    /// Dials a broker and tells it all that it must know.
    pub(super) async fn establish(self: &Arc<Self>, broker: &BrokerAddress) -> Result<Up> {
        let secure = broker.tls || self.settings.tls.is_some() && self.activemq.url.brokers.iter().all(|b| !b.tls);
        let hearing = Arc::new(Hearing { client: Arc::downgrade(self), broker_name: Mutex::default() });
        let address: Arc<str> = broker.address.as_str().into();
        let dialling = Dialling {
            address: &address,
            timeout: self.settings.connect_timeout,
            access: &self.access[usize::from(secure)],
            max_inactivity: self.activemq.max_inactivity,
            tight: self.activemq.tight_encoding,
            cache: self.activemq.marshalling_cache,
            events: Arc::clone(&hearing) as Arc<dyn Events>,
        };
        let Negotiated { link } = Link::open(dialling).await?;
        let mut unwanted = Unwanted(Some(Arc::clone(&link)));
        self.runtime.spawn(Negotiated::run(Arc::clone(&link)));
        self.introduce(&link).await.map_err(|cause| cause.context(format_args!("{address}")))?;
        unwanted.0 = None;
        let name = hearing.broker_name.lock().clone().unwrap_or_else(|| Arc::clone(&address));
        let counters = self.brokers.of(&name);
        let queue = Queue { broker: Arc::new(Broker::new(name, address, counters)), id: NO_QUEUE };
        Ok(Up { link, queue, number: 0 })
    }

    async fn introduce(&self, link: &Arc<Link>) -> Result<()> {
        let deadline = Instant::now() + self.settings.connect_timeout;
        let failover = self.failover().is_some();
        let again = failover && self.session.lock().has_been_up();
        if failover {
            let control = ConnectionControl { fault_tolerant: true, ..ConnectionControl::default() };
            link.tell(self.command(), &control.into())?;
        }
        let connection = ConnectionInfo {
            connection_id: self.ids.connection.clone(),
            client_id: Some(self.ids.client_id.clone()),
            user_name: self.activemq.user_name.clone(),
            password: self.activemq.password.clone(),
            manageable: true,
            client_master: true,
            fault_tolerant: failover,
            failover_reconnect: again,
            ..ConnectionInfo::default()
        };
        link.call(self.command(), &connection.into(), deadline).await.into_result()?;
        let temporary = self.temporary.lock().all();
        for name in temporary {
            self.declare(link, &name, DestinationInfo::ADD, deadline).await?;
        }
        let only = match self.activemq.destination.as_str() {
            "" => None,
            name => Some(destination::parse(name)?),
        };
        for lane in [Lane::Plain, Lane::Transacted] {
            let ids = self.ids.producer(lane);
            link.tell(self.command(), &SessionInfo { session_id: ids.session.clone() }.into())?;
            let producer = ProducerInfo {
                producer_id: ids.id.clone(),
                destination: only.clone(),
                dispatch_async: true,
                window_size: self.activemq.window.unwrap_or(0),
                ..ProducerInfo::default()
            };
            link.call(self.command(), &producer.into(), deadline).await.into_result()?;
        }
        Ok(())
    }
}

/// Hears what a broker says of its own accord.
struct Hearing {
    client: Weak<Client>,
    broker_name: Mutex<Option<Arc<str>>>,
}

impl Events for Hearing {
    fn received(&self, link: &Arc<Link>, command: Command) {
        match command {
            Command::BrokerInfo(info) => *self.broker_name.lock() = info.broker_name.as_deref().map(Arc::from),
            Command::ProducerAck(ack) => {
                if let (Some(client), Some(producer)) = (self.client.upgrade(), &ack.producer_id) {
                    client.acknowledged(producer, ack.size);
                }
            }
            Command::ConnectionError(told) => {
                let error = refusal(&told.exception.clone().unwrap_or_default());
                tracing::warn!(address = %link.address(), %error, "the broker refused what asked for no answer");
                if let Some(client) = self.client.upgrade() {
                    client.counters().refused_unasked.add(1);
                }
            }
            Command::MessageDispatch(dispatch) => {
                if let Some(client) = self.client.upgrade() {
                    client.take_reply(link, *dispatch);
                }
            }
            other => tracing::debug!(address = %link.address(), command = other.name(), "a word of the broker"),
        }
    }

    fn ending(&self, link: &Link) {
        if let Some(client) = self.client.upgrade() {
            client.going_down(link);
        }
    }

    fn ended(&self, _link: &Link, cause: &Error) {
        if let Some(client) = self.client.upgrade() {
            client.gone_down(cause);
        }
    }
}
