//! Temporary destinations: they live as long as the producer's connection, and are made anew on each.

use super::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::net::openwire::{Answer, Link};
use crate::policy::destination;
use crate::protocol::openwire::{Destination, DestinationInfo};
use crate::sync::Mutex;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many deleted names are remembered: memory is bounded.
const MOST_DELETED: usize = 1024;

/// See the module's text.
#[derive(Default)]
pub(super) struct Temporary {
    alive: BTreeSet<String>,
    deleted: VecDeque<String>,
}

impl Temporary {
    pub(super) fn all(&self) -> Vec<String> {
        self.alive.iter().cloned().collect()
    }

    pub(super) fn is_deleted(&self, name: &str) -> bool {
        self.deleted.iter().any(|deleted| deleted == name)
    }
}

impl Client {
    /// Makes a temporary destination of the producer's own; its name begins with its prefix.
    pub(crate) fn create_temporary(self: &Arc<Self>, topic: bool, timeout: Duration) -> Result<String> {
        self.must_run()?;
        let name = self.ids.next_temporary();
        let made = if topic { Destination::temp_topic(name) } else { Destination::temp_queue(name) }.to_string();
        let deadline = Instant::now() + timeout;
        let link = self.wait_until_up(deadline)?.link_of_up()?;
        self.temporary.lock().alive.insert(made.clone());
        let declared = self.wait_for(self.declare_soon(&link, &made, DestinationInfo::ADD, deadline));
        if let Err(cause) = declared {
            self.temporary.lock().alive.remove(&made);
            return Err(cause);
        }
        Ok(made)
    }

    /// Takes a temporary destination of the producer's own away; sends to it are refused from then on.
    pub(crate) fn delete_temporary(self: &Arc<Self>, name: &str, timeout: Duration) -> Result<()> {
        self.must_run()?;
        {
            let mut temporary = self.temporary.lock();
            if !temporary.alive.remove(name) {
                let what = format!("`{name}` is no temporary destination of this producer");
                return Err(Error::new(ErrorKind::InvalidArgument, what));
            }
            if temporary.deleted.len() == MOST_DELETED {
                temporary.deleted.pop_front();
            }
            temporary.deleted.push_back(name.to_owned());
        }
        let deadline = Instant::now() + timeout;
        match self.link() {
            Some(link) => self.wait_for(self.declare_soon(&link, name, DestinationInfo::REMOVE, deadline)),
            // It ended with its connection.
            None => Ok(()),
        }
    }

    pub(super) async fn declare(&self, link: &Arc<Link>, name: &str, operation: u8, deadline: Instant) -> Result<()> {
        self.declare_soon(link, name, operation, deadline).await
    }

    fn declare_soon(
        &self,
        link: &Arc<Link>,
        name: &str,
        operation: u8,
        deadline: Instant,
    ) -> impl Future<Output = Result<()>> + Send + use<> {
        let called = destination::parse(name).map(|destination| {
            let info = DestinationInfo {
                connection_id: self.ids.connection.clone(),
                destination: Some(destination),
                operation,
                ..DestinationInfo::default()
            };
            link.call(self.command(), &info.into(), deadline)
        });
        async move { called?.await.into_result() }
    }

    /// Waits for what the I/O thread does. Not for library threads.
    pub(super) fn wait_for<T>(&self, future: impl Future<Output = T> + Send + 'static) -> T
    where
        T: FromAnswer + Send + 'static,
    {
        let (done, slot) = (Arc::new(crate::sync::Gate::default()), Arc::new(Mutex::new(None)));
        let (told, place) = (Arc::clone(&done), Arc::clone(&slot));
        self.runtime.spawn(async move {
            *place.lock() = Some(future.await);
            told.open();
        });
        // Each call has a deadline of its own, so that this one only guards against a runtime that ended.
        done.wait(Instant::now() + Duration::from_secs(24 * 3600));
        let ended = slot.lock().take();
        ended.unwrap_or_else(|| T::none(Error::new(ErrorKind::Internal, "the library's thread ended")))
    }
}

/// What stands for an answer that never came.
pub(super) trait FromAnswer {
    fn none(cause: Error) -> Self;
}

impl FromAnswer for Result<()> {
    fn none(cause: Error) -> Self {
        Err(cause)
    }
}

impl FromAnswer for Answer {
    fn none(cause: Error) -> Self {
        Answer::Lost { cause, maybe_sent: true }
    }
}
