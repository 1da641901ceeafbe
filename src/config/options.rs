//! The one table of configuration keys: it drives the parser, the C setter, the bindings and `docs/CONFIGURATION.md`.

/// What a value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// Any UTF-8 text.
    Text,
    /// A whole number within the limits, both included.
    Integer {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// Milliseconds within the limits, both included.
    Milliseconds {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// `true` or `false`.
    Flag,
    /// One of the words.
    Choice(&'static [&'static str]),
    /// Whole numbers separated by commas.
    Codes,
    /// Texts separated by commas or semicolons.
    List,
}

/// One configuration key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionSpec {
    /// The key.
    pub key: &'static str,
    /// What its value must look like.
    pub kind: OptionKind,
    /// The value when it is not set.
    pub default: &'static str,
    /// What it does, in one or two sentences.
    pub doc: &'static str,
    /// Where the default departs from the Java client 5.5.0: the Java value.
    pub java: Option<&'static str>,
}

const MIN_MS: i64 = 1;
const HOUR_MS: i64 = 3_600_000;

/// Every key, in the order of the documentation.
pub const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        key: "url",
        kind: OptionKind::Text,
        default: "",
        doc: "Where to send: `rocketmq://host:9876;host2:9876` (name servers) or `mock://[name][?brokers=N&queues=N]` (the embedded cluster). Required, unless `NAMESRV_ADDR` of the environment or `name_server_address_url` tells the name servers.",
        java: None,
    },
    OptionSpec {
        key: "name_server_address_url",
        kind: OptionKind::Text,
        default: "",
        doc: "An address server: `http://host[:port]/path`, whose answer is `host:port;host:port`. It is asked at the start and again and again, and its list replaces that of `url`. Empty: none.",
        java: Some("http://jmenv.tbsite.net:8080/rocketmq/nsaddr when no name server is set"),
    },
    OptionSpec {
        key: "name_server_address_interval",
        kind: OptionKind::Milliseconds { min: 100, max: 24 * HOUR_MS },
        default: "120000",
        doc: "How often the address server is asked.",
        java: None,
    },
    OptionSpec {
        key: "broker_address_map",
        kind: OptionKind::List,
        default: "",
        doc: "Addresses of brokers to replace, where they announce one that this host cannot reach (containers, NAT): `from=to,from=to`, with ports on both sides or on neither.",
        java: Some("none"),
    },
    OptionSpec {
        key: "producer_group",
        kind: OptionKind::Text,
        default: "",
        doc: "The producer group, 1 to 120 bytes of `%|a-zA-Z0-9_-`. Required; `DEFAULT_PRODUCER` is refused.",
        java: None,
    },
    OptionSpec {
        key: "instance_name",
        kind: OptionKind::Text,
        default: "DEFAULT",
        doc: "Second part of the client id `ip@instance`. `DEFAULT` becomes `pid#number`, one for each producer.",
        java: None,
    },
    OptionSpec {
        key: "client_ip",
        kind: OptionKind::Text,
        default: "",
        doc: "First part of the client id and host part of message ids: an IPv4 or IPv6 address. Empty: the first address of this host that is not loopback.",
        java: None,
    },
    OptionSpec {
        key: "unit_name",
        kind: OptionKind::Text,
        default: "",
        doc: "Third part of the client id `ip@instance@unit`. Empty: the id has two parts.",
        java: None,
    },
    OptionSpec {
        key: "unit_mode",
        kind: OptionKind::Flag,
        default: "false",
        doc: "Whether messages say that they come from a unit (the header's `unitMode`).",
        java: None,
    },
    OptionSpec {
        key: "namespace",
        kind: OptionKind::Text,
        default: "",
        doc: "Namespace by prefix: groups and topics go as `namespace%name`, receipts show the bare name. Empty: none.",
        java: Some("also read from an address `http://MQ_INST_…`"),
    },
    OptionSpec {
        key: "namespace_v2",
        kind: OptionKind::Text,
        default: "",
        doc: "Namespace by header field: every request carries `ns` and `nsd=true`. Empty: none.",
        java: None,
    },
    OptionSpec {
        key: "access_key",
        kind: OptionKind::Text,
        default: "",
        doc: "Access key; requests are signed when it is set, together with `secret_key`. Never shown in logs or errors.",
        java: None,
    },
    OptionSpec {
        key: "secret_key",
        kind: OptionKind::Text,
        default: "",
        doc: "Secret key that signs every request. Never sent, never shown in logs or errors.",
        java: None,
    },
    OptionSpec {
        key: "security_token",
        kind: OptionKind::Text,
        default: "",
        doc: "Token of temporary credentials, sent with the access key. Never shown in logs or errors.",
        java: None,
    },
    OptionSpec {
        key: "use_tls",
        kind: OptionKind::Flag,
        default: "false",
        doc: "TLS 1.2 or 1.3 to name servers and brokers.",
        java: None,
    },
    OptionSpec {
        key: "tls_ca_file",
        kind: OptionKind::Text,
        default: "",
        doc: "PEM file with the certificates to trust. Empty: those that the system trusts.",
        java: Some("trusts every server unless told otherwise"),
    },
    OptionSpec {
        key: "tls_cert_file",
        kind: OptionKind::Text,
        default: "",
        doc: "PEM file with this client's certificate chain; `tls_key_file` goes with it. Empty: no client certificate.",
        java: None,
    },
    OptionSpec {
        key: "tls_key_file",
        kind: OptionKind::Text,
        default: "",
        doc: "PEM file with the private key of `tls_cert_file`, not encrypted.",
        java: None,
    },
    OptionSpec {
        key: "tls_server_name",
        kind: OptionKind::Text,
        default: "",
        doc: "The name that server certificates are checked for. Empty: the host of each address, which for brokers is what routes tell.",
        java: Some("names are not checked"),
    },
    OptionSpec {
        key: "tls_insecure_skip_verify",
        kind: OptionKind::Flag,
        default: "false",
        doc: "Accepts every server certificate: the connection is encrypted, but to whom is unknown. For tests only; a warning is logged.",
        java: Some("true"),
    },
    OptionSpec {
        key: "topics",
        kind: OptionKind::List,
        default: "",
        doc: "Topics whose routes are fetched at start, so that the first send does not wait for them.",
        java: None,
    },
    OptionSpec {
        key: "send_msg_timeout",
        kind: OptionKind::Milliseconds { min: MIN_MS, max: HOUR_MS },
        default: "3000",
        doc: "The total deadline of one message: route, every try, and the pauses between.",
        java: None,
    },
    OptionSpec {
        key: "send_msg_max_timeout_per_request",
        kind: OptionKind::Milliseconds { min: -1, max: HOUR_MS },
        default: "-1",
        doc: "The deadline of one try. -1: max(500 ms, total / (tries + 1)), so that a frozen broker leaves time for the next try.",
        java: Some("-1 (no limit)"),
    },
    OptionSpec {
        key: "retry_times_when_send_failed",
        kind: OptionKind::Integer { min: 0, max: 100 },
        default: "2",
        doc: "Further tries of a synchronous send after the first.",
        java: None,
    },
    OptionSpec {
        key: "retry_times_when_send_async_failed",
        kind: OptionKind::Integer { min: 0, max: 100 },
        default: "2",
        doc: "Further tries of an asynchronous send after the first.",
        java: None,
    },
    OptionSpec {
        key: "retry_response_codes",
        kind: OptionKind::Codes,
        default: "1,2,14,17,204,205,1500",
        doc: "Response codes of a broker after which another try is made, synchronous and asynchronous alike.",
        java: Some("1,2,14,16,17,204,205,1500, synchronous only"),
    },
    OptionSpec {
        key: "retry_backoff",
        kind: OptionKind::Milliseconds { min: 0, max: HOUR_MS },
        default: "0",
        doc: "Pause before the second try of a message, inside its deadline; it doubles with each further try, with up to half of it taken off at random. 0: no pause.",
        java: Some("no pause"),
    },
    OptionSpec {
        key: "retry_backoff_max",
        kind: OptionKind::Milliseconds { min: 0, max: HOUR_MS },
        default: "1000",
        doc: "Longest pause between two tries; never less than `retry_backoff`.",
        java: None,
    },
    OptionSpec {
        key: "retry_another_broker_when_not_store_ok",
        kind: OptionKind::Flag,
        default: "false",
        doc: "Whether FLUSH_DISK_TIMEOUT, FLUSH_SLAVE_TIMEOUT and SLAVE_NOT_AVAILABLE lead to another try.",
        java: None,
    },
    OptionSpec {
        key: "send_latency_enable",
        kind: OptionKind::Flag,
        default: "false",
        doc: "Whether sends without a selector pass over brokers that were slow or failed, for as long as `fault_latency_table` says.",
        java: None,
    },
    OptionSpec {
        key: "fault_latency_table",
        kind: OptionKind::Choice(&["5.5", "4.x"]),
        default: "5.5",
        doc: "For how long a slow or failed broker is passed over, as in that generation of the Java client: 2 to 30 s, a failure 10 s; or 30 s to 10 min, a failure 10 min.",
        java: None,
    },
    OptionSpec {
        key: "start_detector_enable",
        kind: OptionKind::Flag,
        default: "false",
        doc: "With `send_latency_enable`: whether brokers that did not answer count as unreachable until a probe, or a send, gets an answer. Probes are made every 3 s.",
        java: None,
    },
    OptionSpec {
        key: "detect_timeout",
        kind: OptionKind::Milliseconds { min: MIN_MS, max: HOUR_MS },
        default: "200",
        doc: "Deadline of a probe.",
        java: None,
    },
    OptionSpec {
        key: "detect_interval",
        kind: OptionKind::Milliseconds { min: MIN_MS, max: HOUR_MS },
        default: "2000",
        doc: "Shortest time between two probes of one broker.",
        java: None,
    },
    OptionSpec {
        key: "max_message_size",
        kind: OptionKind::Integer { min: 1, max: 16_000_000 },
        default: "4194304",
        doc: "Largest body in bytes.",
        java: None,
    },
    OptionSpec {
        key: "auto_batch",
        kind: OptionKind::Flag,
        default: "false",
        doc: "Whether synchronous and asynchronous sends of single messages wait a moment for others of the same topic, queue, tag, mode and `wait_store_msg_ok`, to go in one request. What a batch cannot hold goes alone and at once: delays, priorities, lite topics, retry topics, transactions, requests and replies; so do bodies that are compressed, behind what is held of their kind. Messages that are not alike in all of this may overtake each other.",
        java: None,
    },
    OptionSpec {
        key: "batch_max_delay_ms",
        kind: OptionKind::Milliseconds { min: 1, max: 30_000 },
        default: "10",
        doc: "With `auto_batch`: the longest that a message is held; never more than half of the time that it has left.",
        java: None,
    },
    OptionSpec {
        key: "batch_max_bytes",
        kind: OptionKind::Integer { min: 1, max: 2 * 1024 * 1024 },
        default: "32768",
        doc: "With `auto_batch`: the largest request, up to `max_message_size`; one that is full goes at once. A message takes its body, its properties and 22 bytes; a larger one goes alone.",
        java: Some("32768, of bodies alone; a request goes when it is over"),
    },
    OptionSpec {
        key: "total_batch_max_bytes",
        kind: OptionKind::Integer { min: 1, max: 1 << 40 },
        default: "33554432",
        doc: "With `auto_batch`: the most bytes held, for all requests together; further messages go alone and at once, behind what is held of their kind.",
        java: None,
    },
    OptionSpec {
        key: "compress_msg_body_over_howmuch",
        kind: OptionKind::Integer { min: 0, max: i32::MAX as i64 },
        default: "4096",
        doc: "Bodies of so many bytes and more are compressed; one that does not shrink goes as it is. 0: every body; more than `max_message_size`: none.",
        java: None,
    },
    OptionSpec {
        key: "compress_type",
        kind: OptionKind::Choice(&["ZLIB", "LZ4", "ZSTD"]),
        default: "ZLIB",
        doc: "How bodies are compressed. LZ4 and ZSTD can be left out of a build (features `lz4`, `zstd`) and are refused there.",
        java: None,
    },
    OptionSpec {
        key: "compress_level",
        kind: OptionKind::Integer { min: 0, max: 22 },
        default: "5",
        doc: "Higher is smaller and slower: 0 to 9 for ZLIB, 1 to 22 for ZSTD; LZ4 has no levels.",
        java: None,
    },
    OptionSpec {
        key: "create_topic_key",
        kind: OptionKind::Text,
        default: "TBW102",
        doc: "The topic whose route serves topics that do not exist yet, when brokers create topics by themselves.",
        java: Some("TBW102, but the route lookup ignores the setting"),
    },
    OptionSpec {
        key: "default_topic_queue_nums",
        kind: OptionKind::Integer { min: 1, max: 65_535 },
        default: "4",
        doc: "Queues of a topic that a send creates; the default topic's own number is the upper bound.",
        java: None,
    },
    OptionSpec {
        key: "max_in_flight_messages",
        kind: OptionKind::Integer { min: 1, max: 1_000_000 },
        default: "65535",
        doc: "Most messages accepted and not yet completed, in all modes together.",
        java: Some("off (1024 when switched on), asynchronous only"),
    },
    OptionSpec {
        key: "max_in_flight_bytes",
        kind: OptionKind::Integer { min: 1024, max: 1 << 40 },
        default: "67108864",
        doc: "Most body bytes accepted and not yet completed. A single larger message goes through alone.",
        java: Some("off (104857600 when switched on), asynchronous only"),
    },
    OptionSpec {
        key: "backpressure",
        kind: OptionKind::Choice(&["block", "fail", "wait_forever"]),
        default: "block",
        doc: "What a send does at the limits in flight: wait up to its deadline, fail at once, or wait without an end.",
        java: Some("off"),
    },
    OptionSpec {
        key: "statistics_interval",
        kind: OptionKind::Milliseconds { min: 0, max: 24 * HOUR_MS },
        default: "0",
        doc: "How often the statistics callback is called, when one is set. 0: never; statistics can be asked for all the same.",
        java: Some("none"),
    },
    OptionSpec {
        key: "poll_name_server_interval",
        kind: OptionKind::Milliseconds { min: 100, max: HOUR_MS },
        default: "30000",
        doc: "How often the routes in use are fetched anew.",
        java: None,
    },
    OptionSpec {
        key: "heartbeat_broker_interval",
        kind: OptionKind::Milliseconds { min: 100, max: HOUR_MS },
        default: "30000",
        doc: "How often a heartbeat goes to each master broker in the routes.",
        java: None,
    },
    OptionSpec {
        key: "mq_client_api_timeout",
        kind: OptionKind::Milliseconds { min: MIN_MS, max: HOUR_MS },
        default: "3000",
        doc: "Deadline of a request to a name server, of a heartbeat and of the farewell at close.",
        java: None,
    },
    OptionSpec {
        key: "connect_timeout",
        kind: OptionKind::Milliseconds { min: MIN_MS, max: HOUR_MS },
        default: "3000",
        doc: "Deadline of opening a connection, name resolution included.",
        java: None,
    },
    OptionSpec {
        key: "reconnect_backoff_max",
        kind: OptionKind::Milliseconds { min: 0, max: HOUR_MS },
        default: "1000",
        doc: "Longest pause before an address that refused is dialled again; the pause starts at 20 ms and doubles, with jitter.",
        java: Some("60000, without growth"),
    },
    OptionSpec {
        key: "serialize_type",
        kind: OptionKind::Choice(&["JSON", "ROCKETMQ"]),
        default: "JSON",
        doc: "How request headers are written. Answers are read in whatever form the server chose.",
        java: None,
    },
    OptionSpec {
        key: "vip_channel_enabled",
        kind: OptionKind::Flag,
        default: "false",
        doc: "Whether brokers are reached at the port two below the one that routes tell.",
        java: None,
    },
    OptionSpec {
        key: "socks_proxy",
        kind: OptionKind::Text,
        default: "",
        doc: "SOCKS 5 proxy for every connection: `socks5://[user:password@]host:port`; host names are resolved by it. Empty: none.",
        java: Some("a JSON map of networks to proxies, `{}`"),
    },
    OptionSpec {
        key: "enable_trace",
        kind: OptionKind::Flag,
        default: "false",
        doc: "Whether what became of each message is told to a trace topic, in the format of RocketMQ's Java client: sends that a broker answered, ends of transactions, recalls. A producer of its own sends them; what it cannot send is dropped and counted.",
        java: None,
    },
    OptionSpec {
        key: "trace_topic",
        kind: OptionKind::Text,
        default: "",
        doc: "The topic of traces with `access_channel` = `local`. Empty: `RMQ_SYS_TRACE_TOPIC`.",
        java: None,
    },
    OptionSpec {
        key: "access_channel",
        kind: OptionKind::Choice(&["local", "cloud"]),
        default: "local",
        doc: "Where traces go: `local` to `trace_topic`, `cloud` to `rmq_sys_TRACE_DATA_` with the broker's region behind it.",
        java: None,
    },
    OptionSpec {
        key: "trace_msg_batch_num",
        kind: OptionKind::Integer { min: 1, max: 20 },
        default: "10",
        doc: "The most records in one message to the trace topic; fewer are sent after 5 s, and at the close.",
        java: None,
    },
];

/// Keys whose values are shown to nobody.
const SECRETS: &[&str] = &["access_key", "secret_key", "security_token", "socks_proxy"];

/// Whether the value of `key` must not appear in logs, errors and debug output.
pub fn is_secret(key: &str) -> bool {
    SECRETS.contains(&key)
}

/// The table's row of `key`.
pub fn find(key: &str) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|option| option.key == key)
}

/// The key nearest to a misspelt one, when one is near enough to be meant.
pub fn nearest(key: &str) -> Option<&'static str> {
    let limit = (key.chars().count() / 3).max(2);
    OPTIONS
        .iter()
        .map(|option| (edit_distance(&key.to_ascii_lowercase(), option.key), option.key))
        .min()
        .filter(|(distance, _)| *distance <= limit)
        .map(|(_, key)| key)
}

fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_defaults_are_legal() {
        for (i, option) in OPTIONS.iter().enumerate() {
            assert!(OPTIONS[..i].iter().all(|other| other.key != option.key), "{} stands twice", option.key);
            if !matches!(option.key, "url" | "producer_group") {
                super::super::check(option, option.default).unwrap();
            }
        }
    }

    /// Rows: CF-02 CF-03 CF-04 CF-05 CF-06 CF-07 CF-08 CF-09 CF-10 CF-11 CF-12 CF-13 CF-15 CF-16 CF-19 CF-20 ST-01.
    #[test]
    fn defaults_are_those_of_the_java_client_or_their_departure_is_marked() {
        for (key, java) in [
            ("send_msg_timeout", "3000"),
            ("compress_msg_body_over_howmuch", "4096"),
            ("compress_level", "5"),
            ("compress_type", "ZLIB"),
            ("retry_times_when_send_failed", "2"),
            ("retry_times_when_send_async_failed", "2"),
            ("retry_another_broker_when_not_store_ok", "false"),
            ("max_message_size", "4194304"),
            ("default_topic_queue_nums", "4"),
            ("poll_name_server_interval", "30000"),
            ("heartbeat_broker_interval", "30000"),
            ("mq_client_api_timeout", "3000"),
            ("connect_timeout", "3000"),
            ("name_server_address_interval", "120000"),
            ("instance_name", "DEFAULT"),
            ("serialize_type", "JSON"),
            ("topics", ""),
            ("auto_batch", "false"),
            ("batch_max_delay_ms", "10"),
            ("total_batch_max_bytes", "33554432"),
        ] {
            let option = find(key).unwrap();
            assert_eq!((option.default, option.java), (java, None), "{key}");
        }
        for (key, ours, java) in [
            ("send_msg_max_timeout_per_request", "-1", "no limit"),
            ("retry_response_codes", "1,2,14,17,204,205,1500", "16"),
            ("max_in_flight_messages", "65535", "1024"),
            ("max_in_flight_bytes", "67108864", "104857600"),
            ("backpressure", "block", "off"),
            ("create_topic_key", "TBW102", "ignores"),
            ("batch_max_bytes", "32768", "32768"),
            ("name_server_address_url", "", "jmenv.tbsite.net"),
        ] {
            let option = find(key).unwrap();
            assert_eq!(option.default, ours, "{key}");
            assert!(option.java.is_some_and(|text| text.contains(java)), "{key}: {:?}", option.java);
        }
    }

    #[test]
    fn the_nearest_key_is_suggested_only_when_near() {
        assert_eq!(nearest("send_msg_timout"), Some("send_msg_timeout"));
        assert_eq!(nearest("Producer_Group"), Some("producer_group"));
        assert_eq!(nearest("sendMsgTimeout"), Some("send_msg_timeout"));
        assert_eq!(nearest("zzzzzzzzzz"), None);
    }
}
