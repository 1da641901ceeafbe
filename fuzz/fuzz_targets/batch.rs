//! The body of a batch: messages that are read are written and read again as the same.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use mqproducer::protocol::remoting::batch::{decode, encode};

fuzz_target!(|body: &[u8]| {
    let messages: Vec<_> = decode(body).map_while(Result::ok).collect();
    let mut out = BytesMut::new();
    for message in &messages {
        encode(&mut out, message).expect("what was read is within every limit");
    }
    assert_eq!(decode(&out).collect::<Result<Vec<_>, _>>(), Ok(messages));
});
