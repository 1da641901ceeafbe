//! What can be wrong with bytes that claim to be OpenWire, or with a value that should become such.

use crate::protocol::cursor::Short;

/// Why bytes could not be decoded, or a value could not be encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The length field asks for more than the peers agreed on.
    #[error("frame of {size} bytes exceeds the limit of {limit}")]
    FrameTooLarge {
        /// The length field's value.
        size: u32,
        /// The most that was agreed on.
        limit: usize,
    },
    /// The length field leaves no room for the type.
    #[error("frame length 0 is less than the 1 byte of the command's type")]
    FrameEmpty,
    /// A structure ends early or tells a length that does not fit.
    #[error("{field} needs {need} bytes, {have} are left")]
    Truncated {
        /// The field being read.
        field: &'static str,
        /// Bytes asked for; negative when the length itself was negative.
        need: i64,
        /// Bytes left.
        have: usize,
    },
    /// The frame goes on after its last field.
    #[error("{name} ends {extra} bytes before its frame does")]
    TooMuch {
        /// The command.
        name: &'static str,
        /// Bytes left over.
        extra: usize,
    },
    /// Text is not Java's modified UTF-8.
    #[error("{field} is not modified UTF-8 at byte {at}")]
    NotText {
        /// The field being read.
        field: &'static str,
        /// Offset of the first wrong byte.
        at: usize,
    },
    /// A type that does not belong here, or none that is known.
    #[error("{field} has the type {kind}, expected {expected}")]
    UnexpectedType {
        /// The field being read.
        field: &'static str,
        /// The type's number.
        kind: u8,
        /// What belongs there.
        expected: &'static str,
    },
    /// A field that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field holds a value outside its range.
    #[error("{field} is {value}, expected {expected}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// Its value.
        value: i64,
        /// What belongs there.
        expected: &'static str,
    },
    /// Objects lie inside one another deeper than any honest peer nests them.
    #[error("{field} is nested deeper than {limit}")]
    TooDeep {
        /// The field being read or written.
        field: &'static str,
        /// The deepest that is read.
        limit: usize,
    },
    /// A value is too long for the wire format.
    #[error("{field} of {size} bytes exceeds the limit of {limit}")]
    TooLong {
        /// The field.
        field: &'static str,
        /// Its size on the wire.
        size: usize,
        /// The most that the format can carry.
        limit: usize,
    },
    /// A compressed body cannot be inflated.
    #[error("content: {0}")]
    Compression(String),
}

impl From<Short> for CodecError {
    fn from(Short { field, need, have }: Short) -> Self {
        CodecError::Truncated { field, need, have }
    }
}

impl From<CodecError> for crate::error::Error {
    fn from(error: CodecError) -> Self {
        crate::error::Error::new(crate::error::ErrorKind::Protocol, error.to_string())
    }
}
