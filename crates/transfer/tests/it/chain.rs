//! From queue to store under faults: everything arrives once, whatever fails on the way.

use std::sync::Arc;

use config::StreamConfig;
use model::Revision;
use queue::{LINES, MemoryQueue, Queue};
use store::decorators::Faulty as FaultyStore;
use store::{MemoryLimits, MemoryStore, Reader, Store};

use crate::common::{append, batch, dead_letters, lines, start, stop, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_arrives_once_although_the_store_fails() {
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new());
    let faulty = Arc::new(FaultyStore::faulty(MemoryStore::default(), 42, 150, 150));
    let store: Arc<dyn Store> = faulty.clone();
    let (supervisor, _) = start(&queue, &store, &[]);
    let mut written = Vec::new();
    for source in 1..=3 {
        let mut at = 0;
        for n in 0..40 {
            let text: Vec<String> = (0..n % 7 + 1).map(|k| format!("{source} {n} {k}")).collect();
            let refs: Vec<&[u8]> = text.iter().map(|line| line.as_bytes()).collect();
            at = append(&*queue, batch(source, at, &refs)).await;
            written.extend(text.into_iter().map(String::into_bytes));
        }
    }
    until("all lines in the store", async || lines(faulty.inner()).await.len() >= written.len()).await;
    faulty.heal();
    stop(&supervisor).await;
    assert_eq!(lines(faulty.inner()).await, written);
    let consumer = queue.consumer(LINES, "store").await.unwrap();
    let committed: u64 = consumer.committed().await.unwrap().next.values().sum();
    assert_eq!(committed, 120, "what is durable is committed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_kept_goes_to_the_dead_letters_and_holds_nobody_up() {
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new());
    let memory = Arc::new(MemoryStore::new(MemoryLimits { line_bytes: 20, ..MemoryLimits::default() }));
    let store: Arc<dyn Store> = memory.clone();
    let (supervisor, handle) = start(&queue, &store, &[]);
    let long = [b'x'; 50];
    let at = append(&*queue, batch(1, 0, &[b"before", &long, b"between"])).await;
    let mut damaged = batch(1, at, &[b"garbled"]);
    Arc::make_mut(&mut damaged.header).payload_crc ^= 1;
    let at = append(&*queue, damaged).await;
    append(&*queue, batch(1, at, &[b"after"])).await;
    until("the last line", async || lines(&*memory).await.len() >= 3).await;
    stop(&supervisor).await;
    assert_eq!(lines(&*memory).await, [&b"before"[..], b"between", b"after"]);

    let letters = dead_letters(&queue, 2).await;
    assert_eq!(letters.len(), 2);
    assert_eq!(&letters[0].bytes[..50], &long[..]);
    assert_eq!((letters[0].header.start, letters[0].header.end), (7, 58));
    assert!(letters[1].reason.contains("checksum"), "{}", letters[1].reason);
    let coverage = memory.coverage(None).await.unwrap();
    assert_eq!(coverage[0].dead_letter.ranges(), &[(7, 58), (66, 74)]);
    assert_eq!(handle.streams()[0].1.dead_letters, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_drops_and_the_bytes_are_counted() {
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new());
    let memory = Arc::new(MemoryStore::default());
    let store: Arc<dyn Store> = memory.clone();
    let stream =
        StreamConfig { drop: vec!["^DEBUG".to_owned()], revision: Revision(1), ..StreamConfig::new("s", Vec::new()) };
    let (supervisor, handle) = start(&queue, &store, &[stream]);
    append(&*queue, batch(1, 0, &[b"DEBUG noise", b"kept", b"DEBUG more"])).await;
    until("the kept line", async || lines(&*memory).await.len() == 1).await;
    stop(&supervisor).await;
    let coverage = memory.coverage(None).await.unwrap();
    assert_eq!(coverage[0].dropped.ranges(), &[(0, 12), (17, 28)]);
    assert_eq!(coverage[0].stored.ranges(), &[(12, 17)]);
    assert_eq!(handle.streams()[0].1.dropped_bytes, 23);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_lost_is_filled_again_with_what_the_queue_still_holds() {
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new());
    let text = [&b"one"[..], b"two"];
    let at = append(&*queue, batch(1, 0, &text)).await;
    for round in 0..2 {
        let memory = Arc::new(MemoryStore::default());
        let store: Arc<dyn Store> = memory.clone();
        let (supervisor, _) = start(&queue, &store, &[]);
        until("both lines", async || lines(&*memory).await == text).await;
        stop(&supervisor).await;
        let committed = queue.consumer(LINES, "store").await.unwrap().committed().await.unwrap();
        assert_eq!(committed.next.values().sum::<u64>(), 1, "round {round}: the group is behind the batch");
    }
    assert_eq!(at, 8);
}
