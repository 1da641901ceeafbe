//! Route lookups that several callers share: one request for each topic at a time.

use crate::error::{Error, ErrorKind, Result};
use crate::route::TopicRoute;
use crate::sync::{Condvar, Mutex, wait_timeout};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Instant;

/// The answer of a lookup.
pub(crate) type Found = Result<Arc<TopicRoute>>;

/// The lookups under way.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    topics: Mutex<HashMap<Arc<str>, Arc<Lookup>>>,
}

/// One lookup under way.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    found: Mutex<Option<Found>>,
    changed: Condvar,
}

impl Lookups {
    /// Joins the topic's lookup; `true` for whoever must carry it out.
    pub(crate) fn join(&self, topic: &str) -> (Arc<Lookup>, bool) {
        match self.topics.lock().entry(topic.into()) {
            Entry::Occupied(entry) => (Arc::clone(entry.get()), false),
            Entry::Vacant(entry) => (Arc::clone(entry.insert(Arc::default())), true),
        }
    }

    /// Ends the topic's lookup for all that joined it.
    pub(crate) fn finish(&self, topic: &str, found: Found) {
        if let Some(lookup) = self.topics.lock().remove(topic) {
            *lookup.found.lock() = Some(found);
            lookup.changed.notify_all();
        }
    }
}

impl Lookup {
    /// Waits for the answer until the deadline.
    pub(crate) fn wait(&self, topic: &str, deadline: Instant) -> Found {
        let mut found = self.found.lock();
        loop {
            if let Some(found) = &*found {
                return found.clone();
            }
            let now = Instant::now();
            if now >= deadline {
                let late = format!("the route of topic `{topic}` was not known before the send's deadline");
                return Err(Error::new(ErrorKind::Timeout, late));
            }
            found = wait_timeout(&self.changed, found, deadline - now);
        }
    }
}
