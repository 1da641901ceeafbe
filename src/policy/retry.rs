//! Whether a message gets another try, and how long a try may take.

use std::time::{Duration, Instant};

/// Shortest deadline of one try that the automatic cap gives.
const SHORTEST_TRY: Duration = Duration::from_millis(500);

/// How one try of a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TryEnd {
    /// The broker refused with this response code.
    Refused(i32),
    /// The broker stored the message, but not to its full safety.
    NotStoreOk,
    /// No answer: connect error, lost connection, time-out.
    NoAnswer,
}

/// The rules of one producer and one mode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryRules<'a> {
    /// Tries in all, at least 1.
    pub(crate) tries: u32,
    /// Response codes worth another try.
    pub(crate) codes: &'a [i32],
    /// Whether a message that is not stored safely is tried again.
    pub(crate) when_not_store_ok: bool,
}

impl RetryRules<'_> {
    /// Whether another try follows the `done`th that ended so, with the deadline ahead.
    pub(crate) fn again(&self, end: TryEnd, done: u32, now: Instant, deadline: Instant) -> bool {
        self.is_worth_another(end) && done < self.tries && now < deadline
    }

    /// Whether a try that ended so is worth another one, if there were tries and time left.
    pub(crate) fn is_worth_another(&self, end: TryEnd) -> bool {
        match end {
            TryEnd::Refused(code) => self.codes.contains(&code),
            TryEnd::NotStoreOk => self.when_not_store_ok,
            TryEnd::NoAnswer => true,
        }
    }

    /// The deadline of the `number`th try, which starts `now`: `cap` or, without one, a share that leaves time for the next
    /// try; the last one has what is left, since a broker may be slow for a reason, such as a slave that it waits for.
    pub(crate) fn try_deadline(
        &self,
        number: u32,
        now: Instant,
        total: Duration,
        deadline: Instant,
        cap: Option<Duration>,
    ) -> Instant {
        if number >= self.tries && cap.is_none() {
            return deadline;
        }
        let cap = cap.unwrap_or_else(|| (total / (self.tries + 1)).max(SHORTEST_TRY));
        deadline.min(now + cap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: RetryRules<'static> = RetryRules { tries: 3, codes: &[1, 17], when_not_store_ok: false };

    /// Rows: RE-02 SK-19.
    #[test]
    fn only_listed_codes_and_silence_are_tried_again() {
        let now = Instant::now();
        let deadline = now + Duration::from_secs(3);
        assert!(RULES.again(TryEnd::Refused(17), 1, now, deadline));
        assert!(!RULES.again(TryEnd::Refused(16), 1, now, deadline));
        assert!(!RULES.again(TryEnd::NotStoreOk, 1, now, deadline));
        assert!(RULES.again(TryEnd::NoAnswer, 2, now, deadline));
        assert!(!RULES.again(TryEnd::NoAnswer, 3, now, deadline), "the tries are used up");
        assert!(!RULES.again(TryEnd::NoAnswer, 1, deadline, deadline), "the time is used up");
        let strict = RetryRules { when_not_store_ok: true, ..RULES };
        assert!(strict.again(TryEnd::NotStoreOk, 1, now, deadline));
    }

    /// Rows: SK-06 SK-07.
    #[test]
    fn a_try_leaves_time_for_the_next() {
        let now = Instant::now();
        let total = Duration::from_secs(3);
        let deadline = now + total;
        assert_eq!(RULES.try_deadline(1, now, total, deadline, None), now + Duration::from_millis(750));
        assert_eq!(RULES.try_deadline(2, now, total, deadline, None), now + Duration::from_millis(750));
        assert_eq!(RULES.try_deadline(3, now, total, deadline, None), deadline, "the last try has what is left");
        let cap = Duration::from_millis(100);
        assert_eq!(RULES.try_deadline(3, now, total, deadline, Some(cap)), now + cap, "a cap holds for each");
        assert_eq!(RULES.try_deadline(1, now, total, deadline, Some(total * 2)), deadline);
        let short = now + Duration::from_millis(100);
        assert_eq!(RULES.try_deadline(1, now, Duration::from_millis(100), short, None), short);
        let once = RetryRules { tries: 1, ..RULES };
        assert_eq!(once.try_deadline(1, now, total, deadline, None), deadline, "the only try has all the time");
    }

    /// Rows: SK-06.
    #[test]
    fn deadlines_are_monotonic_so_that_a_clock_set_back_changes_nothing() {
        let now = Instant::now() + Duration::from_secs(60);
        let total = Duration::from_secs(3);
        let deadline = now + total;
        // Even a `now` before the start only gives the try its usual share.
        let before = now - Duration::from_secs(30);
        assert!(RULES.again(TryEnd::NoAnswer, 1, before, deadline));
        assert_eq!(RULES.try_deadline(1, before, total, deadline, None), before + Duration::from_millis(750));
        assert!(!RULES.again(TryEnd::NoAnswer, 3, before, deadline));
        // A `now` after the deadline never moves it.
        assert_eq!(RULES.try_deadline(1, deadline + total, total, deadline, None), deadline);
    }
}
