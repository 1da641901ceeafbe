//! The example programs of each language against the shared broker.

use crate::names::start;
use crate::suites::{Bench, text};
use crate::support::messages::StoredMessage;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mqproducer::{Message, SendOptions};
use serde_json::{Value, json};
use std::thread;
use std::time::Duration;

const LANGUAGES: [&str; 4] = ["c", "cpp", "python", "go"];
const LIMIT: Duration = Duration::from_secs(120);

/// Runs an example of a language to its end.
fn run(bench: &Bench, lang: &str, program: &str, arguments: &[&str]) -> Result<String, String> {
    let programs = bench.programs()?;
    let mut command = programs.command(lang, program);
    command.args(arguments);
    programs.run(command, LIMIT)
}

/// The ids of the lines that begin with `start`.
fn ids(output: &str, start: &str) -> Vec<String> {
    let lines = output.lines().filter_map(|line| line.strip_prefix(start)?.strip_prefix(" id="));
    lines.map(|rest| rest.split(' ').next().unwrap_or_default().to_owned()).collect()
}

fn the_only_id(output: &str, start: &str) -> Result<String, String> {
    match &ids(output, start)[..] {
        [id] => Ok(id.clone()),
        _ => Err(format!("not one line of `{start}` in:\n{output}")),
    }
}

fn stored_once(stored: &[StoredMessage], id: &str) -> bool {
    stored.iter().filter(|message| message.msg_id == id).count() == 1
}

/// A command of the Java tool, run to its end.
fn java(bench: &Bench, op: &str, fields: Value) -> Result<Value, String> {
    let (topology, tool) = bench.parts();
    tool.call(topology.connection().command(op, fields), LIMIT).map_err(text)
}

pub fn the_batch_examples(bench: &Bench) -> Result<String, String> {
    const TOPIC: &str = "Example_batch";
    bench.create_topic(TOPIC)?;
    let mut sent = Vec::new();
    for lang in LANGUAGES {
        let output = run(bench, lang, "batch", &[&bench.url(), TOPIC])?;
        let ids = ids(&output, &format!("{lang} batch"));
        if ids.len() != 5 {
            return Err(format!("not five lines:\n{output}"));
        }
        sent.extend(ids);
    }
    let stored = bench.read(TOPIC, sent.len())?;
    if stored.len() != sent.len() || !sent.iter().all(|id| stored_once(&stored, id)) {
        return Err(format!("{} of {} are stored", stored.len(), sent.len()));
    }
    Ok(format!("{} messages of {} batches", sent.len(), LANGUAGES.len()))
}

/// Each language asks the official consumer, and answers the official requester.
pub fn the_request_examples(bench: &Bench) -> Result<String, String> {
    thread::scope(|scope| {
        const ASKED: &str = "Example_request";
        bench.create_topic(ASKED)?;
        // One consumer for all: a second one of the group would first have to take over the first one's queues.
        let fields = json!({
            "group": "java-examples", "topic": ASKED, "count": 1 + LANGUAGES.len(), "timeout_ms": 60_000,
        });
        let responder = scope.spawn(move || java(bench, "respond", fields));
        // The programs wait less long than the consumer may take to start.
        let producer = start(&bench.url(), &[])?;
        let message = Message::new(ASKED, b"are you there?");
        producer.request(&message, &SendOptions::default(), Duration::from_secs(60)).map_err(text)?;
        producer.close(LIMIT).map_err(text)?;
        for lang in LANGUAGES {
            let output = run(bench, lang, "request", &[&bench.url(), ASKED, lang])?;
            if output.trim_end() != format!("{lang} reply: pong:{lang}") {
                return Err(format!("{lang}: {output}"));
            }
        }
        responder.join().map_err(|_| "the responder panicked".to_owned())?.map(drop)
    })?;
    const ASKING: &str = "Example_reply";
    bench.create_topic(ASKING)?;
    for (number, lang) in LANGUAGES.into_iter().enumerate() {
        the_reply_example(bench, ASKING, number, lang)?;
    }
    Ok(format!("{} requests and as many replies", LANGUAGES.len()))
}

/// The official client asks; the program replies to what it is told of the request that was stored after `earlier`.
fn the_reply_example(bench: &Bench, topic: &str, earlier: usize, lang: &str) -> Result<(), String> {
    thread::scope(|scope| {
        let fields = json!({
            "group": "java-requesters", "topic": topic, "body": STANDARD.encode(lang), "timeout_ms": 60_000,
        });
        let requester = scope.spawn(move || java(bench, "request", fields));
        let stored = bench.read(topic, earlier + 1)?;
        let request = (stored.iter().find(|message| message.body == lang.as_bytes()))
            .ok_or_else(|| format!("no request for {lang} is stored"))?;
        let property =
            |name: &str| request.properties.get(name).map(String::as_str).ok_or(format!("the request has no {name}"));
        let url = bench.url();
        let (cluster, id) = (property("CLUSTER")?, property("CORRELATION_ID")?);
        let (client, ttl) = (property("REPLY_TO_CLIENT")?, property("TTL")?);
        let body = format!("an answer from {lang}");
        let output = run(bench, lang, "request", &["--reply", &url, cluster, id, client, ttl, &body])?;
        the_only_id(&output, &format!("{lang} replied"))?;
        let replied = requester.join().map_err(|_| "the requester panicked".to_owned())??;
        match replied["body"] == json!(STANDARD.encode(&body)) {
            true => Ok(()),
            false => Err(format!("{lang}: the official client got {replied}")),
        }
    })
}

/// Commits, rollbacks, and half messages whose sender is killed: a producer in another language answers for it.
pub fn the_transaction_examples(bench: &Bench) -> Result<String, String> {
    const TOPIC: &str = "Example_transaction";
    bench.create_topic(TOPIC)?;
    let url = bench.url();
    let mut delivered = Vec::new();
    let mut never = Vec::new();
    for lang in LANGUAGES {
        let group = format!("example-{lang}");
        for (action, done) in [("commit", "committed"), ("rollback", "rolled back")] {
            let output = run(bench, lang, "transaction", &[&url, TOPIC, &group, action])?;
            let id = the_only_id(&output, &format!("{lang} half"))?;
            if !output.lines().any(|line| line == format!("{lang} {done}")) {
                return Err(format!("{lang} {action}:\n{output}"));
            }
            if action == "commit" { delivered.push(id) } else { never.push(id) }
        }
    }
    for (killed, answers) in [("c", "python"), ("python", "go"), ("go", "cpp"), ("cpp", "c")] {
        let group = format!("example-{killed}-{answers}");
        let programs = bench.programs()?;
        let mut command = programs.command(killed, "transaction");
        command.args([url.as_str(), TOPIC, &group, "die"]);
        let output = programs.run_until_killed(command, LIMIT)?;
        let id = the_only_id(&output, &format!("{killed} half"))?;
        let output = run(bench, answers, "transaction", &[&url, TOPIC, &group, "check"])?;
        if !ids(&output, &format!("{answers} checked")).contains(&id) {
            return Err(format!("{answers} was not asked for {id} of {killed}:\n{output}"));
        }
        delivered.push(id);
    }
    let stored = bench.read(TOPIC, delivered.len())?;
    let missing = delivered.iter().filter(|id| !stored_once(&stored, id)).count();
    let wrong = never.iter().filter(|id| stored.iter().any(|message| message.msg_id == **id)).count();
    if missing + wrong > 0 {
        return Err(format!("{missing} are not delivered once, {wrong} were rolled back and are delivered"));
    }
    Ok(format!("{} delivered, {} rolled back", delivered.len(), never.len()))
}
