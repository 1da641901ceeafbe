//! A quick hash for short texts as keys: topics and addresses are looked up for each message.
//!
//! Each map has a random seed, so that nobody outside can choose keys that collide in it.

use crate::random::generator;
use std::hash::{BuildHasher, Hasher};

/// Makes the hashers of one map.
#[derive(Clone, Debug)]
pub(crate) struct Quick(u64);

/// See the module's text.
#[derive(Debug)]
pub(crate) struct QuickHasher(u64);

/// An odd number without a pattern: the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Default for Quick {
    fn default() -> Self {
        Quick(generator().u64(..))
    }
}

impl BuildHasher for Quick {
    type Hasher = QuickHasher;

    fn build_hasher(&self) -> QuickHasher {
        QuickHasher(self.0)
    }
}

impl QuickHasher {
    /// Folds both halves of a product together, so that each bit of it depends on all of the word.
    #[inline]
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(FACTOR);
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for QuickHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in words.by_ref() {
            self.mix(word.try_into().map_or(0, u64::from_le_bytes));
        }
        let mut last = [0; 8];
        let rest = words.remainder();
        last[..rest.len()].copy_from_slice(rest);
        self.mix(u64::from_le_bytes(last));
        self.mix(bytes.len() as u64);
    }

    #[inline]
    fn write_u8(&mut self, _: u8) {
        // What ends a text: its length is in the hash already.
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(all(test, not(mqp_loom)))]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn texts_that_differ_a_little_differ_in_all_bits_of_the_hash() {
        let quick = Quick::default();
        let texts: Vec<String> =
            (0..2000).map(|n| format!("topic-{n}")).chain((0..100).map(|n| "\0".repeat(n))).collect();
        let hashes: HashSet<u64> = texts.iter().map(|text| quick.hash_one(text.as_str())).collect();
        assert_eq!(hashes.len(), texts.len());
        // What maps use: the lowest and the highest bits.
        for shift in [0, 57] {
            let mut seen = [0; 128];
            hashes.iter().for_each(|hash| seen[(hash >> shift & 127) as usize] += 1);
            assert!(seen.iter().all(|&count| count > 0 && count < 60), "{shift}: {seen:?}");
        }
        assert_ne!(quick.hash_one("topic"), Quick::default().hash_one("topic"));
    }
}
