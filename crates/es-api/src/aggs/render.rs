//! What was counted, as an answer says it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::BUCKETS_MAX;
use super::plan::{DateHistogram, Filters, Histogram, Kind, Order, Plan, Terms};
use super::state::{Bucket, Counted, State, empty};
use crate::{EsError, date, names};

/// All aggregations side by side.
///
/// # Errors
/// `too_many_buckets_exception`, where empty buckets come on top.
pub fn all(plan: &Plan, counted: Counted) -> Result<Map<String, Value>, EsError> {
    let mut left = BUCKETS_MAX;
    side_by_side(plan, counted, &mut left)
}

fn side_by_side(plan: &Plan, counted: Counted, left: &mut usize) -> Result<Map<String, Value>, EsError> {
    let mut map = Map::new();
    for ((name, agg), state) in plan.iter().zip(counted) {
        let value = match (&agg.kind, state) {
            (Kind::DateHistogram(histogram), State::Times(buckets)) => times(histogram, &agg.sub, buckets, left)?,
            (Kind::Histogram(histogram), State::Numbers(buckets)) => numbers(histogram, &agg.sub, buckets, left)?,
            (Kind::Terms(terms), State::Terms(buckets, rest)) => by_value(terms, &agg.sub, (buckets, rest), left)?,
            (Kind::Filters(filters), State::Filters(buckets)) => by_query(filters, &agg.sub, buckets, left)?,
            (Kind::Filter(_), State::Filters(mut buckets)) => {
                let bucket = buckets.pop().unwrap_or_default();
                Value::Object(one(Map::new(), &agg.sub, bucket, left)?)
            }
            (_, State::Distinct(distinct)) => json!({ "value": distinct.count() }),
            (Kind::Metric(metric), State::Metric(found)) => {
                let mut map = found.show(metric.what);
                if names::is_time(&metric.field)
                    && let Some(millis) = map.get("value").and_then(Value::as_f64)
                    && metric.what != super::plan::What::Count
                {
                    map.insert("value_as_string".to_owned(), date::show(millis as i64 * 1000).into());
                }
                Value::Object(map)
            }
            _ => Value::Null,
        };
        map.insert(name.clone(), value);
    }
    Ok(map)
}

/// A bucket behind its key.
fn one(
    mut map: Map<String, Value>,
    sub: &Plan,
    bucket: Bucket,
    left: &mut usize,
) -> Result<Map<String, Value>, EsError> {
    *left = left.checked_sub(1).ok_or_else(|| EsError::too_many_buckets(BUCKETS_MAX))?;
    map.insert("doc_count".to_owned(), bucket.count.into());
    map.extend(side_by_side(sub, bucket.sub, left)?);
    Ok(map)
}

fn times(
    histogram: &DateHistogram,
    sub: &Plan,
    mut buckets: BTreeMap<i64, Bucket>,
    left: &mut usize,
) -> Result<Value, EsError> {
    if histogram.min_count == 0 {
        let (mut first, mut last) = (buckets.keys().next().copied(), buckets.keys().next_back().copied());
        if let Some((min, max)) = histogram.extended {
            let start = |micros: i64| histogram.start(micros);
            first = [first, (min != i64::MAX).then(|| start(min)).flatten()].into_iter().flatten().min();
            last = [last, (max != i64::MIN).then(|| start(max)).flatten()].into_iter().flatten().max();
            // One end alone widens what is there.
            (first, last) = if first > last { (first.min(last), first.max(last)) } else { (first, last) };
        }
        let (mut at, last) = (first, last.unwrap_or(i64::MIN));
        while let Some(start) = at.filter(|start| *start <= last) {
            if !buckets.contains_key(&start) {
                if buckets.len() >= *left {
                    return Err(EsError::too_many_buckets(BUCKETS_MAX));
                }
                buckets.insert(start, empty(sub));
            }
            at = histogram.next(start);
        }
    }
    let mut list = Vec::with_capacity(buckets.len());
    for (start, bucket) in buckets.into_iter().filter(|(_, bucket)| bucket.count >= histogram.min_count) {
        let mut map = Map::new();
        map.insert("key_as_string".to_owned(), histogram.format.show(start).into());
        map.insert("key".to_owned(), start.div_euclid(1000).into());
        list.push(Value::Object(one(map, sub, bucket, left)?));
    }
    if histogram.descending {
        list.reverse();
    }
    Ok(json!({ "buckets": list }))
}

fn numbers(
    histogram: &Histogram,
    sub: &Plan,
    mut buckets: BTreeMap<i64, Bucket>,
    left: &mut usize,
) -> Result<Value, EsError> {
    if let (0, Some(first), Some(last)) =
        (histogram.min_count, buckets.keys().next().copied(), buckets.keys().next_back().copied())
    {
        let count = usize::try_from(i128::from(last) - i128::from(first)).unwrap_or(usize::MAX);
        if count >= *left {
            return Err(EsError::too_many_buckets(BUCKETS_MAX));
        }
        for index in first..=last {
            buckets.entry(index).or_insert_with(|| empty(sub));
        }
    }
    let mut list = Vec::with_capacity(buckets.len());
    for (index, bucket) in buckets.into_iter().filter(|(_, bucket)| bucket.count >= histogram.min_count) {
        let mut map = Map::new();
        map.insert("key".to_owned(), json!(histogram.key(index)));
        list.push(Value::Object(one(map, sub, bucket, left)?));
    }
    Ok(json!({ "buckets": list }))
}

fn by_value(
    terms: &Terms,
    sub: &Plan,
    (buckets, more): (HashMap<Box<[u8]>, Bucket>, u64),
    left: &mut usize,
) -> Result<Value, EsError> {
    let mut list: Vec<_> = buckets.into_iter().filter(|(_, bucket)| bucket.count >= terms.min_count).collect();
    list.sort_by(|a, b| compare(terms, sub, a, b));
    let rest: u64 = list.iter().skip(terms.size).map(|(_, bucket)| bucket.count).sum::<u64>() + more;
    list.truncate(terms.size);
    let mut shown = Vec::with_capacity(list.len());
    for (key, bucket) in list {
        let mut map = Map::new();
        map.insert("key".to_owned(), String::from_utf8_lossy(&key).into_owned().into());
        shown.push(Value::Object(one(map, sub, bucket, left)?));
    }
    Ok(json!({ "doc_count_error_upper_bound": 0, "sum_other_doc_count": rest, "buckets": shown }))
}

type Term = (Box<[u8]>, Bucket);

fn compare(terms: &Terms, sub: &Plan, a: &Term, b: &Term) -> Ordering {
    let by_count = [(Order::Count, true)];
    let orders = if terms.order.is_empty() { &by_count[..] } else { &terms.order };
    for (by, descending) in orders {
        let order = match by {
            Order::Count => a.1.count.cmp(&b.1.count),
            Order::Key => keys(&a.0, &b.0),
            Order::Metric(name, number) => {
                // What has no number comes last either way.
                let (x, y) = (number_of(sub, &a.1, name, number), number_of(sub, &b.1, name, number));
                match (x, y) {
                    (Some(x), Some(y)) => x.total_cmp(&y),
                    (None, None) => Ordering::Equal,
                    (None, Some(_)) => return Ordering::Greater,
                    (Some(_), None) => return Ordering::Less,
                }
            }
        };
        let order = if *descending { order.reverse() } else { order };
        if order != Ordering::Equal {
            return order;
        }
    }
    keys(&a.0, &b.0)
}

/// Numbers as numbers, everything else as text behind them.
pub fn keys(a: &[u8], b: &[u8]) -> Ordering {
    match (names::parse_number(a), names::parse_number(b)) {
        (Some(x), Some(y)) => x.total_cmp(&y).then_with(|| a.cmp(b)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

fn number_of(sub: &Plan, bucket: &Bucket, name: &str, number: &str) -> Option<f64> {
    let (at, agg) = sub.iter().enumerate().find(|(_, (known, _))| known == name).map(|(at, (_, agg))| (at, agg))?;
    match (&agg.kind, bucket.sub.get(at)?) {
        (Kind::Metric(metric), State::Metric(numbers)) => numbers.get(metric.what, number),
        (_, State::Distinct(distinct)) => Some(distinct.count() as f64),
        _ => None,
    }
}

fn by_query(filters: &Filters, sub: &Plan, buckets: Vec<Bucket>, left: &mut usize) -> Result<Value, EsError> {
    let names = filters.list.iter().map(|(name, _)| name.clone()).chain([filters.other.clone()]);
    let is_list = filters.list.first().is_none_or(|(name, _)| name.is_none());
    let (mut named, mut list) = (Map::new(), Vec::new());
    for (name, bucket) in names.zip(buckets) {
        let value = Value::Object(one(Map::new(), sub, bucket, left)?);
        match name {
            Some(name) if !is_list => drop(named.insert(name, value)),
            _ => list.push(value),
        }
    }
    Ok(json!({ "buckets": if is_list { Value::Array(list) } else { Value::Object(named) } }))
}
