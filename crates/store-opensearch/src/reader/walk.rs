//! Through the records of a clause, newest first, page by page.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use store::{Hit, HitCursor, Scope, StoreError};

use crate::OpenSearchStore;
use crate::hit::cursor;
use crate::http::TOO_BIG;
use crate::query::{Clause, GENERATION, OFFSET, SOURCE, TIME};

/// When an answer has to be there.
#[derive(Clone, Copy, Debug)]
pub struct Until(Option<Instant>);

impl Until {
    /// As a scope says.
    pub fn of(scope: &Scope) -> Self {
        Self(scope.deadline.and_then(|deadline| Instant::now().checked_add(deadline)))
    }

    /// How long is left; `None` where there is no end.
    pub fn left(self) -> Option<Duration> {
        self.0.map(|until| until.saturating_duration_since(Instant::now()))
    }

    /// Whether it is over.
    pub fn is_over(self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    /// Runs something as long as there is time; `None` where it took longer.
    pub async fn within<T>(self, work: impl Future<Output = Result<T, StoreError>>) -> Result<Option<T>, StoreError> {
        match self.left() {
            None => work.await.map(Some),
            Some(left) if left.is_zero() => Ok(None),
            Some(left) => tokio::time::timeout(left, work).await.map_or(Ok(None), |done| done.map(Some)),
        }
    }
}

/// Hits of the first page, when nothing is known of how long lines are.
const FIRST_HITS: usize = 100;
/// Hits of a page, at most: servers give 10,000 unless told otherwise.
const HITS_MAX: usize = 5000;
/// Bytes of a page, about.
const PAGE_BYTES: usize = 8 << 20;

/// A walk.
pub struct Walk<'a> {
    store: &'a OpenSearchStore,
    clause: Clause,
    after: Option<HitCursor>,
    until: Until,
    /// Hits and bytes so far.
    seen: (usize, usize),
    /// Hits of a page, at most: fewer once an answer was too big.
    most: usize,
    over: bool,
    /// Whether some of the indices did not answer.
    partial: bool,
}

/// What comes next.
pub enum Step {
    /// Some records.
    Hits(Vec<Hit>),
    /// There are no more.
    Over,
    /// The deadline is over.
    OutOfTime,
}

impl<'a> Walk<'a> {
    /// Of what fulfils a clause, behind a cursor.
    pub const fn new(store: &'a OpenSearchStore, clause: Clause, after: Option<HitCursor>, until: Until) -> Self {
        Self { store, clause, after, until, seen: (0, 0), most: HITS_MAX, over: false, partial: false }
    }

    /// Whether some of the indices did not answer, so that records may be missing among those given.
    pub const fn is_partial(&self) -> bool {
        self.partial
    }

    /// Everything down to here was given.
    pub const fn reached(&self) -> Option<HitCursor> {
        self.after
    }

    /// The next records: as many as are wanted, or fewer.
    pub async fn step(&mut self, wanted: usize) -> Result<Step, StoreError> {
        if self.over || self.clause == Clause::Nothing {
            return Ok(if self.until.is_over() { Step::OutOfTime } else { Step::Over });
        }
        let usual = match self.seen {
            (0, _) => FIRST_HITS,
            (hits, bytes) => (PAGE_BYTES / (bytes / hits + 1)).clamp(8, HITS_MAX),
        };
        let size = usual.min(wanted).min(self.most);
        let body = self.body(size);
        let page = match self.until.within(self.store.page(body)).await {
            Err(StoreError::Unavailable { reason, .. }) if reason.starts_with(TOO_BIG) && size > 1 => {
                self.most = size / 8 + 1;
                return Ok(Step::Hits(Vec::new()));
            }
            page => page?,
        };
        let Some(page) = page else { return Ok(Step::OutOfTime) };
        if page.timed_out {
            return Ok(Step::OutOfTime);
        }
        self.partial |= page.shards.failed > 0;
        self.over = page.hits.hits.len() < size;
        let hits: Vec<Hit> = page.hits.hits.into_iter().filter_map(|found| found.source.into_hit()).collect();
        self.seen.0 += hits.len();
        self.seen.1 += hits.iter().map(|hit| hit.line.len() + 500).sum::<usize>();
        match hits.last() {
            Some(last) => self.after = Some(cursor(last)),
            None => self.over = true,
        }
        Ok(Step::Hits(hits))
    }

    fn body(&self, size: usize) -> Value {
        let mut body = json!({
            "size": size, "track_total_hits": false, "query": self.clause.to_json(), "sort": newest_first(),
        });
        if let Some(after) = self.after {
            let key = after.id.key;
            body["search_after"] =
                json!([after.time.as_micros(), key.source.to_string(), key.generation.0, after.id.offset]);
        }
        if let Some(left) = self.until.left() {
            body["timeout"] = format!("{}ms", left.as_millis().max(1)).into();
        }
        body
    }
}

/// The total order of answers.
fn newest_first() -> Value {
    let one = |field: &str, kind: &str| json!({field: {"order": "desc", "unmapped_type": kind}});
    json!([one(TIME, "long"), one(SOURCE, "keyword"), one(GENERATION, "long"), one(OFFSET, "long")])
}
