//! Proves the harness: a real cluster starts, the official producer's messages are read back equal, and the
//! comparison that every other test relies on does find differences.

mod support;

use std::time::{Duration, Instant};

use support::broker_conf::TopologySpec;
use support::cluster::Topology;
use support::java_tool::{Connection, JavaTool, SendSpec};
use support::messages::{Duplicates, Expected, StoredMessage, compare};
use support::samples::{sample, samples};

const LIMIT: Duration = Duration::from_secs(30);

/// Sends by the official producer and reads back; every result must be SEND_OK and point at the stored message.
fn round_trip(
    tool: &JavaTool,
    topology: &Topology,
    topic: &str,
    adapt: impl FnOnce(&mut SendSpec),
) -> Vec<StoredMessage> {
    let to = topology.connection();
    let broker = topology.master("broker-a");
    tool.create_topic(&to, &broker.addr, topic, 4, 6, &[]).unwrap();
    let mut spec = SendSpec::new(topic, "sync", 10);
    adapt(&mut spec);
    let sent = tool.send(&to, &spec).unwrap();
    let stored = tool.read(&to, topic, spec.count, LIMIT).unwrap();
    compare(&samples(topic, 0, spec.count, spec.body_size), &stored, Duplicates::Refused).unwrap();

    let mut ids: Vec<&str> = stored.iter().map(|message| message.msg_id.as_str()).collect();
    let mut wanted: Vec<&str> = sent.ids.iter().flatten().map(String::as_str).collect();
    ids.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(ids, wanted);
    for result in sent.results {
        let result = result.unwrap();
        assert_eq!(result.status, "SEND_OK");
        let first_id = result.msg_id.split(',').next().unwrap();
        let message = stored.iter().find(|message| message.msg_id == first_id).unwrap();
        assert_eq!((message.queue_id, message.queue_offset), (result.queue_id, result.queue_offset));
        assert_eq!(message.broker_name, result.broker);
        assert_eq!(
            Some(message.offset_msg_id.as_str()),
            result.offset_msg_id.as_deref().and_then(|ids| ids.split(',').next())
        );
    }
    stored
}

#[test]
fn messages_of_the_official_producer_are_read_back_equal() {
    let start = Instant::now();
    let topology = Topology::single().unwrap();
    let cluster_time = start.elapsed();
    let start = Instant::now();
    let tool = JavaTool::start().unwrap();
    let tool_time = start.elapsed();
    println!(
        "name server {:?}, broker {:?}, cluster {cluster_time:?}, Java tool {tool_time:?}",
        topology.namesrv.boot_time(),
        topology.master("broker-a").boot_time()
    );

    for mode in ["sync", "async", "oneway", "batch"] {
        let start = Instant::now();
        let stored = round_trip(&tool, &topology, &format!("Mode_{mode}"), |spec| spec.mode = mode.to_owned());
        assert!(stored.iter().all(|message| message.sys_flag & 1 == 0));
        println!("{mode}: {:?}", start.elapsed());
    }
    // Bits 8 to 10 of the system flag name the method.
    for (method, bits) in [("LZ4", 0x100), ("ZSTD", 0x200), ("ZLIB", 0x300)] {
        let topic = format!("Compressed_{method}");
        let stored = round_trip(&tool, &topology, &topic, |spec| {
            spec.body_size = 20_000;
            spec.compress = Some(method.to_owned());
        });
        assert!(stored.iter().all(|message| message.sys_flag & 0x700 == bits), "{method}: {:#x}", stored[0].sys_flag);
        let raw = tool.read_raw(&topology.connection(), &topic, stored.len(), LIMIT).unwrap();
        assert!(raw.iter().all(|message| message.sys_flag & 1 == 1 && message.body.len() < 20_000), "{method}");
    }
    chosen_queue_and_serializer(&tool, &topology);
    refusals_carry_their_code(&tool, &topology);
    comparison_finds_every_mutation(&tool, &topology);
    restarted_broker_keeps_its_messages(&tool, &topology);
}

fn chosen_queue_and_serializer(tool: &JavaTool, topology: &Topology) {
    let to = Connection { serializer: Some("ROCKETMQ".to_owned()), ..topology.connection() };
    let topic = "ChosenQueue";
    tool.create_topic(&to, &topology.master("broker-a").addr, topic, 4, 6, &[("message.type", "NORMAL")]).unwrap();
    let mut spec = SendSpec::new(topic, "sync", 5);
    spec.queue = Some(("broker-a".to_owned(), 3));
    tool.send(&to, &spec).unwrap();
    let stored = tool.read(&to, topic, 5, LIMIT).unwrap();
    compare(&samples(topic, 0, 5, 64), &stored, Duplicates::Refused).unwrap();
    assert_eq!(stored.iter().map(|message| message.queue_offset).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert!(stored.iter().all(|message| message.queue_id == 3));
}

fn refusals_carry_their_code(tool: &JavaTool, topology: &Topology) {
    // The body is larger than the broker allows, and smaller than the client does.
    let to = topology.connection();
    let broker = topology.master("broker-a");
    tool.set_config(&to, &broker.addr, &[("maxMessageSize", "65536")]).unwrap();
    let mut spec = SendSpec::new("Mode_sync", "sync", 1);
    spec.body_size = 100_000;
    spec.compress = Some("none".to_owned());
    let sent = tool.send(&to, &spec).unwrap();
    let refused = sent.results[0].clone().unwrap_err();
    assert_eq!(refused.code, Some(13), "{refused}");
    tool.set_config(&to, &broker.addr, &[("maxMessageSize", "4194304")]).unwrap();

    let missing = tool.read(&to, "NoSuchTopic", 1, Duration::from_millis(100)).unwrap_err();
    assert!(missing.error.contains("NoSuchTopic"), "{missing}");
    // A topic with fewer messages than asked for is read as it is.
    assert_eq!(tool.read(&to, "Mode_sync", 1000, Duration::from_millis(100)).unwrap().len(), 10);
}

type Mutation = fn(&mut Expected);

fn comparison_finds_every_mutation(tool: &JavaTool, topology: &Topology) {
    let stored = tool.read(&topology.connection(), "Mode_sync", 10, LIMIT).unwrap();
    let whole = samples("Mode_sync", 0, 10, 64);
    compare(&whole, &stored, Duplicates::Refused).unwrap();

    let mutations: [(&str, Mutation); 7] = [
        ("body", |message| message.body[63] ^= 1),
        ("body", |message| message.body.truncate(63)),
        ("tags", |message| message.tags = None),
        ("flag", |message| message.flag += 1),
        ("topic", |message| message.topic.push('x')),
        ("property index", |message| drop(message.properties.insert("index".to_owned(), "11".to_owned()))),
        ("property text", |message| drop(message.properties.remove("text"))),
    ];
    for (field, mutate) in mutations {
        let mut expected = whole.clone();
        mutate(&mut expected[4]);
        let found = compare(&expected, &stored, Duplicates::Refused).unwrap_err();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("key-4") && found[0].contains(field), "{found:?}");
    }

    let found = compare(&whole[..9], &stored, Duplicates::Refused).unwrap_err();
    assert!(found[0].contains("stored but not expected"), "{found:?}");
    let more = [whole.as_slice(), &[sample("Mode_sync", 10, 64)]].concat();
    let found = compare(&more, &stored, Duplicates::Refused).unwrap_err();
    assert_eq!(found, ["key-10: not stored"]);
    let twice = [stored.as_slice(), &stored[..1]].concat();
    assert!(compare(&whole, &twice, Duplicates::Refused).unwrap_err()[0].contains("stored 2 times"));
    compare(&whole, &twice, Duplicates::Allowed).unwrap();
}

fn restarted_broker_keeps_its_messages(tool: &JavaTool, topology: &Topology) {
    let broker = topology.master("broker-a");
    let pid = broker.pid();
    broker.kill().unwrap();
    broker.stop().unwrap_err();
    println!("broker restart {:?}", broker.restart().unwrap());
    assert_ne!(broker.pid(), pid);
    let stored = tool.read(&topology.connection(), "Mode_async", 10, LIMIT).unwrap();
    compare(&samples("Mode_async", 0, 10, 64), &stored, Duplicates::Refused).unwrap();
}

#[test]
fn a_master_waits_for_its_frozen_slave() {
    let topology = Topology::start(&TopologySpec::sync_pair()).unwrap();
    let tool = JavaTool::start().unwrap();
    let to = topology.connection();
    let topic = "Replicated";
    tool.create_topic(&to, &topology.master("broker-a").addr, topic, 4, 6, &[]).unwrap();
    let status = |first: usize| {
        let mut spec = SendSpec::new(topic, "sync", 1);
        spec.first = first;
        tool.send(&to, &spec).unwrap().results[0].clone().unwrap().status
    };
    // The slave connects to its master some time after both are ready.
    let deadline = Instant::now() + LIMIT;
    let mut sent = 1;
    while status(sent - 1) != "SEND_OK" {
        assert!(Instant::now() < deadline, "the slave does not copy");
        sent += 1;
    }
    topology.node("broker-a", 1).stop().unwrap();
    assert_eq!(status(sent), "FLUSH_SLAVE_TIMEOUT");
    topology.node("broker-a", 1).cont().unwrap();
    let stored = tool.read(&to, topic, sent + 1, LIMIT).unwrap();
    compare(&samples(topic, 0, sent + 1, 64), &stored, Duplicates::Refused).unwrap();
}

#[test]
fn two_masters_share_a_topic_and_one_survives_the_other() {
    let topology = Topology::start(&TopologySpec::two_masters()).unwrap();
    let tool = JavaTool::start().unwrap();
    let to = topology.connection();
    let topic = "Shared";
    for broker in &topology.brokers {
        tool.create_topic(&to, &broker.addr, topic, 4, 6, &[]).unwrap();
    }
    tool.send(&to, &SendSpec::new(topic, "sync", 16)).unwrap();
    let stored = tool.read(&to, topic, 16, LIMIT).unwrap();
    compare(&samples(topic, 0, 16, 64), &stored, Duplicates::Refused).unwrap();
    for name in ["broker-a", "broker-b"] {
        assert_eq!(stored.iter().filter(|message| message.broker_name == name).count(), 8);
    }

    topology.master("broker-b").kill().unwrap();
    let mut spec = SendSpec::new(topic, "sync", 1);
    spec.first = 16;
    spec.queue = Some(("broker-a".to_owned(), 0));
    assert_eq!(tool.send(&to, &spec).unwrap().results[0].as_ref().unwrap().status, "SEND_OK");
    topology.master("broker-b").restart().unwrap();
    let stored = tool.read(&to, topic, 17, LIMIT).unwrap();
    compare(&samples(topic, 0, 17, 64), &stored, Duplicates::Refused).unwrap();
}

#[test]
fn a_process_that_does_not_become_ready_is_reported_with_its_output() {
    let mut spec = TopologySpec::single();
    spec.namesrv_jvm_args.push("-XX:NoSuchFlagAtAll=1".to_owned());
    let error = Topology::start(&spec).unwrap_err();
    assert!(error.contains("the name server ended before") && error.contains("NoSuchFlagAtAll"), "{error}");
}
