//! Text and addresses in binary structures.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::error::CodecError;
use crate::protocol::cursor::Cursor;

/// Text of so many bytes.
#[inline]
pub(super) fn text<'a>(cursor: &mut Cursor<'a>, length: i64, field: &'static str) -> Result<&'a str, CodecError> {
    utf8(cursor.take(length, field)?, field)
}

/// An address followed by its port in four bytes.
pub(super) fn socket(cursor: &mut Cursor<'_>, v6: bool, field: &'static str) -> Result<SocketAddr, CodecError> {
    let host = if v6 {
        IpAddr::V6(Ipv6Addr::from(cursor.array::<16>(field)?))
    } else {
        IpAddr::V4(Ipv4Addr::from(cursor.array::<4>(field)?))
    };
    let port = cursor.i32(field)?;
    match u16::try_from(port) {
        Ok(port) => Ok(SocketAddr::new(host, port)),
        Err(_) => Err(CodecError::invalid(field, &port.to_string(), "a port of 0 to 65535")),
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
