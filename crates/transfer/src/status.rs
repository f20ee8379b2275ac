//! What the transfer knows of each stream: counts for metrics, and the warning that times never parse.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Timestamp;
use model::{Marks, ParsedBatch};
use parking_lot::Mutex;
use serde::Serialize;
use telemetry::{Metrics, metric};
use tracing::warn;

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

/// The counts of all streams.
#[derive(Clone)]
pub struct Status {
    streams: Arc<Mutex<BTreeMap<Arc<str>, StreamStatus>>>,
    records: metric::Counter,
    bytes: metric::Counter,
    unparsed: metric::Counter,
    timeless: metric::Counter,
    dropped: metric::Counter,
    dead_letters: metric::Counter,
    unreadable: metric::Counter,
}

impl Status {
    pub fn new(metrics: &Metrics) -> Self {
        let counter = |name: &str, help: &str| {
            let counter = metric::Counter::default();
            metrics.register(name, help, counter.clone());
            counter
        };
        Self {
            streams: Arc::default(),
            records: counter("transfer_records", "records taken from the queue"),
            bytes: counter("transfer_read_bytes", "bytes of the batches taken from the queue"),
            unparsed: counter("transfer_unparsed_records", "records that parsed in no format"),
            timeless: counter("transfer_timeless_records", "records in which no time was found"),
            dropped: counter("transfer_dropped_bytes", "bytes dropped by a rule of their stream"),
            dead_letters: counter("transfer_dead_letter_records", "records that the store refused for good"),
            unreadable: counter("transfer_unreadable_batches", "batches that the queue could no longer read"),
        }
    }

    pub fn count(&self, batch: &ParsedBatch) {
        let marked = |mark| batch.records.iter().filter(|record| record.marks.has(mark)).count() as u64;
        let (unparsed, timeless) = (marked(Marks::UNPARSED), marked(Marks::TIME_IS_READ_TIME));
        let (records, bytes, dropped) = (batch.records.len() as u64, batch.header.range_len(), batch.dropped.total());
        self.records.inc_by(records);
        self.bytes.inc_by(bytes);
        self.unparsed.inc_by(unparsed);
        self.timeless.inc_by(timeless);
        self.dropped.inc_by(dropped);
        self.with(&batch.header.stream, |stream| {
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
    }

    pub fn count_dead_letters(&self, stream: &Arc<str>, records: u64) {
        self.dead_letters.inc_by(records);
        self.with(stream, |stream| stream.dead_letters += records);
    }

    pub fn count_unreadable(&self) {
        self.unreadable.inc();
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
