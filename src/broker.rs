//! What a producer knows of its brokers.

use std::time::Duration;

/// How a broker does, as `send_latency_enable` judges it; without that every broker is `Healthy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerHealth {
    /// Takes its turn.
    Healthy,
    /// Was slow or failed: passed over while there are others.
    Isolated {
        /// Until when, in milliseconds since 1970.
        until_ms: i64,
    },
    /// Did not answer, and the detector has not reached it since.
    Unreachable,
}

/// A broker of the routes in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerState {
    /// The broker's name.
    pub name: String,
    /// The master's address.
    pub address: String,
    /// How it does.
    pub health: BrokerHealth,
    /// How long the last send to it took; `None` when none was measured.
    pub latency: Option<Duration>,
}
