//! How the fields of commands go over the wire.

use bytes::{BufMut, Bytes};

use super::error::CodecError;
pub use super::reader::Reader;
pub use super::writer::Writer;

/// Most objects inside one another: more than any command has, less than could exhaust a stack.
pub(super) const MAX_DEPTH: usize = 16;

pub(super) fn is_message(kind: u8) -> bool {
    matches!(kind, 23..=29)
}

/// A field of a command.
pub trait Wire: Sized {
    /// Takes it off.
    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self, CodecError>;
    /// Appends it.
    fn write(&self, w: &mut Writer<'_>, field: &'static str);
}

macro_rules! plain {
    ($($type:ty, $read:expr, $write:expr;)*) => {$(
        impl Wire for $type {
            #[inline]
            fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self, CodecError> {
                $read(r, field)
            }

            #[inline]
            fn write(&self, w: &mut Writer<'_>, _: &'static str) {
                $write(w, *self);
            }
        }
    )*};
}

plain! {
    i8, |r: &mut Reader<'_>, field| Ok(r.cursor.u8(field)? as i8), |w: &mut Writer<'_>, n| w.out.put_i8(n);
    u8, |r: &mut Reader<'_>, field| Ok(r.cursor.u8(field)?), |w: &mut Writer<'_>, n| w.out.put_u8(n);
    i32, |r: &mut Reader<'_>, field| Ok(r.cursor.i32(field)?), |w: &mut Writer<'_>, n| w.out.put_i32(n);
    i64, Reader::long, Writer::long;
    bool, Reader::bool, Writer::bool;
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
