//! What the transfer knows of each stream: counts for metrics, and the warning that times never parse.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use base::Timestamp;
use model::{BatchHeader, Marks, ParsedBatch};
use parking_lot::Mutex;
use serde::Serialize;
use telemetry::metric::{Collector, ConstCounter, ConstGauge, DescriptorEncoder, EncodeMetric};
use telemetry::{Metrics, metric};
use tracing::warn;

use crate::rules::Counts;

/// Counts of one stream since the process started.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StreamStatus {
    /// Records taken from the queue.
    pub records: u64,
    /// Bytes of their ranges.
    pub bytes: u64,
    /// Records that parsed in no format.
    pub unparsed: u64,
    /// Records in which no time was found.
    pub timeless: u64,
    /// Bytes dropped by a rule.
    pub dropped_bytes: u64,
    /// Records that went to the dead letters.
    pub dead_letters: u64,
    /// The newest time seen.
    pub newest: Option<Timestamp>,
}

impl StreamStatus {
    /// Whether so many records without any time have come that the user should know.
    pub const fn time_never_parses(&self) -> bool {
        self.records >= 1000 && self.timeless == self.records
    }
}

/// Bound on the streams counted one by one.
const STREAMS_MAX: usize = 1000;

/// The figures of all stores, told when somebody asks.
#[derive(Clone)]
pub struct Figures {
    stores: Arc<Mutex<Vec<Status>>>,
    /// How far each group is behind, where that is known.
    lags: Arc<Mutex<BTreeMap<String, u64>>>,
    unreadable: metric::Counter,
    parser_faults: metric::Counter,
}

type Figure = (&'static str, &'static str, fn(&StreamStatus) -> u64);

const FIGURES: [Figure; 6] = [
    ("transfer_records", "records brought to a store", |stream| stream.records),
    ("transfer_read_bytes", "bytes of the batches brought to a store", |stream| stream.bytes),
    ("transfer_unparsed_records", "records that parsed in no format", |stream| stream.unparsed),
    ("transfer_timeless_records", "records in which no time was found", |stream| stream.timeless),
    ("transfer_dropped_bytes", "bytes dropped by a rule of their stream", |stream| stream.dropped_bytes),
    ("transfer_dead_letter_records", "records that the store refused for good", |stream| stream.dead_letters),
];

impl Figures {
    pub fn new(metrics: &Metrics) -> Self {
        let counter = |name: &str, help: &str| {
            let counter = metric::Counter::default();
            metrics.register(name, help, counter.clone());
            counter
        };
        let figures = Self {
            stores: Arc::default(),
            lags: Arc::default(),
            unreadable: counter("transfer_unreadable_batches", "batches that the queue could no longer read"),
            parser_faults: counter("transfer_parser_faults", "batches kept as they are because the parser failed"),
        };
        metrics.collect(Box::new(figures.clone()));
        figures
    }

    /// Notes how far the groups are behind.
    pub fn note_lags(&self, lags: BTreeMap<String, u64>) {
        *self.lags.lock() = lags;
    }
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Figures")
    }
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let stores: Vec<_> = self.stores.lock().iter().map(|status| (status.store.clone(), status.streams())).collect();
        for (name, help, of) in FIGURES {
            let kind = ConstCounter::new(0u64).metric_type();
            let mut family = encoder.encode_descriptor(name, help, None, kind)?;
            for (store, streams) in &stores {
                for (stream, status) in streams {
                    let labels = [("store", &**store), ("stream", &**stream)];
                    ConstCounter::new(of(status)).encode(family.encode_family(&labels)?)?;
                }
            }
        }
        let kind = ConstGauge::new(0i64).metric_type();
        let mut family =
            encoder.encode_descriptor("transfer_lag", "places of the queue that a group is behind", None, kind)?;
        for (group, lag) in &*self.lags.lock() {
            let lag = ConstGauge::new(i64::try_from(*lag).unwrap_or(i64::MAX));
            lag.encode(family.encode_family(&[("group", group.as_str())])?)?;
        }
        Ok(())
    }
}

/// The counts of one store's streams.
#[derive(Clone)]
pub struct Status {
    store: Arc<str>,
    streams: Arc<Mutex<BTreeMap<Arc<str>, StreamStatus>>>,
    figures: Figures,
}

impl Status {
    pub fn new(store: &str, figures: &Figures) -> Self {
        let status = Self { store: store.into(), streams: Arc::default(), figures: figures.clone() };
        figures.stores.lock().push(status.clone());
        status
    }

    pub fn count(&self, batch: &ParsedBatch) {
        if batch.header.range_len() == 0 {
            return;
        }
        let marked = |mark| batch.records.iter().filter(|record| record.marks.has(mark)).count() as u64;
        let (unparsed, timeless) = (marked(Marks::UNPARSED), marked(Marks::TIME_IS_READ_TIME));
        self.with(&batch.header.stream, |stream| {
            let knew = stream.time_never_parses();
            stream.records += batch.records.len() as u64;
            stream.bytes += batch.header.range_len();
            stream.unparsed += unparsed;
            stream.timeless += timeless;
            stream.dropped_bytes += batch.dropped.total();
            stream.newest = stream.newest.max(batch.records.iter().map(|record| record.time).max());
            if stream.time_never_parses() && !knew {
                warn!(stream = &*batch.header.stream, "no time is found in any line; the time of reading stands in");
            }
        });
    }

    pub fn count_dead_letters(&self, stream: &Arc<str>, records: u64) {
        self.with(stream, |stream| stream.dead_letters += records);
    }

    /// Lines that are points, and lines that the metrics store will not have.
    pub fn count_points(&self, header: &BatchHeader, points: u64, refused: u64) {
        self.with(&header.stream, |stream| {
            stream.records += points;
            stream.bytes += header.range_len();
            stream.dead_letters += refused;
        });
    }

    pub fn count_unreadable(&self, batches: u64) {
        self.figures.unreadable.inc_by(batches);
    }

    pub fn count_parser_faults(&self, batches: u64) {
        self.figures.parser_faults.inc_by(batches);
    }

    pub fn streams(&self) -> Vec<(Arc<str>, StreamStatus)> {
        self.streams.lock().iter().map(|(name, status)| (name.clone(), status.clone())).collect()
    }

    fn with(&self, stream: &Arc<str>, change: impl FnOnce(&mut StreamStatus)) {
        let mut streams = self.streams.lock();
        if let Some(status) = streams.get_mut(stream) {
            change(status);
        } else if streams.len() < STREAMS_MAX {
            change(streams.entry(stream.clone()).or_default());
        }
    }
}

/// The figures of one rule of metrics.
#[derive(Clone)]
pub struct RuleFigures {
    rule: String,
    records: metric::Family<Vec<(&'static str, String)>, metric::Counter>,
    points: metric::Family<Vec<(&'static str, String)>, metric::Counter>,
    unreadable: metric::Counter,
}

impl RuleFigures {
    pub fn new(metrics: &Metrics, figures: &Figures) -> Self {
        let (records, points) = (metric::Family::default(), metric::Family::default());
        metrics.register(
            "transfer_rule_records",
            "records met by a rule of metrics, by what became of them",
            Clone::clone(&records),
        );
        metrics.register(
            "transfer_rule_points",
            "points of a rule of metrics that were written, and that were refused",
            Clone::clone(&points),
        );
        Self { rule: String::new(), records, points, unreadable: figures.unreadable.clone() }
    }

    pub fn of(&self, rule: &str) -> Self {
        Self { rule: rule.to_owned(), ..self.clone() }
    }

    pub fn count(&self, counts: &Counts) {
        for (became, count) in counts.named().into_iter().filter(|(_, count)| *count > 0) {
            let of = vec![("rule", self.rule.clone()), ("became", became.to_owned())];
            self.records.get_or_create(&of).inc_by(count);
        }
    }

    pub fn points(&self, written: u64, refused: u64) {
        for (became, count) in [("written", written - refused.min(written)), ("refused", refused)] {
            let of = vec![("rule", self.rule.clone()), ("became", became.to_owned())];
            self.points.get_or_create(&of).inc_by(count);
        }
    }

    pub fn unreadable(&self, batches: u64) {
        self.unreadable.inc_by(batches);
    }
}
