//! InfluxDB 1.x does what every metrics store must do.

use crate::common::{address, open, unique, v1};
use store_influxdb::InfluxStore;

async fn store() -> Option<(Box<InfluxStore>, ())> {
    Some((open(&address("INFLUXDB1")?, v1(&unique("suite"))), ()))
}

store::metrics_conformance!(store());
