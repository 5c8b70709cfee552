//! One process at a time compiles a guest: the others wait for what it writes.
//!
//! It is a lock of the system on a small file beside the artefacts, so it ends with its process, however that ends.
//! Only time depends on it: a process that does not get it compiles all the same.

use super::directory::Directory;
use super::key::ModuleKey;
use std::fs::File;
use std::time::{Duration, Instant};

/// How long a process waits for another's compiler, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(5);

/// How names of locks begin.
pub(super) const LOCK: &str = ".lock-";

/// Held while a guest is compiled and written.
pub(super) struct CompileLock {
    directory: Directory,
    name: String,
    /// Locked until it is closed.
    _file: File,
}

impl CompileLock {
    /// Waits for the lock of this guest. `None` where the directory keeps no locks, or where another process holds it
    /// for a minute.
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
        // A process that waits for this very file gets it next; one that comes later makes a new one. A file that cannot
        // be removed serves again.
        let _ = self.directory.remove(&self.name);
    }
}

/// Whether the lock is ours now; `None` where the system has none.
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
