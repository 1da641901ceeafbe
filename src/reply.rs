//! Where a reply goes.

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::remoting::properties;
use crate::received::ReceivedMessage;
use std::time::Duration;

/// Where the reply to a request goes: what the properties of the request tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyTo {
    /// Ties the reply to its request: the property `CORRELATION_ID`. Required.
    pub correlation_id: String,
    /// The id of the client that asked: the property `REPLY_TO_CLIENT`. Required.
    pub reply_to_client: String,
    /// How long that client waits from its request on: the property `TTL`. It is handed on, nothing depends on it.
    pub ttl: Option<Duration>,
    /// The cluster of the broker that stored the request: the property `CLUSTER`. Required.
    pub cluster: String,
}

impl ReplyTo {
    /// From a request as a broker handed it to this client.
    pub fn of(request: &ReceivedMessage) -> Result<ReplyTo> {
        ReplyTo::from_properties(request.properties())
    }

    /// From the properties of a request that something else consumed; of several with one name the last counts.
    ///
    /// `InvalidArgument` names the property that is missing: only requests can be replied to.
    pub fn from_properties<'a>(request: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<ReplyTo> {
        let [mut correlation_id, mut reply_to_client, mut ttl, mut cluster] = [None; 4];
        for (name, value) in request {
            match name {
                properties::CORRELATION_ID => correlation_id = Some(value),
                properties::REPLY_TO_CLIENT => reply_to_client = Some(value),
                properties::TTL => ttl = Some(value),
                properties::CLUSTER => cluster = Some(value),
                _ => {}
            }
        }
        let require = |name: &str, value: Option<&str>| match value {
            Some(value) if !value.is_empty() => Ok(value.to_owned()),
            _ => Err(invalid(format!("the message has no property `{name}`, so it is no request to reply to"))),
        };
        let ttl = ttl.map(|text| {
            let milliseconds = text.parse().map_err(|_| {
                invalid(format!("the property `TTL` = `{text}` of the request is no number of milliseconds"))
            });
            milliseconds.map(Duration::from_millis)
        });
        Ok(ReplyTo {
            correlation_id: require(properties::CORRELATION_ID, correlation_id)?,
            reply_to_client: require(properties::REPLY_TO_CLIENT, reply_to_client)?,
            ttl: ttl.transpose()?,
            cluster: require(properties::CLUSTER, cluster)?,
        })
    }

    /// Refuses by name what is missing or cannot go into a property.
    pub(crate) fn check(&self) -> Result<()> {
        let fields = [
            ("correlation_id", &self.correlation_id),
            ("reply_to_client", &self.reply_to_client),
            ("cluster", &self.cluster),
        ];
        for (field, value) in fields {
            if value.is_empty() {
                return Err(invalid(format!("`{field}` is empty; a reply needs it")));
            }
            let separators = [properties::NAME_END, properties::VALUE_END];
            if let Some(at) = value.bytes().position(|byte| separators.contains(&byte)) {
                let byte = value.as_bytes()[at];
                return Err(invalid(format!(
                    "`{field}` holds the byte \\x{byte:02x} at {at}, which separates properties on the wire"
                )));
            }
        }
        Ok(())
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: [(&str, &str); 5] =
        [("CORRELATION_ID", "c"), ("REPLY_TO_CLIENT", "10.0.0.1@x"), ("TTL", "3000"), ("CLUSTER", "C"), ("a", "b")];

    #[test]
    fn a_request_s_properties_tell_where_the_reply_goes() {
        let to = ReplyTo::from_properties(REQUEST).unwrap();
        assert_eq!((&*to.correlation_id, &*to.reply_to_client, &*to.cluster), ("c", "10.0.0.1@x", "C"));
        assert_eq!(to.ttl, Some(Duration::from_secs(3)));
        let without_ttl = REQUEST.into_iter().filter(|(name, _)| *name != "TTL");
        assert_eq!(ReplyTo::from_properties(without_ttl).unwrap().ttl, None);
    }

    #[test]
    fn what_is_missing_is_named() {
        for missing in ["CORRELATION_ID", "REPLY_TO_CLIENT", "CLUSTER"] {
            let error = ReplyTo::from_properties(REQUEST.into_iter().filter(|(name, _)| *name != missing)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains(missing), "{error}");
        }
        let odd = REQUEST.map(|(name, value)| (name, if name == "TTL" { "soon" } else { value }));
        assert!(ReplyTo::from_properties(odd).unwrap_err().message().contains("`TTL` = `soon`"));
    }

    #[test]
    fn fields_are_checked_before_they_go_into_properties() {
        let good = ReplyTo::from_properties(REQUEST).unwrap();
        good.check().unwrap();
        let text = |to: ReplyTo| to.check().unwrap_err().message().to_owned();
        assert!(text(ReplyTo { correlation_id: String::new(), ..good.clone() }).contains("`correlation_id` is empty"));
        assert!(text(ReplyTo { cluster: String::new(), ..good.clone() }).contains("`cluster` is empty"));
        assert!(text(ReplyTo { reply_to_client: "a\u{1}b".to_owned(), ..good }).contains("`reply_to_client` holds"));
    }
}
