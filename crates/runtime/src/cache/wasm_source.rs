//! The WebAssembly of a load: bytes, or a file that is read whole only if it must be compiled.

use super::digest::digest;
use super::key::ModuleKey;
use crate::compile::kind_of;
use crate::error::{Error, ErrorCode, Result};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// The coarsest time stamps of a file system: a file that changes again within this time can look unchanged.
const COARSE: Duration = Duration::from_secs(2);

/// The most files whose hash is remembered; at this number all are forgotten.
const MOST_KNOWN: usize = 1024;

/// WebAssembly to load.
pub enum WasmSource<'a> {
    /// As bytes.
    Bytes(Cow<'a, [u8]>),
    /// As an open file.
    File(WasmFile),
}

/// An open file of WebAssembly.
pub struct WasmFile {
    path: PathBuf,
    file: File,
}

impl WasmSource<'_> {
    /// Opens a regular file: opening a pipe or reading a device might never end.
    ///
    /// # Errors
    /// [`ErrorCode::Read`] with the path.
    pub fn open(path: &Path) -> Result<WasmSource<'static>> {
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
        let opened = options.open(path).and_then(|file| {
            if file.metadata()?.is_file() {
                return Ok(file);
            }
            Err(io::Error::other("it is not a regular file"))
        });
        match opened {
            Ok(file) => Ok(WasmSource::File(WasmFile {
                path: path.to_owned(),
                file,
            })),
            Err(error) => Err(unreadable(path, &error)),
        }
    }

    /// All of its bytes. A file may have changed since it was hashed, so hash these bytes again.
    ///
    /// # Errors
    /// [`ErrorCode::Read`] with the path.
    pub(super) fn bytes(&self) -> Result<Cow<'_, [u8]>> {
        match self {
            WasmSource::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
            WasmSource::File(WasmFile { path, file }) => {
                let mut bytes = Vec::new();
                let read = (&*file)
                    .seek(SeekFrom::Start(0))
                    .and_then(|_| (&*file).read_to_end(&mut bytes));
                read.map_err(|error| unreadable(path, &error))?;
                Ok(Cow::Owned(bytes))
            }
        }
    }

    /// Its size in bytes, without reading it.
    ///
    /// # Errors
    /// [`ErrorCode::Read`] with the path.
    pub(super) fn size(&self) -> Result<u64> {
        match self {
            WasmSource::Bytes(bytes) => Ok(bytes.len() as u64),
            WasmSource::File(WasmFile { path, file }) => match file.metadata() {
                Ok(metadata) => Ok(metadata.len()),
                Err(error) => Err(unreadable(path, &error)),
            },
        }
    }

    /// Its identity. For a file that did not change, the remembered one.
    ///
    /// # Errors
    /// [`ErrorCode::Read`], or [`ErrorCode::Compile`] if it is not WebAssembly.
    pub(super) fn key(&self, known: &HashCache) -> Result<ModuleKey> {
        match self {
            WasmSource::Bytes(bytes) => Ok(ModuleKey::of(kind_of(bytes)?, bytes)),
            WasmSource::File(guest) => guest.key(known),
        }
    }
}

impl WasmFile {
    fn key(&self, known: &HashCache) -> Result<ModuleKey> {
        let before = FileStamp::at(&self.file);
        if let Some(key) = before.as_ref().and_then(|look| known.get(&self.path, look)) {
            return Ok(key);
        }
        let key = self.hash()?;
        if let Some(look) = before.filter(|look| FileStamp::at(&self.file).as_ref() == Some(look)) {
            known.put(&self.path, look, key);
        }
        Ok(key)
    }

    fn hash(&self) -> Result<ModuleKey> {
        let failed = |error: io::Error| unreadable(&self.path, &error);
        let mut header = [0; 256];
        let read = (&self.file)
            .seek(SeekFrom::Start(0))
            .and_then(|_| fill(&mut &self.file, &mut header))
            .map_err(failed)?;
        let kind = kind_of(&header[..read])?;
        let length = || self.file.metadata().map(|metadata| metadata.len());
        let size = length().map_err(failed)?;
        let hash = digest(&self.file, size).map_err(failed)?;
        if length().map_err(failed)? != size {
            return Err(failed(io::Error::other("it changes while it is read")));
        }
        Ok(ModuleKey {
            hash: *hash.as_bytes(),
            size,
            kind,
        })
    }
}

/// Reads until `chunk` is full or the end.
pub(super) fn fill(from: &mut impl Read, chunk: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < chunk.len() {
        match from.read(&mut chunk[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    let path = path.display().to_string();
    Error::new(
        ErrorCode::Read,
        format!("{path} could not be read: {error}"),
    )
    .text("path", path)
}

/// Metadata that tells versions of a file apart: it differs after every change that is not within [`COARSE`] of the
/// last.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileStamp {
    /// Returns `None` if the system has no such metadata, or if the file changed within the last [`COARSE`].
    #[cfg(unix)]
    pub(super) fn at(file: &File) -> Option<FileStamp> {
        use std::os::unix::fs::MetadataExt;
        let now = SystemTime::now();
        let metadata = file.metadata().ok()?;
        let changed = Duration::from_secs(u64::try_from(metadata.ctime()).ok()?);
        let age = now
            .duration_since(SystemTime::UNIX_EPOCH.checked_add(changed)?)
            .ok()?;
        (age > COARSE).then(|| FileStamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    #[cfg(not(unix))]
    pub(super) fn at(_: &File) -> Option<FileStamp> {
        None
    }
}

/// Files whose hash is known, by path.
#[derive(Default)]
pub(super) struct HashCache(Mutex<HashMap<PathBuf, (FileStamp, ModuleKey)>>);

impl HashCache {
    fn get(&self, path: &Path, look: &FileStamp) -> Option<ModuleKey> {
        let known = self.lock();
        let (seen, key) = known.get(path)?;
        (seen == look).then_some(*key)
    }

    fn put(&self, path: &Path, look: FileStamp, key: ModuleKey) {
        let mut known = self.lock();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(path.to_owned(), (look, key));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, (FileStamp, ModuleKey)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
