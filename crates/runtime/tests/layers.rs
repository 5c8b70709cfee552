//! The source itself: each room imports only from those before it, and no files of one room import each other in a
//! circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each knows those before it, and none after it.
const ROOMS: [&str; 13] = [
    "named", "random", "units", "value", "error", "metrics", "abi", "executor", "compile", "cache",
    "engine", "module", "instance",
];
/// The last one.
const TOP: &str = "pool";

fn position(room: &str) -> usize {
    let mut rooms = ROOMS.iter().chain([&TOP]);
    rooms
        .position(|known| *known == room)
        .unwrap_or_else(|| panic!("{room} has no place in the order of rooms"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// A file: its room, and its name inside it; `mod` for the room itself.
fn place(path: &Path) -> (String, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let path = path.strip_prefix(root).expect("a source");
    let parts: Vec<_> = path
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    match parts.as_slice() {
        [room] => (room.clone(), "mod".into()),
        [room, file] => (room.clone(), file.clone()),
        _ => panic!("{} is deeper than a room", path.display()),
    }
}

/// What the code of a file names after one of these words, without its tests and comments: `crate::engine` gives
/// `engine`, `super::{a, b::C}` gives `a` and `b`.
fn named(text: &str, word: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices(word) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|before| before.is_alphanumeric() || "_:)".contains(before)) {
            continue; // `pub(crate)::`, or the end of a longer path
        }
        let rest = &code[at + word.len()..];
        let name = |text: &str| -> String {
            let text = text.trim_start();
            let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
            text[..end.unwrap_or(text.len())].into()
        };
        match rest.strip_prefix('{') {
            Some(list) => {
                // Of the list itself, and of no list within it.
                let mut depth = 0;
                let mut start = 0;
                for (index, character) in list.char_indices() {
                    match character {
                        '{' => depth += 1,
                        '}' if depth == 0 => {
                            found.insert(name(&list[start..index]));
                            break;
                        }
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            found.insert(name(&list[start..index]));
                            start = index + 1;
                        }
                        _ => {}
                    }
                }
            }
            None => {
                found.insert(name(rest));
            }
        }
    }
    found.remove("");
    found
}

fn all() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&root).into_iter().filter(|path| {
        path.file_name()
            .is_some_and(|name| name != "lib.rs" || path.parent() != Some(&root))
    });
    files
        .map(|path| {
            let (room, file) = place(&path);
            (room, file, fs::read_to_string(&path).expect("text"))
        })
        .collect()
}

#[test]
fn every_room_imports_only_from_rooms_before_it() {
    let files = all();
    assert!(files.len() > 60, "{}", files.len());
    let mut wrong = Vec::new();
    for (room, file, text) in &files {
        for other in named(text, "crate::") {
            if other != *room && position(&other) > position(room) {
                wrong.push(format!("{room}/{file}.rs imports {other}"));
            }
        }
    }
    assert_eq!(wrong, [""; 0], "an arrow back");
}

#[test]
fn no_files_of_a_room_import_each_other_in_a_circle() {
    let files = all();
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (room, file, text) in &files {
        let names = |other: &String| files.iter().any(|(r, f, _)| r == room && f == other);
        let own = format!("crate::{room}::");
        let mut others: BTreeSet<String> = named(text, &own);
        if file == "mod" {
            // What it declares and offers is no import of its own.
            continue;
        }
        others.extend(named(text, "super::"));
        for other in others {
            // A name that is no file is one that the room itself has.
            let other = if names(&other) { other } else { "mod".into() };
            let from = imports.entry(format!("{room}/{file}")).or_default();
            from.insert(format!("{room}/{other}"));
        }
    }
    // Takes away what imports nothing that is left, until only circles are.
    loop {
        let ends: BTreeSet<String> = imports
            .iter()
            .filter(|(_, others)| !others.iter().any(|other| imports.contains_key(other)))
            .map(|(file, _)| file.clone())
            .collect();
        if ends.is_empty() {
            break;
        }
        imports.retain(|file, _| !ends.contains(file));
    }
    assert!(imports.is_empty(), "in circles: {imports:#?}");
}

#[test]
fn names_are_found_in_every_form_that_an_import_has() {
    let text = "use crate::a::B;\nuse crate::{c, d::{E, f::G}, h};\n// crate::comment\nfn x() { crate::i::j() }\n\
                use other::crate::k;\npub(crate) fn y() {}\n#[cfg(test)]\nmod tests { use crate::z; }";
    let found: Vec<_> = named(text, "crate::").into_iter().collect();
    assert_eq!(found, ["a", "c", "d", "h", "i"]);
}
