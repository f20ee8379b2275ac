//! Where matching records can be, the newest first: parts, their row groups, their pages, and the batches of the head.
//!
//! Decision: one heap of places, each with the latest time that may be in it. What is taken from the heap is either
//! opened (a part gives its row groups, a row group its pages) or looked at. So nothing is opened whose records would
//! all be older than the answer, and the order is that of time however the files overlap.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::sync::Arc;

use base::Timestamp;
use model::ParsedBatch;
use store::query::{Matcher, Node, Required};
use store::tokens::hash_token;
use store::{Query, StoreError, TimeRange};

use super::batch::BatchBlock;
use super::group::{GroupView, PageBlock};
use crate::Snapshot;
use crate::part::{OpenPart, Part};

/// What is asked, made ready.
pub(super) struct Plan {
    pub matcher: Matcher,
    pub required: Required,
    pub range: TimeRange,
    /// The levels that can match, a bit for each.
    pub levels: u8,
}

impl Plan {
    pub fn new(query: &Query, range: TimeRange) -> Result<Self, StoreError> {
        let matcher = store::query::compile(query)?;
        let levels = levels_of(matcher.root());
        Ok(Self { required: query.required_tokens(), range, levels, matcher })
    }

    /// Whether times between these can be in the range.
    pub fn touches(&self, min: Timestamp, max: Timestamp) -> bool {
        max >= self.range.since && (min < self.range.until || self.range.until == Timestamp::MAX)
    }

    /// Whether all times between these are in the range.
    pub fn covers(&self, min: Timestamp, max: Timestamp) -> bool {
        self.range.contains(min) && self.range.contains(max)
    }

    /// For each page of a row group whether it may hold a match; `None` where none does.
    pub fn pages(&self, open: &OpenPart, number: usize) -> Result<Option<Vec<bool>>, StoreError> {
        let group = &open.groups()[number];
        if group.levels & self.levels == 0 {
            return Ok(None);
        }
        let pages = pages_with(&self.required, open, number, group.pages.len())?;
        Ok(pages.contains(&true).then_some(pages))
    }
}

/// The levels that records matching a query can have.
fn levels_of(node: &Node) -> u8 {
    match node {
        Node::And(list) => list.iter().fold(u8::MAX, |levels, node| levels & levels_of(node)),
        Node::Or(list) => list.iter().fold(0, |levels, node| levels | levels_of(node)),
        Node::Fixed(store::query::FixedTest::Level(levels)) => *levels,
        _ => u8::MAX,
    }
}

fn pages_with(required: &Required, open: &OpenPart, group: usize, pages: usize) -> Result<Vec<bool>, StoreError> {
    Ok(match required {
        Required::Nothing => vec![true; pages],
        Required::Token(token) => open.pages_with(group, hash_token(token))?,
        Required::All(list) => {
            let mut all = vec![true; pages];
            for required in list {
                if !all.contains(&true) {
                    break;
                }
                let these = pages_with(required, open, group, pages)?;
                all.iter_mut().zip(these).for_each(|(all, this)| *all &= this);
            }
            all
        }
        Required::Any(list) => {
            let mut any = vec![false; pages];
            for required in list {
                let these = pages_with(required, open, group, pages)?;
                any.iter_mut().zip(these).for_each(|(any, this)| *any |= this);
            }
            any
        }
    })
}

/// A place where records can be.
pub(super) enum Place {
    Part(Arc<Part>),
    Group(Arc<Part>, Arc<OpenPart>, usize),
    Page(PageBlock),
    Batch(BatchBlock),
}

struct Entry {
    latest: Timestamp,
    number: usize,
    place: Place,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.latest.cmp(&other.latest).then(self.number.cmp(&other.number))
    }
}

/// The places still to look at.
pub(super) struct Places {
    heap: BinaryHeap<Entry>,
    number: usize,
    /// A part could not be read: what is found is not all there is.
    pub damaged: bool,
}

impl Places {
    /// All places of a snapshot that can hold a match.
    pub fn new(snapshot: &Snapshot, plan: &Plan) -> Self {
        let mut places = Self { heap: BinaryHeap::new(), number: 0, damaged: false };
        for part in &snapshot.parts {
            if plan.touches(part.min_time(), part.max_time()) {
                places.push(part.max_time(), Place::Part(part.clone()));
            }
        }
        for batch in &snapshot.head {
            if let Some((min, max)) = times(batch).filter(|(min, max)| plan.touches(*min, *max)) {
                debug_assert!(min <= max);
                places.push(max, Place::Batch(BatchBlock::new(batch)));
            }
        }
        places
    }

    fn push(&mut self, latest: Timestamp, place: Place) {
        self.number += 1;
        self.heap.push(Entry { latest, number: self.number, place });
    }

    /// The latest time that may be in what is left.
    pub fn latest(&self) -> Option<Timestamp> {
        self.heap.peek().map(|entry| entry.latest)
    }

    /// The next place.
    pub fn pop(&mut self) -> Option<Place> {
        self.heap.pop().map(|entry| entry.place)
    }

    /// Puts the row groups of a part into the heap.
    pub fn open_part(&mut self, part: &Arc<Part>, plan: &Plan) -> Result<(), StoreError> {
        let Some(open) = self.unless_damaged(part.open())? else { return Ok(()) };
        for (number, group) in open.groups().iter().enumerate() {
            if group.levels & plan.levels != 0 && plan.touches(group.min_time, group.max_time) {
                self.push(group.max_time, Place::Group(part.clone(), open.clone(), number));
            }
        }
        Ok(())
    }

    /// Puts the pages of a row group into the heap.
    pub fn open_group(&mut self, open: &Arc<OpenPart>, number: usize, plan: &Plan) -> Result<(), StoreError> {
        let Some(pages) = self.unless_damaged(pages(open, number, plan))? else { return Ok(()) };
        for page in pages {
            self.push(page.latest(), Place::Page(page));
        }
        Ok(())
    }

    /// What was read; `None`, and a note, where it is damaged. Anything else that is wrong is an error.
    pub fn unless_damaged<T>(&mut self, read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(StoreError::Corrupt { .. }) => {
                self.damaged = true;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Of so few pages it is not worth knowing in which order they come: the times are read where there is a match.
const FEW_PAGES: usize = 4;

/// The pages of a row group that can hold a match.
pub(super) fn pages(open: &Arc<OpenPart>, number: usize, plan: &Plan) -> Result<Vec<PageBlock>, StoreError> {
    let Some(wanted) = plan.pages(open, number)? else { return Ok(Vec::new()) };
    let group = Rc::new(GroupView::new(open, number));
    let (min, max) = (group.group().min_time, group.group().max_time);
    if wanted.iter().filter(|wanted| **wanted).count() <= FEW_PAGES && plan.covers(min, max) {
        return Ok(wanted_pages(&group, &wanted));
    }
    let times = group.times()?;
    let mut pages = Vec::new();
    for (page, at) in group.group().pages.iter().enumerate().filter(|(page, _)| wanted[*page]) {
        let times = &times[at.first_row as usize..(at.first_row + at.rows) as usize];
        let Some((min, max)) = times.iter().min().zip(times.iter().max()) else { continue };
        let (min, max) = (Timestamp::from_micros(*min), Timestamp::from_micros(*max));
        if plan.touches(min, max) {
            pages.push(PageBlock::new(&group, page, max));
        }
    }
    Ok(pages)
}

/// As [`pages`], where all times of the group are in the range and their order is of no interest.
pub(super) fn pages_untimed(open: &Arc<OpenPart>, number: usize, plan: &Plan) -> Result<Vec<PageBlock>, StoreError> {
    let Some(wanted) = plan.pages(open, number)? else { return Ok(Vec::new()) };
    Ok(wanted_pages(&Rc::new(GroupView::new(open, number)), &wanted))
}

fn wanted_pages(group: &Rc<GroupView>, wanted: &[bool]) -> Vec<PageBlock> {
    let latest = group.group().max_time;
    (0..wanted.len()).filter(|page| wanted[*page]).map(|page| PageBlock::new(group, page, latest)).collect()
}

/// The earliest and latest time of a batch.
pub(super) fn times(batch: &ParsedBatch) -> Option<(Timestamp, Timestamp)> {
    let first = batch.records.first()?.time;
    let both = |(min, max): (Timestamp, Timestamp), time: Timestamp| (min.min(time), max.max(time));
    Some(batch.records.iter().map(|record| record.time).fold((first, first), both))
}
