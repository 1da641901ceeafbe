//! The producer window of ActiveMQ: bytes of messages without an answer that the broker has not acknowledged.
//!
//! The broker counts 1024, the properties and the content of each message, and gives the same back. At the limit a
//! producer waits, but the message that reaches it may go beyond it.

/// What the broker counts for every message.
pub(crate) const BASE: i64 = 1024;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Window {
    limit: i64,
    used: i64,
    /// Which connection it counts for.
    connection: u64,
}

/// Room for one message, which is being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    connection: u64,
}

impl Window {
    pub(crate) fn new(limit: i32) -> Self {
        Window { limit: limit.into(), used: 0, connection: 0 }
    }

    pub(crate) fn limit(&self) -> i64 {
        self.limit
    }

    pub(crate) fn used(&self) -> i64 {
        self.used
    }

    /// Takes a place, when there is room. It counts as the smallest message until [`Window::fill`], so that several
    /// threads do not find the same room.
    pub(crate) fn enter(&mut self) -> Option<Place> {
        // As the Java client reckons: full at 100 whole percent.
        (self.used * 100 / self.limit < 100).then(|| {
            self.used += BASE;
            Place { connection: self.connection }
        })
    }

    /// The message of a place is on its way; `size` is what the broker will acknowledge.
    pub(crate) fn fill(&mut self, place: Place, size: i32) {
        self.used += i64::from(size);
        self.leave(place);
    }

    /// The message of a place was not sent.
    pub(crate) fn leave(&mut self, place: Place) {
        if place.connection == self.connection {
            self.used -= BASE;
        }
    }

    /// The broker acknowledged so much.
    pub(crate) fn acknowledge(&mut self, size: i32) {
        self.used -= i64::from(size);
    }

    /// Another connection: what the last one did not acknowledge will never be.
    pub(crate) fn restart(&mut self) {
        self.used = 0;
        self.connection += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(window: &mut Window, size: i32) -> bool {
        window.enter().map(|place| window.fill(place, size)).is_some()
    }

    /// Rows: AM-09 AM-10.
    #[test]
    fn one_message_may_go_beyond_the_limit_and_what_is_acknowledged_comes_back_whole() {
        let mut window = Window::new(4096);
        for size in [1500, 1500, 1500] {
            assert!(send(&mut window, size));
        }
        assert_eq!(window.used(), 4500);
        assert!(!send(&mut window, 1100));
        window.acknowledge(1500);
        assert!(send(&mut window, 1100));
        for size in [1500, 1500, 1100] {
            window.acknowledge(size);
        }
        assert_eq!(window.used(), 0);
    }

    /// Rows: AM-09.
    #[test]
    fn the_smallest_windows_let_one_message_through() {
        for limit in [1, 1023, 1024] {
            let mut window = Window::new(limit);
            let place = window.enter().unwrap();
            assert_eq!(window.enter(), None);
            window.fill(place, 2000);
            assert_eq!(window.enter(), None);
            window.acknowledge(2000);
            assert!(window.enter().is_some());
        }
    }

    #[test]
    fn another_connection_starts_with_an_empty_window() {
        let mut window = Window::new(4096);
        assert!(send(&mut window, 3100));
        let (late, later) = (window.enter().unwrap(), window.enter());
        assert_eq!(later, None);
        window.restart();
        assert_eq!(window.used(), 0);
        window.leave(late);
        assert_eq!(window.used(), 0);
        let (first, second) = (window.enter().unwrap(), window.enter().unwrap());
        window.restart();
        window.fill(first, 1100);
        window.leave(second);
        assert_eq!(window.used(), 1100);
    }
}
