//! The quality score: how much an extracted text looks like an article.

/// What the score looks at.
pub(crate) struct Evidence {
    /// Bytes of the extracted text.
    pub(crate) text_bytes: usize,
    /// Bytes of the whole page.
    pub(crate) html_bytes: usize,
    /// Words in the extracted text.
    pub(crate) words: u32,
    /// Links on the page.
    pub(crate) links: usize,
    /// Whether the page has a title.
    pub(crate) has_title: bool,
}

/// The score, 0 to 100: up to 40 for length (full at 800 words), 30 for the share of text in the page,
/// 15 for words a link (full at 30), 15 for a title. Without a word it is 0.
pub(crate) fn score(evidence: &Evidence) -> u8 {
    if evidence.words == 0 {
        return 0;
    }
    let words = evidence.words as f32;
    let length = (words / 20.0).min(40.0);
    let share = (evidence.text_bytes as f32 / evidence.html_bytes.max(1) as f32 * 100.0).min(30.0);
    let few_links = (words / evidence.links.max(1) as f32 / 2.0).min(15.0);
    let title = if evidence.has_title { 15.0 } else { 0.0 };
    (length + share + few_links + title) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARTICLE: Evidence = Evidence {
        text_bytes: 6_000,
        html_bytes: 12_000,
        words: 1_000,
        links: 20,
        has_title: true,
    };

    #[test]
    fn a_long_article_scores_full() {
        assert_eq!(score(&ARTICLE), 100);
    }

    #[test]
    fn nothing_scores_nothing() {
        assert_eq!(
            score(&Evidence {
                words: 0,
                ..ARTICLE
            }),
            0
        );
    }

    #[test]
    fn links_and_markup_lower_the_score() {
        let links = score(&Evidence {
            links: 1_000,
            ..ARTICLE
        });
        let markup = score(&Evidence {
            html_bytes: 600_000,
            ..ARTICLE
        });
        assert!(links < 100 && markup < 100, "{links} {markup}");
    }
}
