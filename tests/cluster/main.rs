//! Every language against a real Apache RocketMQ, and the official Java client against the embedded cluster.
//!
//! Each topology is started once and shared by its suites; arguments name the suites to run. What brokers stored is read
//! back by the official Java client.

mod acl;
mod auto_batch;
#[path = "../conformance/rust/body_text.rs"]
mod body_text;
mod compression;
mod conformance;
mod delays;
mod examples;
mod faults;
mod librocketmq;
mod names;
mod programs;
mod rejections;
mod relay;
mod reliable;
mod request_reply;
mod rust_stress;
mod side_by_side;
mod static_topic;
mod stress;
mod suites;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod trace;
mod transactions;
mod two_masters;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

/// One suite: what it measured, or what is wrong.
type Suite = fn(&suites::Bench) -> Result<String, String>;

const SUITES: &[(&str, Suite)] = &[
    ("the_checker_finds_mutations", suites::the_checker_finds_mutations),
    ("rust_ten_thousand", suites::rust_ten_thousand),
    ("c_ten_thousand", suites::c_ten_thousand),
    ("cpp_ten_thousand", suites::cpp_ten_thousand),
    ("python_ten_thousand", suites::python_ten_thousand),
    ("go_ten_thousand", suites::go_ten_thousand),
    ("both_serializers", suites::both_serializers),
    ("compressed_bodies", compression::compressed_bodies),
    ("the_send_examples", suites::the_send_examples),
    ("the_batch_examples", examples::the_batch_examples),
    ("the_request_examples", examples::the_request_examples),
    ("the_transaction_examples", examples::the_transaction_examples),
    ("the_auto_batch_checker_finds_mutations", auto_batch::the_auto_batch_checker_finds_mutations),
    ("auto_batched_messages_are_stored_once", auto_batch::auto_batched_messages_are_stored_once),
    ("namespaces_units_and_the_vip_channel", names::namespaces_units_and_the_vip_channel),
    ("signed_requests_and_refusals", acl::signed_requests_and_refusals),
    ("tls_enforced_by_every_server", tls::tls_enforced_by_every_server),
    ("static_and_ordered_topics", static_topic::static_and_ordered_topics),
    ("traces_are_those_of_the_official_client", trace::traces_are_those_of_the_official_client),
    ("traces_of_ends_and_recalls", trace::traces_of_ends_and_recalls_are_the_official_client_s),
    ("requests_that_the_official_consumer_answers", request_reply::requests_that_the_official_consumer_answers),
    ("replies_to_the_official_requester", request_reply::replies_to_the_official_requester),
    ("transactions_ended_and_checked", transactions::ended_and_checked),
    ("transactions_of_a_killed_producer", transactions::another_producer_answers_for_a_killed_one),
    ("delayed_messages_come_when_they_are_due", delays::delayed_messages_come_when_they_are_due),
    ("recalled_messages_do_not_come", delays::a_recalled_message_does_not_come),
    ("priorities_choose_the_queue", delays::priorities_choose_the_queue),
    ("unmodified_bindings_on_the_drop_in", librocketmq::unmodified_bindings_on_the_drop_in),
    ("the_same_program_on_the_old_library", side_by_side::the_same_program_on_the_old_library),
    ("many_messages_on_both_libraries", side_by_side::many_messages_on_both_libraries),
    ("conformance_cases", conformance::conformance_cases),
    ("java_client_and_embedded_cluster", suites::java_client_and_embedded_cluster),
    ("broker_killed_mid_send_c", suites::broker_killed_mid_send_c),
    ("broker_killed_mid_send_python", suites::broker_killed_mid_send_python),
    ("two_masters_sixteen_sends_spread_eight_and_eight", two_masters::sixteen_sends_spread_eight_and_eight),
    ("two_masters_one_killed_under_load", two_masters::a_master_killed_under_load),
    ("two_masters_one_frozen_under_load", two_masters::a_master_frozen_under_load),
    ("reliable_on_a_synchronous_pair", reliable::safe_or_in_the_spool_on_a_synchronous_pair),
    ("the_fault_checker_finds_mutations", faults::the_fault_checker_finds_mutations),
    ("faults_two_masters", faults::two_masters_under_faults),
    ("faults_synchronous_pair", faults::a_synchronous_pair_under_faults),
    ("faults_soak", faults::soak_under_random_faults),
    ("rejection_too_large", rejections::a_broker_refuses_what_is_too_large),
    ("rejection_queue_gone", rejections::a_broker_refuses_a_queue_that_is_gone),
    ("rejection_read_only", rejections::a_topic_that_may_only_be_read_has_no_route),
    ("rejection_out_of_service", rejections::a_broker_out_of_service_is_tried_again),
    ("rejection_flow_control", rejections::flow_control_is_a_refusal_and_worth_a_retry),
    ("rejection_unknown_topic", rejections::an_unknown_topic_is_refused_where_topics_are_not_created),
];

fn main() -> ExitCode {
    if let Some(code) = transactions::child() {
        return code;
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let started = Instant::now();
    let bench = match suites::Bench::start() {
        Ok(bench) => bench,
        Err(error) => {
            eprintln!("the topology did not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("topology single ready in {:.1} s", started.elapsed().as_secs_f64());
    let (mut passed, mut failed) = (0, 0);
    for (name, suite) in SUITES {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let started = Instant::now();
        let result =
            catch_unwind(AssertUnwindSafe(|| suite(&bench))).unwrap_or_else(|_| Err("panicked, see above".to_owned()));
        let took = started.elapsed().as_secs_f64();
        match result {
            Ok(detail) => {
                passed += 1;
                println!("test {name} ... ok ({took:.1} s) {detail}");
            }
            Err(error) => {
                failed += 1;
                println!("test {name} ... FAILED ({took:.1} s)\n{error}");
            }
        }
    }
    let verdict = if failed == 0 && passed > 0 { "ok" } else { "FAILED" };
    println!("test result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out");
    if verdict == "ok" { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
