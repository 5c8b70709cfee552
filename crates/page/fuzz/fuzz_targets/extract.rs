//! Any bytes are a page: extracted in every mode without a panic, and what comes of them is from the page.
//!
//! `npm run fuzz -- --seconds 600`; `crates/page/tests/extract_robust.rs` is the short form.

#![no_main]

#[path = "../../tests/oracle/mod.rs"]
mod oracle;
#[path = "../../tests/extract_robust/sane.rs"]
mod sane;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let html = String::from_utf8_lossy(bytes);
    sane::check(&html, &oracle::document(&html));
});
