//! Values of the remoting codec, as odd as the protocol allows.

use std::net::{IpAddr, SocketAddr};

use mqproducer::protocol::remoting::route::{BrokerData, QueueData, TopicQueueMapping, TopicRouteData};
use mqproducer::protocol::remoting::{Header, Language, SendHeader, Serializer};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

pub fn serializer() -> impl Strategy<Value = Serializer> {
    prop_oneof![Just(Serializer::Json), Just(Serializer::Rocketmq)]
}

/// Text with many characters that JSON escapes, that end properties, and that take several bytes.
pub fn text() -> impl Strategy<Value = String> {
    let nasty = prop_oneof![
        Just('\u{1}'),
        Just('\u{2}'),
        Just('"'),
        Just('\\'),
        Just('\n'),
        Just('\u{7f}'),
        Just('\u{e9}'),
        Just('\u{1f600}'),
        any::<char>(),
    ];
    prop_oneof![
        "[a-zA-Z0-9_%|-]{0,40}",
        vec(prop_oneof![4 => proptest::char::range('a', 'z'), 1 => nasty], 0..80)
            .prop_map(|chars| chars.into_iter().collect()),
    ]
}

/// Text that is not empty and has neither separators nor spaces.
pub fn word() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_.:@-]{1,30}"
}

pub fn body() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..100)
}

pub fn address() -> impl Strategy<Value = SocketAddr> {
    let host = prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u8; 16]>().prop_map(IpAddr::from)];
    (host, any::<u16>()).prop_map(|(host, port)| SocketAddr::new(host, port))
}

/// Names that `scan` looks at among others, with values that fit them.
fn ext() -> impl Strategy<Value = Vec<(String, String)>> {
    let number = any::<i32>().prop_map(|n| n.to_string());
    let known = prop_oneof![
        (Just("queueId".to_owned()), number.clone()),
        (Just("queueOffset".to_owned()), any::<i64>().prop_map(|n| n.to_string())),
        (Just("TRACE_ON".to_owned()), prop_oneof![Just("true".to_owned()), Just("false".to_owned())]),
        (
            prop_oneof![
                Just("msgId"),
                Just("transactionId"),
                Just("batchUniqId"),
                Just("recallHandle"),
                Just("MSG_REGION"),
            ]
            .prop_map(str::to_owned),
            text()
        ),
    ];
    vec(prop_oneof![known, ("x[a-z]{0,8}".prop_map(|name| name), text()), (text(), number)], 0..12)
}

prop_compose! {
    pub fn header()(
        code in any::<i16>(),
        language in 0u8..14,
        version in any::<i16>(),
        opaque in any::<i32>(),
        flag in any::<i32>(),
        remark in proptest::option::of(text().prop_filter("an empty remark is none", |text| !text.is_empty())),
        ext in ext(),
    ) -> Header {
        let (code, version) = (i32::from(code), i32::from(version));
        Header { code, language: Language(language), version, opaque, flag, remark, ext }
    }
}

/// A [`SendHeader`] with texts of its own.
#[derive(Debug, Clone)]
pub struct OwnedSend {
    texts: [String; 5],
    numbers: [i32; 5],
    born: i64,
    max: Option<i32>,
    unit_mode: bool,
    batch: bool,
}

impl OwnedSend {
    pub fn borrow(&self) -> SendHeader<'_> {
        let [group, topic, default_topic, properties, broker] = &self.texts;
        let [queues, queue, sys, flag, reconsume] = self.numbers;
        SendHeader {
            producer_group: group,
            topic,
            default_topic,
            default_topic_queue_nums: queues,
            queue_id: queue,
            sys_flag: sys,
            born_timestamp: self.born,
            flag,
            properties,
            reconsume_times: reconsume,
            unit_mode: self.unit_mode,
            max_reconsume_times: self.max,
            batch: self.batch,
            broker_name: broker,
        }
    }
}

prop_compose! {
    pub fn send()(
        texts in [text(), text(), text(), text(), text()],
        numbers in any::<[i32; 5]>(),
        born in any::<i64>(),
        max in any::<Option<i32>>(),
        unit_mode in any::<bool>(),
        batch in any::<bool>(),
    ) -> OwnedSend {
        OwnedSend { texts, numbers, born, max, unit_mode, batch }
    }
}

prop_compose! {
    fn queue_data()(
        broker_name in word(),
        read_queue_nums in 0..i32::MAX,
        write_queue_nums in 0..i32::MAX,
        perm in any::<i32>(),
        topic_sys_flag in any::<i32>(),
    ) -> QueueData {
        QueueData { broker_name, read_queue_nums, write_queue_nums, perm, topic_sys_flag }
    }
}

prop_compose! {
    fn broker_data()(
        cluster in text(),
        broker_name in word(),
        broker_addrs in btree_map(any::<i64>(), text(), 0..4),
    ) -> BrokerData {
        BrokerData { cluster, broker_name, broker_addrs }
    }
}

prop_compose! {
    fn queue_mapping()(
        bname in text(),
        curr_id_map in btree_map(any::<i32>(), any::<i32>(), 0..4),
        epoch in any::<i64>(),
        scope in text(),
        topic in text(),
        total_queues in 0..i32::MAX,
    ) -> TopicQueueMapping {
        TopicQueueMapping { bname, curr_id_map, epoch, scope, topic, total_queues }
    }
}

prop_compose! {
    pub fn route()(
        queue_datas in vec(queue_data(), 0..4),
        broker_datas in vec(broker_data(), 0..4),
        order_topic_conf in proptest::option::of(text()),
        topic_queue_mapping_by_broker in btree_map(text(), queue_mapping(), 0..3),
    ) -> TopicRouteData {
        TopicRouteData { queue_datas, broker_datas, order_topic_conf, topic_queue_mapping_by_broker }
    }
}
