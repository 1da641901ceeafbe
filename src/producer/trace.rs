//! Traces: what became of messages, told to a topic by a producer of their own.
//!
//! Whoever ends a message leaves a record in a bounded queue and goes on. A task on the I/O thread joins records to
//! messages and sends them; what cannot be kept or sent is dropped and counted, and changes nothing else.

mod records;

pub(super) use records::Stored;

use super::Mode;
use super::lifecycle::Core;
use crate::completion::Completion;
use crate::config::{Settings, TraceRules};
use crate::error::{Error, Result};
use crate::message::{Message, SendOptions};
use crate::policy::namespace::Namespace;
use crate::protocol::remoting::trace::{MAX_BODY, TraceRecord, join_keys};
use crate::sync::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// The most records that wait, as in Java.
const MAX_RECORDS: usize = 2_048;
/// The most bytes of them: a record may be as long as the ids of a batch.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// After so long a message goes with the records that there are.
const FLUSH_INTERVAL: Duration = Duration::from_secs(5);
/// The longest that a close waits for traces.
const LONGEST_CLOSE: Duration = Duration::from_secs(5);
/// The log tells of a failure no more often.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Numbers the trace producers of this process.
static NUMBER: AtomicU32 = AtomicU32::new(1);

/// What traces a producer's messages.
pub(crate) struct Tracer {
    rules: TraceRules,
    group: String,
    namespace: Namespace,
    producer: Arc<Core>,
    waiting: Mutex<Waiting>,
    /// Told when enough records wait for a message.
    enough: Arc<Notify>,
    losses: Arc<Losses>,
    task: Mutex<Option<AbortHandle>>,
}

#[derive(Default)]
struct Waiting {
    records: VecDeque<Record>,
    bytes: usize,
    closed: bool,
}

struct Record {
    /// Where the topic depends on it; else empty.
    region: String,
    text: String,
    keys: String,
}

impl Record {
    fn bytes(&self) -> usize {
        self.region.len() + self.text.len() + self.keys.len()
    }
}

/// Records that did not reach a broker.
#[derive(Default)]
struct Losses {
    records: AtomicU64,
    logged: Mutex<Option<Instant>>,
}

impl Losses {
    fn add(&self, records: usize) {
        self.records.fetch_add(records as u64, Ordering::Relaxed);
    }

    fn log(&self, cause: &Error) {
        let mut logged = self.logged.lock();
        if logged.is_none_or(|at| at.elapsed() >= LOG_INTERVAL) {
            *logged = Some(Instant::now());
            drop(logged);
            tracing::warn!(%cause, "traces of messages were not sent");
        }
    }
}

/// Records on their way: lost unless they are said to have arrived.
struct Sending {
    losses: Arc<Losses>,
    records: usize,
}

impl Sending {
    fn arrived(mut self) {
        self.records = 0;
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.losses.add(self.records);
    }
}

/// A message for a trace topic.
struct Parcel {
    topic: String,
    body: String,
    keys: String,
    sending: Sending,
}

impl Tracer {
    /// The tracer of a producer; `None` when traces are off, or cannot be made.
    pub(super) fn new(of: &Settings, name_servers: &[Arc<str>]) -> Option<Arc<Tracer>> {
        let rules = of.trace.clone()?;
        let name_servers = name_servers.iter().map(|address| address.to_string()).collect();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        match of.of_trace_producer(name_servers, number).and_then(Core::new) {
            Ok(producer) => Some(Arc::new(Tracer {
                rules,
                group: of.namespace.strip(&of.producer_group).into_owned(),
                namespace: of.namespace.clone(),
                producer,
                waiting: Mutex::default(),
                enough: Arc::default(),
                losses: Arc::default(),
                task: Mutex::default(),
            })),
            Err(cause) => {
                tracing::warn!(%cause, "no producer for traces; messages go untraced");
                None
            }
        }
    }

    /// Starts to send; a failure is logged.
    pub(super) fn start(self: &Arc<Self>) {
        if let Err(cause) = self.producer.begin(false) {
            tracing::warn!(%cause, "the producer for traces did not start; they are dropped");
            return self.waiting.lock().closed = true;
        }
        let (tracer, enough) = (Arc::downgrade(self), Arc::clone(&self.enough));
        let task = self.producer.runtime.spawn(async move {
            loop {
                let late = tokio::time::timeout(FLUSH_INTERVAL, enough.notified()).await.is_err();
                let Some(tracer) = tracer.upgrade() else {
                    return;
                };
                tracer.send_all(if late { 1 } else { tracer.rules.batch }).await;
            }
        });
        *self.task.lock() = Some(task.abort_handle());
    }

    /// How many records did not reach a broker.
    pub(super) fn dropped(&self) -> u64 {
        self.losses.records.load(Ordering::Relaxed)
    }

    /// Leaves a record for the task, or drops it when there is no room.
    fn push(&self, record: &TraceRecord<'_>) {
        let region = if self.rules.by_region() { record.region().to_owned() } else { String::new() };
        let record = Record { region, text: record.encode(), keys: record.index_keys() };
        let bytes = record.bytes();
        let mut waiting = self.waiting.lock();
        let room = waiting.records.len() < MAX_RECORDS && waiting.bytes + bytes <= MAX_BYTES;
        if waiting.closed || !room || record.text.len() > MAX_BODY {
            drop(waiting);
            return self.losses.add(1);
        }
        waiting.bytes += bytes;
        waiting.records.push_back(record);
        // Only the one that makes it enough: the task leaves less behind.
        let enough = waiting.records.len() == self.rules.batch;
        drop(waiting);
        if enough {
            self.enough.notify_one();
        }
    }

    /// The topic of the next message, when at least so many records wait and the task still sends them.
    fn next_topic(&self, least: usize) -> Option<String> {
        let waiting = self.waiting.lock();
        let first = waiting.records.front().filter(|_| !waiting.closed && waiting.records.len() >= least)?;
        Some(self.rules.topic(&first.region).into_owned())
    }

    /// The next records of one topic as a message. `closing`: whether the task has handed them over.
    fn take(&self, closing: bool) -> Option<Parcel> {
        let mut waiting = self.waiting.lock();
        if waiting.closed != closing {
            return None;
        }
        let mut taken: Vec<Record> = Vec::new();
        let mut length = 0;
        while taken.len() < self.rules.batch
            && let Some(next) = waiting.records.front()
            && taken.first().is_none_or(|first: &Record| first.region == next.region)
            && length + next.text.len() <= MAX_BODY
            && let Some(record) = waiting.records.pop_front()
        {
            waiting.bytes -= record.bytes();
            length += record.text.len();
            taken.push(record);
        }
        drop(waiting);
        let first = taken.first()?;
        Some(Parcel {
            topic: self.rules.topic(&first.region).into_owned(),
            body: taken.iter().map(|record| record.text.as_str()).collect(),
            keys: join_keys(taken.iter().map(|record| record.keys.as_str())),
            sending: Sending { losses: Arc::clone(&self.losses), records: taken.len() },
        })
    }

    /// Sends on the I/O thread, as long as at least so many records wait.
    async fn send_all(&self, least: usize) {
        while let Some(topic) = self.next_topic(least) {
            let deadline = Instant::now() + self.producer.settings.send_msg_timeout;
            let known = self.producer.know_route(&topic, deadline).await;
            // Taken only now: a close in the meantime has sent them itself.
            let Some(parcel) = self.take(false) else {
                return;
            };
            match known {
                // With the route known this waits for nothing: routes change on this thread alone.
                Ok(()) => self.submit(parcel, &SendOptions::default()),
                Err(cause) => self.losses.log(&cause),
            }
        }
    }

    fn submit(&self, Parcel { topic, body, keys, sending }: Parcel, options: &SendOptions<'_>) {
        let losses = Arc::clone(&self.losses);
        let completion = Completion::Inline(Box::new(move |ended| match ended.outcome {
            Ok(_) => sending.arrived(),
            Err(cause) => losses.log(&cause),
        }));
        let message = Message::new(&topic, body.as_bytes()).with_keys(&keys);
        if let Err(cause) = self.producer.submit(&message, options, Mode::Async, completion) {
            self.losses.log(&cause);
        }
    }

    /// Sends what waits, until the deadline at the latest, and ends the trace producer. Blocks.
    pub(super) fn close(&self, deadline: Instant) {
        let deadline = deadline.min(Instant::now() + LONGEST_CLOSE);
        let left = || deadline.saturating_duration_since(Instant::now());
        self.stop();
        while !left().is_zero()
            && let Some(parcel) = self.take(true)
        {
            self.submit(parcel, &SendOptions::default().with_timeout(left()));
        }
        self.drop_waiting();
        if left().is_zero() {
            return self.producer.abandon();
        }
        if let Err(cause) = self.producer.close(left()) {
            self.losses.log(&cause);
        }
    }

    /// Ends without waiting.
    pub(super) fn abandon(&self) {
        self.stop();
        self.drop_waiting();
        self.producer.abandon();
    }

    fn stop(&self) {
        self.waiting.lock().closed = true;
        if let Some(task) = self.task.lock().take() {
            task.abort();
        }
    }

    fn drop_waiting(&self) {
        let left = std::mem::take(&mut self.waiting.lock().records);
        self.losses.add(left.len());
    }
}

impl Core {
    /// How many trace records did not reach a broker.
    pub(super) fn traces_dropped(&self) -> u64 {
        self.tracer.as_ref().map_or(0, |tracer| tracer.dropped())
    }

    /// Has the route of a topic in the cache; for tasks, which must not block.
    async fn know_route(&self, topic: &str, deadline: Instant) -> Result<()> {
        match self.routes.get(topic) {
            Some(_) => Ok(()),
            None => self.fetch_route(topic, deadline).await.map(drop),
        }
    }
}

#[cfg(all(test, not(mqp_loom)))]
mod tests {
    use super::*;
    use crate::config::Config;

    /// It is not started: what it takes, it keeps.
    fn tracer() -> Arc<Tracer> {
        let config =
            Config::default().with("url", "rocketmq://127.0.0.1:1").and_then(|c| c.with("producer_group", "G"));
        let config = config.and_then(|c| c.with("enable_trace", "true")).unwrap();
        Tracer::new(&Settings::from_config(&config).unwrap(), &["127.0.0.1:1".into()]).unwrap()
    }

    /// Rows: TR-05.
    #[test]
    fn a_full_queue_drops_the_next_and_counts_it() {
        let tracer = tracer();
        for _ in 0..MAX_RECORDS {
            tracer.recall("T", "ID", "R", true);
        }
        assert_eq!(tracer.dropped(), 0);
        tracer.recall("T", "ID", "R", true);
        assert_eq!(tracer.dropped(), 1);
        tracer.recall("T", "ID", "", true);
        assert_eq!(tracer.dropped(), 1, "without a region there is no record");
        tracer.abandon();
        assert_eq!(tracer.dropped(), MAX_RECORDS as u64 + 1);
        tracer.recall("T", "ID", "R", true);
        assert_eq!(tracer.dropped(), MAX_RECORDS as u64 + 2);
    }

    #[test]
    fn records_too_long_for_a_message_or_for_memory_are_dropped() {
        let tracer = tracer();
        tracer.recall("T", &"i".repeat(MAX_BODY), "R", true);
        assert_eq!(tracer.dropped(), 1);
        let long = "i".repeat(MAX_BODY - 100);
        // Each has its id in the keys, too.
        let fit = MAX_BYTES / (2 * MAX_BODY);
        for _ in 0..fit {
            tracer.recall("T", &long, "R", true);
        }
        assert_eq!(tracer.dropped(), 1);
        tracer.recall("T", &long, "R", true);
        assert_eq!(tracer.dropped(), 2);
        let parcel = tracer.take(false).unwrap();
        assert!(parcel.body.len() <= MAX_BODY && parcel.sending.records == 1);
        // One that never gets away is lost.
        drop(parcel);
        assert_eq!(tracer.dropped(), 3);
    }
}
