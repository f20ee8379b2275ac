//! The metrics store that the settings name.

use std::sync::Arc;

use base::Explain;
use config::{MetricsConfig, MetricsUrl};
use store::metrics::MetricsStore;
use store_embedded::{EmbeddedMetrics, MetricsOptions};
use store_influxdb::{InfluxStore, Options, Server};

use crate::failure::Failure;

/// Opens the metrics store that the settings name. A server is not asked yet.
pub(crate) fn open_metrics(config: &MetricsConfig) -> Result<Arc<dyn MetricsStore>, Failure> {
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let (address, server) = match &config.url {
        MetricsUrl::Embedded(folder) => {
            let options = MetricsOptions { retention_age: config.retention_age, ..MetricsOptions::default() };
            let store = EmbeddedMetrics::open(folder, options).map_err(|error| Failure::Failed(error.chain()))?;
            return Ok(Arc::new(store));
        }
        MetricsUrl::Influx1(address) => {
            let server = Server::V1 {
                database: config.database.clone(),
                retention_policy: config.retention_policy.clone(),
                username: filled(&config.username),
                password: filled(config.password.reveal()),
            };
            (address, server)
        }
        MetricsUrl::Influx2(address) => {
            let server = Server::V2 {
                org: config.org.clone(),
                bucket: config.bucket.clone(),
                token: config.token.reveal().to_owned(),
            };
            (address, server)
        }
    };
    let options = Options {
        create: config.create,
        retention: config.retention_age,
        ca: config.ca.clone(),
        ..Options::new(address, server)
    };
    let store = InfluxStore::new(options).map_err(|error| Failure::Failed(format!("metrics: {}", error.chain())))?;
    Ok(Arc::new(store))
}
