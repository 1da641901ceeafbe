//! Signatures, namespaces, units and TLS against servers on loopback sockets.

#[cfg(feature = "tls")]
#[path = "support/certificates.rs"]
mod certificates;
#[path = "security/logs.rs"]
mod logs;
#[path = "security/requests.rs"]
mod requests;
#[path = "security/server.rs"]
mod server;
#[path = "security/socks.rs"]
mod socks;
#[cfg(feature = "tls")]
#[path = "security/tls.rs"]
mod tls;

use mqproducer::{Config, Error, Producer};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);

fn config(url: &str, settings: &[(&str, &str)]) -> Config {
    let mut config = Config::new();
    for (key, value) in [&[("url", url), ("producer_group", "test"), ("send_msg_timeout", "60000")], settings].concat()
    {
        config.set(key, value).unwrap();
    }
    config
}

fn producer(url: &str, settings: &[(&str, &str)]) -> Producer {
    let producer = Producer::new(&config(url, settings)).unwrap();
    producer.start().unwrap();
    producer
}

/// Why a producer of these settings is not even made.
fn refused(url: &str, settings: &[(&str, &str)]) -> Error {
    Producer::new(&config(url, settings)).unwrap_err()
}

/// Waits for a condition of another thread.
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let limit = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < limit, "{what}: not within {LONG:?}");
        std::thread::yield_now();
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn a_build_without_tls_says_so() {
    let error = refused("rocketmq://127.0.0.1:9", &[("use_tls", "true")]);
    assert_eq!(error.kind(), mqproducer::ErrorKind::Unsupported);
    assert!(error.message().contains("feature `tls`"), "{error}");
}
