//! How fields are read and written in the loose encoding.

use bytes::{BufMut, Bytes, BytesMut};

use super::error::CodecError;
use super::text;
use crate::protocol::cursor::Cursor;

/// Most objects inside one another: more than any command has, less than could exhaust a stack.
pub(super) const MAX_DEPTH: usize = 16;

/// The most bytes of a string with a length of two bytes.
pub(super) const MAX_STRING: usize = u16::MAX as usize;

/// Reads forward through one frame; every failure names the field.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    pub(super) cursor: Cursor<'a>,
    depth: usize,
    stack_traces: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], stack_traces: bool) -> Self {
        Reader { cursor: Cursor::new(bytes), depth: 0, stack_traces }
    }

    /// Whether exceptions come with their stack and cause.
    pub(super) fn stack_traces(&self) -> bool {
        self.stack_traces
    }

    #[inline]
    pub(super) fn bool(&mut self, field: &'static str) -> Result<bool, CodecError> {
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
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut BytesMut) -> Self {
        Writer { out, failed: None }
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
        self.out.put_u8(value.into());
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
        if let Some(value) = value {
            self.utf(value, field);
        }
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
    i64, put_i64, |r: &mut Reader<'_>, field| r.cursor.i64(field);
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
        Ok(if r.bool(field)? { Some(r.utf(field)?.into_owned()) } else { None })
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
/// could be in it look the same.
impl<T: Object> Wire for Option<T> {
    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self, CodecError> {
        if !r.bool(field)? {
            return Ok(None);
        }
        let kind = r.cursor.u8(field)?;
        match r.deeper(field, |r| T::read_body(kind, r))? {
            Some(value) => Ok(Some(value)),
            None => Err(CodecError::UnexpectedType { field, kind, expected: T::EXPECTED }),
        }
    }

    fn write(&self, w: &mut Writer<'_>, _: &'static str) {
        w.bool(self.is_some());
        if let Some(value) = self {
            w.out.put_u8(value.kind());
            value.write_body(w);
        }
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

            fn write(&self, w: &mut $crate::protocol::openwire::wire::Writer<'_>, _: &'static str) {
                use $crate::protocol::openwire::wire::Object;
                w.bool(true);
                bytes::BufMut::put_u8(w.out, self.kind());
                self.write_body(w);
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
        let count = r.cursor.count(count.into(), 2, field)?;
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(Option::<T>::read(r, field)?.ok_or(CodecError::Missing(field))?);
        }
        Ok(Some(all))
    }

    fn write(&self, w: &mut Writer<'_>, field: &'static str) {
        w.bool(self.is_some());
        if let Some(all) = self {
            w.count(all.len(), field);
            for one in all {
                w.bool(true);
                w.out.put_u8(one.kind());
                one.write_body(w);
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
