//! Transactions against the shared broker, read back by the official client.

use crate::suites::{Bench, text};
use mqproducer::{Config, Message, Producer, ReceivedMessage, SendOptions, TransactionState};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(60);
/// The group of the producers that `start` starts.
pub const GROUP: &str = "rust-transactions";
/// What makes this program the child that is killed: its URL and topic.
const CHILD: &str = "MQP_TEST_HALF_SENDER";

/// A started producer with a checker.
pub fn start(
    url: &str,
    settings: &[(&str, &str)],
    checker: impl Fn(&ReceivedMessage) -> TransactionState + Send + Sync + 'static,
) -> Result<Producer, String> {
    let mut config = Config::new();
    for (key, value) in [&[("url", url), ("producer_group", GROUP), ("send_msg_timeout", "60000")], settings].concat() {
        config.set(key, value).map_err(text)?;
    }
    let producer = Producer::new(&config).map_err(text)?;
    producer.set_transaction_checker(checker).map_err(text)?;
    producer.start().map_err(text)?;
    Ok(producer)
}

/// How often each message was asked after.
type Asked = Arc<Mutex<BTreeMap<String, u32>>>;

fn count(asked: &Asked, message: &ReceivedMessage) -> u32 {
    let mut asked = asked.lock().unwrap();
    let count = asked.entry(String::from_utf8_lossy(&message.body).into_owned()).or_default();
    *count += 1;
    *count
}

fn wait_until(what: &str, condition: impl Fn() -> bool) -> Result<(), String> {
    let deadline = Instant::now() + LIMIT;
    while !condition() {
        if Instant::now() >= deadline {
            return Err(format!("{what}: not within {LIMIT:?}"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Exactly these messages, each once; `marker` was sent after all others were decided.
fn delivered(bench: &Bench, topic: &str, producer: &Producer, expected: &[&str]) -> Result<(), String> {
    producer.send(&Message::new(topic, b"marker"), &SendOptions::default()).map_err(text)?;
    let stored = bench.read(topic, expected.len() + 1)?;
    let mut bodies: Vec<_> = stored.iter().map(|message| String::from_utf8_lossy(&message.body).into_owned()).collect();
    bodies.retain(|body| body != "marker");
    bodies.sort();
    if bodies == expected { Ok(()) } else { Err(format!("{bodies:?} instead of {expected:?}")) }
}

/// Rows: TX-01 TX-02 TX-03.
pub fn ended_and_checked(bench: &Bench) -> Result<String, String> {
    const TOPIC: &str = "Transactions";
    bench.create_topic(TOPIC)?;
    let asked = Asked::default();
    let counted = Arc::clone(&asked);
    let producer = start(&bench.url(), &[], move |message| match (count(&counted, message), &*message.body) {
        // Java's consumers see what it says later, too.
        (1, _) => TransactionState::Unknown,
        (_, b"asked-commit") => TransactionState::Commit,
        _ => TransactionState::Rollback,
    })?;
    let mut left = Vec::new();
    for body in ["commit", "rollback", "dropped", "asked-commit", "asked-rollback"] {
        let transaction = producer.begin_transaction().map_err(text)?;
        let message = Message::new(TOPIC, body.as_bytes()).with_keys("k").with_tags("t");
        let receipt = transaction.send(&message, &SendOptions::default()).map_err(text)?;
        if receipt.transaction_id != receipt.message_id {
            return Err(format!("{receipt:?}"));
        }
        match body {
            "commit" => transaction.commit().map_err(text)?,
            "rollback" => transaction.rollback_with_reason("by the test").map_err(text)?,
            "dropped" => drop(transaction),
            _ => left.push(transaction),
        }
    }
    // A second question, after an answer that decides nothing.
    let twice = |body| asked.lock().unwrap().get(body).is_some_and(|count| *count >= 2);
    wait_until("the checks", || twice("asked-commit") && twice("asked-rollback"))?;
    delivered(bench, TOPIC, &producer, &["asked-commit", "commit"])?;
    let asked = asked.lock().unwrap().clone();
    if asked.keys().any(|body| !body.starts_with("asked")) {
        return Err(format!("what was ended was asked after: {asked:?}"));
    }
    Ok(format!("asked {asked:?}"))
}

/// Rows: TX-02.
pub fn another_producer_answers_for_a_killed_one(bench: &Bench) -> Result<String, String> {
    const TOPIC: &str = "TransactionsOfADeadProducer";
    bench.create_topic(TOPIC)?;
    let mut child = Killed(
        Command::new(std::env::current_exe().map_err(text)?)
            .env(CHILD, format!("{} {TOPIC}", bench.url()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(text)?,
    );
    let mut line = String::new();
    let stdout = child.0.stdout.take().ok_or("no stdout")?;
    BufReader::new(stdout).read_line(&mut line).map_err(text)?;
    if line != "sent\n" {
        return Err(format!("the first producer said {line:?}"));
    }
    // SIGKILL: it says no farewell and ends nothing.
    child.0.kill().map_err(text)?;
    child.0.wait().map_err(text)?;
    let asked = Asked::default();
    let counted = Arc::clone(&asked);
    let second = start(&bench.url(), &[("topics", TOPIC)], move |message| {
        count(&counted, message);
        if message.body.starts_with(b"good") { TransactionState::Commit } else { TransactionState::Rollback }
    })?;
    wait_until("the checks", || asked.lock().unwrap().len() == 4)?;
    delivered(bench, TOPIC, &second, &["good-1", "good-2"])?;
    Ok(format!("asked {:?}", asked.lock().unwrap()))
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The whole program, when it is the child: sends half messages and waits for its end.
pub fn child() -> Option<ExitCode> {
    let arguments = std::env::var(CHILD).ok()?;
    let (url, topic) = arguments.split_once(' ')?;
    let sent = || -> Result<Vec<mqproducer::Transaction>, String> {
        let producer = start(url, &[], |_| TransactionState::Unknown)?;
        let mut transactions = Vec::new();
        for body in ["good-1", "bad-1", "good-2", "bad-2"] {
            let transaction = producer.begin_transaction().map_err(text)?;
            transaction.send(&Message::new(topic, body.as_bytes()), &SendOptions::default()).map_err(text)?;
            transactions.push(transaction);
        }
        println!("sent");
        // Nobody writes: it ends with its parent, unless it is killed before.
        let _ = std::io::stdin().read(&mut [0]);
        Ok(transactions)
    };
    Some(match sent() {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    })
}
