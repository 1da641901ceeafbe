//! The library inside somebody else's process: fork, signals, exits, unloading, many producers. C programs of tests/abi.

#![cfg(all(feature = "capi", feature = "mock", target_os = "linux"))]

#[path = "abi/servers.rs"]
#[allow(dead_code)]
mod servers;
#[path = "abi/support.rs"]
mod support;

use servers::silent_url;
use std::process::Command;
use support::{ROOT, WARNINGS, build, check, run, scratch, shared_library, source, text};

#[test]
fn what_is_left_alone_and_what_goes_on() {
    check("process", &[]);
}

#[test]
fn limits_of_descriptors_and_memory() {
    check("limits", &[&silent_url()]);
}

#[test]
fn a_process_may_end_at_any_time() {
    let program = build(&source("exit.c"), "exit");
    let silent = silent_url();
    for way in [
        "sends-in-flight",
        "sends-in-flight-and-a-close-at-exit",
        "a-callback-that-runs",
        "threads-that-send",
        "from-a-callback",
        "from-a-signal-handler",
    ] {
        for _ in 0..3 {
            let output = run(&program, &[way, &silent, "mock://exit"]);
            assert_eq!(output.status.code(), Some(7), "{way}: {}: {}", output.status, text(&output));
        }
    }
}

#[test]
fn a_library_that_is_let_go_of_stays_while_it_works() {
    let program = scratch("unload");
    let output = Command::new("cc")
        .args(["-std=gnu99", "-g"])
        .args(WARNINGS.iter().filter(|warning| **warning != "-pedantic"))
        .args(["-I", &format!("{ROOT}/include"), "-I", &format!("{ROOT}/tests/abi"), &source("unload.c"), "-o"])
        .arg(&program)
        .arg("-ldl")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let library = shared_library();
    let output = run(&program, &[library.to_str().unwrap()]);
    assert!(output.status.success(), "{}: {}", output.status, text(&output));
}
