//! What sends tell of their brokers, and the probes of those that are out of reach.

use super::identity::now_ms;
use super::lifecycle::Core;
use super::tasks::repeat;
use crate::broker::{BrokerHealth, BrokerState};
use crate::config::FaultTolerance;
use crate::error::{Error, ErrorKind};
use crate::net::call::{Request, call};
use crate::policy::fault::{Ended, FaultTable};
use crate::protocol::remoting::command::request_code;
use crate::route::{Broker, Queue};
use crate::sync::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often it is looked for brokers to probe.
const DETECT_EVERY: Duration = Duration::from_secs(3);

/// The fault table of one producer.
#[derive(Debug)]
pub(super) struct Faults {
    table: Mutex<FaultTable>,
    detector: Option<(Duration, Duration)>,
}

impl Faults {
    pub(super) fn new(settings: FaultTolerance) -> Self {
        let table = Mutex::new(FaultTable::new(settings.preset, settings.detector.is_some()));
        Faults { table, detector: settings.detector }
    }

    /// Notes how a send that began at `started` ended.
    pub(super) fn note(&self, broker: &Arc<str>, ended: Ended, started: Instant) {
        let now = Instant::now();
        self.table.lock().update(broker, ended, now.saturating_duration_since(started), now);
    }

    /// See [`FaultTable::pick`].
    pub(super) fn pick<'q>(&self, queues: &'q [Queue], index: usize, last: Option<&str>) -> Option<&'q Queue> {
        self.table.lock().pick(queues, index, last, |queue| &queue.broker.name, Instant::now())
    }
}

/// What a send without an answer tells of its broker; nothing when the cause is on this side.
pub(super) fn ended(cause: &Error) -> Option<Ended> {
    match cause.kind() {
        ErrorKind::Closed | ErrorKind::Backpressure | ErrorKind::Internal => None,
        ErrorKind::Connect => Some(Ended::NotConnected),
        _ => Some(Ended::NoAnswer),
    }
}

impl Core {
    /// Notes whether a one-way message found a connection.
    pub(super) fn note_oneway(&self, broker: &Broker, failure: Option<&Error>, started: Instant) {
        let ended = failure.map_or(Some(Ended::Stored), ended);
        if let (Some(faults), Some(ended)) = (&self.faults, ended) {
            faults.note(&broker.name, ended, started);
        }
    }

    pub(super) fn broker_states(&self) -> Vec<BrokerState> {
        let (now, wall) = (Instant::now(), now_ms());
        let table = self.faults.as_ref().map(|faults| faults.table.lock());
        let state = |broker: Arc<Broker>| {
            let known = table.as_ref().and_then(|table| table.known(&broker.name, now));
            BrokerState {
                name: broker.name.to_string(),
                address: broker.address.to_string(),
                health: match known {
                    Some(known) if !known.reachable => BrokerHealth::Unreachable,
                    Some(known) if !known.isolated.is_zero() => {
                        BrokerHealth::Isolated { until_ms: wall.saturating_add(known.isolated.as_millis() as i64) }
                    }
                    _ => BrokerHealth::Healthy,
                },
                latency: known.map(|known| known.latency),
            }
        };
        self.routes.brokers().into_iter().map(state).collect()
    }

    /// Probes brokers out of reach as long as the producer lives, when that is wanted.
    pub(super) fn detect_faults(self: &Arc<Self>) {
        if self.faults.as_ref().is_some_and(|faults| faults.detector.is_some()) {
            let detect = repeat(Arc::downgrade(self), DETECT_EVERY, Core::probe_suspects);
            let task = self.runtime.spawn(detect).abort_handle();
            self.tasks.lock().push(task);
        }
    }

    fn probe_suspects(self: &Arc<Self>) {
        let Some((faults, (timeout, interval))) = self.faults.as_ref().and_then(|f| Some((f, f.detector?))) else {
            return;
        };
        let (Some(topic), brokers) = (self.routes.topics().pop(), self.routes.brokers()) else {
            return;
        };
        let suspects = faults.table.lock().due_for_probe(interval, Instant::now());
        for name in suspects {
            let Some(broker) = brokers.iter().find(|broker| broker.name == name) else {
                faults.table.lock().forget(&name);
                continue;
            };
            let request = Request {
                code: request_code::GET_MAX_OFFSET,
                serializer: self.settings.serializer,
                fields: &[("topic", &topic), ("queueId", "0")],
                body: &[],
            };
            let answer = call(&self.pool.broker(&broker.address), request, Instant::now() + timeout);
            let core = Arc::downgrade(self);
            self.runtime.spawn(async move {
                let answered = answer.await;
                // Whatever it says of the offset, it answers.
                if let (Ok(_), Some(faults)) = (answered, core.upgrade().as_ref().and_then(|core| core.faults.as_ref()))
                {
                    faults.table.lock().reached(&name);
                }
            });
        }
    }
}
