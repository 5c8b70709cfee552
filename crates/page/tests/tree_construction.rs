//! The tree construction tests of html5lib, from the folder that `HTML5LIB_TREE_CONSTRUCTION` names.

use riptide_page::html::{self, Document, Namespace, NodeId, Tag};
use std::fmt::Write;

/// Tests that may differ, by their input: `selectedcontent` gets no copy of the option that is chosen, whose text would
/// be in the page twice.
const DIFFERENT: [&str; 4] = [
    "<select><button><selectedcontent></button><option>X",
    "<select><button><selectedcontent></button><option>x<i>i<b>ib</i>b",
    "<select><button><selectedcontent></button><option>X<option>Y",
    "<select><button><selectedcontent></button><option>X<option selected>Y",
];

#[derive(Default)]
struct Case {
    data: String,
    document: String,
    is_fragment: bool,
    needs_scripts: bool,
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut section = "";
    for line in text.split('\n') {
        if line == "#data" {
            cases.push(Case::default());
        }
        let Some(case) = cases.last_mut() else {
            continue;
        };
        let is_heading = matches!(
            line,
            "#data"
                | "#errors"
                | "#new-errors"
                | "#document"
                | "#document-fragment"
                | "#script-on"
                | "#script-off"
        );
        if is_heading {
            section = line;
            case.is_fragment |= line == "#document-fragment";
            case.needs_scripts |= line == "#script-on";
            continue;
        }
        let out = match section {
            "#data" => &mut case.data,
            "#document" => &mut case.document,
            _ => continue,
        };
        out.push_str(line);
        out.push('\n');
    }
    for case in &mut cases {
        case.data.pop();
        // A document of ours has no document type.
        let document = case.document.trim_end_matches('\n');
        let lines = document
            .split("\n| ")
            .map(|line| line.trim_start_matches("| "))
            .filter(|line| !line.starts_with("<!DOCTYPE"));
        case.document = lines.collect::<Vec<_>>().join("\n");
    }
    cases
}

/// The document as the tests write it, without the bar before each line.
fn dump(document: &Document<'_>) -> String {
    let mut out = String::new();
    let mut depths = vec![0usize; document.len()];
    for id in document.nodes() {
        let parent = document.parent(id).expect("a parent");
        let is_template = document.is(parent, Tag::TEMPLATE);
        let mut depth = match parent {
            NodeId::DOCUMENT => 0,
            parent => depths[parent.index()] + 1,
        };
        if is_template {
            depth += 1;
        }
        depths[id.index()] = depth;
        let indent = "  ".repeat(depth);
        if let Some(text) = document.text(id) {
            let _ = writeln!(out, "{indent}\"{text}\"");
        } else if let Some(comment) = document.comment(id) {
            let _ = writeln!(out, "{indent}<!-- {comment} -->");
        } else if let Some(tag) = document.tag(id) {
            let prefix = match document.namespace(id) {
                Namespace::Html => "",
                Namespace::Svg => "svg ",
                Namespace::MathMl => "math ",
            };
            let _ = writeln!(out, "{indent}<{prefix}{}>", document.tag_name(tag));
            let mut attributes: Vec<(String, &str)> = document
                .attributes(id)
                .map(|(name, value)| {
                    let name = document.attribute_name(name);
                    (spaced(name, !prefix.is_empty()), value)
                })
                .collect();
            attributes.sort();
            for (name, value) in attributes {
                let _ = writeln!(out, "{indent}  {name}=\"{value}\"");
            }
            if document.is(id, Tag::TEMPLATE) {
                let _ = writeln!(out, "{indent}  content");
            }
        }
    }
    out.trim_end_matches('\n').to_owned()
}

/// Attributes of SVG and MathML with a namespace are written with a blank.
fn spaced(name: &str, is_foreign: bool) -> String {
    const NAMES: [&str; 11] = [
        "xlink:actuate",
        "xlink:arcrole",
        "xlink:href",
        "xlink:role",
        "xlink:show",
        "xlink:title",
        "xlink:type",
        "xml:lang",
        "xml:space",
        "xmlns",
        "xmlns:xlink",
    ];
    if is_foreign && NAMES.contains(&name) {
        name.replace(':', " ")
    } else {
        name.to_owned()
    }
}

#[test]
fn html5lib_tree_construction_tests_pass() {
    let Some(folder) = std::env::var_os("HTML5LIB_TREE_CONSTRUCTION") else {
        eprintln!("skipped: HTML5LIB_TREE_CONSTRUCTION names no folder");
        return;
    };
    let (mut passed, mut fragments, mut scripts, mut different) = (0, 0, 0, 0);
    let mut failed = Vec::new();
    for file in std::fs::read_dir(folder).expect("the folder") {
        let path = file.expect("an entry").path();
        if path.extension().is_none_or(|it| it != "dat") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        for case in cases(&text) {
            if case.is_fragment {
                fragments += 1;
            } else if case.needs_scripts {
                scripts += 1;
            } else {
                let document = html::parse(&case.data).expect("parsed");
                let ours = dump(&document);
                if ours == case.document {
                    passed += 1;
                } else if DIFFERENT.contains(&case.data.as_str()) {
                    different += 1;
                } else {
                    let name = path.file_name().unwrap_or_default().display();
                    failed.push(format!(
                        "{name}: {:?}\nwanted:\n{}\ngot:\n{ours}\n",
                        case.data, case.document
                    ));
                }
            }
        }
    }
    eprintln!(
        "{passed} passed; skipped: {fragments} of fragments, {scripts} with scripts; {different} allowed to differ"
    );
    assert!(failed.is_empty(), "{}\n{}", failed.len(), failed.join("\n"));
    assert!(passed > 1_500, "{passed}");
}
