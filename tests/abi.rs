//! The C surface from C: programs of tests/abi, compiled against the header and run with the shared library.

#![cfg(all(feature = "capi", feature = "mock", target_os = "linux"))]

#[path = "abi/servers.rs"]
mod servers;
#[path = "abi/support.rs"]
mod support;

use servers::{answer, answering, broker, closed_port, name_server_of, serve, silent_url};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use support::{ROOT, build, check, passed, run, source, text};

#[test]
fn a_failing_case_is_noticed() {
    let output = run(&build(&source("selftest.c"), "selftest"), &[]);
    let printed = text(&output);
    assert!(!passed(&output), "{printed}");
    assert!(printed.contains("ok     passes") && printed.contains("FAILED fails"), "{printed}");
    assert_eq!(printed.matches("selftest.c:").count(), 4, "each failed check is printed: {printed}");
    assert!(printed.ends_with("1 passed, 1 failed\n"), "{printed}");
}

#[test]
fn bad_input() {
    check("bad_input", &[]);
}

/// Rows: BA-01 BA-02 BA-04 BA-05.
#[test]
fn batches() {
    check("batch", &[]);
}

#[test]
fn callbacks() {
    check("callbacks", &[]);
}

#[test]
fn contents_and_tables() {
    check("contents", &[]);
}

#[test]
fn faults_and_requests_of_the_embedded_cluster() {
    check("mock_script", &[]);
}

/// Rows: HK-01 HK-02 HK-04 HK-05.
#[test]
fn hooks() {
    check("hooks", &[]);
}

#[test]
fn trace_contexts() {
    check("trace", &[]);
}

/// Rows: AM-14.
#[test]
fn message_transformers() {
    check("transform", &[]);
}

/// Rows: RR-01 RR-02 RR-03 RR-04.
#[test]
fn requests_and_replies() {
    check("request_reply", &[]);
}

#[test]
fn log() {
    check("log", &[]);
}

/// Rows: TX-02 TX-03 DL-03 HK-07.
#[test]
fn transactions_and_recalls() {
    check("transactions", &[]);
}

#[test]
fn fork() {
    check("fork", &[]);
}

/// Rows: AS-03 AS-05.
#[test]
fn completion_queues() {
    check("completion_queue", &[&silent_url()]);
}

#[test]
fn sends_that_end_in_a_queue() {
    check("send_queued", &[]);
}

#[test]
fn one_epoll_loop() {
    let output = run(&build(&source("epoll_loop.c"), "epoll_loop"), &[]);
    assert!(passed(&output), "{}", text(&output));
    // Past the harness, which shows nothing of a test that passes: the figure belongs into the log.
    io::stdout().write_all(&output.stdout).unwrap();
}

#[test]
fn what_an_event_loop_needs() {
    check("event_loop", &[&format!("rocketmq://{}", closed_port())]);
}

/// Rows: QS-05 QS-06 FT-02 FT-07 AS-03 AS-04 AS-05 RE-04.
#[test]
fn selectors_broker_states_and_backpressure() {
    check("selection", &[&silent_url()]);
}

#[test]
fn statistics() {
    let refusing = broker(|request| Some(answer(16, request.opaque, "no permission here", "")));
    check("statistics", &[&format!("rocketmq://{refusing}")]);
}

/// Rows: SO-04 SO-07 SO-08 SO-09 SO-10.
#[test]
fn reliable_sending_and_the_spool() {
    check("reliable", &[]);
}

#[test]
fn the_example_sends_in_each_mode() {
    let example = build(&format!("{ROOT}/examples/c/send.c"), "send-example");
    let output = run(&example, &[]);
    assert!(output.status.success(), "{}", text(&output));
    let printed = text(&output);
    let modes: Vec<_> = printed.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(modes, ["sync", "async", "oneway"], "{printed}");

    let output = run(&example, &["rocketmq://nowhere"]);
    assert!(!output.status.success());
    assert!(text(&output).contains("INVALID_CONFIG: `url`"), "{}", text(&output));
}

#[test]
fn the_epoll_example_completes_what_it_sends() {
    let example = build(&format!("{ROOT}/examples/c/epoll.c"), "epoll-example");
    let output = run(&example, &[]);
    let printed = text(&output);
    assert!(output.status.success(), "{printed}");
    let polls = printed.strip_prefix("c epoll sent=1000 completed=1000 polls=").unwrap_or_else(|| panic!("{printed}"));
    assert!((1000_usize.div_ceil(64)..=1000).contains(&polls.trim_end().parse().unwrap()), "{printed}");
}

/// The memory of what runs under valgrind: nothing is read outside of it, nothing of it is left.
#[test]
fn memory_is_clean() {
    let valgrind = [
        "--quiet",
        // Valgrind runs one thread at a time; without turns a waiting one may starve beyond a send's time-out.
        "--fair-sched=try",
        "--error-exitcode=99",
        "--leak-check=full",
        "--show-leak-kinds=definite",
        "--errors-for-leak-kinds=definite",
    ];
    let example = build(&format!("{ROOT}/examples/c/send.c"), "send-memory");
    let callbacks = build(&source("callbacks.c"), "callbacks-memory");
    let bad_input = build(&source("bad_input.c"), "bad-input-memory");
    let hooks = build(&source("hooks.c"), "hooks-memory");
    let batch = build(&source("batch.c"), "batch-memory");
    let requests = build(&source("request_reply.c"), "requests-memory");
    let script = build(&source("mock_script.c"), "mock-script-memory");
    let trace = build(&source("trace.c"), "trace-memory");
    let statistics = build(&source("statistics.c"), "statistics-memory");
    let reliable = build(&source("reliable.c"), "reliable-memory");
    let epoll = build(&format!("{ROOT}/examples/c/epoll.c"), "epoll-memory");
    let sends = build(&source("send_queued.c"), "send-queued-memory");
    let transactions = build(&source("transactions.c"), "transactions-memory");
    let event_loop = build(&source("event_loop.c"), "event-loop-memory");
    let nowhere = format!("rocketmq://{}", closed_port());
    // The argument leaves out the case that ends a thread: what that thread held is lost by design.
    let programs =
        [example, bad_input, hooks, requests, script, trace, batch, epoll, reliable, sends, statistics, transactions]
            .map(|program| (program, None));
    let with_arguments = [(callbacks, Some("keep-threads")), (event_loop, Some(&*nowhere))];
    for (program, argument) in programs.into_iter().chain(with_arguments) {
        let program = program.to_str().unwrap();
        let arguments: Vec<&str> = valgrind.into_iter().chain([program]).chain(argument).collect();
        let output = run("valgrind".as_ref(), &arguments);
        assert!(output.status.success(), "{program}: {}", text(&output));
    }
}

/// Sends to `servers` in C; each send must end with one of `statuses` and a text that holds `part`.
fn sends_end(case: &str, name_server: SocketAddr, maybe_persisted: bool, part: &str, statuses: &[&str]) {
    let program = build(&source("servers.c"), &format!("servers-{case}"));
    let url = format!("rocketmq://{name_server}");
    let mut arguments = vec![url.as_str(), if maybe_persisted { "1" } else { "0" }, part];
    arguments.extend(statuses);
    let output = run(&program, &arguments);
    assert!(passed(&output), "{case}: {}", text(&output));
}

#[test]
fn an_unreachable_name_server() {
    let nobody = closed_port();
    sends_end("unreachable", nobody, false, &nobody.to_string(), &["NO_NAME_SERVER"]);
}

#[test]
fn a_topic_without_a_route() {
    let server = answering(|request| Some(answer(17, request.opaque, "no route of it", "")));
    sends_end("no-route", server, false, "abi-test", &["NO_ROUTE"]);
}

#[test]
fn a_name_server_that_answers_garbage() {
    let server = serve(|mut stream| {
        let garbage: Vec<u8> = (0..64_u8).map(|n| n.wrapping_mul(37)).collect();
        // The client may end the connection at any byte.
        let _ = stream.write_all(&garbage);
        let _ = stream.read(&mut [0; 4096]);
    });
    sends_end("garbage", server, false, &server.to_string(), &["NO_NAME_SERVER"]);
}

#[test]
fn a_frame_over_16_mib() {
    let server = serve(|mut stream| {
        let _ = servers::read_request(&mut stream);
        let _ = stream.write_all(&0x0100_0001_u32.to_be_bytes());
        let _ = stream.read(&mut [0; 4096]);
    });
    sends_end("over-16-mib", server, false, &server.to_string(), &["NO_NAME_SERVER"]);
}

#[test]
fn half_a_frame_and_then_the_end() {
    let server = serve(|mut stream| {
        if let Some(request) = servers::read_request(&mut stream) {
            let whole = answer(0, request.opaque, "", "{}");
            let _ = stream.write_all(&whole[..whole.len() / 2]);
        }
    });
    sends_end("half-frame", server, false, &server.to_string(), &["NO_NAME_SERVER"]);
}

#[test]
fn half_a_frame_and_then_silence() {
    let server = serve(|mut stream| {
        if let Some(request) = servers::read_request(&mut stream) {
            let _ = stream.write_all(&answer(0, request.opaque, "", "{}")[..10]);
            let _ = stream.read(&mut [0; 4096]);
        }
    });
    sends_end("silence", server, false, &server.to_string(), &["NO_NAME_SERVER", "TIMEOUT"]);
}

#[test]
fn a_broker_that_answers_another_request() {
    let server = broker(|request| Some(answer(0, request.opaque + 1000, "", "")));
    sends_end("wrong-opaque", server, true, "which no request had", &["PROTOCOL"]);
}

#[test]
fn a_broker_that_dies_under_the_send() {
    let server = broker(|_| None);
    sends_end("killed", server, true, "odd", &["CONNECTION_LOST"]);
}

#[test]
fn a_broker_that_answers_garbage() {
    let server = broker(|_| Some(vec![0xff; 64]));
    sends_end("garbage-broker", server, true, "odd", &["CONNECTION_LOST", "PROTOCOL"]);
}

#[test]
fn a_broker_that_nobody_listens_at() {
    let server = name_server_of(closed_port());
    sends_end("no-broker", server, false, "odd", &["CONNECT"]);
}

#[test]
fn a_broker_that_refuses() {
    let server = broker(|request| Some(answer(16, request.opaque, "no permission here", "")));
    sends_end("refuses", server, false, "no permission here", &["BROKER"]);
}
