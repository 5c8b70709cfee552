//! Dates as pages write them, made ISO 8601.
//!
//! The local day and time as written and the zone as far as one is given; nothing is converted. Fractions of a second are
//! dropped, a time that cannot be is left out, and a day that cannot be is no date.

use super::date_reader::Reader;
use super::tokens::tokens;

/// Which number is the day in `01/02/2023`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    DayFirst,
    MonthFirst,
    /// Such a date names two days, and so none.
    Unknown,
}

/// Years outside are mistakes of a clock or of a format.
const YEARS: std::ops::RangeInclusive<u32> = 1800..=2100;

/// Bytes of a text that are looked at.
const MAX_BYTES: usize = 512;

/// A date in a text.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    /// A day, or a day and a time with its offset as far as both are given.
    pub(super) iso: String,
    /// Where it stands, in bytes.
    pub(super) start: usize,
    /// Its end.
    pub(super) end: usize,
}

/// The date that a value names: seconds or milliseconds since 1970, or the first date in it.
pub(super) fn iso(written: &str, order: Order) -> Option<String> {
    let written = written.trim();
    epoch(written).or_else(|| find(written, order).map(|found| found.iso))
}

/// The first date in a text.
pub(super) fn find(text: &str, order: Order) -> Option<Found> {
    if !text.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    let tokens = tokens(text, MAX_BYTES);
    let reader = Reader {
        tokens: &tokens,
        order,
    };
    (0..tokens.len()).find_map(|at| {
        let (date, next) = reader.date(at)?;
        Some(Found {
            iso: date.iso(),
            start: tokens[at].start,
            end: tokens[next - 1].end,
        })
    })
}

/// A time of day.
#[derive(Clone, Copy)]
pub(super) struct Time {
    pub(super) hours: u32,
    pub(super) minutes: u32,
    pub(super) seconds: u32,
    /// Minutes east of UTC.
    pub(super) offset: Option<i32>,
}

/// A day that can be, and a time if there is one.
#[derive(Clone, Copy)]
pub(super) struct Date {
    year: u32,
    month: u32,
    day: u32,
    pub(super) time: Option<Time>,
}

impl Date {
    pub(super) fn new(year: u32, month: u32, day: u32) -> Option<Date> {
        let real = YEARS.contains(&year) && (1..=days_in(year, month)?).contains(&day);
        real.then_some(Date {
            year,
            month,
            day,
            time: None,
        })
    }

    fn iso(self) -> String {
        let Date {
            year, month, day, ..
        } = self;
        let mut out = format!("{year:04}-{month:02}-{day:02}");
        if let Some(time) = self.time {
            out += &format!("T{:02}:{:02}:{:02}", time.hours, time.minutes, time.seconds);
            match time.offset {
                None => {}
                Some(0) => out.push('Z'),
                Some(east) => {
                    let sign = if east < 0 { '-' } else { '+' };
                    let minutes = east.unsigned_abs();
                    out += &format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
                }
            }
        }
        out
    }
}

/// A time that can be; the 60th second is a leap second.
pub(super) fn clock(hours: u32, minutes: u32, seconds: u32) -> Option<Time> {
    let real = hours <= 23 && minutes <= 59 && seconds <= 60;
    real.then_some(Time {
        hours,
        minutes,
        seconds,
        offset: None,
    })
}

/// Seconds or milliseconds since 1970, of this century.
fn epoch(written: &str) -> Option<String> {
    if !matches!(written.len(), 10 | 13) || !written.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds: u32 = written.get(..10)?.parse().ok()?;
    if !(946_684_800..4_102_444_800).contains(&seconds) {
        return None;
    }
    let (mut days, time) = (seconds / 86_400, seconds % 86_400);
    let (mut year, mut month) = (1970u32, 1u32);
    let length = |year: u32| {
        if days_in(year, 2) == Some(29) {
            366
        } else {
            365
        }
    };
    while days >= length(year) {
        days -= length(year);
        year += 1;
    }
    while let Some(length) = days_in(year, month).filter(|length| days >= *length) {
        days -= length;
        month += 1;
    }
    let mut date = Date::new(year, month, days + 1)?;
    let mut time = clock(time / 3600, time / 60 % 60, time % 60)?;
    time.offset = Some(0);
    date.time = Some(time);
    Some(date.iso())
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
#[path = "date_tests.rs"]
mod tests;
