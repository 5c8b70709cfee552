//! One process at a time compiles a guest: the others wait for what it writes.
//!
//! It is an `flock` on a small file beside the artefacts, so the system releases it when its process ends, even by a
//! crash. It only saves time: a process that does not get the lock compiles anyway.

use super::directory::Directory;
use super::key::ModuleKey;
use std::fs::File;
use std::time::{Duration, Instant};

/// How long a process waits for another one's compiler, and how often it tries the lock.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(5);

/// Prefix of the names of lock files.
pub(super) const LOCK: &str = ".lock-";

/// Held while a guest is compiled and written.
pub(super) struct CompileLock {
    directory: Directory,
    name: String,
    /// Locked until it is closed.
    _file: File,
}

impl CompileLock {
    /// Waits for the lock of this guest. Returns `None` if the directory cannot hold locks, or if another process holds
    /// this one for longer than 60 s.
    pub(super) fn take(directory: Directory, key: &ModuleKey) -> Option<CompileLock> {
        let name = format!("{LOCK}{key}");
        let file = directory.lock_file(&name).ok()?;
        let began = Instant::now();
        while !try_lock(&file)? {
            if began.elapsed() > PATIENCE {
                return None;
            }
            std::thread::sleep(LOOK);
        }
        Some(CompileLock {
            directory,
            name,
            _file: file,
        })
    }
}

impl Drop for CompileLock {
    fn drop(&mut self) {
        // A process that already waits on this file gets the lock next; a later one makes a new file. If removing
        // fails, the file is used again.
        let _ = self.directory.remove(&self.name);
    }
}

/// Returns whether this process now holds the lock; `None` if the system cannot lock the file.
#[cfg(unix)]
fn try_lock(file: &File) -> Option<bool> {
    use rustix::fs::{FlockOperation, flock};
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Some(true),
        Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Some(false),
        Err(_) => None,
    }
}

#[cfg(not(unix))]
fn try_lock(_: &File) -> Option<bool> {
    None
}
