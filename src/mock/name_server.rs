//! The name server: routes.

use std::sync::atomic::Ordering;

use super::CLUSTER_NAME;
use super::answer::{Answer, Request};
use super::store::{Broker, Store};
use crate::protocol::remoting::CodecError;
use crate::protocol::remoting::command::{request_code, response_code};
use crate::protocol::remoting::route::{BrokerData, IntKeys, MASTER_ID, QueueData, TopicRouteData};

/// From this version on, and for those who ask for it, a route's broker ids are quoted.
const FIRST_VERSION_WITH_STANDARD_JSON: i32 = 401;

/// Answers one request.
pub(super) fn answer(store: &Store, request: &Request<'_>) -> Answer {
    match request.header.code {
        request_code::GET_ROUTEINFO_BY_TOPIC => route(store, request).unwrap_or_else(Answer::from),
        code => Answer::not_supported(code),
    }
}

fn route(store: &Store, request: &Request<'_>) -> Result<Answer, CodecError> {
    let topic = request.header.require("topic")?;
    let standard =
        request.header.version >= FIRST_VERSION_WITH_STANDARD_JSON || request.header.is_true("acceptStandardJsonOnly");
    let mut route = TopicRouteData::default();
    for (broker, config) in store.lock().topic_configs(topic) {
        let Broker { name, address, in_route } = &store.brokers[broker];
        if !in_route.load(Ordering::Relaxed) {
            continue;
        }
        route.broker_datas.push(BrokerData {
            cluster: CLUSTER_NAME.to_owned(),
            broker_name: name.clone(),
            broker_addrs: [(MASTER_ID, address.to_string())].into(),
        });
        route.queue_datas.push(QueueData {
            broker_name: name.clone(),
            read_queue_nums: config.read_queues,
            write_queue_nums: config.write_queues,
            perm: config.perm,
            topic_sys_flag: config.sys_flag,
        });
    }
    if route.broker_datas.is_empty() {
        let remark = format!(
            "No topic route info in name server for the topic: {topic}\n\
             See https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."
        );
        return Ok(Answer::refusal(response_code::TOPIC_NOT_EXIST, remark));
    }
    let mut answer = Answer::success();
    route.encode(if standard { IntKeys::Quoted } else { IntKeys::Bare }, &mut answer.body);
    Ok(answer)
}
