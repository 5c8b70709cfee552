//! The guest: a component that turns HTML into article text, Markdown and metadata.
//!
//! `wit/extractor.wit` is its contract; this file binds the contract to the code.

mod address;
mod bindings;
mod content;
mod counters;
mod date;
mod language;
mod links;
mod media;
mod metadata;
mod page;
mod quality;
mod text;

use bindings::{
    ComponentInfo, Extracted, ExtractionError, ExtractionStats, Guest, HealthStatus, Measured, Mode,
};
use content::Extraction;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static HEAP: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

struct Component;

impl Guest for Component {
    fn extract(html: String, url: String, mode: Mode) -> Result<Extracted, ExtractionError> {
        counted(&html, url, &mode).map(|done| done.content)
    }

    fn extract_with_stats(
        html: String,
        url: String,
        mode: Mode,
    ) -> Result<Measured, ExtractionError> {
        let Extraction { content, nodes } = counted(&html, url, &mode)?;
        let stats = ExtractionStats {
            input_bytes: clamp(html.len()),
            output_bytes: clamp(content.markdown.len() + content.text.len()),
            nodes: clamp(nodes),
            memory_pages: memory_pages(),
        };
        Ok(Measured { content, stats })
    }

    fn validate_html(html: String) -> Result<bool, ExtractionError> {
        page::check_input(&html)?;
        Ok(page::has_markup(&html))
    }

    fn health_check() -> HealthStatus {
        let counters = counters::read();
        HealthStatus {
            status: "healthy".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            extractions: counters.extractions,
            failures: counters.failures,
            memory_pages: memory_pages(),
        }
    }

    fn get_info() -> ComponentInfo {
        let simd = cfg!(target_feature = "simd128").then(|| "simd128".to_owned());
        ComponentInfo {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            features: simd.into_iter().collect(),
            modes: Self::get_modes(),
            max_input_bytes: clamp(page::MAX_INPUT_BYTES),
            max_depth: clamp(page::MAX_DEPTH),
            max_nodes: clamp(page::MAX_NODES),
        }
    }

    fn reset_state() -> u32 {
        counters::reset().extractions
    }

    fn get_modes() -> Vec<String> {
        ["article", "full", "metadata", "custom"]
            .map(str::to_owned)
            .into()
    }
}

bindings::export!(Component with_types_in bindings);

/// Extracts a page and counts it.
fn counted(html: &str, url: String, mode: &Mode) -> Result<Extraction, ExtractionError> {
    let done = content::extract(html, url, mode);
    counters::count(done.is_err());
    done
}

/// Linear memory now, in pages of 64 KiB; 0 on a host, which has none.
fn memory_pages() -> u32 {
    #[cfg(target_arch = "wasm32")]
    return clamp(core::arch::wasm32::memory_size(0));
    #[cfg(not(target_arch = "wasm32"))]
    0
}

fn clamp(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
