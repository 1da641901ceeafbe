//! Java's modified UTF-8: NUL takes two bytes, and a character beyond U+FFFF two surrogates of three bytes each.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

use super::error::CodecError;

/// How many bytes `text` takes.
#[inline]
pub(super) fn encoded_length(text: &str) -> usize {
    // A NUL takes one byte more than in UTF-8, a character of four bytes two more.
    let chunks = text.as_bytes().chunks(64);
    text.len() + chunks.map(|chunk| chunk.iter().map(|&byte| longer(byte)).sum::<u8>() as usize).sum::<usize>()
}

/// By how much the character that begins with `byte` is longer than in UTF-8.
#[inline]
const fn longer(byte: u8) -> u8 {
    (byte == 0) as u8 + 2 * (byte >= 0xf0) as u8
}

/// Appends `text`.
#[inline]
pub(super) fn put(out: &mut BytesMut, text: &str) {
    if text.bytes().all(|byte| longer(byte) == 0) {
        return out.put_slice(text.as_bytes());
    }
    put_changed(out, text);
}

#[cold]
fn put_changed(out: &mut BytesMut, text: &str) {
    let mut unit = [0; 4];
    for character in text.chars() {
        match character {
            '\0' => out.put_slice(&[0xc0, 0x80]),
            '\u{10000}'.. => {
                for half in character.encode_utf16(&mut [0; 2]) {
                    let half = u32::from(*half);
                    let byte = |shift: u32| 0x80 | (half >> shift & 0x3f) as u8;
                    out.put_slice(&[0xe0 | (half >> 12) as u8, byte(6), byte(0)]);
                }
            }
            plain => out.put_slice(plain.encode_utf8(&mut unit).as_bytes()),
        }
    }
}

/// The text of `bytes`. Half of a surrogate pair, which Java's strings may hold and Unicode's may not, becomes U+FFFD.
#[inline]
pub(super) fn decode<'a>(bytes: &'a [u8], field: &'static str) -> Result<Cow<'a, str>, CodecError> {
    match std::str::from_utf8(bytes) {
        // Four-byte characters are UTF-8 alone: Java refuses them, too.
        Ok(text) if bytes.iter().all(|&byte| byte < 0xf0) => Ok(Cow::Borrowed(text)),
        _ => decode_changed(bytes).map(Cow::Owned).map_err(|at| CodecError::NotText { field, at }),
    }
}

/// `Err`: the first wrong byte.
fn decode_changed(bytes: &[u8]) -> Result<String, usize> {
    let mut text = String::with_capacity(bytes.len());
    let (mut at, mut high) = (0, None::<u32>);
    while at < bytes.len() {
        let (unit, length) = unit(&bytes[at..]).ok_or(at)?;
        at += length;
        if let Some(first) = high.take() {
            if (0xdc00..0xe000).contains(&unit) {
                let joined = 0x10000 + ((first - 0xd800) << 10) + (unit - 0xdc00);
                text.push(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER));
                continue;
            }
            text.push(char::REPLACEMENT_CHARACTER);
        }
        if (0xd800..0xdc00).contains(&unit) {
            high = Some(unit);
        } else {
            text.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
    }
    if high.is_some() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    Ok(text)
}

/// The UTF-16 unit at the front and the bytes it takes.
fn unit(bytes: &[u8]) -> Option<(u32, usize)> {
    let tail = |at: usize| bytes.get(at).filter(|&byte| byte & 0xc0 == 0x80).map(|&byte| u32::from(byte & 0x3f));
    match bytes.first().copied()? {
        one @ 0..=0x7f => Some((u32::from(one), 1)),
        one @ 0xc0..=0xdf => Some((u32::from(one & 0x1f) << 6 | tail(1)?, 2)),
        one @ 0xe0..=0xef => Some((u32::from(one & 0x0f) << 12 | tail(1)? << 6 | tail(2)?, 3)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> Vec<u8> {
        let mut out = BytesMut::new();
        put(&mut out, text);
        assert_eq!(out.len(), encoded_length(text), "{text:?}");
        out.to_vec()
    }

    #[test]
    fn characters_take_the_bytes_that_java_gives_them() {
        assert_eq!(encoded("a\0b"), [b'a', 0xc0, 0x80, b'b']);
        assert_eq!(encoded("é你"), "é你".as_bytes());
        assert_eq!(encoded("\u{1f600}"), [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]);
        for text in ["", "plain", "a\0b", "é你\u{1f600}x\u{10ffff}"] {
            assert_eq!(decode(&encoded(text), "t").unwrap(), text);
        }
    }

    #[test]
    fn what_java_reads_is_read_and_what_it_refuses_is_told_by_its_place() {
        assert_eq!(decode(&[b'a', 0, b'b'], "t").unwrap(), "a\0b");
        assert_eq!(decode(&[0xed, 0xa0, 0xbd, b'x'], "t").unwrap(), "\u{fffd}x");
        assert_eq!(decode(&[0xed, 0xb8, 0x80], "t").unwrap(), "\u{fffd}");
        assert_eq!(decode(&[0xed, 0xa0, 0xbd], "t").unwrap(), "\u{fffd}");
        assert_eq!(decode(&[0xc1, 0x81], "t").unwrap(), "A");
        for (bytes, wrong) in [(&b"a\xf0\x9f\x98\x80"[..], 1), (b"ab\xc3", 2), (b"\x80", 0), (b"a\xe4\xbd", 1)] {
            assert_eq!(decode(bytes, "t"), Err(CodecError::NotText { field: "t", at: wrong }), "{bytes:?}");
        }
    }
}
