//! Parts of a send, for the benchmarks in `benches/parts`: no part of the library's interface.

use crate::completion;
use crate::completion_queue::{CompletionQueue, Signal};
use crate::config::Backpressure;
use crate::producer::admission;
use crate::protocol::remoting::route::TopicRouteData;
use crate::route::{RouteCache, TopicRoute};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// A topic's queues.
#[derive(Debug)]
pub struct Route(Arc<TopicRoute>);

impl Route {
    /// One of so many queues of one broker.
    pub fn new(queues: usize) -> Self {
        let json = format!(
            r#"{{"brokerDatas":[{{"brokerAddrs":{{"0":"h:1"}},"brokerName":"broker-a","cluster":"c"}}],
                "queueDatas":[{{"brokerName":"broker-a","perm":6,"readQueueNums":{queues},"writeQueueNums":{queues}}}]}}"#
        );
        let data = TopicRouteData::decode(json.as_bytes()).unwrap_or_default();
        Route(RouteCache::default().put("Topic", &data, None))
    }

    /// The next queue's number.
    pub fn select(&self) -> Option<i32> {
        self.0.select(None).map(|queue| queue.id)
    }
}

/// The bound in flight.
#[derive(Debug)]
pub struct Admission(Arc<admission::Admission>);

impl Default for Admission {
    fn default() -> Self {
        Self::new()
    }
}

impl Admission {
    /// With the default limits.
    pub fn new() -> Self {
        Admission(admission::Admission::new(65_535, 64 << 20))
    }

    /// Whether there was room for a message, which is given back.
    pub fn admit_and_give_back(&self, bytes: usize) -> bool {
        self.0.admit(bytes, Backpressure::Fail, Instant::now()).is_ok()
    }
}

/// Where a synchronous caller waits.
#[derive(Clone, Copy, Debug)]
pub struct Waiter;

impl Waiter {
    /// An end on its way to its caller, who need not park; whether it came.
    pub fn set_and_wait() -> bool {
        let waiter = completion::Waiter::<()>::new();
        waiter.set(Ok(()));
        waiter.wait().is_ok()
    }
}

#[derive(Debug)]
struct Nobody;

impl Signal for Nobody {
    fn raise(&self) {}
    fn clear(&self) {}
}

/// A completion queue that nobody waits for on a descriptor.
pub struct Queue(CompletionQueue<u64, Nobody>);

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queue")
    }
}

impl Default for Queue {
    fn default() -> Self {
        Queue(CompletionQueue::new(Nobody))
    }
}

impl Queue {
    /// Ends that come together and are polled together.
    pub fn append_and_take(&self, entries: Vec<u64>) -> VecDeque<u64> {
        let count = entries.len();
        self.0.append(entries, |_| ());
        self.0.take(count, Instant::now())
    }
}
