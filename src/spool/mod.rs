//! The file of messages that could not be sent yet: opened, appended to, emptied. Its form is
//! [`protocol::spool`](crate::protocol::spool).

mod compact;
#[cfg(all(test, not(mqp_loom)))]
mod tests;

use crate::config::{Fsync, SpoolRules};
use crate::error::{Error, ErrorKind, Result};
use crate::ffi::inherited::ClosedInChildren;
use crate::ffi::os::lock_file;
use crate::protocol::spool::{
    FILE_HEAD, LONGEST_CONTENT, Piece, RECORD_HEAD, RecordKind, Scanner, SpooledMessage, append_record, content,
};
use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Bytes read at once when a file is looked through.
const CHUNK: usize = 256 * 1024;

/// A message that waits in the file.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) topic: Arc<str>,
    pub(crate) messages: u32,
    /// When it came, in milliseconds since 1970.
    pub(crate) spooled: i64,
    at: u64,
    /// Of the whole record.
    size: u64,
}

/// See the module's text. Used by one thread, and locked against other processes and producers.
#[derive(Debug)]
pub(crate) struct SpoolFile {
    /// A child of fork does not keep the lock.
    closed_in_children: ClosedInChildren,
    file: File,
    rules: SpoolRules,
    end: u64,
    /// In the order of arrival.
    waiting: VecDeque<Entry>,
    waiting_bytes: u64,
    waiting_messages: u64,
    next_sequence: u64,
    /// Since when bytes are written that were not forced onto the disk.
    dirty: Option<Instant>,
    /// One copy of each topic's name.
    topics: HashSet<Arc<str>>,
    buffer: Vec<u8>,
}

fn failed(rules: &SpoolRules, what: &str, error: &io::Error) -> Error {
    Error::new(ErrorKind::Resource, format!("the spool `{}` cannot be {what}: {error}", rules.file.display()))
}

fn open(path: &Path, truncate: bool) -> io::Result<File> {
    // Messages may be nobody else's business.
    OpenOptions::new().read(true).write(true).create(true).truncate(truncate).mode(0o600).open(path)
}

/// What makes the name of a new file last.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

impl SpoolFile {
    /// Opens or makes the file, finds what waits in it, and cuts or skips what is no record: what that was.
    pub(crate) fn open(rules: &SpoolRules) -> Result<(SpoolFile, Vec<Error>)> {
        let file = open(&rules.file, false).map_err(|error| failed(rules, "opened", &error))?;
        match lock_file(&file) {
            Ok(true) => {}
            Ok(false) => {
                let what = format!("the spool `{}` is in use by another producer", rules.file.display());
                return Err(Error::new(ErrorKind::Resource, what));
            }
            Err(error) => return Err(failed(rules, "locked", &error)),
        }
        let mut spool = SpoolFile {
            closed_in_children: ClosedInChildren::new(&file),
            file,
            rules: rules.clone(),
            end: FILE_HEAD.len() as u64,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            waiting_messages: 0,
            next_sequence: 1,
            dirty: None,
            topics: HashSet::new(),
            buffer: Vec::new(),
        };
        let damage = spool.recover().map_err(|error| failed(rules, "read", &error))??;
        Ok((spool, damage))
    }

    /// Reads all of the file; the inner error: it is none of ours.
    fn recover(&mut self) -> io::Result<Result<Vec<Error>>> {
        let length = self.file.metadata()?.len();
        let mut head = [0; FILE_HEAD.len()];
        let begun = (length as usize).min(head.len());
        self.file.read_exact_at(&mut head[..begun], 0)?;
        if head[..begun] != FILE_HEAD[..begun] {
            let what = format!("`spool_file` = `{}` is no spool of this version", self.rules.file.display());
            return Ok(Err(Error::new(ErrorKind::InvalidConfig, what)));
        }
        if begun < head.len() {
            self.file.write_all_at(&FILE_HEAD, 0)?;
            self.file.sync_all()?;
            sync_folder(&self.rules.file)?;
            return Ok(Ok(Vec::new()));
        }
        let (mut scanner, mut damage, mut found) = (Scanner::default(), Vec::new(), HashMap::new());
        let (mut at, mut chunk) = (head.len() as u64, vec![0; CHUNK]);
        loop {
            let size = self.file.read_at(&mut chunk, at)?;
            scanner.feed(&chunk[..size]);
            at += size as u64;
            while let Some(piece) = scanner.next(size == 0) {
                self.take(piece, &mut found, &mut damage)?;
            }
            if size == 0 {
                break;
            }
        }
        self.end = at;
        let mut waiting: Vec<Entry> = found.into_values().collect();
        waiting.sort_by_key(|entry| entry.sequence);
        self.waiting_bytes = waiting.iter().map(|entry| entry.size).sum();
        self.waiting_messages = waiting.iter().map(|entry| u64::from(entry.messages)).sum();
        self.waiting = waiting.into();
        if self.end > FILE_HEAD.len() as u64 + self.waiting_bytes {
            // Once, so that what is damaged is not told at each start.
            self.compact()?;
        }
        Ok(Ok(damage))
    }

    fn take(&mut self, piece: Piece, found: &mut HashMap<u64, Entry>, damage: &mut Vec<Error>) -> io::Result<()> {
        let path = self.rules.file.display();
        let mut tell = |what: String| damage.push(Error::new(ErrorKind::Resource, what));
        match piece {
            Piece::Record { at, kind, sequence, length } => {
                self.next_sequence = self.next_sequence.max(sequence.saturating_add(1));
                if kind == RecordKind::Done {
                    found.remove(&sequence);
                    return Ok(());
                }
                let mut bytes = vec![0; length];
                self.file.read_exact_at(&mut bytes, at + RECORD_HEAD as u64)?;
                match SpooledMessage::decode(&bytes) {
                    Ok(message) => {
                        let topic = topic(&mut self.topics, message.topic);
                        let (messages, spooled) = (message.messages, message.spooled);
                        let size = (RECORD_HEAD + length) as u64;
                        found.insert(sequence, Entry { sequence, topic, messages, spooled, at, size });
                    }
                    Err(error) => tell(format!("spool `{path}`: a record at {at} was skipped: {error}")),
                }
            }
            Piece::Damaged { at, length } => {
                tell(format!("spool `{path}`: {length} bytes at {at} are no record and were skipped"));
            }
            Piece::Torn { at, length } => {
                tell(format!("spool `{path}`: its last {length} bytes, at {at}, are no whole record and were cut"));
            }
        }
        Ok(())
    }

    /// What waits, in the order of arrival.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Entry> {
        self.waiting.iter()
    }

    /// How many messages that are, and the bytes that they take.
    pub(crate) fn load(&self) -> (u64, u64) {
        (self.waiting_messages, self.waiting_bytes)
    }

    /// Appends messages; for each whether it is in the file. [`SpoolFile::sync`] follows where it is to be on the disk.
    pub(crate) fn append(&mut self, messages: &[SpooledMessage<'_>]) -> Vec<Result<()>> {
        let mut results = Vec::with_capacity(messages.len());
        let mut encoded = Vec::new();
        for message in messages {
            encoded.clear();
            message.encode(&mut encoded);
            results.push(self.append_one(message, &encoded));
        }
        results
    }

    fn append_one(&mut self, message: &SpooledMessage<'_>, encoded: &[u8]) -> Result<()> {
        let size = (RECORD_HEAD + encoded.len()) as u64;
        let (waiting, most) = (self.waiting_bytes, self.rules.max_bytes);
        if encoded.len() > LONGEST_CONTENT || waiting + size > most {
            let what = format!(
                "the spool `{}` is full: {waiting} bytes wait, the message takes {size}, `spool_max_bytes` is {most}",
                self.rules.file.display()
            );
            return Err(Error::new(ErrorKind::Resource, what));
        }
        if self.end + size > 2 * most {
            self.compact().map_err(|error| failed(&self.rules, "written anew", &error))?;
        }
        let (sequence, at) = (self.next_sequence, self.end);
        self.write(RecordKind::Message, sequence, encoded).map_err(|error| failed(&self.rules, "written", &error))?;
        self.next_sequence += 1;
        let topic = topic(&mut self.topics, message.topic);
        let (messages, spooled) = (message.messages, message.spooled);
        self.waiting.push_back(Entry { sequence, topic, messages, spooled, at, size });
        self.waiting_bytes += size;
        self.waiting_messages += u64::from(messages);
        Ok(())
    }

    /// Appends a record, whole or not at all.
    fn write(&mut self, kind: RecordKind, sequence: u64, content: &[u8]) -> io::Result<()> {
        self.buffer.clear();
        append_record(&mut self.buffer, kind, sequence, content);
        if let Err(error) = self.file.write_all_at(&self.buffer, self.end) {
            // Where this fails, too, the next record is written over it, and a start in between cuts it.
            let _ = self.file.set_len(self.end);
            return Err(error);
        }
        self.end += self.buffer.len() as u64;
        self.dirty.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// The content of a record that waits.
    pub(crate) fn read(&self, entry: &Entry) -> Result<Vec<u8>> {
        let mut record = vec![0; entry.size as usize];
        self.file.read_exact_at(&mut record, entry.at).map_err(|error| failed(&self.rules, "read", &error))?;
        let what = || format!("spool `{}`: a record at {} is damaged", self.rules.file.display(), entry.at);
        let whole = content(&record).ok_or_else(|| Error::new(ErrorKind::Resource, what()))?;
        Ok(whole.to_vec())
    }

    /// A message does not wait any more. When that cannot be written, it is sent once more after the next start.
    pub(crate) fn done(&mut self, sequence: u64) -> Result<()> {
        let Some(index) = self.waiting.iter().position(|entry| entry.sequence == sequence) else {
            return Ok(());
        };
        if let Some(entry) = self.waiting.remove(index) {
            self.waiting_bytes -= entry.size;
            self.waiting_messages -= u64::from(entry.messages);
        }
        let written = match self.waiting.is_empty() {
            true => self.file.set_len(FILE_HEAD.len() as u64).map(|()| self.end = FILE_HEAD.len() as u64),
            false if self.end + RECORD_HEAD as u64 > 2 * self.rules.max_bytes => self.compact(),
            false => self.write(RecordKind::Done, sequence, &[]),
        };
        if self.waiting.is_empty() {
            self.topics.clear();
        }
        self.dirty.get_or_insert_with(Instant::now);
        written.map_err(|error| failed(&self.rules, "written", &error))
    }

    /// When it is to be forced onto the disk, by the rule of its interval.
    pub(crate) fn sync_due(&self) -> Option<Instant> {
        match (self.rules.fsync, self.dirty) {
            (Fsync::Interval(interval), Some(since)) => Some(since + interval),
            _ => None,
        }
    }

    /// Forces it onto the disk, unless nothing was written since.
    pub(crate) fn sync(&mut self) -> Result<()> {
        if self.dirty.take().is_some() {
            self.file.sync_data().map_err(|error| failed(&self.rules, "forced onto the disk", &error))?;
        }
        Ok(())
    }
}

fn topic(topics: &mut HashSet<Arc<str>>, name: &str) -> Arc<str> {
    if let Some(known) = topics.get(name) {
        return Arc::clone(known);
    }
    let name: Arc<str> = name.into();
    topics.insert(Arc::clone(&name));
    name
}
