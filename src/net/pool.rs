//! One connection for each address, dialled anew when it died, with growing pauses while it keeps refusing.

use super::connection::{Connection, Dialling};
use super::transport::Access;
use crate::policy::backoff::reconnect_pause;
use crate::protocol::remoting::envelope::Envelope;
use crate::random::generator;
use crate::runtime::Runtime;
use crate::sync::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What to send first on a new connection to a broker.
pub(crate) type Greeting = Box<dyn Fn(&Arc<Connection>) + Send + Sync>;

/// The connections of one producer.
pub(crate) struct Pool {
    runtime: Arc<Runtime>,
    connect_timeout: Duration,
    backoff_max: Duration,
    greeting: Greeting,
    envelope: Arc<Envelope>,
    access: Arc<Access>,
    entries: Mutex<HashMap<Arc<str>, Entry>>,
}

struct Entry {
    connection: Arc<Connection>,
    /// Failures in a row without an opened connection between them.
    failures: u32,
}

impl Pool {
    pub(crate) fn new(
        runtime: Arc<Runtime>,
        connect_timeout: Duration,
        backoff_max: Duration,
        greeting: Greeting,
        envelope: Arc<Envelope>,
        access: Arc<Access>,
    ) -> Self {
        Pool { runtime, connect_timeout, backoff_max, greeting, envelope, access, entries: Mutex::new(HashMap::new()) }
    }

    /// The connection to a name server: open, or being opened.
    pub(crate) fn name_server(&self, address: &Arc<str>) -> Arc<Connection> {
        self.get(address, |_| {})
    }

    /// The connection to a broker: open, or being opened; a new one is greeted.
    pub(crate) fn broker(&self, address: &Arc<str>) -> Arc<Connection> {
        self.get(address, |connection| (self.greeting)(connection))
    }

    fn get(&self, address: &Arc<str>, greet: impl FnOnce(&Arc<Connection>)) -> Arc<Connection> {
        let mut entries = self.entries.lock();
        let (mut failures, mut pause, mut previous) = (0, Duration::ZERO, None);
        if let Some(entry) = entries.get(address) {
            let Some((cause, died, had_opened)) = entry.connection.death() else {
                return Arc::clone(&entry.connection);
            };
            failures = if had_opened { 1 } else { entry.failures + 1 };
            let wanted = reconnect_pause(failures, self.backoff_max, generator().f64());
            pause = wanted.saturating_sub(Instant::now().saturating_duration_since(died));
            previous = Some(cause);
        }
        let dialling = Dialling {
            address: Arc::clone(address),
            pause,
            timeout: self.connect_timeout,
            previous,
            envelope: Arc::clone(&self.envelope),
            access: Arc::clone(&self.access),
        };
        let connection = Connection::start(&self.runtime, dialling, greet);
        entries.insert(Arc::clone(address), Entry { connection: Arc::clone(&connection), failures });
        connection
    }

    /// The connections that are open now.
    pub(crate) fn open(&self) -> Vec<Arc<Connection>> {
        self.all().into_iter().filter(|connection| connection.is_open()).collect()
    }

    /// Every connection, dead ones included.
    pub(crate) fn all(&self) -> Vec<Arc<Connection>> {
        self.entries.lock().values().map(|entry| Arc::clone(&entry.connection)).collect()
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}
