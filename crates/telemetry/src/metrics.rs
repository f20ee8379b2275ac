//! The registry of metrics, and its text for scrapers.

use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::registry::{Metric, Registry};

/// The kinds of metric, so that callers need not name the crate behind.
pub mod metric {
    pub use prometheus_client::collector::Collector;
    pub use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
    pub use prometheus_client::metrics::counter::{ConstCounter, Counter};
    pub use prometheus_client::metrics::family::Family;
    pub use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
    pub use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
}

/// All metrics of a process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Mutex<Registry>>);

impl Default for Metrics {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Registry::with_prefix("logdrive"))))
    }
}

impl Metrics {
    /// Registers a metric. `name` is `<crate>_<noun>_<unit>` without prefix and without `_total`, which are added.
    pub fn register(&self, name: &str, help: &str, metric: impl Metric) {
        self.0.lock().register(name, help, metric);
    }

    /// Registers something that tells its figures when asked.
    pub fn collect(&self, collector: Box<dyn Collector>) {
        self.0.lock().register_collector(collector);
    }

    /// Every figure as it is now, but for the buckets of histograms.
    pub fn samples(&self) -> Vec<crate::Sample> {
        crate::samples::read(&self.text())
    }

    /// The text that scrapers read (OpenMetrics 1.0).
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail; a collector that fails leaves its part out.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.0.lock());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_complete() {
        let metrics = Metrics::default();
        let counter = metric::Counter::<u64>::default();
        metrics.register("agent_read_bytes", "bytes read", counter.clone());
        counter.inc_by(7);
        assert!(metrics.text().contains("logdrive_agent_read_bytes_total 7"), "{}", metrics.text());
    }
}
