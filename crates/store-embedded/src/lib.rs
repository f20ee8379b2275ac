//! The embedded store: Parquet parts with token filters beside them, a searchable head in memory, one manifest.
//!
//! Must not know: who writes and asks, HTTP, how lines are cut.

mod clean;
mod head;
mod manifest;
mod merge;
pub mod metrics;
mod options;
pub mod part;
mod reader;
mod seal;
mod search;
mod snapshot;
mod store;
mod upkeep;
mod writer;

pub use crate::store::EmbeddedStore;
pub use metrics::{EmbeddedMetrics, MetricsOptions};
pub use options::Options;
pub use snapshot::Snapshot;
