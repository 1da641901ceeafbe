use super::*;
use crate::protocol::spool::Target;
use std::path::PathBuf;
use std::time::Duration;

/// A file of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("mqp-spool-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Scratch(path)
    }

    fn rules(&self, max_bytes: u64) -> SpoolRules {
        SpoolRules {
            file: self.0.clone(),
            max_bytes,
            fsync: Fsync::Always,
            retry_interval: Duration::from_secs(1),
            max_age: None,
        }
    }

    fn open(&self) -> (SpoolFile, Vec<Error>) {
        SpoolFile::open(&self.rules(1 << 20)).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn message(body: &[u8]) -> SpooledMessage<'_> {
    SpooledMessage {
        code: 310,
        batch: false,
        messages: 1,
        flag: 0,
        sys_flag: 0,
        reconsume_times: 0,
        max_reconsume_times: None,
        born_timestamp: 1,
        spooled: 2,
        target: Target::RoundRobin,
        topic: "T",
        message_id: "id",
        properties: "",
        body,
    }
}

fn append(spool: &mut SpoolFile, body: &[u8]) -> Result<()> {
    spool.append(&[message(body)]).pop().unwrap()
}

fn bodies(spool: &SpoolFile) -> Vec<String> {
    let read = |entry: &Entry| {
        let content = spool.read(entry).unwrap();
        String::from_utf8(SpooledMessage::decode(&content).unwrap().body.to_vec()).unwrap()
    };
    spool.waiting().map(read).collect()
}

fn first(spool: &SpoolFile) -> u64 {
    spool.waiting().next().unwrap().sequence
}

#[test]
fn what_waits_is_there_at_the_next_start_in_order_and_what_is_done_is_not() {
    let scratch = Scratch::new("order");
    let (mut spool, damage) = scratch.open();
    assert!(damage.is_empty());
    for body in ["a", "b", "c"] {
        append(&mut spool, body.as_bytes()).unwrap();
    }
    spool.sync().unwrap();
    let second = spool.waiting().nth(1).unwrap().sequence;
    spool.done(second).unwrap();
    assert_eq!(bodies(&spool), ["a", "c"]);
    drop(spool);
    let (mut spool, damage) = scratch.open();
    assert!(damage.is_empty());
    assert_eq!(bodies(&spool), ["a", "c"]);
    append(&mut spool, b"d").unwrap();
    assert_eq!(bodies(&spool), ["a", "c", "d"]);
    for _ in 0..3 {
        let sequence = first(&spool);
        spool.done(sequence).unwrap();
    }
    assert_eq!(std::fs::metadata(&scratch.0).unwrap().len(), FILE_HEAD.len() as u64, "an empty spool is small");
    append(&mut spool, b"e").unwrap();
    drop(spool);
    assert_eq!(bodies(&scratch.open().0), ["e"]);
}

#[test]
fn one_producer_at_a_time_uses_a_file_and_only_a_spool_is_taken() {
    let scratch = Scratch::new("lock");
    let (spool, _) = scratch.open();
    let error = SpoolFile::open(&scratch.rules(4096)).unwrap_err();
    assert!(error.message().contains("in use by another producer"), "{error}");
    drop(spool);
    std::fs::write(&scratch.0, b"some other file").unwrap();
    let error = SpoolFile::open(&scratch.rules(4096)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert_eq!(std::fs::read(&scratch.0).unwrap(), b"some other file", "it is left alone");
    let nowhere = SpoolRules { file: "/nowhere/at/all".into(), ..scratch.rules(4096) };
    assert!(SpoolFile::open(&nowhere).unwrap_err().message().contains("`/nowhere/at/all` cannot be opened"));
}

#[test]
fn a_torn_tail_is_cut_and_damage_is_skipped_and_told_once() {
    let scratch = Scratch::new("torn");
    let (mut spool, _) = scratch.open();
    for body in ["first", "second", "third"] {
        append(&mut spool, body.as_bytes()).unwrap();
    }
    let places: Vec<u64> = spool.waiting().map(|entry| entry.at).collect();
    drop(spool);
    let mut bytes = std::fs::read(&scratch.0).unwrap();
    let whole = bytes.clone();
    bytes.truncate(bytes.len() - 3);
    std::fs::write(&scratch.0, &bytes).unwrap();
    let (spool, damage) = scratch.open();
    assert_eq!(bodies(&spool), ["first", "second"]);
    assert!(damage[0].message().contains("were cut") && damage.len() == 1, "{damage:?}");
    drop(spool);
    assert!(scratch.open().1.is_empty(), "told once");
    let mut bytes = whole;
    bytes[places[1] as usize + RECORD_HEAD + 3] ^= 1;
    std::fs::write(&scratch.0, &bytes).unwrap();
    let (spool, damage) = scratch.open();
    assert_eq!(bodies(&spool), ["first", "third"]);
    assert!(damage[0].message().contains(&format!("at {}", places[1])) && damage.len() == 1, "{damage:?}");
    drop(spool);
    assert!(scratch.open().1.is_empty());
}

#[test]
fn a_record_that_is_whole_but_no_message_is_told() {
    let scratch = Scratch::new("odd");
    let mut bytes = FILE_HEAD.to_vec();
    append_record(&mut bytes, RecordKind::Message, 7, b"no message");
    std::fs::write(&scratch.0, &bytes).unwrap();
    let (mut spool, damage) = scratch.open();
    assert!(damage[0].message().contains("version"), "{damage:?}");
    append(&mut spool, b"x").unwrap();
    assert!(first(&spool) > 7, "numbers are not used again");
}

#[test]
fn the_bound_holds_for_what_waits_and_for_the_file() {
    let scratch = Scratch::new("bound");
    let most = 4096;
    let (mut spool, _) = SpoolFile::open(&scratch.rules(most)).unwrap();
    let body = [b'x'; 300];
    let mut accepted = 0;
    let error = loop {
        match append(&mut spool, &body) {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert!(error.message().contains("is full") && error.message().contains("`spool_max_bytes` is 4096"), "{error}");
    assert!(accepted > 5 && spool.load().1 <= most);
    // Messages come and go for much longer than the file may grow.
    for _ in 0..500 {
        let sequence = first(&spool);
        spool.done(sequence).unwrap();
        append(&mut spool, &body).unwrap();
        assert!(std::fs::metadata(&scratch.0).unwrap().len() <= 2 * most);
    }
    assert_eq!(bodies(&spool).len(), accepted);
    drop(spool);
    let (spool, damage) = SpoolFile::open(&scratch.rules(most)).unwrap();
    assert!(damage.is_empty());
    assert_eq!(bodies(&spool).len(), accepted);
}
