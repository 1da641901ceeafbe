//! Commands that wait for their answers, by their numbers.

use crate::error::Error;
use crate::hash::Quick;
use std::collections::HashMap;
use std::time::Instant;

struct Entry<T> {
    asker: T,
    deadline: Instant,
}

/// See the module's text.
pub(super) struct Waiting<T> {
    entries: HashMap<i32, Entry<T>, Quick>,
    /// Nobody's deadline is before this; `None`: the I/O task has no timer running.
    earliest: Option<Instant>,
    poisoned: Option<Error>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Waiting { entries: HashMap::default(), earliest: None, poisoned: None }
    }
}

impl<T> Waiting<T> {
    /// Lets one wait. `true`: its deadline is earlier than the I/O task's timer, wake it.
    pub(super) fn enter(&mut self, id: i32, asker: T, deadline: Instant) -> Result<bool, (T, Error)> {
        if let Some(cause) = &self.poisoned {
            return Err((asker, cause.clone()));
        }
        self.entries.insert(id, Entry { asker, deadline });
        let earlier = self.earliest.is_none_or(|earliest| deadline < earliest);
        if earlier {
            self.earliest = Some(deadline);
        }
        Ok(earlier)
    }

    /// Takes the one that an answer is for; `None`: it was given up before.
    pub(super) fn take(&mut self, id: i32) -> Option<T> {
        self.entries.remove(&id).map(|entry| entry.asker)
    }

    /// When the timer must fire next.
    pub(super) fn earliest(&self) -> Option<Instant> {
        self.earliest
    }

    /// Takes all whose deadline is not after `now`.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<(i32, T)> {
        if self.earliest.is_none_or(|earliest| now < earliest) {
            return Vec::new();
        }
        let mut late: Vec<i32> =
            self.entries.iter().filter(|(_, entry)| entry.deadline <= now).map(|(id, _)| *id).collect();
        late.sort_unstable();
        let late = late.into_iter().filter_map(|id| Some((id, self.take(id)?))).collect();
        self.earliest = self.entries.values().map(|entry| entry.deadline).min();
        late
    }

    /// Refuses all from now on and takes those that wait, in the order of their numbers.
    pub(super) fn poison(&mut self, cause: Error) -> Vec<T> {
        self.poisoned.get_or_insert(cause);
        let mut all: Vec<(i32, T)> = self.entries.drain().map(|(id, entry)| (id, entry.asker)).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all.into_iter().map(|(_, asker)| asker).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use std::time::Duration;

    #[test]
    fn those_that_are_late_and_those_that_are_left_come_in_their_order() {
        let (start, mut waiting) = (Instant::now(), Waiting::default());
        let at = |ms| start + Duration::from_millis(ms);
        assert!(waiting.enter(5, "e", at(50)).unwrap());
        assert!(waiting.enter(3, "c", at(30)).unwrap());
        assert!(!waiting.enter(4, "d", at(30)).unwrap());
        assert!(!waiting.enter(9, "i", at(90)).unwrap());
        assert!(waiting.expire(at(29)).is_empty());
        assert_eq!(waiting.expire(at(30)), [(3, "c"), (4, "d")]);
        assert_eq!(waiting.earliest(), Some(at(50)));
        assert_eq!((waiting.take(5), waiting.take(5)), (Some("e"), None));
        waiting.enter(2, "b", at(20)).unwrap();
        assert_eq!(waiting.poison(Error::new(ErrorKind::Closed, "over")), ["b", "i"]);
        assert_eq!(waiting.enter(1, "a", at(10)).unwrap_err().1.message(), "over");
    }
}
