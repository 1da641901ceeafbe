//! The C surface, and the only unsafe code of the library.

#[cfg(feature = "capi")]
mod attempt;
#[cfg(feature = "capi")]
pub(crate) mod batch;
#[cfg(feature = "capi")]
mod boundary;
#[cfg(feature = "capi")]
mod broker;
#[cfg(feature = "capi")]
pub(crate) mod callback;
#[cfg(feature = "capi")]
pub(crate) mod completion_queue;
#[cfg(feature = "capi")]
mod config;
#[cfg(feature = "capi")]
mod end_transaction;
#[cfg(feature = "capi")]
mod error;
#[cfg(feature = "capi")]
pub(crate) mod event;
#[cfg(feature = "capi")]
mod find_route;
#[cfg(any(feature = "capi", feature = "raw"))]
mod handle;
#[cfg(feature = "capi")]
pub(crate) mod hook;
pub(crate) mod inherited;
#[cfg(feature = "capi")]
mod jms;
#[cfg(feature = "capi")]
mod lent;
#[cfg(feature = "capi")]
pub(crate) mod log;
#[cfg(feature = "capi")]
mod message;
#[cfg(feature = "capi")]
mod mock;
#[cfg(feature = "capi")]
mod mock_fault;
#[cfg(feature = "capi")]
mod mock_requests;
pub(crate) mod os;
#[cfg(feature = "capi")]
mod producer;
#[cfg(feature = "raw")]
pub(crate) mod raw;
#[cfg(feature = "capi")]
mod reason;
#[cfg(feature = "capi")]
pub(crate) mod receipt;
#[cfg(feature = "capi")]
mod receipts;
#[cfg(feature = "capi")]
pub(crate) mod received;
#[cfg(feature = "capi")]
pub(crate) mod request;
#[cfg(feature = "capi")]
mod selector;
#[cfg(feature = "capi")]
mod send_queued;
#[cfg(feature = "capi")]
mod sized;
#[cfg(feature = "capi")]
pub(crate) mod statistics;
#[cfg(feature = "capi")]
mod status;
#[cfg(feature = "capi")]
mod text;
#[cfg(feature = "capi")]
pub(crate) mod trace;
#[cfg(feature = "capi")]
pub(crate) mod transaction;
#[cfg(feature = "capi")]
pub(crate) mod transform;
#[cfg(feature = "capi")]
mod types;
#[cfg(feature = "capi")]
mod version;

#[cfg(all(test, feature = "capi", not(mqp_loom)))]
mod tests;
