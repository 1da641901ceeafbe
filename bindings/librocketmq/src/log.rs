//! The log of the process: silent until a path is set, then files that are kept small.

use crate::process;
use std::ffi::{c_int, c_long};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber, span};

const NAME: &str = "rocketmq_client.log";
/// `E_LOG_LEVEL_INFO`.
const DEFAULT_LEVEL: u8 = 4;
const DEFAULT_FILES: u32 = 3;
const MIB: u64 = 1024 * 1024;
const DEFAULT_SIZE: u64 = 100 * MIB;

static LEVEL: AtomicU8 = AtomicU8::new(DEFAULT_LEVEL);
static SINK: Mutex<Sink> =
    Mutex::new(Sink { folder: None, file: None, written: 0, files: DEFAULT_FILES, size: DEFAULT_SIZE });
/// The process that set the path, its generation and one: a forked child writes nothing until it sets one.
static OWNER: AtomicU32 = AtomicU32::new(0);
static INSTALL: Once = Once::new();

struct Sink {
    folder: Option<PathBuf>,
    file: Option<File>,
    written: u64,
    files: u32,
    size: u64,
}

/// Writes the log into this folder from now on.
pub fn set_path(path: &str) -> Result<(), String> {
    let folder = Path::new(path);
    let opened = fs::create_dir_all(folder).and_then(|()| open(folder));
    let (file, written) = opened.map_err(|error| format!("`logPath` = `{path}`: {error}"))?;
    let mut sink = SINK.lock().unwrap_or_else(PoisonError::into_inner);
    *sink = Sink { folder: Some(folder.to_owned()), file: Some(file), written, files: sink.files, size: sink.size };
    OWNER.store(process::generation() + 1, Ordering::Release);
    // The process's own subscriber, if this library were linked into a program in Rust, stays.
    INSTALL.call_once(|| drop(tracing::subscriber::set_global_default(Writer)));
    Ok(())
}

/// How many files are kept, and how many MiB each may have.
pub fn set_files(count: c_int, size: c_long) -> Result<(), String> {
    let files = u32::try_from(count).ok().filter(|count| (1..=1000).contains(count));
    let size_ok = u64::try_from(size).ok().filter(|size| (1..=1_000_000).contains(size));
    let files = files.ok_or_else(|| format!("`fileNum` is {count}; it must be from 1 to 1000"))?;
    let size = size_ok.ok_or_else(|| format!("`fileSize` is {size}; it must be from 1 to 1000000 MiB"))?;
    let mut sink = SINK.lock().unwrap_or_else(PoisonError::into_inner);
    (sink.files, sink.size) = (files, size * MIB);
    Ok(())
}

/// From `E_LOG_LEVEL_FATAL` to `E_LOG_LEVEL_TRACE`.
pub fn set_level(level: c_int) -> Result<(), String> {
    let level = u8::try_from(level).ok().filter(|level| (1..=6).contains(level));
    LEVEL.store(level.ok_or("`level` must be from 1 (fatal) to 6 (trace)")?, Ordering::Relaxed);
    tracing::callsite::rebuild_interest_cache();
    Ok(())
}

fn open(folder: &Path) -> std::io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(folder.join(NAME))?;
    let written = file.metadata()?.len();
    Ok((file, written))
}

impl Sink {
    fn write(&mut self, line: &str) {
        if self.written + line.len() as u64 > self.size {
            self.rotate();
        }
        if let Some(file) = &mut self.file
            && file.write_all(line.as_bytes()).is_ok()
        {
            self.written += line.len() as u64;
        }
    }

    /// Gives each file the next number; the last one goes.
    fn rotate(&mut self) {
        let Some(folder) = &self.folder else { return };
        let numbered = |number: u32| match number {
            0 => folder.join(NAME),
            number => folder.join(format!("{NAME}.{number}")),
        };
        for number in (1..self.files).rev() {
            // The first times there is none yet.
            let _ = fs::rename(numbered(number - 1), numbered(number));
        }
        if self.files == 1 {
            let _ = fs::remove_file(numbered(0));
        }
        if let Ok((file, written)) = open(folder) {
            (self.file, self.written) = (Some(file), written);
        }
    }
}

struct Writer;

fn number(level: &Level) -> u8 {
    match *level {
        Level::ERROR => 2,
        Level::WARN => 3,
        Level::INFO => 4,
        Level::DEBUG => 5,
        Level::TRACE => 6,
    }
}

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?} "),
            name => write!(self.0, "{name}={value:?} "),
        };
    }
}

impl Subscriber for Writer {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && number(metadata.level()) <= LEVEL.load(Ordering::Relaxed)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match LEVEL.load(Ordering::Relaxed) {
            ..=2 => LevelFilter::ERROR,
            3 => LevelFilter::WARN,
            4 => LevelFilter::INFO,
            5 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        })
    }

    fn event(&self, event: &Event<'_>) {
        // First: in a child the lock may be held by a thread that is not there.
        if OWNER.load(Ordering::Acquire) != process::generation() + 1 {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut line = Line::default();
        event.record(&mut line);
        let (level, target) = (event.metadata().level(), event.metadata().target());
        let text = line.0.trim_end().replace('\n', " ");
        let whole = format!("{}.{:03} {level} {target} {text}\n", now.as_secs(), now.subsec_millis());
        SINK.lock().unwrap_or_else(PoisonError::into_inner).write(&whole);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}
