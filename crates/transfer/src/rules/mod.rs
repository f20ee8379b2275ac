//! Metrics from lines: rules that turn the records of a stream into points.

mod rule;
mod sketch;
mod windows;
#[cfg(test)]
mod tests;
