//! The disk tier: artefacts in files, trusted for one of the two reasons of [`Trust`].

use super::compile_lock::CompileLock;
use super::directory::{Directory, Readers};
use super::inventory::Inventory;
use super::key::{Compat, ModuleKey};
use super::options::CacheOptions;
use super::rejection::Rejection;
use super::seal;
use super::secret::Secret;
use super::trust::Trust;
use super::verify::{
    check_owned, check_sealed, load_owned, load_sealed, most_bytes, refused, verified,
};
use crate::compile::{Compiled, Kind};
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};
use wasmtime::Engine;

/// A file's use is recorded at most once in this time: recording each use would write to the disk with every start.
const NOTED: Duration = Duration::from_secs(3600);

/// Whether an artefact is small enough that a load accepts it.
fn fits(key: &ModuleKey, artefact: &[u8]) -> bool {
    artefact.len() as u64 + (seal::FRONT + seal::TRAILER) as u64 <= most_bytes(key)
}

/// Why a file is trusted.
enum Seal {
    Key(Secret),
    Owner,
}

/// The artefacts of one engine's settings. Made for each load, with the key that is current then.
pub(super) struct DiskTier<'a> {
    root: &'a Path,
    /// First the one that this engine writes under, then others whose code it can run.
    compats: &'a [Compat],
    seal: Seal,
    readers: Readers,
}

/// The result of a lookup in the disk tier.
pub(super) enum Found {
    /// The code, verified.
    Loaded(Compiled),
    /// No file, or none that may be used.
    Missing,
    /// The directory cannot be opened or trusted.
    Closed(io::Error),
}

impl<'a> DiskTier<'a> {
    /// A tier in `<directory>/<compat>`. With a secret it uses key trust, without one owner trust. Touches no file.
    pub(super) fn new(
        options: &'a CacheOptions,
        compats: &'a [Compat],
        secret: Option<Secret>,
    ) -> DiskTier<'a> {
        DiskTier {
            root: &options.directory,
            compats,
            seal: secret.map_or(Seal::Owner, Seal::Key),
            readers: if options.readable {
                Readers::Everybody
            } else {
                Readers::Owner
            },
        }
    }

    /// Looks for a guest's code. Never fails: without a usable file, the caller compiles. Calls `rejected` with the
    /// reason for each file that it does not use.
    pub(super) fn load(
        &self,
        engine: &Engine,
        key: &ModuleKey,
        mut rejected: impl FnMut(Rejection),
    ) -> Found {
        let mut closed = None;
        for compat in self.compats {
            let directory = match self.open(compat, None) {
                Ok(directory) => directory,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    // The next folder may open all the same: one from a container image, beside this machine's own.
                    closed = closed.or(Some(error));
                    continue;
                }
            };
            let file = match directory.read(&key.to_string()) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(_) => {
                    rejected(Rejection::Unreadable);
                    continue;
                }
            };
            let loaded = match &self.seal {
                Seal::Key(secret) => load_sealed(secret, compat, engine, key, &file),
                Seal::Owner => load_owned(compat, engine, key, &file),
            };
            match loaded {
                Ok(compiled) => {
                    note_use(&file);
                    return Found::Loaded(compiled);
                }
                Err(Some(why)) => rejected(why),
                Err(None) => {}
            }
        }
        closed.map_or(Found::Missing, Found::Closed)
    }

    /// Waits for a guest's compile lock. Returns `None` as [`CompileLock::take`] does, and if the folder cannot be
    /// opened.
    pub(super) fn compile_lock(&self, key: &ModuleKey) -> Option<CompileLock> {
        let directory = self.open(self.own(), Some(self.readers)).ok()?;
        CompileLock::take(directory, key)
    }

    /// Writes a guest's code. Does not write an artefact that a load would reject for its size.
    ///
    /// # Errors
    /// The system's error.
    pub(super) fn store(&self, key: &ModuleKey, artefact: &[u8]) -> io::Result<()> {
        if !fits(key, artefact) {
            return Ok(());
        }
        match &self.seal {
            Seal::Key(secret) => {
                let front = seal::front(secret, key, self.own(), artefact);
                self.replace(key, &[&front, artefact])
            }
            Seal::Owner => self.replace(key, &[artefact, &seal::trailer(key, self.own())]),
        }
    }

    /// Seals an artefact for the shared tier, in the format of this tier's files. Returns `None` under owner trust, and
    /// for an artefact that a load would reject for its size.
    pub(super) fn seal(&self, key: &ModuleKey, artefact: &[u8]) -> Option<Vec<u8>> {
        match &self.seal {
            Seal::Key(secret) if fits(key, artefact) => {
                let front = seal::front(secret, key, self.own(), artefact);
                Some([&front, artefact].concat())
            }
            _ => None,
        }
    }

    /// Verifies and loads a sealed artefact from the shared tier.
    ///
    /// # Errors
    /// Why the artefact is not used; `None` as in [`refused`].
    pub(super) fn accept(
        &self,
        engine: &Engine,
        key: &ModuleKey,
        sealed: &[u8],
    ) -> Result<Compiled, Option<Rejection>> {
        match &self.seal {
            Seal::Key(secret) => {
                let private = verified(secret, self.own(), key, sealed, sealed.len() as u64)?;
                // SAFETY: `verified` found these very bytes genuine.
                unsafe { private.load(engine, key.kind) }.map_err(|error| refused(&error))
            }
            Seal::Owner => Err(Some(Rejection::Untrusted)),
        }
    }

    /// Writes an artefact that [`DiskTier::seal`] made or [`DiskTier::accept`] accepted.
    ///
    /// # Errors
    /// The system's error.
    pub(super) fn keep(&self, key: &ModuleKey, sealed: &[u8]) -> io::Result<()> {
        self.replace(key, &[sealed])
    }

    /// Whether engines of the file's settings could use it, or why not. Returns `None` if the file is gone, or if its
    /// name is not an artefact's.
    pub(super) fn check(&self, compat: &Compat, name: &str) -> Option<Result<(), Rejection>> {
        // The name does not say whether it is a module or a component.
        let module = ModuleKey::of_name(name, Kind::Module)?;
        let component = ModuleKey::of_name(name, Kind::Component)?;
        let file = match self.open(compat, None).and_then(|at| at.read(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(_) => return Some(Err(Rejection::Unreadable)),
        };
        Some(match &self.seal {
            Seal::Key(secret) => check_sealed(secret, compat, [&module, &component], &file),
            Seal::Owner => check_owned(compat, &module, &file)
                .or_else(|_| check_owned(compat, &component, &file)),
        })
    }

    /// All artefacts in the directory, of this engine's and other settings. Returns `None` if there is no directory.
    ///
    /// # Errors
    /// The system's error.
    pub(super) fn inventory(&self) -> io::Result<Option<Inventory>> {
        let trust = self.trust();
        match Directory::open(self.root, trust) {
            Ok(root) => Ok(Some(Inventory::of(root, trust, self.compats)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn replace(&self, key: &ModuleKey, parts: &[&[u8]]) -> io::Result<()> {
        let replace = || {
            self.open(self.own(), Some(self.readers))?.replace(
                &key.to_string(),
                parts,
                self.readers,
            )
        };
        match replace() {
            // Another process removed the empty directory between the two steps.
            Err(error) if error.kind() == io::ErrorKind::NotFound => replace(),
            outcome => outcome,
        }
    }

    fn open(&self, compat: &Compat, make: Option<Readers>) -> io::Result<Directory> {
        Directory::open_folder(self.root, &compat.directory(), self.trust(), make)
    }

    fn own(&self) -> &Compat {
        &self.compats[0]
    }

    fn trust(&self) -> Trust {
        match self.seal {
            Seal::Key(_) => Trust::Key,
            Seal::Owner => Trust::Owner,
        }
    }
}

/// Records that a file is in use, for eviction. Does nothing if another user owns the file or the disk is read-only:
/// then the owner records its own uses, and evicts.
fn note_use(file: &File) {
    let now = SystemTime::now();
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    let recent = |modified: SystemTime| now.duration_since(modified).is_ok_and(|age| age < NOTED);
    if !modified.is_ok_and(recent) {
        let _ = file.set_modified(now);
    }
}
