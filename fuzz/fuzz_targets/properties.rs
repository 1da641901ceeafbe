//! The properties of a message: pairs that are read are written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mqproducer::protocol::remoting::properties::{decode, encode, get};

fuzz_target!(|text: &str| {
    let pairs: Vec<_> = decode(text).collect();
    for (name, _) in &pairs {
        assert!(get(text, name).is_some());
    }
    assert_eq!(decode(&encode(&pairs)).collect::<Vec<_>>(), pairs);
});
