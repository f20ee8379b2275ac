//! Following what comes in: a hub that any store feeds, and followers that read it at their own pace.
//!
//! Decision: the writer leaves each accepted batch in a ring that is bounded in bytes and batches, and that is all it
//! ever does for followers. Each follower looks at the ring in its own time. One that is too slow finds that the ring
//! has moved on and learns exactly how many records it did not see; it never slows the writer, and never makes memory
//! grow.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use model::ParsedBatch;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::query::{Matcher, compile};
use crate::{BatchRow, Hit, Query, StoreError};

/// What a follower is told next.
#[derive(Clone, Debug, PartialEq)]
pub enum TailEvent {
    /// Records that match, in the order taken.
    Hits(Vec<Hit>),
    /// Records that were passed over here.
    Skipped(Skipped),
}

/// How many records a follower did not get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Records that match the query, where they could still be looked at.
    pub matching: u64,
    /// Records that nobody looked at: the ring had moved on. Some of them may match.
    pub unexamined: u64,
}

/// What the ring holds at most.
#[derive(Clone, Copy, Debug)]
pub struct TailLimits {
    /// Bytes of payloads.
    pub bytes: usize,
    /// Batches.
    pub batches: usize,
    /// Followers at one time.
    pub followers: usize,
    /// Hits in one event.
    pub hits: usize,
}

impl Default for TailLimits {
    fn default() -> Self {
        Self { bytes: 16 << 20, batches: 1024, followers: 256, hits: 512 }
    }
}

/// Where a store leaves what it took, for its followers.
pub struct TailHub {
    shared: Arc<Shared>,
}

struct Shared {
    limits: TailLimits,
    ring: Mutex<Ring>,
    followers: AtomicUsize,
    /// The number of the next batch; closed with the hub.
    next: watch::Sender<u64>,
    skipped: AtomicU64,
}

#[derive(Default)]
struct Ring {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// Number of the first entry.
    first: u64,
    /// Records before the first entry, ever.
    passed: u64,
    closed: bool,
}

#[derive(Clone)]
struct Entry {
    batch: Arc<ParsedBatch>,
    /// The rows that were taken.
    rows: Arc<[Range<u32>]>,
    /// Records before this entry, ever.
    before: u64,
}

impl Entry {
    fn records(&self) -> u64 {
        self.rows.iter().map(|rows| u64::from(rows.end - rows.start)).sum()
    }
}

impl Ring {
    /// Records that ever came in.
    fn records(&self) -> u64 {
        self.entries.back().map_or(self.passed, |last| last.before + last.records())
    }
}

impl TailHub {
    /// An empty one.
    pub fn new(limits: TailLimits) -> Self {
        let shared = Shared {
            limits,
            ring: Mutex::default(),
            followers: AtomicUsize::new(0),
            next: watch::Sender::new(0),
            skipped: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// How many follow now.
    pub fn followers(&self) -> usize {
        self.shared.followers.load(Ordering::Relaxed)
    }

    /// Records that followers did not get to look at, ever, over all followers.
    pub fn skipped(&self) -> u64 {
        self.shared.skipped.load(Ordering::Relaxed)
    }

    /// Leaves the given rows of a batch for the followers. Costs next to nothing where there is none.
    pub fn publish(&self, batch: &Arc<ParsedBatch>, rows: impl IntoIterator<Item = Range<u32>>) {
        if self.followers() == 0 {
            return;
        }
        let rows: Arc<[Range<u32>]> = rows.into_iter().filter(|rows| !rows.is_empty()).collect();
        if rows.is_empty() {
            return;
        }
        let mut ring = self.shared.ring.lock();
        let before = ring.records();
        ring.bytes += batch.payload.len() + batch.text.len();
        ring.entries.push_back(Entry { batch: batch.clone(), rows, before });
        // The newest always stays, however big it is: it is held elsewhere anyway.
        while ring.entries.len() > self.shared.limits.batches
            || (ring.bytes > self.shared.limits.bytes && ring.entries.len() > 1)
        {
            let Some(entry) = ring.entries.pop_front() else { break };
            ring.bytes -= entry.batch.payload.len() + entry.batch.text.len();
            ring.passed += entry.records();
            ring.first += 1;
        }
        let next = ring.first + ring.entries.len() as u64;
        drop(ring);
        self.shared.next.send_replace(next);
    }

    /// Begins to follow.
    ///
    /// # Errors
    /// `Exhausted` where there are too many followers, `Query` where the query does not compile.
    pub fn follow(&self, query: &Query) -> Result<Tail, StoreError> {
        let matcher = compile(query)?;
        let max = self.shared.limits.followers;
        let counted =
            self.shared.followers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| (n < max).then_some(n + 1));
        if counted.is_err() {
            let reason = format!("{max} followers are the most; close one");
            return Err(StoreError::Exhausted { at: "tail".to_owned(), reason });
        }
        let ring = self.shared.ring.lock();
        Ok(Tail {
            at: ring.first + ring.entries.len() as u64,
            row: 0,
            records: ring.records(),
            matcher,
            map: None,
            shared: self.shared.clone(),
            next: self.shared.next.subscribe(),
        })
    }
}

impl Drop for TailHub {
    fn drop(&mut self) {
        self.shared.ring.lock().closed = true;
        self.shared.next.send_modify(|_| {});
    }
}

/// A change of a hit on its way out.
type HitMap = Box<dyn Fn(&mut Hit) + Send + Sync>;

/// A follower. Dropping it ends it.
pub struct Tail {
    shared: Arc<Shared>,
    matcher: Matcher,
    map: Option<HitMap>,
    /// Number of the batch to look at next.
    at: u64,
    /// Rows of it that were looked at.
    row: u64,
    /// Records behind us, ever.
    records: u64,
    next: watch::Receiver<u64>,
}

enum Step {
    Look(Entry),
    Skipped(u64),
    Wait,
    Over,
}

/// Records looked at before other tasks get their turn.
const ROWS_A_TURN: u64 = 16 * 1024;

impl Tail {
    /// What comes next; `None` when the store is gone. Nothing is lost where this is dropped half-way.
    pub async fn next(&mut self) -> Option<TailEvent> {
        loop {
            match self.step() {
                Step::Look(entry) => {
                    let hits = self.look(&entry);
                    if !hits.is_empty() {
                        return Some(TailEvent::Hits(hits));
                    }
                    tokio::task::yield_now().await;
                }
                Step::Skipped(unexamined) => {
                    return Some(TailEvent::Skipped(Skipped { matching: 0, unexamined }));
                }
                Step::Over => return None,
                Step::Wait => self.next.changed().await.ok()?,
            }
        }
    }

    /// The same with each hit changed on its way out.
    #[must_use]
    pub fn mapped(mut self, map: impl Fn(&mut Hit) + Send + Sync + 'static) -> Self {
        self.map = Some(match self.map.take() {
            None => Box::new(map),
            Some(first) => Box::new(move |hit| {
                first(hit);
                map(hit);
            }),
        });
        self
    }

    /// Goes to what comes in from now on, and counts what is passed over: exactly the matching ones as far as the
    /// ring still holds them. For a reader that wants to be current rather than complete.
    pub fn skip_to_now(&mut self) -> Skipped {
        let mut skipped = Skipped::default();
        loop {
            match self.step() {
                Step::Look(entry) => skipped.matching += self.count(&entry),
                Step::Skipped(unexamined) => skipped.unexamined += unexamined,
                Step::Wait | Step::Over => return skipped,
            }
        }
    }

    fn step(&mut self) -> Step {
        self.next.borrow_and_update();
        let ring = self.shared.ring.lock();
        if self.at < ring.first {
            let skipped = ring.passed - self.records;
            (self.at, self.row, self.records) = (ring.first, 0, ring.passed);
            drop(ring);
            self.shared.skipped.fetch_add(skipped, Ordering::Relaxed);
            return Step::Skipped(skipped);
        }
        match ring.entries.get((self.at - ring.first) as usize) {
            Some(entry) => Step::Look(entry.clone()),
            None if ring.closed => Step::Over,
            None => Step::Wait,
        }
    }

    /// Counts what matches in what is left of a batch.
    fn count(&mut self, entry: &Entry) -> u64 {
        let rows = entry.rows.iter().flat_map(Clone::clone).skip(self.row as usize);
        let matching = rows.filter(|row| self.matcher.matches(&BatchRow::new(&entry.batch, *row as usize))).count();
        self.records = entry.before + entry.records();
        (self.at, self.row) = (self.at + 1, 0);
        matching as u64
    }

    /// Looks at what is left of a batch, as far as one event goes.
    fn look(&mut self, entry: &Entry) -> Vec<Hit> {
        let mut hits = Vec::new();
        let rows = entry.rows.iter().flat_map(Clone::clone).skip(self.row as usize);
        let mut looked = 0;
        for row in rows {
            looked += 1;
            let record = BatchRow::new(&entry.batch, row as usize);
            if self.matcher.matches(&record) {
                let mut hit = record.hit();
                if let Some(map) = &self.map {
                    map(&mut hit);
                }
                hits.push(hit);
                if hits.len() >= self.shared.limits.hits {
                    break;
                }
            }
            if looked >= ROWS_A_TURN {
                break;
            }
        }
        self.row += looked;
        self.records = entry.before + self.row;
        if self.row >= entry.records() {
            (self.at, self.row) = (self.at + 1, 0);
        }
        hits
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        if self.shared.followers.fetch_sub(1, Ordering::SeqCst) == 1 {
            // Nobody follows: what the ring holds is of no use to whoever comes next.
            let mut ring = self.shared.ring.lock();
            ring.passed = ring.records();
            ring.first += ring.entries.len() as u64;
            ring.bytes = 0;
            ring.entries.clear();
        }
    }
}
