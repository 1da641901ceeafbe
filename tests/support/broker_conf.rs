//! What a test wants of a cluster, and the configuration files that follow from it.

use std::path::Path;
use std::time::Duration;

/// The part that a broker plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Takes messages; its slaves copy in their own time.
    AsyncMaster,
    /// Takes messages and answers after its slaves have copied.
    SyncMaster,
    /// Copies the master of the same name.
    Slave,
}

impl Role {
    fn property(self) -> &'static str {
        match self {
            Self::AsyncMaster => "ASYNC_MASTER",
            Self::SyncMaster => "SYNC_MASTER",
            Self::Slave => "SLAVE",
        }
    }
}

/// One broker process.
#[derive(Debug, Clone)]
pub struct BrokerSpec {
    /// The broker's name, shared by a master and its slaves.
    pub name: String,
    /// 0 for a master.
    pub id: u32,
    /// Its role.
    pub role: Role,
    /// Added to `broker.conf`; wins over the defaults.
    pub properties: Vec<(String, String)>,
    /// Added to the command line, such as `-Dtls.server.mode=enforcing`.
    pub jvm_args: Vec<String>,
}

impl BrokerSpec {
    /// A broker without additions.
    pub fn new(name: &str, id: u32, role: Role) -> Self {
        Self { name: name.to_owned(), id, role, properties: Vec::new(), jvm_args: Vec::new() }
    }

    /// Adds a line to `broker.conf`.
    #[must_use]
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.properties.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds an argument of the JVM.
    #[must_use]
    pub fn jvm_arg(mut self, arg: &str) -> Self {
        self.jvm_args.push(arg.to_owned());
        self
    }
}

/// A name server and any number of brokers.
#[derive(Debug, Clone)]
pub struct TopologySpec {
    /// The cluster's name.
    pub cluster: String,
    /// The brokers.
    pub brokers: Vec<BrokerSpec>,
    /// Added to the name server's configuration.
    pub namesrv_properties: Vec<(String, String)>,
    /// Added to the name server's command line.
    pub namesrv_jvm_args: Vec<String>,
    /// How long each process may take to become ready.
    pub boot_limit: Duration,
}

impl TopologySpec {
    /// A cluster of these brokers.
    pub fn new(brokers: Vec<BrokerSpec>) -> Self {
        Self {
            cluster: "DefaultCluster".to_owned(),
            brokers,
            namesrv_properties: Vec::new(),
            namesrv_jvm_args: Vec::new(),
            boot_limit: Duration::from_secs(120),
        }
    }

    /// One master, `broker-a`.
    pub fn single() -> Self {
        Self::new(vec![BrokerSpec::new("broker-a", 0, Role::AsyncMaster)])
    }

    /// Two masters, `broker-a` and `broker-b`.
    pub fn two_masters() -> Self {
        Self::new(vec![
            BrokerSpec::new("broker-a", 0, Role::AsyncMaster),
            BrokerSpec::new("broker-b", 0, Role::AsyncMaster),
        ])
    }

    /// A master that flushes and copies before it answers, and its slave, both `broker-a`.
    pub fn sync_pair() -> Self {
        Self::new(vec![
            BrokerSpec::new("broker-a", 0, Role::SyncMaster)
                .property("flushDiskType", "SYNC_FLUSH")
                .property("inSyncReplicas", "2")
                .property("minInSyncReplicas", "1")
                .property("slaveTimeout", "1000")
                .property("syncFlushTimeout", "5000"),
            BrokerSpec::new("broker-a", 1, Role::Slave),
        ])
    }
}

/// The ports of one broker: clients', the fast one for clients of the VIP channel, and replication.
#[derive(Debug, Clone, Copy)]
pub struct BrokerPorts {
    /// `listenPort`. The broker also takes the port two below.
    pub listen: u16,
    /// `haListenPort`.
    pub ha: u16,
}

/// Ports that each process needs, free ones between them included.
pub const PORTS_PER_PROCESS: u16 = 4;

impl BrokerPorts {
    /// The ports of broker `index` in a block whose first group is the name server's.
    pub fn of(first: u16, index: u16) -> Self {
        let group = first + PORTS_PER_PROCESS * (index + 1);
        Self { listen: group + 2, ha: group + 3 }
    }
}

/// The text of the name server's configuration file.
pub fn namesrv_conf(spec: &TopologySpec, port: u16, home: &Path) -> String {
    let own = [
        ("listenPort", port.to_string()),
        ("bindAddress", "127.0.0.1".to_owned()),
        ("kvConfigPath", home.join("kvConfig.json").display().to_string()),
    ];
    text(&own, &spec.namesrv_properties)
}

/// The text of a broker's configuration file.
pub fn broker_conf(spec: &TopologySpec, broker: &BrokerSpec, ports: BrokerPorts, namesrv: &str, home: &Path) -> String {
    let store = home.join("store");
    let own = [
        ("brokerClusterName", spec.cluster.clone()),
        ("brokerName", broker.name.clone()),
        ("brokerId", broker.id.to_string()),
        ("brokerRole", broker.role.property().to_owned()),
        ("brokerIP1", "127.0.0.1".to_owned()),
        ("brokerIP2", "127.0.0.1".to_owned()),
        ("bindAddress", "127.0.0.1".to_owned()),
        ("listenPort", ports.listen.to_string()),
        ("haListenPort", ports.ha.to_string()),
        ("namesrvAddr", namesrv.to_owned()),
        ("storePathRootDir", store.display().to_string()),
        ("storePathCommitLog", store.join("commitlog").display().to_string()),
    ];
    text(&own, &[]) + &text(&SMALL_AND_QUICK.map(|(name, value)| (name, value.to_owned())), &broker.properties)
}

/// Small files, every feature that a producer can meet, transaction checks within seconds, and large pulls.
const SMALL_AND_QUICK: [(&str, &str); 16] = [
    ("mappedFileSizeCommitLog", "16777216"),
    ("mappedFileSizeConsumeQueue", "600000"),
    ("mappedFileSizeTimerLog", "4194304"),
    ("maxHashSlotNum", "20000"),
    ("maxIndexNum", "80000"),
    ("autoCreateTopicEnable", "true"),
    ("traceTopicEnable", "true"),
    ("recallMessageEnable", "true"),
    ("timerWheelEnable", "true"),
    ("transactionCheckInterval", "1000"),
    ("transactionTimeOut", "1000"),
    // The default of 3000 lets ended transactions be checked again before their end is written.
    ("transactionOpBatchInterval", "100"),
    ("registerNameServerPeriod", "10000"),
    ("diskMaxUsedSpaceRatio", "99"),
    ("maxTransferCountOnMessageInMemory", "1024"),
    ("maxTransferBytesOnMessageInMemory", "4194304"),
];

fn text(own: &[(&str, String)], added: &[(String, String)]) -> String {
    let mut lines = String::new();
    for (name, value) in own {
        lines += &format!("{name}={value}\n");
    }
    // Later lines win when a Java properties file is read.
    for (name, value) in added {
        lines += &format!("{name}={value}\n");
    }
    lines
}
