//! The splitting of a stream into frames: what is whole never changes with what comes after it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mqproducer::protocol::remoting::frame::size_of_first;
use mqproducer::protocol::remoting::{MAX_FRAME, split};

fuzz_target!(|bytes: &[u8]| {
    let Ok(Some((frame, used))) = split(bytes) else { return };
    assert!(used <= bytes.len() && used <= MAX_FRAME);
    assert_eq!(frame.header.len() + frame.body.len() + 8, used);
    assert_eq!(size_of_first(bytes), Ok(Some(used)));
    assert_eq!(split(&bytes[..used]), Ok(Some((frame, used))));
    assert_eq!(split(&bytes[..used - 1]), Ok(None));
});
