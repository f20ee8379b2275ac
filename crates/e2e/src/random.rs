//! Chance that can be repeated.

/// xorshift64*, from a seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Equal seeds, equal chance.
    pub fn new(seed: u64) -> Self {
        // Near seeds must not give near beginnings, and zero would stay zero.
        let mixed = (seed ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Self((mixed ^ mixed >> 31).max(1))
    }

    /// From `LOGDRIVE_TEST_SEED`, else from the clock.
    ///
    /// # Panics
    /// Where the variable is no number.
    pub fn seed() -> u64 {
        match std::env::var("LOGDRIVE_TEST_SEED") {
            Ok(seed) => seed.parse().expect("LOGDRIVE_TEST_SEED is a number"),
            Err(_) => std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(1, |since| since.as_nanos() as u64 % 1_000_000),
        }
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        (self.number() >> 32).wrapping_mul(end) >> 32
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }
}
