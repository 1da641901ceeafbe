//! The producer against a real ActiveMQ; what the broker stored is read back by the official Java client.

mod broker;
mod cuts;
mod distribution;
#[cfg(feature = "mock")]
mod embedded;
mod failures;
mod messages;
mod modes;
mod programs;
mod requests;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "tls")]
mod tls;
mod transactions;
mod wire;
