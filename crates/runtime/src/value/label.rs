//! Names of a type's parts.

use std::fmt;

/// The name of a field, a flag or a parameter: as WIT writes it (kebab-case), and as JavaScript does (camelCase).
#[derive(Clone)]
pub struct Label {
    wit: Box<str>,
    /// `None` if both are the same.
    camel: Option<Box<str>>,
}

impl Label {
    /// A name in kebab-case; empty for the parameters of a core function.
    pub fn new(wit: &str) -> Label {
        let camel = camel_case(wit);
        Label {
            wit: wit.into(),
            camel: (camel != wit).then(|| camel.into()),
        }
    }

    /// As WIT writes it.
    pub fn as_str(&self) -> &str {
        &self.wit
    }

    /// As JavaScript writes it.
    pub fn camel(&self) -> &str {
        self.camel.as_deref().unwrap_or(&self.wit)
    }
}

impl From<&str> for Label {
    fn from(wit: &str) -> Label {
        Label::new(wit)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.wit)
    }
}

/// `get-info` as JavaScript writes it: `getInfo`.
pub fn camel_case(kebab: &str) -> String {
    let mut camel = String::with_capacity(kebab.len());
    for (position, word) in kebab.split('-').enumerate() {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if position > 0 => camel.extend(first.to_uppercase()),
            Some(first) => camel.extend(first.to_lowercase()),
            None => {}
        }
        camel.push_str(letters.as_str());
    }
    camel
}
