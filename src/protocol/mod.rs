//! Wire protocols, pure: bytes in, values out. No sockets, no clocks, no threads.

mod cursor;
pub mod openwire;
pub mod remoting;

pub mod spool;
