use super::*;

#[cfg(not(mqp_loom))]
mod alone {
    use super::*;

    fn lent() -> Reading<&'static str> {
        let reading = Reading::new();
        reading.lend("buffer");
        reading
    }

    #[test]
    fn it_is_lent_after_lone_sends_in_a_row_and_another_kind_begins_the_row_anew() {
        let reading = Reading::<()>::new();
        for _ in 0..2 {
            for _ in 1..FIRST_STREAK {
                reading.note(true);
                assert!(!reading.should_lend());
            }
            reading.note(false);
        }
        (0..FIRST_STREAK).for_each(|_| reading.note(true));
        assert!(reading.should_lend());
        reading.lend(());
        assert!(reading.is_lent() && !reading.should_lend());
    }

    #[test]
    fn one_caller_at_a_time_reads_and_the_io_task_does_not_meanwhile() {
        let reading = lent();
        assert_eq!((reading.take_over(), reading.take()), (None, Some("buffer")));
        assert_eq!((reading.take(), reading.take_over()), (None, None));
        assert!(!reading.call_back(), "the caller who reads looks for others himself");
        assert!(!reading.put_back("buffer", || false));
        assert!(reading.is_lent());
        assert_eq!(reading.take(), Some("buffer"));
        assert!(reading.put_back("buffer", || true));
        assert_eq!((reading.is_lent(), reading.take(), reading.take_over()), (false, None, Some("buffer")));
        assert!(!reading.call_back(), "the I/O task reads already");
    }

    #[test]
    fn a_request_whose_sender_does_not_read_calls_it_back() {
        let reading = lent();
        assert!(reading.call_back());
        assert_eq!((reading.is_lent(), reading.take(), reading.take_over()), (false, None, Some("buffer")));
    }

    #[test]
    fn a_loan_ends_when_nobody_came_since_the_last_look_but_not_while_somebody_reads() {
        let reading = lent();
        for _ in 0..3 {
            let buffer = reading.take().unwrap();
            reading.put_back(buffer, || false);
            reading.end_if_unused();
            assert!(reading.is_lent());
        }
        let buffer = reading.take().unwrap();
        (0..3).for_each(|_| reading.end_if_unused());
        assert!(reading.is_lent());
        reading.put_back(buffer, || false);
        reading.end_if_unused();
        assert_eq!((reading.is_lent(), reading.take_over()), (false, Some("buffer")));
    }

    #[test]
    fn what_is_called_back_soon_is_lent_later_and_after_long_use_as_at_first() {
        let reading = Reading::new();
        let wanted = |reading: &Reading<()>| {
            let mut sends = 0;
            while !reading.should_lend() {
                reading.note(true);
                sends += 1;
            }
            sends
        };
        let mut rows = Vec::new();
        for _ in 0..12 {
            rows.push(wanted(&reading));
            reading.lend(());
            assert!(reading.call_back());
            reading.take_over().unwrap();
        }
        assert_eq!(rows[..4], [4, 8, 16, 32]);
        assert_eq!(rows[11], LONGEST_STREAK);
        wanted(&reading);
        reading.lend(());
        for _ in 0..LONGEST_STREAK {
            reading.take().unwrap();
            reading.put_back((), || false);
        }
        assert!(reading.call_back());
        reading.take_over().unwrap();
        assert_eq!(wanted(&reading), FIRST_STREAK);
    }
}

#[cfg(mqp_loom)]
mod loom_checks {
    use super::*;
    use crate::net::inflight::Inflight;
    use loom::sync::{Arc, Mutex as LoomMutex};
    use loom::thread;
    use std::time::{Duration, Instant};

    /// A connection's table and role; the buffer is a token.
    struct Model {
        inflight: Inflight<()>,
        reading: Reading<()>,
        woken: LoomMutex<bool>,
    }

    impl Model {
        fn new() -> Arc<Self> {
            let (inflight, reading) = (Inflight::new(), Reading::new());
            Arc::new(Model { inflight, reading, woken: LoomMutex::new(false) })
        }

        fn wake(&self) {
            *self.woken.lock().unwrap() = true;
        }

        fn enter(&self) -> i32 {
            let opaque = self.inflight.reserve().unwrap();
            self.inflight.enter(opaque, (), Instant::now() + Duration::from_secs(3600)).unwrap();
            opaque
        }

        /// Another kind of sender: it does not read.
        fn send(&self) {
            self.enter();
            if self.reading.is_lent() && self.reading.call_back() {
                self.wake();
            }
        }

        /// A synchronous one: it reads its own answer when it may.
        fn send_and_read(&self) {
            let opaque = self.enter();
            if self.reading.is_lent() && self.reading.take().is_some() {
                self.inflight.take(opaque);
                if self.reading.put_back((), || self.inflight.len() > 0) {
                    self.wake();
                }
            }
        }

        /// The I/O task, with nothing in flight that it could see.
        fn lend(&self) {
            self.reading.lend(());
            if self.inflight.len() > 0 {
                self.reading.call_back();
            }
        }

        /// Whoever still waits has a reader: the I/O task, which looks once more when it was woken.
        fn check(&self, io_looks_anyway: bool) {
            if self.inflight.len() > 0 {
                assert!(io_looks_anyway || *self.woken.lock().unwrap(), "nobody reads, and the I/O task sleeps");
                assert!(self.reading.take_over().is_some(), "nobody reads");
            }
        }
    }

    /// The role is lent while a request comes whose sender does not read.
    #[test]
    fn a_request_that_meets_the_loan_is_read() {
        loom::model(|| {
            let model = Model::new();
            let sending = {
                let model = Arc::clone(&model);
                thread::spawn(move || model.send())
            };
            model.lend();
            sending.join().unwrap();
            // The I/O task takes the buffer again after its loan, if it may.
            model.check(!model.reading.is_lent());
        });
    }

    /// A caller ends its turn while a request comes whose sender does not read.
    #[test]
    fn a_request_that_comes_at_the_end_of_a_turn_is_read() {
        loom::model(|| {
            let model = Model::new();
            model.lend();
            let sending = {
                let model = Arc::clone(&model);
                thread::spawn(move || model.send())
            };
            model.send_and_read();
            sending.join().unwrap();
            model.check(false);
        });
    }

    /// Two callers at once: each request is read by its caller, the other one or the I/O task.
    #[test]
    fn callers_hand_the_role_on() {
        loom::model(|| {
            let model = Model::new();
            model.lend();
            let other = {
                let model = Arc::clone(&model);
                thread::spawn(move || model.send_and_read())
            };
            model.send_and_read();
            other.join().unwrap();
            model.check(false);
        });
    }

    /// The loan ends for want of use while a caller comes.
    #[test]
    fn a_loan_that_ends_leaves_nobody_behind() {
        loom::model(|| {
            let model = Model::new();
            model.lend();
            let sending = {
                let model = Arc::clone(&model);
                thread::spawn(move || model.send_and_read())
            };
            model.reading.end_if_unused();
            let ended = !model.reading.is_lent();
            sending.join().unwrap();
            model.check(ended);
        });
    }
}
