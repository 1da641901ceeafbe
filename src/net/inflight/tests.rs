use super::*;
use std::time::Duration;

#[cfg(not(mqp_loom))]
mod alone {
    use super::*;

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn enter(table: &Inflight<u32>, request: u32) -> i32 {
        let opaque = table.reserve().unwrap();
        table.enter(opaque, request, far()).unwrap();
        opaque
    }

    #[test]
    fn an_answer_finds_its_request_once() {
        let table = Inflight::new();
        let (a, b) = (enter(&table, 1), enter(&table, 2));
        assert_eq!(table.take(b), Taken::Found(2));
        assert_eq!(table.take(b), Taken::Late);
        assert_eq!(table.take(a), Taken::Found(1));
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn a_late_answer_does_not_reach_the_slots_next_request() {
        let table = Inflight::new();
        let first = enter(&table, 1);
        assert_eq!(table.take(first), Taken::Found(1));
        let second = enter(&table, 2);
        assert_eq!(index_of(first), index_of(second));
        assert_eq!(table.take(first), Taken::Late);
        assert_eq!(table.take(second), Taken::Found(2));
    }

    #[test]
    fn an_opaque_that_was_never_issued_is_told_apart() {
        let table = Inflight::new();
        assert_eq!(table.take(0), Taken::NeverIssued);
        let opaque = enter(&table, 1);
        assert_eq!(table.take(opaque + 1), Taken::NeverIssued);
        assert_eq!(table.take(-1), Taken::NeverIssued);
        assert_eq!(table.take(opaque + (1 << INDEX_BITS)), Taken::NeverIssued, "a generation of the future");
        let reserved = table.reserve().unwrap();
        assert_eq!(table.take(reserved), Taken::NeverIssued);
        table.release(reserved);
        assert_eq!(table.take(reserved), Taken::Late);
    }

    #[test]
    fn generations_wrap() {
        let table = Inflight::new();
        let mut last = 0;
        let rounds = if cfg!(miri) { 1 } else { 2 };
        for request in 0..GENERATIONS * rounds + 3 {
            last = enter(&table, request);
            assert!(last >= 0);
            assert_eq!(table.take(last), Taken::Found(request));
        }
        assert_eq!(table.take(last), Taken::Late);
    }

    #[test]
    fn several_are_reserved_entered_and_taken_at_once_up_to_a_stray_answer() {
        let (table, mut opaques) = (Inflight::new(), Vec::new());
        table.reserve_many(4, &mut opaques).unwrap();
        assert!(!table.is_vacant());
        let mut entering = table.entering().unwrap();
        for (request, opaque) in opaques[..3].iter().enumerate() {
            entering.enter(*opaque, request, far());
        }
        assert_eq!(entering.entered, Entered { earlier: true, alone: false });
        drop(entering);
        table.release_many(&opaques[3..]);
        assert!(table.is_waiting(opaques[0]) && !table.is_waiting(opaques[3]));
        let mut taken = Vec::new();
        let stray = 77;
        table.take_many([opaques[1], opaques[1], opaques[0], stray, opaques[2]].into_iter(), &mut taken);
        assert_eq!(taken, [Taken::Found(1), Taken::Late, Taken::Found(0), Taken::NeverIssued]);
        assert!(table.is_waiting(opaques[2]) && !table.is_waiting(opaques[1]));
        assert_eq!((table.take(opaques[2]), table.is_vacant()), (Taken::Found(2), true));
        table.poison(Error::new(ErrorKind::ConnectionLost, "gone"));
        assert!(table.entering().is_err() && table.reserve_many(2, &mut opaques).is_err());
        assert_eq!(opaques.len(), 4);
    }

    #[test]
    fn only_what_is_due_expires() {
        let table = Inflight::new();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        for (request, deadline) in [(1, at(3)), (2, at(1)), (3, at(2))] {
            let opaque = table.reserve().unwrap();
            let earlier = table.enter(opaque, request, deadline).unwrap().earlier;
            assert_eq!(earlier, request != 3, "only a deadline before all others moves the timer");
        }
        assert_eq!(table.expire(start), (vec![], Some(at(1))));
        let (expired, next) = table.expire(at(2));
        let mut requests: Vec<u32> = expired.iter().map(|(_, request)| *request).collect();
        requests.sort_unstable();
        assert_eq!((requests, next), (vec![2, 3], Some(at(3))));
        assert!(expired.iter().all(|(opaque, _)| table.take(*opaque) == Taken::Late));
        assert!(matches!(table.expire(at(9)), (last, None) if last.len() == 1 && last[0].1 == 1));
        assert_eq!(table.earliest(), None);
    }

    #[test]
    fn all_waiters_hear_one_cause_and_nobody_enters_after() {
        let table = Inflight::new();
        enter(&table, 1);
        enter(&table, 2);
        let reserved = table.reserve().unwrap();
        let cause = Error::new(ErrorKind::ConnectionLost, "gone");
        assert_eq!(table.poison(cause.clone()), [1, 2]);
        assert!(table.poison(cause).is_empty());
        assert_eq!(table.reserve().unwrap_err().message(), "gone");
        let (request, error) = table.enter(reserved, 3, far()).unwrap_err();
        assert_eq!((request, error.message()), (3, "gone"));
    }
}

#[cfg(mqp_loom)]
mod loom_checks {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    /// An answer, the timer and the death of the connection race for one request: exactly one gets it.
    #[test]
    fn a_request_is_completed_once() {
        loom::model(|| {
            let table = Arc::new(Inflight::new());
            let opaque = table.reserve().unwrap();
            table.enter(opaque, 7_u8, far()).unwrap();
            let answered = {
                let table = Arc::clone(&table);
                thread::spawn(move || matches!(table.take(opaque), Taken::Found(7)))
            };
            let expired = {
                let table = Arc::clone(&table);
                thread::spawn(move || table.expire(far() + Duration::from_secs(60)).0.len())
            };
            let died = table.poison(Error::new(ErrorKind::ConnectionLost, "gone")).len();
            let total = usize::from(answered.join().unwrap()) + expired.join().unwrap() + died;
            assert_eq!(total, 1);
        });
    }

    /// A request that enters while the connection dies is given back or handed out, never forgotten.
    #[test]
    fn entering_and_dying_lose_nothing() {
        loom::model(|| {
            let table = Arc::new(Inflight::new());
            let entering = {
                let table = Arc::clone(&table);
                thread::spawn(move || match table.reserve() {
                    Ok(opaque) => usize::from(table.enter(opaque, 1_u8, far()).is_err()),
                    Err(_) => 1,
                })
            };
            let died = table.poison(Error::new(ErrorKind::ConnectionLost, "gone")).len();
            assert_eq!(entering.join().unwrap() + died, 1);
            assert_eq!(table.len(), 0);
        });
    }

    /// Two threads never get one opaque.
    #[test]
    fn opaques_are_distinct() {
        loom::model(|| {
            let table = Arc::new(Inflight::<u8>::new());
            let other = {
                let table = Arc::clone(&table);
                thread::spawn(move || table.reserve().unwrap())
            };
            let mine = table.reserve().unwrap();
            assert_ne!(mine, other.join().unwrap());
        });
    }
}
