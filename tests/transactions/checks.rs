//! Checks: who is asked, what the answer says, and what is not answered.

use super::fake::{Act, FakeServer};
use super::*;
use mqproducer::protocol::remoting::command::request_code::CHECK_TRANSACTION_STATE;
use mqproducer::protocol::remoting::stored_message::StoredMessage;
use mqproducer::protocol::remoting::transaction::{CheckTransactionState, EndTransaction};
use mqproducer::protocol::remoting::{Header, Serializer};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// The cluster gives a half message up after 15 checks: a dispatcher that is busy with another test has time.
const SOON: Duration = Duration::from_millis(500);

/// Rows: TX-02 TX-03 HK-07.
#[test]
fn the_checker_decides_what_nobody_ended_and_unknown_asks_again() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    cluster.set_transaction_check_interval(SOON).unwrap();
    let hook = Arc::new(Ends::default());
    let (asked, questions) = mpsc::channel();
    let rounds = AtomicUsize::new(0);
    let checker: Checker = Box::new(move |message| {
        asked.send(message.clone()).unwrap();
        match (rounds.fetch_add(1, Ordering::SeqCst), message.body.as_slice()) {
            (0, _) => TransactionState::Unknown,
            (_, b"yes") => TransactionState::Commit,
            _ => TransactionState::Rollback,
        }
    });
    let settings = [("namespace", "SPACE"), ("compress_msg_body_over_howmuch", "1")];
    let producer = Producer::new(&config(&cluster.url(), &settings)).unwrap();
    producer.set_transaction_checker(checker).unwrap();
    producer.start().unwrap();
    let transaction = producer.begin_transaction().unwrap();
    let receipt = send(&transaction, "yes").unwrap();
    let question = questions.recv_timeout(LONG).unwrap();
    assert_eq!((question.topic.as_str(), question.body.as_slice()), (TOPIC, &b"yes"[..]), "without the namespace");
    assert_eq!((question.tags(), question.keys(), question.property("color")), ("tag", "k1 k2", Some("blue")));
    assert_eq!((&question.message_id, &question.transaction_id), (&receipt.message_id, &receipt.transaction_id));
    assert_eq!(question.property("PGROUP"), Some("SPACE%shop"));
    assert!(cluster.wait_for_messages(Some("SPACE%orders"), 1, LONG));
    assert_eq!((cluster.half_message_count(), cluster.message_count(None)), (0, 1));
    let told = wait_for_ends(&cluster, 2);
    let states: Vec<_> = told.iter().map(|end| end.field("commitOrRollback").unwrap()).collect();
    assert_eq!(states, ["0", "8"], "unknown is said, too");
    for end in &told {
        let field = |name| end.field(name).unwrap();
        assert!(end.oneway);
        assert_eq!((field("fromTransactionCheck"), field("topic")), ("true", "RMQ_SYS_TRANS_HALF_TOPIC"));
        assert_eq!((field("msgId"), field("transactionId")), (&*receipt.message_id, &*receipt.transaction_id));
        assert_eq!((field("producerGroup"), field("bname")), ("SPACE%shop", "broker-a"));
        assert_ne!(field("tranStateTableOffset"), receipt.queue_offset.to_string(), "the check's own place");
    }
    drop(transaction);

    let producer = start(
        &cluster.url(),
        &[("producer_group", "other")],
        Box::new(|_| TransactionState::Rollback),
        &[Arc::clone(&hook)],
    );
    let transaction = producer.begin_transaction().unwrap();
    let receipt = send(&transaction, "no").unwrap();
    eventually("the rollback", || cluster.half_message_count() == 0);
    eventually("the hook", || !hook.0.lock().unwrap().is_empty());
    let (told, thread) = hook.0.lock().unwrap().remove(0);
    assert_eq!(told, format!("other {TOPIC} true tag k1 k2 Rollback true {}", receipt.broker_name));
    assert!(thread != std::thread::current().id() && cluster.message_count(Some(TOPIC)) == 0);
}

/// Rows: TX-02 LC-10.
#[test]
fn another_producer_of_the_group_answers_for_one_that_is_gone_although_it_never_sends() {
    let cluster = Cluster::open("", 2, 4).unwrap();
    cluster.create_topic(TOPIC, 4).unwrap();
    cluster.set_transaction_check_interval(NEVER).unwrap();
    let first = start(&cluster.url(), &[], unknown(), &[]);
    let transactions: Vec<_> = (0..4).map(|_| first.begin_transaction().unwrap()).collect();
    for (number, transaction) in transactions.iter().enumerate() {
        send(transaction, &number.to_string()).unwrap();
    }
    drop((first, transactions));
    assert_eq!(cluster.half_message_count(), 4);
    let even: Checker = Box::new(|message| match message.body.as_slice() {
        b"0" | b"2" => TransactionState::Commit,
        _ => TransactionState::Rollback,
    });
    let _second = start(&cluster.url(), &[("topics", TOPIC)], even, &[]);
    cluster.set_transaction_check_interval(SOON).unwrap();
    eventually("the checks", || cluster.half_message_count() == 0);
    let mut delivered = bodies(&cluster);
    delivered.sort();
    assert_eq!(delivered, ["0", "2"]);
}

#[test]
fn a_close_waits_for_the_answer_of_a_checker_that_was_asked_before() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    cluster.set_transaction_check_interval(SOON).unwrap();
    let slot: Arc<Mutex<Option<Producer>>> = Arc::default();
    let (asked, questions) = mpsc::channel();
    let inner = Arc::clone(&slot);
    let producer = start(
        &cluster.url(),
        &[],
        Box::new(move |_| {
            let Some(producer) = inner.lock().unwrap().clone() else { return TransactionState::Unknown };
            asked.send(()).unwrap();
            // The close has begun once it is seen here.
            eventually("the close", || producer.begin_transaction().is_err());
            TransactionState::Commit
        }),
        &[],
    );
    let transaction = producer.begin_transaction().unwrap();
    send(&transaction, "decided").unwrap();
    *slot.lock().unwrap() = Some(producer.clone());
    questions.recv_timeout(LONG).unwrap();
    producer.close(LONG).unwrap();
    assert_eq!((bodies(&cluster), cluster.half_message_count()), (vec!["decided".to_owned()], 0));
    slot.lock().unwrap().take();
}

#[test]
fn a_blocking_call_in_a_checker_is_refused() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    cluster.set_transaction_check_interval(SOON).unwrap();
    let slot: Arc<Mutex<Option<Producer>>> = Arc::default();
    let (answers, answered) = mpsc::channel();
    let inner = Arc::clone(&slot);
    let producer = start(
        &cluster.url(),
        &[],
        Box::new(move |_| {
            let Some(producer) = inner.lock().unwrap().clone() else { return TransactionState::Unknown };
            let message = Message::new(TOPIC, b"x");
            let transaction = producer.begin_transaction().unwrap();
            for result in [
                producer.send(&message, &SendOptions::default()).map(drop),
                producer.recall(TOPIC, "x", None).map(drop),
                transaction.send(&message, &SendOptions::default()).map(drop),
                transaction.commit(),
            ] {
                answers.send(result.unwrap_err().kind()).unwrap();
            }
            TransactionState::Rollback
        }),
        &[],
    );
    *slot.lock().unwrap() = Some(producer.clone());
    let transaction = producer.begin_transaction().unwrap();
    send(&transaction, "checked").unwrap();
    for _ in 0..4 {
        assert_eq!(answered.recv_timeout(LONG).unwrap(), ErrorKind::WouldDeadlock);
    }
    eventually("the rollback", || cluster.half_message_count() == 0);
    slot.lock().unwrap().take();
}

/// A check of the half message number `number`.
fn check(number: i64, group: &str, body: &[u8]) -> Vec<u8> {
    let properties = format!("PGROUP\u{1}{group}\u{2}UNIQ_KEY\u{1}ID{number}\u{2}");
    let address = "127.0.0.1:1".parse().unwrap();
    let stored = StoredMessage {
        body_crc: 0,
        queue_id: 0,
        flag: 0,
        queue_offset: number,
        commit_log_offset: number,
        sys_flag: 4,
        born_timestamp: 1,
        born_host: address,
        store_timestamp: 1,
        store_host: address,
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body,
        topic: TOPIC,
        properties: &properties,
    };
    let mut message = bytes::BytesMut::new();
    stored.encode(&mut message).unwrap();
    let header = CheckTransactionState {
        topic: "HALF",
        tran_state_table_offset: number,
        commit_log_offset: number,
        msg_id: "ID",
        transaction_id: "TX",
        offset_msg_id: "",
        broker_name: "broker-a",
    }
    .to_header();
    frame(&header, &message)
}

fn frame(header: &Header, body: &[u8]) -> Vec<u8> {
    let mut out = bytes::BytesMut::new();
    header.encode(Serializer::Json, body, &mut out);
    out.to_vec()
}

/// A broker that answers each send and asks `questions` after it.
fn asking(questions: Vec<u8>) -> (FakeServer, FakeServer) {
    let broker = FakeServer::start(move |_, request| {
        if request.code != SEND_MESSAGE_V2 {
            return Act::Silence;
        }
        let answer = Header::response_to(request, 0)
            .with("msgId", "7F00000100002A9F0000000000000001")
            .with("queueId", "0")
            .with("queueOffset", "0");
        let mut bytes = frame(&answer, b"");
        bytes.extend_from_slice(&questions);
        Act::Raw(bytes)
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    (broker, names)
}

fn answers(broker: &FakeServer) -> Vec<(i64, TransactionState, Option<String>)> {
    let read = |header: &Header| {
        let end = EndTransaction::decode(header).unwrap();
        (end.tran_state_table_offset, end.state, header.remark.clone())
    };
    broker.seen(END_TRANSACTION).iter().map(read).collect()
}

#[test]
fn a_check_of_another_group_or_without_a_checker_or_broken_is_not_answered() {
    let mut broken = Header::request(CHECK_TRANSACTION_STATE);
    broken.flag = 2;
    let questions =
        [check(1, "another", b"x"), frame(&broken, b"no message"), check(2, "shop", b""), check(3, "shop", b"x")]
            .concat();
    let (broker, names) = asking(questions.clone());
    let producer = start(&names.url(), &[], Box::new(|_| TransactionState::Commit), &[]);
    producer.send(&Message::new(TOPIC, b"x"), &SendOptions::default()).unwrap();
    eventually("the answers", || answers(&broker).len() == 2);
    let commit = |number| (number, TransactionState::Commit, None);
    assert_eq!(answers(&broker), [commit(2), commit(3)]);

    let (broker, names) = asking(questions);
    let producer = Producer::new(&config(&names.url(), &[])).unwrap();
    producer.start().unwrap();
    producer.send(&Message::new(TOPIC, b"x"), &SendOptions::default()).unwrap();
    // Its answer comes after the questions of the first.
    producer.send(&Message::new(TOPIC, b"x"), &SendOptions::default()).unwrap();
    producer.close(LONG).unwrap();
    assert_eq!(answers(&broker), []);
}

#[test]
fn the_broker_is_told_why_an_end_is_not_known_or_was_rolled_back() {
    let (broker, names) = asking(check(1, "shop", b"x"));
    let producer = start(&names.url(), &[], Box::new(|_| panic!("from the checker")), &[]);
    let transaction = producer.begin_transaction().unwrap();
    send(&transaction, "x").unwrap();
    eventually("the answer", || answers(&broker).len() == 1);
    transaction.rollback_with_reason("sold out").unwrap();
    eventually("the rollback", || answers(&broker).len() == 2);
    assert_eq!(
        answers(&broker),
        [
            (1, TransactionState::Unknown, Some("the transaction checker panicked".to_owned())),
            (0, TransactionState::Rollback, Some("sold out".to_owned())),
        ]
    );
}

#[test]
fn no_more_than_2000_checks_wait_for_a_slow_checker() {
    const ASKED: i64 = 2100;
    let questions: Vec<u8> = (0..ASKED).flat_map(|number| check(number, "shop", b"x")).collect();
    let (broker, names) = asking(questions);
    let (release, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(Some(wait));
    let slow: Checker = Box::new(move |_| {
        if let Some(wait) = wait.lock().unwrap().take() {
            wait.recv_timeout(LONG).unwrap();
        }
        TransactionState::Commit
    });
    let producer = start(&names.url(), &[], slow, &[]);
    let (done, sent) = mpsc::channel();
    let message = Message::new(TOPIC, b"x");
    producer.send(&message, &SendOptions::default()).unwrap();
    // The answer of the second send comes after all questions of the first, each of which is taken or dropped then.
    producer.send(&message, &SendOptions::default()).unwrap();
    let dropped = producer.statistics().unwrap().checks_dropped;
    assert!(dropped >= ASKED as u64 - 2001, "{dropped} dropped, where 2000 wait and one is asked");
    let told = move |result: mqproducer::Result<mqproducer::Receipt>| done.send(result.is_ok()).unwrap();
    producer.send_async(&message, &SendOptions::default(), told).unwrap();
    release.send(()).unwrap();
    // Behind all checks that wait in the dispatcher's queue.
    assert!(sent.recv_timeout(LONG).unwrap());
    eventually("the answers", || answers(&broker).len() >= 2000);
    let first: Vec<i64> = answers(&broker).into_iter().map(|(number, ..)| number).take(2000).collect();
    assert!(first.iter().copied().eq(0..2000), "{first:?}");
    producer.close(LONG).unwrap();
    let answered = answers(&broker).len();
    assert!(answered < 3 * ASKED as usize - 90, "{answered} answered of {}", 3 * ASKED);
}
