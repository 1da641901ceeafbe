//! The example programs, whose messages are read back.

use crate::broker::{Broker, queue};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where this build's library is.
fn library() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.parent().and_then(Path::parent).unwrap().join("libmqproducer.so")
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}:\n{out}{err}");
    out.into_owned()
}

/// Five messages, of which all but the second are persistent.
fn check(stored: &[Value], text: &str) {
    assert_eq!(stored.len(), 5);
    assert_eq!(stored.iter().filter(|message| message["persistent"] == json!(false)).count(), 1);
    for message in stored {
        assert_eq!((&message["text"], &message["correlation_id"]), (&json!(text), &json!("order-1")));
        assert_eq!(message["properties"]["count"], json!({"type": "integer", "value": "42"}));
    }
}

#[test]
fn the_example_in_c() {
    let (broker, queue) = (Broker::shared(), queue("example.c"));
    let folder = library().parent().unwrap().to_owned();
    let program = folder.join("example-jms");
    run(Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror"])
        .arg(format!("-I{}", root().join("include").display()))
        .arg(root().join("examples/c/jms.c"))
        .arg(format!("-L{}", folder.display()))
        .arg(format!("-Wl,-rpath,{}", folder.display()))
        .args(["-lmqproducer", "-o"])
        .arg(&program));
    let said = run(Command::new(&program).args([&broker.url(), &queue]));
    assert!(
        said.contains("c sync id=ID:") && said.contains("c async id=ID:") && said.contains("c committed"),
        "{said}"
    );
    check(&broker.read(&queue, 5), "hello from C");
    // Without arguments it has the embedded cluster.
    assert!(run(&mut Command::new(&program)).contains("c committed"));
}

#[test]
fn the_example_in_python() {
    let (broker, queue) = (Broker::shared(), queue("example.python"));
    let python = |arguments: &[&str]| {
        let mut command = Command::new("python3");
        command.arg(root().join("examples/python/jms.py")).args(arguments);
        command.env("PYTHONPATH", root().join("bindings/python")).env("MQPRODUCER_LIBRARY", library());
        run(&mut command)
    };
    let said = python(&[&broker.url(), &queue]);
    assert!(said.contains("python committed"), "{said}");
    let stored = broker.read(&queue, 5);
    check(&stored, "hello from Python");
    assert_eq!(stored[0]["properties"]["ratio"], json!({"type": "double", "value": "0.5"}));
    assert_eq!(stored[0]["properties"]["small"], json!({"type": "short", "value": "7"}));
    assert!(python(&[]).contains("python committed"));
}

#[test]
fn the_example_in_cpp() {
    let (broker, queue) = (Broker::shared(), queue("example.cpp"));
    let folder = library().parent().unwrap().to_owned();
    let program = folder.join("example-jms-cpp");
    run(Command::new("c++")
        .args(["-std=c++17", "-Wall", "-Wextra", "-Werror"])
        .arg(format!("-I{}", root().join("include").display()))
        .arg(format!("-I{}", root().join("bindings/cpp/include").display()))
        .arg(root().join("examples/cpp/jms.cpp"))
        .arg(format!("-L{}", folder.display()))
        .arg(format!("-Wl,-rpath,{}", folder.display()))
        .args(["-lmqproducer", "-o"])
        .arg(&program));
    assert!(run(Command::new(&program).args([&broker.url(), &queue])).contains("committed"));
    check(&broker.read(&queue, 5), "hello from C++");
    assert!(run(&mut Command::new(&program)).contains("committed"));
}

#[test]
fn the_example_in_go() {
    let (broker, queue) = (Broker::shared(), queue("example.go"));
    let folder = library().parent().unwrap().to_owned();
    let program = folder.join("example-jms-go");
    run(Command::new("go")
        .current_dir(root().join("examples/go"))
        .env("CGO_LDFLAGS", format!("'-L{0}' '-Wl,-rpath,{0}'", folder.display()))
        .arg("build")
        .arg("-o")
        .arg(&program)
        .arg("./jms"));
    let said = run(Command::new(&program).args([&broker.url(), &queue]));
    assert!(said.contains("go sync id=ID:") && said.contains("go committed"), "{said}");
    let stored = broker.read(&queue, 5);
    check(&stored, "hello from Go");
    assert_eq!(stored[0]["properties"]["small"], json!({"type": "short", "value": "7"}));
    assert!(run(&mut Command::new(&program)).contains("go committed"));
}
