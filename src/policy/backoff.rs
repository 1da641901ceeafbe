//! How long to pause before an address that failed is dialled again, and between the tries of a message.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(20);

/// The pause after `failures` failures in a row: none after the first, then doubling up to `max`.
///
/// `random` in 0..1 takes up to a half off, so that many clients do not dial at one moment.
pub(crate) fn reconnect_pause(failures: u32, max: Duration, random: f64) -> Duration {
    if failures < 2 {
        return Duration::ZERO;
    }
    let doubled = FIRST.saturating_mul(1 << (failures - 2).min(16));
    doubled.min(max).mul_f64(1.0 - random.clamp(0.0, 1.0) / 2.0)
}

/// The pause after `done` tries of a message: `first`, then doubling up to `max`; zero when `first` is.
///
/// `off` in 0..1 is the part of it that is taken off.
pub(crate) fn retry_pause(done: u32, first: Duration, max: Duration, off: f64) -> Duration {
    let doubled = first.saturating_mul(1 << done.saturating_sub(1).min(16));
    doubled.min(max.max(first)).mul_f64(1.0 - off.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_its_cap() {
        let max = Duration::from_millis(100);
        let pauses: Vec<u128> = (0..8).map(|n| reconnect_pause(n, max, 0.0).as_millis()).collect();
        assert_eq!(pauses, [0, 0, 20, 40, 80, 100, 100, 100]);
        assert_eq!(reconnect_pause(1000, max, 1.0), Duration::from_millis(50));
    }

    /// Rows: RE-11 CF-21.
    #[test]
    fn tries_are_apart_by_a_pause_that_doubles_up_to_its_cap() {
        let (first, max) = (Duration::from_millis(100), Duration::from_millis(300));
        let pauses: Vec<u128> = (1..6).map(|n| retry_pause(n, first, max, 0.0).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 300, 300, 300]);
        assert_eq!(retry_pause(1, first, max, 0.5), first / 2);
        assert_eq!(retry_pause(9, Duration::ZERO, max, 0.0), Duration::ZERO, "off");
        let even = Duration::from_secs(1);
        assert_eq!(retry_pause(3, even, even, 0.0), even, "a fixed interval, as SOFAMQ has it");
        assert_eq!(retry_pause(u32::MAX, even, Duration::MAX, 0.0), even * 65_536);
        assert_eq!(retry_pause(1, even, even, 2.0), Duration::ZERO);
    }
}
