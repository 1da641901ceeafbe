//! The official Java client, in one long-lived JVM that takes commands (`tests/cluster/java`).

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::java_build::java_files;
use super::messages::{self, StoredMessage};
use super::process::{self, Output, lock};
use super::scratch::ScratchDir;

const START_LIMIT: Duration = Duration::from_secs(60);
/// For commands that do not wait on purpose; far above what a busy machine needs.
const CALL_LIMIT: Duration = Duration::from_secs(120);

/// What a client needs to reach a cluster.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// The name servers, separated by `;`.
    pub namesrv: String,
    /// Access key and secret key.
    pub credentials: Option<(String, String)>,
    /// Whether to use TLS; what to trust is set by the tool's JVM arguments.
    pub tls: bool,
    /// `JSON` or `ROCKETMQ`; the client's default without it.
    pub serializer: Option<String>,
}

impl Connection {
    /// Without credentials and TLS.
    pub fn plain(namesrv: &str) -> Self {
        Self { namesrv: namesrv.to_owned(), ..Self::default() }
    }

    /// With an access key and a secret key.
    #[must_use]
    pub fn credentials(mut self, access_key: &str, secret_key: &str) -> Self {
        self.credentials = Some((access_key.to_owned(), secret_key.to_owned()));
        self
    }

    /// A command to that cluster, for [`JavaTool::call`].
    pub fn command(&self, op: &str, fields: Value) -> Value {
        let mut command = Map::new();
        command.insert("op".to_owned(), json!(op));
        command.insert("namesrv".to_owned(), json!(self.namesrv));
        if let Some((access_key, secret_key)) = &self.credentials {
            command.insert("access_key".to_owned(), json!(access_key));
            command.insert("secret_key".to_owned(), json!(secret_key));
        }
        command.insert("tls".to_owned(), json!(self.tls));
        command.insert("serializer".to_owned(), json!(self.serializer));
        if let Value::Object(fields) = fields {
            command.extend(fields);
        }
        Value::Object(command)
    }
}

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolError {
    /// The text of the Java exception, or what happened to the tool.
    pub error: String,
    /// The response code of the server or the Java client, where the exception has one.
    pub code: Option<i64>,
}

impl ToolError {
    fn of_tool(error: impl Into<String>) -> Self {
        Self { error: error.into(), code: None }
    }

    fn of_answer(answer: &Value) -> Self {
        Self { error: answer["error"].as_str().unwrap_or_default().to_owned(), code: answer["code"].as_i64() }
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {:?})", self.error, self.code)
    }
}

impl std::error::Error for ToolError {}

/// How the official producer shall send.
#[derive(Debug, Clone)]
pub struct SendSpec {
    /// The producer group.
    pub group: String,
    /// The topic.
    pub topic: String,
    /// `sync`, `async`, `oneway` or `batch` (one batch of all messages).
    pub mode: String,
    /// The index of the first message.
    pub first: usize,
    /// How many messages.
    pub count: usize,
    /// The size of each body.
    pub body_size: usize,
    /// `ZLIB`, `LZ4`, `ZSTD` for every body, `none`, or the client's defaults.
    pub compress: Option<String>,
    /// The delay level.
    pub delay_level: Option<i32>,
    /// The broker's name and the queue; without it the producer chooses.
    pub queue: Option<(String, i32)>,
    /// User properties besides those of every sample message.
    pub properties: Vec<(String, String)>,
    /// The producer's `sendMsgTimeout`.
    pub timeout: Duration,
    /// Whether the producer writes traces.
    pub trace: bool,
}

impl SendSpec {
    /// `count` messages of 64 bytes from index 0, by the client's defaults.
    pub fn new(topic: &str, mode: &str, count: usize) -> Self {
        Self {
            group: "java-producers".to_owned(),
            topic: topic.to_owned(),
            mode: mode.to_owned(),
            first: 0,
            count,
            body_size: 64,
            compress: None,
            delay_level: None,
            queue: None,
            properties: Vec::new(),
            timeout: Duration::from_secs(10),
            trace: false,
        }
    }

    fn fields(&self) -> Value {
        let mut fields = json!({
            "group": self.group, "topic": self.topic, "mode": self.mode, "first": self.first, "count": self.count,
            "body_size": self.body_size, "compress": self.compress, "timeout_ms": self.timeout.as_millis() as u64,
            "properties": self.properties.iter().cloned().collect::<HashMap<_, _>>(), "trace": self.trace,
        });
        if let Some(level) = self.delay_level {
            fields["delay_level"] = json!(level);
        }
        if let Some((broker, queue)) = &self.queue {
            fields["broker"] = json!(broker);
            fields["queue"] = json!(queue);
        }
        fields
    }
}

/// The Java client's result of a send.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JavaSendResult {
    /// `SEND_OK` and its like.
    pub status: String,
    /// The unique id; the ids of a batch are joined by commas.
    pub msg_id: String,
    /// The id of the stored message; those of a batch are joined by commas.
    pub offset_msg_id: Option<String>,
    /// The broker's name.
    pub broker: String,
    /// The queue.
    pub queue_id: i32,
    /// The position in the queue, of a batch's first message.
    pub queue_offset: i64,
    /// The transaction's id.
    pub transaction_id: Option<String>,
    /// The broker's region.
    pub region_id: Option<String>,
    /// Whether the broker wants traces.
    pub trace_on: bool,
    /// The handle by which a delayed message can be recalled.
    pub recall_handle: Option<String>,
}

/// What became of a send command.
#[derive(Debug, Clone)]
pub struct Sent {
    /// One entry a message, one for a whole batch, none for one-way sends.
    pub results: Vec<Result<JavaSendResult, ToolError>>,
    /// The unique id of every message; none for one that the client refused before it made an id.
    pub ids: Vec<Option<String>>,
}

/// A trace record as the official decoder reads it, and as the official encoder writes it again.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JavaTrace {
    /// `Pub` and its like.
    #[serde(rename = "type")]
    pub kind: String,
    /// The broker's region.
    pub region: String,
    /// The producer's group.
    pub group: String,
    /// The topic.
    pub topic: String,
    /// The unique id; those of a batch are joined by commas.
    pub msg_id: String,
    /// The tags; `null` as a text: none.
    pub tags: String,
    /// The keys; `null` as a text: none.
    pub keys: String,
    /// The broker's address.
    pub store_host: String,
    /// The length of the body as it was sent.
    pub body_length: usize,
    /// `Normal_Msg` and its like.
    pub msg_type: Option<String>,
    /// The id of the stored message; those of a batch are joined by commas.
    pub offset_msg_id: String,
    /// Whether it was stored.
    pub success: bool,
    /// The record's text.
    pub text: String,
    /// What the message that carries it is found by.
    pub index_keys: Vec<String>,
}

/// What became of a load.
#[derive(Debug, Clone)]
pub struct Load {
    /// How many sends were made.
    pub sent: usize,
    /// How many of them failed.
    pub failed: usize,
    /// The longest one.
    pub worst: Duration,
    /// The unique ids of those that were acknowledged.
    pub ids: Vec<String>,
}

type Pending = Mutex<Option<HashMap<u64, Sender<Value>>>>;

/// The child process. Commands of several threads run at the same time.
#[derive(Debug)]
pub struct JavaTool {
    stdin: Mutex<ChildStdin>,
    child: Mutex<Child>,
    errors: Arc<Output>,
    pending: Arc<Pending>,
    sequence: AtomicU64,
    dir: ScratchDir,
}

/// The id under which the tool's first line is awaited.
const READY: u64 = 0;

impl JavaTool {
    /// Starts the tool and waits until it takes commands.
    pub fn start() -> Result<Self, ToolError> {
        Self::start_with(&[])
    }

    /// Starts the tool with further JVM arguments, such as `-Dtls.test.mode.enable=false`.
    pub fn start_with(jvm_args: &[&str]) -> Result<Self, ToolError> {
        let files = java_files().map_err(ToolError::of_tool)?;
        let dir = ScratchDir::new("tool").map_err(ToolError::of_tool)?;
        let mut args: Vec<OsString> =
            ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"].map(Into::into).into();
        args.push(format!("-Duser.home={}", dir.path().display()).into());
        args.extend(jvm_args.iter().map(OsString::from));
        args.extend(["-cp", &files.class_path, "mqproducer.cluster.Tool"].map(OsString::from));
        let mut child = process::spawn(&files.java, &args, Stdio::piped())
            .map_err(|error| ToolError::of_tool(format!("cannot start {}: {error}", files.java.display())))?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(ToolError::of_tool("the tool's streams are not piped"));
        };
        let errors = Arc::new(Output::default());
        errors.collect(stderr);
        let (reply, ready) = channel();
        let pending: Arc<Pending> = Arc::new(Mutex::new(Some(HashMap::from([(READY, reply)]))));
        let answers = Arc::clone(&pending);
        std::thread::spawn(move || distribute(stdout, &answers));
        let tool = Self {
            stdin: Mutex::new(stdin),
            child: Mutex::new(child),
            errors,
            pending,
            sequence: AtomicU64::new(READY + 1),
            dir,
        };
        tool.receive(&ready, START_LIMIT)?;
        Ok(tool)
    }

    /// Runs any command and returns its answer.
    pub fn call(&self, mut command: Value, limit: Duration) -> Result<Value, ToolError> {
        let id = self.sequence.fetch_add(1, Ordering::Relaxed);
        command["id"] = json!(id);
        let (reply, answer) = channel();
        match lock(&self.pending).as_mut() {
            Some(pending) => pending.insert(id, reply),
            None => return Err(self.ended()),
        };
        let written = {
            let mut stdin = lock(&self.stdin);
            writeln!(stdin, "{command}").and_then(|()| stdin.flush())
        };
        if written.is_err() {
            return Err(self.ended());
        }
        let answer = self.receive(&answer, limit)?;
        if answer["ok"] == json!(true) { Ok(answer) } else { Err(ToolError::of_answer(&answer)) }
    }

    fn receive(&self, answer: &std::sync::mpsc::Receiver<Value>, limit: Duration) -> Result<Value, ToolError> {
        answer.recv_timeout(limit).map_err(|error| match error {
            RecvTimeoutError::Timeout => {
                ToolError::of_tool(format!("the Java tool did not answer within {limit:?}:{}", self.errors.tail()))
            }
            RecvTimeoutError::Disconnected => self.ended(),
        })
    }

    fn ended(&self) -> ToolError {
        ToolError::of_tool(format!("the Java tool ended:{}", self.errors.tail()))
    }

    /// Creates a topic on one broker and waits until its route is known. `perm`: 2 write, 4 read, 6 both.
    pub fn create_topic(
        &self,
        to: &Connection,
        broker_addr: &str,
        topic: &str,
        queues: u32,
        perm: u32,
        attributes: &[(&str, &str)],
    ) -> Result<(), ToolError> {
        let fields = json!({
            "broker_addr": broker_addr, "topic": topic, "queues": queues, "perm": perm,
            "attributes": attributes.iter().copied().collect::<HashMap<_, _>>(),
        });
        self.call(to.command("create_topic", fields), CALL_LIMIT).map(drop)
    }

    /// Makes `topic` a static one of so many logical queues, spread over the brokers.
    pub fn create_static_topic(
        &self,
        to: &Connection,
        topic: &str,
        queues: u32,
        brokers: &[&str],
    ) -> Result<(), ToolError> {
        let fields = json!({"topic": topic, "queues": queues, "brokers": brokers});
        self.call(to.command("create_static_topic", fields), CALL_LIMIT).map(drop)
    }

    /// Moves the logical queues of a static topic to these brokers.
    pub fn remap_static_topic(&self, to: &Connection, topic: &str, brokers: &[&str]) -> Result<(), ToolError> {
        self.call(to.command("remap_static_topic", json!({"topic": topic, "brokers": brokers})), CALL_LIMIT).map(drop)
    }

    /// Sets the order of a topic's queues, `broker:queues;…`, in the name server.
    pub fn set_order(&self, to: &Connection, topic: &str, order: &str) -> Result<(), ToolError> {
        self.call(to.command("set_order", json!({"topic": topic, "order": order})), CALL_LIMIT).map(drop)
    }

    /// Changes settings of a running broker.
    pub fn set_config(&self, to: &Connection, broker_addr: &str, settings: &[(&str, &str)]) -> Result<(), ToolError> {
        let properties = settings.iter().copied().collect::<HashMap<_, _>>();
        let fields = json!({"broker_addr": broker_addr, "properties": properties});
        self.call(to.command("set_config", fields), CALL_LIMIT).map(drop)
    }

    /// Creates a user of a broker with ACL.
    pub fn create_user(&self, to: &Connection, broker_addr: &str, user: &str, password: &str) -> Result<(), ToolError> {
        let fields = json!({"broker_addr": broker_addr, "user": user, "password": password});
        self.call(to.command("create_user", fields), CALL_LIMIT).map(drop)
    }

    /// Allows a subject (`User:name`) some actions (`Pub`) on resources (`Topic:name`).
    pub fn create_acl(
        &self,
        to: &Connection,
        broker_addr: &str,
        subject: &str,
        resources: &[&str],
        actions: &[&str],
    ) -> Result<(), ToolError> {
        let fields =
            json!({"broker_addr": broker_addr, "subject": subject, "resources": resources, "actions": actions});
        self.call(to.command("create_acl", fields), CALL_LIMIT).map(drop)
    }

    /// Reads a whole topic, ordered by broker, queue and offset, once it has `min_count` messages or `limit` is over.
    pub fn read(
        &self,
        from: &Connection,
        topic: &str,
        min_count: usize,
        limit: Duration,
    ) -> Result<Vec<StoredMessage>, ToolError> {
        self.read_as(from, topic, min_count, limit, false)
    }

    /// Like `read`, but with compressed bodies as they are stored.
    pub fn read_raw(
        &self,
        from: &Connection,
        topic: &str,
        min_count: usize,
        limit: Duration,
    ) -> Result<Vec<StoredMessage>, ToolError> {
        self.read_as(from, topic, min_count, limit, true)
    }

    fn read_as(
        &self,
        from: &Connection,
        topic: &str,
        min_count: usize,
        limit: Duration,
        raw: bool,
    ) -> Result<Vec<StoredMessage>, ToolError> {
        let out = self.dir.path().join(format!("read-{}", self.sequence.fetch_add(1, Ordering::Relaxed)));
        let fields = json!({
            "topic": topic, "min_count": min_count, "timeout_ms": limit.as_millis() as u64, "out": out, "raw": raw,
        });
        self.call(from.command("read", fields), limit + CALL_LIMIT)?;
        messages::read_file(&out).map_err(ToolError::of_tool)
    }

    /// Sends sample messages (`samples.rs`) through the official producer.
    pub fn send(&self, to: &Connection, spec: &SendSpec) -> Result<Sent, ToolError> {
        // The tool itself bounds the waits, by the timeout of each attempt.
        let limit = CALL_LIMIT + spec.timeout * 4;
        let answer = self.call(to.command("send", spec.fields()), limit)?;
        let unexpected = |error| ToolError::of_tool(format!("unexpected answer: {error}: {answer}"));
        let results = answer["results"].as_array().cloned().unwrap_or_default().into_iter().map(|result| {
            if result["ok"] == json!(true) {
                serde_json::from_value(result).map(Ok)
            } else {
                Ok(Err(ToolError::of_answer(&result)))
            }
        });
        Ok(Sent {
            results: results.collect::<Result<_, _>>().map_err(unexpected)?,
            ids: serde_json::from_value(answer["ids"].clone()).map_err(unexpected)?,
        })
    }

    /// The records of a message to the trace topic, by the official decoder.
    pub fn decode_traces(&self, text: &str) -> Result<Vec<JavaTrace>, ToolError> {
        let answer = self.call(json!({"op": "decode_traces", "text": text}), CALL_LIMIT)?;
        serde_json::from_value(answer["records"].clone())
            .map_err(|error| ToolError::of_tool(format!("unexpected answer: {error}: {answer}")))
    }

    /// Has the official producer send from several threads for a time, each pausing after every send.
    pub fn send_for(
        &self,
        to: &Connection,
        topic: &str,
        time: Duration,
        threads: usize,
        pause: Duration,
        latency: bool,
    ) -> Result<Load, ToolError> {
        let fields = json!({
            "group": "java-load", "topic": topic, "millis": time.as_millis() as u64, "threads": threads,
            "pause_ms": pause.as_millis() as u64, "latency": latency,
        });
        let answer = self.call(to.command("send_for", fields), CALL_LIMIT + time)?;
        let count = |name: &str| answer[name].as_u64().unwrap_or_default();
        let ids = answer["ids"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        Ok(Load {
            sent: count("sent") as usize,
            failed: count("failed") as usize,
            worst: Duration::from_millis(count("worst_ms")),
            ids: ids.collect(),
        })
    }
}

impl Drop for JavaTool {
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn distribute(stdout: ChildStdout, pending: &Pending) {
    for line in BufReader::new(stdout).lines() {
        let Some(answer) = line.ok().and_then(|line| serde_json::from_str::<Value>(&line).ok()) else { break };
        let id = if answer["ready"] == json!(true) { Some(READY) } else { answer["id"].as_u64() };
        let waiter = id.and_then(|id| lock(pending).as_mut().and_then(|pending| pending.remove(&id)));
        if let Some(waiter) = waiter {
            // Whoever asked may have given up.
            let _ = waiter.send(answer);
        }
    }
    // Disconnects all who wait, and whoever asks later.
    lock(pending).take();
}
