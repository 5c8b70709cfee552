//! Which marks can be written: CommonMark reads `*` as a mark only by what stands beside it.
//!
//! A pair is kept if, with its neighbours known, its opener can only be read as one that opens and its closer as one that
//! closes, and if no run of the same sign touches them: then openers and closers meet as they are nested. What cannot be
//! kept is dropped; the text is the same without it.

use super::escape::is_letter;
use super::inline::Mark;

/// A stretch of output, or a mark that may be written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Token {
    /// Written text: its first and last characters.
    Text(char, char),
    /// A mark begins.
    Open(Mark),
    /// A mark ends.
    Close(Mark),
}

/// Rounds after which all marks are dropped: each round costs a pass.
const MAX_ROUNDS: usize = 6;

/// How each token's mark is written: empty if it is dropped, or if the token is none. Marks are properly nested.
pub(super) fn signs(tokens: &[Token]) -> Vec<&'static str> {
    let mut signs = vec![""; tokens.len()];
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Open(mark) => {
                open.push(at);
                signs[at] = mark.sign();
            }
            Token::Close(mark) => {
                pairs.extend(open.pop().map(|opener| (opener, at)));
                signs[at] = mark.sign();
            }
            Token::Text(..) => {}
        }
    }
    for round in 0.. {
        let sides = sides(tokens, &signs);
        // `***` would be one run.
        for (opener, closer) in &pairs {
            if signs[*opener] == "*" && [opener, closer].iter().any(|at| sides[**at].touches('*')) {
                (signs[*opener], signs[*closer]) = ("_", "_");
            }
        }
        let sides = self::sides(tokens, &signs);
        let before = pairs.len();
        pairs.retain(|(opener, closer)| {
            let sign = signs[*opener].chars().next().unwrap_or_default();
            let is_kept =
                round < MAX_ROUNDS && sides[*opener].opens(sign) && sides[*closer].closes(sign);
            if !is_kept {
                (signs[*opener], signs[*closer]) = ("", "");
            }
            is_kept
        });
        if pairs.len() == before {
            break;
        }
    }
    signs
}

/// The characters on both sides; white space where there is none.
#[derive(Clone, Copy)]
struct Sides {
    before: char,
    after: char,
}

fn sides(tokens: &[Token], signs: &[&str]) -> Vec<Sides> {
    let ends = |at: usize| match tokens[at] {
        Token::Text(first, last) => Some((first, last)),
        _ => signs[at].chars().next().map(|sign| (sign, sign)),
    };
    let mut sides = Vec::with_capacity(tokens.len());
    let mut before = ' ';
    for at in 0..tokens.len() {
        sides.push(Sides { before, after: ' ' });
        before = ends(at).map_or(before, |(_, last)| last);
    }
    let mut after = ' ';
    for (at, side) in sides.iter_mut().enumerate().rev() {
        side.after = after;
        after = ends(at).map_or(after, |(first, _)| first);
    }
    sides
}

impl Sides {
    fn touches(self, sign: char) -> bool {
        self.before == sign || self.after == sign
    }

    fn opens(self, sign: char) -> bool {
        let Sides { before, after } = self;
        !self.touches(sign) && flanks(before, after) && (sign != '_' || !is_wordy(before))
    }

    fn closes(self, sign: char) -> bool {
        let Sides { before, after } = self;
        !self.touches(sign) && flanks(after, before) && (sign != '_' || !is_wordy(after))
    }
}

/// Whether a run that is between the two surely flanks what is `inside`. Characters that only some tables call
/// punctuation must do in both readings.
fn flanks(outside: char, inside: char) -> bool {
    !inside.is_whitespace()
        && (is_letter(inside) || outside.is_whitespace() || outside.is_ascii_punctuation())
}

/// Whether a character may be part of a word.
fn is_wordy(c: char) -> bool {
    !c.is_whitespace() && !c.is_ascii_punctuation()
}
