//! What a cached artefact is of: the guest's bytes, and the engine's settings.

use super::Trust;
use crate::compile::Kind;
use std::fmt;
use std::hash::{Hash, Hasher};
use wasmtime::Engine;

/// Raised when the files change shape, so that older ones are not even looked at.
const LAYOUT: u32 = 1;

/// Identity of a guest: BLAKE3 of its bytes, their number, and what they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ModuleKey {
    pub(super) hash: [u8; 32],
    pub(super) size: u64,
    pub(super) kind: Kind,
}

impl ModuleKey {
    pub(super) fn of(kind: Kind, bytes: &[u8]) -> ModuleKey {
        ModuleKey {
            hash: *blake3::hash(bytes).as_bytes(),
            size: bytes.len() as u64,
            kind,
        }
    }
}

/// The specification's `{module_hash}_{file_size}`: 64 hexadecimal digits, and bytes in decimal.
impl fmt::Display for ModuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}_{}",
            blake3::Hash::from_bytes(self.hash).to_hex(),
            self.size
        )
    }
}

/// Identity of everything else that native code depends on: Wasmtime's exact version and settings,
/// the processor's features, the engine's own settings, the kind of trust and the shape of the
/// files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Compat(pub(super) [u8; 32]);

impl Compat {
    pub(super) fn of(engine: &Engine, settings: &str, trust: Trust) -> Compat {
        let mut hasher = blake3::Hasher::new_derive_key("riptide-wasm 2026-11 cache compatibility");
        hasher.update(&LAYOUT.to_le_bytes());
        // The two trusts keep different files, so they share no directory.
        hasher.update(&[match trust {
            Trust::Key => 0,
            Trust::Owner => 1,
        }]);
        hasher.update(&(settings.len() as u64).to_le_bytes());
        hasher.update(settings.as_bytes());
        let mut wasmtime = Bytes(hasher);
        engine.precompile_compatibility_hash().hash(&mut wasmtime);
        Compat(*wasmtime.0.finalize().as_bytes())
    }

    /// The directory's name: 64 hexadecimal digits.
    pub(super) fn directory(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }
}

/// Everything that identifies an artefact, as 73 bytes that no other identity has.
pub(super) fn identity(key: &ModuleKey, compat: &Compat) -> [u8; IDENTITY] {
    let mut bytes = [0; IDENTITY];
    bytes[..32].copy_from_slice(&key.hash);
    bytes[32..40].copy_from_slice(&key.size.to_le_bytes());
    bytes[40..72].copy_from_slice(&compat.0);
    bytes[72] = match key.kind {
        Kind::Module => 0,
        Kind::Component => 1,
    };
    bytes
}

/// Bytes in an [`identity`].
pub(super) const IDENTITY: usize = 32 + 8 + 32 + 1;

/// Takes what Wasmtime hashes as bytes: `std`'s hashers differ between releases, and have 64 bits.
struct Bytes(blake3::Hasher);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        // Nobody asks: the digest is taken whole.
        0
    }
}
