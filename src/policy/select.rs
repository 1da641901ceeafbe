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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_queue_gets_its_turn() {
        let queues = ["a0", "a1", "b0"];
        let picked: Vec<_> = (7..13).map(|i| *round_robin(&queues, i, |_| false).unwrap()).collect();
        assert_eq!(picked, ["a1", "b0", "a0", "a1", "b0", "a0"]);
        assert_eq!(round_robin::<u8>(&[], 0, |_| false), None);
        assert!(round_robin(&queues, usize::MAX, |_| false).is_some());
    }

    #[test]
    fn the_last_broker_is_avoided_while_another_is_left() {
        let queues = ["a0", "a1", "b0"];
        for index in 0..9 {
            assert_eq!(*round_robin(&queues, index, |q| q.starts_with('a')).unwrap(), "b0");
        }
        assert_eq!(*round_robin(&queues, 1, |_| true).unwrap(), "a1");
    }
}
