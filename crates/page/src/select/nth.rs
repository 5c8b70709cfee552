//! `an+b`.

/// The numbers `a·n + b` for n from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nth {
    pub(super) a: i64,
    pub(super) b: i64,
}

impl Nth {
    /// Whether a number, from 1, is among them.
    pub(super) fn has(self, number: u32) -> bool {
        let rest = i64::from(number) - self.b;
        match self.a {
            0 => rest == 0,
            a => rest % a == 0 && rest / a >= 0,
        }
    }

    /// Reads `odd`, `even`, `3`, `2n`, `-n+3`, `2n + 1`; gives what follows too. `None` if it is none of these.
    pub(super) fn read(text: &str) -> Option<(Nth, &str)> {
        for (name, b) in [("odd", 1), ("even", 0)] {
            if let Some(word) = text.get(..name.len())
                && word.eq_ignore_ascii_case(name)
            {
                return Some((Nth { a: 2, b }, &text[name.len()..]));
            }
        }
        let (sign, rest) = sign(text).unwrap_or((1, text));
        let (number, rest) = digits(rest);
        let Some(rest) = rest.strip_prefix(['n', 'N']) else {
            let b = sign * number?;
            return Some((Nth { a: 0, b }, rest));
        };
        let a = sign * number.unwrap_or(1);
        let Some((sign, after)) = self::sign(rest.trim_start()) else {
            return Some((Nth { a, b: 0 }, rest));
        };
        let (number, rest) = digits(after.trim_start());
        Some((
            Nth {
                a,
                b: sign * number?,
            },
            rest,
        ))
    }
}

fn sign(text: &str) -> Option<(i64, &str)> {
    match text.as_bytes().first()? {
        b'+' => Some((1, &text[1..])),
        b'-' => Some((-1, &text[1..])),
        _ => None,
    }
}

/// A number; greater ones than any count of siblings are cut.
fn digits(text: &str) -> (Option<i64>, &str) {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(length);
    let number = digits.bytes().fold(0i64, |number, digit| {
        (number * 10 + i64::from(digit - b'0')).min(1 << 40)
    });
    ((length > 0).then_some(number), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_read() {
        for (text, a, b, rest) in [
            ("odd", 2, 1, ""),
            ("EVEN)", 2, 0, ")"),
            ("3", 0, 3, ""),
            ("-3", 0, -3, ""),
            ("n", 1, 0, ""),
            ("-n+3)", -1, 3, ")"),
            ("2n + 1 of a", 2, 1, " of a"),
            ("+5N-2", 5, -2, ""),
            ("2n of", 2, 0, " of"),
        ] {
            assert_eq!(Nth::read(text), Some((Nth { a, b }, rest)), "{text}");
        }
        for text in ["", "x", "+", "2n+", "-"] {
            assert_eq!(Nth::read(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_match() {
        let has = |a, b| (1..=7).filter(|n| Nth { a, b }.has(*n)).collect::<Vec<_>>();
        assert_eq!(has(2, 1), [1, 3, 5, 7]);
        assert_eq!(has(-1, 3), [1, 2, 3]);
        assert_eq!(has(3, -1), [2, 5]);
        assert_eq!(has(0, 4), [4]);
        assert!(has(-2, 0).is_empty());
    }
}
