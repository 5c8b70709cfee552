//! The two formats of an artefact's file.
//!
//! Key trust: `HEADER`, 32 bytes of MAC, artefact. Owner trust: artefact, 73 bytes of identity, `HEADER`; the artefact
//! comes first there, because it is mapped as it is, and its ELF headers say where it ends.

use super::key::{Compat, IDENTITY, ModuleKey, identity};
use super::secret::Secret;

/// Magic, version of the format, and two reserved bytes.
const HEADER: &[u8; 12] = b"RIPTIDEC\x01\0\0\0";
const MAC: usize = 32;
/// Bytes before the artefact under key trust.
pub(super) const FRONT: usize = HEADER.len() + MAC;
/// Bytes behind the artefact under owner trust.
pub(super) const TRAILER: usize = IDENTITY + HEADER.len();

/// The bytes before an artefact under key trust.
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

/// Verifies the seal of an artefact that comes part by part.
pub(super) struct Verifier {
    claimed: blake3::Hash,
    hasher: blake3::Hasher,
}

impl Verifier {
    /// Begins with the bytes before the artefact. Returns `None` if they have another format.
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

    /// Adds the next part of the artefact.
    pub(super) fn update(&mut self, part: &[u8]) {
        self.hasher.update(part);
    }

    /// Whether the seal was made with this key, for this guest and these bytes.
    pub(super) fn is_genuine(&self) -> bool {
        // `Hash` compares in constant time.
        self.hasher.finalize() == self.claimed
    }
}

/// The bytes behind an artefact under owner trust. They catch a file that was cut short or has another artefact's name.
/// They do not prove which user wrote the file; the directory's permissions do.
pub(super) fn trailer(key: &ModuleKey, compat: &Compat) -> [u8; TRAILER] {
    let mut trailer = [0; TRAILER];
    trailer[..IDENTITY].copy_from_slice(&identity(key, compat));
    trailer[IDENTITY..].copy_from_slice(HEADER);
    trailer
}

fn mac(secret: &Secret, key: &ModuleKey, compat: &Compat, artefact: &[u8]) -> blake3::Hash {
    of(secret, key, compat).update(artefact).finalize()
}

/// A MAC in progress, before the artefact's bytes.
fn of(secret: &Secret, key: &ModuleKey, compat: &Compat) -> blake3::Hasher {
    let mut hasher = secret.hasher();
    // Both have a fixed length, so that no byte can move from one part to the next.
    hasher.update(HEADER);
    hasher.update(&identity(key, compat));
    hasher
}
