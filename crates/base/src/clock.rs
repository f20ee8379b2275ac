//! The clock as a value: whoever needs the time is handed one, so that tests can hand it another.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::Timestamp;

/// Tells the time. The real one lives in the `runtime` crate.
pub trait Clock: Send + Sync {
    /// The moment now, UTC.
    fn now(&self) -> Timestamp;
}

/// A clock that stands still until it is told otherwise.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `at`.
    pub fn at(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.as_micros()))
    }

    /// Moves the hands forward (or back, where negative) by so many microseconds.
    pub fn advance_micros(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}
