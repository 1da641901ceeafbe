//! The typed form of a configuration, made once for each producer.

use super::security::TlsFiles;
use super::{Config, Target, invalid};
use crate::error::Result;
use crate::net::socks::Proxy;
use crate::policy::namespace::Namespace;
use crate::protocol::remoting::envelope::Envelope;
use crate::protocol::remoting::frame::Serializer;
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

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) target: Target,
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
    pub(crate) max_message_size: usize,
    pub(crate) create_topic_key: String,
    pub(crate) default_topic_queue_nums: i32,
    pub(crate) max_in_flight_messages: usize,
    pub(crate) max_in_flight_bytes: usize,
    pub(crate) backpressure: Backpressure,
    pub(crate) poll_name_server_interval: Duration,
    pub(crate) heartbeat_broker_interval: Duration,
    pub(crate) api_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) reconnect_backoff_max: Duration,
    pub(crate) serializer: Serializer,
}

impl Settings {
    /// Reads the values, all of them checked when they were set; refuses a required key that is missing.
    pub(crate) fn from_config(config: &Config) -> Result<Settings> {
        for key in ["url", "producer_group"] {
            if text(config, key).is_empty() {
                return Err(invalid(format!("`{key}` is required and not set")));
            }
        }
        let namespace = Namespace::new(&text(config, "namespace"));
        let producer_group = namespace.wrap(&text(config, "producer_group")).into_owned();
        crate::policy::validate::group(&producer_group)?;
        Ok(Settings {
            target: Target::parse(&text(config, "url"))?,
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
            max_message_size: number(config, "max_message_size")?,
            create_topic_key: text(config, "create_topic_key"),
            default_topic_queue_nums: number(config, "default_topic_queue_nums")?,
            max_in_flight_messages: number(config, "max_in_flight_messages")?,
            max_in_flight_bytes: number(config, "max_in_flight_bytes")?,
            backpressure: match text(config, "backpressure").as_str() {
                "fail" => Backpressure::Fail,
                "wait_forever" => Backpressure::WaitForever,
                _ => Backpressure::Block,
            },
            poll_name_server_interval: milliseconds(config, "poll_name_server_interval")?,
            heartbeat_broker_interval: milliseconds(config, "heartbeat_broker_interval")?,
            api_timeout: milliseconds(config, "mq_client_api_timeout")?,
            connect_timeout: milliseconds(config, "connect_timeout")?,
            reconnect_backoff_max: milliseconds(config, "reconnect_backoff_max")?,
            serializer: match text(config, "serialize_type").as_str() {
                "ROCKETMQ" => Serializer::Rocketmq,
                _ => Serializer::Json,
            },
        })
    }
}

fn text(config: &Config, key: &str) -> String {
    config.get(key).unwrap_or_default().to_owned()
}

fn flag(config: &Config, key: &str) -> bool {
    config.get(key) == Some("true")
}

fn integer(config: &Config, key: &str) -> Result<i64> {
    let value = text(config, key);
    value.parse().map_err(|_| invalid(format!("`{key}` = `{value}` is not a whole number")))
}

fn number<T: TryFrom<i64>>(config: &Config, key: &str) -> Result<T> {
    let value = integer(config, key)?;
    T::try_from(value).map_err(|_| invalid(format!("`{key}` = `{value}` does not fit this platform")))
}

fn milliseconds(config: &Config, key: &str) -> Result<Duration> {
    Ok(Duration::from_millis(number(config, key)?))
}

fn list(text: &str) -> Vec<String> {
    text.split([',', ';']).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Whole numbers separated by commas; `None` when one is not.
pub(super) fn codes(text: &str) -> Option<Vec<i32>> {
    list(text).iter().map(|code| code.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_keys_are_named() {
        let error = Settings::from_config(&Config::new()).unwrap_err();
        assert_eq!(error.message(), "`url` is required and not set");
        let config = Config::new().with("url", "mock://").unwrap();
        let error = Settings::from_config(&config).unwrap_err();
        assert_eq!(error.message(), "`producer_group` is required and not set");
    }

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
