//! Counts over time.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use store::query::value_of;
use store::{ABSENT, Buckets, Histogram, HistogramRequest, OTHER, StoreError, TimeRange, naive};

use super::count::{Count, buckets, places, without};
use crate::OpenSearchStore;
use crate::query::{self, Clause, TIME};

/// Buckets of one answer, at most: servers give 65,536 unless told otherwise, old ones 10,000.
const ANSWER_BUCKETS_MAX: usize = 9_000;
/// Names that are looked at beyond those that are shown, so that what was counted here can change the order.
const SPARE_NAMES: usize = 100;

/// Counts by name and bucket.
type Series = BTreeMap<String, Vec<u64>>;

impl OpenSearchStore {
    pub(super) async fn histogram_of(&self, request: &HistogramRequest) -> Result<Histogram, StoreError> {
        let mut count = Count::new(self, &request.scope, request.by.as_deref())?;
        let range = request.scope.range;
        // Whether the request can be right does not depend on what is held.
        request.buckets(None)?;
        let mut held = None;
        if range.since == base::Timestamp::MIN || range.until == base::Timestamp::MAX {
            match count.until.within(self.held()).await? {
                Some(found) => held = found,
                None => return Ok(Histogram::default()),
            }
        } else {
            held = held.or(Some((range.since, range.until)));
        }
        let Some(layout) = request.buckets(held)? else {
            return Ok(Histogram { complete: true, ..Histogram::default() });
        };
        let mut series = Series::new();
        match &request.by {
            None => {
                let page = count.ask(within(layout), json!({"over": over(layout)})).await?;
                if let Some(page) = page {
                    add(&mut series, "", &page.aggregations["over"], layout);
                }
            }
            Some(by) => self.series(&mut count, by, request.series_max, layout, &mut series).await?,
        }
        count
            .look(within(layout), |hit| {
                let Some(index) = layout.index(hit.time) else { return };
                let name = match &request.by {
                    None => String::new(),
                    Some(by) => value_of(hit, by)
                        .map_or_else(|| ABSENT.to_owned(), |value| String::from_utf8_lossy(&value).into_owned()),
                };
                series.entry(name).or_insert_with(|| vec![0; layout.count])[index] += 1;
            })
            .await?;
        series.retain(|_, counts| counts.iter().any(|count| *count > 0));
        let total = series.values().flatten().sum();
        Ok(Histogram {
            start: layout.start,
            bucket_micros: layout.width,
            series: naive::largest(series, request.series_max),
            total,
            complete: count.complete,
        })
    }

    /// Counts by the values of a field: first which there are, then each of the commonest over time; what is left of
    /// all is the rest.
    async fn series(
        &self,
        count: &mut Count<'_>,
        by: &str,
        series_max: usize,
        layout: Buckets,
        series: &mut Series,
    ) -> Result<(), StoreError> {
        let names_max = series_max + SPARE_NAMES;
        let mut rest = Series::new();
        let all = count.ask(within(layout), json!({"over": over(layout)})).await?;
        let Some(all) = all else { return Ok(()) };
        add(&mut rest, OTHER, &all.aggregations["over"], layout);
        let mut had = Vec::new();
        for place in places(by).unwrap_or_default() {
            let here = Clause::and([within(layout), place.of.clone()]);
            had.push(place.of);
            let terms = json!({"terms": {"field": place.field, "size": names_max, "shard_size": names_max * 10}});
            let Some(page) = count.ask(here.clone(), json!({"names": terms})).await? else { return Ok(()) };
            let names: Vec<Value> =
                buckets(&page.aggregations["names"]).map(|(_, bucket)| bucket["key"].clone()).collect();
            for names in names.chunks((ANSWER_BUCKETS_MAX / layout.count).max(1)) {
                let aggs = json!({"names": {
                    "terms": {"field": place.field, "size": names.len(), "include": names}, "aggs": {"over": over(layout)},
                }});
                let Some(page) = count.ask(here.clone(), aggs).await? else { return Ok(()) };
                for (name, bucket) in buckets(&page.aggregations["names"]) {
                    add(series, &name, &bucket["over"], layout);
                }
            }
        }
        let absent = Clause::and([within(layout), Clause::or(had).not()]);
        let Some(page) = count.ask(absent, json!({"over": over(layout)})).await? else { return Ok(()) };
        add(series, without(by).unwrap_or(ABSENT), &page.aggregations["over"], layout);
        if let Some(rest) = rest.get_mut(OTHER) {
            for counts in series.values() {
                rest.iter_mut().zip(counts).for_each(|(rest, count)| *rest = rest.saturating_sub(*count));
            }
        }
        for (name, counts) in rest {
            add_counts(series, &name, &counts);
        }
        Ok(())
    }
}

/// The records that fall into the buckets.
fn within(layout: Buckets) -> Clause {
    let width = i128::from(layout.width) * layout.count as i128;
    let until = (i128::from(layout.start.as_micros()) + width).min(i64::MAX.into()) as i64;
    query::range(TimeRange { since: layout.start, until: base::Timestamp::from_micros(until) })
}

fn over(layout: Buckets) -> Value {
    json!({"histogram": {"field": TIME, "interval": layout.width, "min_doc_count": 1}})
}

fn add(series: &mut Series, name: &str, over: &Value, layout: Buckets) {
    let mut counts = vec![0; layout.count];
    for bucket in over["buckets"].as_array().map_or(&[][..], Vec::as_slice) {
        let start = bucket["key"].as_f64().unwrap_or_default() as i64;
        if let Some(index) = layout.index(base::Timestamp::from_micros(start)) {
            counts[index] += bucket["doc_count"].as_u64().unwrap_or(0);
        }
    }
    add_counts(series, name, &counts);
}

fn add_counts(series: &mut Series, name: &str, more: &[u64]) {
    let counts = series.entry(name.to_owned()).or_insert_with(|| vec![0; more.len()]);
    counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
}
