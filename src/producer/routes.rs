//! Where a producer's routes come from: the name servers, whom an address server may name.

use super::lifecycle::Core;
use super::lookup::{Found, Lookup};
use crate::error::{Error, ErrorKind, Result};
use crate::policy::validate;
use crate::protocol::remoting::route::TopicRouteData;
use crate::route::layout::to_vip_channel;
use crate::route::{Queue, TopicRoute};
use crate::selector::OwnedQueue;
use crate::sync::Gate;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long before its caller's deadline a route lookup gives up.
const LONGEST_MARGIN: Duration = Duration::from_millis(100);
/// A failed send has the route fetched anew, at most this often.
const REFRESH_AT_MOST_EVERY: Duration = Duration::from_millis(500);

impl Core {
    /// Asks the address server for the name servers; `done` is opened when it is over.
    pub(super) fn discover(self: &Arc<Self>, done: Option<Arc<Gate>>) {
        let core = Arc::clone(self);
        self.runtime.spawn(async move {
            // A failure is logged there, and the list before it stays.
            let _ = core.name_servers.discover(core.settings.api_timeout).await;
            if let Some(done) = done {
                done.open();
            }
        });
    }

    /// The route of a topic, from the cache or the name servers; waits until the deadline.
    pub(super) fn route(self: &Arc<Self>, topic: &str, deadline: Instant) -> Found {
        match self.routes.get(topic) {
            Some(route) => Ok(route),
            None => self.wait_for_route(topic, deadline),
        }
    }

    pub(crate) fn queues(self: &Arc<Self>, topic: &str, timeout: Duration) -> Result<Vec<OwnedQueue>> {
        self.must_run()?;
        validate::topic_name(topic)?;
        let topic = self.settings.namespace.wrap(topic);
        let route = self.route(&topic, Instant::now() + timeout)?;
        let owned = |queue: &Queue| OwnedQueue { broker_name: queue.broker.name.to_string(), queue_id: queue.id };
        Ok(route.queues().iter().map(owned).collect())
    }

    pub(super) fn wait_for_route(self: &Arc<Self>, topic: &str, deadline: Instant) -> Found {
        loop {
            // It ends a little before the caller does, who then hears the causes and not only that time is up.
            let left = deadline.saturating_duration_since(Instant::now());
            let margin = (left / 16).min(LONGEST_MARGIN);
            let (lookup, leads) = self.look_up(topic, deadline - margin);
            match lookup.wait(topic, deadline) {
                // The lookup of a caller whose deadline came earlier says nothing of this one.
                Err(cause) if !leads && cause.retriable() && Instant::now() + margin < deadline => {}
                found => return found,
            }
        }
    }

    /// Fetches the route of a topic after a send failed, unless that was done a moment ago.
    pub(super) fn refresh_soon(self: &Arc<Self>, topic: &str) {
        let recently = |fetched: Instant| fetched.elapsed() < REFRESH_AT_MOST_EVERY;
        if !self.routes.fetched(topic).is_some_and(recently) {
            self.look_up(topic, Instant::now() + self.settings.api_timeout);
        }
    }

    /// Joins the lookup under way, or leads a new one.
    fn look_up(self: &Arc<Self>, topic: &str, deadline: Instant) -> (Arc<Lookup>, bool) {
        let (lookup, leads) = self.lookups.join(topic);
        if leads {
            let (core, topic) = (Arc::clone(self), topic.to_owned());
            self.runtime.spawn(async move {
                let found = core.fetch_route(&topic, deadline).await;
                let lookups = Arc::clone(&core.lookups);
                // Before a waiter hears of it and may free the producer: what it holds should go on that thread.
                drop(core);
                lookups.finish(&topic, found);
            });
        }
        (lookup, leads)
    }

    pub(super) async fn fetch_route(&self, topic: &str, deadline: Instant) -> Result<Arc<TopicRoute>> {
        let route = match self.name_servers.route(topic, deadline).await {
            Ok(data) => self.routes.put(topic, &self.reachable(data), None),
            Err(unknown) if unknown.kind() == ErrorKind::NoRoute && self.routes.may_borrow(topic) => {
                let default_topic = &self.settings.create_topic_key;
                match self.name_servers.route(default_topic, deadline).await {
                    Ok(data) => {
                        let limit = self.settings.default_topic_queue_nums;
                        self.routes.put(topic, &self.reachable(data), Some(limit))
                    }
                    Err(none) if none.kind() == ErrorKind::NoRoute => {
                        let both = format!("{unknown}; the default topic `{default_topic}` has no route either");
                        return Err(Error::new(ErrorKind::NoRoute, both));
                    }
                    Err(cause) => return Err(cause),
                }
            }
            Err(cause) => return Err(cause),
        };
        if route.is_empty() {
            let what = format!("the route of topic `{topic}` has no writable queue on a broker with a master");
            return Err(Error::new(ErrorKind::NoRoute, what));
        }
        Ok(route)
    }

    /// The route with the broker addresses to use.
    fn reachable(&self, mut data: TopicRouteData) -> TopicRouteData {
        if self.settings.vip_channel {
            to_vip_channel(&mut data);
        }
        data
    }

    pub(super) fn refresh_all(self: &Arc<Self>) {
        for topic in self.routes.topics() {
            self.look_up(&topic, Instant::now() + self.settings.api_timeout);
        }
    }
}
