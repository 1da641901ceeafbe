//! The producer for brokers that speak OpenWire: one connection at a time to one of them, with a session and a producer
//! for plain messages and another for those of transactions.

mod accept;
mod establish;
mod ids;
mod many;
mod numbers;
mod request;
mod room;
mod send;
mod session;
mod statistics;
mod temporary;
mod transaction;

pub(super) use transaction::Transacted;

use super::admission::Admission;
use super::base::{Base, Phase, after};
use super::identity::Identity;
use super::waiting::Waiting;
use crate::config::{ActiveMq, Settings};
#[cfg(feature = "mock")]
use crate::config::{BrokerAddress, BrokerUrl};
use crate::error::{Error, ErrorKind, Result};
use crate::net::tls::Tls;
use crate::net::transport::Access;
use crate::protocol::openwire::{ObjectId, RemoveInfo, ShutdownInfo};
use crate::route::Queue;
use crate::runtime::Runtime;
use crate::statistics::counters::BrokersCounters;
use crate::sync::{Condvar, Gate, Mutex};
use accept::Destinations;
use ids::{Ids, Lane};
use room::Room;
use session::Session;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};
use temporary::Temporary;
use tokio::sync::Notify;

/// Shortest time that close gives the farewell and the callbacks that still run.
const LAST_GRACE: Duration = Duration::from_secs(1);

/// What all clones of such a producer, its tasks and its messages share.
pub(crate) struct Client {
    base: Base,
    activemq: Box<ActiveMq>,
    identity: Identity,
    ids: Ids,
    /// With and without TLS.
    access: [Access; 2],
    session: Mutex<Session>,
    /// The session's state is another one.
    changed: Condvar,
    /// A message waits for a connection that did not before.
    queued: Notify,
    rooms: [Option<Room>; 2],
    commands: AtomicI32,
    destinations: Destinations,
    temporary: Mutex<Temporary>,
    waiting: Arc<Waiting>,
    brokers: BrokersCounters,
    /// Kept alive as long as the producer.
    #[cfg(feature = "mock")]
    _cluster: Option<crate::mock::Cluster>,
    /// Stands for the broker where there is none yet.
    nowhere: Queue,
}

impl std::ops::Deref for Client {
    type Target = Base;

    fn deref(&self) -> &Base {
        &self.base
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("connection_id", &self.ids.connection.value)
            .field("phase", &self.phase())
            .finish_non_exhaustive()
    }
}

/// Opens the embedded cluster that a URL names, and lets the URL name its addresses.
#[cfg(feature = "mock")]
fn embedded(url: &mut BrokerUrl) -> Result<Option<crate::mock::Cluster>> {
    let Some((name, brokers)) = &url.embedded else {
        return Ok(None);
    };
    let cluster = crate::mock::Cluster::open(name, *brokers, 4)?;
    let address = |address| BrokerAddress { address, tls: false };
    url.brokers = cluster.openwire_addresses()?.into_iter().map(address).collect();
    Ok(Some(cluster))
}

impl Client {
    pub(crate) fn new(mut settings: Settings) -> Result<Arc<Client>> {
        #[cfg_attr(not(feature = "mock"), expect(unused_mut, reason = "the embedded cluster tells addresses"))]
        let Some(mut activemq) = settings.activemq.take() else {
            return Err(Error::new(ErrorKind::Internal, "this is the producer for ActiveMQ"));
        };
        if settings.reliability.is_some() {
            let what = "`reliability` = `reliable` is for RocketMQ; with ActiveMQ `failover:` repeats messages";
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        if let Some(timeout) = activemq.send_timeout {
            settings.send_msg_timeout = timeout;
        }
        #[cfg(feature = "mock")]
        let _cluster = embedded(&mut activemq.url)?;
        #[cfg(not(feature = "mock"))]
        if activemq.url.embedded.is_some() {
            return Err(Error::new(ErrorKind::Unsupported, "this build has no embedded cluster (feature `mock`)"));
        }
        let access = |tls| Access { tls, proxy: settings.proxy.clone() };
        let secure = settings.tls.as_ref().map(Tls::new).transpose()?;
        let identity = Identity::new(&settings);
        let admission = Admission::new(settings.max_in_flight_messages, settings.max_in_flight_bytes);
        Ok(Arc::new(Client {
            ids: Ids::new(&identity, &activemq)?,
            access: [access(None), access(secure)],
            session: Mutex::default(),
            changed: Condvar::new(),
            queued: Notify::new(),
            rooms: [(); 2].map(|()| activemq.window.map(Room::new)),
            commands: AtomicI32::new(0),
            destinations: Destinations::default(),
            temporary: Mutex::default(),
            waiting: Arc::default(),
            brokers: BrokersCounters::default(),
            nowhere: Queue::unknown(),
            #[cfg(feature = "mock")]
            _cluster,
            identity,
            activemq,
            base: Base::new(settings, Runtime::shared()?, admission),
        }))
    }

    /// The number of the next command.
    fn command(&self) -> i32 {
        // Positive again after its greatest: nothing waits that long.
        (self.commands.fetch_add(1, Ordering::Relaxed) & i32::MAX).wrapping_add(1) & i32::MAX
    }

    pub(crate) fn start(self: &Arc<Self>) -> Result<()> {
        self.run(|| Ok(()))?;
        self.report_again_and_again(self);
        let deadline = Instant::now() + self.settings.api_timeout;
        match self.wait_until_up(deadline) {
            Ok(_) => Ok(()),
            // Nobody there may be somebody there later; who is there and refuses, goes on to do so.
            Err(refused) if refused.kind() == ErrorKind::Broker => {
                self.stay_created();
                Err(refused)
            }
            Err(cause) => {
                tracing::warn!(%cause, "no broker at start; the first send asks again");
                Ok(())
            }
        }
    }

    pub(crate) fn close(self: &Arc<Self>, timeout: Duration) -> Result<()> {
        let deadline = after(timeout);
        let ran = self.refuse_more() == Phase::Running;
        let drained = self.admission.wait_idle(deadline);
        if ran {
            let now = Instant::now();
            let left = deadline.saturating_duration_since(now).max(LAST_GRACE);
            self.say_farewell(now + left.min(self.settings.api_timeout));
        }
        self.end();
        self.reports.wait_idle(Instant::now() + LAST_GRACE);
        let Err(left) = drained else {
            return Ok(());
        };
        let still = self.admission.wait_idle(Instant::now() + LAST_GRACE).err().unwrap_or(0);
        Err(Base::given_up(left, still, timeout))
    }

    /// Ends everything without waiting; what is in flight completes with `Closed`.
    pub(crate) fn abandon(self: &Arc<Self>) {
        self.refuse_more();
        self.end();
    }

    /// Takes the producers, the sessions and the connection off the broker, in the order of the Java client.
    fn say_farewell(self: &Arc<Self>, deadline: Instant) {
        let Some(link) = self.link() else {
            return;
        };
        let remove = |object_id, last| RemoveInfo { object_id, last_delivered_sequence_id: last };
        for lane in [Lane::Plain, Lane::Transacted] {
            let producer = self.ids.producer(lane);
            let _ = link.tell(self.command(), &remove(ObjectId::Producer(producer.id.clone()), -2).into());
            let _ = link.tell(self.command(), &remove(ObjectId::Session(producer.session.clone()), -2).into());
        }
        let connection = remove(ObjectId::Connection(self.ids.connection.clone()), -1);
        let removed = link.call(self.command(), &connection.into(), deadline);
        let (done, client) = (Arc::new(Gate::default()), Arc::downgrade(self));
        let told = Arc::clone(&done);
        self.runtime.spawn(async move {
            let _ = removed.await;
            if let Some(client) = client.upgrade() {
                let _ = link.tell(client.command(), &ShutdownInfo::default().into());
            }
            told.open();
        });
        done.wait(deadline);
    }

    fn end(self: &Arc<Self>) {
        self.end_now();
        self.waiting.close();
        self.stop_tasks();
        self.end_session(&Error::new(ErrorKind::Closed, "the producer was closed"));
    }
}
