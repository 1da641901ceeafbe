//! The `url` key: which transport, and where.

use super::broker_url::BrokerUrl;
use super::invalid;
use crate::error::Result;

/// A parsed `url`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `rocketmq://host:port;host:port`: the name servers.
    RocketMq { name_servers: Vec<String> },
    /// `mock://[name][?brokers=N&queues=N]`: the embedded cluster of that name.
    Mock { name: String, brokers: usize, queues: u32 },
    /// `activemq://host:port`, `failover:(…)`: brokers that speak OpenWire.
    ActiveMq(Box<BrokerUrl>),
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Target> {
        let refuse = |why: &str| {
            Err(invalid(format!(
                "`url` = `{url}` is malformed: {why}; expected `rocketmq://host:port;host:port`, `activemq://host:port`, `failover:(…)` or `mock://[name]`"
            )))
        };
        if BrokerUrl::is_one(url) {
            // The URL may hold a password, which no error shows.
            return BrokerUrl::parse(url).map(|parsed| Target::ActiveMq(Box::new(parsed))).map_err(|why| {
                let shown = url.split('?').next().unwrap_or_default();
                invalid(format!("`url` = `{shown}` is malformed: {why}"))
            });
        }
        let Some((scheme, rest)) = url.split_once("://") else {
            return refuse("it has no `://`");
        };
        match scheme {
            "rocketmq" => match name_server_list(rest.trim_end_matches('/')) {
                Ok(name_servers) => Ok(Target::RocketMq { name_servers }),
                Err(why) => refuse(&why),
            },
            "mock" => {
                let (name, query) = rest.split_once('?').unwrap_or((rest, ""));
                if let Err(why) = cluster_name(name) {
                    return refuse(&why);
                }
                let (mut brokers, mut queues) = (1, 4);
                for pair in query.split('&').filter(|pair| !pair.is_empty()) {
                    match pair.split_once('=') {
                        Some(("brokers", n)) if matches!(n.parse(), Ok(1..=64_usize)) => {
                            brokers = n.parse().unwrap_or(1)
                        }
                        Some(("queues", n)) if matches!(n.parse(), Ok(1..=1024_u32)) => queues = n.parse().unwrap_or(4),
                        Some(("brokers", _)) => return refuse("`brokers` is a number from 1 to 64"),
                        Some(("queues", _)) => return refuse("`queues` is a number from 1 to 1024"),
                        _ => return refuse(&format!("`{pair}` is neither `brokers=N` nor `queues=N`")),
                    }
                }
                Ok(Target::Mock { name: name.to_owned(), brokers, queues })
            }
            other => refuse(&format!("the scheme `{other}` is unknown")),
        }
    }
}

/// Whether `name` may name an embedded cluster.
pub(crate) fn cluster_name(name: &str) -> std::result::Result<(), String> {
    match name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        true => Ok(()),
        false => Err(format!("the cluster name `{name}` holds more than letters, digits, `-`, `_` and `.`")),
    }
}

/// The name servers of `host:port;host:port`.
pub(crate) fn name_server_list(text: &str) -> std::result::Result<Vec<String>, String> {
    text.split([';', ',']).map(|part| host_and_port(part).map(|()| part.to_owned())).collect()
}

/// Whether `text` is `host:port`, with an IPv6 host in brackets.
pub(crate) fn host_and_port(text: &str) -> std::result::Result<(), String> {
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(format!("`{text}` has no port"));
    };
    if !matches!(port.parse::<u16>(), Ok(1..)) {
        return Err(format!("the port `{port}` is not a number from 1 to 65535"));
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match bare {
        Some(v6) if v6.parse::<std::net::Ipv6Addr>().is_err() => Err(format!("`{v6}` is not an IPv6 address")),
        Some(_) => Ok(()),
        None if host.is_empty() => Err(format!("`{text}` has no host")),
        None if host.contains(':') => Err(format!("the IPv6 host `{host}` needs brackets")),
        None if !host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) => {
            Err(format!("the host `{host}` holds an illegal character"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_urls() {
        assert_eq!(
            Target::parse("rocketmq://a:9876;[::1]:9877").unwrap(),
            Target::RocketMq { name_servers: vec!["a:9876".into(), "[::1]:9877".into()] }
        );
        assert_eq!(Target::parse("mock://").unwrap(), Target::Mock { name: String::new(), brokers: 1, queues: 4 });
        assert_eq!(
            Target::parse("mock://orders?brokers=2&queues=8").unwrap(),
            Target::Mock { name: "orders".into(), brokers: 2, queues: 8 }
        );
    }

    #[test]
    fn malformed_urls_are_refused_with_the_reason() {
        for (url, why) in [
            ("localhost:9876", "no `://`"),
            ("rocketmq://", "has no port"),
            ("rocketmq://host", "`host` has no port"),
            ("rocketmq://host:0", "port `0`"),
            ("rocketmq://host:99999", "port `99999`"),
            ("rocketmq://::1:9876", "needs brackets"),
            ("rocketmq://[zz]:9876", "not an IPv6 address"),
            ("rocketmq://ho st:9876", "illegal character"),
            ("rocketmq://a:1;;b:2", "has no port"),
            ("kafka://a:1", "scheme `kafka`"),
            ("mock://x?brokers=0", "from 1 to 64"),
            ("mock://x?color=red", "neither"),
            ("mock://a b", "cluster name"),
        ] {
            let error = Target::parse(url).unwrap_err();
            assert!(error.message().contains(why), "{url}: {error}");
            assert!(error.message().contains(url), "{error}");
        }
    }
}
