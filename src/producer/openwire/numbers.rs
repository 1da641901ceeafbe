//! The numbers by which a connection's broker knows producers and destinations, where both sides agreed on that.

use super::Client;
use super::accept::{Draft, Known};
use super::ids::Lane;
use super::session::{Session, Up};
use crate::error::Result;
use crate::protocol::openwire::{Encoder, Packet, Prepared, ProducerInfo};
use bytes::{Bytes, BytesMut};
use std::sync::atomic::{AtomicU64, Ordering};

/// A number on one connection. It is read and written under the session's lock.
#[derive(Debug, Default)]
pub(super) struct Number(AtomicU64);

/// Bits of the number, which is one more than the wire's; 0: there is none.
const BITS: u32 = 16;

impl Number {
    /// `None`: it was never asked for on this connection.
    fn on(&self, connection: u64) -> Option<Option<i16>> {
        let held = self.0.load(Ordering::Relaxed);
        (held >> BITS == connection).then(|| i16::try_from((held & 0xffff).wrapping_sub(1)).ok())
    }

    fn set(&self, connection: u64, number: Option<i16>) {
        let held = number.map_or(0, |number| u64::from(number.unsigned_abs()) + 1);
        self.0.store(connection << BITS | held, Ordering::Relaxed);
    }
}

/// What the broker of a session's connection was told, and knows by number.
#[derive(Debug)]
pub(super) struct Told {
    encoder: Encoder,
    /// Of those it was told of at all.
    producers: [Option<Option<i16>>; 2],
}

impl Told {
    /// `None`: the two sides did not agree on numbers.
    pub(super) fn new(up: &Up) -> Option<Told> {
        let format = up.link.format();
        (format.cache_size > 0).then(|| Told { encoder: Encoder::new(format), producers: [None; 2] })
    }
}

/// How a message is encoded for whoever gets it now or later.
pub(super) struct Encoded {
    /// In the form of the session's connection; `None`: there is none.
    pub(super) now: Option<Bytes>,
    /// In the form that needs no agreement; empty: nobody will need it.
    pub(super) later: Bytes,
    /// What it counts in the window.
    pub(super) size: i32,
}

/// A message with its numbers.
pub(super) struct Numbered<'a> {
    pub(super) draft: &'a Draft<'a>,
    pub(super) lane: Lane,
    pub(super) sequence: i64,
    pub(super) transaction: Option<&'a Prepared>,
    pub(super) command: i32,
    pub(super) response_required: bool,
}

impl Client {
    /// `again`: it may have to go over another connection.
    pub(super) fn encoded(&self, session: &mut Session, message: &Numbered<'_>, again: bool) -> Result<Encoded> {
        let Numbered { draft, lane, sequence, transaction, command, response_required } = *message;
        let producer = self.ids.producer(lane);
        let encode = |form| draft.encode(producer, sequence, transaction, command, response_required, form);
        let Some(up) = session.up().cloned() else {
            let (later, size) = encode(None)?;
            return Ok(Encoded { now: None, later, size });
        };
        let format = up.link.format();
        if !format.tight && format.cache_size == 0 {
            let (now, size) = encode(None)?;
            let later = if again { now.clone() } else { Bytes::new() };
            return Ok(Encoded { now: Some(now), later, size });
        }
        let numbers = self.numbers(session, &up, lane, &draft.destination);
        let (now, size) = encode(Some((format, numbers)))?;
        let later = if again { encode(None)?.0 } else { Bytes::new() };
        Ok(Encoded { now: Some(now), later, size })
    }

    /// The numbers of a producer and a destination; `None`: they have none, and are sent as a whole.
    fn numbers(&self, session: &mut Session, up: &Up, lane: Lane, known: &Known) -> Option<[i16; 2]> {
        let told = session.told.as_mut()?;
        let destination = known.number.on(up.number).unwrap_or_else(|| {
            let number = self.tell_numbers(told, up, lane, known);
            known.number.set(up.number, number);
            number
        });
        if told.producers[lane as usize].is_none() {
            self.tell_numbers(told, up, lane, known);
        }
        Some([told.producers[lane as usize]??, destination?])
    }

    /// Tells the broker of a producer that it has already, which changes nothing but that it knows the numbers then. A
    /// message would not do: it may be taken back before it is written.
    fn tell_numbers(&self, told: &mut Told, up: &Up, lane: Lane, known: &Known) -> Option<i16> {
        let info = ProducerInfo {
            producer_id: self.ids.producer(lane).id.clone(),
            destination: Some(known.destination.clone()),
            dispatch_async: true,
            window_size: self.activemq.window.unwrap_or(0),
            ..ProducerInfo::default()
        };
        told.producers[lane as usize] = Some(None);
        let mut frame = BytesMut::new();
        told.encoder.encode(&mut frame, &Packet::new(self.command(), false, info.clone())).ok()?;
        // When this fails the connection has ended.
        up.link.push(frame.freeze(), None, true).ok()?;
        told.producers[lane as usize] = Some(told.encoder.number_of(&info.producer_id));
        told.encoder.number_of(&known.destination)
    }
}
