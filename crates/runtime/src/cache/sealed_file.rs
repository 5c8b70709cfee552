//! An artefact that no other process can change any more: the bytes that were verified are the bytes that run.
//!
//! On Linux it is a sealed file in memory (`memfd`), which Wasmtime maps, so that it touches only the pages that are
//! used. Elsewhere it is a buffer, which Wasmtime copies once more.

use super::digest::CHUNK;
use super::wasm_source::fill;
use crate::compile::{Compiled, Kind, native};
use std::io::{self, Read};
use wasmtime::Engine;

/// The bytes of one artefact.
pub(super) enum SealedFile {
    #[cfg(target_os = "linux")]
    Sealed(std::fs::File),
    Copied(Vec<u8>),
}

impl SealedFile {
    /// Copies `length` bytes or fewer. Calls `seen` with each part that it keeps.
    ///
    /// # Errors
    /// The system's error.
    pub(super) fn copy(
        from: impl Read,
        length: u64,
        seen: impl FnMut(&[u8]),
    ) -> io::Result<SealedFile> {
        #[cfg(target_os = "linux")]
        if let Ok(file) = memory_file() {
            return sealed(file, from, seen);
        }
        copied(from, length, seen)
    }

    /// Loads it.
    ///
    /// # Safety
    /// The bytes that `copy` passed to `seen` came from [`Compiled::serialize`], unchanged.
    pub(super) unsafe fn load(self, engine: &Engine, kind: Kind) -> wasmtime::Result<Compiled> {
        match self {
            #[cfg(target_os = "linux")]
            SealedFile::Sealed(file) => {
                // SAFETY: genuine by this function's contract; the seals keep every process from changing the file.
                unsafe { native::from_file(engine, kind, &file) }
            }
            // SAFETY: genuine by this function's contract, in memory of this process.
            SealedFile::Copied(bytes) => unsafe { native::from_memory(engine, kind, &bytes) },
        }
    }
}

#[cfg(target_os = "linux")]
fn memory_file() -> io::Result<std::fs::File> {
    use rustix::fs::{MemfdFlags, memfd_create};
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    Ok(memfd_create("riptide-wasm-artefact", flags)?.into())
}

#[cfg(target_os = "linux")]
fn sealed(
    mut file: std::fs::File,
    mut from: impl Read,
    mut seen: impl FnMut(&[u8]),
) -> io::Result<SealedFile> {
    use rustix::fs::{SealFlags, fcntl_add_seals};
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = fill(&mut from, &mut chunk)?;
        if read == 0 {
            break;
        }
        // `seen` gets the bytes from this thread's buffer, not from the file, which has a name in /proc.
        seen(&chunk[..read]);
        io::Write::write_all(&mut file, &chunk[..read])?;
    }
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    fcntl_add_seals(&file, seals)?;
    Ok(SealedFile::Sealed(file))
}

fn copied(mut from: impl Read, length: u64, mut seen: impl FnMut(&[u8])) -> io::Result<SealedFile> {
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(length as usize)
        .map_err(io::Error::other)?;
    from.read_to_end(&mut bytes)?;
    seen(&bytes);
    Ok(SealedFile::Copied(bytes))
}
