//! What a frame holds: one command.

use bytes::{Buf, BufMut, BytesMut};

use super::commands::*;
use super::destination::Destination;
use super::error::CodecError;
use super::form::{Caching, Known};
use super::ids::{
    BrokerId, ConnectionId, ConsumerId, LocalTransactionId, MessageId, ProducerId, SessionId, XaTransactionId,
};
use super::message::Message;
use super::wire::{Object, Reader, Writer};
use super::wire_format::WireFormatInfo;
use crate::protocol::cursor::Cursor;

/// A command with its number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Packet<C = Command> {
    /// The sender's number of it, which an answer names; 0 where nothing is answered.
    pub command_id: i32,
    /// Whether an answer is asked for.
    pub response_required: bool,
    /// The command.
    pub command: C,
}

impl<C: Object> Object for Packet<C> {
    const EXPECTED: &'static str = C::EXPECTED;

    fn kind(&self) -> u8 {
        self.command.kind()
    }

    #[inline]
    fn read_body(kind: u8, r: &mut Reader<'_>) -> Result<Option<Self>, CodecError> {
        let (mut command_id, mut response_required) = (0, false);
        if kind != WireFormatInfo::KIND {
            command_id = r.cursor.i32("command_id")?;
            response_required = r.bool("response_required")?;
        }
        let command = C::read_body(kind, r)?;
        Ok(command.map(|command| Packet { command_id, response_required, command }))
    }

    fn write_body(&self, w: &mut Writer<'_>) {
        write_numbered(w, self.command_id, self.response_required, &self.command);
    }
}

fn write_numbered(w: &mut Writer<'_>, command_id: i32, response_required: bool, command: &impl Object) {
    if command.kind() != WireFormatInfo::KIND {
        w.out.put_i32(command_id);
        w.bool(response_required);
    }
    command.write_body(w);
}

impl Packet {
    /// A command and its number.
    pub fn new(command_id: i32, response_required: bool, command: impl Into<Command>) -> Self {
        Packet { command_id, response_required, command: command.into() }
    }

    /// From the inside of a loose frame, as [`split`](super::split) gives it, without a cache. `stack_traces`: what the
    /// peers agreed on.
    pub fn decode(body: &[u8], stack_traces: bool) -> Result<Self, CodecError> {
        Packet::read(body, false, stack_traces, None)
    }

    pub(super) fn read(
        body: &[u8],
        tight: bool,
        stack_traces: bool,
        known: Option<&mut Known>,
    ) -> Result<Self, CodecError> {
        let field = "command";
        let mut cursor = Cursor::new(body);
        let kind = cursor.u8(field)?;
        // What the peers agree by has the form that needs no agreement.
        let is_first = kind == WireFormatInfo::KIND;
        let mut r = Reader::of_frame(cursor, tight && !is_first, stack_traces, known.filter(|_| !is_first))?;
        let unknown = CodecError::UnexpectedType { field, kind, expected: Command::EXPECTED };
        let packet = Packet::<Command>::read_body(kind, &mut r)?.ok_or(unknown)?;
        match r.left() {
            0 => Ok(packet),
            extra => Err(CodecError::TooMuch { name: packet.command.name(), extra }),
        }
    }

    /// Appends the frame. On failure `out` is as before.
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), CodecError> {
        encode(out, self.command_id, self.response_required, &self.command)
    }
}

/// Appends the loose frame of one command: any struct of a command, or a [`Command`]. On failure `out` is as before.
pub fn encode(
    out: &mut BytesMut,
    command_id: i32,
    response_required: bool,
    command: &impl Object,
) -> Result<(), CodecError> {
    frame(out, |w| {
        w.out.put_u8(command.kind());
        write_numbered(w, command_id, response_required, command);
    })
}

/// Appends what `write` writes, behind its length.
#[inline]
pub(super) fn frame(out: &mut BytesMut, write: impl FnOnce(&mut Writer<'_>)) -> Result<(), CodecError> {
    let start = out.len();
    out.put_i32(0);
    let mut w = Writer::new(out);
    write(&mut w);
    let written = w.finish();
    let size = out.len() - start - 4;
    let length = match (i32::try_from(size), written) {
        (Ok(length), Ok(())) => length,
        (Err(_), Ok(())) => {
            out.truncate(start);
            return Err(CodecError::TooLong { field: "frame", size, limit: i32::MAX as usize });
        }
        (_, Err(error)) => {
            out.truncate(start);
            return Err(error);
        }
    };
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// The same in any form.
pub(super) fn encode_as(
    out: &mut BytesMut,
    tight: bool,
    caching: Caching<'_>,
    command_id: i32,
    response_required: bool,
    command: &Command,
) -> Result<(), CodecError> {
    let start = out.len();
    let done = match command.kind() {
        WireFormatInfo::KIND => encode(out, command_id, response_required, command),
        kind => frame_as(out, kind, tight, caching, |w| {
            write_numbered(w, command_id, response_required, command);
        }),
    };
    done.inspect_err(|_| out.truncate(start))
}

/// Appends what `write` writes, behind the length, the type and, in the tight encoding, the truth values.
#[inline]
pub(super) fn frame_as(
    out: &mut BytesMut,
    kind: u8,
    tight: bool,
    caching: Caching<'_>,
    write: impl FnOnce(&mut Writer<'_>),
) -> Result<(), CodecError> {
    let start = out.len();
    out.put_bytes(0, MOST_BEFORE);
    let mut w = Writer::of_frame(out, tight, caching);
    write(&mut w);
    let bits = w.finish_tight()?;
    let (short, long) = bits.as_ref().map_or(([].as_slice(), [].as_slice()), |bits| bits.parts());
    let data = out.len() - start - MOST_BEFORE;
    let mut before = Head::default();
    let of_bits = bits.is_some().then_some(short.len() + long.len());
    before.put(kind, of_bits, data)?;
    let head = before.bytes();
    if start == 0 && long.is_empty() {
        // What stands before is shorter by a little than the room for it.
        let first = MOST_BEFORE - head.len() - short.len();
        out[first..first + head.len()].copy_from_slice(head);
        out[first + head.len()..MOST_BEFORE].copy_from_slice(short);
        out.advance(first);
        return Ok(());
    }
    let data = out.split_off(start + MOST_BEFORE);
    out.truncate(start);
    for part in [head, long, short, &data] {
        out.put_slice(part);
    }
    Ok(())
}

/// Length, type, number of truth values, and as many of those as a message may have.
const MOST_BEFORE: usize = 4 + 1 + 3 + 16;

/// What stands before the truth values.
#[derive(Default)]
struct Head {
    bytes: [u8; 8],
    used: usize,
}

impl Head {
    fn put(&mut self, kind: u8, of_bits: Option<usize>, data: usize) -> Result<(), CodecError> {
        self.used = 4;
        self.push(&[kind]);
        match of_bits {
            None => {}
            Some(size @ 0..64) => self.push(&[size as u8]),
            Some(size @ 64..256) => self.push(&[0xc0, size as u8]),
            Some(size @ 256..=0x7fff) => self.push(&[0x80, (size >> 8) as u8, size as u8]),
            Some(size) => return Err(CodecError::TooLong { field: "truth values", size, limit: 0x7fff }),
        }
        let size = self.used - 4 + of_bits.unwrap_or(0) + data;
        let limit = i32::MAX as usize;
        let length = i32::try_from(size).map_err(|_| CodecError::TooLong { field: "frame", size, limit })?;
        self.bytes[..4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.used..self.used + bytes.len()].copy_from_slice(bytes);
        self.used += bytes.len();
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }
}

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident($held:ty),)*) => {
        /// A command.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs)] // Each is told at its struct.
        pub enum Command {
            $($(#[$doc])* $name($held),)*
        }

        $(impl From<$name> for Command {
            fn from(command: $name) -> Self {
                Command::$name(command.into())
            }
        })*

        impl Object for Command {
            const EXPECTED: &'static str = "a command of a client or of its broker";

            fn kind(&self) -> u8 {
                match self { $(Command::$name(command) => command.kind(),)* }
            }

            #[inline]
            #[allow(unreachable_patterns)] // A message has a number for each of its types.
            fn read_body(kind: u8, r: &mut Reader<'_>) -> Result<Option<Self>, CodecError> {
                match kind {
                    23..=29 => Ok(Object::read_body(kind, r)?.map(Command::Message)),
                    $($name::KIND => Ok(Object::read_body(kind, r)?.map(Command::$name)),)*
                    _ => Ok(None),
                }
            }

            fn write_body(&self, w: &mut Writer<'_>) {
                match self { $(Command::$name(command) => command.write_body(w),)* }
            }
        }

        impl Command {
            /// The command's name, as ActiveMQ calls it.
            pub fn name(&self) -> &'static str {
                match self { $(Command::$name(_) => stringify!($name),)* }
            }
        }
    };
}

commands! {
    WireFormatInfo(Box<WireFormatInfo>),
    BrokerInfo(Box<BrokerInfo>),
    ConnectionInfo(Box<ConnectionInfo>),
    SessionInfo(SessionInfo),
    ConsumerInfo(Box<ConsumerInfo>),
    ProducerInfo(Box<ProducerInfo>),
    TransactionInfo(Box<TransactionInfo>),
    DestinationInfo(Box<DestinationInfo>),
    RemoveSubscriptionInfo(Box<RemoveSubscriptionInfo>),
    KeepAliveInfo(KeepAliveInfo),
    ShutdownInfo(ShutdownInfo),
    RemoveInfo(Box<RemoveInfo>),
    ControlCommand(ControlCommand),
    FlushCommand(FlushCommand),
    ConnectionError(Box<ConnectionError>),
    ConsumerControl(Box<ConsumerControl>),
    ConnectionControl(Box<ConnectionControl>),
    ProducerAck(ProducerAck),
    MessagePull(Box<MessagePull>),
    MessageDispatch(Box<MessageDispatch>),
    MessageAck(Box<MessageAck>),
    Message(Box<Message>),
    Response(Response),
    ExceptionResponse(Box<ExceptionResponse>),
    DataResponse(DataResponse),
    DataArrayResponse(DataArrayResponse),
    IntegerResponse(IntegerResponse),
}

impl Command {
    /// The request that this answers.
    pub fn correlation_id(&self) -> Option<i32> {
        match self {
            Command::Response(response) => Some(response.correlation_id),
            Command::ExceptionResponse(response) => Some(response.correlation_id),
            Command::DataResponse(response) => Some(response.correlation_id),
            Command::DataArrayResponse(response) => Some(response.correlation_id),
            Command::IntegerResponse(response) => Some(response.correlation_id),
            _ => None,
        }
    }
}

macro_rules! objects {
    ($($(#[$doc:meta])* $name:ident($held:ty),)*) => {
        /// Anything that may be inside an answer or an advisory message.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs)] // Each is told at its struct.
        pub enum Structure {
            Command(Box<Packet>),
            Destination(Destination),
            $($name($name),)*
        }

        impl Object for Structure {
            const EXPECTED: &'static str = "a command, a destination or an id";

            fn kind(&self) -> u8 {
                match self {
                    Structure::Command(packet) => packet.kind(),
                    Structure::Destination(destination) => destination.kind(),
                    $(Structure::$name(id) => id.kind(),)*
                }
            }

            fn read_body(kind: u8, r: &mut Reader<'_>) -> Result<Option<Self>, CodecError> {
                match kind {
                    100..=103 => Ok(Object::read_body(kind, r)?.map(Structure::Destination)),
                    $($name::KIND => Ok(Object::read_body(kind, r)?.map(Structure::$name)),)*
                    _ => Ok(Object::read_body(kind, r)?.map(Structure::Command)),
                }
            }

            fn write_body(&self, w: &mut Writer<'_>) {
                match self {
                    Structure::Command(packet) => packet.write_body(w),
                    Structure::Destination(destination) => destination.write_body(w),
                    $(Structure::$name(id) => id.write_body(w),)*
                }
            }
        }
    };
}

objects! {
    ConnectionId(ConnectionId),
    SessionId(SessionId),
    ConsumerId(ConsumerId),
    ProducerId(ProducerId),
    BrokerId(BrokerId),
    MessageId(MessageId),
    LocalTransactionId(LocalTransactionId),
    XaTransactionId(XaTransactionId),
}
