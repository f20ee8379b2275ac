//! Moments as people write them in a question: `15m` (ago), `now`, RFC 3339, a date, seconds since the epoch.

use std::time::Duration;

use base::{HumanDuration, Timestamp};

const MICROS_PER_SECOND: i64 = 1_000_000;

/// Reads a moment; `now` is what durations count back from. A time without a zone is UTC.
pub(crate) fn parse(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    let wrong = || {
        format!(
            "'{text}' is not a time; write a duration before now (15m, 2h, 7d), 'now', a date and time \
             (2026-01-31T10:00:00Z), a date, or seconds since 1970"
        )
    };
    if text.eq_ignore_ascii_case("now") {
        return Ok(now);
    }
    let ago = text.strip_prefix("now-").or_else(|| text.strip_prefix('-')).unwrap_or(text);
    if let Ok(HumanDuration(duration)) = ago.parse::<HumanDuration>() {
        return Ok(now.minus(duration));
    }
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return epoch(text).ok_or_else(wrong);
    }
    civil(text).ok_or_else(wrong)
}

/// A duration, or a bare number of seconds.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(u64::from(seconds)));
    }
    text.parse::<HumanDuration>().map(|duration| duration.0)
}

/// Seconds, milliseconds or microseconds since the epoch, told apart by their length.
fn epoch(digits: &str) -> Option<Timestamp> {
    let value: i64 = digits.parse().ok()?;
    let scale = match digits.len() {
        ..=11 => MICROS_PER_SECOND,
        12..=14 => 1000,
        _ => 1,
    };
    value.checked_mul(scale).map(Timestamp::from_micros)
}

/// `YYYY-MM-DD`, then perhaps `T` or a space and `HH:MM[:SS[.fraction]]`, then perhaps a zone.
fn civil(text: &str) -> Option<Timestamp> {
    let mut rest = text.as_bytes();
    let year = number(&mut rest, 4)?;
    let month = after(&mut rest, b"-").and_then(|()| number(&mut rest, 2))? as u32;
    let day = after(&mut rest, b"-").and_then(|()| number(&mut rest, 2))? as u32;
    if !(1..=12).contains(&month) || day == 0 || day > days_in(year, month) {
        return None;
    }
    let (mut of_day, mut offset) = (0, 0);
    if !rest.is_empty() {
        after(&mut rest, b"Tt ")?;
        of_day = time_of_day(&mut rest)?;
        offset = zone(&mut rest)?;
    }
    let at = Timestamp::from_civil(year, month, day, of_day);
    rest.is_empty().then(|| at.plus_micros(-offset * MICROS_PER_SECOND))
}

/// `HH:MM[:SS[.fraction]]` in microseconds.
fn time_of_day(rest: &mut &[u8]) -> Option<i64> {
    let hour = number(rest, 2)?;
    after(rest, b":")?;
    let minute = number(rest, 2)?;
    let mut second = 0;
    let mut micros = 0;
    if after(rest, b":").is_some() {
        second = number(rest, 2)?;
        if after(rest, b".,").is_some() {
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            (digits > 0).then_some(())?;
            let fraction = rest[..digits].iter().chain(b"000000").take(6);
            micros = fraction.fold(0, |sum, b| sum * 10 + i64::from(b - b'0'));
            *rest = &rest[digits..];
        }
    }
    let valid = hour <= 23 && minute <= 59 && second <= 60;
    valid.then_some(((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND + micros)
}

/// Seconds east of UTC. A `+` arrives as a space where a URL was not escaped.
fn zone(rest: &mut &[u8]) -> Option<i64> {
    let sign = match rest.first() {
        None => return Some(0),
        Some(b'Z' | b'z') => {
            *rest = &rest[1..];
            return Some(0);
        }
        Some(b'+' | b' ') => 1,
        Some(b'-') => -1,
        Some(_) => return None,
    };
    *rest = &rest[1..];
    let hours = number(rest, 2)?;
    let _ = after(rest, b":");
    let minutes = if rest.is_empty() { 0 } else { number(rest, 2)? };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

fn number(rest: &mut &[u8], digits: usize) -> Option<i64> {
    let taken = rest.get(..digits).filter(|taken| taken.iter().all(u8::is_ascii_digit))?;
    *rest = &rest[digits..];
    Some(taken.iter().fold(0, |sum, b| sum * 10 + i64::from(b - b'0')))
}

fn after(rest: &mut &[u8], one_of: &[u8]) -> Option<()> {
    rest.first().filter(|byte| one_of.contains(byte))?;
    *rest = &rest[1..];
    Some(())
}

fn days_in(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let now = Timestamp::from_civil(2026, 11, 21, 36_000_000_000);
        for (text, shown) in [
            ("now", "2026-11-21T10:00:00Z"),
            ("15m", "2026-11-21T09:45:00Z"),
            ("-1h30m", "2026-11-21T08:30:00Z"),
            ("now-2d", "2026-11-19T10:00:00Z"),
            ("2026-02-28", "2026-02-28T00:00:00Z"),
            ("2024-02-29T01:02", "2024-02-29T01:02:00Z"),
            ("2024-02-29 01:02:03.5", "2024-02-29T01:02:03.500Z"),
            ("2024-02-29T01:02:03.1234567Z", "2024-02-29T01:02:03.123456Z"),
            ("2024-02-29T01:02:03+01:00", "2024-02-29T00:02:03Z"),
            ("2024-02-29T01:02:03 01:00", "2024-02-29T00:02:03Z"),
            ("2024-02-29T23:00:00-0230", "2024-03-01T01:30:00Z"),
            ("1700000000", "2023-11-14T22:13:20Z"),
            ("1700000000123", "2023-11-14T22:13:20.123Z"),
            ("1700000000123456", "2023-11-14T22:13:20.123456Z"),
        ] {
            assert_eq!(parse(text, now).map(|at| at.to_string()), Ok(shown.to_owned()), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2023-02-29",
            "2026-13-01",
            "2026-11-21T24:00",
            "2026-11-21T10",
            "2026-11-21T10:00:00+25",
            "99999999999999999999",
            "2026-11-21T10:00:00Zebra",
        ] {
            assert!(parse(text, now).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn reads_what_we_write(micros in -60_000_000_000_000_000i64..250_000_000_000_000_000) {
            let at = Timestamp::from_micros(micros);
            proptest::prop_assert_eq!(parse(&at.to_string(), Timestamp::MIN), Ok(at));
        }

        #[test]
        fn never_panics(text in "\\PC{0,40}") {
            let _ = parse(&text, Timestamp::from_micros(0));
        }
    }
}
