//! String-keyed configuration, checked when it is set.

pub mod options;
mod page;
mod security;
mod settings;
mod url;

pub use options::{OPTIONS, OptionKind, OptionSpec};
pub use page::markdown;
pub(crate) use security::TlsFiles;
pub(crate) use settings::{Backpressure, Settings};
#[cfg(feature = "mock")]
pub(crate) use url::cluster_name;
pub(crate) use url::{Target, host_and_port};

use crate::error::{Error, ErrorKind, Result};
use std::collections::BTreeMap;

/// The configuration of a producer: what was set, over the table's defaults.
///
/// A value is checked when it is set; what must agree between keys is checked by [`crate::Producer::new`].
#[derive(Clone, Default)]
pub struct Config {
    set: BTreeMap<&'static str, String>,
}

impl Config {
    /// A configuration with every default.
    pub fn new() -> Self {
        Config::default()
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
        Some(self.set.get(option.key).map_or(option.default, String::as_str))
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = self.set.iter().map(|(key, value)| match options::is_secret(key) {
            true => (key, "***"),
            false => (key, value.as_str()),
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
            ("producer_group", group) => crate::policy::validate::group(group),
            ("socks_proxy", url) if !url.is_empty() => match crate::net::socks::Proxy::parse(url) {
                Ok(_) => Ok(()),
                // The value may hold a password.
                Err(why) => Err(invalid(format!("`socks_proxy` is malformed: {why}"))),
            },
            ("client_ip" | "namespace", "") => Ok(()),
            ("namespace", name) => crate::policy::validate::topic_name(name)
                .map_err(|error| invalid(format!("`namespace`: {}", error.message()))),
            ("client_ip", ip) if ip.parse::<std::net::IpAddr>().is_err() => {
                refuse("it must be an IPv4 or IPv6 address".into())
            }
            ("create_topic_key", topic) => crate::policy::validate::topic_name(topic)
                .map_err(|error| invalid(format!("`create_topic_key`: {}", error.message()))),
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
        OptionKind::Choice(words) if words.contains(&value) => Ok(()),
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

    #[test]
    fn secrets_do_not_show() {
        let config = Config::new()
            .with("access_key", "AK-visible")
            .and_then(|c| c.with("secret_key", "SK-visible"))
            .and_then(|c| c.with("security_token", "ST-visible"))
            .and_then(|c| c.with("send_msg_timeout", "5"))
            .unwrap();
        let shown = format!("{config:?} {config:#?}");
        assert!(!shown.contains("visible"), "{shown}");
        assert!(shown.contains("\"send_msg_timeout\": \"5\""), "{shown}");
    }

    #[test]
    fn defaults_answer_for_keys_that_are_not_set() {
        let config = Config::new().with("send_msg_timeout", "5").unwrap();
        assert_eq!(config.get("send_msg_timeout"), Some("5"));
        assert_eq!(config.get("max_message_size"), Some("4194304"));
        assert_eq!(config.get("nonsense"), None);
    }
}
