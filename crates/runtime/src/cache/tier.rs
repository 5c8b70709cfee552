//! Where code comes from.

use crate::compile::Compiled;

/// Code, and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The code.
    pub compiled: Compiled,
    /// Where it came from.
    pub tier: Tier,
}

impl Loaded {
    pub(super) fn from(tier: Tier, compiled: Compiled) -> Loaded {
        Loaded { compiled, tier }
    }
}

/// Where code came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// This process had it, or another thread was loading it.
    Memory,
    /// An artefact on disk.
    Disk,
    /// An artefact of the shared tier.
    Shared,
    /// The compiler.
    Compiled,
}
