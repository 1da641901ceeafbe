//! `i32 length | u8 type, fields`.

use super::error::CodecError;

/// The largest frame a broker takes unless it is told otherwise, its length field not counted.
pub const MAX_FRAME: usize = 100 * 1024 * 1024;

/// Takes the first frame off `buf`: what is inside, and the bytes it occupies. `limit`: the most that the length field
/// may say.
///
/// `None`: more bytes are needed. An illegal length is told as soon as its own four bytes are there.
pub fn split(buf: &[u8], limit: usize) -> Result<Option<(&[u8], usize)>, CodecError> {
    let Some(size) = size_of_first(buf, limit)? else { return Ok(None) };
    Ok(buf.get(4..size).map(|body| (body, size)))
}

/// How many bytes the first frame of `buf` occupies, as soon as its length is there; the same errors as [`split`].
pub fn size_of_first(buf: &[u8], limit: usize) -> Result<Option<usize>, CodecError> {
    let Some((length, _)) = buf.split_first_chunk::<4>() else { return Ok(None) };
    match u32::from_be_bytes(*length) {
        0 => Err(CodecError::FrameEmpty),
        size if size as usize > limit => Err(CodecError::FrameTooLarge { size, limit }),
        size => Ok(Some(size as usize + 4)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_more_until_the_frame_is_whole() {
        let frame = [0, 0, 0, 6, 10, 0, 0, 0, 0, 0, 0xff];
        for end in 0..10 {
            assert_eq!(split(&frame[..end], 6), Ok(None), "{end} bytes");
        }
        assert_eq!(split(&frame, 6), Ok(Some((&frame[4..10], 10))));
        assert_eq!(size_of_first(&frame[..4], 6), Ok(Some(10)));
    }

    #[test]
    fn refuses_illegal_lengths_at_once() {
        assert_eq!(split(&[0, 0, 0, 0], 6), Err(CodecError::FrameEmpty));
        let error = split(b"HTTP", MAX_FRAME).unwrap_err();
        assert_eq!(error.to_string(), "frame of 1213486160 bytes exceeds the limit of 104857600");
    }
}
