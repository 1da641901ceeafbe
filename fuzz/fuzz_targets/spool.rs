//! The spool's file, whatever is in it: each byte belongs to one piece, in order, and feeding it in parts changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mqproducer::protocol::spool::{FILE_HEAD, Piece, RECORD_HEAD, Scanner, SpooledMessage, content, scan};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = SpooledMessage::decode(bytes) {
        let mut encoded = Vec::new();
        message.encode(&mut encoded);
        assert_eq!(SpooledMessage::decode(&encoded), Ok(message));
    }
    let Some(pieces) = scan(bytes) else { return };
    let mut end = FILE_HEAD.len();
    for piece in &pieces {
        let (at, length) = match *piece {
            Piece::Record { at, length, .. } => (at as usize, RECORD_HEAD + length),
            Piece::Damaged { at, length } | Piece::Torn { at, length } => (at as usize, length as usize),
        };
        assert_eq!(at, end);
        end += length;
        if let Piece::Record { .. } = piece {
            let _ = SpooledMessage::decode(content(&bytes[at..end]).expect("a record that was found"));
        }
    }
    assert_eq!(end, bytes.len());
    let (mut scanner, mut in_parts) = (Scanner::default(), Vec::new());
    for part in bytes[FILE_HEAD.len()..].chunks(7) {
        scanner.feed(part);
        in_parts.extend(std::iter::from_fn(|| scanner.next(false)));
    }
    in_parts.extend(std::iter::from_fn(|| scanner.next(true)));
    assert_eq!(in_parts, pieces);
});
