//! The memory store of metrics does what every metrics store must do.

use store::metrics::MemoryMetrics;

async fn open() -> Option<(Box<MemoryMetrics>, ())> {
    Some((Box::default(), ()))
}

store::metrics_conformance!(open());
