//! Route lookups that several callers share: one request for each topic at a time.

#[cfg(feature = "capi")]
use super::lifecycle::Core;
use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "capi")]
use crate::policy::validate;
use crate::route::TopicRoute;
use crate::sync::{Condvar, Mutex, wait_timeout};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
#[cfg(feature = "capi")]
use std::time::Duration;
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

#[cfg(feature = "capi")]
impl Core {
    /// Finds the route of a topic without waiting for it. What `make` makes, once nothing refuses that, hears how it
    /// ended, here or on the I/O thread, or is dropped when the library ends before.
    pub(crate) fn find_route<T: FnOnce(Result<()>) + Send + 'static>(
        self: &Arc<Self>,
        topic: &str,
        timeout: Option<Duration>,
        make: impl FnOnce() -> T,
    ) -> Result<()> {
        self.must_run()?;
        validate::topic_name(topic)?;
        let topic = self.settings.namespace.wrap(topic).into_owned();
        validate::topic_name(&topic)?;
        if self.routes.get(&topic).is_some() {
            make()(Ok(()));
            return Ok(());
        }
        let (core, deadline) = (Arc::clone(self), Instant::now() + timeout.unwrap_or(self.settings.send_msg_timeout));
        let told = make();
        self.runtime.spawn(async move {
            let mut found = core.fetch_route(&topic, deadline).await.map(drop);
            if let Err(cause) = &found
                && core.note_unrouted(&topic, cause)
            {
                // A send does not wait either.
                found = Ok(());
            }
            // Before anybody hears of it and may free the producer.
            drop(core);
            told(found);
        });
        Ok(())
    }
}
