//! A store in memory: for tests, and the plainest statement of what a store does.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base::Intervals;
use model::{Cursors, ParsedBatch, QueueId, RecordId, SourceKey};
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::naive;
use crate::query::RecordView;
use crate::{
    BatchRow, Capabilities, Context, ContextRequest, Coverage, Facets, FacetsRequest, FieldInfo, Histogram,
    HistogramRequest, Holder, Query, Reader, Refusal, Scope, SearchPage, SearchRequest, StoreBatch, StoreError,
    StoreStats, Tail, TailHub, TailLimits, Whereabouts, Writer,
};

/// What a memory store takes at most.
#[derive(Clone, Copy, Debug)]
pub struct MemoryLimits {
    /// Bytes of lines; beyond, writes get `Exhausted`.
    pub bytes: u64,
    /// Bytes of one line; longer ones are refused.
    pub line_bytes: usize,
    /// What its followers may hold.
    pub tail: TailLimits,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self { bytes: 1 << 30, line_bytes: usize::MAX, tail: TailLimits::default() }
    }
}

/// Keeps records in memory. What it was given counts as durable at once: it lives exactly as long as its process.
pub struct MemoryStore {
    limits: MemoryLimits,
    state: RwLock<State>,
    hub: TailHub,
    durable: watch::Sender<Cursors>,
}

#[derive(Default)]
struct State {
    /// Batches with the rows that were taken of them.
    batches: Vec<(Arc<ParsedBatch>, Vec<Range<u32>>)>,
    /// Offsets held, by source.
    held: BTreeMap<SourceKey, BTreeSet<u64>>,
    sources: BTreeMap<SourceKey, Coverage>,
    bytes: u64,
}

impl State {
    fn rows(&self) -> Vec<BatchRow<'_>> {
        let rows = |(batch, rows): &'_ (Arc<ParsedBatch>, Vec<Range<u32>>)| -> Vec<u32> {
            debug_assert!(rows.iter().all(|rows| rows.end as usize <= batch.records.len()));
            rows.iter().flat_map(Clone::clone).collect()
        };
        let all = self.batches.iter();
        all.flat_map(|entry| rows(entry).into_iter().map(|row| BatchRow::new(&entry.0, row as usize))).collect()
    }

    fn coverage(&mut self, key: SourceKey) -> &mut Coverage {
        self.sources.entry(key).or_insert_with(|| Coverage::none_of(key))
    }

    /// Takes what is new of a batch; says what was refused.
    fn take(
        &mut self,
        number: usize,
        batch: &Arc<ParsedBatch>,
        limits: &MemoryLimits,
    ) -> (Vec<Range<u32>>, Vec<Refusal>) {
        let key = batch.header.key;
        let (mut taken, mut refused): (Vec<Range<u32>>, Vec<Refusal>) = (Vec::new(), Vec::new());
        let mut held = self.held.remove(&key).unwrap_or_default();
        let mut stored = std::mem::take(&mut self.coverage(key).stored);
        for (row, record) in batch.records.iter().enumerate() {
            let offset = batch.id(record).offset;
            if held.contains(&offset) || stored.contains(offset) {
                continue;
            }
            if record.len as usize > limits.line_bytes {
                let reason = format!("the line is {} bytes long, more than {}", record.len, limits.line_bytes);
                refused.push(Refusal { batch: number, record: row, reason });
                continue;
            }
            held.insert(offset);
            stored.insert(offset, offset + u64::from(record.size));
            self.bytes += u64::from(record.len);
            match taken.last_mut() {
                Some(last) if last.end == row as u32 => last.end += 1,
                _ => taken.push(row as u32..row as u32 + 1),
            }
        }
        self.held.insert(key, held);
        let coverage = self.coverage(key);
        coverage.durable = stored.clone();
        coverage.stored = stored;
        coverage.dropped.extend(&batch.dropped);
        coverage.stream = batch.header.stream.to_string();
        coverage.host = batch.header.host.to_string();
        coverage.path = batch.header.path.to_string();
        if !taken.is_empty() {
            self.batches.push((batch.clone(), taken.clone()));
        }
        (taken, refused)
    }
}

impl MemoryStore {
    /// An empty one.
    pub fn new(limits: MemoryLimits) -> Self {
        let hub = TailHub::new(limits.tail);
        Self { limits, state: RwLock::default(), hub, durable: watch::Sender::new(Cursors::default()) }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(MemoryLimits::default())
    }
}

#[async_trait]
impl Writer for MemoryStore {
    async fn write(&self, batches: &[StoreBatch]) -> Result<Vec<Refusal>, StoreError> {
        let mut state = self.state.write();
        let more: u64 = batches.iter().map(|batch| batch.batch.payload.len() as u64).sum();
        if state.bytes + more > self.limits.bytes {
            let reason = format!("it holds {} of {} bytes", state.bytes, self.limits.bytes);
            return Err(StoreError::Exhausted { at: "memory".to_owned(), reason });
        }
        let mut refused = Vec::new();
        for (number, StoreBatch { place, batch }) in batches.iter().enumerate() {
            let (rows, mut refusals) = state.take(number, batch, &self.limits);
            refused.append(&mut refusals);
            self.hub.publish(batch, rows);
            self.durable.send_modify(|cursors| cursors.pass(*place));
        }
        Ok(refused)
    }

    async fn note_dead_letters(&self, key: SourceKey, ranges: &Intervals) -> Result<(), StoreError> {
        self.state.write().coverage(key).dead_letter.extend(ranges);
        Ok(())
    }

    fn durable(&self) -> watch::Receiver<Cursors> {
        self.durable.subscribe()
    }

    async fn attach(&self, queue: QueueId) -> Result<(), StoreError> {
        self.durable.send_if_modified(|cursors| {
            let other = cursors.queue != queue;
            if other {
                *cursors = Cursors::start_of(queue);
            }
            other
        });
        Ok(())
    }

    async fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Reader for MemoryStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities { carries_cursors: true, context: true, coverage: true, visible_later: Duration::ZERO }
    }

    async fn search(&self, request: &SearchRequest) -> Result<SearchPage, StoreError> {
        naive::search(&self.state.read().rows(), request)
    }

    async fn histogram(&self, request: &HistogramRequest) -> Result<Histogram, StoreError> {
        naive::histogram(&self.state.read().rows(), request)
    }

    async fn facets(&self, request: &FacetsRequest) -> Result<Facets, StoreError> {
        naive::facets(&self.state.read().rows(), request)
    }

    async fn fields(&self, scope: &Scope) -> Result<Vec<FieldInfo>, StoreError> {
        naive::fields(&self.state.read().rows(), scope)
    }

    async fn context(&self, request: &ContextRequest) -> Result<Context, StoreError> {
        Ok(naive::context(&self.state.read().rows(), request))
    }

    fn tail(&self, query: &Query) -> Result<Tail, StoreError> {
        self.hub.follow(query)
    }

    async fn coverage(&self, key: Option<SourceKey>) -> Result<Vec<Coverage>, StoreError> {
        let state = self.state.read();
        Ok(state.sources.values().filter(|source| key.is_none_or(|key| key == source.key)).cloned().collect())
    }

    async fn whereabouts(&self, id: RecordId) -> Result<Option<Whereabouts>, StoreError> {
        let state = self.state.read();
        let holds = |(batch, rows): &&(Arc<ParsedBatch>, Vec<Range<u32>>)| {
            let mut rows = rows.iter().flat_map(Clone::clone);
            batch.header.key == id.key && rows.any(|row| batch.id(&batch.records[row as usize]) == id)
        };
        let found = state.batches.iter().find(holds).map(|(batch, _)| Whereabouts {
            holder: Holder::Head,
            name: "memory".to_owned(),
            at: None,
            batch: Some(batch.header.clone()),
        });
        Ok(found)
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        let state = self.state.read();
        let rows = state.rows();
        Ok(StoreStats {
            records: rows.len() as u64,
            line_bytes: state.bytes,
            head_bytes: state.bytes,
            oldest: rows.iter().map(RecordView::time).min(),
            newest: rows.iter().map(RecordView::time).max(),
            ..StoreStats::default()
        })
    }
}
