//! The store's way and ours count the same, and answers are as Grafana expects them.

use base::Timestamp;
use model::{Format, Level};
use serde_json::{Value, json};
use store::testing::BatchBuilder;
use store::{MemoryStore, Reader, Scope, SearchRequest, Writer};

use super::state::Counter;
use super::{plan, quick, render};
use crate::EsError;

const START: i64 = 1_769_853_600_000_000; // 2026-01-31T10:00:00Z

async fn store() -> MemoryStore {
    let store = MemoryStore::default();
    let mut batch = BatchBuilder::new(7, 0, 0);
    for n in 0..200i64 {
        let (status, took) = (["200", "404", "500"][n as usize % 3], format!("{}.5", n % 17));
        let level = [Level::Info, Level::Warn, Level::Error, Level::Unknown][n as usize % 4];
        let mut fields: Vec<(&str, &[u8])> = vec![("status", status.as_bytes()), ("took", took.as_bytes())];
        if n % 5 == 0 {
            fields.push(("user", b"ann"));
        }
        batch.line(format!("line {n}").as_bytes(), START + n * 7_000_000, level, Format::Logfmt, &fields);
    }
    assert_eq!(store.write(&[batch.build()]).await.expect("is written"), []);
    store
}

async fn counted(store: &MemoryStore, aggs: &Value) -> Result<Value, EsError> {
    let plan = plan::read(aggs, Timestamp::from_micros(START))?;
    let hits = store.search(&SearchRequest { scope: Scope::everything(), limit: 1_000, after: None }).await?.hits;
    let mut counter = Counter::new(&plan)?;
    for hit in &hits {
        counter.add(hit)?;
    }
    Ok(Value::Object(render::all(&plan, counter.finish())?))
}

#[tokio::test]
async fn both_ways_count_the_same() {
    let store = store().await;
    let minute = json!({"field": "@timestamp", "fixed_interval": "1m", "min_doc_count": 0});
    let bounds = json!({"field": "@timestamp", "fixed_interval": "5m", "min_doc_count": 0, "format": "epoch_millis",
        "extended_bounds": {"min": START / 1000 - 600_000, "max": START / 1000 + 3_600_000}});
    for aggs in [
        json!({"2": {"date_histogram": minute}}),
        json!({"2": {"date_histogram": bounds}}),
        json!({"2": {"terms": {"field": "status", "size": 2}}}),
        json!({"2": {"terms": {"field": "user"}}}),
        json!({"2": {"terms": {"field": "level", "order": {"_key": "asc"}}}}),
        json!({"2": {"terms": {"field": "status", "order": {"_count": "asc"}, "min_doc_count": 67}}}),
        json!({"3": {"terms": {"field": "status", "size": 2, "order": {"_term": "desc"}}, "aggs": {"2": {"date_histogram": minute}}}}),
        json!({"2": {"date_histogram": minute, "aggs": {"3": {"terms": {"field": "level", "size": 2}}}}}),
        json!({"2": {"date_histogram": minute}, "3": {"terms": {"field": "status.keyword"}}}),
    ] {
        let plan = plan::read(&aggs, Timestamp::from_micros(START)).expect("right");
        let quick = quick::count(&plan, &Scope::everything(), &store).await.expect("counts").expect("is quick");
        assert!(quick.complete);
        let quick = Value::Object(render::all(&plan, quick.counted).expect("fits"));
        assert_eq!(quick, counted(&store, &aggs).await.expect("right"), "{aggs}");
    }
    for aggs in [
        json!({"1": {"terms": {"field": "message"}}}),
        json!({"1": {"terms": {"field": "status", "missing": "x"}}}),
        json!({"1": {"avg": {"field": "took"}}}),
        json!({"1": {"date_histogram": {"field": "@timestamp", "calendar_interval": "day"}}}),
        json!({"1": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1h", "time_zone": "Asia/Kolkata"}}}),
    ] {
        let plan = plan::read(&aggs, Timestamp::from_micros(START)).expect("right");
        assert!(quick::count(&plan, &Scope::everything(), &store).await.expect("counts").is_none(), "{aggs}");
    }
}

#[tokio::test]
async fn answers_are_in_their_shape() {
    let store = store().await;
    let bucket = |key: &str, count: u64| json!({"key": key, "doc_count": count});
    for (aggs, is) in [
        (
            json!({"1": {"terms": {"field": "status", "size": 2}}}),
            json!({"1": {"doc_count_error_upper_bound": 0, "sum_other_doc_count": 66, "buckets": [bucket("200", 67), bucket("404", 67)]}}),
        ),
        (
            json!({"1": {"terms": {"field": "user", "missing": "nobody"}}}),
            json!({"1": {"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": [bucket("nobody", 160), bucket("ann", 40)]}}),
        ),
        (
            json!({"1": {"max": {"field": "took"}}, "2": {"value_count": {"field": "user"}}, "3": {"avg": {"field": "none"}}}),
            json!({"1": {"value": 16.5}, "2": {"value": 40}, "3": {"value": null}}),
        ),
        (
            json!({"1": {"max": {"field": "@timestamp"}}}),
            json!({"1": {"value": (START / 1000 + 199 * 7_000) as f64, "value_as_string": "2026-01-31T10:23:13.000Z"}}),
        ),
        (json!({"1": {"cardinality": {"field": "took"}}}), json!({"1": {"value": 17}})),
        (
            json!({"2": {"filters": {"filters": {
                "errors": {"query_string": {"query": "level:error", "analyze_wildcard": true}},
                "slow": {"query_string": {"query": "took:>15"}}}}, "aggs": {"1": {"min": {"field": "took"}}}}}),
            json!({"2": {"buckets": {
                "errors": {"doc_count": 50, "1": {"value": 0.5}}, "slow": {"doc_count": 22, "1": {"value": 15.5}}}}}),
        ),
        (
            json!({"1": {"filters": {"filters": [{"term": {"user": "ann"}}], "other_bucket": true}}}),
            json!({"1": {"buckets": [{"doc_count": 40}, {"doc_count": 160}]}}),
        ),
        (json!({"1": {"filter": {"term": {"user": "ann"}}}}), json!({"1": {"doc_count": 40}})),
        (
            json!({"1": {"histogram": {"field": "took", "interval": 10, "min_doc_count": 1}}}),
            json!({"1": {"buckets": [{"key": 0.0, "doc_count": 120}, {"key": 10.0, "doc_count": 80}]}}),
        ),
        (
            json!({"2": {"date_histogram": {"field": "@timestamp", "fixed_interval": "20m", "min_doc_count": 1, "format": "epoch_millis", "time_zone": "Asia/Kolkata"}}}),
            json!({"2": {"buckets": [
                {"key_as_string": "1769853000000", "key": 1_769_853_000_000i64, "doc_count": 86},
                {"key_as_string": "1769854200000", "key": 1_769_854_200_000i64, "doc_count": 114}]}}),
        ),
        (
            json!({"2": {"date_histogram": {"field": "@timestamp", "calendar_interval": "month", "order": {"_key": "desc"}}}}),
            json!({"2": {"buckets": [{"key_as_string": "2026-01-01T00:00:00.000Z", "key": 1_767_225_600_000i64, "doc_count": 200}]}}),
        ),
        (
            json!({"3": {"terms": {"field": "status", "size": 1, "order": {"1": "desc"}}, "aggs": {"1": {"sum": {"field": "took"}}}}}),
            json!({"3": {"doc_count_error_upper_bound": 0, "sum_other_doc_count": 133, "buckets": [
                {"key": "200", "doc_count": 67, "1": {"value": 563.5}}]}}),
        ),
    ] {
        let found = counted(&store, &aggs).await.unwrap_or_else(|error| panic!("{aggs}: {error}"));
        assert_eq!(found, is, "{aggs}");
    }
}

#[tokio::test]
async fn what_is_not_known_is_refused() {
    let store = store().await;
    for (aggs, says) in [
        (json!({"1": {"percentiles": {"field": "took"}}}), "the aggregation [percentiles] is not supported"),
        (json!({"1": {"derivative": {"buckets_path": "2"}}}), "[derivative]"),
        (json!({"1": {"top_hits": {}}}), "[top_hits]"),
        (json!({"1": {"avg": {"script": "x"}}}), "[script] of [avg]"),
        (json!({"1": {"terms": {"field": "a", "include": "x.*"}}}), "[include] of [terms]"),
        (json!({"1": {"terms": {"field": "a", "min_doc_count": 0}}}), "min_doc_count: 0"),
        (json!({"1": {"terms": {"field": "a", "order": {"9": "asc"}}}}), "Invalid aggregation order path [9.value]"),
        (json!({"1": {"terms": {"field": "a", "size": 100_000}}}), "[size]"),
        (json!({"1": {"date_histogram": {"field": "@timestamp"}}}), "Invalid interval"),
        (json!({"1": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1M"}}}), "failed to parse setting"),
        (json!({"1": {"date_histogram": {"field": "@timestamp", "calendar_interval": "2d"}}}), "calendar interval"),
        (json!({"1": {"date_histogram": {"field": "other", "fixed_interval": "1m"}}}), "only of [@timestamp]"),
        (
            json!({"1": {"avg": {"field": "a"}, "aggs": {"2": {"avg": {"field": "a"}}}}}),
            "cannot accept sub-aggregations",
        ),
        (json!({"1": {}}), "Missing definition"),
        (json!({"1": {"avg": {"field": "a"}, "sum": {"field": "a"}}}), "two aggregation type definitions"),
        (
            json!({"1": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1ms", "extended_bounds": {"min": 0, "max": 1_769_853_600_000i64}}}}),
            "too many buckets",
        ),
    ] {
        let error = counted(&store, &aggs).await.expect_err("is refused");
        assert!(error.reason.contains(says), "{aggs}: {}", error.reason);
    }
}
