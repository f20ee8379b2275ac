//! What every other crate may use: time, sizes, durations, backoff, error kinds.
//!
//! Must not know: input or output, the wall clock, randomness, threads, or any other crate of the house. Time and
//! chance arrive here as values, so that every decision above can be tested by a table.
#![deny(missing_docs)]

mod backoff;
mod clock;
mod duration;
mod error;
mod intervals;
mod nearest;
mod size;
mod timestamp;

pub use backoff::Backoff;
pub use clock::{Clock, ManualClock};
pub use duration::HumanDuration;
pub use error::{ErrorKind, Explain, Retry};
pub use intervals::Intervals;
pub use nearest::nearest;
pub use size::ByteSize;
pub use timestamp::Timestamp;
