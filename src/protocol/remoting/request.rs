//! Frames of any header, written in one pass: lengths are filled in at the end.

use bytes::{BufMut, BytesMut};

use super::command::RESPONSE;
use super::frame::{PREFIX, Serializer, write_prefix};
use super::header::Identity;
use super::json::{put_escaped, put_int, put_string};

/// Appends a request of few fields as a whole frame.
pub fn encode_request(
    out: &mut BytesMut,
    code: i32,
    serializer: Serializer,
    opaque: i32,
    flag: i32,
    fields: &[(&str, &str)],
    body: &[u8],
) {
    encode_request_as(out, Identity::OURS, code, serializer, opaque, flag, fields, body);
}

/// [`encode_request`] in the name of another client.
#[allow(clippy::too_many_arguments)]
pub fn encode_request_as(
    out: &mut BytesMut,
    identity: Identity,
    code: i32,
    serializer: Serializer,
    opaque: i32,
    flag: i32,
    fields: &[(&str, &str)],
    body: &[u8],
) {
    let fixed = Fixed { code, identity, opaque, flag, remark: None };
    encode(out, serializer, &fixed, fields.iter().copied(), body);
}

/// A header's fields that every frame has.
#[derive(Debug)]
pub(super) struct Fixed<'a> {
    pub code: i32,
    pub identity: Identity,
    pub opaque: i32,
    pub flag: i32,
    pub remark: Option<&'a str>,
}

/// Appends a whole frame.
pub(super) fn encode<'f>(
    out: &mut BytesMut,
    serializer: Serializer,
    fixed: &Fixed<'_>,
    fields: impl Iterator<Item = (&'f str, &'f str)>,
    body: &[u8],
) {
    let start = out.len();
    out.reserve(256 + body.len());
    out.put_bytes(0, PREFIX);
    match serializer {
        Serializer::Json => header_json(out, fixed, fields),
        Serializer::Rocketmq => header_rocketmq(out, fixed, fields),
    }
    let header = out.len() - start - PREFIX;
    out.put_slice(body);
    write_prefix(&mut out[start..], serializer, header, body.len());
}

/// Keys in the order in which Java writes them.
fn header_json<'f>(out: &mut BytesMut, fixed: &Fixed<'_>, fields: impl Iterator<Item = (&'f str, &'f str)>) {
    out.put_slice(b"{\"code\":");
    put_int(out, fixed.code);
    let mut fields = fields.peekable();
    // Java leaves the map out of an answer that has none, but not out of a request.
    if fields.peek().is_some() || fixed.flag & RESPONSE == 0 {
        out.put_slice(b",\"extFields\":{");
        let mut comma = false;
        for (name, value) in fields {
            out.put_slice(if std::mem::replace(&mut comma, true) { b",\"" } else { b"\"" });
            put_escaped(out, name);
            out.put_slice(b"\":\"");
            put_escaped(out, value);
            out.put_u8(b'"');
        }
        out.put_u8(b'}');
    }
    out.put_slice(b",\"flag\":");
    put_int(out, fixed.flag);
    out.put_slice(b",\"language\":\"");
    out.put_slice(fixed.identity.language.name().as_bytes());
    out.put_slice(b"\",\"opaque\":");
    put_int(out, fixed.opaque);
    if let Some(remark) = fixed.remark {
        out.put_slice(b",\"remark\":");
        put_string(out, remark);
    }
    out.put_slice(b",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":");
    put_int(out, fixed.identity.version);
    out.put_u8(b'}');
}

fn header_rocketmq<'f>(out: &mut BytesMut, fixed: &Fixed<'_>, fields: impl Iterator<Item = (&'f str, &'f str)>) {
    out.put_i16(fixed.code as i16);
    out.put_u8(fixed.identity.language.0);
    out.put_i16(fixed.identity.version as i16);
    out.put_i32(fixed.opaque);
    out.put_i32(fixed.flag);
    let remark = fixed.remark.unwrap_or_default();
    out.put_i32(remark.len() as i32);
    out.put_slice(remark.as_bytes());
    let mark = out.len();
    out.put_i32(0);
    for (name, value) in fields {
        let Ok(length) = i16::try_from(name.len()) else { continue };
        out.put_i16(length);
        out.put_slice(name.as_bytes());
        out.put_i32(value.len() as i32);
        out.put_slice(value.as_bytes());
    }
    let length = (out.len() - mark - 4) as i32;
    out[mark..mark + 4].copy_from_slice(&length.to_be_bytes());
}
