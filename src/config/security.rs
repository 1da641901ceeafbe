//! The keys about credentials and TLS, read together because they must agree.

use super::{Config, invalid};
use crate::error::Result;
use crate::protocol::remoting::envelope::{Credentials, Envelope};
use std::path::PathBuf;

/// What TLS is made from.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "read by `net::tls` alone"))]
pub(crate) struct TlsFiles {
    /// Certificates to trust; `None`: the system's.
    pub(crate) ca: Option<PathBuf>,
    /// Certificate chain and private key of this client.
    pub(crate) client: Option<(PathBuf, PathBuf)>,
    /// The name to check; `None`: the host of each address.
    pub(crate) server_name: Option<String>,
    pub(crate) skip_verify: bool,
}

fn given<'a>(config: &'a Config, key: &str) -> Option<&'a str> {
    config.get(key).filter(|value| !value.is_empty())
}

/// Both or neither of two keys that go together.
fn pair<'a>(config: &'a Config, a: &str, b: &str) -> Result<Option<(&'a str, &'a str)>> {
    match (given(config, a), given(config, b)) {
        (Some(first), Some(second)) => Ok(Some((first, second))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(invalid(format!("`{a}` is set but `{b}` is not; they go together"))),
        (None, Some(_)) => Err(invalid(format!("`{b}` is set but `{a}` is not; they go together"))),
    }
}

impl TlsFiles {
    /// `None`: `use_tls` is off.
    pub(super) fn from_config(config: &Config) -> Result<Option<TlsFiles>> {
        let client = pair(config, "tls_cert_file", "tls_key_file")?;
        // A URL may name the brokers that want it.
        let wanted =
            config.get("use_tls") == Some("true") || config.get("url").is_some_and(|url| url.contains("ssl://"));
        if !wanted {
            return Ok(None);
        }
        Ok(Some(TlsFiles {
            ca: given(config, "tls_ca_file").map(PathBuf::from),
            client: client.map(|(certificate, key)| (certificate.into(), key.into())),
            server_name: given(config, "tls_server_name").map(str::to_owned),
            skip_verify: config.get("tls_insecure_skip_verify") == Some("true"),
        }))
    }
}

impl Envelope {
    pub(super) fn from_config(config: &Config) -> Result<Envelope> {
        let keys = pair(config, "access_key", "secret_key")?;
        let token = given(config, "security_token");
        if token.is_some() && keys.is_none() {
            return Err(invalid("`security_token` is set but `access_key` is not; they go together".to_owned()));
        }
        let credentials = keys.map(|(access_key, secret_key)| Credentials::new(access_key, secret_key, token));
        Ok(Envelope::new(given(config, "namespace_v2"), credentials))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(settings: &[(&str, &str)]) -> Config {
        let mut config = Config::new();
        for (key, value) in settings {
            config.set(key, value).unwrap();
        }
        config
    }

    #[test]
    fn keys_that_go_together_are_refused_alone_and_no_value_is_shown() {
        let refused = |settings: &[(&str, &str)]| {
            let config = config(settings);
            let envelope = Envelope::from_config(&config).map(drop);
            envelope.and(TlsFiles::from_config(&config).map(drop)).unwrap_err().message().to_owned()
        };
        assert_eq!(refused(&[("access_key", "A1")]), "`access_key` is set but `secret_key` is not; they go together");
        assert_eq!(refused(&[("secret_key", "S1")]), "`secret_key` is set but `access_key` is not; they go together");
        assert!(refused(&[("security_token", "T1")]).starts_with("`security_token` is set"));
        assert!(refused(&[("tls_cert_file", "/x")]).starts_with("`tls_cert_file` is set but `tls_key_file`"));
    }

    #[test]
    fn tls_is_off_unless_asked_for_and_then_verifies() {
        assert!(TlsFiles::from_config(&config(&[("tls_ca_file", "/x")])).unwrap().is_none());
        let files = TlsFiles::from_config(&config(&[("use_tls", "true")])).unwrap().unwrap();
        assert!(!files.skip_verify && files.ca.is_none() && files.server_name.is_none());
    }
}
