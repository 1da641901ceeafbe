//! The protocol and policy modules are pure: no runtime, sockets, clocks, threads, files or unsafe code.

use std::path::{Path, PathBuf};

/// What no pure module may name, and why.
const FORBIDDEN: &[(&str, &str)] = &[
    ("tokio", "a runtime"),
    ("TcpStream", "a socket"),
    ("TcpListener", "a socket"),
    ("UdpSocket", "a socket"),
    ("UnixStream", "a socket"),
    ("UnixListener", "a socket"),
    ("UnixDatagram", "a socket"),
    ("ToSocketAddrs", "a resolver"),
    ("socket2", "a socket"),
    ("Instant::now", "a clock"),
    (".elapsed()", "a clock"),
    ("SystemTime", "a clock"),
    ("std::thread", "a thread"),
    ("thread_local!", "a thread"),
    ("std::fs", "a file"),
    ("std::env", "the environment"),
    ("std::process", "the process"),
    ("fastrand", "a hidden source of randomness"),
    ("libc::", "the operating system"),
    ("unsafe", "unsafe code"),
];

/// `std` modules that must not be reached through a grouped `use std::{…}` either.
const GROUPED: &[&str] = &["thread", "fs", "env", "process", "os"];

/// Each line that breaks the rule, with its number and reason. Comments and test modules may say what they like.
fn violations(source: &str) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    let (mut before, mut in_tests) = ("", false);
    for (number, line) in source.lines().enumerate() {
        in_tests |= before == "#[cfg(test)]" && line == "mod tests {";
        before = line;
        if in_tests {
            in_tests = line != "}";
            continue;
        }
        let code = line.split("//").next().unwrap_or_default();
        for (word, reason) in FORBIDDEN {
            if code.contains(word) {
                found.push((number + 1, *reason));
            }
        }
        if let Some(group) = code.trim_start().strip_prefix("use std::{") {
            let mut names = group.split(|c: char| !c.is_alphanumeric() && c != '_');
            if names.any(|name| GROUPED.contains(&name)) {
                found.push((number + 1, "a forbidden module in a grouped use"));
            }
        }
    }
    found
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

fn pure_sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root.join("protocol"), &mut files);
    sources(&root.join("policy"), &mut files);
    files
}

/// Rows: RM-01.
#[test]
fn protocol_and_policy_are_pure() {
    let files = pure_sources();
    assert!(files.len() >= 25, "only {} files found", files.len());
    let mut broken = Vec::new();
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        broken.extend(violations(&source).iter().map(|(line, reason)| format!("{}:{line}: {reason}", file.display())));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The check itself can fail: a pure source with one line added is told by that line.
#[test]
fn the_check_sees_a_breach() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/protocol/remoting/frame.rs");
    let pure = std::fs::read_to_string(root).unwrap();
    assert_eq!(violations(&pure), []);
    let next = pure.lines().count() + 1;
    for breach in [
        "use tokio::net::TcpStream;",
        "let s = std::net::TcpStream::connect(a);",
        "    let now = Instant::now();",
        "let t = std::time::SystemTime::now();",
        "std::thread::yield_now();",
        "let f = std::fs::read(p);",
        "    unsafe { *p }",
        "use std::{fmt, thread};",
    ] {
        let found = violations(&format!("{pure}{breach}\n"));
        assert!(!found.is_empty() && found.iter().all(|(line, _)| *line == next), "{breach}: {found:?}");
    }
    for harmless in ["use std::net::{IpAddr, SocketAddr};", "// no tokio, no unsafe", "use std::{fmt, net::IpAddr};"] {
        assert_eq!(violations(harmless), [], "{harmless}");
    }
    let tests = "#[cfg(test)]\nmod tests {\n    let now = Instant::now();\n}\n";
    assert_eq!(violations(tests), []);
    assert_eq!(violations(&format!("{tests}let now = Instant::now();")), [(5, "a clock")]);
    assert_eq!(violations(&tests.replace("#[cfg(test)]", "")), [(3, "a clock")]);
}
