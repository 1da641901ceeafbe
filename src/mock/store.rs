//! What the brokers hold: topics, messages and the groups of their clients. One lock guards it all.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::CLUSTER_NAME;
use super::clients::Clients;
use super::fault::Faults;
use super::held::{Clock, Held};
use super::message::{ProducerGroup, StoredMessage};
use super::openwire;
use super::reply::Responders;
use super::requests::Requests;
use super::topic::{DEFAULT_TOPIC, TopicConfig};
use crate::protocol::remoting::reply::reply_topic;
use crate::protocol::remoting::route::{PERM_INHERIT, PERM_READ, PERM_WRITE};
use crate::sync::{Condvar, Mutex, MutexGuard, wait, wait_timeout};

/// Bytes that a stored message takes beside body, topic and properties, when both addresses are IPv4.
const RECORD_OVERHEAD: usize = 91;

/// A broker's name and address, and whether the name server tells of it.
#[derive(Debug)]
pub(super) struct Broker {
    pub(super) name: String,
    pub(super) address: SocketAddr,
    pub(super) in_route: AtomicBool,
}

/// One message, as sent.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) flag: i32,
    pub(super) sys_flag: i32,
    pub(super) born_timestamp: i64,
    pub(super) born_host: SocketAddr,
    pub(super) reconsume_times: i32,
    pub(super) properties: String,
    pub(super) body: Vec<u8>,
    /// Set when it is stored.
    pub(super) store_timestamp: i64,
    /// Set when it is stored.
    pub(super) commit_log_offset: i64,
}

/// A queue; what [`Store::clear`] removed counts on in the offsets.
#[derive(Debug, Default)]
pub(super) struct Queue {
    first: i64,
    records: Vec<Record>,
}

impl Queue {
    pub(super) fn min_offset(&self) -> i64 {
        self.first
    }

    pub(super) fn max_offset(&self) -> i64 {
        self.first + self.records.len() as i64
    }

    /// The messages from `offset` on, each with its offset.
    pub(super) fn records_from(&self, offset: i64) -> impl Iterator<Item = (i64, &Record)> {
        let skip = usize::try_from(offset - self.first).unwrap_or(0);
        (self.first..).zip(&self.records).skip(skip)
    }
}

/// A topic as one broker has it.
#[derive(Debug)]
pub(super) struct TopicOnBroker {
    pub(super) config: TopicConfig,
    pub(super) queues: Vec<Queue>,
}

#[derive(Debug)]
pub(super) struct State {
    /// Of each topic, what each broker has of it.
    topics: BTreeMap<String, Vec<Option<TopicOnBroker>>>,
    /// Where each broker's commit log ends.
    log_ends: Vec<i64>,
    /// Of each broker, group and client id.
    groups: Vec<BTreeSet<(String, String)>>,
    messages: usize,
    waiters: usize,
    pub(super) held: Held,
    pub(super) openwire: openwire::State,
}

impl State {
    pub(super) fn topic(&self, broker: usize, topic: &str) -> Option<&TopicOnBroker> {
        self.topics.get(topic)?.get(broker)?.as_ref()
    }

    /// The settings of a topic on each broker that has it.
    pub(super) fn topic_configs(&self, topic: &str) -> impl Iterator<Item = (usize, &TopicConfig)> {
        let brokers = self.topics.get(topic).into_iter().flatten().enumerate();
        brokers.filter_map(|(broker, on)| Some((broker, &on.as_ref()?.config)))
    }

    /// Makes or changes a topic; queues that hold messages stay, even beyond a smaller number.
    pub(super) fn set_topic(&mut self, broker: usize, config: TopicConfig) {
        let brokers = self.log_ends.len();
        let on_brokers = self.topics.entry(config.name.clone()).or_default();
        on_brokers.resize_with(brokers, || None);
        let Some(slot) = on_brokers.get_mut(broker) else { return };
        let mut queues = slot.take().map(|on| on.queues).unwrap_or_default();
        let wanted = usize::try_from(config.queues()).unwrap_or(0);
        queues.resize_with(wanted.max(queues.len()), Queue::default);
        *slot = Some(TopicOnBroker { config, queues });
    }

    /// Appends messages to a queue that exists: the offset of the first in the queue and of each in the commit log.
    pub(super) fn append(
        &mut self,
        broker: usize,
        topic: &str,
        queue: usize,
        records: Vec<Record>,
    ) -> Option<(i64, Vec<i64>)> {
        let on_broker = self.topics.get_mut(topic)?.get_mut(broker)?.as_mut()?;
        let queue = on_broker.queues.get_mut(queue)?;
        let log_end = self.log_ends.get_mut(broker)?;
        let first = queue.max_offset();
        let mut log_offsets = Vec::with_capacity(records.len());
        for mut record in records {
            log_offsets.push(log(log_end, topic, &mut record));
            queue.records.push(record);
        }
        self.messages += log_offsets.len();
        Some((first, log_offsets))
    }

    /// Puts a message into a broker's commit log only: its offset there.
    pub(super) fn log(&mut self, broker: usize, topic: &str, record: &mut Record) -> Option<i64> {
        Some(log(self.log_ends.get_mut(broker)?, topic, record))
    }

    pub(super) fn add_group(&mut self, broker: usize, group: &str, client_id: &str) {
        if let Some(groups) = self.groups.get_mut(broker) {
            groups.insert((group.to_owned(), client_id.to_owned()));
        }
    }

    pub(super) fn remove_group(&mut self, broker: usize, group: &str, client_id: &str) {
        if let Some(groups) = self.groups.get_mut(broker) {
            groups.remove(&(group.to_owned(), client_id.to_owned()));
        }
    }

    /// Of one topic or all: topic, broker, queue number and queue.
    fn queues<'a>(&'a self, topic: Option<&'a str>) -> impl Iterator<Item = (&'a str, usize, i32, &'a Queue)> {
        let all = topic.is_none().then_some(&self.topics).into_iter().flatten();
        let one = topic.and_then(|topic| self.topics.get_key_value(topic));
        all.chain(one).flat_map(|(topic, brokers)| {
            brokers.iter().enumerate().flat_map(move |(broker, on)| {
                let queues = on.iter().flat_map(|on| (0..).zip(&on.queues));
                queues.map(move |(number, queue)| (topic.as_str(), broker, number, queue))
            })
        })
    }

    fn count(&self, topic: Option<&str>) -> usize {
        match topic {
            None => self.messages + self.openwire.count(None),
            Some(_) => {
                let stored: usize = self.queues(topic).map(|(.., queue)| queue.records.len()).sum();
                stored + self.openwire.count(topic)
            }
        }
    }
}

fn log(log_end: &mut i64, topic: &str, record: &mut Record) -> i64 {
    record.store_timestamp = now_millis();
    record.commit_log_offset = *log_end;
    *log_end += (RECORD_OVERHEAD + topic.len() + record.properties.len() + record.body.len()) as i64;
    record.commit_log_offset
}

/// The state and its lock, what never changes, and what has locks of its own.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) name_server: SocketAddr,
    pub(super) brokers: Vec<Broker>,
    pub(super) clients: Arc<Clients>,
    pub(super) clock: Clock,
    pub(super) faults: Faults,
    pub(super) requests: Requests,
    pub(super) responders: Responders,
    state: Mutex<State>,
    stored: Condvar,
}

impl Store {
    /// `queues` is how many the default topic has.
    pub(super) fn new(name_server: SocketAddr, brokers: Vec<Broker>, queues: i32) -> Self {
        let mut state = State {
            topics: BTreeMap::new(),
            log_ends: vec![0; brokers.len()],
            groups: vec![BTreeSet::new(); brokers.len()],
            messages: 0,
            waiters: 0,
            held: Held::default(),
            openwire: openwire::State::default(),
        };
        for broker in 0..brokers.len() {
            let perm = PERM_READ | PERM_WRITE | PERM_INHERIT;
            state.set_topic(broker, TopicConfig::new(DEFAULT_TOPIC, queues, perm));
            state.set_topic(broker, TopicConfig::new(&reply_topic(CLUSTER_NAME), 1, PERM_READ | PERM_WRITE));
        }
        Store {
            name_server,
            brokers,
            clients: Arc::default(),
            clock: Clock::default(),
            faults: Faults::default(),
            requests: Requests::default(),
            responders: Responders::default(),
            state: Mutex::new(state),
            stored: Condvar::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Wakes those who wait for messages; called with the lock held that covered an [`State::append`].
    pub(super) fn announce(&self, state: &State) {
        if state.waiters > 0 {
            self.stored.notify_all();
        }
    }

    pub(super) fn count(&self, topic: Option<&str>) -> usize {
        self.lock().count(topic)
    }

    pub(super) fn wait_for_messages(&self, topic: Option<&str>, count: usize, timeout: Duration) -> bool {
        // `None`: later than the clock can tell, so for ever.
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.lock();
        state.waiters += 1;
        while state.count(topic) < count {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            state = match left {
                Some(Duration::ZERO) => break,
                Some(left) => wait_timeout(&self.stored, state, left),
                None => wait(&self.stored, state),
            };
        }
        state.waiters -= 1;
        state.count(topic) >= count
    }

    pub(super) fn messages(&self, topic: Option<&str>) -> Vec<StoredMessage> {
        let mut messages = Vec::new();
        let logged: Vec<_>;
        {
            let state = self.lock();
            logged = state.openwire.messages(topic).cloned().collect();
            for (topic, broker, number, queue) in state.queues(topic) {
                let records = queue.records_from(queue.min_offset());
                let broker = &self.brokers[broker];
                messages
                    .extend(records.map(|(offset, record)| StoredMessage::new(topic, broker, number, offset, record)));
            }
        }
        // After the lock, so that the brokers can go on.
        messages.iter_mut().for_each(StoredMessage::decompress);
        messages.extend(logged.iter().map(|one| openwire::stored_message(&self.brokers[one.connector], one)));
        messages
    }

    pub(super) fn clear(&self) {
        let mut state = self.lock();
        state.messages = 0;
        state.held.clear();
        state.openwire.clear();
        let brokers = state.topics.values_mut().flatten().flatten();
        for queue in brokers.flat_map(|on| &mut on.queues) {
            queue.first = queue.max_offset();
            queue.records.clear();
        }
    }

    pub(super) fn producer_groups(&self) -> Vec<ProducerGroup> {
        let state = self.lock();
        let brokers = self.brokers.iter().zip(&state.groups);
        let groups = brokers.flat_map(|(broker, groups)| {
            groups.iter().map(|(group, client_id)| ProducerGroup {
                broker_name: broker.name.clone(),
                group: group.clone(),
                client_id: client_id.clone(),
            })
        });
        groups.collect()
    }
}

pub(super) fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
