//! The disk tier: artefacts in files, believed under one of the two trusts.
//!
//! It never deletes a file: directories of settings no longer used stay until the operator removes
//! them.

use super::directory::Directory;
use super::key::{Compat, ModuleKey};
use super::private::Private;
use super::secret::Secret;
use super::turn::Turn;
use super::{Trust, native, seal};
use crate::compile::Compiled;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use wasmtime::Engine;

/// Native code is a few times its WebAssembly, and sparse data can be laid out densely, 16 MiB a
/// memory. Beyond 64 MiB and 64 times the guest nothing is written, so nothing is read: a planted
/// file cannot exhaust memory.
fn most_bytes(key: &ModuleKey) -> u64 {
    (64 << 20) + key.size.saturating_mul(64)
}

/// What vouches for a file.
enum Seal {
    Key(Secret),
    Owner,
}

/// The artefacts of one engine's settings.
pub(super) struct DiskTier {
    directory: PathBuf,
    compat: Compat,
    seal: Seal,
}

/// What asking the disk tier came to.
pub(super) enum Found {
    /// The code, genuine.
    Loaded(Compiled),
    /// No file.
    Missing,
    /// A file that is broken, foreign or stale.
    Rejected,
    /// The directory cannot be opened or trusted.
    Closed(io::Error),
}

impl DiskTier {
    /// A tier in `<directory>/<compat>`; with a secret under key trust, without one under owner
    /// trust. Touches no file.
    pub(super) fn new(directory: &Path, compat: Compat, secret: Option<Secret>) -> DiskTier {
        DiskTier {
            directory: directory.join(compat.directory()),
            compat,
            seal: secret.map_or(Seal::Owner, Seal::Key),
        }
    }

    /// Looks for a guest's code. Never fails: at worst it is compiled.
    pub(super) fn load(&self, engine: &Engine, key: &ModuleKey) -> Found {
        let directory = match Directory::open(&self.directory, self.trust(), false) {
            Ok(directory) => directory,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Missing,
            Err(error) => return Found::Closed(error),
        };
        let file = match directory.read(&key.to_string()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Missing,
            Err(_) => return Found::Rejected,
        };
        let loaded = match &self.seal {
            Seal::Key(secret) => self.load_sealed(secret, engine, key, file),
            Seal::Owner => self.load_owned(engine, key, file),
        };
        loaded.map_or(Found::Rejected, Found::Loaded)
    }

    /// Waits for this process's turn to compile a guest; nothing where there are no turns.
    pub(super) fn turn(&self, key: &ModuleKey) -> Option<Turn> {
        let directory = Directory::open(&self.directory, self.trust(), true).ok()?;
        Turn::take(&directory, key)
    }

    /// Writes a guest's code. Gives whether it was written: what would be refused for its size is
    /// not.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn store(&self, key: &ModuleKey, artefact: &[u8]) -> io::Result<bool> {
        if artefact.len() as u64 + (seal::FRONT + seal::TRAILER) as u64 > most_bytes(key) {
            return Ok(false);
        }
        let directory = Directory::open(&self.directory, self.trust(), true)?;
        let name = key.to_string();
        match &self.seal {
            Seal::Key(secret) => {
                let front = seal::front(secret, key, &self.compat, artefact);
                directory.replace(&name, &[&front, artefact])?;
            }
            Seal::Owner => {
                directory.replace(&name, &[artefact, &seal::trailer(key, &self.compat)])?;
            }
        }
        Ok(true)
    }

    fn trust(&self) -> Trust {
        match self.seal {
            Seal::Key(_) => Trust::Key,
            Seal::Owner => Trust::Owner,
        }
    }

    fn load_sealed(
        &self,
        secret: &Secret,
        engine: &Engine,
        key: &ModuleKey,
        file: File,
    ) -> Option<Compiled> {
        let metadata = file.metadata().ok()?;
        let length = metadata.len().checked_sub(seal::FRONT as u64)?;
        if !metadata.is_file() || metadata.len() > most_bytes(key) {
            return None;
        }
        let mut file = file;
        let mut front = [0; seal::FRONT];
        file.read_exact(&mut front).ok()?;
        let mut verifier = seal::Verifier::begin(secret, key, &self.compat, &front)?;
        // The bound holds for what is read, too: the file may grow meanwhile.
        let private =
            Private::copy(file.take(length), length, |part| verifier.update(part)).ok()?;
        if !verifier.is_genuine() {
            return None;
        }
        // SAFETY: the MAC over these very bytes, which nobody else can change, was just verified; only
        // holders of the secret make one, and they seal what `Compiled::serialize` gave.
        unsafe { private.load(engine, key.kind) }.ok()
    }

    #[cfg(unix)]
    fn load_owned(&self, engine: &Engine, key: &ModuleKey, file: File) -> Option<Compiled> {
        super::trust::check_file(&file).ok()?;
        let length = file.metadata().ok()?.len();
        let end = length.checked_sub(seal::TRAILER as u64)?;
        if length > most_bytes(key) {
            return None;
        }
        let mut trailer = [0; seal::TRAILER];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut trailer, end).ok()?;
        if trailer != seal::trailer(key, &self.compat) {
            return None;
        }
        // SAFETY: `Directory::open` found that only this user and root can change this directory,
        // `check_file` the same of this very descriptor, and both write here only through
        // `Directory::replace`.
        unsafe { native::from_file(engine, key.kind, file) }.ok()
    }

    #[cfg(not(unix))]
    fn load_owned(&self, _: &Engine, _: &ModuleKey, _: File) -> Option<Compiled> {
        // Owner trust is refused as an option here.
        None
    }
}
