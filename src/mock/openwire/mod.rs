//! The embedded cluster as an ActiveMQ broker: connectors that speak OpenWire, all on one store.
//!
//! What it does as ActiveMQ 6.3 does: negotiation (loose encoding, no cache), keep-alive both ways, connections with
//! their sessions, producers and consumers, answers and exceptions, queues, topics, composite names and wildcards of
//! consumers, windows of producers and their `ProducerAck`, local transactions, temporary destinations with the
//! advisories that clients need of them, prefetch and pulls, acknowledgements of every type, redelivery, browsing,
//! expiry, `AMQ_SCHEDULED_DELAY`, and dropping what is sent twice with one message id.
//!
//! What differs: there are no selectors (refused), no durable subscriptions (those of topics end with their consumer),
//! no distributed transactions (refused), no memory limits, no users: whoever connects is let in.

mod advisory;
mod commands;
mod connection;
mod delivery;
mod fault;
mod link;
mod state;
mod stored;

pub(super) use connection::serve;
pub(super) use state::State;
pub(super) use stored::{connector_name, stored_message};

use super::cluster::Cluster;
use crate::error::Result;
use crate::protocol::openwire::Message;

/// How connectors are called: `openwire-a`, `openwire-b` and so on.
pub(super) const PREFIX: &str = "openwire-";

/// The cluster as ActiveMQ clients see it. Its messages are listed with those of RocketMQ clients, by
/// [`Cluster::messages`]: the topic is the destination's name, JMS's headers stand before the message's own properties.
/// Consumed messages stay listed.
///
/// Faults and requests of connectors: the code is the number of the command's type (24: a bytes message, 28: a text
/// message, 3: `ConnectionInfo`), the server `openwire-a` and so on. A negotiation or a keep-alive is hit only by a fault
/// of its own number. The remark of [`FaultAction::Answer`](super::FaultAction::Answer) is the exception's class and text,
/// `java.lang.SecurityException: wrong password`; its code means nothing here.
impl Cluster {
    /// Where ActiveMQ clients connect to, `127.0.0.1:PORT` for each broker of the cluster. Each is a connector of the
    /// same broker: when one is closed, another takes over.
    ///
    /// They listen from the first call on.
    pub fn openwire_addresses(&self) -> Result<Vec<String>> {
        self.live_store()?;
        Ok(self.server().openwire()?.iter().map(ToString::to_string).collect())
    }

    /// The URL of [`Cluster::openwire_addresses`] for a producer: `activemq://127.0.0.1:PORT`, or `failover:(…)` of
    /// several.
    pub fn openwire_url(&self) -> Result<String> {
        let addresses = self.openwire_addresses()?;
        Ok(match &addresses[..] {
            [one] => format!("activemq://{one}"),
            all => {
                let all: Vec<_> = all.iter().map(|address| format!("tcp://{address}")).collect();
                format!("failover:({})", all.join(","))
            }
        })
    }

    /// The messages that ActiveMQ clients sent to destinations of that name, or to all, in the order of their arrival,
    /// with all their fields. Messages of transactions are listed when those are committed.
    pub fn openwire_messages(&self, destination: Option<&str>) -> Result<Vec<Message>> {
        Ok(self.live_store()?.lock().openwire.messages(destination).map(|logged| (*logged.message).clone()).collect())
    }
}
