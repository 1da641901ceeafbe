//! An open socket, bare or with TLS over it: both are written without waiting by any thread. A bare one may be read by
//! any thread that has the role of the reader, TLS by the I/O task alone.

use super::dial::{dial, within};
use super::outbox::Sink;
use super::socks::Proxy;
use super::tls::{Session, Tls};
use crate::error::Error;
use crate::ffi::inherited::ClosedInChildren;
use crate::ffi::os::{wait_readable, watch};
use socket2::SockRef;
use std::io::{self, IoSlice, Read};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};
#[cfg(feature = "tls")]
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};
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
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    /// Known to the event loop only while the I/O task watches it, so that nothing else wakes that thread.
    Bare(Arc<std::net::TcpStream>),
    Sealed {
        socket: TcpStream,
        session: Box<Session>,
    },
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
        let socket = match &access.tls {
            Some(tls) => {
                let session = Box::new(within(address, timeout, left(), tls.shake_hands(address, &socket)).await?);
                Socket::Sealed { socket, session }
            }
            None => {
                let bare = async { socket.into_std().map_err(|error| error.to_string()) };
                Socket::Bare(Arc::new(within(address, timeout, left(), bare).await?))
            }
        };
        Ok(Transport { _inherited: inherited, socket })
    }

    /// Watches it on the event loop, until that is dropped.
    pub(crate) fn watch(&self) -> io::Result<Watch<'_>> {
        match &self.socket {
            Socket::Bare(socket) => Ok(Watch::Bare(watch(Arc::clone(socket))?)),
            Socket::Sealed { socket, session } => Ok(Watch::Sealed { socket, session }),
        }
    }

    /// What a caller can read, if one can.
    pub(crate) fn bare(&self) -> Option<&std::net::TcpStream> {
        match &self.socket {
            Socket::Bare(socket) => Some(socket),
            Socket::Sealed { .. } => None,
        }
    }

    /// Whether TLS has bytes of its own for the peer that the socket did not take yet.
    pub(crate) fn owes(&self) -> bool {
        match &self.socket {
            Socket::Bare(_) => false,
            Socket::Sealed { session, .. } => session.owes(),
        }
    }

    /// Writes what TLS owes, as far as the socket takes it.
    pub(crate) fn settle(&self) -> io::Result<()> {
        match &self.socket {
            Socket::Bare(_) => Ok(()),
            Socket::Sealed { socket, session } => session.settle(socket),
        }
    }

    /// Tells the peer of the end, and whoever waits for the socket.
    pub(crate) fn shut_down(&self) {
        let _ = match &self.socket {
            Socket::Bare(socket) => socket.shutdown(std::net::Shutdown::Both),
            Socket::Sealed { socket, session } => {
                session.farewell(socket);
                SockRef::from(socket).shutdown(std::net::Shutdown::Both)
            }
        };
    }
}

/// Waits until the socket has something to read, or has ended; `false` when the deadline came before.
pub(crate) fn wait_for_bytes(socket: &std::net::TcpStream, deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match wait_readable(socket.as_fd(), left) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            ready => return ready,
        }
    }
}

/// What the event loop tells of a socket.
#[derive(Debug)]
pub(crate) enum Watch<'t> {
    Bare(AsyncFd<Arc<std::net::TcpStream>>),
    Sealed { socket: &'t TcpStream, session: &'t Session },
}

/// Something to read, or room to write, perhaps.
pub(crate) enum Ready<'w> {
    Bare(AsyncFdReadyGuard<'w, Arc<std::net::TcpStream>>),
    Sealed { socket: &'w TcpStream, session: &'w Session },
}

impl Watch<'_> {
    /// Resolves when there may be something to read.
    pub(crate) async fn readable(&self) -> io::Result<Ready<'_>> {
        match self {
            Watch::Bare(fd) => Ok(Ready::Bare(fd.readable().await?)),
            Watch::Sealed { socket, session } => {
                socket.readable().await?;
                Ok(Ready::Sealed { socket, session })
            }
        }
    }

    /// Resolves when there may be room to write.
    pub(crate) async fn writable(&self) -> io::Result<Ready<'_>> {
        match self {
            Watch::Bare(fd) => Ok(Ready::Bare(fd.writable().await?)),
            Watch::Sealed { socket, session } => {
                socket.writable().await?;
                Ok(Ready::Sealed { socket, session })
            }
        }
    }
}

impl Ready<'_> {
    /// Reads what is there; 0 at the end.
    pub(crate) fn try_read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Ready::Sealed { socket, session } => session.try_read(socket, out),
            Ready::Bare(guard) => {
                let read = guard.get_inner().as_ref().read(out);
                // A stream that gave less than there was room for is empty: its next bytes are told of anew.
                match &read {
                    Ok(n) if *n > 0 && *n < out.len() => guard.clear_ready(),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => guard.clear_ready(),
                    _ => {}
                }
                read
            }
        }
    }

    /// The socket took less than there was to write.
    pub(crate) fn exhausted(&mut self) {
        // The session's socket notes that by itself.
        if let Ready::Bare(guard) = self {
            guard.clear_ready();
        }
    }
}

/// A peer that is gone is an error only: by `writev` it would also be a SIGPIPE, which ends every program that does not
/// ignore it, as Rust's own do.
fn send_vectored(socket: SockRef<'_>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    #[cfg(not(target_vendor = "apple"))]
    const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;
    // There it is an option of the socket, which mio sets.
    #[cfg(target_vendor = "apple")]
    const NO_SIGNAL: i32 = 0;
    match slices {
        // For which the kernel has less to look at.
        [only] => socket.send_with_flags(only, NO_SIGNAL),
        slices => socket.send_vectored_with_flags(slices, NO_SIGNAL),
    }
}

/// As `TcpStream::try_write_vectored`, but without a signal.
#[cfg(feature = "tls")]
pub(super) fn try_send_vectored(socket: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    socket.try_io(Interest::WRITABLE, || send_vectored(SockRef::from(socket), slices))
}

impl Sink for Transport {
    fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match &self.socket {
            Socket::Bare(socket) => send_vectored(SockRef::from(&**socket), slices),
            Socket::Sealed { socket, session } => session.write_vectored(socket, slices),
        }
    }

    fn held(&self) -> usize {
        match &self.socket {
            Socket::Bare(_) => 0,
            Socket::Sealed { session, .. } => session.held(),
        }
    }
}
