//! What such a producer has counted, and how it does.

use super::Client;
use crate::broker::{BrokerHealth, BrokerState};
use crate::producer::statistics::Counted;
use crate::statistics::{BrokerStatistics, Statistics};

impl Client {
    /// The brokers of the URL that a connection leads or led to.
    pub(crate) fn broker_states(&self) -> Vec<BrokerState> {
        let up = self.session.lock().up().cloned();
        up.map(|up| BrokerState {
            name: up.queue.broker.name.to_string(),
            address: up.queue.broker.address.to_string(),
            health: BrokerHealth::Healthy,
            latency: None,
        })
        .into_iter()
        .collect()
    }
}

impl Counted for Client {
    fn statistics(&self) -> Statistics {
        let link = self.link();
        let current = self.session.lock().up().map(|up| up.queue.broker.name.clone());
        let brokers = self.brokers.all().into_iter().map(|(name, counters)| {
            let (tries, sent_bytes) = counters.sent.get();
            let healthy = current.as_ref() == Some(&name);
            BrokerStatistics {
                health: if healthy { BrokerHealth::Healthy } else { BrokerHealth::Unreachable },
                name: name.to_string(),
                tries,
                sent_bytes,
                failed_tries: counters.failed.get(),
                answers: counters.took.durations(),
            }
        });
        Statistics {
            outbox_bytes: link.as_ref().map_or(0, |link| link.waiting_bytes() as u64),
            open_connections: link.is_some().into(),
            brokers: brokers.collect(),
            window_bytes: self.rooms.iter().flatten().map(|room| room.used().unsigned_abs()).sum(),
            waiting_requests: self.waiting.len() as u64,
            refused_unasked: self.counters().refused_unasked.get(),
            ..self.common_statistics(&self.ids.client_id)
        }
    }
}
