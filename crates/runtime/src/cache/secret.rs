//! The key of the MAC: from the operator's file, or made once for this user.

use super::directory::{make_directory, temporary_name};
use crate::error::{Error, ErrorCode, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Bytes of a made key, and the fewest a given file may hold.
const BYTES: usize = 32;
/// More than any key: a file beyond it was named by mistake.
const MOST: u64 = 64 * 1024;
/// Separates this use of a key from every other.
const CONTEXT: &str = "riptide-wasm 2026-11 cache artefact key";

/// A key. It has no `Debug`, so that it cannot end in a log.
pub(super) struct Secret([u8; 32]);

impl Secret {
    /// A MAC in progress.
    pub(super) fn hasher(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.0)
    }

    /// The key of a file the operator named. All of its bytes count, so that a key in hexadecimal
    /// is as good as a binary one. Links are followed: that is how Kubernetes mounts a secret.
    ///
    /// # Errors
    /// [`ErrorCode::BadOption`] for `cache.keyFile`: it cannot be read, is no regular file, has
    /// fewer than 32 bytes or more than 64 KiB, or (on Unix) everybody may write it.
    pub(super) fn from_file(path: &Path) -> Result<Secret> {
        let bad = |reason: String| {
            let path = path.display();
            Error::new(
                ErrorCode::BadOption,
                format!("cache.keyFile (RIPTIDE_WASM_CACHE_KEY_FILE): {path} {reason}"),
            )
            .text("option", "cache.keyFile")
            .text("value", path.to_string())
            .text("allowed", "a regular file of at least 32 bytes")
        };
        let unreadable = |error: io::Error| bad(format!("cannot be read: {error}"));
        let file = open(path, true).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(bad("is not a regular file".into()));
        }
        #[cfg(unix)]
        if std::os::unix::fs::MetadataExt::mode(&metadata) & 0o002 != 0 {
            return Err(bad("can be written by everybody".into()));
        }
        let mut material = Vec::new();
        file.take(MOST + 1)
            .read_to_end(&mut material)
            .map_err(unreadable)?;
        if material.len() < BYTES || material.len() as u64 > MOST {
            let range = format!("{BYTES} to {MOST}");
            return Err(bad(format!("has {} bytes, not {range}", metadata.len())));
        }
        Ok(Secret::of(&material))
    }

    /// The key of this user, made on first use: `riptide-wasm/cache.key` under `$XDG_CONFIG_HOME`
    /// or `~/.config`.
    ///
    /// # Errors
    /// With the path: no home, nothing can be written there, or the file is not this user's alone.
    pub(super) fn own() -> io::Result<Secret> {
        let path = own_path().ok_or_else(|| io::Error::other("this user has no home directory"))?;
        Secret::own_at(&path)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    }

    fn own_at(path: &Path) -> io::Result<Secret> {
        match read_own(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let directory = path.parent().ok_or(io::ErrorKind::NotFound)?;
        make_directory(directory, 0o700)?;
        let temporary = directory.join(temporary_name()?);
        // A link, not a rename: it fails where the name exists, so that of processes that start
        // together one makes the key and all of them read that one.
        let linked = write_new(&temporary).and_then(|()| fs::hard_link(&temporary, path));
        let _ = fs::remove_file(&temporary);
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        #[cfg(unix)]
        let _ = File::open(directory).and_then(|directory| directory.sync_all());
        read_own(path)
    }

    fn of(material: &[u8]) -> Secret {
        Secret(blake3::derive_key(CONTEXT, material))
    }
}

/// Where this user's own key is; made where there is none.
///
/// # Errors
/// As of [`Secret::own`].
pub fn own_key_file() -> io::Result<PathBuf> {
    Secret::own()?;
    own_path().ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn own_path() -> Option<PathBuf> {
    // The specification of the variable: a relative path is to be ignored.
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

fn read_own(path: &Path) -> io::Result<Secret> {
    let file = open(path, false)?;
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
        // Without NONBLOCK, a pipe of that name would stop the process.
        let mut flags = OFlags::NONBLOCK;
        flags.set(OFlags::NOFOLLOW, !follow);
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits() as i32);
    }
    #[cfg(not(unix))]
    let _ = follow;
    options.open(path)
}
