//! Messages that wait a little for others like them, to go together in one request.

use bytes::BytesMut;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// How long and how much is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The longest that a message is held.
    pub(crate) delay: Duration,
    /// A group of so many bytes goes at once, and none is larger.
    pub(crate) group_bytes: usize,
    /// The most bytes held, of all groups together.
    pub(crate) total_bytes: usize,
}

impl Limits {
    /// When a message that comes `now` must go: before half of the time that it has left is over.
    pub(crate) fn due(&self, now: Instant, deadline: Instant) -> Instant {
        now + self.delay.min(deadline.saturating_duration_since(now) / 2)
    }
}

/// Messages that go together: their encoding, and who waits for each.
#[derive(Debug)]
pub(crate) struct Group<M> {
    pub(crate) body: BytesMut,
    pub(crate) members: Vec<M>,
    due: Instant,
}

/// Groups by what their messages have in common.
#[derive(Debug)]
pub(crate) struct Linger<K, M> {
    limits: Limits,
    groups: HashMap<K, Group<M>>,
    held: usize,
}

impl<K: Eq + Hash, M> Linger<K, M> {
    pub(crate) fn new(limits: Limits) -> Self {
        Linger { limits, groups: HashMap::new(), held: 0 }
    }

    /// Whether a message of so many bytes may be held, too.
    pub(crate) fn has_room(&self, size: usize) -> bool {
        self.held.saturating_add(size) <= self.limits.total_bytes
    }

    /// Holds a message of `size` bytes, which `encode` writes, until `due` at the latest. What must go now is put
    /// behind `ready`, in order: the group that it does not fit into any more, and its own when that is full.
    pub(crate) fn add(
        &mut self,
        key: K,
        size: usize,
        due: Instant,
        member: M,
        encode: impl FnOnce(&mut BytesMut, &mut M, bool),
        ready: &mut Vec<(K, Group<M>)>,
    ) {
        let limit = self.limits.group_bytes;
        if self.groups.get(&key).is_some_and(|group| group.body.len() + size > limit) {
            ready.extend(self.take(&key));
        }
        let mut group = match self.groups.entry(key) {
            Entry::Occupied(group) => group,
            Entry::Vacant(place) => place.insert_entry(Group { body: BytesMut::new(), members: Vec::new(), due }),
        };
        let Group { body, members, due: first } = group.get_mut();
        let (before, mut member) = (body.len(), member);
        encode(body, &mut member, members.is_empty());
        members.push(member);
        *first = due.min(*first);
        let full = body.len() >= limit;
        self.held += body.len() - before;
        if full {
            let (key, group) = group.remove_entry();
            self.held -= group.body.len();
            ready.push((key, group));
        }
    }

    /// The group of `key`, to go now.
    pub(crate) fn take(&mut self, key: &K) -> Option<(K, Group<M>)> {
        let (key, group) = self.groups.remove_entry(key)?;
        self.held -= group.body.len();
        Some((key, group))
    }

    /// The groups that are due, the one that is due first before the others.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<(K, Group<M>)> {
        let mut due: Vec<_> = self.groups.extract_if(|_, group| group.due <= now).collect();
        due.sort_by_key(|(_, group)| group.due);
        self.held -= due.iter().map(|(_, group)| group.body.len()).sum::<usize>();
        due
    }

    /// All groups.
    pub(crate) fn take_all(&mut self) -> Vec<(K, Group<M>)> {
        self.held = 0;
        let mut all: Vec<_> = self.groups.drain().collect();
        all.sort_by_key(|(_, group)| group.due);
        all
    }

    /// When the next group is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.groups.values().map(|group| group.due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { delay: Duration::from_millis(10), group_bytes: 100, total_bytes: 250 };

    struct Held {
        linger: Linger<&'static str, u32>,
        start: Instant,
    }

    impl Held {
        fn new() -> Self {
            Held { linger: Linger::new(LIMITS), start: Instant::now() }
        }

        fn at(&self, milliseconds: u64) -> Instant {
            self.start + Duration::from_millis(milliseconds)
        }

        /// What must go when a message of `size` bytes comes.
        fn add(&mut self, key: &'static str, member: u32, size: usize, due: u64) -> Vec<(&'static str, Vec<u32>)> {
            let mut ready = Vec::new();
            let encode = |body: &mut BytesMut, _: &mut u32, _: bool| body.resize(body.len() + size, 0);
            self.linger.add(key, size, self.at(due), member, encode, &mut ready);
            shown(ready)
        }
    }

    fn shown(groups: Vec<(&'static str, Group<u32>)>) -> Vec<(&'static str, Vec<u32>)> {
        groups.into_iter().map(|(key, group)| (key, group.members)).collect()
    }

    /// Rows: BA-06.
    #[test]
    fn a_group_goes_when_it_is_full_and_none_is_larger_than_the_limit() {
        let mut held = Held::new();
        assert_eq!(held.add("a", 1, 60, 10), []);
        assert_eq!(held.add("a", 2, 39, 10), []);
        assert_eq!(held.add("a", 3, 1, 10), [("a", vec![1, 2, 3])], "full to the byte");
        assert_eq!(held.add("a", 4, 60, 10), []);
        assert_eq!(held.add("a", 5, 41, 10), [("a", vec![4])], "the next one does not fit");
        assert_eq!(held.add("a", 6, 100, 10), [("a", vec![5]), ("a", vec![6])], "both, in order");
        assert_eq!((held.linger.held, held.linger.next_due()), (0, None));
    }

    /// Rows: BA-06.
    #[test]
    fn a_group_goes_when_its_first_message_is_due() {
        let mut held = Held::new();
        held.add("a", 1, 10, 10);
        held.add("b", 2, 10, 12);
        held.add("a", 3, 10, 19);
        held.add("b", 4, 10, 11);
        assert_eq!(held.linger.next_due(), Some(held.at(10)));
        assert_eq!(shown(held.linger.take_due(held.at(9))), []);
        assert_eq!(shown(held.linger.take_due(held.at(10))), [("a", vec![1, 3])]);
        assert_eq!(held.linger.next_due(), Some(held.at(11)), "a member that is due earlier moves its group");
        held.add("c", 5, 10, 5);
        assert_eq!(shown(held.linger.take_due(held.at(12))), [("c", vec![5]), ("b", vec![2, 4])], "the oldest first");
        assert_eq!(held.linger.held, 0);
    }

    /// Rows: BA-07.
    #[test]
    fn keys_are_apart_and_each_can_be_taken() {
        let mut held = Held::new();
        held.add("a", 1, 10, 10);
        held.add("b", 2, 10, 9);
        assert_eq!(shown(held.linger.take(&"a").into_iter().collect()), [("a", vec![1])]);
        assert!(held.linger.take(&"a").is_none());
        held.add("a", 3, 10, 10);
        assert_eq!(shown(held.linger.take_all()), [("b", vec![2]), ("a", vec![3])]);
        assert_eq!(held.linger.held, 0);
    }

    /// Rows: BA-06.
    #[test]
    fn the_total_is_bounded_and_grows_again_by_what_goes() {
        let mut held = Held::new();
        for (key, size) in [("a", 90), ("b", 90), ("c", 60)] {
            assert!(held.linger.has_room(size));
            held.add(key, 1, size, 10);
        }
        assert!(held.linger.has_room(10) && !held.linger.has_room(11));
        held.linger.take(&"c");
        assert!(held.linger.has_room(70) && !held.linger.has_room(71));
        held.linger.take_due(held.at(10));
        assert!(held.linger.has_room(250) && !held.linger.has_room(251));
    }

    /// Rows: BA-06 CF-02.
    #[test]
    fn a_message_is_held_for_half_of_its_time_at_most() {
        let now = Instant::now();
        let after = |milliseconds| now + Duration::from_millis(milliseconds);
        assert_eq!(LIMITS.due(now, after(3000)), after(10));
        assert_eq!(LIMITS.due(now, after(8)), after(4));
        assert_eq!(LIMITS.due(now, now), now);
        assert_eq!(LIMITS.due(now, now - Duration::from_secs(1)), now, "its time is over");
    }
}
