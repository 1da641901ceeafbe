//! A topic's route, as name servers answer it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::{BufMut, BytesMut};

use super::error::CodecError;
use super::json::{Reader, parse_int, put_int, put_string};

/// `perm` bit: consumers may read.
pub const PERM_READ: i32 = 4;
/// `perm` bit: producers may write.
pub const PERM_WRITE: i32 = 2;
/// `perm` bit: topics made on the fly inherit from it.
pub const PERM_INHERIT: i32 = 1;
/// The broker id of a master.
pub const MASTER_ID: i64 = 0;

/// A topic's queues and the brokers that have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicRouteData {
    /// Queues, by broker.
    pub queue_datas: Vec<QueueData>,
    /// Brokers.
    pub broker_datas: Vec<BrokerData>,
    /// Order of queues of an ordered topic: `broker:queues;…`.
    pub order_topic_conf: Option<String>,
    /// Of a static topic, the queues by broker.
    pub topic_queue_mapping_by_broker: BTreeMap<String, TopicQueueMapping>,
}

/// A topic's queues on one broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueData {
    /// The broker.
    pub broker_name: String,
    /// How many queues can be read; not negative.
    pub read_queue_nums: i32,
    /// How many queues can be written; not negative.
    pub write_queue_nums: i32,
    /// [`PERM_READ`], [`PERM_WRITE`], [`PERM_INHERIT`].
    pub perm: i32,
    /// Bits without meaning for a producer.
    pub topic_sys_flag: i32,
}

/// One broker name and its members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerData {
    /// Its cluster.
    pub cluster: String,
    /// Its name.
    pub broker_name: String,
    /// `host:port` by broker id; [`MASTER_ID`] is the master.
    pub broker_addrs: BTreeMap<i64, String>,
}

impl BrokerData {
    /// The master's address.
    pub fn master(&self) -> Option<&str> {
        self.broker_addrs.get(&MASTER_ID).map(String::as_str)
    }
}

/// The queues of a static topic on one broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicQueueMapping {
    /// The broker.
    pub bname: String,
    /// The broker's queue of each logical queue.
    pub curr_id_map: BTreeMap<i32, i32>,
    /// Which of several mappings is the newest.
    pub epoch: i64,
    /// The scope, `__global__` mostly.
    pub scope: String,
    /// The topic.
    pub topic: String,
    /// How many logical queues the topic has.
    pub total_queues: i32,
}

/// How the keys of maps with whole-number keys are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntKeys {
    /// `{"0":…}`: to clients of version 4.9.4 and later.
    Quoted,
    /// `{0:…}`: to older ones.
    Bare,
}

/// Reads the members of an object, `null` counting as one without any.
fn members<'a>(
    json: &mut Reader<'a>,
    field: &'static str,
    mut member: impl FnMut(&mut Reader<'a>, Cow<'a, str>) -> Result<(), CodecError>,
) -> Result<(), CodecError> {
    let mut first = true;
    if json.object(field)? {
        while let Some(key) = json.key(&mut first, field)? {
            member(json, key)?;
        }
    }
    Ok(())
}

fn text(json: &mut Reader<'_>, field: &'static str) -> Result<String, CodecError> {
    Ok(json.scalar(field)?.unwrap_or_default().into_owned())
}

fn count(json: &mut Reader<'_>, field: &'static str) -> Result<i32, CodecError> {
    let count = json.int(field)?.unwrap_or(0);
    if count < 0 { Err(CodecError::invalid(field, &count.to_string(), "0 or more")) } else { Ok(count) }
}

impl TopicRouteData {
    /// Reads a route's body.
    pub fn decode(body: &[u8]) -> Result<Self, CodecError> {
        const WHAT: &str = "route";
        let mut json = Reader::new(body, WHAT)?;
        let mut route = TopicRouteData::default();
        members(&mut json, WHAT, |json, key| {
            match &*key {
                "queueDatas" => {
                    let mut first = true;
                    if json.array("queueDatas")? {
                        while json.item(&mut first, "queueDatas")? {
                            route.queue_datas.push(QueueData::read(json)?);
                        }
                    }
                }
                "brokerDatas" => {
                    let mut first = true;
                    if json.array("brokerDatas")? {
                        while json.item(&mut first, "brokerDatas")? {
                            route.broker_datas.push(BrokerData::read(json)?);
                        }
                    }
                }
                "orderTopicConf" => route.order_topic_conf = json.scalar("orderTopicConf")?.map(Cow::into_owned),
                "topicQueueMappingByBroker" => members(json, "topicQueueMappingByBroker", |json, broker| {
                    let mapping = TopicQueueMapping::read(json)?;
                    route.topic_queue_mapping_by_broker.insert(broker.into_owned(), mapping);
                    Ok(())
                })?,
                _ => json.skip(WHAT)?,
            }
            Ok(())
        })?;
        json.end(WHAT)?;
        Ok(route)
    }

    /// Appends the body.
    pub fn encode(&self, keys: IntKeys, out: &mut BytesMut) {
        out.put_slice(b"{\"brokerDatas\":[");
        for (at, broker) in self.broker_datas.iter().enumerate() {
            out.put_slice(if at == 0 { b"{\"brokerAddrs\":{" } else { b",{\"brokerAddrs\":{" });
            put_map(out, keys, &broker.broker_addrs, |out, address| put_string(out, address));
            out.put_slice(b"},\"brokerName\":");
            put_string(out, &broker.broker_name);
            out.put_slice(b",\"cluster\":");
            put_string(out, &broker.cluster);
            out.put_slice(b",\"enableActingMaster\":false}");
        }
        out.put_slice(b"],\"filterServerTable\":{}");
        if let Some(order) = &self.order_topic_conf {
            out.put_slice(b",\"orderTopicConf\":");
            put_string(out, order);
        }
        out.put_slice(b",\"queueDatas\":[");
        for (at, queues) in self.queue_datas.iter().enumerate() {
            out.put_slice(if at == 0 { b"{\"brokerName\":" } else { b",{\"brokerName\":" });
            put_string(out, &queues.broker_name);
            for (name, value) in [
                (",\"perm\":", queues.perm),
                (",\"readQueueNums\":", queues.read_queue_nums),
                (",\"topicSysFlag\":", queues.topic_sys_flag),
                (",\"writeQueueNums\":", queues.write_queue_nums),
            ] {
                out.put_slice(name.as_bytes());
                put_int(out, value);
            }
            out.put_u8(b'}');
        }
        out.put_u8(b']');
        if !self.topic_queue_mapping_by_broker.is_empty() {
            out.put_slice(b",\"topicQueueMappingByBroker\":{");
            for (at, (broker, mapping)) in self.topic_queue_mapping_by_broker.iter().enumerate() {
                out.put_slice(if at == 0 { b"" } else { b"," });
                put_string(out, broker);
                mapping.put(keys, out);
            }
            out.put_u8(b'}');
        }
        out.put_u8(b'}');
    }
}

/// The inside of an object with whole-number keys.
fn put_map<K: itoa::Integer + Copy, V>(
    out: &mut BytesMut,
    keys: IntKeys,
    map: &BTreeMap<K, V>,
    value: impl Fn(&mut BytesMut, &V),
) {
    let quote: &[u8] = if keys == IntKeys::Quoted { b"\"" } else { b"" };
    for (at, (key, item)) in map.iter().enumerate() {
        out.put_slice(if at == 0 { b"" } else { b"," });
        out.put_slice(quote);
        put_int(out, *key);
        out.put_slice(quote);
        out.put_u8(b':');
        value(out, item);
    }
}

impl QueueData {
    fn read(json: &mut Reader<'_>) -> Result<Self, CodecError> {
        let mut data = QueueData::default();
        members(json, "queueDatas", |json, key| {
            match &*key {
                "brokerName" => data.broker_name = text(json, "queueDatas.brokerName")?,
                "readQueueNums" => data.read_queue_nums = count(json, "queueDatas.readQueueNums")?,
                "writeQueueNums" => data.write_queue_nums = count(json, "queueDatas.writeQueueNums")?,
                "perm" => data.perm = json.int("queueDatas.perm")?.unwrap_or(0),
                // The second spelling is that of servers before 4.8.
                "topicSysFlag" | "topicSynFlag" => {
                    data.topic_sys_flag = json.int("queueDatas.topicSysFlag")?.unwrap_or(0);
                }
                _ => json.skip("queueDatas")?,
            }
            Ok(())
        })?;
        if data.broker_name.is_empty() { Err(CodecError::Missing("queueDatas.brokerName")) } else { Ok(data) }
    }
}

impl BrokerData {
    fn read(json: &mut Reader<'_>) -> Result<Self, CodecError> {
        let mut data = BrokerData::default();
        members(json, "brokerDatas", |json, key| {
            match &*key {
                "cluster" => data.cluster = text(json, "brokerDatas.cluster")?,
                "brokerName" => data.broker_name = text(json, "brokerDatas.brokerName")?,
                "brokerAddrs" => members(json, "brokerDatas.brokerAddrs", |json, id| {
                    let id = parse_int(&id, "brokerDatas.brokerAddrs")?;
                    data.broker_addrs.insert(id, text(json, "brokerDatas.brokerAddrs")?);
                    Ok(())
                })?,
                _ => json.skip("brokerDatas")?,
            }
            Ok(())
        })?;
        if data.broker_name.is_empty() { Err(CodecError::Missing("brokerDatas.brokerName")) } else { Ok(data) }
    }
}

impl TopicQueueMapping {
    fn read(json: &mut Reader<'_>) -> Result<Self, CodecError> {
        let mut mapping = TopicQueueMapping::default();
        members(json, "topicQueueMappingByBroker", |json, key| {
            match &*key {
                "bname" => mapping.bname = text(json, "topicQueueMappingByBroker.bname")?,
                "epoch" => mapping.epoch = json.int("topicQueueMappingByBroker.epoch")?.unwrap_or(0),
                "scope" => mapping.scope = text(json, "topicQueueMappingByBroker.scope")?,
                "topic" => mapping.topic = text(json, "topicQueueMappingByBroker.topic")?,
                "totalQueues" => mapping.total_queues = count(json, "topicQueueMappingByBroker.totalQueues")?,
                "currIdMap" => members(json, "topicQueueMappingByBroker.currIdMap", |json, logical| {
                    let logical = parse_int(&logical, "topicQueueMappingByBroker.currIdMap")?;
                    let physical = json.int("topicQueueMappingByBroker.currIdMap")?.unwrap_or(0);
                    mapping.curr_id_map.insert(logical, physical);
                    Ok(())
                })?,
                _ => json.skip("topicQueueMappingByBroker")?,
            }
            Ok(())
        })?;
        Ok(mapping)
    }

    fn put(&self, keys: IntKeys, out: &mut BytesMut) {
        out.put_slice(b":{\"bname\":");
        put_string(out, &self.bname);
        out.put_slice(b",\"currIdMap\":{");
        put_map(out, keys, &self.curr_id_map, |out, physical| put_int(out, *physical));
        out.put_slice(b"},\"dirty\":false,\"epoch\":");
        put_int(out, self.epoch);
        out.put_slice(b",\"scope\":");
        put_string(out, &self.scope);
        out.put_slice(b",\"topic\":");
        put_string(out, &self.topic);
        out.put_slice(b",\"totalQueues\":");
        put_int(out, self.total_queues);
        out.put_u8(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_bare_keys_and_what_it_does_not_know() {
        let body = br#"{"orderTopicConf":null,"new":[{"x":{}}],"queueDatas":[{"brokerName":"a","perm":6,
            "readQueueNums":4,"writeQueueNums":2,"topicSynFlag":1}],"brokerDatas":[{"brokerAddrs":{0:"h:1",1:"h:2"},
            "brokerName":"a","cluster":"c","zoneName":"z"}],"filterServerTable":{},"topicQueueMappingByBroker":
            {"a":{"bname":"a","currIdMap":{0:0,3:1},"dirty":false,"epoch":7,"scope":"__global__","topic":"t",
            "totalQueues":4}}}"#;
        let route = TopicRouteData::decode(body).unwrap();
        assert_eq!(route.broker_datas[0].master(), Some("h:1"));
        assert_eq!(route.broker_datas[0].broker_addrs[&1], "h:2");
        assert_eq!((route.queue_datas[0].write_queue_nums, route.queue_datas[0].topic_sys_flag), (2, 1));
        assert_eq!(route.topic_queue_mapping_by_broker["a"].curr_id_map, BTreeMap::from([(0, 0), (3, 1)]));
        assert_eq!(route.order_topic_conf, None);
    }

    /// Rows: RT-14.
    #[test]
    fn a_wrong_shape_names_the_field() {
        for (body, named) in [
            ("[]", "route"),
            (r#"{"queueDatas":{}}"#, "queueDatas"),
            (r#"{"queueDatas":[{"brokerName":"a","writeQueueNums":-1}]}"#, "queueDatas.writeQueueNums is \"-1\""),
            (r#"{"queueDatas":[{"brokerName":"a","perm":"rw"}]}"#, "queueDatas.perm is \"rw\""),
            (r#"{"queueDatas":[{"perm":6}]}"#, "queueDatas.brokerName is missing"),
            (r#"{"brokerDatas":[{"brokerAddrs":["h:1"]}]}"#, "brokerDatas.brokerAddrs: expected an object"),
            (r#"{"brokerDatas":[{"brokerAddrs":{"x":"h:1"}}]}"#, "brokerDatas.brokerAddrs is \"x\""),
        ] {
            let error = TopicRouteData::decode(body.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(named), "{body}: {error}");
        }
    }
}
