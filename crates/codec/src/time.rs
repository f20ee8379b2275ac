//! Moments as lines write them, in all the usual spellings.
//!
//! Decision: a spelling is recognised by its own shape, never by configuration; what a line leaves out (year, zone)
//! is completed from the batch header by [`Stamp::resolve`], so that a replay gives the same moment.

use base::Timestamp;

use crate::scan;

/// A moment as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Microseconds since the epoch as if it were UTC; within the day where the year or the date is missing.
    micros: i64,
    /// Seconds east of UTC, where the line says so.
    zone: Option<i32>,
    date: Date,
}

/// How much of its date a moment has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Date {
    Whole,
    /// Month and day.
    Yearless(u8, u8),
    None,
}

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 86_400 * SECOND;
/// February 29 is at most eight years back.
const YEARS_BACK: i64 = 9;

impl Stamp {
    /// The moment, and whether something had to be completed: no zone means `utc_offset_secs`; no year means the
    /// latest year in which it is not later than a day after `read_at`; no date means the latest day on which it is
    /// not later than a minute after.
    pub fn resolve(self, utc_offset_secs: i32, read_at: Timestamp) -> (Timestamp, bool) {
        let shift = i64::from(self.zone.unwrap_or(utc_offset_secs)) * SECOND;
        let (month, day) = match self.date {
            Date::Whole => return (Timestamp::from_micros(self.micros.saturating_sub(shift)), self.zone.is_none()),
            Date::Yearless(month, day) => (month, day),
            Date::None => {
                let latest = read_at.as_micros().saturating_add(MINUTE).saturating_add(shift);
                let back = (latest - self.micros).rem_euclid(DAY);
                return (Timestamp::from_micros(latest.saturating_sub(back).saturating_sub(shift)), true);
            }
        };
        let (month, day) = (u32::from(month), u32::from(day));
        let latest = read_at.plus_micros(DAY);
        // `date` is only defined for years that fit; a clock beyond them is no clock.
        let bounded = latest.clamp(Timestamp::from_micros(0), Timestamp::from_civil(9999, 12, 31, 0));
        let newest = bounded.date().0 + 1;
        for year in (newest - YEARS_BACK..=newest).rev() {
            let at = Timestamp::from_civil(year, month, day, self.micros).plus_micros(-shift);
            if day <= days_in(year, month) && at <= latest {
                return (at, true);
            }
        }
        (read_at, true)
    }

    /// From a number since the epoch, its unit told by its size: seconds, milli-, micro- or nanoseconds.
    pub fn from_number(text: &[u8]) -> Option<Self> {
        let whole = text.iter().position(|byte| *byte == b'.').unwrap_or(text.len());
        let number = i64::try_from(scan::number(&text[..whole])?).ok()?;
        let micros = match whole {
            9 | 10 => number * SECOND + fraction(text.get(whole + 1..).unwrap_or_default())?,
            12 | 13 => number * 1000 + fraction(text.get(whole + 1..).unwrap_or_default())? / 1000,
            15 | 16 => number,
            18 | 19 => number / 1000,
            _ => return None,
        };
        Some(Self { micros, zone: Some(0), date: Date::Whole })
    }

    /// From a text that is a moment and nothing else (a value of JSON or logfmt).
    pub fn from_value(text: &[u8]) -> Option<Self> {
        let text = text.trim_ascii();
        if let Some((stamp, used)) = any(text)
            && text[used..].iter().all(|byte| matches!(byte, b' ' | b']'))
        {
            return Some(stamp);
        }
        Self::from_number(text)
    }

    /// Whether it is a time of day only.
    pub fn is_dateless(self) -> bool {
        self.date == Date::None
    }

    const fn local(year: i64, month: u32, day: u32, micros_of_day: i64, zone: Option<i32>) -> Self {
        Self { micros: Timestamp::from_civil(year, month, day, micros_of_day).as_micros(), zone, date: Date::Whole }
    }
}

/// Up to nine decimals as microseconds; further ones are ignored, other characters are no fraction.
fn fraction(digits: &[u8]) -> Option<i64> {
    let mut micros = 0;
    for n in 0..6 {
        let digit = match digits.get(n) {
            Some(byte) if byte.is_ascii_digit() => i64::from(byte - b'0'),
            Some(_) => return None,
            None => 0,
        };
        micros = micros * 10 + digit;
    }
    Some(micros)
}

/// Two digits at `at`.
#[inline]
fn two(text: &[u8], at: usize) -> Option<u32> {
    let (tens, ones) = (text.get(at)?.wrapping_sub(b'0'), text.get(at + 1)?.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
}

/// The values of eight characters that are digits where `shape` has a zero, and what `shape` has elsewhere.
#[inline]
fn digits(chunk: &[u8; 8], shape: [u8; 8]) -> Option<u64> {
    let values = u64::from_le_bytes(*chunk) ^ u64::from_le_bytes(shape);
    let nine = u64::from_le_bytes(shape.map(|byte| if byte == b'0' { 9 } else { 0 }));
    // Above nine, the top bit of a byte comes up (and no byte carries into the next).
    let above = ((values & LOW_BITS) + (LOW_BITS - nine)) | values;
    (above & !LOW_BITS == 0).then_some(values)
}

const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// Two of these digits as a number.
#[inline]
const fn pair(digits: u64, at: u32) -> u32 {
    let pair = (digits >> (8 * at)) as u32;
    (pair & 0xf) * 10 + (pair >> 8 & 0xf)
}

#[inline]
fn four(text: &[u8], at: usize) -> Option<i64> {
    Some(i64::from(two(text, at)? * 100 + two(text, at + 2)?))
}

const fn days_in(year: i64, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

const fn is_date(year: i64, month: u32, day: u32) -> bool {
    month >= 1 && month <= 12 && day >= 1 && day <= days_in(year, month)
}

/// `10:00:00` with an optional fraction behind `.` or `,`: microseconds of the day, and where it ends.
#[inline]
fn clock(text: &[u8], at: usize) -> Option<(i64, usize)> {
    let digits = digits(text.get(at..)?.first_chunk()?, *b"00:00:00")?;
    let (hour, minute, second) = (pair(digits, 0), pair(digits, 3), pair(digits, 6));
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut micros = i64::from(hour * 3600 + minute * 60 + second) * SECOND;
    let mut end = at + 8;
    if matches!(text.get(end), Some(b'.' | b',')) {
        let (mut unit, mut n) = (SECOND / 10, end + 1);
        while let Some(byte) = text.get(n).filter(|byte| byte.is_ascii_digit() && n - end <= 9) {
            micros += i64::from(byte - b'0') * unit;
            unit /= 10;
            n += 1;
        }
        if n > end + 1 {
            end = n;
        }
    }
    Some((micros, end))
}

/// ` 8:00:00`, as MariaDB and MySQL pad the hour.
#[inline(never)]
fn padded(text: &[u8], at: usize) -> Option<(i64, usize)> {
    let mut digits: [u8; 8] = *text.get(at..)?.first_chunk()?;
    if digits[0] != b' ' {
        return None;
    }
    digits[0] = b'0';
    Some((clock(&digits, 0)?.0, at + 8))
}

/// Names of zones, with their offsets in hours times two (no zone here is finer).
const ZONES: [(&[u8], i32); 20] = [
    (b"UTC", 0),
    (b"GMT", 0),
    (b"CET", 2),
    (b"CEST", 4),
    (b"EET", 4),
    (b"EEST", 6),
    (b"WET", 0),
    (b"WEST", 2),
    (b"BST", 2),
    (b"MSK", 6),
    (b"EST", -10),
    (b"EDT", -8),
    (b"CST", -12),
    (b"CDT", -10),
    (b"MST", -14),
    (b"MDT", -12),
    (b"PST", -16),
    (b"PDT", -14),
    (b"JST", 18),
    (b"IST", 11),
];

/// `Z`, `+01:00`, `+0100`, `+01`, or after a blank `UTC`, `+0100`: seconds east of UTC, and where it ends.
fn zone(text: &[u8], at: usize) -> (Option<i32>, usize) {
    match text.get(at) {
        Some(b'Z') => (Some(0), at + 1),
        Some(b'+' | b'-') => numeric_zone(text, at).map_or((None, at), |(secs, end)| (Some(secs), end)),
        Some(b' ') => match text.get(at + 1) {
            Some(b'+' | b'-') => match numeric_zone(text, at + 1) {
                Some((secs, end)) if end >= at + 6 => (Some(secs), end),
                _ => (None, at),
            },
            Some(b'A'..=b'Z') => {
                let len = text[at + 1..].iter().take(5).take_while(|byte| byte.is_ascii_uppercase()).count();
                let name = &text[at + 1..at + 1 + len];
                let end = at + 1 + len;
                let ends = !text.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
                match ZONES.iter().find(|(known, _)| *known == name) {
                    Some((_, halves)) if ends => (Some(halves * 1800), end),
                    _ => (None, at),
                }
            }
            _ => (None, at),
        },
        _ => (None, at),
    }
}

fn numeric_zone(text: &[u8], at: usize) -> Option<(i32, usize)> {
    let hours = two(text, at + 1)?;
    let (minutes, end) = match text.get(at + 3) {
        Some(b':') => (two(text, at + 4)?, at + 6),
        Some(b'0'..=b'9') => (two(text, at + 3)?, at + 5),
        _ => (0, at + 3),
    };
    if hours > 18 || minutes > 59 || text.get(end).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let secs = (hours * 3600 + minutes * 60) as i32;
    Some((if text[at] == b'-' { -secs } else { secs }, end))
}

/// `2024-01-31T10:00:00.123456789+01:00` and its relatives: `-`, `/` or `.` in the date; `T`, a blank or `_` between.
#[inline]
pub(crate) fn iso(text: &[u8]) -> Option<(Stamp, usize)> {
    let separator = *text.get(4)?;
    if !matches!(separator, b'-' | b'/' | b'.') || !matches!(text.get(10)?, b'T' | b't' | b' ' | b'_' | b',') {
        return None;
    }
    let shape = [b'0', b'0', b'0', b'0', separator, b'0', b'0', separator];
    let digits = digits(text.first_chunk()?, shape)?;
    let year = i64::from(pair(digits, 0) * 100 + pair(digits, 2));
    let (month, day) = (pair(digits, 5), two(text, 8)?);
    let at = if matches!(text[10], b' ' | b',') && text.get(11) == Some(&b' ') { 12 } else { 11 };
    let (micros, end) = clock(text, at).or_else(|| padded(text, at - 1))?;
    if !is_date(year, month, day) {
        return None;
    }
    let (zone, end) = zone(text, end);
    Some((Stamp::local(year, month, day, micros, zone), end))
}

/// `31/Jan/2024:10:00:00 +0000`; Django has a blank before the time of day.
#[inline]
pub(crate) fn clf(text: &[u8]) -> Option<(Stamp, usize)> {
    let bytes: &[u8; 20] = text.get(..20)?.try_into().ok()?;
    if bytes[2] != b'/' || bytes[6] != b'/' || !matches!(bytes[11], b':' | b' ') {
        return None;
    }
    let (day, month, year) = (two(bytes, 0)?, month(&bytes[3..6])?, four(bytes, 7)?);
    let (micros, end) = clock(text, 12)?;
    if !is_date(year, month, day) {
        return None;
    }
    let (zone, end) = zone(text, end);
    Some((Stamp::local(year, month, day, micros, zone), end))
}

/// `Jan` to `Dec`.
#[inline]
pub(crate) fn month(name: &[u8]) -> Option<u32> {
    Some(match name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

fn is_weekday(name: &[u8]) -> bool {
    matches!(name, b"Mon" | b"Tue" | b"Wed" | b"Thu" | b"Fri" | b"Sat" | b"Sun")
}

/// A day of one or two digits behind blanks: the day, and where it ends.
fn day(text: &[u8], at: usize) -> Option<(u32, usize)> {
    let at = scan::skip_blanks(text, at);
    match scan::digits(text, at) {
        1 => Some((u32::from(text[at] - b'0'), at + 1)),
        2 => Some((two(text, at)?, at + 2)),
        _ => None,
    }
}

/// `Sun Dec 04 04:47:44.123456 2005`, also with a zone before the year; and `Wed, 31 Jan 2024 10:00:00 +0000`.
pub(crate) fn ctime(text: &[u8]) -> Option<(Stamp, usize)> {
    if !is_weekday(text.get(..3)?) {
        return None;
    }
    if text.get(3..5) == Some(b", ") {
        return day_month(&text[5..]).map(|(stamp, end)| (stamp, end + 5));
    }
    let month = month(text.get(4..7)?)?;
    let (day, end) = day(text, 7)?;
    let (micros, end) = clock(text, scan::skip_blanks(text, end))?;
    let (zone, end) = zone(text, end);
    let end = scan::skip_blanks(text, end);
    let year = four(text, end)?;
    is_date(year, month, day).then(|| (Stamp::local(year, month, day, micros, zone), end + 4))
}

/// `Jan 31 10:00:00`, also with a fraction, or with a year: `Jan 31 2024 10:00:00`, `Jan 31, 2024 10:00:00 AM`.
#[inline]
pub(crate) fn month_day(text: &[u8]) -> Option<(Stamp, usize)> {
    let month = month(text.get(..3)?)?;
    if text.get(3) != Some(&b' ') {
        return None;
    }
    let (day, end) = day(text, 4)?;
    if let Some((micros, end)) = clock(text, end + 1).filter(|_| text[end] == b' ') {
        // A leap year, for February 29.
        return is_date(2000, month, day)
            .then_some((Stamp { micros, zone: None, date: Date::Yearless(month as u8, day as u8) }, end));
    }
    let end = if text.get(end) == Some(&b',') { end + 1 } else { end };
    let year = four(text, end + 1)?;
    let end = end + 5;
    let (micros, end) = match clock(text, end + 1) {
        Some(found) => found,
        // `1:00:00 PM`
        None => {
            let mut padded = *b"0h:mm:ss";
            padded[1..].copy_from_slice(text.get(end + 1..end + 8)?);
            (clock(&padded, 0)?.0, end + 8)
        }
    };
    let (micros, end) = match text.get(end..end + 3) {
        Some(b" AM") => (micros % (DAY / 2), end + 3),
        Some(b" PM") => (micros % (DAY / 2) + DAY / 2, end + 3),
        _ => (micros, end),
    };
    let (zone, end) = zone(text, end);
    is_date(year, month, day).then(|| (Stamp::local(year, month, day, micros, zone), end))
}

/// `10:00:00.123`: a time of day and no date.
pub(crate) fn of_day(text: &[u8]) -> Option<(Stamp, usize)> {
    let (micros, end) = clock(text, 0)?;
    Some((Stamp { micros, zone: None, date: Date::None }, end))
}

/// `31.01.2024 10:00:00,123`
fn dotted(text: &[u8]) -> Option<(Stamp, usize)> {
    let shape = *b"00.00.00";
    let digits = digits(text.first_chunk()?, shape)?;
    let (day, month, year) = (pair(digits, 0), pair(digits, 3), four(text, 6)?);
    let (micros, end) = clock(text, 11).filter(|_| text[10] == b' ')?;
    let (zone, end) = zone(text, end);
    is_date(year, month, day).then(|| (Stamp::local(year, month, day, micros, zone), end))
}

/// `31 Jan 2024 10:00:00.123`, `31-Jan-2024 10:00:00.123`
pub(crate) fn day_month(text: &[u8]) -> Option<(Stamp, usize)> {
    let (day, at) = day(text, 0)?;
    let separator = *text.get(at)?;
    if !matches!(separator, b' ' | b'-') || text.get(at + 4) != Some(&separator) {
        return None;
    }
    let (month, year) = (month(text.get(at + 1..at + 4)?)?, four(text, at + 5)?);
    let (micros, end) = clock(text, at + 10).filter(|_| text[at + 9] == b' ')?;
    let (zone, end) = zone(text, end);
    is_date(year, month, day).then(|| (Stamp::local(year, month, day, micros, zone), end))
}

/// `081109 203615` (HDFS): two-digit year, month, day; hour, minute, second.
pub(crate) fn compact(text: &[u8]) -> Option<(Stamp, usize)> {
    if scan::digits(text, 0) != 6 || text.get(6) != Some(&b' ') {
        return None;
    }
    let at = scan::skip_blanks(text, 6);
    let (year, month, day) = (2000 + i64::from(two(text, 0)?), two(text, 2)?, two(text, 4)?);
    let (hour, minute, second, end) = match scan::digits(text, at) {
        6 => (two(text, at)?, two(text, at + 2)?, two(text, at + 4)?, at + 6),
        // Old MySQL: `080917  8:12:01`
        _ => {
            let (micros, end) = clock(text, at).or_else(|| padded(text, at - 1))?;
            let secs = (micros / SECOND) as u32;
            (secs / 3600, secs / 60 % 60, secs % 60, end)
        }
    };
    if hour > 23 || minute > 59 || second > 60 || !is_date(year, month, day) {
        return None;
    }
    let micros = i64::from(hour * 3600 + minute * 60 + second) * SECOND;
    Some((Stamp::local(year, month, day, micros, None), end))
}

/// `17/06/09 20:10:40` (Spark): two-digit year, month, day.
pub(crate) fn short_year(text: &[u8]) -> Option<(Stamp, usize)> {
    if text.get(2) != text.get(5) || !matches!(text.get(2), Some(b'/' | b'-')) || text.get(8) != Some(&b' ') {
        return None;
    }
    let (year, month, day) = (2000 + i64::from(two(text, 0)?), two(text, 3)?, two(text, 6)?);
    let (micros, end) = clock(text, 9)?;
    let (zone, end) = zone(text, end);
    is_date(year, month, day).then(|| (Stamp::local(year, month, day, micros, zone), end))
}

/// Behind the letter of klog and glog: `0131 10:00:00.123456`, `20240131 10:00:00.123456`, `240131 10:00:00.123456`.
pub(crate) fn klog(text: &[u8]) -> Option<(Stamp, usize)> {
    let len = scan::digits(text, 0);
    let (micros, end) = clock(text, len + 1).filter(|_| text[len] == b' ')?;
    match len {
        4 => {
            let (month, day) = (two(text, 0)?, two(text, 2)?);
            let date = Date::Yearless(month as u8, day as u8);
            is_date(2000, month, day).then_some((Stamp { micros, zone: None, date }, end))
        }
        6 => {
            let (year, month, day) = (2000 + i64::from(two(text, 0)?), two(text, 2)?, two(text, 4)?);
            is_date(year, month, day).then(|| (Stamp::local(year, month, day, micros, None), end))
        }
        8 => {
            let (year, month, day) = (four(text, 0)?, two(text, 4)?, two(text, 6)?);
            is_date(year, month, day).then(|| (Stamp::local(year, month, day, micros, None), end))
        }
        _ => None,
    }
}

/// Any spelling that can stand at the start of `text`, and how long it is.
pub(crate) fn any(text: &[u8]) -> Option<(Stamp, usize)> {
    match text.first()? {
        b'0'..=b'9' => iso(text)
            .or_else(|| clf(text))
            .or_else(|| day_month(text))
            .or_else(|| compact(text))
            .or_else(|| short_year(text))
            .or_else(|| dotted(text)),
        b'A'..=b'Z' => month_day(text).or_else(|| ctime(text)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
