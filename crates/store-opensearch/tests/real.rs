//! What only a real server shows: blocks, data streams, mappings that are full, followers that only read.

mod common;

use std::sync::Arc;
use std::time::Duration;

use base::{Explain, Retry};
use common::open;
use model::{Format, Level};
use store::testing::{BatchBuilder, Oracle, everything, samples};
use store::{Query, Reader, StoreBatch, TailEvent, TimeRange, Writer};
use store_opensearch::{OpenSearchStore, Options, Visible};

fn lines(source: u128, count: i64, text: &str) -> StoreBatch {
    let mut batch = BatchBuilder::new(source, 0, 0);
    (0..count).for_each(|n| {
        batch.plain(format!("{text} {n}").as_bytes(), 1_700_000_000_000_000 + n);
    });
    batch.build()
}

fn wanted(batches: &[StoreBatch]) -> Vec<store::Hit> {
    Oracle::of(batches).search("", TimeRange::ALL)
}

/// Waits until everything is there, however late a refresh is.
async fn found(store: &OpenSearchStore, count: usize) -> Vec<store::Hit> {
    for _ in 0..300 {
        let hits = everything(store).await;
        if hits.len() >= count {
            return hits;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{count} records are not found within 15 s");
}

#[tokio::test]
async fn a_blocked_or_closed_index_holds_and_goes_on() {
    let Some((_, corner)) = open().await else { return };
    let options = Options { visible: Visible::AtOnce, patience: Duration::from_millis(300), ..corner.options() };
    let store = OpenSearchStore::connect(options).expect("options");
    let first = lines(1, 10, "first");
    store.write(std::slice::from_ref(&first)).await.expect("write");
    let index = format!("{}-web-2023.11.14", corner.prefix);
    let block = |on: &str| {
        let body = format!("{{\"index.blocks.read_only_allow_delete\":{on}}}");
        assert_eq!(corner.ask("PUT", &format!("/{index}/_settings"), &body).0, 200);
    };
    let second = lines(2, 10, "second");
    block("true");
    let error = store.write(std::slice::from_ref(&second)).await.expect_err("it is blocked");
    let text = error.to_string();
    assert!(text.contains("flood-stage") && text.contains("make room") && text.contains("http://"), "{text}");
    assert_eq!(error.retry(), Retry::Later);
    assert!(store.stats().await.expect("stats").paused.is_some_and(|why| why.contains("flood-stage")));
    block("null");
    store.write(std::slice::from_ref(&second)).await.expect("it goes on");
    assert_eq!(store.stats().await.expect("stats").paused, None);
    assert_eq!(corner.ask("POST", &format!("/{index}/_close"), "").0, 200);
    let third = lines(3, 10, "third");
    let error = store.write(std::slice::from_ref(&third)).await.expect_err("it is closed");
    assert!(error.to_string().contains("open the index") && error.retry() == Retry::Later, "{error}");
    assert_eq!(corner.ask("POST", &format!("/{index}/_open?wait_for_active_shards=1"), "").0, 200);
    store.write(std::slice::from_ref(&third)).await.expect("it goes on");
    let all = [first, second, third];
    assert_eq!(found(&store, 30).await, wanted(&all));
}

#[tokio::test]
async fn a_mapping_that_is_full_takes_lines_still() {
    let Some((store, corner)) = open().await else { return };
    let wide = |source: u128| {
        let mut batch = BatchBuilder::new(source, 0, 0);
        for n in 0..8u64 {
            let names: Vec<String> = (0..200).map(|m| format!("f{source}x{}", n * 200 + m)).collect();
            let fields: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), b"v".as_slice())).collect();
            batch.line(format!("line {n}").as_bytes(), n as i64, Level::Info, Format::Json, &fields);
        }
        batch.build()
    };
    let batches = [wide(1), wide(2)];
    let refused = store.write(&batches).await.expect("write");
    assert!(refused.is_empty(), "{:?}", refused.first());
    let mut hits = everything(&*store).await;
    hits.iter_mut().for_each(|hit| hit.fields.sort());
    assert_eq!(hits, wanted(&batches));
    let kept_aside = corner.ask("GET", &format!("/{}-*/_count?q=_exists_:logdrive.raw_names", corner.prefix), "");
    assert!(!kept_aside.1.contains("\"count\":0"), "some fields found no room: {}", kept_aside.1);
    // Wherever it found its place, a field is searched and counted.
    for query in ["f1x0:v", "f2x1599:v", "f2x1599:*"] {
        let scope = store::Scope { query: Query::parse(query).expect("a query"), ..store::Scope::everything() };
        let request = store::HistogramRequest { scope, bucket_micros: None, buckets: 10, by: None, series_max: 1 };
        assert_eq!(store.histogram(&request).await.expect("histogram").total, 1, "{query}");
        assert_eq!(store::testing::search_all(&*store, query, TimeRange::ALL, 10).await.len(), 1, "{query}");
    }
}

#[tokio::test]
async fn a_line_that_the_mapping_refuses_does_not_hold_the_others() {
    let Some((_, corner)) = open().await else { return };
    let store = OpenSearchStore::connect(Options { visible: Visible::AtOnce, ..corner.options() }).expect("options");
    // Somebody made the index before us, with a level that is a number.
    store.write(&[lines(1, 1, "makes the template known")]).await.expect("write");
    let index = format!("/{}-odd-2023.11.14", corner.prefix);
    let mapping = r#"{"mappings":{"properties":{"log":{"properties":{"level":{"type":"long"}}}}}}"#;
    assert_eq!(corner.ask("PUT", &index, mapping).0, 200);
    let mut batch = BatchBuilder::new(7, 0, 0).origin("odd", "h1", "/odd.log");
    let time = 1_700_000_000_000_000;
    batch.plain(b"good", time).line(b"bad", time, Level::Error, Format::Plain, &[]).plain(b"good too", time);
    let batch = batch.build();
    let refused = store.write(std::slice::from_ref(&batch)).await.expect("write");
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].batch, refused[0].record), (0, 1));
    assert!(refused[0].reason.contains("log.level") && refused[0].reason.contains("long"), "{}", refused[0].reason);
    assert_eq!(everything(&*store).await.len(), 3);
}

#[tokio::test]
async fn data_streams_take_each_record_once() {
    let Some((_, corner)) = open().await else { return };
    let index = format!("{}-{{stream}}-logdrive", corner.prefix);
    let options = Options { index, data_stream: true, visible: Visible::AtOnce, ..corner.options() };
    let store = OpenSearchStore::connect(options).expect("options");
    let batches = samples(21, 6, 20);
    store.write(&batches).await.expect("write");
    store.write(&batches).await.expect("again");
    assert_eq!(everything(&*store).await, wanted(&batches));
    assert_eq!(corner.ask("DELETE", &format!("/_data_stream/{}-*", corner.prefix), "").0, 200);
}

#[tokio::test]
async fn without_our_template_nothing_is_written() {
    let Some((_, corner)) = open().await else { return };
    let options = Options { install: false, ..corner.options() };
    let store = OpenSearchStore::connect(options.clone()).expect("options");
    let batch = lines(1, 3, "x");
    let error = store.write(std::slice::from_ref(&batch)).await.expect_err("no template");
    assert!(error.to_string().contains("install = true") && error.retry() == Retry::Later, "{error}");
    let installing = OpenSearchStore::connect(Options { install: true, ..options }).expect("options");
    installing.write(std::slice::from_ref(&batch)).await.expect("write");
    store.write(std::slice::from_ref(&batch)).await.expect("it goes on by itself");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_reads_follows_what_others_write() {
    let Some((_, corner)) = open().await else { return };
    let connect = || OpenSearchStore::connect(corner.options()).expect("options");
    let (writer, reader) = (connect(), connect());
    writer.write(&[lines(1, 20, "before")]).await.expect("write");
    let mut tail = reader.tail(&Query::parse("needle").expect("query")).expect("tail");
    // Whether it has begun shows when something comes; what comes then is in order and complete.
    let mut seen = Vec::new();
    for n in 0.. {
        writer.write(&[lines(100 + n, 1, "needle to begin with")]).await.expect("write");
        if tokio::time::timeout(Duration::from_millis(500), tail.next()).await.is_ok() {
            break;
        }
        assert!(n < 60, "nothing is seen in 30 s");
    }
    let batches: Vec<StoreBatch> = (2..6).map(|source| lines(source, 50, "needle")).collect();
    for batch in &batches {
        writer.write(std::slice::from_ref(batch)).await.expect("write");
        writer.write(&[lines(50, 3, "hay")]).await.expect("write");
    }
    while seen.len() < 200 {
        let event = tokio::time::timeout(Duration::from_secs(30), tail.next()).await.expect("within 30 s");
        match event.expect("the store lives") {
            TailEvent::Hits(hits) => seen.extend(hits.into_iter().filter(|hit| hit.id.key.source.0 < 100)),
            TailEvent::Skipped(skipped) => panic!("{skipped:?}"),
        }
    }
    assert_eq!(seen, Oracle::of(&batches).hits);
}

#[tokio::test]
async fn gaps_are_found_however_long_a_source_is() {
    let Some((store, _corner)) = open().await else { return };
    let mut batches: Vec<StoreBatch> = Vec::new();
    let mut start = 0;
    let mut stored = base::Intervals::new();
    for n in 0..120u64 {
        let mut batch = BatchBuilder::new(77, 2, start);
        (0..100).for_each(|row| {
            batch.plain(format!("line {n} {row}").as_bytes(), 1_700_000_000_000_000);
        });
        let end = batch.end();
        // Some are never written.
        if ![3, 4, 60, 111].contains(&n) {
            stored.insert(start, end);
            batches.push(batch.build());
        }
        start = end;
    }
    store.write(&batches).await.expect("write");
    let coverage = store.coverage(None).await.expect("coverage");
    assert_eq!(coverage.len(), 1);
    assert_eq!(coverage[0].stored, stored);
}

#[tokio::test]
async fn a_server_that_is_down_holds_and_the_other_node_serves() {
    let Some((_, corner)) = open().await else { return };
    let nowhere = "http://127.0.0.1:9";
    let patience = Duration::from_millis(200);
    let options = Options { patience, nodes: vec![nowhere.to_owned()], ..corner.options() };
    let store = OpenSearchStore::connect(options).expect("nothing is asked yet");
    let batch = lines(1, 5, "x");
    let error = store.write(std::slice::from_ref(&batch)).await.expect_err("nobody there");
    let text = error.to_string();
    assert!(text.contains(nowhere) && text.contains("is it running") && error.retry() == Retry::Later, "{text}");
    let mut nodes = corner.options().nodes;
    nodes.insert(0, nowhere.to_owned());
    let store: Arc<OpenSearchStore> =
        OpenSearchStore::connect(Options { nodes, visible: Visible::AtOnce, ..corner.options() }).expect("options");
    for _ in 0..4 {
        store.write(std::slice::from_ref(&batch)).await.expect("the other node takes it");
    }
    assert_eq!(everything(&*store).await, wanted(&[batch]));
}
