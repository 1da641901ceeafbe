//! Messages that go back to a retry topic: how often they were consumed travels in the request's header.

use crate::error::{Error, ErrorKind, Result};
use crate::message::Message;
use crate::protocol::remoting::properties::{MAX_RECONSUME_TIMES, RECONSUME_TIME};

/// Begins the name of a consumer group's retry topic.
pub(super) const RETRY_TOPIC: &str = "%RETRY%";

/// What the header tells of earlier consumption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Returns {
    /// Whether the topic is a retry topic, so that the two properties move into the header.
    moved: bool,
    pub(crate) times: i32,
    pub(crate) most: Option<i32>,
}

impl Returns {
    /// From the properties of a message to a retry topic; nothing for any other.
    pub(crate) fn of(message: &Message<'_>) -> Result<Returns> {
        if !message.topic.starts_with(RETRY_TOPIC) {
            return Ok(Returns::default());
        }
        let mut returns = Returns { moved: true, ..Returns::default() };
        for (name, value) in &message.properties {
            match *name {
                RECONSUME_TIME => returns.times = count(name, value)?,
                MAX_RECONSUME_TIMES => returns.most = Some(count(name, value)?),
                _ => {}
            }
        }
        Ok(returns)
    }

    /// As they were told before.
    pub(crate) fn again(times: i32, most: Option<i32>) -> Returns {
        Returns { moved: false, times, most }
    }

    /// Whether the property travels in the header and not among the others.
    pub(crate) fn takes(&self, name: &str) -> bool {
        self.moved && (name == RECONSUME_TIME || name == MAX_RECONSUME_TIMES)
    }
}

fn count(name: &str, value: &str) -> Result<i32> {
    value.parse().map_err(|_| {
        let what = format!("the property `{name}` = `{value}` is not a whole number, which a retry topic needs");
        Error::new(ErrorKind::InvalidMessage, what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: SK-12.
    #[test]
    fn only_retry_topics_move_the_counts_into_the_header() {
        let message = |topic| Message::new(topic, b"x").with_property("RECONSUME_TIME", "3").with_property("a", "b");
        let plain = Returns::of(&message("T")).unwrap();
        assert_eq!((plain.times, plain.most, plain.takes("RECONSUME_TIME")), (0, None, false));
        let retried = Returns::of(&message("%RETRY%G").with_property("MAX_RECONSUME_TIMES", "16")).unwrap();
        assert_eq!((retried.times, retried.most), (3, Some(16)));
        assert!(retried.takes("RECONSUME_TIME") && retried.takes("MAX_RECONSUME_TIMES") && !retried.takes("a"));
        let odd = Message::new("%RETRY%G", b"x").with_property("RECONSUME_TIME", "many");
        assert!(Returns::of(&odd).unwrap_err().message().contains("`RECONSUME_TIME` = `many`"));
    }
}
