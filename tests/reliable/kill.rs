//! A process that is killed while it spools: what it was told is in the spool is sent after the next start.

use super::scratch::ScratchDir;
use super::*;
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const URL: &str = "MQP_TEST_SPOOL_URL";
const FILE: &str = "MQP_TEST_SPOOL_FILE";

/// The process that is killed; by itself it does nothing.
#[test]
fn spools_until_it_is_killed() {
    let (Ok(url), Ok(file)) = (std::env::var(URL), std::env::var(FILE)) else { return };
    let settings = [("spool_file", &*file), ("reliable_retry_times", "0")];
    let producer = unstarted(&url, &settings);
    producer.start().unwrap();
    let (done, ended) = mpsc::channel();
    for number in 0_u64.. {
        let body = format!("{}-{number}", std::process::id());
        let done = done.clone();
        let told = body.clone();
        let ends = move |outcome: mqproducer::Result<_>| done.send((told, outcome.unwrap_err().kind())).unwrap();
        producer.send_async(&message(&body), &options(), ends).unwrap();
        if number < 16 {
            continue;
        }
        let (body, kind) = ended.recv().unwrap();
        if kind == mqproducer::ErrorKind::Spooled {
            // One write for each, so that a line is whole or not there.
            std::io::stdout().write_all(format!("spooled {body}\n").as_bytes()).unwrap();
        }
    }
}

/// Rows: SO-01 SO-10.
#[test]
fn what_completed_as_spooled_survives_the_kill_of_its_process() {
    let cluster = Cluster::open("", 1, 1).unwrap();
    cluster.create_topic(TOPIC, 1).unwrap();
    let folder = ScratchDir::new("kill").unwrap();
    let file = folder.path().join("spool");
    let mut promised: HashSet<String> = HashSet::new();
    cluster.set_listening("0", false).unwrap();
    let kills = if std::env::var_os("MQP_TEST_LONG").is_some() { 100 } else { 3 };
    for _ in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::spools_until_it_is_killed", "--nocapture"])
            .env(URL, cluster.url())
            .env(FILE, &file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        // At a random moment: of the writing of which record depends on the machine.
        let random = u64::from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos());
        let (mut seen, mut line, most) = (0, String::new(), 1 + random % 200);
        while seen < most && lines.read_line(&mut line).unwrap() > 0 {
            seen += u64::from(line.contains("spooled "));
            promised.extend(line.trim().split_once("spooled ").map(|(_, body)| body.to_owned()));
            line.clear();
        }
        std::thread::sleep(Duration::from_micros(random % 3000));
        child.kill().unwrap();
        child.wait().unwrap();
        while lines.read_line(&mut line).unwrap_or(0) > 0 {
            if let Some((_, body)) = line.strip_suffix('\n').and_then(|line| line.split_once("spooled ")) {
                promised.insert(body.to_owned());
            }
            line.clear();
        }
        assert!(seen == most, "the child ended by itself");
    }
    cluster.set_listening("0", true).unwrap();
    let producer = unstarted(&cluster.url(), &[("spool_file", file.to_str().unwrap())]);
    let later = Told::spool(&producer);
    producer.start().unwrap();
    eventually("the spool is empty", || producer.statistics().unwrap().spool_waiting_messages == 0);
    producer.close(LONG).unwrap();
    let stored: HashSet<String> = stored(&cluster).into_iter().collect();
    let missing: Vec<_> = promised.difference(&stored).collect();
    assert!(missing.is_empty(), "{} of {} promised messages are lost: {missing:?}", missing.len(), promised.len());
    assert!(promised.len() >= kills);
    let told: HashSet<String> = later.bodies(ReliabilityEventKind::SpoolDelivered).into_iter().collect();
    assert!(promised.is_subset(&told), "each was told as delivered");
}
