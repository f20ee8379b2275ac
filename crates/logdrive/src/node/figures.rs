//! The agent counts for itself; here its figures join the metrics of the process.

use std::fmt;

use agent::AgentHandle;
use telemetry::Metrics;
use telemetry::metric::{Collector, ConstCounter, ConstGauge, DescriptorEncoder, EncodeMetric};

struct AgentFigures(AgentHandle);

impl fmt::Debug for AgentFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgentFigures")
    }
}

impl Collector for AgentFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for (name, value) in self.0.stats().metrics() {
            // The registry adds the prefix, and the ending of counters.
            let name = name.strip_prefix("logdrive_").unwrap_or(name);
            let help = name.trim_end_matches("_total").replace('_', " ");
            match name.strip_suffix("_total") {
                Some(name) => {
                    let counter = ConstCounter::new(value);
                    counter.encode(encoder.encode_descriptor(name, &help, None, counter.metric_type())?)?;
                }
                None => {
                    let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
                    gauge.encode(encoder.encode_descriptor(name, &help, None, gauge.metric_type())?)?;
                }
            }
        }
        Ok(())
    }
}

/// Shows the agent's figures among the metrics.
pub(crate) fn show(handle: AgentHandle, metrics: &Metrics) {
    metrics.collect(Box::new(AgentFigures(handle)));
}
