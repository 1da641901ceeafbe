//! Mixed sends from every language for a long time, and a random fault every ten seconds: nothing is lost, and what the programs
//! take of memory, threads and descriptors stays as it is.

use super::field::Field;
use super::kinds::{Fault, KINDS, On};
use super::load::{LANGUAGES, create_topics, now_ms, program, row, topic_of, wait_for_acknowledgements};
use super::{Row, full, table};
use crate::suites::{Bench, text};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(10);

/// What a program took at a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    pub(super) second: f64,
    pub(super) kilobytes: u64,
    pub(super) threads: u64,
    pub(super) descriptors: u64,
}

impl Sample {
    fn of(pid: u32, second: f64) -> Option<Sample> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let number = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
        Some(Sample { second, kilobytes: number("VmRSS:")?, threads: number("Threads:")?, descriptors })
    }
}

/// Programs that are killed when the test ends early.
struct Running(Vec<Child>);

impl Drop for Running {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The median of the last quarter must not lie above that of the second by more than what a busy machine explains.
pub(super) fn flat(samples: &[Sample]) -> Result<(), String> {
    let quarter = samples.len() / 4;
    let medians = |of: fn(&Sample) -> u64| {
        let median = |part: &[Sample]| {
            let mut values: Vec<u64> = part.iter().map(of).collect();
            values.sort_unstable();
            values.get(values.len() / 2).copied().unwrap_or_default()
        };
        (median(&samples[quarter..2 * quarter]), median(&samples[3 * quarter..]))
    };
    type Column = (&'static str, fn(&Sample) -> u64, fn(u64) -> u64);
    let columns: [Column; 3] = [
        ("KiB of memory", |sample| sample.kilobytes, |before| before / 8 + 4096),
        ("threads", |sample| sample.threads, |_| 4),
        ("descriptors", |sample| sample.descriptors, |_| 8),
    ];
    for (what, of, slack) in columns {
        let (before, after) = medians(of);
        if before == 0 || after > before + slack(before) {
            return Err(format!("{what} grow: {before} in the second quarter, {after} in the last"));
        }
    }
    Ok(())
}

fn length() -> Duration {
    let seconds = std::env::var("MQP_SOAK_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(600))
}

pub fn soak_under_random_faults(bench: &Bench) -> Result<String, String> {
    if !full() {
        return Ok("only at full length (MQP_TEST_LONG=1)".to_owned());
    }
    let field = Field::of(bench.two_masters()?)?;
    create_topics(bench, &field, "soak")?;
    let stop = bench.scratch().join("soak.stop");
    let path = |language: &str, end: &str| bench.scratch().join(format!("soak-{language}.{end}"));
    let reports: Vec<PathBuf> = LANGUAGES.iter().map(|language| path(language, "jsonl")).collect();
    let mut running = Running(Vec::new());
    for (language, report) in LANGUAGES.iter().zip(&reports) {
        let mut command = program(bench.programs()?, &field, language, &topic_of("soak", language), report, &stop);
        let output = File::create(path(language, "out")).map_err(text)?;
        let child = command.stdin(Stdio::null()).stdout(output).spawn().map_err(text)?;
        running.0.push(child);
    }
    wait_for_acknowledgements(&reports, 0)?;
    let done = AtomicBool::new(false);
    let pids: Vec<u32> = running.0.iter().map(Child::id).collect();
    let (harmed, samples) = thread::scope(|scope| {
        let sampling = scope.spawn(|| sample(&pids, &done));
        let harmed = harm_at_random(bench, &field);
        done.store(true, Ordering::SeqCst);
        (harmed, sampling.join().map_err(text))
    });
    let (harmed, samples) = (harmed?, samples?);
    wait_for_acknowledgements(&reports, now_ms())?;
    fs::write(&stop, "").map_err(text)?;
    for child in &mut running.0 {
        let status = child.wait().map_err(text)?;
        if !status.success() {
            return Err(format!("a program ended with {status}"));
        }
    }
    running.0.clear();
    let soak = Fault {
        name: "soak",
        what: "a random fault every 10 s",
        on: On::TwoMasters,
        short: false,
        harm: |_, _| Ok(()),
        lasts: length(),
        mend: |_, _| Ok(()),
    };
    let mut rows: Vec<Row> = Vec::new();
    for (language, report) in LANGUAGES.iter().zip(&reports) {
        let printed = fs::read_to_string(path(language, "out")).map_err(text)?;
        rows.push(row(bench, &field, &soak, language, report, &printed)?);
    }
    let plot = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reliability-soak.svg");
    fs::write(plot, draw(&samples)).map_err(text)?;
    for (language, samples) in LANGUAGES.iter().zip(&samples) {
        flat(samples).map_err(|grows| format!("{language}: {grows}"))?;
    }
    table::write_soak(&rows, length(), &harmed)?;
    Ok(format!("{} faults\n{}{}", harmed.len(), table::text(&rows), table::causes(&rows, &harmed)))
}

/// One row of samples for each program, until `done`.
fn sample(pids: &[u32], done: &AtomicBool) -> Vec<Vec<Sample>> {
    let mut samples = vec![Vec::new(); pids.len()];
    let begin = Instant::now();
    while !done.load(Ordering::SeqCst) {
        for (pid, samples) in pids.iter().zip(&mut samples) {
            samples.extend(Sample::of(*pid, begin.elapsed().as_secs_f64()));
        }
        thread::sleep(Duration::from_millis(500));
    }
    samples
}

/// Does one fault after the other; their names, and when they began.
fn harm_at_random(bench: &Bench, field: &Field<'_>) -> Result<Vec<(&'static str, u64)>, String> {
    // Those that can be done any number of times.
    let kinds: Vec<&Fault> = KINDS.iter().filter(|fault| fault.on == On::TwoMasters && fault.name != "moved").collect();
    let (begin, mut harmed) = (Instant::now(), Vec::new());
    let mut random = now_ms() | 1;
    println!("    the faults are chosen from {random}");
    while begin.elapsed() < length() {
        let next = Instant::now() + EVERY;
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let fault = kinds[(random % kinds.len() as u64) as usize];
        harmed.push((fault.name, now_ms()));
        (fault.harm)(bench, field)?;
        thread::sleep(fault.lasts);
        (fault.mend)(bench, field)?;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(harmed)
}

/// Three panels, a line for each language.
fn draw(samples: &[Vec<Sample>]) -> String {
    type Panel = (&'static str, fn(&Sample) -> f64);
    const PANELS: [Panel; 3] = [
        ("memory, MiB", |sample| sample.kilobytes as f64 / 1024.0),
        ("threads", |sample| sample.threads as f64),
        ("descriptors", |sample| sample.descriptors as f64),
    ];
    const COLOURS: [&str; 3] = ["#1f77b4", "#d62728", "#2ca02c"];
    let end = samples.iter().flatten().map(|sample| sample.second).fold(1.0, f64::max);
    let mut out = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"800\" height=\"560\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"800\" height=\"560\" fill=\"white\"/>\n",
    );
    for (at, (name, of)) in PANELS.iter().enumerate() {
        let top = 30.0 + at as f64 * 170.0;
        let most = samples.iter().flatten().map(of).fold(1.0, f64::max);
        let _ = writeln!(out, "<text x=\"60\" y=\"{}\">{name}, at most {most:.0}</text>", top - 8.0);
        let _ =
            writeln!(out, "<rect x=\"60\" y=\"{top}\" width=\"720\" height=\"130\" fill=\"none\" stroke=\"#999\"/>");
        for (samples, colour) in samples.iter().zip(COLOURS) {
            // More points than pixels show nothing.
            let points = samples.iter().step_by(samples.len() / 300 + 1).fold(String::new(), |mut points, sample| {
                let (x, y) = (60.0 + 720.0 * sample.second / end, top + 130.0 * (1.0 - of(sample) / most));
                let _ = write!(points, "{x:.1},{y:.1} ");
                points
            });
            let _ = writeln!(out, "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\"/>");
        }
    }
    for (at, (language, colour)) in LANGUAGES.iter().zip(COLOURS).enumerate() {
        let x = 60 + 100 * at;
        let _ = writeln!(out, "<text x=\"{x}\" y=\"545\" fill=\"{colour}\">{language}</text>");
    }
    let _ = writeln!(out, "<text x=\"640\" y=\"545\">0 to {end:.0} seconds</text>\n</svg>");
    out
}
