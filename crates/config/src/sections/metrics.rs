//! `[metrics]` and `[host_metrics]`

use std::path::Path;
use std::time::Duration;

use crate::key::{Key, Kind, Section, Shape};
use crate::reader::Reader;
use crate::{HostMetricsConfig, MetricsConfig, MetricsUrl, url};

pub(crate) const SECTION: Section = Section {
    name: "metrics",
    shape: Shape::One,
    doc: "Where points are kept and found.",
    required: &[],
    keys: &[
        Key::new(
            "url",
            Kind::Text,
            "",
            "Which engine: file:///folder (embedded, the default, in the folder 'metrics' under data), \
             influxdb://host:8086 (1.x) or influxdb2://host:8086 (2.x); influxdb+https:// and influxdb2+https:// with TLS.",
        ),
        Key::new("database", Kind::Text, "logdrive", "InfluxDB 1.x: the database."),
        Key::new(
            "retention_policy",
            Kind::Text,
            "",
            "InfluxDB 1.x: the retention policy; the database's own by default.",
        ),
        Key::new("username", Kind::Text, "", "InfluxDB 1.x: as whom, where it asks."),
        Key::new("password", Kind::Secret, "", "InfluxDB 1.x: with which password."),
        Key::new("org", Kind::Text, "", "InfluxDB 2.x: the organisation."),
        Key::new("bucket", Kind::Text, "", "InfluxDB 2.x: the bucket."),
        Key::new("token", Kind::Secret, "", "InfluxDB 2.x: the token."),
        Key::new("ca", Kind::Text, "", "InfluxDB: a PEM file of the authorities to trust; the system's by default."),
        Key::new("create", Kind::Bool, "false", "InfluxDB: a database or bucket that is not there is made."),
        Key::new(
            "retention_age",
            Kind::DurationOrNever,
            "never",
            "Embedded: points older than this are removed. InfluxDB: so long a database or bucket that is made keeps its points.",
        ),
    ],
};

pub(crate) const HOST_SECTION: Section = Section {
    name: "host_metrics",
    shape: Shape::One,
    doc: "What the agent measures of its machine: cpu, load, memory, swap, disk, diskio, net, processes, pressure.",
    required: &[],
    keys: &[
        Key::new(
            "enabled",
            Kind::Bool,
            "",
            "The machine is measured, and logdrive itself. By default where queue and metrics store are embedded.",
        ),
        Key::new("interval", Kind::Duration, "10s", "How often."),
    ],
};

const ONLY_1: [&str; 4] = ["database", "retention_policy", "username", "password"];
const ONLY_2: [&str; 3] = ["org", "bucket", "token"];

pub(crate) fn resolve(reader: &mut Reader<'_>, data: &Path) -> MetricsConfig {
    let config = MetricsConfig {
        url: reader.or("url", &url::file_url(&data.join("metrics")), url::metrics),
        database: reader.text("database"),
        retention_policy: reader.text_given("retention_policy"),
        username: reader.text("username"),
        password: reader.secret("password"),
        org: reader.text("org"),
        bucket: reader.text("bucket"),
        token: reader.secret("token"),
        ca: reader.path_given("ca"),
        create: reader.bool("create"),
        retention_age: reader.duration_or_never("retention_age"),
    };
    let one = "is for InfluxDB 1.x (influxdb://host:8086)";
    let two = "is for InfluxDB 2.x (influxdb2://host:8086)";
    if !matches!(config.url, MetricsUrl::Embedded(_)) && !config.create && reader.given("retention_age") {
        let reason =
            "InfluxDB's own retention is not changed; add create = true for a database or bucket that is made so";
        reader.wrong("retention_age", reason.to_owned());
    }
    match &config.url {
        MetricsUrl::Embedded(_) => {
            reader.refuse(&ONLY_1, one);
            reader.refuse(&ONLY_2, two);
            reader.refuse(&["ca", "create"], "is for InfluxDB");
        }
        MetricsUrl::Influx1(_) => {
            reader.refuse(&ONLY_2, two);
            if config.database.is_empty() {
                reader.wrong("database", "the name of a database must not be empty".to_owned());
            }
            if !config.username.is_empty() && config.password.reveal().is_empty() {
                reader
                    .wrong("username", "a login needs a password; add password = \"${INFLUXDB_PASSWORD}\"".to_owned());
            }
        }
        MetricsUrl::Influx2(_) => {
            reader.refuse(&ONLY_1, one);
            let missing = [
                ("org", config.org.is_empty()),
                ("bucket", config.bucket.is_empty()),
                ("token", config.token.reveal().is_empty()),
            ];
            let missing: Vec<&str> = missing.iter().filter(|(_, empty)| *empty).map(|(key, _)| *key).collect();
            if !missing.is_empty() {
                reader.wrong("url", format!("InfluxDB 2.x needs org, bucket and token; add {}", missing.join(" and ")));
            }
        }
    }
    config
}

/// `embedded`: queue and metrics store are logdrive's own, so nobody else's engines are written to unasked.
pub(crate) fn resolve_host(reader: &mut Reader<'_>, embedded: bool) -> HostMetricsConfig {
    let enabled = reader.bool_or("enabled", embedded);
    let config = HostMetricsConfig { enabled, interval: reader.duration("interval") };
    if config.interval < Duration::from_secs(1) {
        reader.wrong("interval", "a machine is measured at most once a second; write 10s, say".to_owned());
    }
    config
}
