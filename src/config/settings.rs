//! The typed form of a configuration, made once for each producer.

use super::reliability::Reliability;
use super::security::TlsFiles;
use super::trace::TraceRules;
use super::{ActiveMq, Config, Target, invalid};
use crate::error::Result;
use crate::net::http::HttpUrl;
use crate::net::socks::Proxy;
use crate::policy::address_map::AddressMap;
use crate::policy::compress::CompressionRules;
use crate::policy::fault::Preset;
use crate::policy::linger::Limits;
use crate::policy::namespace::Namespace;
use crate::protocol::remoting::compress::levels;
use crate::protocol::remoting::envelope::Envelope;
use crate::protocol::remoting::frame::Serializer;
use crate::protocol::remoting::sys_flag::Compression;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What a send does at the limits in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backpressure {
    /// Wait up to the send's deadline.
    Block,
    /// Fail at once.
    Fail,
    /// Wait without an end.
    WaitForever,
}

/// How brokers that are slow or out of reach are found and passed over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FaultTolerance {
    pub(crate) preset: Preset,
    /// Deadline and interval of probes; `None`: no probes.
    pub(crate) detector: Option<(Duration, Duration)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) target: Target,
    pub(crate) address_server: Option<HttpUrl>,
    pub(crate) address_interval: Duration,
    pub(crate) broker_addresses: AddressMap,
    pub(crate) producer_group: String,
    pub(crate) instance_name: String,
    pub(crate) client_ip: Option<IpAddr>,
    pub(crate) unit_name: String,
    pub(crate) unit_mode: bool,
    pub(crate) namespace: Namespace,
    pub(crate) envelope: Arc<Envelope>,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) vip_channel: bool,
    pub(crate) topics: Vec<String>,
    pub(crate) send_msg_timeout: Duration,
    pub(crate) per_request_timeout: Option<Duration>,
    pub(crate) sync_tries: u32,
    pub(crate) async_tries: u32,
    pub(crate) retry_response_codes: Vec<i32>,
    pub(crate) retry_when_not_store_ok: bool,
    pub(crate) retry_backoff: Duration,
    pub(crate) retry_backoff_max: Duration,
    /// The most that is taken off a pause at random, as a part of it.
    pub(crate) retry_jitter: f64,
    /// `None`: a stored message is a success, and what fails is only told to its sender.
    pub(crate) reliability: Option<Reliability>,
    pub(crate) fault_tolerance: Option<FaultTolerance>,
    pub(crate) max_message_size: usize,
    /// `None`: each message goes by itself.
    pub(crate) auto_batch: Option<Limits>,
    pub(crate) compression: CompressionRules,
    pub(crate) create_topic_key: String,
    pub(crate) default_topic_queue_nums: i32,
    pub(crate) max_in_flight_messages: usize,
    pub(crate) max_in_flight_bytes: usize,
    pub(crate) backpressure: Backpressure,
    /// Zero: no statistics of their own accord.
    pub(crate) statistics_interval: Duration,
    pub(crate) poll_name_server_interval: Duration,
    pub(crate) heartbeat_broker_interval: Duration,
    pub(crate) api_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) reconnect_backoff_max: Duration,
    pub(crate) serializer: Serializer,
    /// `None`: no traces.
    pub(crate) trace: Option<TraceRules>,
    /// `None`: the target is no broker of ActiveMQ.
    pub(crate) activemq: Option<Box<ActiveMq>>,
}

impl Settings {
    /// Reads the values, all of them checked when they were set; refuses a required key that is missing.
    pub(crate) fn from_config(config: &Config) -> Result<Settings> {
        let address_server = match text(config, "name_server_address_url").as_str() {
            "" => None,
            url => Some(HttpUrl::parse(url).map_err(|why| invalid(format!("`name_server_address_url`: {why}")))?),
        };
        let target = target(config, address_server.is_some())?;
        let activemq = match &target {
            Target::ActiveMq(url) => Some(Box::new(ActiveMq::from_config(config, (**url).clone())?)),
            _ => None,
        };
        if text(config, "producer_group").is_empty() && activemq.is_none() {
            return Err(invalid("`producer_group` is required and not set".to_owned()));
        }
        let namespace = Namespace::new(&text(config, "namespace"));
        let producer_group = namespace.wrap(&text(config, "producer_group")).into_owned();
        if !producer_group.is_empty() {
            crate::policy::validate::group(&producer_group)?;
        }
        let mut settings = Settings {
            target,
            address_server,
            address_interval: milliseconds(config, "name_server_address_interval")?,
            broker_addresses: AddressMap::parse(list(&text(config, "broker_address_map")).iter().map(String::as_str))
                .map_err(|why| invalid(format!("`broker_address_map`: {why}")))?,
            producer_group,
            instance_name: text(config, "instance_name"),
            client_ip: text(config, "client_ip").parse().ok(),
            unit_name: text(config, "unit_name"),
            unit_mode: flag(config, "unit_mode"),
            topics: list(&text(config, "topics")).iter().map(|topic| namespace.wrap(topic).into_owned()).collect(),
            namespace,
            envelope: Arc::new(Envelope::from_config(config)?),
            tls: TlsFiles::from_config(config)?,
            proxy: match text(config, "socks_proxy").as_str() {
                "" => None,
                url => Some(Proxy::parse(url).map_err(|why| invalid(format!("`socks_proxy` is malformed: {why}")))?),
            },
            vip_channel: flag(config, "vip_channel_enabled"),
            send_msg_timeout: milliseconds(config, "send_msg_timeout")?,
            per_request_timeout: match integer(config, "send_msg_max_timeout_per_request")? {
                limit if limit <= 0 => None,
                limit => Some(Duration::from_millis(limit.unsigned_abs())),
            },
            sync_tries: number::<u32>(config, "retry_times_when_send_failed")? + 1,
            async_tries: number::<u32>(config, "retry_times_when_send_async_failed")? + 1,
            retry_response_codes: codes(&text(config, "retry_response_codes")).unwrap_or_default(),
            retry_when_not_store_ok: text(config, "retry_another_broker_when_not_store_ok") == "true",
            retry_backoff: milliseconds(config, "retry_backoff")?,
            retry_backoff_max: milliseconds(config, "retry_backoff_max")?,
            retry_jitter: 0.5,
            reliability: None,
            fault_tolerance: fault_tolerance(config)?,
            max_message_size: number(config, "max_message_size")?,
            auto_batch: auto_batch(config)?,
            compression: compression(config)?,
            create_topic_key: text(config, "create_topic_key"),
            default_topic_queue_nums: number(config, "default_topic_queue_nums")?,
            max_in_flight_messages: number(config, "max_in_flight_messages")?,
            max_in_flight_bytes: number(config, "max_in_flight_bytes")?,
            backpressure: match text(config, "backpressure").as_str() {
                "fail" => Backpressure::Fail,
                "wait_forever" => Backpressure::WaitForever,
                _ => Backpressure::Block,
            },
            statistics_interval: milliseconds(config, "statistics_interval")?,
            poll_name_server_interval: milliseconds(config, "poll_name_server_interval")?,
            heartbeat_broker_interval: milliseconds(config, "heartbeat_broker_interval")?,
            api_timeout: milliseconds(config, "mq_client_api_timeout")?,
            connect_timeout: milliseconds(config, "connect_timeout")?,
            reconnect_backoff_max: milliseconds(config, "reconnect_backoff_max")?,
            serializer: match text(config, "serialize_type").as_str() {
                "ROCKETMQ" => Serializer::Rocketmq,
                _ => Serializer::Json,
            },
            trace: TraceRules::from_config(config)?,
            activemq,
        };
        super::reliability::apply(config, &mut settings)?;
        Ok(settings)
    }
}

fn fault_tolerance(config: &Config) -> Result<Option<FaultTolerance>> {
    let on = |key| text(config, key) == "true";
    if !on("send_latency_enable") {
        return Ok(None);
    }
    let probes = (milliseconds(config, "detect_timeout")?, milliseconds(config, "detect_interval")?);
    Ok(Some(FaultTolerance {
        preset: if text(config, "fault_latency_table") == "4.x" { Preset::V4 } else { Preset::V5 },
        detector: on("start_detector_enable").then_some(probes),
    }))
}

fn auto_batch(config: &Config) -> Result<Option<Limits>> {
    if !flag(config, "auto_batch") {
        return Ok(None);
    }
    Ok(Some(Limits {
        delay: milliseconds(config, "batch_max_delay_ms")?,
        group_bytes: number(config, "batch_max_bytes")?,
        total_bytes: number(config, "total_batch_max_bytes")?,
    }))
}

pub(super) fn compression_type(word: &str) -> Compression {
    match word {
        "LZ4" => Compression::Lz4,
        "ZSTD" => Compression::Zstd,
        _ => Compression::Zlib,
    }
}

fn compression(config: &Config) -> Result<CompressionRules> {
    let word = text(config, "compress_type");
    let compression = compression_type(&word);
    let level = integer(config, "compress_level")?;
    let (lowest, highest) = levels(compression);
    if !(lowest..=highest).contains(&level) {
        return Err(invalid(format!(
            "`compress_level` = `{level}` is not legal for `compress_type` = `{word}`: it must be from {lowest} to {highest}"
        )));
    }
    Ok(CompressionRules {
        threshold: number(config, "compress_msg_body_over_howmuch")?,
        compression,
        level: number(config, "compress_level")?,
    })
}

/// An empty `url` stands for name servers that the address server tells, when there is one.
fn target(config: &Config, address_server: bool) -> Result<Target> {
    let url = text(config, "url");
    if url.is_empty() && !address_server {
        return Err(invalid("`url` is required and not set".to_owned()));
    }
    if url.is_empty() {
        return Ok(Target::RocketMq { name_servers: Vec::new() });
    }
    Target::parse(&url).map_err(|error| match config.set.contains_key("url") {
        true => error,
        false => error.context("`NAMESRV_ADDR` of the environment"),
    })
}

pub(super) fn text(config: &Config, key: &str) -> String {
    config.get(key).unwrap_or_default().to_owned()
}

pub(super) fn flag(config: &Config, key: &str) -> bool {
    config.get(key) == Some("true")
}

fn integer(config: &Config, key: &str) -> Result<i64> {
    let value = text(config, key);
    value.parse().map_err(|_| invalid(format!("`{key}` = `{value}` is not a whole number")))
}

pub(super) fn number<T: TryFrom<i64>>(config: &Config, key: &str) -> Result<T> {
    let value = integer(config, key)?;
    T::try_from(value).map_err(|_| invalid(format!("`{key}` = `{value}` does not fit this platform")))
}

pub(super) fn milliseconds(config: &Config, key: &str) -> Result<Duration> {
    Ok(Duration::from_millis(number(config, key)?))
}

pub(super) fn list(text: &str) -> Vec<String> {
    text.split([',', ';']).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Whole numbers separated by commas; `None` when one is not.
pub(super) fn codes(text: &str) -> Option<Vec<i32>> {
    list(text).iter().map(|code| code.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: CF-01.
    #[test]
    fn required_keys_are_named() {
        let error = Settings::from_config(&Config::default()).unwrap_err();
        assert_eq!(error.message(), "`url` is required and not set");
        let config = Config::default().with("url", "mock://").unwrap();
        let error = Settings::from_config(&config).unwrap_err();
        assert_eq!(error.message(), "`producer_group` is required and not set");
        let config = Config::default().with("name_server_address_url", "http://h/").unwrap();
        let config = config.with("producer_group", "G").unwrap();
        assert_eq!(Settings::from_config(&config).unwrap().target, Target::RocketMq { name_servers: Vec::new() });
    }

    /// Rows: CO-02 CF-04.
    #[test]
    fn a_level_must_fit_its_type() {
        let config = |kind, level| {
            let config = Config::new().with("url", "mock://").and_then(|c| c.with("producer_group", "G"));
            config.and_then(|c| c.with("compress_type", kind)).and_then(|c| c.with("compress_level", level)).unwrap()
        };
        assert_eq!(Settings::from_config(&config("ZLIB", "9")).unwrap().compression.level, 9);
        let error = Settings::from_config(&config("ZLIB", "10")).unwrap_err();
        assert_eq!(
            error.message(),
            "`compress_level` = `10` is not legal for `compress_type` = `ZLIB`: it must be from 0 to 9"
        );
        #[cfg(feature = "zstd")]
        assert!(Settings::from_config(&config("ZSTD", "0")).unwrap_err().message().contains("from 1 to 22"));
    }

    /// Rows: CF-06.
    #[test]
    fn values_take_their_types() {
        let config = Config::new()
            .with("url", "rocketmq://a:1")
            .and_then(|c| c.with("producer_group", "G"))
            .and_then(|c| c.with("topics", "A, B;C"))
            .and_then(|c| c.with("send_msg_max_timeout_per_request", "700"))
            .unwrap();
        let settings = Settings::from_config(&config).unwrap();
        assert_eq!(settings.topics, ["A", "B", "C"]);
        assert_eq!(settings.per_request_timeout, Some(Duration::from_millis(700)));
        assert_eq!(settings.sync_tries, 3);
        assert_eq!(settings.retry_response_codes, [1, 2, 14, 17, 204, 205, 1500]);
    }
}
