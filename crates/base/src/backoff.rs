//! How long to wait before the next try.

use std::time::Duration;

/// Exponential backoff with full-range jitter taken from a seed, so that a fleet does not knock in step.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    tries: u32,
    seed: u64,
}

impl Backoff {
    /// Starts at `first`, doubles, and never exceeds `max`.
    pub const fn new(first: Duration, max: Duration, seed: u64) -> Self {
        Self { first, max, tries: 0, seed }
    }

    /// The wait before the next try: between half and the whole of the current step.
    pub fn next_wait(&mut self) -> Duration {
        let step = self.first.saturating_mul(1 << self.tries.min(20)).min(self.max);
        self.tries = self.tries.saturating_add(1);
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = (self.seed >> 33) as f64 / (1u64 << 31) as f64;
        step.mul_f64(0.5 + share / 2.0)
    }

    /// How many tries there have been since the last success.
    pub const fn tries(&self) -> u32 {
        self.tries
    }

    /// It worked: the next wait is the first again.
    pub const fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_within_its_bounds_and_resets() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), 7);
        for n in 0..40 {
            let step = Duration::from_millis(100).saturating_mul(1 << n.min(20)).min(Duration::from_secs(5));
            let wait = backoff.next_wait();
            assert!(wait >= step / 2 && wait <= step, "{n}: {wait:?} for a step of {step:?}");
        }
        backoff.reset();
        assert!(backoff.next_wait() <= Duration::from_millis(100));
    }
}
