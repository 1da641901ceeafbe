//! The header of an answer in the form that brokers write: JSON without white space and escapes, whose further fields are
//! strings. All else is left to the whole reader.

use std::borrow::Cow;
use std::ops::Range;

use super::json::{parse_int, quote_or_backslash};
use super::scan::{Scan, int_or_absent};

/// A value that is told with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Opaque,
    QueueId,
    QueueOffset,
    MsgId,
    TransactionId,
    Region,
    /// One that few answers have.
    Other,
}

/// Its values, as the whole reader tells them; `None`: that one must read it, because its form is another or wrong.
pub(super) fn scan(header: &[u8]) -> Option<Scan<'_>> {
    scan_noting(header, |_, _| ())
}

/// The same; `note` hears where the values are that differ between answers, in their order.
pub(super) fn scan_noting(header: &[u8], mut note: impl FnMut(Value, Range<usize>)) -> Option<Scan<'_>> {
    let mut reader = Reader { text: std::str::from_utf8(header).ok()?, at: 0 };
    let mut scan = Scan::default();
    let (mut code, mut opaque) = (None, None);
    reader.take(b'{')?;
    loop {
        match reader.key()? {
            "code" => code = Some(reader.int()?),
            "extFields" => reader.fields(&mut scan, &mut note)?,
            "flag" => scan.flag = reader.int()?,
            "opaque" => {
                let start = reader.at;
                opaque = Some(reader.int()?);
                note(Value::Opaque, start..reader.at);
            }
            "version" => scan.version = reader.int()?,
            "remark" => scan.remark = Cow::Borrowed(reader.string()?),
            "language" | "serializeTypeCurrentRPC" => _ = reader.string()?,
            _ => return None,
        }
        if reader.ends()? {
            break;
        }
    }
    (scan.code, scan.opaque) = (code?, opaque?);
    (reader.at == header.len()).then_some(scan)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    #[inline(always)]
    fn take(&mut self, byte: u8) -> Option<()> {
        (*self.text.as_bytes().get(self.at)? == byte).then(|| self.at += 1)
    }

    /// Whether the object ends instead of going on.
    #[inline(always)]
    fn ends(&mut self) -> Option<bool> {
        let next = *self.text.as_bytes().get(self.at)?;
        self.at += 1;
        match next {
            b',' => Some(false),
            b'}' => Some(true),
            _ => None,
        }
    }

    #[inline(always)]
    fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let start = self.at;
        let end = quote_or_backslash(self.text.as_bytes(), start)?;
        self.at = end;
        self.take(b'"')?;
        self.text.get(start..end)
    }

    #[inline(always)]
    fn key(&mut self) -> Option<&'a str> {
        let key = self.string()?;
        self.take(b':')?;
        Some(key)
    }

    #[inline(always)]
    fn int(&mut self) -> Option<i32> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().position(|&byte| matches!(byte, b',' | b'}'))?;
        let value = parse_int(self.text.get(self.at..self.at + length)?, "").ok()?;
        self.at += length;
        Some(value)
    }

    #[inline(always)]
    fn fields(&mut self, scan: &mut Scan<'a>, note: &mut impl FnMut(Value, Range<usize>)) -> Option<()> {
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            return Some(());
        }
        loop {
            let (name, value) = (self.key()?, self.string()?);
            let end = self.at - 1;
            let mut told = |what| note(what, end - value.len()..end);
            match name {
                "msgId" => {
                    scan.msg_id = Cow::Borrowed(value);
                    told(Value::MsgId);
                }
                "queueId" => {
                    scan.queue_id = int_or_absent(value, "").ok()?;
                    told(Value::QueueId);
                }
                "queueOffset" => {
                    scan.queue_offset = int_or_absent(value, "").ok()?;
                    told(Value::QueueOffset);
                }
                "transactionId" => {
                    scan.transaction_id = Cow::Borrowed(value);
                    told(Value::TransactionId);
                }
                "batchUniqId" => {
                    scan.batch_uniq_id = Cow::Borrowed(value);
                    told(Value::Other);
                }
                "recallHandle" => {
                    scan.recall_handle = Cow::Borrowed(value);
                    told(Value::Other);
                }
                "MSG_REGION" => {
                    scan.region_id = Cow::Borrowed(value);
                    told(Value::Region);
                }
                "TRACE_ON" => scan.trace_on = value != "false",
                _ => {}
            }
            if self.ends()? {
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Frame, Serializer};
    use super::super::scan::scan_whole;
    use super::*;

    const ANSWER: &str = r#"{"code":0,"extFields":{"queueId":"3","TRACE_ON":"true","MSG_REGION":"é","msgId":"7F00","queueOffset":"34"},"flag":1,"language":"JAVA","opaque":4711,"serializeTypeCurrentRPC":"JSON","version":485}"#;

    fn whole(header: &str) -> Option<Scan<'_>> {
        scan_whole(&Frame { serializer: Serializer::Json, header: header.as_bytes(), body: b"" }).ok()
    }

    #[test]
    fn the_form_of_brokers_is_read_as_the_whole_reader_does() {
        for header in [
            ANSWER,
            r#"{"code":-7,"extFields":{},"opaque":1,"remark":"no","code":8}"#,
            r#"{"opaque":1,"code":2,"extFields":{"queueId":"","queueOffset":"9223372036854775807","x":"y","TRACE_ON":"false"}}"#,
            r#"{"code":1,"opaque":2147483647,"extFields":{"transactionId":"t","batchUniqId":"b","recallHandle":"r"}}"#,
        ] {
            assert!(scan(header.as_bytes()).is_some(), "{header}");
            assert_eq!(scan(header.as_bytes()), whole(header), "{header}");
        }
    }

    #[test]
    fn every_other_form_is_left_to_the_whole_reader() {
        for header in [
            r#"{ "code":0,"opaque":1}"#,
            r#"{"code":"0","opaque":1}"#,
            r#"{"code":0,"opaque":1,"remark":null}"#,
            r#"{"code":0,"opaque":1,"remark":"a\nb"}"#,
            r#"{"code":0,"opaque":1,"extFields":{"queueId":3}}"#,
            r#"{"code":0,"opaque":1,"extFields":{"queueId":"x"}}"#,
            r#"{"code":0,"opaque":1,"other":1}"#,
            r#"{"code":0,"opaque":2147483648}"#,
            r#"{"code":0}"#,
            r#"{"code":0,"opaque":1}x"#,
            r#"{"code":0,"opaque":1,}"#,
            "{}",
            "",
        ] {
            assert_eq!(scan(header.as_bytes()), None, "{header}");
        }
        for end in 0..ANSWER.len() {
            assert_eq!(scan(&ANSWER.as_bytes()[..end]), None, "{end} bytes");
        }
    }

    /// Bytes at random places: what is read is what the whole reader reads.
    #[test]
    fn a_changed_byte_never_changes_what_is_read() {
        for at in 0..ANSWER.len() {
            for byte in [b'"', b'\\', b',', b':', b'{', b'}', b' ', b'0', b'x', 0, 0xc3] {
                let mut changed = ANSWER.as_bytes().to_vec();
                changed[at] = byte;
                if let Some(read) = scan(&changed) {
                    let frame = Frame { serializer: Serializer::Json, header: &changed, body: b"" };
                    assert_eq!(Ok(read), scan_whole(&frame), "{byte:#x} at {at}");
                }
            }
        }
    }
}
