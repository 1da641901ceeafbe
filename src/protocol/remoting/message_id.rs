//! The two ids of a message: the unique id that its producer gives, and the offset id that its broker tells.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::error::CodecError;

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// What makes the unique ids of one process its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UniqueIdSeed {
    /// This machine's address.
    pub host: IpAddr,
    /// The low 16 bits of the process id.
    pub pid: u16,
    /// A number that differs between the producers of one process, and between processes that share address and pid.
    pub hash: i32,
}

/// A unique id, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UniqueId {
    /// Who made it.
    pub seed: UniqueIdSeed,
    /// Milliseconds since the start of the maker's month.
    pub millis_since_month_start: i32,
    /// Its number within the maker.
    pub counter: u16,
}

/// A seed written out once, so that each id costs only its own twelve digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueIdPrefix(String);

/// A fixed-size piece of an id.
struct Hex<const N: usize>([u8; N]);

impl<const N: usize> Hex<N> {
    /// The lowest digits of `value`.
    #[inline]
    fn new(value: u64) -> Self {
        let mut digits = [0; N];
        for (at, digit) in digits.iter_mut().enumerate() {
            *digit = DIGITS[(value >> (4 * (N - 1 - at)) & 15) as usize];
        }
        Hex(digits)
    }

    #[inline]
    fn push_to(&self, out: &mut String) {
        out.push_str(std::str::from_utf8(&self.0).unwrap_or_default());
    }
}

fn push_bytes(out: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        Hex::<2>::new(u64::from(byte)).push_to(out);
    }
}

fn push_host(out: &mut String, host: IpAddr) {
    match host {
        IpAddr::V4(ip) => push_bytes(out, &ip.octets()),
        IpAddr::V6(ip) => push_bytes(out, &ip.octets()),
    }
}

impl UniqueIdPrefix {
    /// The digits that all ids of a seed begin with.
    pub fn new(seed: &UniqueIdSeed) -> Self {
        let mut text = String::with_capacity(44);
        push_host(&mut text, seed.host);
        push_bytes(&mut text, &seed.pid.to_be_bytes());
        push_bytes(&mut text, &seed.hash.to_be_bytes());
        UniqueIdPrefix(text)
    }

    /// Appends one id: 32 characters for an IPv4 host, 56 for IPv6.
    #[inline]
    pub fn append(&self, millis_since_month_start: i32, counter: u16, out: &mut String) {
        let tail = u64::from(millis_since_month_start as u32) << 16 | u64::from(counter);
        out.reserve(self.0.len() + 12);
        out.push_str(&self.0);
        Hex::<12>::new(tail).push_to(out);
    }

    /// Appends `count` ids whose counters follow each other.
    pub fn append_many(&self, millis_since_month_start: i32, first: u16, count: u16, out: &mut String) {
        let start = out.len();
        if count > 0 {
            self.append(millis_since_month_start, first, out);
        }
        let same = start..out.len().saturating_sub(4);
        for number in 1..count {
            // They differ in the counter alone, which stands at the end.
            out.extend_from_within(same.clone());
            let counter = first.wrapping_add(number);
            for shift in [12, 8, 4, 0] {
                out.push(char::from(DIGITS[usize::from(counter >> shift & 15)]));
            }
        }
    }
}

/// One unique id: 32 characters for an IPv4 host, 56 for IPv6, in upper case.
pub fn unique_id(seed: &UniqueIdSeed, millis_since_month_start: i32, counter: u16) -> String {
    let mut out = String::new();
    UniqueIdPrefix::new(seed).append(millis_since_month_start, counter, &mut out);
    out
}

fn wrong_id(field: &'static str, text: &str) -> CodecError {
    CodecError::invalid(field, text, "32 or 56 hexadecimal digits")
}

/// The bytes of an id: 16, or 28 with an IPv6 host.
fn id_bytes(text: &str, field: &'static str) -> Result<([u8; 28], usize), CodecError> {
    let digits = text.as_bytes();
    if digits.len() != 32 && digits.len() != 56 {
        return Err(wrong_id(field, text));
    }
    let mut bytes = [0; 28];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = (pair[0] as char).to_digit(16);
        let low = (pair[1] as char).to_digit(16);
        let (Some(high), Some(low)) = (high, low) else { return Err(wrong_id(field, text)) };
        *byte = (high << 4 | low) as u8;
    }
    Ok((bytes, digits.len() / 2))
}

/// The host at an id's start, and the twelve bytes behind it.
fn host_and_rest(bytes: &[u8; 28], length: usize) -> (IpAddr, [u8; 12]) {
    let host_length = length - 12;
    let mut rest = [0; 12];
    rest.copy_from_slice(&bytes[host_length..length]);
    let mut wide = [0; 16];
    wide[..host_length].copy_from_slice(&bytes[..host_length]);
    let host = match host_length {
        4 => IpAddr::V4(Ipv4Addr::new(wide[0], wide[1], wide[2], wide[3])),
        _ => IpAddr::V6(Ipv6Addr::from(wide)),
    };
    (host, rest)
}

/// Takes a unique id apart.
pub fn decode_unique_id(text: &str) -> Result<UniqueId, CodecError> {
    let (bytes, length) = id_bytes(text, "unique id")?;
    let (host, r) = host_and_rest(&bytes, length);
    Ok(UniqueId {
        seed: UniqueIdSeed {
            host,
            pid: u16::from_be_bytes([r[0], r[1]]),
            hash: i32::from_be_bytes([r[2], r[3], r[4], r[5]]),
        },
        millis_since_month_start: i32::from_be_bytes([r[6], r[7], r[8], r[9]]),
        counter: u16::from_be_bytes([r[10], r[11]]),
    })
}

/// A broker's id of a message: where it stored it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OffsetId {
    /// The broker's address.
    pub store_host: SocketAddr,
    /// Offset in the commit log.
    pub commit_log_offset: i64,
}

impl OffsetId {
    /// 32 characters for an IPv4 address, 56 for IPv6, in upper case.
    pub fn encode(&self) -> String {
        let mut out = String::with_capacity(56);
        push_host(&mut out, self.store_host.ip());
        push_bytes(&mut out, &i32::from(self.store_host.port()).to_be_bytes());
        push_bytes(&mut out, &self.commit_log_offset.to_be_bytes());
        out
    }

    /// Reads one id; a batch's joined ids must be split at `,` before.
    pub fn decode(text: &str) -> Result<Self, CodecError> {
        let (bytes, length) = id_bytes(text, "offset message id")?;
        let (host, r) = host_and_rest(&bytes, length);
        let port = i32::from_be_bytes([r[0], r[1], r[2], r[3]]);
        let port = u16::try_from(port).map_err(|_| CodecError::invalid("offset message id", text, "a port in it"))?;
        let commit_log_offset = i64::from_be_bytes([r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11]]);
        Ok(OffsetId { store_host: SocketAddr::new(host, port), commit_log_offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: SK-08.
    #[test]
    fn unique_ids_are_as_long_as_their_host_makes_them() {
        let v4 = UniqueIdSeed { host: "10.1.2.3".parse().unwrap(), pid: 0xbeef, hash: -2 };
        let id = unique_id(&v4, 0x0102_0304, 0xfffe);
        assert_eq!(id, "0A010203BEEFFFFFFFFE01020304FFFE");
        let v6 = UniqueIdSeed { host: "fd00::2".parse().unwrap(), ..v4 };
        assert_eq!(unique_id(&v6, 1, 2).len(), 56);
        assert_eq!(
            decode_unique_id(&id).unwrap(),
            UniqueId { seed: v4, millis_since_month_start: 0x0102_0304, counter: 0xfffe }
        );
    }

    #[test]
    fn offset_ids_as_a_broker_writes_them() {
        let id = OffsetId::decode("7F00000100004E08000000000000222A").unwrap();
        assert_eq!(id, OffsetId { store_host: "127.0.0.1:19976".parse().unwrap(), commit_log_offset: 0x222a });
        assert_eq!(id.encode(), "7F00000100004E08000000000000222A");
        for wrong in ["", "7F", "ZF00000100004E08000000000000222A", "7F000001000F4E08000000000000222A"] {
            assert!(OffsetId::decode(wrong).is_err(), "{wrong}");
        }
    }
}
