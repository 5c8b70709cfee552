//! What is checked of a compiled file before it is believed: under key trust its seal, of a private copy; under owner trust
//! its owner and mode, and the identity behind its code.

use super::digest::CHUNK;
use super::key::{Compat, ModuleKey};
use super::rejection::Rejection;
use super::seal;
use super::sealed_file::SealedFile;
use super::secret::Secret;
use super::wasm_source::fill;
use crate::compile::{Compiled, native};
use std::fs::File;
use std::io::Read;
use wasmtime::Engine;

/// The largest artefact of a guest, in bytes. Native code is a few times larger than its WebAssembly, and sparse data
/// can be laid out densely, 16 MiB a memory. The cache writes no artefact beyond 64 MiB plus 64 times the guest, so it
/// reads none: a planted file cannot exhaust memory.
pub(super) fn most_bytes(key: &ModuleKey) -> u64 {
    key.size.saturating_mul(64).saturating_add(64 << 20)
}

/// Why Wasmtime did not load a genuine artefact. `None` if its instances would begin with more than this engine allows:
/// the artefact is good, and the load goes on to a check that refuses it before compiling.
pub(super) fn refused(error: &wasmtime::Error) -> Option<Rejection> {
    (!native::lacks_room(error)).then_some(Rejection::Incompatible)
}

pub(super) fn load_sealed(
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

pub(super) fn open_sealed(
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
pub(super) fn check_sealed(
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
pub(super) fn verified(
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
pub(super) fn check_owned(compat: &Compat, key: &ModuleKey, file: &File) -> Result<(), Rejection> {
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
pub(super) fn load_owned(
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
pub(super) fn check_owned(_: &Compat, _: &ModuleKey, _: &File) -> Result<(), Rejection> {
    Err(Rejection::Untrusted)
}

#[cfg(not(unix))]
pub(super) fn load_owned(
    _: &Compat,
    _: &Engine,
    _: &ModuleKey,
    _: &File,
) -> Result<Compiled, Option<Rejection>> {
    Err(Some(Rejection::Untrusted))
}
