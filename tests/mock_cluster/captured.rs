//! Requests captured between the official client and a real cluster, put to the embedded one.

use std::path::Path;

use mqproducer::mock::Cluster;
use mqproducer::protocol::remoting::{Header, Serializer, split};

use super::client::{Answer, Client};

/// The text with each `127.0.0.1:PORT` made the same.
fn without_ports(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + "HOST" + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn decoded(record: &serde_json::Value) -> Answer {
    let bytes = hex(record["frame_hex"].as_str().unwrap());
    let (frame, _) = split(&bytes).unwrap().unwrap();
    Answer { serializer: frame.serializer, header: Header::decode(&frame).unwrap(), body: frame.body.to_vec() }
}

/// What of two answers to the same request must be equal; offsets depend on what was stored before.
fn comparable(answer: &Answer) -> (i32, Serializer, String, Vec<(String, String)>, String) {
    let mut fields: Vec<_> = answer.header.ext.clone();
    for (name, value) in &mut fields {
        match name.as_str() {
            "msgId" => *value = value.split(',').count().to_string(),
            "queueOffset" => value.clear(),
            _ => {}
        }
    }
    fields.sort();
    let body = String::from_utf8(answer.body.clone()).unwrap();
    (answer.header.code, answer.serializer, without_ports(answer.remark()), fields, without_ports(&body))
}

#[test]
fn captured_requests_get_the_answers_of_the_real_cluster() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/rocketmq");
    // What the embedded cluster leaves out.
    let left_out = ["tx_", "request_reply", "send_reply", "send_timer", "send_traced"];
    let mut compared = 0;
    for (set, serializer) in
        [("json", Serializer::Json), ("rocketmq", Serializer::Json), ("rocketmq-both", Serializer::Rocketmq)]
    {
        let cluster = Cluster::builder().serializer(serializer).start().unwrap();
        for topic in ["VecTopic", "VecDelay", "VecLite"] {
            cluster.create_topic(topic, 4).unwrap();
        }
        let mut name_server = Client::name_server(&cluster);
        let mut broker = Client::broker(&cluster, 0);
        for file in std::fs::read_dir(root.join(set)).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if left_out.iter().any(|start| name.starts_with(start)) {
                continue;
            }
            let case: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let frames = case["frames"].as_array().unwrap();
            for (at, record) in frames.iter().enumerate() {
                let request = decoded(record);
                let from_client = record["direction"] == "client->server";
                let wanted = frames[at..].iter().find(|later| {
                    later["direction"] == "server->client"
                        && later["conn"] == record["conn"]
                        && decoded(later).header.opaque == request.header.opaque
                });
                let Some(wanted) = wanted.filter(|_| from_client && !request.header.is_oneway()) else { continue };
                // A topic of the captured cluster alone.
                if request.header.get("topic").is_some_and(|topic| topic == "VecRO")
                    || request.header.get("b") == Some("VecRO")
                {
                    continue;
                }
                let client = if record["link"] == "namesrv" { &mut name_server } else { &mut broker };
                client.opaque = request.header.opaque;
                let answer = client.round_trip(&hex(record["frame_hex"].as_str().unwrap()));
                assert_eq!(comparable(&answer), comparable(&decoded(wanted)), "{set}/{name} {}", record["seq"]);
                compared += 1;
            }
        }
    }
    assert!(compared > 100, "only {compared} answers were compared");
}
