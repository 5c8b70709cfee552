//! Which elements match, in sets.

use super::places::{elements, numbers, previous};
use super::syntax::{Combinator, Complex, Compound, List, Simple, Test};
use crate::bits::Bits;
use crate::html::{Attr, Document, Namespace, NodeId, Tag};
use std::cell::OnceCell;

/// Evaluates selectors on one page.
pub(super) struct Matcher<'a, 'h> {
    document: &'a Document<'h>,
    previous: OnceCell<Vec<u32>>,
}

impl<'a, 'h> Matcher<'a, 'h> {
    pub(super) fn new(document: &'a Document<'h>) -> Matcher<'a, 'h> {
        Matcher {
            document,
            previous: OnceCell::new(),
        }
    }

    /// What matches one of the selectors.
    pub(super) fn list(&self, list: &List) -> Bits {
        let mut all = Bits::new(self.document.len());
        for complex in list {
            for number in self.complex(complex).iter() {
                all.add(number);
            }
        }
        all
    }

    /// From the left: what matches the first part, then what stands as it should to that.
    fn complex(&self, complex: &Complex) -> Bits {
        let mut found: Option<Bits> = None;
        for (combinator, compound) in &complex.parts {
            let candidates = match found {
                Some(before) => self.after(*combinator, &before),
                None => self.all(),
            };
            found = Some(self.compound(compound, candidates));
        }
        found.unwrap_or_default()
    }

    /// Elements that have something which matches, from the right.
    fn has(&self, list: &List) -> Bits {
        let mut all = Bits::new(self.document.len());
        for complex in list {
            let mut found: Option<Bits> = None;
            for (combinator, compound) in complex.parts.iter().rev() {
                let candidates = found.take().unwrap_or_else(|| self.all());
                let matching = self.compound(compound, candidates);
                found = Some(self.before(*combinator, &matching));
            }
            for number in found.unwrap_or_default().iter() {
                all.add(number);
            }
        }
        all
    }

    fn all(&self) -> Bits {
        self.filled(|_| true)
    }

    fn filled(&self, is_in: impl Fn(NodeId) -> bool) -> Bits {
        let mut bits = Bits::new(self.document.len());
        for id in elements(self.document).filter(|id| is_in(*id)) {
            bits.add(id.0);
        }
        bits
    }

    fn previous(&self, id: NodeId) -> u32 {
        self.previous.get_or_init(|| previous(self.document))[id.index()]
    }

    /// What stands in a relation to one of a set.
    fn after(&self, combinator: Combinator, set: &Bits) -> Bits {
        let mut found = Bits::new(self.document.len());
        for id in elements(self.document) {
            let near = match combinator {
                Combinator::Child | Combinator::Descendant => {
                    self.document.parent(id).map(|id| id.0)
                }
                Combinator::Next | Combinator::Later => Some(self.previous(id)),
            };
            // Parents and previous siblings come before: what is known of them holds for this one.
            let is_in = near.is_some_and(|near| {
                let goes_on = matches!(combinator, Combinator::Descendant | Combinator::Later);
                set.has(near) || (goes_on && found.has(near))
            });
            if is_in {
                found.add(id.0);
            }
        }
        found
    }

    /// What one of a set stands in a relation to.
    fn before(&self, combinator: Combinator, set: &Bits) -> Bits {
        let mut found = Bits::new(self.document.len());
        for id in elements(self.document).rev() {
            let goes_on = matches!(combinator, Combinator::Descendant | Combinator::Later);
            let is_on_the_way = goes_on && found.has(id.0);
            if !is_on_the_way && !set.has(id.0) {
                continue;
            }
            let near = match combinator {
                Combinator::Child | Combinator::Descendant => {
                    self.document.parent(id).map_or(0, |id| id.0)
                }
                Combinator::Next | Combinator::Later => self.previous(id),
            };
            if near > 0 {
                found.add(near);
            }
        }
        found
    }

    /// Those of the candidates that meet all conditions.
    fn compound(&self, compound: &Compound, mut candidates: Bits) -> Bits {
        for simple in compound {
            candidates = self.simple(simple, &candidates);
        }
        candidates
    }

    fn simple(&self, simple: &Simple, candidates: &Bits) -> Bits {
        let document = self.document;
        match simple {
            Simple::Universal => candidates.clone(),
            Simple::Type(name) => {
                let exact = document.find_tag(name);
                let html = document.find_tag(&name.to_ascii_lowercase());
                self.keep(candidates, |id| {
                    let wanted = match document.namespace(id) {
                        Namespace::Html => html,
                        _ => exact,
                    };
                    wanted.is_some() && document.tag(id) == wanted
                })
            }
            Simple::Id(wanted) => self.keep(candidates, |id| {
                document.attribute(id, Attr::ID) == Some(wanted)
            }),
            Simple::Class(wanted) => self.keep(candidates, |id| {
                let class = document.attribute(id, Attr::CLASS).unwrap_or_default();
                class.split_ascii_whitespace().any(|word| word == wanted)
            }),
            Simple::Attribute {
                name,
                test,
                value,
                ignores_case,
            } => {
                let names = [
                    document.find_attribute(&name.to_ascii_lowercase()),
                    document.find_attribute(name),
                ];
                let lower = value.to_ascii_lowercase();
                self.keep(candidates, |id| {
                    let mut its = names.into_iter().flatten();
                    let Some(its) = its.find_map(|name| document.attribute(id, name)) else {
                        return false;
                    };
                    if *ignores_case {
                        passes(*test, &its.to_ascii_lowercase(), &lower)
                    } else {
                        passes(*test, its, value)
                    }
                })
            }
            Simple::Is(list) => {
                let matching = self.list(list);
                self.keep(candidates, |id| matching.has(id.0))
            }
            Simple::Not(list) => {
                let matching = self.list(list);
                self.keep(candidates, |id| !matching.has(id.0))
            }
            Simple::Has(list) => {
                let matching = self.has(list);
                self.keep(candidates, |id| matching.has(id.0))
            }
            Simple::Root => self.keep(candidates, |id| {
                document.is(id, Tag::HTML) && is_top(document, id)
            }),
            Simple::Empty => self.keep(candidates, |id| {
                document
                    .descendants(id)
                    .all(|child| document.comment(child).is_some())
            }),
            Simple::Nth {
                nth,
                from_end,
                of_type,
                of,
            } => {
                let counting = of.as_ref().map(|list| self.list(list));
                let numbers = numbers(document, *of_type, *from_end, counting.as_ref());
                self.keep(candidates, |id| {
                    let number = numbers[id.index()];
                    number > 0 && nth.has(number)
                })
            }
        }
    }

    fn keep(&self, candidates: &Bits, passes: impl Fn(NodeId) -> bool) -> Bits {
        let mut kept = Bits::new(self.document.len());
        for number in candidates.iter().filter(|number| passes(NodeId(*number))) {
            kept.add(number);
        }
        kept
    }
}

fn is_top(document: &Document<'_>, id: NodeId) -> bool {
    document.parent(id) == Some(NodeId::DOCUMENT)
}

/// Whether a value passes a test. An empty part is in no value.
fn passes(test: Test, value: &str, wanted: &str) -> bool {
    match test {
        Test::Exists => true,
        Test::Equals => value == wanted,
        Test::Word => {
            let mut words = value.split_ascii_whitespace();
            words.any(|word| word == wanted)
        }
        Test::Dash => value
            .strip_prefix(wanted)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-')),
        Test::Prefix => !wanted.is_empty() && value.starts_with(wanted),
        Test::Suffix => !wanted.is_empty() && value.ends_with(wanted),
        Test::Substring => {
            !wanted.is_empty()
                && memchr::memmem::find(value.as_bytes(), wanted.as_bytes()).is_some()
        }
    }
}
