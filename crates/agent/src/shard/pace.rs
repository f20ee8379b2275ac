//! How much may be on its way for the sake of files that have much to catch up.
//!
//! Decision: whoever is live stands behind everything that is on its way, so what is on its way for the others is
//! bounded by time, not by room: what the queue took within half a second of late. Where it takes fast, that is half of
//! the window; where it is slow, a few blocks; and when it takes faster again, the bound grows with it, as the time from
//! sending to landing is then shorter than half a second.
//!
//! Pure: time is given.

use std::time::Duration;

use crate::tail::Mono;

/// What lands within this time may be on its way.
const AHEAD: Duration = Duration::from_millis(500);
/// The rate is looked at so often.
const EVERY: Duration = Duration::from_millis(250);
/// At least so many blocks may be on their way.
const BLOCKS_MIN: usize = 4;

/// What was taken of late.
#[derive(Debug)]
pub struct Pace {
    window: usize,
    block: usize,
    /// Landed since then.
    landed: usize,
    since: Mono,
    /// How much of the window may be used.
    max: usize,
}

impl Pace {
    /// At first, a few blocks.
    pub fn new(window: usize, block: usize) -> Self {
        Self { window, block, landed: 0, since: Mono::ZERO, max: least(window, block) }
    }

    /// The queue has taken so many bytes.
    pub const fn landed(&mut self, bytes: usize) {
        self.landed += bytes;
    }

    /// Looks at the rate; `true` when it was time to.
    pub fn tick(&mut self, now: Mono) -> bool {
        let passed = now.saturating_sub(self.since);
        if passed < EVERY {
            return false;
        }
        let taken = self.landed as f64 * AHEAD.as_secs_f64() / passed.as_secs_f64();
        // It grows at once and shrinks by halves: a pause of the readers is no pause of the queue.
        let max = (taken as usize).max(self.max / 2);
        self.max = max.clamp(least(self.window, self.block), self.window / 2);
        (self.landed, self.since) = (0, now);
        true
    }

    /// So many bytes may be on their way for those that catch up.
    pub const fn max(&self) -> usize {
        self.max
    }
}

fn least(window: usize, block: usize) -> usize {
    (BLOCKS_MIN * block).min(window / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: usize = 64 << 20;
    const BLOCK: usize = 256 << 10;

    /// A queue that takes `rate` bytes a second, at the soonest `latency` after they were sent.
    fn settled(pace: &mut Pace, rate: f64, latency: f64, from: u64) -> f64 {
        for n in 1..=40 {
            let by_latency = pace.max() as f64 / latency;
            pace.landed((by_latency.min(rate) * 0.25) as usize);
            assert!(pace.tick(Duration::from_millis(from + n * 250)));
        }
        // How long what is on its way takes to land.
        pace.max() as f64 / rate
    }

    #[test]
    fn what_is_on_its_way_lands_within_half_a_second() {
        for rate in [4e6, 20e6, 60e6] {
            let mut pace = Pace::new(WINDOW, BLOCK);
            let behind = settled(&mut pace, rate, 0.02, 0);
            assert!((0.2..=0.6).contains(&behind), "{rate}: {behind}");
        }
    }

    #[test]
    fn a_fast_queue_gets_half_of_the_window_and_one_that_is_down_a_few_blocks() {
        let mut pace = Pace::new(WINDOW, BLOCK);
        settled(&mut pace, 500e6, 0.01, 0);
        assert_eq!(pace.max(), WINDOW / 2);
        settled(&mut pace, 0.0, 0.01, 100_000);
        assert_eq!(pace.max(), 4 * BLOCK);
        settled(&mut pace, 500e6, 0.01, 200_000);
        assert_eq!(pace.max(), WINDOW / 2);
        assert!(!pace.tick(Duration::from_millis(200_001)));
    }
}
