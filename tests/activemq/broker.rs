//! A real ActiveMQ broker and the official Java client as child processes.

use crate::support::java_build::{activemq_distribution, activemq_files};
use crate::support::java_tool::JavaTool;
use crate::support::ports::PortBlock;
use crate::support::process::{Process, Recipe};
use crate::support::scratch::ScratchDir;
use mqproducer::{Config, Message, Producer, SendOptions};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub const LIMIT: Duration = Duration::from_secs(60);
/// After this long without a message none is expected any more.
const QUIET_MS: u64 = 300;

/// A Java machine that starts quickly and takes little.
const SMALL: [&str; 3] = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/// A broker in a process of its own.
pub struct Broker {
    process: Process,
    pub port: u16,
    /// Where it listens for TLS, if it was told to.
    #[cfg_attr(not(feature = "tls"), expect(dead_code))]
    pub tls_port: u16,
    _data: Option<ScratchDir>,
}

impl Broker {
    /// Starts one with the options of `BrokerMain`; `durable`: with a store on disk.
    pub fn start(options: &[(&str, &str)], durable: bool) -> Broker {
        let files = activemq_files().unwrap();
        let mut ports = PortBlock::reserve(2).unwrap();
        let (port, tls_port) = (ports.first(), ports.first() + 1);
        ports.release();
        let data = durable.then(|| ScratchDir::new("activemq").unwrap());
        let mut args: Vec<OsString> = SMALL.map(Into::into).into();
        args.extend(["-cp", &files.class_path, "mqproducer.activemq.BrokerMain"].map(OsString::from));
        args.push("detached=true".into());
        args.push(format!("port={port}").into());
        args.push(format!("tls_port={tls_port}").into());
        args.extend(data.iter().map(|data| format!("data={}", data.path().display()).into()));
        args.extend(options.iter().map(|(name, value)| format!("{name}={value}").into()));
        let recipe =
            Recipe { name: "the ActiveMQ broker".to_owned(), program: files.java, args, ready: "READY".to_owned() };
        Broker::run(recipe, [port, tls_port], data)
    }

    /// ActiveMQ 5.18.3 as it is given away, with its own store on disk and the settings of its own configuration that
    /// concern neither ports nor web pages.
    pub fn distribution() -> Broker {
        let (java, home) = activemq_distribution().unwrap();
        let mut ports = PortBlock::reserve(1).unwrap();
        let port = ports.first();
        ports.release();
        let data = ScratchDir::new("activemq-distribution").unwrap();
        let file = data.path().join("activemq.xml");
        let text = include_str!("distribution/activemq.xml").replace("PORT", &port.to_string());
        std::fs::write(&file, text).unwrap();
        let mut args: Vec<OsString> = SMALL.map(Into::into).into();
        for (name, path) in
            [("home", home.clone()), ("base", home.clone()), ("conf", home.join("conf")), ("data", data.path().into())]
        {
            args.push(format!("-Dactivemq.{name}={}", path.display()).into());
        }
        args.extend(["-jar".into(), home.join("bin/activemq.jar").into(), "start".into()]);
        args.push(format!("xbean:file:{}", file.display()).into());
        let recipe = Recipe { name: "ActiveMQ 5.18.3".to_owned(), program: java, args, ready: ") started".to_owned() };
        Broker::run(recipe, [port, 0], Some(data))
    }

    fn run(recipe: Recipe, [port, tls_port]: [u16; 2], data: Option<ScratchDir>) -> Broker {
        let process = Process::start(recipe).unwrap();
        process.wait_ready(LIMIT).unwrap();
        Broker { process, port, tls_port, _data: data }
    }

    /// The broker of most tests: in memory, with a scheduler.
    pub fn shared() -> &'static Broker {
        static BROKER: OnceLock<Broker> = OnceLock::new();
        BROKER.get_or_init(|| Broker::start(&[("scheduler", "true")], false))
    }

    pub fn url(&self) -> String {
        format!("activemq://127.0.0.1:{}", self.port)
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn kill(&self) {
        self.process.kill().unwrap();
    }

    pub fn restart(&self) {
        self.process.restart(LIMIT).unwrap();
    }

    pub fn freeze(&self) {
        self.process.stop().unwrap();
    }

    pub fn thaw(&self) {
        self.process.cont().unwrap();
    }

    /// A started producer of this broker.
    pub fn producer(&self, settings: &[(&str, &str)]) -> Producer {
        producer(&self.url(), settings)
    }

    /// What consumers get of a destination, at least so many, and what comes shortly after.
    pub fn read(&self, destination: &str, at_least: usize) -> Vec<Value> {
        self.command("read", json!({"destination": destination, "at_least": at_least, "quiet_ms": QUIET_MS}))
    }

    /// Consumes from now on what [`Broker::take`] tells.
    pub fn subscribe(&self, destination: &str) {
        self.command("subscribe", json!({"name": destination, "destination": destination}));
    }

    pub fn take(&self, destination: &str, at_least: usize) -> Vec<Value> {
        self.command("take", json!({"name": destination, "at_least": at_least, "quiet_ms": QUIET_MS}))
    }

    /// Has the official client do something.
    pub fn command(&self, op: &str, mut fields: Value) -> Vec<Value> {
        fields["op"] = json!(op);
        fields["url"] = json!(format!("tcp://127.0.0.1:{}", self.port));
        fields["limit_ms"] = json!(LIMIT.as_millis() as u64);
        let answer = tool().call(fields, LIMIT * 2).unwrap_or_else(|error| panic!("{op}: {error}"));
        answer["messages"].as_array().cloned().unwrap_or_default()
    }
}

pub fn tool() -> &'static JavaTool {
    static TOOL: OnceLock<JavaTool> = OnceLock::new();
    TOOL.get_or_init(|| JavaTool::launch(&activemq_files().unwrap(), "mqproducer.activemq.Tool", &[]).unwrap())
}

pub fn configured(url: &str, settings: &[(&str, &str)]) -> Producer {
    let mut config = Config::new();
    config.set("url", url).unwrap();
    for key in ["send_msg_timeout", "connect_timeout", "mq_client_api_timeout"] {
        config.set(key, "60000").unwrap();
    }
    for (key, value) in settings {
        config.set(key, value).unwrap();
    }
    Producer::new(&config).unwrap()
}

pub fn producer(url: &str, settings: &[(&str, &str)]) -> Producer {
    let producer = configured(url, settings);
    producer.start().unwrap();
    producer
}

/// A queue's name that no other test has.
pub fn queue(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{name}.{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub fn close(producer: &Producer) {
    producer.close(LIMIT).unwrap();
}

/// Sends a plain message and waits.
pub fn send(producer: &Producer, topic: &str, body: &str) -> mqproducer::Result<mqproducer::Receipt> {
    producer.send(&Message::new(topic, body.as_bytes()), &SendOptions::default())
}

/// The body of a bytes message, as text.
pub fn body(message: &Value) -> String {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.decode(message["bytes"].as_str().unwrap()).unwrap();
    String::from_utf8(bytes).unwrap()
}

pub fn bodies(messages: &[Value]) -> Vec<String> {
    messages.iter().map(body).collect()
}
