//! Writing the file anew, with what waits and nothing else.

use super::{CHUNK, SpoolFile, open, sync_folder};
use crate::ffi::inherited::ClosedInChildren;
use crate::ffi::os::lock_file;
use crate::protocol::spool::FILE_HEAD;
use std::fs::{File, rename};
use std::io;
use std::os::unix::fs::FileExt;

impl SpoolFile {
    /// The new file takes the old one's place when all of it is on the disk: whenever the process or the machine ends,
    /// one of the two is there, whole.
    pub(super) fn compact(&mut self) -> io::Result<()> {
        let mut beside = self.rules.file.clone().into_os_string();
        beside.push(".new");
        let new = open(beside.as_ref(), true)?;
        if !lock_file(&new)? {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "its new file is in use"));
        }
        new.write_all_at(&FILE_HEAD, 0)?;
        let mut end = FILE_HEAD.len() as u64;
        let mut places = Vec::with_capacity(self.waiting.len());
        for entry in &self.waiting {
            copy(&self.file, entry.at, &new, end, entry.size)?;
            places.push(end);
            end += entry.size;
        }
        new.sync_all()?;
        rename(&beside, &self.rules.file)?;
        self.closed_in_children = ClosedInChildren::new(&new);
        self.file = new;
        self.end = end;
        self.waiting.iter_mut().zip(places).for_each(|(entry, at)| entry.at = at);
        self.dirty = None;
        sync_folder(&self.rules.file)
    }
}

fn copy(from: &File, mut at: u64, to: &File, mut into: u64, mut left: u64) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK.min(left as usize)];
    while left > 0 {
        let size = chunk.len().min(left as usize);
        from.read_exact_at(&mut chunk[..size], at)?;
        to.write_all_at(&chunk[..size], into)?;
        (at, into, left) = (at + size as u64, into + size as u64, left - size as u64);
    }
    Ok(())
}
