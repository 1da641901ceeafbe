//! The one table of configuration keys: it drives the parser, the C setter, the bindings and `docs/CONFIGURATION.md`.

mod activemq;
mod reliability;
mod table;

/// Every key, in the order of the documentation.
pub const OPTIONS: &[OptionSpec] = &all::<{ COUNTS[0] + COUNTS[1] + COUNTS[2] }>();

const COUNTS: [usize; 3] = [table::OPTIONS.len(), reliability::OPTIONS.len(), activemq::OPTIONS.len()];

/// The rows of the files.
const fn all<const N: usize>() -> [OptionSpec; N] {
    let mut rows = [table::OPTIONS[0]; N];
    let mut row = 0;
    while row < N {
        rows[row] = if row < COUNTS[0] {
            table::OPTIONS[row]
        } else if row < COUNTS[0] + COUNTS[1] {
            reliability::OPTIONS[row - COUNTS[0]]
        } else {
            activemq::OPTIONS[row - COUNTS[0] - COUNTS[1]]
        };
        row += 1;
    }
    rows
}

/// What a value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// Any UTF-8 text.
    Text,
    /// A whole number within the limits, both included.
    Integer {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// Milliseconds within the limits, both included.
    Milliseconds {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// `true` or `false`.
    Flag,
    /// One of the words.
    Choice(&'static [&'static str]),
    /// Whole numbers separated by commas.
    Codes,
    /// Texts separated by commas or semicolons.
    List,
}

/// One configuration key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionSpec {
    /// The key.
    pub key: &'static str,
    /// What its value must look like.
    pub kind: OptionKind,
    /// The value when it is not set.
    pub default: &'static str,
    /// What it does, in one or two sentences.
    pub doc: &'static str,
    /// Where the default departs from the Java client 5.5.0: the Java value.
    pub java: Option<&'static str>,
}

/// Keys whose values are shown to nobody.
const SECRETS: &[&str] = &["access_key", "secret_key", "security_token", "socks_proxy", "password"];

/// Whether the value of `key` must not appear in logs, errors and debug output.
pub fn is_secret(key: &str) -> bool {
    SECRETS.contains(&key)
}

/// The table's row of `key`.
pub fn find(key: &str) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|option| option.key == key)
}

/// The key nearest to a misspelt one, when one is near enough to be meant.
pub fn nearest(key: &str) -> Option<&'static str> {
    let limit = (key.chars().count() / 3).max(2);
    OPTIONS
        .iter()
        .map(|option| (edit_distance(&key.to_ascii_lowercase(), option.key), option.key))
        .min()
        .filter(|(distance, _)| *distance <= limit)
        .map(|(_, key)| key)
}

fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_defaults_are_legal() {
        for (i, option) in OPTIONS.iter().enumerate() {
            assert!(OPTIONS[..i].iter().all(|other| other.key != option.key), "{} stands twice", option.key);
            if !matches!(option.key, "url" | "producer_group") {
                super::super::check(option, option.default).unwrap();
            }
        }
    }

    /// Rows: CF-02 CF-03 CF-04 CF-05 CF-06 CF-07 CF-08 CF-09 CF-10 CF-11 CF-12 CF-13 CF-15 CF-16 CF-19 CF-20 ST-01.
    #[test]
    fn defaults_are_those_of_the_java_client_or_their_departure_is_marked() {
        for (key, java) in [
            ("send_msg_timeout", "3000"),
            ("compress_msg_body_over_howmuch", "4096"),
            ("compress_level", "5"),
            ("compress_type", "ZLIB"),
            ("retry_times_when_send_failed", "2"),
            ("retry_times_when_send_async_failed", "2"),
            ("retry_another_broker_when_not_store_ok", "false"),
            ("max_message_size", "4194304"),
            ("default_topic_queue_nums", "4"),
            ("poll_name_server_interval", "30000"),
            ("heartbeat_broker_interval", "30000"),
            ("mq_client_api_timeout", "3000"),
            ("connect_timeout", "3000"),
            ("name_server_address_interval", "120000"),
            ("instance_name", "DEFAULT"),
            ("serialize_type", "JSON"),
            ("topics", ""),
            ("auto_batch", "false"),
            ("batch_max_delay_ms", "10"),
            ("total_batch_max_bytes", "33554432"),
        ] {
            let option = find(key).unwrap();
            assert_eq!((option.default, option.java), (java, None), "{key}");
        }
        for (key, ours, java) in [
            ("send_msg_max_timeout_per_request", "-1", "no limit"),
            ("retry_response_codes", "1,2,14,17,204,205,1500", "16"),
            ("max_in_flight_messages", "65535", "1024"),
            ("max_in_flight_bytes", "67108864", "104857600"),
            ("backpressure", "block", "off"),
            ("create_topic_key", "TBW102", "ignores"),
            ("batch_max_bytes", "32768", "32768"),
            ("name_server_address_url", "", "jmenv.tbsite.net"),
        ] {
            let option = find(key).unwrap();
            assert_eq!(option.default, ours, "{key}");
            assert!(option.java.is_some_and(|text| text.contains(java)), "{key}: {:?}", option.java);
        }
    }

    #[test]
    fn the_nearest_key_is_suggested_only_when_near() {
        assert_eq!(nearest("send_msg_timout"), Some("send_msg_timeout"));
        assert_eq!(nearest("Producer_Group"), Some("producer_group"));
        assert_eq!(nearest("sendMsgTimeout"), Some("send_msg_timeout"));
        assert_eq!(nearest("zzzzzzzzzz"), None);
    }
}
