//! A producer's statistics: taken on demand, and told to a callback again and again.

use super::base::Base;
use super::lifecycle::Core;
use super::tasks::repeat;
use crate::broker::BrokerHealth;
use crate::error::{ErrorKind, Result};
use crate::runtime::{Dispatcher, Job};
use crate::statistics::counters::Causes;
use crate::statistics::{BrokerStatistics, CauseCount, RouteStatistics, Statistics};
use crate::sync::{Condvar, Mutex, wait_until};
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

/// Who is told the statistics.
#[derive(Clone)]
pub(crate) enum Listener {
    Closure(Arc<dyn Fn(&Statistics) + Send + Sync>),
    #[cfg(feature = "capi")]
    Foreign(Arc<crate::ffi::statistics::ForeignStatistics>),
}

/// The calls of one producer's listener.
#[derive(Default)]
pub(crate) struct Reports {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// `None`: nobody was set, or the producer has ended.
    listener: Option<Listener>,
    /// Whether a call waits for the dispatcher.
    queued: bool,
    /// Whether the listener is being called.
    calling: bool,
}

impl Reports {
    /// No call begins from now on.
    pub(super) fn stop(&self) {
        // Dropped outside the lock: the drop is user code.
        let listener = self.state.lock().listener.take();
        drop(listener);
    }

    /// No call begins from now on, and the listener is never given back: whoever it belongs to is about to end.
    #[cfg(feature = "capi")]
    pub(super) fn discard(&self) {
        let listener = self.state.lock().listener.take();
        if let Some(Listener::Foreign(foreign)) = &listener {
            foreign.discard();
        }
    }

    /// Waits until no call is under way.
    pub(super) fn wait_idle(&self, deadline: Instant) {
        wait_until(&self.changed, self.state.lock(), deadline, |state| !state.calling);
    }

    fn begin(&self) -> bool {
        let mut state = self.state.lock();
        state.queued = false;
        state.calling = state.listener.is_some();
        state.calling
    }

    fn end(&self) {
        self.state.lock().calling = false;
        self.changed.notify_all();
    }
}

/// Who has statistics.
pub(super) trait Counted: Send + Sync {
    fn statistics(&self) -> Statistics;
}

/// A call on its way to the listener.
pub(crate) struct Report {
    core: Weak<dyn Counted>,
    reports: Arc<Reports>,
}

impl Report {
    /// What to tell now; `None` when the producer has ended. Else [`Report::end`] must follow.
    pub(crate) fn begin(&self) -> Option<Statistics> {
        if !self.reports.begin() {
            return None;
        }
        let statistics = self.core.upgrade().map(|core| core.statistics());
        if statistics.is_none() {
            self.reports.end();
        }
        statistics
    }

    pub(crate) fn end(&self) {
        self.reports.end();
    }
}

/// Ends a call also when the listener panics.
struct Ending<'a>(&'a Report);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Base {
    pub(super) fn report_to(&self, make: impl FnOnce() -> Listener) -> Result<()> {
        let set = || self.reports.state.lock().listener.replace(make());
        self.before_start("the statistics callback is set", set).map(drop)
    }

    /// Tells the listener those of `counted`, which owns this, at each interval, when both are set.
    pub(super) fn report_again_and_again<C: Counted + 'static>(&self, counted: &Arc<C>) {
        let interval = self.settings.statistics_interval;
        if interval.is_zero() || self.reports.state.lock().listener.is_none() {
            return;
        }
        let (reports, dispatcher) = (Arc::clone(&self.reports), Arc::clone(self.runtime.dispatcher()));
        let report = repeat(Arc::downgrade(counted), interval, move |counted| {
            let core: Arc<dyn Counted> = Arc::clone(counted) as Arc<dyn Counted>;
            report(&reports, &core, &dispatcher);
        });
        self.tasks.lock().push(self.runtime.spawn(report).abort_handle());
    }
}

/// Has the dispatcher tell the listener, unless the last call still waits there.
fn report(reports: &Arc<Reports>, core: &Arc<dyn Counted>, dispatcher: &Dispatcher) {
    let listener = {
        let mut state = reports.state.lock();
        let Some(listener) = state.listener.clone().filter(|_| !state.queued) else {
            return;
        };
        state.queued = true;
        listener
    };
    let report = Report { core: Arc::downgrade(core), reports: Arc::clone(reports) };
    dispatcher.push(match listener {
        Listener::Closure(closure) => Job::Closure(Box::new(move || {
            if let Some(statistics) = report.begin() {
                let _ending = Ending(&report);
                closure(&statistics);
            }
        })),
        #[cfg(feature = "capi")]
        Listener::Foreign(listener) => Job::Foreign(crate::ffi::callback::ForeignJob::statistics(listener, report)),
    });
}

impl Base {
    /// What every producer has; the rest is nothing.
    pub(super) fn common_statistics(&self, client_id: &str) -> Statistics {
        // What ends is read before what begins, so that no more messages end than were accepted.
        let counters = self.counters();
        let (acknowledged, oneway, failed_bytes) =
            (counters.acknowledged.get(), counters.oneway.get(), counters.failed_bytes.get());
        let failures = causes(&counters.failures);
        let accepted = counters.accepted.get();
        let (in_flight_messages, in_flight_bytes) = self.admission.in_flight();
        Statistics {
            producer_group: self.settings.producer_group.clone(),
            client_id: client_id.to_owned(),
            accepted_messages: accepted.0,
            accepted_bytes: accepted.1,
            acknowledged_messages: acknowledged.0,
            acknowledged_bytes: acknowledged.1,
            oneway_messages: oneway.0,
            oneway_bytes: oneway.1,
            failures,
            failed_bytes,
            refusals: causes(&counters.refusals),
            retries: counters.retries.get(),
            resends: counters.resends.get(),
            retries_spared: counters.retries_spared.get(),
            given_up_messages: counters.given_up.get(),
            alarms: counters.alarms.get(),
            spooled_messages: counters.spooled.get(),
            spool_delivered_messages: counters.spool_delivered.get(),
            spool_lost_messages: counters.spool_lost.get(),
            spool_damages: counters.spool_damaged.get(),
            batches: counters.batches.get(),
            half_messages: counters.half_messages.get(),
            commits: counters.commits.get(),
            rollbacks: counters.rollbacks.get(),
            checks_answered: counters.checks_answered.get(),
            checks_dropped: counters.checks_dropped.get(),
            in_flight_messages: in_flight_messages as u64,
            in_flight_bytes: in_flight_bytes as u64,
            in_flight_messages_limit: self.settings.max_in_flight_messages as u64,
            in_flight_bytes_limit: self.settings.max_in_flight_bytes as u64,
            connects: counters.connects.get(),
            reconnects: counters.reconnects.get(),
            connect_failures: counters.connect_failures.get(),
            waiting_jobs: self.runtime.dispatcher().waiting() as u64,
            dropped_log_records: dropped_log_records(),
            ..Statistics::default()
        }
    }
}

impl Counted for Core {
    fn statistics(&self) -> Statistics {
        let (outbox_bytes, open_connections) = self.pool.load();
        let spool_load = self.spooling.as_ref().map_or((0, 0), |spooling| spooling.load());
        Statistics {
            spool_waiting_messages: spool_load.0,
            spool_waiting_bytes: spool_load.1,
            spool_bytes_limit: self.spooling.as_ref().map_or(0, |spooling| spooling.limit()),
            waiting_requests: self.waiting.len() as u64,
            outbox_bytes: outbox_bytes as u64,
            open_connections: open_connections as u64,
            routes: self.route_statistics(),
            brokers: self.broker_statistics(),
            dropped_trace_records: self.traces_dropped(),
            ..self.common_statistics(self.identity.client_id())
        }
    }
}

impl Core {
    fn route_statistics(&self) -> Vec<RouteStatistics> {
        let now = Instant::now();
        let routes = self.routes.all_fetched().into_iter().map(|(topic, fetched)| RouteStatistics {
            topic: self.settings.namespace.strip(&topic).into_owned(),
            age: now.saturating_duration_since(fetched),
        });
        let mut routes: Vec<_> = routes.collect();
        routes.sort_by(|a, b| a.topic.cmp(&b.topic));
        routes
    }

    fn broker_statistics(&self) -> Vec<BrokerStatistics> {
        let mut health: BTreeMap<String, BrokerHealth> = BTreeMap::new();
        for broker in self.broker_states() {
            // A broker at two addresses is as well as the worse of them.
            let worse = health.entry(broker.name).or_insert(broker.health);
            if *worse == BrokerHealth::Healthy {
                *worse = broker.health;
            }
        }
        let brokers = self.routes.counters().all().into_iter().map(|(name, counters)| {
            let (tries, sent_bytes) = counters.sent.get();
            BrokerStatistics {
                health: health.get(&*name).copied().unwrap_or(BrokerHealth::Healthy),
                name: name.to_string(),
                tries,
                sent_bytes,
                failed_tries: counters.failed.get(),
                answers: counters.took.durations(),
            }
        });
        brokers.collect()
    }
}

fn causes(counted: &Causes) -> Vec<CauseCount> {
    let causes = counted.get().into_iter();
    causes.map(|(kind, broker_code, count): (ErrorKind, _, _)| CauseCount { kind, broker_code, count }).collect()
}

#[cfg(feature = "capi")]
fn dropped_log_records() -> u64 {
    crate::ffi::log::dropped()
}

#[cfg(not(feature = "capi"))]
fn dropped_log_records() -> u64 {
    0
}
