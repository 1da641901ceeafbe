//! Traces on a real broker: read by the official decoder, and held against those of the official client.

use crate::suites::{Bench, text};
use crate::support::java_tool::{JavaTrace, SendSpec};
use crate::support::samples::samples;
use crate::transactions;
use mqproducer::protocol::remoting::trace::TRACE_TOPIC;
use mqproducer::{BatchOptions, Config, Delay, Message, Producer, SendOptions, TransactionState};
use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const EACH: usize = 12;
const LIMIT: Duration = Duration::from_secs(60);

struct Kind {
    name: &'static str,
    mode: &'static str,
    body_size: usize,
    delay_level: Option<u32>,
    /// How many records it leaves.
    records: usize,
}

const KINDS: &[Kind] = &[
    Kind { name: "sync", mode: "sync", body_size: 64, delay_level: None, records: EACH },
    Kind { name: "async", mode: "async", body_size: 64, delay_level: None, records: EACH },
    // Nobody answers it, so there is nothing to tell.
    Kind { name: "oneway", mode: "oneway", body_size: 64, delay_level: None, records: 0 },
    Kind { name: "delay", mode: "sync", body_size: 64, delay_level: Some(1), records: EACH },
    // One record with the ids of all.
    Kind { name: "batch", mode: "batch", body_size: 64, delay_level: None, records: 1 },
    // Compressed: the record tells the length that was sent.
    Kind { name: "long", mode: "sync", body_size: 20_000, delay_level: None, records: EACH },
];

/// Rows: TR-01 TR-02 TR-05.
pub fn traces_are_those_of_the_official_client(bench: &Bench) -> Result<String, String> {
    let mut expected = 0;
    for kind in KINDS {
        for lang in ["rust", "java"] {
            bench.create_topic(&topic(lang, kind))?;
        }
        send(bench, kind)?;
        let mut spec = SendSpec::new(&topic("java", kind), kind.mode, EACH);
        (spec.body_size, spec.delay_level, spec.trace) =
            (kind.body_size, kind.delay_level.map(|level| level as i32), true);
        let sent = bench.tool.send(&bench.topology.connection(), &spec).map_err(text)?;
        if let Some(Err(error)) = sent.results.iter().find(|result| result.is_err()) {
            return Err(format!("{}: {error:?}", kind.name));
        }
        expected += 2 * kind.records;
    }
    let traces = read(bench, "Traced_", expected)?;
    let of = |lang, kind: &Kind| traces.get(&topic(lang, kind)).map_or(&[][..], Vec::as_slice);
    for kind in KINDS {
        let (ours, javas) = (of("rust", kind), of("java", kind));
        if (ours.len(), javas.len()) != (kind.records, kind.records) {
            return Err(format!("{}: {} records of ours, {} of Java's", kind.name, ours.len(), javas.len()));
        }
        for (our, java) in ours.iter().zip(javas) {
            // What differs from one send to the other is left out; zlib's output is the library's own, and the ids in
            // a batch's body are of another length.
            let common = |it: &JavaTrace| {
                let own_length = kind.body_size > 4096 || kind.mode == "batch";
                let length = if own_length { 0 } else { it.body_length };
                let parts =
                    (it.kind.clone(), it.region.clone(), it.tags.clone(), it.keys.clone(), it.store_host.clone());
                (parts, length, it.msg_type.clone(), it.success)
            };
            if common(our) != common(java) {
                return Err(format!("{}: ours is {our:?}, Java's {java:?}", kind.name));
            }
            if kind.body_size > 4096 && !(our.body_length < kind.body_size && java.body_length < kind.body_size) {
                return Err(format!("{}: {} and {} bytes", kind.name, our.body_length, java.body_length));
            }
        }
    }
    Ok(format!("{expected} records"))
}

/// Rows: TR-02.
pub fn traces_of_ends_and_recalls_are_the_official_client_s(bench: &Bench) -> Result<String, String> {
    const TOPIC: &str = "EndTraces";
    bench.create_topic(TOPIC)?;
    let producer = transactions::start(&bench.url(), &[("enable_trace", "true")], |_| TransactionState::Rollback)?;
    let message = Message::new(TOPIC, b"half").with_tags("t").with_keys("k1 k2");
    let (mut expected, mut left) = (Vec::new(), Vec::new());
    for (state, from_check) in [("COMMIT_MESSAGE", false), ("ROLLBACK_MESSAGE", false), ("ROLLBACK_MESSAGE", true)] {
        let transaction = producer.begin_transaction().map_err(text)?;
        let receipt = transaction.send(&message, &SendOptions::default()).map_err(text)?;
        match (state, from_check) {
            (_, true) => left.push(transaction),
            ("COMMIT_MESSAGE", _) => transaction.commit().map_err(text)?,
            _ => transaction.rollback().map_err(text)?,
        }
        let (group, id, host) = (transactions::GROUP, &receipt.message_id, &bench.topology.master("broker-a").addr);
        let (region, transaction_id) = (&receipt.region_id, &receipt.transaction_id);
        expected.push(format!(
            "EndTransaction|{region}|{group}|{TOPIC}|{id}|t|k1 k2|{host}|2|{transaction_id}|{state}|{from_check}"
        ));
    }
    let later = Message::new(TOPIC, b"later").with_delay(Delay::Seconds(60));
    let receipt = producer.send(&later, &SendOptions::default()).map_err(text)?;
    producer.recall(TOPIC, &receipt.recall_handle, None).map_err(text)?;
    let (region, group, id) = (&receipt.region_id, transactions::GROUP, &receipt.message_id);
    expected.push(format!("Recall|{region}|{group}|{TOPIC}|{id}|true"));
    // And one for each send. The check's comes last, and is not lost by the close.
    let traces = read(bench, TOPIC, expected.len() + 4)?;
    let of_ends = traces[TOPIC].iter().filter(|record| record.kind != "Pub").map(|record| {
        let mut fields: Vec<&str> = record.text.trim_end_matches('\u{2}').split('\u{1}').collect();
        fields.remove(1);
        fields.join("|")
    });
    let (mut found, count) = (of_ends.collect::<Vec<_>>(), expected.len());
    found.sort();
    expected.sort();
    match found == expected {
        true => Ok(format!("{count} records")),
        false => Err(format!("{found:#?} instead of {expected:#?}")),
    }
}

fn topic(lang: &str, kind: &Kind) -> String {
    format!("Traced_{lang}_{}", kind.name)
}

fn send(bench: &Bench, kind: &Kind) -> Result<(), String> {
    let config = Config::new()
        .with("url", &bench.url())
        .and_then(|config| config.with("producer_group", "traced"))
        .and_then(|config| config.with("send_msg_timeout", "60000"))
        .and_then(|config| config.with("enable_trace", "true"))
        .map_err(text)?;
    let producer = Producer::new(&config).map_err(text)?;
    producer.start().map_err(text)?;
    let topic = topic("rust", kind);
    let (done, ended) = mpsc::channel();
    let (samples, options) = (samples(&topic, 0, EACH, kind.body_size), SendOptions::default());
    let messages: Vec<Message<'_>> = (samples.iter())
        .map(|sample| {
            let message = Message::new(&topic, &sample.body).with_keys(&sample.keys);
            let message = message.with_delay(kind.delay_level.map_or(Delay::None, Delay::Level));
            message.with_tags(sample.tags.as_deref().unwrap_or_default())
        })
        .collect();
    if kind.mode == "batch" {
        let result = producer.send_batch(&messages, &options, &BatchOptions::default()).map_err(text)?;
        if let Some((_, error)) = result.first_error() {
            return Err(format!("{}: {error}", kind.name));
        }
    }
    for message in messages.iter().filter(|_| kind.mode != "batch") {
        match kind.mode {
            "async" => {
                let done = done.clone();
                producer.send_async(message, &options, move |end| drop(done.send(end.map(drop)))).map_err(text)?;
            }
            "oneway" => drop(producer.send_oneway(message, &options).map_err(text)?),
            _ => drop(producer.send(message, &options).map_err(text)?),
        }
    }
    producer.close(LIMIT).map_err(text)?;
    drop(done);
    ended.iter().collect::<mqproducer::Result<Vec<()>>>().map_err(text)?;
    match producer.traces_dropped().map_err(text)? {
        0 => Ok(()),
        dropped => Err(format!("{}: {dropped} traces were dropped", kind.name)),
    }
}

/// The records of topics with this prefix, by topic and in the order of their keys, once there are so many; each is what
/// the official encoder writes.
fn read(bench: &Bench, prefix: &str, expected: usize) -> Result<BTreeMap<String, Vec<JavaTrace>>, String> {
    let limit = Instant::now() + LIMIT;
    loop {
        let mut found = 0;
        let mut traces: BTreeMap<String, Vec<JavaTrace>> = BTreeMap::new();
        for stored in bench.read(TRACE_TOPIC, 1)? {
            let body = String::from_utf8(stored.body).map_err(text)?;
            let records = bench.tool.decode_traces(&body).map_err(text)?;
            let again: String = records.iter().map(|record| record.text.as_str()).collect();
            if again != body {
                return Err(format!("{body:?} would be {again:?} by the official client"));
            }
            let keys = stored.keys.unwrap_or_default();
            for record in records.into_iter().filter(|record| record.topic.starts_with(prefix)) {
                // The decoder takes the mark of an absent text for the text.
                let wanted = record.index_keys.iter().filter(|key| *key != "null");
                if let Some(missing) = wanted.into_iter().find(|key| !keys.split(' ').any(|one| one == *key)) {
                    return Err(format!("`{missing}` is not among the keys `{keys}` of {record:?}"));
                }
                found += 1;
                traces.entry(record.topic.clone()).or_default().push(record);
            }
        }
        if found >= expected {
            // By the number of the sample, which its keys tell, and a batch's first id.
            for records in traces.values_mut() {
                records.sort_by(|a, b| (&a.keys, &a.msg_id).cmp(&(&b.keys, &b.msg_id)));
            }
            return Ok(traces);
        }
        if Instant::now() > limit {
            let counts: Vec<_> = traces.iter().map(|(topic, records)| (topic, records.len())).collect();
            return Err(format!("{found} records of {expected} within {LIMIT:?}: {counts:?}"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
