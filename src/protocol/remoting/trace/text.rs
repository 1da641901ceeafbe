//! The text of trace records, written and read.
//!
//! A record is its fields separated by `\x01`, with `\x02` at its end. Java writes a text that is absent as `null`; so
//! does this, and reads it as empty.

use super::{Ended, Published, Recalled, TraceRecord, TracedType};
use crate::protocol::remoting::error::CodecError;
use crate::protocol::remoting::json::parse_int;
use crate::protocol::remoting::transaction::TransactionState;

/// Ends a field that is not the last.
pub const FIELD_END: char = '\x01';
/// Ends a record.
pub const RECORD_END: char = '\x02';
const ABSENT: &str = "null";
/// What errors call a record.
pub(super) const FIELD: &str = "trace record";

/// Writes the fields of one record.
struct Writer(String);

impl Writer {
    fn new(kind: &str) -> Self {
        let mut text = String::with_capacity(256);
        text.push_str(kind);
        Writer(text)
    }

    /// A text without what would end it early.
    fn text(mut self, value: &str) -> Self {
        self.0.push(FIELD_END);
        self.0.extend(value.split([FIELD_END, RECORD_END]));
        if value.is_empty() {
            self.0.push_str(ABSENT);
        }
        self
    }

    fn number(mut self, value: i64) -> Self {
        self.0.push(FIELD_END);
        self.0.push_str(itoa::Buffer::new().format(value));
        self
    }

    fn flag(self, value: bool) -> Self {
        self.text(if value { "true" } else { "false" })
    }

    fn end(mut self) -> String {
        self.0.push(RECORD_END);
        self.0
    }
}

/// Reads the fields of one record.
struct Reader<'a>(std::str::Split<'a, char>);

impl<'a> Reader<'a> {
    fn field(&mut self) -> Result<&'a str, CodecError> {
        self.0.next().ok_or_else(|| CodecError::invalid(FIELD, "", "more fields"))
    }

    fn text(&mut self) -> Result<&'a str, CodecError> {
        self.field().map(|text| if text == ABSENT { "" } else { text })
    }

    fn number(&mut self) -> Result<i64, CodecError> {
        parse_int(self.field()?, FIELD)
    }

    fn flag(&mut self) -> Result<bool, CodecError> {
        match self.field()? {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(CodecError::invalid(FIELD, other, "true or false")),
        }
    }

    fn published(mut self) -> Result<Published<'a>, CodecError> {
        Ok(Published {
            timestamp: self.number()?,
            region: self.text()?,
            group: self.text()?,
            topic: self.text()?,
            message_id: self.text()?,
            tags: self.text()?,
            keys: self.text()?,
            store_host: self.text()?,
            body_length: parse_int::<u32>(self.field()?, FIELD)? as usize,
            cost_ms: self.number()?,
            message_type: TracedType::read(self.field()?)?,
            offset_message_id: self.text()?,
            success: self.flag()?,
        })
    }

    fn ended(mut self) -> Result<Ended<'a>, CodecError> {
        let (timestamp, region, group, topic) = (self.number()?, self.text()?, self.text()?, self.text()?);
        let (message_id, tags, keys, store_host) = (self.text()?, self.text()?, self.text()?, self.text()?);
        TracedType::read(self.field()?)?;
        let transaction_id = self.text()?;
        let state = match self.field()? {
            COMMIT => TransactionState::Commit,
            ROLLBACK => TransactionState::Rollback,
            UNKNOWN => TransactionState::Unknown,
            other => return Err(CodecError::invalid(FIELD, other, "a transaction state of Java")),
        };
        let from_check = self.flag()?;
        Ok(Ended {
            timestamp,
            region,
            group,
            topic,
            message_id,
            tags,
            keys,
            store_host,
            transaction_id,
            state,
            from_check,
        })
    }

    fn recalled(mut self) -> Result<Recalled<'a>, CodecError> {
        Ok(Recalled {
            timestamp: self.number()?,
            region: self.text()?,
            group: self.text()?,
            topic: self.text()?,
            message_id: self.text()?,
            success: self.flag()?,
        })
    }
}

const PUBLISHED: &str = "Pub";
const ENDED: &str = "EndTransaction";
const RECALLED: &str = "Recall";
/// The names of Java's states; the last one's spelling is Java's.
const COMMIT: &str = "COMMIT_MESSAGE";
const ROLLBACK: &str = "ROLLBACK_MESSAGE";
const UNKNOWN: &str = "UNKNOW";

impl TraceRecord<'_> {
    /// The record's text.
    pub fn encode(&self) -> String {
        match self {
            TraceRecord::Published(it) => Writer::new(PUBLISHED)
                .number(it.timestamp)
                .text(it.region)
                .text(it.group)
                .text(it.topic)
                .text(it.message_id)
                .text(it.tags)
                .text(it.keys)
                .text(it.store_host)
                .number(it.body_length as i64)
                .number(it.cost_ms)
                .number(i64::from(it.message_type as i32))
                .text(it.offset_message_id)
                .flag(it.success)
                .end(),
            TraceRecord::Ended(it) => Writer::new(ENDED)
                .number(it.timestamp)
                .text(it.region)
                .text(it.group)
                .text(it.topic)
                .text(it.message_id)
                .text(it.tags)
                .text(it.keys)
                .text(it.store_host)
                .number(i64::from(TracedType::Commit as i32))
                .text(it.transaction_id)
                .text(match it.state {
                    TransactionState::Commit => COMMIT,
                    TransactionState::Rollback => ROLLBACK,
                    TransactionState::Unknown => UNKNOWN,
                })
                .flag(it.from_check)
                .end(),
            TraceRecord::Recalled(it) => Writer::new(RECALLED)
                .number(it.timestamp)
                .text(it.region)
                .text(it.group)
                .text(it.topic)
                .text(it.message_id)
                .flag(it.success)
                .end(),
        }
    }
}

/// Reads the records of a message's body. Fields behind those known, which later clients may add, are passed over.
pub fn decode(body: &str) -> impl Iterator<Item = Result<TraceRecord<'_>, CodecError>> {
    body.split(RECORD_END).filter(|record| !record.is_empty()).map(|record| {
        let mut fields = Reader(record.split(FIELD_END));
        match fields.field()? {
            PUBLISHED => fields.published().map(TraceRecord::Published),
            ENDED => fields.ended().map(TraceRecord::Ended),
            RECALLED => fields.recalled().map(TraceRecord::Recalled),
            other => Err(CodecError::invalid(FIELD, other, "Pub, EndTransaction or Recall")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ended, published};
    use super::*;

    /// Rows: TR-05.
    #[test]
    fn the_three_kinds_have_java_s_form() {
        let text = |record: TraceRecord<'_>| record.encode().replace(FIELD_END, "|").replace(RECORD_END, "$");
        assert_eq!(
            text(TraceRecord::Published(published())),
            "Pub|1795223364445|DefaultRegion|G|T|ID|null|k1 k2|127.0.0.1:10911|6|47|3|OFFSET|true$"
        );
        assert_eq!(text(TraceRecord::Ended(ended())), "EndTransaction|5|R|G|T|ID|tag|null|b:1|2|TX|UNKNOW|true$");
        let recalled = Recalled { timestamp: 5, region: "R", group: "G", topic: "T", message_id: "ID", success: false };
        assert_eq!(text(TraceRecord::Recalled(recalled)), "Recall|5|R|G|T|ID|false$");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut records = vec![TraceRecord::Published(published())];
        for state in [TransactionState::Commit, TransactionState::Rollback, TransactionState::Unknown] {
            records.push(TraceRecord::Ended(Ended { state, ..ended() }));
        }
        let (timestamp, message_id) = (7, "OTHER");
        let recalled = Recalled { timestamp, region: "R", group: "G", topic: "T", message_id, success: true };
        records.push(TraceRecord::Recalled(recalled));
        let body: String = records.iter().map(TraceRecord::encode).collect();
        let read: Vec<TraceRecord<'_>> = decode(&body).map(Result::unwrap).collect();
        assert_eq!(read, records);
    }

    #[test]
    fn separators_inside_a_field_break_no_record() {
        let odd = Published { region: "a\x01b\x02c", tags: "\x02", ..published() };
        let text = TraceRecord::Published(odd).encode();
        let read: Vec<_> = decode(&text).map(Result::unwrap).collect();
        assert_eq!(read, [TraceRecord::Published(Published { region: "abc", tags: "", ..published() })]);
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let good = TraceRecord::Published(published()).encode();
        for (from, to) in [
            ("Pub", "SubBefore"),
            ("1795223364445", "x"),
            ("\x013\x01", "\x015\x01"),
            ("true", "yes"),
            ("\x01OFFSET\x01true", ""),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good);
            assert!(decode(&bad).next().unwrap().is_err(), "{bad:?}");
        }
        let more = good.replace(RECORD_END, "\x01client@host\x02");
        assert_eq!(decode(&more).next().unwrap().unwrap(), TraceRecord::Published(published()));
        assert_eq!(decode("").count(), 0);
    }
}
