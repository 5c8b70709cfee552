//! Reading selectors.

use super::error::{Fault, SelectorError};
use super::nth::Nth;
use super::scanner::Scanner;
use super::syntax::{Combinator, Complex, Compound, List, Simple, Test};

/// The longest selector: nobody writes longer ones by hand, and each part costs a pass over the page.
const MAX_BYTES: usize = 4096;

/// Brackets within each other.
const MAX_DEPTH: usize = 16;

/// Where a selector begins.
const SELECTOR: &str = "a name, `*`, `.`, `#`, `[` or `:`";

/// Reads a list of selectors.
pub(super) fn parse(text: &str) -> Result<List, SelectorError> {
    if text.len() > MAX_BYTES {
        return Err(SelectorError {
            position: MAX_BYTES,
            fault: Fault::TooLong { allowed: MAX_BYTES },
        });
    }
    let mut parser = Parser {
        scanner: Scanner::new(text),
        depth: 0,
    };
    let list = parser.list(false)?;
    match parser.scanner.peek() {
        None => Ok(list),
        Some(_) => Err(parser.scanner.fault("a combinator, `,` or the end")),
    }
}

struct Parser<'s> {
    scanner: Scanner<'s>,
    depth: usize,
}

impl Parser<'_> {
    /// Selectors with commas between. In `:has()` each may begin with a combinator.
    fn list(&mut self, is_relative: bool) -> Result<List, SelectorError> {
        let mut list = Vec::new();
        loop {
            list.push(self.complex(is_relative)?);
            if !self.scanner.eat(",") {
                return Ok(list);
            }
        }
    }

    fn complex(&mut self, is_relative: bool) -> Result<Complex, SelectorError> {
        self.scanner.space();
        let mut combinator = Combinator::Descendant;
        if is_relative && let Some(first) = self.combinator() {
            combinator = first;
            self.scanner.space();
        }
        let mut parts = vec![(combinator, self.compound()?)];
        loop {
            let has_space = self.scanner.space();
            let combinator = match self.combinator() {
                Some(combinator) => {
                    self.scanner.space();
                    combinator
                }
                None if has_space && !matches!(self.scanner.peek(), None | Some(',' | ')')) => {
                    Combinator::Descendant
                }
                None => return Ok(Complex { parts }),
            };
            parts.push((combinator, self.compound()?));
        }
    }

    fn combinator(&mut self) -> Option<Combinator> {
        let combinator = match self.scanner.peek()? {
            '>' => Combinator::Child,
            '+' => Combinator::Next,
            '~' => Combinator::Later,
            _ => return None,
        };
        self.scanner.at += 1;
        Some(combinator)
    }

    fn compound(&mut self) -> Result<Compound, SelectorError> {
        let mut compound = Vec::new();
        if self.scanner.eat("*") {
            compound.push(Simple::Universal);
        } else if self.scanner.begins_name() {
            compound.push(Simple::Type(self.scanner.name(SELECTOR)?));
        }
        if self.scanner.rest().starts_with('|') && !self.scanner.rest().starts_with("||") {
            return Err(self.error(Fault::Namespace));
        }
        loop {
            let simple = match self.scanner.peek() {
                Some('.') => {
                    self.scanner.at += 1;
                    Simple::Class(self.scanner.name("the name of a class")?)
                }
                Some('#') => {
                    self.scanner.at += 1;
                    let id = self.scanner.name_characters();
                    if id.is_empty() {
                        return Err(self.scanner.fault("an id"));
                    }
                    Simple::Id(id)
                }
                Some('[') => self.attribute()?,
                Some(':') => self.pseudo_class()?,
                _ if compound.is_empty() => return Err(self.scanner.fault(SELECTOR)),
                _ => return Ok(compound),
            };
            compound.push(simple);
        }
    }

    fn attribute(&mut self) -> Result<Simple, SelectorError> {
        self.scanner.at += 1;
        self.scanner.space();
        let name = self.scanner.name("the name of an attribute")?;
        self.scanner.space();
        if self.scanner.rest().starts_with('|') && !self.scanner.rest().starts_with("|=") {
            return Err(self.error(Fault::Namespace));
        }
        let tests = [
            ("]", Test::Exists),
            ("=", Test::Equals),
            ("~=", Test::Word),
            ("|=", Test::Dash),
            ("^=", Test::Prefix),
            ("$=", Test::Suffix),
            ("*=", Test::Substring),
        ];
        let found = tests.iter().find(|(sign, _)| self.scanner.eat(sign));
        let Some((_, test)) = found else {
            return Err(self.scanner.fault("`]` or an operator"));
        };
        let mut value = String::new();
        let mut ignores_case = false;
        if *test != Test::Exists {
            self.scanner.space();
            value = match self.scanner.peek() {
                Some('"' | '\'') => self.scanner.string()?,
                _ => self.scanner.name("a name or a string")?,
            };
            self.scanner.space();
            ignores_case = self.scanner.eat("i") || self.scanner.eat("I");
            let _ = !ignores_case && (self.scanner.eat("s") || self.scanner.eat("S"));
            self.scanner.space();
            if !self.scanner.eat("]") {
                return Err(self.scanner.fault("`]`, or `i` or `s` before it"));
            }
        }
        Ok(Simple::Attribute {
            name,
            test: *test,
            value,
            ignores_case,
        })
    }

    fn pseudo_class(&mut self) -> Result<Simple, SelectorError> {
        let position = self.scanner.at;
        self.scanner.at += 1;
        if self.scanner.rest().starts_with(':') {
            return Err(SelectorError {
                position,
                fault: Fault::PseudoElement,
            });
        }
        let name = self.scanner.name("the name of a pseudo-class")?;
        let name = name.to_ascii_lowercase();
        if self.scanner.eat("(") {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(self.error(Fault::TooDeep { allowed: MAX_DEPTH }));
            }
            let simple = self.function(&name, position)?;
            self.scanner.space();
            if !self.scanner.eat(")") {
                return Err(self.scanner.fault("`)`"));
            }
            self.depth -= 1;
            return Ok(simple);
        }
        let nth = |from_end, of_type| Simple::Nth {
            nth: Nth { a: 0, b: 1 },
            from_end,
            of_type,
            of: None,
        };
        let compound = |compound: Compound| {
            let parts = vec![(Combinator::Descendant, compound)];
            Simple::Not(vec![Complex { parts }])
        };
        // The only child is the first and the last: nothing that is not one of them.
        let only = |of_type| {
            let not = |simple| compound(vec![simple]);
            let complex = |simple| Complex {
                parts: vec![(Combinator::Descendant, vec![simple])],
            };
            Simple::Not(vec![
                complex(not(nth(false, of_type))),
                complex(not(nth(true, of_type))),
            ])
        };
        Ok(match name.as_str() {
            "root" | "scope" => Simple::Root,
            "empty" => Simple::Empty,
            "first-child" => nth(false, false),
            "last-child" => nth(true, false),
            "first-of-type" => nth(false, true),
            "last-of-type" => nth(true, true),
            "only-child" => only(false),
            "only-of-type" => only(true),
            _ => return Err(unknown(name, position)),
        })
    }

    /// A pseudo-class with brackets, up to the closing one.
    fn function(&mut self, name: &str, position: usize) -> Result<Simple, SelectorError> {
        Ok(match name {
            "is" | "where" | "matches" => Simple::Is(self.list(false)?),
            "not" => Simple::Not(self.list(false)?),
            "has" => Simple::Has(self.list(true)?),
            "nth-child" => self.nth(false, false)?,
            "nth-last-child" => self.nth(true, false)?,
            "nth-of-type" => self.nth(false, true)?,
            "nth-last-of-type" => self.nth(true, true)?,
            _ => return Err(unknown(name.to_owned(), position)),
        })
    }

    fn nth(&mut self, from_end: bool, of_type: bool) -> Result<Simple, SelectorError> {
        self.scanner.space();
        let rest = self.scanner.rest();
        let Some((nth, after)) = Nth::read(rest) else {
            return Err(self.scanner.fault("`odd`, `even`, a number or `an+b`"));
        };
        self.scanner.at += rest.len() - after.len();
        let has_space = self.scanner.space();
        let is_of = has_space && !of_type && self.scanner.eat("of");
        let of = match is_of {
            true if self.scanner.space() => Some(self.list(false)?),
            true => return Err(self.scanner.fault("a space and a selector")),
            false => None,
        };
        Ok(Simple::Nth {
            nth,
            from_end,
            of_type,
            of,
        })
    }

    fn error(&self, fault: Fault) -> SelectorError {
        SelectorError {
            position: self.scanner.at,
            fault,
        }
    }
}

fn unknown(name: String, position: usize) -> SelectorError {
    SelectorError {
        position,
        fault: Fault::PseudoClass { name },
    }
}
