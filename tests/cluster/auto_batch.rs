//! `auto_batch` against a real broker: what many threads send one by one goes in few requests, each message with a
//! receipt of its own.

use crate::stress::expected;
use crate::suites::{Bench, first_few, stored_as, text};
use crate::support::messages::StoredMessage;
use mqproducer::{Config, Message, Producer, Receipt, SendOptions};
use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const LANG: &str = "auto";
const THREADS: usize = 8;
/// One message in so many is sent by a caller that waits.
const SYNC: usize = 50;
const LIMIT: Duration = Duration::from_secs(120);

fn count() -> usize {
    if std::env::var_os("MQP_TEST_LONG").is_some() { 50_000 } else { 2_000 }
}

/// Where a receipt says that its message is.
#[derive(Clone, Debug)]
struct Told {
    message_id: String,
    offset_message_id: String,
    broker: String,
    queue_id: i32,
    queue_offset: i64,
    attempts: u32,
}

impl From<Receipt> for Told {
    fn from(receipt: Receipt) -> Told {
        Told {
            message_id: receipt.message_id,
            offset_message_id: receipt.offset_message_id,
            broker: receipt.broker_name,
            queue_id: receipt.queue_id,
            queue_offset: receipt.queue_offset,
            attempts: receipt.attempts,
        }
    }
}

impl Told {
    fn is_at(&self, stored: &StoredMessage) -> bool {
        (&self.message_id, &self.offset_message_id) == (&stored.msg_id, &stored.offset_msg_id)
            && (&*self.broker, self.queue_id, self.queue_offset)
                == (&*stored.broker_name, stored.queue_id, stored.queue_offset)
    }
}

/// How each message ended, by its number.
type Ends = Vec<(usize, Result<Told, String>)>;

/// Sends so many from all threads; how each ended, and how many requests that took.
fn send_all(url: &str, topic: &str, count: usize) -> Result<(Ends, u64), String> {
    let mut config = Config::new();
    for (key, value) in [("url", url), ("producer_group", "auto-batch"), ("auto_batch", "true")] {
        config.set(key, value).map_err(text)?;
    }
    let producer = Producer::new(&config).map_err(text)?;
    producer.start().map_err(text)?;
    let ends = Mutex::new(Ends::with_capacity(count));
    let (done, later) = channel();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (producer, ends, done) = (&producer, &ends, done.clone());
            scope.spawn(move || {
                for i in (thread..count).step_by(THREADS) {
                    if let Some(end) = send(producer, topic, i, &done) {
                        ends.lock().unwrap().push((i, end));
                    }
                }
            });
        }
    });
    drop(done);
    producer.close(LIMIT).map_err(text)?;
    let mut ends = ends.into_inner().unwrap();
    ends.extend(later);
    let requests = producer.statistics().map_err(text)?.brokers.iter().map(|broker| broker.tries).sum();
    Ok((ends, requests))
}

/// The end of a message that was waited for or refused; others end through `done`.
fn send(
    producer: &Producer,
    topic: &str,
    i: usize,
    done: &std::sync::mpsc::Sender<(usize, Result<Told, String>)>,
) -> Option<Result<Told, String>> {
    let wanted = expected(topic, LANG, i);
    let mut message = Message::new(topic, &wanted.body).with_keys(&wanted.keys).with_flag(wanted.flag);
    message.tags = wanted.tags.as_deref().unwrap_or_default();
    message.properties = wanted.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let options = SendOptions::default();
    let told = |outcome: mqproducer::Result<Receipt>| outcome.map(Told::from).map_err(|error| error.to_string());
    // By the turn of its thread, so that every thread waits now and then.
    if (i / THREADS).is_multiple_of(SYNC) {
        return Some(told(producer.send(&message, &options)));
    }
    let done = done.clone();
    let callback = move |outcome| done.send((i, told(outcome))).unwrap();
    producer.send_async(&message, &options, callback).err().map(|error| Err(error.to_string()))
}

/// Whether every message ended once and well, is stored just as it was sent where its receipt says, and once; lists
/// what is wrong. A message whose receipt tells of an earlier try may be stored more often: how often that was.
fn check(
    topic: &str,
    count: usize,
    ends: &Ends,
    stored: &[StoredMessage],
    requests: u64,
) -> Result<usize, Vec<String>> {
    let mut wrong = Vec::new();
    let mut by_number: HashMap<&str, Vec<&StoredMessage>> = HashMap::new();
    for message in stored {
        by_number.entry(message.properties.get("index").map_or("", String::as_str)).or_default().push(message);
    }
    let mut ended = BTreeSet::new();
    let mut again = 0;
    for (i, end) in ends {
        if !ended.insert(*i) {
            wrong.push(format!("message {i} ended twice"));
            continue;
        }
        let wanted = expected(topic, LANG, *i);
        let copies = by_number.remove(wanted.properties["index"].as_str()).unwrap_or_default();
        copies.iter().for_each(|copy| wrong.extend(wanted.differences(copy)));
        let told = match end {
            Ok(told) => told,
            Err(error) => {
                wrong.push(format!("message {i} failed: {error}"));
                continue;
            }
        };
        if !copies.iter().any(|copy| told.is_at(copy)) {
            wrong
                .push(format!("message {i} is not stored where its receipt says: {told:?}, but {:?}", places(&copies)));
        }
        if copies.len() > 1 && told.attempts == 1 {
            wrong.push(format!("message {i} is stored {} times after one try", copies.len()));
        }
        again += copies.len().saturating_sub(1);
    }
    wrong.extend((0..count).filter(|i| !ended.contains(i)).map(|i| format!("message {i} did not end")));
    wrong.extend(by_number.keys().map(|number| format!("a message that was never sent is stored: {number:?}")));
    if requests * 10 >= count as u64 || requests == 0 {
        wrong.push(format!("{requests} requests for {count} messages"));
    }
    if wrong.is_empty() { Ok(again) } else { Err(wrong) }
}

fn places<'a>(copies: &[&'a StoredMessage]) -> Vec<(&'a str, i32, i64)> {
    copies.iter().map(|copy| (copy.msg_id.as_str(), copy.queue_id, copy.queue_offset)).collect()
}

/// Rows: BA-06 BA-05.
pub fn auto_batched_messages_are_stored_once(bench: &Bench) -> Result<String, String> {
    let (topic, count) = ("AutoBatch", count());
    bench.create_topic(topic)?;
    let started = Instant::now();
    let (ends, requests) = send_all(&bench.url(), topic, count)?;
    let took = started.elapsed();
    let stored = bench.read(topic, count)?;
    let again = check(topic, count, &ends, &stored, requests).map_err(first_few)?;
    Ok(format!(
        "{count} messages of {THREADS} threads acknowledged and stored in {requests} requests ({:.4} a message), \
         {again} stored again by a retry, in {:.2} s",
        requests as f64 / count as f64,
        took.as_secs_f64()
    ))
}

/// The checker proves itself: a correct set passes, and each of these changes is found.
pub fn the_auto_batch_checker_finds_mutations(_: &Bench) -> Result<String, String> {
    let (topic, count) = ("AutoMutated", 40);
    let stored: Vec<StoredMessage> = (0..count).map(|i| stored_as(topic, LANG, i)).collect();
    let end = |(i, message): (usize, &StoredMessage)| {
        let told = Told {
            message_id: message.msg_id.clone(),
            offset_message_id: message.offset_msg_id.clone(),
            broker: message.broker_name.clone(),
            queue_id: message.queue_id,
            queue_offset: message.queue_offset,
            attempts: 1 + (i % 2) as u32,
        };
        (i, Ok(told))
    };
    let ends: Ends = stored.iter().enumerate().map(end).collect();
    check(topic, count, &ends, &stored, 3).map_err(first_few)?;
    let mut after_a_retry = stored.clone();
    after_a_retry.push(stored[5].clone());
    if check(topic, count, &ends, &after_a_retry, 3) != Ok(1) {
        return Err("a second copy after a retry is not counted".to_owned());
    }
    type Mutation = (&'static str, fn(&mut Ends, &mut Vec<StoredMessage>, &mut u64));
    let mutations: &[Mutation] = &[
        ("a message lost", |_, stored, _| drop(stored.remove(3))),
        ("a message doubled after one try", |_, stored, _| stored.push(stored[4].clone())),
        ("a byte of a body", |_, stored, _| stored[5].body[0] ^= 1),
        ("a tag", |_, stored, _| stored[6].tags = None),
        ("bodies of two messages swapped", |_, stored, _| {
            let other = stored[7].body.clone();
            stored[7].body = std::mem::replace(&mut stored[8].body, other);
        }),
        ("places of two messages swapped", |_, stored, _| {
            let other = stored[9].queue_offset;
            stored[9].queue_offset = std::mem::replace(&mut stored[13].queue_offset, other);
        }),
        ("another id", |_, stored, _| stored[10].msg_id.push('0')),
        ("another offset id", |_, stored, _| stored[11].offset_msg_id.push('0')),
        ("an end missing", |ends, _, _| drop(ends.remove(12))),
        ("an end doubled", |ends, _, _| ends.push(ends[14].clone())),
        ("a failure", |ends, _, _| ends[15].1 = Err("no".to_owned())),
        ("a message never sent", |_, stored, _| stored.push(stored_as("AutoMutated", LANG, 99))),
        ("a tenth as many requests", |_, _, requests| *requests = 4),
        ("no request counted", |_, _, requests| *requests = 0),
    ];
    for (name, mutate) in mutations {
        let (mut ends, mut stored, mut requests) = (ends.clone(), stored.clone(), 3);
        mutate(&mut ends, &mut stored, &mut requests);
        if check(topic, count, &ends, &stored, requests).is_ok() {
            return Err(format!("not found: {name}"));
        }
    }
    Ok(format!("{} mutations", mutations.len()))
}
