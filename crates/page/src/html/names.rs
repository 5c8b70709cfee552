//! Names of elements and attributes as numbers. Known ones have constants; others are numbered by the document that has
//! them.

/// The name of an element. Names of unknown elements are numbers of one document only.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Tag(pub(super) u16);

/// The name of an attribute. Names of unknown attributes are numbers of one document only.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Attr(pub(super) u16);

macro_rules! names {
    ($type:ident: $($constant:ident $name:literal,)*) => {
        const _: () = {
            #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
            #[repr(u16)]
            enum Number { $($constant,)* }

            #[allow(missing_docs)] // each is called like its name
            impl $type {
                $(pub const $constant: $type = $type(Number::$constant as u16);)*

                /// The known names in the order of their numbers.
                pub(super) const KNOWN: &'static [&'static str] = &[$($name,)*];
            }
        };
    };
}

names! { Tag:
    A "a", ABBR "abbr", ACRONYM "acronym", ADDRESS "address", AMP_IMG "amp-img", APPLET "applet", AREA "area",
    ARTICLE "article", ASIDE "aside", AUDIO "audio", B "b", BASE "base", BASEFONT "basefont", BDI "bdi", BDO "bdo",
    BGSOUND "bgsound", BIG "big", BLOCKQUOTE "blockquote", BODY "body", BR "br", BUTTON "button", CANVAS "canvas",
    CAPTION "caption", CENTER "center", CITE "cite", CODE "code", COL "col", COLGROUP "colgroup", DATA "data",
    DATALIST "datalist", DD "dd", DEL "del", DETAILS "details", DFN "dfn", DIALOG "dialog", DIR "dir", DIV "div", DL "dl",
    DT "dt", EM "em", EMBED "embed", FIELDSET "fieldset", FIGCAPTION "figcaption", FIGURE "figure", FONT "font",
    FOOTER "footer", FORM "form", FRAME "frame", FRAMESET "frameset", H1 "h1", H2 "h2", H3 "h3", H4 "h4", H5 "h5",
    H6 "h6", HEAD "head", HEADER "header", HGROUP "hgroup", HR "hr", HTML "html", I "i", IFRAME "iframe", IMAGE "image",
    IMG "img", INPUT "input", INS "ins", KBD "kbd", KEYGEN "keygen", LABEL "label", LEGEND "legend", LI "li", LINK "link",
    LISTING "listing", MAIN "main", MAP "map", MARK "mark", MARQUEE "marquee", MATH "math", MENU "menu",
    MENUITEM "menuitem", META "meta", METER "meter", NAV "nav", NOBR "nobr", NOEMBED "noembed", NOFRAMES "noframes",
    NOSCRIPT "noscript", OBJECT "object", OL "ol", OPTGROUP "optgroup", OPTION "option", OUTPUT "output", P "p",
    PARAM "param", PICTURE "picture", PLAINTEXT "plaintext", PRE "pre", PROGRESS "progress", Q "q", RB "rb", RP "rp",
    RT "rt", RTC "rtc", RUBY "ruby", S "s", SAMP "samp", SCRIPT "script", SEARCH "search", SECTION "section",
    SELECT "select", SLOT "slot", SMALL "small", SOURCE "source", SPAN "span", STRIKE "strike", STRONG "strong",
    STYLE "style", SUB "sub", SUMMARY "summary", SUP "sup", SVG "svg", TABLE "table", TBODY "tbody", TD "td",
    TEMPLATE "template", TEXTAREA "textarea", TFOOT "tfoot", TH "th", THEAD "thead", TIME "time", TITLE "title", TR "tr",
    TRACK "track", TT "tt", U "u", UL "ul", VAR "var", VIDEO "video", WBR "wbr", XMP "xmp",
    // MathML and SVG, as far as tree construction and math as text know them.
    ANNOTATION "annotation", ANNOTATION_XML "annotation-xml", DESC "desc", FOREIGN_OBJECT "foreignObject",
    MALIGNMARK "malignmark", MGLYPH "mglyph", MI "mi", MN "mn", MO "mo", MS "ms", MTEXT "mtext", SEMANTICS "semantics",
}

names! { Attr:
    ABOUT "about", ALT "alt", ALTTEXT "alttext", ARIA_HIDDEN "aria-hidden", ARIA_LABEL "aria-label", ARIA_LEVEL "aria-level",
    ARIA_MODAL "aria-modal", CHARSET "charset", CITE "cite", CLASS "class", COLOR "color", COLSPAN "colspan", CONTENT "content",
    DATA_LANG "data-lang", DATA_LANGUAGE "data-language", DATA_SRC "data-src", DATA_SRCSET "data-srcset",
    DATETIME "datetime", DIR "dir", DISPLAY "display", ENCODING "encoding", FACE "face", HEIGHT "height", HIDDEN "hidden", HREF "href", HREFLANG "hreflang", HTTP_EQUIV "http-equiv", ID "id",
    ITEMID "itemid", ITEMPROP "itemprop", ITEMREF "itemref", ITEMSCOPE "itemscope", ITEMTYPE "itemtype", LANG "lang",
    MEDIA "media", NAME "name", OPEN "open", PROPERTY "property", PUBDATE "pubdate", REL "rel", RESOURCE "resource",
    ROLE "role", ROWSPAN "rowspan", SHADOWROOTMODE "shadowrootmode", SIZE "size", SIZES "sizes", SLOT "slot", SRC "src",
    SRCSET "srcset", START "start", STYLE "style", TITLE "title", TYPE "type", TYPEOF "typeof", VALUE "value", WIDTH "width",
    XML_LANG "xml:lang",
}
