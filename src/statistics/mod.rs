//! What a producer tells of itself: counters, gauges, and how long brokers take to answer.
//!
//! [`Statistics::to_json`] and [`Statistics::to_prometheus`] show all of it in the form that `docs/STATISTICS.md`
//! lists; both are made from one table. A snapshot is taken without stopping senders, so that while messages are on
//! their way its numbers may be some messages apart from each other.

pub(crate) mod counters;
mod json;
mod page;
mod prometheus;
mod table;

pub use crate::policy::histogram::Durations;
pub use page::markdown;

use crate::broker::BrokerHealth;
use crate::error::ErrorKind;
use std::time::Duration;

/// A snapshot of one producer. Counters begin with zero when the producer is made and never fall.
///
/// When nothing is on its way, `accepted_messages` is the sum of `acknowledged_messages`, `oneway_messages` and all
/// `failures`; at any other time `in_flight_messages` may be missing in this sum, and counts besides messages that wait
/// for a route or whose callback is running.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// The producer group, as it goes to brokers.
    pub producer_group: String,
    /// The client id: `ip@instance`.
    pub client_id: String,
    /// Messages taken by a send: each ends as acknowledged, one-way or failed.
    pub accepted_messages: u64,
    /// The bytes of their bodies, as the caller gave them; so are all bytes but `sent_bytes` and `outbox_bytes`.
    pub accepted_bytes: u64,
    /// Accepted messages that a broker stored.
    pub acknowledged_messages: u64,
    /// The bytes of their bodies.
    pub acknowledged_bytes: u64,
    /// Accepted one-way messages that were handed to a connection.
    pub oneway_messages: u64,
    /// The bytes of their bodies.
    pub oneway_bytes: u64,
    /// Accepted messages that failed, by cause.
    pub failures: Vec<CauseCount>,
    /// The bytes of their bodies.
    pub failed_bytes: u64,
    /// Sends that were refused before the message was accepted, by cause.
    pub refusals: Vec<CauseCount>,
    /// Tries of messages after their first one.
    pub retries: u64,
    /// Tries made once more after a GO_AWAY of the broker, which do not count as tries of the message.
    pub resends: u64,
    /// Messages that failed with tries left: the cause is not worth one, or the time was over.
    pub retries_spared: u64,
    /// Messages that failed with every try used up.
    pub given_up_messages: u64,
    /// Messages that reliable sending gave up, with tries left or not, each of which raised an alarm; 0 without
    /// `reliability` = `reliable`.
    pub alarms: u64,
    /// Messages that went into the spool; each counts as a failure of the cause `Spooled`, too.
    pub spooled_messages: u64,
    /// Messages of the spool, earlier producers' too, that a broker stored; they do not count as acknowledged.
    pub spool_delivered_messages: u64,
    /// Messages of the spool that are lost.
    pub spool_lost_messages: u64,
    /// Damaged places of the spool that were skipped or cut.
    pub spool_damages: u64,
    /// Messages that wait in the spool.
    pub spool_waiting_messages: u64,
    /// The bytes that they take there.
    pub spool_waiting_bytes: u64,
    /// `spool_max_bytes`; 0 without a spool.
    pub spool_bytes_limit: u64,
    /// Batches taken by a send; their messages count each in `accepted_messages` and wherever they end.
    pub batches: u64,
    /// Half messages that a broker stored; they count as acknowledged messages, too.
    pub half_messages: u64,
    /// Commits handed to a connection: of transactions, and as the answer to a broker's check.
    pub commits: u64,
    /// Rollbacks handed to a connection, likewise.
    pub rollbacks: u64,
    /// Checks of brokers that were answered, whatever with.
    pub checks_answered: u64,
    /// Checks of brokers that were dropped, because too many waited for the dispatcher; brokers ask again.
    pub checks_dropped: u64,
    /// Requests that wait for their reply, or for their message's end.
    pub waiting_requests: u64,
    /// Messages that hold room in flight: from their admission until they are completed and their callback has
    /// returned, or their one-way frame is written.
    pub in_flight_messages: u64,
    /// The bytes of their bodies.
    pub in_flight_bytes: u64,
    /// `max_in_flight_messages`.
    pub in_flight_messages_limit: u64,
    /// `max_in_flight_bytes`.
    pub in_flight_bytes_limit: u64,
    /// Bytes of frames that wait for a socket.
    pub outbox_bytes: u64,
    /// Connections that are open, to brokers and name servers.
    pub open_connections: u64,
    /// Connections that were opened.
    pub connects: u64,
    /// Those of them that took the place of another one to the same address.
    pub reconnects: u64,
    /// Connections that could not be opened.
    pub connect_failures: u64,
    /// The topics with a route, by name.
    pub routes: Vec<RouteStatistics>,
    /// The brokers that were in a route, by name.
    pub brokers: Vec<BrokerStatistics>,
    /// What waits for the dispatcher, of all producers of the process: callbacks, hooks, log records.
    pub waiting_jobs: u64,
    /// Records of message traces that were dropped, because too many waited or the trace topic was out of reach.
    pub dropped_trace_records: u64,
    /// Records that the log callback of the process was too slow for.
    pub dropped_log_records: u64,
    /// Bytes of messages without an answer that an ActiveMQ broker has not acknowledged, as it counts them.
    pub window_bytes: u64,
    /// How often an ActiveMQ broker refused, of its own accord, what had asked for no answer.
    pub refused_unasked: u64,
}

/// How often one cause made messages or sends fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CauseCount {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The response code, when a server refused. The first 64 codes are counted apart, others together without one.
    pub broker_code: Option<i32>,
    /// How often.
    pub count: u64,
}

/// The route of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteStatistics {
    /// The topic.
    pub topic: String,
    /// Since when the name servers have not told it anew.
    pub age: Duration,
}

/// The tries to one broker. A route that names more than 1024 brokers, one after the other, has those beyond counted
/// together as `others`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokerStatistics {
    /// The broker's name.
    pub name: String,
    /// How it does; healthy when no route names it any more.
    pub health: BrokerHealth,
    /// Frames with messages that were handed to a connection, each try and each one-way message.
    pub tries: u64,
    /// The bytes of these frames.
    pub sent_bytes: u64,
    /// Tries that ended without a message stored as wanted: refused, or without an answer.
    pub failed_tries: u64,
    /// From when a try's frame was made for the connection, which may still be opening, to the broker's answer, whatever
    /// it said.
    pub answers: Durations,
}

impl Statistics {
    /// Accepted messages that failed, for all causes together.
    pub fn failed_messages(&self) -> u64 {
        self.failures.iter().map(|cause| cause.count).sum()
    }

    /// The broker of this name.
    pub fn broker(&self, name: &str) -> Option<&BrokerStatistics> {
        self.brokers.iter().find(|broker| broker.name == name)
    }

    /// One JSON object on one line, in the form of `docs/STATISTICS.md`.
    pub fn to_json(&self) -> String {
        json::render(self)
    }

    /// Prometheus text exposition, version 0.0.4, in the form of `docs/STATISTICS.md`.
    pub fn to_prometheus(&self) -> String {
        prometheus::render(self)
    }
}

#[cfg(all(test, not(mqp_loom)))]
mod tests;
