//! What a store counts by itself: it reads columns for it, not records.

use std::collections::{BTreeMap, HashMap};

use store::{ABSENT, FacetsRequest, HistogramRequest, OTHER, Reader, SERIES_MAX, Scope, StoreError};

use super::plan::{Agg, DateHistogram, Kind, Order, Plan, Step, Terms};
use super::state::{Bucket, Counted, State};
use crate::{EsError, names};

/// What a store counted.
pub struct Quick {
    /// Of each aggregation.
    pub counted: Counted,
    /// Whether all of the scope was counted.
    pub complete: bool,
}

/// Asks the store for all of them; `None` where it cannot count one of them exactly as asked.
///
/// # Errors
/// Where the store cannot answer.
pub async fn count(plan: &Plan, scope: &Scope, store: &dyn Reader) -> Result<Option<Quick>, EsError> {
    let shapes: Option<Vec<Shape<'_>>> = plan.iter().map(|(_, agg)| Shape::of(agg)).collect();
    let Some(shapes) = shapes else { return Ok(None) };
    let mut quick = Quick { counted: Vec::new(), complete: true };
    for shape in shapes {
        match shape.count(scope, store).await {
            Ok(Some((state, complete))) => {
                quick.counted.push(state);
                quick.complete &= complete;
            }
            // More buckets than a store gives at once, for instance.
            Ok(None) | Err(StoreError::Invalid { .. } | StoreError::Unsupported(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Some(quick))
}

/// What a store can be asked.
enum Shape<'a> {
    Times(i64),
    Values(&'a Terms),
    TimesOfValues(&'a Terms, i64),
    ValuesOfTimes(i64, &'a Terms),
}

fn width(histogram: &DateHistogram) -> Option<i64> {
    let plain = histogram.zone == jiff::tz::TimeZone::UTC && histogram.offset == 0 && histogram.hard.is_none();
    match histogram.step {
        Step::Fixed(width) if plain => Some(width),
        _ => None,
    }
}

/// Whether the store knows the values of the field as we do.
fn is_known(terms: &Terms) -> bool {
    names::is_native(&terms.field) && terms.missing.is_none()
}

impl<'a> Shape<'a> {
    fn of(agg: &'a Agg) -> Option<Self> {
        let sub: Vec<&Agg> = agg.sub.iter().map(|(_, agg)| agg).collect();
        match (&agg.kind, sub.as_slice()) {
            (Kind::DateHistogram(histogram), []) => Some(Self::Times(width(histogram)?)),
            (Kind::Terms(terms), []) if is_known(terms) => Some(Self::Values(terms)),
            (Kind::Terms(terms), [one]) if is_known(terms) && one.sub.is_empty() => match &one.kind {
                Kind::DateHistogram(histogram) => Some(Self::TimesOfValues(terms, width(histogram)?)),
                _ => None,
            },
            (Kind::DateHistogram(histogram), [one]) if one.sub.is_empty() => match &one.kind {
                Kind::Terms(terms) if is_known(terms) => Some(Self::ValuesOfTimes(width(histogram)?, terms)),
                _ => None,
            },
            _ => None,
        }
    }

    async fn count(&self, scope: &Scope, store: &dyn Reader) -> Result<Option<(State, bool)>, StoreError> {
        match *self {
            Self::Times(width) => {
                let found = store.histogram(&request(scope, width, None, 1)).await?;
                let start = found.start.as_micros();
                let mut buckets = BTreeMap::new();
                for (_, counts) in &found.series {
                    for (at, count) in times(start, found.bucket_micros, counts) {
                        buckets.entry(at).or_insert_with(Bucket::default).count += count;
                    }
                }
                Ok(Some((State::Times(buckets), found.complete)))
            }
            Self::Values(terms) => values(terms, scope, store).await,
            Self::TimesOfValues(terms, width) => {
                let found = store.histogram(&request(scope, width, Some(&terms.field), SERIES_MAX)).await?;
                let start = found.start.as_micros();
                let (mut buckets, mut rest) = (HashMap::new(), 0);
                for (name, counts) in &found.series {
                    let total: u64 = counts.iter().sum();
                    match name.as_str() {
                        ABSENT => {}
                        OTHER if !by_count(terms) || terms.size > SERIES_MAX => return Ok(None),
                        OTHER => rest += total,
                        _ => {
                            let times = times(start, found.bucket_micros, counts);
                            let inner = times.map(|(at, count)| (at, Bucket { count, sub: Vec::new() })).collect();
                            let bucket = Bucket { count: total, sub: vec![State::Times(inner)] };
                            buckets.insert(name.as_bytes().into(), bucket);
                        }
                    }
                }
                Ok(Some((State::Terms(buckets, rest), found.complete)))
            }
            Self::ValuesOfTimes(width, terms) => {
                let found = store.histogram(&request(scope, width, Some(&terms.field), SERIES_MAX)).await?;
                let start = found.start.as_micros();
                let mut buckets: BTreeMap<i64, Bucket> = BTreeMap::new();
                for (name, counts) in &found.series {
                    if name == OTHER {
                        return Ok(None);
                    }
                    for (at, count) in times(start, found.bucket_micros, counts) {
                        let fresh = || Bucket { count: 0, sub: vec![State::Terms(HashMap::new(), 0)] };
                        let bucket = buckets.entry(at).or_insert_with(fresh);
                        bucket.count += count;
                        if let Some(State::Terms(values, _)) = bucket.sub.first_mut().filter(|_| name != ABSENT) {
                            values.insert(name.as_bytes().into(), Bucket { count, sub: Vec::new() });
                        }
                    }
                }
                Ok(Some((State::Times(buckets), found.complete)))
            }
        }
    }
}

fn request(scope: &Scope, width: i64, by: Option<&str>, series_max: usize) -> HistogramRequest {
    let by = by.map(str::to_owned);
    HistogramRequest { scope: scope.clone(), bucket_micros: Some(width), buckets: store::BUCKETS_MAX, by, series_max }
}

/// The buckets that are not empty: where each begins, and its count.
fn times(start: i64, width: i64, counts: &[u64]) -> impl Iterator<Item = (i64, u64)> {
    let at = move |n: usize| start.saturating_add(width.saturating_mul(n as i64));
    counts.iter().enumerate().filter(|(_, count)| **count > 0).map(move |(n, count)| (at(n), *count))
}

/// Whether the commonest come first.
fn by_count(terms: &Terms) -> bool {
    matches!(terms.order.first(), None | Some((Order::Count, true)))
}

async fn values(terms: &Terms, scope: &Scope, store: &dyn Reader) -> Result<Option<(State, bool)>, StoreError> {
    let values_max = terms.size.max(SERIES_MAX);
    let request = FacetsRequest::new(scope.clone(), vec![terms.field.clone()], values_max);
    let mut found = store.facets(&request).await?;
    let Some(facet) = found.facets.pop() else { return Ok(None) };
    let whole = facet.distinct <= facet.values.len() as u64;
    if !whole && !by_count(terms) {
        return Ok(None);
    }
    let listed: u64 = facet.values.iter().map(|(_, count)| count).sum();
    let rest = facet.present.saturating_sub(listed);
    let bucket = |(value, count): (String, u64)| (value.into_bytes().into(), Bucket { count, sub: Vec::new() });
    Ok(Some((State::Terms(facet.values.into_iter().map(bucket).collect(), rest), found.complete)))
}
