//! Which brokers are slow or out of reach, and which queue that leaves to a send.

use super::select::round_robin;
use crate::protocol::remoting::command::response_code;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Latencies in milliseconds, each with how long a broker that took as long is left alone.
type Steps = [(u64, u64); 7];

/// The numbers and rules of a generation of the Java client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preset {
    /// As since 5.1: short isolations, then those that are reachable, then any.
    V5,
    /// As in 4.x: long isolations, then whichever broker is free again first.
    V4,
}

impl Preset {
    fn steps(self) -> &'static Steps {
        match self {
            Preset::V5 => {
                &[(50, 0), (100, 0), (550, 2_000), (1_800, 5_000), (3_000, 6_000), (5_000, 10_000), (15_000, 30_000)]
            }
            Preset::V4 => &[
                (50, 0),
                (100, 0),
                (550, 30_000),
                (1_000, 60_000),
                (2_000, 120_000),
                (3_000, 180_000),
                (15_000, 600_000),
            ],
        }
    }

    /// The latency that stands for a failure.
    fn failure(self) -> Duration {
        match self {
            Preset::V5 => Duration::from_secs(10),
            Preset::V4 => Duration::from_secs(30),
        }
    }

    /// How long a broker is left alone after `latency`.
    fn isolation(self, latency: Duration) -> Duration {
        let reached = |(least, _): &&(u64, u64)| latency >= Duration::from_millis(*least);
        let step = self.steps().iter().rev().find(reached);
        Duration::from_millis(step.map_or(0, |(_, out)| *out))
    }
}

/// How a send to a broker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The broker stored the message.
    Stored,
    /// It refused with this code.
    Refused(i32),
    /// It did not answer, or the connection was lost.
    NoAnswer,
    /// No connection could be opened.
    NotConnected,
}

/// Codes that tell of the broker, not of the message.
const BROKER_TROUBLE: &[i32] = &[
    response_code::SYSTEM_ERROR,
    response_code::SYSTEM_BUSY,
    response_code::SERVICE_NOT_AVAILABLE,
    response_code::GO_AWAY,
];

/// The latency that a 4.x client notes for a broker it cannot connect to.
const NOT_CONNECTED: Duration = Duration::from_secs(3);

#[derive(Debug)]
struct Item {
    latency: Duration,
    available_from: Instant,
    reachable: bool,
    next_probe: Instant,
}

/// What is known of a broker, for people to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) latency: Duration,
    /// How much longer it is isolated.
    pub(crate) isolated: Duration,
    pub(crate) reachable: bool,
}

/// What sends have told of their brokers.
#[derive(Debug)]
pub(crate) struct FaultTable {
    preset: Preset,
    /// Whether somebody looks after brokers that are out of reach; without that none would come back.
    detects: bool,
    items: HashMap<Arc<str>, Item>,
}

impl FaultTable {
    pub(crate) fn new(preset: Preset, detects: bool) -> Self {
        FaultTable { preset, detects, items: HashMap::new() }
    }

    /// Notes how a send to `broker` ended after `latency`.
    pub(crate) fn update(&mut self, broker: &Arc<str>, ended: Ended, latency: Duration, now: Instant) {
        let failed = match ended {
            Ended::Stored => false,
            Ended::Refused(code) => BROKER_TROUBLE.contains(&code),
            Ended::NoAnswer | Ended::NotConnected => true,
        };
        let latency = match ended {
            Ended::NotConnected if self.preset == Preset::V4 => NOT_CONNECTED,
            _ => latency,
        };
        let isolation = self.preset.isolation(if failed { self.preset.failure() } else { latency });
        // Whoever answers is in reach, whatever the answer.
        let answered = matches!(ended, Ended::Stored | Ended::Refused(_));
        let item = self.items.entry(Arc::clone(broker)).or_insert(Item {
            latency,
            available_from: now,
            reachable: true,
            next_probe: now,
        });
        item.latency = latency;
        item.reachable = answered || !self.detects;
        item.available_from = match self.preset {
            // A quick answer does not shorten what is running.
            Preset::V5 => item.available_from.max(now + isolation),
            Preset::V4 => now + isolation,
        };
    }

    fn is_available(&self, broker: &str, now: Instant) -> bool {
        self.items.get(broker).is_none_or(|item| now >= item.available_from)
    }

    fn is_reachable(&self, broker: &str) -> bool {
        self.items.get(broker).is_none_or(|item| item.reachable)
    }

    /// The queue at `index` by round robin, of a broker that is well if there is one; never `last`'s unless it must be.
    ///
    /// `None` only when there are no queues.
    pub(crate) fn pick<'q, Q>(
        &mut self,
        queues: &'q [Q],
        index: usize,
        last: Option<&str>,
        broker: impl Fn(&Q) -> &str,
        now: Instant,
    ) -> Option<&'q Q> {
        let n = queues.len();
        let turn = |good: &dyn Fn(&str) -> bool| {
            (0..n).map(|step| &queues[index.wrapping_add(step) % n]).find(|queue| good(broker(queue)))
        };
        match self.preset {
            Preset::V5 => turn(&|name| self.is_available(name, now) && last != Some(name))
                .or_else(|| turn(&|name| self.is_reachable(name) && last != Some(name))),
            Preset::V4 => turn(&|name| self.is_available(name, now)).or_else(|| {
                let least = self.least_isolated()?;
                let own: Vec<&Q> = queues.iter().filter(|queue| *broker(queue) == *least).collect();
                if own.is_empty() {
                    self.items.remove(&least);
                }
                own.get(index.checked_rem(own.len())?).copied()
            }),
        }
        .or_else(|| round_robin(queues, index, |_| false))
    }

    /// The broker whose isolation ends first.
    fn least_isolated(&self) -> Option<Arc<str>> {
        self.items.iter().min_by_key(|(_, item)| item.available_from).map(|(name, _)| Arc::clone(name))
    }

    /// Brokers out of reach that were not probed for `interval`; they count as probed now.
    pub(crate) fn due_for_probe(&mut self, interval: Duration, now: Instant) -> Vec<Arc<str>> {
        let due = |item: &Item| !item.reachable && now >= item.next_probe;
        let suspects = self.items.iter_mut().filter(|(_, item)| due(item));
        suspects
            .map(|(name, item)| {
                item.next_probe = now + interval;
                Arc::clone(name)
            })
            .collect()
    }

    /// A probe was answered.
    pub(crate) fn reached(&mut self, broker: &str) {
        if let Some(item) = self.items.get_mut(broker) {
            item.reachable = true;
        }
    }

    /// Forgets a broker that is in no route any more.
    pub(crate) fn forget(&mut self, broker: &str) {
        self.items.remove(broker);
    }

    /// What is known of a broker.
    pub(crate) fn known(&self, broker: &str, now: Instant) -> Option<Known> {
        let known = |item: &Item| Known {
            latency: item.latency,
            isolated: item.available_from.saturating_duration_since(now),
            reachable: item.reachable,
        };
        self.items.get(broker).map(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUES: [(&str, i32); 4] = [("a", 0), ("a", 1), ("b", 0), ("b", 1)];

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn table(preset: Preset, detects: bool) -> FaultTable {
        FaultTable::new(preset, detects)
    }

    fn picks(table: &mut FaultTable, last: Option<&str>, now: Instant) -> Vec<(&'static str, i32)> {
        (0..4).map(|index| *table.pick(&QUEUES, index, last, |queue| queue.0, now).unwrap()).collect()
    }

    fn fail(table: &mut FaultTable, broker: &str, ended: Ended, now: Instant) {
        table.update(&broker.into(), ended, ms(1), now);
    }

    fn isolated(table: &FaultTable, broker: &str, now: Instant) -> u128 {
        table.known(broker, now).unwrap().isolated.as_millis()
    }

    /// Rows: FT-08 FT-09 FT-10.
    #[test]
    fn both_tables_isolate_by_the_highest_step_that_the_latency_reaches() {
        let cases = [
            (Preset::V5, vec![(0, 0), (549, 0), (550, 2_000), (1_799, 2_000), (1_800, 5_000), (3_000, 6_000)]),
            (Preset::V5, vec![(5_000, 10_000), (14_999, 10_000), (15_000, 30_000), (99_999, 30_000)]),
            (Preset::V4, vec![(549, 0), (550, 30_000), (1_000, 60_000), (2_000, 120_000), (3_000, 180_000)]),
            (Preset::V4, vec![(14_999, 180_000), (15_000, 600_000)]),
        ];
        let now = Instant::now();
        for (preset, steps) in cases {
            for (latency, out) in steps {
                let mut table = table(preset, false);
                table.update(&"a".into(), Ended::Stored, ms(latency), now);
                assert_eq!(isolated(&table, "a", now), out, "{preset:?} {latency}");
                assert_eq!(table.is_available("a", now), out == 0);
                assert!(table.is_available("a", now + ms(out as u64)), "FT-06: available when the time is reached");
            }
        }
    }

    /// Rows: FT-07 FT-12 FT-10 FT-13.
    #[test]
    fn a_failure_isolates_as_its_generation_says() {
        let now = Instant::now();
        for (preset, out) in [(Preset::V5, 10_000), (Preset::V4, 600_000)] {
            for ended in
                [Ended::NoAnswer, Ended::NotConnected, Ended::Refused(1), Ended::Refused(2), Ended::Refused(1500)]
            {
                let mut table = table(preset, false);
                fail(&mut table, "a", ended, now);
                assert_eq!(isolated(&table, "a", now), out, "{preset:?} {ended:?}");
                assert!(table.is_reachable("a"), "without a detector nobody would find it reachable again");
            }
        }
    }

    /// Rows: FT-12.
    #[test]
    fn a_refusal_for_the_message_s_sake_neither_isolates_nor_puts_out_of_reach() {
        let now = Instant::now();
        for code in [13, 16, 17, 204] {
            let mut table = table(Preset::V5, true);
            fail(&mut table, "a", Ended::Refused(code), now);
            assert!(table.is_available("a", now) && table.is_reachable("a"), "{code}");
        }
        let mut table = table(Preset::V5, true);
        fail(&mut table, "a", Ended::Refused(2), now);
        assert!(!table.is_available("a", now) && table.is_reachable("a"), "a busy broker did answer");
    }

    /// Rows: FT-13.
    #[test]
    fn a_failed_connect_is_noted_as_each_generation_does() {
        let now = Instant::now();
        for (preset, latency) in [(Preset::V5, ms(1)), (Preset::V4, ms(3_000))] {
            let mut table = table(preset, false);
            fail(&mut table, "a", Ended::NotConnected, now);
            assert_eq!(table.known("a", now).unwrap().latency, latency);
        }
    }

    /// Rows: FT-02 FT-06.
    #[test]
    fn sends_pass_over_an_isolated_broker_and_come_back() {
        let now = Instant::now();
        for preset in [Preset::V5, Preset::V4] {
            let mut table = table(preset, false);
            assert_eq!(picks(&mut table, None, now), QUEUES, "a plain round while all are well");
            fail(&mut table, "a", Ended::NoAnswer, now);
            assert!(picks(&mut table, None, now).iter().all(|queue| queue.0 == "b"), "{preset:?}");
            assert_eq!(picks(&mut table, None, now + ms(600_000)), QUEUES, "{preset:?}");
        }
    }

    /// Rows: FT-02 QS-03.
    #[test]
    fn a_retry_leaves_the_last_broker_even_for_one_that_is_isolated() {
        let now = Instant::now();
        let mut table = table(Preset::V5, false);
        fail(&mut table, "b", Ended::NoAnswer, now);
        assert!(picks(&mut table, Some("a"), now).iter().all(|queue| queue.0 == "b"));
    }

    /// Rows: FT-03 FT-11.
    #[test]
    fn with_all_isolated_the_reachable_are_next_and_then_any() {
        let now = Instant::now();
        let mut table = table(Preset::V5, true);
        fail(&mut table, "a", Ended::NoAnswer, now);
        fail(&mut table, "b", Ended::Refused(2), now);
        assert!(picks(&mut table, None, now).iter().all(|queue| queue.0 == "b"), "isolated, but in reach");
        fail(&mut table, "b", Ended::NoAnswer, now);
        assert_eq!(picks(&mut table, None, now), QUEUES, "none in reach");
        table.reached("a");
        assert!(picks(&mut table, None, now).iter().all(|queue| queue.0 == "a"));
    }

    /// Rows: FT-03 FT-04 FT-05 FT-11.
    #[test]
    fn in_4_x_the_broker_that_is_free_first_is_picked_and_forgotten_when_it_has_no_queue() {
        let now = Instant::now();
        let mut table = table(Preset::V4, false);
        fail(&mut table, "b", Ended::NoAnswer, now);
        fail(&mut table, "a", Ended::NoAnswer, now + ms(1));
        assert_eq!(picks(&mut table, None, now + ms(2)), [("b", 0), ("b", 1), ("b", 0), ("b", 1)]);
        fail(&mut table, "gone", Ended::NoAnswer, now - ms(1));
        assert_eq!(
            picks(&mut table, None, now + ms(2))[0],
            QUEUES[0],
            "a plain pick in place of the one that has none"
        );
        assert_eq!(table.known("gone", now), None);
        let none: [(&str, i32); 0] = [];
        assert_eq!(table.pick(&none, 5, None, |queue| queue.0, now), None);
    }

    /// Rows: FT-06 FT-12.
    #[test]
    fn a_quick_answer_ends_an_isolation_in_4_x_only() {
        let now = Instant::now();
        for (preset, left) in [(Preset::V5, 10_000), (Preset::V4, 0)] {
            let mut table = table(preset, true);
            fail(&mut table, "a", Ended::NoAnswer, now);
            assert!(!table.is_reachable("a"));
            table.update(&"a".into(), Ended::Stored, ms(3), now);
            assert_eq!(isolated(&table, "a", now), left, "{preset:?}");
            assert!(table.is_reachable("a"), "whoever answers is in reach");
        }
    }

    /// Rows: FT-14.
    #[test]
    fn only_brokers_out_of_reach_are_probed_and_not_more_often_than_the_interval() {
        let now = Instant::now();
        let mut table = table(Preset::V5, true);
        fail(&mut table, "a", Ended::NoAnswer, now);
        fail(&mut table, "b", Ended::Stored, now);
        assert_eq!(table.due_for_probe(ms(2_000), now), ["a".into()]);
        assert!(table.due_for_probe(ms(2_000), now + ms(1_999)).is_empty());
        assert_eq!(table.due_for_probe(ms(2_000), now + ms(2_000)), ["a".into()]);
        table.reached("a");
        assert!(table.due_for_probe(ms(2_000), now + ms(9_000)).is_empty());
        table.forget("a");
        assert_eq!(table.known("a", now), None);
    }

    /// A monotonic clock never does this; a caller that read it earlier than another may seem to.
    #[test]
    fn a_now_before_the_last_one_does_no_harm() {
        let now = Instant::now() + ms(100_000);
        for preset in [Preset::V5, Preset::V4] {
            let mut table = table(preset, true);
            fail(&mut table, "a", Ended::NoAnswer, now);
            let before = now - ms(50_000);
            assert!(picks(&mut table, None, before).iter().all(|queue| queue.0 == "b"));
            assert!(isolated(&table, "a", before) >= 10_000);
            table.update(&"a".into(), Ended::Stored, ms(1), before);
            assert!(table.due_for_probe(ms(1), before).is_empty());
        }
    }
}
