//! Where code comes from.

use crate::compile::Compiled;
use std::time::Duration;

/// The shared tier's answer, for a load that found the code neither in memory nor on the disk. A shared tier needs key
/// trust with a key file.
pub struct Offer {
    /// The artefact under the guest's name; `None` if the shared tier has none.
    pub sealed: Option<Vec<u8>>,
    /// How long asking the shared tier took.
    pub spent: Duration,
}

/// Code, and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The code.
    pub compiled: Compiled,
    /// Where it came from.
    pub tier: Tier,
    /// The artefact for the shared tier, if this load compiled and there was an offer.
    pub sealed: Option<Vec<u8>>,
}

impl Loaded {
    pub(super) fn from(tier: Tier, compiled: Compiled) -> Loaded {
        Loaded {
            compiled,
            tier,
            sealed: None,
        }
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
