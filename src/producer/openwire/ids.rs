//! The names under which a producer is known to its broker, the same over all its connections.

use crate::config::ActiveMq;
use crate::error::Result;
use crate::producer::identity::{Identity, now_ms};
use crate::protocol::openwire::{
    ConnectionId, ConsumerId, LocalTransactionId, MessageId, Prepared, ProducerId, SessionId,
};
use crate::random::generator;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// What a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// A message of its own.
    Plain,
    /// One of a transaction.
    Transacted,
}

/// A producer in a session of its own.
#[derive(Debug)]
pub(super) struct ProducerIds {
    pub(super) id: ProducerId,
    pub(super) session: SessionId,
    pub(super) prepared: Prepared,
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct Ids {
    pub(super) connection: ConnectionId,
    pub(super) client_id: String,
    producers: [ProducerIds; 2],
    transactions: AtomicI64,
    temporary: AtomicI64,
}

impl Ids {
    pub(super) fn new(identity: &Identity, activemq: &ActiveMq) -> Result<Self> {
        // Of the form of Java's: host, port, time, number. A random number stands for the port, as containers may share
        // all the others.
        let (host, random) = (identity.host().replace(':', "."), generator().u32(10_000..1_000_000_000));
        let name = format!("ID:{host}-{random}-{}-{}", now_ms(), NEXT.fetch_add(1, Ordering::Relaxed));
        let connection = ConnectionId { value: format!("{name}:1") };
        let producer = |session_id| {
            let connection_id = connection.value.clone();
            let id = ProducerId { connection_id: connection_id.clone(), value: 1, session_id };
            let prepared = Prepared::new(&id)?;
            Result::Ok(ProducerIds { id, session: SessionId { connection_id, value: session_id }, prepared })
        };
        Ok(Ids {
            producers: [producer(1)?, producer(2)?],
            client_id: activemq.client_id.clone().unwrap_or_else(|| format!("{name}:0")),
            connection,
            transactions: AtomicI64::new(0),
            temporary: AtomicI64::new(0),
        })
    }

    pub(super) fn producer(&self, lane: Lane) -> &ProducerIds {
        &self.producers[lane as usize]
    }

    /// Who consumes the replies to requests.
    pub(super) fn consumer(&self) -> ConsumerId {
        let ProducerId { connection_id, session_id, .. } = self.producer(Lane::Plain).id.clone();
        ConsumerId { connection_id, session_id, value: 1 }
    }

    /// The id of a message, as consumers see it.
    pub(super) fn message(&self, lane: Lane, sequence: i64) -> String {
        let producer_id = Some(self.producer(lane).id.clone());
        MessageId { producer_id, producer_sequence_id: sequence, ..MessageId::default() }.to_string()
    }

    /// A transaction's id that none had before.
    pub(super) fn next_transaction(&self) -> LocalTransactionId {
        let value = self.transactions.fetch_add(1, Ordering::Relaxed) + 1;
        LocalTransactionId { value, connection_id: self.connection.clone() }
    }

    /// The name of a temporary destination that none had before.
    pub(super) fn next_temporary(&self) -> String {
        format!("{}:{}", self.connection.value, self.temporary.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
