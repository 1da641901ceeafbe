//! Namespaces by prefix: `namespace%name`, with the prefix of retry and dead-letter topics kept in front.

use std::borrow::Cow;

/// Topics of consumers' returns and of given-up messages.
const KINDS: [&str; 2] = ["%RETRY%", "%DLQ%"];
/// Names that servers know by themselves, whatever the namespace.
const SYSTEM_TOPICS: [&str; 11] = [
    "TBW102",
    "BenchmarkTest",
    "SCHEDULE_TOPIC_XXXX",
    "RMQ_SYS_TRANS_HALF_TOPIC",
    "RMQ_SYS_TRANS_OP_HALF_TOPIC",
    "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC",
    "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC",
    "RMQ_SYS_TRACE_TOPIC",
    "TRANS_CHECK_MAX_TIME_TOPIC",
    "SELF_TEST_TOPIC",
    "OFFSET_MOVED_EVENT",
];
const SYSTEM_PREFIXES: [&str; 2] = ["rmq_sys_", "CID_RMQ_SYS_"];

/// The `namespace` key; empty when there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Namespace {
    name: String,
}

fn split_kind(name: &str) -> (&str, &str) {
    let length = KINDS.iter().find(|kind| name.starts_with(**kind)).map_or(0, |kind| kind.len());
    name.split_at(length)
}

fn is_system(name: &str) -> bool {
    SYSTEM_TOPICS.contains(&name) || SYSTEM_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

impl Namespace {
    pub(crate) fn new(name: &str) -> Self {
        Namespace { name: name.to_owned() }
    }

    /// The namespace, when there is one.
    pub(crate) fn name(&self) -> Option<&str> {
        Some(self.name.as_str()).filter(|name| !name.is_empty())
    }

    /// The name of a topic or group on the wire; one that has the prefix already keeps it.
    pub(crate) fn wrap<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if self.name.is_empty() || name.is_empty() || is_system(name) {
            return Cow::Borrowed(name);
        }
        let (kind, bare) = split_kind(name);
        match self.without_prefix(bare) {
            Some(_) => Cow::Borrowed(name),
            None => Cow::Owned(format!("{kind}{}%{bare}", self.name)),
        }
    }

    /// The name as its user knows it.
    pub(crate) fn strip<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if self.name.is_empty() || is_system(name) {
            return Cow::Borrowed(name);
        }
        let (kind, rest) = split_kind(name);
        match self.without_prefix(rest) {
            Some(bare) if kind.is_empty() => Cow::Borrowed(bare),
            Some(bare) => Cow::Owned(format!("{kind}{bare}")),
            None => Cow::Borrowed(name),
        }
    }

    fn without_prefix<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(&self.name)?.strip_prefix('%')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: NS-01.
    #[test]
    fn names_are_wrapped_once_and_stripped_again() {
        let space = Namespace::new("NS");
        for (bare, wrapped) in [
            ("T", "NS%T"),
            ("%RETRY%G", "%RETRY%NS%G"),
            ("%DLQ%G", "%DLQ%NS%G"),
            ("a%b", "NS%a%b"),
            ("NSX%T", "NS%NSX%T"),
            ("TBW102", "TBW102"),
            ("RMQ_SYS_TRACE_TOPIC", "RMQ_SYS_TRACE_TOPIC"),
            ("CID_RMQ_SYS_TRANS", "CID_RMQ_SYS_TRANS"),
        ] {
            assert_eq!(space.wrap(bare), wrapped);
            assert_eq!(space.wrap(wrapped), wrapped, "wrapped twice");
            assert_eq!(space.strip(wrapped), bare);
        }
        assert_eq!(space.strip("OTHER%T"), "OTHER%T");
    }

    #[test]
    fn without_a_namespace_names_are_what_they_are() {
        let none = Namespace::default();
        assert_eq!((none.name(), &*none.wrap("a%T"), &*none.strip("a%T")), (None, "a%T", "a%T"));
    }
}
