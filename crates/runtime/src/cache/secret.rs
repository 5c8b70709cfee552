//! The key of the MAC: from the operator's file, or made once for this user.

use super::directory::{make_directory, temporary_name};
use super::wasm_source::FileStamp;
use crate::error::{Error, ErrorCode};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Bytes of a made key, and the fewest a given file may hold.
const BYTES: usize = 32;
/// The most bytes of a given file: a larger one was named by mistake.
const MOST: u64 = 64 * 1024;
/// Separates this use of a key from every other.
const CONTEXT: &str = "riptide-wasm 2026-11 cache artefact key";

/// A key. It has no `Debug`, so that it cannot end up in a log.
#[derive(Clone)]
pub(super) struct Secret([u8; 32]);

impl Secret {
    /// A MAC in progress.
    pub(super) fn hasher(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.0)
    }

    fn of(material: &[u8]) -> Secret {
        Secret(blake3::derive_key(CONTEXT, material))
    }
}

/// A key's file, which is read again whenever it changed: a key can be replaced while processes run.
pub(super) struct SecretFile {
    /// The file that the operator named; `None`: this user's own.
    named: Option<PathBuf>,
    last: Mutex<Option<LastRead>>,
}

struct LastRead {
    /// `None` if the file had changed just before: it might change again and have the same stamp.
    look: Option<FileStamp>,
    secret: Secret,
}

/// Why there is no key.
pub(super) enum NoSecret {
    /// The operator's file could not be used when it was first needed: [`ErrorCode::BadOption`] for `cache.keyFile`.
    Refused(Error),
    /// The operator's file can no longer be used, or this user has no key. The text says why.
    Unusable(String),
}

impl SecretFile {
    /// The file that the operator named, or this user's own: `riptide-wasm/cache.key` under `$XDG_CONFIG_HOME` or
    /// `~/.config`, made on first use. Touches no file.
    pub(super) fn new(named: Option<PathBuf>) -> SecretFile {
        SecretFile {
            named,
            last: Mutex::default(),
        }
    }

    /// The key that is in the file now.
    ///
    /// # Errors
    /// If the file cannot be used. An earlier key is not used in its place: the operator may have replaced it because
    /// it leaked.
    pub(super) fn current(&self) -> Result<Secret, NoSecret> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match self.read(last.as_ref()) {
            Ok(read) => {
                let secret = read.secret.clone();
                *last = Some(read);
                Ok(secret)
            }
            Err(reason) => Err(match &self.named {
                Some(path) if last.is_none() => NoSecret::Refused(refused(path, reason)),
                _ => NoSecret::Unusable(reason),
            }),
        }
    }

    fn read(&self, last: Option<&LastRead>) -> Result<LastRead, String> {
        match &self.named {
            Some(path) => open(path, true)
                .map_err(unreadable)
                .and_then(|file| LastRead::of(&file, last, read_named))
                .map_err(|error| {
                    let path = path.display();
                    format!("cache.keyFile (RIPTIDE_WASM_CACHE_KEY_FILE): {path} {error}")
                }),
            None => {
                let path = own_path().ok_or("this user has no home directory")?;
                open_own(&path)
                    .and_then(|file| LastRead::of(&file, last, read_own))
                    .map_err(|error| format!("{}: {error}", path.display()))
            }
        }
    }
}

impl LastRead {
    /// The key that was read last if the file has not changed since; otherwise the key that it holds now.
    fn of(
        file: &File,
        last: Option<&LastRead>,
        read: fn(&File) -> io::Result<Secret>,
    ) -> io::Result<LastRead> {
        let before = FileStamp::at(file);
        let known = last.filter(|last| before.is_some() && last.look == before);
        let secret = match known {
            Some(last) => last.secret.clone(),
            None => read(file)?,
        };
        Ok(LastRead {
            look: before.filter(|look| FileStamp::at(file).as_ref() == Some(look)),
            secret,
        })
    }
}

fn refused(path: &Path, reason: String) -> Error {
    Error::new(ErrorCode::BadOption, reason)
        .text("option", "cache.keyFile")
        .text("value", path.display().to_string())
        .text("allowed", "a regular file of at least 32 bytes")
}

/// Reads the key from a file that the operator named. All of its bytes count, so that a key in hexadecimal is as good
/// as a binary one. Links are followed: that is how Kubernetes mounts a secret.
///
/// # Errors
/// The file cannot be read, is no regular file, has fewer than 32 bytes or more than 64 KiB, or (on Unix) every user
/// may write it.
fn read_named(file: &File) -> io::Result<Secret> {
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(io::Error::other("is not a regular file"));
    }
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::mode(&metadata) & 0o002 != 0 {
        return Err(io::Error::other("can be written by everybody"));
    }
    let mut material = Vec::new();
    file.take(MOST + 1)
        .read_to_end(&mut material)
        .map_err(unreadable)?;
    if material.len() < BYTES || material.len() as u64 > MOST {
        let (length, range) = (metadata.len(), format!("{BYTES} to {MOST}"));
        return Err(io::Error::other(format!("has {length} bytes, not {range}")));
    }
    Ok(Secret::of(&material))
}

fn unreadable(error: io::Error) -> io::Error {
    io::Error::other(format!("cannot be read: {error}"))
}

/// Opens this user's own key file; makes it if there is none.
///
/// # Errors
/// The system's error, also if the file is missing and cannot be written.
fn open_own(path: &Path) -> io::Result<File> {
    match open(path, false) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    let directory = path.parent().ok_or(io::ErrorKind::NotFound)?;
    make_directory(directory, 0o700)?;
    let temporary = directory.join(temporary_name()?);
    // A hard link, not a rename: it fails if the name exists, so that of processes that start together one makes the
    // key and all of them read it.
    let linked = write_new(&temporary).and_then(|()| fs::hard_link(&temporary, path));
    let _ = fs::remove_file(&temporary);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    #[cfg(unix)]
    let _ = File::open(directory).and_then(|directory| directory.sync_all());
    open(path, false)
}

/// The path of this user's own key file, which is made if there is none.
///
/// # Errors
/// With a sentence: there is no home directory, the file cannot be written, or it is not this user's alone.
pub fn own_key_file() -> io::Result<PathBuf> {
    match SecretFile::new(None).current() {
        Ok(_) => own_path().ok_or_else(|| io::ErrorKind::NotFound.into()),
        Err(NoSecret::Refused(error)) => Err(io::Error::other(error.message)),
        Err(NoSecret::Unusable(reason)) => Err(io::Error::other(reason)),
    }
}

fn own_path() -> Option<PathBuf> {
    // As the XDG specification demands, a relative path is ignored.
    let configured = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let home = || {
        std::env::home_dir()
            .filter(|home| home.is_absolute())
            .map(|home| home.join(".config"))
    };
    Some(
        configured
            .or_else(home)?
            .join("riptide-wasm")
            .join("cache.key"),
    )
}

fn read_own(file: &File) -> io::Result<Secret> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let metadata = file.metadata()?;
        let reason = if !metadata.is_file() {
            "is not a regular file"
        } else if metadata.uid() != rustix::process::geteuid().as_raw() {
            "belongs to another user"
        } else if metadata.mode() & 0o077 != 0 {
            "is open to others; its mode should be 0600"
        } else {
            ""
        };
        if !reason.is_empty() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
        }
    }
    let mut material = Vec::new();
    file.take(BYTES as u64 + 1).read_to_end(&mut material)?;
    if material.len() != BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "does not have 32 bytes; delete it",
        ));
    }
    Ok(Secret::of(&material))
}

fn write_new(path: &Path) -> io::Result<()> {
    let mut random = [0; BYTES];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(&random)?;
    file.sync_all()
}

fn open(path: &Path, follow: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        // Without NONBLOCK, opening a pipe of that name would block the process.
        let mut flags = OFlags::NONBLOCK;
        flags.set(OFlags::NOFOLLOW, !follow);
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits() as i32);
    }
    #[cfg(not(unix))]
    let _ = follow;
    options.open(path)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        static READS: Cell<u32> = const { Cell::new(0) };
    }

    fn counted(_: &File) -> io::Result<Secret> {
        READS.set(READS.get() + 1);
        Ok(Secret::of(b"a key"))
    }

    fn reads_of_three(file: &File) -> u32 {
        READS.set(0);
        let mut last = None;
        for _ in 0..3 {
            last = Some(LastRead::of(file, last.as_ref(), counted).expect("read"));
        }
        READS.get()
    }

    #[test]
    fn a_file_is_read_once_unless_it_changed_just_now() {
        let old = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        assert_eq!(reads_of_three(&File::open(old).expect("open")), 1);
        let new = tempfile::tempfile().expect("file");
        assert_eq!(reads_of_three(&new), 3);
    }
}
