//! Values of fields, and which fields there are.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use store::query::{Fixed, compile, value_of};
use store::{Facet, FacetOrder, Facets, FacetsRequest, FieldInfo, Scope, StoreError, naive};

use super::count::{Count, buckets, places, without};
use super::walk::Until;
use crate::OpenSearchStore;
use crate::document::original_name;
use crate::query::{self, Clause, RAW_NAMES};

/// Values that are asked for even where fewer are shown: if these are all, what is said of them is exact.
const VALUES_MIN: usize = 1000;
/// Values that a server gives at once.
const VALUES_MAX: usize = 9_000;
/// Fields that are counted in one request.
const FIELDS_AT_ONCE: usize = 200;

/// What is known of one field.
#[derive(Default)]
struct Known {
    counts: BTreeMap<String, u64>,
    /// Records and values that are not among them.
    beyond: (u64, u64),
}

impl OpenSearchStore {
    pub(super) async fn facets_of(&self, request: &FacetsRequest) -> Result<Facets, StoreError> {
        let names = || request.fields.iter().map(String::as_str);
        let mut count = Count::new(self, &request.scope, names())?;
        let size = match request.order {
            FacetOrder::Count => request.values_max.clamp(VALUES_MIN, VALUES_MAX),
            // A server knows the first in another order only where it gives all.
            FacetOrder::Rare | FacetOrder::Name => VALUES_MAX,
        };
        let mut aggs = json!({});
        for (n, name) in names().enumerate() {
            for (m, place) in places(name).unwrap_or_default().into_iter().enumerate() {
                let terms = json!({"terms": {"field": place.field, "size": size, "shard_size": size * 2}});
                let distinct = json!({"cardinality": {"field": place.field, "precision_threshold": 4000}});
                let mut inner = json!({"values": terms, "distinct": distinct});
                if let Some(text) = request.matching.as_deref().filter(|_| is_text(name)) {
                    inner["matching"] = inner["values"].clone();
                    inner["matching"]["terms"]["include"] = containing(text).into();
                }
                aggs[format!("{n}.{m}")] = json!({"filter": place.of.to_json(), "aggs": inner});
            }
        }
        let mut total = 0;
        let mut known: Vec<Known> = names().map(|_| Known::default()).collect();
        if let Some(page) = count.ask(Clause::All, aggs).await? {
            total = page.hits.total["value"].as_u64().unwrap_or(0);
            for (n, name) in names().enumerate() {
                (0..2).for_each(|m| known[n].add(&page.aggregations[format!("{n}.{m}")]));
                if let Some(value) = without(name) {
                    let absent = total - known[n].counts.values().sum::<u64>().min(total);
                    if absent > 0 {
                        known[n].counts.insert(value.to_owned(), absent);
                    }
                }
            }
        }
        count
            .look(Clause::All, |hit| {
                total += 1;
                for (name, known) in names().zip(&mut known) {
                    if let Some(value) = value_of(hit, name) {
                        *known.counts.entry(String::from_utf8_lossy(&value).into_owned()).or_default() += 1;
                    }
                }
            })
            .await?;
        let facet = |(name, known): (&str, Known)| Facet {
            field: name.to_owned(),
            present: known.counts.values().sum::<u64>() + known.beyond.0,
            distinct: known.counts.len() as u64 + known.beyond.1,
            exact: count.complete && known.beyond.0 == 0,
            values: request.pick(known.counts),
        };
        let facets = names().zip(known).map(facet).collect();
        Ok(Facets { facets, total, complete: count.complete })
    }

    pub(super) async fn fields_of(&self, scope: &Scope) -> Result<Vec<FieldInfo>, StoreError> {
        scope.check()?;
        let matcher = compile(&scope.query)?;
        let clause = query::bounds(scope, &matcher).upper;
        let until = Until::of(scope);
        let path = format!(
            "/{}/_field_caps?fields=fields.*&ignore_unavailable=true&allow_no_indices=true&filter_path=fields.*.keyword.type",
            self.naming.pattern()
        );
        self.server().await?;
        let Some(caps) = until.within(self.http.json(crate::http::Request::get(path))).await? else {
            return Ok(Vec::new());
        };
        let names: Vec<String> = caps["fields"].as_object().map_or_else(Vec::new, |fields| {
            fields.keys().filter_map(|name| Some(name.strip_prefix("fields.")?.to_owned())).collect()
        });
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let mut asked = vec![json!({"raw": {"terms": {"field": RAW_NAMES, "size": VALUES_MIN}}})];
        for names in names.chunks(FIELDS_AT_ONCE) {
            // By a filter each: the name of an aggregation may hold less than the name of a field.
            let exists = |name: &String| (name.clone(), json!({"exists": {"field": format!("fields.{name}")}}));
            let filters: serde_json::Map<String, Value> = names.iter().map(exists).collect();
            asked.push(json!({"fields": {"filters": {"filters": filters}}}));
        }
        for aggs in asked {
            let body = json!({"size": 0, "query": clause.to_json(), "aggs": aggs});
            let Some(page) = until.within(self.page(body)).await? else { break };
            for (name, bucket) in buckets(&page.aggregations["raw"]) {
                *counts.entry(name).or_default() += bucket["doc_count"].as_u64().unwrap_or(0);
            }
            for (name, found) in page.aggregations["fields"]["buckets"].as_object().into_iter().flatten() {
                *counts.entry(original_name(name)).or_default() += found["doc_count"].as_u64().unwrap_or(0);
            }
        }
        counts.retain(|_, records| *records > 0);
        let info = |(name, records)| FieldInfo { name, records, column: true };
        Ok(naive::most(counts, usize::MAX).into_iter().map(info).collect())
    }
}

/// Whether its values are text in the index, which a pattern can choose from.
fn is_text(name: &str) -> bool {
    !matches!(Fixed::from_name(name), Some(Fixed::Generation | Fixed::Offset))
}

/// The pattern of values that contain `text`, case ignored, as a server's regular expressions say it.
fn containing(text: &str) -> String {
    let mut pattern = ".*".to_owned();
    for char in text.chars() {
        let other = if char.is_lowercase() { char.to_uppercase().next() } else { char.to_lowercase().next() };
        match other.filter(|other| *other != char) {
            Some(other) => pattern.extend(['[', char, other, ']']),
            None if char.is_alphanumeric() => pattern.push(char),
            None => pattern.extend(['\\', char]),
        }
    }
    pattern + ".*"
}

impl Known {
    fn add(&mut self, agg: &Value) {
        let count = |bucket: &Value| bucket["doc_count"].as_u64().unwrap_or(0);
        let mut here: BTreeMap<String, u64> =
            buckets(&agg["values"]).map(|(name, bucket)| (name, count(bucket))).collect();
        let mut beyond = agg["values"]["sum_other_doc_count"].as_u64().unwrap_or(0);
        for (name, bucket) in buckets(&agg["matching"]) {
            here.entry(name).or_insert_with(|| {
                beyond = beyond.saturating_sub(count(bucket));
                count(bucket)
            });
        }
        if beyond > 0 {
            let distinct = agg["distinct"]["value"].as_u64().unwrap_or(0);
            self.beyond.0 += beyond;
            self.beyond.1 += distinct.saturating_sub(here.len() as u64).max(1);
        }
        for (name, count) in here {
            *self.counts.entry(name).or_default() += count;
        }
    }
}
