//! The drop-in for RocketMQ's native client under the bindings of others, which are as their registries have them.

use crate::programs::outside_of_cargo;
use crate::suites::{Bench, text};
use crate::support::messages::StoredMessage;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// The drop-in is optimised as a whole, and the bindings are downloaded.
const BUILD_LIMIT: Duration = Duration::from_secs(1200);
/// The broker asks after a transaction when it finds the time.
const LIMIT: Duration = Duration::from_secs(240);

/// The folder with the bindings; the first caller builds them, and the drop-in.
pub fn bindings(bench: &Bench) -> Result<&'static Path, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(|| prepare(bench)).as_deref().map_err(Clone::clone)
}

/// A script of the tests on the binding in one of its folders.
pub fn script(bindings: &Path, folder: &str, name: &str) -> Command {
    let mut command = Command::new(bindings.join(folder).join("bin/python"));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("bindings/librocketmq/tests/bindings").join(name));
    command
}

/// A program that finds the drop-in by the loader.
pub fn linked(bindings: &Path, name: &str) -> Command {
    let mut command = Command::new(bindings.join(name));
    command.env("LD_LIBRARY_PATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/librocketmq/lib"));
    command
}

fn prepare(bench: &Bench) -> Result<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let work = target.join("librocketmq/bindings");
    let mut make = Command::new("make");
    make.arg("-C").arg(root).arg("librocketmq");
    outside_of_cargo(&mut make);
    make.env("CARGO_TARGET_DIR", &target);
    bench.programs()?.run(make, BUILD_LIMIT)?;
    let mut prepare = Command::new("sh");
    prepare.arg(root.join("bindings/librocketmq/tests/bindings/prepare.sh"));
    prepare.arg(root.join("dist/librocketmq")).arg(&work);
    bench.programs()?.run(prepare, BUILD_LIMIT)?;
    Ok(work)
}

/// Runs a program; the lines of JSON that it told.
pub fn told(bench: &Bench, mut command: Command, arguments: &[&str]) -> Result<Vec<Value>, String> {
    command.args(arguments);
    let output = bench.programs()?.run(command, LIMIT)?;
    let lines = output.lines().filter(|line| line.starts_with('{'));
    let told: Vec<Value> = lines.map(serde_json::from_str).collect::<Result<_, _>>().map_err(text)?;
    if told.is_empty() { Err(format!("nothing was told:\n{output}")) } else { Ok(told) }
}

/// What is wrong with the messages that the official consumer read.
fn differences(told: &[Value], stored: &[StoredMessage]) -> Vec<String> {
    let mut found = Vec::new();
    if told.len() != stored.len() {
        found.push(format!("{} messages were told, {} are stored", told.len(), stored.len()));
    }
    let ids: BTreeSet<_> = stored.iter().map(|message| &message.msg_id).collect();
    if ids.len() != stored.len() {
        found.push("a message is stored twice".to_owned());
    }
    let mut queues = BTreeMap::new();
    for line in told {
        let body = line["body"].as_str().unwrap_or_default().as_bytes();
        let same = |message: &&StoredMessage| match line["id"].as_str() {
            Some(id) if !id.is_empty() => message.msg_id == id,
            _ => message.body == body,
        };
        let shown: String = line.to_string().chars().take(100).collect();
        let Some(message) = stored.iter().find(same) else {
            found.push(format!("missing: {shown}"));
            continue;
        };
        let (tags, keys) = (message.tags.as_deref(), message.keys.as_deref());
        if message.body != body || tags != line["tags"].as_str() || keys != line["keys"].as_str() {
            found.push(format!("{shown}: stored with tags {tags:?}, keys {keys:?}"));
        }
        for (name, value) in line["properties"].as_object().into_iter().flatten() {
            if message.properties.get(name).map(String::as_str) != value.as_str() {
                found.push(format!("{shown}: `{name}` is {:?}", message.properties.get(name)));
            }
        }
        if let Some(same) = line["same_queue"].as_str().filter(|same| !same.is_empty()) {
            let queue = (&message.broker_name, message.queue_id);
            if *queues.entry(same).or_insert(queue) != queue {
                found.push(format!("{shown} is in another queue than those before"));
            }
        }
    }
    found
}

/// Checks what a program told against what the official consumer reads; the program's part of a report.
pub fn told_is_stored(told: &[Value], stored: &[StoredMessage], topic: &str) -> Result<String, String> {
    let found = differences(told, stored);
    if !found.is_empty() {
        return Err(format!("{topic}:\n{}", found.join("\n")));
    }
    // The check itself can fail.
    if differences(told, &stored[1..]).is_empty() || differences(&told[1..], stored).is_empty() {
        return Err(format!("{topic}: the check does not find a message that is missing"));
    }
    Ok(format!("{topic} {}", told.len()))
}

/// Every call of the three bindings, and of programs in C, with the shared and the static library, read back by the
/// official consumer. The programs run side by side: each waits for checks of the broker most of the time.
pub fn unmodified_bindings_on_the_drop_in(bench: &Bench) -> Result<String, String> {
    let bindings = bindings(bench)?;
    let all = [
        ("DropIn_044", script(bindings, "python-044", "python_044.py")),
        ("DropIn_200", script(bindings, "python-200", "python_200.py")),
        ("DropIn_go", linked(bindings, "go-dynamic")),
        ("DropIn_go_static", Command::new(bindings.join("go-static"))),
        ("DropIn_c", linked(bindings, "c-dynamic")),
        ("DropIn_c_static", Command::new(bindings.join("c-static"))),
    ];
    let mut counts = Vec::new();
    for (topic, _) in &all {
        bench.create_topic(topic)?;
    }
    let address = bench.topology.namesrv_addr();
    let told: Vec<_> = std::thread::scope(|scope| {
        let running = all.map(|(topic, command)| (topic, scope.spawn(move || told(bench, command, &[address, topic]))));
        running.map(|(topic, running)| (topic, running.join())).into()
    });
    for (topic, told) in told {
        let told = told.map_err(|_| "the program's thread panicked".to_owned())?;
        let told = told.map_err(|error| format!("{topic}: {error}"))?;
        counts.push(told_is_stored(&told, &bench.read(topic, told.len())?, topic)?);
    }
    Ok(counts.join(", "))
}
