//! Turns the guest's core module into a component: `componentize simd|scalar <core.wasm> <component.wasm>`.
//!
//! An example rather than a crate, since only `npm run build:guest` runs it. No adapter is needed, because
//! the guest imports nothing, which is checked here along with the SIMD instructions it may hold.

use std::error::Error;
use std::{env, fs};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};
use wit_component::ComponentEncoder;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [variant, core, component] = arguments.as_slice() else {
        return Err("usage: componentize simd|scalar <core.wasm> <component.wasm>".into());
    };
    let module = fs::read(core)?;

    for payload in Parser::new(0).parse_all(&module) {
        if let Payload::ImportSection(imports) = payload?
            && imports.count() > 0
        {
            return Err("the guest must import nothing".into());
        }
    }

    let scalar = WasmFeatures::default() - WasmFeatures::SIMD - WasmFeatures::RELAXED_SIMD;
    let without_simd = Validator::new_with_features(scalar).validate_all(&module);
    match (variant.as_str(), without_simd) {
        ("scalar", Err(error)) => {
            return Err(format!("the scalar build needs more: {error}").into());
        }
        ("simd", Ok(_)) => return Err("the SIMD build holds no SIMD instruction".into()),
        ("simd" | "scalar", _) => {}
        _ => return Err(format!("`{variant}` is neither `simd` nor `scalar`").into()),
    }

    let made = ComponentEncoder::default().module(&module)?.encode()?;
    let stripped = without_names(&made)?;
    Validator::new().validate_all(stripped)?;
    fs::write(component, stripped)?;
    Ok(())
}

/// The names of a component's parts come last, and are for who prints it as text: a kilobyte.
fn without_names(component: &[u8]) -> Result<&[u8], Box<dyn Error>> {
    let mut end = 0;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        if let Payload::CustomSection(custom) = &payload
            && custom.name() == "component-name"
        {
            return Ok(&component[..end]);
        }
        if let Some((_, range)) = payload.as_section() {
            end = usize::try_from(range.end)?;
        }
    }
    Err("the component names no parts: nothing was to be taken off".into())
}
