//! Dead letters that are tried again, or given up.

use std::sync::Arc;

use config::Start;
use model::RecordId;
use queue::{DEAD_LETTERS, LINES, MemoryQueue, Queue};
use store::{MemoryLimits, MemoryStore, Reader, Store};
use transfer::{Fate, LETTERS_GROUP, Letters, Settlement};

use crate::common::{append, batch, committed, lines, part, parts, start_parts, stop, until};
use crate::stores::Plain;

/// A store that refuses longer lines, and leaves the cursors to the queue.
fn narrow(line_bytes: usize) -> Arc<Plain> {
    Arc::new(Plain(MemoryStore::new(MemoryLimits { line_bytes, ..MemoryLimits::default() })))
}

fn fates(settled: &[Settlement]) -> Vec<(u64, &str, Fate)> {
    settled.iter().map(|one| (one.id.offset, one.store.as_str(), one.fate)).collect()
}

async fn all(letters: &Letters) -> Vec<Settlement> {
    letters.retry(None).await.unwrap().0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_is_stored_once_its_cause_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("letters.json");
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new());
    let first = narrow(10);
    let store: Arc<dyn Store> = first.clone();
    let mut sent = batch(1, 0, &[b"short", b"a line of two", b"  that is too long", b"another long line"]);
    // The second and third line are one record.
    let header = Arc::make_mut(&mut sent.header);
    (header.records, header.continuations) = (3, [20].into());
    append(&*queue, sent).await;
    let (supervisor, handle) = start_parts(parts(&queue, vec![part("default", &store, Start::Beginning)]), &[]);
    until("behind the letters", async || committed(&queue, LINES, "store").await == 1).await;
    let letters = handle.letters(&file).unwrap();
    let settled = all(&letters).await;
    assert_eq!(fates(&settled), [(6, "default", Fate::Refused), (39, "default", Fate::Refused)]);
    assert!(settled[0].reason.as_ref().unwrap().contains("more than 10"), "{settled:?}");

    let id = settled[1].id;
    let (given_up, more) = letters.give_up(Some(&[id])).await.unwrap();
    assert_eq!((fates(&given_up), more), (vec![(39, "default", Fate::Dropped)], false));
    let coverage = first.coverage(None).await.unwrap().remove(0);
    assert_eq!(coverage.dropped.ranges(), &[(39, 57)]);
    assert!(letters.give_up(Some(&[id])).await.unwrap().0.is_empty(), "it is settled");
    assert_eq!(committed(&queue, DEAD_LETTERS, LETTERS_GROUP).await, 0, "the first is not settled");
    stop(&supervisor).await;

    let wide = narrow(1000);
    let store: Arc<dyn Store> = wide.clone();
    let (supervisor, handle) = start_parts(parts(&queue, vec![part("default", &store, Start::Beginning)]), &[]);
    let letters = handle.letters(&file).unwrap();
    assert!(lines(&*wide).await.is_empty());
    assert_eq!(fates(&all(&letters).await), [(6, "default", Fate::Stored)]);
    assert_eq!(lines(&*wide).await, [b"a line of two\n  that is too long"]);
    assert_eq!(all(&letters).await, []);
    assert_eq!(committed(&queue, DEAD_LETTERS, LETTERS_GROUP).await, 2, "the queue may remove both");
    stop(&supervisor).await;
    // It is noted: after a restart too.
    let again = handle.letters(&file).unwrap();
    let stats = queue.stats(DEAD_LETTERS).await.unwrap();
    let (partition, _, end, _) = stats.partitions[0];
    assert_eq!(end, 2);
    assert!((0..2).all(|offset| again.is_settled(model::Place { partition, offset })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_letter_goes_to_its_own_store() {
    let folder = tempfile::tempdir().unwrap();
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new());
    let stores: Vec<Arc<dyn Store>> = vec![narrow(20), narrow(10), narrow(10)];
    let named = |n: usize, name: &str| part(name, &stores[n], Start::Beginning);
    append(&*queue, batch(1, 0, &[b"twelve bytes"])).await;
    let three = vec![named(0, "default"), named(1, "archive"), named(2, "old")];
    let (supervisor, _) = start_parts(parts(&queue, three), &[]);
    for group in ["store-archive", "store-old"] {
        until("behind the letter", async || committed(&queue, LINES, group).await == 1).await;
    }
    stop(&supervisor).await;

    let mended: Arc<dyn Store> = narrow(100);
    let two = vec![named(0, "default"), part("archive", &mended, Start::Beginning)];
    let (supervisor, handle) = start_parts(parts(&queue, two), &[]);
    let letters = handle.letters(&folder.path().join("letters.json")).unwrap();
    let id: RecordId = letters.retry(None).await.unwrap().0[0].id;
    let left = letters.retry(Some(&[id])).await.unwrap().0;
    assert_eq!(fates(&left), [(0, "old", Fate::Kept)]);
    assert!(left[0].reason.as_ref().unwrap().contains("no store of lines here"));
    assert_eq!(lines(&mended).await, [b"twelve bytes"]);
    assert_eq!(fates(&letters.give_up(None).await.unwrap().0), [(0, "old", Fate::Dropped)]);
    assert_eq!(letters.retry(None).await.unwrap().0, []);
    stop(&supervisor).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_as_it_was_read_is_never_stored() {
    let folder = tempfile::tempdir().unwrap();
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new());
    let store: Arc<dyn Store> = narrow(100);
    let mut damaged = batch(1, 0, &[b"garbled"]);
    Arc::make_mut(&mut damaged.header).payload_crc ^= 1;
    append(&*queue, damaged).await;
    let (supervisor, handle) = start_parts(parts(&queue, vec![part("default", &store, Start::Beginning)]), &[]);
    until("behind the letter", async || committed(&queue, LINES, "store").await == 1).await;
    let letters = handle.letters(&folder.path().join("letters.json")).unwrap();
    let kept = all(&letters).await;
    assert_eq!(fates(&kept), [(0, "default", Fate::Kept)]);
    assert!(kept[0].reason.as_ref().unwrap().contains("drop it"));
    assert!(lines(&store).await.is_empty());
    stop(&supervisor).await;
    // Nobody carries it now; nothing is settled by that.
    let waits = tokio::time::timeout(std::time::Duration::from_millis(300), letters.give_up(None)).await;
    assert!(waits.is_err());
    assert!(!letters.is_settled(model::Place::default()));
}
