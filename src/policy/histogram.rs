//! How long things took, counted in buckets: any number of threads record without waiting, in a fixed amount of memory.
//!
//! Values are microseconds. Those below 32 have a bucket each; each doubling after that is cut into 16 buckets, so that
//! a quantile, which is told as the middle of its bucket, is off by at most 1/32 (about 3 %).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets of one doubling, as a power of two.
const CUT: u32 = 4;
/// Values below this have a bucket each.
const EXACT: u64 = 1 << (CUT + 1);
/// Larger values, of more than an hour, count as the largest.
const LARGEST: u64 = (1 << 32) - 1;
const BUCKETS: usize = bucket(LARGEST) + 1;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: [AtomicU64; BUCKETS],
    sum: AtomicU64,
    max: AtomicU64,
}

/// How long what was recorded took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Durations {
    /// How many were recorded.
    pub count: u64,
    /// All of them together.
    pub sum: Duration,
    /// The median; this and the others are off by at most 1/32.
    pub p50: Duration,
    /// What 90 of 100 did not exceed.
    pub p90: Duration,
    /// What 99 of 100 did not exceed.
    pub p99: Duration,
    /// What 999 of 1000 did not exceed.
    pub p999: Duration,
    /// The longest, exactly.
    pub max: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        let counts = [const { AtomicU64::new(0) }; BUCKETS];
        Histogram { counts, sum: AtomicU64::new(0), max: AtomicU64::new(0) }
    }
}

impl Histogram {
    /// Counts one duration.
    pub(crate) fn record(&self, took: Duration) {
        let micros = took.as_secs().saturating_mul(1_000_000).saturating_add(u64::from(took.subsec_micros()));
        let micros = micros.min(LARGEST);
        self.counts[bucket(micros)].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(micros, Ordering::Relaxed);
        // Nearly always there was a longer one, and a look is cheaper than a write.
        if micros > self.max.load(Ordering::Relaxed) {
            self.max.fetch_max(micros, Ordering::Relaxed);
        }
    }

    /// What was recorded so far. Records that come meanwhile may be in one number and not in another.
    pub(crate) fn durations(&self) -> Durations {
        let counts: Vec<u64> = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let count = counts.iter().sum();
        let max = self.max.load(Ordering::Relaxed);
        let quantile = |per_mille: u64| Duration::from_micros(quantile(&counts, count, per_mille).min(max));
        Durations {
            count,
            sum: Duration::from_micros(self.sum.load(Ordering::Relaxed)),
            p50: quantile(500),
            p90: quantile(900),
            p99: quantile(990),
            p999: quantile(999),
            max: Duration::from_micros(max),
        }
    }
}

/// The bucket of a value.
const fn bucket(micros: u64) -> usize {
    if micros < EXACT {
        return micros as usize;
    }
    let doubling = micros.ilog2() - CUT;
    // The leading one makes the cuts of a doubling follow those of the one before.
    ((doubling as usize) << CUT) + (micros >> doubling) as usize
}

/// The middle of a bucket.
const fn middle(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < EXACT {
        return bucket;
    }
    let doubling = (bucket >> CUT) - 1;
    let first = (bucket - (doubling << CUT)) << doubling;
    first + (1 << (doubling - 1))
}

fn quantile(counts: &[u64], count: u64, per_mille: u64) -> u64 {
    let rank = (u128::from(count) * u128::from(per_mille)).div_ceil(1000).max(1);
    let mut seen = 0_u128;
    for (index, count) in counts.iter().enumerate() {
        seen += u128::from(*count);
        if seen >= rank {
            return middle(index);
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_one_another_and_hold_their_middle() {
        let mut last = 0;
        for micros in (0..100_000).chain((17..32).map(|power| (1_u64 << power) - 1)).chain([LARGEST]) {
            let index = bucket(micros);
            assert!(index == last || micros >= 100_000 || index == last + 1, "{micros}");
            last = index;
            let off = middle(index).abs_diff(micros);
            assert!(off * 32 <= micros, "{micros} is told as {}", middle(index));
            assert_eq!(bucket(middle(index)), index);
        }
        assert_eq!(last, BUCKETS - 1);
    }

    /// Against the values themselves, for values of each size.
    #[test]
    fn quantiles_are_near_the_exact_ones() {
        let mut random = 7_u64;
        for shift in [0, 8, 16, 28] {
            let histogram = Histogram::default();
            let mut values: Vec<u64> = (0..10_000)
                .map(|_| {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    random >> 60 << shift | random >> 33 & ((1 << shift) - 1)
                })
                .collect();
            values.iter().for_each(|micros| histogram.record(Duration::from_micros(*micros)));
            values.sort_unstable();
            let told = histogram.durations();
            for (told, rank) in [(told.p50, 5000), (told.p90, 9000), (told.p99, 9900), (told.p999, 9990)] {
                let (told, exact) = (told.as_micros() as u64, values[rank - 1]);
                assert!(told.abs_diff(exact) * 20 <= exact, "{rank}: {told} for {exact}");
            }
            assert_eq!(told.count, 10_000);
            assert_eq!(told.sum, Duration::from_micros(values.iter().sum()));
            assert_eq!(told.max, Duration::from_micros(values[9_999]));
        }
    }

    #[test]
    fn nothing_one_and_too_much() {
        let histogram = Histogram::default();
        assert_eq!(histogram.durations(), Durations::default());
        histogram.record(Duration::from_micros(1000));
        let one = histogram.durations();
        assert_eq!(
            (one.p50, one.p999, one.max),
            (one.max, one.max, Duration::from_micros(1000)),
            "never over the most"
        );
        histogram.record(Duration::MAX);
        assert_eq!(histogram.durations().max, Duration::from_micros(LARGEST));
    }

    #[test]
    fn threads_lose_no_record() {
        let histogram = Histogram::default();
        std::thread::scope(|scope| {
            for thread in 1..=4 {
                let histogram = &histogram;
                scope.spawn(move || (0..1000).for_each(|_| histogram.record(Duration::from_micros(thread))));
            }
        });
        let told = histogram.durations();
        assert_eq!((told.count, told.sum, told.max), (4000, Duration::from_millis(10), Duration::from_micros(4)));
    }
}
