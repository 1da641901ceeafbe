//! A whole header, decoded: for requests that servers make, rare answers, and the embedded cluster.

use std::borrow::Cow;

use bytes::BytesMut;

use super::binary;
use super::command::{LANGUAGE_RUST, ONEWAY, RESPONSE, VERSION};
use super::error::CodecError;
use super::frame::{Frame, Serializer};
use super::json::Reader;
use super::request::{Fixed, encode};
use crate::protocol::cursor::Cursor;

/// The language a peer says it is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Language(pub u8);

const LANGUAGES: [&str; 14] = [
    "JAVA", "CPP", "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY", "OTHER", "HTTP", "GO", "PHP", "OMS", "RUST",
    "NODE_JS",
];

impl Language {
    /// The official client's and every broker's.
    pub const JAVA: Language = Language(0);
    /// What an unknown name becomes.
    pub const OTHER: Language = Language(7);
    /// This client's.
    pub const RUST: Language = Language(LANGUAGE_RUST);

    /// The name in a JSON header; `"OTHER"` for a number without one.
    pub const fn name(self) -> &'static str {
        if (self.0 as usize) < LANGUAGES.len() { LANGUAGES[self.0 as usize] } else { "OTHER" }
    }

    /// The language of a JSON header's name.
    pub fn from_name(name: &str) -> Self {
        let found = LANGUAGES.iter().position(|&known| known == name);
        found.map_or(Language::OTHER, |number| Language(number as u8))
    }
}

/// Language and protocol version that a frame's sender claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Language.
    pub language: Language,
    /// Protocol version: an ordinal of RocketMQ's release list.
    pub version: i32,
}

impl Identity {
    /// What this client says of itself.
    pub const OURS: Identity = Identity { language: Language::RUST, version: VERSION };
}

/// A decoded header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Request or response code.
    pub code: i32,
    /// The sender's language.
    pub language: Language,
    /// The sender's protocol version.
    pub version: i32,
    /// Ties a response to its request.
    pub opaque: i32,
    /// [`RESPONSE`] and [`ONEWAY`] bits.
    pub flag: i32,
    /// Free text, mostly of a failure.
    pub remark: Option<String>,
    /// Further fields in the order of the wire; a name may come twice, then the last one counts.
    pub ext: Vec<(String, String)>,
}

impl Header {
    /// A request of this client; its `opaque` is 0.
    pub fn request(code: i32) -> Self {
        let Identity { language, version } = Identity::OURS;
        Header { code, language, version, opaque: 0, flag: 0, remark: None, ext: Vec::new() }
    }

    /// An answer to `request`.
    pub fn response_to(request: &Header, code: i32) -> Self {
        Header { opaque: request.opaque, flag: RESPONSE, ..Header::request(code) }
    }

    /// The same header with a field added.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.ext.push((name.into(), value.into()));
        self
    }

    /// The value of a field; of several, the last.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.ext.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of a field that must be there.
    pub fn require(&self, name: &'static str) -> Result<&str, CodecError> {
        self.get(name).ok_or(CodecError::Missing(name))
    }

    /// The whole number in a field that must be there.
    pub fn require_int<T: TryFrom<i64>>(&self, name: &'static str) -> Result<T, CodecError> {
        super::json::parse_int(self.require(name)?, name)
    }

    /// The whole number in a field; `absent` without one or with an empty one.
    pub fn int_or<T: TryFrom<i64>>(&self, name: &'static str, absent: T) -> Result<T, CodecError> {
        match self.get(name) {
            None | Some("") => Ok(absent),
            Some(text) => super::json::parse_int(text, name),
        }
    }

    /// Whether a field says `true`.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Whether it answers a request.
    pub fn is_response(&self) -> bool {
        self.flag & RESPONSE != 0
    }

    /// Whether no answer is expected.
    pub fn is_oneway(&self) -> bool {
        self.flag & ONEWAY != 0
    }

    /// The header of a frame.
    pub fn decode(frame: &Frame<'_>) -> Result<Header, CodecError> {
        let mut header = Header::request(0);
        let fixed = visit(frame, |name, value| {
            header.ext.push((name.into_owned(), value.into_owned()));
            Ok(())
        })?;
        header.code = fixed.code;
        header.language = fixed.language;
        header.version = fixed.version;
        header.opaque = fixed.opaque;
        header.flag = fixed.flag;
        header.remark = fixed.remark.map(Cow::into_owned);
        Ok(header)
    }

    /// Appends the whole frame, lengths and body included.
    ///
    /// In [`Serializer::Rocketmq`] code and version are cut to 16 bits, and a field whose name exceeds 32767 bytes is
    /// left out: the form has no room for them.
    pub fn encode(&self, serializer: Serializer, body: &[u8], out: &mut BytesMut) {
        let fixed = Fixed {
            code: self.code,
            identity: Identity { language: self.language, version: self.version },
            opaque: self.opaque,
            flag: self.flag,
            remark: self.remark.as_deref(),
        };
        let fields = self.ext.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        encode(out, serializer, &fixed, fields, body);
    }
}

/// A header without its further fields.
#[derive(Debug)]
pub(super) struct Decoded<'a> {
    pub code: i32,
    pub language: Language,
    pub version: i32,
    pub opaque: i32,
    pub flag: i32,
    pub remark: Option<Cow<'a, str>>,
}

/// Reads a header once, giving each further field to `field` in the order of the wire.
#[inline(always)]
pub(super) fn visit<'a>(
    frame: &Frame<'a>,
    field: impl FnMut(Cow<'a, str>, Cow<'a, str>) -> Result<(), CodecError>,
) -> Result<Decoded<'a>, CodecError> {
    match frame.serializer {
        Serializer::Json => visit_json(frame.header, field),
        Serializer::Rocketmq => visit_rocketmq(frame.header, field),
    }
}

#[inline(always)]
fn visit_json<'a>(
    bytes: &'a [u8],
    mut field: impl FnMut(Cow<'a, str>, Cow<'a, str>) -> Result<(), CodecError>,
) -> Result<Decoded<'a>, CodecError> {
    const WHAT: &str = "header";
    let mut json = Reader::new(bytes, WHAT)?;
    let (mut code, mut opaque) = (None, None);
    let (mut flag, mut version, mut language, mut remark) = (0, 0, Language::OTHER, None);
    if !json.object(WHAT)? {
        return Err(CodecError::Missing(WHAT));
    }
    let mut first = true;
    while let Some(key) = json.key(&mut first, WHAT)? {
        match &*key {
            "code" => code = json.int("code")?.or(code),
            "opaque" => opaque = json.int("opaque")?.or(opaque),
            "flag" => flag = json.int("flag")?.unwrap_or(flag),
            "version" => version = json.int("version")?.unwrap_or(version),
            "language" => language = json.scalar("language")?.map_or(language, |name| Language::from_name(&name)),
            "remark" => remark = json.scalar("remark")?.or(remark),
            "extFields" => {
                if json.object("extFields")? {
                    let mut first = true;
                    while let Some(name) = json.key(&mut first, "extFields")? {
                        if let Some(value) = json.scalar("extFields")? {
                            field(name, value)?;
                        }
                    }
                }
            }
            _ => json.skip(WHAT)?,
        }
    }
    json.end(WHAT)?;
    Ok(Decoded {
        code: code.ok_or(CodecError::Missing("code"))?,
        language,
        version,
        opaque: opaque.ok_or(CodecError::Missing("opaque"))?,
        flag,
        remark,
    })
}

#[inline(always)]
fn visit_rocketmq<'a>(
    bytes: &'a [u8],
    mut field: impl FnMut(Cow<'a, str>, Cow<'a, str>) -> Result<(), CodecError>,
) -> Result<Decoded<'a>, CodecError> {
    let mut cursor = Cursor::new(bytes);
    let code = i32::from(cursor.i16("code")?);
    let language = Language(cursor.u8("language")?);
    let version = i32::from(cursor.i16("version")?);
    let opaque = cursor.i32("opaque")?;
    let flag = cursor.i32("flag")?;
    let length = cursor.i32("remark")?;
    let remark = binary::text(&mut cursor, i64::from(length), "remark")?;
    let length = cursor.i32("extFields")?;
    let mut ext = Cursor::new(cursor.take(i64::from(length), "extFields")?);
    while !ext.is_empty() {
        let length = ext.i16("extFields")?;
        let name = binary::text(&mut ext, i64::from(length), "extFields")?;
        let length = ext.i32("extFields")?;
        let value = binary::text(&mut ext, i64::from(length), "extFields")?;
        field(Cow::Borrowed(name), Cow::Borrowed(value))?;
    }
    let remark = (!remark.is_empty()).then_some(Cow::Borrowed(remark));
    Ok(Decoded { code, language, version, opaque, flag, remark })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::remoting::split;

    fn json(header: &str) -> Result<Header, CodecError> {
        Header::decode(&Frame { serializer: Serializer::Json, header: header.as_bytes(), body: b"" })
    }

    #[test]
    fn the_last_of_a_name_wins_and_unknown_keys_are_skipped() {
        let header = json(
            r#" {"code":"7","x":{"y":[1]},"opaque":3,"language":"KLINGON","remark":null,
                 "extFields":{"a":"1","n":null,"b":5,"a":"2"}} "#,
        )
        .unwrap();
        assert_eq!((header.code, header.opaque, header.language), (7, 3, Language::OTHER));
        assert_eq!((header.get("a"), header.get("b"), header.get("n")), (Some("2"), Some("5"), None));
        assert_eq!(header.remark, None);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        assert_eq!(json(r#"{"opaque":1}"#), Err(CodecError::Missing("code")));
        assert_eq!(json(r#"{"code":1}"#), Err(CodecError::Missing("opaque")));
        assert_eq!(
            json(r#"{"code":2147483648,"opaque":1}"#).unwrap_err().to_string(),
            "code is \"2147483648\", expected a whole number in range"
        );
        assert!(json(r#"{"code":1,"opaque":1,"extFields":{"a":{}}}"#).unwrap_err().to_string().contains("extFields"));
        assert!(json(r#"{"code":1,"opaque":1}x"#).is_err());
    }

    #[test]
    fn an_over_long_name_is_left_out_of_the_binary_form() {
        let header = Header::request(1).with("k".repeat(32768), "lost").with("k", "v");
        let mut out = BytesMut::new();
        header.encode(Serializer::Rocketmq, b"", &mut out);
        let (frame, _) = split(&out).unwrap().unwrap();
        assert_eq!(Header::decode(&frame).unwrap().ext, [("k".to_owned(), "v".to_owned())]);
    }
}
