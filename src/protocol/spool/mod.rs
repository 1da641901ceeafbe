//! The spool's file: a head, then records, each with checksums of its head and of its content.
//!
//! A record is `u32 mark | u32 kind | u64 sequence | u32 length | u32 CRC of the content | u32 CRC of the head before`
//! and the content, all numbers little-endian. Records are only ever appended: a message, or the word that one with its
//! sequence number is done. Bytes in, values out: whoever has the file reads it in pieces and feeds a [`Scanner`].

mod message;

pub use message::{SpooledMessage, Target};

use crc32fast::hash;

/// Begins every file.
pub const FILE_HEAD: [u8; 8] = *b"MQPSPL\0\x01";
/// Bytes of a record before its content.
pub const RECORD_HEAD: usize = 28;
/// The longest content: the largest body, its properties, and room for the rest.
pub const LONGEST_CONTENT: usize = 17 * 1024 * 1024;

/// Begins every record.
const MARK: [u8; 4] = *b"\xf5MQR";

/// What a record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// A message that waits; the content is a [`SpooledMessage`].
    Message,
    /// The message of this sequence number does not wait any more; there is no content.
    Done,
}

/// A piece of a file, as [`Scanner::next`] finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A whole record.
    Record {
        /// Where it begins.
        at: u64,
        /// What it tells.
        kind: RecordKind,
        /// Its number.
        sequence: u64,
        /// Bytes of its content.
        length: usize,
    },
    /// Bytes between records that are none.
    Damaged {
        /// Where they begin.
        at: u64,
        /// How many.
        length: u64,
    },
    /// Bytes at the end that are no whole record: what was being written last.
    Torn {
        /// Where they begin.
        at: u64,
        /// How many.
        length: u64,
    },
}

/// Appends a record; the content is at most [`LONGEST_CONTENT`] long.
pub fn append_record(out: &mut Vec<u8>, kind: RecordKind, sequence: u64, content: &[u8]) {
    let mut head = [0; RECORD_HEAD];
    head[..4].copy_from_slice(&MARK);
    head[4..8].copy_from_slice(&u32::from(kind == RecordKind::Done).to_le_bytes());
    head[8..16].copy_from_slice(&sequence.to_le_bytes());
    head[16..20].copy_from_slice(&(content.len() as u32).to_le_bytes());
    head[20..24].copy_from_slice(&hash(content).to_le_bytes());
    let sum = hash(&head[..24]);
    head[24..].copy_from_slice(&sum.to_le_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(content);
}

/// The content of one whole record, when it is what its checksums say.
pub fn content(record: &[u8]) -> Option<&[u8]> {
    match Head::read(record) {
        Read::Head(head) if head.is_whole(record) => record.get(RECORD_HEAD..RECORD_HEAD + head.length),
        _ => None,
    }
}

struct Head {
    kind: RecordKind,
    sequence: u64,
    length: usize,
    sum: u32,
}

enum Read {
    Head(Head),
    /// More bytes would tell.
    Short,
    /// No record begins here.
    None,
}

impl Head {
    fn read(bytes: &[u8]) -> Read {
        let Some(head) = bytes.get(..RECORD_HEAD) else {
            let begun = bytes.len().min(MARK.len());
            return if bytes[..begun] == MARK[..begun] { Read::Short } else { Read::None };
        };
        let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        if head[..4] != MARK || number(24) != hash(&head[..24]) {
            return Read::None;
        }
        let kind = match number(4) {
            0 => RecordKind::Message,
            1 => RecordKind::Done,
            _ => return Read::None,
        };
        let length = number(16) as usize;
        if length > LONGEST_CONTENT {
            return Read::None;
        }
        let sequence = u64::from(number(8)) | u64::from(number(12)) << 32;
        Read::Head(Head { kind, sequence, length, sum: number(20) })
    }

    /// Whether the content, which is there, is the one that was written.
    fn is_whole(&self, record: &[u8]) -> bool {
        record.get(RECORD_HEAD..RECORD_HEAD + self.length).is_some_and(|content| hash(content) == self.sum)
    }
}

/// Reads a file's records in pieces of any size, past what is damaged.
///
/// Feed it the bytes behind [`FILE_HEAD`], call [`Scanner::next`] until it wants more, and tell it when there is no
/// more. It never holds more than one record and what was fed last.
#[derive(Debug)]
pub struct Scanner {
    buffer: Vec<u8>,
    /// How much of the buffer is read.
    read: usize,
    /// Where the buffer lies in the file.
    at: u64,
    /// Bytes just before `read` that are no record.
    damaged: u64,
}

impl Default for Scanner {
    fn default() -> Self {
        Scanner { buffer: Vec::new(), read: 0, at: FILE_HEAD.len() as u64, damaged: 0 }
    }
}

impl Scanner {
    /// Takes the next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.read);
        self.at += self.read as u64;
        self.read = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next piece; `None`: more bytes are wanted, or with `last` there are none.
    pub fn next(&mut self, last: bool) -> Option<Piece> {
        loop {
            let rest = &self.buffer[self.read..];
            if rest.is_empty() {
                return if last { self.torn(0) } else { None };
            }
            match Head::read(rest) {
                Read::Head(head) if rest.len() - RECORD_HEAD < head.length => {
                    return if last { self.torn(rest.len()) } else { None };
                }
                Read::Head(head) => {
                    let size = RECORD_HEAD + head.length;
                    if !head.is_whole(rest) {
                        // The length has a checksum of its own: what looks like a record inside the content is none.
                        self.skip(size);
                        continue;
                    }
                    if let Some(piece) = self.damage() {
                        return Some(piece);
                    }
                    let at = self.at + self.read as u64;
                    self.read += size;
                    return Some(Piece::Record { at, kind: head.kind, sequence: head.sequence, length: head.length });
                }
                Read::Short if !last => return None,
                Read::Short => return self.torn(rest.len()),
                Read::None => {
                    let to_next = memchr::memchr(MARK[0], &rest[1..]).map_or(rest.len(), |offset| offset + 1);
                    self.skip(to_next);
                }
            }
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.read += bytes;
        self.damaged += bytes as u64;
    }

    /// What was skipped since the last record.
    fn damage(&mut self) -> Option<Piece> {
        let length = std::mem::take(&mut self.damaged);
        let at = self.at + self.read as u64 - length;
        (length > 0).then_some(Piece::Damaged { at, length })
    }

    /// The file's end, of which `rest` is no whole record.
    fn torn(&mut self, rest: usize) -> Option<Piece> {
        if let Some(piece) = self.damage() {
            return Some(piece);
        }
        let at = self.at + self.read as u64;
        self.read += rest;
        (rest > 0).then_some(Piece::Torn { at, length: rest as u64 })
    }
}

/// Every piece of a whole file, the form that a fuzzer drives; `None`: it does not begin as a spool does.
pub fn scan(file: &[u8]) -> Option<Vec<Piece>> {
    let records = file.strip_prefix(&FILE_HEAD)?;
    let (mut scanner, mut pieces) = (Scanner::default(), Vec::new());
    scanner.feed(records);
    while let Some(piece) = scanner.next(true) {
        pieces.push(piece);
    }
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(contents: &[&[u8]]) -> Vec<u8> {
        let mut file = FILE_HEAD.to_vec();
        for (sequence, content) in contents.iter().enumerate() {
            append_record(&mut file, RecordKind::Message, sequence as u64, content);
        }
        file
    }

    fn sequences(pieces: &[Piece]) -> Vec<u64> {
        let records = pieces.iter().filter_map(|piece| match piece {
            Piece::Record { sequence, .. } => Some(*sequence),
            _ => None,
        });
        records.collect()
    }

    /// Every byte of the file is in one piece, and pieces are in order.
    fn covers(file: &[u8], pieces: &[Piece]) {
        let mut at = FILE_HEAD.len() as u64;
        for piece in pieces {
            let (begin, length) = match *piece {
                Piece::Record { at, length, .. } => (at, (RECORD_HEAD + length) as u64),
                Piece::Damaged { at, length } | Piece::Torn { at, length } => (at, length),
            };
            assert_eq!(begin, at, "{pieces:?}");
            at += length;
        }
        assert_eq!(at, file.len() as u64, "{pieces:?}");
    }

    #[test]
    fn records_are_found_whatever_the_pieces_that_are_fed() {
        let mut whole = file(&[b"first", b"", b"third with more"]);
        append_record(&mut whole, RecordKind::Done, 1, &[]);
        let expected = scan(&whole).unwrap();
        assert_eq!(sequences(&expected), [0, 1, 2, 1]);
        for size in 1..whole.len() {
            let (mut scanner, mut pieces) = (Scanner::default(), Vec::new());
            for chunk in whole[FILE_HEAD.len()..].chunks(size) {
                scanner.feed(chunk);
                pieces.extend(std::iter::from_fn(|| scanner.next(false)));
            }
            pieces.extend(std::iter::from_fn(|| scanner.next(true)));
            assert_eq!(pieces, expected, "pieces of {size}");
        }
        assert!(scan(b"something else").is_none());
    }

    #[test]
    fn a_file_cut_anywhere_keeps_every_record_before_the_cut() {
        let whole = file(&[b"first", b"second", b"third"]);
        let ends = [8, 8 + 33, 8 + 33 + 34, whole.len()];
        for cut in 8..=whole.len() {
            let pieces = scan(&whole[..cut]).unwrap();
            covers(&whole[..cut], &pieces);
            let complete = ends.iter().filter(|end| **end <= cut).count() as u64 - 1;
            assert_eq!(sequences(&pieces), (0..complete).collect::<Vec<_>>(), "cut at {cut}");
            let torn = matches!(pieces.last(), Some(Piece::Torn { .. }));
            assert_eq!(torn, !ends.contains(&cut), "cut at {cut}: {pieces:?}");
        }
    }

    #[test]
    fn a_byte_that_is_wrong_costs_its_record_and_no_other() {
        let whole = file(&[b"first", b"second", b"third"]);
        for wrong in 8..whole.len() {
            let mut bad = whole.clone();
            bad[wrong] ^= 0x55;
            let pieces = scan(&bad).unwrap();
            covers(&bad, &pieces);
            let hit = [41, 75, 109].iter().position(|end| wrong < *end).unwrap() as u64;
            let others: Vec<u64> = (0..3).filter(|sequence| *sequence != hit).collect();
            assert_eq!(sequences(&pieces), others, "byte {wrong}: {pieces:?}");
        }
    }

    #[test]
    fn a_record_inside_a_message_is_none_even_when_the_message_is_damaged() {
        let inner = file(&[b"inner"]);
        let mut outer = file(&[&inner, b"next"]);
        let last_of_first = FILE_HEAD.len() + RECORD_HEAD + inner.len() - 1;
        assert_eq!(sequences(&scan(&outer).unwrap()), [0, 1]);
        outer[last_of_first] ^= 1;
        assert_eq!(sequences(&scan(&outer).unwrap()), [1]);
    }

    #[test]
    fn the_content_of_a_record_is_given_only_when_it_is_whole() {
        let mut record = Vec::new();
        append_record(&mut record, RecordKind::Message, 9, b"content");
        assert_eq!(content(&record), Some(&b"content"[..]));
        assert_eq!(content(&record[..record.len() - 1]), None);
        record[RECORD_HEAD] ^= 1;
        assert_eq!(content(&record), None);
    }
}
