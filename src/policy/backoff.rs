//! How long to pause before an address that failed is dialled again.

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
}
