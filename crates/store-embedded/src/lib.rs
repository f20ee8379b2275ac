//! The embedded store: Parquet parts with token filters beside them, a searchable head in memory, one manifest.
//!
//! Must not know: who writes and asks, HTTP, how lines are cut.

mod manifest;
pub mod part;
