//! TLS over a connection's socket.
//!
//! The handshake runs in the I/O task before the outbox goes on. After it, whoever writes encrypts on its own thread
//! and the I/O task decrypts; a lock lets one of them at a time at the session, and neither waits for the socket
//! inside it.

mod files;

use super::transport::try_send_vectored;
use crate::config::TlsFiles;
use crate::error::Result;
use crate::sync::Mutex;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;
use tokio::net::TcpStream;

/// Read from the socket at once.
const READ_SIZE: usize = 16 * 1024;

/// What the sessions of one producer share.
#[derive(Debug)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
}

impl Tls {
    /// Reads the files; an error names key and file.
    pub(crate) fn new(files: &TlsFiles) -> Result<Tls> {
        Ok(Tls { config: files::client_config(files)?, server_name: files::server_name(files)? })
    }

    /// Opens a session over a fresh socket.
    pub(crate) async fn shake_hands(&self, address: &str, socket: &TcpStream) -> std::result::Result<Session, String> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host(address).to_owned())
                .map_err(|_| format!("TLS: `{}` is no name that a certificate could have", host(address)))?,
        };
        let client = ClientConnection::new(Arc::clone(&self.config), name).map_err(|error| format!("TLS: {error}"))?;
        let mut state = State::new(client);
        loop {
            match state.shake(socket) {
                Ok(true) => return Ok(Session { state: Mutex::new(state) }),
                Ok(false) => {}
                Err(error) => return Err(format!("TLS: {error}")),
            }
            let ready = match state.client.wants_write() {
                true => socket.writable().await,
                false => socket.readable().await,
            };
            ready.map_err(|error| format!("TLS: {error}"))?;
        }
    }
}

/// The host of `host:port`, without the brackets of IPv6.
fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// An open session.
#[derive(Debug)]
pub(crate) struct Session {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    client: ClientConnection,
    /// Bytes read from the socket and not yet given to `client`.
    incoming: Vec<u8>,
    given: usize,
    /// Bytes that `client` encrypted but the socket did not take; their writer has not been told of any.
    accepted: usize,
}

/// The socket as rustls wants it.
struct Io<'a>(&'a TcpStream);

impl Write for Io<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        try_send_vectored(self.0, &[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        try_send_vectored(self.0, slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn is_would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

impl Session {
    /// Reads what is there, decrypted; 0 at the end.
    pub(crate) fn try_read(&self, socket: &TcpStream, out: &mut [u8]) -> io::Result<usize> {
        self.state.lock().read(socket, out)
    }

    /// Encrypts and writes. Bytes count as written when the socket has them: what it does not take is kept, the
    /// answer is `WouldBlock`, and the writer comes again with the same bytes in front.
    pub(crate) fn write_vectored(&self, socket: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.state.lock();
        state.flush(socket)?;
        if state.accepted == 0 {
            state.accepted = state.client.writer().write_vectored(slices)?;
            state.flush(socket)?;
        }
        Ok(std::mem::take(&mut state.accepted))
    }

    /// How many bytes a write took and has not told of.
    pub(crate) fn held(&self) -> usize {
        self.state.lock().accepted
    }

    /// Whether the session has bytes for the peer that no write made: key updates and the like.
    pub(crate) fn owes(&self) -> bool {
        self.state.lock().client.wants_write()
    }

    /// Writes them, as far as the socket takes them.
    pub(crate) fn settle(&self, socket: &TcpStream) -> io::Result<()> {
        self.state.lock().flush_some(socket)
    }

    /// Says goodbye when the socket takes it at once.
    pub(crate) fn farewell(&self, socket: &TcpStream) {
        let mut state = self.state.lock();
        state.client.send_close_notify();
        let _ = state.flush(socket);
    }
}

impl State {
    fn new(client: ClientConnection) -> State {
        State { client, incoming: Vec::with_capacity(READ_SIZE), given: 0, accepted: 0 }
    }

    /// Writes all that is encrypted; `WouldBlock` when some is left.
    fn flush(&mut self, socket: &TcpStream) -> io::Result<()> {
        while self.client.wants_write() {
            match self.client.write_tls(&mut Io(socket)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn flush_some(&mut self, socket: &TcpStream) -> io::Result<()> {
        match self.flush(socket) {
            Err(error) if is_would_block(&error) => Ok(()),
            result => result,
        }
    }

    /// One step of the handshake; `true` when it is done.
    fn shake(&mut self, socket: &TcpStream) -> io::Result<bool> {
        self.flush_some(socket)?;
        while self.client.is_handshaking() && !self.client.wants_write() {
            match self.feed(socket) {
                Ok(true) => self.flush_some(socket)?,
                Ok(false) => return Err(io::Error::other("the server closed the connection during the handshake")),
                Err(error) if is_would_block(&error) => return Ok(false),
                Err(error) => {
                    // The alert that tells the server why.
                    let _ = self.flush(socket);
                    return Err(error);
                }
            }
        }
        Ok(!self.client.is_handshaking() && !self.client.wants_write())
    }

    fn read(&mut self, socket: &TcpStream, out: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        loop {
            match self.client.reader().read(&mut out[filled..]) {
                Ok(0) => return Ok(filled),
                Ok(n) => filled += n,
                Err(error) if is_would_block(&error) => {}
                // The peer closed without a goodbye; what that cut off is seen in the frames.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(filled),
                Err(error) => return Err(error),
            }
            // What was read from the socket is used up before the next wait, which looks at the socket alone.
            let used_up = self.given == self.incoming.len();
            if filled == out.len() || (filled > 0 && used_up) {
                return Ok(filled);
            }
            if !self.feed(socket)? {
                return Ok(filled);
            }
            self.flush_some(socket)?;
        }
    }

    /// Gives the session bytes, of the socket when none are left; `false` at the end of the stream.
    fn feed(&mut self, socket: &TcpStream) -> io::Result<bool> {
        if self.given == self.incoming.len() {
            self.incoming.clear();
            self.given = 0;
            self.incoming.resize(READ_SIZE, 0);
            let read = socket.try_read(&mut self.incoming);
            self.incoming.truncate(*read.as_ref().unwrap_or(&0));
            read?;
        }
        let mut rest = &self.incoming[self.given..];
        let taken = self.client.read_tls(&mut rest)?;
        self.given += taken;
        self.client.process_new_packets().map_err(io::Error::other)?;
        Ok(taken > 0)
    }
}

#[cfg(test)]
mod tests;
