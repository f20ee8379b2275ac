//! Counts of matching records: by value of a field, by time, by both.
//!
//! Decision: what a row group counts for a query is kept (bounded), for a row group never changes. So a histogram that
//! is asked for again, with a range that moved on, looks only at the row groups that the ends of the range cut, and at
//! the head. Buckets begin at multiples of their width, wherever the range begins.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use base::Timestamp;
use parking_lot::Mutex;
use store::{
    ABSENT, Buckets, Facet, Facets, FacetsRequest, Histogram, HistogramRequest, OTHER, Query, Scope, StoreError, naive,
};
use xxhash_rust::xxh3::xxh3_128;

use super::block::{Block, Labels, count, is_empty, rows};
use super::budget::Budget;
use super::eval::{in_range, narrow};
use super::scan::{Place, Places, Plan};
use crate::Snapshot;

/// What is counted: records by the value under a name, if one is given, and by buckets of a width, if one is given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Dimension {
    by: Option<String>,
    width: Option<i64>,
}

/// Counts by number of the bucket, ascending.
#[derive(Clone, Debug, Default)]
struct Cells(Vec<(i64, u64)>);

impl Cells {
    fn add(&mut self, bucket: i64, count: u64) {
        // Mostly the bucket of the record before.
        match self.0.last_mut() {
            Some(last) if last.0 == bucket => last.1 += count,
            Some(last) if last.0 > bucket => match self.0.binary_search_by_key(&bucket, |cell| cell.0) {
                Ok(at) => self.0[at].1 += count,
                Err(at) => self.0.insert(at, (bucket, count)),
            },
            _ => self.0.push((bucket, count)),
        }
    }

    fn sum(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }
}

/// Counts by label and number of the bucket.
#[derive(Clone, Debug, Default)]
struct Counts {
    named: HashMap<Arc<str>, Cells>,
    /// Of records that have no such value.
    absent: Cells,
    /// Of values that are not told apart.
    other: Cells,
}

/// Distinct values that are told apart; what exceeds that is counted under [`OTHER`].
const DISTINCT_MAX: usize = 100_000;

impl Counts {
    fn add(&mut self, label: Option<&str>, bucket: i64, count: u64) {
        self.cells(label).add(bucket, count);
    }

    fn cells(&mut self, label: Option<&str>) -> &mut Cells {
        let Some(label) = label else { return &mut self.absent };
        if !self.named.contains_key(label) {
            if self.named.len() >= DISTINCT_MAX {
                return &mut self.other;
            }
            self.named.insert(label.into(), Cells::default());
        }
        self.named.get_mut(label).unwrap_or(&mut self.other)
    }

    /// Adds counts of a part of the records.
    fn add_all(&mut self, more: &Self) {
        for (label, cells) in &more.named {
            let known = self.cells(Some(label));
            cells.0.iter().for_each(|(bucket, count)| known.add(*bucket, *count));
        }
        more.absent.0.iter().for_each(|(bucket, count)| self.absent.add(*bucket, *count));
        more.other.0.iter().for_each(|(bucket, count)| self.other.add(*bucket, *count));
    }

    /// All labels with their counts.
    fn each(&self) -> impl Iterator<Item = (&str, &Cells)> {
        let rest = [(ABSENT, &self.absent), (OTHER, &self.other)];
        let rest = rest.into_iter().filter(|(_, cells)| !cells.0.is_empty());
        self.named.iter().map(|(label, cells)| (&**label, cells)).chain(rest)
    }

    fn weight(&self) -> usize {
        self.each().map(|(label, cells)| 96 + label.len() + cells.0.len() * 16).sum()
    }
}

/// Counts of row groups, by part, row group, query and dimension.
#[derive(Default)]
pub(crate) struct CountCache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    counts: HashMap<Key, Arc<Counts>>,
    order: VecDeque<Key>,
    bytes: usize,
}

type Key = (u64, usize, u128);

/// Bytes of counts that are kept; those kept longest go first.
const KEPT_BYTES_MAX: usize = 24 << 20;
/// Counts larger than this are not kept.
const COUNTS_BYTES_MAX: usize = 256 << 10;

impl CountCache {
    fn get(&self, key: &Key) -> Option<Arc<Counts>> {
        self.0.lock().counts.get(key).cloned()
    }

    fn put(&self, key: Key, counts: &Arc<Counts>) {
        let weight = counts.weight();
        if weight > COUNTS_BYTES_MAX {
            return;
        }
        let mut kept = self.0.lock();
        if kept.counts.insert(key, counts.clone()).is_none() {
            kept.order.push_back(key);
            kept.bytes += weight + 64;
        }
        while kept.bytes > KEPT_BYTES_MAX {
            let Some(oldest) = kept.order.pop_front() else { break };
            if let Some(counts) = kept.counts.remove(&oldest) {
                kept.bytes -= counts.weight() + 64;
            }
        }
    }
}

/// What counting all places of a scope gave.
struct Counted {
    /// One per dimension.
    counts: Vec<Counts>,
    complete: bool,
}

fn count_all(
    snapshot: &Snapshot,
    scope: &Scope,
    dimensions: &[Dimension],
    cache: &CountCache,
    budget: &Budget,
) -> Result<Counted, StoreError> {
    let plan = Plan::new(&scope.query, scope.range)?;
    let names: Vec<u128> = dimensions.iter().map(|dimension| name_of(&scope.query, dimension)).collect();
    let mut all = Counted { counts: vec![Counts::default(); dimensions.len()], complete: true };
    let mut places = Places::new(snapshot, &plan);
    let mut add = |counts: &[Arc<Counts>]| {
        for (n, counts) in counts.iter().enumerate() {
            all.counts[n].add_all(counts);
        }
    };
    while let Some(place) = places.pop() {
        if budget.is_spent() {
            all.complete = false;
            break;
        }
        match place {
            Place::Part(part) => places.open_part(&part, &plan)?,
            Place::Group(part, open, number) => {
                let group = &open.groups()[number];
                let whole = plan.covers(group.min_time, group.max_time);
                let keys: Vec<Key> = names.iter().map(|name| (part.id(), number, *name)).collect();
                let known: Option<Vec<_>> = keys.iter().map(|key| cache.get(key)).collect();
                if let Some(known) = known.filter(|_| whole) {
                    add(&known);
                    continue;
                }
                let mut tallies = tallies(dimensions);
                let done = count_group(&open, number, &plan, whole, &mut tallies, budget);
                let done = places.unless_damaged(done)?;
                let counts: Vec<_> = tallies.into_iter().map(|tally| Arc::new(tally.counts)).collect();
                if matches!(done, Some(true)) && whole {
                    keys.into_iter().zip(&counts).for_each(|(key, counts)| cache.put(key, counts));
                }
                all.complete &= done != Some(false);
                add(&counts);
            }
            Place::Page(_) => {}
            Place::Batch(batch) => {
                let mut tallies = tallies(dimensions);
                count_block(&batch, &plan, false, &mut tallies)?;
                add(&tallies.into_iter().map(|tally| Arc::new(tally.counts)).collect::<Vec<_>>());
            }
        }
    }
    all.complete &= !places.damaged;
    Ok(all)
}

fn name_of(query: &Query, dimension: &Dimension) -> u128 {
    xxh3_128(format!("{query}\0{dimension:?}").as_bytes())
}

fn tallies(dimensions: &[Dimension]) -> Vec<Tally<'_>> {
    dimensions.iter().map(|dimension| Tally { dimension, counts: Counts::default() }).collect()
}

/// Counts a row group page by page; `false` where the time was over before the end.
fn count_group(
    open: &Arc<crate::part::OpenPart>,
    number: usize,
    plan: &Plan,
    whole: bool,
    tallies: &mut [Tally<'_>],
    budget: &Budget,
) -> Result<bool, StoreError> {
    for page in
        if whole { super::scan::pages_untimed(open, number, plan)? } else { super::scan::pages(open, number, plan)? }
    {
        if budget.is_spent() {
            return Ok(false);
        }
        count_block(&page, plan, whole, tallies)?;
    }
    Ok(true)
}

fn count_block<B: Block>(block: &B, plan: &Plan, whole: bool, tallies: &mut [Tally<'_>]) -> Result<(), StoreError> {
    let mut mask = if whole { vec![true; block.rows()] } else { in_range(block, plan)? };
    if !is_empty(&mask) {
        narrow(plan.matcher.root(), block, &mut mask)?;
    }
    if is_empty(&mask) {
        return Ok(());
    }
    if tallies.iter().any(|tally| tally.dimension.width.is_some()) {
        block.read_times()?;
    }
    tallies.iter_mut().try_for_each(|tally| tally.add(block, &mask))
}

/// Counts in one dimension.
struct Tally<'a> {
    dimension: &'a Dimension,
    counts: Counts,
}

impl Tally<'_> {
    fn add<B: Block>(&mut self, block: &B, mask: &[bool]) -> Result<(), StoreError> {
        let Some(by) = &self.dimension.by else {
            match self.dimension.width {
                None => {
                    self.counts.add(Some(""), 0, count(mask) as u64);
                }
                Some(width) => self.add_runs(block, width, rows(mask).map(|row| (row, 0)), &|_| Some("".into())),
            }
            return Ok(());
        };
        let width = self.dimension.width.unwrap_or(i64::MAX);
        match block.labels(by)? {
            Labels::Coded(codes, labels) if self.dimension.width.is_none() => {
                let mut counts = vec![0u64; labels.len()];
                rows(mask).for_each(|row| counts[codes[row] as usize] += 1);
                for (label, count) in labels.iter().zip(counts).filter(|(_, count)| *count > 0) {
                    self.counts.add(label.as_deref(), 0, count);
                }
            }
            Labels::Coded(codes, labels) => {
                let rows = rows(mask).map(|row| (row, codes[row]));
                self.add_runs(block, width, rows, &|code| labels[code as usize].clone());
            }
            Labels::PerRow => {
                for row in rows(mask) {
                    let value = block.label(row, by)?;
                    let label = value.as_deref().map(String::from_utf8_lossy);
                    self.counts.add(label.as_deref(), bucket(block.time(row), self.dimension.width), 1);
                }
            }
        }
        Ok(())
    }

    /// Counts rows by code and bucket. Rows follow each other in time, so buckets change seldom.
    fn add_runs<B: Block>(
        &mut self,
        block: &B,
        width: i64,
        rows: impl Iterator<Item = (usize, u32)>,
        label: &dyn Fn(u32) -> Option<Rc<str>>,
    ) {
        let mut cells: HashMap<(u32, i64), u64> = HashMap::new();
        let mut codes: Vec<u64> = Vec::new();
        let mut current = None;
        let mut flush = |codes: &mut Vec<u64>, bucket: i64| {
            for (code, count) in codes.iter_mut().enumerate().filter(|(_, count)| **count > 0) {
                *cells.entry((code as u32, bucket)).or_default() += std::mem::take(count);
            }
        };
        for (row, code) in rows {
            let time = block.time(row).as_micros();
            let number = match current {
                Some((from, to, number)) if (from..to).contains(&time) => number,
                _ => {
                    if let Some((_, _, number)) = current {
                        flush(&mut codes, number);
                    }
                    let number = time.div_euclid(width);
                    let from = number.saturating_mul(width);
                    current = Some((from, from.saturating_add(width), number));
                    number
                }
            };
            debug_assert_eq!(number, time.div_euclid(width));
            let code = code as usize;
            if codes.len() <= code {
                codes.resize(code + 1, 0);
            }
            codes[code] += 1;
        }
        if let Some((_, _, number)) = current {
            flush(&mut codes, number);
        }
        for ((code, bucket), count) in cells {
            self.counts.add(label(code).as_deref(), bucket, count);
        }
    }
}

fn bucket(time: Timestamp, width: Option<i64>) -> i64 {
    width.map_or(0, |width| time.as_micros().div_euclid(width))
}

/// See [`store::Reader::histogram`].
pub(crate) fn histogram(
    snapshot: &Snapshot,
    request: &HistogramRequest,
    cache: &CountCache,
    budget: &Budget,
) -> Result<Histogram, StoreError> {
    let Some(buckets) = request.buckets(held(snapshot))? else {
        return Ok(Histogram { complete: true, ..Histogram::default() });
    };
    let dimension = Dimension { by: request.by.clone(), width: Some(buckets.width) };
    let counted = count_all(snapshot, &request.scope, &[dimension], cache, budget)?;
    let (series, total) = series(&counted.counts[0], &buckets, request.series_max);
    Ok(Histogram { start: buckets.start, bucket_micros: buckets.width, series, total, complete: counted.complete })
}

/// The earliest and latest time held.
fn held(snapshot: &Snapshot) -> Option<(Timestamp, Timestamp)> {
    let parts = snapshot.parts.iter().map(|part| (part.min_time(), part.max_time()));
    let head = snapshot.head.iter().filter_map(|batch| super::scan::times(batch));
    parts.chain(head).reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))
}

/// The counts as series: those of the largest labels and one for the rest, so that many labels cost little.
fn series(counts: &Counts, buckets: &Buckets, max: usize) -> (Vec<(String, Vec<u64>)>, u64) {
    let first = buckets.start.as_micros().div_euclid(buckets.width);
    let inside = |cells: &Cells| {
        let index = |(bucket, count): (i64, u64)| Some((usize::try_from(bucket - first).ok()?, count));
        cells.0.clone().into_iter().filter_map(index).filter(|(index, _)| *index < buckets.count)
    };
    let sums = counts.each().map(|(label, cells)| (label, cells, inside(cells).map(|(_, count)| count).sum::<u64>()));
    let mut all: Vec<(&str, &Cells, u64)> = sums.filter(|(_, _, sum)| *sum > 0).collect();
    all.sort_unstable_by(|a, b| b.2.cmp(&a.2).then_with(|| a.0.cmp(b.0)));
    let mut series: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let (mut named, mut total) = (0, 0);
    for (label, cells, sum) in all {
        total += sum;
        let is_named = !label.is_empty() && label != OTHER && label != ABSENT;
        named += usize::from(is_named);
        let name = if is_named && named > max { OTHER } else { label };
        let counts = series.entry(name.to_owned()).or_insert_with(|| vec![0; buckets.count]);
        inside(cells).for_each(|(index, count)| counts[index] += count);
    }
    (naive::largest(series, max), total)
}

/// See [`store::Reader::facets`].
pub(crate) fn facets(
    snapshot: &Snapshot,
    request: &FacetsRequest,
    cache: &CountCache,
    budget: &Budget,
) -> Result<Facets, StoreError> {
    request.scope.check()?;
    let by = request.fields.iter().map(|field| Dimension { by: Some(field.clone()), width: None });
    let dimensions: Vec<Dimension> = std::iter::once(Dimension { by: None, width: None }).chain(by).collect();
    let counted = count_all(snapshot, &request.scope, &dimensions, cache, budget)?;
    let sum = |counts: &Counts| counts.each().map(|(_, cells)| cells.sum()).sum::<u64>();
    let facet = |(n, field): (usize, &String)| {
        let counts = &counted.counts[n + 1];
        let values: Vec<(String, u64)> =
            counts.named.iter().map(|(label, cells)| (label.to_string(), cells.sum())).collect();
        Facet {
            field: field.clone(),
            present: values.iter().map(|(_, count)| count).sum::<u64>() + counts.other.sum(),
            distinct: values.len() as u64,
            values: request.pick(values),
            exact: counted.complete && counts.other.0.is_empty(),
        }
    };
    let facets = request.fields.iter().enumerate().map(facet).collect();
    Ok(Facets { facets, total: sum(&counted.counts[0]), complete: counted.complete })
}
