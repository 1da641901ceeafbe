//! The drop-in for RocketMQ's native client under the bindings of others, which are as their registries have them.

use crate::suites::{Bench, text};
use crate::support::messages::StoredMessage;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The drop-in is optimised as a whole, and the bindings are downloaded.
const BUILD_LIMIT: Duration = Duration::from_secs(1200);
/// The broker asks after a transaction when it finds the time.
const LIMIT: Duration = Duration::from_secs(240);

/// Builds the drop-in and its bindings; the folder with the bindings.
fn prepare(bench: &Bench) -> Result<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let work = target.join("librocketmq/bindings");
    let mut make = Command::new("make");
    make.arg("-C").arg(root).arg("librocketmq");
    // What cargo sets for its tests would have build scripts run again.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO_") && name != "CARGO_HOME") {
        make.env_remove(name);
    }
    make.env("CARGO_TARGET_DIR", &target);
    bench.programs()?.run(make, BUILD_LIMIT)?;
    let mut prepare = Command::new("sh");
    prepare.arg(root.join("bindings/librocketmq/tests/bindings/prepare.sh"));
    prepare.arg(root.join("dist/librocketmq")).arg(&work);
    bench.programs()?.run(prepare, BUILD_LIMIT)?;
    Ok(work)
}

/// Runs a program with the broker's address and a topic; what it told of each message.
fn told(bench: &Bench, mut command: Command, topic: &str) -> Result<Vec<Value>, String> {
    bench.create_topic(topic)?;
    command.arg(bench.topology.namesrv_addr()).arg(topic);
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

/// Every call of the three bindings, and of Go with the static library, read back by the official consumer.
pub fn unmodified_bindings_on_the_drop_in(bench: &Bench) -> Result<String, String> {
    let work = prepare(bench)?;
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("bindings/librocketmq/tests/bindings");
    let python = |name: &str| {
        let mut command = Command::new(work.join(format!("python-{name}/bin/python")));
        command.arg(programs.join(format!("python_{name}.py")));
        command
    };
    let mut dynamic = Command::new(work.join("go-dynamic"));
    dynamic.env("LD_LIBRARY_PATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/librocketmq/lib"));
    let all = [
        ("DropIn_044", python("044")),
        ("DropIn_200", python("200")),
        ("DropIn_go", dynamic),
        ("DropIn_go_static", Command::new(work.join("go-static"))),
    ];
    let mut counts = Vec::new();
    for (topic, command) in all {
        let told = told(bench, command, topic).map_err(|error| format!("{topic}: {error}"))?;
        let stored = bench.read(topic, told.len())?;
        let found = differences(&told, &stored);
        if !found.is_empty() {
            return Err(format!("{topic}:\n{}", found.join("\n")));
        }
        // The check itself can fail.
        if differences(&told, &stored[1..]).is_empty() || differences(&told[1..], &stored).is_empty() {
            return Err(format!("{topic}: the check does not find a message that is missing"));
        }
        counts.push(format!("{topic} {}", told.len()));
    }
    Ok(counts.join(", "))
}
