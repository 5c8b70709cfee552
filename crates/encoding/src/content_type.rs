//! The `charset` parameter of a `content-type` header.

/// The label that a `content-type` header names: its first `charset` parameter, in quotes or not. `None` if there is none.
///
/// More lenient than the MIME Sniffing Standard, as servers are: white space may surround the `=`, and the quotes may be
/// single ones.
pub fn charset_of(content_type: &str) -> Option<&str> {
    let (_, mut rest) = content_type.split_once(';')?;
    loop {
        let end = rest.find([';', '='])?;
        let (name, separator) = (rest[..end].trim(), rest.as_bytes()[end]);
        rest = &rest[end + 1..];
        if separator == b';' {
            continue;
        }
        let (value, behind) = value_of(rest.trim_start());
        if name.eq_ignore_ascii_case("charset") {
            return Some(value).filter(|value| !value.is_empty());
        }
        // What stands between a quoted value and the next `;` belongs to neither.
        rest = &behind[behind.find(';')? + 1..];
    }
}

/// A parameter's value, and what follows it.
fn value_of(text: &str) -> (&str, &str) {
    let Some(quote) = text
        .chars()
        .next()
        .filter(|first| matches!(first, '"' | '\''))
    else {
        let end = text
            .find(|c: char| c == ';' || c.is_ascii_whitespace())
            .unwrap_or(text.len());
        return text.split_at(end);
    };
    let text = &text[1..];
    match text.find(quote) {
        Some(end) => (&text[..end], &text[end + 1..]),
        None => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::charset_of;

    #[test]
    fn a_label_is_found_in_a_content_type() {
        for (content_type, label) in [
            ("text/html; charset=utf-8", Some("utf-8")),
            ("text/html;charset=utf-8 ", Some("utf-8")),
            (
                "text/html;x=y; CHARSET = \"Shift_JIS\" ;z",
                Some("Shift_JIS"),
            ),
            ("text/html; charset='gbk'", Some("gbk")),
            ("text/html; charset=a; charset=b", Some("a")),
            ("text/html; x=\"; charset=a\"; charset=b", Some("b")),
            ("text/html;; ;x; charset=b", Some("b")),
            ("text/html; charset=\"big5", Some("big5")),
            ("text/html; mycharset=utf-8", None),
            ("text/html; charset=", None),
            ("text/html; charset", None),
            ("charset=utf-8", None),
            ("text/html", None),
            ("", None),
        ] {
            assert_eq!(charset_of(content_type), label, "{content_type}");
        }
    }
}
