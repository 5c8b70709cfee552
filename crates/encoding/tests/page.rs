//! Which encoding a page has, as a reader of the HTML standard would say.

use riptide_encoding::to_utf8;
use std::borrow::Cow;

/// 潮 in shift_jis; `’ª` in windows-1252.
const KANJI: &[u8] = &[0x92, 0xaa];
/// `“€”é` in windows-1252.
const SMART: &[u8] = &[0x93, 0x80, 0x94, 0xe9];

fn decoded(parts: &[&[u8]], label: Option<&str>) -> String {
    to_utf8(&parts.concat(), label).into_owned()
}

fn utf16(text: &str, bytes: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn valid_utf8_is_borrowed() {
    let page = "<p>größe 潮 🌊</p>";
    for label in [None, Some("UTF8"), Some("klingon")] {
        assert!(matches!(to_utf8(page.as_bytes(), label), Cow::Borrowed(same) if same == page));
    }
    let marked = format!("\u{feff}{page}");
    assert!(
        matches!(to_utf8(marked.as_bytes(), Some("shift_jis")), Cow::Borrowed(same) if same == page)
    );
    assert_eq!(to_utf8(b"", None), "");
}

#[test]
fn a_byte_order_mark_decides() {
    let (le, be) = (
        utf16("潮é", u16::to_le_bytes),
        utf16("潮é", u16::to_be_bytes),
    );
    assert_eq!(decoded(&[&[0xff, 0xfe], &le], Some("utf-8")), "潮é");
    assert_eq!(decoded(&[&[0xfe, 0xff], &be], Some("windows-1252")), "潮é");
    let page = "<meta charset=shift_jis>é".as_bytes();
    assert_eq!(decoded(&[&[0xef, 0xbb, 0xbf], page], None).as_bytes(), page);
    // Half a code unit is no character; a second mark is one.
    assert_eq!(
        decoded(&[&[0xff, 0xfe, 0x41, 0x00, 0x42]], None),
        "A\u{fffd}"
    );
    assert_eq!(decoded(&[&[0xff, 0xfe, 0xff, 0xfe]], None), "\u{feff}");
}

#[test]
fn then_the_header() {
    for (label, bytes, text) in [
        ("windows-1252", SMART, "“€”é"),
        ("ISO-8859-1", SMART, "“€”é"),
        ("Shift_JIS", KANJI, "潮"),
        ("\t\n\x0c\r sjis ", KANJI, "潮"),
        ("utf-8", b"a\xffb", "a\u{fffd}b"),
        ("x-user-defined", b"a\x7f\x80\xff", "a\x7f\u{f780}\u{f7ff}"),
        // The encodings that the standard replaces by one character: what they hid is never shown.
        ("hz-gb-2312", b"<script>", "\u{fffd}"),
        ("iso-2022-kr", b"", ""),
    ] {
        assert_eq!(decoded(&[bytes], Some(label)), text, "{label}");
    }
    assert_eq!(decoded(&["潮".as_bytes()], Some("windows-1252")), "æ½®");
    assert_eq!(
        decoded(&[&utf16("潮é", u16::to_le_bytes)], Some("utf-16")),
        "潮é"
    );
    assert_eq!(
        decoded(&[b"<meta charset=utf-8>", KANJI], Some("sjis")),
        "<meta charset=utf-8>潮"
    );
    // White space of other scripts is not the standard's.
    assert_eq!(decoded(&[KANJI], Some("\u{a0}sjis")), "’ª");
}

#[test]
fn then_what_the_page_declares() {
    for meta in [
        "<meta charset=shift_jis>",
        "<META CHARSET=\"Shift_JIS\">",
        "<meta name=x charset = ' shift_jis '/>",
        "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=shift_jis\">",
        "<meta content=\"text/html;charset=shift_jis\" http-equiv=content-type>",
        "<!-- <meta charset=utf-8> --><meta charset=shift_jis>",
        "<meta charset=klingon><meta charset=shift_jis>",
        "<meta charset=klingon http-equiv=Content-Type content=\"text/html; charset=shift_jis\">",
        "<meta http-equiv=\"Content-Type\" content=\"charset=shift_jis\">",
        "<meta http-equiv=\"Content-Type\" content=\"text/html charset = 'Shift_JIS' ;x\">",
        "<meta http-equiv=\"Content-Type\" content=\"charset charset=shift_jis \">",
        "<meta http-equiv=X-UA-Compatible content=\"charset=utf-8\"><meta/charset=shift_jis>",
        "<meta charset=shift_jis charset=utf-8>",
        "<meta x=\"<meta charset=utf-8>\" charset=shift_jis>",
        "<meta =charset=utf-8 charset=shift_jis>",
        "<meta x=>\n<meta charset=shift_jis>",
        "<p title=\"<meta charset=utf-8>\"><meta charset=shift_jis>",
        "</meta charset=utf-8><meta charset=shift_jis>",
        "<!-- <meta charset=utf-8> --!><meta charset=shift_jis>",
        "<!--><meta charset=shift_jis>",
        "<!---><meta charset=shift_jis>",
        "<?php <meta charset=utf-8 ?><meta charset=shift_jis>",
        "<![CDATA[<meta charset=utf-8]]><meta charset=shift_jis>",
        "<!doctype html></><1><meta charset=shift_jis>",
        "<title><meta charset=utf-8></title><meta charset=shift_jis>",
        "<STYLE><meta charset=utf-8></styles></style ><meta charset=shift_jis>",
        "<textarea><!-- </textarea><meta charset=shift_jis>",
        "<script>\"<meta charset=utf-8>\"</script><meta charset=shift_jis>",
        "<script><!-- <script></script><meta charset=utf-8> --></script><meta charset=shift_jis>",
        "<script><!-- </script><meta charset=shift_jis>",
        "<script><!-- <script></script></script><meta charset=shift_jis>",
        "<body><table><tr><td><meta charset=shift_jis>",
        // What is no element, but looks like one to the prescan.
        "<title><meta charset=shift_jis></title>",
        "<script>\"<meta charset=shift_jis>\"</script>",
        "<plaintext><meta charset=shift_jis>",
        "<?xml version=\"1.0\" encoding=\"shift_jis\"?>",
        "<?xml encoding\n=\t'Shift_JIS' ?>",
        "<?xml encoding=\"utf-8\"?><meta charset=shift_jis>",
    ] {
        for label in [None, Some("klingon")] {
            let page = decoded(&[meta.as_bytes(), KANJI], label);
            assert_eq!(page, format!("{meta}潮"));
        }
    }
}

#[test]
fn but_not_what_looks_like_it() {
    for meta in [
        "<p charset=shift_jis>",
        "<metal charset=shift_jis>",
        "<meta name=description content=\"text; charset=shift_jis\">",
        "<meta http-equiv=content-type>",
        "<!-- <meta charset=shift_jis> -->",
        "<!-- <meta charset=shift_jis>",
        "<!--!><meta charset=shift_jis>",
        "<!---!><meta charset=shift_jis>",
        "<meta charset=shift_jis",
        "<meta charset=\"shift_jis>",
        "<meta charset=>",
        "<meta =charset=shift_jis>",
        "</meta charset=shift_jis>",
        "<p title=\"<meta charset=shift_jis>\">",
        "<p/title=<meta/charset=shift_jis>",
        "<meta http-equiv=\"Content-Type\" content=\"text/html; charset='shift_jis\">",
        "<meta http-equiv=\" Content-Type\" content=\"text/html; charset=shift_jis\">",
        "<!doctype <meta charset=shift_jis>",
        " <?xml encoding=\"shift_jis\"?>",
        "<?xml encoding=shift_jis?>",
        "<?xml encoding=\"shift jis\"?>",
        "<?xml encoding encoding=\"shift_jis\"?>",
        "<?xml encoding=\"shift_jis\"",
        "<?xml?><p encoding=\"shift_jis\">",
    ] {
        let page = decoded(&[meta.as_bytes(), KANJI], None);
        assert_eq!(page, format!("{meta}’ª"));
    }
}

#[test]
fn a_meta_counts_wherever_it_stands() {
    let long = "<p title=\">\">the tide</p>\n".repeat(20_000);
    for (before, end, text) in [
        ("<p>".repeat(500), "", "潮"),
        (format!("<style>{}", "/* */".repeat(300)), "</style>", "潮"),
        (format!("<!-- {}", "-".repeat(2_000)), " -->", "潮"),
        (format!("<title>T</title>{long}"), "", "潮"),
        // What is in raw text counts where the prescan still looks.
        (format!("<script>{}", " ".repeat(900)), "", "潮"),
        (format!("<script>{}", " ".repeat(1_024)), "", "’ª"),
        (format!("<plaintext>{}", " ".repeat(1_024)), "", "’ª"),
    ] {
        let head = format!("{before}{end}<meta charset=shift_jis>");
        let page = decoded(&[head.as_bytes(), KANJI], None);
        assert_eq!(page, head + text);
    }
}

#[test]
fn utf16_and_x_user_defined_in_a_meta_are_others() {
    for meta in [
        "<meta charset=utf-16>",
        "<meta charset=utf-16be>",
        "<meta charset=utf-16><meta charset=shift_jis>",
        "<?xml encoding=\"utf-16\"?>",
    ] {
        let page = decoded(&[meta.as_bytes(), "é".as_bytes()], None);
        assert_eq!(page, format!("{meta}é"));
    }
    let meta = "<meta charset=x-user-defined>";
    let page = decoded(&[meta.as_bytes(), SMART], None);
    assert_eq!(page, format!("{meta}“€”é"));
}

#[test]
fn an_xml_declaration_in_utf16_is_enough() {
    let xml = "<?xml version=\"1.0\"?><meta charset=shift_jis>潮é";
    assert_eq!(decoded(&[&utf16(xml, u16::to_le_bytes)], None), xml);
    assert_eq!(decoded(&[&utf16(xml, u16::to_be_bytes)], None), xml);
}

#[test]
fn after_64_unknown_labels_no_further_meta_counts() {
    const BOTH: &str = "<meta charset=x http-equiv=content-type content=\"charset=klingon\">";
    for (unknown, few) in [("<meta charset=klingon>", 63), (BOTH, 31)] {
        for (count, text) in [(few, "潮"), (few + 1, "’ª")] {
            let head = unknown.repeat(count) + "<meta charset=shift_jis>";
            let page = decoded(&[head.as_bytes(), KANJI], None);
            assert_eq!(page, head + text, "{count}");
        }
    }
}

#[test]
fn a_label_of_more_than_64_bytes_is_none() {
    for (length, text) in [(64, "潮"), (65, "’ª")] {
        let label = format!("{:length$}", "shift_jis");
        assert_eq!(decoded(&[KANJI], Some(&label)), text);
        let meta = format!("<meta charset=\"{label}\">");
        assert_eq!(decoded(&[meta.as_bytes(), KANJI], None), meta + text);
    }
}

#[test]
fn else_it_is_utf8_or_windows_1252_all_of_it() {
    assert_eq!(decoded(&["é".as_bytes()], None), "é");
    assert_eq!(decoded(&[SMART], Some("klingon")), "“€”é");
    let upper: Vec<u8> = (0x80..=0xff).collect();
    let high = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";
    let latin1: String = (0xa0..=0xff).map(char::from).collect();
    assert_eq!(decoded(&[&upper], None), format!("{high}{latin1}"));
    // One byte that is not UTF-8, at the very end.
    assert_eq!(decoded(&["é".as_bytes(), &[0xe9]], None), "Ã©é");
}
