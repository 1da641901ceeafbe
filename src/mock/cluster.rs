//! The handle that users hold, and the clusters shared by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::broker::MAX_QUEUES;
use super::message::{ProducerGroup, StoredMessage};
use super::server::{Plan, Server};
use super::store::Store;
use super::topic::{self, TopicConfig};
use crate::config::cluster_name;
use crate::error::{Error, ErrorKind, Result};
use crate::ffi::os::ForkLocal;
use crate::protocol::remoting::Serializer;
use crate::protocol::remoting::route::{PERM_READ, PERM_WRITE};
use crate::sync::Mutex;

/// Each cluster has a listening socket per broker.
const MAX_BROKERS: usize = 64;
/// What a real broker's default topic has.
const DEFAULT_QUEUES: u32 = 8;

const MAX_CHECK_INTERVAL: Duration = Duration::from_secs(24 * 3600);

type Named = Mutex<BTreeMap<String, Weak<Running>>>;

static NAMED: ForkLocal<Named> = ForkLocal::new();

fn named() -> &'static Named {
    NAMED.get_or_init(Named::default)
}

/// A server, and whether [`NAMED`] knows it.
struct Running {
    server: Server,
    named: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.named {
            // Not by its name: another thread may have opened that anew.
            named().lock().retain(|_, running| running.strong_count() > 0);
        }
    }
}

/// A handle of an embedded cluster; see [the module](super).
///
/// Clones share the cluster. Dropping the last handle closes its sockets, ends its thread and forgets its messages;
/// all that has happened when the drop returns.
///
/// In a child process forked while the cluster ran, an inherited handle is empty: it lists no messages, and waits for
/// none. Only the parent serves the addresses. A cluster opened in the child is the child's own.
#[derive(Clone)]
pub struct Cluster(Arc<Running>);

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cluster").field(&self.url()).finish()
    }
}

impl Cluster {
    /// The cluster called `name` in this process, started when no handle of it lives.
    ///
    /// An empty name is a new cluster of its own each time. `brokers` (1 to 64) and `queues` (1 to 1024) count only
    /// when it is started here; see [`Builder::brokers`] and [`Builder::queues`].
    pub fn open(name: &str, brokers: usize, queues: u32) -> Result<Cluster> {
        let builder = Cluster::builder().brokers(brokers).queues(queues);
        if name.is_empty() {
            return builder.start();
        }
        cluster_name(name).map_err(|why| Error::new(ErrorKind::InvalidArgument, why))?;
        let plan = builder.plan()?;
        let mut named = named().lock();
        if let Some(running) = named.get(name).and_then(Weak::upgrade) {
            return Ok(Cluster(running));
        }
        let running = Arc::new(Running { server: Server::start(&plan)?, named: true });
        named.insert(name.to_owned(), Arc::downgrade(&running));
        Ok(Cluster(running))
    }

    /// A cluster with settings that [`Cluster::open`] does not have; it is never shared by name.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The URL for a producer: `rocketmq://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("rocketmq://{}", self.0.server.name_server())
    }

    /// The name server's `127.0.0.1:PORT`, as other clients want it.
    pub fn name_server_address(&self) -> String {
        self.0.server.name_server().to_string()
    }

    /// Makes a topic with `queues` (1 to 1024) on each broker, or changes it: as an administrator would.
    ///
    /// Without it a topic exists on a broker from the first send to it on.
    pub fn create_topic(&self, topic: &str, queues: u32) -> Result<()> {
        if let Some(why) = topic::name_error(topic) {
            return Err(Error::new(ErrorKind::InvalidArgument, format!("`topic` = `{topic}`: {why}")));
        }
        let queues = checked_queues(queues)?;
        let store = self.live_store()?;
        let mut state = store.lock();
        for broker in 0..store.brokers.len() {
            state.set_topic(broker, TopicConfig::new(topic, queues, PERM_READ | PERM_WRITE));
        }
        Ok(())
    }

    /// Answers requests: each message of `topic` (its name on the wire) that waits for a reply gets the body that
    /// `responder` makes of it; none when it makes `None` or an empty one. In place of the topic's responder before.
    ///
    /// It runs on the cluster's thread, before the request's own send is answered, and must not wait for anything that
    /// the cluster does. A panic in it is logged and answers nothing.
    pub fn set_responder(
        &self,
        topic: &str,
        responder: impl Fn(&StoredMessage) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Result<()> {
        self.live_store()?.responders.set(topic, Arc::new(responder));
        Ok(())
    }

    pub(super) fn server(&self) -> &Server {
        &self.0.server
    }

    /// The state, where there is somebody who serves it.
    pub(super) fn live_store(&self) -> Result<&Store> {
        self.0.server.store().ok_or_else(|| {
            Error::new(ErrorKind::Forked, "the cluster was opened before the fork and belongs to the parent process")
        })
    }

    /// The messages of one topic, or of all: in the order of topic, broker, queue and offset.
    pub fn messages(&self, topic: Option<&str>) -> Vec<StoredMessage> {
        self.0.server.store().map(|store| store.messages(topic)).unwrap_or_default()
    }

    /// How many messages there are of one topic, or of all.
    pub fn message_count(&self, topic: Option<&str>) -> usize {
        self.0.server.store().map_or(0, |store| store.count(topic))
    }

    /// Waits until there are `count` messages of one topic, or of all, for at most `timeout`; `false`: there are less.
    ///
    /// One-way sends return before the message has arrived: this is how to wait for it.
    pub fn wait_for_messages(&self, topic: Option<&str>, count: usize, timeout: Duration) -> bool {
        self.0.server.store().is_some_and(|store| store.wait_for_messages(topic, count, timeout))
    }

    /// How many half messages wait for the end of their transactions.
    pub fn half_message_count(&self) -> usize {
        self.0.server.store().map_or(0, |store| store.lock().held.halves.len())
    }

    /// How many delayed messages wait for their time.
    pub fn delayed_message_count(&self) -> usize {
        self.0.server.store().map_or(0, |store| {
            let state = store.lock();
            state.held.delayed() + state.openwire.scheduled()
        })
    }

    /// How long brokers wait before they ask for the end of a transaction, and before they ask again: 1 ms to 24 h; 1 s
    /// by default, where real brokers wait 6 s at first and 30 s then.
    pub fn set_transaction_check_interval(&self, interval: Duration) -> Result<()> {
        if interval < Duration::from_millis(1) || interval > MAX_CHECK_INTERVAL {
            let what = format!("`interval` is {} ms; it must be 1 to 86400000", interval.as_millis());
            return Err(Error::new(ErrorKind::InvalidArgument, what));
        }
        if let Some(store) = self.0.server.store() {
            store.clock.set_check_interval(interval);
        }
        Ok(())
    }

    /// Forgets all messages, half and delayed ones, too. Topics stay, and offsets go on where they were.
    pub fn clear(&self) {
        if let Some(store) = self.0.server.store() {
            store.clear();
        }
    }

    /// The producer groups that clients announced in heartbeats and have not taken off, in the order of broker, group
    /// and client.
    pub fn producer_groups(&self) -> Vec<ProducerGroup> {
        self.0.server.store().map(|store| store.producer_groups()).unwrap_or_default()
    }
}

/// Settings of a cluster to start; made by [`Cluster::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    brokers: usize,
    queues: u32,
    name_server_port: u16,
    serializer: Serializer,
}

impl Default for Builder {
    fn default() -> Self {
        Builder { brokers: 1, queues: DEFAULT_QUEUES, name_server_port: 0, serializer: Serializer::Json }
    }
}

impl Builder {
    /// How many brokers, 1 to 64; 1 by default. They are called `broker-a`, `broker-b` and so on.
    pub fn brokers(mut self, brokers: usize) -> Self {
        self.brokers = brokers;
        self
    }

    /// How many queues the default topic `TBW102` has on each broker, 1 to 1024; 8 by default, as with real brokers.
    ///
    /// A topic made by a send gets as many, or fewer if its producer asks for fewer (RocketMQ's
    /// `defaultTopicQueueNums`, mostly 4).
    pub fn queues(mut self, queues: u32) -> Self {
        self.queues = queues;
        self
    }

    /// The name server's port; 0, the default, takes a free one. The brokers always take free ones.
    pub fn name_server_port(mut self, port: u16) -> Self {
        self.name_server_port = port;
        self
    }

    /// How answers are written; [`Serializer::Json`] by default, as by real servers. Requests may come in either.
    pub fn serializer(mut self, serializer: Serializer) -> Self {
        self.serializer = serializer;
        self
    }

    /// Starts the cluster; its sockets listen when this returns.
    pub fn start(self) -> Result<Cluster> {
        Ok(Cluster(Arc::new(Running { server: Server::start(&self.plan()?)?, named: false })))
    }

    fn plan(&self) -> Result<Plan> {
        if !(1..=MAX_BROKERS).contains(&self.brokers) {
            return Err(out_of_range("brokers", self.brokers, MAX_BROKERS));
        }
        let queues = checked_queues(self.queues)?;
        Ok(Plan { brokers: self.brokers, queues, name_server_port: self.name_server_port, serializer: self.serializer })
    }
}

fn checked_queues(queues: u32) -> Result<i32> {
    let fitting = i32::try_from(queues).ok().filter(|queues| (1..=MAX_QUEUES).contains(queues));
    fitting.ok_or_else(|| out_of_range("queues", queues, MAX_QUEUES))
}

fn out_of_range(field: &str, value: impl fmt::Display, most: impl fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidConfig, format!("`{field}` = `{value}` is out of range: 1 to {most}"))
}
