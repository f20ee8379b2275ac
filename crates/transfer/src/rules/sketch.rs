//! Quantiles within 1 %, the same whatever the order in which numbers come.
//!
//! Numbers are counted in buckets whose bounds grow by a fixed ratio (as in DDSketch), so that what a bucket stands for
//! is never off by more than 1 % of the number. Counts add up: sketches merge exactly.

use std::collections::BTreeMap;

/// How far off, as a share of the number.
const ERROR: f64 = 0.01;
/// Numbers nearer to zero, or further from it, are taken for these.
const SMALLEST: f64 = 1e-15;
const LARGEST: f64 = 1e18;
/// Makes the keys of positive numbers positive, so that keys are ordered as their numbers are.
const SHIFT: i32 = 2000;

/// How many numbers fell into each bucket.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sketch(BTreeMap<i32, u64>);

fn ratio_log() -> f64 {
    ((1.0 + ERROR) / (1.0 - ERROR)).ln()
}

impl Sketch {
    /// Counts a number.
    pub fn add(&mut self, number: f64) {
        let size = number.abs();
        let key = if size < SMALLEST {
            0
        } else {
            let bucket = (size.min(LARGEST).ln() / ratio_log()).ceil() as i32 + SHIFT;
            if number < 0.0 { -bucket } else { bucket }
        };
        *self.0.entry(key).or_default() += 1;
    }

    /// Counts all that another one counted.
    pub fn merge(&mut self, other: &Self) {
        for (key, count) in &other.0 {
            *self.0.entry(*key).or_default() += count;
        }
    }

    /// The number below which `share` of all lie, about; `None` where there are none.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let all: u64 = self.0.values().sum();
        let rank = (share * all.saturating_sub(1) as f64).round() as u64;
        let mut below = 0;
        let (key, _) = self.0.iter().find(|(_, count)| {
            below += **count;
            below > rank
        })?;
        Some(middle(*key))
    }
}

fn middle(key: i32) -> f64 {
    if key == 0 {
        return 0.0;
    }
    let upper = (f64::from(key.abs() - SHIFT) * ratio_log()).exp();
    (upper * (1.0 - ERROR)).copysign(f64::from(key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn is_within_one_percent_in_any_order(mut numbers in prop::collection::vec(-1e9f64..1e9, 1..200), share in 0.0f64..=1.0, cut in 0usize..200) {
            let mut whole = Sketch::default();
            numbers.iter().for_each(|n| whole.add(*n));
            let (one, other) = numbers.split_at(cut.min(numbers.len()));
            let (mut first, mut second) = (Sketch::default(), Sketch::default());
            other.iter().rev().for_each(|n| first.add(*n));
            one.iter().for_each(|n| second.add(*n));
            first.merge(&second);
            prop_assert_eq!(&first, &whole);
            numbers.sort_by(f64::total_cmp);
            let exact = numbers[(share * (numbers.len() - 1) as f64).round() as usize];
            let found = whole.quantile(share).unwrap();
            prop_assert!((found - exact).abs() <= exact.abs() * 0.0101, "{} for {}", found, exact);
        }
    }

    #[test]
    fn odd_numbers_fit() {
        let mut sketch = Sketch::default();
        assert_eq!(sketch.quantile(0.5), None);
        [0.0, -0.0, 1e-300, 1e300, -1e300].into_iter().for_each(|n| sketch.add(n));
        assert_eq!(sketch.quantile(0.5), Some(0.0));
        assert!(sketch.quantile(1.0).unwrap() > 9e17 && sketch.quantile(0.0).unwrap() < -9e17);
    }
}
