//! Writing the fields of a frame.

use bytes::{BufMut, Bytes, BytesMut};

use super::error::CodecError;
use super::form::{BitWriter, Caching, is_cached};
use super::text;
use super::wire::{Object, is_message};

/// The most bytes of a string with a length of two bytes.
const MAX_STRING: usize = u16::MAX as usize;
/// The same where Java's reader takes the length as a number with a sign.
const MAX_TIGHT_STRING: usize = i16::MAX as usize - 1;

/// Appends fields; what cannot be carried is remembered and told at the end.
#[derive(Debug)]
pub struct Writer<'a> {
    pub(super) out: &'a mut BytesMut,
    failed: Option<CodecError>,
    /// In the tight encoding: the truth values.
    bits: Option<BitWriter>,
    caching: Caching<'a>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut BytesMut) -> Self {
        Writer { out, failed: None, bits: None, caching: Caching::Off }
    }

    /// In another form: what is written goes behind the truth values, which [`Writer::finish_tight`] gives.
    pub(super) fn of_frame(out: &'a mut BytesMut, tight: bool, caching: Caching<'a>) -> Self {
        Writer { out, failed: None, bits: tight.then(BitWriter::default), caching }
    }

    pub(super) fn finish_tight(self) -> Result<Option<BitWriter>, CodecError> {
        self.failed.map_or(Ok(self.bits), Err)
    }

    #[inline]
    pub(super) fn long(&mut self, value: i64) {
        let Some(bits) = &mut self.bits else { return self.out.put_i64(value) };
        match value {
            0 => {
                bits.push(false);
                bits.push(false);
            }
            1..=0xffff => {
                bits.push(false);
                bits.push(true);
                self.out.put_u16(value as u16);
            }
            0x1_0000..=0xffff_ffff => {
                bits.push(true);
                bits.push(false);
                self.out.put_u32(value as u32);
            }
            _ => {
                bits.push(true);
                bits.push(true);
                self.out.put_i64(value);
            }
        }
    }

    /// An object that may be missing.
    pub(super) fn object<T: Object>(&mut self, object: Option<&T>, field: &'static str) {
        match &mut self.caching {
            Caching::Off => self.whole_object(object),
            _ if !is_cached(field) => self.whole_object(object),
            Caching::Whole => {
                self.bool(true);
                self.out.put_i16(-1);
                self.whole_object(object);
            }
            Caching::On(told) => match told.find(object) {
                Err(error) => self.fail(error),
                Ok((_, Some(number))) => self.number(number),
                Ok((key, None)) => self.new_object(object, key),
            },
        }
    }

    /// What the peer knows by number.
    #[inline]
    pub(super) fn number(&mut self, number: i16) {
        self.bool(false);
        self.out.put_i16(number);
    }

    /// Java's writer numbers an object before what is inside it, and in the tight encoding behind that.
    fn new_object<T: Object>(&mut self, object: Option<&T>, key: Bytes) {
        self.bool(true);
        let at = self.out.len();
        let mut number = -1;
        if self.bits.is_none() {
            number = self.add(&key);
        }
        self.out.put_i16(number);
        self.whole_object(object);
        if self.bits.is_some() {
            number = self.add(&key);
            self.out[at..at + 2].copy_from_slice(&number.to_be_bytes());
        }
    }

    fn add(&mut self, key: &Bytes) -> i16 {
        match &mut self.caching {
            Caching::On(told) => told.add(key.clone()),
            _ => -1,
        }
    }

    pub(super) fn whole_object<T: Object>(&mut self, object: Option<&T>) {
        self.bool(object.is_some());
        if let Some(object) = object {
            self.out.put_u8(object.kind());
            if is_message(object.kind()) {
                self.in_own_form(false);
            }
            object.write_body(self);
        }
    }

    fn in_own_form(&mut self, own: bool) {
        if let Some(bits) = &mut self.bits {
            bits.push(own);
        }
    }

    #[cold]
    pub(super) fn fail(&mut self, error: CodecError) {
        self.failed.get_or_insert(error);
    }

    /// The first thing that could not be written.
    pub(super) fn finish(self) -> Result<(), CodecError> {
        self.failed.map_or(Ok(()), Err)
    }

    #[inline]
    pub(super) fn bool(&mut self, value: bool) {
        match &mut self.bits {
            Some(bits) => bits.push(value),
            None => self.out.put_u8(value.into()),
        }
    }

    /// Text behind a length of two bytes.
    #[inline]
    pub(super) fn utf(&mut self, value: &str, field: &'static str) {
        let size = text::encoded_length(value);
        match u16::try_from(size) {
            Ok(length) => {
                self.out.put_u16(length);
                if size == value.len() {
                    self.out.put_slice(value.as_bytes());
                } else {
                    text::put(self.out, value);
                }
            }
            Err(_) => self.fail(CodecError::TooLong { field, size, limit: MAX_STRING }),
        }
    }

    /// A string that may be missing.
    #[inline]
    pub(super) fn string(&mut self, value: Option<&str>, field: &'static str) {
        self.bool(value.is_some());
        let Some(value) = value else { return };
        if let Some(bits) = &mut self.bits {
            let plain = value.is_ascii() && !value.contains('\0');
            bits.push(plain);
            let size = if plain { value.len() } else { text::encoded_length(value) };
            if size > MAX_TIGHT_STRING {
                return self.fail(CodecError::TooLong { field, size, limit: MAX_TIGHT_STRING });
            }
        }
        self.utf(value, field);
    }

    /// A length of four bytes.
    pub(super) fn length(&mut self, size: usize, field: &'static str) {
        match i32::try_from(size) {
            Ok(length) => self.out.put_i32(length),
            Err(_) => self.fail(CodecError::TooLong { field, size, limit: i32::MAX as usize }),
        }
    }

    /// How many elements follow.
    pub(super) fn count(&mut self, size: usize, field: &'static str) {
        match i16::try_from(size) {
            Ok(count) => self.out.put_i16(count),
            Err(_) => self.fail(CodecError::TooLong { field, size, limit: i16::MAX as usize }),
        }
    }
}
