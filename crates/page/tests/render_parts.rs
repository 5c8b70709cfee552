//! What is chosen of a page, its links and its media.

use riptide_page::html::{self, Document, NodeId, Tag};
use riptide_page::render::{self, Base, Link, Media, MediaKind};
use riptide_page::selection::Selection;

const URL: &str = "https://paper.example/2026/page";

#[test]
fn a_chosen_block_keeps_what_is_around_it() {
    let html = "<main><p>no</p><ul><li>one<li>two<ul><li>three</ul></ul><img src=/between.png><h2>four</h2>\
                <figure><img src=/f.png><figcaption>five</figcaption></figure><p>no<img src=/no.png></main>";
    let document = html::parse(html).expect("a page");
    let base = Base::new(&document, URL);
    let text_node = |wanted: &str| {
        let mut nodes = document.nodes();
        nodes
            .find(|id| document.text(*id).is_some_and(|text| text == wanted))
            .expect("the text")
    };
    let mut selection = Selection::nothing(&document);
    assert!(selection.is_empty());
    assert_eq!(render::markdown(&document, &selection, &base), "");
    selection.insert_range(&document, text_node("three"), text_node("three"));
    assert_eq!(render::markdown(&document, &selection, &base), "- - three");
    selection.insert_range(&document, text_node("four"), text_node("four"));
    selection.insert_range(&document, text_node("five"), text_node("five"));
    assert!(selection.contains(text_node("five")) && !selection.contains(text_node("two")));
    assert_eq!(
        render::markdown(&document, &selection, &base),
        "- - three\n\n![](https://paper.example/between.png)\n\n## four\n\n![](https://paper.example/f.png)\n\nfive"
    );
    assert_eq!(render::text(&document, &selection), "three\n\nfour\n\nfive");
}

#[test]
fn what_is_left_out_between_keeps_words_apart() {
    for (between, text, markdown) in [
        ("<div>no</div>", "a\nb", "a\n\nb"),
        ("<ul><li>no</ul>", "a\n\nb", "a\n\nb"),
        ("<div></div>", "a\nb", "a\n\nb"),
        ("<button>no</button>", "a b", "a b"),
        ("<span>no</span>", "ab", "ab"),
        ("<script>no</script>", "ab", "ab"),
    ] {
        let html = format!("<div>a{between}b</div>");
        let document = html::parse(&html).expect("a page");
        let mut selection = Selection::nothing(&document);
        for id in document.nodes() {
            if document.text(id).is_some_and(|text| text != "no") {
                selection.insert_range(&document, id, id);
            }
        }
        let rendered = render::render(&document, &selection, &Base::default());
        assert_eq!(rendered.text, text, "{html}");
        assert_eq!(rendered.markdown, markdown, "{html}");
    }
}

#[test]
fn a_picture_for_readers_without_scripts_is_one_between() {
    let html = "<p>a<p><img class=lazy><noscript><img src=/late.png></noscript><p>b";
    let document = html::parse(html).expect("a page");
    let mut selection = Selection::nothing(&document);
    for id in document.nodes() {
        if document
            .text(id)
            .is_some_and(|text| matches!(text, "a" | "b"))
        {
            selection.insert_range(&document, id, id);
        }
    }
    assert_eq!(
        render::markdown(&document, &selection, &Base::new(&document, URL)),
        "a\n\n![](https://paper.example/late.png)\n\nb"
    );
}

#[test]
fn parts_of_a_page_are_chosen_by_their_roots() {
    let document = html::parse("<ol><li>a<li>b</ol><p>c<p>d").expect("a page");
    let of = |document: &Document<'_>, tag: Tag| {
        let found: Vec<NodeId> = document
            .nodes()
            .filter(|id| document.is(*id, tag))
            .collect();
        found
    };
    let mut selection = Selection::whole(&document, of(&document, Tag::LI)[1]);
    selection.insert(&document, of(&document, Tag::P)[1]);
    assert_eq!(
        render::markdown(&document, &selection, &Base::default()),
        "2. b\n\nd"
    );
}

#[test]
fn links_are_told_once() {
    let document = html::parse(
        "<a href=/a rel='nofollow  ugc'>A  <b>link</b></a><a href=/a>again</a><a href=b><img src=i></a>\
         <a href='javascript:void(0)'>no</a><a href=' '>no</a><a>no</a><a href='#top'>Top<div>of</div>page</a>\
         <map><area href=/area></map><a href=/icon><svg><title>no</title></svg></a><noscript><a href=/still>Still</a>\
         </noscript><template><a href=/later>no</a></template>",
    )
    .expect("a page");
    let link = |url: &str, text: &str, rel: Option<&str>| Link {
        url: url.into(),
        text: text.into(),
        rel: rel.map(str::to_owned),
    };
    let found = render::links(&document, &[NodeId::DOCUMENT], &Base::new(&document, URL));
    let right = [
        link("https://paper.example/a", "A link", Some("nofollow ugc")),
        link("https://paper.example/2026/b", "", None),
        link("https://paper.example/2026/page#top", "Top of page", None),
        link("https://paper.example/area", "", None),
        link("https://paper.example/icon", "", None),
        link("https://paper.example/still", "Still", None),
    ];
    assert_eq!(found, right);
    assert!(render::links(&document, &[], &Base::default()).is_empty());
}

#[test]
fn media_are_told_apart() {
    let document = html::parse(
        "<img src=a.png alt=' A  picture '><img src=a.png><img src='data:image/gif;base64,R0'><img>\
         <img src='data:image/gif;base64,R0' data-src=late.png><video src=b.mp4></video>\
         <video><source src=c.webm></video><audio><source src=d.ogg></audio>",
    )
    .expect("a page");
    let found = render::media(&document, &[NodeId::DOCUMENT], &Base::new(&document, URL));
    let medium = |kind, name: &str, alt: Option<&str>| Media {
        url: format!("https://paper.example/2026/{name}"),
        kind,
        alt: alt.map(str::to_owned),
    };
    let right = [
        medium(MediaKind::Image, "a.png", Some("A picture")),
        medium(MediaKind::Image, "late.png", None),
        medium(MediaKind::Video, "b.mp4", None),
        medium(MediaKind::Video, "c.webm", None),
        medium(MediaKind::Audio, "d.ogg", None),
    ];
    assert_eq!(found, right);
}
