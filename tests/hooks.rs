//! Hooks around messages: what they see, on which thread, how often, and what they can change.

mod fake;

use fake::{Act, FakeServer, closed_port};
use mqproducer::protocol::remoting::command::request_code::SEND_MESSAGE_V2;
use mqproducer::{Config, ErrorKind, HookContext, HookEnd, Message, Producer, SendHook, SendOptions, SendStatus};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);

fn producer(url: &str, hooks: Vec<Arc<dyn SendHook>>, settings: &[(&str, &str)]) -> Producer {
    let mut config = Config::new();
    config.set("url", url).unwrap();
    config.set("producer_group", "hooked").unwrap();
    config.set("client_ip", "10.1.2.3").unwrap();
    config.set("send_msg_timeout", "60000").unwrap();
    for (key, value) in settings {
        config.set(key, value).unwrap();
    }
    let producer = Producer::new(&config).unwrap();
    for hook in hooks {
        producer.add_hook(hook).unwrap();
    }
    producer.start().unwrap();
    producer
}

#[derive(Default)]
struct Recorder {
    calls: Mutex<Vec<(String, ThreadId)>>,
    forbid: Option<&'static str>,
}

impl Recorder {
    fn note(&self, call: String) {
        self.calls.lock().unwrap().push((call, std::thread::current().id()));
    }

    fn wait_for(&self, calls: usize) {
        let limit = Instant::now() + LONG;
        while self.texts().len() < calls {
            assert!(Instant::now() < limit, "{:?}", self.texts());
            std::thread::yield_now();
        }
    }

    fn texts(&self) -> Vec<String> {
        self.calls.lock().unwrap().iter().map(|(call, _)| call.clone()).collect()
    }
}

fn told(context: &HookContext<'_>) -> String {
    format!(
        "{} {:?} {:?} {} {} {} {} {}",
        context.producer_group,
        context.mode,
        context.message_type,
        context.topic,
        context.body_length,
        context.born_host,
        context.broker_name,
        context.queue_id
    )
}

impl SendHook for Recorder {
    fn check_forbidden(&self, context: &HookContext<'_>) -> Result<(), String> {
        self.note(format!("check {}", told(context)));
        self.forbid.map_or(Ok(()), |reason| Err(reason.to_owned()))
    }

    fn before_send(&self, context: &HookContext<'_>) {
        assert_eq!(context.message.unwrap().body.len(), context.body_length);
        assert!(context.broker_address.contains(':') && context.namespace.is_empty());
        self.note(format!("before {}", told(context)));
    }

    fn after_send(&self, context: &HookContext<'_>, end: &HookEnd<'_>) {
        assert!(context.message.is_none());
        let result = match end.result {
            Ok(receipt) => format!("{:?} {}", receipt.status, receipt.message_id == context.message_id),
            Err(error) => format!("{:?}", error.kind()),
        };
        self.note(format!("after {} {result} {}", told(context), end.attempts));
        assert!(end.cost < LONG);
    }
}

/// Rows: HK-01 HK-02 HK-04 HK-05 SK-01.
#[test]
fn every_mode_is_seen_before_on_the_caller_and_after_on_the_dispatcher() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&broker.address], 1);
    let recorder = Arc::new(Recorder::default());
    let producer = producer(&names.url(), vec![recorder.clone()], &[]);
    let body = vec![b'x'; 5000];
    let message = Message::new("T", &body);
    let delayed = message.clone().with_property("DELAY", "3");
    producer.send(&message, &SendOptions::default()).unwrap();
    // The hook's turn is before the caller's.
    assert_eq!(recorder.texts().len(), 3);
    let (done, ended) = mpsc::channel();
    let seen = Arc::clone(&recorder);
    let callback = move |_| done.send(seen.texts().len()).unwrap();
    producer.send_async(&delayed, &SendOptions::default(), callback).unwrap();
    assert_eq!(ended.recv_timeout(LONG).unwrap(), 6);
    producer.send_oneway(&message, &SendOptions::default()).unwrap();
    // It waits for the hooks of one-way messages, too.
    producer.flush(LONG).unwrap();
    let about = |mode, kind| format!("hooked {mode} {kind} T 5000 10.1.2.3 broker-a 0");
    let mut expected = Vec::new();
    for (about, status) in
        [(about("Sync", "Normal"), "Ok"), (about("Async", "Delay"), "Ok"), (about("Oneway", "Normal"), "Oneway")]
    {
        expected.push(format!("check {about}"));
        expected.push(format!("before {about}"));
        expected.push(format!("after {about} {status} true 1"));
    }
    assert_eq!(recorder.texts(), expected);
    let threads: Vec<ThreadId> = recorder.calls.lock().unwrap().iter().map(|(_, thread)| *thread).collect();
    let here = std::thread::current().id();
    for step in threads.chunks(3) {
        assert!(step[0] == here && step[1] == here && step[2] != here && step[2] == threads[2]);
    }
}

/// Rows: HK-02 HK-04.
#[test]
fn a_retry_is_not_seen_again_and_a_failure_is() {
    let broker = FakeServer::start(|number, _| match number {
        0 | 1 => Act::Answer(2, "busy", vec![]),
        2 => Act::stored(0, 0),
        _ => Act::Answer(13, "illegal", vec![]),
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let recorder = Arc::new(Recorder::default());
    let producer = producer(&names.url(), vec![recorder.clone()], &[]);
    producer.send(&Message::new("T", b"x"), &SendOptions::default()).unwrap();
    producer.send(&Message::new("T", b"x"), &SendOptions::default()).unwrap_err();
    let about = "hooked Sync Normal T 1 10.1.2.3 broker-a 0";
    let steps = |end: &str| [format!("check {about}"), format!("before {about}"), format!("after {about} {end}")];
    assert_eq!(recorder.texts(), [steps("Ok true 3"), steps("Broker 1")].concat());
}

/// Rows: HK-04.
#[test]
fn a_lost_broker_and_a_time_out_are_seen() {
    let recorder = Arc::new(Recorder::default());
    let names = FakeServer::name_server(&[&closed_port()], 1);
    let refused = producer(&names.url(), vec![recorder.clone()], &[("retry_times_when_send_failed", "0")]);
    refused.send(&Message::new("T", b"x"), &SendOptions::default()).unwrap_err();
    refused.send_oneway(&Message::new("T", b"x"), &SendOptions::default()).unwrap_err();
    let silent = FakeServer::start(|_, _| Act::Silence);
    let names = FakeServer::name_server(&[&silent.address], 1);
    let frozen = producer(&names.url(), vec![recorder.clone()], &[]);
    let soon = SendOptions::default().with_timeout(Duration::from_millis(50));
    frozen.send(&Message::new("T", b"x"), &soon).unwrap_err();
    refused.close(LONG).unwrap();
    frozen.close(LONG).unwrap();
    recorder.wait_for(9);
    let ends: Vec<String> = (recorder.texts().into_iter())
        .filter(|call| call.starts_with("after"))
        .map(|call| call.split(' ').nth(9).unwrap().to_owned())
        .collect();
    assert_eq!(ends, ["Connect", "Connect", "Timeout"]);
}

/// Rows: HK-01.
#[test]
fn a_hook_can_forbid_a_message() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&broker.address], 1);
    let recorder = Arc::new(Recorder { forbid: Some("not on a Sunday"), ..Recorder::default() });
    let producer = producer(&names.url(), vec![recorder.clone()], &[("max_in_flight_messages", "1")]);
    for _ in 0..2 {
        let message = Message::new("T", b"x");
        let error = producer.send(&message, &SendOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        assert_eq!(error.message(), "topic `T`: a hook forbids the message: not on a Sunday");
        assert!(!error.retriable() && !error.maybe_persisted());
        let error = producer.send_async(&message, &SendOptions::default(), |_| unreachable!()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
    }
    assert!(recorder.texts().iter().all(|call| call.starts_with("check")), "{:?}", recorder.texts());
    assert_eq!(broker.seen(SEND_MESSAGE_V2).len(), 0);
}

struct Panics(&'static str);

impl SendHook for Panics {
    fn check_forbidden(&self, _: &HookContext<'_>) -> Result<(), String> {
        assert_ne!(self.0, "check");
        Ok(())
    }

    fn before_send(&self, _: &HookContext<'_>) {
        assert_ne!(self.0, "before");
    }

    fn after_send(&self, _: &HookContext<'_>, _: &HookEnd<'_>) {
        assert_ne!(self.0, "after");
    }
}

/// Rows: HK-06.
#[test]
fn a_panic_in_a_hook_changes_nothing_but_a_check_refuses() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 7));
    let names = FakeServer::name_server(&[&broker.address], 1);
    for place in ["before", "after"] {
        let recorder = Arc::new(Recorder::default());
        let hooks: Vec<Arc<dyn SendHook>> = vec![Arc::new(Panics(place)), recorder.clone()];
        let producer = producer(&names.url(), hooks, &[]);
        let receipt = producer.send(&Message::new("T", b"x"), &SendOptions::default()).unwrap();
        assert_eq!((receipt.status, receipt.queue_offset), (SendStatus::Ok, 7));
        assert_eq!(recorder.texts().len(), 3, "the hooks after it are called all the same");
    }
    let producer = producer(&names.url(), vec![Arc::new(Panics("check"))], &[]);
    let error = producer.send(&Message::new("T", b"x"), &SendOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.message().ends_with("the hook panicked"), "{error}");
}

/// Rows: HK-02.
#[test]
fn hooks_are_added_before_the_start_only() {
    let names = FakeServer::name_server(&[], 1);
    let started = producer(&names.url(), vec![], &[]);
    let late = started.add_hook(Arc::new(Recorder::default())).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::AlreadyStarted);
    started.close(LONG).unwrap();
    assert_eq!(started.add_hook(Arc::new(Recorder::default())).unwrap_err().kind(), ErrorKind::Closed);
}
