//! OpenWire: whatever is read of a frame is written and read again as the same, bodies and properties too.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use mqproducer::protocol::openwire::{Command, Packet, properties, split};

/// Bodies are inflated no further.
const LIMIT: usize = 4096;

fuzz_target!(|input: &[u8]| {
    let Some((flags, bytes)) = input.split_first() else { return };
    let stack_traces = flags & 1 == 1;
    if let Ok(Some((body, used))) = split(bytes, LIMIT) {
        assert_eq!(body.len() + 4, used);
        read(body, stack_traces);
    }
    read(bytes, stack_traces);
    let _ = properties::decode(bytes);
});

fn read(body: &[u8], stack_traces: bool) {
    let Ok(packet) = Packet::decode(body, stack_traces) else { return };
    if let Command::Message(message) = &packet.command {
        let _ = (message.text(LIMIT), message.map(LIMIT), message.properties());
        if let Ok(Some(body)) = message.bytes(LIMIT) {
            assert!(!message.compressed || body.len() <= LIMIT);
        }
    }
    let mut out = BytesMut::new();
    // A NUL that came as one byte is written as two, so that a long text may not fit any more.
    if packet.encode(&mut out).is_ok() {
        let (body, used) = split(&out, out.len()).expect("a frame of ours").expect("a whole frame");
        assert_eq!(used, out.len());
        assert_eq!(Packet::decode(body, stack_traces).as_ref(), Ok(&packet));
    }
}
