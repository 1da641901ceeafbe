//! JSON as RocketMQ's peers write it, read in place.
//!
//! Differs from a general parser in three ways: keys may be bare integers (`{0:"host:port"}`), strings are borrowed
//! unless they hold escapes, and unread values are skipped without recursion, so nesting costs no stack.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

use super::binary::utf8;
use super::error::CodecError;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The high bit of each byte equal to `byte`; exact for the lowest one set, which is all that is looked at.
#[inline(always)]
fn equals(word: u64, byte: u8) -> u64 {
    let x = word ^ (ONES * byte as u64);
    x.wrapping_sub(ONES) & !x & HIGHS
}

/// The high bit of each byte that JSON escapes; exact for the lowest one set.
#[inline(always)]
pub(super) fn escapes(word: u64) -> u64 {
    (word.wrapping_sub(ONES * 0x20) & !word & HIGHS) | equals(word, b'"') | equals(word, b'\\')
}

#[inline(always)]
pub(super) const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// An escaped byte as it is written, padded to eight, and its length.
const fn escape_of(byte: u8) -> ([u8; 8], u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        8 => b'b',
        12 => b'f',
        _ => return ([b'\\', b'u', b'0', b'0', HEX[(byte >> 4) as usize], HEX[(byte & 15) as usize], 0, 0], 6),
    };
    ([b'\\', short, 0, 0, 0, 0, 0, 0], 2)
}

/// [`escape_of`] for every byte; only those that need it are ever looked up.
pub(super) static ESCAPES: [([u8; 8], u8); 256] = {
    let mut table = [([0; 8], 0); 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = escape_of(byte as u8);
        byte += 1;
    }
    table
};

/// Appends `text` as the inside of a JSON string.
pub(super) fn put_escaped(out: &mut BytesMut, text: &str) {
    let bytes = text.as_bytes();
    let mut done = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if needs_escape(byte) {
            out.put_slice(&bytes[done..at]);
            let (escape, length) = &ESCAPES[byte as usize];
            out.put_slice(&escape[..*length as usize]);
            done = at + 1;
        }
    }
    out.put_slice(&bytes[done..]);
}

/// Appends `text` as a JSON string.
pub(super) fn put_string(out: &mut BytesMut, text: &str) {
    out.put_u8(b'"');
    put_escaped(out, text);
    out.put_u8(b'"');
}

/// Appends a whole number.
pub(super) fn put_int(out: &mut BytesMut, value: impl itoa::Integer) {
    out.put_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Reads one JSON document.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// `field` names the document in errors.
    pub(super) fn new(bytes: &'a [u8], field: &'static str) -> Result<Self, CodecError> {
        Ok(Reader { text: utf8(bytes, field)?, at: 0 })
    }

    #[cold]
    fn fail<T>(&self, field: &'static str, expected: &'static str) -> Result<T, CodecError> {
        Err(CodecError::Json { field, expected, at: self.at })
    }

    /// The next byte that is not white space, left where it is.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(&other) if other > b' ' => return Some(other),
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    #[inline]
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self, field: &'static str) -> Result<(), CodecError> {
        if self.peek().is_some() { self.fail(field, "the end") } else { Ok(()) }
    }

    /// Enters an object; `false`: it is `null`.
    pub(super) fn object(&mut self, field: &'static str) -> Result<bool, CodecError> {
        if self.eat(b'{') {
            return Ok(true);
        }
        if self.null() { Ok(false) } else { self.fail(field, "an object") }
    }

    /// Enters an array; `false`: it is `null`.
    pub(super) fn array(&mut self, field: &'static str) -> Result<bool, CodecError> {
        if self.eat(b'[') {
            return Ok(true);
        }
        if self.null() { Ok(false) } else { self.fail(field, "an array") }
    }

    /// The next key of the object entered; `None` behind the last. `first` starts as `true`.
    #[inline(always)]
    pub(super) fn key(&mut self, first: &mut bool, field: &'static str) -> Result<Option<Cow<'a, str>>, CodecError> {
        if self.eat(b'}') {
            return Ok(None);
        }
        if !std::mem::take(first) && !self.eat(b',') {
            return self.fail(field, "',' or '}'");
        }
        let key = match self.peek() {
            Some(b'"') => self.string(field)?,
            Some(b'-' | b'0'..=b'9') => Cow::Borrowed(self.bare()),
            _ => return self.fail(field, "a key"),
        };
        if self.eat(b':') { Ok(Some(key)) } else { self.fail(field, "':'") }
    }

    /// Whether the array entered has another item. `first` starts as `true`.
    pub(super) fn item(&mut self, first: &mut bool, field: &'static str) -> Result<bool, CodecError> {
        if self.eat(b']') {
            return Ok(false);
        }
        if std::mem::take(first) || self.eat(b',') { Ok(true) } else { self.fail(field, "',' or ']'") }
    }

    /// Takes a `null`, if it is next.
    #[inline]
    fn null(&mut self) -> bool {
        let found = self.peek() == Some(b'n') && self.text.as_bytes()[self.at..].starts_with(b"null");
        self.at += if found { 4 } else { 0 };
        found
    }

    /// A number, `true` or `false`: everything up to the next byte that cannot belong to one.
    #[inline]
    fn bare(&mut self) -> &'a str {
        let bytes = self.text.as_bytes();
        let start = self.at;
        while bytes.get(self.at).is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.')) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    /// Where the string's next quote or backslash is.
    #[inline]
    fn special(&self, at: usize) -> Option<usize> {
        quote_or_backslash(self.text.as_bytes(), at)
    }

    /// The string whose opening quote is next, if it holds no escapes.
    #[inline]
    fn plain(&mut self) -> Option<&'a str> {
        let start = self.at + 1;
        let end = self.special(start)?;
        if self.text.as_bytes()[end] != b'"' {
            return None;
        }
        self.at = end + 1;
        self.text.get(start..end)
    }

    /// A string; borrowed unless it holds escapes.
    #[inline(always)]
    pub(super) fn string(&mut self, field: &'static str) -> Result<Cow<'a, str>, CodecError> {
        if self.peek() != Some(b'"') {
            return self.fail(field, "a string");
        }
        match self.plain() {
            Some(text) => Ok(Cow::Borrowed(text)),
            None => self.unescape(self.at + 1, field).map(Cow::Owned),
        }
    }

    #[cold]
    fn unescape(&mut self, start: usize, field: &'static str) -> Result<String, CodecError> {
        let bytes = self.text.as_bytes();
        let mut out = String::new();
        self.at = start;
        loop {
            let Some(hit) = self.special(self.at) else { return self.fail(field, "the string's end") };
            out.push_str(&self.text[self.at..hit]);
            self.at = hit + 1;
            if bytes[hit] == b'"' {
                return Ok(out);
            }
            let escape = bytes.get(self.at).copied();
            self.at += 1;
            out.push(match escape {
                Some(b'u') => self.unicode(field)?,
                Some(b'n') => '\n',
                Some(b'r') => '\r',
                Some(b't') => '\t',
                Some(b'b') => '\u{8}',
                Some(b'f') => '\u{c}',
                Some(plain @ (b'"' | b'\\' | b'/')) => plain as char,
                _ => {
                    self.at = hit;
                    return self.fail(field, "an escape");
                }
            });
        }
    }

    /// The character of `\uXXXX`, or of a pair of them; half a pair becomes the replacement character.
    fn unicode(&mut self, field: &'static str) -> Result<char, CodecError> {
        let Some(first) = self.hex4(self.at) else { return self.fail(field, "four hexadecimal digits") };
        self.at += 4;
        if (0xd800..0xdc00).contains(&first)
            && self.text.as_bytes()[self.at..].starts_with(b"\\u")
            && let Some(second @ 0xdc00..0xe000) = self.hex4(self.at + 2)
        {
            self.at += 6;
            let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&self, at: usize) -> Option<u32> {
        let digits = self.text.as_bytes().get(at..at + 4)?;
        digits.iter().try_fold(0, |value, &b| Some(value << 4 | (b as char).to_digit(16)?))
    }

    /// A string, number, `true` or `false` as text; `None` for `null`.
    #[inline(always)]
    pub(super) fn scalar(&mut self, field: &'static str) -> Result<Option<Cow<'a, str>>, CodecError> {
        match self.peek() {
            Some(b'"') => self.string(field).map(Some),
            Some(b'-' | b'0'..=b'9' | b't' | b'f') => Ok(Some(Cow::Borrowed(self.bare()))),
            Some(b'n') if self.null() => Ok(None),
            _ => self.fail(field, "a string, number or boolean"),
        }
    }

    /// A whole number, quoted or not; `None` for `null`.
    #[inline]
    pub(super) fn int<T>(&mut self, field: &'static str) -> Result<Option<T>, CodecError>
    where
        T: TryFrom<i64>,
    {
        match self.scalar(field)? {
            Some(text) => parse_int(&text, field).map(Some),
            None => Ok(None),
        }
    }

    /// `true` or `false`, quoted or not; `None` for `null`.
    pub(super) fn boolean(&mut self, field: &'static str) -> Result<Option<bool>, CodecError> {
        match self.scalar(field)?.as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(CodecError::invalid(field, other, "true or false")),
        }
    }

    /// Steps over a value of any kind.
    pub(super) fn skip(&mut self, field: &'static str) -> Result<(), CodecError> {
        let bytes = self.text.as_bytes();
        let mut depth = 0usize;
        loop {
            match self.peek() {
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b':') if depth > 0 => {
                    self.at += 1;
                    continue;
                }
                Some(b'"') => self.skip_string(bytes, field)?,
                Some(_) if !self.bare().is_empty() => {}
                _ => return self.fail(field, "a value"),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn skip_string(&mut self, bytes: &[u8], field: &'static str) -> Result<(), CodecError> {
        self.at += 1;
        while let Some(hit) = self.special(self.at) {
            if bytes[hit] == b'"' {
                self.at = hit + 1;
                return Ok(());
            }
            self.at = (hit + 2).min(bytes.len());
            while !self.text.is_char_boundary(self.at) {
                self.at += 1;
            }
        }
        self.fail(field, "the string's end")
    }
}

/// Where the next quote or backslash is.
#[inline]
pub(super) fn quote_or_backslash(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let hit = equals(word, b'"') | equals(word, b'\\');
        if hit != 0 {
            return Some(at + hit.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    bytes.get(at..)?.iter().position(|&b| b == b'"' || b == b'\\').map(|found| at + found)
}

/// A whole decimal number in its range.
#[inline]
pub(super) fn parse_int<T: TryFrom<i64>>(text: &str, field: &'static str) -> Result<T, CodecError> {
    let digits = text.as_bytes();
    let (negative, digits) = match digits {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, digits),
    };
    let value = match digits.len() {
        // Eighteen digits cannot overflow: the common case needs no checked arithmetic.
        1..=18 => digits.iter().try_fold(0i64, |value, &b| {
            let digit = b.wrapping_sub(b'0');
            (digit < 10).then(|| value * 10 + i64::from(digit))
        }),
        19 if digits[0].is_ascii_digit() => {
            text.parse::<i64>().ok().map(|value| if negative { value.wrapping_neg() } else { value })
        }
        _ => None,
    };
    value
        .map(|value| if negative { value.wrapping_neg() } else { value })
        .and_then(|value| T::try_from(value).ok())
        .ok_or_else(|| CodecError::invalid(field, text, "a whole number in range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(text: &str) -> Reader<'_> {
        Reader::new(text.as_bytes(), "test").unwrap()
    }

    #[test]
    fn strings_are_borrowed_until_they_hold_escapes() {
        assert!(matches!(reader("\"plain text\"").string("s"), Ok(Cow::Borrowed("plain text"))));
        let escaped = r#""a\u0001b\n\"\\\/\ud83d\ude00\ud83dx\u00e9""#;
        assert_eq!(reader(escaped).string("s").unwrap(), "a\u{1}b\n\"\\/\u{1f600}\u{fffd}x\u{e9}");
        for broken in ["\"", "\"abc", "\"a\\", "\"\\u12", "\"\\q\"", "\"\\\u{e9}\""] {
            assert!(reader(broken).string("s").is_err(), "{broken}");
        }
    }

    #[test]
    fn skips_any_value_without_recursion() {
        let deep = "[".repeat(1 << 20) + &"]".repeat(1 << 20);
        let mut r = reader(&deep);
        r.skip("deep").unwrap();
        r.end("deep").unwrap();
        let mut r = reader(r#"{"a":[1,-2.5e3,true,null,"x\"}\\"],0:{}} ,"#);
        r.skip("value").unwrap();
        assert_eq!(r.peek(), Some(b','));
        for broken in ["", "{", "[1", "{\"a", "}", "\"\\\u{e9}"] {
            assert!(reader(broken).skip("value").is_err(), "{broken}");
        }
    }

    #[test]
    fn whole_numbers_at_their_limits() {
        for value in [0, 7, -1, i64::MAX, i64::MIN, 999_999_999_999_999_999, i64::from(i32::MIN)] {
            assert_eq!(parse_int::<i64>(&value.to_string(), "n"), Ok(value));
        }
        for text in
            ["", "-", "+1", "+123456789012345678", "1.0", "x", "9223372036854775808", "-9223372036854775809", "--1"]
        {
            assert!(parse_int::<i64>(text, "n").is_err(), "{text}");
        }
        assert!(parse_int::<i32>("2147483648", "n").is_err());
        assert_eq!(parse_int::<i32>("-2147483648", "n"), Ok(i32::MIN));
    }

    #[test]
    fn every_byte_is_escaped_and_read_back() {
        let text: String = (0u8..128).map(char::from).collect();
        let mut out = BytesMut::new();
        put_string(&mut out, &text);
        assert!(out.starts_with(b"\"\\u0000\\u0001"));
        assert_eq!(Reader::new(&out, "t").unwrap().string("t").unwrap(), text);
        for byte in 0..=255u8 {
            let word = u64::from_le_bytes([b'a', 0x80, 0xff, byte, b'z', byte, b'!', b' ']);
            let expected = if needs_escape(byte) { 3 } else { 8 };
            assert_eq!(escapes(word).trailing_zeros() / 8, expected, "{byte:#x}");
        }
    }
}
