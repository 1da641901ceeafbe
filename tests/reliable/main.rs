//! Reliable sending and the spool, against the embedded cluster.

#![cfg(feature = "mock")]

#[path = "../fake/mod.rs"]
mod fake;
mod files;
mod kill;
#[path = "../support/scratch.rs"]
mod scratch;
mod sends;
mod spool;

use fake::{LONG, eventually};
use mqproducer::mock::{Cluster, Fault, FaultAction};
use mqproducer::protocol::remoting::command::request_code::SEND_MESSAGE_V2;
use mqproducer::{Config, Message, Producer, ReliabilityEvent, ReliabilityEventKind, SendOptions};
use std::sync::{Arc, Mutex};

const TOPIC: &str = "Orders";

fn options() -> SendOptions<'static> {
    SendOptions::default()
}

/// Stored by the broker, but answered with this code; `count` 0: each one.
fn stored_but(code: i32, count: u32) -> Fault {
    Fault::new(FaultAction::ChangeAnswer { code, remark: "not safe".into() }).code(SEND_MESSAGE_V2).count(count)
}

/// Not stored, and refused with this code.
fn refused(code: i32, count: u32) -> Fault {
    Fault::new(FaultAction::Answer { code, remark: "refused".into() }).code(SEND_MESSAGE_V2).count(count)
}

/// A producer that is not started.
fn unstarted(url: &str, settings: &[(&str, &str)]) -> Producer {
    let mut config = Config::default();
    let ours = [
        ("url", url),
        ("producer_group", "reliable-test"),
        ("reliability", "reliable"),
        ("reliable_retry_interval", "5"),
        ("reliable_retry_interval_max", "5"),
        ("connect_timeout", "2000"),
        ("reconnect_backoff_max", "20"),
        ("send_msg_timeout", "20000"),
        ("spool_retry_interval", "20"),
    ];
    for (key, value) in ours.iter().chain(settings) {
        config.set(key, value).unwrap();
    }
    Producer::new(&config).unwrap()
}

/// What alarm and spool callbacks were told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<ReliabilityEvent>>>);

impl Told {
    fn alarms(producer: &Producer) -> Told {
        let told = Told::default();
        let into = told.clone();
        producer.set_alarm_callback(move |event| into.0.lock().unwrap().push(event.clone())).unwrap();
        told
    }

    fn spool(producer: &Producer) -> Told {
        let told = Told::default();
        let into = told.clone();
        producer.set_spool_callback(move |event| into.0.lock().unwrap().push(event.clone())).unwrap();
        told
    }

    fn all(&self) -> Vec<ReliabilityEvent> {
        self.0.lock().unwrap().clone()
    }

    /// Bodies of the messages that it was told of as this.
    fn bodies(&self, kind: ReliabilityEventKind) -> Vec<String> {
        let of_kind = self.all().into_iter().filter(|event| event.kind == kind);
        of_kind.map(|event| String::from_utf8(event.message.unwrap().body).unwrap()).collect()
    }

    fn wait(&self, count: usize) -> Vec<ReliabilityEvent> {
        eventually("events", || self.all().len() >= count);
        self.all()
    }
}

/// The bodies that the cluster stored, in the order of the store's queues.
fn stored(cluster: &Cluster) -> Vec<String> {
    cluster.messages(None).into_iter().map(|message| String::from_utf8(message.body).unwrap()).collect()
}

fn message(body: &str) -> Message<'_> {
    Message::new(TOPIC, body.as_bytes())
}
