//! Reading the fields of a frame.

use super::error::CodecError;
use super::form::{BitReader, Known, is_cached};
use super::text;
use super::wire::{MAX_DEPTH, Object, is_message};
use crate::protocol::cursor::Cursor;

/// Reads forward through one frame; every failure names the field.
#[derive(Debug)]
pub struct Reader<'a> {
    pub(super) cursor: Cursor<'a>,
    depth: usize,
    stack_traces: bool,
    /// In the tight encoding: the truth values.
    bits: Option<BitReader<'a>>,
    /// Where objects are known by number.
    known: Option<&'a mut Known>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], stack_traces: bool) -> Self {
        Reader { cursor: Cursor::new(bytes), depth: 0, stack_traces, bits: None, known: None }
    }

    /// Of a frame in another form, from behind its type. In the tight encoding the truth values come first.
    pub(super) fn of_frame(
        mut cursor: Cursor<'a>,
        tight: bool,
        stack_traces: bool,
        known: Option<&'a mut Known>,
    ) -> Result<Self, CodecError> {
        let mut bits = None;
        if tight {
            let field = "truth values";
            let size = match cursor.u8(field)? {
                0xc0 => cursor.u8(field)?.into(),
                0x80 => cursor.u16(field)?.into(),
                size => i32::from(size),
            };
            bits = Some(BitReader::new(cursor.take(size, field)?));
        }
        Ok(Reader { cursor, depth: 0, stack_traces, bits, known })
    }

    pub(super) fn is_tight(&self) -> bool {
        self.bits.is_some()
    }

    /// Bytes of the frame that nobody has looked at.
    pub(super) fn left(&self) -> usize {
        self.cursor.left() + self.bits.as_ref().map_or(0, BitReader::left)
    }

    #[inline]
    pub(super) fn long(&mut self, field: &'static str) -> Result<i64, CodecError> {
        let Some(bits) = &mut self.bits else { return Ok(self.cursor.i64(field)?) };
        Ok(match (bits.next(field)?, bits.next(field)?) {
            (false, false) => 0,
            (false, true) => self.cursor.u16(field)?.into(),
            (true, false) => i64::from(self.cursor.i32(field)? as u32),
            (true, true) => self.cursor.i64(field)?,
        })
    }

    /// An object that may be missing.
    pub(super) fn object<T: Object>(&mut self, field: &'static str) -> Result<Option<T>, CodecError> {
        if self.known.is_none() || !is_cached(field) {
            return self.whole_object(field);
        }
        let (is_new, number) = (self.bool(field)?, self.cursor.i16(field)?);
        let object = if is_new { self.whole_object(field)? } else { None };
        match &mut self.known {
            Some(known) if is_new => known.add(number, object.as_ref(), field)?,
            Some(known) => return known.get(number, field),
            None => {}
        }
        Ok(object)
    }

    pub(super) fn whole_object<T: Object>(&mut self, field: &'static str) -> Result<Option<T>, CodecError> {
        if !self.bool(field)? {
            return Ok(None);
        }
        let kind = self.cursor.u8(field)?;
        // Whether a message inside another command is in a form of its own, which nobody writes any more.
        if self.is_tight() && is_message(kind) && self.bool(field)? {
            return Err(CodecError::Invalid { field, value: 1, expected: "a message in the form of its frame" });
        }
        match self.deeper(field, |r| T::read_body(kind, r))? {
            Some(value) => Ok(Some(value)),
            None => Err(CodecError::UnexpectedType { field, kind, expected: T::EXPECTED }),
        }
    }

    /// Whether exceptions come with their stack and cause.
    pub(super) fn stack_traces(&self) -> bool {
        self.stack_traces
    }

    #[inline]
    pub(super) fn bool(&mut self, field: &'static str) -> Result<bool, CodecError> {
        if let Some(bits) = &mut self.bits {
            return bits.next(field);
        }
        match self.cursor.u8(field)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(CodecError::Invalid { field, value: other.into(), expected: "a truth value of 0 or 1" }),
        }
    }

    /// Text behind a length of two bytes.
    #[inline]
    pub(super) fn utf(&mut self, field: &'static str) -> Result<std::borrow::Cow<'a, str>, CodecError> {
        let length = self.cursor.u16(field)?;
        text::decode(self.cursor.take(length, field)?, field)
    }

    /// Reads what lies one level deeper.
    pub(super) fn deeper<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, CodecError>,
    ) -> Result<T, CodecError> {
        if self.depth == MAX_DEPTH {
            return Err(CodecError::TooDeep { field, limit: MAX_DEPTH });
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }
}
