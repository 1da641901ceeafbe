//! Temporary directories that go away with their owner, and after an owner that was killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

const PREFIX: &str = "mqp-test-";

/// A directory of this process under the system's temporary directory, removed in `Drop`.
///
/// With `MQP_CLUSTER_KEEP` in the environment it stays, for a look at logs and stores.
#[derive(Debug)]
pub struct ScratchDir(PathBuf);

impl ScratchDir {
    /// Creates an empty directory; `purpose` becomes part of its name.
    pub fn new(purpose: &str) -> Result<Self, String> {
        static SWEEP: Once = Once::new();
        static SEQUENCE: AtomicU32 = AtomicU32::new(0);
        SWEEP.call_once(remove_orphans);
        let name = format!("{PREFIX}{}-{}-{purpose}", std::process::id(), SEQUENCE.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).map_err(|error| format!("cannot create {}: {error}", path.display()))?;
        Ok(Self(path))
    }

    /// Where the directory is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        if std::env::var_os("MQP_CLUSTER_KEEP").is_some() {
            eprintln!("kept {}", self.0.display());
        } else {
            // A failure leaves a directory behind, which a later run sweeps: no reason to fail a test.
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// Removes the directories of processes that no longer live: a killed process runs no `Drop`.
fn remove_orphans() {
    let processes = Path::new("/proc");
    if !processes.join("self").exists() || std::env::var_os("MQP_CLUSTER_KEEP").is_some() {
        return;
    }
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| pid.parse::<u32>().is_ok() && !processes.join(pid).exists()) {
            // Another process may be sweeping too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
