//! The conformance cases that need a real broker, in every language: `tests/conformance/README.md`.
//!
//! A runner is a child process. What the broker stored is read for it here, by the official Java client, when it asks.

use crate::body_text::body_text;
use crate::programs::outside_of_cargo;
use crate::suites::Bench;
use crate::support::messages::StoredMessage;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const LANGUAGES: [&str; 5] = ["rust", "c", "cpp", "python", "go"];
/// Between two lines of a runner, of which the first may wait for a compiler.
const LIMIT: Duration = Duration::from_secs(600);

pub fn conformance_cases(bench: &Bench) -> Result<String, String> {
    let files = case_files()?;
    let names = cases_for_brokers(&files)?;
    let mut told = Vec::new();
    let mut wrong = Vec::new();
    for language in LANGUAGES {
        for (_, topics) in &names {
            for topic in topics {
                bench.create_topic(&topic.replace("{id}", language))?;
            }
        }
        let results = run(bench, language, &files).map_err(|why| format!("{language}: {why}"))?;
        let ok = results.values().filter(|line| line["result"] == "ok").count();
        told.push(format!("{language} {ok}"));
        for (name, _) in &names {
            match results.get(name) {
                None => wrong.push(format!("{language}: {name} is not in the report")),
                Some(line) if line["result"] == "ok" => {}
                Some(line) => wrong.push(format!("{language}: {name}: {} {}", line["result"], line["why"])),
            }
        }
    }
    match wrong.is_empty() {
        true => Ok(format!("of {} cases ok: {}", names.len(), told.join(", "))),
        false => Err(wrong.join("\n")),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

fn case_files() -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder().join("cases")).map_err(|error| error.to_string())?;
    let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    paths.map_err(|error| error.to_string())
}

/// The cases that run here, each with its topics.
fn cases_for_brokers(files: &[PathBuf]) -> Result<Vec<(String, Vec<String>)>, String> {
    let mut names = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let parsed: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        let cases = parsed["cases"].as_array().into_iter().flatten();
        for case in cases.filter(|case| ["broker", "both"].contains(&case["needs"].as_str().unwrap_or_default())) {
            let topics = case["cluster"]["topics"].as_array().into_iter().flatten();
            let topics = topics.filter_map(Value::as_str).map(str::to_owned).collect();
            names.push((case["name"].as_str().unwrap_or_default().to_owned(), topics));
        }
    }
    Ok(names)
}

/// Runs a language's runner to its end; the lines of its report by the names of their cases.
fn run(bench: &Bench, language: &str, files: &[PathBuf]) -> Result<BTreeMap<String, Value>, String> {
    let mut command = Command::new("sh");
    command.arg(folder().join(language).join("run.sh"));
    command.args(["--url", &bench.url(), "--id", language]).args(files);
    outside_of_cargo(&mut command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
    let done = converse(bench, &mut child);
    if done.is_err() {
        // Why the talk ended counts, not how the child did.
        let _ = child.kill();
    }
    let _ = child.wait();
    done
}

fn converse(bench: &Bench, child: &mut Child) -> Result<BTreeMap<String, Value>, String> {
    let lines = lines_of(child)?;
    let mut to = child.stdin.take().ok_or("the runner has no standard input")?;
    let mut results = BTreeMap::new();
    loop {
        let line = match lines.recv_timeout(LIMIT) {
            Ok(line) => line?,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return Ok(results),
            Err(error) => return Err(format!("the runner says nothing: {error}")),
        };
        let told: Value = serde_json::from_str(&line).map_err(|error| format!("`{line}`: {error}"))?;
        match (told["read"].as_str(), told["case"].as_str()) {
            (Some(topic), _) => answer(bench, &mut to, topic, told["count"].as_u64().unwrap_or(0) as usize)?,
            (None, Some(name)) => drop(results.insert(name.to_owned(), told.clone())),
            (None, None) => return Err(format!("`{line}` is no line of a report")),
        }
    }
}

/// The lines of a child's standard output, until it ends.
fn lines_of(child: &mut Child) -> Result<Receiver<Result<String, String>>, String> {
    let output = BufReader::new(child.stdout.take().ok_or("the runner has no standard output")?);
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for line in output.lines() {
            // Nobody listens any more when the talk has failed.
            let _ = tell.send(line.map_err(|error| error.to_string()));
        }
    });
    Ok(told)
}

fn answer(bench: &Bench, to: &mut ChildStdin, topic: &str, count: usize) -> Result<(), String> {
    let messages: Vec<Value> = bench.read(topic, count)?.iter().map(stored).collect();
    writeln!(to, "{}", Value::from(messages)).and_then(|()| to.flush()).map_err(|error| error.to_string())
}

/// A stored message as the cases have it.
fn stored(message: &StoredMessage) -> Value {
    let properties = message.properties.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
    json!({
        "topic": message.topic,
        "body": body_text(&message.body),
        "tags": message.tags.as_deref().unwrap_or_default(),
        "keys": message.keys.as_deref().unwrap_or_default(),
        "flag": message.flag,
        "broker": message.broker_name,
        "queue_id": message.queue_id,
        "queue_offset": message.queue_offset,
        "message_id": message.msg_id,
        "offset_message_id": message.offset_msg_id,
        "properties": properties.collect::<Map<_, _>>(),
    })
}
