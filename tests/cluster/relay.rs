//! A relay between clients and one server, which can spoil what passes: refuse, cut, swallow, delay, slow down, corrupt.
//!
//! That of a name server also gives clients the relays' addresses for the brokers'. Both have ports of as many digits, so that
//! no length inside a frame changes.

use crate::support::ports::PortBlock;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

const LOOK: Duration = Duration::from_millis(20);
/// One of so many frames to a client is spoiled by a relay that corrupts.
const CORRUPT_ONE_OF: usize = 20;

/// What a relay does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Condition {
    /// Everything passes.
    Well,
    /// Nobody listens, and no connection is left.
    Refusing,
    /// Connections stay open, but nothing passes; those of this time never work again.
    Silent,
    /// Everything passes so much later.
    Late(Duration),
    /// So many bytes pass in a second, in each direction of a connection.
    Slow(usize),
    /// Some frames to clients are spoiled where every frame is checked: length, form, header.
    Corrupting,
}

#[derive(Debug)]
struct Shared {
    port: u16,
    server: String,
    condition: Mutex<Condition>,
    addresses: Mutex<Vec<(String, String)>>,
    connections: Mutex<Vec<Weak<Connection>>>,
    frames: AtomicUsize,
    ended: AtomicBool,
}

#[derive(Debug)]
struct Connection {
    client: TcpStream,
    server: TcpStream,
    silent: AtomicBool,
}

/// A running relay; it ends with its owner.
#[derive(Debug)]
pub struct Relay(Arc<Shared>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Relay {
    /// A relay to `server`, on a free port.
    pub fn to(server: &str) -> Result<Relay, String> {
        let mut block = PortBlock::reserve(1)?;
        let shared = Arc::new(Shared {
            port: block.first(),
            server: server.to_owned(),
            condition: Mutex::new(Condition::Well),
            addresses: Mutex::new(Vec::new()),
            connections: Mutex::new(Vec::new()),
            frames: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        });
        block.release();
        let listener = bind(shared.port)?;
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&accepting, listener));
        Ok(Relay(shared))
    }

    /// Where clients reach it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.0.port)
    }

    /// Clients read the second address where the server says the first.
    pub fn rewrite(&self, addresses: Vec<(String, String)>) {
        *lock(&self.0.addresses) = addresses;
    }

    /// Changes what it does.
    pub fn set(&self, condition: Condition) {
        *lock(&self.0.condition) = condition;
        match condition {
            Condition::Refusing => self.cut(),
            Condition::Silent => self.each(|connection| connection.silent.store(true, Ordering::SeqCst)),
            _ => {}
        }
    }

    /// Ends every connection there is.
    pub fn cut(&self) {
        self.each(Connection::end);
    }

    fn each(&self, action: impl Fn(&Connection)) {
        lock(&self.0.connections).iter().filter_map(Weak::upgrade).for_each(|connection| action(&connection));
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::SeqCst);
        self.cut();
    }
}

impl Connection {
    fn end(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

fn bind(port: u16) -> Result<TcpListener, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| format!("relay: {error}"))?;
    listener.set_nonblocking(true).map_err(|error| error.to_string())?;
    Ok(listener)
}

fn accept(shared: &Arc<Shared>, listener: TcpListener) {
    let mut listening = Some(listener);
    while !shared.ended.load(Ordering::SeqCst) {
        let condition = *lock(&shared.condition);
        if condition == Condition::Refusing {
            listening = None;
        } else if listening.is_none() {
            listening = bind(shared.port).ok();
        }
        match listening.as_ref().map(TcpListener::accept) {
            Some(Ok((client, _))) => drop(connect(shared, client, condition)),
            _ => thread::sleep(LOOK),
        }
    }
}

fn connect(shared: &Arc<Shared>, client: TcpStream, condition: Condition) -> std::io::Result<()> {
    let server = TcpStream::connect(&shared.server)?;
    for stream in [&client, &server] {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
    }
    let silent = AtomicBool::new(condition == Condition::Silent);
    let (to_client, to_server) = (client.try_clone()?, server.try_clone()?);
    let (from_client, from_server) = (client.try_clone()?, server.try_clone()?);
    let connection = Arc::new(Connection { client, server, silent });
    {
        let mut connections = lock(&shared.connections);
        connections.retain(|connection| connection.strong_count() > 0);
        connections.push(Arc::downgrade(&connection));
    }
    for (mut from, to, framed) in [(from_client, to_server, false), (from_server, to_client, true)] {
        let (pieces, delayed) = channel();
        let (writing, reading) = (Arc::clone(&connection), Arc::clone(&connection));
        let (of_writer, of_reader) = (Arc::clone(shared), Arc::clone(shared));
        thread::spawn(move || {
            write(&of_writer, &delayed, to);
            writing.end();
        });
        thread::spawn(move || {
            let _ = read(&of_reader, &reading, &mut from, framed, &pieces);
            // What was read is still written; then the writer ends the connection.
        });
    }
    Ok(())
}

/// Reads up to the end; frames to clients one by one, the rest as it comes.
fn read(
    shared: &Shared,
    connection: &Connection,
    from: &mut TcpStream,
    framed: bool,
    pieces: &Sender<(Instant, Vec<u8>)>,
) -> std::io::Result<()> {
    loop {
        let mut piece;
        if framed {
            piece = vec![0; 4];
            from.read_exact(&mut piece)?;
            let length = u32::from_be_bytes([piece[0], piece[1], piece[2], piece[3]]) as usize;
            piece.resize(4 + length, 0);
            from.read_exact(&mut piece[4..])?;
            for (before, after) in lock(&shared.addresses).iter() {
                replace(&mut piece, before.as_bytes(), after.as_bytes());
            }
        } else {
            piece = vec![0; 64 * 1024];
            let length = from.read(&mut piece)?;
            if length == 0 {
                return Ok(());
            }
            piece.truncate(length);
        }
        if connection.silent.load(Ordering::SeqCst) {
            continue;
        }
        let condition = *lock(&shared.condition);
        let due = match condition {
            Condition::Late(delay) => Instant::now() + delay,
            _ => Instant::now(),
        };
        if framed && condition == Condition::Corrupting {
            corrupt(&mut piece, shared.frames.fetch_add(1, Ordering::SeqCst));
        }
        if pieces.send((due, piece)).is_err() {
            return Err(ErrorKind::BrokenPipe.into());
        }
    }
}

fn write(shared: &Shared, pieces: &Receiver<(Instant, Vec<u8>)>, mut to: TcpStream) {
    for (due, piece) in pieces {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        // In small parts, so that a slow connection is one from its first byte on.
        for part in piece.chunks(512) {
            if let Condition::Slow(rate) = *lock(&shared.condition) {
                thread::sleep(Duration::from_secs_f64(part.len() as f64 / rate as f64));
            }
            if to.write_all(part).is_err() {
                return;
            }
        }
    }
}

fn replace(bytes: &mut [u8], before: &[u8], after: &[u8]) {
    assert_eq!(before.len(), after.len(), "a port with another number of digits");
    let mut at = 0;
    while at + before.len() <= bytes.len() {
        if bytes[at..].starts_with(before) {
            bytes[at..at + after.len()].copy_from_slice(after);
            at += after.len();
        } else {
            at += 1;
        }
    }
}

fn corrupt(frame: &mut [u8], number: usize) {
    if number % CORRUPT_ONE_OF != CORRUPT_ONE_OF - 1 {
        return;
    }
    match number / CORRUPT_ONE_OF % 3 {
        // A length beyond every limit.
        0 => frame[0] = 0x7f,
        // A form of header that nobody knows.
        1 if frame.len() > 4 => frame[4] = 9,
        // A header that is none.
        _ => frame.iter_mut().skip(8).take(4).for_each(|byte| *byte = 0xff),
    }
}
