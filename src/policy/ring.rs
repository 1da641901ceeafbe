//! Consistent hashing: a ring of virtual nodes by the first four bytes of their MD5, as RocketMQ's `ConsistentHashRouter`.

use md5::{Digest, Md5};

/// Points of one node on the ring: enough that loads differ little.
const VIRTUAL_NODES: usize = 64;

/// A ring over nodes that are known by their index.
#[derive(Debug)]
pub(crate) struct Ring {
    /// Hash and node, by hash; no hash stands twice.
    points: Vec<(u32, usize)>,
}

impl Ring {
    /// A ring over the nodes of these names.
    pub(crate) fn new(names: impl Iterator<Item = String>) -> Ring {
        let mut points: Vec<(u32, usize)> = names
            .enumerate()
            .flat_map(|(node, name)| (0..VIRTUAL_NODES).map(move |replica| (hash(&format!("{name}-{replica}")), node)))
            .collect();
        points.sort();
        points.dedup_by_key(|(hash, _)| *hash);
        Ring { points }
    }

    /// The node that follows the key on the ring; `None` when there are no nodes.
    pub(crate) fn locate(&self, key: &str) -> Option<usize> {
        let wanted = hash(key);
        let at = self.points.partition_point(|(hash, _)| *hash < wanted);
        self.points.get(at).or(self.points.first()).map(|(_, node)| *node)
    }
}

fn hash(key: &str) -> u32 {
    let digest = Md5::digest(key.as_bytes());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(names: &[&str]) -> Ring {
        Ring::new(names.iter().map(|name| (*name).to_owned()))
    }

    /// Rows: QS-07.
    #[test]
    fn the_hash_is_the_first_four_bytes_of_md5() {
        // MD5("") = d41d8cd9..., MD5("abc") = 90015098...
        assert_eq!((hash(""), hash("abc")), (0xd41d_8cd9, 0x9001_5098));
    }

    /// Rows: QS-07.
    #[test]
    fn a_key_goes_to_the_point_at_or_after_its_hash_and_past_the_last_to_the_first() {
        let ring = Ring { points: vec![(hash("abc") - 1, 7), (hash("abc"), 8), (hash("abc") + 1, 9)] };
        assert_eq!(ring.locate("abc"), Some(8));
        assert_eq!(ring.locate(""), Some(7), "0xd41d8cd9 is past the last point");
        assert_eq!(self::ring(&[]).locate("abc"), None);
    }

    /// Rows: QS-07.
    #[test]
    fn only_the_keys_of_a_node_that_goes_move_and_loads_are_even() {
        let names = ["a", "b", "c", "d"];
        let (all, without) = (ring(&names), ring(&names[..3]));
        let mut loads = [0; 4];
        for key in (0..4000).map(|i| format!("key-{i}")) {
            let before = all.locate(&key).unwrap();
            loads[before] += 1;
            if before != 3 {
                assert_eq!(without.locate(&key), Some(before), "{key}");
            }
        }
        assert!(loads.iter().all(|load| (500..1600).contains(load)), "{loads:?}");
    }
}
