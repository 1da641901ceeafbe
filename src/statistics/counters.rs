//! What a producer counts while it works: relaxed atomics, no lock and no allocation on the way of a message that ends
//! well.

use crate::completion::Outcome;
use crate::error::{Error, ErrorKind, Result};
use crate::policy::histogram::Histogram;
use crate::sync::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Numbers of error kinds, 0 included.
const KINDS: usize = ErrorKind::ALL[ErrorKind::ALL.len() - 1] as usize + 1;
/// Most response codes counted apart: servers choose them, and memory is bounded.
const MOST_CODES: usize = 64;
/// Most broker names counted apart, for the same reason.
const MOST_BROKERS: usize = 1024;
/// Stands for the brokers beyond them.
const OTHERS: &str = "others";

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Messages or tries, and their bytes. Alone in its cache line: senders count in some, the I/O thread in others.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Amount {
    number: Count,
    bytes: Count,
}

impl Amount {
    /// Counts one.
    #[inline]
    pub(crate) fn add(&self, bytes: usize) {
        self.add_many(1, bytes);
    }

    /// Counts several with so many bytes in all.
    #[inline]
    pub(crate) fn add_many(&self, number: usize, bytes: usize) {
        self.number.add(number as u64);
        self.bytes.add(bytes as u64);
    }

    /// The number and the bytes.
    pub(crate) fn get(&self) -> (u64, u64) {
        (self.number.get(), self.bytes.get())
    }
}

/// Errors by their causes.
#[derive(Debug)]
pub(crate) struct Causes {
    kinds: [Count; KINDS],
    codes: Mutex<BTreeMap<i32, u64>>,
}

impl Default for Causes {
    fn default() -> Self {
        Causes { kinds: [const { Count(AtomicU64::new(0)) }; KINDS], codes: Mutex::default() }
    }
}

impl Causes {
    /// Counts one error that hit so many.
    pub(crate) fn add(&self, error: &Error, number: usize) {
        let number = number as u64;
        if let Some(code) = error.broker_code() {
            let mut codes = self.codes.lock();
            if codes.len() < MOST_CODES || codes.contains_key(&code) {
                *codes.entry(code).or_default() += number;
                return;
            }
        }
        self.kinds[error.kind() as usize].add(number);
    }

    /// Each cause that occurred: its kind, the server's code where it is counted apart, how often.
    pub(crate) fn get(&self) -> Vec<(ErrorKind, Option<i32>, u64)> {
        let kinds = ErrorKind::ALL.iter().map(|kind| (*kind, None, self.kinds[*kind as usize].get()));
        let codes = self.codes.lock();
        let codes = codes.iter().map(|(code, count)| (ErrorKind::Broker, Some(*code), *count));
        kinds.chain(codes).filter(|(_, _, count)| *count > 0).collect()
    }
}

/// What one producer counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) accepted: Amount,
    pub(crate) acknowledged: Amount,
    pub(crate) oneway: Amount,
    pub(crate) failures: Causes,
    pub(crate) failed_bytes: Count,
    pub(crate) refusals: Causes,
    pub(crate) retries: Count,
    pub(crate) resends: Count,
    pub(crate) retries_spared: Count,
    pub(crate) given_up: Count,
    pub(crate) alarms: Count,
    pub(crate) spooled: Count,
    pub(crate) spool_delivered: Count,
    pub(crate) spool_lost: Count,
    pub(crate) spool_damaged: Count,
    pub(crate) batches: Count,
    pub(crate) half_messages: Count,
    pub(crate) commits: Count,
    pub(crate) rollbacks: Count,
    pub(crate) checks_answered: Count,
    pub(crate) checks_dropped: Count,
    /// Refusals of messages that asked for no answer.
    pub(crate) refused_unasked: Count,
    pub(crate) connects: Count,
    pub(crate) reconnects: Count,
    pub(crate) connect_failures: Count,
}

impl Counters {
    /// Counts how messages that were accepted and answered, or will never be, ended.
    pub(crate) fn ended(&self, outcome: &Outcome, messages: usize, bytes: usize) {
        match outcome {
            Ok(_) => self.acknowledged.add_many(messages, bytes),
            Err(error) => self.failed(error, messages, bytes),
        }
    }

    /// The same for one-way messages, which nobody answers.
    pub(crate) fn ended_oneway<T>(&self, outcome: &Result<T>, messages: usize, bytes: usize) {
        match outcome {
            Ok(_) => self.oneway.add_many(messages, bytes),
            Err(error) => self.failed(error, messages, bytes),
        }
    }

    /// Counts a message with a body of so many bytes as accepted, or as refused.
    pub(crate) fn taken<T>(&self, outcome: &Result<T>, bytes: usize) {
        match outcome {
            Ok(_) => self.accepted.add(bytes),
            Err(refusal) => self.refusals.add(refusal, 1),
        }
    }

    fn failed(&self, error: &Error, messages: usize, bytes: usize) {
        self.failures.add(error, messages);
        self.failed_bytes.add(bytes as u64);
    }
}

/// What is counted of the tries to one broker.
#[derive(Default)]
pub(crate) struct BrokerCounters {
    pub(crate) sent: Amount,
    pub(crate) failed: Count,
    pub(crate) took: Histogram,
}

impl BrokerCounters {
    /// Counts an answer of any kind.
    #[inline]
    pub(crate) fn answered(&self, took: Duration) {
        self.took.record(took);
    }
}

impl std::fmt::Debug for BrokerCounters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BrokerCounters").field("sent", &self.sent.get()).finish_non_exhaustive()
    }
}

/// The counters of each broker by its name; they outlive the routes that named it.
#[derive(Debug, Default)]
pub(crate) struct BrokersCounters(Mutex<HashMap<Arc<str>, Arc<BrokerCounters>>>);

impl BrokersCounters {
    /// Those of one broker: looked up where a route comes in, not where a message goes out.
    pub(crate) fn of(&self, name: &Arc<str>) -> Arc<BrokerCounters> {
        let mut all = self.0.lock();
        if let Some(known) = all.get(name) {
            return Arc::clone(known);
        }
        let name = if all.len() < MOST_BROKERS { Arc::clone(name) } else { OTHERS.into() };
        Arc::clone(all.entry(name).or_default())
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> BTreeMap<Arc<str>, Arc<BrokerCounters>> {
        self.0.lock().iter().map(|(name, counters)| (Arc::clone(name), Arc::clone(counters))).collect()
    }
}

#[cfg(all(test, not(mqp_loom)))]
mod tests {
    use super::*;

    #[test]
    fn servers_cannot_make_the_memory_grow() {
        let (causes, brokers) = (Causes::default(), BrokersCounters::default());
        for number in 0..2000 {
            causes.add(&Error::broker(number, "", false), 1);
            brokers.of(&format!("broker-{number}").into()).sent.add(10);
        }
        let counted = causes.get();
        assert_eq!(counted.iter().map(|(_, _, count)| count).sum::<u64>(), 2000);
        assert_eq!(counted.len(), MOST_CODES + 1);
        assert_eq!(counted[0], (ErrorKind::Broker, None, 2000 - MOST_CODES as u64));
        let all = brokers.all();
        assert_eq!(all.len(), MOST_BROKERS + 1);
        assert_eq!(all[OTHERS].sent.get(), (2000 - MOST_BROKERS as u64, 10 * (2000 - MOST_BROKERS as u64)));
    }
}
