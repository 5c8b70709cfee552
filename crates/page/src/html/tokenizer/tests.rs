//! The tokenizer tests of html5lib.

use super::*;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Undoes the second escaping; `None` for text that is not UTF-8.
fn unescape(text: &str) -> Option<String> {
    let mut units = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("\\u") {
        units.extend(rest[..at].encode_utf16());
        units.push(u16::from_str_radix(&rest[at + 2..at + 6], 16).ok()?);
        rest = &rest[at + 6..];
    }
    units.extend(rest.encode_utf16());
    String::from_utf16(&units).ok()
}

fn unescape_all(value: &Value) -> Option<Value> {
    Some(match value {
        Value::String(text) => Value::String(unescape(text)?),
        Value::Array(values) => values.iter().map(unescape_all).collect::<Option<_>>()?,
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| Some((unescape(key)?, unescape_all(value)?)))
                .collect::<Option<_>>()?,
        ),
        other => other.clone(),
    })
}

fn tokens(input: &str, state: &str, last_start: Option<&str>) -> Vec<Value> {
    let mut tokenizer = Tokenizer::new(input);
    tokenizer.mode = match state {
        "Data state" => Mode::Data,
        "PLAINTEXT state" => Mode::Plaintext,
        "RCDATA state" => Mode::Rcdata,
        "RAWTEXT state" => Mode::Rawtext,
        "Script data state" => Mode::Script,
        "CDATA section state" => Mode::Cdata,
        other => panic!("{other}"),
    };
    tokenizer.last_start = last_start.map(|name| Tag(tokenizer.tag_names.number(name)));
    let mut tokens: Vec<Value> = Vec::new();
    loop {
        let name = |tokenizer: &Tokenizer<'_>| tokenizer.tag_names.name(tokenizer.tag.0).to_owned();
        let token = match tokenizer.next(false) {
            Token::EndOfFile => return tokens,
            Token::Text { text, .. } => {
                let text = tokenizer.resolve(text);
                if let Some([Value::String(kind), Value::String(before)]) = tokens
                    .last_mut()
                    .and_then(Value::as_array_mut)
                    .map(Vec::as_mut_slice)
                    && kind == "Character"
                {
                    before.push_str(text);
                    continue;
                }
                json!(["Character", text])
            }
            Token::Comment(text) => json!(["Comment", tokenizer.resolve(text)]),
            Token::End => json!(["EndTag", name(&tokenizer)]),
            Token::Start => {
                let attributes = tokenizer.tag_attributes().iter().map(|(attribute, value)| {
                    let key = tokenizer.attribute_names.name(attribute.0).to_owned();
                    (
                        key,
                        Value::String(tokenizer.value_text(*value).into_owned()),
                    )
                });
                let attributes: Map<String, Value> = attributes.collect();
                if tokenizer.self_closing {
                    json!(["StartTag", name(&tokenizer), attributes, true])
                } else {
                    json!(["StartTag", name(&tokenizer), attributes])
                }
            }
            Token::Doctype(it) => {
                json!(["DOCTYPE", it.name, it.public, it.system, !it.force_quirks])
            }
        };
        tokens.push(token);
    }
}

#[test]
fn html5lib_tokenizer_tests_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/pages/html5lib-tests/tokenizer");
    let Ok(files) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: ../shared has no html5lib tests");
        return;
    };
    let (mut passed, mut skipped, mut failed) = (0, 0, Vec::new());
    for file in files {
        let path = file.expect("an entry").path();
        if path.extension().is_none_or(|it| it != "test") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a file");
        let json: Value = serde_json::from_str(&text).expect("JSON");
        // The tests of `xmlViolationTests` are of another document model.
        for test in json["tests"].as_array().into_iter().flatten() {
            let double = test["doubleEscaped"] == true;
            let unescape = |value: &Value| {
                if double {
                    unescape_all(value)
                } else {
                    Some(value.clone())
                }
            };
            let (Some(input), Some(output)) = (unescape(&test["input"]), unescape(&test["output"]))
            else {
                skipped += 1; // a surrogate alone
                continue;
            };
            let default = json!(["Data state"]);
            let states = test.get("initialStates").unwrap_or(&default);
            for state in states.as_array().expect("states") {
                let state = state.as_str().expect("a state");
                let input = input.as_str().expect("text");
                let tokens = tokens(input, state, test["lastStartTag"].as_str());
                if Some(&tokens) == output.as_array() {
                    passed += 1;
                } else {
                    let what = &test["description"];
                    failed.push(format!(
                        "{what} ({state}) {input:?}\n  {output}\n  {tokens:?}"
                    ));
                }
            }
        }
    }
    eprintln!("{passed} passed, {skipped} skipped that are not UTF-8");
    assert!(failed.is_empty(), "{}: {}", failed.len(), failed.join("\n"));
    assert!(passed > 6_500, "{passed}");
}
