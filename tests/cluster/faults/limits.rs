//! Limits that the system sets to the programs under load, while they run.

use crate::suites::Bench;
use std::fs;
use std::process::Command;

/// What the programs may take beside what they have.
const MEMORY_LEFT: u64 = 32 << 20;

/// The programs of this bench that run now: each was given a file of its scratch folder.
fn programs(bench: &Bench) -> Result<Vec<u32>, String> {
    let own = bench.scratch().display().to_string();
    let entries = fs::read_dir("/proc").map_err(|error| error.to_string())?;
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // One that ends meanwhile has no command line.
    let is_own = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&own)
    };
    let found: Vec<u32> = pids.filter(is_own).collect();
    if found.len() < super::load::LANGUAGES.len() {
        return Err(format!("only {} programs run", found.len()));
    }
    Ok(found)
}

fn prlimit(pid: u32, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("prlimit").arg("--pid").arg(pid.to_string()).args(arguments).output();
    let output = output.map_err(|error| format!("prlimit: {error}"))?;
    if !output.status.success() {
        return Err(format!("prlimit {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whatever they open from now on fails; what is open stays.
pub(super) fn no_more_descriptors(bench: &Bench) -> Result<(), String> {
    programs(bench)?.into_iter().try_for_each(|pid| prlimit(pid, &["--nofile=3:"]).map(drop))
}

pub(super) fn little_more_memory(bench: &Bench) -> Result<(), String> {
    for pid in programs(bench)? {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(|error| error.to_string())?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmData:"));
        let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        let data = kilobytes.ok_or_else(|| format!("the status of {pid} has no VmData"))? << 10;
        prlimit(pid, &[&format!("--data={}:", data + MEMORY_LEFT)])?;
    }
    Ok(())
}

/// Back to what the system allows at most.
pub(super) fn lift(bench: &Bench) -> Result<(), String> {
    for pid in programs(bench)? {
        for limit in ["nofile", "data"] {
            let most = prlimit(pid, &[&format!("--{limit}"), "--output=HARD", "--noheadings", "--raw"])?;
            prlimit(pid, &[&format!("--{limit}={most}:")])?;
        }
    }
    Ok(())
}
