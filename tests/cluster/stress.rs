//! The stress programs' messages: what number `i` of a language holds, what the program said became of it, and
//! whether the broker stored just that.

use crate::support::messages::{Expected, StoredMessage};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// What a program reports of one message.
#[derive(Clone, Debug, Deserialize)]
pub struct Report {
    pub i: usize,
    pub mode: String,
    pub ok: bool,
    #[serde(default)]
    pub error: Option<String>,
    #[serde(default)]
    pub message_id: Option<String>,
    #[serde(default)]
    pub queue_id: Option<i32>,
    #[serde(default)]
    pub queue_offset: Option<i64>,
    #[serde(default)]
    pub broker: Option<String>,
    #[serde(default)]
    pub maybe_persisted: bool,
    /// How many tries the receipt lists; not every program tells.
    #[serde(default)]
    pub attempts: Option<u32>,
    /// When it completed, in milliseconds since 1970.
    #[serde(default)]
    pub at_ms: Option<u64>,
}

/// Message number `i` of a language.
pub fn expected(topic: &str, lang: &str, i: usize) -> Expected {
    let mut body = format!("{lang}-{i}|").into_bytes();
    body.extend([0, (i % 256) as u8, 0xff, 0]);
    body.extend((0..(i * 7) % 900).map(|j| ((i + j) % 256) as u8));
    Expected {
        topic: topic.to_owned(),
        keys: format!("{lang}-{i} k{}", i % 7),
        tags: Some(format!("T{}", i % 5)),
        flag: (i % 1000) as i32,
        properties: BTreeMap::from([
            ("index".to_owned(), i.to_string()),
            ("lang".to_owned(), lang.to_owned()),
            (format!("p{}", i % 3), format!("value é {i}")),
        ]),
        body,
    }
}

/// How message `i` is sent.
pub fn mode(i: usize) -> &'static str {
    match i {
        i if i % 10 == 9 => "oneway",
        i if i % 2 == 0 => "sync",
        _ => "async",
    }
}

/// Reads a program's report.
pub fn read_reports(path: &Path) -> Result<Vec<Report>, String> {
    let file = File::open(path).map_err(|error| format!("no report at {}: {error}", path.display()))?;
    BufReader::new(file)
        .lines()
        .map(|line| {
            let line = line.map_err(|error| error.to_string())?;
            serde_json::from_str(&line).map_err(|error| format!("not a report: {error}: {line}"))
        })
        .collect()
}

/// What a check found besides that all is well.
#[derive(Debug, Default)]
pub struct Tally {
    pub acknowledged: usize,
    pub oneway: usize,
    pub failed: usize,
    pub duplicates: usize,
    /// When the messages of those copies completed, one for each.
    pub duplicated_at: Vec<u64>,
}

/// Whether every message has one report and every acknowledged one is stored exactly as sent; lists what is wrong.
///
/// `healthy`: nothing may fail, one-way messages must be there, and nothing may be stored twice.
pub fn check(
    topic: &str,
    lang: &str,
    count: usize,
    reports: &[Report],
    stored: &[StoredMessage],
    healthy: bool,
) -> Result<Tally, Vec<String>> {
    check_sent(topic, lang, &(0..count).collect(), reports, stored, healthy)
}

/// [`check`] of just the messages that were handed over.
pub fn check_sent(
    topic: &str,
    lang: &str,
    sent: &BTreeSet<usize>,
    reports: &[Report],
    stored: &[StoredMessage],
    healthy: bool,
) -> Result<Tally, Vec<String>> {
    let mut wrong = Vec::new();
    let mut tally = Tally::default();
    let mut reported: HashMap<usize, usize> = HashMap::new();
    for report in reports {
        *reported.entry(report.i).or_default() += 1;
    }
    wrong.extend(
        sent.iter()
            .filter(|i| reported.get(i) != Some(&1))
            .map(|i| format!("message {i} has {} reports", reported.get(i).copied().unwrap_or(0))),
    );
    let mut by_index: HashMap<&str, Vec<&StoredMessage>> = HashMap::new();
    for message in stored {
        by_index.entry(message.properties.get("index").map_or("", String::as_str)).or_default().push(message);
    }
    for report in reports {
        let wanted = expected(topic, lang, report.i);
        let copies = by_index.remove(wanted.properties["index"].as_str()).unwrap_or_default();
        let again = copies.len().saturating_sub(1);
        tally.duplicates += again;
        tally.duplicated_at.extend(std::iter::repeat_n(report.at_ms.unwrap_or_default(), again));
        for copy in &copies {
            wrong.extend(wanted.differences(copy));
        }
        if report.mode != mode(report.i) {
            wrong.push(format!("message {} was sent {}, not {}", report.i, report.mode, mode(report.i)));
        }
        match (report.ok, report.mode.as_str()) {
            (false, _) => {
                tally.failed += 1;
                if healthy {
                    wrong.push(format!("message {} failed: {:?}", report.i, report.error));
                } else if !copies.is_empty() && !report.maybe_persisted {
                    wrong.push(format!("message {} is stored, but its failure denied it: {report:?}", report.i));
                }
            }
            (true, "oneway") => {
                tally.oneway += 1;
                if healthy && copies.is_empty() {
                    wrong.push(format!("one-way message {} is not stored", report.i));
                }
            }
            (true, _) => {
                tally.acknowledged += 1;
                let told = |m: &&StoredMessage| {
                    (Some(m.queue_id), Some(m.queue_offset)) == (report.queue_id, report.queue_offset)
                        && Some(&m.msg_id) == report.message_id.as_ref()
                        && Some(&m.broker_name) == report.broker.as_ref()
                };
                if !copies.iter().any(told) {
                    wrong.push(format!("message {} is not stored where its receipt says: {report:?}", report.i));
                }
            }
        }
        if copies.len() > 1 && !report.maybe_persisted && report.attempts == Some(1) {
            wrong.push(format!("message {} is stored {} times after one try: {report:?}", report.i, copies.len()));
        }
        if healthy && copies.len() > 1 {
            wrong.push(format!("message {} is stored {} times", report.i, copies.len()));
        }
    }
    wrong.extend(by_index.keys().map(|index| format!("a message that was never sent is stored: index {index:?}")));
    if wrong.is_empty() { Ok(tally) } else { Err(wrong) }
}
