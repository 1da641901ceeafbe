//! The word to a broker that ends a transaction: one-way, so that it is written and never confirmed.

use super::hooks::Hook;
use super::lifecycle::Core;
use crate::error::{Error, ErrorKind, Result};
use crate::hook::EndTransactionContext;
use crate::net::connection::Connection;
use crate::protocol::remoting::transaction::{EndTransaction, TransactionState};
use crate::route::TopicRoute;
use crate::sync::Gate;
use bytes::BytesMut;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

/// A half message that a broker holds.
#[derive(Clone, Debug)]
pub(super) struct Half {
    /// With the namespace.
    pub(super) topic: String,
    pub(super) broker_name: String,
    pub(super) table_offset: i64,
    pub(super) commit_log_offset: i64,
    pub(super) message_id: String,
    pub(super) transaction_id: String,
    pub(super) tags: String,
    pub(super) keys: String,
    pub(super) region_id: String,
}

/// Opens its gate when the frame is handed to the operating system, or never will be.
struct Written(Arc<Gate>);

impl Drop for Written {
    fn drop(&mut self) {
        self.0.open();
    }
}

impl Core {
    /// Tells the broker that holds the half message, and waits until that is written.
    pub(super) fn end_half(
        self: &Arc<Self>,
        half: &Half,
        state: TransactionState,
        remark: Option<&str>,
        deadline: Instant,
    ) -> Result<()> {
        let address = self.master_of(&half.broker_name, &half.topic, deadline)?;
        let connection = self.pool.broker(&address);
        connection.wait_open(deadline)?;
        let gate = Arc::new(Gate::default());
        self.push_end(&connection, &self.end_of(half, state), remark, Some(Arc::clone(&gate)))?;
        let written = gate.wait(deadline);
        if let Some((cause, ..)) = connection.death() {
            return Err(cause.context("the end of the transaction may not have arrived").with_maybe_persisted(true));
        }
        if !written {
            let what = format!("the end of the transaction was not written to {address} in time; it may be later");
            return Err(Error::new(ErrorKind::Timeout, what).with_maybe_persisted(true));
        }
        self.tell_end(half, &address, state);
        Ok(())
    }

    /// The same without any waiting: where the broker cannot be told at once, it asks later.
    pub(super) fn end_half_now(self: &Arc<Self>, half: &Half, state: TransactionState, remark: Option<&str>) {
        let known = self.routes.get(&half.topic).and_then(|route| master(&route, &half.broker_name));
        let told = known.is_some_and(|address| {
            let connection = self.pool.broker(&address);
            let told = self.push_end(&connection, &self.end_of(half, state), remark, None).is_ok();
            if told {
                self.tell_end(half, &address, state);
            }
            told
        });
        if !told {
            tracing::warn!(
                message_id = half.message_id,
                broker = half.broker_name,
                "a transaction is left to its check"
            );
        }
    }

    fn end_of<'a>(&'a self, half: &'a Half, state: TransactionState) -> EndTransaction<'a> {
        EndTransaction {
            topic: &half.topic,
            producer_group: &self.settings.producer_group,
            tran_state_table_offset: half.table_offset,
            commit_log_offset: half.commit_log_offset,
            state,
            from_transaction_check: false,
            msg_id: &half.message_id,
            transaction_id: &half.transaction_id,
            broker_name: &half.broker_name,
        }
    }

    /// Puts the request on its way.
    pub(super) fn push_end(
        &self,
        connection: &Connection,
        end: &EndTransaction<'_>,
        remark: Option<&str>,
        written: Option<Arc<Gate>>,
    ) -> Result<()> {
        let opaque = connection.reserve()?;
        // Nothing will be answered: the number alone is wanted.
        connection.release(opaque);
        let mut frame = BytesMut::new();
        let serializer = self.settings.serializer;
        connection.envelope().encode_end_transaction(&mut frame, serializer, opaque, end, remark);
        let on_written = written.map(|gate| Box::new(Written(gate)) as Box<dyn Send>);
        connection.push(frame.freeze(), on_written)?;
        match end.state {
            TransactionState::Commit => self.counters().commits.add(1),
            TransactionState::Rollback => self.counters().rollbacks.add(1),
            TransactionState::Unknown => {}
        }
        if end.from_transaction_check {
            self.counters().checks_answered.add(1);
        }
        Ok(())
    }

    fn tell_end(&self, half: &Half, address: &str, state: TransactionState) {
        if self.hooks.get().is_none() && self.tracer.is_none() {
            return;
        }
        let context = EndTransactionContext {
            producer_group: &self.settings.producer_group,
            namespace: self.settings.namespace.name().unwrap_or_default(),
            topic: &self.settings.namespace.strip(&half.topic),
            message_id: &half.message_id,
            transaction_id: &half.transaction_id,
            tags: &half.tags,
            keys: &half.keys,
            region_id: &half.region_id,
            broker_name: &half.broker_name,
            broker_address: address,
            state,
            from_check: false,
        };
        if let Some(tracer) = &self.tracer {
            tracer.end_transaction(&half.topic, &context);
        }
        for hook in self.hooks.get().iter().flat_map(|hooks| hooks.iter()) {
            tell(hook, &context);
        }
    }

    /// The address of a broker of the topic's route, which is fetched anew when it does not name the broker.
    pub(super) fn master_of(self: &Arc<Self>, broker_name: &str, topic: &str, deadline: Instant) -> Result<Arc<str>> {
        let known = self.routes.get(topic).and_then(|route| master(&route, broker_name));
        let found = match known {
            Some(address) => Some(address),
            None => master(&*self.wait_for_route(topic, deadline)?, broker_name),
        };
        found.ok_or_else(|| {
            let topic = self.settings.namespace.strip(topic);
            let what = format!("the route of topic `{topic}` names no broker `{broker_name}` that takes messages");
            Error::new(ErrorKind::BrokerNotFound, what)
        })
    }
}

fn master(route: &TopicRoute, broker_name: &str) -> Option<Arc<str>> {
    route.brokers().find(|broker| *broker.name == *broker_name).map(|broker| Arc::clone(&broker.address))
}

/// Calls one hook.
pub(super) fn tell(hook: &Hook, context: &EndTransactionContext<'_>) {
    if catch_unwind(AssertUnwindSafe(|| hook.get().end_transaction(context))).is_err() {
        tracing::error!("an end-transaction hook panicked");
    }
}
