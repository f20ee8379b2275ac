//! How the values of steps become one each: the same for every store that computes them itself.

use std::collections::BTreeMap;

use base::Timestamp;

use super::Aggregate;

/// Gathers the series of one group.
#[derive(Debug)]
pub struct Fold {
    aggregate: Aggregate,
    step_micros: i64,
    steps: BTreeMap<i64, Step>,
}

/// What is gathered of a step; what each part means depends on the aggregate.
#[derive(Debug, Default)]
struct Step {
    count: u64,
    value: f64,
    at: i64,
}

impl Step {
    /// Adds what was gathered elsewhere of the same step.
    fn take(&mut self, aggregate: Aggregate, other: Self) {
        let first = self.count == 0;
        self.count += other.count;
        match aggregate {
            Aggregate::Mean | Aggregate::Sum => self.value += other.value,
            Aggregate::Min if first || other.value < self.value => self.value = other.value,
            Aggregate::Max if first || other.value > self.value => self.value = other.value,
            Aggregate::Last if first || other.at > self.at || (other.at == self.at && other.value > self.value) => {
                (self.at, self.value) = (other.at, other.value);
            }
            _ => {}
        }
    }
}

/// The moments of a step: dividing is left to when a point is in another.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    index: i64,
    since: i64,
    until: i64,
}

impl Span {
    const fn of(at: i64, step_micros: i64) -> Self {
        let index = at.div_euclid(step_micros);
        let since = index.saturating_mul(step_micros);
        Self { index, since, until: since.saturating_add(step_micros) }
    }

    const fn has(self, at: i64) -> bool {
        self.since <= at && at < self.until
    }
}

impl Fold {
    /// Nothing yet. `step_micros` must be positive.
    pub fn new(aggregate: Aggregate, step_micros: i64) -> Self {
        debug_assert!(step_micros > 0, "steps have a length");
        Self { aggregate, step_micros: step_micros.max(1), steps: BTreeMap::new() }
    }

    /// The beginning of the step that `time` is in.
    pub fn step_of(&self, time: Timestamp) -> Timestamp {
        Timestamp::from_micros(self.index(time).saturating_mul(self.step_micros))
    }

    const fn index(&self, time: Timestamp) -> i64 {
        time.as_micros().div_euclid(self.step_micros)
    }

    /// Takes all points of one series (one set of tags), ascending by time.
    pub fn add_series(&mut self, points: impl IntoIterator<Item = (Timestamp, f64)>) {
        if self.aggregate == Aggregate::Rate {
            return self.add_growth(points);
        }
        // What is ascending stays in a step for a while: it is looked up when it leaves.
        let mut span = Span::default();
        let mut step = Step::default();
        for (time, value) in points {
            let at = time.as_micros();
            if !span.has(at) {
                self.merge(span.index, std::mem::take(&mut step));
                span = Span::of(at, self.step_micros);
            }
            step.take(self.aggregate, Step { count: 1, value, at });
        }
        self.merge(span.index, step);
    }

    fn merge(&mut self, index: i64, step: Step) {
        if step.count > 0 {
            self.steps.entry(index).or_default().take(self.aggregate, step);
        }
    }

    fn add_growth(&mut self, points: impl IntoIterator<Item = (Timestamp, f64)>) {
        let mut points = points.into_iter();
        let Some(mut before) = points.next() else { return };
        let mut span = Span::default();
        let (mut growth, mut micros) = (0.0, 0);
        let mut add = |index: i64, growth: f64, micros: i64| {
            if micros > 0 {
                let step = self.steps.entry(index).or_default();
                step.count += 1;
                step.value += growth * 1e6 / micros as f64;
            }
        };
        for (time, value) in points {
            if !span.has(time.as_micros()) {
                add(span.index, std::mem::take(&mut growth), std::mem::take(&mut micros));
                span = Span::of(time.as_micros(), self.step_micros);
            }
            growth += if value >= before.1 { value - before.1 } else { value };
            micros += time.as_micros() - before.0.as_micros();
            before = (time, value);
        }
        add(span.index, growth, micros);
    }

    /// Takes the growth of one series in the step at `step`, for stores that compute it themselves.
    pub fn add_rate(&mut self, step: Timestamp, growth: f64, micros: i64) {
        if micros > 0 {
            let index = self.index(step);
            let step = self.steps.entry(index).or_default();
            step.count += 1;
            step.value += growth * 1e6 / micros as f64;
        }
    }

    /// The value of each step, ascending.
    pub fn finish(self) -> Vec<(Timestamp, f64)> {
        let value = |step: &Step| match self.aggregate {
            Aggregate::Mean => step.value / step.count as f64,
            Aggregate::Count => step.count as f64,
            _ => step.value,
        };
        let beginning = |index: i64| Timestamp::from_micros(index.saturating_mul(self.step_micros));
        self.steps.iter().map(|(index, step)| (beginning(*index), value(step))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(aggregate: Aggregate, series: &[&[(i64, f64)]]) -> Vec<(i64, f64)> {
        let mut fold = Fold::new(aggregate, 10_000_000);
        for points in series {
            fold.add_series(points.iter().map(|(second, value)| (Timestamp::from_micros(second * 1_000_000), *value)));
        }
        fold.finish().into_iter().map(|(at, value)| (at.as_micros() / 1_000_000, value)).collect()
    }

    #[test]
    fn folds_steps() {
        let one: &[(i64, f64)] = &[(-5, 8.0), (1, 2.0), (9, 4.0), (10, 1.0)];
        let two: &[(i64, f64)] = &[(2, 6.0), (9, 3.0), (31, 5.0)];
        let table = [
            (Aggregate::Mean, [8.0, 3.75, 1.0, 5.0]),
            (Aggregate::Sum, [8.0, 15.0, 1.0, 5.0]),
            (Aggregate::Min, [8.0, 2.0, 1.0, 5.0]),
            (Aggregate::Max, [8.0, 6.0, 1.0, 5.0]),
            (Aggregate::Count, [1.0, 4.0, 1.0, 1.0]),
            (Aggregate::Last, [8.0, 4.0, 1.0, 5.0]),
        ];
        for (aggregate, values) in table {
            let expected: Vec<_> = [-10, 0, 10, 30].into_iter().zip(values).collect();
            assert_eq!(folded(aggregate, &[one, two]), expected, "{aggregate:?}");
        }
    }

    #[test]
    fn a_rate_is_growth_by_time_and_survives_resets() {
        let steady: &[(i64, f64)] = &[(0, 100.0), (5, 110.0), (10, 120.0), (20, 140.0)];
        assert_eq!(folded(Aggregate::Rate, &[steady]), [(0, 2.0), (10, 2.0), (20, 2.0)]);
        let reset: &[(i64, f64)] = &[(0, 100.0), (4, 104.0), (8, 12.0)];
        assert_eq!(folded(Aggregate::Rate, &[reset]), [(0, 2.0)]);
        assert_eq!(folded(Aggregate::Rate, &[steady, reset]), [(0, 4.0), (10, 2.0), (20, 2.0)]);
        assert_eq!(folded(Aggregate::Rate, &[&[(3, 1.0)]]), []);
    }
}
