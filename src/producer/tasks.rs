//! What a producer does again and again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Runs `task` at each interval as long as its owner lives; one that panics has its next turn all the same.
pub(super) async fn repeat<T>(owner: Weak<T>, interval: Duration, task: impl Fn(&Arc<T>)) {
    loop {
        tokio::time::sleep(interval).await;
        let Some(owner) = owner.upgrade() else {
            return;
        };
        if catch_unwind(AssertUnwindSafe(|| task(&owner))).is_err() {
            tracing::error!("a scheduled task panicked");
        }
    }
}

#[cfg(all(test, not(mqp_loom)))]
mod tests {
    use super::*;
    use crate::runtime::Runtime;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    /// Rows: ST-06.
    #[test]
    fn a_task_that_panics_has_its_next_turn_and_ends_with_its_owner() {
        let runtime = Runtime::shared().unwrap();
        let owner = Arc::new(AtomicUsize::new(0));
        let (turn, turns) = channel();
        let task = move |count: &Arc<AtomicUsize>| {
            let number = count.fetch_add(1, Ordering::SeqCst);
            turn.send(number).unwrap();
            assert_ne!(number, 1, "the second turn fails");
        };
        let ended = runtime.spawn(repeat(Arc::downgrade(&owner), Duration::from_millis(1), task));
        for number in 0..4 {
            assert_eq!(turns.recv_timeout(Duration::from_secs(20)).unwrap(), number);
        }
        drop(owner);
        // The task, and with it the sender, goes.
        while turns.recv_timeout(Duration::from_secs(20)).is_ok() {}
        drop(ended);
    }
}
