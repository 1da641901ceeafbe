//! The keys that ActiveMQ alone reads, a row each. "Java" is ActiveMQ's Java client 6.3.1 here.

use super::{OptionKind, OptionSpec};

const HOUR_MS: i64 = 3_600_000;
const YEAR_MS: i64 = 366 * 24 * HOUR_MS;

/// What only ActiveMQ has.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        key: "user_name",
        kind: OptionKind::Text,
        default: "",
        doc: "ActiveMQ: the user to connect as. Empty: none. In a URL `jms.userName`.",
        java: None,
    },
    OptionSpec {
        key: "password",
        kind: OptionKind::Text,
        default: "",
        doc: "ActiveMQ: the user's password; shown to nobody. In a URL `jms.password`.",
        java: None,
    },
    OptionSpec {
        key: "client_id",
        kind: OptionKind::Text,
        default: "",
        doc: "ActiveMQ: the connection's client id, which the broker lets nobody else have at the same time. Empty: made up. In a URL `jms.clientID`.",
        java: None,
    },
    OptionSpec {
        key: "destination",
        kind: OptionKind::Text,
        default: "",
        doc: "ActiveMQ: the only destination of this producer, which messages then need not name: `queue://NAME`, `topic://NAME`, or `NAME` for a queue. Empty: each message names its own.",
        java: None,
    },
    OptionSpec {
        key: "delivery_mode",
        kind: OptionKind::Choice(&["persistent", "non_persistent"]),
        default: "persistent",
        doc: "ActiveMQ: whether messages that do not say it themselves survive the end of their broker.",
        java: None,
    },
    OptionSpec {
        key: "time_to_live",
        kind: OptionKind::Milliseconds { min: 0, max: 100 * YEAR_MS },
        default: "0",
        doc: "ActiveMQ: how long the broker keeps messages that do not say it themselves. 0: for ever.",
        java: None,
    },
    OptionSpec {
        key: "use_async_send",
        kind: OptionKind::Flag,
        default: "false",
        doc: "ActiveMQ: whether a synchronous send of a persistent message asks for no answer and returns at once; then it is not told when the broker refuses or loses it. In a URL `jms.useAsyncSend`.",
        java: None,
    },
    OptionSpec {
        key: "always_sync_send",
        kind: OptionKind::Flag,
        default: "false",
        doc: "ActiveMQ: whether every send asks for an answer and waits for it: non-persistent ones, those of a transaction and one-way ones, too. In a URL `jms.alwaysSyncSend`.",
        java: None,
    },
    OptionSpec {
        key: "send_timeout",
        kind: OptionKind::Milliseconds { min: 0, max: HOUR_MS },
        default: "0",
        doc: "ActiveMQ: over 0, every send without a callback waits for its answer, and this is its deadline in place of `send_msg_timeout`. 0: only what must waits, and `send_msg_timeout` is its deadline. In a URL `jms.sendTimeout`.",
        java: Some("0, without a deadline"),
    },
    OptionSpec {
        key: "producer_window_size",
        kind: OptionKind::Integer { min: 0, max: 2_147_483_647 },
        default: "0",
        doc: "ActiveMQ: how many bytes of messages without an answer may be on their way, as the broker counts them: 1024, the properties and the body of each. At the limit a send does what `backpressure` says. 0: no limit. In a URL `jms.producerWindowSize`.",
        java: None,
    },
    OptionSpec {
        key: "use_compression",
        kind: OptionKind::Flag,
        default: "false",
        doc: "ActiveMQ: whether bodies of at least `compress_msg_body_over_howmuch` bytes are compressed with zlib, at `compress_level`. In a URL `jms.useCompression`.",
        java: Some("bodies of any length"),
    },
    OptionSpec {
        key: "max_inactivity_duration",
        kind: OptionKind::Milliseconds { min: 0, max: HOUR_MS },
        default: "30000",
        doc: "ActiveMQ: after so long without a word from the broker a connection is given up; a word is sent at least three times in that time. The broker's own value counts when it is less. 0: never. In a URL `wireFormat.maxInactivityDuration`.",
        java: None,
    },
    OptionSpec {
        key: "tight_encoding",
        kind: OptionKind::Flag,
        default: "true",
        doc: "ActiveMQ: whether frames have their shorter form when the broker can read it, which takes less of its time. In a URL `wireFormat.tightEncodingEnabled`.",
        java: None,
    },
    OptionSpec {
        key: "marshalling_cache",
        kind: OptionKind::Flag,
        default: "true",
        doc: "ActiveMQ: whether ids and destinations are sent once for each connection and by number then, when the broker can do so, which takes less of its time. In a URL `wireFormat.cacheEnabled`.",
        java: None,
    },
];
