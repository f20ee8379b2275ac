//! What every store must do, but for queries.

use std::time::Duration;

use base::{Explain, Intervals, Timestamp};
use model::{Format, Level, Marks, Partition, QueueId, RecordId};

use super::oracle::{Oracle, assert_same, everything, search_all};
use super::{BatchBuilder, samples};
use crate::{
    ContextRequest, FacetOrder, FacetsRequest, HistogramRequest, Hit, Query, Scope, SearchRequest, Store, StoreBatch,
    TailEvent, TimeRange, naive,
};

fn scope(query: &str) -> Scope {
    let query = Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    Scope { query, ..Scope::everything() }
}

/// Batches given again, in any order and after a flush, change nothing.
pub async fn writes_are_idempotent<S: Store + ?Sized>(store: &S) {
    let batches = samples(1, 10, 20);
    let wanted = Oracle::of(&batches).search("", TimeRange::ALL);
    store.write(&batches).await.expect("write");
    assert_same(&everything(store).await, &wanted, "written once");
    store.write(&batches[3..]).await.expect("write");
    store.flush().await.expect("flush");
    let backwards: Vec<_> = batches.iter().rev().cloned().collect();
    store.write(&backwards).await.expect("write");
    assert_same(&everything(store).await, &wanted, "written three times");
    let stats = store.stats().await.expect("stats");
    assert_eq!(stats.records, wanted.len() as u64, "records counted");
    assert_eq!(stats.newest, wanted.first().map(|hit| hit.time), "newest");
    assert_eq!(stats.oldest, wanted.last().map(|hit| hit.time), "oldest");
}

/// Of a batch that overlaps what is held, only what is new is taken, at either end and in the middle.
pub async fn overlapping_batches_are_trimmed<S: Store + ?Sized>(store: &S) {
    let line = |n: i64| format!("line number {n}");
    let batch = |from: i64, to: i64| {
        let start = (0..from).map(|n| line(n).len() as u64 + 1).sum();
        let mut batch = BatchBuilder::new(2 << 64, 0, start);
        (from..to).for_each(|n| {
            batch.plain(line(n).as_bytes(), n * 1000);
        });
        batch.build()
    };
    let wanted = Oracle::of(&[batch(0, 100)]).search("", TimeRange::ALL);
    for (from, to) in [(40, 60), (30, 45), (55, 70), (35, 65), (0, 20), (10, 90), (0, 100)] {
        store.write(&[batch(from, to)]).await.expect("write");
        if from == 35 {
            store.flush().await.expect("flush");
        }
    }
    assert_same(&everything(store).await, &wanted, "one record each");
}

/// Pages of any size cover everything exactly once, in one order, also where many records have one time.
pub async fn pages_cover_everything_once<S: Store + ?Sized>(store: &S) {
    let mut batches = samples(3, 10, 30);
    let mut same = BatchBuilder::new(3 << 64, 0, 0);
    (0..50).for_each(|n| {
        same.plain(format!("same moment {n}").as_bytes(), 1_700_000_100_000_000);
    });
    batches.push(same.build());
    let oracle = Oracle::of(&batches);
    store.write(&batches[..6]).await.expect("write");
    store.flush().await.expect("flush");
    store.write(&batches[6..]).await.expect("write");
    for query in ["", "timeout OR moment", "level:error"] {
        let wanted = oracle.search(query, TimeRange::ALL);
        for limit in [1, 7, 1000] {
            assert_same(
                &search_all(store, query, TimeRange::ALL, limit).await,
                &wanted,
                &format!("{query} by {limit}"),
            );
        }
    }
    let none = SearchRequest { scope: scope(""), limit: 0, after: None };
    assert!(store.search(&none).await.expect("search").hits.is_empty(), "no hits where none is asked for");
}

/// A range includes its beginning and not its end.
pub async fn time_ranges_are_half_open<S: Store + ?Sized>(store: &S) {
    let batches = samples(4, 8, 25);
    let oracle = Oracle::of(&batches);
    store.write(&batches).await.expect("write");
    let all = oracle.search("", TimeRange::ALL);
    let (first, middle, last) = (all[all.len() - 1].time, all[all.len() / 2].time, all[0].time);
    for round in 0..2 {
        for (since, until) in [
            (first, last),
            (first, last.plus_micros(1)),
            (middle, middle),
            (middle, middle.plus_micros(1)),
            (middle, Timestamp::MAX),
            (Timestamp::MIN, middle),
            (last.plus_micros(1), Timestamp::MAX),
        ] {
            let range = TimeRange { since, until };
            let wanted = oracle.search("-level:error", range);
            let found = search_all(store, "-level:error", range, 100).await;
            assert_same(&found, &wanted, &format!("{since} to {until}, round {round}"));
        }
        store.flush().await.expect("flush");
    }
}

/// Histograms count every record once, in all and by any field.
pub async fn histograms_agree<S: Store + ?Sized>(store: &S) {
    let batches = samples(5, 16, 30);
    let oracle = Oracle::of(&batches);
    store.write(&batches[..10]).await.expect("write");
    store.flush().await.expect("flush");
    store.write(&batches[10..]).await.expect("write");
    let middle = oracle.hits[100].time;
    for query in ["", "timeout", "level:>=warn", "status:500 OR user:ann"] {
        for by in [None, Some("level"), Some("stream"), Some("host"), Some("path"), Some("status"), Some("bytes")] {
            for (range, bucket_micros, series_max) in [
                (TimeRange::ALL, None, 100),
                (TimeRange { since: middle, until: middle.plus_micros(60_000_000) }, Some(7_000_000), 2),
            ] {
                let scope = Scope { range, ..scope(query) };
                let by = by.map(str::to_owned);
                let request = HistogramRequest { scope, bucket_micros, buckets: 30, by, series_max };
                let wanted = naive::histogram(&oracle.hits, &request).expect("histogram");
                let sum: u64 = wanted.series.iter().flat_map(|(_, counts)| counts).sum();
                assert_eq!(sum, wanted.total);
                for round in ["first", "repeated"] {
                    let found = store.histogram(&request).await.expect("histogram");
                    assert_eq!(found, wanted, "{query} by {:?}, {round}", request.by);
                }
            }
        }
    }
}

/// Facets and fields count every record once.
pub async fn facets_and_fields_agree<S: Store + ?Sized>(store: &S) {
    let batches = samples(6, 12, 30);
    let oracle = Oracle::of(&batches);
    store.write(&batches[..7]).await.expect("write");
    store.flush().await.expect("flush");
    store.write(&batches[7..]).await.expect("write");
    for query in ["", "timeout", "status:>=500"] {
        for (values_max, matching, order) in [
            (3, None, FacetOrder::Count),
            (1000, None, FacetOrder::Count),
            (4, None, FacetOrder::Rare),
            (4, None, FacetOrder::Name),
            (5, Some("E"), FacetOrder::Name),
            (100, Some("0"), FacetOrder::Rare),
            (5, Some("."), FacetOrder::Count),
        ] {
            let names = ["level", "status", "user", "path", "stream", "bytes", "generation", "format", "nosuch"];
            let fields = names.map(str::to_owned).to_vec();
            let matching = matching.map(str::to_owned);
            let request = FacetsRequest { scope: scope(query), fields, values_max, matching, order };
            let wanted = naive::facets(&oracle.hits, &request).expect("facets");
            assert_eq!(store.facets(&request).await.expect("facets"), wanted, "{query}");
        }
    }
    let known = |fields: Vec<crate::FieldInfo>| {
        let mut names: Vec<_> = fields.into_iter().map(|field| field.name).collect();
        names.sort();
        names
    };
    let wanted = known(naive::fields(&oracle.hits, &scope("")).expect("fields"));
    assert_eq!(known(store.fields(&scope("")).await.expect("fields")), wanted);
}

/// The neighbours of a record are those of its file, over batches, flushes and paths.
pub async fn context_is_exact_across_batches<S: Store + ?Sized>(store: &S) {
    if !store.capabilities().context {
        return;
    }
    let batches = samples(7, 12, 9);
    let oracle = Oracle::of(&batches);
    store.write(&batches[..6]).await.expect("write");
    store.flush().await.expect("flush");
    store.write(&batches[6..]).await.expect("write");
    let ids = oracle.hits.iter().step_by(5).map(|hit| hit.id);
    let missing = oracle.hits[0].id;
    let missing = RecordId { offset: missing.offset + 1, ..missing };
    for id in ids.chain([missing]) {
        for (before, after) in [(0, 0), (3, 3), (25, 0), (0, 1000)] {
            let request = ContextRequest { id, before, after };
            let wanted = naive::context(&oracle.hits, &request);
            let mut found = store.context(&request).await.expect("context");
            found.hits.iter_mut().for_each(|hit| hit.fields.sort());
            assert_same(&found.hits, &wanted.hits, &format!("{before} before and {after} after {id}"));
            assert_eq!(found.anchor, wanted.anchor, "place of {id}");
        }
    }
}

/// A store that says where a record is says it of all that it holds, before and after a flush, and of nothing else.
pub async fn whereabouts_are_known_of_what_is_held<S: Store + ?Sized>(store: &S) {
    let batches = samples(21, 6, 9);
    store.write(&batches[..3]).await.expect("write");
    store.flush().await.expect("flush");
    store.write(&batches[3..]).await.expect("write");
    let hits = Oracle::of(&batches).hits;
    for hit in hits.iter().step_by(7) {
        let found = match store.whereabouts(hit.id).await {
            Err(crate::StoreError::Unsupported(_)) => return,
            found => found.expect("is told").unwrap_or_else(|| panic!("{} is held", hit.id)),
        };
        assert!(!found.name.is_empty());
        if let Some(batch) = found.batch {
            assert!(batch.key == hit.id.key && (batch.start..batch.end).contains(&hit.id.offset), "{batch:?}");
        }
    }
    let elsewhere = RecordId { offset: 1 << 60, ..hits[0].id };
    assert_eq!(store.whereabouts(elsewhere).await.expect("is told"), None);
}

async fn next_hits(tail: &mut crate::Tail) -> Vec<Hit> {
    let event = tokio::time::timeout(Duration::from_secs(30), tail.next()).await.expect("an event in 30 s");
    match event.expect("the store lives") {
        TailEvent::Hits(hits) => hits,
        TailEvent::Skipped(skipped) => panic!("nothing was slow, yet {skipped:?}"),
    }
}

/// A follower gets every matching record taken after it began, in order, once.
pub async fn tail_sees_everything_in_order<S: Store + ?Sized>(store: &S) {
    let batches = samples(8, 12, 20);
    store.write(&batches[..4]).await.expect("write");
    let mut all = store.tail(&Query::all()).expect("tail");
    let mut some = store.tail(&Query::parse("timeout").expect("query")).expect("tail");
    let matcher = crate::query::compile(&Query::parse("timeout").expect("query")).expect("matcher");
    let wanted = Oracle::of(&batches[4..]).hits;
    for batch in &batches[2..] {
        store.write(std::slice::from_ref(batch)).await.expect("write");
    }
    let (mut seen, mut matching) = (Vec::new(), Vec::new());
    while seen.len() < wanted.len() {
        seen.extend(next_hits(&mut all).await);
    }
    let order = |hits: &[Hit]| hits.iter().map(|hit| hit.id).collect::<Vec<_>>();
    assert_eq!(order(&seen), order(&wanted), "all of them");
    let wanted: Vec<_> = wanted.into_iter().filter(|hit| matcher.matches(hit)).collect();
    while matching.len() < wanted.len() {
        matching.extend(next_hits(&mut some).await);
    }
    assert_eq!(order(&matching), order(&wanted), "those that match");
}

/// What a slow follower did not get is counted exactly.
pub async fn tail_counts_what_it_skips<S: Store + ?Sized>(store: &S) {
    let mut slow = store.tail(&Query::all()).expect("tail");
    let mut start = 0;
    let mut total = 0u64;
    for round in 0..6u64 {
        let batches: Vec<StoreBatch> = (0..500)
            .map(|n| {
                let mut batch = BatchBuilder::new(9 << 64, 0, start).place(0, round * 500 + n);
                batch.plain(format!("line {round} {n}").as_bytes(), (round * 500 + n) as i64).plain(b"x", n as i64);
                start = batch.end();
                total += 2;
                batch.build()
            })
            .collect();
        store.write(&batches).await.expect("write");
    }
    let (mut got, mut skipped) = (0, 0);
    while got + skipped < total {
        let event = tokio::time::timeout(Duration::from_secs(30), slow.next()).await.expect("an event in 30 s");
        match event.expect("the store lives") {
            TailEvent::Hits(hits) => got += hits.len() as u64,
            TailEvent::Skipped(some) => skipped += some.unexamined + some.matching,
        }
    }
    assert_eq!(got + skipped, total, "{got} got and {skipped} skipped");
    assert_eq!(slow.skip_to_now(), crate::Skipped::default(), "nothing is left");
}

/// Coverage tells what is held, dropped and dead of each source.
pub async fn coverage_tells_what_is_held<S: Store + ?Sized>(store: &S) {
    if !store.capabilities().coverage {
        return;
    }
    let mut first = BatchBuilder::new(10 << 64, 0, 0).origin("web", "h1", "/a.log");
    first.plain(b"one", 1).drop_bytes(10).plain(b"two", 2);
    let mut third = BatchBuilder::new(10 << 64, 0, first.end() + 100).origin("web", "h1", "/b.log").place(0, 1);
    third.plain(b"three", 3).plain(b"", 4).plain(b"four", 5).open();
    let (middle, gap) = (first.end(), first.end() + 100);
    let key = first.build().batch.header.key;
    store.write(&[first.build(), third.build()]).await.expect("write");
    store.note_dead_letters(key, &Intervals::from_iter([(middle, middle + 50)])).await.expect("dead letters");
    store.flush().await.expect("flush");
    let all = store.coverage(Some(key)).await.expect("coverage");
    assert_eq!(all.len(), 1, "one source: {all:?}");
    let one = &all[0];
    assert_eq!(one.stored, Intervals::from_iter([(0, 4), (14, middle), (gap, third.end())]), "stored");
    assert_eq!(one.durable, one.stored, "all of it is durable after a flush");
    assert_eq!(one.dropped, Intervals::from_iter([(4, 14)]), "dropped");
    assert_eq!(one.dead_letter, Intervals::from_iter([(middle, middle + 50)]), "dead letters");
    assert_eq!((one.stream.as_str(), one.host.as_str(), one.path.as_str()), ("web", "h1", "/b.log"));
    assert!(store.coverage(None).await.expect("coverage").contains(one), "among all");
}

/// After a flush, the cursors are behind everything that was written; another queue begins anew.
pub async fn cursors_are_durable_after_flush<S: Store + ?Sized>(store: &S) {
    if !store.capabilities().carries_cursors {
        return;
    }
    store.attach(QueueId(77)).await.expect("attach");
    let mut durable = store.durable();
    assert_eq!(durable.borrow_and_update().queue, QueueId(77));
    let batches = samples(12, 8, 10);
    store.write(&batches).await.expect("write");
    store.flush().await.expect("flush");
    let cursors = durable.borrow_and_update().clone();
    assert_eq!(cursors.queue, QueueId(77));
    for partition in [0, 1].map(Partition) {
        let places = batches.iter().map(|batch| batch.place).filter(|place| place.partition == partition);
        let next = places.map(|place| place.offset + 1).max().unwrap_or(0);
        assert_eq!(cursors.get(partition), next, "partition {partition}");
    }
    store.attach(QueueId(77)).await.expect("attach");
    assert_eq!(*durable.borrow_and_update(), cursors, "the same queue changes nothing");
    store.attach(QueueId(78)).await.expect("attach");
    assert_eq!(*durable.borrow_and_update(), model::Cursors::start_of(QueueId(78)));
}

/// A deadline gives a beginning of the whole answer, says so, and the cursor leads to the rest.
pub async fn a_deadline_gives_a_marked_beginning<S: Store + ?Sized>(store: &S) {
    let batches = samples(13, 10, 40);
    let wanted = Oracle::of(&batches).search("timeout", TimeRange::ALL);
    store.write(&batches).await.expect("write");
    for deadline in [Duration::ZERO, Duration::from_micros(50), Duration::from_secs(600)] {
        let scope = Scope { deadline: Some(deadline), ..scope("timeout") };
        let mut page =
            store.search(&SearchRequest { scope: scope.clone(), limit: 1000, after: None }).await.expect("search");
        page.hits.iter_mut().for_each(|hit| hit.fields.sort());
        assert!(page.complete || deadline < Duration::from_secs(600), "600 s are enough");
        assert!(wanted.starts_with(&page.hits), "the newest first and none left out, in {deadline:?}");
        if page.complete {
            assert_same(&page.hits, &wanted, "a complete page");
        } else {
            let scope = Scope { deadline: None, ..scope.clone() };
            let rest = SearchRequest { scope, limit: 1000, after: page.next };
            let mut rest = store.search(&rest).await.expect("search").hits;
            rest.iter_mut().for_each(|hit| hit.fields.sort());
            assert_same(&rest, &wanted[page.hits.len()..], "the rest");
        }
        let request = HistogramRequest { scope, bucket_micros: None, buckets: 10, by: None, series_max: 10 };
        let histogram = store.histogram(&request).await.expect("histogram");
        let all = wanted.len() as u64;
        assert!(histogram.total == all || (!histogram.complete && histogram.total < all), "{histogram:?}");
    }
}

/// A refusal names a record, which then is not found, while all others are.
pub async fn refusals_name_their_records<S: Store + ?Sized>(store: &S) {
    let mut batch = BatchBuilder::new(14 << 64, 0, 0);
    batch.plain(b"short", 1).plain(&vec![b'y'; 200_000], 2).plain(b"short too", 3);
    let batches = [batch.build()];
    let refused = store.write(&batches).await.expect("write");
    let mut wanted = Oracle::of(&batches);
    for refusal in &refused {
        assert!(refusal.batch == 0 && refusal.record < 3 && !refusal.reason.is_empty(), "{refusal:?}");
        let id = batches[0].batch.id(&batches[0].batch.records[refusal.record]);
        wanted.hits.retain(|hit| hit.id != id);
    }
    assert_same(&everything(store).await, &wanted.search("", TimeRange::ALL), "what was not refused");
}

/// Lines are bytes: none, any, a million of them, with newlines inside and without one at the end.
pub async fn odd_lines_come_back_as_they_are<S: Store + ?Sized>(store: &S) {
    let mut batch = BatchBuilder::new(15 << 64, 0, 0);
    let every: Vec<u8> = (0..=255).filter(|byte| *byte != b'\n').collect();
    batch
        .plain(b"", 1)
        .plain(&every, 2)
        .plain(b"", 2)
        .plain(b"first\n\tsecond\n", 3)
        .plain(b"carriage\r", i64::MIN + 1);
    batch
        .plain(&[b"start ".as_slice(), &vec![b'z'; 1 << 20], b" needle"].concat(), 5)
        .plain(b"last", i64::MAX - 1)
        .open();
    batch.line(
        b"f",
        7,
        Level::Fatal,
        Format::Plain,
        &[("empty", b""), ("binary", b"\xff\x00"), ("odd name: \"", b"1")],
    );
    let batches = [batch.build()];
    let oracle = Oracle::of(&batches);
    let refused = store.write(&batches).await.expect("write");
    if !refused.is_empty() {
        return;
    }
    for round in ["in the head", "flushed"] {
        for query in ["", "needle", "second", "\u{e4}", "carriage", "mark:open", "empty:\"\"", "odd\\ name\\:\\ \\\":1"]
        {
            let wanted = oracle.search(query, TimeRange::ALL);
            assert_same(&search_all(store, query, TimeRange::ALL, 3).await, &wanted, &format!("'{query}' {round}"));
        }
        store.flush().await.expect("flush");
    }
    assert!(everything(store).await.iter().any(|hit| hit.marks.has(Marks::OPEN)));
}

/// A page of very long lines ends before its limit, and the next one goes on.
pub async fn pages_of_long_lines_end_early<S: Store + ?Sized>(store: &S) {
    let mut start = 0;
    for n in 0..80u8 {
        let mut batch = BatchBuilder::new(18 << 64, 0, start).place(0, u64::from(n));
        batch.plain(&vec![b'a' + n % 26; 1_000_000 - usize::from(n)], i64::from(n));
        start = batch.end();
        let refused = store.write(&[batch.build()]).await.expect("write");
        if !refused.is_empty() {
            return;
        }
    }
    let mut after = None;
    let (mut lens, mut pages) = (Vec::new(), 0);
    loop {
        let page = store.search(&SearchRequest { scope: scope(""), limit: 1000, after }).await.expect("search");
        lens.extend(page.hits.iter().map(|hit| hit.line.len()));
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(lens, (0..80).rev().map(|n| 1_000_000 - n).collect::<Vec<_>>());
    assert!(pages > 1, "80 MB are more than a page");
}

/// The same offsets of two generations, and of two sources, are different records.
pub async fn generations_are_apart<S: Store + ?Sized>(store: &S) {
    let batch = |source: u128, generation: u32, text: &str| {
        let mut batch = BatchBuilder::new(16 << 64 | source, generation, 0);
        batch.plain(format!("{text} 1").as_bytes(), 1).plain(format!("{text} 2").as_bytes(), 2);
        batch.build()
    };
    let batches = [batch(1, 0, "old"), batch(1, 1, "new"), batch(2, 0, "old"), batch(1, 7, "old")];
    for batch in &batches {
        store.write(std::slice::from_ref(batch)).await.expect("write");
        store.write(std::slice::from_ref(batch)).await.expect("write");
    }
    store.flush().await.expect("flush");
    let wanted = Oracle::of(&batches).search("", TimeRange::ALL);
    assert_eq!(wanted.len(), 8);
    assert_same(&everything(store).await, &wanted, "two of each");
}

/// Requests that cannot be right are told so.
pub async fn impossible_requests_are_refused<S: Store + ?Sized>(store: &S) {
    let backwards = TimeRange { since: Timestamp::from_micros(2), until: Timestamp::from_micros(1) };
    let backwards = Scope { range: backwards, ..Scope::everything() };
    let histogram = |scope: Scope, buckets, bucket_micros| HistogramRequest {
        scope,
        buckets,
        bucket_micros,
        by: None,
        series_max: 5,
    };
    store.write(&samples(17, 2, 5)).await.expect("write");
    let search = |scope: Scope, limit| SearchRequest { scope, limit, after: None };
    for error in [
        store.search(&search(backwards.clone(), 1)).await.err(),
        store.search(&search(Scope::everything(), usize::MAX)).await.err(),
        store.histogram(&histogram(backwards.clone(), 10, None)).await.err(),
        store.histogram(&histogram(Scope::everything(), 0, None)).await.err(),
        store.histogram(&histogram(Scope::everything(), 10, Some(0))).await.err(),
        store.histogram(&histogram(Scope::everything(), 10, Some(1))).await.err(),
        store.facets(&FacetsRequest::new(backwards, Vec::new(), 1)).await.err(),
    ] {
        let error = error.expect("an error");
        assert_eq!(error.kind(), base::ErrorKind::Invalid, "{error}");
    }
}
