//! Which queue a message goes to, the first time and when it is tried again.

use super::lifecycle::Core;
use crate::error::{Error, ErrorKind, Result};
use crate::policy::select::{hash_index, in_room};
use crate::random::generator;
use crate::route::{Queue, TopicRoute};
use crate::selector::{MessageQueue, Selector};

/// What a retry does about the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The next of the round.
    RoundRobin,
    /// Any other.
    Random,
    /// It stays: the caller chose.
    Fixed,
}

impl Core {
    /// The queue of a new message.
    pub(super) fn choose(&self, topic: &str, route: &TopicRoute, selector: &Selector<'_>) -> Result<(Queue, Choice)> {
        let queues = route.queues();
        let (queue, choice) = match *selector {
            Selector::RoundRobin => match &self.faults {
                None => (self.pick(route, route.turn(), None), Choice::RoundRobin),
                Some(faults) => (faults.pick(queues, route.turn(), None), Choice::RoundRobin),
            },
            Selector::Random => (self.pick(route, any(queues.len()), None), Choice::Random),
            Selector::Hash(key) => {
                let index = hash_index(present(key)?, queues.len());
                (index.and_then(|index| queues.get(index)), Choice::Fixed)
            }
            Selector::ConsistentHash(key) => {
                let index = route.ring().locate(present(key)?);
                (index.and_then(|index| queues.get(index)), Choice::Fixed)
            }
            Selector::MachineRoom(rooms) => (Some(of_rooms(topic, route, rooms)?), Choice::Fixed),
            Selector::Queue(wanted) => (Some(explicit(topic, queues, wanted)?), Choice::Fixed),
            Selector::Callback(callback) => (Some(by_callback(topic, queues, callback)?), Choice::Fixed),
        };
        match queue {
            Some(queue) => Ok((queue.clone(), choice)),
            None => Err(Error::new(ErrorKind::NoRoute, format!("topic `{topic}` has no writable queue"))),
        }
    }

    /// The queue at `index`, on another broker than `last` while there is one, and on one that can be connected to.
    fn pick<'r>(&self, route: &'r TopicRoute, index: usize, last: Option<&str>) -> Option<&'r Queue> {
        if self.pool.is_any_out_of_reach() {
            let reached = self.pick_in_reach(route, index, last);
            if reached.is_some() {
                return reached;
            }
        }
        route.select_from(index, last)
    }

    /// The same; `None` when no broker can be connected to.
    #[cold]
    fn pick_in_reach<'r>(&self, route: &'r TopicRoute, index: usize, last: Option<&str>) -> Option<&'r Queue> {
        let within: Vec<_> = route.brokers().filter(|broker| !self.pool.is_out_of_reach(&broker.address)).collect();
        let another = within.iter().any(|broker| last != Some(&*broker.name));
        let good = |queue: &&Queue| within.contains(&&queue.broker) && !(another && last == Some(&*queue.broker.name));
        // Each of them gets its share of what the others do not.
        let good: Vec<&Queue> = route.queues().iter().filter(good).collect();
        index.checked_rem(good.len()).map(|index| good[index])
    }

    /// The queue of a batch's next part.
    pub(super) fn choose_next(&self, topic: &str, last: &Queue, choice: Choice) -> Queue {
        let selector = match choice {
            Choice::RoundRobin => Selector::RoundRobin,
            Choice::Random => Selector::Random,
            Choice::Fixed => return self.choose_again(topic, last, choice).unwrap_or_else(|| last.clone()),
        };
        let chosen = self.routes.get(topic).and_then(|route| self.choose(topic, &route, &selector).ok());
        chosen.map_or_else(|| last.clone(), |(queue, _)| queue)
    }

    /// The queue of a message's next try; `None` when there is none any more.
    pub(super) fn choose_again(&self, topic: &str, last: &Queue, choice: Choice) -> Option<Queue> {
        let route = self.routes.get(topic);
        if choice == Choice::Fixed {
            // Its broker may have a new address.
            let same = |queue: &&Queue| queue.broker.name == last.broker.name && queue.id == last.id;
            let now = route.and_then(|route| route.queues().iter().find(same).cloned());
            return Some(now.unwrap_or_else(|| last.clone()));
        }
        let (route, avoid) = (route?, Some(&*last.broker.name));
        let queue = match (choice, &self.faults) {
            (Choice::Random, _) => self.pick(&route, any(route.queues().len()), avoid),
            // From anywhere: the retries of many messages must not all begin at one queue.
            (_, Some(faults)) => faults.pick(route.queues(), any(route.queues().len()), avoid),
            (_, None) => self.pick(&route, route.turn(), avoid),
        };
        queue.cloned()
    }
}

fn any(count: usize) -> usize {
    generator().usize(..count.max(1))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn present(key: &str) -> Result<&str> {
    match key {
        "" => Err(invalid("the sharding key is empty; the hash selectors need one".to_owned())),
        key => Ok(key),
    }
}

fn of_rooms<'q>(topic: &str, route: &'q TopicRoute, rooms: &[&str]) -> Result<&'q Queue> {
    let inside: Vec<&Queue> = route.queues().iter().filter(|queue| in_room(&queue.broker.name, rooms)).collect();
    let turn = route.turn().checked_rem(inside.len());
    turn.and_then(|turn| inside.get(turn).copied()).ok_or_else(|| {
        let what = format!(
            "no broker of topic `{topic}` is in a room of [{}]; its queues are {}",
            rooms.join(", "),
            all(route.queues())
        );
        Error::new(ErrorKind::NoRoute, what)
    })
}

fn explicit<'q>(topic: &str, queues: &'q [Queue], wanted: MessageQueue<'_>) -> Result<&'q Queue> {
    let same = |queue: &&Queue| *queue.broker.name == *wanted.broker_name && queue.id == wanted.queue_id;
    queues.iter().find(same).ok_or_else(|| {
        let MessageQueue { broker_name, queue_id } = wanted;
        invalid(format!(
            "queue {queue_id} of broker `{broker_name}` is no writable queue of topic `{topic}`, which has {}",
            all(queues)
        ))
    })
}

fn by_callback<'q>(
    topic: &str,
    queues: &'q [Queue],
    callback: &dyn Fn(&[MessageQueue<'_>]) -> usize,
) -> Result<&'q Queue> {
    let shown: Vec<MessageQueue<'_>> =
        queues.iter().map(|queue| MessageQueue { broker_name: &queue.broker.name, queue_id: queue.id }).collect();
    let index = callback(&shown);
    queues.get(index).ok_or_else(|| {
        invalid(format!("the selector returned the index {index}; topic `{topic}` has {} queues", queues.len()))
    })
}

/// The queues of each broker, for an error.
fn all(queues: &[Queue]) -> String {
    let of_broker = |queues: &[Queue]| format!("{} of `{}`", queues.len(), queues[0].broker.name);
    let brokers = queues.chunk_by(|a, b| a.broker.name == b.broker.name).map(of_broker);
    brokers.collect::<Vec<_>>().join(", ")
}
