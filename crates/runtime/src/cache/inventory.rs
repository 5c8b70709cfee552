//! All artefacts of a cache's directory, of any settings: listing them, and removing those beyond the limits.

use super::compile_lock::LOCK;
use super::directory::{Directory, TEMPORARY};
use super::key::{Compat, ModuleKey};
use super::trust::Trust;
use crate::compile::Kind;
use std::io;
use std::time::{Duration, SystemTime};

/// Temporary files and locks are left alone for this long: a process may still use them.
const ABANDONED: Duration = Duration::from_secs(3600);

/// How far the clocks of machines that share a directory may differ.
const SKEW: Duration = Duration::from_secs(60);

/// What the directory may hold. Beyond these limits, the least recently used artefacts are removed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheLimits {
    /// Bytes of all artefacts.
    pub max_bytes: u64,
    /// Number of artefacts.
    pub max_entries: u64,
    /// An artefact that was not used for this long is removed.
    pub max_age: Duration,
}

/// An artefact on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheEntry {
    /// The folder's name: a hash of version, processor and settings, in 64 hexadecimal digits.
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
    /// Number of artefacts.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Artefacts, removed or not, whose last use lay in the future by more than a minute.
    pub clock_skews: u64,
}

/// The contents of a directory when it was listed.
pub(super) struct Inventory {
    folders: Vec<Folder>,
    pub(super) entries: Vec<CacheEntry>,
    root: Directory,
}

struct Folder {
    name: String,
    directory: Directory,
    /// Files that are not artefacts: name, and time of the last change.
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
            // A link or an untrusted folder is not the cache's.
            let Ok(directory) = inventory.root.below(&name, trust) else {
                continue;
            };
            let mut folder = Folder {
                name,
                directory,
                others: Vec::new(),
            };
            for name in folder.directory.names()? {
                // Another process removed it since it was listed.
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

    /// Removes the artefacts beyond the limits, abandoned temporary files and locks, and folders that are empty then.
    /// Goes on after a file that cannot be removed, and returns the first failure.
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
                // A clock ran backwards. The artefact counts as used now, or it would never be removed.
                removed.clock_skews += 1;
                entry.used = now;
                let folder = self
                    .folders
                    .iter()
                    .find(|folder| folder.name == entry.compat);
                let file = folder.and_then(|folder| folder.directory.read(&entry.name).ok());
                // If that fails, the next `prune` counts it again.
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
            // Counted as gone even if removing fails: newer artefacts must not be removed in its place.
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

    /// Returns whether the file was there to be removed.
    fn remove(&self, compat: &str, name: &str) -> io::Result<bool> {
        let folder = self.folders.iter().find(|folder| folder.name == compat);
        let removed = folder.map(|folder| folder.directory.remove(name));
        match removed {
            Some(Ok(())) => Ok(true),
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(false),
        }
    }

    /// Removes abandoned files and empty folders. If removing one fails, the next `sweep` tries again.
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
