//! An embedded RocketMQ cluster for tests and demonstrations: a name server and brokers on loopback sockets.
//!
//! It speaks the remoting protocol of RocketMQ 5.5.0, so that any client can be pointed at it, and keeps in memory what
//! it is sent; [`Cluster::messages`] lists it. It runs on a thread of its own and ends with the last handle.
//!
//! What it does as a real cluster does:
//! * routes, with the default topic `TBW102` from which topics are made by the first send to them;
//! * heartbeats, and taking groups off again;
//! * single sends in both header forms, batches and one-way sends, with a broker's checks, codes and remarks;
//! * replies, which it hands to the client that asked; [`Cluster::set_responder`] answers requests itself;
//! * delay levels and timers, and recalling what a timer holds;
//! * half messages, and their ends; a transaction that is not ended is checked with a client of its producer group that
//!   is connected, up to 15 times, then forgotten;
//! * making topics, telling queue offsets, and pulling messages.
//!
//! ActiveMQ clients may connect, too: see [`Cluster::openwire_addresses`].
//!
//! What goes wrong on purpose: [`Cluster::push_fault`], [`Cluster::set_in_route`], [`Cluster::set_listening`]. What came:
//! [`Cluster::requests`].
//!
//! What differs:
//! * A delayed message keeps the property that delayed it, and a timer message is delivered to the millisecond.
//! * A transaction is checked soon: after a second, unless [`Cluster::set_transaction_check_interval`] says otherwise.
//! * Nothing is signed or checked for permission; nothing is replicated or flushed.
//! * A reply counts as handed over when it is written to the client's connection, acknowledged or not.
//! * A group stays in [`Cluster::producer_groups`] until it is taken off, even when its connection closes.
//! * Every other request is answered with code 3, as a broker does with one it does not know.
//!
//! ```
//! use mqproducer::mock::Cluster;
//!
//! let cluster = Cluster::open("", 2, 4)?;
//! assert!(cluster.url().starts_with("rocketmq://127.0.0.1:"));
//! assert_eq!(cluster.message_count(None), 0);
//! # Ok::<(), mqproducer::Error>(())
//! ```

mod answer;
mod broker;
mod clients;
mod cluster;
mod connection;
mod fault;
mod held;
mod listener;
mod message;
mod name_server;
mod openwire;
mod output;
mod pull;
mod recall;
mod reply;
mod requests;
mod script;
mod send;
mod server;
mod store;
mod topic;
mod transactions;

pub use cluster::{Builder, Cluster};
pub use fault::{Fault, FaultAction};
pub use message::{ProducerGroup, StoredMessage};
pub use requests::SeenRequest;
pub use script::NAME_SERVER;

/// The cluster that every broker says it belongs to.
const CLUSTER_NAME: &str = "DefaultCluster";
/// The region that every broker says it is in.
const REGION: &str = "DefaultRegion";
