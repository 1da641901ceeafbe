//! A real cluster: a name server and brokers as child processes on free loopback ports.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::broker_conf::{self, BrokerPorts, BrokerSpec, PORTS_PER_PROCESS, Role, TopologySpec};
use super::java_build::{JavaFiles, java_files};
use super::java_tool::Connection;
use super::ports::PortBlock;
use super::process::{Process, Recipe};
use super::scratch::ScratchDir;

const ATTEMPTS: u32 = 3;
const JVM_ARGS: [&str; 2] = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
const NAMESRV_ARGS: [&str; 2] = ["-Xms64m", "-Xmx128m"];
const BROKER_ARGS: [&str; 6] = [
    "-Xms256m",
    "-Xmx768m",
    "-XX:MaxDirectMemorySize=1g",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
];

/// One process of the cluster.
#[derive(Debug)]
pub struct Node {
    /// `namesrv`, or the broker's name.
    pub name: String,
    /// The broker's id: 0 for a master and for the name server.
    pub id: u32,
    /// `127.0.0.1:port`.
    pub addr: String,
    process: Process,
    boot_limit: Duration,
    boot_time: Duration,
}

impl Node {
    /// Freezes it (SIGSTOP): its sockets stay open and nothing answers.
    pub fn stop(&self) -> Result<(), String> {
        self.process.stop()
    }

    /// Lets it go on after `stop`.
    pub fn cont(&self) -> Result<(), String> {
        self.process.cont()
    }

    /// Kills it and waits until it is gone.
    pub fn kill(&self) -> Result<(), String> {
        self.process.kill()
    }

    /// Starts it again on the same port and store, killing it first if it lives, and waits until it is ready.
    ///
    /// A broker keeps the settings that were changed while it ran.
    pub fn restart(&self) -> Result<Duration, String> {
        self.process.restart(self.boot_limit)
    }

    /// How long it took to become ready when the cluster started.
    pub fn boot_time(&self) -> Duration {
        self.boot_time
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// A running cluster. Dropping it kills all processes and removes their files.
#[derive(Debug)]
pub struct Topology {
    /// The brokers, in the order of the specification. Before the directory: fields drop in this order.
    pub brokers: Vec<Node>,
    /// The name server.
    pub namesrv: Node,
    dir: ScratchDir,
}

impl Topology {
    /// Starts one name server and one master.
    pub fn single() -> Result<Self, String> {
        Self::start(&TopologySpec::single())
    }

    /// Starts a cluster and waits until every process is ready; the brokers have registered by then.
    pub fn start(spec: &TopologySpec) -> Result<Self, String> {
        let files = java_files()?;
        let mut attempt = 1;
        loop {
            match Self::try_start(spec, &files) {
                // Another process may take a port between our look at it and the child's bind.
                Err(error) if attempt < ATTEMPTS && error.contains("Address already in use") => attempt += 1,
                other => return other,
            }
        }
    }

    fn try_start(spec: &TopologySpec, files: &JavaFiles) -> Result<Self, String> {
        let dir = ScratchDir::new("cluster")?;
        let count = u16::try_from(spec.brokers.len()).map_err(|_| "too many brokers".to_owned())?;
        let mut ports = PortBlock::reserve(PORTS_PER_PROCESS * (count + 1))?;
        let first = ports.first();
        ports.release();

        let mut namesrv = start_namesrv(spec, files, first, dir.path())?;
        namesrv.boot_time = namesrv.process.wait_ready(spec.boot_limit)?;
        let mut brokers: Vec<Option<Node>> = spec.brokers.iter().map(|_| None).collect();
        // A slave that registers before its master learns the master's address ten seconds later.
        for slaves in [false, true] {
            let chosen = (0..count).zip(&spec.brokers).filter(|(_, broker)| (broker.role == Role::Slave) == slaves);
            for (index, broker) in chosen {
                let ports = BrokerPorts::of(first, index);
                let node = start_broker(spec, broker, files, ports, &namesrv.addr, dir.path())?;
                brokers[usize::from(index)] = Some(node);
            }
            // Those of a kind boot side by side.
            for node in brokers.iter_mut().flatten().filter(|node| node.boot_time.is_zero()) {
                node.boot_time = node.process.wait_ready(spec.boot_limit)?;
            }
        }
        let brokers = brokers.into_iter().flatten().collect();
        Ok(Self { brokers, namesrv, dir })
    }

    /// The name server's address, for clients.
    pub fn namesrv_addr(&self) -> &str {
        &self.namesrv.addr
    }

    /// The master of that name.
    ///
    /// # Panics
    /// If the specification names no such broker.
    pub fn master(&self, name: &str) -> &Node {
        self.node(name, 0)
    }

    /// The broker of that name and id.
    ///
    /// # Panics
    /// If the specification names no such broker.
    pub fn node(&self, name: &str, id: u32) -> &Node {
        self.brokers
            .iter()
            .find(|node| node.name == name && node.id == id)
            .unwrap_or_else(|| panic!("the cluster has no broker {name} with id {id}"))
    }

    /// How the Java tool reaches the cluster, without credentials and TLS.
    pub fn connection(&self) -> Connection {
        Connection::plain(&self.namesrv.addr)
    }

    /// The directory of all stores and logs.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

fn start_namesrv(spec: &TopologySpec, files: &JavaFiles, port: u16, dir: &Path) -> Result<Node, String> {
    let home = dir.join("namesrv");
    let conf = broker_conf::namesrv_conf(spec, port, &home);
    let args = [&NAMESRV_ARGS.map(str::to_owned), spec.namesrv_jvm_args.as_slice()].concat();
    let process = start_jvm(
        files,
        &home,
        &conf,
        &Jvm {
            name: "the name server".to_owned(),
            args: &args,
            main_class: "org.apache.rocketmq.namesrv.NamesrvStartup",
            ready: "The Name Server boot success".to_owned(),
        },
    )?;
    Ok(node("namesrv", 0, port, process, spec))
}

fn start_broker(
    spec: &TopologySpec,
    broker: &BrokerSpec,
    files: &JavaFiles,
    ports: BrokerPorts,
    namesrv: &str,
    dir: &Path,
) -> Result<Node, String> {
    let home = dir.join(format!("{}-{}", broker.name, broker.id));
    let conf = broker_conf::broker_conf(spec, broker, ports, namesrv, &home);
    let args = [&BROKER_ARGS.map(str::to_owned), broker.jvm_args.as_slice()].concat();
    let process = start_jvm(
        files,
        &home,
        &conf,
        &Jvm {
            name: format!("broker {} with id {}", broker.name, broker.id),
            args: &args,
            main_class: "mqproducer.cluster.BrokerMain",
            ready: format!("registered 127.0.0.1:{}", ports.listen),
        },
    )?;
    Ok(node(&broker.name, broker.id, ports.listen, process, spec))
}

fn node(name: &str, id: u32, port: u16, process: Process, spec: &TopologySpec) -> Node {
    Node {
        name: name.to_owned(),
        id,
        addr: format!("127.0.0.1:{port}"),
        process,
        boot_limit: spec.boot_limit,
        boot_time: Duration::ZERO,
    }
}

struct Jvm<'a> {
    name: String,
    args: &'a [String],
    main_class: &'a str,
    ready: String,
}

fn start_jvm(files: &JavaFiles, home: &Path, conf: &str, jvm: &Jvm<'_>) -> Result<Process, String> {
    let conf_file = home.join("server.conf");
    fs::create_dir_all(home)
        .and_then(|()| fs::write(&conf_file, conf))
        .map_err(|error| format!("cannot write {}: {error}", conf_file.display()))?;
    let mut args: Vec<OsString> = JVM_ARGS.iter().map(OsString::from).collect();
    args.extend(jvm.args.iter().map(OsString::from));
    // Both take the place of the user's home: logs and stores must not leave the directory.
    args.push(format!("-Duser.home={}", home.display()).into());
    args.push(format!("-Drocketmq.home.dir={}", home.display()).into());
    args.extend(["-cp", &files.class_path, jvm.main_class, "-c"].map(OsString::from));
    args.push(conf_file.into());
    Process::start(Recipe { name: jvm.name.clone(), program: files.java.clone(), args, ready: jvm.ready.clone() })
}
