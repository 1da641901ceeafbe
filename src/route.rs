//! Where the messages of a topic can go: snapshots that senders read and the I/O thread replaces.

pub(crate) mod layout;

use crate::hash::Quick;
use crate::policy::ring::Ring;
use crate::policy::select::round_robin;
use crate::protocol::remoting::route::TopicRouteData;
use crate::protocol::remoting::template::Template;
use crate::random::generator;
use crate::statistics::counters::{BrokerCounters, BrokersCounters};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Instant;

/// A broker that takes messages.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) name: Arc<str>,
    pub(crate) address: Arc<str>,
    /// Shared by all of this name.
    pub(crate) counters: Arc<BrokerCounters>,
    /// What headers of sends to it have in common, once there was one: those of the topic whose route it is in.
    pub(crate) template: OnceLock<Template>,
}

impl Broker {
    pub(crate) fn new(name: Arc<str>, address: Arc<str>, counters: Arc<BrokerCounters>) -> Self {
        Broker { name, address, counters, template: OnceLock::new() }
    }
}

impl PartialEq for Broker {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.address == other.address
    }
}

impl Eq for Broker {}

/// One queue of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queue {
    pub(crate) broker: Arc<Broker>,
    pub(crate) id: i32,
}

/// The queues of a topic that can be sent to.
#[derive(Debug)]
pub(crate) struct TopicRoute {
    queues: Vec<Queue>,
    /// Shared with the snapshots before and after, so that a refresh does not restart the round.
    next: Arc<AtomicUsize>,
    /// Made when the first send hashes consistently.
    ring: OnceLock<Ring>,
}

impl TopicRoute {
    /// The queues that `data` means. `queue_limit`: the most queues of a topic to be created.
    fn from_data(
        data: &TopicRouteData,
        queue_limit: Option<i32>,
        next: Arc<AtomicUsize>,
        counters: &BrokersCounters,
    ) -> Self {
        TopicRoute { queues: layout::queues(data, queue_limit, counters), next, ring: OnceLock::new() }
    }

    /// The queue at `index`, on another broker than `avoid` while there is one.
    pub(crate) fn select_from(&self, index: usize, avoid: Option<&str>) -> Option<&Queue> {
        round_robin(&self.queues, index, |queue| avoid.is_some_and(|name| *queue.broker.name == *name))
    }

    /// The next index of the round.
    pub(crate) fn turn(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Its queues, by broker name and number.
    pub(crate) fn queues(&self) -> &[Queue] {
        &self.queues
    }

    /// The ring of its queues.
    pub(crate) fn ring(&self) -> &Ring {
        let name = |queue: &Queue| format!("{}-{}", queue.broker.name, queue.id);
        self.ring.get_or_init(|| Ring::new(self.queues.iter().map(name)))
    }

    /// The brokers of its queues.
    pub(crate) fn brokers(&self) -> impl Iterator<Item = &Arc<Broker>> {
        let mut last: Option<&Arc<Broker>> = None;
        self.queues.iter().map(|queue| &queue.broker).filter(move |broker| {
            let new = !last.is_some_and(|last| Arc::ptr_eq(last, broker));
            last = Some(broker);
            new
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }
}

/// What the name servers said last of each topic in use.
#[derive(Debug, Default)]
pub(crate) struct RouteCache {
    topics: RwLock<HashMap<Arc<str>, Known, Quick>>,
    counters: BrokersCounters,
}

#[derive(Clone, Debug)]
struct Known {
    route: Arc<TopicRoute>,
    /// Whether the route is the default topic's: the topic itself did not exist when it was fetched.
    borrowed: bool,
    fetched: Instant,
}

impl RouteCache {
    /// The snapshot of a topic, when there is one with a queue.
    pub(crate) fn get(&self, topic: &str) -> Option<Arc<TopicRoute>> {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        topics.get(topic).map(|known| Arc::clone(&known.route)).filter(|route| !route.is_empty())
    }

    /// Replaces a snapshot; `queue_limit` when the data is the default topic's.
    pub(crate) fn put(&self, topic: &str, data: &TopicRouteData, queue_limit: Option<i32>) -> Arc<TopicRoute> {
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        let next = match topics.get(topic) {
            Some(known) => Arc::clone(&known.route.next),
            None => Arc::new(AtomicUsize::new(generator().usize(0..1 << 16))),
        };
        let route = Arc::new(TopicRoute::from_data(data, queue_limit, next, &self.counters));
        let known = Known { route: Arc::clone(&route), borrowed: queue_limit.is_some(), fetched: Instant::now() };
        topics.insert(topic.into(), known);
        route
    }

    /// Whether a fetch of the topic should ask for the default topic when it does not exist: not when it once did.
    pub(crate) fn may_borrow(&self, topic: &str) -> bool {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        topics.get(topic).is_none_or(|known| known.borrowed)
    }

    /// Every topic in use.
    pub(crate) fn topics(&self) -> Vec<Arc<str>> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// The brokers of every topic in use, each address once.
    pub(crate) fn broker_addresses(&self) -> Vec<Arc<str>> {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        let mut addresses: Vec<Arc<str>> =
            topics.values().flat_map(|known| known.route.brokers().map(|broker| Arc::clone(&broker.address))).collect();
        addresses.sort();
        addresses.dedup();
        addresses
    }

    /// The brokers of every topic in use, each name and address once, by name.
    pub(crate) fn brokers(&self) -> Vec<Arc<Broker>> {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        let mut brokers: Vec<Arc<Broker>> =
            topics.values().flat_map(|known| known.route.brokers().map(Arc::clone)).collect();
        brokers.sort_by(|a, b| (&a.name, &a.address).cmp(&(&b.name, &b.address)));
        brokers.dedup();
        brokers
    }

    /// What was counted of each broker so far.
    pub(crate) fn counters(&self) -> &BrokersCounters {
        &self.counters
    }

    /// Every topic with a queue to send to, and when its snapshot was fetched.
    pub(crate) fn all_fetched(&self) -> Vec<(Arc<str>, Instant)> {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        let with_queue = topics.iter().filter(|(_, known)| !known.route.is_empty());
        with_queue.map(|(topic, known)| (Arc::clone(topic), known.fetched)).collect()
    }

    /// When the topic's snapshot was fetched.
    pub(crate) fn fetched(&self, topic: &str) -> Option<Instant> {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        topics.get(topic).map(|known| known.fetched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(json: &str) -> TopicRouteData {
        TopicRouteData::decode(json.as_bytes()).unwrap()
    }

    const TWO_BROKERS: &str = r#"{"brokerDatas":[
        {"brokerAddrs":{"0":"h:2"},"brokerName":"b","cluster":"c"},
        {"brokerAddrs":{"0":"h:1","1":"h:9"},"brokerName":"a","cluster":"c"},
        {"brokerAddrs":{"1":"h:3"},"brokerName":"slave-only","cluster":"c"}],
      "queueDatas":[
        {"brokerName":"b","perm":6,"readQueueNums":8,"writeQueueNums":2},
        {"brokerName":"a","perm":6,"readQueueNums":8,"writeQueueNums":2},
        {"brokerName":"slave-only","perm":6,"readQueueNums":8,"writeQueueNums":2},
        {"brokerName":"read-only","perm":4,"readQueueNums":8,"writeQueueNums":2}]}"#;

    fn names(route: &TopicRoute, n: usize) -> Vec<String> {
        (0..n)
            .map(|_| route.select_from(route.turn(), None).unwrap())
            .map(|q| format!("{}{}", q.broker.name, q.id))
            .collect()
    }

    /// Rows: RT-15 RT-19.
    #[test]
    fn only_writable_queues_of_masters_count_grouped_by_broker() {
        let cache = RouteCache::default();
        let route = cache.put("T", &data(TWO_BROKERS), None);
        let mut seen = names(&route, 4);
        seen.sort();
        assert_eq!(seen, ["a0", "a1", "b0", "b1"]);
        assert_eq!(cache.broker_addresses().iter().map(|a| a.to_string()).collect::<Vec<_>>(), ["h:1", "h:2"]);
        assert!((0..9).all(|_| *route.select_from(route.turn(), Some("a")).unwrap().broker.name == *"b"));
    }

    /// Rows: RT-11 RT-13.
    #[test]
    fn a_refresh_goes_on_with_the_round() {
        let cache = RouteCache::default();
        let mut seen = names(&cache.put("T", &data(TWO_BROKERS), None), 2);
        seen.extend(names(&cache.put("T", &data(TWO_BROKERS), None), 2));
        seen.sort();
        assert_eq!(seen, ["a0", "a1", "b0", "b1"]);
    }

    /// Rows: RT-03 RT-05.
    #[test]
    fn a_borrowed_route_has_at_most_the_limit_of_queues() {
        let cache = RouteCache::default();
        assert!(cache.may_borrow("T"));
        let route = cache.put("T", &data(TWO_BROKERS), Some(4));
        assert_eq!(route.queues.len(), 8);
        assert!(cache.may_borrow("T"));
        cache.put("T", &data(TWO_BROKERS), None);
        assert!(!cache.may_borrow("T"));
    }

    /// Rows: RT-18.
    #[test]
    fn a_route_without_a_writable_queue_is_none() {
        let cache = RouteCache::default();
        cache.put("T", &data(r#"{"brokerDatas":[],"queueDatas":[]}"#), None);
        assert!(cache.get("T").is_none());
        assert_eq!(cache.topics().len(), 1);
    }
}
