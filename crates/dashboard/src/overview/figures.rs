//! The figures of the overview: pure functions of what was seen.

use std::collections::VecDeque;
use std::time::Duration;

use crate::audit::Account;
use crate::overview::shown::Completeness;

/// Rates are means over so long.
const RATE_OVER: Duration = Duration::from_secs(6);
/// Growth is not judged by less than this: whoever catches up with old files grows fast, for a while.
const GROWTH_SEEN_MIN: Duration = Duration::from_secs(600);
const DAY: f64 = 86_400.0;

/// Whether what the agents and the store say adds up, in bytes.
pub(crate) fn completeness(accounts: &[Account]) -> Completeness {
    let mut sums = Completeness::default();
    for account in accounts {
        let gaps: u64 = account.gaps.iter().map(|(start, end)| end - start).sum();
        sums.size += account.size;
        sums.stored += account.stored;
        sums.in_flight += account.in_flight;
        sums.unread += account.unread;
        sums.dead_letter += account.dead_letter;
        sums.dropped += account.dropped;
        sums.missed += account.missed;
        sums.before_start += before_start(account);
        sums.expired += account.expired;
        sums.gaps += gaps.saturating_sub(account.unread);
        sums.files += 1;
        sums.incomplete += u64::from(!account.complete);
    }
    let lost = sums.gaps + sums.dead_letter + sums.missed.saturating_sub(sums.before_start);
    let arrived = sums.size.saturating_sub(sums.in_flight + sums.unread);
    sums.percent = percent(arrived.saturating_sub(lost), arrived);
    sums
}

/// What a stream was told to leave out is no loss.
fn before_start(account: &Account) -> u64 {
    let left_out = account.missed_ranges.iter().filter(|range| range.reason == model::MissedReason::BeforeStart.name());
    left_out.map(|range| range.end - range.start).sum::<u64>().min(account.missed)
}

/// In per cent, to three decimals, rounded down: 100 is all of it, and nothing less is.
pub(crate) fn percent(part: u64, whole: u64) -> f64 {
    if part >= whole {
        return 100.0;
    }
    let thousandths = u128::from(part) * 100_000 / u128::from(whole);
    (thousandths as f64) / 1000.0
}

/// A count that only grows, as it was seen over time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Track(VecDeque<(Duration, u64)>);

impl Track {
    /// Adds what was seen at `tick`; keeps `max` points, and none twice.
    pub(crate) fn push(&mut self, tick: Duration, count: u64, max: usize) {
        self.0.push_back((tick, count));
        while self.0.len() > max {
            self.0.pop_front();
        }
    }

    /// How much it grew a second, lately.
    pub(crate) fn rate(&self) -> f64 {
        let Some(&(now, last)) = self.0.back() else { return 0.0 };
        let from = self.0.iter().find(|(tick, _)| now.saturating_sub(*tick) <= RATE_OVER);
        from.map_or(0.0, |&(then, first)| per_second(then, first, now, last))
    }

    /// How much it grew a second between the last two looks.
    pub(crate) fn step_rate(&self) -> f64 {
        let mut newest = self.0.iter().rev();
        match (newest.next(), newest.next()) {
            (Some(&(now, last)), Some(&(then, first))) => per_second(then, first, now, last),
            _ => 0.0,
        }
    }

    /// How much it grew a day over all that was seen, once that is long enough to tell.
    pub(crate) fn per_day(&self) -> Option<f64> {
        let (&(then, first), &(now, last)) = (self.0.front()?, self.0.back()?);
        (now.saturating_sub(then) >= GROWTH_SEEN_MIN).then(|| per_second(then, first, now, last) * DAY)
    }

    /// For how many seconds what comes behind `level` has been there at `now`: 0 where nothing does. Where it was there
    /// before anybody looked, since then.
    pub(crate) fn older_than(&self, level: u64, now: Duration) -> f64 {
        if self.0.back().is_none_or(|(_, count)| *count <= level) {
            return 0.0;
        }
        let mut before: Option<(Duration, u64)> = None;
        for &(tick, count) in &self.0 {
            if count > level {
                let passed = match before {
                    // Between two looks it grew evenly, for all that is known.
                    Some((then, below)) => {
                        let share = (level - below) as f64 / (count - below) as f64;
                        then.as_secs_f64() + share * tick.saturating_sub(then).as_secs_f64()
                    }
                    None => tick.as_secs_f64(),
                };
                return (now.as_secs_f64() - passed).max(0.0);
            }
            before = Some((tick, count));
        }
        0.0
    }
}

fn per_second(then: Duration, first: u64, now: Duration, last: u64) -> f64 {
    let seconds = now.saturating_sub(then).as_secs_f64();
    // A count that was reset (a role began anew, retention removed records) tells nothing.
    if seconds <= 0.0 || last < first { 0.0 } else { (last - first) as f64 / seconds }
}

/// What bounds the store.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Room {
    /// Bytes it holds on disk.
    pub disk_bytes: u64,
    /// Bytes of the lines in them.
    pub line_bytes: u64,
    /// Bytes free on its disk.
    pub free_bytes: Option<u64>,
    /// Bytes of lines that come a day.
    pub per_day: Option<f64>,
    /// It removes its oldest beyond so many bytes.
    pub retention_bytes: Option<u64>,
    /// It removes what is older than so many days.
    pub retention_days: Option<f64>,
}

impl Room {
    /// In how many days the disk is full, as it grows now. `None` where that is not known, or retention comes first.
    pub(crate) fn days_left(&self) -> Option<f64> {
        let (free, per_day) = (self.free_bytes? as f64, self.per_day.filter(|per_day| *per_day >= 1.0)?);
        if self.line_bytes == 0 {
            return None;
        }
        let grows = per_day * self.disk_bytes as f64 / self.line_bytes as f64;
        let limits = [
            self.retention_bytes.map(|bytes| bytes as f64 - self.disk_bytes as f64),
            self.retention_days.map(|days| days * grows - self.disk_bytes as f64),
        ];
        if grows <= 0.0 || limits.into_iter().flatten().any(|more| more <= free) {
            return None;
        }
        Some(((free / grows) * 10.0).floor() / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn track(points: &[(f64, u64)]) -> Track {
        Track(points.iter().map(|(tick, count)| (seconds(*tick), *count)).collect())
    }

    #[test]
    fn all_is_all_and_nothing_less_is() {
        for (part, whole, is) in [
            (0, 0, 100.0),
            (7, 7, 100.0),
            (0, 7, 0.0),
            (1, 3, 33.333),
            (999_999_999, 1_000_000_000, 99.999),
            (u64::MAX - 1, u64::MAX, 99.999),
        ] {
            assert_eq!(percent(part, whole), is, "{part} of {whole}");
        }
    }

    #[test]
    fn rates_are_of_the_last_seconds_and_never_negative() {
        assert_eq!(track(&[]).rate(), 0.0);
        assert_eq!(track(&[(0.0, 5)]).rate(), 0.0);
        assert_eq!(track(&[(0.0, 0), (10.0, 1000), (12.0, 1000), (14.0, 1400)]).rate(), 100.0);
        assert_eq!(track(&[(10.0, 1000), (12.0, 3)]).rate(), 0.0);
        assert_eq!(track(&[(0.0, 0), (2.0, 10), (4.0, 50)]).step_rate(), 20.0);
        let mut bounded = Track::default();
        for n in 0..10 {
            bounded.push(seconds(n as f64), n, 4);
        }
        assert_eq!(bounded.0.len(), 4);
    }

    #[test]
    fn growth_is_told_after_a_while() {
        assert_eq!(track(&[(0.0, 0), (599.0, 1_000_000)]).per_day(), None);
        assert_eq!(track(&[(0.0, 0), (600.0, 600)]).per_day(), Some(86_400.0));
    }

    #[test]
    fn lag_is_how_long_ago_what_waits_was_written() {
        let seen = track(&[(0.0, 0), (2.0, 100), (4.0, 200), (6.0, 200)]);
        for (level, lag) in [(200, 0.0), (300, 0.0), (150, 3.0), (100, 4.0), (0, 6.0), (199, 2.02)] {
            let found = seen.older_than(level, seconds(6.0));
            assert!((found - lag).abs() < 1e-9, "{level}: {found}");
        }
        // It was there before anybody looked.
        assert_eq!(track(&[(3.0, 50), (5.0, 50)]).older_than(10, seconds(5.0)), 2.0);
        assert_eq!(track(&[]).older_than(0, seconds(5.0)), 0.0);
    }

    #[test]
    fn days_are_left_where_nothing_else_comes_first() {
        let grows = Room {
            disk_bytes: 100,
            line_bytes: 1000,
            free_bytes: Some(1000),
            per_day: Some(1000.0),
            ..Room::default()
        };
        let table = [
            (grows, Some(10.0)),
            (Room { free_bytes: None, ..grows }, None),
            (Room { per_day: None, ..grows }, None),
            (Room { per_day: Some(0.0), ..grows }, None),
            (Room { line_bytes: 0, ..grows }, None),
            (Room { retention_bytes: Some(500), ..grows }, None),
            (Room { retention_bytes: Some(5000), ..grows }, Some(10.0)),
            (Room { retention_days: Some(7.0), ..grows }, None),
            (Room { retention_days: Some(70.0), ..grows }, Some(10.0)),
            (Room { free_bytes: Some(1), ..grows }, Some(0.0)),
        ];
        for (room, days) in table {
            assert_eq!(room.days_left(), days, "{room:?}");
        }
    }
}
