//! Messages that nobody can read yet: half messages, delayed ones. What is due is done by one task of the cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::store::{Record, State, Store, now_millis};
use super::transactions::{self, Half};
use crate::protocol::remoting::properties::{self, DELAY, TIMER_DELAY_MS, TIMER_DELAY_SEC, TIMER_DELIVER_MS};

/// What the 18 delay levels of a broker mean, in seconds.
const LEVELS: [u64; 18] = [1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200];
/// The longest delay of a timer message in milliseconds.
pub(super) const MAX_TIMER_MS: i64 = 3 * 24 * 3600 * 1000;
/// What the times of timer messages are rounded to, in milliseconds.
const TIMER_PRECISION_MS: i64 = 1000;
/// How soon a broker of the cluster asks for the end of a transaction, and asks again.
const CHECK_INTERVAL_MS: u64 = 1000;

/// When a message can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Now,
    /// After the delay of a level.
    Level(Duration),
    /// After this time; the broker's rounded time of it, in milliseconds since 1970.
    Timer(Duration, i64),
    /// Never: the timer is no number or too long.
    Illegal,
}

impl Delivery {
    pub(super) fn of(encoded: &str) -> Delivery {
        let level = properties::get(encoded, DELAY).and_then(|level| level.parse::<i32>().ok()).unwrap_or(0);
        if let Some(index) = usize::try_from(level).ok().and_then(|level| level.checked_sub(1)) {
            return Delivery::Level(Duration::from_secs(LEVELS[index.min(LEVELS.len() - 1)]));
        }
        let now = now_millis();
        let timers = [(TIMER_DELAY_SEC, now, 1000), (TIMER_DELAY_MS, now, 1), (TIMER_DELIVER_MS, 0, 1)];
        for (name, from, unit) in timers {
            let Some(text) = properties::get(encoded, name) else { continue };
            let at = text.parse::<i64>().ok().and_then(|value| value.checked_mul(unit)?.checked_add(from));
            return match at {
                Some(at) if at <= now => Delivery::Now,
                Some(at) if at - now <= MAX_TIMER_MS => {
                    let left = Duration::from_millis((at - now).unsigned_abs());
                    // A whole second counts as the end of the one before.
                    Delivery::Timer(left, (at - 1) / TIMER_PRECISION_MS * TIMER_PRECISION_MS)
                }
                _ => Delivery::Illegal,
            };
        }
        Delivery::Now
    }
}

/// A delayed message.
#[derive(Debug)]
struct Delayed {
    broker: usize,
    topic: String,
    queue: usize,
    record: Record,
    due: Instant,
}

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) halves: Vec<Half>,
    delayed: Vec<Delayed>,
    /// How many messages were ever held: the offsets of the brokers' own queues.
    count: i64,
}

impl Held {
    pub(super) fn next_offset(&mut self) -> i64 {
        self.count += 1;
        self.count - 1
    }

    pub(super) fn is_some(&self) -> bool {
        !self.halves.is_empty() || !self.delayed.is_empty()
    }

    pub(super) fn delayed(&self) -> usize {
        self.delayed.len()
    }

    pub(super) fn clear(&mut self) {
        self.halves.clear();
        self.delayed.clear();
    }

    /// Takes delayed messages back.
    pub(super) fn recall(&mut self, broker: usize, topic: &str, message_id: &str) {
        let recalled = |delayed: &Delayed| {
            delayed.broker == broker
                && delayed.topic == topic
                && properties::get(&delayed.record.properties, properties::UNIQ_KEY) == Some(message_id)
        };
        self.delayed.retain(|delayed| !recalled(delayed));
    }
}

impl State {
    /// Stores a message for now or for later; its offsets in the queue and in the commit log.
    pub(super) fn place(&mut self, broker: usize, topic: &str, queue: usize, mut record: Record) -> Option<(i64, i64)> {
        let (Delivery::Level(left) | Delivery::Timer(left, _)) = Delivery::of(&record.properties) else {
            let (first, log_offsets) = self.append(broker, topic, queue, vec![record])?;
            return Some((first, *log_offsets.first()?));
        };
        let log_offset = self.log(broker, topic, &mut record)?;
        let due = Instant::now() + left;
        self.held.delayed.push(Delayed { broker, topic: topic.to_owned(), queue, record, due });
        Some((self.held.next_offset(), log_offset))
    }

    /// Delivers what is due; when the next is.
    fn deliver_delayed(&mut self, now: Instant) -> Option<Instant> {
        let (mut due, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.held.delayed).into_iter().partition(|delayed| delayed.due <= now);
        self.held.delayed = rest;
        due.sort_by_key(|delayed| delayed.due);
        for Delayed { broker, topic, queue, record, .. } in due {
            // A topic never goes, so that the queue is there.
            self.append(broker, &topic, queue, vec![record]);
        }
        self.held.delayed.iter().map(|delayed| delayed.due).min()
    }
}

/// Wakes the task, and tells it how often to check.
#[derive(Debug)]
pub(super) struct Clock {
    changed: Notify,
    check_interval_ms: AtomicU64,
}

impl Default for Clock {
    fn default() -> Self {
        Clock { changed: Notify::new(), check_interval_ms: AtomicU64::new(CHECK_INTERVAL_MS) }
    }
}

impl Clock {
    /// Something is held anew.
    pub(super) fn changed(&self) {
        self.changed.notify_one();
    }

    pub(super) fn check_interval(&self) -> Duration {
        Duration::from_millis(self.check_interval_ms.load(Ordering::Relaxed))
    }

    pub(super) fn set_check_interval(&self, interval: Duration) {
        let milliseconds = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        self.check_interval_ms.store(milliseconds, Ordering::Relaxed);
        self.changed();
    }
}

/// Delivers and checks what is due, as long as the cluster runs.
pub(super) async fn run(store: Arc<Store>) {
    loop {
        let next = {
            let now = Instant::now();
            let mut state = store.lock();
            let delivery = state.deliver_delayed(now);
            store.announce(&state);
            let check = transactions::check(&store, &mut state, now);
            delivery.into_iter().chain(check).min()
        };
        let changed = store.clock.changed.notified();
        match next {
            Some(next) => {
                let _ = tokio::time::timeout_at(next.into(), changed).await;
            }
            None => changed.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries() {
        let of = |name: &str, value: &str| Delivery::of(&properties::encode(&[(name, value)]));
        assert_eq!(Delivery::of(""), Delivery::Now);
        assert_eq!((of(DELAY, "0"), of(DELAY, "x")), (Delivery::Now, Delivery::Now));
        assert_eq!(of(DELAY, "2"), Delivery::Level(Duration::from_secs(5)));
        assert_eq!(of(DELAY, "99"), Delivery::Level(Duration::from_secs(7200)));
        assert_eq!((of(TIMER_DELIVER_MS, "5"), of(TIMER_DELAY_MS, "0")), (Delivery::Now, Delivery::Now));
        assert_eq!((of(TIMER_DELAY_SEC, "259201"), of(TIMER_DELAY_MS, "x")), (Delivery::Illegal, Delivery::Illegal));
        assert_eq!(of(TIMER_DELAY_SEC, &i64::MAX.to_string()), Delivery::Illegal);
        let at = now_millis() / 1000 * 1000 + 60_000;
        let Delivery::Timer(left, rounded) = of(TIMER_DELIVER_MS, &at.to_string()) else {
            panic!("a timer");
        };
        assert!(left <= Duration::from_secs(60) && left > Duration::from_secs(50), "{left:?}");
        assert_eq!(rounded, at - 1000);
        let Delivery::Timer(_, rounded) = of(TIMER_DELIVER_MS, &(at + 54).to_string()) else {
            panic!("a timer");
        };
        assert_eq!(rounded, at);
    }
}
