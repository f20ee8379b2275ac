//! Answers by looking at every record: slow, short, and right. The memory store answers in this way, and every other
//! store is tested against it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Instant;

use base::Timestamp;

use crate::query::{Matcher, RecordView, compile, value_of};
use crate::{
    ABSENT, BatchRow, Context, ContextRequest, Facet, Facets, FacetsRequest, FieldInfo, Histogram, HistogramRequest,
    Hit, HitCursor, OTHER, PAGE_BYTES_MAX, Scope, SearchPage, SearchRequest, StoreError,
};

/// A record that can be given as an answer.
pub trait Answer: RecordView {
    /// As an answer holds it.
    fn to_hit(&self) -> Hit;

    /// The names of its parsed fields, in order.
    fn field_names(&self) -> Vec<String> {
        self.to_hit().fields.into_iter().map(|(name, _)| name).collect()
    }
}

impl Answer for Hit {
    fn to_hit(&self) -> Hit {
        self.clone()
    }
}

impl Answer for BatchRow<'_> {
    fn to_hit(&self) -> Hit {
        self.hit()
    }
}

/// Which records of a scope match, newest first, until the deadline.
struct Scan<'a, R> {
    records: Vec<&'a R>,
    matcher: Matcher,
    until: Option<Instant>,
    in_time: bool,
}

impl<'a, R: Answer> Scan<'a, R> {
    fn new(records: &'a [R], scope: &Scope) -> Result<Self, StoreError> {
        scope.check()?;
        let until = scope.deadline.and_then(|deadline| Instant::now().checked_add(deadline));
        let mut records: Vec<&R> = records.iter().filter(|record| scope.range.contains(record.time())).collect();
        records.sort_by_key(|record| Reverse(cursor(*record)));
        Ok(Self { records, matcher: compile(&scope.query)?, until, in_time: true })
    }

    /// Visits what matches until `visit` says stop or the deadline is over; then says the last record looked at.
    fn each(&mut self, mut visit: impl FnMut(&'a R) -> bool) -> Option<HitCursor> {
        for (n, record) in self.records.iter().enumerate() {
            if n % 64 == 0 && self.until.is_some_and(|until| Instant::now() >= until) {
                self.in_time = false;
                return n.checked_sub(1).map(|last| cursor(self.records[last]));
            }
            if self.matcher.matches(*record) && !visit(record) {
                return Some(cursor(*record));
            }
        }
        None
    }
}

fn cursor(record: &impl RecordView) -> HitCursor {
    HitCursor { time: record.time(), id: record.id() }
}

/// See [`crate::Reader::search`].
///
/// # Errors
/// As there.
pub fn search<R: Answer>(records: &[R], request: &SearchRequest) -> Result<SearchPage, StoreError> {
    request.check()?;
    let mut scan = Scan::new(records, &request.scope)?;
    if let Some(after) = request.after {
        scan.records.retain(|record| cursor(*record) < after);
    }
    let (mut hits, mut bytes, mut more) = (Vec::<Hit>::new(), 0, false);
    let reached = scan.each(|record| {
        more = hits.len() >= request.limit || bytes > PAGE_BYTES_MAX;
        if !more {
            bytes += record.line().len();
            hits.push(record.to_hit());
        }
        !more
    });
    let next = match (more, scan.in_time) {
        (true, _) => hits.last().map(cursor).or(request.after),
        (false, true) => None,
        (false, false) => reached.or(request.after),
    };
    Ok(SearchPage { hits, next, complete: scan.in_time })
}

/// See [`crate::Reader::histogram`].
///
/// # Errors
/// As there.
pub fn histogram<R: Answer>(records: &[R], request: &HistogramRequest) -> Result<Histogram, StoreError> {
    let times = || records.iter().map(RecordView::time);
    let held: Option<(Timestamp, Timestamp)> = times().min().zip(times().max());
    let mut scan = Scan::new(records, &request.scope)?;
    let Some(buckets) = request.buckets(held)? else {
        return Ok(Histogram { complete: true, ..Histogram::default() });
    };
    let mut series: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut total = 0;
    scan.each(|record| {
        if let Some(index) = buckets.index(record.time()) {
            let name = match &request.by {
                None => String::new(),
                Some(by) => value_of(record, by)
                    .map_or_else(|| ABSENT.to_owned(), |value| String::from_utf8_lossy(&value).into_owned()),
            };
            series.entry(name).or_insert_with(|| vec![0; buckets.count])[index] += 1;
            total += 1;
        }
        true
    });
    Ok(Histogram {
        start: buckets.start,
        bucket_micros: buckets.width,
        series: largest(series, request.series_max),
        total,
        complete: scan.in_time,
    })
}

/// The largest series, at most so many; the rest added up under [`OTHER`]. [`ABSENT`] and [`OTHER`] come on top.
pub fn largest(series: BTreeMap<String, Vec<u64>>, max: usize) -> Vec<(String, Vec<u64>)> {
    let by_size = |(name, counts): &(String, Vec<u64>)| (Reverse(counts.iter().sum::<u64>()), name.clone());
    let (mut kept, mut rest) = (Vec::new(), Vec::new());
    let mut all: Vec<_> = series.into_iter().collect();
    all.sort_by_cached_key(by_size);
    let mut named = 0;
    for (name, counts) in all {
        if name == ABSENT || name == OTHER || name.is_empty() {
            kept.push((name, counts));
        } else if named < max {
            named += 1;
            kept.push((name, counts));
        } else {
            rest.push(counts);
        }
    }
    if let Some(first) = rest.pop() {
        let sum = rest.iter().fold(first, |mut sum, counts| {
            sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            sum
        });
        match kept.iter_mut().find(|(name, _)| name == OTHER) {
            Some((_, counts)) => counts.iter_mut().zip(sum).for_each(|(count, more)| *count += more),
            None => kept.push((OTHER.to_owned(), sum)),
        }
    }
    kept.sort_by_cached_key(by_size);
    kept
}

/// See [`crate::Reader::facets`].
///
/// # Errors
/// As there.
pub fn facets<R: Answer>(records: &[R], request: &FacetsRequest) -> Result<Facets, StoreError> {
    let mut scan = Scan::new(records, &request.scope)?;
    let mut counts: Vec<BTreeMap<String, u64>> = vec![BTreeMap::new(); request.fields.len()];
    let mut total = 0;
    scan.each(|record| {
        total += 1;
        for (field, counts) in request.fields.iter().zip(&mut counts) {
            if let Some(value) = value_of(record, field) {
                *counts.entry(String::from_utf8_lossy(&value).into_owned()).or_default() += 1;
            }
        }
        true
    });
    let facet = |(field, counts): (&String, BTreeMap<String, u64>)| {
        let (present, distinct) = (counts.values().sum(), counts.len() as u64);
        Facet { field: field.clone(), values: request.pick(counts), present, distinct, exact: scan.in_time }
    };
    let facets = request.fields.iter().zip(counts).map(facet).collect();
    Ok(Facets { facets, total, complete: scan.in_time })
}

/// The values with most records, at most so many: by count descending, then value.
pub fn most(counts: impl IntoIterator<Item = (String, u64)>, max: usize) -> Vec<(String, u64)> {
    let mut values: Vec<_> = counts.into_iter().collect();
    values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    values.truncate(max);
    values
}

/// See [`crate::Reader::fields`].
///
/// # Errors
/// As there.
pub fn fields<R: Answer>(records: &[R], scope: &Scope) -> Result<Vec<FieldInfo>, StoreError> {
    let mut scan = Scan::new(records, scope)?;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    scan.each(|record| {
        for name in record.field_names() {
            *counts.entry(name).or_default() += 1;
        }
        true
    });
    let info = |(name, records)| FieldInfo { name, records, column: true };
    Ok(most(counts, usize::MAX).into_iter().map(info).collect())
}

/// See [`crate::Reader::context`].
pub fn context<R: Answer>(records: &[R], request: &ContextRequest) -> Context {
    let mut file: Vec<&R> = records.iter().filter(|record| record.id().key == request.id.key).collect();
    file.sort_by_key(|record| record.id().offset);
    let behind = file.partition_point(|record| record.id().offset < request.id.offset);
    let found = file.get(behind).is_some_and(|record| record.id() == request.id);
    let first = behind.saturating_sub(request.before);
    let end = (behind + usize::from(found)).saturating_add(request.after).min(file.len());
    Context {
        hits: file[first..end].iter().map(|record| record.to_hit()).collect(),
        anchor: found.then_some(behind - first),
    }
}
