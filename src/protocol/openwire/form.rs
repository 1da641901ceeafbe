//! The forms that fields can have on a connection: truth values apart from all else in the tight encoding, and objects
//! that were sent once and are known by number then.

use std::collections::HashMap;

use bytes::{BufMut, Bytes, BytesMut};

use super::command::{Command, Packet, encode_as};
use super::error::CodecError;
use super::wire::{Object, Reader, Writer};
use super::wire_format::WireFormat;

/// The truth values of a frame in the tight encoding, the first in the lowest bit of the first byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    next: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        BitReader { bytes, next: 0 }
    }

    #[inline]
    pub(super) fn next(&mut self, field: &'static str) -> Result<bool, CodecError> {
        let byte = self.bytes.get(self.next / 8);
        let byte = byte.ok_or(CodecError::Truncated { field, need: 1, have: 0 })?;
        let bit = byte >> (self.next % 8) & 1;
        self.next += 1;
        Ok(bit == 1)
    }

    /// Whole bytes that nobody has looked at.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.next.div_ceil(8)
    }
}

/// The same to be written. Without an allocation up to 128 of them, which is more than a message has.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    full: Vec<u8>,
    /// The lowest bits of the first byte come first.
    word: [u8; 16],
    count: usize,
}

impl BitWriter {
    #[inline]
    pub(super) fn push(&mut self, bit: bool) {
        if self.count == 128 {
            self.full.extend_from_slice(&self.word);
            (self.word, self.count) = ([0; 16], 0);
        }
        self.word[self.count / 8] |= u8::from(bit) << (self.count % 8);
        self.count += 1;
    }

    /// The last of them, and those before.
    pub(super) fn parts(&self) -> (&[u8], &[u8]) {
        (&self.word[..self.count.div_ceil(8)], &self.full)
    }
}

/// Whether objects of a field are known by number once they were sent, where the peers agreed on that.
pub(super) fn is_cached(field: &str) -> bool {
    matches!(
        field,
        "BrokerInfo.broker_id"
            | "ConnectionInfo.connection_id"
            | "SessionInfo.session_id"
            | "ConsumerInfo.consumer_id"
            | "ConsumerInfo.destination"
            | "NetworkBridgeFilter.network_broker_id"
            | "ProducerInfo.producer_id"
            | "ProducerInfo.destination"
            | "TransactionInfo.connection_id"
            | "TransactionInfo.transaction_id"
            | "DestinationInfo.connection_id"
            | "DestinationInfo.destination"
            | "RemoveSubscriptionInfo.connection_id"
            | "RemoveInfo.object_id"
            | "MessagePull.consumer_id"
            | "MessagePull.destination"
            | "MessageDispatch.consumer_id"
            | "MessageDispatch.destination"
            | "MessageAck.destination"
            | "MessageAck.transaction_id"
            | "MessageAck.consumer_id"
            | "LocalTransactionId.connection_id"
            | "MessageId.producer_id"
            | "Message.producer_id"
            | "Message.destination"
            | "Message.transaction_id"
            | "Message.original_destination"
            | "Message.original_transaction_id"
            | "Message.target_consumer_id"
    )
}

/// An object in its loose form, its type's number first; that of none is empty.
fn loose<T: Object>(object: Option<&T>) -> Result<Bytes, CodecError> {
    let mut out = BytesMut::new();
    let mut w = Writer::new(&mut out);
    if let Some(object) = object {
        w.out.put_u8(object.kind());
        object.write_body(&mut w);
    }
    w.finish()?;
    Ok(out.freeze())
}

/// Objects that came, by their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    objects: Vec<Option<Bytes>>,
    most: usize,
}

impl Known {
    /// A number of -1 says that the sender had none left.
    pub(super) fn add<T: Object>(
        &mut self,
        number: i16,
        object: Option<&T>,
        field: &'static str,
    ) -> Result<(), CodecError> {
        if number == -1 {
            return Ok(());
        }
        let at = usize::try_from(number).ok().filter(|at| *at < self.most).ok_or(CodecError::Invalid {
            field,
            value: number.into(),
            expected: "a number of the size of the cache",
        })?;
        if self.objects.len() <= at {
            self.objects.resize(at + 1, None);
        }
        self.objects[at] = Some(loose(object)?);
        Ok(())
    }

    pub(super) fn get<T: Object>(&self, number: i16, field: &'static str) -> Result<Option<T>, CodecError> {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        let Some(Some(bytes)) = self.objects.get(at) else {
            return Err(CodecError::Invalid {
                field,
                value: number.into(),
                expected: "the number of an object that came",
            });
        };
        let Some((&kind, body)) = bytes.split_first() else { return Ok(None) };
        let read = T::read_body(kind, &mut Reader::new(body, false))?;
        read.map(Some).ok_or(CodecError::UnexpectedType { field, kind, expected: T::EXPECTED })
    }
}

/// Objects that were sent, with their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    numbers: HashMap<Bytes, i16>,
    most: usize,
}

impl Told {
    /// The object's key, and its number if it has one.
    pub(super) fn find<T: Object>(&self, object: Option<&T>) -> Result<(Bytes, Option<i16>), CodecError> {
        let key = loose(object)?;
        let number = self.numbers.get(&key).copied();
        Ok((key, number))
    }

    /// Gives an object the next number; -1: there is none left.
    pub(super) fn add(&mut self, key: Bytes) -> i16 {
        if self.numbers.len() >= self.most {
            return -1;
        }
        let number = self.numbers.len() as i16;
        self.numbers.insert(key, number);
        number
    }
}

/// What a writer does with objects that could be known by number.
#[derive(Debug)]
pub(super) enum Caching<'a> {
    /// The peers did not agree on it.
    Off,
    /// They are written as if there were no number left: nothing to remember.
    Whole,
    /// They get numbers.
    On(&'a mut Told),
}

/// Reads the frames of one direction of a connection, in their order.
#[derive(Clone, Debug)]
pub struct Decoder {
    tight: bool,
    stack_traces: bool,
    known: Option<Known>,
}

impl Decoder {
    /// For what the peers agreed on.
    pub fn new(format: &WireFormat) -> Self {
        let known = (format.cache_size > 0).then(|| Known { objects: Vec::new(), most: format.cache_size.into() });
        Decoder { tight: format.tight, stack_traces: format.stack_traces, known }
    }

    /// From the inside of a frame, as [`split`](super::split) gives it. After an error nothing more can be read.
    pub fn decode(&mut self, body: &[u8]) -> Result<Packet, CodecError> {
        Packet::read(body, self.tight, self.stack_traces, self.known.as_mut())
    }
}

/// Writes the frames of one direction of a connection, in their order.
#[derive(Clone, Debug)]
pub struct Encoder {
    format: WireFormat,
    told: Told,
}

impl Encoder {
    /// For what the peers agreed on.
    pub fn new(format: &WireFormat) -> Self {
        Encoder { format: *format, told: Told { numbers: HashMap::new(), most: format.cache_size.into() } }
    }

    /// Appends the frame. On failure `out` is as before, and the peer is told nothing.
    pub fn encode(&mut self, out: &mut BytesMut, packet: &Packet) -> Result<(), CodecError> {
        let before = self.told.numbers.len();
        let caching = if self.format.cache_size > 0 { Caching::On(&mut self.told) } else { Caching::Off };
        encode_as(out, self.format.tight, caching, packet.command_id, packet.response_required, &packet.command)
            .inspect_err(|_| self.told.numbers.retain(|_, number| usize::from(number.unsigned_abs()) < before))
    }

    /// The number by which the peer knows an object, once it was sent.
    pub fn number_of(&self, object: &impl Object) -> Option<i16> {
        self.told.find(Some(object)).ok()?.1
    }
}

/// Appends the frame of one command in the form that the peers agreed on, so that it can be read whatever came before.
/// On failure `out` is as before.
pub fn encode_alone(
    out: &mut BytesMut,
    format: &WireFormat,
    command_id: i32,
    response_required: bool,
    command: &Command,
) -> Result<(), CodecError> {
    let caching = if format.cache_size > 0 { Caching::Whole } else { Caching::Off };
    encode_as(out, format.tight, caching, command_id, response_required, command)
}
