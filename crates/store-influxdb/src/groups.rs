//! The series of an answer, gathered as the server gives them.

use std::collections::BTreeMap;

use base::Timestamp;
use store::TimeRange;
use store::metrics::{Aggregate, Fold, Series, SeriesAnswer, SeriesRequest};

/// By the values of the tags grouped by.
#[derive(Debug)]
pub struct Groups {
    groups: BTreeMap<Vec<String>, Group>,
    step_micros: i64,
    complete: bool,
}

#[derive(Debug)]
struct Group {
    points: Vec<(Timestamp, f64)>,
    rates: Fold,
}

impl Groups {
    pub const fn new(request: &SeriesRequest) -> Self {
        Self { groups: BTreeMap::new(), step_micros: request.step_micros, complete: true }
    }

    fn group(&mut self, tags: Vec<String>) -> &mut Group {
        let rates = || Fold::new(Aggregate::Rate, self.step_micros);
        self.groups.entry(tags).or_insert_with(|| Group { points: Vec::new(), rates: rates() })
    }

    /// Takes the value of the step that `at` is in.
    pub fn put(&mut self, tags: Vec<String>, at: Timestamp, value: f64) {
        let group = self.group(tags);
        let step = group.rates.step_of(at);
        group.points.push((step, value));
    }

    /// Takes the growth of one series in the step that `at` is in.
    pub fn put_growth(&mut self, tags: Vec<String>, at: Timestamp, growth: f64, micros: i64) {
        self.group(tags).rates.add_rate(at, growth, micros);
    }

    /// Takes one series whose rate is to be computed here.
    pub fn put_counter(&mut self, tags: Vec<String>, points: Vec<(Timestamp, f64)>) {
        self.group(tags).rates.add_series(points);
    }

    /// The server left something out.
    pub const fn incomplete(&mut self) {
        self.complete = false;
    }

    /// In the form and within the bounds asked for.
    pub fn answer(self, request: &SeriesRequest) -> SeriesAnswer {
        let series = self.groups.into_iter().map(|(values, group)| {
            let mut points = if request.aggregate == Aggregate::Rate { group.rates.finish() } else { group.points };
            points.sort_unstable_by_key(|(at, _)| *at);
            Series { tags: request.group_by.iter().cloned().zip(values).collect(), points }
        });
        let mut series: Vec<_> = series.filter(|series| !series.points.is_empty()).collect();
        let complete = self.complete && series.len() <= request.limit;
        series.truncate(request.limit);
        SeriesAnswer { series, complete }
    }
}

/// A range in nanoseconds, as far as they reach.
pub fn nanoseconds(range: TimeRange) -> (i64, i64) {
    // Both servers keep the outermost moments to themselves.
    const REACH: i64 = i64::MAX / 1000 - 1;
    let held = |at: Timestamp| at.as_micros().clamp(-REACH, REACH) * 1000;
    (held(range.since), held(range.until))
}
