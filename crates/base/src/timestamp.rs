//! Moments in time.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment: microseconds since 1970-01-01T00:00:00Z, leap seconds ignored.
///
/// Microseconds, because that is the finest time that the usual log formats carry and because every Parquet reader
/// understands them; a line's own text keeps whatever it had beyond that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

const MICROS_PER_DAY: i64 = 86_400_000_000;

impl Timestamp {
    /// The earliest and the latest moment that can be written.
    pub const MIN: Self = Self(i64::MIN);
    /// See [`Timestamp::MIN`].
    pub const MAX: Self = Self(i64::MAX);

    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From a date and a time of day in UTC (proleptic Gregorian). `month` and `day` count from 1 and are not checked.
    pub const fn from_civil(year: i64, month: u32, day: u32, micros_of_day: i64) -> Self {
        Self(days_from_civil(year, month, day) * MICROS_PER_DAY + micros_of_day)
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The calendar date in UTC: year, month from 1, day from 1.
    pub const fn date(self) -> (i64, u32, u32) {
        civil_from_days(self.0.div_euclid(MICROS_PER_DAY))
    }

    /// This moment plus (or minus) so many microseconds, held at the ends of what can be written.
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// This moment minus a duration, held at the ends of what can be written.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long ago `earlier` was; zero where it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// RFC 3339 in UTC, with as many decimals as are needed: none, three or six.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let micros = self.0.rem_euclid(MICROS_PER_DAY);
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match fraction {
            0 => f.write_str("Z"),
            n if n % 1000 == 0 => write!(f, ".{:03}Z", n / 1000),
            n => write!(f, ".{n:06}Z"),
        }
    }
}

/// Days since the epoch of a civil date (Howard Hinnant, "chrono-compatible low-level date algorithms").
const fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let month_from_march = (month as i64 + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day as i64 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
const fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 } as u32;
    (year_of_era + era * 400 + (month <= 2) as i64, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_rfc_3339() {
        let at = Timestamp::from_civil(2024, 2, 29, 3_661_000_000);
        assert_eq!(at.to_string(), "2024-02-29T01:01:01Z");
        assert_eq!(at.plus_micros(5_000).to_string(), "2024-02-29T01:01:01.005Z");
        assert_eq!(at.plus_micros(7).to_string(), "2024-02-29T01:01:01.000007Z");
        assert_eq!(Timestamp::from_micros(-1).to_string(), "1969-12-31T23:59:59.999999Z");
    }

    proptest::proptest! {
        #[test]
        fn dates_round_trip(days in -800_000i64..800_000) {
            let (y, m, d) = civil_from_days(days);
            proptest::prop_assert_eq!(days_from_civil(y, m, d), days);
            proptest::prop_assert!((1..=12).contains(&m) && (1..=31).contains(&d));
        }
    }
}
