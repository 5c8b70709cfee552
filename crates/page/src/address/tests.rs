use super::Address;
use proptest::prelude::*;
use url::Url;

fn resolved(base: &str, input: &str) -> Option<String> {
    let base = Address::parse(base).expect("a base");
    base.join(input).map(String::from)
}

#[test]
fn relative_addresses_become_absolute() {
    for (input, right) in [
        ("other.html", "https://example.org/docs/other.html"),
        ("../up.html", "https://example.org/up.html"),
        ("../../../up.html", "https://example.org/up.html"),
        ("./a/./b/../c/", "https://example.org/docs/a/c/"),
        ("/root", "https://example.org/root"),
        ("//cdn.example.org/x", "https://cdn.example.org/x"),
        ("?q=2", "https://example.org/docs/page.html?q=2"),
        ("#part", "https://example.org/docs/page.html?q=1#part"),
        ("", "https://example.org/docs/page.html?q=1"),
        (" https://other.example/a b ", "https://other.example/a%20b"),
        ("mailto:a@example.org", "mailto:a@example.org"),
        ("HTTP://EXAMPLE.org:80/%7e", "http://example.org/%7e"),
        ("https:page", "https://example.org/docs/page"),
        ("http:page", "http://page/"),
        ("a\n\tb", "https://example.org/docs/ab"),
        ("/ü?ü'#ü", "https://example.org/%C3%BC?%C3%BC%27#%C3%BC"),
        ("https://Bücher.example/", "https://xn--bcher-kva.example/"),
        ("//例え。jp", "https://xn--r8jz45g.jp/"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("//0x7f.1/", "https://127.0.0.1/"),
        ("//017.1.2.3./", "https://15.1.2.3/"),
        ("\\back\\slash", "https://example.org/back/slash"),
    ] {
        let found = resolved("https://example.org/docs/page.html?q=1#top", input);
        assert_eq!(found.as_deref(), Some(right), "{input}");
    }
}

#[test]
fn what_is_no_address_is_none() {
    let base = Address::parse("https://example.org/").expect("a base");
    for input in [
        "http://[::bad",
        "http://",
        "http://a b/",
        "http://a:99999/",
        "https://%00/",
        "http://1.2.3.4.5/",
    ] {
        assert_eq!(base.join(input), None, "{input}");
    }
    for input in ["", "x", "/x", "//x", "1:x", ":x"] {
        assert_eq!(Address::parse(input), None, "{input}");
    }
}

#[test]
fn an_address_has_parts() {
    let address = Address::parse("HTTPS://user@Example.org:8443/a/b?c#d").expect("an address");
    assert_eq!(address.scheme(), "https");
    assert_eq!(address.host(), Some("example.org"));
    assert_eq!(address.path(), "/a/b");
    assert_eq!(address.query(), Some("c"));
    assert!(!address.is_opaque());
    let address = Address::parse("mailto:a@b").expect("an address");
    assert_eq!((address.host(), address.query()), (None, None));
    assert!(address.is_opaque() && address.join("x").is_none());
}

/// What one reads as the other: both refuse it, or both write the same.
fn assert_same(base: &str, input: &str) -> Result<(), TestCaseError> {
    // What the other one reads otherwise than the standard: backslashes of other schemes, a third slash before the host,
    // and a user or a port of no host.
    let slashes = input.replace(['\t', '\n'], "").replace('\\', "/");
    let is_web = base.starts_with("http") || base.starts_with("ftp");
    let is_relative = !input.contains(':');
    if input.contains('\\') && (!is_web || input.contains(':'))
        || slashes.contains("///")
        || slashes.contains("//:")
        || slashes.contains('@') && !(is_web && is_relative)
    {
        return Ok(());
    }
    let ours = Address::parse(base).map(|base| base.join(input).map(String::from));
    let theirs = Url::parse(base)
        .ok()
        .map(|base| base.join(input).ok().map(String::from));
    prop_assert_eq!(ours, theirs, "{} {}", base, input);
    Ok(())
}

const SOUP: &[&str] = &[
    "http:",
    "https:",
    "ftp:",
    "mailto:",
    // A single letter would be a drive to the other one.
    "xy:",
    "web+x:",
    "/",
    "/",
    "//",
    "\\",
    ".",
    "..",
    "%2e",
    "%2E.",
    "?",
    "#",
    "a",
    "B",
    "é",
    "漢",
    " ",
    ":",
    "@",
    "80",
    "443",
    "[",
    "[::1]",
    "]",
    "%",
    "%41",
    "'",
    "\"",
    "<",
    "`",
    "{",
    "|",
    "^",
    "~",
    "&",
    "=",
    "\t",
    "\n",
    "\u{1}",
    "\u{7f}",
    "b.example",
    "example.org",
];
const BASES: &[&str] = &[
    "https://example.org/a/b?c#d",
    "http://u:p@example.org:8080",
    "x://host/a/b",
    "x:/a/b",
    "mailto:a@b?c",
    "ftp://h/",
];

proptest! {
    #[test]
    fn addresses_are_read_as_others_read_them(
        base in prop::sample::select(BASES),
        parts in prop::collection::vec(prop::sample::select(SOUP), 0..7),
    ) {
        assert_same(base, &parts.concat())?;
    }

    #[test]
    fn paths_are_read_as_others_read_them(
        base in prop::sample::select(BASES),
        parts in prop::collection::vec(prop::sample::select(&["/", "..", ".", "a", "?", "#", "%2e", "\\", "é", " "][..]), 0..12),
    ) {
        assert_same(base, &parts.concat())?;
    }

    #[test]
    fn no_text_is_too_much(base in "\\PC{0,20}", input in ".{0,30}") {
        let base = Address::parse(&base).or_else(|| Address::parse(&format!("x:{base}")));
        if let Some(base) = base {
            let joined = base.join(&input);
            if let Some(joined) = joined {
                // What is written is read as it was written.
                let again = Address::parse(joined.as_str());
                prop_assert_eq!(again.as_ref().map(Address::as_str), Some(joined.as_str()));
            }
        }
    }
}
