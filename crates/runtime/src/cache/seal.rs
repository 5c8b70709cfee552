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

/// The artefact in a file's bytes, where this user's key vouches for all of it.
pub(super) fn verify<'a>(
    secret: &Secret,
    key: &ModuleKey,
    compat: &Compat,
    file: &'a [u8],
) -> Result<&'a [u8], &'static str> {
    let (header, rest) = file.split_at_checked(HEADER.len()).ok_or("cut short")?;
    if header != HEADER {
        return Err("of another format");
    }
    let (claimed, artefact) = rest.split_first_chunk::<MAC>().ok_or("cut short")?;
    // `Hash` compares in constant time.
    if mac(secret, key, compat, artefact) != blake3::Hash::from_bytes(*claimed) {
        return Err("not made with this key for this module");
    }
    Ok(artefact)
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
    let mut hasher = secret.hasher();
    // Both have a fixed length, so that no byte can move from one part to the next.
    hasher.update(HEADER);
    hasher.update(&identity(key, compat));
    hasher.update(artefact);
    hasher.finalize()
}
