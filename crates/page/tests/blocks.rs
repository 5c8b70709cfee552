//! Which text of a page is content.

#[path = "../examples/blocks/label.rs"]
#[allow(dead_code)]
mod label;

use riptide_page::blocks;
use riptide_page::html;
use std::collections::HashMap;
use std::path::Path;

/// The blocks of a page, white space collapsed.
fn texts(html: &str) -> Vec<String> {
    let document = html::parse(html).expect("parsed");
    let (blocks, choice) = blocks::content(&document);
    assert_eq!(choice.chosen.len(), blocks.len());
    assert_eq!(choice.probabilities.len(), blocks.len());
    (0..blocks.len())
        .map(|block| label::text(&document, &blocks, block))
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// The content of a page, block by block, and the confidence.
fn content(html: &str) -> (Vec<String>, f32) {
    let document = html::parse(html).expect("parsed");
    let (_, choice) = blocks::content(&document);
    let chosen = texts(html).into_iter().zip(choice.chosen);
    let chosen = chosen.filter_map(|(text, chosen)| chosen.then_some(text));
    (chosen.collect(), choice.confidence)
}

#[test]
fn text_is_parted_at_block_level_elements() {
    for (html, blocks) in [
        ("<p>One<p>Two", &["One", "Two"][..]),
        ("one <b>t</b>wo<br>three", &["one two three"]),
        (
            "<div>before<p>in</p>after</div>",
            &["before", "in", "after"],
        ),
        (
            "<ul><li>one<li>two <a href=x>three</a></ul>",
            &["one", "two three"],
        ),
        ("<table><tr><td>one<td>two</table>", &["one", "two"]),
        (
            "<a href=x><div>one</div><div>two</div></a>",
            &["one", "two"],
        ),
        ("one<hr>two", &["one", "two"]),
        ("<x-card>one</x-card><x-card>two</x-card>", &["onetwo"]),
        ("<p>— * —<p>word", &["word"]),
        ("<button>one</button><label>two</label>", &["one", "two"]),
        ("", &[]),
    ] {
        assert_eq!(texts(html), blocks, "{html}");
    }
}

#[test]
fn what_nobody_reads_as_text_is_left_out() {
    for html in [
        "one <script>x</script> two",
        "one <style>x</style> two",
        "one <template>x</template> two",
        "one <svg><text>x</text></svg> two",
        "one <math><mi>x</mi></math> two",
    ] {
        assert_eq!(texts(html), ["one two"], "{html}");
    }
    for skipped in [
        "iframe", "object", "canvas", "video", "audio", "textarea", "noembed",
    ] {
        let html = format!("<p>one</p><{skipped}>x</{skipped}><p>two");
        assert_eq!(texts(&html), ["one", "two"], "{html}");
    }
}

#[test]
fn a_declared_shadow_root_is_read() {
    let html = "<x-card><template shadowrootmode=open><p>one</p></template></x-card>";
    assert_eq!(texts(html), ["one"]);
}

#[test]
fn a_noscript_is_read_from_sixty_words_on() {
    let page = |words: usize| {
        let (half, rest) = (words / 2, words - words / 2);
        let (half, rest) = ("word ".repeat(half), "word ".repeat(rest));
        format!("<div>before<noscript><div><p>{half}</p>{rest}</div></noscript></div><p>after")
    };
    assert_eq!(texts(&page(59)), ["before", "after"]);
    assert_eq!(texts(&page(60)).len(), 4);
    // What a short one had made around it is made again.
    let html = "<main><div><noscript><p>x</p></noscript><p>one</p></div></main>";
    assert_eq!(texts(html), ["one"]);
}

#[test]
fn preformatted_text_is_one_block() {
    let html = "<pre><div>let a = 1;</div><div>let b = 2;</div>\n{\n}</pre><p>after";
    assert_eq!(texts(html), ["let a = 1; let b = 2; { }", "after"]);
}

#[test]
fn blocks_know_their_nodes_and_words() {
    let html = "<div>a<p>one <i>two</i><script>x</script> three<br></p></div>";
    let document = html::parse(html).expect("parsed");
    let (blocks, _) = blocks::content(&document);
    let block = blocks.get(1).expect("a block");
    assert_eq!(
        document.tag_name(document.tag(block.element).expect("an element")),
        "p"
    );
    assert_eq!(block.words, 3);
    let texts = blocks.texts(block);
    assert_eq!(texts.len(), 3);
    assert_eq!(blocks.range(block), (texts[0], texts[2]));
    assert!(texts.iter().all(|text| document.text(*text).is_some()));
    assert_eq!(blocks.iter().len(), 2);
}

#[test]
fn words_of_scripts_without_spaces_count() {
    let words = |html: &str| {
        let document = html::parse(html).expect("parsed");
        blocks::content(&document)
            .0
            .iter()
            .map(|block| block.words)
            .collect::<Vec<_>>()
    };
    assert_eq!(words("<p>今天天气很好，我们去公园散步。"), [7]);
    assert_eq!(words("<p>one 2 three_four"), [3]);
}

#[test]
fn a_few_sentences_are_content() {
    for html in [
        "<p>The ferry does not sail today. Tickets are valid tomorrow.</p>",
        "The ferry does not sail today. Tickets are valid tomorrow.",
        "<h1>No ferry</h1><p>The ferry does not sail today.</p><p>Tickets are valid tomorrow.</p>",
        "<html><head><title>Ferry</title></head><body><div>Die Fähre fährt heute nicht. Karten gelten morgen.</div></body></html>",
        "<p>今天没有渡轮。明天船票仍然有效，请大家注意天气变化。</p>",
    ] {
        let (chosen, confidence) = content(html);
        assert_eq!(chosen.len(), texts(html).len(), "{html}: {confidence}");
        assert!(confidence > 0.6, "{html}: {confidence}");
    }
}

#[test]
fn a_page_without_text_has_no_main_text() {
    for html in [
        "",
        "<img src=x><script>word</script>",
        "<body><noscript>Turn scripts on</noscript>",
    ] {
        let document = html::parse(html).expect("parsed");
        let (blocks, choice) = blocks::content(&document);
        assert!(blocks.is_empty() && !choice.has_main_text(), "{html}");
    }
}

fn made(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/blocks");
    std::fs::read_to_string(folder.join(name).with_extension("html")).expect("a page")
}

#[test]
fn the_trainers_trees_say_the_same() {
    let fixture = include_bytes!("../model/fixture.json");
    let fixture: HashMap<String, Vec<f32>> = serde_json::from_slice(fixture).expect("a fixture");
    assert!(fixture.len() >= 4);
    for (name, theirs) in fixture {
        let html = made(&name);
        let ours = blocks::content(&html::parse(&html).expect("parsed"))
            .1
            .probabilities;
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (block, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            assert!(
                (ours - theirs).abs() < 1e-4,
                "{name}, {block}: {ours}, {theirs}"
            );
        }
    }
}

#[test]
fn the_content_of_made_pages_is_found() {
    let (chosen, confidence) = content(&made("article"));
    let text = chosen.join("\n");
    for wanted in [
        "froze over on Tuesday",
        "fish market opens",
        "walk on the ice",
        "rain from the west",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    for unwanted in [
        "cookies",
        "Most read",
        "Imprint",
        "Weather and tides",
        "Copy link",
    ] {
        assert!(!text.contains(unwanted), "{unwanted}: {text}");
    }
    assert!(confidence > 0.7, "{confidence}");
    let text = content(&made("thread")).0.join("\n");
    for wanted in [
        "one of us can sail alone",
        "heavy, slow and dry",
        "keel bolts",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
}

#[test]
fn equal_blocks_are_content_once() {
    let sentence =
        "The harbour of Lindholm froze over on Tuesday for the first time in eleven years.";
    let html = format!(
        "<article><h1>Ice</h1><p>{sentence}</p><p>Then it thawed, and all was as before.</p><p>{sentence}</p></article>"
    );
    let (chosen, _) = content(&html);
    assert_eq!(chosen.iter().filter(|text| *text == sentence).count(), 1);
}
