//! What there is to do when nobody waits: counting what the directory holds, and removing what the limits do not allow.

use super::disk::DiskTier;
use super::inventory::{CacheEntry, CacheLimits, Inventory, Removed};
use super::key::Compat;
use super::module_cache::ModuleCache;
use super::rejection::Rejection;
use super::warnings::Cause;
use crate::error::{Error, ErrorCode, Result};
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};
use wasmtime::Engine;

/// Everything is older than that, and more.
const NO_ROOM: CacheLimits = CacheLimits {
    max_bytes: 0,
    max_entries: 0,
    max_age: Duration::ZERO,
};

impl ModuleCache {
    /// Whether the caller is the one to [`ModuleCache::count`]: once.
    pub(crate) fn begins_counting(&self) -> bool {
        self.enabled() && self.tiers.on_disk.uncounted.swap(false, Relaxed)
    }

    /// Counts what is on the disk, for the numbers. Blocks.
    pub(crate) fn count(&self) {
        // Without a key there is nothing to count, as the load said.
        if let Ok(Some(disk)) = &self.tiers.disk_tier() {
            self.kept(self.inventory(disk).map(|_| ()));
        }
    }

    /// Removes what a new artefact pushed out.
    pub(super) fn keep_limits(&self, disk: &DiskTier<'_>) {
        if let Some(options) = &self.tiers.options {
            self.kept(self.remove(disk, &options.limits).map(|_| ()));
        }
    }

    fn kept(&self, outcome: io::Result<()>) {
        if let Err(error) = outcome
            && !self.tiers.warnings.told(Cause::Directory)
        {
            self.tiers.warnings.add(Cause::Upkeep, || {
                format!("the compile cache's directory is not kept within its limits: {error}")
            });
        }
    }

    /// What is on the disk, of all engines. Blocks.
    ///
    /// # Errors
    /// [`ErrorCode::Read`] with `path`; [`ErrorCode::BadOption`] for an unusable key file.
    pub fn entries(&self, engine: &Engine) -> Result<Vec<CacheEntry>> {
        let Some(disk) = &self.disk(engine)? else {
            return Ok(Vec::new());
        };
        let inventory = self.inventory(disk).map_err(|error| self.failed(&error))?;
        Ok(inventory.map_or_else(Vec::new, |inventory| inventory.entries))
    }

    /// Reads every artefact, and says of each why it would not be used. Blocks.
    ///
    /// # Errors
    /// As of [`ModuleCache::entries`].
    pub fn verify(&self, engine: &Engine) -> Result<Vec<(CacheEntry, Option<Rejection>)>> {
        let Some(disk) = &self.disk(engine)? else {
            return Ok(Vec::new());
        };
        let verify = |entry: CacheEntry| {
            let compat = Compat::of_name(&entry.compat)?;
            let outcome = disk.check(&compat, &entry.name)?;
            Some((entry, outcome.err()))
        };
        Ok(self
            .entries(engine)?
            .into_iter()
            .filter_map(verify)
            .collect())
    }

    /// Removes what the limits do not allow, least recently used first. Who runs an artefact keeps it. Blocks.
    ///
    /// # Errors
    /// As of [`ModuleCache::entries`].
    pub fn prune(&self, engine: &Engine, limits: &CacheLimits) -> Result<Removed> {
        match &self.disk(engine)? {
            Some(disk) => self
                .remove(disk, limits)
                .map_err(|error| self.failed(&error)),
            None => Ok(Removed::default()),
        }
    }

    /// Removes all artefacts. Blocks.
    ///
    /// # Errors
    /// As of [`ModuleCache::entries`].
    pub fn clear(&self, engine: &Engine) -> Result<Removed> {
        self.prune(engine, &NO_ROOM)
    }

    fn disk(&self, engine: &Engine) -> Result<Option<DiskTier<'_>>> {
        if let Some(options) = &self.tiers.options {
            self.tiers.ready(options, engine)?;
        }
        self.tiers.disk_tier()
    }

    fn inventory(&self, disk: &DiskTier<'_>) -> io::Result<Option<Inventory>> {
        let inventory = disk.inventory()?;
        self.note(inventory.as_ref());
        Ok(inventory)
    }

    fn remove(&self, disk: &DiskTier<'_>, limits: &CacheLimits) -> io::Result<Removed> {
        let Some(mut inventory) = disk.inventory()? else {
            return Ok(Removed::default());
        };
        let (removed, failure) = inventory.prune(limits, SystemTime::now());
        self.note(Some(&inventory));
        self.counters.evicted.fetch_add(removed.entries, Relaxed);
        if removed.clock_skews > 0 {
            self.counters
                .clock_skews
                .fetch_add(removed.clock_skews, Relaxed);
            self.tiers.warnings.add(Cause::Clock, || {
                "artefacts in the compile cache are newer than now: a clock ran backwards".into()
            });
        }
        failure.map(|()| removed)
    }

    fn note(&self, inventory: Option<&Inventory>) {
        let (entries, bytes) = inventory.map_or((0, 0), |inventory| {
            (inventory.entries.len() as u64, inventory.bytes())
        });
        self.tiers.on_disk.entries.store(entries, Relaxed);
        self.tiers.on_disk.bytes.store(bytes, Relaxed);
    }

    fn failed(&self, error: &io::Error) -> Error {
        let path = self
            .tiers
            .options
            .as_ref()
            .map(|options| &options.directory);
        let path = path.map_or_else(String::new, |path| path.display().to_string());
        Error::new(
            ErrorCode::Read,
            format!("the cache's directory {path} cannot be used: {error}"),
        )
        .text("path", path)
    }
}
