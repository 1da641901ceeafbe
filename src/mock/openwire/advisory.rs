//! The advisories of temporary destinations: clients send to those of others only when they have heard of them.

use super::delivery::Waiting;
use super::state::State;
use crate::mock::store::now_millis;
use crate::protocol::openwire::{
    Command, Destination, DestinationInfo, DestinationKind, Message, MessageId, Packet, ProducerId, Structure,
};

const PREFIX: &str = "ActiveMQ.Advisory.";

fn topic(destination: &Destination) -> Destination {
    let kind = match destination.kind {
        DestinationKind::TempTopic => "TempTopic",
        _ => "TempQueue",
    };
    Destination::topic(format!("{PREFIX}{kind}"))
}

impl State {
    /// Tells of a temporary destination that comes or goes.
    pub(super) fn advise(&mut self, info: &DestinationInfo) {
        let Some(destination) = &info.destination else { return };
        let topic = topic(destination);
        let told = Packet::new(0, false, Command::from(info.clone()));
        self.advisories += 1;
        let message = Message {
            message_id: Some(MessageId {
                producer_id: Some(ProducerId { connection_id: "ID:embedded".to_owned(), value: 1, session_id: 1 }),
                producer_sequence_id: self.advisories,
                ..MessageId::default()
            }),
            destination: Some(topic.clone()),
            message_type: Some("Advisory".to_owned()),
            timestamp: now_millis(),
            data_structure: Some(Structure::Command(Box::new(told))),
            ..Message::default()
        };
        self.enqueue(Waiting { destination: topic, message: message.into(), redeliveries: 0 });
    }

    /// Tells a new consumer of advisories what there is already: as a broker does, everybody hears it.
    pub(super) fn advise_again(&mut self, consumed: Option<&Destination>) {
        if !consumed.is_some_and(|topic| topic.name.contains(PREFIX)) {
            return;
        }
        let all: Vec<_> = self.temporaries.iter().map(|(destination, owner)| (destination.clone(), *owner)).collect();
        for (destination, owner) in all {
            let connection_id = self.connections.get(&owner).and_then(|connection| connection.id.clone());
            self.advise(&DestinationInfo {
                connection_id: connection_id.unwrap_or_default(),
                destination: Some(destination),
                operation: DestinationInfo::ADD,
                ..DestinationInfo::default()
            });
        }
    }
}
