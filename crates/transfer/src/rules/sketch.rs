//! Quantiles of many numbers in little room: the order in which they came does not matter, and neither does how they
//! were divided, so a replay says the same.
//!
//! Numbers are counted in buckets whose bounds grow by two hundredths, so that a quantile is off by at most one
//! hundredth of itself (the idea of DDSketch, Masson et al., VLDB 2019).

use std::collections::BTreeMap;

/// How far a quantile may be off, as a share of it.
const ERROR: f64 = 0.01;
const GAMMA: f64 = (1.0 + ERROR) / (1.0 - ERROR);
/// What is nearer to nothing is nothing.
const LEAST: f64 = 1e-9;

/// Some numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sketch {
    negative: BTreeMap<i32, u64>,
    zeros: u64,
    positive: BTreeMap<i32, u64>,
}

fn bucket(magnitude: f64) -> i32 {
    (magnitude.ln() / GAMMA.ln()).ceil() as i32
}

fn middle(bucket: i32) -> f64 {
    2.0 * GAMMA.powi(bucket) / (GAMMA + 1.0)
}

impl Sketch {
    /// Counts a number.
    pub fn add(&mut self, number: f64) {
        let magnitude = number.abs();
        if magnitude < LEAST {
            self.zeros += 1;
        } else {
            let side = if number < 0.0 { &mut self.negative } else { &mut self.positive };
            *side.entry(bucket(magnitude)).or_default() += 1;
        }
    }

    /// Counts what another one counted.
    pub fn merge(&mut self, other: &Self) {
        self.zeros += other.zeros;
        for (mine, theirs) in [(&mut self.negative, &other.negative), (&mut self.positive, &other.positive)] {
            theirs.iter().for_each(|(bucket, count)| *mine.entry(*bucket).or_default() += count);
        }
    }

    fn count(&self) -> u64 {
        self.zeros + self.negative.values().sum::<u64>() + self.positive.values().sum::<u64>()
    }

    /// The number below which so many thousandths are; `None` where there are no numbers.
    pub fn quantile(&self, thousandths: u16) -> Option<f64> {
        let rank = self.count().checked_sub(1)? * u64::from(thousandths) / 1000;
        let below = self.negative.iter().rev().map(|(bucket, count)| (-middle(*bucket), *count));
        let above = self.positive.iter().map(|(bucket, count)| (middle(*bucket), *count));
        let mut passed = 0;
        below.chain(std::iter::once((0.0, self.zeros))).chain(above).find_map(|(number, count)| {
            passed += count;
            (passed > rank).then_some(number)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_quantile_is_near_the_exact_one(
            mut numbers in prop::collection::vec(prop_oneof![-1e6f64..1e6, 0.0f64..10.0, Just(0.0)], 1..300),
            thousandths in 10u16..=999,
            cut in any::<prop::sample::Index>(),
        ) {
            let (left, right) = numbers.split_at(cut.index(numbers.len()));
            let (mut sketch, mut other) = (Sketch::default(), Sketch::default());
            left.iter().for_each(|number| sketch.add(*number));
            right.iter().for_each(|number| other.add(*number));
            sketch.merge(&other);
            numbers.sort_by(f64::total_cmp);
            let exact = numbers[(numbers.len() - 1) * usize::from(thousandths) / 1000];
            let found = sketch.quantile(thousandths).unwrap();
            prop_assert!((found - exact).abs() <= exact.abs() * ERROR * 1.001 + LEAST, "{found} for {exact}");
            prop_assert_eq!(Sketch::default().quantile(thousandths), None);
        }
    }
}
