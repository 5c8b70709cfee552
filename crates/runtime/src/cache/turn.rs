//! One process at a time compiles a guest: the others wait for what it writes.
//!
//! A turn is a lock of the system's on a small file beside the artefacts, so it ends with its process
//! however that ends. Nothing relies on it but time: who gets none compiles all the same.

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
pub(super) struct Turn(#[allow(dead_code, reason = "it is the lock")] File);

impl Turn {
    /// Waits for the turn of this guest. Nothing where the directory keeps no locks, or where another
    /// process does not come to an end.
    pub(super) fn take(directory: &Directory, key: &ModuleKey) -> Option<Turn> {
        // One of 256, so that the files are few and can stay: removing them would need a lock of its own.
        let file = directory
            .lock_file(&format!("{LOCK}{:02x}", key.hash[0]))
            .ok()?;
        let began = Instant::now();
        while !try_lock(&file)? {
            if began.elapsed() > PATIENCE {
                return None;
            }
            std::thread::sleep(LOOK);
        }
        Some(Turn(file))
    }
}

/// Whether the lock is ours now; nothing where there are none.
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
