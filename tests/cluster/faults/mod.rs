//! Faults of every kind under a steady load from C, Python, Go and the official client, all at the same time: nothing that was
//! acknowledged is lost, each message ends once, and nothing is stored twice without a try of unknown outcome.

mod field;
mod kinds;
mod limits;
mod load;
mod soak;
mod table;

use crate::suites::{Bench, first_few, report_of, stored_as};
use field::Field;
use kinds::{Fault, KINDS, On};
use std::collections::BTreeSet;
use std::time::Duration;

pub use soak::soak_under_random_faults;

/// Whether everything is tried, and the page written.
fn full() -> bool {
    std::env::var_os("MQP_TEST_LONG").is_some()
}

/// What became of the messages of one language under one fault.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) fault: String,
    pub(crate) language: String,
    pub(crate) acknowledged: usize,
    pub(crate) lost: usize,
    pub(crate) duplicated: usize,
    /// When the messages of those copies completed, in milliseconds since 1970; the official client does not tell.
    pub(crate) duplicated_at: Vec<u64>,
    pub(crate) failed: usize,
    /// The longest time between two acknowledgements.
    pub(crate) recovery: Duration,
}

fn on(bench: &Bench, on: On) -> Result<String, String> {
    let topology = match on {
        On::TwoMasters => bench.two_masters()?,
        On::SyncPair => bench.sync_pair()?,
    };
    let field = Field::of(topology)?;
    let mut rows = Vec::new();
    let mut wrong = Vec::new();
    for fault in KINDS.iter().filter(|fault| fault.on == on && (fault.short || full())) {
        match load::under(bench, &field, fault) {
            Ok(of_fault) => rows.extend(of_fault),
            Err(error) => wrong.push(format!("{}: {error}", fault.name)),
        }
    }
    let text = table::text(&rows);
    if !wrong.is_empty() {
        return Err(format!("{}\n{text}", wrong.join("\n")));
    }
    if full() {
        table::write(on, &rows)?;
    }
    Ok(format!("\n{text}"))
}

/// Rows: FT-01 RE-01 RE-09.
pub fn two_masters_under_faults(bench: &Bench) -> Result<String, String> {
    on(bench, On::TwoMasters)
}

pub fn a_synchronous_pair_under_faults(bench: &Bench) -> Result<String, String> {
    on(bench, On::SyncPair)
}

/// The checker of loads proves itself: a right set passes, and each of these changes is found.
pub fn the_fault_checker_finds_mutations(_: &Bench) -> Result<String, String> {
    use crate::stress::{Report, check_sent};
    use crate::support::messages::StoredMessage;
    let (topic, sent) = ("Faulty", BTreeSet::from([0, 1, 2, 7, 8, 30]));
    let stored: Vec<StoredMessage> = sent.iter().map(|&i| stored_as(topic, "go", i)).collect();
    let reports: Vec<Report> = sent.iter().zip(&stored).map(|(&i, stored)| report_of(i, stored)).collect();
    check_sent(topic, "go", &sent, &reports, &stored, false).map_err(first_few)?;
    let mut retried = reports.clone();
    retried[0].attempts = Some(2);
    let mut doubled = stored.clone();
    doubled.push(stored[0].clone());
    check_sent(topic, "go", &sent, &retried, &doubled, false).map_err(first_few)?;
    type Mutation = (&'static str, fn(&mut Vec<Report>, &mut Vec<StoredMessage>));
    let mutations: &[Mutation] = &[
        ("an acknowledged message lost", |_, stored| drop(stored.remove(3))),
        ("a message doubled after one try", |_, stored| stored.push(stored[1].clone())),
        ("a body changed", |_, stored| stored[2].body[0] ^= 1),
        ("a message without an end", |reports, _| drop(reports.remove(4))),
        ("a message with two ends", |reports, _| reports.push(reports[5].clone())),
        ("a stored message whose failure denied it", |reports, _| reports[0].ok = false),
        ("a message that nobody sent", |_, stored| stored.push(stored_as("Faulty", "go", 31))),
        ("a receipt of another place", |reports, _| reports[1].queue_offset = Some(99)),
    ];
    for (name, mutate) in mutations {
        let (mut reports, mut stored) = (reports.clone(), stored.clone());
        mutate(&mut reports, &mut stored);
        if check_sent(topic, "go", &sent, &reports, &stored, false).is_ok() {
            return Err(format!("not found: {name}"));
        }
    }
    let silence = load::longest_gap(&[5000, 1000, 1200, 4000]);
    if silence != Duration::from_millis(2800) {
        return Err(format!("the longest time between acknowledgements is {silence:?}"));
    }
    let row = Row {
        fault: String::new(),
        language: "go".to_owned(),
        acknowledged: 9,
        lost: 0,
        duplicated: 3,
        duplicated_at: vec![5, 20, 25],
        failed: 0,
        recovery: Duration::ZERO,
    };
    let causes = table::causes(&[row], &[("cut", 4), ("slow", 20), ("cut", 30)]);
    if !causes.ends_with("| cut | 2 | 1 |\n| slow | 1 | 2 |\n") {
        return Err(format!("the causes are {causes}"));
    }
    let steady: Vec<soak::Sample> = (0..400)
        .map(|second| soak::Sample {
            second: f64::from(second),
            kilobytes: 30_000 + u64::from(second as u32 % 7) * 100,
            threads: 9,
            descriptors: 20 + u64::from(second as u32 % 5),
        })
        .collect();
    soak::flat(&steady)?;
    let grows: [fn(&mut soak::Sample); 3] = [
        |sample| sample.kilobytes += sample.second as u64 * 60,
        |sample| sample.threads += sample.second as u64 / 30,
        |sample| sample.descriptors += sample.second as u64 / 10,
    ];
    for (at, grow) in grows.iter().enumerate() {
        let mut samples = steady.clone();
        samples.iter_mut().for_each(grow);
        if soak::flat(&samples).is_ok() {
            return Err(format!("what grows is not found: column {at}"));
        }
    }
    Ok(format!("{} mutations", mutations.len() + grows.len()))
}
