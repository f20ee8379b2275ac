//! `_field_caps` and `_mapping`: the fields that records have, and what they look like.
//!
//! Fields have no types here. What is called a number is a field whose values in the newest records are all numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use store::{FacetsRequest, HistogramRequest, Scope, SearchRequest, TimeRange};

use crate::call::Params;
use crate::index::{self, matches};
use crate::{EsApi, EsError, names};

/// So many of the newest records tell what a field looks like.
const SAMPLE: usize = 1_000;
/// And that may take so long.
const SAMPLE_TIME: Duration = Duration::from_secs(2);
/// So many fields are told of.
const FIELDS_MAX: usize = 5_000;
/// Streams whose fields are asked one by one; of more, each is said to have those of all.
const SINGLE_MAX: usize = 16;

/// What every record has.
const FIXED: [(&str, &str); 9] = [
    (names::TIME, "date"),
    (names::MESSAGE, "text"),
    ("level", "keyword"),
    ("stream", "keyword"),
    ("host", "keyword"),
    ("host.name", "keyword"),
    ("log.file.path", "keyword"),
    ("file", "keyword"),
    ("format", "keyword"),
];

impl EsApi {
    /// The fields of some streams with their types.
    async fn types(&self, streams: &[String]) -> Result<BTreeMap<String, &'static str>, EsError> {
        let store = &self.parts.store;
        let scope = Scope { query: index::query(streams), range: TimeRange::ALL, deadline: Some(SAMPLE_TIME) };
        let mut types: BTreeMap<String, &'static str> = BTreeMap::new();
        if streams.is_empty() {
            return Ok(types);
        }
        for field in store.fields(&scope).await?.into_iter().take(FIELDS_MAX) {
            types.insert(field.name, "keyword");
        }
        let sample = store.search(&SearchRequest { scope, limit: SAMPLE, after: None }).await?;
        let mut seen: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
        for (name, value) in sample.hits.iter().flat_map(|hit| &hit.fields) {
            let number = names::parse_number(value);
            let (whole, any) = seen.entry(name).or_insert((true, true));
            *any &= number.is_some();
            *whole &= number.is_some_and(|number| number.fract() == 0.0 && number.abs() < 9e15);
        }
        for (name, (whole, number)) in seen {
            let kind = if whole {
                "long"
            } else if number {
                "double"
            } else {
                "keyword"
            };
            types.insert(name.to_owned(), kind);
        }
        types.remove(names::ID);
        types.extend(FIXED.map(|(name, kind)| (name.to_owned(), kind)));
        Ok(types)
    }

    /// How many records each stream has.
    pub(crate) async fn counts(&self, streams: &[String]) -> Result<Vec<u64>, EsError> {
        let scope = Scope { deadline: Some(self.parts.limits.deadline), ..Scope::everything() };
        let request = FacetsRequest::new(scope.clone(), vec!["stream".to_owned()], streams.len().max(1_000));
        let mut facets = self.parts.store.facets(&request).await?.facets;
        let known: BTreeMap<String, u64> =
            facets.pop().map(|facet| facet.values.into_iter().collect()).unwrap_or_default();
        let mut counts = Vec::with_capacity(streams.len());
        for name in streams {
            counts.push(match known.get(name) {
                Some(count) => *count,
                None => {
                    let scope = Scope { query: index::query(std::slice::from_ref(name)), ..scope.clone() };
                    let request = HistogramRequest { scope, bucket_micros: None, buckets: 1, by: None, series_max: 1 };
                    self.parts.store.histogram(&request).await?.total
                }
            });
        }
        Ok(counts)
    }
}

/// `_field_caps`.
pub async fn caps(api: &EsApi, streams: &[String], params: &Params, body: &Value) -> Result<Value, EsError> {
    let mut patterns: Vec<String> = Vec::new();
    let mut add =
        |text: &str| patterns.extend(text.split(',').map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned));
    if let Some(text) = params.text("fields") {
        add(text);
    }
    let mut range = None;
    for (key, value) in body.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("fields", Value::String(text)) => add(text),
            ("fields", Value::Array(list)) => list.iter().filter_map(Value::as_str).for_each(&mut add),
            // Fields are told of whole streams; what a filter leaves is not looked at, but must be right.
            ("index_filter", filter) => range = Some(api.clause(filter)?),
            ("runtime_mappings", Value::Object(map)) if map.is_empty() => {}
            _ => return Err(EsError::unsupported(format!("[{key}] of [_field_caps]"))),
        }
    }
    if range.is_some_and(|clause| clause.query != store::Query::All) {
        return Err(EsError::unsupported("an [index_filter] of more than a range of [@timestamp]"));
    }
    if patterns.is_empty() {
        return Err(EsError::illegal("specified fields can't be null or empty: give fields=*"));
    }
    let mut fields = Map::new();
    for (name, kind) in api.types(streams).await? {
        if patterns.iter().any(|pattern| matches(pattern, &name)) {
            let able =
                json!({ "type": kind, "metadata_field": false, "searchable": true, "aggregatable": kind != "text" });
            fields.insert(name, json!({ kind: able }));
        }
    }
    Ok(json!({ "indices": streams, "fields": fields }))
}

/// `_mapping`.
pub async fn mapping(api: &EsApi, streams: &[String]) -> Result<Value, EsError> {
    let mut answer = Map::new();
    if streams.len() > SINGLE_MAX {
        let properties = tree(&api.types(streams).await?);
        for name in streams {
            answer.insert(name.clone(), json!({ "mappings": { "properties": properties } }));
        }
        return Ok(Value::Object(answer));
    }
    for name in streams {
        let types = api.types(std::slice::from_ref(name)).await?;
        answer.insert(name.clone(), json!({ "mappings": { "properties": tree(&types) } }));
    }
    Ok(Value::Object(answer))
}

/// Names with dots as a tree. Where a name is a field and also the beginning of others, these are its `fields`.
fn tree(types: &BTreeMap<String, &'static str>) -> Map<String, Value> {
    let mut root = Map::new();
    for (name, kind) in types {
        let leaf = json!({ "type": kind });
        let mut level = &mut root;
        let mut rest = name.as_str();
        while let Some((first, behind)) =
            rest.split_once('.').filter(|(first, behind)| !first.is_empty() && !behind.is_empty())
        {
            let node = level.entry(first.to_owned()).or_insert_with(|| json!({ "properties": {} }));
            let inside = if node.get("type").is_some() { "fields" } else { "properties" };
            if node.get(inside).is_none() {
                node[inside] = json!({});
            }
            rest = behind;
            match node[inside].as_object_mut() {
                Some(map) => level = map,
                None => return root,
            }
        }
        match level.get_mut(rest) {
            Some(Value::Object(node)) => drop(node.insert("type".to_owned(), (*kind).into())),
            _ => drop(level.insert(rest.to_owned(), leaf)),
        }
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_dots_are_a_tree() {
        let types = [("a", "keyword"), ("a.b", "long"), ("c.d.e", "double"), (".x", "keyword")];
        let types = types.map(|(name, kind)| (name.to_owned(), kind)).into();
        let is = json!({
            ".x": { "type": "keyword" },
            "a": { "type": "keyword", "fields": { "b": { "type": "long" } } },
            "c": { "properties": { "d": { "properties": { "e": { "type": "double" } } } } },
        });
        assert_eq!(Value::Object(tree(&types)), is);
    }
}
