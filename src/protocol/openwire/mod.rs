//! ActiveMQ's OpenWire protocol, versions 10 to 12, in its loose and its tight encoding, with and without the cache of
//! objects: what a client that sends exchanges with its broker, both ways.
//!
//! Everything here takes bytes and gives values, or the other way round. No decoder panics on any input, and none
//! allocates more than a small multiple of what it was given.

pub mod body;
pub mod command;
pub mod commands;
pub mod destination;
mod error;
mod form;
pub mod frame;
pub mod ids;
pub mod message;
pub mod outgoing;
pub mod properties;
mod reader;
mod text;
pub mod throwable;
pub mod wire;
pub mod wire_format;
mod writer;

pub use body::compress;
pub use command::{Command, Packet, Structure, encode};
pub use commands::*;
pub use destination::{Destination, DestinationKind};
pub use error::CodecError;
pub use form::{Decoder, Encoder, encode_alone};
pub use frame::{MAX_FRAME, size_of_first, split};
pub use ids::{
    BrokerId, ConnectionId, ConsumerId, LocalTransactionId, MessageId, ObjectId, ProducerId, SessionId, TransactionId,
    XaTransactionId,
};
pub use message::{Message, MessageKind};
pub use outgoing::{Content, OutgoingMessage, Prepared, encode_message, encode_message_as};
pub use properties::Value;
pub use throwable::{StackFrame, Throwable, Trace};
pub use wire_format::{MIN_VERSION, Setting, VERSION, WireFormat, WireFormatInfo};
