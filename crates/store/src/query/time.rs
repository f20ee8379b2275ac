//! Dates and times in queries.

use std::ops::Bound;

use base::Timestamp;

use super::{Pattern, Test};

/// What a test of `time` means: the first and the last moment that pass.
pub(super) fn between(test: &Test) -> Result<(Timestamp, Timestamp), String> {
    Ok(match test {
        Test::Exists => (Timestamp::MIN, Timestamp::MAX),
        Test::Equals(text) | Test::Matches(Pattern::Text(text)) => parse(text)?,
        Test::Matches(_) => return Err(wrong("a wildcard or regular expression")),
        Test::Range { low, high } => {
            let low = match low {
                Bound::Unbounded => Timestamp::MIN,
                Bound::Included(text) => parse(text)?.0,
                Bound::Excluded(text) => parse(text)?.1.plus_micros(1),
            };
            let high = match high {
                Bound::Unbounded => Timestamp::MAX,
                Bound::Included(text) => parse(text)?.1,
                Bound::Excluded(text) => parse(text)?.0.plus_micros(-1),
            };
            (low, high)
        }
    })
}

fn wrong(text: &str) -> String {
    format!("'{text}' is not a time; write 2024-05-01, 2024-05-01T10:30 or 2024-05-01T10:30:00.5Z")
}

/// The first and the last moment of what is written: a day, a minute, a second, or a fraction of one.
fn parse(text: &str) -> Result<(Timestamp, Timestamp), String> {
    parse_parts(text.as_bytes()).ok_or_else(|| wrong(text))
}

fn parse_parts(text: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let number = |from: usize, len: usize| -> Option<i64> {
        let digits = text.get(from..from + len)?;
        digits.iter().try_fold(0i64, |n, c| c.is_ascii_digit().then(|| n * 10 + i64::from(c - b'0')))
    };
    let is = |at: usize, any: &[u8]| text.get(at).is_some_and(|c| any.contains(c));
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let real = (1..=12).contains(&month) && (1..=31).contains(&day) && is(4, b"-") && is(7, b"-");
    let start = Timestamp::from_civil(year, month as u32, day as u32, 0);
    if !real || start.date() != (year, month as u32, day as u32) {
        return None;
    }
    let span = |micros: i64, width: i64| Some((start.plus_micros(micros), start.plus_micros(micros + width - 1)));
    if text.len() == 10 {
        return span(0, 86_400_000_000);
    }
    let (hour, minute) = (number(11, 2)?, number(14, 2)?);
    if !is(10, b"Tt ") || !is(13, b":") || hour > 24 || minute > 59 {
        return None;
    }
    let mut micros = (hour * 60 + minute) * 60_000_000;
    let (mut width, mut at) = (60_000_000, 16);
    if is(16, b":") {
        let second = number(17, 2).filter(|second| *second <= 60)?;
        micros += second * 1_000_000;
        (width, at) = (1_000_000, 19);
        if is(19, b".,") {
            let digits = text[20..].iter().take_while(|c| c.is_ascii_digit()).count();
            let kept = digits.min(6);
            width = 10i64.pow(6 - kept as u32);
            micros += number(20, kept).filter(|_| digits > 0)? * width;
            at = 20 + digits;
        }
    }
    let zone = match &text[at..] {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let minutes = match rest.len() {
                2 => number(at + 1, 2)? * 60,
                4 => number(at + 1, 2)? * 60 + number(at + 3, 2)?,
                5 if rest[2] == b':' => number(at + 1, 2)? * 60 + number(at + 4, 2)?,
                _ => return None,
            };
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    span(micros - zone * 60_000_000, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dates_and_times() {
        for (text, first, last) in [
            ("2024-05-01", "2024-05-01T00:00:00Z", "2024-05-01T23:59:59.999999Z"),
            ("2024-05-01T10:30", "2024-05-01T10:30:00Z", "2024-05-01T10:30:59.999999Z"),
            ("2024-05-01 10:30:05", "2024-05-01T10:30:05Z", "2024-05-01T10:30:05.999999Z"),
            ("2024-05-01T10:30:05.25Z", "2024-05-01T10:30:05.250Z", "2024-05-01T10:30:05.259999Z"),
            ("2024-05-01T10:30:05.123456789+02:00", "2024-05-01T08:30:05.123456Z", "2024-05-01T08:30:05.123456Z"),
        ] {
            let (a, b) = parse(text).unwrap();
            assert_eq!((a.to_string().as_str(), b.to_string().as_str()), (first, last), "{text}");
        }
        for text in [
            "",
            "2024",
            "2024-13-01",
            "2023-02-29",
            "2024-05-01T",
            "2024-05-01T10:30x",
            "2024-05-01T10:30:05.",
            "ä024-05-01",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
