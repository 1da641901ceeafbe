//! The same program on the native client's own library, from the wheel of `rocketmq` 0.4.4, and on the drop-in: what it
//! prints and what the broker stored. The differences that are known stand here, and in docs/MIGRATION.md.

use crate::librocketmq::{bindings, linked, script, told, told_is_stored};
use crate::suites::{Bench, text};
use crate::support::java_tool::{Connection, JavaTool};
use crate::support::messages::StoredMessage;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);

/// The folders of the binding: with the wheel's own library, and with the drop-in.
const OLD: &str = "python-044-old";
const NEW: &str = "python-044";

/// What a call came to, without the text of an error; a call that told twice has both.
fn outcomes(lines: &[Value]) -> BTreeMap<String, Vec<Value>> {
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in lines {
        let mut line = line.clone();
        let Some(fields) = line.as_object_mut() else { continue };
        fields.remove("text");
        let call = fields.remove("call").and_then(|call| call.as_str().map(str::to_owned)).unwrap_or_default();
        all.entry(call).or_default().push(line);
    }
    for told in all.values_mut() {
        told.sort_by_key(Value::to_string);
    }
    all
}

/// The calls that came to something else, with both ends.
fn differing(old: &[Value], new: &[Value]) -> BTreeMap<String, (Vec<Value>, Vec<Value>)> {
    let (mut old, mut new) = (outcomes(old), outcomes(new));
    let calls: BTreeSet<String> = old.keys().chain(new.keys()).cloned().collect();
    let both = calls.into_iter().map(|call| {
        let ends = (old.remove(&call).unwrap_or_default(), new.remove(&call).unwrap_or_default());
        (call, ends)
    });
    both.filter(|(_, (old, new))| old != new).collect()
}

/// What is known to differ: a call, what the old library made of it, what the drop-in makes of it.
type Known<'a> = (&'a str, Value, Value);

/// Describes what differs otherwise than it is known; and the part of a report.
fn judge(what: &str, old: &[Value], new: &[Value], known: &[Known<'_>]) -> Result<String, String> {
    let ended = |lines: &[Value]| lines.last().is_some_and(|line| line["call"] == "end");
    if !ended(old) || !ended(new) {
        return Err(format!("{what}: a program did not come to its end:\n{old:?}\n{new:?}"));
    }
    let found = differing(old, new);
    let known: BTreeMap<String, (Vec<Value>, Vec<Value>)> = known
        .iter()
        .map(|(call, old, new)| {
            let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
            ((*call).to_owned(), (list(old), list(new)))
        })
        .collect();
    if found != known {
        return Err(format!("{what}: the differences are\n{found:#?}\nand not\n{known:#?}"));
    }
    // The comparison finds a call that is missing.
    if differing(old, &new[1..]).len() <= found.len() {
        return Err(format!("{what}: the comparison does not find a call that is missing"));
    }
    Ok(format!("{what}: {} calls, {} differ as documented", outcomes(new).len() - 1, found.len()))
}

/// What is compared of a stored message: all that its sender decides, but its id, and the queue of a message without a
/// selector, which is whose turn it is.
fn stored_part(message: &StoredMessage) -> Value {
    let own = ["UNIQ_KEY", "MSG_REGION", "TRACE_ON", "CLUSTER", "REAL_QID", "REAL_TOPIC"];
    let properties: BTreeMap<_, _> =
        message.properties.iter().filter(|(name, _)| !own.contains(&name.as_str())).collect();
    json!({
        "body": String::from_utf8_lossy(&message.body), "tags": message.tags, "keys": message.keys,
        "flag": message.flag, "sys_flag": message.sys_flag, "properties": properties,
        "queue": message.body.starts_with(b"ordered").then_some(message.queue_id),
    })
}

/// The stored messages of one library that the other did not store.
fn only_in(some: &[Value], others: &[Value]) -> Vec<Value> {
    let mut others = others.to_vec();
    let is_new = |message: &&Value| match others.iter().position(|other| other == *message) {
        Some(at) => {
            others.remove(at);
            false
        }
        None => true,
    };
    some.iter().filter(is_new).cloned().collect()
}

/// The beginning of a body, its length, and the system flag.
type Shown = (String, usize, i64);

fn shown(messages: &[Value]) -> Vec<Shown> {
    let of = |message: &Value| {
        let body = message["body"].as_str().unwrap_or_default();
        (body.chars().take(27).collect(), body.len(), message["sys_flag"].as_i64().unwrap_or(-1))
    };
    let mut all: Vec<_> = messages.iter().map(of).collect();
    all.sort();
    all
}

/// A batch is one message whose body is the encoded batch, or its messages. A compressed body is told as such, or as such
/// and by which method: 0x300 is zlib.
fn known_when_stored() -> (Vec<Shown>, Vec<Shown>) {
    let message = |body: &str, length, flag| (body.to_owned(), length, flag);
    let raw = "\0\0\0k\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{7}batch-0";
    let digits = "012345678901234567890123456";
    let batch = |index: usize| message(&format!("batch-{index}"), 7, 0);
    (
        vec![message(raw, 3 * 107, 0), message(digits, 20_000, 0)],
        vec![message(digits, 20_000, 0x300), batch(0), batch(1), batch(2)],
    )
}

fn has_old_library(bindings: &Path) -> bool {
    bindings.join(OLD).is_dir()
}

/// Every way to send, well; and without a name server.
pub fn the_same_program_on_the_old_library(bench: &Bench) -> Result<String, String> {
    let bindings = bindings(bench)?;
    if !has_old_library(bindings) {
        return Ok("the wheel has no library for this machine".to_owned());
    }
    let run = |folder: &str, topic: &str, address: &str, situation: &str| {
        told(bench, script(bindings, folder, "same_044.py"), &[address, topic, situation])
    };
    let mut stored = Vec::new();
    let mut lines = Vec::new();
    for (folder, topic, count) in [(OLD, "Same_old", 13), (NEW, "Same_new", 15)] {
        bench.create_topic(topic)?;
        lines.push(run(folder, topic, bench.topology.namesrv_addr(), "well")?);
        stored.push(bench.read(topic, count)?.iter().map(stored_part).collect::<Vec<_>>());
    }
    let well = judge("well", &lines[0], &lines[1], &known_when_all_is_well())?;
    let (only_old, only_new) = (only_in(&stored[0], &stored[1]), only_in(&stored[1], &stored[0]));
    if (shown(&only_old), shown(&only_new)) != known_when_stored() {
        let (old, new) = (shown(&only_old), shown(&only_new));
        return Err(format!("stored by the old library only: {old:#?}\nby the drop-in only: {new:#?}"));
    }
    let old = run(OLD, "Same_nobody", "127.0.0.1:1", "nobody")?;
    let new = run(NEW, "Same_nobody", "127.0.0.1:1", "nobody")?;
    let nobody = judge("no name server", &old, &new, &known_without_a_name_server())?;
    Ok(format!("{well}; {} stored messages, 2 differ as documented; {nobody}", stored[1].len()))
}

fn known_when_all_is_well() -> Vec<Known<'static>> {
    vec![(
        "batch",
        json!([{"status": "OK", "id": [0], "offset": true}]),
        json!([{"status": "OK", "id": [32, 32, 32], "offset": true}]),
    )]
}

/// The old library told such an end twice: it raised, and called.
fn known_without_a_name_server() -> Vec<Known<'static>> {
    vec![(
        "async",
        json!([{"raised": "ProducerSendAsyncFailed"}, {"refused": "RocketMQException"}]),
        json!([{"refused": "RocketMQException"}]),
    )]
}

/// So many synchronous and asynchronous messages on both; the drop-in's are all stored, and once.
pub fn many_messages_on_both_libraries(bench: &Bench) -> Result<String, String> {
    let bindings = bindings(bench)?;
    let is_long = std::env::var("MQP_TEST_LONG").is_ok_and(|long| long == "1");
    let count: usize = if is_long { 20_000 } else { 1000 };
    let mut report = Vec::new();
    for (folder, topic) in [(OLD, "Many_old"), (NEW, "Many_new")] {
        if folder == OLD && !has_old_library(bindings) {
            continue;
        }
        bench.create_topic(topic)?;
        let many = script(bindings, folder, "many_044.py");
        let lines = told(bench, many, &[bench.topology.namesrv_addr(), topic, &count.to_string()])?;
        let told = &lines[lines.len() - 1];
        let number = |mode: &str, what: &str| told[mode][what].as_u64().unwrap_or(u64::MAX);
        let stored = bench.read(topic, usize::try_from(number("sync", "ok") + number("async", "ok")).map_err(text)?)?;
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for message in &stored {
            *times.entry(String::from_utf8_lossy(&message.body).into_owned()).or_default() += 1;
        }
        for mode in ["sync", "async"] {
            let counts: Vec<usize> =
                (0..count).map(|at| times.get(&format!("{mode}-{at}")).copied().unwrap_or(0)).collect();
            let missing = counts.iter().filter(|&&times| times == 0).count();
            let twice = counts.iter().filter(|&&times| times > 1).count();
            let (ok, failed) = (number(mode, "ok"), number(mode, "failed"));
            let (never, told_twice) = (number(mode, "never_told"), number(mode, "told_twice"));
            let each = |what: &str| told[mode][what].as_f64().unwrap_or(f64::NAN) * 1e6 / count as f64;
            report.push(format!(
                "{topic} {mode}: {ok} ok, {failed} failed, {never} never told, {told_twice} told twice, \
                 {missing} missing, {twice} stored twice, {:.0} us and {:.0} us of CPU for each",
                each("seconds"),
                each("cpu_seconds"),
            ));
            if folder == NEW && (ok != count as u64 || failed + never + told_twice != 0 || missing + twice != 0) {
                return Err(report.join("\n"));
            }
        }
    }
    Ok(report.join("; "))
}

/// Each binding on a broker that refuses `(key, secret)`, with the classes of the old library where that runs, and a program
/// in C that may.
pub fn refused_by_a_broker(
    bench: &Bench,
    address: &str,
    topic: &str,
    (key, secret): (&str, &str),
) -> Result<String, String> {
    let bindings = bindings(bench)?;
    let all = [address, topic, "refused", key, secret];
    let new = told(bench, script(bindings, NEW, "same_044.py"), &all)?;
    let code = |line: &&Value| line["text"].as_str().is_some_and(|text| text.contains("error:16,"));
    let refused = new.iter().filter(code).count();
    // Sync, ordered, batch; an exception of an asynchronous send has no number in its text.
    if refused != 3 {
        return Err(format!("{refused} calls were refused with the broker's number:\n{new:#?}"));
    }
    let mut report = Vec::new();
    if has_old_library(bindings) {
        let old = told(bench, script(bindings, OLD, "same_044.py"), &all)?;
        report.push(judge("rocketmq 0.4.4", &old, &new, &[])?);
    }
    for (name, mut command) in [
        ("rocketmq-client-python 2.0.0", script(bindings, "python-200", "refused_200.py")),
        ("rocketmq-client-go v1.2.4", linked(bindings, "go-dynamic")),
        ("C", linked(bindings, "c-dynamic")),
    ] {
        command.env("PROGRAM_ACCESS_KEY", key).env("PROGRAM_SECRET_KEY", secret);
        let lines = told(bench, command, &[address, topic, "refused"]).map_err(|error| format!("{name}: {error}"))?;
        report.push(format!("{name}: {} refusals", lines.len()));
    }
    Ok(report.join(", "))
}

/// A program in C on servers that want TLS: its property file decides.
pub fn over_tls(bench: &Bench, tool: &JavaTool, to: &Connection, topic: &str, file: &str) -> Result<String, String> {
    let mut command = linked(bindings(bench)?, "c-dynamic");
    command.env("PROGRAM_TLS_FILE", file);
    let told = told(bench, command, &[&to.namesrv, topic])?;
    let stored = tool.read(to, topic, told.len(), LIMIT).map_err(text)?;
    told_is_stored(&told, &stored, topic)
}
