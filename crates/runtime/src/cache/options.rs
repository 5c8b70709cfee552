//! Where the disk tier is, and what it may hold.

use super::inventory::CacheLimits;
use super::trust::Trust;
use std::path::PathBuf;

/// Where the disk tier is, and why its files are trusted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheOptions {
    /// The directory. It is made on first use, mode 0700. Artefacts lie in
    /// `<directory>/<compat>/<module_hash>_<file_size>`.
    pub directory: PathBuf,
    /// Key trust: a regular file of 32 bytes to 64 KiB, all of which make the key. Without one, a secret of this user
    /// is made on first use in `$XDG_CONFIG_HOME` (else `~/.config`) `/riptide-wasm/cache.key`. The file is read again
    /// when it has changed. Not used under owner trust.
    pub key_file: Option<PathBuf>,
    /// Why files are trusted.
    pub trust: Trust,
    /// Whether other users may read the files that the cache writes.
    pub readable: bool,
    /// What the directory may hold.
    pub limits: CacheLimits,
}
