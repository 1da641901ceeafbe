//! Answers of one server look alike: what the last one had around its values is compared with the next one, which costs
//! a fraction of reading it.

use std::borrow::Cow;
use std::ops::Range;

use super::command::response_code;
use super::error::CodecError;
use super::frame::{Frame, Serializer};
use super::json::quote_or_backslash;
use super::quick::{self, Value};
use super::scan::{Scan, scan_whole};

/// Of so many answers in a row that look otherwise one is learned: a server may have several forms.
const LEARN_EVERY: u32 = 8;

/// See the module's text.
#[derive(Debug, Default)]
pub struct Shape {
    known: Option<Known>,
    others: u32,
}

/// A header of a success, in pieces.
#[derive(Debug)]
struct Known {
    header: Vec<u8>,
    /// Each value that differs between answers, and what is before it.
    parts: Vec<(Range<usize>, Value)>,
    /// What is behind the last one.
    rest: Range<usize>,
    /// What is no such value; the texts are empty.
    fixed: Scan<'static>,
    /// The piece that holds the broker's region, and where in it.
    region: (usize, Range<usize>),
}

impl Shape {
    /// Reads a frame's header, as [`super::scan::scan`] does.
    #[inline]
    pub fn scan<'a>(&mut self, frame: &Frame<'a>) -> Result<Scan<'a>, CodecError> {
        if frame.serializer != Serializer::Json {
            return scan_whole(frame);
        }
        match self.known.as_ref().and_then(|known| known.scan(frame.header)) {
            Some(scan) => Ok(scan),
            None => self.scan_other(frame),
        }
    }

    fn scan_other<'a>(&mut self, frame: &Frame<'a>) -> Result<Scan<'a>, CodecError> {
        let mut parts = Vec::new();
        let Some(scan) = quick::scan_noting(frame.header, |value, range| parts.push((value, range))) else {
            return scan_whole(frame);
        };
        if scan.code == response_code::SUCCESS && scan.remark.is_empty() {
            if self.others.is_multiple_of(LEARN_EVERY) {
                self.known = Known::learn(frame.header, &scan, &parts);
            }
            self.others = self.others.wrapping_add(1);
        }
        Ok(scan)
    }
}

impl Known {
    fn learn(header: &[u8], scan: &Scan<'_>, values: &[(Value, Range<usize>)]) -> Option<Known> {
        let (mut parts, mut at, mut region) = (Vec::new(), 0, None);
        for (value, range) in values {
            match value {
                Value::Region => region = Some((parts.len(), range.start - at..range.end - at)),
                Value::Other => return None,
                _ => {
                    parts.push((at..range.start, *value));
                    at = range.end;
                }
            }
        }
        let fixed = Scan {
            code: scan.code,
            flag: scan.flag,
            version: scan.version,
            trace_on: scan.trace_on,
            ..Scan::default()
        };
        let region = region.unwrap_or((usize::MAX, 0..0));
        Some(Known { header: header.to_vec(), parts, rest: at..header.len(), fixed, region })
    }

    #[inline]
    fn scan<'a>(&self, header: &'a [u8]) -> Option<Scan<'a>> {
        let mut scan: Scan<'a> = self.fixed.clone();
        let mut at = 0;
        for (index, (before, value)) in self.parts.iter().enumerate() {
            self.same(header, &mut at, before, index, &mut scan)?;
            match value {
                Value::Opaque => scan.opaque = number(header, &mut at)?.try_into().ok()?,
                Value::QueueId => scan.queue_id = number(header, &mut at)?.try_into().ok()?,
                Value::QueueOffset => scan.queue_offset = number(header, &mut at)?,
                Value::MsgId => scan.msg_id = text(header, &mut at)?,
                Value::TransactionId => scan.transaction_id = text(header, &mut at)?,
                Value::Region | Value::Other => return None,
            }
        }
        self.same(header, &mut at, &self.rest, self.parts.len(), &mut scan)?;
        (at == header.len()).then_some(scan)
    }

    /// Passes the piece at `index`, which must be the same here.
    #[inline(always)]
    fn same<'a>(
        &self,
        header: &'a [u8],
        at: &mut usize,
        piece: &Range<usize>,
        index: usize,
        scan: &mut Scan<'a>,
    ) -> Option<()> {
        let here = header.get(*at..*at + piece.len())?;
        if *here != self.header[piece.clone()] {
            return None;
        }
        if index == self.region.0 {
            scan.region_id = Cow::Borrowed(std::str::from_utf8(&here[self.region.1.clone()]).ok()?);
        }
        *at += piece.len();
        Some(())
    }
}

/// Digits, of which there are few enough for any sum; no sign.
#[inline(always)]
fn number(header: &[u8], at: &mut usize) -> Option<i64> {
    let (start, mut value) = (*at, 0);
    while let Some(digit) = header.get(*at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        value = value * 10 + i64::from(digit);
        *at += 1;
        if *at - start > 18 {
            return None;
        }
    }
    (*at > start).then_some(value)
}

/// The inside of a string without escapes.
#[inline(always)]
fn text<'a>(header: &'a [u8], at: &mut usize) -> Option<Cow<'a, str>> {
    let (start, end) = (*at, quote_or_backslash(header, *at)?);
    *at = end;
    Some(Cow::Borrowed(std::str::from_utf8(&header[start..end]).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{"code":0,"extFields":{"queueId":"3","TRACE_ON":"true","MSG_REGION":"é","msgId":"7F00","queueOffset":"34","transactionId":"t"},"flag":1,"language":"JAVA","opaque":4711,"serializeTypeCurrentRPC":"JSON","version":485}"#;

    fn frame(header: &[u8]) -> Frame<'_> {
        Frame { serializer: Serializer::Json, header, body: b"" }
    }

    fn learned() -> Shape {
        let mut shape = Shape::default();
        assert_eq!(shape.scan(&frame(ANSWER.as_bytes())), scan_whole(&frame(ANSWER.as_bytes())));
        assert!(shape.known.is_some());
        shape
    }

    #[test]
    fn the_next_answer_is_read_by_its_likeness() {
        let shape = learned();
        for (from, to) in [
            ("4711", "2147483647"),
            ("\"3\"", "\"12\""),
            ("\"34\"", "\"123456789012345678\""),
            ("7F00", "A9FE0000000000000000000000000001"),
            ("7F00", "ü"),
            ("\"t\"", "\"\""),
        ] {
            let answer = ANSWER.replace(from, to);
            let read = shape.known.as_ref().unwrap().scan(answer.as_bytes());
            assert_eq!(read, scan_whole(&frame(answer.as_bytes())).ok(), "{answer}");
            assert!(read.is_some(), "{answer}");
        }
    }

    #[test]
    fn what_looks_otherwise_is_read_whole() {
        let mut shape = learned();
        for (from, to) in [
            ("4711", "-1"),
            ("4711", "2147483648"),
            ("\"34\"", "\"1234567890123456789\""),
            ("\"code\":0", "\"code\":1"),
            ("true", "false"),
            ("7F00", "\\u0041"),
            ("é", "x"),
            ("}", " }"),
        ] {
            let answer = ANSWER.replace(from, to);
            assert_eq!(shape.known.as_ref().and_then(|known| known.scan(answer.as_bytes())), None, "{answer}");
            assert_eq!(shape.scan(&frame(answer.as_bytes())), scan_whole(&frame(answer.as_bytes())), "{answer}");
        }
    }

    #[test]
    fn a_new_form_is_learned_after_a_while() {
        let (mut shape, other) = (learned(), ANSWER.replace("é", "elsewhere"));
        for _ in 0..LEARN_EVERY {
            let known = |shape: &Shape| shape.known.as_ref().unwrap().scan(other.as_bytes()).is_some();
            assert!(!known(&shape));
            assert_eq!(&*shape.scan(&frame(other.as_bytes())).unwrap().region_id, "elsewhere");
        }
        assert!(shape.known.unwrap().scan(other.as_bytes()).is_some());
    }

    /// Bytes at random places: what is read is what the whole reader reads.
    #[test]
    fn a_changed_byte_never_changes_what_is_read() {
        let shape = learned();
        for at in 0..ANSWER.len() {
            for byte in [b'"', b'\\', b',', b':', b'{', b'}', b' ', b'0', b'x', 0, 0xc3] {
                let mut changed = ANSWER.as_bytes().to_vec();
                changed[at] = byte;
                if let Some(read) = shape.known.as_ref().unwrap().scan(&changed) {
                    assert_eq!(Ok(read), scan_whole(&frame(&changed)), "{byte:#x} at {at}");
                }
            }
        }
        for end in 0..ANSWER.len() {
            assert_eq!(shape.known.as_ref().unwrap().scan(&ANSWER.as_bytes()[..end]), None, "{end} bytes");
        }
    }
}
