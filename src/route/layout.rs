//! The queues that a route's data means: of an ordered topic, of a static one, or of any other.

use super::{Broker, Queue};
use crate::protocol::remoting::route::{PERM_WRITE, TopicQueueMapping, TopicRouteData};
use crate::statistics::counters::BrokersCounters;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Most queues on one broker: a route must not be able to ask for unbounded memory.
const MAX_QUEUES: i32 = 65_536;
/// How far below a broker's port its port for clients of the VIP channel is.
const VIP_DISTANCE: u16 = 2;

/// The queues to send to, on brokers that have a master. `queue_limit`: the most queues of a topic to be created.
pub(super) fn queues(data: &TopicRouteData, queue_limit: Option<i32>, counters: &BrokersCounters) -> Vec<Queue> {
    let brokers = masters(data, counters);
    match data.order_topic_conf.as_deref().filter(|conf| !conf.is_empty()) {
        Some(conf) => ordered(conf, &brokers),
        None if !data.topic_queue_mapping_by_broker.is_empty() => fixed(&data.topic_queue_mapping_by_broker, &brokers),
        None => writable(data, queue_limit, &brokers),
    }
}

fn masters<'d>(data: &'d TopicRouteData, counters: &BrokersCounters) -> HashMap<&'d str, Arc<Broker>> {
    let master = |broker: &'_ crate::protocol::remoting::route::BrokerData| {
        let (name, address) = (broker.broker_name.as_str().into(), broker.master()?.into());
        let counters = counters.of(&name);
        Some(Arc::new(Broker::new(name, address, counters)))
    };
    data.broker_datas.iter().filter_map(|broker| Some((broker.broker_name.as_str(), master(broker)?))).collect()
}

/// Grouped by broker.
fn writable(data: &TopicRouteData, limit: Option<i32>, brokers: &HashMap<&str, Arc<Broker>>) -> Vec<Queue> {
    let mut datas: Vec<_> = data.queue_datas.iter().filter(|data| data.perm & PERM_WRITE != 0).collect();
    datas.sort_by(|a, b| a.broker_name.cmp(&b.broker_name));
    let mut queues = Vec::new();
    for data in datas {
        let Some(broker) = brokers.get(data.broker_name.as_str()) else {
            continue;
        };
        let count = match limit {
            Some(limit) => limit.min(data.read_queue_nums),
            None => data.write_queue_nums,
        };
        extend(&mut queues, broker, count);
    }
    queues
}

fn extend(queues: &mut Vec<Queue>, broker: &Arc<Broker>, count: i32) {
    queues.extend((0..count.min(MAX_QUEUES)).map(|id| Queue { broker: Arc::clone(broker), id }));
}

/// `broker:queues;broker:queues`, in this order whatever the brokers say of themselves.
fn ordered(conf: &str, brokers: &HashMap<&str, Arc<Broker>>) -> Vec<Queue> {
    let mut queues = Vec::new();
    for part in conf.split(';').filter(|part| !part.trim().is_empty()) {
        let parsed = part.split_once(':').and_then(|(name, count)| Some((name.trim(), count.trim().parse().ok()?)));
        match parsed {
            Some((name, count)) => {
                if let Some(broker) = brokers.get(name) {
                    extend(&mut queues, broker, count);
                }
            }
            None => tracing::warn!(part, "the order of a topic's queues is not `broker:queues`"),
        }
    }
    queues
}

/// The logical queues of a static topic, each on the broker whose mapping of it is the newest. A queue's number is
/// the logical one, which the broker translates; a queue that no broker has at present is left out.
fn fixed(mappings: &BTreeMap<String, TopicQueueMapping>, brokers: &HashMap<&str, Arc<Broker>>) -> Vec<Queue> {
    let mut owners: BTreeMap<(&str, i32), &TopicQueueMapping> = BTreeMap::new();
    for mapping in mappings.values() {
        for id in mapping.curr_id_map.keys() {
            let owner = owners.entry((&mapping.scope, *id)).or_insert(mapping);
            if owner.epoch <= mapping.epoch {
                *owner = mapping;
            }
        }
    }
    let mut queues: Vec<Queue> = (owners.iter())
        .filter_map(|((_, id), owner)| Some(Queue { broker: Arc::clone(brokers.get(owner.bname.as_str())?), id: *id }))
        .collect();
    queues.sort_by_key(|queue| queue.id);
    queues
}

/// Points every broker address to the port for clients of the VIP channel.
pub(crate) fn to_vip_channel(data: &mut TopicRouteData) {
    for address in data.broker_datas.iter_mut().flat_map(|broker| broker.broker_addrs.values_mut()) {
        let changed = address.rsplit_once(':').and_then(|(host, port)| {
            let port = port.parse::<u16>().ok()?.checked_sub(VIP_DISTANCE)?;
            Some(format!("{host}:{port}"))
        });
        if let Some(changed) = changed {
            *address = changed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROKERS: &str = r#""brokerDatas":[
        {"brokerAddrs":{"0":"h:10"},"brokerName":"b","cluster":"c"},
        {"brokerAddrs":{"0":"[::1]:11","1":"h:9"},"brokerName":"a","cluster":"c"},
        {"brokerAddrs":{"1":"h:3"},"brokerName":"slave-only","cluster":"c"}]"#;

    fn data(rest: &str) -> TopicRouteData {
        TopicRouteData::decode(format!("{{{BROKERS},{rest}}}").as_bytes()).unwrap()
    }

    fn names(rest: &str) -> Vec<String> {
        queues(&data(rest), None, &BrokersCounters::default())
            .iter()
            .map(|queue| format!("{}{}", queue.broker.name, queue.id))
            .collect()
    }

    /// Rows: RT-16.
    #[test]
    fn the_order_of_a_topic_decides_alone() {
        let rest = r#""orderTopicConf":"b:2;slave-only:3;nobody:4;a:1;nonsense;a:x;","queueDatas":[
            {"brokerName":"a","perm":6,"readQueueNums":8,"writeQueueNums":8}],
            "topicQueueMappingByBroker":{"a":{"bname":"a","currIdMap":{"0":0},"epoch":1,"scope":"__global__","totalQueues":1}}"#;
        assert_eq!(names(rest), ["b0", "b1", "a0"]);
    }

    /// Rows: RT-10 RT-16 NS-06.
    #[test]
    fn a_logical_queue_is_on_the_broker_with_its_newest_mapping() {
        let rest = r#""queueDatas":[{"brokerName":"a","perm":6,"readQueueNums":8,"writeQueueNums":8}],
            "topicQueueMappingByBroker":{
              "a":{"bname":"a","currIdMap":{"0":0,"1":1,"3":2},"epoch":7,"scope":"__global__","totalQueues":6},
              "b":{"bname":"b","currIdMap":{"1":0,"2":1,"3":3},"epoch":8,"scope":"__global__","totalQueues":6},
              "slave-only":{"bname":"slave-only","currIdMap":{"4":0},"epoch":8,"scope":"__global__","totalQueues":6}}"#;
        assert_eq!(names(rest), ["a0", "b1", "b2", "b3"]);
    }

    /// Rows: NS-05.
    #[test]
    fn the_vip_channel_is_two_ports_below() {
        let mut data = data(r#""queueDatas":[]"#);
        to_vip_channel(&mut data);
        let addresses: Vec<_> = data.broker_datas.iter().flat_map(|broker| broker.broker_addrs.values()).collect();
        assert_eq!(addresses, ["h:8", "[::1]:9", "h:7", "h:1"]);
    }
}
