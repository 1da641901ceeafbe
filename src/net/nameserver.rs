//! The name servers: asked one after another from a random start, staying with the one that answered. Their list is
//! configured, or fetched from an address server.

use super::call::{Answer, Request, call};
use super::http::HttpUrl;
use super::pool::Pool;
use crate::config::name_server_list;
use crate::error::{Error, ErrorKind, Result};
use crate::policy::address_map::AddressMap;
use crate::protocol::remoting::command::{request_code, response_code};
use crate::protocol::remoting::frame::Serializer;
use crate::protocol::remoting::route::TopicRouteData;
use crate::random::generator;
use crate::sync::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What name servers are used, and how.
#[derive(Debug)]
pub(crate) struct Discovery {
    /// Used first; empty: what the address server says.
    pub(crate) addresses: Vec<Arc<str>>,
    pub(crate) address_server: Option<HttpUrl>,
    pub(crate) broker_addresses: AddressMap,
    pub(crate) api_timeout: Duration,
    pub(crate) serializer: Serializer,
}

/// See the module's text.
#[derive(Debug)]
pub(crate) struct NameServers {
    discovery: Discovery,
    /// In an order of this producer's own, so that producers spread over the servers.
    addresses: Mutex<Arc<[Arc<str>]>>,
    current: AtomicUsize,
    pool: Arc<Pool>,
}

impl NameServers {
    pub(crate) fn new(mut discovery: Discovery, pool: Arc<Pool>) -> Self {
        let mut addresses = std::mem::take(&mut discovery.addresses);
        generator().shuffle(&mut addresses);
        NameServers { discovery, addresses: Mutex::new(addresses.into()), current: AtomicUsize::new(0), pool }
    }

    /// Whether their list is fetched from an address server.
    pub(crate) fn are_discovered(&self) -> bool {
        self.discovery.address_server.is_some()
    }

    /// Whether `address` is one of them.
    pub(crate) fn include(&self, address: &Arc<str>) -> bool {
        self.addresses.lock().contains(address)
    }

    /// Asks the address server, and takes its list when that is another one.
    pub(crate) async fn discover(&self, timeout: Duration) -> Result<()> {
        let Some(server) = &self.discovery.address_server else {
            return Ok(());
        };
        let fetched = server.get(timeout.min(self.discovery.api_timeout)).await.and_then(|body| {
            let text = std::str::from_utf8(&body).map_err(|_| "the list is not text".to_owned())?;
            name_server_list(text.trim())
        });
        let list = fetched.map_err(|cause| {
            tracing::warn!(cause, "the address server gave no name servers");
            Error::new(ErrorKind::NoNameServer, format!("the address server gave no name servers: {cause}"))
        })?;
        self.replace(list.iter().map(|address| address.as_str().into()).collect());
        Ok(())
    }

    fn replace(&self, mut list: Vec<Arc<str>>) {
        list.sort();
        list.dedup();
        let gone: Vec<Arc<str>> = {
            let mut addresses = self.addresses.lock();
            let mut before = addresses.to_vec();
            before.sort();
            if before == list {
                return;
            }
            tracing::info!(from = ?before, to = ?list, "the list of name servers changed");
            before.retain(|address| !list.contains(address));
            generator().shuffle(&mut list);
            *addresses = list.into();
            before
        };
        for address in gone {
            self.pool.forget(&address);
        }
    }

    /// The route of a topic; `NoRoute` when the name servers know none.
    pub(crate) async fn route(&self, topic: &str, deadline: Instant) -> Result<TopicRouteData> {
        let fields = [("topic", topic), ("acceptStandardJsonOnly", "true")];
        let request = Request {
            code: request_code::GET_ROUTEINFO_BY_TOPIC,
            serializer: self.discovery.serializer,
            fields: &fields,
            body: &[],
        };
        let (address, answer) = self.ask(request, deadline).await?;
        match answer.code {
            response_code::SUCCESS => match TopicRouteData::decode(&answer.body) {
                Ok(route) => Ok(self.reachable(route)),
                Err(error) => {
                    let what = format!("{address} sent a malformed route of `{topic}`: {error}");
                    Err(Error::new(ErrorKind::Protocol, what))
                }
            },
            response_code::TOPIC_NOT_EXIST => {
                Err(Error::new(ErrorKind::NoRoute, format!("no route of topic `{topic}`: {}", answer.remark)))
            }
            code => Err(Error::broker(code, answer.remark, false).context(format!("route of topic `{topic}`"))),
        }
    }

    /// The route with the brokers' addresses as this client reaches them.
    fn reachable(&self, mut route: TopicRouteData) -> TopicRouteData {
        for address in route.broker_datas.iter_mut().flat_map(|broker| broker.broker_addrs.values_mut()) {
            if let Some(other) = self.discovery.broker_addresses.rewrite(address) {
                *address = other;
            }
        }
        route
    }

    async fn list(&self, deadline: Instant) -> Result<Arc<[Arc<str>]>> {
        let known = Arc::clone(&self.addresses.lock());
        if !known.is_empty() {
            return Ok(known);
        }
        // The start's fetch failed: whoever needs a route tries again.
        self.discover(deadline.saturating_duration_since(Instant::now())).await?;
        Ok(Arc::clone(&self.addresses.lock()))
    }

    /// Asks until one answers; otherwise the error names each address and its cause.
    async fn ask(&self, request: Request<'_>, deadline: Instant) -> Result<(Arc<str>, Answer)> {
        let addresses = self.list(deadline).await?;
        let n = addresses.len();
        let first = self.current.load(Ordering::Relaxed);
        let mut causes = Vec::with_capacity(n);
        for step in 0..n {
            let index = (first + step) % n;
            let address = &addresses[index];
            let now = Instant::now();
            // A silent server must leave time for those after it.
            let share = deadline.saturating_duration_since(now) / (n - step) as u32;
            let until = now + share.min(self.discovery.api_timeout);
            match call(&self.pool.name_server(address), request, until).await {
                Ok(answer) => {
                    self.current.store(index, Ordering::Relaxed);
                    return Ok((Arc::clone(address), answer));
                }
                Err(cause) => {
                    tracing::warn!(%address, %cause, "a name server did not answer");
                    causes.push(format!("{address} ({})", cause.message()));
                }
            }
        }
        Err(Error::new(ErrorKind::NoNameServer, format!("no name server answered: {}", causes.join("; "))))
    }
}
