//! The one table of statistics: it drives both text forms and `docs/STATISTICS.md`.

use super::{BrokerStatistics, CauseCount, Durations, Statistics};
use crate::broker::BrokerHealth;
use std::time::Duration;

/// What a number does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It only grows.
    Counter,
    /// It rises and falls.
    Gauge,
    /// Quantiles, with count and sum.
    Summary,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Summary => "summary",
        }
    }
}

/// One number, or one number for each value of its labels.
pub(super) struct Metric {
    /// The key in JSON; Prometheus has `mqproducer_` before it.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) unit: &'static str,
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
    pub(super) read: fn(&Statistics) -> Vec<Sample>,
}

/// A value with the values of its metric's labels.
pub(super) struct Sample {
    pub(super) labels: Vec<String>,
    pub(super) value: Value,
}

pub(super) enum Value {
    Number(u64),
    Seconds(Duration),
    Summary(Durations),
}

const CAUSE: &[&str] = &["cause", "code"];
const BROKER: &[&str] = &["broker"];
const TOPIC: &[&str] = &["topic"];

/// Every metric, in the order of both forms and of the page.
pub(super) const METRICS: &[Metric] = &[
    counter(
        "accepted_messages_total",
        "messages",
        &[],
        "Messages taken by a send; each ends as acknowledged, one-way or failed.",
        |s| one(s.accepted_messages),
    ),
    counter("accepted_bytes_total", "bytes", &[], "Bodies of accepted messages, as the caller gave them.", |s| {
        one(s.accepted_bytes)
    }),
    counter("acknowledged_messages_total", "messages", &[], "Accepted messages that a broker stored.", |s| {
        one(s.acknowledged_messages)
    }),
    counter(
        "acknowledged_bytes_total",
        "bytes",
        &[],
        "Bodies of acknowledged messages, as the caller gave them.",
        |s| one(s.acknowledged_bytes),
    ),
    counter(
        "oneway_messages_total",
        "messages",
        &[],
        "Accepted one-way messages that were handed to a connection.",
        |s| one(s.oneway_messages),
    ),
    counter("oneway_bytes_total", "bytes", &[], "Bodies of these one-way messages, as the caller gave them.", |s| {
        one(s.oneway_bytes)
    }),
    counter(
        "failed_messages_total",
        "messages",
        CAUSE,
        "Accepted messages that failed. `cause`: the error's name; `code`: the response code of a server that refused, else empty.",
        |s| causes(&s.failures),
    ),
    counter("failed_bytes_total", "bytes", &[], "Bodies of failed messages, as the caller gave them.", |s| {
        one(s.failed_bytes)
    }),
    counter(
        "refused_sends_total",
        "sends",
        CAUSE,
        "Sends that were refused before their message was accepted: a bad message, no route, no room in flight. Labels as of `failed_messages_total`.",
        |s| causes(&s.refusals),
    ),
    counter(
        "tries_total",
        "tries",
        BROKER,
        "Frames with messages that were handed to a connection: each try and each one-way message.",
        |s| brokers(s, |b| Value::Number(b.tries)),
    ),
    counter("sent_bytes_total", "bytes", BROKER, "These frames, headers included and bodies as they go out.", |s| {
        brokers(s, |b| Value::Number(b.sent_bytes))
    }),
    counter(
        "failed_tries_total",
        "tries",
        BROKER,
        "Tries that ended without a message stored as wanted: refused, or without an answer.",
        |s| brokers(s, |b| Value::Number(b.failed_tries)),
    ),
    counter("retries_total", "tries", &[], "Tries of messages after their first one.", |s| one(s.retries)),
    counter(
        "resends_total",
        "tries",
        &[],
        "Tries made once more after a GO_AWAY of the broker, which do not count as tries of the message.",
        |s| one(s.resends),
    ),
    counter(
        "retries_spared_total",
        "messages",
        &[],
        "Messages that failed with tries left: the cause is not worth one, or the time was over.",
        |s| one(s.retries_spared),
    ),
    counter("given_up_messages_total", "messages", &[], "Messages that failed with every try used up.", |s| {
        one(s.given_up_messages)
    }),
    counter(
        "alarms_total",
        "messages",
        &[],
        "Messages that reliable sending gave up, each of which raised an alarm; 0 without `reliability` = `reliable`.",
        |s| one(s.alarms),
    ),
    counter(
        "spooled_messages_total",
        "messages",
        &[],
        "Messages that went into the spool; each counts as failed with the cause SPOOLED, too.",
        |s| one(s.spooled_messages),
    ),
    counter(
        "spool_delivered_messages_total",
        "messages",
        &[],
        "Messages of the spool, those of earlier producers too, that a broker stored; they do not count as acknowledged.",
        |s| one(s.spool_delivered_messages),
    ),
    counter(
        "spool_lost_messages_total",
        "messages",
        &[],
        "Messages of the spool that a broker refused for good, or that were older than `spool_max_age`.",
        |s| one(s.spool_lost_messages),
    ),
    counter("spool_damages_total", "places", &[], "Damaged places of the spool that were skipped or cut.", |s| {
        one(s.spool_damages)
    }),
    gauge("spool_waiting_messages", "messages", &[], "Messages that wait in the spool.", |s| {
        one(s.spool_waiting_messages)
    }),
    gauge(
        "spool_waiting_bytes",
        "bytes",
        &[],
        "What these messages take in the spool.",
        |s| one(s.spool_waiting_bytes),
    ),
    gauge("spool_bytes_limit", "bytes", &[], "The configured `spool_max_bytes`; 0 without a spool.", |s| {
        one(s.spool_bytes_limit)
    }),
    counter(
        "batches_total",
        "batches",
        &[],
        "Batches taken by a send, not those that `auto_batch` makes; their messages count each as accepted, and as they end.",
        |s| one(s.batches),
    ),
    counter(
        "half_messages_total",
        "messages",
        &[],
        "Half messages that a broker stored; they count as acknowledged messages, too.",
        |s| one(s.half_messages),
    ),
    counter(
        "transaction_commits_total",
        "transactions",
        &[],
        "Commits handed to a connection: of transactions, and as the answer to a broker's check.",
        |s| one(s.commits),
    ),
    counter(
        "transaction_rollbacks_total",
        "transactions",
        &[],
        "Rollbacks handed to a connection: of transactions, and as the answer to a broker's check.",
        |s| one(s.rollbacks),
    ),
    counter(
        "transaction_checks_answered_total",
        "checks",
        &[],
        "Checks of brokers that were answered, whatever with.",
        |s| one(s.checks_answered),
    ),
    counter(
        "transaction_checks_dropped_total",
        "checks",
        &[],
        "Checks of brokers that were dropped, because too many waited for the dispatcher; brokers ask again.",
        |s| one(s.checks_dropped),
    ),
    gauge(
        "waiting_requests",
        "requests",
        &[],
        "Requests that wait for their reply, or for the end of their message.",
        |s| one(s.waiting_requests),
    ),
    gauge(
        "in_flight_messages",
        "messages",
        &[],
        "Messages that hold room in flight, from their admission until their callback has returned or their one-way frame is written.",
        |s| one(s.in_flight_messages),
    ),
    gauge("in_flight_bytes", "bytes", &[], "Bodies of messages in flight, as the caller gave them.", |s| {
        one(s.in_flight_bytes)
    }),
    gauge("in_flight_messages_limit", "messages", &[], "The configured `max_in_flight_messages`.", |s| {
        one(s.in_flight_messages_limit)
    }),
    gauge("in_flight_bytes_limit", "bytes", &[], "The configured `max_in_flight_bytes`.", |s| {
        one(s.in_flight_bytes_limit)
    }),
    gauge("outbox_bytes", "bytes", &[], "Frames that wait for a socket.", |s| one(s.outbox_bytes)),
    summary(
        "answer_seconds",
        "seconds",
        BROKER,
        "How long each try took, from when its frame was made for the connection, which may still be opening, to the broker's answer, whatever it said. Quantiles are off by at most 1/32; the quantile 1 is the longest, exactly.",
        |s| brokers(s, |b| Value::Summary(b.answers)),
    ),
    gauge(
        "broker_isolated",
        "0 or 1",
        BROKER,
        "Whether the broker was slow or failed and is passed over while there are others.",
        |s| brokers(s, |b| truth(matches!(b.health, BrokerHealth::Isolated { .. }))),
    ),
    gauge(
        "broker_unreachable",
        "0 or 1",
        BROKER,
        "Whether the broker did not answer and the detector has not reached it since.",
        |s| brokers(s, |b| truth(b.health == BrokerHealth::Unreachable)),
    ),
    gauge("open_connections", "connections", &[], "Connections that are open, to brokers and name servers.", |s| {
        one(s.open_connections)
    }),
    counter("connects_total", "connections", &[], "Connections that were opened.", |s| one(s.connects)),
    counter(
        "reconnects_total",
        "connections",
        &[],
        "Those of them that took the place of another one to the same address.",
        |s| one(s.reconnects),
    ),
    counter("connect_failures_total", "connections", &[], "Connections that could not be opened.", |s| {
        one(s.connect_failures)
    }),
    gauge("routes", "topics", &[], "Topics with a route.", |s| one(s.routes.len() as u64)),
    gauge(
        "route_age_seconds",
        "seconds",
        TOPIC,
        "Since when the name servers have not told the topic's route anew.",
        |s| s.routes.iter().map(|route| sample([&route.topic], Value::Seconds(route.age))).collect(),
    ),
    gauge("oldest_route_age_seconds", "seconds", &[], "The age of the oldest route; 0 without one.", |s| {
        let oldest = s.routes.iter().map(|route| route.age).max().unwrap_or_default();
        vec![sample([], Value::Seconds(oldest))]
    }),
    gauge(
        "waiting_jobs",
        "jobs",
        &[],
        "What waits for the dispatcher, of all producers of the process: callbacks, hooks, log records.",
        |s| one(s.waiting_jobs),
    ),
    gauge(
        "window_bytes",
        "bytes",
        &[],
        "ActiveMQ: bytes of messages without an answer that the broker has not acknowledged, as it counts them; always 0 without `producer_window_size`.",
        |s| one(s.window_bytes),
    ),
    counter(
        "refused_unasked_total",
        "refusals",
        &[],
        "ActiveMQ: how often the broker refused, of its own accord, what had asked for no answer: one-way messages and those of transactions.",
        |s| one(s.refused_unasked),
    ),
    counter(
        "dropped_trace_records_total",
        "records",
        &[],
        "Records of message traces that were dropped, because too many waited or the trace topic was out of reach.",
        |s| one(s.dropped_trace_records),
    ),
    counter(
        "dropped_log_records_total",
        "records",
        &[],
        "Records that the log callback of the process was too slow for.",
        |s| one(s.dropped_log_records),
    ),
];

type Read = fn(&Statistics) -> Vec<Sample>;
type Text = &'static str;

const fn counter(name: Text, unit: Text, labels: &'static [Text], help: Text, read: Read) -> Metric {
    Metric { name, kind: Kind::Counter, unit, labels, help, read }
}

const fn gauge(name: Text, unit: Text, labels: &'static [Text], help: Text, read: Read) -> Metric {
    Metric { name, kind: Kind::Gauge, unit, labels, help, read }
}

const fn summary(name: Text, unit: Text, labels: &'static [Text], help: Text, read: Read) -> Metric {
    Metric { name, kind: Kind::Summary, unit, labels, help, read }
}

fn sample<const N: usize>(labels: [&str; N], value: Value) -> Sample {
    Sample { labels: labels.map(str::to_owned).into(), value }
}

fn one(number: u64) -> Vec<Sample> {
    vec![sample([], Value::Number(number))]
}

fn truth(truth: bool) -> Value {
    Value::Number(truth.into())
}

fn brokers(statistics: &Statistics, value: impl Fn(&BrokerStatistics) -> Value) -> Vec<Sample> {
    statistics.brokers.iter().map(|broker| sample([&broker.name], value(broker))).collect()
}

fn causes(causes: &[CauseCount]) -> Vec<Sample> {
    let sample = |cause: &CauseCount| {
        let code = cause.broker_code.map(|code| code.to_string()).unwrap_or_default();
        sample([cause.kind.name(), &code], Value::Number(cause.count))
    };
    causes.iter().map(sample).collect()
}
