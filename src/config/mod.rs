//! String-keyed configuration, checked when it is set.

mod activemq;
mod broker_url;
pub mod options;
mod page;
mod reliability;
mod security;
mod settings;
mod trace;
mod url;

pub(crate) use activemq::ActiveMq;
pub(crate) use broker_url::{BrokerAddress, BrokerUrl, Failover};
pub use options::{OPTIONS, OptionKind, OptionSpec};
pub use page::markdown;
pub(crate) use reliability::{Fsync, SpoolRules};
pub(crate) use security::TlsFiles;
pub(crate) use settings::{Backpressure, FaultTolerance, Settings};
pub(crate) use trace::TraceRules;
#[cfg(feature = "mock")]
pub(crate) use url::cluster_name;
pub(crate) use url::{Target, host_and_port, name_server_list};

use crate::error::{Error, ErrorKind, Result};
use crate::net::http::HttpUrl;
use crate::policy::address_map::AddressMap;
use crate::protocol::remoting::compress::supported;
use std::collections::BTreeMap;

/// The configuration of a producer: what was set, over the table's defaults.
///
/// A value is checked when it is set; what must agree between keys is checked by [`crate::Producer::new`].
#[derive(Clone, Default)]
pub struct Config {
    set: BTreeMap<&'static str, String>,
    /// What the environment gives for `url`.
    environment_url: Option<String>,
}

/// Where the name servers stand when `url` is not set.
const NAME_SERVERS_VARIABLE: &str = "NAMESRV_ADDR";

impl Config {
    /// A configuration with every default.
    ///
    /// The environment is read here and nowhere else: `NAMESRV_ADDR` (`host:port;host:port`) stands for a `url` that
    /// is not set. [`Config::default`] does not look at it.
    pub fn new() -> Self {
        Config::from_environment(|variable| std::env::var(variable).ok())
    }

    fn from_environment(read: impl Fn(&str) -> Option<String>) -> Self {
        let name_servers = read(NAME_SERVERS_VARIABLE).filter(|value| !value.trim().is_empty());
        let environment_url = name_servers.map(|value| format!("rocketmq://{}", value.trim()));
        Config { set: BTreeMap::new(), environment_url }
    }

    /// Sets `key`. Unknown keys and illegal values are refused with a text that names key, value and range.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let Some(option) = options::find(key) else {
            let hint = match options::nearest(key) {
                Some(nearest) => format!("; did you mean `{nearest}`?"),
                None => String::new(),
            };
            return Err(invalid(format!("unknown configuration key `{key}`{hint}")));
        };
        check(option, value)?;
        self.set.insert(option.key, value.to_owned());
        Ok(())
    }

    /// The same, for a chain of settings.
    pub fn with(mut self, key: &str, value: &str) -> Result<Self> {
        self.set(key, value)?;
        Ok(self)
    }

    /// The value in force, a default included; `None` for an unknown key.
    pub fn get(&self, key: &str) -> Option<&str> {
        let option = options::find(key)?;
        let default = match (&self.environment_url, option.key) {
            (Some(url), "url") => url,
            _ => option.default,
        };
        Some(self.set.get(option.key).map_or(default, String::as_str))
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = self.set.iter().map(|(key, value)| match options::is_secret(key) {
            true => (key, "***".into()),
            false if *key == "url" => (key, broker_url::shown(value)),
            false => (key, value.clone()),
        });
        f.debug_map().entries(shown).finish()
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidConfig, message)
}

/// Whether `value` is legal for `option`.
fn check(option: &OptionSpec, value: &str) -> Result<()> {
    let refuse = |range: String| Err(invalid(format!("`{}` = `{value}` is not legal: {range}", option.key)));
    match option.kind {
        OptionKind::Text | OptionKind::List => match (option.key, value) {
            ("url", url) => Target::parse(url).map(|_| ()),
            ("name_server_address_url", "") => Ok(()),
            ("name_server_address_url", url) => match HttpUrl::parse(url) {
                Ok(_) => Ok(()),
                Err(why) => refuse(format!("{why}; expected `http://host[:port]/path`")),
            },
            ("broker_address_map", pairs) => {
                match AddressMap::parse(settings::list(pairs).iter().map(String::as_str)) {
                    Ok(_) => Ok(()),
                    Err(why) => refuse(format!("{why}; expected `from=to,from=to`")),
                }
            }
            ("destination", "") => Ok(()),
            ("destination", name) => crate::policy::destination::parse(name)
                .map(|_| ())
                .map_err(|error| invalid(format!("`destination`: {}", error.message()))),
            ("producer_group", group) => crate::policy::validate::group(group),
            ("socks_proxy", url) if !url.is_empty() => match crate::net::socks::Proxy::parse(url) {
                Ok(_) => Ok(()),
                // The value may hold a password.
                Err(why) => Err(invalid(format!("`socks_proxy` is malformed: {why}"))),
            },
            ("client_ip" | "namespace" | "trace_topic", "") => Ok(()),
            ("namespace", name) => crate::policy::validate::topic_name(name)
                .map_err(|error| invalid(format!("`namespace`: {}", error.message()))),
            ("client_ip", ip) if ip.parse::<std::net::IpAddr>().is_err() => {
                refuse("it must be an IPv4 or IPv6 address".into())
            }
            (key @ ("create_topic_key" | "trace_topic"), topic) => crate::policy::validate::topic_name(topic)
                .map_err(|error| invalid(format!("`{key}`: {}", error.message()))),
            _ => Ok(()),
        },
        OptionKind::Integer { min, max } => match value.parse::<i64>() {
            Ok(number) if (min..=max).contains(&number) => Ok(()),
            _ => refuse(format!("it must be a whole number from {min} to {max}")),
        },
        OptionKind::Milliseconds { min, max } => match value.parse::<i64>() {
            Ok(number) if (min..=max).contains(&number) => Ok(()),
            _ => refuse(format!("it must be whole milliseconds from {min} to {max}")),
        },
        OptionKind::Flag => match value {
            "true" | "false" => Ok(()),
            _ => refuse("it must be `true` or `false`".into()),
        },
        OptionKind::Choice(words) if words.contains(&value) => match option.key {
            "compress_type" if !supported(settings::compression_type(value)) => {
                let what = format!("`compress_type` = `{value}`: this build has no {value}");
                Err(Error::new(ErrorKind::Unsupported, what))
            }
            _ => Ok(()),
        },
        OptionKind::Choice(words) => refuse(format!("it must be one of {}", words.join(", "))),
        OptionKind::Codes => match settings::codes(value) {
            Some(_) => Ok(()),
            None => refuse("it must be whole numbers separated by commas".into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_one() {
        let error = Config::new().set("send_msg_timout", "1").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert_eq!(error.message(), "unknown configuration key `send_msg_timout`; did you mean `send_msg_timeout`?");
    }

    #[test]
    fn a_value_out_of_range_is_refused_with_key_value_and_range() {
        let error = Config::new().set("send_msg_timeout", "0").unwrap_err();
        assert_eq!(
            error.message(),
            "`send_msg_timeout` = `0` is not legal: it must be whole milliseconds from 1 to 3600000"
        );
        assert!(Config::new().set("backpressure", "maybe").is_err());
        assert!(Config::new().set("retry_response_codes", "1,x").is_err());
        assert!(Config::new().set("client_ip", "nowhere").is_err());
    }

    /// Rows: CF-19.
    #[test]
    fn the_environment_names_the_servers_when_the_url_is_not_set() {
        let with =
            |value: &'static str| Config::from_environment(move |name| (name == "NAMESRV_ADDR").then(|| value.into()));
        let mut config = with(" a:1;b:2 ");
        assert_eq!(config.get("url"), Some("rocketmq://a:1;b:2"));
        config.set("url", "rocketmq://c:3").unwrap();
        assert_eq!(config.get("url"), Some("rocketmq://c:3"));
        assert_eq!(with("").get("url"), Some(""));
        let malformed = with("nonsense").with("producer_group", "G").unwrap();
        let error = Settings::from_config(&malformed).unwrap_err();
        assert!(
            error.message().contains("`rocketmq://nonsense`") && error.message().contains("NAMESRV_ADDR"),
            "{error}"
        );
    }

    #[test]
    fn malformed_addresses_are_refused_when_they_are_set() {
        for (key, value, why) in [
            ("name_server_address_url", "https://h/", "`http://`"),
            ("broker_address_map", "a:1=b:2,c", "`c` has no `=`"),
        ] {
            let error = Config::new().set(key, value).unwrap_err();
            assert!(error.message().contains(why) && error.message().contains(key), "{error}");
        }
    }

    /// Rows: CF-05.
    #[test]
    fn a_compression_that_was_not_built_is_refused_when_it_is_set() {
        for (word, built) in [("ZLIB", true), ("LZ4", cfg!(feature = "lz4")), ("ZSTD", cfg!(feature = "zstd"))] {
            match Config::new().set("compress_type", word) {
                Ok(()) => assert!(built, "{word}"),
                Err(error) => {
                    assert!(!built, "{word}");
                    assert_eq!(error.kind(), ErrorKind::Unsupported);
                    assert!(error.message().contains(word), "{error}");
                }
            }
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let config = Config::new()
            .with("access_key", "AK-visible")
            .and_then(|c| c.with("secret_key", "SK-visible"))
            .and_then(|c| c.with("security_token", "ST-visible"))
            .and_then(|c| c.with("send_msg_timeout", "5"))
            .and_then(|c| c.with("url", "activemq://host:61616?jms.userName=alice&jms.password=PW-visible"))
            .unwrap();
        let shown = format!("{config:?} {config:#?}");
        assert!(!shown.contains("visible"), "{shown}");
        assert!(shown.contains("\"send_msg_timeout\": \"5\"") && shown.contains("userName=alice"), "{shown}");
    }

    #[test]
    fn defaults_answer_for_keys_that_are_not_set() {
        let config = Config::new().with("send_msg_timeout", "5").unwrap();
        assert_eq!(config.get("send_msg_timeout"), Some("5"));
        assert_eq!(config.get("max_message_size"), Some("4194304"));
        assert_eq!(config.get("nonsense"), None);
    }
}
