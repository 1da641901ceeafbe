//! A bounds-checked reader of big-endian binary structures.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::error::CodecError;

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

    #[inline]
    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], CodecError> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(*head)
            }
            None => Err(self.truncated(field, N as i64)),
        }
    }

    #[cold]
    fn truncated(&self, field: &'static str, need: i64) -> CodecError {
        CodecError::Truncated { field, need, have: self.rest.len() }
    }

    #[inline]
    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, CodecError> {
        Ok(self.array::<1>(field)?[0])
    }

    #[inline]
    pub(super) fn i16(&mut self, field: &'static str) -> Result<i16, CodecError> {
        Ok(i16::from_be_bytes(self.array(field)?))
    }

    #[inline]
    pub(super) fn i32(&mut self, field: &'static str) -> Result<i32, CodecError> {
        Ok(i32::from_be_bytes(self.array(field)?))
    }

    #[inline]
    pub(super) fn i64(&mut self, field: &'static str) -> Result<i64, CodecError> {
        Ok(i64::from_be_bytes(self.array(field)?))
    }

    /// `length` as read from the wire, so that a negative one is refused here.
    #[inline]
    pub(super) fn take(&mut self, length: i64, field: &'static str) -> Result<&'a [u8], CodecError> {
        match usize::try_from(length).ok().and_then(|n| self.rest.split_at_checked(n)) {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(head)
            }
            None => Err(self.truncated(field, length)),
        }
    }

    #[inline]
    pub(super) fn text(&mut self, length: i64, field: &'static str) -> Result<&'a str, CodecError> {
        utf8(self.take(length, field)?, field)
    }

    /// An address followed by its port in four bytes.
    pub(super) fn socket(&mut self, v6: bool, field: &'static str) -> Result<SocketAddr, CodecError> {
        let host = if v6 {
            IpAddr::V6(Ipv6Addr::from(self.array::<16>(field)?))
        } else {
            IpAddr::V4(Ipv4Addr::from(self.array::<4>(field)?))
        };
        let port = self.i32(field)?;
        match u16::try_from(port) {
            Ok(port) => Ok(SocketAddr::new(host, port)),
            Err(_) => Err(CodecError::invalid(field, &port.to_string(), "a port of 0 to 65535")),
        }
    }
}

/// The bytes as text.
#[inline]
pub(super) fn utf8<'a>(bytes: &'a [u8], field: &'static str) -> Result<&'a str, CodecError> {
    std::str::from_utf8(bytes).map_err(|error| CodecError::NotUtf8 { field, at: error.valid_up_to() })
}

/// Appends an address and its port in four bytes.
pub(super) fn put_socket(out: &mut impl bytes::BufMut, address: &SocketAddr) {
    match address.ip() {
        IpAddr::V4(ip) => out.put_slice(&ip.octets()),
        IpAddr::V6(ip) => out.put_slice(&ip.octets()),
    }
    out.put_i32(i32::from(address.port()));
}
