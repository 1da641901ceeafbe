//! The embedded cluster, over its sockets and through its handle.

#![cfg(feature = "mock")]

mod captured;
mod client;
mod faults;
mod handle;
mod sender;
mod servers;
mod wire;
