//! What servers answer.

use std::io::Write;

use bytes::BytesMut;
use mqproducer::mock::Cluster;
use mqproducer::protocol::remoting::command::{request_code as request, response_code as response};
use mqproducer::protocol::remoting::{
    Identity, Language, SendHeader, Serializer, batch, encode_send, properties, stored_message, sys_flag,
};

use super::client::{Answer, Client, header, one, zlib};

#[test]
fn routes_of_known_and_unknown_topics() {
    let cluster = Cluster::open("", 2, 8).unwrap();
    let mut client = Client::name_server(&cluster);
    let route = client.route("TBW102");
    let names: Vec<_> = route.broker_datas.iter().map(|broker| broker.broker_name.as_str()).collect();
    assert_eq!(names, ["broker-a", "broker-b"]);
    assert_ne!(route.broker_datas[0].master(), route.broker_datas[1].master());
    for queues in &route.queue_datas {
        assert_eq!((queues.perm, queues.read_queue_nums, queues.write_queue_nums), (7, 8, 8));
    }

    let answer = client.call(request::GET_ROUTEINFO_BY_TOPIC, &[("topic", "T")], b"");
    assert_eq!(answer.header.code, response::TOPIC_NOT_EXIST);
    assert!(answer.remark().starts_with("No topic route info in name server for the topic: T\nSee https://"));

    // The first send makes the topic, on that broker alone.
    let code = Client::broker(&cluster, 1).send(&header("T", ""), b"x").header.code;
    assert_eq!(code, response::SUCCESS);
    let route = client.route("T");
    assert_eq!(route.broker_datas.len(), 1);
    assert_eq!(route.queue_datas[0].broker_name, "broker-b");
    assert_eq!((route.queue_datas[0].perm, route.queue_datas[0].write_queue_nums), (6, 4));

    cluster.create_topic("T", 3).unwrap();
    let queues: Vec<_> = client.route("T").queue_datas.iter().map(|queues| queues.write_queue_nums).collect();
    assert_eq!(queues, [3, 3]);
}

#[test]
fn old_clients_get_routes_with_bare_keys() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let mut client = Client::name_server(&cluster);
    let mut body = |version, fields: &[(&str, &str)]| {
        let identity = Identity { language: Language::JAVA, version };
        let answer = client.call_as(identity, Serializer::Json, request::GET_ROUTEINFO_BY_TOPIC, fields, b"");
        String::from_utf8(answer.body).unwrap()
    };
    assert!(body(400, &[("topic", "TBW102")]).contains("{0:\"127.0.0.1:"));
    assert!(body(401, &[("topic", "TBW102")]).contains("{\"0\":\"127.0.0.1:"));
    assert!(body(0, &[("topic", "TBW102"), ("acceptStandardJsonOnly", "true")]).contains("{\"0\":\"127.0.0.1:"));
}

#[test]
fn a_message_is_listed_as_it_was_sent_in_every_form() {
    let sent =
        "KEYS\u{1}k1 k2\u{2}color\u{1}blå\u{2}UNIQ_KEY\u{1}ID\u{2}WAIT\u{1}true\u{2}TAGS\u{1}t\u{2}BUYER_ID\u{1}3\u{2}";
    for (code, serializer) in [
        (request::SEND_MESSAGE_V2, Serializer::Json),
        (request::SEND_MESSAGE_V2, Serializer::Rocketmq),
        (request::SEND_MESSAGE, Serializer::Json),
        (request::SEND_MESSAGE, Serializer::Rocketmq),
    ] {
        let cluster = Cluster::open("", 1, 8).unwrap();
        let mut client = Client::broker(&cluster, 0);
        let header = SendHeader { queue_id: 2, flag: 7, ..header("T", sent) };
        let answer = client.send_as(code, serializer, &header, b"\0body\xff");
        assert_eq!((answer.header.code, answer.header.remark.as_deref()), (response::SUCCESS, None));
        assert_eq!(answer.serializer, Serializer::Json, "a server answers in its own serializer");
        assert_eq!((answer.header.language, answer.header.version), (Language::JAVA, 513));
        assert_eq!((answer.field("queueId"), answer.field("queueOffset")), ("2", "0"));
        assert_eq!((answer.field("MSG_REGION"), answer.field("TRACE_ON")), ("DefaultRegion", "true"));
        assert_eq!(answer.field("transactionId"), "ID");

        let message = one(&cluster, "T");
        assert_eq!((message.topic.as_str(), message.broker_name.as_str()), ("T", "broker-a"));
        assert_eq!((message.queue_id, message.queue_offset, message.flag, message.sys_flag), (2, 0, 7, 0));
        assert_eq!((message.message_id.as_str(), message.offset_message_id.as_str()), ("ID", answer.field("msgId")));
        assert_eq!((message.tags.as_deref(), message.keys.as_deref()), (Some("t"), Some("k1 k2")));
        assert_eq!((message.body.as_slice(), message.born_timestamp), (&b"\0body\xff"[..], 1_700_000_000_123));
        assert!(message.store_timestamp > message.born_timestamp);
        assert_eq!((message.property("color"), message.property("BUYER_ID")), (Some("blå"), Some("3")));
        let names: Vec<_> = message.properties.iter().map(|(name, _)| name.as_str()).collect();
        let wanted = ["KEYS", "color", "UNIQ_KEY", "WAIT", "TAGS", "BUYER_ID", "MSG_REGION", "TRACE_ON", "CLUSTER"];
        assert_eq!(names, wanted);
    }
}

#[test]
fn ids_are_those_of_a_real_commit_log() {
    // Sizes and offsets as captured from a real broker: 112 and 94 bytes of properties, then a batch.
    let cluster = Cluster::open("", 1, 8).unwrap();
    let mut client = Client::broker(&cluster, 0);
    let long = format!("p\u{1}{}\u{2}", "v".repeat(109));
    let first = client.send(&header("VecTopic", &long), b"hello rocketmq");
    let second = client.send(&header("VecTopic", ""), b"x");
    let offset = |answer: &Answer| i64::from_str_radix(&answer.field("msgId")[16..], 16).unwrap();
    assert_eq!((offset(&first), offset(&second)), (0, 287));
    let port: u32 = client.stream.peer_addr().unwrap().port().into();
    assert_eq!(first.field("msgId")[..16], format!("7F000001{port:08X}"));
}

#[test]
fn a_batch_becomes_its_messages() {
    let cluster = Cluster::open("", 1, 8).unwrap();
    let mut client = Client::broker(&cluster, 0);
    client.send(&SendHeader { queue_id: 1, ..header("T", "") }, b"before");
    let mut body = BytesMut::new();
    let texts: Vec<String> = (0..3).map(|n| format!("UNIQ_KEY\u{1}ID{n}\u{2}KEYS\u{1}k{n}\u{2}")).collect();
    for (n, properties) in texts.iter().enumerate() {
        batch::encode(&mut body, &batch::BatchMessage { flag: n as i32, body: &[n as u8], properties }).unwrap();
    }
    let header = SendHeader { batch: true, queue_id: 1, ..header("T", "UNIQ_KEY\u{1}BATCH\u{2}") };
    let answer = client.send(&header, &body);
    assert_eq!((answer.field("queueId"), answer.field("queueOffset")), ("1", "1"));
    assert_eq!(answer.field("transactionId"), "BATCH");

    let messages = cluster.messages(None);
    assert_eq!(messages.len(), 4);
    let ids: Vec<_> = messages[1..].iter().map(|message| message.offset_message_id.as_str()).collect();
    assert_eq!(answer.field("msgId"), ids.join(","));
    for (n, message) in messages[1..].iter().enumerate() {
        assert_eq!((message.queue_id, message.queue_offset), (1, n as i64 + 1));
        assert_eq!((message.body.as_slice(), message.flag), (&[n as u8][..], n as i32));
        assert_eq!(
            (message.message_id.as_str(), message.keys.as_deref()),
            (&*format!("ID{n}"), Some(&*format!("k{n}")))
        );
        assert_eq!(message.properties.len(), 2, "the batch's own properties are not the messages'");
    }

    let broken = client.send(&header, &body[..body.len() - 1]);
    assert_eq!(broken.header.code, response::SYSTEM_ERROR);
    assert_eq!(cluster.message_count(None), 4, "a batch is stored whole or not at all");
}

#[test]
fn refusals_are_those_of_a_broker() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let mut client = Client::broker(&cluster, 0);
    let large = vec![b'x'; 4 * 1024 * 1024 + 1];
    let long = format!("p\u{1}{}\u{2}", "v".repeat(32_768));
    let long_topic = "t".repeat(128);
    let good = header("T", "");
    let illegal = "the message is illegal, maybe msg body or properties length not matched. msg body length limit \
                   4194304B, msg properties length limit 32KB.";
    let port = client.stream.local_addr().unwrap();
    let no_queue = format!(
        "request queueId[4] is illegal, TopicConfig [topicName=T, readQueueNums=4, writeQueueNums=4, perm=RW-, \
         topicFilterType=SINGLE_TAG, topicSysFlag=0, order=false, attributes={{}}] Producer: {port}"
    );
    let cases: [(SendHeader<'_>, &[u8], i32, &str); 10] = [
        (header("", ""), b"x", response::INVALID_PARAMETER, "The specified topic is blank."),
        (header("a b", ""), b"x", response::INVALID_PARAMETER, "The specified topic: a b, contains illegal characters"),
        (header(&long_topic, ""), b"x", response::INVALID_PARAMETER, "The specified topic: t"),
        (header("SCHEDULE_TOPIC_XXXX", ""), b"x", response::NO_PERMISSION, "Sending message to topic[SCHEDULE_TOPIC"),
        (good, b"", response::SYSTEM_ERROR, "java.lang.NullPointerException"),
        (good, &large, response::MESSAGE_ILLEGAL, illegal),
        (header("T", &long), b"x", response::MESSAGE_ILLEGAL, illegal),
        (SendHeader { queue_id: 4, ..good }, b"x", response::INVALID_PARAMETER, &no_queue),
        (SendHeader { default_topic: "X", ..header("N", "") }, b"x", response::TOPIC_NOT_EXIST, "topic[N] not exist"),
        (header("T", "TIMER_DELAY_MS\u{1}x\u{2}"), b"x", response::MESSAGE_ILLEGAL, "timer message illegal, the delay"),
    ];
    for (header, body, code, remark) in cases {
        let answer = client.send(&header, body);
        assert_eq!(answer.header.code, code, "{}", answer.remark());
        assert!(answer.remark().starts_with(remark), "{}", answer.remark());
        assert_eq!(answer.field("TRACE_ON"), "true");
    }
    let answer = client.call(request::SEND_MESSAGE_V2, &[("a", "G")], b"x");
    assert_eq!((answer.header.code, answer.remark()), (response::SYSTEM_ERROR, "b is missing"));
    let answer = client.call(9999, &[], b"");
    let code = response::REQUEST_CODE_NOT_SUPPORTED;
    assert_eq!((answer.header.code, answer.remark()), (code, " request type 9999 not supported"));
    assert_eq!(cluster.message_count(None), 0);

    // At the limits, all is well.
    let answer = client.send(&SendHeader { queue_id: 3, ..good }, &large[1..]);
    assert_eq!(answer.header.code, response::SUCCESS, "{}", answer.remark());
}

#[test]
fn a_broker_chooses_the_queue_without_one_and_by_priority() {
    let cluster = Cluster::open("", 1, 2).unwrap();
    let mut client = Client::broker(&cluster, 0);
    let mut seen = [0; 2];
    for _ in 0..64 {
        let answer = client.send(&SendHeader { queue_id: -1, ..header("T", "") }, b"x");
        let queue: usize = answer.field("queueId").parse().unwrap();
        assert_eq!(answer.field("queueOffset"), seen[queue].to_string());
        seen[queue] += 1;
    }
    // Both: 64 fair coins all of one side are not seen in a lifetime.
    assert!(seen.iter().all(|&count| count > 0), "{seen:?}");
    let priority = |n| format!("_SYS_MSG_PRIORITY_\u{1}{n}\u{2}");
    assert_eq!(client.send(&header("T", &priority(1)), b"x").field("queueId"), "1");
    assert_eq!(client.send(&header("T", &priority(9)), b"x").field("queueId"), "1");
}

#[test]
fn garbage_closes_its_connection_and_no_other() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let mut good = Client::broker(&cluster, 0);
    let garbage: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n\r\n",
        // One byte over the largest frame.
        &[0x00, 0xff, 0xff, 0xfd],
        &[0, 0, 0, 3],
        // A serializer that does not exist.
        &[0, 0, 0, 6, 9, 0, 0, 2, b'{', b'}'],
        &[0, 0, 0, 6, 0, 0, 0, 2, b'{', b'}'],
    ];
    for bytes in garbage {
        let mut client = Client::broker(&cluster, 0);
        // What was asked before is still answered.
        let mut frames = BytesMut::new();
        encode_send(&mut frames, request::SEND_MESSAGE_V2, Serializer::Json, 1, false, &header("T", ""), &[], b"x");
        frames.extend_from_slice(bytes);
        client.stream.write_all(&frames).unwrap();
        assert_eq!(client.receive().unwrap().header.opaque, 1);
        assert!(client.receive().is_none());
    }
    assert_eq!(good.send(&header("T", ""), b"x").header.code, response::SUCCESS);
    assert_eq!(cluster.message_count(None), garbage.len() + 1);
}

#[test]
fn many_frames_in_odd_pieces_are_answered_in_order() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let mut client = Client::broker(&cluster, 0);
    let mut frames = BytesMut::new();
    const COUNT: i32 = 3000;
    for opaque in 0..COUNT {
        let serializer = if opaque % 2 == 0 { Serializer::Json } else { Serializer::Rocketmq };
        let body = opaque.to_string();
        encode_send(&mut frames, 310, serializer, opaque, false, &header("T", ""), &[], body.as_bytes());
    }
    let mut writer = client.stream.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for piece in frames.chunks(777) {
                writer.write_all(piece).unwrap();
            }
        });
        for opaque in 0..COUNT {
            let answer = client.receive().unwrap();
            assert_eq!((answer.header.opaque, answer.field("queueOffset")), (opaque, &*opaque.to_string()));
        }
    });
    let bodies: Vec<_> = cluster.messages(None).into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, (0..COUNT).map(|n| n.to_string().into_bytes()).collect::<Vec<_>>());
}

#[test]
fn a_cluster_can_answer_in_the_binary_serializer() {
    let cluster = Cluster::builder().serializer(Serializer::Rocketmq).start().unwrap();
    let mut client = Client::broker(&cluster, 0);
    let answer = client.send(&header("T", ""), b"x");
    assert_eq!((answer.serializer, answer.field("queueOffset")), (Serializer::Rocketmq, "0"));
    assert_eq!(client.call(9999, &[], b"").remark(), " request type 9999 not supported");
}

#[test]
fn messages_can_be_pulled() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    let mut client = Client::broker(&cluster, 0);
    let fields = [("topic", "T"), ("readQueueNums", "2"), ("writeQueueNums", "2"), ("perm", "6")];
    assert_eq!(client.call(request::UPDATE_AND_CREATE_TOPIC, &fields, b"").header.code, response::SUCCESS);
    let packed = zlib(b"packed");
    let header = SendHeader { queue_id: 1, ..header("T", "TAGS\u{1}t\u{2}") };
    let flagged = sys_flag::with_compression(0, sys_flag::Compression::Zlib);
    client.send(&header, b"first");
    client.send(&SendHeader { sys_flag: flagged, ..header }, &packed);
    client.send(&header, b"third");

    let offset = |client: &mut Client, code, queue| {
        client.call(code, &[("topic", "T"), ("queueId", queue)], b"").field("offset").to_owned()
    };
    assert_eq!(offset(&mut client, request::GET_MAX_OFFSET, "1"), "3");
    assert_eq!(offset(&mut client, request::GET_MAX_OFFSET, "0"), "0");
    assert_eq!(offset(&mut client, request::GET_MIN_OFFSET, "1"), "0");

    let pull = |client: &mut Client, from: &str, most: &str| {
        let fields = [("topic", "T"), ("queueId", "1"), ("queueOffset", from), ("maxMsgNums", most)];
        client.call(request::PULL_MESSAGE, &fields, b"")
    };
    let answer = pull(&mut client, "1", "32");
    assert_eq!((answer.header.code, answer.field("nextBeginOffset")), (response::SUCCESS, "3"));
    assert_eq!((answer.field("minOffset"), answer.field("maxOffset")), ("0", "3"));
    let pulled: Result<Vec<_>, _> = stored_message::decode(&answer.body).collect();
    let pulled = pulled.unwrap();
    assert_eq!(pulled.len(), 2);
    // As sent: it is the consumer who inflates.
    assert_eq!((pulled[0].body, pulled[0].sys_flag, pulled[0].queue_offset), (packed.as_slice(), 0x301, 1));
    assert_eq!((pulled[1].body, pulled[1].topic, pulled[1].queue_id), (&b"third"[..], "T", 1));
    assert_eq!(pulled[1].body_crc, stored_message::body_crc(b"third"));
    assert_eq!(pulled[1].born_host, client.stream.local_addr().unwrap());
    assert_eq!(properties::get(pulled[1].properties, "CLUSTER"), Some("DefaultCluster"));
    assert_eq!(pulled[1].offset_id().encode(), cluster.messages(None)[2].offset_message_id);

    assert_eq!(pull(&mut client, "0", "1").field("nextBeginOffset"), "1");
    assert_eq!(pull(&mut client, "3", "32").header.code, response::PULL_NOT_FOUND);
    let moved = pull(&mut client, "4", "32");
    assert_eq!((moved.header.code, moved.field("nextBeginOffset")), (21, "3"));
    cluster.clear();
    assert_eq!(offset(&mut client, request::GET_MIN_OFFSET, "1"), "3");
    let moved = pull(&mut client, "0", "32");
    assert_eq!((moved.header.code, moved.field("nextBeginOffset")), (21, "3"));

    let fields = [("topic", "T"), ("queueId", "2"), ("queueOffset", "0"), ("maxMsgNums", "1")];
    assert_eq!(client.call(request::PULL_MESSAGE, &fields, b"").header.code, response::INVALID_PARAMETER);
    let fields = [("topic", "X"), ("queueId", "0"), ("queueOffset", "0"), ("maxMsgNums", "1")];
    assert_eq!(client.call(request::PULL_MESSAGE, &fields, b"").header.code, response::TOPIC_NOT_EXIST);
    for (field, value, code) in [("topic", "a b", 29), ("readQueueNums", "2000", 29), ("perm", "x", 1)] {
        let fields = [("topic", "U"), ("readQueueNums", "2"), ("writeQueueNums", "2"), ("perm", "6"), (field, value)];
        assert_eq!(client.call(request::UPDATE_AND_CREATE_TOPIC, &fields, b"").header.code, code, "{field}");
    }
}
