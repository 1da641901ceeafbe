//! The embedded cluster, over its sockets and through its handle.

mod captured;
mod client;
mod handle;
mod wire;
