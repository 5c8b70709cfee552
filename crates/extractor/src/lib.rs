//! The guest: a component that turns HTML into article text, Markdown and metadata.
//!
//! `wit/extractor.wit` is its contract; this file binds the contract to `riptide-page`, which does the work.

mod bindings;
mod counters;

use bindings::{
    ComponentInfo, Extracted, ExtractionError, ExtractionStats, Guest, HealthStatus, Link,
    Measured, Media, MediaKind, Mode,
};
use riptide_page::extract::{self, ExtractError, Extraction};
use riptide_page::{html, render};

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static HEAP: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

struct Component;

impl Guest for Component {
    fn extract(html: String, url: String, mode: Mode) -> Result<Extracted, ExtractionError> {
        counted(&html, url, mode).map(|(content, _)| content)
    }

    fn extract_with_stats(
        html: String,
        url: String,
        mode: Mode,
    ) -> Result<Measured, ExtractionError> {
        let (content, nodes) = counted(&html, url, mode)?;
        let stats = ExtractionStats {
            input_bytes: clamp(html.len()),
            output_bytes: clamp(content.markdown.len() + content.text.len()),
            nodes: clamp(nodes),
            memory_pages: memory_pages(),
        };
        Ok(Measured { content, stats })
    }

    fn validate_html(html: String) -> Result<bool, ExtractionError> {
        extract::check_input(&html).map_err(refusal)?;
        Ok(extract::has_markup(&html))
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
            max_input_bytes: clamp(extract::MAX_INPUT_BYTES),
            max_depth: clamp(html::MAX_DEPTH),
            max_nodes: clamp(html::MAX_NODES),
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

/// Extracts a page and counts it. Also returns how many nodes the page has.
fn counted(html: &str, url: String, mode: Mode) -> Result<(Extracted, usize), ExtractionError> {
    let done = extract::extract(html, &url, &mode.into());
    counters::count(done.is_err());
    let done = done.map_err(refusal)?;
    let nodes = done.nodes;
    Ok((extracted(url, done), nodes))
}

impl From<Mode> for extract::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Article => Self::Article,
            Mode::Full => Self::Full,
            Mode::Metadata => Self::Metadata,
            Mode::Custom(selectors) => Self::Custom(selectors),
        }
    }
}

fn extracted(url: String, done: Extraction) -> Extracted {
    Extracted {
        url,
        title: done.title,
        byline: done.byline,
        published_iso: done.published_iso,
        markdown: done.markdown,
        text: done.text,
        links: done.links.into_iter().map(link).collect(),
        media: done.media.into_iter().map(media).collect(),
        language: done.language,
        reading_time: done.reading_time,
        quality_score: done.quality_score,
        word_count: done.word_count,
        categories: done.categories,
        site_name: done.site_name,
        description: done.description,
    }
}

fn link(link: render::Link) -> Link {
    Link {
        url: link.url,
        text: link.text,
        rel: link.rel,
    }
}

fn media(media: render::Media) -> Media {
    Media {
        kind: match media.kind {
            render::MediaKind::Image => MediaKind::Image,
            render::MediaKind::Video => MediaKind::Video,
            render::MediaKind::Audio => MediaKind::Audio,
        },
        url: media.url,
        alt: media.alt,
    }
}

fn refusal(error: ExtractError) -> ExtractionError {
    match error {
        ExtractError::InvalidHtml(why) => ExtractionError::InvalidHtml(why),
        ExtractError::ResourceLimit(why) => ExtractionError::ResourceLimit(why),
        ExtractError::UnsupportedMode(why) => ExtractionError::UnsupportedMode(why),
    }
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
