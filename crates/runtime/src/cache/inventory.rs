//! All artefacts of a cache's directory, whatever settings they are of: what is there, and what has to go.

use super::compile_lock::LOCK;
use super::directory::{Directory, TEMPORARY};
use super::key::{Compat, ModuleKey};
use super::trust::Trust;
use crate::compile::Kind;
use std::io;
use std::time::{Duration, SystemTime};

/// What was written halfway, and locks, are left alone for so long: somebody may be at it.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Clocks of machines that share a directory differ by so much.
const SKEW: Duration = Duration::from_secs(60);

/// What the directory may hold. Beyond it, what was not used for longest goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheLimits {
    /// Bytes of all artefacts.
    pub max_bytes: u64,
    /// Artefacts.
    pub max_entries: u64,
    /// An artefact that was not used for so long goes.
    pub max_age: Duration,
}

/// An artefact on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheEntry {
    /// The folder's name: version, processor and settings in 64 hexadecimal digits.
    pub compat: String,
    /// The specification's `{module_hash}_{file_size}`.
    pub name: String,
    /// Bytes of the artefact.
    pub bytes: u64,
    /// When it was last used, give or take an hour.
    pub used: SystemTime,
    /// Whether an engine of these settings would use it.
    pub current: bool,
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Artefacts.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Artefacts, removed or not, whose time lay in the future.
    pub clock_skews: u64,
}

/// What a directory held when it was read.
pub(super) struct Inventory {
    folders: Vec<Folder>,
    pub(super) entries: Vec<CacheEntry>,
    root: Directory,
}

struct Folder {
    name: String,
    directory: Directory,
    /// Files that are no artefacts: (name, since when).
    others: Vec<(String, SystemTime)>,
}

impl Inventory {
    pub(super) fn of(root: Directory, trust: Trust, current: &[Compat]) -> io::Result<Inventory> {
        let mut inventory = Inventory {
            folders: Vec::new(),
            entries: Vec::new(),
            root,
        };
        for name in inventory.root.names()? {
            let Some(compat) = Compat::of_name(&name) else {
                continue;
            };
            // A link, or not to be trusted: nothing of ours.
            let Ok(directory) = inventory.root.below(&name, trust) else {
                continue;
            };
            let mut folder = Folder {
                name,
                directory,
                others: Vec::new(),
            };
            for name in folder.directory.names()? {
                // Removed since it was listed.
                let Ok(look) = folder.directory.look(&name) else {
                    continue;
                };
                if look.directory {
                    continue;
                }
                if ModuleKey::of_name(&name, Kind::Module).is_some() {
                    inventory.entries.push(CacheEntry {
                        compat: folder.name.clone(),
                        name,
                        bytes: look.bytes,
                        used: look.modified,
                        current: current.contains(&compat),
                    });
                } else {
                    folder.others.push((name, look.modified));
                }
            }
            inventory.folders.push(folder);
        }
        Ok(inventory)
    }

    /// Bytes of all artefacts.
    pub(super) fn bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.bytes).sum()
    }

    /// Removes what the limits do not allow, what nobody finished, and folders that are empty then. What cannot be removed
    /// does not keep the rest from going; the first failure is told.
    pub(super) fn prune(
        &mut self,
        limits: &CacheLimits,
        now: SystemTime,
    ) -> (Removed, io::Result<()>) {
        let mut removed = Removed::default();
        let mut failure = Ok(());
        for entry in &mut self.entries {
            let ahead = entry.used.duration_since(now).unwrap_or_default();
            if ahead > SKEW {
                // A clock ran backwards. It counts as used now, or it would never go.
                removed.clock_skews += 1;
                entry.used = now;
                let folder = self
                    .folders
                    .iter()
                    .find(|folder| folder.name == entry.compat);
                let file = folder.and_then(|folder| folder.directory.read(&entry.name).ok());
                // Where that fails, it is counted again the next time.
                let _ = file.map(|file| file.set_modified(now));
            }
        }
        self.entries.sort_by_key(|entry| entry.used);
        let (mut count, mut bytes) = (self.entries.len() as u64, self.bytes());
        let entries = std::mem::take(&mut self.entries);
        for entry in entries {
            let age = now.duration_since(entry.used).unwrap_or_default();
            if age <= limits.max_age && count <= limits.max_entries && bytes <= limits.max_bytes {
                self.entries.push(entry);
                continue;
            }
            // Counted as gone either way: newer ones must not go in its place.
            (count, bytes) = (count - 1, bytes - entry.bytes);
            match self.remove(&entry.compat, &entry.name) {
                Ok(gone) => {
                    removed.entries += u64::from(gone);
                    removed.bytes += if gone { entry.bytes } else { 0 };
                }
                Err(error) => {
                    self.entries.push(entry);
                    failure = failure.and(Err(error));
                }
            }
        }
        self.sweep(now);
        (removed, failure)
    }

    /// Whether the file was there to be removed.
    fn remove(&self, compat: &str, name: &str) -> io::Result<bool> {
        let folder = self.folders.iter().find(|folder| folder.name == compat);
        let removed = folder.map(|folder| folder.directory.remove(name));
        match removed {
            Some(Ok(())) => Ok(true),
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(false),
        }
    }

    /// Removes what was abandoned. What cannot be removed is tried again the next time.
    fn sweep(&self, now: SystemTime) {
        let abandoned =
            |since: &SystemTime| now.duration_since(*since).is_ok_and(|age| age > ABANDONED);
        for folder in &self.folders {
            let used = self.entries.iter().any(|entry| entry.compat == folder.name);
            for (name, since) in &folder.others {
                let ours = name.starts_with(TEMPORARY) || name.starts_with(LOCK);
                if ours && abandoned(since) {
                    let _ = folder.directory.remove(name);
                }
            }
            if !used {
                let _ = self.root.remove_directory(&folder.name);
            }
        }
    }
}
