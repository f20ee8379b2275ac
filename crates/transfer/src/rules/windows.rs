//! The open windows of a rule: what they hold, when their points are due, how far the cursor may move.
//!
//! Decision: time is what the records say. Each partition has a *mark*, the latest time seen in it, and a record is
//! late where its own partition's mark is beyond its window and the lateness: that depends on the partition's records
//! alone, in their order, so a replay judges the same. A window is closed for good when all partitions are beyond it,
//! which is noted durably; the cursor never passes the first record of an open window, so that after a crash every
//! open window is made anew from all of its records. Sums are made per partition, in order, and added up in the order
//! of the partitions: floating-point numbers then say the same each time, too.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base::{Intervals, Timestamp};
use model::{Cursors, ParsedBatch, Partition, Place, Point, QueueId, SourceKey};
use serde::{Deserialize, Serialize};

use super::rule::{Rule, Verdict};
use super::sketch::Sketch;

/// So many cells (label values by window) are kept apart; more are counted together.
const CELLS_MAX: usize = 100_000;
/// Sources whose bytes are remembered, so that what arrives twice counts once.
const SOURCES_MAX: usize = 100_000;
/// A record that claims to be from later than this after its reading is of no window: it would stay open until then.
const AHEAD_MAX_MICROS: i64 = 86_400_000_000;
/// The value of every label of what found no cell of its own.
const OTHER: &str = "other";

/// Some numbers, summed up.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    pub count: u64,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
    pub sketch: Sketch,
}

impl Default for Tally {
    fn default() -> Self {
        Self { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY, sketch: Sketch::default() }
    }
}

impl Tally {
    fn add(&mut self, number: Option<f64>) {
        self.count += 1;
        if let Some(number) = number {
            self.sum += number;
            self.min = self.min.min(number);
            self.max = self.max.max(number);
            self.sketch.add(number);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sketch.merge(&other.sketch);
    }
}

/// Where a partition is to be read again from, and the mark it had there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct From {
    next: u64,
    mark: Option<i64>,
}

/// What is noted durably before the cursor moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    version: u8,
    queue: QueueId,
    revision: u64,
    closed_before: i64,
    partitions: BTreeMap<Partition, From>,
}

const NOTE_VERSION: u8 = 1;

impl Note {
    /// Whether it is of this rule, as it is now, over this queue.
    pub fn fits(&self, rule: &Rule, queue: QueueId) -> bool {
        self.version == NOTE_VERSION && self.revision == rule.revision && self.queue == queue
    }

    /// Where to read on.
    pub fn cursors(&self) -> Cursors {
        let next = self.partitions.iter().map(|(partition, from)| (*partition, from.next)).collect();
        Cursors { queue: self.queue, next }
    }
}

/// What happened to records, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// They are in a window.
    pub taken: u64,
    /// They came after their window was closed.
    pub late: u64,
    /// Their field is no number.
    pub no_number: u64,
    /// They had been counted before.
    pub twice: u64,
    /// They claim to be of a time long after they were read.
    pub ahead: u64,
    /// They found no cell of their own.
    pub other: u64,
}

#[derive(Default)]
struct Window {
    first: BTreeMap<Partition, From>,
    cells: BTreeMap<(Arc<str>, Vec<String>), BTreeMap<Partition, Tally>>,
    changed: bool,
}

/// See the module.
pub struct Windows {
    rule: Arc<Rule>,
    queue: QueueId,
    at: BTreeMap<Partition, From>,
    /// Partitions in which nothing comes: they hold nobody up.
    idle: BTreeMap<Partition, i64>,
    closed_before: i64,
    /// Nothing is known of what was counted before: what may be incomplete is not written.
    unknown: bool,
    open: BTreeMap<i64, Window>,
    cells: usize,
    seen: HashMap<SourceKey, (Intervals, u64)>,
    turn: u64,
    pub counts: Counts,
}

impl Windows {
    /// From what was noted; without a note from `start`, where a partition that does not start at its beginning may
    /// have windows that began before.
    pub fn new(rule: Arc<Rule>, note: Option<Note>, start: &Cursors) -> Self {
        let from = |(partition, next): (&Partition, &u64)| (*partition, From { next: *next, mark: None });
        let unknown = note.is_none() && start.next.values().any(|next| *next > 0);
        let (at, closed_before) = match note {
            Some(note) => (note.partitions, note.closed_before),
            None => (start.next.iter().map(from).collect(), i64::MIN),
        };
        Self {
            rule,
            queue: start.queue,
            at,
            idle: BTreeMap::new(),
            closed_before,
            unknown,
            open: BTreeMap::new(),
            cells: 0,
            seen: HashMap::new(),
            turn: 0,
            counts: Counts::default(),
        }
    }

    /// Takes a batch at its place.
    pub fn take(&mut self, place: Place, batch: &ParsedBatch) {
        let before = self.at.get(&place.partition).copied().unwrap_or(From { next: 0, mark: None });
        let mut mark = before.mark;
        self.at.insert(place.partition, From { next: before.next.max(place.offset + 1), ..before });
        if !self.rule.wants(&batch.header.stream) {
            // Nor does it move the mark: streams come at their own pace, where one has been held up before the queue.
            return;
        }
        self.idle.remove(&place.partition);
        let fresh = self.fresh(batch);
        for (row, record) in batch.records.iter().enumerate() {
            let start = batch.header.start + u64::from(record.start);
            if !fresh.iter().any(|(from, until)| (*from..*until).contains(&start)) {
                self.counts.twice += 1;
                continue;
            }
            let (time, read_at) = (record.time.as_micros(), batch.header.read_at.as_micros());
            if time > read_at.saturating_add(AHEAD_MAX_MICROS) {
                self.counts.ahead += 1;
                continue;
            }
            self.count(batch, row, place.partition, before, mark);
            // A time that was still to come when it was read says nothing of how far the others are.
            mark = mark.max(Some(time.min(read_at)));
        }
        self.at.insert(place.partition, From { next: before.next.max(place.offset + 1), mark });
    }

    /// What of the batch's range was not seen before; from now on all of it was.
    fn fresh(&mut self, batch: &ParsedBatch) -> Vec<(u64, u64)> {
        self.turn += 1;
        if self.seen.len() >= SOURCES_MAX {
            let half = self.turn.saturating_sub(SOURCES_MAX as u64 / 2);
            self.seen.retain(|_, (_, turn)| *turn > half);
        }
        let header = &batch.header;
        let (seen, turn) = self.seen.entry(header.key).or_default();
        *turn = self.turn;
        let fresh = seen.gaps(header.start, header.end);
        seen.insert(header.start, header.end);
        fresh
    }

    fn count(&mut self, batch: &ParsedBatch, row: usize, partition: Partition, before: From, mark: Option<i64>) {
        let time = batch.records[row].time.as_micros();
        let start = time.div_euclid(self.rule.window) * self.rule.window;
        let until = start.saturating_add(self.rule.window).saturating_add(self.rule.lateness);
        if std::mem::take(&mut self.unknown) {
            // What came before may have been later by the lateness, and so have been in windows up to there.
            self.closed_before =
                time.saturating_add(self.rule.lateness.saturating_mul(2)).saturating_add(self.rule.window);
        }
        let verdict = self.rule.judge(batch, row);
        let (mut labels, number) = match verdict {
            Verdict::Other => return,
            Verdict::NoNumber => return self.counts.no_number += 1,
            Verdict::Taken(labels, number) => (labels, number),
        };
        if until <= self.closed_before || mark.is_some_and(|mark| until <= mark) {
            return self.counts.late += 1;
        }
        let window = self.open.entry(start).or_default();
        window.first.entry(partition).or_insert(before);
        window.changed = true;
        let stream = batch.header.stream.clone();
        if self.cells >= CELLS_MAX && !window.cells.contains_key(&(stream.clone(), labels.clone())) {
            labels.fill_with(|| OTHER.to_owned());
            self.counts.other += 1;
        }
        let cell = window.cells.entry((stream, labels)).or_insert_with(|| {
            self.cells += 1;
            BTreeMap::new()
        });
        cell.entry(partition).or_default().add(number);
        self.counts.taken += 1;
    }

    /// Behind what was taken of a partition.
    pub fn next(&self, partition: Partition) -> u64 {
        self.at.get(&partition).map_or(0, |from| from.next)
    }

    /// The partitions that hold the others up.
    pub fn behind(&self, owned: &[Partition]) -> Vec<Partition> {
        let latest = self.at.values().filter_map(|from| from.mark).max();
        let mark = |partition: &Partition| self.at.get(partition).and_then(|from| from.mark);
        owned.iter().filter(|partition| mark(partition) < latest).copied().collect()
    }

    /// Nothing more comes in a partition for now: it does not hold the others up.
    pub fn rest(&mut self, partition: Partition) {
        let latest = self.at.values().filter_map(|from| from.mark).max();
        if let Some(latest) = latest {
            self.idle.insert(partition, latest);
        }
    }

    /// Up to when all of these partitions have come.
    fn frontier(&self, owned: &[Partition]) -> Option<i64> {
        let of = |partition: &Partition| {
            let mark = self.at.get(partition).and_then(|from| from.mark);
            mark.max(self.idle.get(partition).copied())
        };
        owned.iter().map(of).min().flatten()
    }

    /// The points of the windows that are over and have changed since they were asked for the last time.
    pub fn due(&mut self, owned: &[Partition]) -> Vec<Point> {
        let Some(frontier) = self.frontier(owned) else { return Vec::new() };
        let rule = self.rule.clone();
        let over = self.open.range_mut(..=frontier.saturating_sub(rule.window));
        let changed = over.filter_map(|(start, window)| std::mem::take(&mut window.changed).then_some((start, window)));
        changed.flat_map(|(start, window)| points(&rule, *start, window)).collect()
    }

    /// Closes what no line can change any more; its points have been written.
    pub fn close(&mut self, owned: &[Partition]) {
        let Some(frontier) = self.frontier(owned) else { return };
        self.closed_before = self.closed_before.max(frontier);
        let length = self.rule.window.saturating_add(self.rule.lateness);
        let open = self.open.split_off(&frontier.saturating_sub(length).saturating_add(1));
        let closed = std::mem::replace(&mut self.open, open);
        debug_assert!(closed.values().all(|window| !window.changed), "closed before it was written");
        self.cells -= closed.values().map(|window| window.cells.len()).sum::<usize>();
    }

    /// What to note before the cursor moves to [`Note::cursors`].
    pub fn note(&self) -> Note {
        let mut partitions = self.at.clone();
        for (partition, first) in self.open.values().flat_map(|window| &window.first) {
            let from = partitions.entry(*partition).or_insert(*first);
            if first.next < from.next {
                *from = *first;
            }
        }
        Note {
            version: NOTE_VERSION,
            queue: self.queue,
            revision: self.rule.revision,
            closed_before: self.closed_before,
            partitions,
        }
    }
}

fn points(rule: &Rule, start: i64, window: &Window) -> Vec<Point> {
    let cells = window.cells.iter().map(|((stream, labels), tallies)| {
        let mut all = Tally::default();
        tallies.values().for_each(|tally| all.merge(tally));
        let labels = rule.by.iter().cloned().zip(labels.iter().cloned());
        let stream = std::iter::once(("stream".to_owned(), stream.to_string()));
        let mut tags: Vec<_> = labels.chain(stream).filter(|(_, value)| !value.is_empty()).collect();
        tags.sort();
        tags.dedup_by(|a, b| a.0 == b.0);
        let (measurement, time) = (rule.name.clone(), Timestamp::from_micros(start));
        Point { measurement, tags, fields: rule.fields(&all), time }
    });
    cells.filter(|point| !point.fields.is_empty()).collect()
}
