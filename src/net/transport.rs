//! An open socket, bare or with TLS over it: both are written without waiting by any thread, and read by the I/O task.

use super::dial::{dial, within};
use super::outbox::Sink;
use super::socks::Proxy;
use super::tls::{Session, Tls};
use crate::error::Error;
use crate::ffi::inherited::ClosedInChildren;
use socket2::SockRef;
use std::io::{self, IoSlice};
use std::time::{Duration, Instant};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// How servers are reached.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) tls: Option<Tls>,
    pub(crate) proxy: Option<Proxy>,
}

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Transport {
    _inherited: ClosedInChildren,
    socket: TcpStream,
    session: Option<Session>,
}

impl Transport {
    /// Connects, and shakes hands where that is wanted, within `timeout`.
    pub(crate) async fn open(address: &str, timeout: Duration, access: &Access) -> Result<Transport, Error> {
        let started = Instant::now();
        let left = || timeout.saturating_sub(started.elapsed());
        let mut socket = dial(access.proxy.as_ref().map_or(address, Proxy::address), timeout).await?;
        let inherited = ClosedInChildren::new(&socket);
        if let Some(proxy) = &access.proxy {
            within(address, timeout, left(), proxy.shake_hands(address, &mut socket)).await?;
        }
        let session = match &access.tls {
            Some(tls) => Some(within(address, timeout, left(), tls.shake_hands(address, &socket)).await?),
            None => None,
        };
        Ok(Transport { _inherited: inherited, socket, session })
    }

    /// Resolves when there may be something to read.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Resolves when there may be room to write.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.socket.writable().await
    }

    /// Reads what is there; 0 at the end.
    pub(crate) fn try_read(&self, out: &mut [u8]) -> io::Result<usize> {
        match &self.session {
            None => self.socket.try_read(out),
            Some(session) => session.try_read(&self.socket, out),
        }
    }

    /// Whether TLS has bytes of its own for the peer that the socket did not take yet.
    pub(crate) fn owes(&self) -> bool {
        self.session.as_ref().is_some_and(Session::owes)
    }

    /// Writes what TLS owes, as far as the socket takes it.
    pub(crate) fn settle(&self) -> io::Result<()> {
        self.session.as_ref().map_or(Ok(()), |session| session.settle(&self.socket))
    }

    /// Tells the peer of the end.
    pub(crate) fn shut_down(&self) {
        if let Some(session) = &self.session {
            session.farewell(&self.socket);
        }
        let _ = SockRef::from(&self.socket).shutdown(std::net::Shutdown::Both);
    }
}

/// As `TcpStream::try_write_vectored`, but a peer that is gone is an error only: by `writev` it would also be a SIGPIPE,
/// which ends every program that does not ignore it, as Rust's own do.
pub(super) fn try_send_vectored(socket: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    #[cfg(not(target_vendor = "apple"))]
    const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;
    // There it is an option of the socket, which mio sets.
    #[cfg(target_vendor = "apple")]
    const NO_SIGNAL: i32 = 0;
    socket.try_io(Interest::WRITABLE, || SockRef::from(socket).send_vectored_with_flags(slices, NO_SIGNAL))
}

impl Sink for Transport {
    fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match &self.session {
            None => try_send_vectored(&self.socket, slices),
            Some(session) => session.write_vectored(&self.socket, slices),
        }
    }

    fn held(&self) -> usize {
        self.session.as_ref().map_or(0, Session::held)
    }
}
