//! The embedded cluster, over its sockets and through its handle.

#![cfg(feature = "mock")]

mod captured;
mod client;
mod handle;
mod wire;
