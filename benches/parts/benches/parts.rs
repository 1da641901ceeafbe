//! Encode, decode, select, admit, complete: what one message costs in each part of its way.

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use mqproducer::parts::{Admission, Queue, Route, Waiter};
use mqproducer::protocol::remoting::command::request_code;
use mqproducer::protocol::remoting::{Frame, SendHeader, Serializer, encode_send, scan};

const PROPERTIES: &str =
    "KEYS\u{1}order-1\u{2}TAGS\u{1}TagA\u{2}UNIQ_KEY\u{1}0A000001BEEF0000000101020304FFFE\u{2}WAIT\u{1}true\u{2}";

fn header() -> SendHeader<'static> {
    SendHeader {
        producer_group: "perf_group",
        topic: "PerfTopic",
        default_topic: "TBW102",
        default_topic_queue_nums: 4,
        queue_id: 3,
        sys_flag: 0,
        born_timestamp: 1_700_000_000_000,
        flag: 0,
        properties: PROPERTIES,
        reconsume_times: 0,
        unit_mode: false,
        max_reconsume_times: None,
        batch: false,
        broker_name: "broker-a",
    }
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    let mut out = BytesMut::with_capacity(64 * 1024);
    for (name, serializer) in [("json", Serializer::Json), ("rocketmq", Serializer::Rocketmq)] {
        for size in [128, 16 * 1024] {
            let body = vec![b'x'; size];
            group.bench_function(format!("{name}/{size}"), |bencher| {
                bencher.iter(|| {
                    out.clear();
                    let code = request_code::SEND_MESSAGE_V2;
                    encode_send(&mut out, code, serializer, 4711, false, black_box(&header()), &[], &body);
                    black_box(out.len())
                });
            });
        }
    }
}

fn decode(criterion: &mut Criterion) {
    let answer = br#"{"code":0,"extFields":{"queueId":"3","TRACE_ON":"true","MSG_REGION":"DefaultRegion","msgId":"7F00000100002A9F000000000000222A","queueOffset":"34"},"flag":1,"language":"JAVA","opaque":4711,"serializeTypeCurrentRPC":"JSON","version":485}"#;
    criterion.bench_function("decode/json", |bencher| {
        bencher.iter(|| {
            let frame = Frame { serializer: Serializer::Json, header: black_box(answer), body: b"" };
            let scan = scan(&frame).expect("a broker's answer");
            assert_eq!(scan.opaque, 4711);
            scan.queue_offset
        });
    });
}

fn select(criterion: &mut Criterion) {
    for queues in [8, 1024] {
        let route = Route::new(queues);
        criterion.bench_function(&format!("select/{queues}"), |bencher| bencher.iter(|| black_box(route.select())));
    }
}

fn admit(criterion: &mut Criterion) {
    let admission = Admission::new();
    criterion.bench_function("admit", |bencher| bencher.iter(|| black_box(admission.admit_and_give_back(128))));
}

fn complete(criterion: &mut Criterion) {
    criterion.bench_function("complete/waiter", |bencher| bencher.iter(|| black_box(Waiter::set_and_wait())));
    for count in [1, 64] {
        let queue = Queue::default();
        criterion.bench_function(&format!("complete/queue/{count}"), |bencher| {
            bencher.iter_batched(
                || (0..count).collect::<Vec<u64>>(),
                |entries| black_box(queue.append_and_take(entries)),
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, encode, decode, select, admit, complete);
criterion_main!(benches);
