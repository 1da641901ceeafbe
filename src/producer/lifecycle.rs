//! The life of a producer that speaks RocketMQ: start, the tasks that run beside it, flush, close.

use super::accumulate::Accumulator;
use super::admission::Admission;
use super::base::{Base, Phase, after};
use super::checks::Checks;
use super::faults::Faults;
use super::groups::{self, Registered};
use super::heartbeat::greeting;
use super::identity::Identity;
use super::lookup::Lookups;
use super::requests::Requests;
use super::spooling::Spooling;
use super::tasks::repeat;
use super::trace::Tracer;
use super::waiting::Waiting;
use crate::config::{Settings, Target};
use crate::error::{Error, ErrorKind, Result};
use crate::net::connection::{Common, ServerRequests};
use crate::net::nameserver::{Discovery, NameServers};
use crate::net::pool::Pool;
use crate::net::tls::Tls;
use crate::net::transport::Access;
use crate::route::RouteCache;
use crate::runtime::Runtime;
use crate::sync::{Gate, Mutex};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Shortest time that close gives the farewells and the callbacks that still run.
const LAST_GRACE: Duration = Duration::from_secs(1);

/// What all clones of such a producer, its tasks and its messages share.
pub(crate) struct Core {
    pub(super) base: Base,
    pub(super) identity: Identity,
    pub(super) pool: Arc<Pool>,
    pub(super) routes: RouteCache,
    /// `None`: `send_latency_enable` is off.
    pub(super) faults: Option<Faults>,
    /// `None`: `auto_batch` is off.
    pub(super) accumulator: Option<Arc<Accumulator>>,
    /// `None`: no traces.
    pub(super) tracer: Option<Arc<Tracer>>,
    /// Requests that wait for a reply.
    pub(super) waiting: Arc<Waiting>,
    pub(super) checks: Checks,
    /// `None`: no spool.
    pub(super) spooling: Option<Arc<Spooling>>,
    registered: Mutex<Option<Registered>>,
    pub(super) name_servers: NameServers,
    pub(super) lookups: Arc<Lookups>,
    /// Kept alive as long as the producer.
    #[cfg(feature = "mock")]
    _cluster: Option<crate::mock::Cluster>,
}

impl std::ops::Deref for Core {
    type Target = Base;

    fn deref(&self) -> &Base {
        &self.base
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("group", &self.settings.producer_group)
            .field("client_id", &self.identity.client_id())
            .field("phase", &self.phase())
            .field("pool", &self.pool)
            .field("requests", &self.waiting.len())
            .finish()
    }
}

impl Core {
    pub(crate) fn new(settings: Settings) -> Result<Arc<Core>> {
        #[cfg(feature = "mock")]
        let mut cluster = None;
        let addresses: Vec<Arc<str>> = match &settings.target {
            Target::RocketMq { name_servers } => name_servers.iter().map(|address| address.as_str().into()).collect(),
            Target::ActiveMq(_) => return Err(Error::new(ErrorKind::Internal, "this is the producer for RocketMQ")),
            Target::Mock { .. } if settings.tls.is_some() => {
                return Err(Error::new(ErrorKind::Unsupported, "`use_tls`: the embedded cluster does not speak TLS"));
            }
            #[cfg(feature = "mock")]
            Target::Mock { name, brokers, queues } => {
                let opened = crate::mock::Cluster::open(name, *brokers, *queues)?;
                let address = opened.name_server_address().into();
                cluster = Some(opened);
                vec![address]
            }
            #[cfg(not(feature = "mock"))]
            Target::Mock { .. } => {
                return Err(Error::new(ErrorKind::Unsupported, "this build has no embedded cluster (feature `mock`)"));
            }
        };
        let tls = settings.tls.as_ref().map(Tls::new).transpose()?;
        let runtime = Runtime::shared()?;
        let identity = Identity::new(&settings);
        let requests = Arc::new(Requests::default());
        let admission = Admission::new(settings.max_in_flight_messages, settings.max_in_flight_bytes);
        let common = Common {
            envelope: Arc::clone(&settings.envelope),
            access: Access { tls, proxy: settings.proxy.clone() },
            requests: Arc::clone(&requests) as Arc<dyn ServerRequests>,
            counters: Arc::clone(admission.counters()),
        };
        let pool = Arc::new(Pool::new(
            Arc::clone(&runtime),
            settings.connect_timeout,
            settings.reconnect_backoff_max,
            greeting(&settings, &identity, &runtime),
            common,
        ));
        let held = Arc::downgrade(&pool);
        admission.relieve_by(move || {
            if let Some(pool) = held.upgrade() {
                pool.release_held();
            }
        });
        let tracer = Tracer::new(&settings, &addresses);
        let base = Base::new(settings, runtime, admission);
        let settings = &base.settings;
        let rules = settings.reliability.as_ref().and_then(|reliability| reliability.spool.as_ref());
        let spooling = rules.map(|rules| Spooling::new(rules, &base));
        let core = Arc::new(Core {
            name_servers: NameServers::new(discovery(addresses, settings), Arc::clone(&pool)),
            faults: settings.fault_tolerance.map(Faults::new),
            accumulator: settings
                .auto_batch
                .map(|limits| Arc::new(Accumulator::new(limits, settings.max_message_size))),
            tracer,
            waiting: Arc::default(),
            checks: Checks::default(),
            spooling,
            registered: Mutex::new(None),
            identity,
            pool,
            routes: RouteCache::default(),
            lookups: Arc::default(),
            #[cfg(feature = "mock")]
            _cluster: cluster,
            base,
        });
        requests.serve_for(&core);
        Ok(core)
    }

    pub(crate) fn start(self: &Arc<Self>) -> Result<()> {
        if let Some(spooling) = self.spooling.as_ref().filter(|_| self.phase() == Phase::Created) {
            spooling.open()?;
        }
        self.begin(true)?;
        if let Some(spooling) = &self.spooling {
            spooling.start(self)?;
        }
        if let Some(tracer) = &self.tracer {
            tracer.start();
        }
        Ok(())
    }

    /// Starts it, without its tracer. `waits`: for the address server's first answer.
    pub(super) fn begin(self: &Arc<Self>, waits: bool) -> Result<()> {
        self.run(|| {
            *self.registered.lock() = self.group_key().map(groups::register).transpose()?;
            Ok(())
        })?;
        let deadline = Instant::now() + self.settings.api_timeout;
        if self.name_servers.are_discovered() {
            let done = Arc::new(Gate::default());
            self.discover(Some(Arc::clone(&done)));
            if waits {
                done.wait(deadline);
            }
        }
        for topic in &self.settings.topics {
            if let Err(cause) = self.route(topic, deadline) {
                tracing::warn!(topic, %cause, "no route at start; the first send asks again");
            }
        }
        self.heartbeat();
        let refresh = repeat(Arc::downgrade(self), self.settings.poll_name_server_interval, |core| core.refresh_all());
        let heartbeat = repeat(Arc::downgrade(self), self.settings.heartbeat_broker_interval, |core| core.heartbeat());
        let tasks = [self.runtime.spawn(refresh).abort_handle(), self.runtime.spawn(heartbeat).abort_handle()];
        self.tasks.lock().extend(tasks);
        self.detect_faults();
        self.start_accumulator();
        self.report_again_and_again(self);
        if self.name_servers.are_discovered() {
            let again = repeat(Arc::downgrade(self), self.settings.address_interval, |core| core.discover(None));
            self.tasks.lock().push(self.runtime.spawn(again).abort_handle());
        }
        Ok(())
    }

    pub(crate) fn flush(self: &Arc<Self>, timeout: Duration) -> Result<()> {
        self.base.flush(timeout, || self.send_held())
    }

    pub(crate) fn close(self: &Arc<Self>, timeout: Duration) -> Result<()> {
        let deadline = after(timeout);
        let ran = self.refuse_more() == Phase::Running;
        self.hold_no_more();
        if let Some(spooling) = &self.spooling {
            spooling.rest();
        }
        let drained = self.admission.wait_idle(deadline);
        self.checks.wait_idle(deadline.max(Instant::now() + LAST_GRACE));
        if let Some(tracer) = &self.tracer {
            tracer.close(deadline);
        }
        if ran {
            let now = Instant::now();
            let left = deadline.saturating_duration_since(now).max(LAST_GRACE);
            self.unregister(now + left.min(self.settings.api_timeout));
        }
        self.end();
        self.reports.wait_idle(Instant::now() + LAST_GRACE);
        let still = match drained {
            Ok(()) => 0,
            Err(_) => self.admission.wait_idle(Instant::now() + LAST_GRACE).err().unwrap_or(0),
        };
        // After messages that were given up are in it.
        if let Some(spooling) = &self.spooling {
            spooling.stop(true);
        }
        self.events.stop(Some((self.runtime.dispatcher(), Instant::now() + LAST_GRACE)));
        let Err(left) = drained else {
            return Ok(());
        };
        Err(Base::given_up(left, still, timeout))
    }

    /// Ends everything without waiting; what is in flight completes with `Closed`.
    pub(crate) fn abandon(self: &Arc<Self>) {
        self.refuse_more();
        if let Some(tracer) = &self.tracer {
            tracer.abandon();
        }
        self.end();
        if let Some(spooling) = &self.spooling {
            spooling.stop(false);
        }
        self.events.stop(None);
    }

    /// What must be the only one of its kind in this process: an instance name of the user's choice.
    fn group_key(&self) -> Option<groups::Key> {
        let Settings { instance_name, producer_group, target, address_server, .. } = &self.settings;
        let cluster = match (target, address_server) {
            _ if instance_name == "DEFAULT" => return None,
            (Target::RocketMq { name_servers }, None) => {
                let mut sorted = name_servers.clone();
                sorted.sort();
                sorted.join(";")
            }
            (Target::RocketMq { .. }, Some(server)) => server.to_string(),
            (Target::ActiveMq(_), _) => return None,
            // Each unnamed embedded cluster is another one.
            (Target::Mock { name, .. }, _) if name.is_empty() => return None,
            (Target::Mock { name, .. }, _) => format!("mock://{name}"),
        };
        Some(groups::Key { cluster, instance_name: instance_name.clone(), group: producer_group.clone() })
    }

    fn end(self: &Arc<Self>) {
        drop(self.registered.lock().take());
        self.end_now();
        self.waiting.close();
        self.end_held();
        self.stop_tasks();
        for connection in self.pool.all() {
            connection.doom(Error::new(ErrorKind::Closed, "the producer was closed"));
        }
    }
}

fn discovery(addresses: Vec<Arc<str>>, settings: &Settings) -> Discovery {
    Discovery {
        addresses,
        address_server: settings.address_server.clone(),
        broker_addresses: settings.broker_addresses.clone(),
        api_timeout: settings.api_timeout,
        serializer: settings.serializer,
    }
}
