//! One connection for each address, dialled anew when it died, with growing pauses while it keeps refusing.

use super::connection::{Common, Connection, Dialling};
use super::reach::OutOfReach;
use crate::error::{Error, ErrorKind};
use crate::hash::Quick;
use crate::policy::backoff::reconnect_pause;
use crate::random::generator;
use crate::runtime::Runtime;
use crate::sync::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// A server that sends its clients away has the connection replaced at most this often.
const LEAVE_AT_MOST_EVERY: Duration = Duration::from_secs(60);

/// What to send first on a new connection to a broker.
pub(crate) type Greeting = Box<dyn Fn(&Arc<Connection>) + Send + Sync>;

/// The connections of one producer.
pub(crate) struct Pool {
    runtime: Arc<Runtime>,
    connect_timeout: Duration,
    backoff_max: Duration,
    greeting: Greeting,
    common: Arc<Common>,
    /// Brokers' addresses only.
    out_of_reach: Arc<OutOfReach>,
    entries: Mutex<HashMap<Arc<str>, Entry, Quick>>,
    /// Connections that take no new requests and end with their last one.
    left: Mutex<Vec<Weak<Connection>>>,
}

struct Entry {
    connection: Arc<Connection>,
    /// Failures in a row without an opened connection between them.
    failures: u32,
    /// When the connection before this one was left for a GO_AWAY.
    left_at: Option<Instant>,
}

impl Pool {
    pub(crate) fn new(
        runtime: Arc<Runtime>,
        connect_timeout: Duration,
        backoff_max: Duration,
        greeting: Greeting,
        common: Common,
    ) -> Self {
        Pool {
            runtime,
            connect_timeout,
            backoff_max,
            greeting,
            common: Arc::new(common),
            out_of_reach: Arc::default(),
            entries: Mutex::default(),
            left: Mutex::default(),
        }
    }

    /// The connection to a name server: open, or being opened.
    pub(crate) fn name_server(&self, address: &Arc<str>) -> Arc<Connection> {
        self.get(address, None, |_| {})
    }

    /// The connection to a broker: open, or being opened; a new one is greeted.
    pub(crate) fn broker(&self, address: &Arc<str>) -> Arc<Connection> {
        self.get(address, Some(&self.out_of_reach), |connection| (self.greeting)(connection))
    }

    /// Whether some broker could not be connected to when it was tried last.
    pub(crate) fn is_any_out_of_reach(&self) -> bool {
        !self.out_of_reach.is_empty()
    }

    /// Whether the broker could not be connected to when it was tried last. Then another try of that is under way.
    pub(crate) fn is_out_of_reach(&self, address: &Arc<str>) -> bool {
        let out = self.out_of_reach.contains(address);
        if out {
            // Nobody else would find it to be back, when everybody avoids it.
            self.broker(address);
        }
        out
    }

    fn get(
        &self,
        address: &Arc<str>,
        reach: Option<&Arc<OutOfReach>>,
        greet: impl FnOnce(&Arc<Connection>),
    ) -> Arc<Connection> {
        let mut entries = self.entries.lock();
        let (mut failures, mut pause, mut previous, mut left_at) = (0, Duration::ZERO, None, None);
        let known = entries.get(address);
        let again = known.is_some();
        if let Some(entry) = known {
            let Some((cause, died, lived)) = entry.connection.death() else {
                return Arc::clone(&entry.connection);
            };
            left_at = entry.left_at;
            failures = if lived.is_some() { 1 } else { entry.failures + 1 };
            let wanted = reconnect_pause(failures, self.backoff_max, generator().f64());
            pause = wanted.saturating_sub(Instant::now().saturating_duration_since(died));
            previous = Some(cause);
        }
        let dialling = Dialling {
            address: Arc::clone(address),
            pause,
            timeout: self.connect_timeout,
            again,
            previous,
            reach: reach.cloned(),
            common: Arc::clone(&self.common),
        };
        let connection = Connection::start(&self.runtime, dialling, greet);
        entries.insert(Arc::clone(address), Entry { connection: Arc::clone(&connection), failures, left_at });
        connection
    }

    /// Leaves connection `number` of a broker, which said GO_AWAY: new requests take a new one. `false`: that was done
    /// a short time ago and did not help.
    pub(crate) fn leave(&self, address: &Arc<str>, number: u64) -> bool {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.get_mut(address).filter(|entry| entry.connection.number() == number) else {
            // Another message had it replaced.
            return true;
        };
        let now = Instant::now();
        if entry.left_at.is_some_and(|at| now.saturating_duration_since(at) < LEAVE_AT_MOST_EVERY) {
            return false;
        }
        let dialling = Dialling {
            address: Arc::clone(address),
            pause: Duration::ZERO,
            timeout: self.connect_timeout,
            again: true,
            previous: None,
            reach: Some(Arc::clone(&self.out_of_reach)),
            common: Arc::clone(&self.common),
        };
        let connection = Connection::start(&self.runtime, dialling, |connection| (self.greeting)(connection));
        let old = std::mem::replace(entry, Entry { connection, failures: 0, left_at: Some(now) }).connection;
        let mut left = self.left.lock();
        left.retain(|connection| connection.strong_count() > 0);
        left.push(Arc::downgrade(&old));
        old.retire();
        true
    }

    /// Closes the connection to an address that is not used any more.
    pub(crate) fn forget(&self, address: &Arc<str>) {
        let entry = self.entries.lock().remove(address);
        if let Some(entry) = entry {
            entry.connection.doom(Error::new(ErrorKind::ConnectionLost, format!("{address} is not used any more")));
        }
        self.out_of_reach.remove(address);
    }

    /// The connections that are open now.
    pub(crate) fn open(&self) -> Vec<Arc<Connection>> {
        self.all().into_iter().filter(|connection| connection.is_open()).collect()
    }

    /// Bytes that wait for a socket, and how many connections are open.
    pub(crate) fn load(&self) -> (usize, usize) {
        let all = self.all();
        let waiting = all.iter().map(|connection| connection.waiting_bytes()).sum();
        (waiting, all.iter().filter(|connection| connection.is_open()).count())
    }

    /// Writes what is held back because nobody waits for it.
    pub(crate) fn release_held(&self) {
        for connection in self.all() {
            connection.release_held();
        }
    }

    /// Every connection, dead ones included.
    pub(crate) fn all(&self) -> Vec<Arc<Connection>> {
        let left: Vec<_> = self.left.lock().iter().filter_map(Weak::upgrade).collect();
        self.entries.lock().values().map(|entry| Arc::clone(&entry.connection)).chain(left).collect()
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}
