//! What survives, what is put aside, what is removed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::{ByteSize, Clock, Explain, Intervals, ManualClock, Retry, Timestamp};
use model::{Partition, Place, QueueId, RecordId, SourceKey};
use store::testing::{BatchBuilder, everything};
use store::{Reader, StoreBatch, StoreError, Writer};
use store_embedded::{EmbeddedStore, Options};

fn options() -> Options {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_micros(0)));
    Options { free_bytes_min: ByteSize(0), merge: false, clock, ..Options::default() }
}

fn open(dir: &Path) -> Arc<EmbeddedStore> {
    EmbeddedStore::open(dir, options()).unwrap()
}

/// Batch `n` of a source: ten records of one second each, at offset `n` of the queue.
fn batch(source: u128, n: u64) -> StoreBatch {
    let line = |i: u64| format!("line {:06} of source {source}", n * 10 + i);
    let len = line(0).len() as u64 + 1;
    let mut builder = BatchBuilder::new(source, 0, n * 10 * len).place(0, n);
    for i in 0..10 {
        builder.plain(line(i).as_bytes(), ((n * 10 + i) * 1_000_000) as i64);
    }
    builder.build()
}

fn key(source: u128) -> SourceKey {
    batch(source, 0).batch.header.key
}

async fn ids(store: &EmbeddedStore) -> Vec<RecordId> {
    let mut ids: Vec<_> = everything(store).await.into_iter().map(|hit| hit.id).collect();
    ids.sort_unstable();
    ids
}

/// Waits until `is_so`, for as long as it takes (the test runner knows when to give up).
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    while !is_so().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for day in std::fs::read_dir(dir)
        .unwrap()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("day="))
    {
        found.extend(std::fs::read_dir(day.path()).unwrap().flatten().map(|file| file.path()));
    }
    found.sort();
    found
}

#[tokio::test]
async fn parts_of_a_commit_that_cannot_be_read_are_put_aside_not_removed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.attach(QueueId(9)).await.unwrap();
    for n in 0..2 {
        store.write(&[batch(1, n)]).await.unwrap();
        store.flush().await.unwrap();
    }
    drop(store);
    let (before, manifest) = (files(dir.path()), dir.path().join("_manifest"));
    let mut bytes = std::fs::read(&manifest).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&manifest, &bytes).unwrap();

    let store = open(dir.path());
    assert_eq!(ids(&store).await.len(), 10);
    let after = files(dir.path());
    let aside = dir.path().join("_quarantine");
    let gone: Vec<_> = before.iter().filter(|file| !after.contains(file)).collect();
    assert!(gone.len() == 2 && gone.iter().all(|file| aside.join(file.file_name().unwrap()).exists()), "{gone:?}");
    assert_eq!(std::fs::read(aside.join("_manifest")).unwrap(), bytes);
}

#[tokio::test]
async fn what_was_not_flushed_is_gone_after_a_crash_and_is_taken_again() {
    let dir = tempfile::tempdir().unwrap();
    let batches: Vec<_> = (0..6).map(|n| batch(1, n)).collect();
    let store = open(dir.path());
    store.attach(QueueId(9)).await.unwrap();
    store.write(&batches[..3]).await.unwrap();
    store.flush().await.unwrap();
    store.write(&batches[3..5]).await.unwrap();
    assert_eq!(ids(&store).await.len(), 50);
    drop(store);

    let store = open(dir.path());
    assert_eq!(ids(&store).await.len(), 30, "exactly what the manifest says");
    let cursors = store.durable().borrow().clone();
    assert_eq!((cursors.queue, cursors.get(Partition(0))), (QueueId(9), 3));
    let coverage = &store.coverage(Some(key(1))).await.unwrap()[0];
    assert_eq!(coverage.stored, coverage.durable);
    store.write(&batches).await.unwrap();
    let all = ids(&store).await;
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (60, 60), "each record once");
}

#[tokio::test]
async fn cursors_pass_what_holds_nothing_new() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.attach(QueueId(9)).await.unwrap();
    store.write(&[batch(1, 0)]).await.unwrap();
    store.flush().await.unwrap();
    let place = |offset| Place { partition: Partition(0), offset };
    let mut empty = BatchBuilder::new(2, 0, 0).place(0, 2);
    empty.drop_bytes(7);
    store.write(&[StoreBatch { place: place(1), ..batch(1, 0) }, empty.build()]).await.unwrap();
    store.flush().await.unwrap();
    assert_eq!(store.durable().borrow().get(Partition(0)), 3);
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.durable().borrow().get(Partition(0)), 3);
    let coverage = &store.coverage(Some(key(2))).await.unwrap()[0];
    assert_eq!((coverage.dropped.total(), coverage.stored.total()), (7, 0));
    assert_eq!(store.stats().await.unwrap().records, 10);
}

#[tokio::test]
async fn a_damaged_part_is_put_aside_and_the_others_are_found() {
    for (victim, cut) in [("idx", true), ("parquet", true), ("idx", false), ("parquet", false)] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        for n in 0..3 {
            store.write(&[batch(1, n)]).await.unwrap();
            store.flush().await.unwrap();
        }
        drop(store);
        let file =
            files(dir.path()).into_iter().filter(|file| file.extension().is_some_and(|e| e == victim)).nth(1).unwrap();
        let mut bytes = std::fs::read(&file).unwrap();
        match cut {
            true => bytes.truncate(bytes.len() - 1),
            // Somewhere among the pages.
            false => bytes[40] ^= 0xff,
        }
        std::fs::write(&file, bytes).unwrap();
        let store = open(dir.path());
        let _ = store.search(&request()).await;
        until(async || !store.quarantined().is_empty() && store.stats().await.unwrap().parts == 2).await;
        assert_eq!(ids(&store).await.len(), 20, "{victim}, cut: {cut}");
        let stored = &store.coverage(Some(key(1))).await.unwrap()[0].stored;
        assert_eq!(stored.ranges().len(), 2, "the gap shows: {stored:?}");
        assert!(!file.exists() && dir.path().join("_quarantine").join(file.file_name().unwrap()).exists());
        store.write(&[batch(1, 1)]).await.unwrap();
        assert_eq!(ids(&store).await.len(), 30, "they may come again");
    }
}

fn request() -> store::SearchRequest {
    store::SearchRequest { scope: store::Scope::everything(), limit: 1000, after: None }
}

#[tokio::test]
async fn what_a_crash_left_between_part_and_manifest_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.write(&[batch(1, 0)]).await.unwrap();
    store.flush().await.unwrap();
    drop(store);
    let before = files(dir.path());
    let day = before[0].parent().unwrap();
    for name in ["part-0000000007.parquet", "_part-0000000007.idx", ".part-0000000008.parquet.tmp"] {
        std::fs::write(day.join(name), "half").unwrap();
    }
    std::fs::write(day.join("notes.txt"), "not ours").unwrap();
    let manifest = dir.path().join("_manifest");
    let mut torn = std::fs::read(&manifest).unwrap();
    torn.extend_from_slice(b"\x90\x01\x00\x00half a change");
    std::fs::write(&manifest, torn).unwrap();
    let store = open(dir.path());
    assert_eq!(ids(&store).await.len(), 10);
    let mut left = [before.clone(), vec![day.join("notes.txt")]].concat();
    left.sort();
    assert_eq!(files(dir.path()), left);
}

#[tokio::test]
async fn a_second_opening_is_refused_while_the_first_lives() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert!(matches!(EmbeddedStore::open(dir.path(), options()), Err(StoreError::Unavailable { .. })));
    drop(store);
    open(dir.path());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trickle_is_merged_and_no_reader_notices() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(dir.path(), Options { merge: true, ..options() }).unwrap();
    let reader = store.clone();
    let reading = tokio::spawn(async move {
        let mut seen = 0;
        while seen < 300 {
            let ids = ids(&reader).await;
            assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "no record twice");
            assert!(ids.len() >= seen, "none goes: {} after {seen}", ids.len());
            seen = ids.len();
        }
    });
    let first = store.snapshot();
    let mut snapshots = vec![first];
    for n in 0..30 {
        store.write(&[batch(1, n)]).await.unwrap();
        store.flush().await.unwrap();
        snapshots.push(store.snapshot());
    }
    reading.await.unwrap();
    until(async || store.stats().await.unwrap().parts < 8).await;
    let rows = |snapshot: &store_embedded::Snapshot| -> u64 {
        let rows = |part: &Arc<store_embedded::part::Part>| {
            part.open().unwrap().groups().iter().map(|g| u64::from(g.rows)).sum::<u64>()
        };
        snapshot.parts.iter().map(rows).sum()
    };
    for (n, snapshot) in snapshots.iter().enumerate() {
        assert_eq!(rows(snapshot), n as u64 * 10, "an old snapshot stays readable");
    }
    drop(snapshots);
    assert_eq!(ids(&store).await.len(), 300);
    let parts = store.stats().await.unwrap().parts as usize;
    until(async || files(dir.path()).len() == parts * 2).await;
    drop(store);
    let store = open(dir.path());
    let whole = Intervals::from_iter([(0, batch(1, 29).batch.header.end)]);
    assert_eq!(store.coverage(Some(key(1))).await.unwrap()[0].stored, whole);
    assert_eq!(ids(&store).await.len(), 300);
}

#[tokio::test]
async fn retention_by_age_and_by_bytes_removes_the_oldest_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(100_000_000)));
    let age = Options { retention_age: Some(Duration::from_secs(60)), clock: clock.clone(), ..options() };
    let store = EmbeddedStore::open(dir.path(), age).unwrap();
    for n in 0..10 {
        store.write(&[batch(1, n)]).await.unwrap();
        store.flush().await.unwrap();
    }
    // The parts end at 9, 19, 29 … seconds; the clock shows 100, so those before 40 go.
    until(async || store.stats().await.unwrap().parts == 6).await;
    let coverage = store.coverage(Some(key(1))).await.unwrap().remove(0);
    let end = batch(1, 3).batch.header.end;
    assert_eq!(coverage.expired.ranges(), [(0, end)]);
    assert_eq!(coverage.stored.ranges(), [(end, batch(1, 9).batch.header.end)]);
    store.write(&[batch(1, 0)]).await.unwrap();
    assert_eq!(ids(&store).await.len(), 60, "what expired is not taken again");
    clock.advance_micros(20_000_000);
    until(async || store.stats().await.unwrap().parts == 4).await;
    let disk = store.stats().await.unwrap().disk_bytes;
    drop(store);
    let bytes = Options { retention_bytes: Some(ByteSize(disk / 2)), ..options() };
    let store = EmbeddedStore::open(dir.path(), bytes).unwrap();
    until(async || store.stats().await.unwrap().parts == 2).await;
    assert_eq!(ids(&store).await.len(), 20);
    until(async || files(dir.path()).len() == 4).await;
}

#[tokio::test]
async fn too_little_room_pauses_and_resumes_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.set_free_bytes_min(ByteSize(1 << 60));
    let refused = store.write(&[batch(1, 0)]).await.unwrap_err();
    assert_eq!((refused.retry(), matches!(refused, StoreError::Exhausted { .. })), (Retry::Later, true));
    assert!(store.stats().await.unwrap().paused.is_some_and(|reason| reason.contains("free")));
    store.set_free_bytes_min(ByteSize(0));
    store.write(&[batch(1, 0)]).await.unwrap();
    assert_eq!(store.stats().await.unwrap().paused, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_cannot_be_written_pauses_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(dir.path(), Options { head_bytes: ByteSize(1000), ..options() }).unwrap();
    store.attach(QueueId(1)).await.unwrap();
    // A file where the folder of the day should be: no part can be made.
    let obstacle = dir.path().join("day=1970-01-01");
    std::fs::write(&obstacle, "").unwrap();
    let mut taken = 0;
    let refused = loop {
        match store.write(&[batch(1, taken)]).await {
            Ok(_) => taken += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.retry(), Retry::Later, "{refused}");
    assert_eq!(store.durable().borrow().get(Partition(0)), 0);
    assert_eq!(ids(&store).await.len() as u64, taken * 10, "what was taken is found");
    assert!(store.stats().await.unwrap().paused.is_some());
    std::fs::remove_file(&obstacle).unwrap();
    until(async || store.write(&[batch(1, taken)]).await.is_ok()).await;
    until(async || store.flush().await.is_ok()).await;
    assert_eq!(ids(&store).await.len() as u64, (taken + 1) * 10);
    assert_eq!(store.durable().borrow().get(Partition(0)), taken + 1);
    assert_eq!(store.stats().await.unwrap().paused, None);
}

#[tokio::test]
async fn an_import_of_many_days_makes_few_parts() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut builder = BatchBuilder::new(1, 0, 0);
    for day in 0..2000 {
        builder.plain(format!("day {day}").as_bytes(), day * 86_400_000_000);
    }
    store.write(&[builder.build()]).await.unwrap();
    store.flush().await.unwrap();
    assert_eq!((files(dir.path()).len(), ids(&store).await.len()), (2, 2000));
}

#[tokio::test]
async fn a_store_whose_manifest_is_gone_is_refused_and_keeps_its_parts() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.write(&[batch(1, 0)]).await.unwrap();
    store.flush().await.unwrap();
    let held = ids(&store).await;
    drop(store);
    let (manifest, aside) = (dir.path().join("_manifest"), dir.path().join("aside"));
    std::fs::rename(&manifest, &aside).unwrap();
    let error = EmbeddedStore::open(dir.path(), options()).err().expect("it is refused");
    assert!(error.to_string().contains("_manifest") && error.to_string().contains("put it back"), "{error}");
    std::fs::rename(&aside, &manifest).unwrap();
    assert_eq!(ids(&open(dir.path())).await, held);
}
