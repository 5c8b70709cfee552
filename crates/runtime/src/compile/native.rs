//! Native code from verified bytes or files: the only `unsafe` on the way from a disk.
//!
//! Wasmtime checks that an artefact fits the engine, not that it is genuine: forged bytes would run as any native code.
//! Each function says what its caller must have verified.

use super::compiled::Compiled;
use super::form::Form;
use super::kind::Kind;
use std::fs::File;
use wasmtime::component::Component;
use wasmtime::{Engine, Module, Result};

/// Whether Wasmtime refused an artefact only because its allocator has no room for instances of it: they begin with too
/// large a memory or table. Only the error's text tells.
pub(crate) fn lacks_room(error: &wasmtime::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.to_string().contains("pooling allocator"))
}

/// Loads an artefact from private memory.
///
/// # Safety
/// The bytes came from [`Compiled::serialize`], unchanged: a MAC over them was verified in this
/// very memory, or only this user and root could write them.
pub(crate) unsafe fn from_memory(engine: &Engine, kind: Kind, artefact: &[u8]) -> Result<Compiled> {
    let form = match kind {
        // SAFETY: genuine by this function's contract; Wasmtime copies the bytes before it uses
        // them.
        Kind::Module => unsafe { Module::deserialize(engine, artefact) }.map(Form::Module),
        Kind::Component => {
            // SAFETY: as above.
            unsafe { Component::deserialize(engine, artefact) }.map(Form::Component)
        }
    };
    form.map(Compiled::new)
}

/// Maps an artefact from an open file.
///
/// # Safety
/// The file begins with an artefact from [`Compiled::serialize`], only this user and root can write it (checked on this
/// very descriptor), and no process changes it in place while the code lives: this cache replaces files by renaming.
#[cfg(unix)]
pub(crate) unsafe fn from_file(engine: &Engine, kind: Kind, file: &File) -> Result<Compiled> {
    match kind {
        Kind::Module => {
            // SAFETY: genuine and unchanging by this function's contract.
            unsafe { Module::deserialize_open_file(engine, file.try_clone()?) }
                .map(|module| Compiled::new(Form::Module(module)))
        }
        Kind::Component => {
            // Wasmtime 48 maps components by path alone. The kernel resolves this one to the open
            // file itself, whatever its name means by now.
            #[cfg(target_os = "linux")]
            {
                use std::os::fd::AsRawFd;
                let path = format!("/proc/self/fd/{}", file.as_raw_fd());
                // SAFETY: as above; `file` stays open until the mapping exists.
                if let Ok(component) = unsafe { Component::deserialize_file(engine, path) } {
                    return Ok(Compiled::new(Form::Component(component)));
                }
            }
            // Without /proc, loads a copy. A file that was just written is at its end, so it is rewound.
            let mut bytes = Vec::new();
            std::io::Seek::rewind(&mut &*file)?;
            std::io::Read::read_to_end(&mut &*file, &mut bytes)?;
            // SAFETY: the bytes of that same file, genuine by this function's contract.
            unsafe { from_memory(engine, kind, &bytes) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

    #[test]
    fn wasmtime_still_words_its_allocators_refusals_as_this_file_expects() {
        let engine = |memory_bytes, fuel| {
            let mut pooling = PoolingAllocationConfig::new();
            pooling
                .total_memories(4)
                .total_tables(4)
                .max_memory_size(memory_bytes)
                .table_elements(10);
            let mut config = Config::new();
            config
                .consume_fuel(fuel)
                .allocation_strategy(InstanceAllocationStrategy::Pooling(pooling));
            Engine::new(&config).expect("an engine")
        };
        let plain = Engine::new(&Config::new()).expect("an engine");
        let small = engine(65_536, false);
        for module in ["(memory 2)", "(table 11 funcref)"] {
            let nested = format!("(core module $m {module}) (core instance (instantiate $m))");
            for (kind, text) in [
                (Kind::Module, format!("(module {module})")),
                (Kind::Component, format!("(component {nested})")),
            ] {
                let bytes = wat::parse_str(text).expect("valid text");
                let compiled = super::super::compiled::compile(&plain, &bytes).expect("valid code");
                let artefact = compiled.serialize().expect("an artefact");
                // SAFETY: made just now.
                let load = |engine| unsafe { from_memory(engine, kind, &artefact) };
                assert!(lacks_room(&load(&small).expect_err("no room")));
                assert!(!lacks_room(
                    &load(&engine(65_536, true)).expect_err("no fuel")
                ));
            }
        }
    }
}
