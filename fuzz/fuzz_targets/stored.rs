//! Messages as brokers store them, and ids of which a client reads parts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mqproducer::protocol::remoting::heartbeat::Heartbeat;
use mqproducer::protocol::remoting::message_id::{OffsetId, decode_unique_id};
use mqproducer::protocol::remoting::recall::RecallHandle;
use mqproducer::protocol::remoting::stored_message::{decode, decode_one};

fuzz_target!(|body: &[u8]| {
    assert!(decode(body).count() <= body.len());
    let _ = decode_one(body);
    let _ = Heartbeat::decode(body);
    let Ok(text) = std::str::from_utf8(body) else { return };
    if let Ok(handle) = RecallHandle::decode(text) {
        assert_eq!(RecallHandle::decode(&handle.encode()), Ok(handle));
    }
    if let Ok(id) = OffsetId::decode(text) {
        assert_eq!(OffsetId::decode(&id.encode()), Ok(id));
    }
    let _ = decode_unique_id(text);
});
