//! The newest records that match.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use base::Timestamp;
use model::{RecordId, SourceId, SourceKey};
use store::{Hit, HitCursor, PAGE_BYTES_MAX, SearchPage, SearchRequest, StoreError};

use super::block::{Block, is_empty, rows};
use super::budget::Budget;
use super::eval::narrow;
use super::scan::{Place, Places, Plan};
use crate::Snapshot;

/// A record that may be in the answer. Made whole at once, so that nothing else is kept for it.
struct Candidate {
    cursor: HitCursor,
    hit: Hit,
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cursor == other.cursor
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.cursor.cmp(&other.cursor)
    }
}

/// A page ends when its records take up about so many bytes.
const BYTES_MAX: usize = PAGE_BYTES_MAX * 2;

/// The newest candidates, at most as many as asked for.
struct Newest {
    heap: BinaryHeap<Reverse<Candidate>>,
    limit: usize,
    bytes: usize,
    /// Only what is newer than this is of use: something was left out at or before it.
    floor: Option<HitCursor>,
}

impl Newest {
    const fn new(limit: usize) -> Self {
        Self { heap: BinaryHeap::new(), limit, bytes: 0, floor: None }
    }

    /// Whether a record of that time cannot be in the answer.
    fn is_too_old(&self, time: Timestamp) -> bool {
        self.bound().is_some_and(|bound| time < bound.time)
    }

    fn wants(&self, cursor: HitCursor) -> bool {
        self.bound().is_none_or(|bound| cursor > bound)
    }

    fn bound(&self) -> Option<HitCursor> {
        let oldest = self.heap.peek().filter(|_| self.heap.len() == self.limit);
        self.floor.map(|floor| oldest.map_or(floor, |Reverse(oldest)| oldest.cursor))
    }

    fn push(&mut self, candidate: Candidate) {
        self.bytes += candidate.len();
        self.heap.push(Reverse(candidate));
        while self.heap.len() > self.limit || (self.bytes > BYTES_MAX && self.heap.len() > 1) {
            let Some(Reverse(oldest)) = self.heap.pop() else { break };
            self.bytes -= oldest.len();
            self.floor = self.floor.max(Some(oldest.cursor));
        }
    }
}

impl Candidate {
    /// About the bytes it takes up: fields repeat the line.
    const fn len(&self) -> usize {
        self.hit.line.len() * 2
    }
}

/// See [`store::Reader::search`].
pub(crate) fn search(snapshot: &Snapshot, request: &SearchRequest, budget: &Budget) -> Result<SearchPage, StoreError> {
    request.check()?;
    let plan = Plan::new(&request.scope.query, request.scope.range)?;
    let mut places = Places::new(snapshot, &plan);
    let mut newest = Newest::new(request.limit);
    let mut stopped_at = None;
    while let Some(latest) = places.latest() {
        if newest.is_too_old(latest) {
            break;
        }
        if budget.is_spent() {
            stopped_at = Some(latest);
            break;
        }
        match places.pop() {
            Some(Place::Part(part)) => places.open_part(&part, &plan)?,
            Some(Place::Group(_, open, number)) => places.open_group(&open, number, &plan)?,
            Some(Place::Page(page)) => {
                let looked = look(&page, &plan, request.after, &mut newest, &|row| page.hit(row));
                places.unless_damaged(looked)?;
            }
            Some(Place::Batch(batch)) => {
                look(&batch, &plan, request.after, &mut newest, &|row| Ok(batch.hit(row)))?;
            }
            None => break,
        }
    }
    let damaged = places.damaged;
    Ok(finish(newest, stopped_at, request.after, damaged))
}

/// Looks at the rows of a block, the last first.
fn look<B: Block>(
    block: &B,
    plan: &Plan,
    after: Option<HitCursor>,
    newest: &mut Newest,
    hit: &dyn Fn(usize) -> Result<Hit, StoreError>,
) -> Result<(), StoreError> {
    let (min, max) = block.bounds();
    // A rare term's page mostly turns out to have no match: its times are not worth reading before.
    let wants_all = plan.covers(min, max) && after.is_none_or(|after| max <= after.time) && !newest.is_too_old(min);
    let mut mask = vec![true; block.rows()];
    if !wants_all {
        block.read_times()?;
        for (row, wanted) in mask.iter_mut().enumerate() {
            let time = block.time(row);
            *wanted =
                plan.range.contains(time) && after.is_none_or(|after| time <= after.time) && !newest.is_too_old(time);
        }
    }
    if is_empty(&mask) {
        return Ok(());
    }
    narrow(plan.matcher.root(), block, &mut mask)?;
    if is_empty(&mask) {
        return Ok(());
    }
    block.read_times()?;
    for row in rows(&mask).rev() {
        let time = block.time(row);
        if newest.is_too_old(time) {
            continue;
        }
        let cursor = HitCursor { time, id: block.id(row)? };
        if newest.wants(cursor) && after.is_none_or(|after| cursor < after) {
            newest.push(Candidate { cursor, hit: hit(row)? });
        }
    }
    Ok(())
}

fn finish(newest: Newest, stopped_at: Option<Timestamp>, after: Option<HitCursor>, damaged: bool) -> SearchPage {
    let left_out = newest.floor.is_some();
    let mut candidates = newest.heap.into_sorted_vec();
    // Down to here everything was looked at; what is at or behind it comes with the next page.
    let frontier = stopped_at.map(|time| HitCursor { time, id: LAST_ID });
    if let Some(frontier) = frontier {
        candidates.retain(|candidate| candidate.0.cursor > frontier);
    }
    let last = candidates.last().map(|candidate| candidate.0.cursor);
    let next = match frontier {
        Some(frontier) => Some(after.map_or(frontier, |after| after.min(frontier))),
        None if left_out => last.or(after),
        None => None,
    };
    let hits = candidates.into_iter().map(|Reverse(candidate)| candidate.hit).collect();
    SearchPage { hits, next, complete: frontier.is_none() && !damaged }
}

/// Sorts behind every other id.
const LAST_ID: RecordId = RecordId {
    key: SourceKey { source: SourceId(u128::MAX), generation: model::Generation(u32::MAX) },
    offset: u64::MAX,
};
