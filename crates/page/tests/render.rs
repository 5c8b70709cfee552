//! What is shown of pages: each case with its right text and Markdown.

use riptide_page::html::{self, NodeId};
use riptide_page::render::{self, Base};
use riptide_page::selection::Selection;

const URL: &str = "https://paper.example/2026/page";

fn whole(html: &str) -> (String, String) {
    let document = html::parse(html).expect("a page");
    let selection = Selection::whole(&document, NodeId::DOCUMENT);
    let rendered = render::render(&document, &selection, &Base::new(&document, URL));
    assert_eq!(rendered.text, render::text(&document, &selection));
    (rendered.text, rendered.markdown)
}

#[track_caller]
fn check(html: &str, text: &str, markdown: &str) {
    let (its_text, its_markdown) = whole(html);
    assert_eq!(its_text, text, "text of {html}");
    assert_eq!(its_markdown, markdown, "Markdown of {html}");
}

#[track_caller]
fn check_text(html: &str, text: &str) {
    assert_eq!(whole(html).0, text, "text of {html}");
}

#[track_caller]
fn check_markdown(html: &str, markdown: &str) {
    assert_eq!(whole(html).1, markdown, "Markdown of {html}");
}

#[test]
fn one_place_decides_blocks_and_spaces() {
    check_text(
        "<p>One</p><p>two<br>three</p>four",
        "One\n\ntwo\nthree\n\nfour",
    );
    check_text(
        "<p>gl<b>u</b>e<span>d</span> <i> a </i>part</p>",
        "glued a part",
    );
    check_text("<div>a</div><div>b<div>c</div></div>d", "a\nb\nc\nd");
    check_text("<button>A</button><button>B</button>", "A B");
    check_text("a<br><br>b<br>\n<br><br>c", "a\n\nb\n\nc");
    check_text("<pre>\n  a\n\n\tb  \n</pre>c", "  a\n\n\tb\n\nc");
    check_text("<ul><li>a<ul><li>b</ul><li>c</ul><p>d", "a\nb\nc\n\nd");
    check_text(
        "soft\u{ad}hyphen&nbsp;and\u{3000}spaces",
        "softhyphen and spaces",
    );
    check_text("", "");
}

#[test]
fn what_nobody_sees_is_left_out() {
    let hidden = "<head><title>T</title></head><script>s</script><style>s</style><template>t</template>\
                  <select><option>o</select><textarea>t</textarea><svg><text>s</text></svg>\
                  <noscript>Turn scripts on</noscript><iframe>i</iframe><!-- c -->";
    check(&format!("{hidden}<p>Seen"), "Seen", "Seen");
}

#[test]
fn noscript_is_shown_where_nothing_else_is() {
    check_text(
        "<div id=app></div><noscript><p>The thread</noscript>",
        "The thread",
    );
    let thread = "word ".repeat(60);
    let (text, _) = whole(&format!("<p>Menu</p><noscript><p>{thread}</p></noscript>"));
    assert!(text.starts_with("Menu\n\nword word") && text.len() > 300);
}

#[test]
fn definition_lists_keep_terms_apart() {
    check(
        "<dl><dt>Frazil</dt><dd>Needles of ice.</dd><dt>Nilas</dt><dd>A thin crust.</dd></dl>",
        "Frazil\nNeedles of ice.\nNilas\nA thin crust.",
        "**Frazil**\n\nNeedles of ice.\n\n**Nilas**\n\nA thin crust.",
    );
}

#[test]
fn headings_keep_their_levels_and_lose_widgets() {
    check(
        "<h1>A</h1><h1>B</h1><h2>C</h2><h6>D</h6><div role=heading aria-level=3>E</div>",
        "A\n\nB\n\nC\n\nD\n\nE",
        "# A\n\n# B\n\n## C\n\n###### D\n\n### E",
    );
    let widgets = [
        "<div class=w><div href='/i/1/who'><svg></svg></div></div>",
        "<div><div><div id=x></div><button>Link</button></div></div>",
        "<a class=headerlink href='#who'>¶</a>",
        "<a href='#who'>#</a>",
        "<a class=anchor href='#who'>Direct link</a>",
        "<span class=mw-editsection>[<a href='?action=edit'>bearbeiten</a>]</span>",
        "<span>[<a href='/w/index.php?title=X&action=edit'>modifier</a>]</span>",
        "<span role=button>Copy</span>",
    ];
    for widget in widgets {
        check(
            &format!("<h2>Who pays{widget}</h2>"),
            "Who pays",
            "## Who pays",
        );
    }
    // What has no other text keeps it.
    check_markdown("<h2><button>Who pays?</button></h2>", "## Who pays?");
    check_markdown(
        "<h2><a href='#a1'>Who pays</a></h2>",
        "## [Who pays](https://paper.example/2026/page#a1)",
    );
    check_markdown(
        "<h3>Line<br>and <em>mark</em> #</h3>",
        "### Line and *mark* \\#",
    );
}

#[test]
fn code_keeps_its_lines_without_numbers() {
    let numbered = "<table class=highlighttable><tr><td class=linenos><div><pre><span>1</span>\n<span>2</span></pre></div>\
                    </td><td class=code><div><pre><code><span>def</span> f():\n    <span>return</span> 0</code></pre></div></td></tr></table>";
    check(
        numbered,
        "def f():\n    return 0",
        "```\ndef f():\n    return 0\n```",
    );
    let unmarked = numbered.replace("class=linenos", "");
    check(
        &unmarked,
        "def f():\n    return 0",
        "```\ndef f():\n    return 0\n```",
    );
    let right = "```js\nlet a = 1;\nlet b = 2;\n```";
    for inside in [
        "let a = 1;<br>let b = 2;",
        "<div>let a = 1;</div><div>let b = 2;</div>",
        "<span class=line><span class=lineno>1 </span>let a = 1;</span>\n<span class=line><span class=lineno>2 </span>let b = 2;</span>",
        "<table><tr><td class=hljs-ln-numbers><div class=hljs-ln-n></div></td><td>let a = 1;</td></tr>\
         <tr><td class=hljs-ln-numbers></td><td>let b = 2;</td></tr></table>",
        "<button>Copy</button>let a = 1;\nlet b = 2;\n",
    ] {
        check_markdown(
            &format!("<pre><code class=language-js>{inside}</code></pre>"),
            right,
        );
    }
    check_markdown(
        "<div class='highlight-source-js'><pre>let a = 1;\nlet b = 2;</pre></div>",
        right,
    );
    check_markdown(
        "<pre data-lang=js><code>let a = 1;\nlet b = 2;</code></pre>",
        right,
    );
    for named in [
        "<pre lang=js><code>",
        "<pre><code class='hljs js'>",
        "<pre class='sourceCode numberLines js'><code>",
    ] {
        check_markdown(
            &format!("{named}let a = 1;\nlet b = 2;</code></pre>"),
            right,
        );
    }
    check_markdown("<pre lang=en>a\nb</pre>", "```\na\nb\n```");
    check_markdown("<pre class='hljs undefined'>a\nb</pre>", "```\na\nb\n```");
    check_markdown("<pre class='brush: js'>let a = 1;\nlet b = 2;</pre>", right);
    check_markdown("<code class=lang-js>let a = 1;<br>let b = 2;</code>", right);
    check_markdown(
        "<pre><div>a</div><div><br></div><div>  <span> </span>b</div></pre>",
        "```\na\n\n   b\n```",
    );
    check_markdown("<pre>```\n````</pre>", "`````\n```\n````\n`````");
    check_markdown(
        "Run <code>a  `b`</code> or <kbd>c</kbd>",
        "Run `` a `b` `` or `c`",
    );
}

#[test]
fn pictures_are_found_where_they_are() {
    check_markdown(
        "<figure><img alt='' class=lazy width=687 height=60><noscript><img alt='The quay' \
         src='https://cdn.example/quay.png'></noscript><figcaption>The quay in January</figcaption></figure>",
        "![The quay](https://cdn.example/quay.png)\n\nThe quay in January",
    );
    for image in [
        "<img src='data:image/gif;base64,R0' data-src='/p.jpg' alt=Perch>",
        "<img data-original='/p.jpg' alt=Perch>",
        "<img srcset='/s.jpg 480w, /p.jpg 960w' alt=Perch>",
        "<amp-img src=/p.jpg alt=Perch></amp-img>",
        "<picture><source srcset=/p.jpg><img alt=Perch></picture>",
        "<img src=/p.jpg alt=Perch><noscript><img src=/p.jpg alt=Perch></noscript>",
        "<noscript><img src=/p.jpg alt=Perch></noscript>",
    ] {
        check(
            &format!("<p>{image}</p><p>x"),
            "x",
            "![Perch](https://paper.example/p.jpg)\n\nx",
        );
    }
    check_markdown(
        "<p>a<noscript><img src=/count width=1 height=1></noscript>",
        "a",
    );
}

#[test]
fn captions_and_summaries_stand_apart() {
    check(
        "<figure><img src=/quay.png alt='The quay'><figcaption>The quay at noon</figcaption></figure>\
         <details><summary>Who pays?</summary>Nobody yet.</details>",
        "The quay at noon\n\nWho pays?\n\nNobody yet.",
        "![The quay](https://paper.example/quay.png)\n\nThe quay at noon\n\n**Who pays?**\n\nNobody yet.",
    );
    check(
        "<table><caption>Ice</caption><tr><th>Day<th>cm<tr><td>1<td>2</table>",
        "Ice\n\nDay\tcm\n1\t2",
        "Ice\n\n| Day | cm |\n| --- | --- |\n| 1 | 2 |",
    );
}

#[test]
fn tables_keep_their_cells_apart() {
    check(
        "<table><tr><th>Port<th>Day<th>Ice, cm<tr><td rowspan=2>Lindholm<td>Monday<td>12<tr><td>Tuesday<td>14</table>",
        "Port\tDay\tIce, cm\nLindholm\tMonday\t12\nTuesday\t14",
        "| Port | Day | Ice, cm |\n| --- | --- | --- |\n| Lindholm | Monday | 12 |\n| | Tuesday | 14 |",
    );
    check_markdown(
        "<table><tr><td colspan=2>a|b<td>c<tr><td>1<td>2<td>3<br>4</table>",
        "| | | |\n| --- | --- | --- |\n| a\\|b | | c |\n| 1 | 2 | 3 4 |",
    );
    check_markdown(
        "<table><tr><th>A<th>B<tr><td><ul><li>x<li>y</ul><td><p>p<p>q</table>",
        "| A | B |\n| --- | --- |\n| x y | p q |",
    );
    // Tables that only place things: their cells are paragraphs.
    for attributes in ["", " role=presentation"] {
        check(
            &format!("<table{attributes}><tr><td><h2>A</h2><p>b</p><td><p>c</table>"),
            "A\n\nb\n\nc",
            "## A\n\nb\n\nc",
        );
    }
    check_markdown(
        "<table><tr><td>out<td><table><tr><th>a<th>b<tr><td>c<td>d</table></table>",
        "out\n\n| a | b |\n| --- | --- |\n| c | d |",
    );
    check_markdown(
        "<ul><li>x<table><tr><th>a<tr><td>b</table></ul>",
        "- x\n\n  | a |\n  | --- |\n  | b |",
    );
}

#[test]
fn lists_are_nested_as_they_are() {
    check_markdown(
        "<ul><li>a<ul><li>b<ol start=3><li>c<li>d</ol></ul><li>e</ul>",
        "- a\n  - b\n\n    3. c\n    4. d\n- e",
    );
    // A list that stands in a list and in no item belongs to the item before.
    check_markdown(
        "<ul><li>a</li><ul><li>b</li></ul><li>c</li></ul>",
        "- a\n  - b\n- c",
    );
    check_markdown("<ul><li>a</ul><ul><li>b</ul>", "- a\n\n* b");
    check_markdown("<ol><li>a<li value=7>b<li>c</ol>", "1. a\n7. b\n8. c");
    check_markdown(
        "<ol><li><p>a<p>b<li><pre>c</pre></ol>",
        "1. a\n\n   b\n2. ```\n   c\n   ```",
    );
    check_markdown(
        "<blockquote><p>a<ul><li>b</ul></blockquote>",
        "> a\n>\n> - b",
    );
    check_markdown("<li>a<li>b", "a\n\nb");
}

#[test]
fn notes_stand_in_quotes() {
    check_markdown(
        "<div class='admonition warning'><p class=admonition-title>Warning</p><p>Thin ice.</p></div>",
        "> **Warning**\n>\n> Thin ice.",
    );
}

#[test]
fn references_to_notes_are_not_glued() {
    let html = "<p>Ice<sup><a href='#n1'>1</a></sup> melts<sup id=r><a href='#c'>[2]</a></sup>.</p>\
                <ol><li id=n1>A note. <a href='#r1'>↩</a></li></ol>";
    check(
        html,
        "Ice[1] melts[2].\n\nA note.",
        "Ice[\\[1\\]](https://paper.example/2026/page#n1) melts[\\[2\\]](https://paper.example/2026/page#c).\n\n1. A note.",
    );
}

#[test]
fn formulas_are_there_once() {
    let mathml = "<math><semantics><mrow><msup><mi>a</mi><mn>2</mn></msup></mrow>\
                  <annotation encoding='application/x-tex'>a^2</annotation></semantics></math>";
    let katex = format!(
        "<span class=katex><span class=katex-mathml>{mathml}</span>\
         <span class=katex-html aria-hidden=true><span>a</span><span>2</span></span></span>"
    );
    let mathjax = format!(
        "<mjx-container><mjx-math aria-hidden=true>a2</mjx-math><mjx-assistive-mml>{mathml}</mjx-assistive-mml></mjx-container>"
    );
    let script = "<span class=MathJax_Preview>a2</span><script type='math/tex'>a^2</script>";
    for formula in [mathml, &katex, &mathjax, script] {
        let html = format!("<p>So {formula} grows.</p>");
        check(&html, "So a^2 grows.", "So a^2 grows.");
    }
    check_text(
        "<p>x<math display=block><mi>y</mi><mo>=</mo><mn>1</mn></math>z",
        "x\ny=1\nz",
    );
    check_markdown(
        "<p><math alttext='\\frac{a}{b_1}'><mi>a</mi></math>",
        "\\frac{a}{b_1}",
    );
}

#[test]
fn readings_stand_in_brackets() {
    for ruby in [
        "<ruby>漢<rt>かん</rt>字<rt>じ</rt></ruby>",
        "<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp>字<rp>(</rp><rt>じ</rt><rp>)</rp></ruby>",
    ] {
        check(ruby, "漢(かん)字(じ)", "漢(かん)字(じ)");
    }
    check_text("He said <q>no </q>twice", "He said \"no\" twice");
}

#[test]
fn shadow_roots_stand_in_their_hosts() {
    check_text(
        "<div><template shadowrootmode=open><p>Shadow</p><slot></slot><p>after</p></template><p>Light</p></div>",
        "Shadow\n\nLight\n\nafter",
    );
    check(
        "<x-card><template shadowrootmode=open><h2><slot name=title>No title</slot></h2><slot></slot>\
         <slot name=foot>No foot</slot></template><p>Body</p><b slot=title>Title</b></x-card>",
        "Title\n\nBody\n\nNo foot",
        "## **Title**\n\nBody\n\nNo foot",
    );
    // A slot in what another host holds belongs to the shadow root around that.
    check_text(
        "<x-a><template shadowrootmode=open><x-b><template shadowrootmode=open>[<slot></slot>]</template>\
         <slot></slot></x-b></template>in</x-a>",
        "[in]",
    );
}

#[test]
fn addresses_are_absolute() {
    check_markdown(
        "<base href='/in/'><a href=rel>link</a> <img src=/a.jpg alt=A> <a href='javascript:x()'>script</a> \
         <a href='data:,x'>data</a> <a href='mailto:a@b.example'>mail</a> <a href='/x'></a>",
        "[link](https://paper.example/in/rel) ![A](https://paper.example/a.jpg) script data [mail](mailto:a@b.example)",
    );
}

#[test]
fn marks_are_written_where_they_are_read() {
    check_markdown(
        "<b>a</b> <i>b</i> <s>c</s> <b><i>d</i></b>",
        "**a** *b* ~~c~~ **_d_**",
    );
    check_markdown("un<b>frozen</b> <b> x </b>y", "un**frozen** **x** y");
    check_markdown("<b>a</b><b>b</b> <i></i><b><b>c</b></b>", "**ab** **c**");
    check_markdown("漢<b>「字」</b>漢", "漢「字」漢");
    check_markdown("<b>Hello!</b> and <i>(so)</i>", "**Hello!** and *(so)*");
    check_markdown(
        "<a href=/x>a <b>b</b></a>",
        "[a **b**](https://paper.example/x)",
    );
    check_markdown(
        "<table><tr><th>x<th><a href=/x><b><i>|</i><s><i>|</i></s></b></a><tr><td>1<td>2</table>",
        "| x | [**_\\|_~~*\\|*~~**](https://paper.example/x) |\n| --- | --- |\n| 1 | 2 |",
    );
}

#[test]
fn only_what_needs_it_is_escaped() {
    for text in [
        "snake_case and 2 * 3 * 4 = 24",
        "[1] a [b] (c) {d} #e -f +g !h a.b",
        "C:\\dir & co; AT&T 100 % < 200 > 100",
        "1.5 and 2) and a | b",
    ] {
        check_markdown(
            &format!("<p>{}</p>", text.replace('&', "&amp;").replace('<', "&lt;")),
            text,
        );
    }
    for (html, right) in [
        ("*a* _b_ ~c~ `d`", "\\*a\\* \\_b\\_ \\~c\\~ \\`d\\`"),
        ("# a", "\\# a"),
        ("1. a", "1\\. a"),
        ("- a<br>+ b<br>===", "\\- a\\\n\\+ b\\\n\\==="),
        ("a<br>---|---", "a\\\n\\---|---"),
        ("[a](b) [c]: d", "[a\\](b) [c\\]: d"),
        ("&amp;amp; &lt;b&gt; \\*", "\\&amp; \\<b> \\\\\\*"),
        ("!<a href=/x>a]</a>", "\\![a\\]](https://paper.example/x)"),
    ] {
        check_markdown(&format!("<p>{html}</p>"), right);
    }
}
