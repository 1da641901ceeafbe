//! The keys of reliable sending, a row each.

use super::{OptionKind, OptionSpec};

const HOUR_MS: i64 = 3_600_000;
const MONTH_MS: i64 = 31 * 24 * HOUR_MS;

/// What `reliability` means, and the spool.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        key: "reliability",
        kind: OptionKind::Choice(&["standard", "reliable"]),
        default: "standard",
        doc: "`reliable`: a send succeeds with SEND_OK only; FLUSH_DISK_TIMEOUT, FLUSH_SLAVE_TIMEOUT and SLAVE_NOT_AVAILABLE are tried again like silence, by the `reliable_` keys in place of the `retry_` ones; one-way sends and `wait_store_msg_ok` = false are refused. See docs/RELIABILITY.md.",
        java: Some("none"),
    },
    OptionSpec {
        key: "reliable_retry_times",
        kind: OptionKind::Integer { min: 0, max: 100 },
        default: "3",
        doc: "With `reliability` = `reliable`: further tries after the first, in every mode.",
        java: Some("none"),
    },
    OptionSpec {
        key: "reliable_retry_interval",
        kind: OptionKind::Milliseconds { min: 0, max: HOUR_MS },
        default: "1000",
        doc: "The pause before the second try; it doubles with each further one, up to `reliable_retry_interval_max`.",
        java: Some("none"),
    },
    OptionSpec {
        key: "reliable_retry_interval_max",
        kind: OptionKind::Milliseconds { min: 0, max: HOUR_MS },
        default: "1000",
        doc: "The longest pause between two tries; never less than `reliable_retry_interval`. As the default has it, all pauses are the same.",
        java: Some("none"),
    },
    OptionSpec {
        key: "reliable_retry_jitter",
        kind: OptionKind::Integer { min: 0, max: 100 },
        default: "0",
        doc: "The most that is taken off each pause at random, in percent.",
        java: Some("none"),
    },
    OptionSpec {
        key: "spool_file",
        kind: OptionKind::Text,
        default: "",
        doc: "The file that takes messages which reliable sending gave up or found no broker for, until they can be sent; its folder must be there. One producer at a time uses a file. Empty: no spool.",
        java: Some("none"),
    },
    OptionSpec {
        key: "spool_max_bytes",
        kind: OptionKind::Integer { min: 4096, max: 1 << 40 },
        default: "67108864",
        doc: "The most that waiting messages take in the spool; one that does not fit fails with its own error. The file is at most twice as large, and for a moment three times while it is written anew.",
        java: Some("none"),
    },
    OptionSpec {
        key: "spool_fsync",
        kind: OptionKind::Choice(&["always", "interval", "never"]),
        default: "always",
        doc: "When the spool is forced onto the disk: before a message completes as spooled, every `spool_fsync_interval`, or when the operating system likes. The end of the process loses nothing with any of them; a crash of the machine does with the last two.",
        java: Some("none"),
    },
    OptionSpec {
        key: "spool_fsync_interval",
        kind: OptionKind::Milliseconds { min: 1, max: HOUR_MS },
        default: "1000",
        doc: "With `spool_fsync` = `interval`: the longest that a message is in the spool and perhaps not on the disk.",
        java: Some("none"),
    },
    OptionSpec {
        key: "spool_retry_interval",
        kind: OptionKind::Milliseconds { min: 1, max: HOUR_MS },
        default: "5000",
        doc: "The pause after a message of the spool could not be sent, before the next of its topic is tried; it doubles up to 16 times as long.",
        java: Some("none"),
    },
    OptionSpec {
        key: "spool_max_age",
        kind: OptionKind::Milliseconds { min: 0, max: MONTH_MS },
        default: "0",
        doc: "How long a message waits in the spool before it is given up as lost, which the spool's callback is told. 0: without an end.",
        java: Some("none"),
    },
];
