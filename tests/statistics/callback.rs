//! The periodic callback.

use super::*;

/// A producer whose callback counts its calls.
fn reporting(url: &str) -> (Producer, Arc<AtomicU64>) {
    let (producer, calls) = (unstarted(url, "5"), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&calls);
    producer.set_statistics_callback(move |_| _ = counted.fetch_add(1, Ordering::SeqCst)).unwrap();
    producer.start().unwrap();
    (producer, calls)
}

#[test]
fn the_callback_comes_again_and_again_and_not_after_the_close() {
    let cluster = Cluster::open("", 1, 1).unwrap();
    let producer = unstarted(&cluster.url(), "5");
    let (tell, told) = mpsc::channel();
    let on_library_thread = producer.clone();
    let alive = Arc::new(());
    let kept = Arc::clone(&alive);
    producer.set_statistics_callback(|_| panic!("it was replaced")).unwrap();
    producer
        .set_statistics_callback(move |statistics| {
            let blocked = on_library_thread.flush(LONG).unwrap_err().kind();
            let _ = tell.send((statistics.accepted_messages, blocked, Arc::strong_count(&kept)));
        })
        .unwrap();
    producer.start().unwrap();
    for accepted in 1..=3 {
        producer.send(&message(), &SendOptions::default()).unwrap();
        loop {
            let (number, blocked, _) = told.recv_timeout(LONG).unwrap();
            assert_eq!(blocked, ErrorKind::WouldDeadlock, "it runs on the dispatcher");
            assert!(number <= accepted);
            if number == accepted {
                break;
            }
        }
    }
    let refused = producer.set_statistics_callback(|_| ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyStarted);
    assert_eq!(refused.message(), "the statistics callback is set before the start");
    producer.close(LONG).unwrap();
    while told.try_recv().is_ok() {}
    eventually("the callback's drop", || Arc::strong_count(&alive) == 1);
    // The sender went with it.
    assert_eq!(told.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    assert_eq!(producer.set_statistics_callback(|_| ()).unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn other_producers_go_on_when_one_is_closed_or_dropped() {
    let cluster = Cluster::open("", 1, 1).unwrap();
    let (closed, calls_of_closed) = reporting(&cluster.url());
    let (dropped, calls_of_dropped) = reporting(&cluster.url());
    let (other, calls_of_other) = reporting(&cluster.url());
    let calls = |counted: &AtomicU64| counted.load(Ordering::SeqCst);
    eventually("calls of all", || calls(&calls_of_closed) > 1 && calls(&calls_of_dropped) > 1);
    closed.close(LONG).unwrap();
    let (at_close, then) = (calls(&calls_of_closed), calls(&calls_of_other));
    drop(dropped);
    eventually("the drop of a callback", || Arc::strong_count(&calls_of_dropped) == 1);
    eventually("calls of the other", || calls(&calls_of_other) > then + 3);
    assert_eq!(calls(&calls_of_closed), at_close);
    assert_eq!(Arc::strong_count(&calls_of_closed), 1);
    drop(other);
}

#[test]
fn close_waits_for_a_call_under_way() {
    let cluster = Cluster::open("", 1, 1).unwrap();
    let producer = unstarted(&cluster.url(), "5");
    let (entered, wait_entered) = mpsc::channel();
    let ended = Arc::new(AtomicBool::new(false));
    let (set, same) = (Arc::clone(&ended), producer.clone());
    producer
        .set_statistics_callback(move |_| {
            let _ = entered.send(());
            eventually("the close", || same.set_statistics_callback(|_| ()).unwrap_err().kind() == ErrorKind::Closed);
            set.store(true, Ordering::SeqCst);
        })
        .unwrap();
    producer.start().unwrap();
    wait_entered.recv_timeout(LONG).unwrap();
    producer.close(LONG).unwrap();
    assert!(ended.load(Ordering::SeqCst));
}

#[test]
fn a_callback_that_panics_is_called_again_and_none_is_called_without_an_interval() {
    let cluster = Cluster::open("", 1, 1).unwrap();
    let (tell, told) = mpsc::channel();
    let panics = unstarted(&cluster.url(), "5");
    panics
        .set_statistics_callback(move |_| {
            let _ = tell.send(());
            panic!("from a callback");
        })
        .unwrap();
    let off = unstarted(&cluster.url(), "0");
    off.set_statistics_callback(|_| std::process::abort()).unwrap();
    off.start().unwrap();
    panics.start().unwrap();
    for _ in 0..3 {
        told.recv_timeout(LONG).unwrap();
    }
    panics.close(LONG).unwrap();
    for (value, legal) in [("86400000", true), ("86400001", false), ("-1", false)] {
        assert_eq!(Config::new().set("statistics_interval", value).is_ok(), legal, "{value}");
    }
}
