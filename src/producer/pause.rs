//! The pause between two tries of a message, on the I/O thread's timer.

use super::tries::SendOp;
use crate::policy::backoff::retry_pause;
use crate::random::generator;
use std::sync::Arc;
use std::time::Instant;

impl SendOp {
    /// The next try, after a pause where one is configured; the end when the deadline comes before.
    pub(super) fn pause(self: Box<Self>) {
        let settings = &self.core.settings;
        if settings.retry_backoff.is_zero() {
            return self.go_on();
        }
        let off = generator().f64() * settings.retry_jitter;
        let pause = retry_pause(self.tries, settings.retry_backoff, settings.retry_backoff_max, off);
        let until = Instant::now() + pause;
        if until >= self.rules.deadline {
            return self.give_up();
        }
        let (runtime, ending) = (Arc::clone(&self.core.runtime), Arc::clone(&self.core.ending));
        runtime.spawn(async move {
            let ended = ending.notified();
            tokio::pin!(ended);
            // Whoever ends the producer from here on is heard, and who did before is seen.
            ended.as_mut().enable();
            if self.core.must_end().is_none() {
                tokio::select! {
                    () = tokio::time::sleep_until(until.into()) => {}
                    () = ended => {}
                }
            }
            self.go_on();
        });
    }
}
