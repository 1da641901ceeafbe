//! Blocks of free loopback ports.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the ports that systems hand to outgoing connections.
const FIRST: u32 = 10_000;
const COUNT: u32 = 20_000;

/// Consecutive ports, held by listeners of this process until `release`.
#[derive(Debug)]
pub struct PortBlock {
    first: u16,
    held: Vec<TcpListener>,
}

impl PortBlock {
    /// Finds `len` consecutive free ports of 127.0.0.1.
    ///
    /// Processes start their search at different ports and one process never returns to a block, so that tests that
    /// run side by side do not take each other's ports between `release` and the child's own bind.
    pub fn reserve(len: u16) -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let step = u32::from(len);
        let own = std::process::id().wrapping_mul(97) % COUNT;
        for _ in 0..COUNT / step {
            let offset = NEXT.fetch_add(step, Ordering::Relaxed);
            let first = FIRST + (own.wrapping_add(offset)) % (COUNT - step);
            let first = u16::try_from(first).map_err(|_| format!("port {first} is above 65535"))?;
            let held: Result<Vec<_>, _> =
                (first..first + len).map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port))).collect();
            if let Ok(held) = held {
                return Ok(Self { first, held });
            }
        }
        Err(format!("no {len} consecutive free ports between {FIRST} and {}", FIRST + COUNT))
    }

    /// The first port of the block.
    pub fn first(&self) -> u16 {
        self.first
    }

    /// Frees the ports for the processes that shall listen on them.
    pub fn release(&mut self) {
        self.held.clear();
    }
}
