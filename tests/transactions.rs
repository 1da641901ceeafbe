//! Transactions on the embedded cluster: what a broker stores, delivers and asks, and what is refused.

#![cfg(feature = "mock")]

mod fake;

#[path = "transactions/checks.rs"]
mod checks;

use fake::{LONG, eventually};
use mqproducer::mock::{Cluster, Fault, FaultAction, SeenRequest};
use mqproducer::protocol::remoting::command::request_code::{END_TRANSACTION, SEND_MESSAGE_V2};
use mqproducer::{
    Config, Delay, EndTransactionContext, ErrorKind, Message, Producer, ReceivedMessage, SendHook, SendOptions,
    SendStatus, Transaction, TransactionState,
};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::Duration;

const TOPIC: &str = "orders";
/// A check that no test waits for.
const NEVER: Duration = Duration::from_secs(24 * 3600);

type Checker = Box<dyn Fn(&ReceivedMessage) -> TransactionState + Send + Sync>;

fn config(url: &str, settings: &[(&str, &str)]) -> Config {
    let mut config = Config::new();
    for (key, value) in [("url", url), ("producer_group", "shop"), ("send_msg_timeout", "60000")].iter().chain(settings)
    {
        config.set(key, value).unwrap();
    }
    config
}

fn start(url: &str, settings: &[(&str, &str)], checker: Checker, hooks: &[Arc<Ends>]) -> Producer {
    let producer = Producer::new(&config(url, settings)).unwrap();
    producer.set_transaction_checker(checker).unwrap();
    for hook in hooks {
        producer.add_hook(Arc::clone(hook) as Arc<dyn SendHook>).unwrap();
    }
    producer.start().unwrap();
    producer
}

fn unknown() -> Checker {
    Box::new(|_| TransactionState::Unknown)
}

fn send(transaction: &Transaction, body: &str) -> mqproducer::Result<mqproducer::Receipt> {
    let message =
        Message::new(TOPIC, body.as_bytes()).with_tags("tag").with_keys("k1 k2").with_property("color", "blue");
    transaction.send(&message, &SendOptions::default())
}

fn refused(result: mqproducer::Result<impl Sized>, kind: ErrorKind, part: &str) {
    let error = result.err().unwrap_or_else(|| panic!("not refused: {part}"));
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.message().contains(part), "{error}");
}

fn bodies(cluster: &Cluster) -> Vec<String> {
    let messages = cluster.messages(Some(TOPIC));
    messages.into_iter().map(|message| String::from_utf8(message.body).unwrap()).collect()
}

fn ends(cluster: &Cluster) -> Vec<SeenRequest> {
    cluster.requests(None, Some(END_TRANSACTION)).unwrap()
}

fn wait_for_ends(cluster: &Cluster, count: usize) -> Vec<SeenRequest> {
    eventually("the ends of transactions", || ends(cluster).len() >= count);
    ends(cluster)
}

/// What hooks are told of ends, and on which thread.
#[derive(Default)]
struct Ends(Mutex<Vec<(String, ThreadId)>>);

impl SendHook for Ends {
    fn end_transaction(&self, context: &EndTransactionContext<'_>) {
        let told = format!(
            "{} {} {} {} {} {:?} {} {}",
            context.producer_group,
            context.topic,
            context.message_id == context.transaction_id,
            context.tags,
            context.keys,
            context.state,
            context.from_check,
            context.broker_name
        );
        assert!(context.broker_address.contains(':') && context.namespace.is_empty());
        self.0.lock().unwrap().push((told, std::thread::current().id()));
    }
}

/// Rows: TX-01 TX-03 HK-07.
#[test]
fn a_committed_message_is_delivered_and_one_that_is_rolled_back_is_not() {
    let cluster = Cluster::open("", 2, 4).unwrap();
    cluster.set_transaction_check_interval(NEVER).unwrap();
    let hook = Arc::new(Ends::default());
    let producer = start(&cluster.url(), &[], unknown(), &[Arc::clone(&hook)]);
    let (commit, rollback) = (producer.begin_transaction().unwrap(), producer.begin_transaction().unwrap());
    let committed = send(&commit, "commit").unwrap();
    let rolled_back = send(&rollback, "rollback").unwrap();
    assert_eq!((committed.status, &committed.transaction_id), (SendStatus::Ok, &committed.message_id));
    assert_eq!((cluster.half_message_count(), cluster.message_count(None)), (2, 0), "nobody sees them yet");

    let half = &cluster.requests(None, Some(SEND_MESSAGE_V2)).unwrap()[0];
    let properties = half.field("i").unwrap();
    assert!(properties.contains("TRAN_MSG\u{1}true\u{2}PGROUP\u{1}shop\u{2}"), "{properties}");
    assert_eq!(
        (half.field("a"), half.field("f")),
        (Some("shop"), Some("4")),
        "the group, and the bit of half messages"
    );

    rollback.rollback_with_reason("sold out").unwrap();
    commit.commit().unwrap();
    eventually("the ends", || cluster.half_message_count() == 0);
    assert!(cluster.wait_for_messages(Some(TOPIC), 1, LONG));
    let stored = cluster.messages(None).remove(0);
    assert_eq!((stored.body.as_slice(), stored.message_id.as_str()), (&b"commit"[..], committed.message_id.as_str()));
    assert_eq!((stored.broker_name.as_str(), stored.queue_id), (committed.broker_name.as_str(), committed.queue_id));
    assert_eq!((stored.property("color"), stored.property("TRAN_MSG"), stored.sys_flag), (Some("blue"), None, 8));

    let told = wait_for_ends(&cluster, 2);
    for (end, receipt, state) in [(&told[0], &rolled_back, "12"), (&told[1], &committed, "8")] {
        assert!(end.oneway);
        assert_eq!(end.broker_name, receipt.broker_name, "it goes where the half message is");
        let field = |name| end.field(name).unwrap();
        assert_eq!((field("commitOrRollback"), field("fromTransactionCheck")), (state, "false"));
        assert_eq!((field("producerGroup"), field("topic"), field("bname")), ("shop", TOPIC, &*receipt.broker_name));
        assert_eq!(field("tranStateTableOffset"), receipt.queue_offset.to_string());
        let place = i64::from_str_radix(&receipt.offset_message_id[16..], 16).unwrap();
        assert_eq!(field("commitLogOffset"), place.to_string());
        assert_eq!((field("msgId"), field("transactionId")), (&*receipt.message_id, &*receipt.transaction_id));
    }
    let calls = hook.0.lock().unwrap();
    let this_thread = std::thread::current().id();
    let about = |state, broker: &str| (format!("shop {TOPIC} true tag k1 k2 {state} false {broker}"), this_thread);
    assert_eq!(*calls, [about("Rollback", &rolled_back.broker_name), about("Commit", &committed.broker_name)]);
}

/// Rows: TX-03.
#[test]
fn ends_out_of_order_and_second_messages_are_refused_by_name() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    cluster.set_transaction_check_interval(NEVER).unwrap();
    let producer = start(&cluster.url(), &[], unknown(), &[]);
    let transaction = producer.begin_transaction().unwrap();
    refused(transaction.commit(), ErrorKind::InvalidArgument, "cannot take a commit: no message was sent in it");
    refused(transaction.rollback(), ErrorKind::InvalidArgument, "cannot take a rollback: no message was sent in it");
    send(&transaction, "one").unwrap();
    refused(send(&transaction, "two"), ErrorKind::Unsupported, "RocketMQ takes one in a transaction");
    transaction.commit().unwrap();
    refused(transaction.commit(), ErrorKind::InvalidArgument, "cannot take a commit: it was committed");
    refused(transaction.rollback(), ErrorKind::InvalidArgument, "cannot take a rollback: it was committed");
    refused(send(&transaction, "two"), ErrorKind::Unsupported, "RocketMQ takes one in a transaction");
    let transaction = producer.begin_transaction().unwrap();
    send(&transaction, "three").unwrap();
    transaction.rollback().unwrap();
    refused(transaction.commit(), ErrorKind::InvalidArgument, "cannot take a commit: it was rolled back");
    drop(transaction);
    assert!(cluster.wait_for_messages(None, 1, LONG));
    assert_eq!((bodies(&cluster), wait_for_ends(&cluster, 2).len()), (vec!["one".to_owned()], 2));
}

#[test]
fn a_transaction_needs_a_running_producer_with_one_checker() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let without = Producer::new(&config(&cluster.url(), &[])).unwrap();
    refused(without.begin_transaction(), ErrorKind::NotStarted, "not started");
    without.start().unwrap();
    refused(without.begin_transaction(), ErrorKind::InvalidConfig, "no transaction checker");
    refused(without.set_transaction_checker(unknown()), ErrorKind::AlreadyStarted, "before the start");
    let producer = start(&cluster.url(), &[], unknown(), &[]);
    refused(producer.set_transaction_checker(unknown()), ErrorKind::AlreadyStarted, "before the start");
    let (sent, begun) = (producer.begin_transaction().unwrap(), producer.begin_transaction().unwrap());
    send(&sent, "left to the check").unwrap();
    producer.close(LONG).unwrap();
    refused(send(&begun, "late"), ErrorKind::Closed, "closed");
    refused(sent.commit(), ErrorKind::Closed, "closed");
    drop((sent, begun));
    assert_eq!((ends(&cluster).len(), cluster.half_message_count()), (0, 1), "close leaves it to the check");
    let twice = Producer::new(&config(&cluster.url(), &[])).unwrap();
    twice.set_transaction_checker(unknown()).unwrap();
    refused(twice.set_transaction_checker(unknown()), ErrorKind::InvalidArgument, "a transaction checker already");
}

/// Rows: TX-05.
#[test]
fn a_delayed_message_takes_no_part_in_a_transaction() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let producer = start(&cluster.url(), &[], unknown(), &[]);
    let transaction = producer.begin_transaction().unwrap();
    let message = Message::new(TOPIC, b"x");
    for delay in [Delay::Level(1), Delay::Seconds(1), Delay::Milliseconds(1), Delay::DeliverAt(1)] {
        let delayed = message.clone().with_delay(delay);
        let sent = transaction.send(&delayed, &SendOptions::default());
        refused(sent, ErrorKind::InvalidMessage, "cannot be delayed, too: `delay` is set");
    }
    for name in ["DELAY", "TIMER_DELAY_SEC", "TIMER_DELAY_MS", "TIMER_DELIVER_MS", "__STARTDELIVERTIME"] {
        let sent = transaction.send(&message.clone().with_property(name, "5"), &SendOptions::default());
        refused(sent, ErrorKind::InvalidMessage, &format!("property `{name}` = `5`"));
    }
    for name in ["TRAN_MSG", "PGROUP"] {
        let sent = transaction.send(&message.clone().with_property(name, "x"), &SendOptions::default());
        refused(sent, ErrorKind::InvalidMessage, &format!("the property `{name}` is set by the transaction"));
    }
    assert_eq!(cluster.requests(None, Some(SEND_MESSAGE_V2)).unwrap(), []);
    // What was refused was not the transaction's message.
    send(&transaction, "plain").unwrap();
    transaction.commit().unwrap();
    assert!(cluster.wait_for_messages(Some(TOPIC), 1, LONG));
}

/// Rows: TX-04.
#[test]
fn a_half_message_that_is_not_stored_safely_is_rolled_back() {
    for (code, status) in
        [(10, SendStatus::FlushDiskTimeout), (11, SendStatus::SlaveNotAvailable), (12, SendStatus::FlushSlaveTimeout)]
    {
        let cluster = Cluster::open("", 1, 4).unwrap();
        cluster.set_transaction_check_interval(NEVER).unwrap();
        let producer = start(&cluster.url(), &[], unknown(), &[]);
        let unsafely = FaultAction::ChangeAnswer { code, remark: String::new() };
        cluster.push_fault(&Fault::new(unsafely).code(SEND_MESSAGE_V2)).unwrap();
        let transaction = producer.begin_transaction().unwrap();
        assert_eq!(send(&transaction, "unsafe").unwrap().status, status);
        let part = format!("cannot take a commit: it was rolled back, since its message was stored with {status:?}");
        refused(transaction.commit(), ErrorKind::InvalidArgument, &part);
        eventually("the rollback", || cluster.half_message_count() == 0);
        let end = wait_for_ends(&cluster, 1).remove(0);
        assert_eq!((end.field("commitOrRollback"), cluster.message_count(None)), (Some("12"), 0));
    }
}

#[test]
fn the_end_goes_to_the_broker_that_stored_the_half_message_after_a_retry() {
    let cluster = Cluster::open("", 2, 1).unwrap();
    cluster.set_transaction_check_interval(NEVER).unwrap();
    let producer = start(&cluster.url(), &[], unknown(), &[]);
    let busy = FaultAction::Answer { code: 14, remark: "busy".to_owned() };
    for number in 0..4 {
        // Whichever the first try meets.
        cluster.push_fault(&Fault::new(busy.clone()).code(SEND_MESSAGE_V2)).unwrap();
        let transaction = producer.begin_transaction().unwrap();
        let receipt = send(&transaction, "retried").unwrap();
        assert_eq!(receipt.attempts, 2);
        transaction.commit().unwrap();
        assert!(cluster.wait_for_messages(None, number + 1, LONG));
        assert_eq!(wait_for_ends(&cluster, number + 1)[number].broker_name, receipt.broker_name);
    }
}

#[test]
fn a_transaction_that_is_dropped_is_rolled_back_unless_an_end_was_attempted() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    cluster.set_transaction_check_interval(NEVER).unwrap();
    let producer = start(&cluster.url(), &[("send_msg_timeout", "500")], unknown(), &[]);
    drop(producer.begin_transaction().unwrap());
    let transaction = producer.begin_transaction().unwrap();
    send(&transaction, "forgotten").unwrap();
    drop(transaction);
    eventually("the rollback", || cluster.half_message_count() == 0);
    assert_eq!(wait_for_ends(&cluster, 1)[0].field("commitOrRollback"), Some("12"));

    let transaction = producer.begin_transaction().unwrap();
    send(&transaction, "attempted").unwrap();
    cluster.set_listening("broker-a", false).unwrap();
    eventually("the loss of the connection", || transaction.commit().is_err());
    refused(transaction.rollback(), ErrorKind::InvalidArgument, "cannot take a rollback: a commit was attempted");
    cluster.set_listening("broker-a", true).unwrap();
    // What failed may be said again.
    eventually("the broker's return", || transaction.commit().is_ok());
    assert!(cluster.wait_for_messages(Some(TOPIC), 1, LONG));

    let transaction = producer.begin_transaction().unwrap();
    send(&transaction, "left").unwrap();
    cluster.set_listening("broker-a", false).unwrap();
    eventually("the loss of the connection", || transaction.commit().is_err());
    drop(transaction);
    cluster.set_listening("broker-a", true).unwrap();
    // Words leave in the order in which they were said: a rollback would come before.
    let marker = producer.begin_transaction().unwrap();
    eventually("the broker's return", || send(&marker, "marker").is_ok());
    marker.commit().unwrap();
    assert!(cluster.wait_for_messages(Some(TOPIC), 2, LONG));
    assert_eq!((cluster.half_message_count(), wait_for_ends(&cluster, 3).len()), (1, 3));
}

#[test]
fn a_half_message_whose_answer_is_lost_is_left_to_the_check() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    cluster.set_transaction_check_interval(NEVER).unwrap();
    let settings = [("send_msg_timeout", "300"), ("retry_times_when_send_failed", "0")];
    let producer = start(&cluster.url(), &settings, unknown(), &[]);
    cluster.push_fault(&Fault::new(FaultAction::LoseAnswer).code(SEND_MESSAGE_V2)).unwrap();
    let transaction = producer.begin_transaction().unwrap();
    let error = send(&transaction, "lost").unwrap_err();
    assert!(error.maybe_persisted() && error.kind() == ErrorKind::Timeout, "{error}");
    refused(transaction.commit(), ErrorKind::InvalidArgument, "may be stored or not");
    refused(send(&transaction, "again"), ErrorKind::Unsupported, "begin another");
    drop(transaction);
    let marker = producer.begin_transaction().unwrap();
    send(&marker, "marker").unwrap();
    marker.rollback().unwrap();
    assert_eq!((wait_for_ends(&cluster, 1).len(), cluster.half_message_count()), (1, 1));
}
