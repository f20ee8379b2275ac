//! Counting: one hit after the other into a tree of buckets.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use store::Hit;
use store::query::{Matcher, compile};

use super::BUCKETS_MAX;
use super::metric::{Distinct, Numbers};
use super::plan::{Agg, DateHistogram, Histogram, Kind, Plan, Step, Terms};
use crate::query::Clause;
use crate::{EsError, names};

/// Bytes of values, and hashes of values, that are kept at most.
const KEPT_MAX: usize = 64 << 20;

/// What was counted of aggregations side by side, in their order.
pub type Counted = Vec<State>;

/// What was counted of one aggregation.
#[derive(Clone, Debug)]
pub enum State {
    /// By the beginning of a span of time, in microseconds.
    Times(BTreeMap<i64, Bucket>),
    /// By the number of a bucket.
    Numbers(BTreeMap<i64, Bucket>),
    /// By value; and how many records have values beyond these, where a store counted only the commonest.
    Terms(HashMap<Box<[u8]>, Bucket>, u64),
    /// One for each query, and perhaps one for the rest.
    Filters(Vec<Bucket>),
    /// Different values.
    Distinct(Distinct),
    /// Numbers.
    Metric(Numbers),
}

/// The records of one kind.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    /// How many.
    pub count: u64,
    /// What was counted among them.
    pub sub: Counted,
}

/// Counts hits.
pub struct Counter<'a> {
    plan: &'a Plan,
    tests: Vec<Tests>,
    counted: Counted,
    room: Room,
}

/// What is left of the bounds.
struct Room {
    buckets: usize,
    kept: usize,
}

/// The compiled queries of an aggregation, and of those within it.
struct Tests {
    filters: Vec<(Matcher, store::TimeRange)>,
    sub: Vec<Tests>,
}

impl Tests {
    fn of(agg: &Agg) -> Result<Self, EsError> {
        let one = |clause: &Clause| Ok::<_, EsError>((compile(&clause.query)?, clause.range));
        let filters = match &agg.kind {
            Kind::Filters(filters) => filters.list.iter().map(|(_, clause)| one(clause)).collect::<Result<_, _>>()?,
            Kind::Filter(clause) => vec![one(clause)?],
            _ => Vec::new(),
        };
        Ok(Self { filters, sub: agg.sub.iter().map(|(_, agg)| Self::of(agg)).collect::<Result<_, _>>()? })
    }
}

impl<'a> Counter<'a> {
    /// Of what a plan asks.
    ///
    /// # Errors
    /// Where a query within it cannot be right.
    pub fn new(plan: &'a Plan) -> Result<Self, EsError> {
        let mut room = Room { buckets: BUCKETS_MAX, kept: KEPT_MAX };
        let tests = plan.iter().map(|(_, agg)| Tests::of(agg)).collect::<Result<_, _>>()?;
        let counted = fresh(plan, &mut room)?;
        Ok(Self { plan, tests, counted, room })
    }

    /// One more hit.
    ///
    /// # Errors
    /// `too_many_buckets_exception`.
    pub fn add(&mut self, hit: &Hit) -> Result<(), EsError> {
        add(self.plan, &self.tests, &mut self.counted, hit, &mut self.room)
    }

    /// What was counted.
    pub fn finish(self) -> Counted {
        self.counted
    }
}

impl Room {
    fn bucket(&mut self) -> Result<(), EsError> {
        self.buckets = self.buckets.checked_sub(1).ok_or_else(|| EsError::too_many_buckets(BUCKETS_MAX))?;
        Ok(())
    }

    fn keep(&mut self, bytes: usize) -> Result<(), EsError> {
        self.kept = self.kept.checked_sub(bytes).ok_or_else(|| {
            EsError::illegal("the aggregations would take too much memory; ask for a shorter range or fewer of them")
        })?;
        Ok(())
    }
}

/// Nothing counted yet.
fn fresh(plan: &Plan, room: &mut Room) -> Result<Counted, EsError> {
    plan.iter()
        .map(|(_, agg)| {
            Ok(match &agg.kind {
                Kind::DateHistogram(_) => State::Times(BTreeMap::new()),
                Kind::Histogram(_) => State::Numbers(BTreeMap::new()),
                Kind::Terms(_) => State::Terms(HashMap::new(), 0),
                Kind::Filters(filters) => {
                    let count = filters.list.len() + usize::from(filters.other.is_some());
                    State::Filters((0..count).map(|_| bucket(&agg.sub, room)).collect::<Result<_, _>>()?)
                }
                Kind::Filter(_) => State::Filters(vec![bucket(&agg.sub, room)?]),
                Kind::Cardinality(_) => State::Distinct(Distinct::default()),
                Kind::Metric(_) => State::Metric(Numbers::default()),
            })
        })
        .collect()
}

/// An empty bucket.
fn bucket(sub: &Plan, room: &mut Room) -> Result<Bucket, EsError> {
    room.bucket()?;
    Ok(Bucket { count: 0, sub: fresh(sub, room)? })
}

/// An empty bucket of an answer, which was made room for elsewhere.
pub fn empty(sub: &Plan) -> Bucket {
    let mut room = Room { buckets: usize::MAX, kept: usize::MAX };
    // There is always room.
    Bucket { count: 0, sub: fresh(sub, &mut room).unwrap_or_default() }
}

fn add(plan: &Plan, tests: &[Tests], counted: &mut Counted, hit: &Hit, room: &mut Room) -> Result<(), EsError> {
    for (((_, agg), tests), state) in plan.iter().zip(tests).zip(counted) {
        match (&agg.kind, state) {
            (Kind::DateHistogram(histogram), State::Times(buckets)) => {
                let Some(start) = histogram.start(hit.time.as_micros()) else { continue };
                if histogram
                    .hard
                    .is_none_or(|(min, max)| histogram.start(min).unwrap_or(i64::MIN) <= start && start <= max)
                {
                    enter(buckets, start, agg, tests, hit, room)?;
                }
            }
            (Kind::Histogram(histogram), State::Numbers(buckets)) => {
                if let Some(number) = names::number(hit, &histogram.field).or(histogram.missing) {
                    enter(buckets, histogram.index(number), agg, tests, hit, room)?;
                }
            }
            (Kind::Terms(terms), State::Terms(buckets, _)) => add_term(terms, buckets, agg, tests, hit, room)?,
            (_, State::Filters(buckets)) => add_filters(buckets, agg, tests, hit, room)?,
            (Kind::Cardinality(field), State::Distinct(distinct)) => {
                let time = names::is_time(field).then(|| hit.time.as_micros().to_string().into_bytes().into());
                if let Some(value) = time.or_else(|| names::value(hit, field))
                    && distinct.add(&value)
                {
                    room.keep(24)?;
                }
            }
            (Kind::Metric(metric), State::Metric(numbers)) => {
                if metric.what == super::plan::What::Count {
                    if names::is_time(&metric.field)
                        || metric.missing.is_some()
                        || names::value(hit, &metric.field).is_some()
                    {
                        numbers.add_present();
                    }
                } else if let Some(number) = names::number(hit, &metric.field).or(metric.missing) {
                    numbers.add(number);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn enter(
    buckets: &mut BTreeMap<i64, Bucket>,
    key: i64,
    agg: &Agg,
    tests: &Tests,
    hit: &Hit,
    room: &mut Room,
) -> Result<(), EsError> {
    let bucket = match buckets.entry(key) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => entry.insert(bucket(&agg.sub, room)?),
    };
    count(bucket, agg, tests, hit, room)
}

fn count(bucket: &mut Bucket, agg: &Agg, tests: &Tests, hit: &Hit, room: &mut Room) -> Result<(), EsError> {
    bucket.count += 1;
    if agg.sub.is_empty() { Ok(()) } else { add(&agg.sub, &tests.sub, &mut bucket.sub, hit, room) }
}

fn add_term(
    terms: &Terms,
    buckets: &mut HashMap<Box<[u8]>, Bucket>,
    agg: &Agg,
    tests: &Tests,
    hit: &Hit,
    room: &mut Room,
) -> Result<(), EsError> {
    let value = names::value(hit, &terms.field);
    let Some(value) = value.as_deref().or(terms.missing.as_deref().map(str::as_bytes)) else { return Ok(()) };
    if !buckets.contains_key(value) {
        room.keep(value.len() + 64)?;
        buckets.insert(value.into(), bucket(&agg.sub, room)?);
    }
    match buckets.get_mut(value) {
        Some(bucket) => count(bucket, agg, tests, hit, room),
        None => Ok(()),
    }
}

fn add_filters(buckets: &mut [Bucket], agg: &Agg, tests: &Tests, hit: &Hit, room: &mut Room) -> Result<(), EsError> {
    let mut any = false;
    for ((matcher, range), bucket) in tests.filters.iter().zip(&mut *buckets) {
        if range.contains(hit.time) && matcher.matches(hit) {
            any = true;
            count(bucket, agg, tests, hit, room)?;
        }
    }
    match buckets.get_mut(tests.filters.len()).filter(|_| !any) {
        Some(rest) => count(rest, agg, tests, hit, room),
        None => Ok(()),
    }
}

impl DateHistogram {
    /// Where the bucket begins that a moment is in.
    pub fn start(&self, micros: i64) -> Option<i64> {
        let moved = micros.checked_sub(self.offset)?;
        let start = match self.step {
            Step::Calendar(unit) => unit.floor(moved, &self.zone)?,
            Step::Fixed(width) => {
                let east = self.east(moved)?;
                (moved + east).div_euclid(width) * width - east
            }
        };
        start.checked_add(self.offset)
    }

    /// Where the next one begins.
    pub fn next(&self, start: i64) -> Option<i64> {
        let from = start.checked_sub(self.offset)?;
        let next = match self.step {
            Step::Calendar(unit) => unit.next(from, &self.zone)?,
            // Where clocks are changed, local time jumps: the bucket of a moment that is surely behind it tells.
            Step::Fixed(width) => {
                let east = self.east(from)?;
                let next = from.checked_add(width)?;
                let later = self.east(next)?;
                if later == east { next } else { (next + later).div_euclid(width) * width - later }
            }
        };
        next.checked_add(self.offset).filter(|next| *next > start)
    }

    /// How far local time is ahead of UTC, in microseconds.
    fn east(&self, micros: i64) -> Option<i64> {
        if self.zone == jiff::tz::TimeZone::UTC {
            return Some(0);
        }
        let at = jiff::Timestamp::from_microsecond(micros).ok()?;
        Some(i64::from(self.zone.to_offset(at).seconds()) * 1_000_000)
    }
}

impl Histogram {
    fn index(&self, number: f64) -> i64 {
        ((number - self.offset) / self.interval).floor() as i64
    }

    /// The key of a bucket.
    pub fn key(&self, index: i64) -> f64 {
        index as f64 * self.interval + self.offset
    }
}
