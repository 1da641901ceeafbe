//! A bounds-checked reader of big-endian binary structures.

/// A structure ends early or tells a length that does not fit: the field, the bytes asked for (negative when the length
/// itself was negative) and the bytes left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Short {
    pub(super) field: &'static str,
    pub(super) need: i64,
    pub(super) have: usize,
}

/// Reads forward through bytes; every failure names the field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Cursor { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Short> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(*head)
            }
            None => Err(self.short(field, N as i64)),
        }
    }

    #[cold]
    fn short(&self, field: &'static str, need: i64) -> Short {
        Short { field, need, have: self.rest.len() }
    }

    #[inline]
    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, Short> {
        Ok(self.array::<1>(field)?[0])
    }

    #[inline]
    pub(super) fn i16(&mut self, field: &'static str) -> Result<i16, Short> {
        Ok(i16::from_be_bytes(self.array(field)?))
    }

    #[inline]
    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, Short> {
        Ok(u16::from_be_bytes(self.array(field)?))
    }

    #[inline]
    pub(super) fn i32(&mut self, field: &'static str) -> Result<i32, Short> {
        Ok(i32::from_be_bytes(self.array(field)?))
    }

    #[inline]
    pub(super) fn i64(&mut self, field: &'static str) -> Result<i64, Short> {
        Ok(i64::from_be_bytes(self.array(field)?))
    }

    /// `length` as read from the wire, so that a negative one is refused here.
    #[inline]
    pub(super) fn take(&mut self, length: impl Into<i64>, field: &'static str) -> Result<&'a [u8], Short> {
        let length = length.into();
        match usize::try_from(length).ok().and_then(|n| self.rest.split_at_checked(n)) {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(head)
            }
            None => Err(self.short(field, length)),
        }
    }

    /// How many elements follow, each of which takes `least` bytes or more.
    pub(super) fn count(&self, count: i64, least: usize, field: &'static str) -> Result<usize, Short> {
        match usize::try_from(count) {
            Ok(count) if count <= self.rest.len() / least => Ok(count),
            _ => Err(self.short(field, count.saturating_mul(least as i64))),
        }
    }
}
