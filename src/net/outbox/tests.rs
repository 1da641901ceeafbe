use super::*;

#[cfg(not(mqp_loom))]
mod alone {
    use super::*;
    use crate::error::ErrorKind;
    use std::sync::atomic::Ordering::Relaxed;
    use std::sync::{Arc, Mutex};

    /// Takes at most `room` bytes in all, `chunk` of them at a time.
    struct Pipe {
        taken: Mutex<Vec<u8>>,
        writes: Mutex<Vec<usize>>,
        room: Mutex<usize>,
        chunk: usize,
    }

    impl Pipe {
        fn new(room: usize, chunk: usize) -> Self {
            Pipe { taken: Mutex::default(), writes: Mutex::default(), room: Mutex::new(room), chunk }
        }

        fn text(&self) -> String {
            String::from_utf8(self.taken.lock().unwrap().clone()).unwrap()
        }
    }

    impl Sink for Pipe {
        fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            self.writes.lock().unwrap().push(slices.len());
            let mut room = self.room.lock().unwrap();
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            let n = all.len().min(*room).min(self.chunk);
            if n == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            *room -= n;
            self.taken.lock().unwrap().extend_from_slice(&all[..n]);
            Ok(n)
        }
    }

    fn push(outbox: &Outbox, text: &str, pipe: &Pipe) -> Progress {
        outbox.push(None, Bytes::copy_from_slice(text.as_bytes()), None, Some(pipe)).unwrap()
    }

    #[test]
    fn frames_wait_until_the_connection_is_open_and_leave_in_one_write() {
        let (outbox, pipe) = (Outbox::parked(), Pipe::new(100, 100));
        for text in ["ab", "cd", "ef"] {
            assert!(matches!(outbox.push(None, Bytes::from(text), None, None::<&Pipe>), Ok(Progress::Done)));
        }
        assert!(matches!(outbox.resume(&pipe), Progress::Done));
        assert_eq!(pipe.text(), "abcdef");
        assert_eq!(*pipe.writes.lock().unwrap(), [3]);
        assert!(matches!(push(&outbox, "gh", &pipe), Progress::Done));
        assert_eq!(pipe.text(), "abcdefgh");
    }

    #[test]
    fn partial_writes_and_a_full_socket_lose_nothing() {
        let (outbox, pipe) = (Outbox::parked(), Pipe::new(4, 3));
        assert!(matches!(outbox.resume(&pipe), Progress::Done));
        assert!(matches!(push(&outbox, "abcdef", &pipe), Progress::NeedsWritable));
        assert!(matches!(push(&outbox, "ghi", &pipe), Progress::Done), "the I/O task owns the rest");
        assert_eq!(pipe.text(), "abcd");
        *pipe.room.lock().unwrap() = 100;
        assert!(matches!(outbox.resume(&pipe), Progress::Done));
        assert_eq!(pipe.text(), "abcdefghi");
    }

    fn hold(outbox: &Outbox, text: &str, pipe: &Pipe) -> Progress {
        outbox.push_or_hold(None, Bytes::copy_from_slice(text.as_bytes()), None, Some(pipe), true).unwrap()
    }

    #[test]
    fn held_frames_leave_together_or_with_somebody_elses() {
        let (outbox, pipe) = (Outbox::parked(), Pipe::new(1000, 1000));
        assert!(matches!(hold(&outbox, "a", &pipe), Progress::Done), "not open: the I/O task takes it");
        assert!(matches!(outbox.resume(&pipe), Progress::Done));
        for _ in 1..MAX_SLICES {
            assert!(matches!(hold(&outbox, "b", &pipe), Progress::Held));
        }
        assert!(!outbox.is_blocked());
        assert_eq!(*pipe.writes.lock().unwrap(), [1]);
        assert!(matches!(hold(&outbox, "c", &pipe), Progress::Done), "as many as a write takes");
        assert!(matches!(hold(&outbox, "d", &pipe), Progress::Held));
        assert!(matches!(push(&outbox, "e", &pipe), Progress::Done));
        assert!(matches!(outbox.release(&pipe), Progress::Done));
        assert_eq!(*pipe.writes.lock().unwrap(), [1, MAX_SLICES, 2]);
        assert!(matches!(hold(&outbox, "f", &pipe), Progress::Held));
        assert!(matches!(outbox.release(&pipe), Progress::Done));
        assert_eq!(*pipe.writes.lock().unwrap(), [1, MAX_SLICES, 2, 1]);
        assert_eq!(pipe.text(), format!("a{}cdef", "b".repeat(MAX_SLICES - 1)));
    }

    #[test]
    fn a_full_socket_does_not_hold_frames_back() {
        let (outbox, pipe) = (Outbox::parked(), Pipe::new(1, 1));
        assert!(matches!(outbox.resume(&pipe), Progress::Done));
        assert!(matches!(hold(&outbox, "ab", &pipe), Progress::Held));
        assert!(matches!(outbox.release(&pipe), Progress::NeedsWritable));
        assert!(matches!(hold(&outbox, "cd", &pipe), Progress::Done), "the I/O task owns the rest");
        *pipe.room.lock().unwrap() = 100;
        assert!(matches!(outbox.release(&pipe), Progress::Done), "not for others to write");
        assert_eq!(pipe.text(), "a");
        assert!(matches!(outbox.resume(&pipe), Progress::Done));
        assert_eq!(pipe.text(), "abcd");
    }

    /// Pushes a frame that nobody waits for.
    fn unhurried(outbox: &Outbox, text: &str, pipe: &Pipe, now: Instant) -> Progress {
        outbox.push_unhurried(Bytes::copy_from_slice(text.as_bytes()), Box::new(()), Some(pipe), now).unwrap()
    }

    /// An open outbox to which such frames come, so many in a row that the next stays; the time of the last.
    fn flooded(pipe: &Pipe) -> (Outbox, Instant) {
        let (outbox, start) = (Outbox::parked(), Instant::now());
        pipe.writes.lock().unwrap().clear();
        assert!(matches!(outbox.resume(pipe), Progress::Done));
        for n in 0..LONG_ROW {
            let progress = unhurried(&outbox, "a", pipe, start + n * CLOSE / 2);
            assert!(matches!(progress, Progress::Done) && !outbox.is_watched(), "{n}");
        }
        assert_eq!(*pipe.writes.lock().unwrap(), vec![1; LONG_ROW as usize]);
        pipe.writes.lock().unwrap().clear();
        (outbox, start + LONG_ROW * CLOSE / 2)
    }

    #[test]
    fn what_nobody_waits_for_stays_only_in_a_flood_and_until_a_write_is_full() {
        let pipe = Pipe::new(usize::MAX, usize::MAX);
        let (outbox, now) = flooded(&pipe);
        assert!(matches!(unhurried(&outbox, "b", &pipe, now), Progress::Watch));
        for _ in 2..MAX_SLICES {
            assert!(matches!(unhurried(&outbox, "b", &pipe, now), Progress::Held));
        }
        assert!(outbox.is_watched() && !outbox.is_empty() && !outbox.is_blocked());
        assert!(pipe.writes.lock().unwrap().is_empty());
        assert!(matches!(unhurried(&outbox, "c", &pipe, now), Progress::Done), "as many as a write takes");
        assert!(matches!(unhurried(&outbox, "d", &pipe, now), Progress::Held), "it is watched already");
        assert!(matches!(push(&outbox, "e", &pipe), Progress::Done), "takes it along");
        assert!(matches!(unhurried(&outbox, "f", &pipe, now), Progress::Held));
        assert!(matches!(outbox.release(&pipe), Progress::Done));
        let large = "g".repeat(MOST_HELD / 2);
        assert!(matches!(unhurried(&outbox, &large, &pipe, now), Progress::Held));
        assert!(matches!(unhurried(&outbox, &large, &pipe, now), Progress::Done), "as many bytes as may wait");
        assert!(matches!(unhurried(&outbox, "h", &pipe, now + 2 * CLOSE), Progress::Held), "the flood may go on");
        assert!(matches!(unhurried(&outbox, "i", &pipe, now + 4 * CLOSE), Progress::Done), "it does not");
        assert!(matches!(unhurried(&outbox, "j", &pipe, now + 5 * CLOSE), Progress::Done));
        assert_eq!(*pipe.writes.lock().unwrap(), [MAX_SLICES, 2, 1, 2, 2, 1]);
        let rest = format!("{}cdef{large}{large}hij", "b".repeat(MAX_SLICES - 1));
        assert_eq!(pipe.text(), "a".repeat(LONG_ROW as usize) + &rest);
        let (outbox, now) = flooded(&pipe);
        assert!(matches!(unhurried(&outbox, "k", &pipe, now), Progress::Watch));
        assert!(matches!(unhurried(&outbox, "l", &pipe, now + LULL), Progress::Done), "after a pause, alone");
        assert_eq!(*pipe.writes.lock().unwrap(), [2]);
    }

    #[test]
    fn a_tick_writes_what_is_held_back_and_the_watch_ends_with_the_flood() {
        let pipe = Pipe::new(1000, 1000);
        let (outbox, now) = flooded(&pipe);
        assert!(matches!(unhurried(&outbox, "b", &pipe, now), Progress::Watch));
        assert!(matches!(outbox.tick(&pipe), (Progress::Done, true)));
        assert_eq!(*pipe.writes.lock().unwrap(), [1]);
        assert!(matches!(unhurried(&outbox, "c", &pipe, now), Progress::Held));
        assert!(matches!(outbox.tick(&pipe), (Progress::Done, true)));
        assert!(matches!(outbox.tick(&pipe), (Progress::Done, false)));
        assert!(!outbox.is_watched());
        assert!(matches!(unhurried(&outbox, "d", &pipe, now), Progress::Watch), "watched anew");
        *pipe.room.lock().unwrap() = 0;
        assert!(matches!(outbox.tick(&pipe), (Progress::NeedsWritable, true)));
        assert!(matches!(unhurried(&outbox, "e", &pipe, now), Progress::Done), "the I/O task owns the rest");
        assert!(matches!(outbox.tick(&pipe), (Progress::Done, false)));
        *pipe.room.lock().unwrap() = 9;
        assert!(matches!(outbox.resume(&pipe), Progress::Done));
        assert_eq!(pipe.text(), "a".repeat(LONG_ROW as usize) + "bcde");
    }

    #[test]
    fn bytes_that_wait_are_counted() {
        let (outbox, pipe) = (Outbox::parked(), Pipe::new(3, 3));
        for (opaque, text) in [(1, "ab"), (2, "cd"), (3, "efg")] {
            outbox.push(Some(opaque), Bytes::from(text), None, None::<&Pipe>).unwrap();
        }
        assert_eq!(outbox.waiting_bytes(), 7);
        assert_eq!(outbox.withdraw(&[3]), [true]);
        assert_eq!(outbox.waiting_bytes(), 4);
        assert!(matches!(outbox.resume(&pipe), Progress::NeedsWritable));
        assert_eq!(outbox.waiting_bytes(), 1);
        *pipe.room.lock().unwrap() = 9;
        assert!(matches!(outbox.resume(&pipe), Progress::Done));
        assert_eq!(outbox.waiting_bytes(), 0);
    }

    fn push_many(outbox: &Outbox, texts: &[&'static str], pipe: &Pipe) -> Progress {
        let frames = texts.iter().zip(1..).map(|(text, opaque)| (opaque, Bytes::from(*text)));
        outbox.push_many(frames, Some(pipe)).unwrap()
    }

    #[test]
    fn frames_that_go_together_leave_in_one_write_and_behind_others() {
        let (outbox, pipe) = (Outbox::parked(), Pipe::new(1000, 1000));
        assert!(matches!(push_many(&outbox, &["a", "b"], &pipe), Progress::Done), "not open: the I/O task takes it");
        assert!(matches!(outbox.resume(&pipe), Progress::Done));
        assert!(matches!(push_many(&outbox, &["c", "d", "e"], &pipe), Progress::Done));
        assert!(matches!(push(&outbox, "f", &pipe), Progress::Done));
        assert_eq!((pipe.text().as_str(), &**pipe.writes.lock().unwrap()), ("abcdef", &[2, 3, 1][..]));
        outbox.close(Error::new(ErrorKind::ConnectionLost, "gone"));
        let frames = [(1, Bytes::from("g"))].into_iter();
        assert_eq!(outbox.push_many(frames, Some(&pipe)).unwrap_err().message(), "gone");
    }

    #[test]
    fn of_frames_that_go_together_each_can_be_taken_back() {
        let (outbox, pipe) = (Outbox::parked(), Pipe::new(1, 1));
        assert!(matches!(outbox.resume(&pipe), Progress::Done));
        assert!(matches!(push_many(&outbox, &["ab", "cd", "ef"], &pipe), Progress::NeedsWritable));
        assert_eq!(outbox.withdraw(&[1, 2]), [false, true]);
        *pipe.room.lock().unwrap() = 100;
        assert!(matches!(push_many(&outbox, &["gh"], &pipe), Progress::Done), "the I/O task owns the rest");
        assert_eq!(pipe.text(), "a");
        assert!(matches!(outbox.resume(&pipe), Progress::Done));
        assert_eq!(pipe.text(), "abefgh");
    }

    #[test]
    fn what_waits_for_the_write_is_dropped_after_it() {
        let (outbox, pipe) = (Outbox::parked(), Pipe::new(3, 3));
        assert!(matches!(outbox.resume(&pipe), Progress::Done));
        let token = Arc::new(());
        for text in ["ab", "cd"] {
            outbox.push(None, Bytes::from(text), Some(Box::new(Arc::clone(&token))), Some(&pipe)).unwrap();
        }
        assert_eq!(Arc::strong_count(&token), 2, "the first is written, the second only in part");
        outbox.close(Error::new(ErrorKind::ConnectionLost, "gone"));
        assert_eq!(Arc::strong_count(&token), 1);
        let refused = outbox.push(None, Bytes::from("x"), None, Some(&pipe)).unwrap_err();
        assert_eq!(refused.message(), "gone");
    }

    #[test]
    fn a_frame_is_taken_back_unless_its_write_has_begun() {
        let (outbox, pipe) = (Outbox::parked(), Pipe::new(3, 3));
        let token = Arc::new(());
        for (opaque, text) in [(1, "ab"), (2, "cd"), (3, "ef"), (4, "gh")] {
            outbox.push(Some(opaque), Bytes::from(text), Some(Box::new(Arc::clone(&token))), None::<&Pipe>).unwrap();
        }
        assert_eq!(outbox.withdraw(&[3, 9]), [true, false]);
        assert!(matches!(outbox.resume(&pipe), Progress::NeedsWritable));
        assert_eq!(pipe.text(), "abc");
        assert_eq!(outbox.withdraw(&[2, 4]), [false, true], "the second is written in part");
        assert_eq!(Arc::strong_count(&token), 2);
        *pipe.room.lock().unwrap() = 100;
        assert!(matches!(outbox.resume(&pipe), Progress::Done));
        assert_eq!(pipe.text(), "abcd");
        assert_eq!(Arc::strong_count(&token), 1);
    }

    /// Takes bytes and tells of them only when the way is free, as TLS does.
    #[derive(Default)]
    struct Holder {
        taken: std::sync::Mutex<Vec<u8>>,
        held: std::sync::atomic::AtomicUsize,
        free: std::sync::atomic::AtomicBool,
    }

    impl Sink for Holder {
        fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            if self.held() == 0 {
                let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).take(3).collect();
                self.taken.lock().unwrap().extend_from_slice(&all);
                self.held.store(all.len(), Relaxed);
            }
            if self.free.load(Relaxed) { Ok(self.held.swap(0, Relaxed)) } else { Err(io::ErrorKind::WouldBlock.into()) }
        }

        fn held(&self) -> usize {
            self.held.load(Relaxed)
        }
    }

    #[test]
    fn what_the_sink_holds_is_not_taken_back() {
        let (outbox, sink) = (Outbox::parked(), Holder::default());
        for (opaque, text) in [(1, "ab"), (2, "cd"), (3, "ef"), (4, "gh")] {
            outbox.push(Some(opaque), Bytes::from(text), None, None::<&Holder>).unwrap();
        }
        assert!(matches!(outbox.resume(&sink), Progress::NeedsWritable));
        assert_eq!(outbox.withdraw(&[1, 2, 3]), [false, false, true], "`abc` is encrypted");
        sink.free.store(true, Relaxed);
        assert!(matches!(outbox.resume(&sink), Progress::Done));
        assert_eq!(*sink.taken.lock().unwrap(), b"abcdgh");
    }

    #[test]
    fn a_push_after_the_last_frame_was_taken_back_is_not_left_behind() {
        let (outbox, pipe) = (Outbox::parked(), Pipe::new(2, 2));
        assert!(matches!(outbox.resume(&pipe), Progress::Done));
        assert!(matches!(push(&outbox, "ab", &pipe), Progress::Done));
        outbox.push(Some(1), Bytes::from("cd"), None, Some(&pipe)).unwrap();
        assert_eq!(outbox.withdraw(&[1]), [true]);
        assert!(!outbox.is_blocked());
        assert!(matches!(push(&outbox, "ef", &pipe), Progress::NeedsWritable), "the I/O task is told to wait again");
        *pipe.room.lock().unwrap() = 9;
        assert!(matches!(outbox.resume(&pipe), Progress::Done));
        assert_eq!(pipe.text(), "abef");
    }

    #[test]
    fn many_frames_leave_in_bounded_writes() {
        let (outbox, pipe) = (Outbox::parked(), Pipe::new(10_000, 10_000));
        for _ in 0..MAX_SLICES * 2 + 1 {
            outbox.push(None, Bytes::from("x"), None, None::<&Pipe>).unwrap();
        }
        assert!(matches!(outbox.resume(&pipe), Progress::Done));
        assert_eq!(*pipe.writes.lock().unwrap(), [MAX_SLICES, MAX_SLICES, 1]);
    }
}

#[cfg(mqp_loom)]
mod loom_checks {
    use super::*;
    use crate::error::ErrorKind;
    use loom::sync::{Arc, Mutex};
    use loom::thread;

    /// Takes one byte less than offered when it can, and reports overlapping writers.
    struct Wire {
        inside: Mutex<bool>,
        taken: Mutex<Vec<u8>>,
        blocks: Mutex<u32>,
    }

    impl Wire {
        fn new(blocks: u32) -> Self {
            Wire { inside: Mutex::new(false), taken: Mutex::new(Vec::new()), blocks: Mutex::new(blocks) }
        }
    }

    impl Sink for Wire {
        fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            assert!(!std::mem::replace(&mut *self.inside.lock().unwrap(), true), "two writers at once");
            let mut blocks = self.blocks.lock().unwrap();
            let result = if *blocks > 0 {
                *blocks -= 1;
                Err(io::ErrorKind::WouldBlock.into())
            } else {
                let mut taken = self.taken.lock().unwrap();
                slices.iter().for_each(|slice| taken.extend_from_slice(slice));
                Ok(slices.iter().map(|slice| slice.len()).sum())
            };
            *self.inside.lock().unwrap() = false;
            result
        }
    }

    /// Another thread pushes "ab" while this one does `mine`, which writes "cd" and tells whether it met a full socket:
    /// all is written, by one at a time, and neither is torn.
    fn beside_a_push(blocks: u32, mine: fn(&Outbox, &Wire) -> bool) {
        loom::model(move || {
            let outbox = Arc::new(Outbox::parked());
            let wire = Arc::new(Wire::new(blocks));
            assert!(matches!(outbox.resume(&*wire), Progress::Done));
            let other = {
                let (outbox, wire) = (Arc::clone(&outbox), Arc::clone(&wire));
                thread::spawn(move || matches!(push(&outbox, "ab", &wire), Progress::NeedsWritable))
            };
            let mine = mine(&outbox, &wire);
            let theirs = other.join().unwrap();
            if mine || theirs {
                assert!(matches!(outbox.resume(&*wire), Progress::Done));
            }
            let taken = wire.taken.lock().unwrap().clone();
            assert!(taken == b"abcd" || taken == b"cdab", "{taken:?}");
        });
    }

    fn writers(blocks: u32) {
        beside_a_push(blocks, |outbox, wire| matches!(push(outbox, "cd", wire), Progress::NeedsWritable));
    }

    fn push(outbox: &Outbox, text: &'static str, wire: &Wire) -> Progress {
        outbox.push(None, Bytes::from_static(text.as_bytes()), None, Some(wire)).unwrap()
    }

    /// Two threads push at once: there is one writer, whole frames, and no frame stays behind.
    #[test]
    fn one_writer_and_nothing_left() {
        writers(0);
    }

    /// The same with a full socket: whoever met it reports it, and the I/O task's resume writes the rest.
    #[test]
    fn a_full_socket_is_reported() {
        writers(1);
    }

    /// One thread holds a frame back and releases it, another pushes: both are written, by one at a time.
    #[test]
    fn what_is_held_back_is_not_forgotten() {
        for blocks in 0..2 {
            beside_a_push(blocks, |outbox, wire| {
                let held = outbox.push_or_hold(None, Bytes::from_static(b"cd"), None, Some(wire), true).unwrap();
                match held {
                    Progress::Held => matches!(outbox.release(wire), Progress::NeedsWritable),
                    progress => matches!(progress, Progress::NeedsWritable),
                }
            });
        }
    }

    /// In a flood one thread pushes a frame that nobody waits for while the I/O task ticks: it is written by then, or the
    /// task is told to look again, and then it is written.
    #[test]
    fn what_nobody_waits_for_is_not_forgotten() {
        for blocks in 0..2 {
            loom::model(move || {
                let outbox = Arc::new(Outbox::parked());
                let wire = Arc::new(Wire::new(0));
                assert!(matches!(outbox.resume(&*wire), Progress::Done));
                let now = Instant::now();
                let unhurried = move |outbox: &Outbox, wire: &Wire| {
                    outbox.push_unhurried(Bytes::from_static(b"a"), Box::new(()), Some(wire), now).unwrap()
                };
                for _ in 0..LONG_ROW {
                    assert!(matches!(unhurried(&outbox, &wire), Progress::Done));
                }
                assert!(matches!(unhurried(&outbox, &wire), Progress::Watch));
                *wire.blocks.lock().unwrap() = blocks;
                let other = {
                    let (outbox, wire) = (Arc::clone(&outbox), Arc::clone(&wire));
                    thread::spawn(move || unhurried(&outbox, &wire))
                };
                let (progress, again) = outbox.tick(&*wire);
                let mut full = matches!(progress, Progress::NeedsWritable);
                let theirs = other.join().unwrap();
                full |= matches!(theirs, Progress::NeedsWritable);
                assert!(again && !matches!(theirs, Progress::Watch));
                if full {
                    assert!(matches!(outbox.resume(&*wire), Progress::Done));
                }
                let (progress, _) = outbox.tick(&*wire);
                assert!(matches!(progress, Progress::Done) && outbox.is_empty());
                assert_eq!(wire.taken.lock().unwrap().len(), LONG_ROW as usize + 2);
                while outbox.tick(&*wire).1 {}
                assert!(!outbox.is_watched());
            });
        }
    }

    /// One thread pushes two frames together, another one: all are written, by one at a time, and the two are neighbours.
    #[test]
    fn what_goes_together_is_not_forgotten() {
        for blocks in 0..2 {
            beside_a_push(blocks, |outbox, wire| {
                let frames = [(1, Bytes::from_static(b"c")), (2, Bytes::from_static(b"d"))];
                matches!(outbox.push_many(frames.into_iter(), Some(wire)).unwrap(), Progress::NeedsWritable)
            });
        }
    }

    /// A frame that is taken back while another thread writes is either written whole or not at all, as told.
    #[test]
    fn taking_back_and_writing_agree() {
        loom::model(|| {
            let outbox = Arc::new(Outbox::parked());
            let wire = Arc::new(Wire::new(0));
            for (opaque, text) in [(1, "ab"), (2, "cd")] {
                outbox.push(Some(opaque), Bytes::from_static(text.as_bytes()), None, None::<&Wire>).unwrap();
            }
            let writing = {
                let (outbox, wire) = (Arc::clone(&outbox), Arc::clone(&wire));
                thread::spawn(move || drop(outbox.resume(&*wire)))
            };
            let taken_back = outbox.withdraw(&[2])[0];
            writing.join().unwrap();
            let expected: &[u8] = if taken_back { b"ab" } else { b"abcd" };
            assert_eq!(*wire.taken.lock().unwrap(), expected);
        });
    }

    /// A push that races with the close is refused or its frame dropped, never left behind.
    #[test]
    fn closing_drops_what_waits() {
        loom::model(|| {
            let outbox = Arc::new(Outbox::parked());
            let token = std::sync::Arc::new(());
            let pushing = {
                let (outbox, token) = (Arc::clone(&outbox), token.clone());
                thread::spawn(move || {
                    drop(outbox.push(None, Bytes::from_static(b"x"), Some(Box::new(token)), None::<&Wire>))
                })
            };
            outbox.close(Error::new(ErrorKind::ConnectionLost, "gone"));
            pushing.join().unwrap();
            assert_eq!(std::sync::Arc::strong_count(&token), 1);
        });
    }
}
