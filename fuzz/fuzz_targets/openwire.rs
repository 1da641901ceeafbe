//! OpenWire: whatever is read of a frame is written and read again as the same, bodies and properties too.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use mqproducer::protocol::openwire::{
    Command, Decoder, Encoder, Packet, WireFormat, WireFormatInfo, encode_alone, properties, split,
};

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
    read_all(bytes, &format(flags & 2 != 0, flags & 4 != 0, stack_traces));
    let _ = properties::decode(bytes);
});

fn format(tight: bool, cache: bool, stack_traces: bool) -> WireFormat {
    let mut info = WireFormatInfo::ours("", 0, 0);
    info.offer(tight, cache);
    WireFormat { stack_traces, ..info.negotiate(&info.clone()).expect("what we offer ourselves") }
}

/// A whole direction of a connection in any form: what comes is written again, with a memory of what was sent and
/// without.
fn read_all(mut bytes: &[u8], format: &WireFormat) {
    let (mut decoder, mut encoder, mut again) = (Decoder::new(format), Encoder::new(format), Decoder::new(format));
    while let Ok(Some((body, used))) = split(bytes, LIMIT) {
        bytes = &bytes[used..];
        let Ok(packet) = decoder.decode(body) else { return };
        let (mut out, mut alone) = (BytesMut::new(), BytesMut::new());
        // Of exceptions only what was agreed on is written.
        if encoder.encode(&mut out, &packet).is_err() {
            return;
        }
        assert_eq!(again.decode(&out[4..]).as_ref(), Ok(&packet));
        encode_alone(&mut alone, format, packet.command_id, packet.response_required, &packet.command)
            .expect("what was written once");
        assert_eq!(Decoder::new(format).decode(&alone[4..]).as_ref(), Ok(&packet));
    }
}

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
