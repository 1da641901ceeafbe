//! What a test makes a cluster do, and what it asks of the requests that came.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::cluster::Cluster;
use super::connection::Role;
use super::fault::Fault;
use super::openwire;
use super::requests::{Filter, SeenRequest};
use super::store::{Broker, Store};
use crate::error::{Error, ErrorKind, Result};
use crate::ffi::os::is_library_thread;

/// How the name server is called where a broker's name can stand.
pub const NAME_SERVER: &str = "name-server";

impl Store {
    /// The server that a test calls `name`.
    fn role(&self, name: &str) -> Result<Role> {
        if name == NAME_SERVER {
            return Ok(Role::NameServer);
        }
        if let Some(letter) = name.strip_prefix(openwire::PREFIX) {
            let of_name = |broker: &Broker| broker.name.strip_prefix("broker-") == Some(letter);
            if let Some(number) = self.brokers.iter().position(of_name) {
                return Ok(Role::OpenWire(number));
            }
        }
        let number = name.parse().ok().filter(|number| *number < self.brokers.len());
        let found = self.brokers.iter().position(|broker| broker.name == name).or(number);
        found.map(Role::Broker).ok_or_else(|| {
            let last = self.brokers.len() - 1;
            Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "`broker` is `{name}`; there are `{}` to `{}`, their numbers 0 to {last}, and `{NAME_SERVER}`",
                    self.brokers[0].name, self.brokers[last].name
                ),
            )
        })
    }

    fn filter(&self, broker: Option<&str>, code: Option<i32>) -> Result<Filter> {
        Ok(Filter { role: broker.map(|name| self.role(name)).transpose()?, code })
    }

    fn name(&self, role: Role) -> String {
        match role {
            Role::NameServer => NAME_SERVER.to_owned(),
            Role::Broker(number) => self.brokers[number].name.clone(),
            Role::OpenWire(number) => openwire::connector_name(&self.brokers[number]),
        }
    }
}

/// Faults, and the requests that came. A server is given by its name (`broker-a`), a broker also by its number from 0
/// on (`0`), the name server as [`NAME_SERVER`]; every other text is refused with `InvalidArgument`. In a forked child
/// an inherited handle answers `Forked`.
impl Cluster {
    /// Adds a fault behind those that wait: each request takes the oldest that fits it, and is counted by that alone.
    ///
    /// Refuses an unknown broker, a delay over an hour, and one that nothing waits for, with `InvalidArgument`.
    ///
    /// ```
    /// use mqproducer::mock::{Cluster, Fault, FaultAction};
    ///
    /// let cluster = Cluster::open("", 2, 4)?;
    /// let busy = FaultAction::Answer { code: 2, remark: "too many requests".to_owned() };
    /// // The next two sends to that broker.
    /// cluster.push_fault(&Fault::new(busy).broker("broker-a").code(310).count(2))?;
    /// assert!(cluster.push_fault(&Fault::new(FaultAction::Drop).broker("broker-c")).is_err());
    /// # Ok::<(), mqproducer::Error>(())
    /// ```
    pub fn push_fault(&self, fault: &Fault) -> Result<()> {
        let store = self.live_store()?;
        let at = if fault.broker.is_empty() { None } else { Some(store.role(&fault.broker)?) };
        store.faults.push(fault, at)
    }

    /// Takes back all faults, and lets connections go on that stopped reading. Answers that are late still come.
    pub fn clear_faults(&self) -> Result<()> {
        self.live_store()?.faults.clear();
        Ok(())
    }

    /// Takes a broker out of all routes, as its shutdown does, or back in. It serves on for those who know its address.
    pub fn set_in_route(&self, broker: &str, in_route: bool) -> Result<()> {
        let store = self.live_store()?;
        match store.role(broker)? {
            Role::Broker(number) => store.brokers[number].in_route.store(in_route, Ordering::Relaxed),
            Role::NameServer | Role::OpenWire(_) if in_route => {}
            Role::NameServer | Role::OpenWire(_) => {
                let why = format!("`broker` is `{broker}`, which no route can lose");
                return Err(Error::new(ErrorKind::InvalidArgument, why));
            }
        }
        Ok(())
    }

    /// Closes the listening socket of a server and all its connections, as its death does, or listens again at the same
    /// port. Its messages and routes stay. All that has happened when the call returns.
    ///
    /// On a thread of the library it returns `WouldDeadlock`; a system that refuses to listen, `Resource`.
    pub fn set_listening(&self, server: &str, listening: bool) -> Result<()> {
        let role = self.live_store()?.role(server)?;
        if is_library_thread() {
            return Err(Error::new(ErrorKind::WouldDeadlock, "a server's shutdown on a thread of the library"));
        }
        self.server().set_listening(role, listening)
    }

    /// The requests that a server got, or all, of one code, or all: in the order of their arrival, before the answers
    /// went out. The newest 8192 are kept, in at most 32 MiB; see [`Cluster::dropped_requests`].
    pub fn requests(&self, broker: Option<&str>, code: Option<i32>) -> Result<Vec<SeenRequest>> {
        self.requests_and_dropped(broker, code).map(|(requests, _)| requests)
    }

    /// How many requests, of all servers and codes, are not listed because newer ones took their place.
    pub fn dropped_requests(&self) -> Result<u64> {
        Ok(self.live_store()?.requests.dropped())
    }

    pub(crate) fn requests_and_dropped(
        &self,
        broker: Option<&str>,
        code: Option<i32>,
    ) -> Result<(Vec<SeenRequest>, u64)> {
        let store = self.live_store()?;
        Ok(store.requests.list(store.filter(broker, code)?, |role| store.name(role)))
    }

    /// How many such requests there were, those that are not listed any more included.
    pub fn request_count(&self, broker: Option<&str>, code: Option<i32>) -> Result<usize> {
        let store = self.live_store()?;
        Ok(store.requests.count(store.filter(broker, code)?))
    }

    /// Waits until there were `count` such requests, for at most `timeout`; `false`: there were less.
    pub fn wait_for_requests(
        &self,
        broker: Option<&str>,
        code: Option<i32>,
        count: usize,
        timeout: Duration,
    ) -> Result<bool> {
        let store = self.live_store()?;
        Ok(store.requests.wait(store.filter(broker, code)?, count, timeout))
    }

    /// Forgets all requests and their numbers.
    pub fn clear_requests(&self) -> Result<()> {
        self.live_store()?.requests.clear();
        Ok(())
    }
}
