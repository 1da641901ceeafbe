//! Connections: the outbox that any thread may write, the table of requests in flight, and who dials when.

pub(crate) mod call;
pub(crate) mod connection;
pub(crate) mod cork;
pub(crate) mod dial;
pub(crate) mod http;
pub(crate) mod inflight;
pub(crate) mod nameserver;
pub(crate) mod openwire;
pub(crate) mod outbox;
pub(crate) mod pool;
pub(crate) mod reach;
pub(crate) mod reading;
pub(crate) mod socks;
#[cfg(feature = "tls")]
pub(crate) mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
pub(crate) mod tls;
pub(crate) mod transport;
