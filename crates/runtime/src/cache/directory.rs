//! One open directory: what is in it, reading a file of it, replacing one whole, and removing one.

use super::trust::Trust;
use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

#[cfg(unix)]
use super::trust::Place;
#[cfg(unix)]
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawMode};

/// A directory, opened for one load or store. It is not kept: one that is deleted and made anew
/// keeps working.
pub(super) struct Directory {
    #[cfg(unix)]
    at: std::os::fd::OwnedFd,
    #[cfg(not(unix))]
    at: std::path::PathBuf,
}

/// Who may read what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    Owner,
    Everybody,
}

#[cfg(unix)]
impl Readers {
    fn directories(self) -> Mode {
        match self {
            Readers::Owner => Mode::RWXU,
            Readers::Everybody => Mode::from_raw_mode(0o755),
        }
    }

    fn files(self) -> Mode {
        match self {
            Readers::Owner => Mode::RUSR | Mode::WUSR,
            Readers::Everybody => Mode::from_raw_mode(0o644),
        }
    }
}

impl Directory {
    /// Opens the cache's directory, to see what is in it, as its trust demands.
    ///
    /// # Errors
    /// `NotFound`, `PermissionDenied` where it cannot be trusted, or what the system says.
    pub(super) fn open(path: &Path, trust: Trust) -> io::Result<Directory> {
        #[cfg(unix)]
        {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let at = match trust {
                Trust::Owner => super::trust::open_owned(path, Place::Above, None)?,
                Trust::Key => rustix::fs::open(path, flags, Mode::empty())?,
            };
            Ok(Directory { at })
        }
        #[cfg(not(unix))]
        {
            let _ = trust;
            std::fs::metadata(path)?;
            Ok(Directory {
                at: path.to_owned(),
            })
        }
    }

    /// Opens a folder in the cache's directory, which may be reached through links under key trust; the folder itself is
    /// none. With `make`, missing ones are made.
    ///
    /// # Errors
    /// As of [`Directory::open`].
    pub(super) fn open_folder(
        path: &Path,
        name: &str,
        trust: Trust,
        make: Option<Readers>,
    ) -> io::Result<Directory> {
        #[cfg(unix)]
        {
            let mode = make.map(Readers::directories);
            if trust == Trust::Owner {
                let at = super::trust::open_owned(&path.join(name), Place::Artefacts, mode)?;
                return Ok(Directory { at });
            }
            if let Some(mode) = mode {
                make_directory(path, mode.as_raw_mode())?;
            }
            let flags = super::trust::PASSING | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let root = Directory {
                at: rustix::fs::open(path, flags, Mode::empty())?,
            };
            match mode.map(|mode| rustix::fs::mkdirat(&root.at, name, mode)) {
                None | Some(Ok(()) | Err(rustix::io::Errno::EXIST)) => root.below(name, trust),
                // Read only: it may be there all the same.
                Some(Err(error)) => root.below(name, trust).map_err(|_| error.into()),
            }
        }
        #[cfg(not(unix))]
        {
            let at = path.join(name);
            if make.is_some() {
                make_directory(&at, 0o700)?;
            }
            Directory::open(&at, trust)
        }
    }

    /// Opens a directory in this one, never through a link.
    ///
    /// # Errors
    /// As of [`Directory::open`].
    pub(super) fn below(&self, name: &str, trust: Trust) -> io::Result<Directory> {
        #[cfg(unix)]
        {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let at = rustix::fs::openat(&self.at, name, flags, Mode::empty())?;
            if trust == Trust::Owner {
                let stat = rustix::fs::fstat(&at)?;
                super::trust::check_directory(&stat, Path::new(name), Place::Artefacts)?;
            }
            Ok(Directory { at })
        }
        #[cfg(not(unix))]
        {
            Directory::open(&self.at.join(name), trust)
        }
    }

    /// The names in it, in no order.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        #[cfg(unix)]
        for entry in rustix::fs::Dir::read_from(&self.at)? {
            // Names that are not UTF-8 are none of ours.
            if let Ok(name) = entry?.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        #[cfg(not(unix))]
        for entry in std::fs::read_dir(&self.at)? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    /// What stands under a name, itself and not what a link leads to.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn look(&self, name: &str) -> io::Result<Metadata> {
        #[cfg(unix)]
        {
            let stat = rustix::fs::statat(&self.at, name, AtFlags::SYMLINK_NOFOLLOW)?;
            let kind = FileType::from_raw_mode(stat.st_mode as RawMode);
            // Before 1970 is as old as it gets.
            let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
            let since = Duration::new(seconds, stat.st_mtime_nsec as u32);
            Ok(Metadata {
                bytes: stat.st_size as u64,
                modified: SystemTime::UNIX_EPOCH + since,
                directory: kind == FileType::Directory,
            })
        }
        #[cfg(not(unix))]
        {
            let metadata = std::fs::symlink_metadata(self.at.join(name))?;
            Ok(Metadata {
                bytes: metadata.len(),
                modified: metadata.modified()?,
                directory: metadata.is_dir(),
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
    pub(super) fn replace(&self, name: &str, parts: &[&[u8]], readers: Readers) -> io::Result<()> {
        let temporary = temporary_name()?;
        let written = self
            .create(&temporary, readers)
            .and_then(|mut file| {
                parts.iter().try_for_each(|part| file.write_all(part))?;
                file.sync_all()
            })
            .and_then(|()| match self.rename(&temporary, name) {
                // An empty directory of that name is nobody's.
                Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                    self.remove_directory(name)?;
                    self.rename(&temporary, name)
                }
                outcome => outcome,
            });
        if written.is_err() {
            // The failure told is the one before.
            let _ = self.remove(&temporary);
        }
        written
    }

    #[cfg(unix)]
    fn create(&self, name: &str, readers: Readers) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(
            &self.at,
            name,
            flags,
            readers.files(),
        )?))
    }

    #[cfg(unix)]
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        rustix::fs::renameat(&self.at, from, &self.at, to)?;
        // The file is complete either way; some file systems cannot sync a directory.
        let _ = rustix::fs::fsync(&self.at);
        Ok(())
    }

    /// Removes a file. Who has mapped it keeps it.
    ///
    /// # Errors
    /// What the system says.
    #[cfg(unix)]
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.at, name, AtFlags::empty())?)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// What the system says.
    #[cfg(unix)]
    pub(super) fn remove_directory(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.at, name, AtFlags::REMOVEDIR)?)
    }

    #[cfg(not(unix))]
    fn create(&self, name: &str, _: Readers) -> io::Result<File> {
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
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.at.join(name))
    }

    #[cfg(not(unix))]
    pub(super) fn remove_directory(&self, name: &str) -> io::Result<()> {
        std::fs::remove_dir(self.at.join(name))
    }
}

/// Makes a directory and its ancestors, of this mode where the system knows modes.
pub(super) fn make_directory(path: &Path, mode: u32) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
    #[cfg(not(unix))]
    let _ = mode;
    builder.create(path)
}

/// What a directory tells of a name.
pub(super) struct Metadata {
    pub(super) bytes: u64,
    pub(super) modified: SystemTime,
    pub(super) directory: bool,
}

/// How names of files begin that are not complete yet.
pub(super) const TEMPORARY: &str = ".new-";

/// A name nobody can have prepared: 128 random bits.
pub(super) fn temporary_name() -> io::Result<String> {
    Ok(format!(
        "{TEMPORARY}{:032x}",
        crate::random::random_number()?
    ))
}
