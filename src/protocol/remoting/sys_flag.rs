//! Bits of a message's `sysFlag`.

/// The body is compressed; the algorithm is in the bits of [`COMPRESSION_MASK`].
pub const COMPRESSED: i32 = 0x1;
/// The message has several tags.
pub const MULTI_TAGS: i32 = 0x2;
/// A half message.
pub const TRANSACTION_PREPARED: i32 = 0x4;
/// A committed one.
pub const TRANSACTION_COMMIT: i32 = 0x8;
/// A rolled back one; also the mask of the three.
pub const TRANSACTION_ROLLBACK: i32 = 0xc;
/// The birth host is IPv6.
pub const BORN_HOST_V6: i32 = 0x10;
/// The storing host is IPv6.
pub const STORE_HOST_V6: i32 = 0x20;
/// A broker has to unwrap the body.
pub const NEED_UNWRAP: i32 = 0x40;
/// The body is a batch kept whole.
pub const INNER_BATCH: i32 = 0x80;
/// The bits that tell the compression.
pub const COMPRESSION_MASK: i32 = 0x700;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Compression {
    /// LZ4 frames.
    Lz4 = 1,
    /// Zstandard.
    Zstd = 2,
    /// zlib (RFC 1950).
    Zlib = 3,
}

/// `sys_flag` of a body compressed so.
pub const fn with_compression(sys_flag: i32, compression: Compression) -> i32 {
    (sys_flag & !COMPRESSION_MASK) | COMPRESSED | (compression as i32) << 8
}

/// How the body is compressed, by the type bits alone: a consumer sees them kept after [`COMPRESSED`] was cleared.
/// Old clients set no type bits, which means zlib. `None`: a type not known here.
pub const fn compression(sys_flag: i32) -> Option<Compression> {
    match (sys_flag & COMPRESSION_MASK) >> 8 {
        0 | 3 => Some(Compression::Zlib),
        1 => Some(Compression::Lz4),
        2 => Some(Compression::Zstd),
        _ => None,
    }
}

/// Whether the body is compressed.
pub const fn is_compressed(sys_flag: i32) -> bool {
    sys_flag & COMPRESSED != 0
}

/// The transaction bits alone: 0, prepared, commit or rollback.
pub const fn transaction(sys_flag: i32) -> i32 {
    sys_flag & TRANSACTION_ROLLBACK
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: SK-10.
    #[test]
    fn compression_bits() {
        assert_eq!(with_compression(TRANSACTION_PREPARED, Compression::Zlib), 0x305);
        assert_eq!(with_compression(0x300, Compression::Lz4), 0x101);
        assert_eq!(compression(with_compression(0, Compression::Zstd)), Some(Compression::Zstd));
        assert_eq!((compression(1), compression(0x701)), (Some(Compression::Zlib), None));
        assert_eq!((transaction(0x30c), is_compressed(0x300)), (TRANSACTION_ROLLBACK, false));
    }
}
