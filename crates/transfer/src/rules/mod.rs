//! Metrics from lines: rules that turn the records of a stream into points.

mod rule;
mod sketch;
#[cfg(test)]
mod tests;
mod windows;
