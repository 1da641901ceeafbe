use super::table::{Kind, METRICS};
use super::*;

fn odd() -> Statistics {
    let mut statistics = crate::Producer::new(
        &crate::Config::new().with("url", "rocketmq://127.0.0.1:1").unwrap().with("producer_group", "g").unwrap(),
    )
    .unwrap()
    .statistics()
    .unwrap();
    statistics.client_id = "a\"b\\c\nd\u{1}é".to_owned();
    statistics
}

#[test]
fn names_are_unique_legal_and_tell_their_kind() {
    for (index, metric) in METRICS.iter().enumerate() {
        let name = metric.name;
        assert!(METRICS[..index].iter().all(|other| other.name != name), "{name} stands twice");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert_eq!(metric.kind == Kind::Counter, name.ends_with("_total"), "{name}");
        assert_eq!(metric.unit == "seconds", name.ends_with("_seconds"), "{name}");
        assert!(metric.help.ends_with('.') && !metric.help.contains(['\n', '|']), "{name}");
    }
}

#[test]
fn texts_are_escaped_as_each_form_wants() {
    let statistics = odd();
    let json: serde_json::Value = serde_json::from_str(&statistics.to_json()).unwrap();
    assert_eq!(json["client_id"], statistics.client_id);
    let exposition = statistics.to_prometheus();
    let series = r#"mqproducer_accepted_messages_total{producer_group="g",client_id="a\"b\\c\nd"#;
    assert!(exposition.contains(&format!("\n{series}\u{1}é\"}} 0\n")), "{exposition}");
}

#[test]
fn quantiles_of_nothing_are_no_numbers() {
    let mut statistics = odd();
    statistics.brokers = vec![BrokerStatistics {
        name: "b".to_owned(),
        health: BrokerHealth::Unreachable,
        tries: 0,
        sent_bytes: 0,
        failed_tries: 0,
        answers: Durations::default(),
    }];
    let exposition = statistics.to_prometheus();
    assert_eq!(exposition.matches(" NaN\n").count(), 5);
    assert!(exposition.contains("broker=\"b\"} 0\n") && exposition.contains("broker=\"b\"} 1\n"), "{exposition}");
    let json: serde_json::Value = serde_json::from_str(&statistics.to_json()).unwrap();
    let nothing = serde_json::json!({
        "broker": "b", "count": 0, "sum": 0, "p50": 0, "p90": 0, "p99": 0, "p999": 0, "max": 0
    });
    assert_eq!(json["answer_seconds"], serde_json::json!([nothing]));
}
