//! The head: what was taken and is not in a part yet. Pure.
//!
//! Decision: records are searchable where they are, in the batches that the transfer parsed. The head is at most three
//! generations: one that takes, two that are being made into parts; so memory is bounded and taking need not wait for
//! a disk until both are behind.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use base::Intervals;
use model::{Cursors, ParsedBatch, SourceKey, SpareField, Values};

use crate::manifest::{SourceName, State};
use crate::part::Part;

/// Generations that may wait to become parts.
const SEALING_MAX: usize = 2;

/// What a generation holds of a source.
#[derive(Clone, Debug)]
pub(crate) struct HeadSource {
    pub name: SourceName,
    pub stored: Intervals,
    pub dropped: Intervals,
}

/// Batches that become parts together.
#[derive(Debug, Default)]
pub(crate) struct Generation {
    pub number: u64,
    pub batches: Vec<Arc<ParsedBatch>>,
    pub line_bytes: u64,
    /// Bytes of memory that the batches take.
    pub memory: u64,
    pub records: u64,
    pub sources: BTreeMap<SourceKey, HeadSource>,
    /// When something first came in: a record, or a place to remember.
    pub since: Option<Instant>,
    /// How far the queue was read when it was closed.
    pub cursors: Cursors,
}

impl Generation {
    fn numbered(number: u64) -> Self {
        Self { number, ..Self::default() }
    }
}

/// A generation that is closed.
#[derive(Debug)]
pub(crate) struct Sealing {
    pub generation: Arc<Generation>,
    /// Whether a thread is at it.
    pub is_claimed: bool,
}

/// Everything that a lock guards: what is held, durably and not.
pub(crate) struct Head {
    pub state: State,
    pub parts: Vec<Arc<Part>>,
    pub active: Generation,
    /// Oldest first.
    pub sealing: VecDeque<Sealing>,
    /// Number of the last generation that is durable.
    pub sealed: u64,
    /// What of each source is not to be taken again: stored, dropped, expired.
    taken: HashMap<SourceKey, Intervals>,
    /// How far the queue was read.
    pub passed: Cursors,
    /// Why nothing is taken: too little room on the disk.
    pub no_room: Option<String>,
    /// Bytes free on the disk when it was last looked at.
    pub free_bytes: Option<u64>,
    /// Why the last try to make a part failed.
    pub seal_fault: Option<String>,
    pub stop: bool,
    /// When a generation was full last.
    pub filled_at: Option<Instant>,
}

impl Head {
    pub fn new(state: State, parts: Vec<Arc<Part>>) -> Self {
        let mut taken = HashMap::new();
        for source in &state.sources {
            let mut all = source.stored.clone();
            all.extend(&source.dropped);
            all.extend(&source.expired);
            taken.insert(source.key, all);
        }
        Self {
            passed: state.cursors.clone(),
            state,
            parts,
            active: Generation::numbered(1),
            sealing: VecDeque::new(),
            sealed: 0,
            taken,
            no_room: None,
            free_bytes: None,
            seal_fault: None,
            stop: false,
            filled_at: None,
        }
    }

    /// Takes what is new of a batch into the active generation; what was taken of it.
    pub fn take(&mut self, batch: &Arc<ParsedBatch>, now: Instant) -> Option<Arc<ParsedBatch>> {
        let header = &*batch.header;
        self.active.since.get_or_insert(now);
        let taken = self.taken.entry(header.key).or_default();
        if taken.covers(header.start, header.end) {
            return None;
        }
        let is_new = taken.gaps(header.start, header.end) == [(header.start, header.end)];
        let batch = if is_new { batch.clone() } else { Arc::new(without(batch, taken)) };
        let stored = ranges(&batch);
        let mut dropped = batch.dropped.clone();
        taken.ranges().iter().for_each(|(start, end)| dropped.remove(*start, *end));
        taken.extend(&stored);
        taken.extend(&dropped);
        let name =
            || SourceName { stream: header.stream.clone(), host: header.host.clone(), path: header.path.clone() };
        let active = &mut self.active;
        let empty = || HeadSource { name: name(), stored: Intervals::new(), dropped: Intervals::new() };
        let source = active.sources.entry(header.key).or_insert_with(empty);
        if source.name.path != header.path {
            source.name = name();
        }
        source.stored.extend(&stored);
        source.dropped.extend(&dropped);
        if batch.records.is_empty() {
            return None;
        }
        active.line_bytes += batch.records.iter().map(|record| u64::from(record.len)).sum::<u64>();
        active.memory += footprint(&batch);
        active.records += batch.records.len() as u64;
        active.batches.push(batch.clone());
        Some(batch)
    }

    /// Whether the active generation has enough for a part: lines, or short lines with much about them.
    pub const fn is_full(&self, head_bytes: u64) -> bool {
        self.active.line_bytes >= head_bytes || self.active.memory >= head_bytes * 2
    }

    /// Whether the active generation can be closed now.
    pub fn can_rotate(&self) -> bool {
        self.sealing.len() < SEALING_MAX
    }

    /// Closes the active generation.
    pub fn rotate(&mut self) {
        let next = Generation::numbered(self.active.number + 1);
        let mut full = std::mem::replace(&mut self.active, next);
        full.cursors = self.passed.clone();
        self.sealing.push_back(Sealing { generation: Arc::new(full), is_claimed: false });
    }

    /// The next generation to make parts of, now claimed.
    pub fn claim(&mut self) -> Option<Arc<Generation>> {
        let next = self.sealing.iter_mut().find(|sealing| !sealing.is_claimed)?;
        next.is_claimed = true;
        Some(next.generation.clone())
    }

    /// The generations, oldest first.
    pub fn generations(&self) -> impl Iterator<Item = &Generation> {
        self.sealing.iter().map(|sealing| &*sealing.generation).chain([&self.active])
    }

    /// Forgets that ranges of a source are held: they may be taken again.
    pub fn forget(&mut self, key: SourceKey, ranges: &Intervals) {
        if let Some(taken) = self.taken.get_mut(&key) {
            ranges.ranges().iter().for_each(|(start, end)| taken.remove(*start, *end));
        }
    }
}

/// Bytes of memory that a batch takes, about.
fn footprint(batch: &ParsedBatch) -> u64 {
    let column = |values: &Values| match values {
        Values::Coded { dictionary, codes } => size_of_val(&**dictionary) + size_of_val(&**codes),
        Values::Unique(spans) => size_of_val(&**spans),
    };
    let columns: usize = batch.columns.iter().map(|known| size_of_val(known) + column(&known.values)).sum();
    let bytes = batch.payload.len() + batch.text.len() + size_of_val(&*batch.records) + columns;
    (bytes + size_of::<ParsedBatch>()) as u64
}

/// The byte ranges of a batch's records.
fn ranges(batch: &ParsedBatch) -> Intervals {
    let base = batch.header.start;
    let mut set = Intervals::new();
    let (mut start, mut end) = (0u64, 0u64);
    for record in &batch.records {
        let at = u64::from(record.start);
        if at != end {
            set.insert(base + start, base + end);
            start = at;
        }
        end = at + u64::from(record.size);
    }
    set.insert(base + start, base + end);
    set
}

/// A batch without the records that are in `taken`.
fn without(batch: &ParsedBatch, taken: &Intervals) -> ParsedBatch {
    let kept: Vec<usize> = (0..batch.records.len())
        .filter(|row| {
            let record = &batch.records[*row];
            let start = batch.header.start + u64::from(record.start);
            !taken.covers(start, start + u64::from(record.size.max(1)))
        })
        .collect();
    let mut columns = batch.columns.clone();
    for column in &mut columns {
        match &mut column.values {
            Values::Coded { codes, .. } => *codes = kept.iter().map(|row| codes[*row]).collect(),
            Values::Unique(spans) => *spans = kept.iter().map(|row| spans[*row]).collect(),
        }
    }
    let spare = batch.spare.iter().filter_map(|field| {
        let row = kept.binary_search(&(field.row as usize)).ok()? as u32;
        Some(SpareField { row, ..field.clone() })
    });
    ParsedBatch {
        header: batch.header.clone(),
        payload: batch.payload.clone(),
        text: batch.text.clone(),
        records: kept.iter().map(|row| batch.records[*row]).collect(),
        columns,
        spare: spare.collect(),
        dropped: batch.dropped.clone(),
    }
}
