//! A request as it came, and what is answered.

use std::net::SocketAddr;

use bytes::BytesMut;

use super::clients::Link;
use crate::protocol::remoting::command::{RESPONSE, VERSION, response_code};
use crate::protocol::remoting::{CodecError, Header, Language, Serializer};

/// A decoded request.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) header: &'a Header,
    pub(super) body: &'a [u8],
    pub(super) peer: SocketAddr,
    /// The connection that it came over.
    pub(super) link: &'a Link,
}

/// What a server says to a request.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) code: i32,
    pub(super) remark: Option<String>,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) body: BytesMut,
}

impl Answer {
    /// Code 0.
    pub(super) fn success() -> Self {
        Answer::default()
    }

    pub(super) fn refusal(code: i32, remark: impl Into<String>) -> Self {
        Answer { code, remark: Some(remark.into()), ..Answer::default() }
    }

    /// What servers answer to a request code that they do not know; the blank in front is theirs.
    pub(super) fn not_supported(code: i32) -> Self {
        Answer::refusal(response_code::REQUEST_CODE_NOT_SUPPORTED, format!(" request type {code} not supported"))
    }

    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.fields.push((name, value.to_string()));
        self
    }

    /// Appends the whole frame.
    pub(super) fn encode(self, request: &Header, serializer: Serializer, out: &mut BytesMut) {
        let header = Header {
            code: self.code,
            language: Language::JAVA,
            version: VERSION,
            opaque: request.opaque,
            flag: RESPONSE,
            remark: self.remark,
            ext: self.fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        };
        header.encode(serializer, &self.body, out);
    }
}

/// A field that is missing or malformed is a failure inside a real server, too.
impl From<CodecError> for Answer {
    fn from(error: CodecError) -> Self {
        Answer::refusal(response_code::SYSTEM_ERROR, error.to_string())
    }
}
