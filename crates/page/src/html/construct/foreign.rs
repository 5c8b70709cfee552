//! SVG and MathML.

use super::tags::{self, Flags};
use super::{Constructor, Step};
use crate::html::document::Kind;
use crate::html::names::{Attr, Tag};

/// The most open elements an end tag in SVG or MathML is compared with.
const REACH: usize = 512;

/// SVG's elements with capitals, sorted by their names in lower case.
const SVG_ELEMENTS: [&str; 37] = [
    "altGlyph",
    "altGlyphDef",
    "altGlyphItem",
    "animateColor",
    "animateMotion",
    "animateTransform",
    "clipPath",
    "feBlend",
    "feColorMatrix",
    "feComponentTransfer",
    "feComposite",
    "feConvolveMatrix",
    "feDiffuseLighting",
    "feDisplacementMap",
    "feDistantLight",
    "feDropShadow",
    "feFlood",
    "feFuncA",
    "feFuncB",
    "feFuncG",
    "feFuncR",
    "feGaussianBlur",
    "feImage",
    "feMerge",
    "feMergeNode",
    "feMorphology",
    "feOffset",
    "fePointLight",
    "feSpecularLighting",
    "feSpotLight",
    "feTile",
    "feTurbulence",
    "foreignObject",
    "glyphRef",
    "linearGradient",
    "radialGradient",
    "textPath",
];

/// SVG's attributes with capitals, sorted likewise.
const SVG_ATTRIBUTES: [&str; 58] = [
    "attributeName",
    "attributeType",
    "baseFrequency",
    "baseProfile",
    "calcMode",
    "clipPathUnits",
    "diffuseConstant",
    "edgeMode",
    "filterUnits",
    "glyphRef",
    "gradientTransform",
    "gradientUnits",
    "kernelMatrix",
    "kernelUnitLength",
    "keyPoints",
    "keySplines",
    "keyTimes",
    "lengthAdjust",
    "limitingConeAngle",
    "markerHeight",
    "markerUnits",
    "markerWidth",
    "maskContentUnits",
    "maskUnits",
    "numOctaves",
    "pathLength",
    "patternContentUnits",
    "patternTransform",
    "patternUnits",
    "pointsAtX",
    "pointsAtY",
    "pointsAtZ",
    "preserveAlpha",
    "preserveAspectRatio",
    "primitiveUnits",
    "refX",
    "refY",
    "repeatCount",
    "repeatDur",
    "requiredExtensions",
    "requiredFeatures",
    "specularConstant",
    "specularExponent",
    "spreadMethod",
    "startOffset",
    "stdDeviation",
    "stitchTiles",
    "surfaceScale",
    "systemLanguage",
    "tableValues",
    "targetX",
    "targetY",
    "textLength",
    "viewBox",
    "viewTarget",
    "xChannelSelector",
    "yChannelSelector",
    "zoomAndPan",
];

/// The name with capitals of one in lower case.
fn with_capitals(names: &[&'static str], lower: &str) -> Option<&'static str> {
    let compare = |name: &&str| {
        name.bytes()
            .map(|b| b.to_ascii_lowercase())
            .cmp(lower.bytes())
    };
    let place = names.binary_search_by(compare).ok()?;
    Some(names[place])
}

impl Constructor<'_> {
    /// Whether the start tag is HTML although the current node is SVG or MathML.
    pub(super) fn starts_html(&self) -> bool {
        let Some(top) = self.stack.top() else {
            return true;
        };
        let tag = self.tokenizer.tag;
        top.has(tags::HTML_POINT)
            || (top.has(tags::TEXT_POINT) && !matches!(tag, Tag::MGLYPH | Tag::MALIGNMARK))
            || (top.kind == Kind::MathMl && top.tag == Tag::ANNOTATION_XML && tag == Tag::SVG)
    }

    /// Whether text is HTML's although the current node is SVG or MathML.
    pub(super) fn takes_html_text(&self) -> bool {
        let points = tags::HTML_POINT | tags::TEXT_POINT;
        self.stack.top().is_none_or(|top| top.has(points))
    }

    /// A start tag; `Again` if it ended the SVG or MathML.
    pub(super) fn start_in_foreign(&mut self) -> Step {
        let tag = self.tokenizer.tag;
        let has = |name| self.tokenizer.tag_attribute(name).is_some();
        let breaks = tags::flags(tag) & tags::BREAKS_OUT != 0
            || (tag == Tag::FONT && (has(Attr::COLOR) || has(Attr::FACE) || has(Attr::SIZE)));
        if breaks {
            self.break_out();
            return Step::Again;
        }
        let kind = self.stack.top().map_or(Kind::Html, |top| top.kind);
        self.start_foreign(kind);
        Step::Done
    }

    fn break_out(&mut self) {
        let points = tags::HTML_POINT | tags::TEXT_POINT;
        while let Some(top) = self.stack.top()
            && top.kind != Kind::Html
            && !top.has(points)
        {
            self.pop();
        }
    }

    /// Inserts the tag's element as SVG or MathML.
    pub(super) fn start_foreign(&mut self, kind: Kind) {
        let name = self.tokenizer.tag;
        let mut tag = name;
        if kind == Kind::Svg {
            let spelled = self.tokenizer.tag_names.name(name.0);
            if let Some(spelled) = with_capitals(&SVG_ELEMENTS, spelled) {
                tag = Tag(self.tokenizer.tag_names.number(spelled));
            }
            self.tokenizer
                .rename_attributes(|name| with_capitals(&SVG_ATTRIBUTES, name));
        } else {
            self.tokenizer
                .rename_attributes(|name| (name == "definitionurl").then_some("definitionURL"));
        }
        let flags = self.foreign_flags(kind, tag);
        let attributes = self.tokenizer.keep_attributes();
        self.insert(name, tag, kind, attributes, flags);
        if self.tokenizer.self_closing {
            self.pop();
        }
    }

    fn foreign_flags(&self, kind: Kind, tag: Tag) -> Flags {
        let scope = tags::SPECIAL | tags::SCOPE | tags::BARRIER;
        match (kind, tag) {
            (Kind::Svg, Tag::FOREIGN_OBJECT | Tag::DESC | Tag::TITLE) => scope | tags::HTML_POINT,
            (Kind::MathMl, Tag::MI | Tag::MO | Tag::MN | Tag::MS | Tag::MTEXT) => {
                scope | tags::TEXT_POINT
            }
            (Kind::MathMl, Tag::ANNOTATION_XML) => {
                let encoding = self.tokenizer.tag_attribute(Attr::ENCODING);
                let is_html = encoding.is_some_and(|encoding| {
                    encoding.eq_ignore_ascii_case("text/html")
                        || encoding.eq_ignore_ascii_case("application/xhtml+xml")
                });
                scope | if is_html { tags::HTML_POINT } else { 0 }
            }
            _ => 0,
        }
    }

    /// An end tag; `Again` if it is for HTML.
    pub(super) fn end_in_foreign(&mut self) -> Step {
        let tag = self.tokenizer.tag;
        if matches!(tag, Tag::BR | Tag::P) {
            self.break_out();
            return Step::Again;
        }
        let lowest = self.stack.len().saturating_sub(REACH);
        for place in (lowest.max(1)..self.stack.len()).rev() {
            let Some(entry) = self.stack.get(place) else {
                return Step::Done;
            };
            if entry.kind == Kind::Html {
                return Step::Again;
            }
            if entry.tag == tag {
                self.pop_to(place);
                return Step::Done;
            }
        }
        Step::Done
    }
}
