//! Pages that are written to be slow take no longer for each byte than others.

use proptest::prelude::*;
use riptide_encoding::{charset_of, to_utf8};
use std::time::{Duration, Instant};

/// The shortest of several runs, as other work on the machine only adds to it.
fn shortest(work: impl Fn()) -> Duration {
    let run = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..5).map(run).min().expect("five runs")
}

/// Sixteen times the page takes about sixteen times as long: of the square it would be 256.
fn grows_linearly(name: &str, work: impl Fn(usize)) {
    let (small, large) = (shortest(|| work(1 << 17)), shortest(|| work(1 << 21)));
    let floor = Duration::from_micros(20);
    assert!(
        large < small.max(floor) * 64,
        "{name}: {small:?}, then {large:?}"
    );
}

#[test]
fn any_page_takes_linear_time() {
    for (start, unit) in [
        ("", "<a b=\"c\" d=e f>x</a>"),
        ("", "<!--->"),
        ("", "<!--"),
        ("", "<"),
        ("", "</"),
        ("", "<meta charset=klingon>"),
        ("", "<meta charset=\""),
        ("<script>", "<!--<script></script>-->"),
        ("<script><!--<script>", "<"),
        ("<script><!--", "</scrip"),
        ("<title>", "</titl"),
        ("<p ", " a=b"),
        ("<p ", "="),
        ("<meta http-equiv=content-type content=\"", "charset"),
        ("<meta http-equiv=content-type content=\"", "charset \t"),
        ("<!--", "--!->"),
        ("<?xml ", "encoding='"),
        ("\u{1b}$B", "\u{1b}$B"),
    ] {
        for label in [None, Some("iso-2022-jp"), Some("gb18030")] {
            grows_linearly(unit, |length| {
                let mut page = start.to_owned();
                while page.len() < length {
                    page.push_str(unit);
                }
                // Whatever it is, it ends in what is no UTF-8.
                let page = [page.as_bytes(), b"\xff"].concat();
                std::hint::black_box(to_utf8(&page, label));
            });
        }
    }
}

#[test]
fn any_header_takes_linear_time() {
    for unit in [
        ";", "; ", "charset", ";charset", ";a=\"", ";a='\";", "=", " ",
    ] {
        grows_linearly(unit, |length| {
            let header = format!("text/html;{}", unit.repeat(length / unit.len()));
            std::hint::black_box(charset_of(&header));
        });
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_page(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), label in "[a-z0-9-]{0,12}") {
        to_utf8(&bytes, None);
        to_utf8(&bytes, Some(&label));
        charset_of(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_markup_is_a_page(parts in proptest::collection::vec(
        prop::sample::select(vec!["<", "meta", " charset", "=", "\"", "'", "utf-8", ">", "!--", "--", "/", "script", "title",
            "?xml encoding", " http-equiv=content-type", " content", "charset=", "\n", "!", "plaintext"]), 0..60)) {
        let page = parts.concat();
        prop_assert_eq!(to_utf8(page.as_bytes(), None), page.as_str());
    }
}
