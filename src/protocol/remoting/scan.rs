//! The quick reading of a response: one pass, no maps, nothing copied unless a JSON string holds escapes.

use std::borrow::Cow;

use super::command::{ONEWAY, RESPONSE};
use super::error::CodecError;
use super::frame::{Frame, Serializer};
use super::header::visit;
use super::json::parse_int;
use super::quick;

/// What the I/O task needs of any frame, and a send of its response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan<'a> {
    /// Request or response code.
    pub code: i32,
    /// [`RESPONSE`] and [`ONEWAY`] bits.
    pub flag: i32,
    /// Ties a response to its request.
    pub opaque: i32,
    /// The sender's protocol version.
    pub version: i32,
    /// Free text; empty: none.
    pub remark: Cow<'a, str>,
    /// The broker's offset id, of a batch several joined by `,`; empty: none.
    pub msg_id: Cow<'a, str>,
    /// The queue that the broker put the message in; -1: not told.
    pub queue_id: i32,
    /// Its offset in the queue; -1: not told.
    pub queue_offset: i64,
    /// Empty: none.
    pub transaction_id: Cow<'a, str>,
    /// The one unique id of a batch kept whole; empty: none.
    pub batch_uniq_id: Cow<'a, str>,
    /// Handle to recall a timer message; empty: none.
    pub recall_handle: Cow<'a, str>,
    /// The broker's region; empty: not told.
    pub region_id: Cow<'a, str>,
    /// Whether the broker wants traces; only `TRACE_ON` = `false` says no.
    pub trace_on: bool,
}

impl Scan<'_> {
    /// Whether it answers a request. A server's own request may carry the opaque of one of ours: this tells them
    /// apart.
    pub fn is_response(&self) -> bool {
        self.flag & RESPONSE != 0
    }

    /// Whether no answer is expected.
    pub fn is_oneway(&self) -> bool {
        self.flag & ONEWAY != 0
    }
}

const NONE: Cow<'static, str> = Cow::Borrowed("");

/// Of a header without any field.
impl Default for Scan<'_> {
    fn default() -> Self {
        Scan {
            code: 0,
            flag: 0,
            opaque: 0,
            version: 0,
            remark: NONE,
            msg_id: NONE,
            queue_id: -1,
            queue_offset: -1,
            transaction_id: NONE,
            batch_uniq_id: NONE,
            recall_handle: NONE,
            region_id: NONE,
            trace_on: true,
        }
    }
}

/// Reads a frame's header.
#[inline]
pub fn scan<'a>(frame: &Frame<'a>) -> Result<Scan<'a>, CodecError> {
    let usual = if frame.serializer == Serializer::Json { quick::scan(frame.header) } else { None };
    match usual {
        Some(scan) => Ok(scan),
        None => scan_whole(frame),
    }
}

/// The same, whatever its form.
pub(super) fn scan_whole<'a>(frame: &Frame<'a>) -> Result<Scan<'a>, CodecError> {
    let (mut msg_id, mut transaction_id, mut batch_uniq_id, mut recall_handle) = (NONE, NONE, NONE, NONE);
    let (mut region_id, mut queue_id, mut queue_offset, mut trace_on) = (NONE, -1, -1, true);
    let fixed = visit(frame, |name, value: Cow<'a, str>| {
        match &*name {
            "msgId" => msg_id = value,
            "queueId" => queue_id = int_or_absent(&value, "queueId")?,
            "queueOffset" => queue_offset = int_or_absent(&value, "queueOffset")?,
            "transactionId" => transaction_id = value,
            "batchUniqId" => batch_uniq_id = value,
            "recallHandle" => recall_handle = value,
            "MSG_REGION" => region_id = value,
            "TRACE_ON" => trace_on = &*value != "false",
            _ => {}
        }
        Ok(())
    })?;
    Ok(Scan {
        code: fixed.code,
        flag: fixed.flag,
        opaque: fixed.opaque,
        version: fixed.version,
        remark: fixed.remark.unwrap_or(NONE),
        msg_id,
        queue_id,
        queue_offset,
        transaction_id,
        batch_uniq_id,
        recall_handle,
        region_id,
        trace_on,
    })
}

/// The binary form cannot tell an empty value from none.
#[inline]
pub(super) fn int_or_absent<T: TryFrom<i64> + From<i8>>(text: &str, field: &'static str) -> Result<T, CodecError> {
    if text.is_empty() { Ok(T::from(-1)) } else { parse_int(text, field) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::remoting::Serializer;

    #[test]
    fn absent_fields_have_their_marks() {
        let frame = Frame {
            serializer: Serializer::Json,
            header: br#"{"code":17,"flag":1,"opaque":9,"remark":"a\nb"}"#,
            body: b"",
        };
        let scan = scan(&frame).unwrap();
        assert!(scan.is_response() && !scan.is_oneway() && scan.trace_on);
        assert_eq!((scan.code, scan.opaque, scan.queue_id, scan.queue_offset), (17, 9, -1, -1));
        assert_eq!((&*scan.remark, &*scan.msg_id), ("a\nb", ""));
    }
}
