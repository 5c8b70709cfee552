//! How good the extracted text is on labelled pages.

#[path = "../examples/blocks/pages.rs"]
#[allow(dead_code)]
mod pages;
#[path = "../examples/blocks/score.rs"]
#[allow(dead_code)]
mod score;

use riptide_page::extract::{Mode, extract};
use std::path::Path;

/// Calls back with the text of each page of a set; whether there are any.
fn each_text(set: &str, mut take: impl FnMut(&pages::Page, &str)) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/pages")
        .join(set);
    if !folder.exists() {
        eprintln!("skipped: ../shared has no {set}");
        return false;
    }
    for page in pages::read(&folder).expect("pages") {
        let html = page.html().expect("a page");
        // A page that is refused has no text.
        let text = extract(&html, &page.url, &Mode::Article)
            .map_or_else(|_| String::new(), |done| done.text);
        take(&page, &text);
    }
    true
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn pages_of_all_kinds_score() {
    let (mut all, mut articles) = (Vec::new(), Vec::new());
    let there = each_text("wcxb", |page, text| {
        let f1 = score::word_f1(text, &page.truth);
        all.push(f1);
        if page.kind == "article" {
            articles.push(f1);
        }
    });
    if there {
        eprintln!("all {:.4}, articles {:.4}", mean(&all), mean(&articles));
        assert!(mean(&all) >= 0.9, "{}", mean(&all));
        assert!(mean(&articles) >= 0.96, "{}", mean(&articles));
    }
}

#[test]
fn articles_score() {
    let (mut precisions, mut recalls) = (Vec::new(), Vec::new());
    let there = each_text("articles", |page, text| {
        let (precision, recall) = score::run_scores(text, &page.truth);
        precisions.extend(precision);
        recalls.extend(recall);
    });
    if there {
        let (precision, recall) = (mean(&precisions), mean(&recalls));
        let f1 = 2.0 * precision * recall / (precision + recall);
        eprintln!("precision {precision:.4}, recall {recall:.4}, F1 {f1:.4}");
        assert!(f1 >= 0.96, "{f1}");
    }
}
