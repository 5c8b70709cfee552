//! Reads a date from tokens: the forms in which pages write days, times and zones.

use super::date::{Date, Order, Time, clock};
use super::months::month;
use super::tokens::Token;

/// Reads the tokens of a text.
pub(super) struct Reader<'t> {
    pub(super) tokens: &'t [Token<'t>],
    pub(super) order: Order,
}

impl<'t> Reader<'t> {
    /// The date that begins at this token, and the token after it.
    pub(super) fn date(&self, at: usize) -> Option<(Date, usize)> {
        let (mut date, mut next) = self.day(at)?;
        if date.time.is_none()
            && let Some((time, after)) = self.time_after(next)
        {
            date.time = Some(time);
            next = after;
        }
        Some((date, next))
    }

    fn day(&self, at: usize) -> Option<(Date, usize)> {
        let token = self.tokens.get(at)?;
        match token.digits() {
            8 | 14 => self.compact(at),
            4 => self.year_first(at),
            1 | 2 => self.numbers(at).or_else(|| self.day_month(at)),
            0 => self.month_day(at),
            _ => None,
        }
    }

    /// `20230105`, `20230105102030`.
    fn compact(&self, at: usize) -> Option<(Date, usize)> {
        let written = self.tokens[at].text;
        let number = |range: std::ops::Range<usize>| written.get(range)?.parse().ok();
        let mut date = Date::new(number(0..4)?, number(4..6)?, number(6..8)?)?;
        if written.len() == 14 {
            date.time = clock(number(8..10)?, number(10..12)?, number(12..14)?);
        }
        Some((date, at + 1))
    }

    /// `2023-01-05`, `2023/1/5`, `2023年1月5日`, `2023 January 5`, `2023-Jan-05`.
    fn year_first(&self, at: usize) -> Option<(Date, usize)> {
        let year = self.number(at, 4)?;
        let separator = self.tokens.get(at + 1)?;
        if let Some(month) = self.number(at + 2, 2) {
            let next = self.tokens.get(at + 3)?;
            let day = self.number(at + 4, 2)?;
            let tight = !separator.spaced && !self.tokens[at + 2].spaced;
            if matches!(separator.text, "-" | "/" | ".")
                && (tight || separator.text == ".")
                && next.text == separator.text
            {
                return Some((Date::new(year, month, day)?, at + 5));
            }
            let east_asian =
                separator.text.starts_with(['年', '년']) && next.text.starts_with(['月', '월']);
            let end = self
                .tokens
                .get(at + 5)
                .is_some_and(|token| token.text.starts_with(['日', '일']));
            return east_asian.then_some((Date::new(year, month, day)?, at + 5 + usize::from(end)));
        }
        let name = at + 1 + usize::from(matches!(separator.text, "-" | "," | "/" | "."));
        let month = self.month(name)?;
        let mut next = name + 1;
        while self
            .tokens
            .get(next)
            .is_some_and(|token| matches!(token.text, "-" | "." | "," | "/"))
            && next < name + 3
        {
            next += 1;
        }
        Some((Date::new(year, month, self.number(next, 2)?)?, next + 1))
    }

    /// `05.01.2023`, `1/5/2023`, `05-01-23`.
    fn numbers(&self, at: usize) -> Option<(Date, usize)> {
        let first = self.number(at, 2)?;
        let separator = self.tokens.get(at + 1)?;
        if !matches!(separator.text, "." | "/" | "-")
            || self.tokens.get(at + 3)?.text != separator.text
        {
            return None;
        }
        let second = self.number(at + 2, 2)?;
        let year = self.tokens.get(at + 4)?;
        let spaced = separator.spaced || self.tokens[at + 3].spaced;
        // `10.20.30.40` is no date, nor is `1-2-2023-4`.
        let more = self.tokens.get(at + 5).is_some_and(|token| {
            !token.spaced
                && token.text == separator.text
                && self
                    .tokens
                    .get(at + 6)
                    .is_some_and(|t| t.digits() > 0 && !t.spaced)
        });
        if spaced || more {
            return None;
        }
        let year = match year.digits() {
            4 => self.number(at + 4, 4)?,
            2 => 2000 + self.number(at + 4, 2)?,
            _ => return None,
        };
        let order = if separator.text == "." {
            Order::DayFirst
        } else {
            self.order
        };
        let (month, day) = match order {
            _ if first > 12 => (second, first),
            _ if second > 12 || first == second => (first, second),
            Order::DayFirst => (second, first),
            Order::MonthFirst => (first, second),
            Order::Unknown => return None,
        };
        Some((Date::new(year, month, day)?, at + 5))
    }

    /// `5 January 2023`, `5. Januar 2023`, `1er janvier 2023`, `5 de enero de 2023`, `05-Jan-2023`, `5th of January, 2023`.
    fn day_month(&self, at: usize) -> Option<(Date, usize)> {
        let day = self.number(at, 2)?;
        let mut next = at + 1;
        let between = |token: &Token<'_>| {
            matches!(token.text, "." | "-" | "," | "/" | "º" | "°" | "ª")
                || is_any(
                    token.text,
                    &["st", "nd", "rd", "th", "er", "of", "de", "di", "do", "d"],
                )
        };
        while next < at + 4 && self.tokens.get(next).is_some_and(between) {
            next += 1;
        }
        let month = self.month(next)?;
        let (year, next) = self.year_after(next + 1)?;
        Some((Date::new(year, month, day)?, next))
    }

    /// `January 5, 2023`, `Jan. 5th 2023`, `Jan 05 10:20:30 +0800 2023`.
    fn month_day(&self, at: usize) -> Option<(Date, usize)> {
        let month = self.month(at)?;
        let mut next = at + 1;
        while next < at + 3
            && self
                .tokens
                .get(next)
                .is_some_and(|token| matches!(token.text, "." | "-" | "/" | ","))
        {
            next += 1;
        }
        let day = self.number(next, 2)?;
        next += 1;
        if self
            .tokens
            .get(next)
            .is_some_and(|token| is_any(token.text, &["st", "nd", "rd", "th"]))
        {
            next += 1;
        }
        if let Some((year, next)) = self.year_after(next) {
            return Some((Date::new(year, month, day)?, next));
        }
        let (time, next) = self.time(next)?;
        let (year, next) = self.year_after(next)?;
        let mut date = Date::new(year, month, day)?;
        date.time = Some(time);
        Some((date, next))
    }

    /// A year, after a few words and marks that stand before one.
    fn year_after(&self, at: usize) -> Option<(u32, usize)> {
        let mut next = at;
        let before = |token: &Token<'_>| {
            matches!(token.text, "." | "," | "-" | "/")
                || is_any(token.text, &["de", "del", "of", "do"])
        };
        while next < at + 3 && self.tokens.get(next).is_some_and(before) {
            next += 1;
        }
        if let Some(year) = self.number(next, 4) {
            // `5 March 2023` and not the hour in `March 5, 1000:30`.
            return Some((year, next + 1));
        }
        let quote = matches!(self.tokens.get(next)?.text, "'" | "’");
        let dashed = next > at && self.tokens[next - 1].text == "-";
        let place = next + usize::from(quote);
        let year = self
            .number(place, 2)
            .filter(|_| (quote || dashed) && self.tokens[place].digits() == 2)?;
        Some((2000 + year, place + 1))
    }

    /// A time of day, after a few words and marks that stand before one.
    fn time_after(&self, at: usize) -> Option<(Time, usize)> {
        let mut next = at;
        let before = |token: &Token<'_>| {
            matches!(token.text, "," | "-" | "–" | "|" | "·" | "•" | "@" | "/")
                || is_any(
                    token.text,
                    &[
                        "t", "at", "um", "à", "a", "las", "alle", "ore", "às", "om", "kl", "on",
                    ],
                )
        };
        while next < at + 3 {
            if let Some(read) = self.time(next) {
                return Some(read);
            }
            if !self.tokens.get(next).is_some_and(before) {
                return None;
            }
            next += 1;
        }
        self.time(next)
    }

    /// `10:20`, `3:04 PM`, `10:20:30.5+02:00`, `102030Z`, `10h20`.
    fn time(&self, at: usize) -> Option<(Time, usize)> {
        let token = self.tokens.get(at)?;
        let mut next;
        let (mut hours, minutes, mut seconds);
        if matches!(token.digits(), 4 | 6) && at > 0 && is_any(self.tokens[at - 1].text, &["t"]) {
            let number = |range: std::ops::Range<usize>| token.text.get(range)?.parse().ok();
            (hours, minutes) = (number(0..2)?, number(2..4)?);
            seconds = number(4..6).unwrap_or(0);
            next = at + 1;
        } else {
            hours = self.number(at, 2)?;
            let separator = self.tokens.get(at + 1)?;
            if separator.text != ":" && (separator.text != "h" || separator.spaced) {
                return None;
            }
            minutes = self
                .number(at + 2, 2)
                .filter(|_| self.tokens[at + 2].digits() == 2)?;
            seconds = 0;
            next = at + 3;
            if self.is(next, ":")
                && let Some(read) = self.number(next + 1, 2)
            {
                seconds = read;
                next += 2;
                if (self.is(next, ".") || self.is(next, ","))
                    && self
                        .tokens
                        .get(next + 1)
                        .is_some_and(|t| t.digits() > 0 && !t.spaced)
                {
                    next += 2;
                }
            }
        }
        if let Some((afternoon, after)) = self.half(next) {
            if !(1..=12).contains(&hours) {
                return None;
            }
            hours = hours % 12 + if afternoon { 12 } else { 0 };
            next = after;
        } else if self
            .tokens
            .get(next)
            .is_some_and(|token| is_any(token.text, &["uhr", "h"]))
        {
            next += 1;
        }
        let mut time = clock(hours, minutes, seconds)?;
        if let Some((offset, after)) = self.offset(next) {
            time.offset = Some(offset);
            next = after;
        }
        Some((time, next))
    }

    /// `am`, `PM`, `p.m.`: whether it is the afternoon.
    fn half(&self, at: usize) -> Option<(bool, usize)> {
        let word = self.tokens.get(at)?.text;
        if is_any(word, &["am", "pm"]) {
            return Some((word.starts_with(['p', 'P']), at + 1));
        }
        let dotted = is_any(word, &["a", "p"])
            && self.is(at + 1, ".")
            && is_any(self.tokens.get(at + 2)?.text, &["m"]);
        dotted.then(|| {
            (
                word.starts_with(['p', 'P']),
                at + 3 + usize::from(self.is(at + 3, ".")),
            )
        })
    }

    /// A zone, in minutes east of UTC: `Z`, `+02:00`, `-0330`, `GMT+2`, `EST`.
    fn offset(&self, at: usize) -> Option<(i32, usize)> {
        let token = self.tokens.get(at)?;
        if matches!(token.text, "(") {
            return self
                .offset(at + 1)
                .filter(|_| self.tokens.get(at + 1).is_some_and(|t| t.text != "("));
        }
        if matches!(token.text, "+" | "-" | "−") {
            return self.signed(at);
        }
        let zone = match token.text {
            "Z" | "z" | "UTC" | "GMT" | "utc" | "gmt" => {
                return Some(self.signed(at + 1).unwrap_or((0, at + 1)));
            }
            "EST" => -300,
            "EDT" => -240,
            "CDT" => -300,
            "MST" => -420,
            "MDT" => -360,
            "PST" => -480,
            "PDT" => -420,
            "CET" | "MEZ" => 60,
            "CEST" | "MESZ" => 120,
            _ => return None,
        };
        Some((zone, at + 1))
    }

    fn signed(&self, at: usize) -> Option<(i32, usize)> {
        let sign = match self.tokens.get(at)?.text {
            "+" => 1,
            "-" | "−" => -1,
            _ => return None,
        };
        let number = self.tokens.get(at + 1).filter(|number| !number.spaced)?;
        let (hours, minutes, next): (u32, u32, usize) = match number.digits() {
            4 => (
                number.text.get(..2)?.parse().ok()?,
                number.text.get(2..)?.parse().ok()?,
                at + 2,
            ),
            1 | 2 => {
                let hours = number.text.parse().ok()?;
                match self
                    .is(at + 2, ":")
                    .then(|| self.number(at + 3, 2))
                    .flatten()
                {
                    Some(minutes) => (hours, minutes, at + 4),
                    None if self.tokens[at].spaced => return None,
                    None => (hours, 0, at + 2),
                }
            }
            _ => return None,
        };
        (hours <= 14 && minutes <= 59).then_some((sign * (hours * 60 + minutes) as i32, next))
    }

    /// The number at this place, if it has at most so many digits; a year has four.
    fn number(&self, at: usize, digits: usize) -> Option<u32> {
        let token = self.tokens.get(at)?;
        let fits = match digits {
            4 => token.digits() == 4,
            most => (1..=most).contains(&token.digits()),
        };
        token.text.parse().ok().filter(|_| fits)
    }

    fn month(&self, at: usize) -> Option<u32> {
        month(self.tokens.get(at)?.text)
    }

    fn is(&self, at: usize, text: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.text == text)
    }
}

fn is_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}
