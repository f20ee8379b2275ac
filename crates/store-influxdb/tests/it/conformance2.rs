//! InfluxDB 2.x does what every metrics store must do.

use crate::common::{address, open, unique, v2};
use store_influxdb::InfluxStore;

async fn store() -> Option<(Box<InfluxStore>, ())> {
    Some((open(&address("INFLUXDB2")?, v2(&unique("suite"))), ()))
}

store::metrics_conformance!(store());
