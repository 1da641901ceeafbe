//! What is told: the records of sends, of the ends of transactions and of recalls.

use super::Tracer;
use crate::hook::{EndTransactionContext, MessageType};
use crate::producer::identity::now_ms;
use crate::protocol::remoting::trace::{DEFAULT_REGION, Ended, Published, Recalled, TraceRecord, TracedType};
use crate::protocol::remoting::{batch, properties};
use std::time::Instant;

/// A message that a broker stored.
pub(crate) struct Stored<'a> {
    /// On the wire.
    pub(crate) topic: &'a str,
    pub(crate) properties: &'a str,
    pub(crate) message_id: &'a str,
    /// As it was sent.
    pub(crate) body: &'a [u8],
    /// Whether the body is a batch whose messages are known by ids of their own.
    pub(crate) batch: bool,
    pub(crate) store_host: &'a str,
    /// Empty: not told.
    pub(crate) region: &'a str,
    pub(crate) offset_message_id: &'a str,
    /// Of the try that was answered.
    pub(crate) started: Instant,
    /// Whether it is stored to its full safety.
    pub(crate) success: bool,
}

impl Tracer {
    /// A broker answered a send.
    pub(crate) fn stored(&self, it: &Stored<'_>) {
        if self.rules.is_trace_topic(it.topic) {
            return;
        }
        let cost_ms = it.started.elapsed().as_millis() as i64;
        let ids = it.batch.then(|| ids_of_batch(it.body));
        self.push(&TraceRecord::Published(Published {
            timestamp: now_ms() - cost_ms,
            region: or_default(it.region),
            group: &self.group,
            topic: &self.namespace.strip(it.topic),
            message_id: ids.as_deref().unwrap_or(it.message_id),
            tags: properties::get(it.properties, properties::TAGS).unwrap_or_default(),
            keys: properties::get(it.properties, properties::KEYS).unwrap_or_default(),
            store_host: it.store_host,
            body_length: it.body.len(),
            cost_ms,
            message_type: match MessageType::of(it.properties) {
                MessageType::Normal => TracedType::Normal,
                MessageType::TransactionHalf => TracedType::Half,
                MessageType::Delay => TracedType::Delay,
            },
            offset_message_id: it.offset_message_id,
            success: it.success,
        }));
    }

    /// A transaction is ended; `topic`: on the wire.
    pub(crate) fn end_transaction(&self, topic: &str, it: &EndTransactionContext<'_>) {
        if self.rules.is_trace_topic(topic) {
            return;
        }
        self.push(&TraceRecord::Ended(Ended {
            timestamp: now_ms(),
            region: or_default(it.region_id),
            group: &self.group,
            topic: it.topic,
            message_id: it.message_id,
            tags: it.tags,
            keys: it.keys,
            store_host: it.broker_address,
            transaction_id: it.transaction_id,
            state: it.state,
            from_check: it.from_check,
        }));
    }

    /// A broker answered a recall; without a region it wants no trace of it.
    pub(crate) fn recall(&self, topic: &str, message_id: &str, region: &str, success: bool) {
        if region.is_empty() || self.rules.is_trace_topic(topic) {
            return;
        }
        self.push(&TraceRecord::Recalled(Recalled {
            timestamp: now_ms(),
            region,
            group: &self.group,
            topic: &self.namespace.strip(topic),
            message_id,
            success,
        }));
    }
}

fn or_default(region: &str) -> &str {
    if region.is_empty() { DEFAULT_REGION } else { region }
}

/// The ids of a batch's messages, as Java joins them.
fn ids_of_batch(body: &[u8]) -> String {
    let messages: Vec<_> = batch::decode(body).map_while(std::result::Result::ok).collect();
    let ids: Vec<&str> =
        messages.iter().filter_map(|message| properties::get(message.properties, properties::UNIQ_KEY)).collect();
    ids.join(",")
}
