//! What can be wrong with bytes that claim to be remoting frames.

use super::frame::MAX_FRAME;
use crate::protocol::cursor::Short;

/// Why bytes could not be decoded, or a value could not be encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The length field asks for more than a frame may have.
    #[error("frame of {size} bytes exceeds the limit of {MAX_FRAME}")]
    FrameTooLarge {
        /// Whole frame, its length field included.
        size: u64,
    },
    /// The length field leaves no room for the header's length.
    #[error("frame length {length} is less than the 4 bytes of the header length")]
    FrameTooSmall {
        /// The length field's value.
        length: u32,
    },
    /// The header is longer than its frame.
    #[error("header of {header} bytes exceeds the {available} bytes of its frame")]
    HeaderTooLarge {
        /// The header length's value.
        header: u32,
        /// What the frame has left for it.
        available: u32,
    },
    /// The serializer byte is neither 0 (JSON) nor 1 (ROCKETMQ).
    #[error("serializer {0} is neither 0 (JSON) nor 1 (ROCKETMQ)")]
    UnknownSerializer(u8),
    /// A binary structure ends early or tells a length that does not fit.
    #[error("{field} needs {need} bytes, {have} are left")]
    Truncated {
        /// The field being read.
        field: &'static str,
        /// Bytes asked for; negative when the length itself was negative.
        need: i64,
        /// Bytes left.
        have: usize,
    },
    /// Text is not UTF-8.
    #[error("{field} is not UTF-8 at byte {at}")]
    NotUtf8 {
        /// The field being read.
        field: &'static str,
        /// Offset of the first wrong byte.
        at: usize,
    },
    /// JSON breaks off or holds something else than expected.
    #[error("{field}: expected {expected} at byte {at}")]
    Json {
        /// The field or document being read.
        field: &'static str,
        /// What belongs there.
        expected: &'static str,
        /// Offset in the JSON text.
        at: usize,
    },
    /// A field that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field holds a value outside its range.
    #[error("{field} is {value:?}, expected {expected}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// Its value, cut to 64 characters.
        value: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// A value is too long for the wire format.
    #[error("{field} of {size} bytes exceeds the limit of {limit}")]
    TooLong {
        /// The field.
        field: &'static str,
        /// Its size.
        size: usize,
        /// The most that the format can carry.
        limit: usize,
    },
}

impl From<Short> for CodecError {
    fn from(Short { field, need, have }: Short) -> Self {
        CodecError::Truncated { field, need, have }
    }
}

impl CodecError {
    /// An [`CodecError::Invalid`] with the value shortened, so that a hostile frame cannot flood a log.
    #[cold]
    pub(crate) fn invalid(field: &'static str, value: &str, expected: &'static str) -> Self {
        CodecError::Invalid { field, value: value.chars().take(64).collect(), expected }
    }
}

impl From<CodecError> for crate::error::Error {
    fn from(error: CodecError) -> Self {
        crate::error::Error::new(crate::error::ErrorKind::Protocol, error.to_string())
    }
}
