//! Selectors, compared with what other code finds.

use proptest::collection::vec;
use proptest::prelude::*;
use riptide_page::html::{self, Document};
use riptide_page::select::{Fault, PSEUDO_CLASSES, check, select};
use std::time::Instant;

const PAGE: &str = "<html lang=en><body id=b><div class='a b' data-x='one two'><p id=p1 class=A>1<p id=p2>2<em id=e>x</em></div>\
    <ul id=u><li id=l1 lang=de-AT>a<li id=l2 class='b'>b<li id=l3><a id=link href='https://a.example/x.PDF'>c</a><li id=l4></ul>\
    <svg id=s viewBox='0 0 1 1'><foreignObject id=f></foreignObject></svg><p id=p3>3<!-- c --><p id=p4></p></body></html>";

fn ids(selector: &str) -> String {
    let document = html::parse(PAGE).expect("a page");
    let found = select(&document, selector).expect(selector);
    let id = document.find_attribute("id").expect("ids");
    let names = found
        .iter()
        .map(|node| document.attribute(*node, id).unwrap_or("-"));
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn selectors_find_elements() {
    for (selector, right) in [
        ("p", "p1 p2 p3 p4"),
        ("P", "p1 p2 p3 p4"),
        ("#p1, #e , em", "p1 e"),
        (".b", "- l2"),
        (".A", "p1"),
        ("div.a.b", "-"),
        ("div > p, ul>li.b", "p1 p2 l2"),
        ("body em", "e"),
        ("p + p", "p2 p4"),
        ("li ~ li", "l2 l3 l4"),
        ("ul + svg ~ p", "p3 p4"),
        ("foreignObject", "f"),
        ("foreignobject", ""),
        ("[id=p1]", "p1"),
        ("[ID='p1']", "p1"),
        ("[data-x~=two]", "-"),
        ("[data-x~='']", ""),
        ("[lang|=de]", "l1"),
        ("[href^=https]", "link"),
        ("[href$='.pdf']", ""),
        ("[href$='.pdf' i]", "link"),
        ("[href*='a.ex']", "link"),
        ("[href*='']", ""),
        ("[viewBox]", "s"),
        (":root", "-"),
        ("li:first-child", "l1"),
        ("li:last-child", "l4"),
        ("em:only-child", "e"),
        ("p:only-of-type", ""),
        ("svg:only-of-type", "s"),
        ("li:nth-child(odd)", "l1 l3"),
        ("li:nth-child( -n + 2 )", "l1 l2"),
        ("li:nth-last-child(2)", "l3"),
        ("li:nth-child(1 of .b)", "l2"),
        ("p:nth-of-type(2)", "p2 p4"),
        ("p:first-of-type", "p1 p3"),
        ("body > p:last-of-type", "p4"),
        ("li:empty, p:empty", "l4 p4"),
        ("li:not(.b, :empty)", "l1 l3"),
        (
            ":is(ul, div) > :where(p, li):not(:first-child)",
            "p2 l2 l3 l4",
        ),
        ("li:has(a)", "l3"),
        ("li:has(> em), div:has(> p > em)", "-"),
        ("p:has(+ p)", "p1 p3"),
        ("li:has(~ li a)", "l1 l2"),
        ("#\\70 1", "p1"),
        ("/* c */ #p1 /* d */ , #e", "p1 e"),
        (
            "*|x".get(..1).unwrap_or("*"),
            "- - b - p1 p2 e u l1 l2 l3 link l4 s f p3 p4",
        ),
    ] {
        assert_eq!(ids(selector), right, "{selector}");
    }
}

#[test]
fn faults_are_told_with_their_place() {
    for (selector, position, part) in [
        ("", 0, "a name"),
        ("a[", 2, "ends where the name of an attribute"),
        ("a[b", 3, "`]` or an operator"),
        ("a[b=", 4, "a name or a string"),
        ("a[b='c", 6, "the end of the string"),
        ("a[b=c x]", 6, "`x` where `]`"),
        ("a,", 2, "a name"),
        ("a > ", 4, "a name"),
        ("> a", 0, "`>` where a name"),
        ("a)", 1, "`)`"),
        ("p:hover", 1, "`:hover` is not supported; allowed are :is()"),
        ("p:contains('x')", 1, ":contains"),
        ("p::before", 1, "pseudo-elements"),
        ("svg|a", 3, "namespaces"),
        ("p:nth-child(x)", 12, "`an+b`"),
        ("p:not()", 6, "a name"),
        (".1", 1, "the name of a class"),
        ("é:is(é", 8, "`)`"),
    ] {
        let fault = check(selector).expect_err(selector);
        assert_eq!(fault.position, position, "{selector}: {fault}");
        assert!(fault.to_string().contains(part), "{selector}: {fault}");
    }
    let deep = format!("{}a{}", ":is(".repeat(17), ")".repeat(17));
    assert_eq!(
        check(&deep).expect_err("too deep").fault,
        Fault::TooDeep { allowed: 16 }
    );
    let long = "a,".repeat(3_000);
    assert!(matches!(
        check(&long).expect_err("too long").fault,
        Fault::TooLong { .. }
    ));
    for name in PSEUDO_CLASSES {
        let selector = name.replace(
            "()",
            if name.contains("nth") {
                "(2n+1)"
            } else {
                "(a)"
            },
        );
        assert_eq!(check(&selector), Ok(()), "{name}");
    }
}

/// The order of the elements that another library finds.
fn oracle(html: &str, selector: &str) -> Option<Vec<String>> {
    let document = dom_query::Document::from(html);
    let matcher = dom_query::Matcher::new(selector).ok()?;
    let found = document.select_matcher(&matcher);
    Some(
        found
            .nodes()
            .iter()
            .map(|node| node.attr_or("n", "").to_string())
            .collect(),
    )
}

fn ours(document: &Document<'_>, selector: &str) -> Vec<String> {
    let found = select(document, selector).expect(selector);
    let number = document.find_attribute("n").expect("numbers");
    let numbers = found
        .iter()
        .filter_map(|id| document.attribute(*id, number));
    numbers.map(str::to_owned).collect()
}

/// Elements within each other, each with a number.
fn page() -> impl Strategy<Value = String> {
    let element = (
        prop::sample::select(vec!["div", "span", "x-y"]),
        prop::sample::select(vec!["", " class=a", " class='b a'", " id=i", " t='ab-c'"]),
        0usize..3,
    );
    vec(element, 1..30).prop_map(|elements| {
        let mut out = String::from("<html n=r><body n=b>");
        let mut open: Vec<&str> = Vec::new();
        for (number, (name, attribute, closing)) in elements.into_iter().enumerate() {
            for _ in 0..closing {
                if let Some(name) = open.pop() {
                    out += &format!("</{name}>");
                }
            }
            out += &format!("<{name} n={number}{attribute}>");
            open.push(name);
        }
        out
    })
}

/// Each condition has a name with it: the other library takes the document for an element that has none.
fn selector() -> impl Strategy<Value = String> {
    let simple = prop::sample::select(vec![
        "div",
        "span",
        "x-y",
        "body",
        ".a",
        ".b",
        "#i",
        "[t]",
        "[t='ab-c']",
        "[t^=ab]",
        "[t$=c]",
        "[t*=b]",
        "[t|=ab]",
        "[class~=a]",
        "[class=A i]",
        "div:first-child",
        "span:last-child",
        "x-y:only-child",
        "span:nth-child(2n+1)",
        "div:nth-child(-n+2)",
        "div:nth-last-child(2)",
        "span:nth-of-type(2)",
        "div:first-of-type",
        "div:last-of-type",
        "span:nth-last-of-type(odd)",
        "div:empty",
        "div.a",
        "span:nth-child(even)",
        "div:only-of-type",
    ])
    .prop_map(str::to_owned);
    simple.prop_recursive(3, 12, 3, |inner| {
        let combinator = prop::sample::select(vec![" ", " > ", " + ", " ~ ", ", "]);
        let function = prop::sample::select(vec![":is", ":where", ":not", ":has"]);
        prop_oneof![
            2 => (inner.clone(), combinator, inner.clone()).prop_map(|(a, c, b)| format!("{a}{c}{b}")),
            1 => (function, inner).prop_map(|(function, inner)| match function {
                ":has" if inner.contains(":has") => inner,
                function => format!("div{function}({inner})"),
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn another_library_finds_the_same(page in page(), selector in selector()) {
        let document = html::parse(&page).expect("a page");
        let found: Vec<String> = ours(&document, &selector);
        if let Some(right) = oracle(&page, &selector) {
            prop_assert_eq!(found, right, "{} on {}", selector, page);
        }
    }

    #[test]
    fn any_text_is_a_selector_or_a_fault(selector in "\\PC{0,20}|[a-c.#\\[\\]=:()>+~,*|\\\\ '\"n0-9-]{0,30}") {
        let document = html::parse(PAGE).expect("a page");
        match select(&document, &selector) {
            Ok(found) => prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1])),
            Err(fault) => prop_assert!(fault.position <= selector.len() && !fault.to_string().is_empty()),
        }
    }
}

#[test]
fn time_is_the_page_times_the_selector() {
    let page = "<div><p class=a>x</p><b></b>".repeat(20_000) + &"<i class=a>".repeat(20_000);
    let document = html::parse(&page).expect("a page");
    let started = Instant::now();
    for selector in [
        "div ".repeat(200) + "p",
        "* ~ ".repeat(200) + "b",
        format!("{}a{}", ":not(:has(".repeat(7), "))".repeat(7)),
        ":nth-child(2n+1 of :nth-last-of-type(3n))".to_owned(),
    ] {
        select(&document, &selector).expect("a selector");
    }
    // Some 0.1 s; a set that is looked through for each element would take minutes.
    assert!(started.elapsed().as_secs() < 20);
}
