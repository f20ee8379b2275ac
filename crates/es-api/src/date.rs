//! Dates as Elasticsearch writes them: numbers since 1970, ISO dates of any precision, and its arithmetic (`now-15m/d`).

use base::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Unit, ZonedRound};
use serde_json::Value;

use crate::EsError;

/// The first and the last moment that a text means.
pub type Moment = (Timestamp, Timestamp);

/// How dates are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    millis: bool,
    seconds: bool,
    iso: bool,
    /// As fine as it is known, not only milliseconds.
    fine: bool,
}

impl Default for Format {
    fn default() -> Self {
        Self { millis: true, seconds: false, iso: true, fine: false }
    }
}

impl Format {
    /// By its names, with `||` between.
    ///
    /// # Errors
    /// `illegal_argument_exception` for a pattern of one's own.
    pub fn read(names: &str) -> Result<Self, EsError> {
        let mut format = Self { millis: false, seconds: false, iso: false, fine: false };
        for name in names.split("||") {
            match name {
                "epoch_millis" => format.millis = true,
                "epoch_second" => format.seconds = true,
                "strict_date_optional_time_nanos" => (format.iso, format.fine) = (true, true),
                "strict_date_optional_time"
                | "date_optional_time"
                | "strict_date_time"
                | "date_time"
                | "strict_date_time_no_millis"
                | "date_time_no_millis"
                | "strict_date"
                | "date"
                | "iso8601" => format.iso = true,
                other => {
                    return Err(EsError::illegal(format!(
                        "format [{other}]: there are epoch_millis, epoch_second and strict_date_optional_time"
                    )));
                }
            }
        }
        Ok(format)
    }

    /// A moment, as a key of an answer in this format.
    pub fn show(&self, micros: i64) -> String {
        match (self.iso, self.millis) {
            (true, _) if self.fine && micros % 1000 != 0 => Timestamp::from_micros(micros).to_string(),
            (true, _) => show(micros),
            (false, true) => micros.div_euclid(1000).to_string(),
            (false, false) => micros.div_euclid(1_000_000).to_string(),
        }
    }
}

/// ISO with milliseconds, as Elasticsearch shows dates.
pub fn show(micros: i64) -> String {
    let at = Timestamp::from_micros(micros.div_euclid(1000) * 1000).to_string();
    match at.strip_suffix('Z') {
        Some(whole) if !whole.contains('.') => format!("{whole}.000Z"),
        _ => at,
    }
}

/// A zone by its name (`Europe/Berlin`, `UTC`) or offset (`+02:00`).
///
/// # Errors
/// `illegal_argument_exception` where there is no such zone.
pub fn zone(name: &str) -> Result<TimeZone, EsError> {
    if matches!(name, "Z" | "UTC" | "utc") {
        return Ok(TimeZone::UTC);
    }
    let offset = || -> Option<TimeZone> {
        let (sign, rest) = match name.split_at_checked(1)? {
            ("+", rest) => (1, rest),
            ("-", rest) => (-1, rest),
            _ => return None,
        };
        let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
        let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
        Some(TimeZone::fixed(jiff::tz::Offset::from_seconds(sign * seconds).ok()?))
    };
    offset().or_else(|| TimeZone::get(name).ok()).ok_or_else(|| EsError::illegal(format!("unknown time zone [{name}]")))
}

/// Reads a moment.
///
/// # Errors
/// `illegal_argument_exception`, saying what would be right.
pub fn read(value: &Value, format: &Format, zone: &TimeZone, now: Timestamp) -> Result<Moment, EsError> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return Err(wrong(&value.to_string())),
    };
    let number =
        |text: &str| text.strip_prefix('-').unwrap_or(text).bytes().all(|b| b.is_ascii_digit()) && !text.is_empty();
    let is_year = text.len() == 4 && format.iso && value.is_string();
    if number(&text) && !is_year {
        let scale = match (format.millis, format.seconds) {
            (true, _) => 1000,
            (false, true) => 1_000_000,
            (false, false) => return Err(wrong(&text)),
        };
        let micros = text.parse::<i64>().ok().and_then(|n| n.checked_mul(scale)).ok_or_else(|| wrong(&text))?;
        return Ok((Timestamp::from_micros(micros), Timestamp::from_micros(micros + scale - 1)));
    }
    let (anchor, steps) = match text.strip_prefix("now") {
        Some(steps) => ((now, now), steps),
        None => {
            let (date, steps) = text.split_once("||").unwrap_or((&text, ""));
            if !format.iso {
                return Err(wrong(&text));
            }
            (iso(date, zone).ok_or_else(|| wrong(&text))?, steps)
        }
    };
    if steps.is_empty() {
        return Ok(anchor);
    }
    arithmetic(anchor.0, steps, zone).ok_or_else(|| wrong(&text))
}

fn wrong(text: &str) -> EsError {
    EsError::illegal(format!(
        "failed to parse date field [{text}]: write milliseconds since 1970 (format epoch_millis), an ISO date, or now-15m"
    ))
}

/// `2024`, `2024-05`, `2024-05-01`, `2024-05-01T10`, … with a fraction and a zone.
fn iso(text: &str, zone: &TimeZone) -> Option<Moment> {
    let (date, rest) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    let mut parts = date.split('-');
    let year = parts.next().filter(|year| year.len() == 4)?.parse::<i16>().ok()?;
    let month = parts.next().map(str::parse::<i8>).transpose().ok()?;
    let day = parts.next().map(str::parse::<i8>).transpose().ok()?;
    if parts.next().is_some() || (day.is_none() && !rest.is_empty()) {
        return None;
    }
    let date = Date::new(year, month.unwrap_or(1), day.unwrap_or(1)).ok()?;
    let span = match (month, day) {
        (None, _) => Span::new().years(1),
        (_, None) => Span::new().months(1),
        _ => Span::new().days(1),
    };
    if rest.is_empty() {
        return between(date.at(0, 0, 0, 0), span, zone);
    }
    let at = rest.find(['Z', 'z', '+', '-']);
    let (clock, offset) = at.map_or((rest, ""), |at| rest.split_at(at));
    let zone = if offset.is_empty() { zone.clone() } else { self::zone(&offset.to_uppercase()).ok()? };
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let mut parts = clock.split(':').map(str::parse::<i8>);
    let hour = parts.next()?.ok()?;
    let minute = parts.next().transpose().ok()?;
    let second = parts.next().transpose().ok()?;
    let digits = fraction.len().min(6);
    let micros =
        if digits == 0 { 0 } else { fraction.get(..digits)?.parse::<i32>().ok()? * 10i32.pow(6 - digits as u32) };
    let time = Time::new(hour, minute.unwrap_or(0), second.unwrap_or(0), micros * 1000).ok()?;
    let span = match (minute, second, digits) {
        (None, ..) => Span::new().hours(1),
        (_, None, _) => Span::new().minutes(1),
        (.., 0) => Span::new().seconds(1),
        (.., digits) => Span::new().microseconds(10i64.pow(6 - digits as u32)),
    };
    between(DateTime::from_parts(date, time), span, &zone)
}

fn between(start: DateTime, span: Span, zone: &TimeZone) -> Option<Moment> {
    let first = start.to_zoned(zone.clone()).ok()?;
    let behind = first.checked_add(span).ok()?;
    let micros = |zoned: &jiff::Zoned| zoned.timestamp().as_microsecond();
    Some((Timestamp::from_micros(micros(&first)), Timestamp::from_micros(micros(&behind) - 1)))
}

/// `-15m`, `+1d-2h`, `/d`; rounding makes a span of it.
fn arithmetic(anchor: Timestamp, steps: &str, zone: &TimeZone) -> Option<Moment> {
    let mut at = jiff::Timestamp::from_microsecond(anchor.as_micros()).ok()?.to_zoned(zone.clone());
    let mut rest = steps;
    let mut width = None;
    while let Some(sign) = rest.chars().next() {
        rest = &rest[sign.len_utf8()..];
        if sign == '/' {
            let unit = rest.chars().next()?;
            rest = &rest[unit.len_utf8()..];
            at = floor(&at, unit)?;
            width = Some(step(1, unit)?);
            continue;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count = if digits == 0 { 1 } else { rest[..digits].parse::<i64>().ok()? };
        let unit = rest[digits..].chars().next()?;
        rest = &rest[digits + unit.len_utf8()..];
        let count = match sign {
            '+' => count,
            '-' => -count,
            _ => return None,
        };
        at = at.checked_add(step(count, unit)?).ok()?;
    }
    let first = at.timestamp().as_microsecond();
    let last = match width {
        Some(width) => at.checked_add(width).ok()?.timestamp().as_microsecond() - 1,
        None => first,
    };
    Some((Timestamp::from_micros(first), Timestamp::from_micros(last)))
}

fn step(count: i64, unit: char) -> Option<Span> {
    let span = Span::new();
    match unit {
        'y' => span.try_years(count),
        'M' => span.try_months(count),
        'w' => span.try_weeks(count),
        'd' => span.try_days(count),
        'h' | 'H' => span.try_hours(count),
        'm' => span.try_minutes(count),
        's' => span.try_seconds(count),
        _ => return None,
    }
    .ok()
}

/// The beginning of the unit that a moment is in.
fn floor(at: &jiff::Zoned, unit: char) -> Option<jiff::Zoned> {
    let round = |unit| at.round(ZonedRound::new().smallest(unit).mode(jiff::RoundMode::Trunc)).ok();
    let date = at.date();
    match unit {
        's' => round(Unit::Second),
        'm' => round(Unit::Minute),
        'h' | 'H' => round(Unit::Hour),
        'd' => at.start_of_day().ok(),
        'w' => start_of(at, date.checked_sub(Span::new().days(date.weekday().to_monday_zero_offset())).ok()?),
        'M' => start_of(at, date.first_of_month()),
        'q' => start_of(at, Date::new(date.year(), (date.month() - 1) / 3 * 3 + 1, 1).ok()?),
        'y' => start_of(at, date.first_of_year()),
        _ => None,
    }
}

fn start_of(at: &jiff::Zoned, date: Date) -> Option<jiff::Zoned> {
    date.to_zoned(at.time_zone().clone()).ok()
}

/// The calendar's units, as histograms name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar(char);

impl Calendar {
    /// By its name.
    pub fn read(name: &str) -> Option<Self> {
        Some(Self(match name {
            "second" | "1s" => 's',
            "minute" | "1m" => 'm',
            "hour" | "1h" => 'h',
            "day" | "1d" => 'd',
            "week" | "1w" => 'w',
            "month" | "1M" => 'M',
            "quarter" | "1q" => 'q',
            "year" | "1y" => 'y',
            _ => return None,
        }))
    }

    /// Where the unit begins that a moment is in, in microseconds.
    pub fn floor(self, micros: i64, zone: &TimeZone) -> Option<i64> {
        let at = jiff::Timestamp::from_microsecond(micros).ok()?.to_zoned(zone.clone());
        Some(floor(&at, self.0)?.timestamp().as_microsecond())
    }

    /// Where the next one begins.
    pub fn next(self, micros: i64, zone: &TimeZone) -> Option<i64> {
        let at = jiff::Timestamp::from_microsecond(micros).ok()?.to_zoned(zone.clone());
        let span = if self.0 == 'q' { Span::new().months(3) } else { step(1, self.0)? };
        Some(at.checked_add(span).ok()?.timestamp().as_microsecond())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_769_853_600_000_000; // 2026-01-31T10:00:00Z

    fn said(value: Value, format: &str, zone_name: &str) -> Result<String, EsError> {
        let format = if format.is_empty() { Format::default() } else { Format::read(format)? };
        let (first, last) = read(&value, &format, &zone(zone_name)?, Timestamp::from_micros(NOW))?;
        Ok(format!("{first} {last}"))
    }

    #[test]
    fn dates_mean_spans() {
        for (value, format, zone, is) in [
            (json!(1_769_853_600_000i64), "epoch_millis", "UTC", "2026-01-31T10:00:00Z 2026-01-31T10:00:00.000999Z"),
            (json!("1769853600000"), "", "UTC", "2026-01-31T10:00:00Z 2026-01-31T10:00:00.000999Z"),
            (json!(1_769_853_600), "epoch_second", "UTC", "2026-01-31T10:00:00Z 2026-01-31T10:00:00.999999Z"),
            (json!("2026"), "", "UTC", "2026-01-01T00:00:00Z 2026-12-31T23:59:59.999999Z"),
            (json!("2026-01-31"), "", "UTC", "2026-01-31T00:00:00Z 2026-01-31T23:59:59.999999Z"),
            (json!("2026-01-31"), "", "+02:00", "2026-01-30T22:00:00Z 2026-01-31T21:59:59.999999Z"),
            (json!("2026-01-31T10:00:00.5Z"), "", "UTC", "2026-01-31T10:00:00.500Z 2026-01-31T10:00:00.599999Z"),
            (json!("2026-01-31T10:00:00+01:00"), "", "UTC", "2026-01-31T09:00:00Z 2026-01-31T09:00:00.999999Z"),
            (json!("now"), "", "UTC", "2026-01-31T10:00:00Z 2026-01-31T10:00:00Z"),
            (json!("now-15m"), "", "UTC", "2026-01-31T09:45:00Z 2026-01-31T09:45:00Z"),
            (json!("now-1d/d"), "", "UTC", "2026-01-30T00:00:00Z 2026-01-30T23:59:59.999999Z"),
            (json!("now/w"), "", "UTC", "2026-01-26T00:00:00Z 2026-02-01T23:59:59.999999Z"),
            (json!("2026-01-31||+1M/M"), "", "UTC", "2026-02-01T00:00:00Z 2026-02-28T23:59:59.999999Z"),
        ] {
            assert_eq!(said(value.clone(), format, zone).as_deref(), Ok(is), "{value}");
        }
        for (value, format) in [
            (json!("tomorrow"), ""),
            (json!("now-15x"), ""),
            (json!("2026-13-01"), ""),
            (json!("2026-01-31"), "epoch_millis"),
            (json!(1), "yyyy"),
            (json!(true), ""),
        ] {
            assert!(said(value.clone(), format, "UTC").is_err(), "{value}");
        }
        assert!(zone("Mars/Olympus").is_err());
    }

    #[test]
    fn shown_with_milliseconds() {
        assert_eq!(show(NOW), "2026-01-31T10:00:00.000Z");
        assert_eq!(show(NOW + 1_500), "2026-01-31T10:00:00.001Z");
        let fine = Format::read("strict_date_optional_time_nanos").map(|f| f.show(NOW + 7));
        assert_eq!(fine.as_deref(), Ok("2026-01-31T10:00:00.000007Z"));
        assert_eq!(Format::read("epoch_millis").map(|f| f.show(NOW)).as_deref(), Ok("1769853600000"));
    }
}
