//! How fields are read and written.

use bytes::{BufMut, Bytes, BytesMut};

use super::error::CodecError;
use super::form::{BitReader, BitWriter, Caching, Known, is_cached};
use super::text;
use crate::protocol::cursor::Cursor;

/// Most objects inside one another: more than any command has, less than could exhaust a stack.
pub(super) const MAX_DEPTH: usize = 16;

/// The most bytes of a string with a length of two bytes.
pub(super) const MAX_STRING: usize = u16::MAX as usize;
/// The same where Java's reader takes the length as a number with a sign.
const MAX_TIGHT_STRING: usize = i16::MAX as usize - 1;

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
    fn object<T: Object>(&mut self, field: &'static str) -> Result<Option<T>, CodecError> {
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

    fn whole_object<T: Object>(&mut self, field: &'static str) -> Result<Option<T>, CodecError> {
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

/// Appends fields; what cannot be carried is remembered and told at the end.
#[derive(Debug)]
pub struct Writer<'a> {
    pub(super) out: &'a mut BytesMut,
    failed: Option<CodecError>,
    /// In the tight encoding: the truth values.
    bits: Option<BitWriter>,
    caching: Caching<'a>,
}

fn is_message(kind: u8) -> bool {
    matches!(kind, 23..=29)
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

/// A field of a command.
pub trait Wire: Sized {
    /// Takes it off.
    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self, CodecError>;
    /// Appends it.
    fn write(&self, w: &mut Writer<'_>, field: &'static str);
}

macro_rules! numbers {
    ($($type:ty, $put:ident, $read:expr;)*) => {$(
        impl Wire for $type {
            #[inline]
            fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self, CodecError> {
                Ok($read(r, field)?)
            }

            #[inline]
            fn write(&self, w: &mut Writer<'_>, _: &'static str) {
                w.out.$put(*self);
            }
        }
    )*};
}

numbers! {
    i8, put_i8, |r: &mut Reader<'_>, field| r.cursor.u8(field).map(|byte| byte as i8);
    u8, put_u8, |r: &mut Reader<'_>, field| r.cursor.u8(field);
    i32, put_i32, |r: &mut Reader<'_>, field| r.cursor.i32(field);
}

impl Wire for i64 {
    #[inline]
    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self, CodecError> {
        r.long(field)
    }

    #[inline]
    fn write(&self, w: &mut Writer<'_>, _: &'static str) {
        w.long(*self);
    }
}

impl Wire for bool {
    #[inline]
    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self, CodecError> {
        r.bool(field)
    }

    #[inline]
    fn write(&self, w: &mut Writer<'_>, _: &'static str) {
        w.bool(*self);
    }
}

/// A string that Java never leaves out here; a missing one is an error.
impl Wire for String {
    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self, CodecError> {
        Option::<String>::read(r, field)?.ok_or(CodecError::Missing(field))
    }

    fn write(&self, w: &mut Writer<'_>, field: &'static str) {
        w.string(Some(self), field);
    }
}

impl Wire for Option<String> {
    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self, CodecError> {
        if !r.bool(field)? {
            return Ok(None);
        }
        // Whether it is all ASCII, of which modified UTF-8 is no other form.
        if r.is_tight() {
            r.bool(field)?;
        }
        Ok(Some(r.utf(field)?.into_owned()))
    }

    fn write(&self, w: &mut Writer<'_>, field: &'static str) {
        w.string(self.as_deref(), field);
    }
}

impl Wire for Option<Bytes> {
    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self, CodecError> {
        if !r.bool(field)? {
            return Ok(None);
        }
        let length = r.cursor.i32(field)?;
        Ok(Some(Bytes::copy_from_slice(r.cursor.take(length, field)?)))
    }

    fn write(&self, w: &mut Writer<'_>, field: &'static str) {
        w.bool(self.is_some());
        if let Some(bytes) = self {
            w.length(bytes.len(), field);
            w.out.put_slice(bytes);
        }
    }
}

/// What follows a type's number: the body of an object.
pub trait Object: Sized {
    /// What belongs here, for errors.
    const EXPECTED: &'static str;
    /// The type's number.
    fn kind(&self) -> u8;
    /// Takes the body of type `kind` off; `None`: no such type belongs here.
    fn read_body(kind: u8, r: &mut Reader<'_>) -> Result<Option<Self>, CodecError>;
    /// Appends the body.
    fn write_body(&self, w: &mut Writer<'_>);
}

/// An object that may be missing: its presence, its type's number, its body. Without a cache of objects, those that
/// could be in it look the same; with one their number comes first, and stands alone the next time.
impl<T: Object> Wire for Option<T> {
    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self, CodecError> {
        r.object(field)
    }

    fn write(&self, w: &mut Writer<'_>, field: &'static str) {
        w.object(self.as_ref(), field);
    }
}

/// An object that must be there.
macro_rules! required {
    ($($type:ty),* $(,)?) => {$(
        impl $crate::protocol::openwire::wire::Wire for $type {
            fn read(
                r: &mut $crate::protocol::openwire::wire::Reader<'_>,
                field: &'static str,
            ) -> Result<Self, $crate::protocol::openwire::CodecError> {
                Option::<$type>::read(r, field)?.ok_or($crate::protocol::openwire::CodecError::Missing(field))
            }

            fn write(&self, w: &mut $crate::protocol::openwire::wire::Writer<'_>, field: &'static str) {
                w.object(Some(self), field);
            }
        }
    )*};
}
pub(super) use required;

impl<T: Object> Object for Box<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn kind(&self) -> u8 {
        (**self).kind()
    }

    fn read_body(kind: u8, r: &mut Reader<'_>) -> Result<Option<Self>, CodecError> {
        Ok(T::read_body(kind, r)?.map(Box::new))
    }

    fn write_body(&self, w: &mut Writer<'_>) {
        (**self).write_body(w);
    }
}

/// An array of objects, none of which is missing.
impl<T: Object> Wire for Option<Vec<T>> {
    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self, CodecError> {
        if !r.bool(field)? {
            return Ok(None);
        }
        let count = r.cursor.i16(field)?;
        let least = if r.is_tight() { 1 } else { 2 };
        let count = r.cursor.count(count.into(), least, field)?;
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(r.whole_object::<T>(field)?.ok_or(CodecError::Missing(field))?);
        }
        Ok(Some(all))
    }

    fn write(&self, w: &mut Writer<'_>, field: &'static str) {
        w.bool(self.is_some());
        if let Some(all) = self {
            w.count(all.len(), field);
            for one in all {
                w.whole_object(Some(one));
            }
        }
    }
}

/// Structures of one type each: the fields stand in the order of the wire.
macro_rules! structures {
    ($($(#[$doc:meta])* $name:ident = $kind:literal {
        $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $name {
            /// The type's number on the wire.
            pub const KIND: u8 = $kind;
        }

        impl $crate::protocol::openwire::wire::Object for $name {
            const EXPECTED: &'static str = stringify!($name);

            fn kind(&self) -> u8 {
                $kind
            }

            #[allow(unused_variables)]
            fn read_body(
                kind: u8,
                r: &mut $crate::protocol::openwire::wire::Reader<'_>,
            ) -> Result<Option<Self>, $crate::protocol::openwire::CodecError> {
                if kind != $kind {
                    return Ok(None);
                }
                Ok(Some($name {
                    $($field: $crate::protocol::openwire::wire::Wire::read(
                        r, concat!(stringify!($name), ".", stringify!($field)))?,)*
                }))
            }

            #[allow(unused_variables)]
            fn write_body(&self, w: &mut $crate::protocol::openwire::wire::Writer<'_>) {
                $($crate::protocol::openwire::wire::Wire::write(
                    &self.$field, w, concat!(stringify!($name), ".", stringify!($field)));)*
            }
        }
    )*};
}
pub(super) use structures;
