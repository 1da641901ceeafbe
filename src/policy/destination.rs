//! Names of JMS destinations, and which of them a producer may send to.

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::openwire::{Destination, DestinationKind};

/// A name's longest UTF-8 text: a string of the wire holds no more.
const MAX_NAME: usize = 32_766;

const PREFIXES: [(&str, DestinationKind); 4] = [
    ("queue://", DestinationKind::Queue),
    ("topic://", DestinationKind::Topic),
    ("temp-queue://", DestinationKind::TempQueue),
    ("temp-topic://", DestinationKind::TempTopic),
];

fn refuse(what: String) -> Error {
    Error::new(ErrorKind::InvalidMessage, what)
}

/// The destination that `text` names; without a prefix it is a queue, as in ActiveMQ's Java client.
pub(crate) fn parse(text: &str) -> Result<Destination> {
    let (kind, name) = PREFIXES
        .iter()
        .find_map(|(prefix, kind)| text.strip_prefix(prefix).map(|name| (*kind, name)))
        .unwrap_or((DestinationKind::Queue, text));
    if name.trim().is_empty() {
        return Err(refuse(format!("the destination `{text}` has no name")));
    }
    if name.contains("://") {
        return Err(refuse(format!(
            "the destination `{text:.80}` has an unknown prefix; known are queue://, topic://, temp-queue:// and temp-topic://"
        )));
    }
    if name.len() > MAX_NAME {
        return Err(refuse(format!("the destination's name is {} bytes long; the limit is {MAX_NAME}", name.len())));
    }
    Ok(Destination { kind, name: name.to_owned() })
}

/// The text of the destination of a message: its own, or the producer's only one.
pub(crate) fn choose<'a>(own: &'a str, fixed: &'a str) -> Result<&'a str> {
    match (own, fixed) {
        ("", "") => Err(refuse("`topic` is empty, and no `destination` is configured".to_owned())),
        ("", fixed) => Ok(fixed),
        (own, "") => Ok(own),
        (own, fixed) if own == fixed || parse(own)? == parse(fixed)? => Ok(own),
        (own, fixed) => Err(Error::new(
            ErrorKind::Unsupported,
            format!("this producer sends to `{fixed}` alone (`destination`); the message goes to `{own}`"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: AM-12.
    #[test]
    fn a_producer_of_one_destination_sends_to_no_other_and_one_of_none_to_all() {
        assert_eq!(choose("", "").unwrap_err().kind(), ErrorKind::InvalidMessage);
        assert_eq!(choose("", "queue://A").unwrap(), "queue://A");
        assert_eq!(choose("A", "queue://A").unwrap(), "A");
        assert_eq!(choose("topic://B", "").unwrap(), "topic://B");
        let error = choose("topic://A", "queue://A").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("`queue://A` alone") && error.message().contains("`topic://A`"), "{error}");
    }

    #[test]
    fn prefixes_tell_the_kind() {
        for (text, kind, name) in [
            ("A.B", DestinationKind::Queue, "A.B"),
            ("queue://A", DestinationKind::Queue, "A"),
            ("topic://A", DestinationKind::Topic, "A"),
            ("temp-queue://ID:x:1", DestinationKind::TempQueue, "ID:x:1"),
            ("temp-topic://ID:x:1", DestinationKind::TempTopic, "ID:x:1"),
        ] {
            let parsed = parse(text).unwrap();
            assert!(parsed.kind == kind && parsed.name == name, "{text}");
        }
        for bad in ["queue://", " ", "tpoic://A"] {
            assert_eq!(parse(bad).unwrap_err().kind(), ErrorKind::InvalidMessage, "{bad}");
        }
    }
}
