//! A synchronous caller who reads its own answer, and whatever comes before it.

use super::Connection;
use super::buffer::ReadBuffer;
use crate::error::Result;
use crate::net::transport::wait_for_bytes;
use std::io::{self, Read};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

/// A request on its way whose caller is going to wait: by [`Awaited::read`] first.
pub(crate) struct Awaited {
    connection: Arc<Connection>,
    opaque: i32,
    deadline: Instant,
    /// Whether somebody is told to read.
    settled: bool,
}

impl Awaited {
    pub(super) fn new(connection: &Arc<Connection>, opaque: i32, deadline: Instant) -> Self {
        Awaited { connection: Arc::clone(connection), opaque, deadline, settled: false }
    }

    /// Reads on the calling thread until the request has its answer or its deadline, unless another thread reads. What
    /// the answer led to is not waited for.
    pub(crate) fn read(mut self) {
        let connection = &self.connection;
        if let (Some(stream), Some(buffer)) =
            (connection.stream.get().and_then(|stream| stream.bare()), connection.reading.take())
        {
            let mut turn = Turn { connection, buffer: Some(buffer) };
            turn.read(stream, self.opaque, self.deadline);
        }
        // If it was no turn, then another caller is at it and looks for this request when he is done.
        self.settled = true;
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if !self.settled {
            self.connection.see_that_it_is_read();
        }
    }
}

/// The role of the reader, given back also when an answer makes somebody panic.
struct Turn<'c> {
    connection: &'c Arc<Connection>,
    buffer: Option<ReadBuffer>,
}

impl Turn<'_> {
    fn read(&mut self, stream: &TcpStream, opaque: i32, deadline: Instant) {
        while self.connection.inflight.is_waiting(opaque) {
            match wait_for_bytes(stream, deadline).map(|ready| ready.then(|| self.read_some(stream))) {
                Ok(Some(Ok(()))) => {}
                // The I/O task, whose timer is the same, ends the try.
                Ok(None) => return,
                Ok(Some(Err(cause))) => return self.connection.doom(cause),
                Err(error) => return self.connection.doom(self.connection.lost(&error.to_string())),
            }
        }
    }

    fn read_some(&mut self, mut stream: &TcpStream) -> Result<()> {
        let (connection, Some(buffer)) = (self.connection, &mut self.buffer) else { return Ok(()) };
        match stream.read(buffer.room()) {
            Ok(n) => connection.take_in(buffer, n).map(drop),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(()),
            Err(error) => Err(connection.lost(&error.to_string())),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let Some(buffer) = self.buffer.take() else { return };
        let connection = self.connection;
        let others_wait = || !connection.is_idle() || connection.is_retired();
        if connection.reading.put_back(buffer, others_wait) {
            connection.wake.notify_one();
        }
    }
}
