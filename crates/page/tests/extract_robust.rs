//! Any page is extracted, in every mode, and what comes of it is from the page: pages made at random for a while.
//!
//! `RIPTIDE_FUZZ_SECONDS` says for how long, five seconds without it; `npm run fuzz` goes on where this ends.

#[path = "extract_robust/generate.rs"]
mod generate;
#[path = "oracle/mod.rs"]
mod oracle;
#[path = "extract_robust/sane.rs"]
mod sane;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{TestError, TestRunner};
use riptide_page::extract::{ExtractError, Extraction, extract};
use std::time::{Duration, Instant};

/// The longest that this takes, whatever the environment says: longer runs are the fuzzer's.
const MOST_SECONDS: u64 = 30;

fn time() -> Duration {
    let wanted = std::env::var("RIPTIDE_FUZZ_SECONDS").ok();
    let seconds = wanted.map_or(5, |text| {
        text.parse().expect("RIPTIDE_FUZZ_SECONDS: seconds")
    });
    Duration::from_secs(seconds.min(MOST_SECONDS))
}

/// Checks pages of a kind until the time is over. A page that fails is made as short as it can be.
fn check_for(time: Duration, pages: impl Strategy<Value = String>) -> usize {
    let config = ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..Default::default()
    };
    let start = Instant::now();
    let mut checked = 0;
    while start.elapsed() < time {
        let outcome = TestRunner::new(config.clone()).run(&pages, |html| {
            sane::check(&html, &oracle::document(&html));
            Ok(())
        });
        match outcome {
            Ok(()) => checked += 64,
            Err(TestError::Fail(why, html)) => panic!("{why}\npage: {html:?}"),
            Err(TestError::Abort(why)) => panic!("{why}"),
        }
    }
    checked
}

#[test]
fn pages_of_all_kinds_are_extracted_sanely() {
    let checked = check_for(time() / 3, generate::page());
    eprintln!("{checked} pages");
    assert!(checked > 0);
}

#[test]
fn soup_is_extracted_sanely() {
    let checked = check_for(time() / 3, generate::soup());
    eprintln!("{checked} pages of soup");
    assert!(checked > 0);
}

/// A block in an inline element that is left out parts what stands around it.
#[test]
fn words_around_what_is_left_out_stay_apart() {
    let html =
        "<div><section>a<table><em><b><section>---</section></em>https://paper.example/?a_b=c";
    sane::check(html, &oracle::document(html));
}

#[test]
fn plain_pages_keep_their_words() {
    let checked = check_for(time() / 3, generate::plain());
    eprintln!("{checked} plain pages");
    assert!(checked > 0);
}

fn in_all_modes(html: &str) -> Vec<Result<Extraction, ExtractError>> {
    let modes = sane::modes();
    modes
        .iter()
        .map(|mode| extract(html, sane::URL, mode))
        .collect()
}

#[test]
fn an_extraction_depends_on_nothing_but_the_page() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..50 {
        let page = generate::page()
            .new_tree(&mut runner)
            .expect("a page")
            .current();
        let other = generate::soup()
            .new_tree(&mut runner)
            .expect("a page")
            .current();
        let first = in_all_modes(&page);
        in_all_modes(&other);
        assert_eq!(in_all_modes(&page), first);
    }
}

#[test]
fn the_oracle_sees_what_is_wrong() {
    let html = "<p>The harbour froze over.</p>";
    let caught = |change: fn(&mut Extraction)| {
        let mut done = extract(html, sane::URL, &sane::modes()[1]).expect("extracted");
        change(&mut done);
        std::panic::catch_unwind(|| {
            sane::Source::new(html, &oracle::document(html)).check(&done, &sane::modes()[1]);
        })
        .is_err()
    };
    assert!(!caught(|_| {}));
    assert!(caught(|done| done.text.push('x')));
    assert!(caught(|done| done.text = "harbourThe".into()));
    assert!(caught(|done| done.text = "The ".into()));
    assert!(caught(|done| done.markdown = "x".repeat(100_000)));
    assert!(caught(|done| done.published_iso = Some("2026-13-01".into())));
    assert!(caught(
        |done| done.published_iso = Some("2026-12-01T07:30+1:00".into())
    ));
    assert!(caught(|done| done.title = Some(" ".into())));
    assert!(caught(|done| done.canonical = Some("javascript:x".into())));
}
