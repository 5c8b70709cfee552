//! Build script of the addon: the set-up of N-API, and the facts the binary reports of itself.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    napi_build::setup();
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../..");
    let lock = read(&root.join("Cargo.lock"));
    let manifest = root.join("crates/extractor/dist/manifest.json");
    // A file that does not exist yet would rerun this script in every build; its folder does not.
    let watched = if manifest.exists() {
        manifest.as_path()
    } else {
        &root.join("crates/extractor")
    };
    println!("cargo:rerun-if-changed={}", watched.display());
    println!(
        "cargo:rerun-if-changed={}",
        root.join("Cargo.lock").display()
    );
    println!("cargo:rerun-if-changed={}", root.join("build.rs").display());
    fact(
        "RIPTIDE_WASMTIME_VERSION",
        after(&lock, "name = \"wasmtime\"\nversion = \""),
    );
    fact("RIPTIDE_TARGET", &env::var("TARGET").unwrap_or_default());
    fact(
        "RIPTIDE_GUEST_HASH",
        after(&read(&manifest).replace(": ", ":"), "\"sourceHash\":\""),
    );
}

fn fact(name: &str, value: &str) {
    println!("cargo:rustc-env={name}={value}");
}

fn read(path: &Path) -> String {
    fs::read_to_string(path)
        .unwrap_or_default()
        .replace("\r\n", "\n")
}

/// What follows `start` up to the next quote; empty where `start` is missing.
fn after<'a>(text: &'a str, start: &str) -> &'a str {
    text.split_once(start)
        .and_then(|(_, rest)| rest.split('"').next())
        .unwrap_or("")
}
