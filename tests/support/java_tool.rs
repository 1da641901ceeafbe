//! The official Java client, in one long-lived JVM that takes commands (`tests/cluster/java`).

mod commands;
mod values;

pub use values::{JavaTrace, Load, SendSpec, Sent};

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::java_build::{JavaFiles, java_files};
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
        Self::launch(&java_files().map_err(ToolError::of_tool)?, "mqproducer.cluster.Tool", jvm_args)
    }

    /// Starts a tool of another project, which keeps to the same forms.
    pub fn launch(files: &JavaFiles, main: &str, jvm_args: &[&str]) -> Result<Self, ToolError> {
        let dir = ScratchDir::new("tool").map_err(ToolError::of_tool)?;
        let mut args: Vec<OsString> =
            ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"].map(Into::into).into();
        args.push(format!("-Duser.home={}", dir.path().display()).into());
        args.extend(jvm_args.iter().map(OsString::from));
        args.extend(["-cp", &files.class_path, main].map(OsString::from));
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
