//! Retention, recycling, idle disks, memory bounds.

use std::fs;
use std::time::Duration;

use model::Cursors;
use queue::{Consumer, Outcome, Queue};

use super::{append, files, kilobyte, open, small, until};
use crate::{EmbeddedQueue, Options};

async fn fill(queue: &EmbeddedQueue, from: u64, count: u64) {
    let lines = queue.producer("lines").await.expect("opens");
    for n in from..from + count {
        assert!(matches!(append(&*lines, kilobyte(1, n)).await, Outcome::Appended(_)), "{n}");
    }
}

async fn read(queue: &EmbeddedQueue, reader: &mut dyn Consumer, count: usize) {
    let came = queue::testing::collect(reader, count).await;
    let mut cursors = Cursors::start_of(queue.id());
    came.iter().for_each(|delivery| cursors.pass(delivery.place));
    reader.commit(&cursors).await.expect("commits");
}

async fn first(queue: &EmbeddedQueue) -> u64 {
    queue.stats("lines").await.expect("stats").partitions[0].1
}

#[tokio::test]
async fn the_slowest_group_decides() {
    let folder = tempfile::tempdir().expect("a folder");
    let queue = open(folder.path(), small(1));
    let mut fast = queue.consumer("lines", "fast").await.expect("joins");
    let mut slow = queue.consumer("lines", "slow").await.expect("joins");
    fill(&queue, 0, 300).await;
    assert!(files(folder.path(), "segment").len() >= 5);
    read(&queue, &mut *fast, 300).await;
    assert_eq!(first(&queue).await, 0, "the other group has read nothing");
    drop((fast, slow));
    drop(queue);

    // A group that is away is known nevertheless.
    let queue = open(folder.path(), small(1));
    read(&queue, &mut *queue.consumer("lines", "fast").await.expect("joins"), 0).await;
    slow = queue.consumer("lines", "slow").await.expect("joins");
    assert_eq!(first(&queue).await, 0);
    read(&queue, &mut *slow, 300).await;
    until("what both have read goes", async || files(folder.path(), "segment").len() == 1).await;
    assert!(first(&queue).await > 200);
}

#[tokio::test]
async fn what_was_read_is_kept_as_long_as_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { keep_bytes: 200_000, ..small(1) };
    let queue = open(folder.path(), options);
    let mut reader = queue.consumer("lines", "group").await.expect("joins");
    fill(&queue, 0, 400).await;
    read(&queue, &mut *reader, 400).await;
    until("the rest goes", async || first(&queue).await > 100).await;
    let (_, first, end, bytes) = queue.stats("lines").await.expect("stats").partitions[0];
    assert!(end - first >= 120 && bytes <= 300_000, "{first}..{end}, {bytes} bytes");
}

#[tokio::test]
async fn files_are_written_again_and_given_back_when_idle() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { idle_after: Duration::from_millis(1500), ..small(1) };
    let queue = open(folder.path(), options);
    let mut reader = queue.consumer("lines", "group").await.expect("joins");
    let (mut sent, mut recycled) = (0, false);
    while !recycled && sent < 3000 {
        fill(&queue, sent, 10).await;
        sent += 10;
        read(&queue, &mut *reader, 10).await;
        recycled = !files(folder.path(), "recycled").is_empty();
    }
    assert!(recycled, "files are kept to be written again while appends flow");
    until("an idle queue whose groups have read everything takes no room", async || {
        let files = [files(folder.path(), "segment"), files(folder.path(), "recycled")].concat();
        files.iter().filter_map(|f| fs::metadata(f).ok()).map(|m| m.len()).sum::<u64>() <= 64
    })
    .await;
    fill(&queue, sent, 10).await;
    read(&queue, &mut *reader, 10).await;
}

#[tokio::test]
async fn only_so_much_is_under_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { max_in_flight: 20_000, ..small(1) };
    let queue = open(folder.path(), options);
    let lines = queue.producer("lines").await.expect("opens");
    let acks: Vec<_> = (0..2000).map(|n| lines.append(kilobyte(n, 0))).collect();
    let (mut taken, mut refused) = (0, 0);
    for ack in acks {
        match ack.await.expect("an outcome") {
            Outcome::Appended(_) => taken += 1,
            Outcome::BackPressure { .. } => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(taken >= 13 && refused > 0, "{taken} taken, {refused} refused");
    let counters = queue.counters("lines").expect("counters");
    assert_eq!((counters.batches, counters.in_flight, counters.sources), (taken, 0, taken));
    assert!(counters.groups <= taken && counters.bytes == taken * 1000);
}

#[tokio::test]
async fn many_batches_share_a_sync() {
    let folder = tempfile::tempdir().expect("a folder");
    let queue = open(folder.path(), small(1));
    let lines = queue.producer("lines").await.expect("opens");
    let acks: Vec<_> = (0..500).map(|n| lines.append(kilobyte(n, 0))).collect();
    for ack in acks {
        assert!(matches!(ack.await, Ok(Outcome::Appended(_))));
    }
    let counters = queue.counters("lines").expect("counters");
    assert!(counters.groups < 250, "{counters:?}");
}

#[tokio::test]
async fn forgotten_sources_begin_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = std::sync::Arc::new(base::ManualClock::at(base::Timestamp::from_micros(1_000_000)));
    let options = Options { forget_sources_after: Duration::from_secs(60), clock: clock.clone(), ..small(1) };
    let queue = open(folder.path(), options);
    let lines = queue.producer("lines").await.expect("opens");
    append(&*lines, kilobyte(7, 0)).await;
    fill(&queue, 0, 30).await;
    clock.advance_micros(61_000_000);
    fill(&queue, 30, 100).await;
    let keys = [kilobyte(7, 0).header.key, kilobyte(1, 0).header.key];
    let held = lines.positions(&keys).await.expect("positions");
    assert!(held[0].is_none() && held[1].is_some(), "{held:?}");
}
