//! The newest ids, by which a repeat is known.
//!
//! Two halves: where the newer one is full, it becomes the older one, and what was older is forgotten. So at least half
//! of the bound is remembered at any time, with no list of what came when.

use std::collections::HashMap;

use xxhash_rust::xxh3::Xxh3;

/// Ids remembered at most, unless told otherwise: about 50 MB where all are taken.
pub const WINDOW: usize = 1 << 20;

/// An id within its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdKey(u128);

impl IdKey {
    /// Of an id.
    pub fn new(index: &str, id: &str) -> Self {
        let mut hash = Xxh3::new();
        hash.update(index.as_bytes());
        hash.update(&[0]);
        hash.update(id.as_bytes());
        Self(hash.digest128())
    }
}

/// The newest ids with the hashes of their lines.
pub struct Window {
    half: usize,
    newer: HashMap<IdKey, u64>,
    older: HashMap<IdKey, u64>,
}

impl Window {
    /// Of so many at most.
    pub fn new(max: usize) -> Self {
        Self { half: (max / 2).max(1), newer: HashMap::new(), older: HashMap::new() }
    }

    /// The hash of the line that was written under an id.
    pub fn get(&self, key: IdKey) -> Option<u64> {
        self.newer.get(&key).or_else(|| self.older.get(&key)).copied()
    }

    /// Remembers an id.
    pub fn put(&mut self, key: IdKey, content: u64) {
        if self.newer.len() >= self.half {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(key, content);
    }

    /// How many are remembered.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.newer.len() + self.older.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_remembered() {
        let mut window = Window::new(100);
        let key = |n: u64| IdKey::new("web", &n.to_string());
        for n in 0..1_000 {
            window.put(key(n), n);
            let from = (n + 1).saturating_sub(50);
            assert!((from..=n).all(|n| window.get(key(n)) == Some(n)), "{n}");
            assert!(window.len() <= 100);
        }
        assert_eq!(window.get(key(800)), None);
        assert_eq!(window.get(IdKey::new("other", "999")), None);
    }
}
