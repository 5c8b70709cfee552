//! Why native code from a disk may run.

#[cfg(unix)]
use rustix::fs::{FileType, Mode, OFlags, RawMode, Stat};
#[cfg(unix)]
use std::{
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
    path::{Component, Path, PathBuf},
};

/// Why an artefact of the disk tier is trusted to be this package's own work. Default: [`Trust::Key`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Trust {
    /// A keyed MAC over its identity and bytes. Holds in any directory; the file is read and hashed
    /// whole.
    #[default]
    Key,
    /// Only this user and root can have written it: the directory and all its ancestors say so. The
    /// file is mapped, not read. No part of the path may be a link. Unix only.
    Owner,
}

/// Write permission for group or others.
#[cfg(unix)]
const SHARED_WRITE: RawMode = 0o022;
/// In such a directory a user cannot rename or delete the files of another user.
#[cfg(unix)]
const STICKY: RawMode = 0o1000;

/// How an ancestor is opened: if the system can, without needing permission to list it.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) const PASSING: OFlags = OFlags::PATH;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(super) const PASSING: OFlags = OFlags::RDONLY;

/// Where a directory stands in relation to the artefacts.
#[cfg(unix)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It holds the artefacts.
    Artefacts,
    /// It is an ancestor of the directories that hold the artefacts.
    Above,
}

/// Opens a directory component by component from the root. Follows no link, and checks each component on its
/// descriptor, so that the directory that was checked is the one that is opened. With `make`, missing directories are
/// made with that mode.
///
/// # Errors
/// `NotFound` if it does not exist; `PermissionDenied`, with the component's name, if another user could have changed
/// its contents; otherwise the system's error (a link is `NotADirectory` or a loop).
#[cfg(unix)]
pub(super) fn open_owned(path: &Path, place: Place, make: Option<Mode>) -> io::Result<OwnedFd> {
    let path = std::path::absolute(path)?;
    let names: Vec<_> = path
        .components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name),
            Component::ParentDir => Some("..".as_ref()),
            _ => None,
        })
        .collect();
    let base = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut so_far = PathBuf::from("/");
    let mut directory = rustix::fs::open("/", base | PASSING, Mode::empty())?;
    let place_of = |last: bool| if last { place } else { Place::Above };
    check_directory(
        &rustix::fs::fstat(&directory)?,
        &so_far,
        place_of(names.is_empty()),
    )?;
    for (index, name) in names.iter().enumerate() {
        let last = index + 1 == names.len();
        let flags = base | if last { OFlags::RDONLY } else { PASSING };
        so_far.push(name);
        let mut next = rustix::fs::openat(&directory, *name, flags, Mode::empty());
        if let Some(mode) = make
            && next
                .as_ref()
                .is_err_and(|error| *error == rustix::io::Errno::NOENT)
        {
            match rustix::fs::mkdirat(&directory, *name, mode) {
                // Another process made it: it is checked like any other.
                Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(named(error, &so_far)),
            }
            next = rustix::fs::openat(&directory, *name, flags, Mode::empty());
        }
        directory = next.map_err(|error| named(error, &so_far))?;
        check_directory(&rustix::fs::fstat(&directory)?, &so_far, place_of(last))?;
    }
    Ok(directory)
}

/// A directory of another user is refused wherever it stands, so that in a sticky ancestor (`/tmp`) the next component
/// is ours or root's, and no other user can replace it.
#[cfg(unix)]
pub(super) fn check_directory(stat: &Stat, path: &Path, place: Place) -> io::Result<()> {
    if !ours_or_roots(stat) {
        return Err(untrusted(path, "belongs to another user"));
    }
    let mode = stat.st_mode as RawMode;
    if mode & SHARED_WRITE != 0 && (place == Place::Artefacts || mode & STICKY == 0) {
        return Err(untrusted(path, "can be written by others"));
    }
    Ok(())
}

/// Checks an open file: regular, ours or root's, not writable by others, and with one name only, since a second name
/// could be in a directory that was not checked.
///
/// # Errors
/// `PermissionDenied` with the reason.
#[cfg(unix)]
pub(super) fn check_file(file: &File) -> io::Result<()> {
    let stat = rustix::fs::fstat(file.as_fd())?;
    let reason = if FileType::from_raw_mode(stat.st_mode as RawMode) != FileType::RegularFile {
        "is not a regular file"
    } else if !ours_or_roots(&stat) {
        "belongs to another user"
    } else if stat.st_mode as RawMode & SHARED_WRITE != 0 {
        "can be written by others"
    // A file that was removed meanwhile has no name.
    } else if stat.st_nlink > 1 {
        "has several names"
    } else {
        return Ok(());
    };
    Err(untrusted(Path::new("the artefact"), reason))
}

#[cfg(unix)]
fn ours_or_roots(stat: &Stat) -> bool {
    stat.st_uid == 0 || stat.st_uid == rustix::process::geteuid().as_raw()
}

#[cfg(unix)]
fn untrusted(path: &Path, reason: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("{} {reason}", path.display()),
    )
}

#[cfg(unix)]
fn named(error: rustix::io::Errno, path: &Path) -> io::Error {
    let error = io::Error::from(error);
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
