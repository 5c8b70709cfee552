//! How good the choice is on labelled pages.

#[path = "../examples/blocks/label.rs"]
#[allow(dead_code)]
mod label;
#[path = "../examples/blocks/pages.rs"]
#[allow(dead_code)]
mod pages;
#[path = "../examples/blocks/score.rs"]
mod score;

use riptide_page::{blocks, html};
use std::collections::HashMap;
use std::path::Path;

fn set(name: &str) -> Vec<pages::Page> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/pages")
        .join(name);
    if !folder.exists() {
        eprintln!("skipped: ../shared has no {name}");
        return Vec::new();
    }
    pages::read(&folder).expect("pages")
}

/// Calls back with the text that is chosen of each page.
fn each_text(name: &str, mut take: impl FnMut(&pages::Page, &str)) {
    for page in set(name) {
        let html = page.html().expect("a page");
        let document = html::parse(&html).expect("parsed");
        let (blocks, choice) = blocks::content(&document);
        let chosen = (0..blocks.len()).filter(|block| choice.chosen[*block]);
        let texts = chosen.map(|block| label::text(&document, &blocks, block) + "\n");
        take(&page, &texts.collect::<String>());
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn pages_of_all_kinds_score() {
    let mut kinds: HashMap<String, Vec<f64>> = HashMap::new();
    each_text("wcxb", |page, text| {
        let f1 = score::word_f1(text, &page.truth);
        kinds.entry(page.kind.clone()).or_default().push(f1);
        kinds.entry("all".to_owned()).or_default().push(f1);
    });
    if kinds.is_empty() {
        return;
    }
    // The model has seen these pages: `model/README.md` has the scores of those that it has not.
    for (kind, floor) in [
        ("all", 0.91),
        ("article", 0.965),
        ("collection", 0.825),
        ("documentation", 0.94),
        ("forum", 0.84),
        ("listing", 0.82),
        ("product", 0.765),
        ("service", 0.885),
    ] {
        let f1 = mean(&kinds[kind]);
        eprintln!("{kind}: {f1:.4}");
        assert!(f1 >= floor, "{kind}: {f1} < {floor}");
    }
}

#[test]
fn articles_score() {
    let (mut precisions, mut recalls) = (Vec::new(), Vec::new());
    each_text("articles", |page, text| {
        let (precision, recall) = score::run_scores(text, &page.truth);
        precisions.extend(precision);
        recalls.extend(recall);
    });
    if recalls.is_empty() {
        return;
    }
    let (precision, recall) = (mean(&precisions), mean(&recalls));
    let f1 = 2.0 * precision * recall / (precision + recall);
    eprintln!("precision {precision:.4}, recall {recall:.4}, F1 {f1:.4}");
    assert!(f1 >= 0.975, "{f1}");
}
