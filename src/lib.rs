#![doc = include_str!("../README.md")]

// Their code is run as documentation tests.
#[cfg(all(doctest, feature = "mock"))]
#[doc = include_str!("../docs/guides/rust.md")]
#[doc = include_str!("../docs/EMBEDDED_CLUSTER.md")]
#[doc = include_str!("../docs/RELIABILITY.md")]
struct Pages;

#[cfg(not(unix))]
compile_error!("mqproducer needs a Unix system");

mod batch;
mod broker;
mod completion;
// Rust has closures, channels and futures; the queue is for C.
#[cfg(any(feature = "capi", feature = "parts", all(test, mqp_loom)))]
mod completion_queue;
pub mod config;
pub mod error;
mod event;
mod ffi;
mod hash;
pub mod hook;
pub mod jms;
pub mod message;
#[cfg(feature = "mock")]
pub mod mock;
mod net;
#[cfg(feature = "parts")]
#[doc(hidden)]
pub mod parts;
mod policy;
mod producer;
pub mod protocol;
mod random;
mod received;
mod reply;
mod route;
mod runtime;
mod selector;
mod spool;
pub mod statistics;
mod sync;
mod transformed;

pub use batch::{BatchOptions, BatchResult};
pub use broker::{BrokerHealth, BrokerState};
pub use config::Config;
pub use error::{Error, ErrorKind, Result};
pub use event::{ReliabilityEvent, ReliabilityEventKind};
#[cfg(feature = "raw")]
pub use ffi::raw::{RawCallback, RawChecker};
pub use hook::{EndTransactionContext, HookContext, HookEnd, MessageType, SendHook, SendMode};
pub use message::{Attempt, Delay, Message, Receipt, SendOptions, SendStatus};
pub use producer::{Producer, Transaction};
pub use protocol::remoting::transaction::TransactionState;
pub use received::ReceivedMessage;
pub use reply::ReplyTo;
pub use selector::{MessageQueue, OwnedQueue, Selector};
pub use statistics::Statistics;
pub use transformed::Transformed;
