//! Lines with what stands before them: the signs of quotes and the indentation of lists.

use super::escape::longest_run;

/// Quotes and lists within each other that are shown. What is deeper stands in the deepest: an indentation that grew
/// with the depth would make the Markdown of deep lists quadratic.
const MAX_DEPTH: usize = 16;

/// What a container ended with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Paragraph,
    Other,
    /// An item of a list that goes on.
    Item,
    /// A list with this sign after its numbers, or as its bullets.
    List(char),
}

/// The document, a quote or an item of a list.
struct Container {
    /// What stands before its first line.
    marker: String,
    /// What stands before all other lines.
    prefix: String,
    is_begun: bool,
    /// The list that it is an item of.
    list: Option<usize>,
    last: Last,
}

struct List {
    sign: char,
    is_ordered: bool,
    /// Whether an item of it is written.
    is_begun: bool,
    /// Whether it is too deep to be shown as a list.
    is_flat: bool,
    /// The indentation of the last item that is written.
    indentation: usize,
    /// Whether it stands in the list around it and in no item, and so in the last item.
    is_adopted: bool,
}

pub(super) struct Lines {
    out: String,
    containers: Vec<Container>,
    lists: Vec<List>,
    /// Items and quotes that are too deep to be shown as such.
    flat: usize,
}

impl Lines {
    pub(super) fn new() -> Lines {
        Lines {
            out: String::new(),
            containers: vec![Container {
                marker: String::new(),
                prefix: String::new(),
                is_begun: true,
                list: None,
                last: Last::Nothing,
            }],
            lists: Vec::new(),
            flat: 0,
        }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    /// A paragraph; its lines are escaped where needed.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.block(text, Last::Paragraph);
    }

    pub(super) fn heading(&mut self, level: u8, text: &str) {
        let signs = "#".repeat(usize::from(level));
        self.block(&format!("{signs} {text}"), Last::Other);
    }

    /// A fenced block of code.
    pub(super) fn code(&mut self, language: &str, code: &str) {
        let fence = "`".repeat((longest_run(code, b'`') + 1).max(3));
        self.block(&format!("{fence}{language}\n{code}\n{fence}"), Last::Other);
    }

    /// A thematic break. In a list it is of another sign than bullets, which would make it one of theirs.
    pub(super) fn rule(&mut self) {
        let in_list = self
            .containers
            .iter()
            .any(|container| container.list.is_some());
        self.block(if in_list { "___" } else { "---" }, Last::Other);
    }

    /// Lines that are read as they stand: a table.
    pub(super) fn verbatim(&mut self, lines: &str) {
        self.block(lines, Last::Other);
    }

    pub(super) fn begin_quote(&mut self) {
        self.push("> ".to_owned(), "> ".to_owned(), None);
    }

    pub(super) fn end_quote(&mut self) {
        self.pop();
    }

    pub(super) fn begin_list(&mut self, is_ordered: bool) {
        let is_flat = self.flat > 0 || self.containers.len() > MAX_DEPTH;
        let is_adopted = !is_flat && self.adopt();
        let last = self.containers.last().map(|container| container.last);
        // Two lists side by side are told apart by their signs.
        let sign = match (is_ordered, last) {
            (false, Some(Last::List('-'))) => '*',
            (false, _) => '-',
            (true, Some(Last::List('.'))) => ')',
            (true, _) => '.',
        };
        self.lists.push(List {
            sign,
            is_ordered,
            is_begun: false,
            is_flat,
            indentation: 0,
            is_adopted,
        });
    }

    /// Goes on with the last item of the list around, if that has one and none is open.
    fn adopt(&mut self) -> bool {
        let Some(place) = self.lists.len().checked_sub(1) else {
            return false;
        };
        let Some(container) = self.containers.last() else {
            return false;
        };
        if container.last != Last::Item || container.list == Some(place) {
            return false;
        }
        self.containers.push(Container {
            marker: String::new(),
            prefix: " ".repeat(self.lists[place].indentation),
            is_begun: true,
            list: Some(place),
            last: Last::Paragraph,
        });
        true
    }

    pub(super) fn end_list(&mut self) {
        let Some(list) = self.lists.pop() else {
            return;
        };
        if let Some(container) = self.containers.last_mut()
            && list.is_begun
        {
            container.last = Last::List(list.sign);
        }
        if list.is_adopted {
            self.pop();
        }
    }

    /// Begins an item of the innermost list.
    pub(super) fn begin_item(&mut self, number: u32) {
        let Some(list) = self.lists.last().filter(|list| !list.is_flat) else {
            self.flat += 1;
            return;
        };
        let marker = if list.is_ordered {
            format!("{number}{} ", list.sign)
        } else {
            format!("{} ", list.sign)
        };
        let prefix = " ".repeat(marker.len());
        self.push(marker, prefix, Some(self.lists.len() - 1));
    }

    pub(super) fn end_item(&mut self) {
        self.pop();
    }

    fn push(&mut self, marker: String, prefix: String, list: Option<usize>) {
        if self.flat > 0 || self.containers.len() > MAX_DEPTH {
            self.flat += 1;
            return;
        }
        self.containers.push(Container {
            marker,
            prefix,
            is_begun: false,
            list,
            last: Last::Nothing,
        });
    }

    fn pop(&mut self) {
        if self.flat > 0 {
            self.flat -= 1;
            return;
        }
        if self.containers.len() > 1
            && let Some(container) = self.containers.pop()
            && container.is_begun
            && let Some(outer) = self.containers.last_mut()
        {
            outer.last = match container.list {
                Some(_) => Last::Item,
                None => Last::Other,
            };
        }
    }

    /// Writes a block that is not empty.
    fn block(&mut self, text: &str, last: Last) {
        self.part();
        for (place, line) in text.split('\n').enumerate() {
            if place > 0 {
                self.out.push('\n');
            }
            for container in &mut self.containers {
                let is_first = !container.is_begun;
                container.is_begun = true;
                let before = if is_first {
                    &container.marker
                } else {
                    &container.prefix
                };
                self.out.push_str(before);
            }
            if line.is_empty() {
                self.trim_line();
            }
            self.out.push_str(line);
        }
        for container in &self.containers {
            if let Some(list) = container.list.and_then(|list| self.lists.get_mut(list)) {
                list.is_begun = true;
                list.indentation = container.prefix.len();
            }
        }
        if let Some(container) = self.containers.last_mut() {
            container.last = last;
        }
    }

    /// Ends the line before, and parts blocks by an empty line where they are not items of one list.
    fn part(&mut self) {
        if self.out.is_empty() {
            return;
        }
        let begun = self
            .containers
            .iter()
            .take_while(|container| container.is_begun);
        let begun = begun.count();
        self.out.push('\n');
        if self.is_tight(begun) {
            return;
        }
        for container in &self.containers[..begun] {
            self.out.push_str(&container.prefix);
        }
        self.trim_line();
        self.out.push('\n');
    }

    /// Whether the next container needs no empty line before it.
    fn is_tight(&self, begun: usize) -> bool {
        let Some(next) = self.containers.get(begun) else {
            return false;
        };
        let Some(list) = next.list.and_then(|list| self.lists.get(list)) else {
            return false;
        };
        let outer = &self.containers[begun - 1];
        if list.is_begun {
            return outer.last == Last::Item;
        }
        // A list may follow the paragraph of its item directly, unless it begins with another number than 1.
        outer.list.is_some()
            && outer.last == Last::Paragraph
            && (!list.is_ordered || matches!(next.marker.trim_end(), "1." | "1)"))
    }

    fn trim_line(&mut self) {
        self.out.truncate(self.out.trim_end_matches(' ').len());
    }
}
