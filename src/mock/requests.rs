//! The requests that servers got, in the order of their arrival.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::Role;
use super::fault::{Fault, FaultAction};
use super::store::now_millis;
use crate::protocol::remoting::Header;
use crate::sync::{Condvar, Mutex, wait, wait_timeout};

/// As many requests are kept.
pub(super) const MAX_REQUESTS: usize = 8192;
/// They take no more memory than this, unless one alone does.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// What a request takes beside its fields and its body.
const REQUEST_OVERHEAD: usize = 256;
/// What a field takes beside its texts.
const FIELD_OVERHEAD: usize = 112;
/// So many kinds of requests are counted; only a client that makes codes up has more.
const MAX_KINDS: usize = 4096;

/// A request that a server got.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenRequest {
    /// The broker, or `name-server`.
    pub broker_name: String,
    /// The request code.
    pub code: i32,
    /// The number that ties the answer to it.
    pub opaque: i32,
    /// Whether it wanted no answer.
    pub oneway: bool,
    /// The header's fields (`extFields`), in the order of the wire.
    pub fields: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// When it came, milliseconds since 1970.
    pub timestamp: i64,
    /// The fault that hit it.
    pub fault: Option<FaultAction>,
}

impl SeenRequest {
    /// The value of a header field; of several with the name, the last.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug)]
struct Kept {
    role: Role,
    header: Header,
    body: Vec<u8>,
    timestamp: i64,
    fault: Option<Arc<Fault>>,
}

impl Kept {
    fn size(&self) -> usize {
        let fields = self.header.ext.iter().map(|(name, value)| FIELD_OVERHEAD + name.len() + value.len());
        REQUEST_OVERHEAD + fields.sum::<usize>() + self.body.len()
    }
}

#[derive(Debug, Default)]
struct Ring {
    kept: VecDeque<Arc<Kept>>,
    bytes: usize,
    dropped: u64,
    /// Of each server and code, those dropped from `kept` included.
    counts: BTreeMap<(Role, i32), usize>,
    waiters: usize,
}

/// Which requests are meant: of one server or all, of one code or all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter {
    pub(super) role: Option<Role>,
    pub(super) code: Option<i32>,
}

impl Filter {
    fn fits(self, role: Role, code: i32) -> bool {
        self.role.is_none_or(|wanted| wanted == role) && self.code.is_none_or(|wanted| wanted == code)
    }
}

impl Ring {
    fn count(&self, filter: Filter) -> usize {
        self.counts.iter().filter(|((role, code), _)| filter.fits(*role, *code)).map(|(_, count)| count).sum()
    }
}

/// The newest requests, and how many there were.
#[derive(Debug, Default)]
pub(super) struct Requests {
    ring: Mutex<Ring>,
    arrived: Condvar,
}

impl Requests {
    pub(super) fn add(&self, role: Role, header: Header, body: &[u8], fault: Option<Arc<Fault>>) {
        let request = Kept { role, header, body: body.to_vec(), timestamp: now_millis(), fault };
        let kind = (role, request.header.code);
        let mut ring = self.ring.lock();
        ring.bytes += request.size();
        ring.kept.push_back(Arc::new(request));
        while ring.kept.len() > MAX_REQUESTS || (ring.bytes > MAX_BYTES && ring.kept.len() > 1) {
            if let Some(oldest) = ring.kept.pop_front() {
                ring.bytes -= oldest.size();
                ring.dropped += 1;
            }
        }
        if ring.counts.len() < MAX_KINDS || ring.counts.contains_key(&kind) {
            *ring.counts.entry(kind).or_default() += 1;
        }
        if ring.waiters > 0 {
            self.arrived.notify_all();
        }
    }

    /// Those kept, and how many older ones, of all servers and codes, were dropped.
    pub(super) fn list(&self, filter: Filter, name: impl Fn(Role) -> String) -> (Vec<SeenRequest>, u64) {
        let (kept, dropped): (Vec<_>, _) = {
            let ring = self.ring.lock();
            let fitting = ring.kept.iter().filter(|kept| filter.fits(kept.role, kept.header.code));
            (fitting.cloned().collect(), ring.dropped)
        };
        // After the lock, so that the servers can go on.
        let seen = kept.iter().map(|kept| SeenRequest {
            broker_name: name(kept.role),
            code: kept.header.code,
            opaque: kept.header.opaque,
            oneway: kept.header.is_oneway(),
            fields: kept.header.ext.clone(),
            body: kept.body.clone(),
            timestamp: kept.timestamp,
            fault: kept.fault.as_ref().map(|fault| fault.action.clone()),
        });
        (seen.collect(), dropped)
    }

    pub(super) fn dropped(&self) -> u64 {
        self.ring.lock().dropped
    }

    pub(super) fn count(&self, filter: Filter) -> usize {
        self.ring.lock().count(filter)
    }

    /// `false`: there were less within `timeout`.
    pub(super) fn wait(&self, filter: Filter, count: usize, timeout: Duration) -> bool {
        // `None`: later than the clock can tell, so for ever.
        let deadline = Instant::now().checked_add(timeout);
        let mut ring = self.ring.lock();
        ring.waiters += 1;
        while ring.count(filter) < count {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            ring = match left {
                Some(Duration::ZERO) => break,
                Some(left) => wait_timeout(&self.arrived, ring, left),
                None => wait(&self.arrived, ring),
            };
        }
        ring.waiters -= 1;
        ring.count(filter) >= count
    }

    pub(super) fn clear(&self) {
        let mut ring = self.ring.lock();
        *ring = Ring { waiters: ring.waiters, ..Ring::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Filter = Filter { role: None, code: None };

    fn add(requests: &Requests, code: i32, body: &[u8]) {
        requests.add(Role::Broker(0), Header::request(code), body, None);
    }

    fn bodies(requests: &Requests) -> (Vec<Vec<u8>>, u64) {
        let (seen, dropped) = requests.list(ALL, |_| String::new());
        (seen.into_iter().map(|request| request.body).collect(), dropped)
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_and_are_counted_on() {
        let requests = Requests::default();
        for number in 0..MAX_REQUESTS + 3 {
            add(&requests, 10, number.to_string().as_bytes());
        }
        let (kept, dropped) = bodies(&requests);
        assert_eq!((kept.len(), dropped), (MAX_REQUESTS, 3));
        assert_eq!(kept[0], b"3");
        assert_eq!(requests.count(ALL), MAX_REQUESTS + 3);
        requests.clear();
        assert_eq!((bodies(&requests), requests.count(ALL)), ((vec![], 0), 0));
        assert_eq!(requests.ring.lock().bytes, 0);
    }

    #[test]
    fn the_oldest_go_when_they_are_too_large_but_never_the_last() {
        let requests = Requests::default();
        add(&requests, 10, &vec![1; MAX_BYTES]);
        assert_eq!((bodies(&requests).0.len(), bodies(&requests).1), (1, 0));
        add(&requests, 10, b"2");
        add(&requests, 10, b"3");
        assert_eq!(bodies(&requests), (vec![b"2".to_vec(), b"3".to_vec()], 1));
        let kept = requests.ring.lock().kept.iter().map(|kept| kept.size()).sum::<usize>();
        assert_eq!(requests.ring.lock().bytes, kept);
    }

    #[test]
    fn made_up_codes_do_not_fill_the_memory() {
        let requests = Requests::default();
        for code in 0..MAX_KINDS as i32 + 10 {
            add(&requests, code, b"");
        }
        add(&requests, 0, b"");
        assert_eq!(requests.ring.lock().counts.len(), MAX_KINDS);
        assert_eq!(requests.count(Filter { code: Some(0), ..ALL }), 2);
    }
}
