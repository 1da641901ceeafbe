//! URLs of ActiveMQ brokers: one of them, or several with what is done when one fails.

use super::url::{cluster_name, host_and_port};
use std::time::Duration;

/// One broker's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrokerAddress {
    /// `host:port`.
    pub(crate) address: String,
    pub(crate) tls: bool,
}

/// What is done when a broker fails; the names are those of ActiveMQ's `failover:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failover {
    pub(crate) initial_delay: Duration,
    pub(crate) max_delay: Duration,
    /// By how many hundredths a pause grows; 100: not at all.
    pub(crate) growth: u32,
    /// `None`: without an end.
    pub(crate) max_attempts: Option<u32>,
    /// The same before the first connection.
    pub(crate) startup_max_attempts: Option<u32>,
    pub(crate) randomize: bool,
    /// Longest time that a send waits for a connection, within its own deadline.
    pub(crate) timeout: Option<Duration>,
}

impl Default for Failover {
    fn default() -> Self {
        Failover {
            initial_delay: Duration::from_millis(10),
            max_delay: Duration::from_secs(30),
            growth: 200,
            max_attempts: None,
            startup_max_attempts: None,
            randomize: true,
            timeout: None,
        }
    }
}

/// A parsed URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrokerUrl {
    pub(crate) brokers: Vec<BrokerAddress>,
    /// `None`: a connection that ends takes what waits on it along.
    pub(crate) failover: Option<Failover>,
    /// The embedded cluster's name and brokers, whose addresses are known once it is open.
    pub(crate) embedded: Option<(String, usize)>,
    /// Configuration keys that options of the URL stand for, with their values; the URL's win.
    pub(crate) settings: Vec<(&'static str, String)>,
}

/// Options of the client, with the configuration keys that they stand for.
const SETTINGS: &[(&str, &str)] = &[
    ("jms.useAsyncSend", "use_async_send"),
    ("jms.alwaysSyncSend", "always_sync_send"),
    ("jms.sendTimeout", "send_timeout"),
    ("jms.producerWindowSize", "producer_window_size"),
    ("jms.useCompression", "use_compression"),
    ("jms.userName", "user_name"),
    ("jms.password", "password"),
    ("jms.clientID", "client_id"),
    ("connectionTimeout", "connect_timeout"),
    ("wireFormat.maxInactivityDuration", "max_inactivity_duration"),
    ("wireFormat.tightEncodingEnabled", "tight_encoding"),
    ("wireFormat.cacheEnabled", "marshalling_cache"),
];

/// Options that this client can only leave off.
const ONLY_OFF: &[&str] = &[
    "wireFormat.stackTraceEnabled",
    "jms.watchTopicAdvisories",
    "trackMessages",
    "backup",
    "priorityBackup",
    "updateURIsSupported",
];

/// The embedded cluster, as brokers of ActiveMQ.
const EMBEDDED: &str = "mock+openwire://";

/// Stands for what is shown to nobody.
const HIDDEN: &str = "***";

/// The passwords in a URL, as they stand there; of one inside of brackets what follows it, too, up to the next option.
fn passwords(url: &str) -> impl Iterator<Item = &str> {
    url.split('&').filter_map(|option| {
        let (before, value) = option.split_once('=')?;
        let name = before.rsplit('?').next().unwrap_or(before);
        let name = unescaped(name).unwrap_or_else(|_| name.to_owned()).to_lowercase();
        (name.ends_with("password") && !value.is_empty()).then_some(value)
    })
}

/// A URL to show, without the passwords in it.
pub(super) fn shown(url: &str) -> String {
    passwords(url).fold(url.to_owned(), |shown, password| {
        // Only where it is the value: a short one may stand in names, too.
        shown.replace(&format!("={password}"), &format!("={HIDDEN}"))
    })
}

impl BrokerUrl {
    /// Whether `url` is one of an ActiveMQ broker, right or wrong.
    pub(crate) fn is_one(url: &str) -> bool {
        [EMBEDDED, "activemq://", "activemq+ssl://", "failover:", "tcp://", "ssl://", "nio://", "nio+ssl://"]
            .iter()
            .any(|scheme| url.starts_with(scheme))
    }

    pub(crate) fn parse(url: &str) -> Result<BrokerUrl, String> {
        Self::parse_all(url).map_err(|why| passwords(url).fold(why, |why, password| why.replace(password, HIDDEN)))
    }

    fn parse_all(url: &str) -> Result<BrokerUrl, String> {
        let mut settings = Vec::new();
        if let Some(rest) = url.strip_prefix(EMBEDDED) {
            return embedded(rest);
        }
        let Some(rest) = url.strip_prefix("failover:") else {
            let broker = one(url, &mut settings)?;
            return Ok(BrokerUrl { brokers: vec![broker], failover: None, embedded: None, settings });
        };
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (list, query) = match rest.strip_prefix('(') {
            Some(inner) => {
                let (list, after) = inner.rsplit_once(')').ok_or("the list in brackets has no `)`")?;
                match after.strip_prefix('?') {
                    Some(query) => (list, query),
                    None if after.is_empty() => (list, ""),
                    None => return Err(format!("`{after}` follows the list")),
                }
            }
            None => rest.split_once('?').unwrap_or((rest, "")),
        };
        let brokers = list.split(',').map(|part| one(part.trim(), &mut settings)).collect::<Result<_, _>>()?;
        let mut failover = Failover::default();
        for (name, value) in pairs(query)? {
            if let Some(nested) = name.strip_prefix("nested.") {
                setting(nested, &value, &mut settings)?;
            } else if !failover.set(&name, &value)? {
                setting(&name, &value, &mut settings)?;
            }
        }
        Ok(BrokerUrl { brokers, failover: Some(failover), embedded: None, settings })
    }
}

impl Failover {
    /// Takes an option of `failover:`; `false`: it is none.
    fn set(&mut self, name: &str, value: &str) -> Result<bool, String> {
        let milliseconds = || number(name, value).map(Duration::from_millis);
        let unlimited =
            || -> Result<Option<u64>, String> { if value == "-1" { Ok(None) } else { number(name, value).map(Some) } };
        let attempts = || unlimited().map(|most| most.map(|most| u32::try_from(most).unwrap_or(u32::MAX)));
        match name {
            "initialReconnectDelay" => self.initial_delay = milliseconds()?,
            "maxReconnectDelay" => self.max_delay = milliseconds()?,
            "useExponentialBackOff" if flag(name, value)? => self.growth = self.growth.max(101),
            "useExponentialBackOff" => self.growth = 100,
            "backOffMultiplier" | "reconnectDelayExponent" => match value.parse::<f64>() {
                Ok(by) if (1.0..=100.0).contains(&by) => self.growth = (by * 100.0) as u32,
                _ => return Err(format!("`{name}` = `{value}` is not a number from 1 to 100")),
            },
            "maxReconnectAttempts" => self.max_attempts = attempts()?,
            "startupMaxReconnectAttempts" => self.startup_max_attempts = attempts()?,
            "randomize" => self.randomize = flag(name, value)?,
            "timeout" => self.timeout = unlimited()?.filter(|ms| *ms > 0).map(Duration::from_millis),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The pause before another try, after so many that failed in a row.
    pub(crate) fn pause(&self, failures: u32) -> Duration {
        let growth = f64::from(self.growth) / 100.0;
        let factor = growth.powi(failures.saturating_sub(1).min(64) as i32);
        Duration::from_secs_f64((self.initial_delay.as_secs_f64() * factor).min(self.max_delay.as_secs_f64()))
    }
}

/// `[name][?brokers=N]` and the options of any broker's URL.
fn embedded(rest: &str) -> Result<BrokerUrl, String> {
    let (name, query) = rest.split_once('?').unwrap_or((rest, ""));
    cluster_name(name)?;
    let (mut brokers, mut settings) = (1, Vec::new());
    for (option, value) in pairs(query)? {
        match (option.as_str(), value.parse()) {
            ("brokers", Ok(number @ 1..=64)) => brokers = number,
            ("brokers", _) => return Err("`brokers` is a number from 1 to 64".to_owned()),
            _ => setting(&option, &value, &mut settings)?,
        }
    }
    // One that fails is not replaced, as with the URL of a single broker.
    let failover = (brokers > 1).then(Failover::default);
    Ok(BrokerUrl { brokers: Vec::new(), failover, embedded: Some((name.to_owned(), brokers)), settings })
}

fn one(url: &str, settings: &mut Vec<(&'static str, String)>) -> Result<BrokerAddress, String> {
    let (scheme, rest) = url.split_once("://").ok_or("a broker's place has no `://`")?;
    let tls = match scheme {
        "activemq" | "tcp" | "nio" => false,
        "activemq+ssl" | "ssl" | "nio+ssl" => true,
        other => return Err(format!("the scheme `{other}` is none of an ActiveMQ broker")),
    };
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let address = address.trim_end_matches('/');
    if address.contains(',') {
        return Err("several brokers are written `failover:(…,…)`".to_owned());
    }
    host_and_port(address)?;
    for (name, value) in pairs(query)? {
        setting(&name, &value, settings)?;
    }
    Ok(BrokerAddress { address: address.to_owned(), tls })
}

fn setting(name: &str, value: &str, settings: &mut Vec<(&'static str, String)>) -> Result<(), String> {
    if let Some((_, key)) = SETTINGS.iter().find(|(option, _)| *option == name) {
        settings.push((key, value.to_owned()));
        return Ok(());
    }
    if ONLY_OFF.contains(&name) {
        return match value {
            "false" => Ok(()),
            _ => Err(format!("`{name}` = `{value}`: this client can only leave it off")),
        };
    }
    Err(format!("the option `{name}` is not known here"))
}

fn pairs(query: &str) -> Result<Vec<(String, String)>, String> {
    let pair = |text: &str| match text.split_once('=') {
        Some((name, value)) => Ok((unescaped(name)?, unescaped(value)?)),
        None => Err(format!("`{text}` has no `=`")),
    };
    query.split('&').filter(|text| !text.is_empty()).map(pair).collect()
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = || std::str::from_utf8(after.get(..2)?).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match first {
            b'%' => {
                bytes.push(code().ok_or_else(|| format!("`{text}` holds a `%` without two hex digits"))?);
                rest = &after[2..];
            }
            other => {
                bytes.push(other);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| format!("`{text}` is not UTF-8"))
}

fn number(name: &str, value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("`{name}` = `{value}` is not a whole number"))
}

fn flag(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("`{name}` = `{value}` is neither `true` nor `false`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(address: &str, tls: bool) -> BrokerAddress {
        BrokerAddress { address: address.to_owned(), tls }
    }

    #[test]
    fn one_broker_and_its_options() {
        let url = BrokerUrl::parse(
            "activemq+ssl://broker:61617?jms.useAsyncSend=true&jms.password=a%26b&wireFormat.cacheEnabled=false",
        )
        .unwrap();
        assert_eq!(url.brokers, [address("broker:61617", true)]);
        assert_eq!(url.failover, None);
        let settings = [("use_async_send", "true"), ("password", "a&b"), ("marshalling_cache", "false")];
        assert_eq!(url.settings, settings.map(|(key, value)| (key, value.to_owned())));
    }

    #[test]
    fn several_brokers_and_what_is_done_when_one_fails() {
        let url = BrokerUrl::parse(
            "failover:(tcp://a:1?jms.sendTimeout=5,ssl://[::1]:2)?randomize=false&maxReconnectAttempts=3&timeout=700\
             &initialReconnectDelay=20&maxReconnectDelay=100&nested.wireFormat.maxInactivityDuration=9000",
        )
        .unwrap();
        assert_eq!(url.brokers, [address("a:1", false), address("[::1]:2", true)]);
        let failover = url.failover.unwrap();
        assert!(!failover.randomize);
        assert_eq!((failover.max_attempts, failover.startup_max_attempts), (Some(3), None));
        assert_eq!(failover.timeout, Some(Duration::from_millis(700)));
        assert_eq!([1, 2, 3, 4, 99].map(|n| failover.pause(n).as_millis()), [20, 40, 80, 100, 100]);
        assert_eq!(url.settings.len(), 2);
        for same in
            ["failover:tcp://a:1,tcp://b:2", "failover://(tcp://a:1,tcp://b:2)", "failover:(tcp://a:1,tcp://b:2)"]
        {
            assert_eq!(BrokerUrl::parse(same).unwrap().brokers.len(), 2, "{same}");
        }
    }

    #[test]
    fn the_embedded_cluster_is_a_broker_or_several() {
        let one = BrokerUrl::parse("mock+openwire://x?jms.useAsyncSend=true").unwrap();
        assert_eq!((one.embedded, one.failover.is_some()), (Some(("x".to_owned(), 1)), false));
        assert_eq!(one.settings.len(), 1);
        let two = BrokerUrl::parse("mock+openwire://?brokers=2").unwrap();
        assert_eq!((two.embedded, two.failover.is_some()), (Some((String::new(), 2)), true));
        assert!(BrokerUrl::parse("mock+openwire://?brokers=0").unwrap_err().contains("from 1 to 64"));
    }

    #[test]
    fn passwords_are_shown_to_nobody() {
        for (url, expected) in [
            ("tcp://a:1?jms.password=SE%43&jms.userName=u", "tcp://a:1?jms.password=***&jms.userName=u"),
            ("tcp://a:1?jms.userName=u&jms.passwor%64=SE?C,R)", "tcp://a:1?jms.userName=u&jms.passwor%64=***"),
            ("failover:(tcp://a:1?jms.password=SEC,tcp://b:2)?timeout=5", "failover:(tcp://a:1?jms.password=***"),
            (
                "failover:(tcp://a:1)?nested.jms.password=SEC&timeout=5",
                "failover:(tcp://a:1)?nested.jms.password=***&timeout=5",
            ),
            ("tcp://a:1?jms.password=", "tcp://a:1?jms.password="),
        ] {
            assert_eq!(shown(url), expected);
        }
        for url in
            ["tcp://a:1?jms.password=SEC%4", "failover:(tcp://a:1?jms.password=SEC,SEC)", "tcp://?jms.password=SEC"]
        {
            let error = BrokerUrl::parse(url).unwrap_err();
            assert!(!error.contains("SEC"), "{error}");
        }
    }

    #[test]
    fn what_is_malformed_is_named() {
        for (url, why) in [
            ("activemq://host", "has no port"),
            ("activemq://a:1,b:2", "`failover:(…,…)`"),
            ("failover:(tcp://a:1", "no `)`"),
            ("failover:(udp://a:1)", "scheme `udp`"),
            ("failover:(tcp://a:1)?randomize=maybe", "`randomize` = `maybe`"),
            ("tcp://a:1?jms.color=red", "`jms.color` is not known"),
            ("tcp://a:1?wireFormat.stackTraceEnabled=true", "only leave it off"),
            ("tcp://a:1?jms.password=%4", "two hex digits"),
        ] {
            let error = BrokerUrl::parse(url).unwrap_err();
            assert!(error.contains(why), "{url}: {error}");
        }
    }
}
