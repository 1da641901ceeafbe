//! Whether a body is compressed, and how.

use crate::protocol::remoting::compress::compress;
use crate::protocol::remoting::sys_flag::Compression;

/// The rules of one producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CompressionRules {
    /// Smaller bodies go as they are.
    pub(crate) threshold: usize,
    pub(crate) compression: Compression,
    pub(crate) level: u32,
}

impl CompressionRules {
    /// The compressed body, when the message should go compressed.
    pub(crate) fn apply(&self, body: &[u8]) -> Option<Vec<u8>> {
        if body.len() < self.threshold {
            return None;
        }
        smaller(body, |body| compress(self.compression, self.level, body))
    }
}

/// What `encode` makes of `body` when that is less; a failure is logged, and the body goes as it is.
fn smaller(body: &[u8], encode: impl FnOnce(&[u8]) -> std::io::Result<Vec<u8>>) -> Option<Vec<u8>> {
    match encode(body) {
        Ok(compressed) if compressed.len() < body.len() => Some(compressed),
        Ok(_) => None,
        Err(error) => {
            tracing::warn!(%error, "a body cannot be compressed and goes as it is");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: CompressionRules = CompressionRules { threshold: 4096, compression: Compression::Zlib, level: 5 };

    /// Rows: CO-01.
    #[test]
    fn bodies_from_the_threshold_on_are_compressed() {
        assert_eq!(RULES.apply(&[0; 4095]), None);
        assert!(RULES.apply(&[0; 4096]).unwrap().len() < 100);
        assert!(CompressionRules { threshold: 0, ..RULES }.apply(&[0; 64]).is_some());
    }

    #[test]
    fn a_body_that_does_not_shrink_goes_as_it_is() {
        let mut random = fastrand::Rng::with_seed(7);
        let body: Vec<u8> = (0..8192).map(|_| random.u8(..)).collect();
        assert_eq!(RULES.apply(&body), None);
        assert_eq!(smaller(&[1, 2, 3], |body| Ok(body.to_vec())), None);
    }

    /// Rows: CO-06.
    #[test]
    fn a_body_that_cannot_be_compressed_goes_as_it_is() {
        assert_eq!(smaller(&[0; 9000], |_| Err(std::io::Error::other("broken"))), None);
    }

    /// Rows: CO-02.
    #[test]
    fn a_higher_level_gives_fewer_bytes() {
        let body: Vec<u8> = (0..20_000_u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
        let size = |level| CompressionRules { level, ..RULES }.apply(&body).unwrap().len();
        assert!(size(9) < size(1), "{} {}", size(9), size(1));
    }
}
