//! The suites.

use crate::programs::Programs;
use crate::stress::{Report, check, expected, read_reports};
use crate::support::broker_conf::TopologySpec;
use crate::support::cluster::Topology;
use crate::support::java_tool::{Connection, JavaTool, SendSpec};
use crate::support::messages::{Duplicates, StoredMessage, compare};
use crate::support::samples::samples;
use crate::support::scratch::ScratchDir;
use crate::{rust_stress, stress};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

const COUNT: usize = 10_000;
const LIMIT: Duration = Duration::from_secs(120);

/// What the suites share.
pub struct Bench {
    pub(crate) topology: Topology,
    pub(crate) tool: JavaTool,
    two_masters: OnceLock<Result<Topology, String>>,
    sync_pair: OnceLock<Result<Topology, String>>,
    programs: OnceLock<Result<Programs, String>>,
    scratch: ScratchDir,
}

impl Bench {
    pub fn start() -> Result<Bench, String> {
        let topology = Topology::single()?;
        let tool = JavaTool::start().map_err(|error| format!("{error:?}"))?;
        Ok(Bench {
            topology,
            tool,
            two_masters: OnceLock::new(),
            sync_pair: OnceLock::new(),
            programs: OnceLock::new(),
            scratch: ScratchDir::new("programs")?,
        })
    }

    /// The shared cluster, and the official client.
    pub fn parts(&self) -> (&Topology, &JavaTool) {
        (&self.topology, &self.tool)
    }

    /// The programs of the other languages, built when the first suite needs them.
    pub fn programs(&self) -> Result<&Programs, String> {
        self.programs.get_or_init(Programs::build).as_ref().map_err(Clone::clone)
    }

    /// The cluster of two masters, started when the first suite needs it.
    pub fn two_masters(&self) -> Result<&Topology, String> {
        let start = || Topology::start(&TopologySpec::two_masters());
        self.two_masters.get_or_init(start).as_ref().map_err(Clone::clone)
    }

    /// The synchronous master and its slave, started when the first suite needs them.
    pub fn sync_pair(&self) -> Result<&Topology, String> {
        let start = || Topology::start(&TopologySpec::sync_pair());
        self.sync_pair.get_or_init(start).as_ref().map_err(Clone::clone)
    }

    /// Where reports of programs go.
    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    pub(crate) fn url(&self) -> String {
        format!("rocketmq://{}", self.topology.namesrv_addr())
    }

    pub(crate) fn create_topic(&self, topic: &str) -> Result<(), String> {
        let broker = &self.topology.master("broker-a").addr;
        self.tool.create_topic(&self.topology.connection(), broker, topic, 8, 6, &[]).map_err(text)
    }

    pub(crate) fn read(&self, topic: &str, at_least: usize) -> Result<Vec<StoredMessage>, String> {
        self.tool.read(&self.topology.connection(), topic, at_least, LIMIT).map_err(text)
    }

    /// Runs a language's stress program and checks every message of it.
    fn ten_thousand(&self, lang: &str) -> Result<String, String> {
        let topic = format!("Stress_{lang}");
        self.create_topic(&topic)?;
        let reports = self.stress(lang, &topic, COUNT)?;
        self.verify(lang, &topic, &reports)
    }

    fn stress(&self, lang: &str, topic: &str, count: usize) -> Result<Vec<Report>, String> {
        let report = self.scratch.path().join(format!("{topic}.jsonl"));
        let mut command = self.programs()?.command(lang, "stress");
        command.arg(self.url()).arg(topic).arg(count.to_string()).arg(&report);
        self.programs()?.run(command, LIMIT)?;
        read_reports(&report)
    }

    fn verify(&self, lang: &str, topic: &str, reports: &[Report]) -> Result<String, String> {
        let stored = self.read(topic, COUNT)?;
        let tally = check(topic, lang, COUNT, reports, &stored, true).map_err(first_few)?;
        Ok(format!("{} acknowledged, {} one-way, all stored as sent", tally.acknowledged, tally.oneway))
    }
}

pub(crate) fn text(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

pub(crate) fn first_few(wrong: Vec<String>) -> String {
    let shown = wrong.iter().take(10).cloned().collect::<Vec<_>>().join("\n  ");
    format!("  {shown}\n  {} differences in all", wrong.len())
}

/// Rows: SK-01 AS-01.
pub fn rust_ten_thousand(bench: &Bench) -> Result<String, String> {
    bench.create_topic("Stress_rust")?;
    let reports = rust_stress::run(&bench.url(), "Stress_rust", COUNT, &[])?;
    bench.verify("rust", "Stress_rust", &reports)
}

pub fn c_ten_thousand(bench: &Bench) -> Result<String, String> {
    bench.ten_thousand("c")
}

pub fn cpp_ten_thousand(bench: &Bench) -> Result<String, String> {
    bench.ten_thousand("cpp")
}

pub fn python_ten_thousand(bench: &Bench) -> Result<String, String> {
    bench.ten_thousand("python")
}

pub fn go_ten_thousand(bench: &Bench) -> Result<String, String> {
    bench.ten_thousand("go")
}

/// Both forms of request headers reach a broker that answers in its own.
pub fn both_serializers(bench: &Bench) -> Result<String, String> {
    for serializer in ["JSON", "ROCKETMQ"] {
        let topic = format!("Serializer_{serializer}");
        bench.create_topic(&topic)?;
        let reports = rust_stress::run(&bench.url(), &topic, 200, &[("serialize_type", serializer)])?;
        check(&topic, "rust", 200, &reports, &bench.read(&topic, 200)?, true).map_err(first_few)?;
    }
    Ok(String::new())
}

/// The README's program of each language, against the real broker.
pub fn the_send_examples(bench: &Bench) -> Result<String, String> {
    let mut lines = Vec::new();
    bench.create_topic("Demo")?;
    for lang in ["c", "cpp", "python", "go"] {
        let mut command = bench.programs()?.command(lang, "send");
        command.arg(bench.url());
        let output = bench.programs()?.run(command, LIMIT)?;
        lines.extend(output.lines().map(str::to_owned));
    }
    for lang in ["c", "cpp", "python", "go"] {
        for mode in ["sync", "async", "oneway"] {
            if lines.iter().filter(|line| line.starts_with(&format!("{lang} {mode} id="))).count() != 1 {
                return Err(format!("no line of {lang} {mode} in:\n{}", lines.join("\n")));
            }
        }
    }
    let stored = bench.read("Demo", 12)?;
    for line in &lines {
        let id = line.split("id=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        if stored.iter().filter(|message| message.msg_id == id).count() != 1 {
            return Err(format!("not stored once: {line}"));
        }
    }
    Ok(format!("{} messages", stored.len()))
}

/// The embedded cluster is as good as a real one to the official client: what it sends is stored and read back equal.
pub fn java_client_and_embedded_cluster(bench: &Bench) -> Result<String, String> {
    let cluster = mqproducer::mock::Cluster::open("", 2, 4).map_err(|error| error.to_string())?;
    let to = Connection::plain(&cluster.name_server_address());
    let mut cases: Vec<(String, SendSpec)> = Vec::new();
    for mode in ["sync", "async", "oneway", "batch"] {
        cases.push((mode.to_owned(), SendSpec::new(&format!("Java_{mode}"), mode, 20)));
    }
    for method in ["ZLIB", "LZ4", "ZSTD"] {
        let mut spec = SendSpec::new(&format!("Java_{method}"), "sync", 5);
        spec.body_size = 20_000;
        spec.compress = Some(method.to_owned());
        cases.push((method.to_owned(), spec));
    }
    let mut delayed = SendSpec::new("Java_delay", "sync", 5);
    delayed.delay_level = Some(2);
    cases.push(("delay".to_owned(), delayed));
    for (name, spec) in &cases {
        let sent = bench.tool.send(&to, spec).map_err(|error| format!("{name}: {error:?}"))?;
        for result in &sent.results {
            let result = result.as_ref().map_err(|error| format!("{name}: {error:?}"))?;
            if spec.mode != "oneway" && result.status != "SEND_OK" {
                return Err(format!("{name}: {result:?}"));
            }
        }
        let stored =
            bench.tool.read(&to, &spec.topic, spec.count, LIMIT).map_err(|error| format!("{name}: {error:?}"))?;
        compare(&samples(&spec.topic, 0, spec.count, spec.body_size), &stored, Duplicates::Refused)
            .map_err(|wrong| format!("{name}: {}", first_few(wrong)))?;
        let listed = cluster.messages(Some(&spec.topic));
        if listed.len() != spec.count {
            return Err(format!("{name}: the cluster lists {} messages of {}", listed.len(), spec.count));
        }
        let delay = |m: &mqproducer::mock::StoredMessage| m.properties.iter().any(|(k, v)| k == "DELAY" && v == "2");
        if name == "delay" && !listed.iter().all(delay) {
            return Err("the delay level is not among the stored properties".to_owned());
        }
    }
    Ok(format!("{} kinds of sends", cases.len()))
}

fn broker_killed(bench: &Bench, lang: &str) -> Result<String, String> {
    let topic = format!("Killed_{lang}");
    bench.create_topic(&topic)?;
    let broker = bench.topology.master("broker-a");
    let count = 3 * COUNT;
    let reports = std::thread::scope(|scope| {
        let running = scope.spawn(|| bench.stress(lang, &topic, count));
        // The first stored message shows that the program is in the middle of its work.
        bench.read(&topic, 1)?;
        broker.kill()?;
        broker.restart()?;
        running.join().map_err(|_| "the program's thread panicked".to_owned())?
    })?;
    let ok = reports.iter().filter(|report| report.ok && report.mode != "oneway").count();
    let stored = bench.read(&topic, ok)?;
    let tally = check(&topic, lang, count, &reports, &stored, false).map_err(first_few)?;
    if tally.failed == 0 {
        return Err("no send failed: the broker was not killed in the middle of the work".to_owned());
    }
    Ok(format!(
        "{} acknowledged and none lost, {} failed, {} duplicates",
        tally.acknowledged, tally.failed, tally.duplicates
    ))
}

pub fn broker_killed_mid_send_c(bench: &Bench) -> Result<String, String> {
    broker_killed(bench, "c")
}

pub fn broker_killed_mid_send_python(bench: &Bench) -> Result<String, String> {
    broker_killed(bench, "python")
}

/// The checker proves itself: a correct set passes, and each of these changes is found.
pub fn the_checker_finds_mutations(_: &Bench) -> Result<String, String> {
    let (topic, count) = ("Mutated", 20);
    let good_stored: Vec<StoredMessage> = (0..count).map(|i| stored_as(topic, "rust", i)).collect();
    let good_reports: Vec<Report> = (0..count).map(|i| report_of(i, &good_stored[i])).collect();
    check(topic, "rust", count, &good_reports, &good_stored, true).map_err(first_few)?;
    type Mutation = (&'static str, fn(&mut Vec<Report>, &mut Vec<StoredMessage>));
    let mutations: &[Mutation] = &[
        ("a message lost", |_, stored| drop(stored.remove(3))),
        ("a message doubled", |_, stored| stored.push(stored[4].clone())),
        ("a byte of a body", |_, stored| stored[5].body[0] ^= 1),
        ("a NUL cut off", |_, stored| stored[0].body.truncate(3)),
        ("a tag", |_, stored| stored[6].tags = Some("other".to_owned())),
        ("a key", |_, stored| stored[7].keys = None),
        ("a flag", |_, stored| stored[8].flag += 1),
        ("a property's value", |_, stored| drop(stored[9].properties.insert("lang".into(), "c".into()))),
        ("a property too many", |_, stored| drop(stored[9].properties.insert("more".into(), "x".into()))),
        ("another queue", |_, stored| stored[10].queue_id += 1),
        ("another offset", |_, stored| stored[11].queue_offset += 1),
        ("another id", |_, stored| stored[12].msg_id.push('0')),
        ("a completion missing", |reports, _| drop(reports.remove(13))),
        ("a completion doubled", |reports, _| reports.push(reports[14].clone())),
        ("another mode", |reports, _| reports[15].mode = "oneway".to_owned()),
        ("a failure", |reports, _| reports[16].ok = false),
        ("a message never sent", |_, stored| stored.push(stored_as("Mutated", "rust", 99))),
    ];
    for (name, mutate) in mutations {
        let (mut reports, mut stored) = (good_reports.clone(), good_stored.clone());
        mutate(&mut reports, &mut stored);
        if check(topic, "rust", count, &reports, &stored, true).is_ok() {
            return Err(format!("not found: {name}"));
        }
    }
    Ok(format!("{} mutations", mutations.len()))
}

/// Message number `i` of a language as a broker might have stored it.
pub(crate) fn stored_as(topic: &str, lang: &str, i: usize) -> StoredMessage {
    let wanted = expected(topic, lang, i);
    let mut properties: BTreeMap<String, String> = wanted.properties;
    properties.insert("WAIT".to_owned(), "true".to_owned());
    StoredMessage {
        topic: wanted.topic,
        broker_name: "broker-a".to_owned(),
        queue_id: (i % 4) as i32,
        queue_offset: (i / 4) as i64,
        msg_id: format!("ID{i}"),
        offset_msg_id: String::new(),
        tags: wanted.tags,
        keys: Some(wanted.keys),
        flag: wanted.flag,
        sys_flag: 0,
        born_timestamp: 0,
        born_host: String::new(),
        store_timestamp: 0,
        store_host: String::new(),
        reconsume_times: 0,
        properties,
        body: wanted.body,
    }
}

pub(crate) fn report_of(i: usize, stored: &StoredMessage) -> Report {
    Report {
        i,
        mode: stress::mode(i).to_owned(),
        ok: true,
        error: None,
        message_id: Some(stored.msg_id.clone()),
        queue_id: Some(stored.queue_id),
        queue_offset: Some(stored.queue_offset),
        broker: Some(stored.broker_name.clone()),
        maybe_persisted: false,
        attempts: Some(1),
        at_ms: None,
    }
}
