//! Where code comes from.

use crate::compile::Compiled;
use std::time::Duration;

/// What the shared tier has to say in a load that found nothing before. It needs key trust with a key file.
pub struct Offer {
    /// What it keeps under the guest's name; nothing where it has nothing.
    pub sealed: Option<Vec<u8>>,
    /// How long it took to ask it.
    pub spent: Duration,
}

/// Code, and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The code.
    pub compiled: Compiled,
    /// Where it came from.
    pub tier: Tier,
    /// For the shared tier: the artefact, where this load compiled and there was an offer.
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
