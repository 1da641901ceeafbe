//! A load from every language while something goes wrong, and what became of its messages.

use super::field::Field;
use super::{Fault, Row};
use crate::programs::Programs;
use crate::stress::{check_sent, read_reports};
use crate::suites::{Bench, first_few, text};
use crate::support::java_tool::{Connection, Load};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub(super) const LANGUAGES: [&str; 3] = ["c", "python", "go"];
const THREADS: usize = 4;
const LIMIT: Duration = Duration::from_secs(240);
/// A ceiling that no load reaches.
const MOST: usize = 200_000;
/// Between two messages of a thread.
const PAUSE: Duration = Duration::from_millis(20);
/// After the fault is over everything has to go well for so long.
const AFTER: Duration = Duration::from_secs(2);

pub(super) fn topic_of(fault: &str, language: &str) -> String {
    format!("Fault_{fault}_{language}")
}

pub(super) fn create_topics(bench: &Bench, field: &Field<'_>, fault: &str) -> Result<(), String> {
    for language in LANGUAGES.iter().chain(&["java"]) {
        for master in field.masters() {
            let topic = topic_of(fault, language);
            bench.tool.create_topic(&field.topology.connection(), &master.addr, &topic, 4, 6, &[]).map_err(text)?;
        }
    }
    Ok(())
}

/// The program of a language that sends until `stop` is there.
pub(super) fn program(
    programs: &Programs,
    field: &Field<'_>,
    language: &str,
    topic: &str,
    report: &Path,
    stop: &Path,
) -> Command {
    let mut command = programs.command(language, "stress");
    command.arg(format!("rocketmq://{}", field.name_servers())).arg(topic).arg(MOST.to_string()).arg(report);
    command.env("MQP_STRESS_PAUSE_MS", PAUSE.as_millis().to_string()).env("MQP_STRESS_STOP", stop);
    command
}

pub(super) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Waits until each report tells of a message that was acknowledged at or after `since`.
pub(super) fn wait_for_acknowledgements(reports: &[PathBuf], since: u64) -> Result<(), String> {
    let until = Instant::now() + Duration::from_secs(90);
    loop {
        // The last line may be half written.
        let recent = |path: &PathBuf| {
            let text = fs::read_to_string(path).unwrap_or_default();
            let complete = text.rfind('\n').map_or("", |end| &text[..end]);
            let mut last = complete.lines().rev().take(200);
            last.any(|line| {
                let report: Option<crate::stress::Report> = serde_json::from_str(line).ok();
                report.is_some_and(|report| report.ok && report.mode != "oneway" && report.at_ms >= Some(since))
            })
        };
        let waits: Vec<_> = reports.iter().filter(|path| !recent(path)).collect();
        if waits.is_empty() {
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(format!("nothing was acknowledged again: {waits:?}"));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// The longest time between two of these moments, in milliseconds, in any order.
pub(super) fn longest_gap(moments: &[u64]) -> Duration {
    let mut sorted = moments.to_vec();
    sorted.sort_unstable();
    let gaps = sorted.windows(2).map(|pair| pair[1] - pair[0]);
    Duration::from_millis(gaps.max().unwrap_or_default())
}

/// Runs a fault under load.
pub(super) fn under(bench: &Bench, field: &Field<'_>, fault: &Fault) -> Result<Vec<Row>, String> {
    let programs = bench.programs()?;
    create_topics(bench, field, fault.name)?;
    let stop = bench.scratch().join(format!("{}.stop", fault.name));
    let reports: Vec<PathBuf> =
        LANGUAGES.iter().map(|language| bench.scratch().join(format!("{}-{language}.jsonl", fault.name))).collect();
    let (ended, java) = thread::scope(|scope| {
        let running: Vec<_> = LANGUAGES
            .iter()
            .zip(&reports)
            .map(|(language, report)| {
                let command = program(programs, field, language, &topic_of(fault.name, language), report, &stop);
                scope.spawn(|| programs.run(command, LIMIT))
            })
            .collect();
        let java = scope.spawn(|| {
            let topic = topic_of(fault.name, "java");
            bench.tool.send_until(&field.connection(), &topic, &stop, LIMIT, THREADS, PAUSE).map_err(text)
        });
        let fault_done = (|| {
            wait_for_acknowledgements(&reports, 0)?;
            thread::sleep(AFTER);
            (fault.harm)(bench, field)?;
            thread::sleep(fault.lasts);
            (fault.mend)(bench, field)?;
            thread::sleep(AFTER);
            wait_for_acknowledgements(&reports, now_ms())
        })();
        // Whatever happened, the programs are to end.
        let stopped = fs::write(&stop, "").map_err(text);
        let ended: Vec<_> = running.into_iter().map(|one| one.join().map_err(text).and_then(|result| result)).collect();
        let java = java.join().map_err(text).and_then(|result| result);
        fault_done.and(stopped).map(|()| (ended, java))
    })?;
    let mut rows = Vec::new();
    for ((language, report), printed) in LANGUAGES.iter().zip(&reports).zip(ended) {
        rows.push(row(bench, field, fault, language, report, &printed?).map_err(|why| format!("{language}: {why}"))?);
    }
    rows.push(java_row(bench, &field.topology.connection(), fault, &java?)?);
    for row in &rows {
        println!("    {}", super::table::line(row));
    }
    Ok(rows)
}

/// Checks every message of a language.
pub(super) fn row(
    bench: &Bench,
    field: &Field<'_>,
    fault: &Fault,
    language: &str,
    report: &Path,
    printed: &str,
) -> Result<Row, String> {
    let reports = read_reports(report)?;
    let sent = reports.iter().map(|report| report.i).collect();
    // The program counts what it handed over; its exit code says that each of them ended once.
    let said = printed.split_whitespace().nth(1).and_then(|count| count.parse().ok());
    if said != Some(reports.len()) {
        return Err(format!("{} ends are reported, but the program says: {printed}", reports.len()));
    }
    let acknowledged: Vec<_> = reports.iter().filter(|report| report.ok && report.mode != "oneway").collect();
    let topic = topic_of(fault.name, language);
    let stored = bench.tool.read(&field.topology.connection(), &topic, acknowledged.len(), LIMIT).map_err(text)?;
    let tally = check_sent(&topic, language, &sent, &reports, &stored, false).map_err(first_few)?;
    let moments: Vec<u64> = acknowledged.iter().filter_map(|report| report.at_ms).collect();
    Ok(Row {
        fault: fault.what.to_owned(),
        language: language.to_owned(),
        acknowledged: tally.acknowledged,
        // Any would have failed the check.
        lost: 0,
        duplicated: tally.duplicates,
        duplicated_at: tally.duplicated_at,
        failed: tally.failed,
        recovery: longest_gap(&moments),
    })
}

/// What became of the official client's messages; nothing is demanded of it.
fn java_row(bench: &Bench, connection: &Connection, fault: &Fault, load: &Load) -> Result<Row, String> {
    let topic = topic_of(fault.name, "java");
    let stored = bench.tool.read(connection, &topic, load.ids.len(), Duration::from_secs(20)).map_err(text)?;
    let mut copies: HashMap<&str, usize> = HashMap::new();
    for message in &stored {
        *copies.entry(&message.msg_id).or_default() += 1;
    }
    let distinct: HashSet<&str> = copies.keys().copied().collect();
    Ok(Row {
        fault: fault.what.to_owned(),
        language: "java".to_owned(),
        acknowledged: load.ids.len(),
        lost: load.ids.iter().filter(|id| !distinct.contains(id.as_str())).count(),
        duplicated: copies.values().map(|copies| copies - 1).sum(),
        duplicated_at: Vec::new(),
        failed: load.failed,
        recovery: load.longest_gap,
    })
}
