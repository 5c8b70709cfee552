//! The BLAKE3 hash of a file, computed by two threads if the file is large: a start from the disk waits for little
//! else.

use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root,
};
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// Bytes that are read and then hashed together: few enough to stay in the processor's cache in between. Each chunk is
/// a BLAKE3 subtree, so this must be a power of two.
pub(super) const CHUNK: usize = 256 << 10;

/// The fewest pieces for which starting a second thread pays.
const MIN_PIECES: usize = 4;

/// A file in pieces, each a BLAKE3 subtree.
struct Pieces {
    file: File,
    size: u64,
    next: AtomicUsize,
    values: Vec<OnceLock<ChainingValue>>,
}

/// Hashes the first `size` bytes of a file.
///
/// # Errors
/// The system's error; `UnexpectedEof` if the file has fewer bytes.
pub(super) fn digest(file: &File, size: u64) -> io::Result<blake3::Hash> {
    let mut buffer = vec![0; CHUNK];
    if size <= CHUNK as u64 {
        let buffer = &mut buffer[..size as usize];
        read_exact_at(file, buffer, 0)?;
        return Ok(blake3::hash(buffer));
    }
    let count = usize::try_from(size.div_ceil(CHUNK as u64)).map_err(io::Error::other)?;
    let pieces = Arc::new(Pieces {
        file: file.try_clone()?,
        size,
        next: AtomicUsize::new(0),
        values: (0..count).map(|_| OnceLock::new()).collect(),
    });
    if count >= MIN_PIECES {
        let shared = pieces.clone();
        let helper = move || {
            // If this fails at a piece, the calling thread hashes that piece again and returns its own failure.
            let _ = shared.take(&mut vec![0; CHUNK]);
        };
        // If the thread cannot be started, hashing only takes longer.
        let _ = std::thread::Builder::new()
            .name("wasm-hash".into())
            .spawn(helper);
    }
    pieces.take(&mut buffer)?;
    // Pieces that the other thread took and has not finished: it may not be scheduled at all, so do not wait for it.
    for index in 0..count {
        if pieces.values[index].get().is_none() {
            pieces.hash(index, &mut buffer)?;
        }
    }
    Ok(pieces.root())
}

impl Pieces {
    /// Takes and hashes one piece after another, until none is left.
    fn take(&self, buffer: &mut [u8]) -> io::Result<()> {
        loop {
            let index = self.next.fetch_add(1, Relaxed);
            if index >= self.values.len() {
                return Ok(());
            }
            self.hash(index, buffer)?;
        }
    }

    fn hash(&self, index: usize, buffer: &mut [u8]) -> io::Result<()> {
        let offset = (index * CHUNK) as u64;
        let piece = &mut buffer[..(self.size - offset).min(CHUNK as u64) as usize];
        read_exact_at(&self.file, piece, offset)?;
        let mut hasher = blake3::Hasher::new();
        hasher.set_input_offset(offset).update(piece);
        self.values[index].get_or_init(|| hasher.finalize_non_root());
        Ok(())
    }

    /// The hash of the file. Every piece must be hashed, and there must be two or more.
    fn root(&self) -> blake3::Hash {
        let left = left_subtree_len(self.size);
        let split = (left / CHUNK as u64) as usize;
        merge_subtrees_root(
            &self.merged(0, split, left),
            &self.merged(split, self.values.len(), self.size - left),
            Mode::Hash,
        )
    }

    /// The chaining value of the pieces `first..end`, which have `size` bytes in all.
    fn merged(&self, first: usize, end: usize, size: u64) -> ChainingValue {
        if end - first == 1 {
            return *self.values[first].get().expect("every piece is hashed");
        }
        let left = left_subtree_len(size);
        let split = first + (left / CHUNK as u64) as usize;
        merge_subtrees_non_root(
            &self.merged(first, split, left),
            &self.merged(split, end, size - left),
            Mode::Hash,
        )
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                buffer = &mut buffer[read..];
                offset += read as u64;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn it_is_the_hash_of_the_bytes_whatever_their_number() {
        let chunk = CHUNK as u64;
        let mut file = tempfile::tempfile().expect("file");
        let bytes: Vec<u8> = (0..chunk * 9 + 77).map(|at| (at % 251) as u8).collect();
        file.write_all(&bytes).expect("written");
        let around = [1, 2, 3, 4, 5, 7, 8, 9].map(|pieces| pieces * chunk);
        let sizes = around
            .iter()
            .flat_map(|size| [size - 1, *size, size + 1, size + 1025]);
        for size in sizes.chain([0, 8, bytes.len() as u64]) {
            let size = size.min(bytes.len() as u64);
            let expected = blake3::hash(&bytes[..size as usize]);
            assert_eq!(digest(&file, size).expect("digest"), expected, "{size}");
        }
        let more = digest(&file, bytes.len() as u64 + 1).expect_err("cut short");
        assert_eq!(more.kind(), io::ErrorKind::UnexpectedEof);
    }
}
