//! What logdrive says of itself: logs and metrics.
//!
//! Decision: metrics are aggregated in place (nobody has to scrape for memory to stay flat) and registered by the
//! crate that counts, under `logdrive_<crate>_<noun>_<unit>[_total]`. Our own logs go to standard error and are never
//! followed by our own agent unless somebody asks for it.
//!
//! Must not know: any role, any engine.
#![deny(missing_docs)]

mod logs;
mod metrics;
mod samples;

pub use logs::init_logs;
pub use metrics::{Metrics, metric};
pub use samples::Sample;
