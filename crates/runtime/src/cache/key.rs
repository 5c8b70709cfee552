//! The identity of a cached artefact: the guest's bytes, and the engine's settings.

use super::trust::Trust;
use crate::compile::{Cpu, Kind, Settings};
use std::fmt;
use std::hash::{Hash, Hasher};
use wasmtime::Engine;

/// Raised when the format of the files changes, so that older files are not even opened.
const LAYOUT: u32 = 2;

/// The version of Wasmtime, which Wasmtime's own check of an artefact includes as well.
const WASMTIME: &str = wasmtime_environ::VERSION;

/// Identity of a guest: BLAKE3 of its bytes, their number, and whether they are a module or a component.
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

impl ModuleKey {
    /// Parses the `Display` form of a [`ModuleKey`].
    pub(super) fn of_name(name: &str, kind: Kind) -> Option<ModuleKey> {
        let (hash, size) = name.split_once('_')?;
        let key = ModuleKey {
            hash: *blake3::Hash::from_hex(hash).ok()?.as_bytes(),
            size: size.parse().ok()?,
            kind,
        };
        // One spelling only: no capitals, no sign, no leading zeros.
        (key.to_string() == name).then_some(key)
    }
}

/// Identity of everything else that native code depends on: Wasmtime's exact version and settings, the processor's
/// features, the engine's own settings, the kind of trust and the format of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Compat(pub(super) [u8; 32]);

impl Compat {
    /// The identity of the code that this engine compiles.
    pub(super) fn of(engine: &Engine, settings: &Settings, trust: Trust) -> Compat {
        match settings.cpu {
            Cpu::Native => {
                let mut wasmtime = Bytes(hasher(settings, trust));
                engine.precompile_compatibility_hash().hash(&mut wasmtime);
                Compat(*wasmtime.0.finalize().as_bytes())
            }
            Cpu::Baseline => Compat::baseline(settings, trust),
        }
    }

    /// The identity of baseline code, the same on every processor of the architecture, while Wasmtime's own hash
    /// includes the processor. An engine that compiles for its own processor can run baseline code as well.
    pub(super) fn baseline(settings: &Settings, trust: Trust) -> Compat {
        let mut hasher = hasher(&settings.baseline(), trust);
        hasher.update(target_lexicon::HOST.to_string().as_bytes());
        hasher.update(b" ");
        hasher.update(WASMTIME.as_bytes());
        Compat(*hasher.finalize().as_bytes())
    }

    /// The directory's name: 64 hexadecimal digits.
    pub(super) fn directory(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// Parses a directory's name.
    pub(super) fn of_name(name: &str) -> Option<Compat> {
        let compat = Compat(*blake3::Hash::from_hex(name).ok()?.as_bytes());
        (compat.directory() == name).then_some(compat)
    }
}

fn hasher(settings: &Settings, trust: Trust) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new_derive_key("riptide-wasm 2026-11 cache compatibility");
    hasher.update(&LAYOUT.to_le_bytes());
    // Key trust and owner trust write different files, so they share no directory.
    hasher.update(&[match trust {
        Trust::Key => 0,
        Trust::Owner => 1,
    }]);
    hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
    let settings = settings.to_string();
    hasher.update(&(settings.len() as u64).to_le_bytes());
    hasher.update(settings.as_bytes());
    hasher
}

/// Everything that identifies an artefact, as 73 bytes that no other artefact has.
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

/// Feeds the bytes that Wasmtime hashes to BLAKE3: `std`'s hashers differ between releases, and give only 64 bits.
struct Bytes(blake3::Hasher);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        // Never used: `Compat::of` takes the whole BLAKE3 hash.
        0
    }
}
