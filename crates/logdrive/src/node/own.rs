//! logdrive's own figures as points, so that they can be seen over time without a scraper.
//!
//! Decision: they are what `/metrics` says, taken seldom and written straight to the metrics store: one point for each
//! crate and set of labels, with the rest of the names as fields (`logdrive_agent`, `read_lines_total`). A store that
//! takes none now misses some; nothing waits for it and nothing is kept back for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Explain, Timestamp};
use model::{FieldValue, Point};
use runtime::{Supervisor, SystemClock};
use store::metrics::{MetricsStore, PointWriter};
use telemetry::{Metrics, Sample};

/// How often.
const EVERY: Duration = Duration::from_secs(10);
/// So many points at a time: streams and stores beyond them are left out.
const POINTS_MAX: usize = 500;
/// What is of each path of the API is for scrapers: it would be hundreds of series.
const LEFT_OUT: &str = "route";

/// Writes them for as long as the process runs.
pub(crate) fn keep(metrics: &Metrics, host: &str, store: Arc<dyn MetricsStore>, supervisor: &Supervisor) {
    let (metrics, host) = (metrics.clone(), host.to_owned());
    supervisor.spawn("own-metrics", move |shutdown| {
        let (metrics, host, store) = (metrics.clone(), host.clone(), store.clone());
        async move {
            while shutdown.sleep(EVERY).await {
                let points = points_of(&metrics.samples(), &host, SystemClock.now());
                if let Err(error) = store.write(&points).await {
                    tracing::debug!(error = %error.chain(), "logdrive's own figures of this moment are not kept");
                }
            }
            Ok::<(), String>(())
        }
    });
}

/// The crate that counts, and the labels.
type Of<'a> = (&'a str, &'a [(String, String)]);
type Fields = Vec<(String, FieldValue)>;

fn points_of(samples: &[Sample], host: &str, time: Timestamp) -> Vec<Point> {
    let mut points: BTreeMap<Of<'_>, Fields> = BTreeMap::new();
    for sample in samples {
        let named = sample.name.strip_prefix("logdrive_").and_then(|name| name.split_once('_'));
        let Some((of, field)) = named.filter(|_| sample.value.is_finite()) else { continue };
        if sample.labels.iter().any(|(key, _)| key == LEFT_OUT) {
            continue;
        }
        let field = (field.to_owned(), FieldValue::Float(sample.value));
        points.entry((of, &sample.labels)).or_default().push(field);
    }
    let point = |((of, labels), fields): (Of<'_>, Fields)| {
        let mut tags: Vec<(String, String)> = labels.iter().filter(|(_, value)| !value.is_empty()).cloned().collect();
        tags.push(("host".to_owned(), host.to_owned()));
        tags.sort_unstable();
        Point { measurement: format!("logdrive_{of}"), tags, fields, time }
    };
    points.into_iter().take(POINTS_MAX).map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_one_crate_and_labels_are_one_point() {
        let sample = |name: &str, labels: &[(&str, &str)], value| Sample {
            name: name.to_owned(),
            labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            value,
        };
        let web = [("store", "default"), ("stream", "web")];
        let samples = [
            sample("logdrive_agent_read_lines_total", &[], 7.0),
            sample("logdrive_agent_files", &[], 2.0),
            sample("logdrive_transfer_records_total", &web, 5.0),
            sample("logdrive_dashboard_requests_total", &[("route", "/x")], 1.0),
            sample("logdrive_transfer_odd", &web, f64::NAN),
            sample("other", &[], 1.0),
        ];
        let points = points_of(&samples, "box", Timestamp::from_micros(9));
        let shown: Vec<_> = points.iter().map(|p| (p.measurement.as_str(), p.tags.len(), p.fields.len())).collect();
        assert_eq!(shown, [("logdrive_agent", 1, 2), ("logdrive_transfer", 3, 1)]);
        assert_eq!(points[0].fields[0], ("read_lines_total".to_owned(), FieldValue::Float(7.0)));
        assert_eq!(points[1].tags[0], ("host".to_owned(), "box".to_owned()));
    }
}
