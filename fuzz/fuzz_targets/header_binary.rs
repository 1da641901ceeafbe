//! A header in the binary form: what can be read is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mqproducer::protocol::remoting::Serializer;

fuzz_target!(|header: &[u8]| mqproducer_fuzz::header(Serializer::Rocketmq, header));
