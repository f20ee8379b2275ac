//! Metrics from lines: rules that turn the records of a stream into points.
//!
//! Decision: a point's time and tags depend on the records alone, and its value is the same after any crash and
//! replay: a rule is a consumer group of its own, whose cursor moves only over windows that are closed. See
//! [`windows`] for how; the rest is names, notes and the loop.

mod note;
mod pipeline;
mod rule;
mod sketch;
#[cfg(test)]
mod tests;
mod windows;

pub use pipeline::RulePipeline;
pub use rule::Rule;
pub use windows::Counts;
