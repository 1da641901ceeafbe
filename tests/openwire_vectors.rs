//! Frames captured between the official Java client 6.3.1 and real ActiveMQ brokers, against the codec.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bytes::BytesMut;
use mqproducer::protocol::openwire::wire_format::name;
use mqproducer::protocol::openwire::*;
use serde_json::Value as Json;

/// More than any captured body.
const LIMIT: usize = 1 << 20;

/// One captured frame.
struct Captured {
    /// File and number: for messages.
    place: String,
    name: String,
    from_client: bool,
    bytes: Vec<u8>,
}

impl Captured {
    fn packet(&self) -> Packet {
        let (body, used) = split(&self.bytes, MAX_FRAME).unwrap().unwrap_or_else(|| panic!("{}", self.place));
        assert_eq!(used, self.bytes.len(), "{}", self.place);
        Packet::decode(body, false).unwrap_or_else(|error| panic!("{}: {error}", self.place))
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The loose frames, without a cache.
fn captured() -> Vec<Captured> {
    let is_loose = |one: &Captured| one.place.contains(".loose.");
    all_captured().into_iter().filter(is_loose).collect()
}

fn all_captured() -> Vec<Captured> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/openwire");
    let mut files: Vec<_> = std::fs::read_dir(&root).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let case: Json = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for record in case["frames"].as_array().unwrap() {
            all.push(Captured {
                place: format!("{name} frame {}", record["n"]),
                name: record["name"].as_str().unwrap().to_owned(),
                from_client: record["dir"] == "C>B",
                bytes: hex(record["hex"].as_str().unwrap()),
            });
        }
    }
    all
}

fn messages() -> Vec<(String, Packet, Box<Message>)> {
    let packets = captured().into_iter().map(|one| (one.packet(), one.place));
    let messages = packets.filter_map(|(packet, place)| match packet.command.clone() {
        Command::Message(message) => Some((place, packet, message)),
        _ => None,
    });
    messages.collect()
}

fn encoded(packet: &Packet) -> Vec<u8> {
    let mut out = BytesMut::from(&b"before"[..]);
    packet.encode(&mut out).unwrap();
    out[6..].to_vec()
}

#[test]
fn every_loose_frame_decodes_and_comes_back_byte_for_byte() {
    let mut counted = BTreeMap::<String, usize>::new();
    for one in captured() {
        let packet = one.packet();
        assert_eq!(encoded(&packet), one.bytes, "{}: {packet:?}", one.place);
        let name = match &packet.command {
            Command::Message(message) => format!("ActiveMQ{:?}Message", message.kind),
            other => other.name().to_owned(),
        };
        assert_eq!(name, one.name, "{}", one.place);
        *counted.entry(name).or_default() += 1;
    }
    let total: usize = counted.values().sum();
    assert!(total >= 397 && counted.len() >= 16, "{total} frames of {} commands: {counted:?}", counted.len());
}

/// One direction of a conversation, once both sides have told what they can do.
fn direction(format: &WireFormat, frames: &[&Captured], counted: &mut BTreeMap<(bool, bool), usize>) {
    let (mut decoder, mut encoder) = (Decoder::new(format), Encoder::new(format));
    for one in frames {
        let (body, used) = split(&one.bytes, MAX_FRAME).unwrap().unwrap();
        assert_eq!(used, one.bytes.len(), "{}", one.place);
        let packet = decoder.decode(body).unwrap_or_else(|error| panic!("{}: {error}", one.place));
        let mut out = BytesMut::new();
        encoder.encode(&mut out, &packet).unwrap();
        assert_eq!(out, one.bytes, "{}: {packet:?}", one.place);
        // The same without a memory of what was sent.
        let mut alone = BytesMut::from(&b"before"[..]);
        encode_alone(&mut alone, format, packet.command_id, packet.response_required, &packet.command).unwrap();
        assert_eq!(Decoder::new(format).decode(&alone[10..]).unwrap(), packet, "{}", one.place);
        *counted.entry((format.tight, format.cache_size > 0)).or_default() += 1;
    }
}

#[test]
fn every_frame_of_the_other_forms_decodes_and_comes_back_byte_for_byte() {
    let mut conversations = BTreeMap::<String, Vec<Captured>>::new();
    for one in all_captured().into_iter().filter(|one| !one.place.contains(".loose.")) {
        let name = one.place.split(' ').next().unwrap().to_owned();
        conversations.entry(name).or_default().push(one);
    }
    let mut counted = BTreeMap::new();
    for frames in conversations.values() {
        let info = |from_client| {
            let told =
                frames.iter().find(|one| one.from_client == from_client && one.name == "WireFormatInfo").unwrap();
            match told.packet().command {
                Command::WireFormatInfo(info) => info,
                other => panic!("{other:?}"),
            }
        };
        let format = info(true).negotiate(&info(false)).unwrap();
        for from_client in [true, false] {
            let own: Vec<_> = frames.iter().filter(|one| one.from_client == from_client).collect();
            direction(&format, &own, &mut counted);
        }
    }
    // Both, one of them, or the other.
    assert_eq!(counted.len(), 3, "{counted:?}");
    assert!(conversations.len() >= 8 && counted.values().all(|frames| *frames >= 15), "{counted:?}");
}

#[test]
fn a_message_written_as_it_is_sent_has_the_bytes_of_the_java_client() {
    let mut written = 0;
    for (place, packet, m) in messages() {
        let (producer, id) = (m.producer_id.clone().unwrap(), m.message_id.clone().unwrap());
        assert_eq!(id.to_string(), format!("{producer}:{}", id.producer_sequence_id), "{place}");
        let producer = Prepared::new(&producer).unwrap();
        let destination = Prepared::new(m.destination.as_ref().unwrap()).unwrap();
        let transaction = m.transaction_id.as_ref().map(|id| Prepared::new(id).unwrap());
        let reply_to = m.reply_to.as_ref().map(|to| Prepared::new(to).unwrap());
        let text = m.text(LIMIT);
        let content = match (&m.content, m.kind, m.compressed) {
            (None, ..) => Content::None,
            (Some(_), MessageKind::Text, false) => Content::Text(text.as_ref().unwrap().as_ref().unwrap()),
            (Some(bytes), _, false) => Content::Bytes(bytes),
            (Some(bytes), _, true) => Content::Raw(bytes),
        };
        let decoded = m.properties().unwrap();
        let properties: Vec<(&str, Value<'_>)> =
            decoded.iter().map(|(name, value)| (name.as_ref(), value.clone())).collect();
        let outgoing = OutgoingMessage {
            kind: m.kind,
            producer: &producer,
            sequence: id.producer_sequence_id,
            destination: &destination,
            transaction: transaction.as_ref(),
            group_id: m.group_id.as_deref(),
            group_sequence: m.group_sequence,
            correlation_id: m.correlation_id.as_deref(),
            persistent: m.persistent,
            expiration: m.expiration,
            priority: m.priority,
            reply_to: reply_to.as_ref(),
            timestamp: m.timestamp,
            message_type: m.message_type.as_deref(),
            content,
            compressed: m.compressed,
            properties: &properties,
        };
        let mut out = BytesMut::new();
        let size = encode_message(&mut out, packet.command_id, packet.response_required, &outgoing).unwrap();
        assert_eq!(size, m.window_size(), "{place}");
        assert_eq!(out, encoded(&packet), "{place}");
        written += 1;
    }
    assert!(written >= 47, "{written} messages");
}

#[test]
fn the_broker_gives_back_what_a_message_counts_in_the_window() {
    let mut windows = BTreeMap::<String, (i64, i64)>::new();
    for one in captured() {
        let Some(file) = one.place.split_whitespace().next().filter(|name| name.contains("window")) else { continue };
        let (sent, acknowledged) = windows.entry(file.to_owned()).or_default();
        match one.packet().command {
            Command::Message(message) => *sent += i64::from(message.window_size()),
            Command::ProducerAck(ack) => *acknowledged += i64::from(ack.size),
            _ => {}
        }
    }
    assert!(
        windows.len() >= 2 && windows.values().all(|(sent, back)| sent == back && *sent >= 7 * 1024),
        "{windows:?}"
    );
}

#[test]
fn properties_bodies_and_answers_mean_what_was_sent() {
    let (_, _, text) =
        messages().into_iter().find(|(place, ..)| place == "persistent-sync.loose.amq631 frame 9").unwrap();
    assert_eq!(text.text(LIMIT).unwrap().as_deref(), Some("hello OpenWire"));
    assert_eq!(text.destination.as_ref().unwrap().to_string(), "queue://lab.q");
    assert_eq!(text.reply_to, Some(Destination::queue("lab.reply")));
    assert_eq!((text.correlation_id.as_deref(), text.message_type.as_deref()), (Some("corr-1"), Some("type-1")));
    let mut properties = text.properties().unwrap();
    properties.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        ("b", Value::Bool(true)),
        ("by", Value::Byte(4)),
        ("d", Value::Double(1.5)),
        ("f", Value::Float(2.5)),
        ("i", Value::Int(7)),
        ("l", Value::Long(8)),
        ("s", Value::from("v")),
        ("sh", Value::Short(3)),
        ("u", Value::from("你好")),
    ];
    assert_eq!(properties, expected.map(|(name, value)| (name.into(), value)));

    let (mut refused, mut errors) = (Vec::new(), 0);
    for one in captured() {
        match one.packet().command {
            Command::ExceptionResponse(response) => {
                let exception = response.exception.unwrap();
                refused.push(exception.simple_name().to_owned());
                assert!(exception.to_string().contains(": "), "{exception}");
                assert_eq!(exception.chain().count(), 1);
            }
            Command::ConnectionError(_) => errors += 1,
            _ => {}
        }
    }
    refused.sort();
    assert!(refused.iter().any(|name| name == "SecurityException") && refused.len() >= 2, "{refused:?} {errors}");
}

#[test]
fn the_peers_agree_on_the_simple_form() {
    let (mut agreed, mut hosts) = (0, BTreeSet::new());
    for one in captured() {
        let Command::WireFormatInfo(theirs) = one.packet().command else { continue };
        assert_eq!(theirs.version, VERSION, "{}", one.place);
        if one.from_client {
            hosts.extend(theirs.text(name::HOST).map(str::to_owned));
        }
        let ours = WireFormatInfo::ours("localhost", 20_000, 10_000);
        let format = ours.negotiate(&theirs).unwrap();
        assert_eq!(format, theirs.negotiate(&ours).unwrap(), "{}", one.place);
        assert!(!format.stack_traces, "{}", one.place);
        assert!(format.max_inactivity_duration <= 20_000 && format.max_frame_size >= MAX_FRAME, "{format:?}");
        let mut out = BytesMut::new();
        encode(&mut out, 9, true, &ours).unwrap();
        let back = Packet::decode(split(&out, MAX_FRAME).unwrap().unwrap().0, false).unwrap();
        assert_eq!(back, Packet::new(0, false, ours));
        agreed += 1;
    }
    assert!(agreed >= 46 && hosts.contains("127.0.0.1"), "{agreed} {hosts:?}");
}
