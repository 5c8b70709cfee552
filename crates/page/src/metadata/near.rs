//! The short texts around the heading: where bylines and dates stand that no markup names.

use super::value::{breaks, clean, head, is_unread};
use crate::html::{Document, NodeId, Tag};

/// Blocks of text that are looked at before and after the heading.
const BEFORE: usize = 6;
const AFTER: usize = 14;

/// Nodes that are looked at on each side.
const MAX_NODES: u32 = 600;

/// Bytes of a text node that count: what is longer is no byline.
const MAX_BYTES: usize = 400;

/// The texts after the heading, the nearest first, then those before it, the nearest first. White space is collapsed,
/// and a link or other inline element does not part a text.
pub(super) fn texts(document: &Document<'_>, heading: NodeId) -> Vec<String> {
    let end = document.end(heading).0;
    let after = blocks(document, end, end.saturating_add(MAX_NODES), AFTER, false);
    let before = blocks(
        document,
        heading.0.saturating_sub(MAX_NODES).max(1),
        heading.0,
        BEFORE,
        true,
    );
    after.into_iter().chain(before).collect()
}

/// The blocks of text between two nodes: the first `most`, or the last, the last one first.
fn blocks(document: &Document<'_>, from: u32, to: u32, most: usize, last: bool) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut block = String::new();
    // Where elements that begin new lines end, the innermost last.
    let mut ends: Vec<u32> = Vec::new();
    let finish = |block: &mut String, blocks: &mut Vec<String>| {
        blocks.extend(clean(block));
        block.clear();
    };
    let mut at = from;
    while at < to && (at as usize) < document.len() {
        while ends.last().is_some_and(|end| *end <= at) {
            ends.pop();
            finish(&mut block, &mut blocks);
        }
        if !last && blocks.len() >= most {
            break;
        }
        let node = NodeId(at);
        if let Some(text) = document.text(node) {
            block.push_str(head(text, MAX_BYTES));
        } else if let Some(tag) = document.tag(node) {
            if is_unread(document, node, tag) || matches!(tag, Tag::HEAD | Tag::H1) {
                at = document.end(node).0;
                continue;
            }
            if breaks(tag) {
                finish(&mut block, &mut blocks);
                ends.push(document.end(node).0);
            }
        }
        at += 1;
    }
    finish(&mut block, &mut blocks);
    if last {
        blocks.reverse();
    }
    blocks.truncate(most);
    blocks
}
