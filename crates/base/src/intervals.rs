//! Sets of byte ranges: what has been seen, stored, dropped, missed of a file.

use serde::{Deserialize, Serialize};

/// A set of half-open ranges `[start, end)`, kept sorted, disjoint and merged where they touch.
///
/// A file that is read in order is one range, however long it is; each gap adds one. So the account of a file is a
/// few bytes, not a few bytes a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Intervals(Vec<(u64, u64)>);

impl Intervals {
    /// The empty set.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bytes are in it.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(start, end)| end - start).sum()
    }

    /// The end of the last range, 0 where there is none.
    pub fn end(&self) -> u64 {
        self.0.last().map_or(0, |(_, end)| *end)
    }

    /// Adds `[start, end)`.
    pub fn insert(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        if let Some(last) = self.0.last_mut().filter(|last| last.0 <= start && start <= last.1) {
            last.1 = last.1.max(end);
            return;
        }
        let from = self.0.partition_point(|range| range.1 < start);
        let to = self.0.partition_point(|range| range.0 <= end);
        if from == to {
            self.0.insert(from, (start, end));
        } else {
            let merged = (start.min(self.0[from].0), end.max(self.0[to - 1].1));
            self.0.splice(from..to, [merged]);
        }
    }

    /// Takes `[start, end)` out.
    pub fn remove(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let mut kept = Vec::with_capacity(self.0.len() + 1);
        for &(a, b) in &self.0 {
            if a < start.min(b) {
                kept.push((a, b.min(start)));
            }
            if b > end.max(a) {
                kept.push((a.max(end), b));
            }
        }
        self.0 = kept;
    }

    /// Adds every range of `other`.
    pub fn extend(&mut self, other: &Self) {
        for &(start, end) in &other.0 {
            self.insert(start, end);
        }
    }

    /// Whether all of `[start, end)` is in it.
    pub fn covers(&self, start: u64, end: u64) -> bool {
        start >= end || {
            let at = self.0.partition_point(|range| range.1 < end);
            self.0.get(at).is_some_and(|range| range.0 <= start)
        }
    }

    /// Whether `offset` is in it.
    pub fn contains(&self, offset: u64) -> bool {
        self.covers(offset, offset + 1)
    }

    /// What of `[start, end)` is not in it, ascending.
    pub fn gaps(&self, start: u64, end: u64) -> Vec<(u64, u64)> {
        let mut gaps = Vec::new();
        let mut at = start;
        for &(a, b) in &self.0 {
            if a >= end {
                break;
            }
            if a > at {
                gaps.push((at, a));
            }
            at = at.max(b);
        }
        if at < end {
            gaps.push((at, end));
        }
        gaps
    }
}

impl FromIterator<(u64, u64)> for Intervals {
    fn from_iter<I: IntoIterator<Item = (u64, u64)>>(ranges: I) -> Self {
        let mut set = Self::new();
        for (start, end) in ranges {
            set.insert(start, end);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bits(set: &Intervals) -> Vec<bool> {
        (0..64).map(|n| set.contains(n)).collect()
    }

    proptest! {
        #[test]
        fn agrees_with_a_bitmap(steps in prop::collection::vec((any::<bool>(), 0u64..64, 0u64..64), 0..40)) {
            let mut set = Intervals::new();
            let mut map = vec![false; 64];
            for (add, a, b) in steps {
                if add { set.insert(a, b) } else { set.remove(a, b) }
                for n in a..b { map[n as usize] = add; }
            }
            prop_assert_eq!(bits(&set), map.clone());
            prop_assert_eq!(set.total(), map.iter().filter(|x| **x).count() as u64);
            prop_assert!(set.ranges().windows(2).all(|w| w[0].1 < w[1].0));
            let mut rest = set.clone();
            for (a, b) in set.gaps(0, 64) { rest.insert(a, b); }
            prop_assert_eq!(rest.ranges(), &[(0, 64)][..]);
            for a in 0..64 { for b in a..64 {
                prop_assert_eq!(set.covers(a, b), (a..b).all(|n| map[n as usize]));
            }}
        }
    }
}
