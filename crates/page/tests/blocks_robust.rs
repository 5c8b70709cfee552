//! Any page has a choice of blocks, in a time that grows with its length only.

use proptest::prelude::*;
use riptide_page::blocks::{self, training};
use riptide_page::html;

/// Steps are not counted but blocks, containers and features are: each is made once for what it is made of. So time is
/// compared, of pages sixteen times as large, with a generous factor.
#[test]
fn time_grows_with_the_length_only() {
    let nested = |count: usize| "<div><p>word</p>".repeat(count);
    let inline = |count: usize| format!("<p>{}", "<b>word ".repeat(count));
    let lists = |count: usize| "<ul><li class=a1>one two three<ul>".repeat(count);
    let noscripts = |count: usize| "<noscript><p>word</p></noscript>".repeat(count);
    let open = |count: usize| "<noscript>a<div>".repeat(count);
    let styles = |count: usize| format!("<p style='{}'>word", "a:b;".repeat(count));
    let classes = |count: usize| format!("<p class='{}'>word", "post body ".repeat(count));
    let equal = |count: usize| "<p>one two three four five six seven eight nine".repeat(count);
    let links = |count: usize| format!("<p>{}", "<a href=x>word</a> 5.5.5 ".repeat(count));
    let pages: [(&str, &dyn Fn(usize) -> String); 9] = [
        ("nested", &nested),
        ("inline", &inline),
        ("lists", &lists),
        ("noscripts", &noscripts),
        ("open", &open),
        ("styles", &styles),
        ("classes", &classes),
        ("equal", &equal),
        ("links", &links),
    ];
    for (name, page) in pages {
        let time = |html: &str, times: usize| {
            let document = html::parse(html).expect("parsed");
            let once = || {
                let start = now();
                for _ in 0..times {
                    let _ = blocks::content(&document);
                }
                now() - start
            };
            (0..3).map(|_| once()).min().expect("a time")
        };
        let (small, large) = (time(&page(2_000), 16), time(&page(32_000), 1));
        assert!(
            large < small * 4 + std::time::Duration::from_millis(30),
            "{name}: {small:?}, {large:?}"
        );
    }
}

/// The time that this thread has run: other work on the machine does not count.
fn now() -> std::time::Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let ran = std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse().ok());
    ran.map_or_else(
        || START.get_or_init(std::time::Instant::now).elapsed(),
        std::time::Duration::from_nanos,
    )
}

const PIECES: &[&str] = &[
    "<p>",
    "<div>",
    "</div>",
    "</p>",
    "<noscript>",
    "</noscript>",
    "<pre>",
    "</pre>",
    "<a href=x>",
    "</a>",
    "<nav>",
    "<main>",
    "</main>",
    "<h1>",
    "<h2>",
    "<li>",
    "<ul>",
    "<table>",
    "<td>",
    "<br>",
    "<svg>",
    "</svg>",
    "<script>",
    "</script>",
    "<template>",
    "<template shadowrootmode=open>",
    "</template>",
    "<b>",
    "</b>",
    "<frameset>",
    "<title>",
    "<time>",
    "<div class='postBody HTMLx 1' id=a>",
    "<div style='display : none'>",
    "<div hidden role=Main itemprop=text>",
    "word ",
    "Größe. ",
    "今天天气",
    "สวัสดี",
    " ",
    "5.3.2023 ",
    "$ 5",
    "5 €",
    "12 kr",
    "©",
    "one two three four five six",
    "\u{301}",
    "“x”.",
    "&nbsp;",
    "!",
    "\0",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_soup_has_a_choice(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60)) {
        let html = pieces.concat();
        let document = html::parse(&html).expect("parsed");
        let (blocks, choice) = blocks::content(&document);
        prop_assert_eq!(blocks.len(), choice.chosen.len());
        prop_assert!((0.0..=1.0).contains(&choice.confidence));
        prop_assert!(choice.probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
        let mut last = 0;
        for block in blocks.iter() {
            prop_assert!(block.words > 0);
            for text in blocks.texts(block) {
                prop_assert!(text.0 > last && document.text(*text).is_some());
                last = text.0;
            }
        }
        let table = training::table(&document, &training::WordTable::default());
        prop_assert!(table.features.iter().all(|value| value.is_finite()));
        prop_assert_eq!(table.features.len(), blocks.len() * training::names().len());
    }

    #[test]
    fn any_text_has_a_choice(html in "\\PC{0,80}") {
        let document = html::parse(&html).expect("parsed");
        let _ = blocks::content(&document);
    }
}
