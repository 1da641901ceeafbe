//! `u32 length | u8 serializer, u24 header length | header | body`.

use super::error::CodecError;

/// The largest frame a peer accepts or sends, its length field included.
pub const MAX_FRAME: usize = 16 * 1024 * 1024;

/// Bytes before the header.
pub const PREFIX: usize = 8;

/// How a header is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Serializer {
    /// JSON text.
    Json = 0,
    /// RocketMQ's own binary form.
    Rocketmq = 1,
}

/// One frame, borrowed from the receive buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// How `header` is written; a peer may answer in another serializer than it was asked in.
    pub serializer: Serializer,
    /// The header's bytes.
    pub header: &'a [u8],
    /// The body's bytes.
    pub body: &'a [u8],
}

fn word(buf: &[u8], at: usize) -> Option<u32> {
    let bytes = buf.get(at..at + 4)?;
    Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// Takes the first frame off `buf`: the frame and the bytes it occupies.
///
/// `None`: more bytes are needed. An illegal length is told as soon as its own four bytes are there.
pub fn split(buf: &[u8]) -> Result<Option<(Frame<'_>, usize)>, CodecError> {
    let Some(length) = word(buf, 0) else { return Ok(None) };
    let size = u64::from(length) + 4;
    if size > MAX_FRAME as u64 {
        return Err(CodecError::FrameTooLarge { size });
    }
    if length < 4 {
        return Err(CodecError::FrameTooSmall { length });
    }
    let Some(mark) = word(buf, 4) else { return Ok(None) };
    let serializer = match (mark >> 24) as u8 {
        0 => Serializer::Json,
        1 => Serializer::Rocketmq,
        other => return Err(CodecError::UnknownSerializer(other)),
    };
    let header = mark & 0x00ff_ffff;
    if header > length - 4 {
        return Err(CodecError::HeaderTooLarge { header, available: length - 4 });
    }
    let size = size as usize;
    let Some(rest) = buf.get(PREFIX..size) else { return Ok(None) };
    let (header, body) = rest.split_at(header as usize);
    Ok(Some((Frame { serializer, header, body }, size)))
}

/// How many bytes the first frame of `buf` occupies, as soon as its length is there; the same errors as [`split`].
pub fn size_of_first(buf: &[u8]) -> Result<Option<usize>, CodecError> {
    match split(buf)? {
        Some((_, size)) => Ok(Some(size)),
        None => Ok(word(buf, 0).map(|length| length as usize + 4)),
    }
}

/// Fills in the eight bytes before a header that starts at `start + 8` of `out` and ends at `header_end`.
pub(super) fn write_prefix(frame: &mut [u8], serializer: Serializer, header: usize, body: usize) {
    let length = (4 + header + body) as u32;
    let mark = (serializer as u32) << 24 | (header as u32 & 0x00ff_ffff);
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame[4..8].copy_from_slice(&mark.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_more_until_the_frame_is_whole() {
        let frame = [0, 0, 0, 7, 0, 0, 0, 2, b'{', b'}', b'x', 0xff];
        for end in 0..11 {
            assert_eq!(split(&frame[..end]), Ok(None), "{end} bytes");
        }
        let (got, used) = split(&frame).unwrap().unwrap();
        assert_eq!((got.header, got.body, used), (&b"{}"[..], &b"x"[..], 11));
        assert_eq!(size_of_first(&frame[..4]), Ok(Some(11)));
    }

    #[test]
    fn refuses_illegal_lengths_at_once() {
        let largest = (MAX_FRAME - 4) as u32;
        assert_eq!(split(&largest.to_be_bytes()), Ok(None));
        assert_eq!(split(&(largest + 1).to_be_bytes()), Err(CodecError::FrameTooLarge { size: MAX_FRAME as u64 + 1 }));
        assert_eq!(split(b"HTTP"), Err(CodecError::FrameTooLarge { size: 0x4854_5450 + 4 }));
        assert_eq!(split(&[0, 0, 0, 3]), Err(CodecError::FrameTooSmall { length: 3 }));
        assert_eq!(split(&[0, 0, 0, 9, 1, 0, 0, 6]), Err(CodecError::HeaderTooLarge { header: 6, available: 5 }));
        assert_eq!(split(&[0, 0, 0, 9, 2, 0, 0, 5]), Err(CodecError::UnknownSerializer(2)));
        assert_eq!(
            split(&[255; 4]).unwrap_err().to_string(),
            "frame of 4294967299 bytes exceeds the limit of 16777216"
        );
    }
}
