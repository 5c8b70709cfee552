//! Maintenance of the cache's directory: counting and verifying artefacts, and removing those beyond the limits.

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

/// Limits that no artefact is within.
const NO_ROOM: CacheLimits = CacheLimits {
    max_bytes: 0,
    max_entries: 0,
    max_age: Duration::ZERO,
};

impl ModuleCache {
    /// Returns `true` once, for the caller that must then call [`ModuleCache::count`].
    pub(crate) fn begins_counting(&self) -> bool {
        self.enabled() && self.tiers.on_disk.uncounted.swap(false, Relaxed)
    }

    /// Counts the artefacts on the disk, for [`ModuleCache::stats`]. Blocks.
    pub(crate) fn count(&self) {
        // Without a key there is no disk tier to count; the load has warned of it.
        if let Ok(Some(disk)) = &self.tiers.disk_tier() {
            self.kept(self.inventory(disk).map(|_| ()));
        }
    }

    /// Removes the artefacts that are beyond the limits now that one was written.
    pub(super) fn keep_limits(&self, disk: &DiskTier<'_>) {
        if let Some(options) = &self.tiers.options {
            self.kept(self.remove(disk, &options.limits).map(|_| ()));
        }
    }

    fn kept(&self, outcome: io::Result<()>) {
        if let Err(error) = outcome
            && !self.tiers.warnings.contains(Cause::Directory)
        {
            self.tiers.warnings.add(Cause::Upkeep, || {
                format!("the compile cache's directory is not kept within its limits: {error}")
            });
        }
    }

    /// The artefacts on the disk, of all engines. Blocks.
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

    /// Reads every artefact, and returns with each the reason why a load would reject it, if any. Blocks.
    ///
    /// # Errors
    /// Those of [`ModuleCache::entries`].
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

    /// Removes the artefacts beyond the limits, least recently used first. A process that runs one keeps its code.
    /// Blocks.
    ///
    /// # Errors
    /// Those of [`ModuleCache::entries`].
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
    /// Those of [`ModuleCache::entries`].
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
