//! What goes out on a connection, now and later.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::time::Instant;

use super::connection::WRITE_BYTES;
use super::fault::Hit;

/// What follows a frame.
#[derive(Debug)]
pub(super) enum Next {
    /// Another frame, if there is one.
    Frame,
    /// The connection is closed when what is ready is written.
    Close,
    /// The frame stays where it is until the fault is over.
    Freeze(Hit),
}

/// What goes out on a connection.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) ready: BytesMut,
    /// What waits for its time, and whether the connection is closed behind it; the number keeps the order.
    late: BTreeMap<(Instant, u64), (BytesMut, bool)>,
    number: u64,
}

impl Output {
    /// Adds bytes that go out after `delay`, and others before them.
    pub(super) fn later(&mut self, delay: Duration, bytes: BytesMut, close: bool) {
        self.number += 1;
        self.late.insert((Instant::now() + delay, self.number), (bytes, close));
    }

    /// Makes ready what is due; `false`: the connection is to be closed behind it.
    pub(super) fn take_due(&mut self) -> bool {
        while let Some(first) = self.late.first_entry() {
            if first.key().0 > Instant::now() {
                break;
            }
            let (bytes, close) = first.remove();
            self.ready.extend_from_slice(&bytes);
            if close {
                return false;
            }
        }
        true
    }

    /// Ends when something is due.
    pub(super) async fn due(&self) {
        match self.late.keys().next() {
            Some((at, _)) => tokio::time::sleep_until(*at).await,
            None => std::future::pending().await,
        }
    }
}

/// Handles whole frames until there is no other, enough to write, or a fault. `thawed` belongs to the first. `handle` takes
/// the first frame of the input: what comes next and the frame's size, or `None` while it is not whole.
pub(super) fn handle_some<E: std::fmt::Display>(
    input: &mut BytesMut,
    mut thawed: bool,
    out: &mut Output,
    peer: SocketAddr,
    mut handle: impl FnMut(&BytesMut, bool, &mut Output) -> Result<Option<(Next, usize)>, E>,
) -> Next {
    while out.ready.len() < WRITE_BYTES {
        match handle(input, thawed, out) {
            Ok(None) => break,
            Ok(Some((Next::Freeze(hit), _))) => return Next::Freeze(hit),
            Ok(Some((next, used))) => {
                input.advance(used);
                thawed = false;
                if matches!(next, Next::Close) {
                    return next;
                }
            }
            Err(error) => {
                tracing::debug!("the embedded cluster closes the connection of {peer}: {error}");
                return Next::Close;
            }
        }
    }
    Next::Frame
}
