//! The two shapes of an artefact's file.
//!
//! Key trust: `HEADER`, 32 bytes of MAC, artefact. Owner trust: artefact, 73 bytes of identity,
//! `HEADER`; the artefact comes first there, because it is mapped as it is, and ELF says itself
//! where it ends.

use super::key::{Compat, IDENTITY, ModuleKey, identity};
use super::secret::Secret;

/// Magic, version of the shape, and two bytes for later.
const HEADER: &[u8; 12] = b"RIPTIDEC\x01\0\0\0";
const MAC: usize = 32;
/// Bytes before the artefact under key trust.
pub(super) const FRONT: usize = HEADER.len() + MAC;
/// Bytes behind the artefact under owner trust.
pub(super) const TRAILER: usize = IDENTITY + HEADER.len();

/// What stands before an artefact under key trust.
pub(super) fn front(
    secret: &Secret,
    key: &ModuleKey,
    compat: &Compat,
    artefact: &[u8],
) -> [u8; FRONT] {
    let mut front = [0; FRONT];
    front[..HEADER.len()].copy_from_slice(HEADER);
    front[HEADER.len()..].copy_from_slice(mac(secret, key, compat, artefact).as_bytes());
    front
}

/// Whether this user's key vouches for an artefact, told piece by piece.
pub(super) struct Verifier {
    claimed: blake3::Hash,
    hasher: blake3::Hasher,
}

impl Verifier {
    /// Begins with what stands before the artefact; nothing where that is of another format.
    pub(super) fn begin(
        secret: &Secret,
        key: &ModuleKey,
        compat: &Compat,
        front: &[u8; FRONT],
    ) -> Option<Verifier> {
        let (header, claimed) = front.split_at(HEADER.len());
        Some(Verifier {
            claimed: blake3::Hash::from_slice(claimed).ok()?,
            hasher: (header == HEADER).then(|| of(secret, key, compat))?,
        })
    }

    /// The artefact goes on.
    pub(super) fn update(&mut self, part: &[u8]) {
        self.hasher.update(part);
    }

    /// Whether all of it was made with this key, for this module.
    pub(super) fn is_genuine(&self) -> bool {
        // `Hash` compares in constant time.
        self.hasher.finalize() == self.claimed
    }
}

/// What stands behind an artefact under owner trust: it catches a file cut short or under another's
/// name. It proves nothing about who wrote it; the directory does.
pub(super) fn trailer(key: &ModuleKey, compat: &Compat) -> [u8; TRAILER] {
    let mut trailer = [0; TRAILER];
    trailer[..IDENTITY].copy_from_slice(&identity(key, compat));
    trailer[IDENTITY..].copy_from_slice(HEADER);
    trailer
}

fn mac(secret: &Secret, key: &ModuleKey, compat: &Compat, artefact: &[u8]) -> blake3::Hash {
    of(secret, key, compat).update(artefact).finalize()
}

/// A MAC before its artefact.
fn of(secret: &Secret, key: &ModuleKey, compat: &Compat) -> blake3::Hasher {
    let mut hasher = secret.hasher();
    // Both have a fixed length, so that no byte can move from one part to the next.
    hasher.update(HEADER);
    hasher.update(&identity(key, compat));
    hasher
}
