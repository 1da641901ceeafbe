//! A producer's life: start, the tasks that run beside it, flush, close.

use super::accumulate::Accumulator;
use super::admission::Admission;
use super::checks::Checks;
use super::faults::Faults;
use super::groups::{self, Registered};
use super::hooks::{Hook, Hooks};
use super::identity::Identity;
use super::lookup::{Found, Lookup, Lookups};
use super::requests::Requests;
use super::statistics::Reports;
use super::tasks::repeat;
use super::trace::Tracer;
use super::trace_context::TraceContexts;
use super::waiting::Waiting;
use crate::config::{Settings, Target};
use crate::error::{Error, ErrorKind, Result};
use crate::net::call::{Request, call};
use crate::net::connection::{Common, Connection, ServerRequests};
use crate::net::nameserver::{Discovery, NameServers};
use crate::net::pool::{Greeting, Pool};
use crate::net::tls::Tls;
use crate::net::transport::Access;
use crate::protocol::remoting::command::request_code;
use crate::protocol::remoting::heartbeat::Heartbeat;
use crate::protocol::remoting::route::TopicRouteData;
use crate::route::layout::to_vip_channel;
use crate::route::{RouteCache, TopicRoute};
use crate::runtime::Runtime;
use crate::sync::{Gate, Mutex};
use bytes::BytesMut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// Shortest time that close gives the farewells and the callbacks that still run.
const LAST_GRACE: Duration = Duration::from_secs(1);
/// How long before its caller's deadline a route lookup gives up.
const LONGEST_MARGIN: Duration = Duration::from_millis(100);
/// A failed send has the route fetched anew, at most this often.
const REFRESH_AT_MOST_EVERY: Duration = Duration::from_millis(500);
/// Stands for longer times, which no clock could add.
const CENTURY: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

fn after(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(CENTURY)
}

/// Where a producer is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Created,
    Running,
    Closed,
}

/// What all clones of a producer, its tasks and its messages share.
pub(crate) struct Core {
    pub(super) settings: Settings,
    pub(super) identity: Identity,
    pub(super) runtime: Arc<Runtime>,
    pub(super) pool: Arc<Pool>,
    pub(super) routes: RouteCache,
    pub(super) admission: Arc<Admission>,
    /// `None`: `send_latency_enable` is off.
    pub(super) faults: Option<Faults>,
    /// Told when messages in flight must end now.
    pub(super) ending: Arc<Notify>,
    pub(super) hooks: Hooks,
    /// `None`: `auto_batch` is off.
    pub(super) accumulator: Option<Arc<Accumulator>>,
    pub(super) contexts: TraceContexts,
    /// `None`: no traces.
    pub(super) tracer: Option<Arc<Tracer>>,
    /// Requests that wait for a reply.
    pub(super) waiting: Arc<Waiting>,
    pub(super) checks: Checks,
    pub(super) reports: Arc<Reports>,
    registered: Mutex<Option<Registered>>,
    name_servers: NameServers,
    lookups: Arc<Lookups>,
    phase: Mutex<Phase>,
    /// Set when messages in flight must end now.
    aborting: AtomicBool,
    pub(super) tasks: Mutex<Vec<AbortHandle>>,
    /// Kept alive as long as the producer.
    #[cfg(feature = "mock")]
    _cluster: Option<crate::mock::Cluster>,
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
        let tracer = Tracer::new(&settings, &addresses);
        let core = Arc::new(Core {
            name_servers: NameServers::new(discovery(addresses, &settings), Arc::clone(&pool)),
            admission,
            faults: settings.fault_tolerance.map(Faults::new),
            ending: Arc::default(),
            hooks: Hooks::default(),
            accumulator: settings
                .auto_batch
                .map(|limits| Arc::new(Accumulator::new(limits, settings.max_message_size))),
            contexts: TraceContexts::default(),
            tracer,
            waiting: Arc::default(),
            checks: Checks::default(),
            reports: Arc::default(),
            registered: Mutex::new(None),
            identity,
            runtime,
            pool,
            routes: RouteCache::default(),
            lookups: Arc::default(),
            phase: Mutex::new(Phase::Created),
            aborting: AtomicBool::new(false),
            tasks: Mutex::new(Vec::new()),
            #[cfg(feature = "mock")]
            _cluster: cluster,
            settings,
        });
        requests.serve_for(&core);
        Ok(core)
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.lock()
    }

    pub(super) fn must_run(&self) -> Result<()> {
        match self.phase() {
            Phase::Running => Ok(()),
            Phase::Created => Err(Error::new(ErrorKind::NotStarted, "the producer is not started")),
            Phase::Closed => Err(Error::new(ErrorKind::Closed, "the producer is closed")),
        }
    }

    /// Whether messages in flight must end now; the error they end with.
    pub(super) fn must_end(&self) -> Option<Error> {
        self.aborting.load(Ordering::Acquire).then(|| Error::new(ErrorKind::Closed, "the producer was closed"))
    }

    pub(super) fn add_hook(&self, make: impl FnOnce() -> Hook) -> Result<()> {
        self.before_start("hooks are added", || self.hooks.add(make()))
    }

    /// Does what can be done only while the producer is not started.
    pub(super) fn before_start<T>(&self, what: &str, set: impl FnOnce() -> T) -> Result<T> {
        match *self.phase.lock() {
            Phase::Created => Ok(set()),
            Phase::Running => Err(Error::new(ErrorKind::AlreadyStarted, format!("{what} before the start"))),
            Phase::Closed => Err(Error::new(ErrorKind::Closed, "the producer is closed")),
        }
    }

    pub(crate) fn start(self: &Arc<Self>) -> Result<()> {
        self.begin(true)?;
        if let Some(tracer) = &self.tracer {
            tracer.start();
        }
        Ok(())
    }

    /// Starts it, without its tracer. `waits`: for the address server's first answer.
    pub(super) fn begin(self: &Arc<Self>, waits: bool) -> Result<()> {
        {
            let mut phase = self.phase.lock();
            match *phase {
                Phase::Created => {
                    // Refused, the producer stays as it was: a later start may succeed.
                    *self.registered.lock() = self.group_key().map(groups::register).transpose()?;
                    self.hooks.fix();
                    self.contexts.fix();
                    *phase = Phase::Running;
                }
                Phase::Running => {
                    return Err(Error::new(ErrorKind::AlreadyStarted, "the producer is started already"));
                }
                Phase::Closed => return Err(Error::new(ErrorKind::Closed, "the producer is closed")),
            }
        }
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
        self.report_again_and_again();
        if self.name_servers.are_discovered() {
            let again = repeat(Arc::downgrade(self), self.settings.address_interval, |core| core.discover(None));
            self.tasks.lock().push(self.runtime.spawn(again).abort_handle());
        }
        Ok(())
    }

    /// Asks the address server for the name servers; `done` is opened when it is over.
    fn discover(self: &Arc<Self>, done: Option<Arc<Gate>>) {
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

    fn refresh_all(self: &Arc<Self>) {
        for topic in self.routes.topics() {
            self.look_up(&topic, Instant::now() + self.settings.api_timeout);
        }
    }

    /// Sends a heartbeat to each broker of the routes; a connection that is made for it is greeted by one anyway.
    ///
    /// A connection to a broker that is in no route any more is closed once nothing waits on it.
    fn heartbeat(&self) {
        let brokers = self.routes.broker_addresses();
        for connection in self.pool.open() {
            let address = connection.address();
            if !brokers.contains(address) && !self.name_servers.include(address) && connection.is_idle() {
                self.pool.forget(address);
            }
        }
        for address in &brokers {
            let connection = self.pool.broker(address);
            if connection.is_open() {
                greet(&connection, &self.settings, &self.identity, &self.runtime);
            }
        }
    }

    pub(crate) fn flush(self: &Arc<Self>, timeout: Duration) -> Result<()> {
        if self.phase() == Phase::Created {
            self.must_run()?;
        }
        self.send_held();
        let left = self.admission.wait_idle(after(timeout));
        left.map_err(|left| {
            let what = format!("{left} messages have not completed within {} ms", timeout.as_millis());
            Error::new(ErrorKind::Timeout, what)
        })
    }

    pub(crate) fn close(self: &Arc<Self>, timeout: Duration) -> Result<()> {
        let deadline = after(timeout);
        let ran = std::mem::replace(&mut *self.phase.lock(), Phase::Closed) == Phase::Running;
        self.admission.close();
        self.hold_no_more();
        let drained = self.admission.wait_idle(deadline);
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
        let Err(left) = drained else {
            return Ok(());
        };
        let still = self.admission.wait_idle(Instant::now() + LAST_GRACE).err().unwrap_or(0);
        let ended = format!("{left} messages had not completed within {} ms and were given up", timeout.as_millis());
        Err(Error::new(
            ErrorKind::Timeout,
            match still {
                0 => ended,
                still => format!("{ended}; {still} of their callbacks have not returned yet"),
            },
        ))
    }

    /// Ends everything without waiting; what is in flight completes with `Closed`.
    pub(crate) fn abandon(self: &Arc<Self>) {
        *self.phase.lock() = Phase::Closed;
        self.admission.close();
        if let Some(tracer) = &self.tracer {
            tracer.abandon();
        }
        self.end();
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
            // Each unnamed embedded cluster is another one.
            (Target::Mock { name, .. }, _) if name.is_empty() => return None,
            (Target::Mock { name, .. }, _) => format!("mock://{name}"),
        };
        Some(groups::Key { cluster, instance_name: instance_name.clone(), group: producer_group.clone() })
    }

    fn end(self: &Arc<Self>) {
        drop(self.registered.lock().take());
        self.reports.stop();
        self.aborting.store(true, Ordering::Release);
        self.ending.notify_waiters();
        self.waiting.close();
        self.end_held();
        for task in self.tasks.lock().drain(..) {
            task.abort();
        }
        for connection in self.pool.all() {
            connection.doom(Error::new(ErrorKind::Closed, "the producer was closed"));
        }
    }

    /// Tells each connected broker that this client is gone, and waits for their answers.
    fn unregister(&self, deadline: Instant) {
        let fields =
            [("clientID", self.identity.client_id()), ("producerGroup", self.settings.producer_group.as_str())];
        let request = Request {
            code: request_code::UNREGISTER_CLIENT,
            serializer: self.settings.serializer,
            fields: &fields,
            body: &[],
        };
        let brokers = self.routes.broker_addresses();
        let answers: Vec<_> = (self.pool.open().iter())
            .filter(|connection| brokers.contains(connection.address()))
            .map(|connection| self.runtime.spawn(call(connection, request, deadline)))
            .collect();
        let done = Arc::new(Gate::default());
        let open = Arc::clone(&done);
        self.runtime.spawn(async move {
            for answer in answers {
                if let Ok(Err(cause)) = answer.await {
                    tracing::debug!(%cause, "a broker did not answer the farewell");
                }
            }
            open.open();
        });
        done.wait(deadline);
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

fn greeting(settings: &Settings, identity: &Identity, runtime: &Arc<Runtime>) -> Greeting {
    let runtime = Arc::downgrade(runtime);
    let (timeout, serializer) = (settings.api_timeout, settings.serializer);
    let body = heartbeat_body(settings, identity);
    Box::new(move |connection| {
        if let Some(runtime) = runtime.upgrade() {
            send_heartbeat(connection, &body, serializer, timeout, &runtime);
        }
    })
}

fn greet(connection: &Arc<Connection>, settings: &Settings, identity: &Identity, runtime: &Runtime) {
    let body = heartbeat_body(settings, identity);
    send_heartbeat(connection, &body, settings.serializer, settings.api_timeout, runtime);
}

fn heartbeat_body(settings: &Settings, identity: &Identity) -> Vec<u8> {
    let mut body = BytesMut::new();
    Heartbeat::v1(identity.client_id(), &[settings.producer_group.as_str()]).encode(&mut body);
    body.to_vec()
}

fn send_heartbeat(
    connection: &Arc<Connection>,
    body: &[u8],
    serializer: crate::protocol::remoting::frame::Serializer,
    timeout: Duration,
    runtime: &Runtime,
) {
    let request = Request { code: request_code::HEART_BEAT, serializer, fields: &[], body };
    let answer = call(connection, request, Instant::now() + timeout);
    let address = Arc::clone(connection.address());
    runtime.spawn(async move {
        match answer.await {
            Ok(answer) if answer.code == 0 => tracing::debug!(%address, "heartbeat"),
            Ok(answer) => {
                tracing::warn!(%address, code = answer.code, remark = answer.remark, "a broker refused the heartbeat");
            }
            Err(cause) => tracing::warn!(%address, %cause, "a broker did not answer the heartbeat"),
        }
    });
}
