//! Which queue a message goes to.

/// The queue at `index` by round robin, passing over those that `avoid` names while another is left.
///
/// `None` only when there are no queues. The caller counts `index` up with each call.
pub(crate) fn round_robin<Q>(queues: &[Q], index: usize, avoid: impl Fn(&Q) -> bool) -> Option<&Q> {
    let n = queues.len();
    if n == 0 {
        return None;
    }
    (0..n).map(|step| &queues[(index.wrapping_add(step)) % n]).find(|queue| !avoid(queue)).or(Some(&queues[index % n]))
}

/// Java's `String.hashCode`.
fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(unit.into()))
}

/// The index among `count` queues that Java's hash selector gives a key; `None` only when there are none.
pub(crate) fn hash_index(key: &str, count: usize) -> Option<usize> {
    (java_hash(key).unsigned_abs() as usize).checked_rem(count)
}

/// Whether a broker's name is `room@name` with one of the rooms.
pub(crate) fn in_room(broker_name: &str, rooms: &[&str]) -> bool {
    broker_name.split_once('@').is_some_and(|(room, name)| !name.contains('@') && rooms.contains(&room))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: QS-06.
    #[test]
    fn the_hash_is_that_of_a_java_string() {
        // A supplementary character is two units; the last hash is Integer.MIN_VALUE.
        for (key, hash) in
            [("", 0), ("order-7", -1_207_111_304), ("é", 233), ("😀", 1_772_899), ("polygenelubricants", i32::MIN)]
        {
            assert_eq!(java_hash(key), hash, "{key}");
        }
        assert_eq!(hash_index("order-7", 7), Some(0));
        assert_eq!(hash_index("polygenelubricants", 7), Some(2), "2^31 modulo 7");
        assert_eq!(hash_index("x", 0), None);
    }

    /// Rows: QS-06.
    #[test]
    fn rooms_are_what_stands_before_the_only_at() {
        assert!(in_room("hz@broker-a", &["sh", "hz"]));
        for other in ["broker-a", "hz", "hzz@broker-a", "hz@a@b", "@hz"] {
            assert!(!in_room(other, &["hz"]), "{other}");
        }
    }

    /// Rows: QS-02 QS-04.
    #[test]
    fn every_queue_gets_its_turn() {
        let queues = ["a0", "a1", "b0"];
        let picked: Vec<_> = (7..13).map(|i| *round_robin(&queues, i, |_| false).unwrap()).collect();
        assert_eq!(picked, ["a1", "b0", "a0", "a1", "b0", "a0"]);
        assert_eq!(round_robin::<u8>(&[], 0, |_| false), None);
        assert!(round_robin(&queues, usize::MAX, |_| false).is_some());
    }

    /// Rows: QS-03 FT-01.
    #[test]
    fn the_last_broker_is_avoided_while_another_is_left() {
        let queues = ["a0", "a1", "b0"];
        for index in 0..9 {
            assert_eq!(*round_robin(&queues, index, |q| q.starts_with('a')).unwrap(), "b0");
        }
        assert_eq!(*round_robin(&queues, 1, |_| true).unwrap(), "a1");
    }
}
