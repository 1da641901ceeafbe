//! Bodies compressed and inflated, by the types that [`super::sys_flag`] tells.

use super::sys_flag::Compression;
use std::io::{Error, ErrorKind, Read, Result, Write};

/// Whether this build knows the type.
pub const fn supported(compression: Compression) -> bool {
    match compression {
        Compression::Zlib => true,
        Compression::Lz4 => cfg!(feature = "lz4"),
        Compression::Zstd => cfg!(feature = "zstd"),
    }
}

/// The levels of a type, lowest and highest; LZ4 has but one speed and takes any.
pub const fn levels(compression: Compression) -> (i64, i64) {
    match compression {
        Compression::Zlib => (0, 9),
        Compression::Lz4 => (0, 22),
        Compression::Zstd => (1, 22),
    }
}

/// `body` compressed as a whole.
pub fn compress(compression: Compression, level: u32, body: &[u8]) -> Result<Vec<u8>> {
    match compression {
        Compression::Zlib => {
            let room = Vec::with_capacity(body.len() / 2);
            let mut encoder = flate2::write::ZlibEncoder::new(room, flate2::Compression::new(level));
            encoder.write_all(body)?;
            encoder.finish()
        }
        #[cfg(feature = "lz4")]
        Compression::Lz4 => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::with_capacity(body.len() / 2));
            encoder.write_all(body)?;
            encoder.finish().map_err(Error::other)
        }
        #[cfg(feature = "zstd")]
        Compression::Zstd => zstd::bulk::compress(body, level as i32),
        #[allow(unreachable_patterns)]
        other => Err(not_built(other)),
    }
}

/// What `body` was before it was compressed, unless that is more than `limit` bytes.
pub fn inflate(compression: Compression, body: &[u8], limit: usize) -> Result<Vec<u8>> {
    match compression {
        Compression::Zlib => read_up_to(flate2::read::ZlibDecoder::new(body), limit),
        #[cfg(feature = "lz4")]
        Compression::Lz4 => read_up_to(lz4_flex::frame::FrameDecoder::new(body), limit),
        #[cfg(feature = "zstd")]
        Compression::Zstd => read_up_to(zstd::stream::read::Decoder::with_buffer(body)?, limit),
        #[allow(unreachable_patterns)]
        other => Err(not_built(other)),
    }
}

fn not_built(compression: Compression) -> Error {
    Error::new(ErrorKind::Unsupported, format!("this build has no {compression:?}"))
}

fn read_up_to(mut from: impl Read, limit: usize) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    from.by_ref().take(limit as u64 + 1).read_to_end(&mut body)?;
    if body.len() > limit {
        return Err(Error::new(ErrorKind::InvalidData, format!("the body inflates to more than {limit} bytes")));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Compression; 3] = [Compression::Zlib, Compression::Lz4, Compression::Zstd];

    /// Rows: CO-03.
    #[test]
    fn every_type_of_the_build_comes_back_as_it_was() {
        let body: Vec<u8> = (0..100_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        for compression in ALL.into_iter().filter(|compression| supported(*compression)) {
            let (lowest, highest) = levels(compression);
            for level in [lowest, 5, highest] {
                let small = compress(compression, level as u32, &body).unwrap();
                assert_eq!(inflate(compression, &small, body.len()).unwrap(), body, "{compression:?} {level}");
            }
            let small = compress(compression, 5, &body).unwrap();
            assert!(small.len() < body.len() / 2, "{compression:?}: {}", small.len());
            assert!(inflate(compression, &small, body.len() - 1).unwrap_err().to_string().contains("more than"));
            assert!(inflate(compression, &small[..small.len() / 2], body.len()).is_err(), "{compression:?}");
            assert!(inflate(compression, b"not compressed at all", 99).is_err(), "{compression:?}");
        }
    }

    /// Rows: CO-03.
    #[test]
    fn the_first_bytes_are_those_that_java_reads() {
        let starts = [
            (Compression::Zlib, &[0x78][..]),
            (Compression::Lz4, &[4, 0x22, 0x4d, 0x18]),
            (Compression::Zstd, &[0x28, 0xb5, 0x2f, 0xfd]),
        ];
        for (compression, start) in starts.into_iter().filter(|(compression, _)| supported(*compression)) {
            let small = compress(compression, 5, &[7; 5000]).unwrap();
            assert!(small.starts_with(start), "{compression:?}: {:x?}", &small[..4]);
        }
    }
}
