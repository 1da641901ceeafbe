//! What hooks, statistics and the bound in flight see of messages with `auto_batch`: the messages, not their groups.

use crate::fake::{Act, FakeServer, LONG, producer};
use crate::{HELD, ON, PATIENT, broker, end, send, send_with, text};
use mqproducer::{
    Config, ErrorKind, HookContext, HookEnd, Message, MessageQueue, Producer, Selector, SendHook, SendOptions,
};
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Recorder(Mutex<Vec<String>>);

impl SendHook for Recorder {
    fn check_forbidden(&self, context: &HookContext<'_>) -> std::result::Result<(), String> {
        if context.message.unwrap().tags == "bad" { Err("no".to_owned()) } else { Ok(()) }
    }

    fn before_send(&self, context: &HookContext<'_>) {
        let body = text(context.message.unwrap().body);
        self.0.lock().unwrap().push(format!("before {body} `{}` {}", context.broker_name, context.queue_id));
    }

    fn after_send(&self, context: &HookContext<'_>, end: &HookEnd<'_>) {
        let receipt = end.result.unwrap();
        assert!(receipt.message_id == context.message_id && context.message_count == 1 && end.attempts == 1);
        let place = format!("`{}` {}", context.broker_name, context.queue_id);
        self.0.lock().unwrap().push(format!("after {} {place}", receipt.offset_message_id));
    }
}

/// Rows: HK-01 HK-02 HK-04 HK-05 BA-06.
#[test]
fn hooks_see_each_message() {
    let broker = broker();
    let names = FakeServer::name_server(&[&broker.address], 1);
    let recorder = Arc::new(Recorder::default());
    let mut config = Config::new();
    for (key, value) in [("url", &*names.url()), ("producer_group", "G"), ON, HELD, PATIENT] {
        config.set(key, value).unwrap();
    }
    let producer = Producer::new(&config).unwrap();
    producer.add_hook(recorder.clone()).unwrap();
    producer.start().unwrap();
    let queue = MessageQueue { broker_name: "broker-a", queue_id: 0 };
    let fixed = SendOptions::default().with_selector(Selector::Queue(queue));
    let ended = [
        send(&producer, &Message::new("T", b"a")),
        send(&producer, &Message::new("T", b"b")),
        send_with(&producer, &Message::new("T", b"c"), &fixed),
    ];
    let bad = Message::new("T", b"d").with_tags("bad");
    let refused = producer.send_async(&bad, &SendOptions::default(), |_| panic!("told of what was refused"));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    let before = ["before a `` -1", "before b `` -1", "before c `broker-a` 0"];
    assert_eq!(*recorder.0.lock().unwrap(), before, "the queue is chosen when the group goes");
    producer.flush(LONG).unwrap();
    ended.iter().for_each(|ended| drop(end(ended).unwrap()));
    let mut after = recorder.0.lock().unwrap().split_off(3);
    after.sort();
    let group = after.iter().filter(|call| call.ends_with("`broker-a` 0")).count();
    assert_eq!((after.len(), group), (3, 3), "{after:?}");
}

/// Rows: BA-06.
#[test]
fn statistics_count_messages_and_not_their_groups() {
    let broker = FakeServer::start(|number, _| match number {
        0 => Act::stored(0, 7),
        1 => Act::Answer(13, "no", vec![]),
        _ => Act::Answer(2, "busy", vec![]),
    });
    let names = FakeServer::name_server(&[&broker.address], 1);
    let retries = ("retry_times_when_send_async_failed", "1");
    let producer = producer(&names.url(), &[ON, HELD, PATIENT, retries]);
    let ended: Vec<Vec<bool>> = (0..3)
        .map(|_| {
            let three = [(); 3].map(|()| send(&producer, &Message::new("T", b"four")));
            producer.flush(LONG).unwrap();
            three.iter().map(|ended| end(ended).is_ok()).collect()
        })
        .collect();
    assert_eq!(ended, [[true; 3], [false; 3], [false; 3]]);
    let counted = producer.statistics().unwrap();
    assert_eq!((counted.accepted_messages, counted.accepted_bytes), (9, 36));
    assert_eq!((counted.acknowledged_messages, counted.acknowledged_bytes), (3, 12));
    assert_eq!((counted.failed_messages(), counted.failed_bytes), (6, 24));
    assert_eq!((counted.retries_spared, counted.given_up_messages, counted.retries), (3, 3, 1));
    assert_eq!((counted.in_flight_messages, counted.in_flight_bytes), (0, 0));
    assert_eq!((counted.brokers[0].tries, counted.batches), (4, 0));
}

/// Rows: BA-06 AS-03.
#[test]
fn what_is_held_takes_up_room_once() {
    let broker = broker();
    let names = FakeServer::name_server(&[&broker.address], 1);
    let limits = [("max_in_flight_messages", "3"), ("backpressure", "fail")];
    let producer = producer(&names.url(), &[ON, HELD, PATIENT, limits[0], limits[1]]);
    for _ in 0..2 {
        let three = [(); 3].map(|()| send(&producer, &Message::new("T", b"four")));
        let refused = producer.send_async(&Message::new("T", b"four"), &SendOptions::default(), |_| unreachable!());
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Backpressure);
        let counted = producer.statistics().unwrap();
        assert_eq!((counted.in_flight_messages, counted.in_flight_bytes), (3, 12));
        producer.flush(LONG).unwrap();
        three.iter().for_each(|ended| drop(end(ended).unwrap()));
    }
}
