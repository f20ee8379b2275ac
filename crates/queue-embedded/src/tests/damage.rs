//! Bytes that are not as they were written: at the end (a crash), in the middle (a bad disk), from an older life.

use std::fs;
use std::path::Path;
use std::time::Duration;

use model::{Cursors, QueueId};
use queue::driver::HighWaters;
use queue::testing::BatchOf;
use queue::{Outcome, PollOptions, Position, Queue, QueueError};

use super::{append, copy_folder, everything, files, kilobyte, open, small};
use crate::recover::{Tail, recover};

/// How far a folder's partition recovers.
fn recovered(folder: &Path, queue: QueueId) -> (Option<Tail>, HighWaters) {
    let found = recover(&folder.join("topics/lines/p0"), queue, 0).expect("recovers");
    (found.tail, found.marks)
}

#[tokio::test]
async fn a_torn_end_is_cut_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let queue = open(folder.path(), small(1));
    let id = queue.id();
    let lines = queue.producer("lines").await.expect("opens");
    let mut lens = Vec::new();
    let segment = files(folder.path(), "segment").remove(0);
    for n in 0..4 {
        append(&*lines, BatchOf::source(1).numbered(n)).await;
        lens.push(fs::metadata(&segment).expect("is there").len() as usize);
    }
    drop((lines, queue));
    let whole = fs::read(&segment).expect("reads");
    let key = BatchOf::source(1).numbered(0).header.key;
    let check = |bytes: &[u8], entries: u64, what: &str| {
        fs::write(&segment, bytes).expect("writes");
        let (tail, marks) = recovered(folder.path(), id);
        assert_eq!(tail.map(|t| (t.end, t.at as usize)), Some((entries, lens[entries as usize - 1])), "{what}");
        assert_eq!(marks.get(key), Some(Position { end: entries * 64, open_line: None }), "{what}");
    };
    check(&whole, 4, "untouched");
    for cut in lens[2]..lens[3] {
        check(&whole[..cut], 3, &format!("cut at {cut}"));
        let mut zeros = whole.clone();
        zeros[cut..].fill(0);
        // A payload that ends in zero bytes would be whole; this one ends in a newline.
        check(&zeros, 3, &format!("zeros from {cut}"));
    }
    for at in lens[2]..lens[3] {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x20;
        check(&flipped, 3, &format!("flipped at {at}"));
    }
    for at in lens[0]..lens[1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        check(&flipped, 1, &format!("flipped at {at}"));
    }
}

#[tokio::test]
async fn after_a_torn_end_it_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let queue = open(folder.path(), small(1));
    let lines = queue.producer("lines").await.expect("opens");
    for n in 0..10 {
        append(&*lines, kilobyte(1, n)).await;
    }
    drop((lines, queue));
    let segment = files(folder.path(), "segment").remove(0);
    let bytes = fs::read(&segment).expect("reads");
    fs::write(&segment, &bytes[..bytes.len() - 1]).expect("writes");

    let queue = open(folder.path(), small(1));
    let lines = queue.producer("lines").await.expect("opens");
    let expected = Position { end: 9000, open_line: None };
    assert_eq!(append(&*lines, kilobyte(1, 10)).await, Outcome::Gap { expected });
    for n in 9..20 {
        assert!(matches!(append(&*lines, kilobyte(1, n)).await, Outcome::Appended(place) if place.offset == n));
    }
    drop((lines, queue));
    let queue = open(folder.path(), small(1));
    assert_eq!(everything(&queue).await, (0..20).map(|n| kilobyte(1, n)).collect::<Vec<_>>());
}

#[tokio::test]
async fn recycled_files_show_nothing_of_their_older_life() {
    let folder = tempfile::tempdir().expect("a folder");
    let queue = open(folder.path(), small(1));
    let lines = queue.producer("lines").await.expect("opens");
    let mut reader = queue.consumer("lines", "group").await.expect("joins");
    let mut sent = 0;
    let mut reused = 0;
    // All entries are equally long, so the leftovers stand exactly where new entries would.
    while reused < 3 {
        append(&*lines, kilobyte(1, sent)).await;
        sent += 1;
        let came = queue::testing::collect(&mut *reader, 1).await;
        let mut cursors = Cursors::start_of(queue.id());
        cursors.pass(came[0].place);
        reader.commit(&cursors).await.expect("commits");
        let last = files(folder.path(), "segment").pop().expect("a segment");
        let fresh = fs::metadata(&last).expect("is there").len() > 60_000;
        if fresh && sent % 65 == 5 {
            reused += 1;
            let copy = tempfile::tempdir().expect("a folder");
            copy_folder(folder.path(), copy.path());
            let (tail, _) = recovered(copy.path(), queue.id());
            assert_eq!(tail.map(|t| t.end), Some(sent), "as many as were appended");
        }
        assert!(sent < 5000, "no file was written again");
    }
}

#[tokio::test]
async fn what_a_sealed_segment_lost_is_named_and_passed_by_seeking() {
    let folder = tempfile::tempdir().expect("a folder");
    let queue = open(folder.path(), small(1));
    let lines = queue.producer("lines").await.expect("opens");
    for n in 0..100 {
        append(&*lines, kilobyte(1, n)).await;
    }
    drop((lines, queue));
    let first = files(folder.path(), "segment").remove(0);
    let mut bytes = fs::read(&first).expect("reads");
    bytes[5000] ^= 1;
    fs::write(&first, bytes).expect("writes");

    let queue = open(folder.path(), small(1));
    let mut reader = queue.consumer("lines", "group").await.expect("joins");
    let options = PollOptions { max_bytes: 1500, max_wait: Duration::from_secs(30) };
    let mut seen = 0;
    let error = loop {
        match reader.poll(options).await {
            Ok(found) => seen += found.len() as u64,
            Err(error) => break error,
        }
    };
    let QueueError::Unreadable { place, reason } = &error else { panic!("{error}") };
    assert!(place.offset == seen && reason.contains(&first.display().to_string()), "{error} after {seen}");
    assert!(reader.poll(options).await.is_err(), "it stays there");
    assert!(seen < 5, "{seen} entries stand before it");
    let next = Cursors { queue: queue.id(), next: [(model::Partition(0), 70)].into() };
    reader.seek(&next).await.expect("seeks");
    let found = reader.poll(options).await.expect("reads on in a whole segment");
    assert_eq!(found[0].batch, kilobyte(1, 70));
}

#[tokio::test]
async fn a_cursor_beyond_what_is_left_is_never_overtaken() {
    let folder = tempfile::tempdir().expect("a folder");
    let queue = open(folder.path(), small(1));
    let lines = queue.producer("lines").await.expect("opens");
    for n in 0..10 {
        append(&*lines, kilobyte(1, n)).await;
    }
    drop(queue.consumer("lines", "other").await.expect("joins"));
    queue::testing::delivered(&queue, "lines", "group", 10).await;
    drop((lines, queue));
    // A disk that lost what it had said was durable.
    let segment = files(folder.path(), "segment").remove(0);
    let bytes = fs::read(&segment).expect("reads");
    fs::write(&segment, &bytes[..3000]).expect("writes");

    let queue = open(folder.path(), small(1));
    let lines = queue.producer("lines").await.expect("opens");
    let held = lines.positions(&[kilobyte(1, 0).header.key]).await.expect("positions")[0].expect("is held").end;
    assert_eq!(held, 2000);
    for n in 2..12 {
        assert!(matches!(append(&*lines, kilobyte(1, n)).await, Outcome::Appended(place) if place.offset > 10));
    }
    let came = queue::testing::delivered(&queue, "lines", "group", 10).await;
    assert_eq!(
        came.into_iter().map(|d| d.batch).collect::<Vec<_>>(),
        (2..12).map(|n| kilobyte(1, n)).collect::<Vec<_>>()
    );
    let mut other = queue.consumer("lines", "other").await.expect("joins");
    assert_eq!(queue::testing::collect(&mut *other, 12).await.len(), 12, "the gap in the offsets is passed");
}

#[tokio::test]
async fn without_the_newest_snapshot_an_older_one_serves() {
    let folder = tempfile::tempdir().expect("a folder");
    let queue = open(folder.path(), small(1));
    let lines = queue.producer("lines").await.expect("opens");
    for n in 0..200 {
        append(&*lines, kilobyte(1 + u128::from(n % 3), n / 3)).await;
    }
    let id = queue.id();
    drop((lines, queue));
    let (tail, marks) = recovered(folder.path(), id);
    let newest = files(folder.path(), "marks").pop().expect("a snapshot");
    fs::write(&newest, b"rubbish").expect("writes");
    let (same_tail, same) = recovered(folder.path(), id);
    assert_eq!(tail, same_tail);
    for source in 1..=3 {
        let key = kilobyte(source, 0).header.key;
        assert!(marks.get(key).is_some());
        assert_eq!(marks.get(key), same.get(key));
    }
}
