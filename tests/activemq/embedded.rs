//! The official Java client against the embedded cluster.

use crate::support::java_build::activemq_files;
use mqproducer::mock::Cluster;
use std::process::Command;

/// The steps of `Exercise.java`.
const STEPS: usize = 12;

/// Runs every step at a URL; the program ends itself when a step takes too long.
fn exercise(url: &str) {
    let files = activemq_files().unwrap();
    let main = ["-cp", &files.class_path, "mqproducer.activemq.Exercise", url];
    let done =
        Command::new(&files.java).args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]).args(main).output().unwrap();
    let (out, errors) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{out}\n{errors}");
    assert_eq!(out.lines().filter(|line| line.starts_with("ok ")).count(), STEPS, "{out}\n{errors}");
}

fn bodies(cluster: &Cluster, topic: &str) -> Vec<String> {
    cluster.messages(Some(topic)).into_iter().map(|m| String::from_utf8_lossy(&m.body).into_owned()).collect()
}

/// What the broker lists is asserted beside what the client got back.
#[test]
fn the_java_client_does_all_it_can_with_the_embedded_broker() {
    let cluster = Cluster::open("", 1, 4).unwrap();
    exercise(&format!("tcp://{}", cluster.openwire_addresses().unwrap()[0]));
    let messages = cluster.messages(Some("Java.messages"));
    assert_eq!(messages.len(), 6);
    assert_eq!(messages[0].body, "hé\0llo \u{1f600}".as_bytes());
    for (name, value) in [("JMSPriority", "7"), ("JMSXGroupSeq", "3"), ("b", "true"), ("l", "-9223372036854775808")] {
        assert_eq!(messages[0].property(name), Some(value), "{name}");
    }
    let kinds: Vec<_> = messages.iter().filter_map(|m| m.property("JMSXMimeType")).collect();
    let expected = ["text-message", "bytes-message", "map-message", "object-message", "stream-message", "message"];
    assert_eq!(kinds, expected.map(|kind| format!("jms/{kind}")));
    assert_eq!(bodies(&cluster, "Java.compressed")[1], "compress me ".repeat(1000));
    let numbers: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    assert_eq!(bodies(&cluster, "Java.window"), numbers);
    assert_eq!(bodies(&cluster, "Java.transactions"), ["committed", "committed, too"]);
    assert_eq!(cluster.message_count(Some("Java.callbacks")), 20);
    let windows = cluster.requests(None, Some(6)).unwrap();
    assert!(windows.iter().any(|request| request.field("windowSize") == Some("4096")));
}

#[test]
fn the_java_client_does_the_same_with_fail_over() {
    let cluster = Cluster::open("", 2, 4).unwrap();
    exercise(&cluster.openwire_url().unwrap());
    assert_eq!(bodies(&cluster, "Java.transactions"), ["committed", "committed, too"]);
}
