//! Whether a message asks its ActiveMQ broker for an answer, and who waits for it.

/// What decides it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wish {
    /// Somebody is told of the end later on.
    pub(crate) callback: bool,
    /// `send_timeout` is over 0.
    pub(crate) send_timeout: bool,
    pub(crate) always_sync_send: bool,
    pub(crate) persistent: bool,
    pub(crate) use_async_send: bool,
    /// The message is part of a transaction.
    pub(crate) transacted: bool,
    /// The caller wants no answer, whatever the message is.
    pub(crate) oneway: bool,
}

/// See the module's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exchange {
    /// No answer is asked for: what becomes of the message is not told.
    Silent,
    /// The caller waits for the answer.
    Waited,
    /// The answer comes to the callback.
    Told,
}

/// As ActiveMQ's Java client decides it; one-way sends are ours.
pub(crate) fn exchange(wish: Wish) -> Exchange {
    if wish.callback {
        return Exchange::Told;
    }
    let silent = !wish.persistent || wish.use_async_send || wish.transacted || wish.oneway;
    match silent && !wish.send_timeout && !wish.always_sync_send {
        true => Exchange::Silent,
        false => Exchange::Waited,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every combination, against the condition of the Java client as its source writes it.
    ///
    /// Rows: AM-03 AM-04 AM-05 AM-06 AM-07 AM-08.
    #[test]
    fn the_condition_is_that_of_the_java_client() {
        for bits in 0..1_u32 << 6 {
            let bit = |at: u32| bits >> at & 1 == 1;
            let wish = Wish {
                callback: bit(0),
                send_timeout: bit(1),
                always_sync_send: bit(2),
                persistent: bit(3),
                use_async_send: bit(4),
                transacted: bit(5),
                oneway: false,
            };
            let java_async = !wish.callback
                && !wish.send_timeout
                && !wish.always_sync_send
                && (!wish.persistent || wish.use_async_send || wish.transacted);
            let expected = match (java_async, wish.callback) {
                (true, _) => Exchange::Silent,
                (false, true) => Exchange::Told,
                (false, false) => Exchange::Waited,
            };
            assert_eq!(exchange(wish), expected, "{wish:?}");
        }
    }

    #[test]
    fn the_defaults() {
        let persistent = Wish { persistent: true, ..Wish::default() };
        assert_eq!(exchange(persistent), Exchange::Waited);
        assert_eq!(exchange(Wish::default()), Exchange::Silent);
        assert_eq!(exchange(Wish { transacted: true, ..persistent }), Exchange::Silent);
        assert_eq!(exchange(Wish { oneway: true, ..persistent }), Exchange::Silent);
        assert_eq!(exchange(Wish { oneway: true, always_sync_send: true, ..persistent }), Exchange::Waited);
    }
}
