//! Options of every instance, in a pool or not.

use super::wasi::WasiOptions;
use crate::abi::Limits;
use crate::engine::{EngineOptions, in_range};
use crate::error::{Error, ErrorCode, Result};
use crate::units::PAGE_BYTES;

/// Options of every instance, in a pool or not.
#[derive(Clone, Debug)]
pub struct GuestOptions {
    /// Memory at most, in pages of 64 KiB.
    pub max_memory_pages: u32,
    /// Elements of all its tables at most.
    pub max_table_elements: u32,
    /// Fuel of each call, and of the making of an instance; `None`: no limit.
    pub fuel: Option<u64>,
    /// Limits of a result's size.
    pub limits: Limits,
    /// What WASI gives the guest; `None`: no WASI.
    pub wasi: Option<WasiOptions>,
}

impl GuestOptions {
    /// Refuses options beyond those that the engine was made for.
    pub(crate) fn check(&self, engine: &EngineOptions) -> Result<()> {
        let most = engine.max_memory_pages;
        in_range("maxMemoryPages", self.max_memory_pages, 1, most)?;
        let most = engine.max_table_elements;
        in_range("maxTableElements", self.max_table_elements, 1, most)?;
        match self.fuel {
            Some(fuel) if !engine.fuel => Err(Error::new(
                ErrorCode::BadOption,
                "fuel is limited only on an engine with `fuel: true`",
            )
            .text("option", "fuel")
            .number("value", fuel as f64)
            .text("allowed", "nothing, on an engine without fuel")),
            _ => Ok(()),
        }
    }

    pub(crate) fn max_bytes(&self) -> u64 {
        u64::from(self.max_memory_pages) * PAGE_BYTES
    }
}
