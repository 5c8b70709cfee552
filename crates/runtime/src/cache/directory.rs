//! An open directory: listing it, and reading, atomically replacing and removing its files.

use super::trust::Trust;
use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

#[cfg(unix)]
use super::trust::Place;
#[cfg(unix)]
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawMode};

/// A directory, opened for one load or store and closed after it, so that the cache goes on working if the directory is
/// deleted and made anew.
pub(super) struct Directory {
    #[cfg(unix)]
    at: std::os::fd::OwnedFd,
    #[cfg(not(unix))]
    at: std::path::PathBuf,
}

/// Which users may read the files and directories that the cache writes.
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
    /// Opens the cache's directory for listing, with the checks that `trust` demands.
    ///
    /// # Errors
    /// `NotFound`; `PermissionDenied` if the directory cannot be trusted; or the system's error.
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

    /// Opens a folder in the cache's directory. Under key trust the path to the directory may contain links, but the
    /// folder itself must not be one. With `make`, missing directories are made.
    ///
    /// # Errors
    /// Those of [`Directory::open`].
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
                // On a read-only file system `mkdir` fails even if the folder exists: try to open it.
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
    /// Those of [`Directory::open`].
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

    /// The names in the directory, in no particular order.
    ///
    /// # Errors
    /// The system's error.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        #[cfg(unix)]
        for entry in rustix::fs::Dir::read_from(&self.at)? {
            // The cache writes no names that are not UTF-8.
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

    /// The metadata of a name. For a link, its own and not its target's.
    ///
    /// # Errors
    /// The system's error.
    pub(super) fn look(&self, name: &str) -> io::Result<Metadata> {
        #[cfg(unix)]
        {
            let stat = rustix::fs::statat(&self.at, name, AtFlags::SYMLINK_NOFOLLOW)?;
            let kind = FileType::from_raw_mode(stat.st_mode as RawMode);
            // A time before 1970 counts as 1970.
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

    /// Opens a file for reading, never through a link. Does not block if it is a pipe.
    ///
    /// # Errors
    /// The system's error; a link is an error.
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

    /// Opens a lock's file, and makes it if it is missing.
    ///
    /// # Errors
    /// The system's error; a link is an error.
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

    /// Atomically replaces the file `name` by one with these parts, which is written beside it under an unpredictable
    /// name, synced, and renamed. Readers see the old file or the new one; a process that has mapped the old one keeps
    /// it.
    ///
    /// # Errors
    /// The system's error; then no file is left behind.
    pub(super) fn replace(&self, name: &str, parts: &[&[u8]], readers: Readers) -> io::Result<()> {
        let temporary = temporary_name()?;
        let written = self
            .create(&temporary, readers)
            .and_then(|mut file| {
                parts.iter().try_for_each(|part| file.write_all(part))?;
                file.sync_all()
            })
            .and_then(|()| match self.rename(&temporary, name) {
                // A directory has that name: replace it if it is empty.
                Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                    self.remove_directory(name)?;
                    self.rename(&temporary, name)
                }
                outcome => outcome,
            });
        if written.is_err() {
            // `written` already holds the error to return.
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

    /// Removes a file. A process that has mapped it keeps it.
    ///
    /// # Errors
    /// The system's error.
    #[cfg(unix)]
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.at, name, AtFlags::empty())?)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// The system's error.
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

/// Makes a directory and its missing ancestors, with this mode on Unix.
pub(super) fn make_directory(path: &Path, mode: u32) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
    #[cfg(not(unix))]
    let _ = mode;
    builder.create(path)
}

/// The metadata of a name in a directory.
pub(super) struct Metadata {
    pub(super) bytes: u64,
    pub(super) modified: SystemTime,
    pub(super) directory: bool,
}

/// Prefix of the names of files that are still being written.
pub(super) const TEMPORARY: &str = ".new-";

/// A name that no other user can guess and make beforehand: 128 random bits.
pub(super) fn temporary_name() -> io::Result<String> {
    Ok(format!(
        "{TEMPORARY}{:032x}",
        crate::random::random_number()?
    ))
}
