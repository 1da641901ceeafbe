//! The keys about traces, and the settings of the producer that sends them.

use super::settings::{Backpressure, Settings, text};
use super::{Config, Target};
use crate::error::Result;
use crate::protocol::remoting::trace::{CLOUD_TRACE_TOPIC, MAX_BODY, TRACE_TOPIC};
use std::borrow::Cow;
use std::time::Duration;

/// Java's; a trace that needs longer is given up.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// What the trace producer may have under way; more traces are dropped.
const MAX_IN_FLIGHT: usize = 1_024;
const MAX_IN_FLIGHT_BYTES: usize = 8 * 1024 * 1024;

/// Where traces go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TraceRules {
    topic: String,
    cloud: bool,
    /// The most records in one message.
    pub(crate) batch: usize,
}

impl TraceRules {
    /// `None`: `enable_trace` is off.
    pub(super) fn from_config(config: &Config) -> Result<Option<TraceRules>> {
        if config.get("enable_trace") != Some("true") {
            return Ok(None);
        }
        let topic = text(config, "trace_topic");
        Ok(Some(TraceRules {
            topic: if topic.is_empty() { TRACE_TOPIC.to_owned() } else { topic },
            cloud: config.get("access_channel") == Some("cloud"),
            batch: super::settings::number(config, "trace_msg_batch_num")?,
        }))
    }

    /// The topic for traces of brokers in `region`.
    pub(crate) fn topic(&self, region: &str) -> Cow<'_, str> {
        match self.cloud {
            true => Cow::Owned(format!("{CLOUD_TRACE_TOPIC}{region}")),
            false => Cow::Borrowed(&self.topic),
        }
    }

    /// Whether the topic depends on the region.
    pub(crate) fn by_region(&self) -> bool {
        self.cloud
    }

    /// Whether messages to `topic` are traces themselves.
    pub(crate) fn is_trace_topic(&self, topic: &str) -> bool {
        topic == self.topic || (self.cloud && topic.starts_with(CLOUD_TRACE_TOPIC))
    }
}

impl Settings {
    /// Those of the producer that sends this one's traces: the same servers, reached and signed for in the same way,
    /// and all else by default.
    pub(crate) fn of_trace_producer(&self, name_servers: Vec<String>, number: u32) -> Result<Settings> {
        let plain = Config::default().with("url", "rocketmq://localhost:1")?.with("producer_group", "G")?;
        let mut settings = Settings::from_config(&plain)?;
        settings.target = Target::RocketMq { name_servers };
        settings.producer_group = format!("_INNER_TRACE_PRODUCER-{}-PRODUCE-{number}", self.producer_group);
        settings.address_server = self.address_server.clone();
        settings.address_interval = self.address_interval;
        settings.broker_addresses = self.broker_addresses.clone();
        settings.client_ip = self.client_ip;
        settings.envelope = self.envelope.clone();
        settings.tls = self.tls.clone();
        settings.proxy = self.proxy.clone();
        settings.poll_name_server_interval = self.poll_name_server_interval;
        settings.heartbeat_broker_interval = self.heartbeat_broker_interval;
        settings.api_timeout = self.api_timeout;
        settings.connect_timeout = self.connect_timeout;
        settings.reconnect_backoff_max = self.reconnect_backoff_max;
        settings.serializer = self.serializer;
        settings.send_msg_timeout = SEND_TIMEOUT;
        settings.max_message_size = MAX_BODY;
        // It sends on the I/O thread, which has better things to do than to compress.
        settings.compression.threshold = usize::MAX;
        settings.max_in_flight_messages = MAX_IN_FLIGHT;
        settings.max_in_flight_bytes = MAX_IN_FLIGHT_BYTES;
        settings.backpressure = Backpressure::Fail;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(more: &[(&str, &str)]) -> Settings {
        let mut config = Config::default();
        for (key, value) in [("url", "rocketmq://a:1"), ("producer_group", "G")].iter().chain(more) {
            config.set(key, value).unwrap();
        }
        Settings::from_config(&config).unwrap()
    }

    /// Rows: TR-01 TR-06.
    #[test]
    fn traces_are_off_and_go_to_the_default_topic_another_or_the_region_s() {
        assert_eq!(settings(&[]).trace, None);
        let on = settings(&[("enable_trace", "true")]).trace.unwrap();
        assert_eq!((&*on.topic("R"), on.batch), ("RMQ_SYS_TRACE_TOPIC", 10));
        assert!(on.is_trace_topic("RMQ_SYS_TRACE_TOPIC") && !on.is_trace_topic("RMQ_SYS_TRACE_TOPIC2"));
        let other = settings(&[("enable_trace", "true"), ("trace_topic", "Mine")]).trace.unwrap();
        assert_eq!(other.topic("R"), "Mine");
        assert!(other.is_trace_topic("Mine") && !other.is_trace_topic("rmq_sys_TRACE_DATA_R"));
        let cloud = settings(&[("enable_trace", "true"), ("access_channel", "cloud")]).trace.unwrap();
        assert_eq!(cloud.topic("cn-1"), "rmq_sys_TRACE_DATA_cn-1");
        assert!(cloud.is_trace_topic("rmq_sys_TRACE_DATA_other"));
        assert!(Config::default().set("trace_topic", "a b").unwrap_err().message().contains("`trace_topic`"));
        assert!(Config::default().set("trace_msg_batch_num", "21").unwrap_err().message().contains("from 1 to 20"));
    }

    /// Rows: TR-03.
    #[test]
    fn the_trace_producer_reaches_the_same_servers_and_does_nothing_else() {
        let of = settings(&[
            ("enable_trace", "true"),
            ("namespace", "NS"),
            ("namespace_v2", "N2"),
            ("instance_name", "mine"),
            ("vip_channel_enabled", "true"),
            ("send_latency_enable", "true"),
            ("socks_proxy", "socks5://p:1080"),
            ("client_ip", "10.0.0.9"),
            ("serialize_type", "ROCKETMQ"),
            ("topics", "A"),
        ]);
        let inner = of.of_trace_producer(vec!["a:1".to_owned()], 3).unwrap();
        assert_eq!(inner.producer_group, "_INNER_TRACE_PRODUCER-NS%G-PRODUCE-3");
        assert_eq!(inner.target, of.target);
        assert!(std::sync::Arc::ptr_eq(&inner.envelope, &of.envelope), "keys and namespace of the header");
        assert_eq!((inner.client_ip, inner.serializer), (of.client_ip, of.serializer));
        assert!(inner.proxy.is_some());
        assert!(inner.trace.is_none() && inner.fault_tolerance.is_none() && inner.topics.is_empty());
        assert_eq!((inner.namespace.name(), inner.vip_channel, &*inner.instance_name), (None, false, "DEFAULT"));
        assert_eq!(inner.send_msg_timeout, Duration::from_millis(5000));
    }
}
