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
//! * making topics, telling queue offsets, and pulling messages.
//!
//! What goes wrong on purpose: [`Cluster::push_fault`], [`Cluster::set_in_route`], [`Cluster::set_listening`]. What came:
//! [`Cluster::requests`].
//!
//! What differs:
//! * A message with a delay level or a timer is stored as it came and can be read at once; a timer message gets no
//!   recall handle.
//! * Half messages are refused with code 16, as by a broker that has transactions switched off.
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
mod listener;
mod message;
mod name_server;
mod output;
mod pull;
mod reply;
mod requests;
mod script;
mod send;
mod server;
mod store;
mod topic;

pub use cluster::{Builder, Cluster};
pub use fault::{Fault, FaultAction};
pub use message::{ProducerGroup, StoredMessage};
pub use requests::SeenRequest;
pub use script::NAME_SERVER;

/// The cluster that every broker says it belongs to.
const CLUSTER_NAME: &str = "DefaultCluster";
/// The region that every broker says it is in.
const REGION: &str = "DefaultRegion";
