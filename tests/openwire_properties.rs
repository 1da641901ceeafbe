//! What must hold of the OpenWire codec for any value and any bytes.

use bytes::{Bytes, BytesMut};
use mqproducer::protocol::openwire::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

#[path = "openwire_properties/strategies.rs"]
mod strategies;

use strategies::{command, destination, message, text, throwable, value};

/// Runs every decoder; what they say does not matter here, that they return does.
fn decode_everything(bytes: &[u8]) {
    for limit in [usize::MAX, 64] {
        if let Ok(Some((body, used))) = split(bytes, limit) {
            assert!(used <= bytes.len() && body.len() + 4 == used);
        }
    }
    for stack_traces in [false, true] {
        if let Ok(packet) = Packet::decode(bytes, stack_traces) {
            if let Command::Message(message) = &packet.command {
                read_everything(message);
            }
            // What was read can be written, but for text that is longer than it was.
            let mut out = BytesMut::new();
            if packet.encode(&mut out).is_err() {
                assert!(out.is_empty());
            }
        }
    }
    for format in formats() {
        let mut decoder = Decoder::new(&format);
        // The second time the cache holds what came the first time.
        for _ in 0..2 {
            if let Ok(packet) = decoder.decode(bytes) {
                let _ = encode_alone(&mut BytesMut::new(), &format, 1, true, &packet.command);
            }
        }
    }
    let _ = properties::decode(bytes);
}

/// Each form but the loose one without a cache.
fn formats() -> [WireFormat; 4] {
    let format = |tight, cache| {
        let mut info = WireFormatInfo::ours("", 0, 0);
        info.offer(tight, cache > 0);
        info.set("CacheSize", Setting::Int(cache));
        info.negotiate(&info.clone()).unwrap()
    };
    [format(true, 1024), format(true, 2), format(true, 0), format(false, 1024)]
}

fn read_everything(message: &Message) {
    let _ = message.text(1000);
    let _ = message.map(1000);
    let _ = message.properties();
    if let Ok(Some(body)) = message.bytes(1000) {
        assert!(!message.compressed || body.len() <= 1000);
    }
}

fn cases(number: u32) -> ProptestConfig {
    ProptestConfig { cases: number, failure_persistence: None, ..ProptestConfig::default() }
}

fn frame(packet: &Packet) -> BytesMut {
    let mut out = BytesMut::new();
    packet.encode(&mut out).unwrap();
    out
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..200), kind in any::<u8>()) {
        decode_everything(&bytes);
        decode_everything(&[&[kind][..], &bytes].concat());
    }

    /// Legal frames with a byte changed or an end cut off get further than random bytes.
    #[test]
    fn no_damaged_frame_panics(
        command in command(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut out = frame(&Packet::new(7, true, command));
        let at = at.index(out.len());
        if cut { out.truncate(at) } else { out[at] = byte }
        decode_everything(&out);
        decode_everything(out.get(4..).unwrap_or_default());
    }

    /// A body that claims to be compressed is inflated no further than it is asked to be.
    #[test]
    fn no_body_panics(kind in prop_oneof![Just(MessageKind::Text), Just(MessageKind::Bytes), Just(MessageKind::Map)],
        content in vec(any::<u8>(), 0..100), compressed in any::<bool>()) {
        read_everything(&Message { kind, content: Some(content.into()), compressed, ..Message::default() });
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn commands_survive(id in any::<i32>(), response_required in any::<bool>(), command in command()) {
        let packet = match command {
            Command::WireFormatInfo(_) => Packet::new(0, false, command),
            command => Packet::new(id, response_required, command),
        };
        let mut out = BytesMut::from(&b"before"[..]);
        packet.encode(&mut out).unwrap();
        let (body, used) = split(&out[6..], MAX_FRAME).unwrap().unwrap();
        prop_assert_eq!(used, out.len() - 6);
        prop_assert_eq!(Packet::decode(body, false).unwrap(), packet);
    }

    /// In each form, whatever came before: the second time the ids are known by number.
    #[test]
    fn commands_survive_in_every_form(commands in vec(command(), 1..5)) {
        for format in formats() {
            let (mut encoder, mut decoder) = (Encoder::new(&format), Decoder::new(&format));
            for command in commands.iter().chain(&commands) {
                let packet = match command {
                    Command::WireFormatInfo(_) => Packet::new(0, false, command.clone()),
                    command => Packet::new(-3, true, command.clone()),
                };
                let mut out = BytesMut::from(&b"before"[..]);
                encoder.encode(&mut out, &packet).unwrap();
                let (body, used) = split(&out[6..], MAX_FRAME).unwrap().unwrap();
                prop_assert_eq!(used, out.len() - 6);
                prop_assert_eq!(decoder.decode(body).unwrap(), packet.clone());
                // To an empty buffer, which is written to otherwise; and to one that has heard nothing.
                let mut alone = BytesMut::new();
                encode_alone(&mut alone, &format, packet.command_id, packet.response_required, command).unwrap();
                prop_assert_eq!(Decoder::new(&format).decode(&alone[4..]).unwrap(), packet);
            }
        }
    }

    #[test]
    fn exceptions_keep_their_stack_and_cause(throwable in throwable()) {
        let packet = Packet::new(1, false, ExceptionResponse { correlation_id: 2, exception: Some(throwable) });
        let out = frame(&packet);
        prop_assert_eq!(Packet::decode(&out[4..], true).unwrap(), packet.clone());
        for format in formats().map(|format| WireFormat { stack_traces: true, ..format }) {
            let mut out = BytesMut::new();
            encode_alone(&mut out, &format, packet.command_id, false, &packet.command).unwrap();
            prop_assert_eq!(Decoder::new(&format).decode(&out[4..]).unwrap(), packet.clone());
        }
    }

    #[test]
    fn primitive_maps_survive(values in vec((text(), value()), 0..6)) {
        let mut out = BytesMut::new();
        properties::encode(&mut out, values.len(), values.iter().map(|(name, value)| (name, value.clone()))).unwrap();
        let back = properties::decode(&out).unwrap();
        let back: Vec<_> = back.into_iter().map(|(name, value)| (name.into_owned(), value)).collect();
        prop_assert_eq!(back, values);
    }

    /// The hot path writes what a message as a value writes.
    #[test]
    fn outgoing_messages_are_messages(m in message(), to in destination(), sequence in any::<i64>(), body in text(),
        values in vec((text(), value()), 0..4), kind in 0..4, compressed in any::<bool>()) {
        let id = ProducerId { connection_id: "ID:c".to_owned(), value: 3, session_id: 2 };
        let values: Vec<_> = values.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let (kind, content) = match kind {
            0 => (MessageKind::Plain, Content::None),
            1 => (MessageKind::Text, Content::Text(&body)),
            2 => (MessageKind::Bytes, Content::Bytes(body.as_bytes())),
            _ => (MessageKind::Map, Content::Map(&values)),
        };
        let packed = if compressed { compress(&content, 6).unwrap() } else { None };
        let producer = Prepared::new(&id).unwrap();
        let reply_to = m.reply_to.as_ref().map(|to| Prepared::new(to).unwrap());
        let outgoing = OutgoingMessage {
            kind,
            producer: &producer,
            sequence,
            destination: &Prepared::new(&to).unwrap(),
            transaction: None,
            group_id: m.group_id.as_deref(),
            group_sequence: m.group_sequence,
            correlation_id: m.correlation_id.as_deref(),
            persistent: m.persistent,
            expiration: m.expiration,
            priority: m.priority,
            reply_to: reply_to.as_ref(),
            timestamp: m.timestamp,
            message_type: m.message_type.as_deref(),
            content: packed.as_deref().map_or(content, Content::Raw),
            compressed: packed.is_some(),
            properties: &values,
        };
        let mut out = BytesMut::from(&b"before"[..]);
        let size = encode_message(&mut out, 5, true, &outgoing).unwrap();
        let loose = Packet::decode(&out[10..], false).unwrap();
        for format in formats() {
            let (mut encoder, mut decoder) = (Encoder::new(&format), Decoder::new(&format));
            let info = ProducerInfo { producer_id: id.clone(), destination: Some(to.clone()), ..ProducerInfo::default() };
            let mut told = BytesMut::new();
            encoder.encode(&mut told, &Packet::new(1, false, info)).unwrap();
            decoder.decode(&told[4..]).unwrap();
            let numbers = encoder.number_of(&id).zip(encoder.number_of(&to)).map(|(id, to)| [id, to]);
            prop_assert_eq!(numbers.is_some(), format.cache_size > 1);
            for (numbers, before) in [(None, &b""[..]), (numbers, b""), (numbers, b"before")] {
                let mut other = BytesMut::from(before);
                let counted = encode_message_as(&mut other, &format, numbers, 5, true, &outgoing).unwrap();
                prop_assert_eq!(counted, size);
                let (body, used) = split(&other[before.len()..], MAX_FRAME).unwrap().unwrap();
                prop_assert_eq!(used, other.len() - before.len());
                prop_assert_eq!(&decoder.decode(body).unwrap(), &loose);
            }
        }
        let Command::Message(back) = Packet::decode(&out[10..], false).unwrap().command else { panic!("no message") };
        prop_assert_eq!(size, back.window_size());
        prop_assert_eq!(back.destination.as_ref(), Some(&to));
        let message_id = back.message_id.clone().unwrap();
        prop_assert_eq!((message_id.producer_sequence_id, message_id.producer_id), (sequence, Some(id)));
        prop_assert_eq!((&back.group_id, &back.correlation_id, &back.reply_to), (&m.group_id, &m.correlation_id, &m.reply_to));
        prop_assert_eq!((back.expiration, back.timestamp, back.persistent), (m.expiration, m.timestamp, m.persistent));
        let own: Vec<_> = values.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
        prop_assert_eq!(back.properties().unwrap(), own.clone());
        match kind {
            MessageKind::Plain => prop_assert_eq!(&back.content, &None),
            MessageKind::Text => prop_assert_eq!(back.text(1 << 20).unwrap(), Some(body)),
            MessageKind::Bytes => prop_assert_eq!(back.bytes(1 << 20).unwrap().unwrap(), body.as_bytes()),
            _ => prop_assert_eq!(back.map(1 << 20).unwrap(), own),
        }
    }
}

#[test]
fn what_cannot_be_carried_is_refused_by_field_size_and_limit() {
    let long = "x".repeat(65_536);
    let mut out = BytesMut::from(&b"before"[..]);
    let info = ConnectionInfo { client_id: Some(long.clone()), ..ConnectionInfo::default() };
    let error = Packet::new(1, true, info).encode(&mut out).unwrap_err();
    assert_eq!(error.to_string(), "ConnectionInfo.client_id of 65536 bytes exceeds the limit of 65535");
    assert_eq!(out, &b"before"[..]);
    assert!(Prepared::new(&Destination::queue(long.clone())).is_err());
    // Two bytes each.
    let nul = "\0".repeat(32_768);
    let error = Prepared::new(&Destination::queue(nul)).unwrap_err();
    assert_eq!(error.to_string(), "Destination.name of 65536 bytes exceeds the limit of 65535");
    // A property's value may be longer.
    let values = [("p", Value::from(long.as_str()))];
    let mut message = Message::default();
    message.set_properties(&values).unwrap();
    assert_eq!(message.properties().unwrap()[0].1, values[0].1);
    assert!(message.set_properties(&[(&long, Value::Null)]).is_err());
}

#[test]
fn what_is_wrong_is_told_by_field_value_and_limit() {
    let told = |bytes: &[u8]| Packet::decode(bytes, false).unwrap_err().to_string();
    assert_eq!(told(&[]), "command needs 1 bytes, 0 are left");
    assert_eq!(
        told(&[200, 0, 0, 0, 0, 0]),
        "command has the type 200, expected a command of a client or of its broker"
    );
    assert_eq!(told(&[30, 0, 0, 0, 1, 2]), "response_required is 2, expected a truth value of 0 or 1");
    assert_eq!(told(&[30, 0, 0, 0, 1, 0, 9]), "Response.correlation_id needs 4 bytes, 1 are left");
    assert_eq!(told(&[11, 0, 0, 0, 1, 0, 9]), "ShutdownInfo ends 1 bytes before its frame does");
    assert_eq!(told(&[4, 0, 0, 0, 1, 0, 0]), "SessionInfo.session_id is missing");
    assert_eq!(told(&[4, 0, 0, 0, 1, 0, 1, 120]), "SessionInfo.session_id has the type 120, expected SessionId");
    assert_eq!(told(b"\x01NotMagic"), "WireFormatInfo.magic is 5651863933068732771, expected \"ActiveMQ\"");
    let huge = [&[24][..], &[0; 4], &[0], &[0; 4], &[0, 0], &[0; 8]].concat();
    assert!(told(&huge).contains("needs"), "{}", told(&huge));
}

#[test]
fn what_is_wrong_in_the_other_forms_is_told_too() {
    let [format, _, tight, cached] = formats();
    let told = |format: &WireFormat, bytes: &[u8]| Decoder::new(format).decode(bytes).unwrap_err().to_string();
    assert_eq!(told(&tight, &[30]), "truth values needs 1 bytes, 0 are left");
    assert_eq!(told(&tight, &[30, 2, 0]), "truth values needs 2 bytes, 1 are left");
    assert_eq!(told(&tight, &[30, 0, 0, 0, 0, 1]), "response_required needs 1 bytes, 0 are left");
    assert_eq!(told(&tight, &[30, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]), "Response ends 1 bytes before its frame does");
    // SessionInfo, whose session is number 9, or new with the number 5000.
    assert_eq!(
        told(&cached, &[4, 0, 0, 0, 1, 0, 0, 0, 9]),
        "SessionInfo.session_id is 9, expected the number of an object that came"
    );
    let new = [&[4, 0, 0, 0, 1, 0, 1, 0x13, 0x88, 1, 121, 1, 0, 1, b'c'][..], &[0; 8]].concat();
    assert_eq!(told(&cached, &new), "SessionInfo.session_id is 5000, expected a number of the size of the cache");
    // A message inside another command that claims the form of a frame of its own.
    let dispatch = [21, 1, 0b11_0000 | 0b10 | 0b1000, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 24];
    assert!(told(&format, &dispatch).contains("a message in the form of its frame"), "{}", told(&format, &dispatch));
    // Java's readers take no longer strings there.
    let info = |length| ConnectionInfo { client_id: Some("x".repeat(length)), ..ConnectionInfo::default() };
    let mut out = BytesMut::from(&b"before"[..]);
    let error = encode_alone(&mut out, &tight, 1, true, &info(32_767).into()).unwrap_err();
    assert_eq!(error.to_string(), "ConnectionInfo.client_id of 32767 bytes exceeds the limit of 32766");
    assert_eq!(out, &b"before"[..]);
    encode_alone(&mut out, &tight, 1, true, &info(32_766).into()).unwrap();
    // What did not go out is not known: the session's id comes as a whole, and has the first number.
    let (mut encoder, mut decoder) = (Encoder::new(&format), Decoder::new(&format));
    let id = SessionId { connection_id: "c".to_owned(), value: 1 };
    let long = SessionId { connection_id: "x".repeat(32_767), ..id.clone() };
    encoder.encode(&mut out, &Packet::new(1, true, SessionInfo { session_id: long.clone() })).unwrap_err();
    assert_eq!((encoder.number_of(&long), encoder.number_of(&id)), (None, None));
    let packet = Packet::new(2, true, SessionInfo { session_id: id.clone() });
    for _ in 0..2 {
        let mut out = BytesMut::new();
        encoder.encode(&mut out, &packet).unwrap();
        assert_eq!((decoder.decode(&out[4..]).as_ref(), encoder.number_of(&id)), (Ok(&packet), Some(0)));
    }
}

#[test]
fn nesting_has_a_limit() {
    let mut message = Message::default();
    for _ in 0..20 {
        let inner = Packet::new(0, false, message);
        message = Message { data_structure: Some(Structure::Command(Box::new(inner))), ..Message::default() };
    }
    let out = frame(&Packet::new(0, false, message));
    let error = Packet::decode(&out[4..], false).unwrap_err();
    assert_eq!(error.to_string(), "Message.data_structure is nested deeper than 16");
    let mut value = Value::Null;
    for _ in 0..20 {
        value = Value::List(vec![value]);
    }
    let refused = Message::default().set_properties(&[("deep", value)]).unwrap_err();
    assert_eq!(refused.to_string(), "property value is nested deeper than 16");
}

#[test]
fn inflation_stops_at_the_limit() {
    let body = vec![0; 1 << 20];
    for (kind, content) in [
        (MessageKind::Bytes, compress(&Content::Bytes(&body), 9).unwrap()),
        (MessageKind::Object, {
            let text = String::from_utf8(body.clone()).unwrap();
            compress(&Content::Text(&text), 9).unwrap()
        }),
    ] {
        let message = Message { kind, compressed: true, content: content.map(Bytes::from), ..Message::default() };
        let error = message.bytes(1000).unwrap_err().to_string();
        assert!(error.starts_with("inflated content of ") && error.ends_with("exceeds the limit of 1000"), "{error}");
        assert!(message.bytes(3 << 20).unwrap().unwrap().len() >= 1 << 20);
    }
}

/// A peer may say that it has more elements than its frame has bytes: nothing is reserved for them.
#[test]
fn counts_are_checked_before_anything_is_reserved() {
    let mut out = BytesMut::new();
    properties::encode(&mut out, 1, [("a", Value::Null)].into_iter()).unwrap();
    out[..4].copy_from_slice(&i32::MAX.to_be_bytes());
    let error = properties::decode(&out).unwrap_err();
    assert!(error.to_string().starts_with("properties needs 6442450941 bytes"), "{error}");
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn versions_and_limits_are_the_smaller_of_both(ours in 1..20, theirs in 1..20, size in option::of(-1..1000_i64)) {
        let of = |version| WireFormatInfo { version, ..WireFormatInfo::ours("h", 7, 8) };
        let (ours, mut theirs) = (of(ours), of(theirs));
        if let Some(size) = size {
            theirs.set(wire_format::name::MAX_FRAME_SIZE, Setting::Long(size));
        }
        let version = ours.version.min(theirs.version);
        match ours.negotiate(&theirs) {
            Ok(format) => {
                prop_assert!(version >= MIN_VERSION);
                let expected = size.filter(|size| *size > 0).map_or(i64::MAX as usize, |size| size as usize);
                let expected = if size.is_some_and(|size| size <= 0) { usize::MAX } else { expected };
                prop_assert_eq!((format.version, format.max_frame_size), (version, expected));
            }
            Err(error) => {
                prop_assert!(version < MIN_VERSION);
                prop_assert_eq!(error.to_string(), format!("WireFormatInfo.version is {version}, expected a version of 10 or more"));
            }
        }
    }
}
