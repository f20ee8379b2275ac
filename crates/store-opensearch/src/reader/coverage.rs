//! Which bytes of each source are held.
//!
//! Decision: the server adds up. The sizes of a source's records are as much as the span from its first byte to its
//! last exactly where nothing is missing in between; where they are less, the span is cut into pieces by offset, and
//! those that do not add up either are cut again, until what is left can be listed. So a source without gaps costs one
//! line of an aggregation, however long it is.

use std::collections::BTreeMap;

use base::Intervals;
use model::{Generation, SourceKey};
use serde_json::{Value, json};
use store::{Coverage, StoreError};

use crate::OpenSearchStore;
use crate::http::Request;
use crate::query::{self, Clause, GENERATION, OFFSET, SIZE, SOURCE};
use crate::template;

/// Sources of one answer.
const SOURCES_AT_ONCE: usize = 500;
/// Pieces into which a span is cut.
const PIECES: u64 = 500;
/// Records that are listed rather than cut again.
const LISTED_MAX: u64 = 5000;

impl OpenSearchStore {
    pub(super) async fn coverage_of(&self, key: Option<SourceKey>) -> Result<Vec<Coverage>, StoreError> {
        // What was written a moment ago counts too, by whomever.
        self.refresh().await;
        let mut sources: BTreeMap<SourceKey, Coverage> = BTreeMap::new();
        self.stored(key, &mut sources).await?;
        self.noted(key, &mut sources).await?;
        Ok(sources.into_values().collect())
    }

    async fn stored(
        &self,
        key: Option<SourceKey>,
        sources: &mut BTreeMap<SourceKey, Coverage>,
    ) -> Result<(), StoreError> {
        let mut after = Value::Null;
        loop {
            let mut composite = json!({"size": SOURCES_AT_ONCE, "sources": [
                {"source": {"terms": {"field": SOURCE}}}, {"generation": {"terms": {"field": GENERATION}}},
            ]});
            if !after.is_null() {
                composite["after"] = after;
            }
            let last = json!({"top_hits": {
                "size": 1, "sort": [{OFFSET: {"order": "desc"}}],
                "_source": ["event.dataset", "host.name", "log.file.path", "log.offset", "logdrive"],
            }});
            let aggs = json!({"sources": {"composite": composite, "aggs": {
                "bytes": {"sum": {"field": SIZE}}, "first": {"min": {"field": OFFSET}}, "last": last,
            }}});
            let clause = key.map_or_else(query::ours, of_source);
            let page = self.whole(json!({"size": 0, "query": clause.to_json(), "aggs": aggs})).await?;
            let found = &page.aggregations["sources"];
            for bucket in found["buckets"].as_array().map_or(&[][..], Vec::as_slice) {
                if let Some(coverage) = self.covered(bucket).await? {
                    sources.insert(coverage.key, coverage);
                }
            }
            after = found["after_key"].clone();
            if after.is_null() {
                return Ok(());
            }
        }
    }

    async fn covered(&self, bucket: &Value) -> Result<Option<Coverage>, StoreError> {
        let last = &bucket["last"]["hits"]["hits"][0]["_source"];
        let Some(hit) = serde_json::from_value(last.clone()).ok().and_then(crate::hit::Source::into_hit) else {
            return Ok(None);
        };
        let key = hit.id.key;
        let first = bucket["first"]["value"].as_f64().unwrap_or_default() as u64;
        let end = hit.id.offset + u64::from(hit.size);
        let bytes = bucket["bytes"]["value"].as_f64().unwrap_or_default() as u64;
        let mut stored = Intervals::new();
        if bytes == end - first.min(end) {
            stored.insert(first, end);
        } else {
            self.pieces(key, first, end, &mut stored).await?;
        }
        let mut coverage = Coverage::none_of(key);
        (coverage.stream, coverage.host, coverage.path) = (hit.stream, hit.host, hit.path);
        coverage.durable = stored.clone();
        coverage.stored = stored;
        Ok(Some(coverage))
    }

    /// What is held between two offsets, of a source that has gaps.
    async fn pieces(&self, key: SourceKey, first: u64, end: u64, stored: &mut Intervals) -> Result<(), StoreError> {
        let mut work = vec![(first, end)];
        while let Some((first, end)) = work.pop() {
            let width = ((end - first) / PIECES).max(1);
            let clause = Clause::and([of_source(key), offsets(first, end)]);
            let aggs = json!({"pieces": {
                "histogram": {"field": OFFSET, "interval": width, "min_doc_count": 1, "offset": first % width},
                "aggs": {"bytes": {"sum": {"field": SIZE}}, "first": {"min": {"field": OFFSET}}, "last": {"max": {"field": OFFSET}}},
            }});
            let page = self.whole(json!({"size": 0, "query": clause.to_json(), "aggs": aggs})).await?;
            let pieces: Vec<Piece> = page.aggregations["pieces"]["buckets"]
                .as_array()
                .map_or_else(Vec::new, |buckets| buckets.iter().map(Piece::of).collect());
            for (n, piece) in pieces.iter().enumerate() {
                let next = pieces.get(n + 1).map(|next| next.first);
                if next.is_some_and(|next| piece.first + piece.bytes == next) {
                    stored.insert(piece.first, piece.first + piece.bytes);
                } else if piece.records <= LISTED_MAX || width == 1 {
                    self.list(key, piece.first, piece.last + 1, stored).await?;
                } else {
                    work.push((piece.first, piece.last + 1));
                }
            }
        }
        Ok(())
    }

    /// Each record that begins between two offsets.
    async fn list(&self, key: SourceKey, first: u64, end: u64, stored: &mut Intervals) -> Result<(), StoreError> {
        let mut from = first;
        loop {
            let clause = Clause::and([of_source(key), offsets(from, end)]);
            let body = json!({
                "size": LISTED_MAX, "track_total_hits": false, "query": clause.to_json(), "_source": false,
                "docvalue_fields": [SIZE], "sort": [{OFFSET: {"order": "asc"}}],
            });
            let page = self.whole(body).await?;
            let count = page.hits.hits.len() as u64;
            for found in page.hits.hits {
                let offset = found.sort.first().and_then(Value::as_u64).unwrap_or(from);
                let size = found.fields.get(SIZE).and_then(|size| size[0].as_u64()).unwrap_or(0);
                stored.insert(offset, offset + size);
                from = offset + 1;
            }
            if count < LISTED_MAX {
                return Ok(());
            }
        }
    }

    /// What is noted of ranges that are no records.
    async fn noted(
        &self,
        key: Option<SourceKey>,
        sources: &mut BTreeMap<SourceKey, Coverage>,
    ) -> Result<(), StoreError> {
        let clause = key.map_or(Clause::All, |key| {
            let source = Clause::term("source", key.source.to_string());
            Clause::and([source, Clause::term("generation", key.generation.0)])
        });
        let index = template::ranges_index(&self.naming);
        let mut after = Value::Null;
        loop {
            let mut body = json!({
                "size": LISTED_MAX, "track_total_hits": false, "query": clause.to_json(),
                "sort": ["source", "generation", "start", "end", "kind"],
            });
            if !after.is_null() {
                body["search_after"] = after;
            }
            let path = format!("/{index}/_search?ignore_unavailable=true&allow_no_indices=true");
            let answer = self.http.json(Request::post(path, body)).await?;
            let hits = answer["hits"]["hits"].as_array().map_or(&[][..], Vec::as_slice);
            hits.iter().for_each(|hit| note(&hit["_source"], sources));
            after = hits.last().map_or(Value::Null, |hit| hit["sort"].clone());
            if (hits.len() as u64) < LISTED_MAX {
                return Ok(());
            }
        }
    }
}

/// A stretch of offsets: what begins in it.
struct Piece {
    first: u64,
    last: u64,
    bytes: u64,
    records: u64,
}

impl Piece {
    fn of(bucket: &Value) -> Self {
        let number = |name: &str| bucket[name]["value"].as_f64().unwrap_or_default() as u64;
        let records = bucket["doc_count"].as_u64().unwrap_or(0);
        Self { first: number("first"), last: number("last"), bytes: number("bytes"), records }
    }
}

fn of_source(key: SourceKey) -> Clause {
    Clause::and([Clause::term(SOURCE, key.source.to_string()), Clause::term(GENERATION, key.generation.0)])
}

fn offsets(first: u64, end: u64) -> Clause {
    Clause::Is(json!({"range": {OFFSET: {"gte": first, "lt": end}}}))
}

fn note(noted: &Value, sources: &mut BTreeMap<SourceKey, Coverage>) {
    let source = noted["source"].as_str().and_then(|source| source.parse().ok());
    let generation = noted["generation"].as_u64().and_then(|generation| u32::try_from(generation).ok());
    let (Some(source), Some(generation)) = (source, generation) else { return };
    let key = SourceKey::new(source, Generation(generation));
    let coverage = sources.entry(key).or_insert_with(|| Coverage::none_of(key));
    let number = |name: &str| noted[name].as_u64().unwrap_or(0);
    let ranges = if noted["kind"] == "dropped" { &mut coverage.dropped } else { &mut coverage.dead_letter };
    ranges.insert(number("start"), number("end"));
    if coverage.stream.is_empty() {
        let text = |name: &str| noted[name].as_str().unwrap_or_default().to_owned();
        (coverage.stream, coverage.host, coverage.path) = (text("stream"), text("host"), text("path"));
    }
}
