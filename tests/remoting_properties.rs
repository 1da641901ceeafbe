//! What must hold of the remoting codec for any value and any bytes.

use std::collections::BTreeMap;

use bytes::BytesMut;
use mqproducer::protocol::remoting::heartbeat::Heartbeat;
use mqproducer::protocol::remoting::message_id::{OffsetId, UniqueId, UniqueIdSeed, decode_unique_id, unique_id};
use mqproducer::protocol::remoting::recall::{RecallHandle, RecallMessage};
use mqproducer::protocol::remoting::reply::PushReply;
use mqproducer::protocol::remoting::route::{IntKeys, TopicRouteData};
use mqproducer::protocol::remoting::send::NumberText;
use mqproducer::protocol::remoting::stored_message::StoredMessage;
use mqproducer::protocol::remoting::transaction::{CheckTransactionState, EndTransaction, TransactionState};
use mqproducer::protocol::remoting::{
    Frame, Header, SendHeader, Serializer, acl, batch, encode_request, encode_send, properties, scan, split,
    stored_message,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

#[path = "remoting_properties/strategies.rs"]
mod strategies;

use strategies::{address, body, header, route, send, serializer, text, word};

fn whole(bytes: &[u8]) -> Frame<'_> {
    let (frame, used) = split(bytes).unwrap().unwrap();
    assert_eq!(used, bytes.len());
    frame
}

/// Runs every decoder; what they say does not matter here, that they return does.
fn decode_everything(bytes: &[u8]) {
    if let Ok(Some((frame, used))) = split(bytes) {
        assert!(used <= bytes.len());
        let _ = Header::decode(&frame);
        let _ = scan(&frame);
    }
    for serializer in [Serializer::Json, Serializer::Rocketmq] {
        let frame = Frame { serializer, header: bytes, body: b"" };
        if let Ok(header) = Header::decode(&frame) {
            let _ = SendHeader::decode(&header);
            let _ = PushReply::decode(&header);
            let _ = EndTransaction::decode(&header);
            let _ = CheckTransactionState::decode(&header);
            let _ = RecallMessage::decode(&header);
        }
        let _ = scan(&frame);
    }
    let _ = TopicRouteData::decode(bytes);
    let _ = Heartbeat::decode(bytes);
    assert!(batch::decode(bytes).count() <= bytes.len());
    assert!(stored_message::decode(bytes).count() <= bytes.len());
    let _ = stored_message::decode_one(bytes);
    let lossy = String::from_utf8_lossy(bytes);
    assert!(properties::decode(&lossy).count() <= lossy.len());
    let _ = RecallHandle::decode(&lossy);
    let _ = OffsetId::decode(&lossy);
    let _ = decode_unique_id(&lossy);
}

fn cases(number: u32) -> ProptestConfig {
    ProptestConfig { cases: number, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..200)) {
        decode_everything(&bytes);
    }

    #[test]
    fn no_json_like_bytes_panic(parts in vec(prop_oneof![
        Just("{"), Just("}"), Just("["), Just("]"), Just(","), Just(":"), Just("\""), Just("\\"), Just("\\u00"),
        Just("null"), Just("true"), Just("-1"), Just("9999999999999999999999"), Just("\u{e9}"), Just(" "),
        Just("\"code\":1"), Just("\"opaque\":1"), Just("\"extFields\":{"), Just("\"queueId\":\"x\""),
        Just("\"queueDatas\":["), Just("\"brokerAddrs\":{0:"), Just("\"clientID\":\"c\""),
    ], 0..40)) {
        decode_everything(parts.concat().as_bytes());
    }

    /// Legal frames with a byte changed or an end cut off get further than random bytes.
    #[test]
    fn no_damaged_frame_panics(
        header in header(), serializer in serializer(), body in body(), at in any::<prop::sample::Index>(),
        byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut out = BytesMut::new();
        header.encode(serializer, &body, &mut out);
        let at = at.index(out.len());
        if cut { out.truncate(at) } else { out[at] = byte }
        decode_everything(&out);
        decode_everything(out.get(8..).unwrap_or_default());
    }
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn headers_survive_both_serializers(header in header(), serializer in serializer(), body in body()) {
        let mut out = BytesMut::from(&b"before"[..]);
        header.encode(serializer, &body, &mut out);
        let frame = whole(&out[6..]);
        prop_assert_eq!(frame.body, &body[..]);
        prop_assert_eq!(Header::decode(&frame).unwrap(), header);
    }

    #[test]
    fn our_json_is_json(header in header()) {
        let mut out = BytesMut::new();
        header.encode(Serializer::Json, b"", &mut out);
        let value: serde_json::Value = serde_json::from_slice(whole(&out).header).unwrap();
        prop_assert_eq!(value["remark"].as_str(), header.remark.as_deref());
        for (name, _) in &header.ext {
            prop_assert_eq!(value["extFields"][name].as_str(), header.get(name));
        }
    }

    #[test]
    fn scan_agrees_with_the_whole_header(header in header(), serializer in serializer()) {
        let mut out = BytesMut::new();
        header.encode(serializer, b"", &mut out);
        let scan = scan(&whole(&out)).unwrap();
        prop_assert_eq!((scan.code, scan.flag), (header.code, header.flag));
        prop_assert_eq!((scan.opaque, scan.version), (header.opaque, header.version));
        prop_assert_eq!(&*scan.remark, header.remark.as_deref().unwrap_or(""));
        prop_assert_eq!(&*scan.msg_id, header.get("msgId").unwrap_or(""));
        prop_assert_eq!(&*scan.transaction_id, header.get("transactionId").unwrap_or(""));
        prop_assert_eq!(&*scan.batch_uniq_id, header.get("batchUniqId").unwrap_or(""));
        prop_assert_eq!(&*scan.recall_handle, header.get("recallHandle").unwrap_or(""));
        prop_assert_eq!(&*scan.region_id, header.get("MSG_REGION").unwrap_or(""));
        prop_assert_eq!(scan.queue_id, header.int_or("queueId", -1).unwrap());
        prop_assert_eq!(scan.queue_offset, header.int_or("queueOffset", -1).unwrap());
        prop_assert_eq!(scan.trace_on, header.get("TRACE_ON") != Some("false"));
        prop_assert_eq!((scan.is_response(), scan.is_oneway()), (header.is_response(), header.is_oneway()));
    }

    #[test]
    fn sends_come_back_as_they_went(
        send in send(), code in prop::sample::select(vec![10, 310, 320, 324, 325]), serializer in serializer(),
        opaque in any::<i32>(), oneway in any::<bool>(), ns in text(), body in body(),
    ) {
        let header = send.borrow();
        let mut out = BytesMut::new();
        encode_send(&mut out, code, serializer, opaque, oneway, &header, &[("ns", &ns), ("n\"s", &ns)], &body);
        let frame = whole(&out);
        let decoded = Header::decode(&frame).unwrap();
        prop_assert_eq!(SendHeader::decode(&decoded).unwrap(), header);
        prop_assert_eq!(decoded.get("ns"), Some(&*ns));
        prop_assert_eq!(decoded.get("n\"s"), Some(&*ns));
        prop_assert_eq!((decoded.code, decoded.opaque, decoded.is_oneway()), (code, opaque, oneway));
        prop_assert_eq!(frame.body, &body[..]);

        // The quick encoder writes what the general one does, to the byte.
        let mut text = NumberText::default();
        let mut fields = header.fields(code, &mut text);
        fields.extend([("ns", &*ns), ("n\"s", &*ns)]);
        let mut general = BytesMut::new();
        encode_request(&mut general, code, serializer, opaque, decoded.flag, &fields, &body);
        prop_assert_eq!(out, general);
    }

    #[test]
    fn routes_come_back(route in route(), bare in any::<bool>()) {
        let mut out = BytesMut::new();
        route.encode(if bare { IntKeys::Bare } else { IntKeys::Quoted }, &mut out);
        prop_assert_eq!(TopicRouteData::decode(&out).unwrap(), route);
    }

    #[test]
    fn heartbeats_come_back(client in text(), groups in vec(text(), 0..4), known in any::<bool>()) {
        for heartbeat in [Heartbeat::v1(&client, &groups), Heartbeat::v2(&client, &groups, known)] {
            let mut out = BytesMut::new();
            heartbeat.encode(&mut out);
            prop_assert_eq!(Heartbeat::decode(&out).unwrap(), heartbeat);
        }
    }

    #[test]
    fn properties_come_back_in_order(pairs in vec((word(), "[^\u{1}\u{2}]{1,20}"), 0..8)) {
        let borrowed: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let text = properties::encode(&borrowed);
        prop_assert_eq!(properties::decode(&text).collect::<Vec<_>>(), borrowed);
        let last: BTreeMap<_, _> = pairs.iter().cloned().collect();
        for (name, value) in &last {
            prop_assert_eq!(properties::get(&text, name), Some(value.as_str()));
        }
    }

    #[test]
    fn batches_come_back(messages in vec((any::<i32>(), body(), text()), 0..6)) {
        let borrowed: Vec<_> = messages
            .iter()
            .map(|(flag, body, properties)| batch::BatchMessage { flag: *flag, body, properties })
            .collect();
        let mut out = BytesMut::new();
        for message in &borrowed {
            batch::encode(&mut out, message).unwrap();
        }
        prop_assert_eq!(out.len(), borrowed.iter().map(batch::encoded_len).sum::<usize>());
        prop_assert_eq!(batch::decode(&out).collect::<Result<Vec<_>, _>>().unwrap(), borrowed);
    }

    #[test]
    fn stored_messages_come_back(
        born_host in address(), store_host in address(), numbers in any::<[i32; 4]>(), longs in any::<[i64; 5]>(),
        body in body(), topic in "[a-zA-Z0-9_-]{0,200}", properties in text(), sys_flag in any::<i32>(),
    ) {
        let message = StoredMessage {
            body_crc: stored_message::body_crc(&body),
            queue_id: numbers[0],
            flag: numbers[1],
            queue_offset: longs[0],
            commit_log_offset: longs[1],
            sys_flag: sys_flag & !0x30 | i32::from(born_host.is_ipv6()) << 4 | i32::from(store_host.is_ipv6()) << 5,
            born_timestamp: longs[2],
            born_host,
            store_timestamp: longs[3],
            store_host,
            reconsume_times: numbers[2],
            prepared_transaction_offset: longs[4],
            body: &body,
            topic: &topic,
            properties: &properties,
        };
        let mut out = BytesMut::new();
        message.encode(&mut out).unwrap();
        prop_assert_eq!(stored_message::decode_one(&out).unwrap(), message);
        message.encode(&mut out).unwrap();
        prop_assert_eq!(stored_message::decode(&out).filter_map(Result::ok).count(), 2);
        prop_assert!(stored_message::decode_one(&out).is_err());
        let id = message.offset_id();
        prop_assert_eq!(id.encode().len(), if store_host.is_ipv6() { 56 } else { 32 });
        prop_assert_eq!(OffsetId::decode(&id.encode()).unwrap(), id);
    }

    #[test]
    fn unique_ids_come_back(host in address(), pid in any::<u16>(), hash in any::<i32>(), millis in any::<i32>(),
        counter in any::<u16>(),
    ) {
        let seed = UniqueIdSeed { host: host.ip(), pid, hash };
        let id = unique_id(&seed, millis, counter);
        prop_assert!(id.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)));
        prop_assert_eq!(decode_unique_id(&id).unwrap(), UniqueId { seed, millis_since_month_start: millis, counter });
    }

    #[test]
    fn transactions_come_back(
        texts in [text(), text(), text(), text()], offsets in any::<[i64; 2]>(), check in any::<bool>(),
        state in prop::sample::select(vec![
            TransactionState::Unknown, TransactionState::Commit, TransactionState::Rollback,
        ]),
        serializer in serializer(), remark in word(),
    ) {
        let [topic, group, id, broker] = &texts;
        let end = EndTransaction {
            topic,
            producer_group: group,
            tran_state_table_offset: offsets[0],
            commit_log_offset: offsets[1],
            state,
            from_transaction_check: check,
            msg_id: id,
            transaction_id: id,
            broker_name: broker,
        };
        let mut out = BytesMut::new();
        end.encode(&mut out, serializer, 5, Some(&remark), &[("ns", "x")]);
        let header = Header::decode(&whole(&out)).unwrap();
        prop_assert_eq!(EndTransaction::decode(&header).unwrap(), end);
        prop_assert_eq!((header.is_oneway(), header.remark.as_deref()), (true, Some(&*remark)));

        let question = CheckTransactionState {
            topic,
            tran_state_table_offset: offsets[0],
            commit_log_offset: offsets[1],
            msg_id: id,
            transaction_id: id,
            offset_msg_id: broker,
            broker_name: broker,
        };
        let asked = question.to_header();
        prop_assert_eq!(CheckTransactionState::decode(&asked).unwrap(), question);
    }

    #[test]
    fn push_replies_come_back(
        texts in [text(), text(), text(), text()], numbers in any::<[i32; 5]>(), times in any::<[i64; 2]>(),
        unit_mode in any::<bool>(), hosts in [proptest::option::of(address()), proptest::option::of(address())],
    ) {
        let [producer_group, topic, default_topic, properties] = &texts;
        let push = PushReply {
            producer_group,
            topic,
            default_topic,
            default_topic_queue_nums: numbers[0],
            queue_id: numbers[1],
            sys_flag: numbers[2],
            born_timestamp: times[0],
            flag: numbers[3],
            properties,
            reconsume_times: numbers[4],
            unit_mode,
            born_host: hosts[0],
            store_host: hosts[1],
            store_timestamp: times[1],
        };
        let header = push.to_header();
        prop_assert_eq!(PushReply::decode(&header).unwrap(), push);
    }

    #[test]
    fn recalls_come_back(
        words in [word(), word(), word(), word()], deliver_ms in any::<i64>(), serializer in serializer(),
    ) {
        let [topic, broker_name, uniq_key, group] = words;
        let handle = RecallHandle { topic: topic.clone(), broker_name, deliver_ms, uniq_key };
        let text = handle.encode();
        prop_assert_eq!(RecallHandle::decode(&text).unwrap(), handle);
        let recall = RecallMessage {
            producer_group: &group, topic: &topic, recall_handle: &text, broker_name: "broker",
        };
        let mut out = BytesMut::new();
        recall.encode(&mut out, serializer, 1, &[]);
        let header = Header::decode(&whole(&out)).unwrap();
        prop_assert_eq!(RecallMessage::decode(&header).unwrap(), recall);
    }

    #[test]
    fn signatures_do_not_depend_on_order(
        fields in btree_map(word(), text(), 1..8), body in body(), at in any::<prop::sample::Index>(),
    ) {
        let mut pairs: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let signed = acl::signature("key", &pairs, &body);
        let middle = at.index(pairs.len());
        pairs.rotate_left(middle);
        prop_assert_eq!(acl::signature("key", &pairs, &body), signed);
    }
}
