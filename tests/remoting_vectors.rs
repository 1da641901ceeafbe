//! Frames captured between the official Java client 5.5.0 and a real cluster, against the codec.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use mqproducer::protocol::remoting::command::{request_code, response_code};
use mqproducer::protocol::remoting::heartbeat::Heartbeat;
use mqproducer::protocol::remoting::message_id::{OffsetId, decode_unique_id, unique_id};
use mqproducer::protocol::remoting::recall::{RecallHandle, RecallMessage};
use mqproducer::protocol::remoting::reply::PushReply;
use mqproducer::protocol::remoting::route::{IntKeys, TopicRouteData};
use mqproducer::protocol::remoting::send::NumberText;
use mqproducer::protocol::remoting::trace::{self, TraceRecord, TracedType};
use mqproducer::protocol::remoting::transaction::{CheckTransactionState, EndTransaction, TransactionState};
use mqproducer::protocol::remoting::{
    Frame, Header, Identity, SendHeader, Serializer, acl, batch, encode_request_as, encode_send_as, properties, scan,
    split, stored_message,
};
use serde_json::Value;

/// The secret key of the captured cluster's user.
const SECRET_KEY: &str = "12345678";

/// One captured frame.
struct Captured {
    /// Which serializers spoke, and the file: for messages.
    place: String,
    set: String,
    kind: String,
    bytes: Vec<u8>,
    record: Value,
}

impl Captured {
    fn frame(&self) -> Frame<'_> {
        let (frame, used) = split(&self.bytes).unwrap().unwrap_or_else(|| panic!("{} is not whole", self.place));
        assert_eq!(used, self.bytes.len(), "{}", self.place);
        frame
    }

    fn header(&self) -> Header {
        Header::decode(&self.frame()).unwrap_or_else(|error| panic!("{}: {error}", self.place))
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn captured() -> Vec<Captured> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/rocketmq");
    let mut files: Vec<PathBuf> = Vec::new();
    for set in std::fs::read_dir(&root).unwrap() {
        files.extend(std::fs::read_dir(set.unwrap().path()).unwrap().map(|file| file.unwrap().path()));
    }
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let set = file.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        let case: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for record in case["frames"].as_array().unwrap() {
            all.push(Captured {
                place: format!("{set}/{} frame {}", case["case"].as_str().unwrap(), record["seq"]),
                set: set.clone(),
                kind: record["kind"].as_str().unwrap().to_owned(),
                bytes: hex(record["frame_hex"].as_str().unwrap()),
                record: record.clone(),
            });
        }
    }
    all
}

/// The frames of one kind, which must be at least `least`.
fn of_kind(kind: &str, least: usize) -> Vec<Captured> {
    let found: Vec<_> = captured().into_iter().filter(|one| one.kind == kind).collect();
    assert!(found.len() >= least, "{} frames of {kind:?}, not {least}", found.len());
    found
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value[name].as_str()
}

fn ext_map(header: &Header) -> BTreeMap<&str, &str> {
    header.ext.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn identity(header: &Header) -> Identity {
    Identity { language: header.language, version: header.version }
}

/// Asserts that `encoded` decodes to the captured header and body, whatever the order of its fields.
fn assert_same_meaning(encoded: &[u8], one: &Captured) {
    let (frame, used) = split(encoded).unwrap().unwrap();
    assert_eq!(used, encoded.len(), "{}", one.place);
    let (ours, theirs) = (Header::decode(&frame).unwrap(), one.header());
    assert_eq!(ext_map(&ours), ext_map(&theirs), "{}", one.place);
    assert_eq!(Header { ext: vec![], ..ours }, Header { ext: vec![], ..theirs }, "{}", one.place);
    assert_eq!((frame.body, frame.serializer), (one.frame().body, one.frame().serializer), "{}", one.place);
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).escape_debug().to_string()
}

/// Rows: SK-16 SK-17.
#[test]
fn every_frame_decodes_to_the_header_recorded_with_it() {
    let mut counted: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut serializers = [0; 2];
    for one in captured() {
        let (place, frame, header) = (&one.place, one.frame(), one.header());
        let recorded = &one.record["header"];
        let number = |name: &str| recorded[name].as_i64().unwrap();
        assert_eq!(i64::from(header.code), number("code"), "{place}");
        assert_eq!(i64::from(header.flag), number("flag"), "{place}");
        assert_eq!(i64::from(header.opaque), number("opaque"), "{place}");
        assert_eq!(i64::from(header.version), number("version"), "{place}");
        assert_eq!(Some(header.language.name()), text(recorded, "language"), "{place}");
        assert_eq!(header.remark.as_deref(), text(recorded, "remark"), "{place}");
        let ext: BTreeMap<&str, &str> = recorded["extFields"]
            .as_object()
            .map(|fields| fields.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect())
            .unwrap_or_default();
        assert_eq!(ext_map(&header), ext, "{place}");
        assert_eq!(frame.body, hex(text(&one.record, "body_hex").unwrap()), "{place}");
        assert_eq!(frame.header.len() as u64, one.record["header_length"].as_u64().unwrap(), "{place}");
        let serializer = if text(&one.record, "serialize_type") == Some("JSON") { 0 } else { 1 };
        assert_eq!(frame.serializer as usize, serializer, "{place}");

        let scanned = scan(&frame).unwrap();
        assert_eq!(
            (scanned.code, scanned.flag, scanned.opaque, scanned.version, &*scanned.remark),
            (header.code, header.flag, header.opaque, header.version, header.remark.as_deref().unwrap_or("")),
            "{place}"
        );
        assert_eq!(scanned.is_response(), one.kind.starts_with("response"), "{place}");
        assert_eq!(scanned.is_oneway(), one.kind.starts_with("oneway"), "{place}");
        assert_eq!(&*scanned.msg_id, header.get("msgId").unwrap_or(""), "{place}");
        assert_eq!(scanned.queue_id, header.int_or("queueId", -1).unwrap(), "{place}");
        assert_eq!(scanned.queue_offset, header.int_or("queueOffset", -1).unwrap(), "{place}");
        assert_eq!(&*scanned.transaction_id, header.get("transactionId").unwrap_or(""), "{place}");
        assert_eq!(&*scanned.recall_handle, header.get("recallHandle").unwrap_or(""), "{place}");
        assert_eq!(&*scanned.region_id, header.get("MSG_REGION").unwrap_or(""), "{place}");

        let known = one.kind.rsplit(' ').next().unwrap();
        if header.is_response() {
            assert_ne!(response_code::name(header.code), "UNKNOWN", "{place}");
        } else {
            assert_eq!(request_code::name(header.code), known, "{place}");
        }
        serializers[serializer] += 1;
        *counted.entry((one.set, one.kind)).or_default() += 1;
    }
    let expected = [
        // kind, and how many in: json, rocketmq, rocketmq-both
        ("oneway CHECK_TRANSACTION_STATE", [1, 1, 1]),
        ("oneway END_TRANSACTION", [4, 4, 4]),
        ("oneway SEND_MESSAGE_V2", [1, 1, 1]),
        ("request GET_ROUTEINFO_BY_TOPIC", [25, 25, 24]),
        ("request HEART_BEAT", [27, 26, 27]),
        ("request PUSH_REPLY_MESSAGE_TO_CLIENT", [1, 1, 1]),
        ("request RECALL_MESSAGE", [1, 0, 0]),
        ("request SEND_BATCH_MESSAGE", [1, 1, 1]),
        ("request SEND_MESSAGE_V2", [23, 21, 21]),
        ("request SEND_REPLY_MESSAGE_V2", [3, 3, 3]),
        ("request UNREGISTER_CLIENT", [26, 26, 26]),
        ("response to GET_ROUTEINFO_BY_TOPIC", [25, 25, 24]),
        ("response to HEART_BEAT", [27, 26, 27]),
        ("response to PUSH_REPLY_MESSAGE_TO_CLIENT", [1, 1, 1]),
        ("response to RECALL_MESSAGE", [1, 0, 0]),
        ("response to SEND_BATCH_MESSAGE", [1, 1, 1]),
        ("response to SEND_MESSAGE_V2", [23, 21, 21]),
        ("response to SEND_REPLY_MESSAGE_V2", [3, 3, 3]),
        ("response to UNREGISTER_CLIENT", [26, 26, 26]),
    ];
    for (kind, numbers) in expected {
        for (set, number) in ["json", "rocketmq", "rocketmq-both"].into_iter().zip(numbers) {
            let got = counted.remove(&(set.to_owned(), kind.to_owned())).unwrap_or(0);
            assert!(got >= number, "{got} frames of {kind:?} in {set}, not {number}");
        }
    }
    assert!(counted.is_empty(), "kinds without a number: {counted:?}");
    assert!(serializers.iter().sum::<usize>() >= 644 && serializers.iter().all(|&n| n > 0), "{serializers:?}");
}

/// Field order is the captured one, so that every frame comes out as its very bytes.
#[test]
fn every_header_encodes_to_the_captured_bytes() {
    for one in captured() {
        let mut out = BytesMut::new();
        one.header().encode(one.frame().serializer, one.frame().body, &mut out);
        let bare = ",\"extFields\":{}";
        let theirs = String::from_utf8_lossy(one.frame().header);
        if one.header().is_response() && theirs.contains(bare) {
            // Java writes the empty map of an answer sometimes; this codec never.
            let (frame, _) = split(&out).unwrap().unwrap();
            assert_eq!(String::from_utf8_lossy(frame.header), theirs.replace(bare, ""), "{}", one.place);
        } else {
            assert_eq!(show(&out), show(&one.bytes), "{}", one.place);
        }
    }
}

/// Rows: SK-10 SK-11 SK-15 SK-16.
#[test]
fn sends_encode_to_the_captured_bytes() {
    let (mut same, mut with_extra) = (0, 0);
    let kinds = ["request SEND_MESSAGE_V2", "oneway SEND_MESSAGE_V2", "request SEND_REPLY_MESSAGE_V2"];
    for kind in kinds.into_iter().chain(["request SEND_BATCH_MESSAGE"]) {
        for one in of_kind(kind, 3) {
            let (frame, header) = (one.frame(), one.header());
            let send = SendHeader::decode(&header).unwrap();
            let pairs: Vec<(&str, &str)> = header.ext.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            // The binary form has the send's own thirteen fields first; Java's JSON mixes others among them.
            let extra: Vec<(&str, &str)> = match frame.serializer {
                Serializer::Rocketmq => pairs[13..].to_vec(),
                Serializer::Json => pairs.into_iter().filter(|(name, _)| name.len() > 1).collect(),
            };
            let mut out = BytesMut::from(&b"before"[..]);
            let (code, oneway) = (header.code, header.is_oneway());
            let who = identity(&header);
            encode_send_as(&mut out, who, code, frame.serializer, header.opaque, oneway, &send, &extra, frame.body);
            assert_eq!(&out[..6], b"before");
            assert_same_meaning(&out[6..], &one);
            if extra.is_empty() || frame.serializer == Serializer::Rocketmq {
                assert_eq!(show(&out[6..]), show(&one.bytes), "{}", one.place);
                same += 1;
            } else {
                with_extra += 1;
            }
        }
    }
    assert!(same >= 78 && with_extra >= 2, "{same} byte for byte, {with_extra} in another order");
}

#[test]
fn long_names_carry_the_same_send() {
    for one in of_kind("request SEND_MESSAGE_V2", 65) {
        let (frame, header) = (one.frame(), one.header());
        let send = SendHeader::decode(&header).unwrap();
        for serializer in [Serializer::Json, Serializer::Rocketmq] {
            let mut out = BytesMut::new();
            let code = request_code::SEND_MESSAGE;
            encode_send_as(&mut out, identity(&header), code, serializer, 1, false, &send, &[("ns", "n")], frame.body);
            let long = Header::decode(&split(&out).unwrap().unwrap().0).unwrap();
            assert_eq!(SendHeader::decode(&long).unwrap(), send, "{}", one.place);
            assert_eq!((long.get("topic"), long.get("ns")), (Some(send.topic), Some("n")));
        }
    }
}

#[test]
fn signatures_are_recomputed_equal() {
    let mut checked = 0;
    for one in captured() {
        let header = one.header();
        let Some(signed) = header.get(acl::SIGNATURE) else { continue };
        let fields: Vec<(&str, &str)> = header.ext.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(acl::signature(SECRET_KEY, &fields, one.frame().body), signed, "{}", one.place);
        if header.code == request_code::SEND_MESSAGE_V2 {
            // The way a producer signs: its own fields and the access key.
            let send = SendHeader::decode(&header).unwrap();
            let mut text = NumberText::default();
            let mut fields = send.fields(header.code, &mut text);
            fields.push((acl::ACCESS_KEY, header.get(acl::ACCESS_KEY).unwrap()));
            assert_eq!(acl::signature(SECRET_KEY, &fields, one.frame().body), signed, "{}", one.place);
        }
        checked += 1;
    }
    assert!(checked >= 12, "{checked} signatures");
}

#[test]
fn small_requests_encode_to_the_captured_bytes() {
    let mut checked = 0;
    for (kind, least) in
        [("request GET_ROUTEINFO_BY_TOPIC", 74), ("request UNREGISTER_CLIENT", 78), ("request HEART_BEAT", 80)]
    {
        for one in of_kind(kind, least) {
            let (frame, header) = (one.frame(), one.header());
            let fields: Vec<(&str, &str)> = header.ext.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let mut out = BytesMut::new();
            let who = identity(&header);
            let (code, flag) = (header.code, header.flag);
            encode_request_as(&mut out, who, code, frame.serializer, header.opaque, flag, &fields, frame.body);
            assert_eq!(show(&out), show(&one.bytes), "{}", one.place);
            checked += 1;
        }
    }
    assert!(checked >= 232, "{checked}");
}

#[test]
fn batches_decode_and_encode_to_the_captured_bytes() {
    for one in of_kind("request SEND_BATCH_MESSAGE", 3) {
        let frame = one.frame();
        let messages: Vec<_> = batch::decode(frame.body).collect::<Result<_, _>>().unwrap();
        assert_eq!(messages.len(), 3, "{}", one.place);
        let mut out = BytesMut::new();
        for (number, message) in messages.iter().enumerate() {
            assert_eq!(message.body, format!("batch-{number}").as_bytes());
            assert_eq!(message.flag, number as i32);
            assert_eq!(properties::get(message.properties, properties::KEYS), Some(&*format!("bk{number}")));
            batch::encode(&mut out, message).unwrap();
        }
        assert_eq!(show(&out), show(frame.body), "{}", one.place);
        let header = one.header();
        assert!(SendHeader::decode(&header).unwrap().batch);
    }
    for one in of_kind("response to SEND_BATCH_MESSAGE", 3) {
        let frame = one.frame();
        let scanned = scan(&frame).unwrap();
        let ids: Vec<_> = scanned.msg_id.split(',').map(|id| OffsetId::decode(id).unwrap()).collect();
        assert_eq!(ids.len(), 3);
        assert!(ids.windows(2).all(|pair| pair[0].commit_log_offset < pair[1].commit_log_offset));
    }
}

#[test]
fn routes_decode_and_encode_to_the_captured_bytes() {
    let (mut routes, mut missing) = (0, 0);
    for one in of_kind("response to GET_ROUTEINFO_BY_TOPIC", 74) {
        let (frame, header) = (one.frame(), one.header());
        if header.code == response_code::TOPIC_NOT_EXIST {
            assert!(header.remark.unwrap().starts_with("No topic route info in name server for the topic: VecAuto"));
            missing += 1;
            continue;
        }
        let route = TopicRouteData::decode(frame.body).unwrap_or_else(|error| panic!("{}: {error}", one.place));
        assert_eq!(route.broker_datas[0].master(), Some("127.0.0.1:29976"));
        assert_eq!(route.queue_datas[0].broker_name, "broker-a");
        assert!([1, 4, 8].contains(&route.queue_datas[0].write_queue_nums));
        let mut out = BytesMut::new();
        route.encode(IntKeys::Quoted, &mut out);
        assert_eq!(show(&out), show(frame.body), "{}", one.place);
        out.clear();
        route.encode(IntKeys::Bare, &mut out);
        assert!(show(&out).contains("{0:"));
        assert_eq!(TopicRouteData::decode(&out).unwrap(), route);
        routes += 1;
    }
    assert!(routes >= 65 && missing >= 3, "{routes} routes, {missing} missing");
}

/// Rows: RM-02.
#[test]
fn heartbeats_decode_and_encode_to_the_captured_bytes() {
    let mut fingerprints = 0;
    for one in of_kind("request HEART_BEAT", 80) {
        let frame = one.frame();
        let beat = Heartbeat::decode(frame.body).unwrap();
        assert!(beat.client_id.contains("@vec-") || beat.client_id.contains("_INNER_TRACE_"), "{}", one.place);
        assert!(!beat.producer_groups.is_empty(), "{}", one.place);
        let mut out = BytesMut::new();
        beat.encode(&mut out);
        assert_eq!(show(&out), show(frame.body), "{}", one.place);
        if beat.fingerprint != 0 {
            // Java's set has no fixed order, and it hashes another copy than it sends.
            let mut groups = beat.producer_groups.clone();
            let one_way = Heartbeat::v2(&beat.client_id, &groups, beat.without_sub);
            groups.reverse();
            let other_way = Heartbeat::v2(&beat.client_id, &groups, beat.without_sub);
            let found = [one_way.fingerprint, other_way.fingerprint];
            assert!(found.contains(&beat.fingerprint), "{}: {} is none of {found:?}", one.place, beat.fingerprint);
            fingerprints += 1;
        }
    }
    assert!(fingerprints >= 9, "{fingerprints}");
}

#[test]
fn transactions_decode_and_encode() {
    let mut states = Vec::new();
    for one in of_kind("oneway END_TRANSACTION", 12) {
        let header = one.header();
        let end = EndTransaction::decode(&header).unwrap();
        states.push(end.state);
        let mut out = BytesMut::new();
        end.encode(&mut out, one.frame().serializer, header.opaque, header.remark.as_deref(), &[]);
        let (frame, _) = split(&out).unwrap().unwrap();
        let ours = Header::decode(&frame).unwrap();
        assert_eq!(ext_map(&ours), ext_map(&header), "{}", one.place);
        assert_eq!((ours.flag, ours.remark, ours.code), (header.flag, header.remark, header.code), "{}", one.place);
    }
    for state in [TransactionState::Commit, TransactionState::Rollback, TransactionState::Unknown] {
        assert!(states.contains(&state), "{state:?} is not among {states:?}");
    }
    for one in of_kind("oneway CHECK_TRANSACTION_STATE", 3) {
        let (frame, header) = (one.frame(), one.header());
        let check = CheckTransactionState::decode(&header).unwrap();
        assert_eq!(ext_map(&check.to_header()), ext_map(&header), "{}", one.place);
        let message = stored_message::decode_one(frame.body).unwrap();
        assert_eq!(message.offset_id().encode(), check.offset_msg_id);
        assert_eq!(message.commit_log_offset, check.commit_log_offset);
        assert_eq!(message.queue_offset, check.tran_state_table_offset);
        assert_eq!((message.topic, message.body), ("VecTx", &b"unknown"[..]));
        assert_eq!(message.body_crc, stored_message::body_crc(message.body));
        assert_eq!(properties::get(message.properties, properties::UNIQ_KEY), Some(check.msg_id));
        let mut out = BytesMut::new();
        message.encode(&mut out).unwrap();
        assert_eq!(show(&out), show(frame.body), "{}", one.place);

        let group = properties::get(message.properties, properties::PGROUP).unwrap();
        let answer = check.answer(group, TransactionState::Commit);
        let answers = of_kind("oneway END_TRANSACTION", 12).into_iter().filter(|end| end.set == one.set);
        let theirs = answers.map(|end| end.header()).find(|end| end.is_true("fromTransactionCheck")).unwrap();
        let theirs = EndTransaction::decode(&theirs).unwrap();
        assert_eq!(EndTransaction { state: theirs.state, ..answer }, theirs, "{}", one.place);
    }
}

#[test]
fn recalls_and_replies_decode_and_encode() {
    for one in of_kind("request RECALL_MESSAGE", 1) {
        let header = one.header();
        let recall = RecallMessage::decode(&header).unwrap();
        let handle = RecallHandle::decode(recall.recall_handle).unwrap();
        assert_eq!((handle.topic.as_str(), handle.broker_name.as_str()), (recall.topic, recall.broker_name));
        assert_eq!(handle.encode(), recall.recall_handle);
        let mut out = BytesMut::new();
        recall.encode(&mut out, Serializer::Json, header.opaque, &[]);
        let ours = Header::decode(&split(&out).unwrap().unwrap().0).unwrap();
        assert_eq!((ours.ext, ours.code, ours.opaque), (header.ext, header.code, header.opaque));
    }
    for one in of_kind("request PUSH_REPLY_MESSAGE_TO_CLIENT", 3) {
        let header = one.header();
        let push = PushReply::decode(&header).unwrap();
        assert_eq!(push.topic, "DefaultCluster_REPLY_TOPIC");
        assert_eq!(push.store_host.unwrap().to_string(), "127.0.0.1:19976");
        assert_eq!(properties::get(push.properties, properties::MSG_TYPE), Some(properties::MSG_TYPE_REPLY));
        assert_eq!(ext_map(&push.to_header()), ext_map(&header), "{}", one.place);
    }
}

#[test]
fn ids_are_taken_apart_and_put_together() {
    let mut unique = 0;
    for one in captured() {
        let header = one.header();
        if header.code != request_code::SEND_MESSAGE_V2 || header.is_response() {
            continue;
        }
        let send = SendHeader::decode(&header).unwrap();
        let id = properties::get(send.properties, properties::UNIQ_KEY).unwrap();
        let parts = decode_unique_id(id).unwrap();
        assert_eq!(unique_id(&parts.seed, parts.millis_since_month_start, parts.counter), id, "{}", one.place);
        assert_eq!(properties::encode(&properties::decode(send.properties).collect::<Vec<_>>()), send.properties);
        unique += 1;
    }
    assert!(unique >= 65, "{unique}");
    for one in of_kind("response to SEND_MESSAGE_V2", 65) {
        let id = one.header().get("msgId").map(str::to_owned);
        if let Some(id) = id {
            assert_eq!(OffsetId::decode(&id).unwrap().encode(), id, "{}", one.place);
        }
    }
}

/// Rows: TR-05.
#[test]
fn traces_are_read_and_written_as_java_writes_them() {
    let mut traces = 0;
    for frame in captured().iter().filter(|frame| frame.kind == "request SEND_MESSAGE_V2") {
        let header = frame.header();
        if header.get("b") != Some(trace::TRACE_TOPIC) {
            continue;
        }
        traces += 1;
        let bytes = frame.frame().body.to_vec();
        let body = std::str::from_utf8(&bytes).unwrap();
        let records: Vec<TraceRecord<'_>> = trace::decode(body).map(Result::unwrap).collect();
        assert_eq!(records.iter().map(TraceRecord::encode).collect::<String>(), body, "{}", frame.place);
        let [TraceRecord::Published(record)] = records[..] else { panic!("{}: {records:?}", frame.place) };
        assert_eq!((record.region, record.group, record.topic), (trace::DEFAULT_REGION, "PG_vec_trace", "VecTopic"));
        assert_eq!((record.tags, record.keys, record.body_length), ("T", "k", "traced".len()));
        assert_eq!((record.message_type, record.success), (TracedType::Normal, true));
        assert_eq!(record.store_host, "127.0.0.1:29976");
        // Java's set of keys has no order.
        let keys = properties::get(header.get("i").unwrap(), properties::KEYS).unwrap();
        let mut keys: Vec<&str> = keys.split(' ').collect();
        let ours = trace::join_keys(
            records.iter().map(TraceRecord::index_keys).collect::<Vec<_>>().iter().map(String::as_str),
        );
        let mut ours: Vec<&str> = ours.split(' ').collect();
        keys.sort_unstable();
        ours.sort_unstable();
        assert_eq!(ours, keys, "{}", frame.place);
    }
    assert_eq!(traces, 3, "one in each set");
}
