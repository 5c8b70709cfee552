//! One open directory of artefacts: reading a file of it, and replacing one whole.

use super::Trust;
use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::path::Path;

#[cfg(unix)]
use rustix::fs::{AtFlags, Mode, OFlags};

/// A directory, opened for one load or store. It is not kept: one that is deleted and made anew
/// keeps working.
pub(super) struct Directory {
    #[cfg(unix)]
    at: std::os::fd::OwnedFd,
    #[cfg(not(unix))]
    at: std::path::PathBuf,
}

impl Directory {
    /// Opens the directory as its trust demands. With `create`, missing ones are made, mode 0700.
    ///
    /// # Errors
    /// `NotFound`, `PermissionDenied` where it cannot be trusted, or what the system says.
    pub(super) fn open(path: &Path, trust: Trust, create: bool) -> io::Result<Directory> {
        #[cfg(unix)]
        if trust == Trust::Owner {
            return Ok(Directory {
                at: super::trust::open_owned(path, create)?,
            });
        }
        #[cfg(not(unix))]
        let _ = trust;
        if create {
            make_private(path)?;
        }
        #[cfg(unix)]
        {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            Ok(Directory {
                at: rustix::fs::open(path, flags, Mode::empty())?,
            })
        }
        #[cfg(not(unix))]
        {
            std::fs::metadata(path)?;
            Ok(Directory {
                at: path.to_owned(),
            })
        }
    }

    /// Opens a file for reading, never through a link, and without waiting for whoever holds the
    /// other end of a pipe.
    ///
    /// # Errors
    /// What the system says; a link is an error.
    pub(super) fn read(&self, name: &str) -> io::Result<File> {
        #[cfg(unix)]
        {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            Ok(File::from(rustix::fs::openat(
                &self.at,
                name,
                flags,
                Mode::empty(),
            )?))
        }
        #[cfg(not(unix))]
        {
            File::open(self.at.join(name))
        }
    }

    /// Opens a file that stands for a lock, and makes it where it is missing.
    ///
    /// # Errors
    /// What the system says; a link is an error.
    pub(super) fn lock_file(&self, name: &str) -> io::Result<File> {
        #[cfg(unix)]
        {
            let flags = OFlags::RDWR
                | OFlags::CREATE
                | OFlags::NOFOLLOW
                | OFlags::NONBLOCK
                | OFlags::CLOEXEC;
            let mode = Mode::RUSR | Mode::WUSR;
            Ok(File::from(rustix::fs::openat(&self.at, name, flags, mode)?))
        }
        #[cfg(not(unix))]
        {
            let _ = name;
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    /// Puts a file with these parts in place of the name: written beside under an unpredictable
    /// name, synced, renamed. Readers see the old file or the new one, and whoever has mapped the
    /// old one keeps it.
    ///
    /// # Errors
    /// What the system says; nothing is left behind then.
    pub(super) fn replace(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        let temporary = temporary_name()?;
        let written = self
            .create(&temporary)
            .and_then(|mut file| {
                parts.iter().try_for_each(|part| file.write_all(part))?;
                file.sync_all()
            })
            .and_then(|()| self.rename(&temporary, name));
        if written.is_err() {
            self.remove(&temporary);
        }
        written
    }

    #[cfg(unix)]
    fn create(&self, name: &str) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(
            &self.at,
            name,
            flags,
            Mode::RUSR | Mode::WUSR,
        )?))
    }

    #[cfg(unix)]
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        rustix::fs::renameat(&self.at, from, &self.at, to)?;
        // The file is complete either way; some file systems cannot sync a directory.
        let _ = rustix::fs::fsync(&self.at);
        Ok(())
    }

    #[cfg(unix)]
    fn remove(&self, name: &str) {
        let _ = rustix::fs::unlinkat(&self.at, name, AtFlags::empty());
    }

    #[cfg(not(unix))]
    fn create(&self, name: &str) -> io::Result<File> {
        File::options()
            .write(true)
            .create_new(true)
            .open(self.at.join(name))
    }

    #[cfg(not(unix))]
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.at.join(from), self.at.join(to))
    }

    #[cfg(not(unix))]
    fn remove(&self, name: &str) {
        let _ = std::fs::remove_file(self.at.join(name));
    }
}

/// Makes a directory and its ancestors, for this user alone where the system knows modes.
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A name nobody can have prepared: 128 random bits.
pub(super) fn temporary_name() -> io::Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(format!(".new-{:032x}", u128::from_le_bytes(random)))
}
