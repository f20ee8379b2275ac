//! What the transfer knows of each stream: counts for metrics, and the warning that times never parse.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Timestamp;
use model::{BatchHeader, Marks, ParsedBatch};
use parking_lot::Mutex;
use serde::Serialize;
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

/// What a figure is of: `store` and `stream`.
type Of = Vec<(&'static str, String)>;

type Counters = metric::Family<Of, metric::Counter>;

/// The figures of all stores.
#[derive(Clone)]
pub struct Figures {
    records: Counters,
    bytes: Counters,
    unparsed: Counters,
    timeless: Counters,
    dropped: Counters,
    dead_letters: Counters,
    unreadable: metric::Counter,
    parser_faults: metric::Counter,
}

impl Figures {
    pub fn new(metrics: &Metrics) -> Self {
        let family = |name: &str, help: &str| {
            let family = Counters::default();
            metrics.register(name, help, family.clone());
            family
        };
        let counter = |name: &str, help: &str| {
            let counter = metric::Counter::default();
            metrics.register(name, help, counter.clone());
            counter
        };
        Self {
            records: family("transfer_records", "records brought to a store"),
            bytes: family("transfer_read_bytes", "bytes of the batches brought to a store"),
            unparsed: family("transfer_unparsed_records", "records that parsed in no format"),
            timeless: family("transfer_timeless_records", "records in which no time was found"),
            dropped: family("transfer_dropped_bytes", "bytes dropped by a rule of their stream"),
            dead_letters: family("transfer_dead_letter_records", "records that the store refused for good"),
            unreadable: counter("transfer_unreadable_batches", "batches that the queue could no longer read"),
            parser_faults: counter("transfer_parser_faults", "batches kept as they are because the parser failed"),
        }
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
    pub fn new(store: &str, figures: Figures) -> Self {
        Self { store: store.into(), streams: Arc::default(), figures }
    }

    pub fn count(&self, batch: &ParsedBatch) {
        if batch.header.range_len() == 0 {
            return;
        }
        let marked = |mark| batch.records.iter().filter(|record| record.marks.has(mark)).count() as u64;
        let (unparsed, timeless) = (marked(Marks::UNPARSED), marked(Marks::TIME_IS_READ_TIME));
        let (records, bytes, dropped) = (batch.records.len() as u64, batch.header.range_len(), batch.dropped.total());
        let counted = [
            (&self.figures.records, records),
            (&self.figures.bytes, bytes),
            (&self.figures.unparsed, unparsed),
            (&self.figures.timeless, timeless),
            (&self.figures.dropped, dropped),
        ];
        let of = self.with(&batch.header.stream, |stream| {
            let knew = stream.time_never_parses();
            stream.records += records;
            stream.bytes += bytes;
            stream.unparsed += unparsed;
            stream.timeless += timeless;
            stream.dropped_bytes += dropped;
            stream.newest = stream.newest.max(batch.records.iter().map(|record| record.time).max());
            if stream.time_never_parses() && !knew {
                warn!(stream = &*batch.header.stream, "no time is found in any line; the time of reading stands in");
            }
        });
        counted.iter().filter(|(_, n)| *n > 0).for_each(|(counter, n)| {
            counter.get_or_create(&of).inc_by(*n);
        });
    }

    pub fn count_dead_letters(&self, stream: &Arc<str>, records: u64) {
        let of = self.with(stream, |stream| stream.dead_letters += records);
        self.figures.dead_letters.get_or_create(&of).inc_by(records);
    }

    /// Lines that are points, and lines that the metrics store will not have.
    pub fn count_points(&self, header: &BatchHeader, points: u64, refused: u64) {
        let of = self.with(&header.stream, |stream| {
            stream.records += points;
            stream.bytes += header.range_len();
            stream.dead_letters += refused;
        });
        self.figures.records.get_or_create(&of).inc_by(points);
        self.figures.bytes.get_or_create(&of).inc_by(header.range_len());
        if refused > 0 {
            self.figures.dead_letters.get_or_create(&of).inc_by(refused);
        }
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

    /// Counts under a stream; answers under what figures are shown, which is bounded too.
    fn with(&self, stream: &Arc<str>, change: impl FnOnce(&mut StreamStatus)) -> Of {
        let mut streams = self.streams.lock();
        let mut shown = &**stream;
        if let Some(status) = streams.get_mut(stream) {
            change(status);
        } else if streams.len() < STREAMS_MAX {
            change(streams.entry(stream.clone()).or_default());
        } else {
            shown = "";
        }
        vec![("store", self.store.to_string()), ("stream", shown.to_owned())]
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
