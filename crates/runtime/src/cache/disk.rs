//! The disk tier: artefacts in files, trusted for one of the two reasons of [`Trust`].

use super::compile_lock::CompileLock;
use super::digest::CHUNK;
use super::directory::{Directory, Readers};
use super::inventory::Inventory;
use super::key::{Compat, ModuleKey};
use super::options::CacheOptions;
use super::rejection::Rejection;
use super::seal;
use super::sealed_file::SealedFile;
use super::secret::Secret;
use super::trust::Trust;
use super::wasm_source::fill;
use crate::compile::{Compiled, Kind, native};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};
use wasmtime::Engine;

/// A file's use is recorded at most once in this time: recording each use would write to the disk with every start.
const NOTED: Duration = Duration::from_secs(3600);

/// The largest artefact of a guest, in bytes. Native code is a few times larger than its WebAssembly, and sparse data
/// can be laid out densely, 16 MiB a memory. The cache writes no artefact beyond 64 MiB plus 64 times the guest, so it
/// reads none: a planted file cannot exhaust memory.
fn most_bytes(key: &ModuleKey) -> u64 {
    key.size.saturating_mul(64).saturating_add(64 << 20)
}

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

/// Why Wasmtime did not load a genuine artefact. `None` if its instances would begin with more than this engine allows:
/// the artefact is good, and the load goes on to a check that refuses it before compiling.
fn refused(error: &wasmtime::Error) -> Option<Rejection> {
    (!native::lacks_room(error)).then_some(Rejection::Incompatible)
}

fn load_sealed(
    secret: &Secret,
    compat: &Compat,
    engine: &Engine,
    key: &ModuleKey,
    file: &File,
) -> Result<Compiled, Option<Rejection>> {
    let private = open_sealed(secret, compat, key, file)?;
    // SAFETY: `verified` found these very bytes genuine, and no other process can change them.
    unsafe { private.load(engine, key.kind) }.map_err(|error| refused(&error))
}

fn open_sealed(
    secret: &Secret,
    compat: &Compat,
    key: &ModuleKey,
    file: &File,
) -> Result<SealedFile, Rejection> {
    verified(secret, compat, key, file, regular_bytes(file)?)
}

/// The length of a regular file.
fn regular_bytes(file: &File) -> Result<u64, Rejection> {
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(metadata.len()),
        _ => Err(Rejection::Unreadable),
    }
}

/// Reads the front of an artefact's file, which has `bytes` bytes in all. Returns it, and the length of the artefact
/// behind it.
fn read_front(
    mut from: impl Read,
    bytes: u64,
    key: &ModuleKey,
) -> Result<([u8; seal::FRONT], u64), Rejection> {
    let length = bytes
        .checked_sub(seal::FRONT as u64)
        .filter(|_| bytes <= most_bytes(key))
        .ok_or(Rejection::Malformed)?;
    let mut front = [0; seal::FRONT];
    from.read_exact(&mut front)
        .map_err(|_| Rejection::Unreadable)?;
    Ok((front, length))
}

/// Verifies the seal for a module and for a component in one pass, without loading the code.
fn check_sealed(
    secret: &Secret,
    compat: &Compat,
    keys: [&ModuleKey; 2],
    file: &File,
) -> Result<(), Rejection> {
    // Both keys come from one name, so they have the same size.
    let (front, _) = read_front(file, regular_bytes(file)?, keys[0])?;
    let begin = |key| seal::Verifier::begin(secret, key, compat, &front);
    let [Some(mut module), Some(mut component)] = keys.map(begin) else {
        return Err(Rejection::Malformed);
    };
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = fill(&mut &*file, &mut chunk).map_err(|_| Rejection::Unreadable)?;
        if read == 0 {
            break;
        }
        module.update(&chunk[..read]);
        component.update(&chunk[..read]);
    }
    if module.is_genuine() || component.is_genuine() {
        Ok(())
    } else {
        Err(Rejection::Forged)
    }
}

/// A private copy of an artefact, its seal verified. Only a holder of the secret can make the seal, and it seals only
/// the output of [`Compiled::serialize`].
fn verified(
    secret: &Secret,
    compat: &Compat,
    key: &ModuleKey,
    mut from: impl Read,
    bytes: u64,
) -> Result<SealedFile, Rejection> {
    let (front, length) = read_front(&mut from, bytes, key)?;
    let mut verifier =
        seal::Verifier::begin(secret, key, compat, &front).ok_or(Rejection::Malformed)?;
    // `take` bounds the reading as well: a file may grow meanwhile.
    let private = SealedFile::copy(from.take(length), length, |part| verifier.update(part))
        .map_err(|_| Rejection::Unreadable)?;
    if verifier.is_genuine() {
        Ok(private)
    } else {
        Err(Rejection::Forged)
    }
}

#[cfg(unix)]
fn check_owned(compat: &Compat, key: &ModuleKey, file: &File) -> Result<(), Rejection> {
    super::trust::check_file(file).map_err(|_| Rejection::Untrusted)?;
    let metadata = file.metadata().map_err(|_| Rejection::Unreadable)?;
    let end = metadata
        .len()
        .checked_sub(seal::TRAILER as u64)
        .filter(|_| metadata.len() <= most_bytes(key))
        .ok_or(Rejection::Malformed)?;
    let mut trailer = [0; seal::TRAILER];
    std::os::unix::fs::FileExt::read_exact_at(file, &mut trailer, end)
        .map_err(|_| Rejection::Unreadable)?;
    if trailer == seal::trailer(key, compat) {
        Ok(())
    } else {
        Err(Rejection::Malformed)
    }
}

#[cfg(unix)]
fn load_owned(
    compat: &Compat,
    engine: &Engine,
    key: &ModuleKey,
    file: &File,
) -> Result<Compiled, Option<Rejection>> {
    check_owned(compat, key, file)?;
    // SAFETY: only this user and root can change this directory, as `Directory::open_folder` checked, and this file, as
    // `check_owned` checked on its descriptor; and both write here only through `Directory::replace`.
    unsafe { native::from_file(engine, key.kind, file) }.map_err(|error| refused(&error))
}

// On other systems, owner trust is refused as an option.
#[cfg(not(unix))]
fn check_owned(_: &Compat, _: &ModuleKey, _: &File) -> Result<(), Rejection> {
    Err(Rejection::Untrusted)
}

#[cfg(not(unix))]
fn load_owned(
    _: &Compat,
    _: &Engine,
    _: &ModuleKey,
    _: &File,
) -> Result<Compiled, Option<Rejection>> {
    Err(Some(Rejection::Untrusted))
}
