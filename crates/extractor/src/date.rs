//! Dates as pages write them, made ISO 8601.
//!
//! By hand, because a date library's parsers would make the guest an eighth larger.

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// The date as ISO 8601: a day, or a day and a time with its offset as far as both are given. Fractions of a
/// second are dropped. Nothing where the text names no one day: an all-number form such as `01/02/2023` names two.
pub(crate) fn iso(written: &str) -> Option<String> {
    let mut moment = Moment::default();
    // In `2023-01-05T10:20:30+02:00` the day and the time are one word.
    let written = written.trim();
    let rest = match moment.read_numeric_day(written) {
        Some(rest) => rest,
        None => written,
    };
    for word in rest.split([' ', ',', '\t', '\n', '\u{a0}']) {
        if !word.is_empty() {
            moment.read_word(word)?;
        }
    }
    moment.format()
}

/// What has been read of a date so far. Each part may be read once.
#[derive(Default)]
struct Moment {
    /// Whether the day came in numbers; only then may a time do without colons, for it could be a year.
    numeric: bool,
    year: Option<u32>,
    month: Option<u32>,
    day: Option<u32>,
    /// Hours, minutes, seconds.
    time: Option<[u32; 3]>,
    /// Whether the hours count from noon.
    afternoon: Option<bool>,
    /// Minutes east of UTC.
    offset: Option<i32>,
}

impl Moment {
    /// `2023-01-05`, `2023/01/05` or `20230105` at the beginning; returns what follows, without the `T`.
    fn read_numeric_day<'a>(&mut self, written: &'a str) -> Option<&'a str> {
        let (year, rest) = digits(written, 4)?;
        let separator = rest.chars().next().filter(|c| matches!(c, '-' | '/'));
        let skip = |rest: &'a str| separator.map_or(Some(rest), |c| rest.strip_prefix(c));
        let (month, rest) = digits(skip(rest)?, 2)?;
        let (day, rest) = digits(skip(rest)?, 2)?;
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.numeric = true;
        (self.year, self.month, self.day) = (Some(year), Some(month), Some(day));
        Some(rest.strip_prefix(['T', 't']).unwrap_or(rest))
    }

    /// A word of the date, or nothing if it does not belong to one or comes a second time.
    fn read_word(&mut self, word: &str) -> Option<()> {
        let lower = word.trim_end_matches('.').to_ascii_lowercase();
        if let Some(month) = position(&MONTHS, &lower) {
            return put(&mut self.month, month as u32 + 1);
        }
        if position(&WEEKDAYS, &lower).is_some() || lower == "at" {
            return Some(());
        }
        match lower.as_str() {
            "am" | "pm" => return put(&mut self.afternoon, lower == "pm"),
            "z" | "utc" | "gmt" => return put(&mut self.offset, 0),
            _ => {}
        }
        if word.starts_with(['+', '-']) {
            return put(&mut self.offset, offset(word)?);
        }
        if let Some(time) = self.read_time(&lower) {
            return put(&mut self.time, time);
        }
        let end = lower
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(lower.len());
        let (number, suffix) = lower.split_at(end);
        match (number.len(), suffix) {
            (1 | 2, "" | "st" | "nd" | "rd" | "th") => put(&mut self.day, number.parse().ok()?),
            (4, "") => put(&mut self.year, number.parse().ok()?),
            _ => None,
        }
    }

    /// `10:20`, `10:20:30.5` or, after a day in numbers, `102030`; with it a zone that follows without a space.
    fn read_time(&mut self, word: &str) -> Option<[u32; 3]> {
        let hour_digits = if word.as_bytes().get(1) == Some(&b':') {
            1
        } else {
            2
        };
        let (hours, rest) = digits(word, hour_digits)?;
        let colons = rest.starts_with(':');
        if !colons && !self.numeric {
            return None;
        }
        let skip = |rest: &'_ str| -> Option<usize> {
            match (colons, rest.starts_with(':')) {
                (true, true) => Some(1),
                (false, false) => Some(0),
                _ => None,
            }
        };
        let (minutes, mut rest) = digits(&rest[skip(rest)?..], 2)?;
        let mut seconds = 0;
        if let Some((read, after)) = skip(rest).and_then(|at| digits(&rest[at..], 2)) {
            seconds = read;
            rest = after;
            if let Some(fraction) = rest.strip_prefix(['.', ',']) {
                rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            }
        }
        match rest {
            "" => {}
            "am" | "pm" => put(&mut self.afternoon, rest == "pm")?,
            "z" => put(&mut self.offset, 0)?,
            _ => put(&mut self.offset, offset(rest)?)?,
        }
        Some([hours, minutes, seconds])
    }

    fn format(self) -> Option<String> {
        let (year, month, day) = (self.year?, self.month?, self.day?);
        if !(1..=days_in(year, month)?).contains(&day) {
            return None;
        }
        let date = format!("{year:04}-{month:02}-{day:02}");
        let Some([mut hours, minutes, seconds]) = self.time else {
            return Some(date);
        };
        if let Some(afternoon) = self.afternoon {
            if !(1..=12).contains(&hours) {
                return None;
            }
            hours = hours % 12 + if afternoon { 12 } else { 0 };
        }
        // The 60th second is a leap second.
        if hours > 23 || minutes > 59 || seconds > 60 {
            return None;
        }
        let offset = match self.offset {
            None => String::new(),
            Some(0) => "Z".into(),
            Some(east) => {
                let sign = if east < 0 { '-' } else { '+' };
                let minutes = east.unsigned_abs();
                format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        };
        Some(format!(
            "{date}T{hours:02}:{minutes:02}:{seconds:02}{offset}"
        ))
    }
}

/// `+02:00`, `-0330` or `+02` as minutes east of UTC.
fn offset(word: &str) -> Option<i32> {
    let sign = if word.starts_with('-') { -1 } else { 1 };
    let (hours, rest) = digits(word.strip_prefix(['+', '-'])?, 2)?;
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    let (minutes, rest) = if rest.is_empty() {
        (0, "")
    } else {
        digits(rest, 2)?
    };
    let fits = rest.is_empty() && hours <= 14 && minutes <= 59;
    fits.then_some(sign * (hours * 60 + minutes) as i32)
}

/// The number in the first `count` characters, if these are digits, and what follows them.
fn digits(text: &str, count: usize) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(count)?;
    let all = number.bytes().all(|b| b.is_ascii_digit());
    all.then(|| number.parse().ok().map(|number| (number, rest)))?
}

/// Where `name` is in the list, in full or shortened to three or four letters.
fn position(names: &[&str], name: &str) -> Option<usize> {
    names
        .iter()
        .position(|full| *full == name || ((3..=4).contains(&name.len()) && full.starts_with(name)))
}

fn put<T>(part: &mut Option<T>, value: T) -> Option<()> {
    part.replace(value).is_none().then_some(())
}

fn days_in(year: u32, month: u32) -> Option<u32> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => Some(if leap { 29 } else { 28 }),
        4 | 6 | 9 | 11 => Some(30),
        1..=12 => Some(31),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::iso;

    #[test]
    fn dates_become_iso() {
        let cases = [
            ("2023-01-05", "2023-01-05"),
            ("20230105", "2023-01-05"),
            ("2023-01-05T10:20:30", "2023-01-05T10:20:30"),
            ("2023-01-05T10:20", "2023-01-05T10:20:00"),
            (" 2023-01-05 10:20:30Z ", "2023-01-05T10:20:30Z"),
            ("2023-01-05T10:20:30.123+00:00", "2023-01-05T10:20:30Z"),
            ("2023-01-05T10:20:30-0330", "2023-01-05T10:20:30-03:30"),
            ("2023-01-05 10:20:30 +0200", "2023-01-05T10:20:30+02:00"),
            ("Thu, 05 Jan 2023 10:20:30 GMT", "2023-01-05T10:20:30Z"),
            (
                "Thu, 5 Jan 2023 10:20:30 +0100",
                "2023-01-05T10:20:30+01:00",
            ),
            (
                "Thu Jan 05 10:20:30 +0800 2023",
                "2023-01-05T10:20:30+08:00",
            ),
            ("January 5, 2023", "2023-01-05"),
            ("Jan 5, 2023", "2023-01-05"),
            ("Thursday, January 5, 2023", "2023-01-05"),
            ("January 5, 2023 3:04 PM", "2023-01-05T15:04:00"),
            ("5 January 2023", "2023-01-05"),
            ("2023/01/05", "2023-01-05"),
            ("2023/01/05 10:20:30", "2023-01-05T10:20:30"),
            ("20230105T102030Z", "2023-01-05T10:20:30Z"),
            ("2024-02-29T12:00:00+00:00", "2024-02-29T12:00:00Z"),
            ("2023-01-05 10:20:30 UTC", "2023-01-05T10:20:30Z"),
            ("Sept. 5th, 2023 at 12:04am", "2023-09-05T00:04:00"),
        ];
        for (written, expected) in cases {
            assert_eq!(iso(written).as_deref(), Some(expected), "{written}");
        }
    }

    #[test]
    fn what_names_no_one_day_is_nothing() {
        for written in [
            "",
            "yesterday",
            "01/02/2023",
            "2023",
            "2023-13-01",
            "31 February 2023",
        ] {
            assert_eq!(iso(written), None, "{written}");
        }
    }
}
