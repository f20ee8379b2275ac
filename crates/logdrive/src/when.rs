//! Moments as people type them, in their own time zone: `15m`, `yesterday`, `10:30`, `2026-01-31T10:00`.

use base::{HumanDuration, Timestamp};
use jiff::civil;
use jiff::tz::TimeZone;

/// Reads a moment. What has no zone is meant in `zone`; a duration counts back from `now`.
pub(crate) fn parse(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, String> {
    let text = text.trim();
    let wrong = || {
        format!(
            "'{text}' is no time; write a duration before now (15m, 2h, 7d), now, today, yesterday, 10:30, 2026-01-31, \
             2026-01-31T10:00 or 2026-01-31T10:00:00Z"
        )
    };
    let moment = jiff::Timestamp::from_microsecond(now.as_micros()).map_err(|_| wrong())?;
    let today = moment.to_zoned(zone.clone()).date();
    match text {
        "now" => return Ok(now),
        "today" => return at(today.at(0, 0, 0, 0), zone).ok_or_else(wrong),
        "yesterday" => {
            let yesterday = today.yesterday().map_err(|_| wrong())?;
            return at(yesterday.at(0, 0, 0, 0), zone).ok_or_else(wrong);
        }
        _ => {}
    }
    let ago = text.strip_prefix("now-").or_else(|| text.strip_prefix('-')).unwrap_or(text);
    if let Ok(HumanDuration(duration)) = ago.parse::<HumanDuration>() {
        return Ok(now.minus(duration));
    }
    if let Ok(exact) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp::from_micros(exact.as_microsecond()));
    }
    if text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = text.parse::<i64>().ok().filter(|_| text.len() >= 9 && text.len() <= 11);
        return seconds.map(|seconds| Timestamp::from_micros(seconds * 1_000_000)).ok_or_else(wrong);
    }
    let civil = match text.parse::<civil::DateTime>() {
        Ok(civil) => civil,
        Err(_) => today.to_datetime(text.parse::<civil::Time>().map_err(|_| wrong())?),
    };
    at(civil, zone).ok_or_else(wrong)
}

fn at(civil: civil::DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let zoned = civil.to_zoned(zone.clone()).ok()?;
    Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
}

/// `2026-01-31 10:00:00.123` in a zone: always as wide, so that columns stay columns.
pub(crate) fn show(moment: Timestamp, zone: &TimeZone) -> String {
    match jiff::Timestamp::from_microsecond(moment.as_micros()) {
        Ok(moment) => moment.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S.%3f").to_string(),
        Err(_) => moment.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_type() {
        let zone = TimeZone::get("Europe/Berlin").unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(1)));
        let now = "2026-01-31T12:00:00Z".parse::<jiff::Timestamp>().unwrap();
        let now = Timestamp::from_micros(now.as_microsecond());
        for (text, want) in [
            ("now", "2026-01-31T12:00:00Z"),
            ("15m", "2026-01-31T11:45:00Z"),
            ("-1h30m", "2026-01-31T10:30:00Z"),
            ("now-2d", "2026-01-29T12:00:00Z"),
            ("today", "2026-01-30T23:00:00Z"),
            ("yesterday", "2026-01-29T23:00:00Z"),
            ("2026-01-31", "2026-01-30T23:00:00Z"),
            ("2026-01-31T10:00", "2026-01-31T09:00:00Z"),
            ("2026-01-31 10:00:01.5", "2026-01-31T09:00:01.500Z"),
            ("2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z"),
            ("2026-01-31T10:00:00+02:00", "2026-01-31T08:00:00Z"),
            ("10:30", "2026-01-31T09:30:00Z"),
            ("1769853600", "2026-01-31T10:00:00Z"),
        ] {
            assert_eq!(parse(text, now, &zone).map(|at| at.to_string()).as_deref(), Ok(want), "{text}");
        }
        for text in ["", "soon", "15 minutes ago", "2026-13-01", "5", "12345678"] {
            assert!(parse(text, now, &zone).is_err(), "{text}");
        }
        assert_eq!(show(now, &zone), "2026-01-31 13:00:00.000");
    }
}
