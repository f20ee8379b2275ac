//! The conformance suite.

use std::sync::Arc;

use queue::testing::{Capabilities, run, survives_reopening};
use queue::{Queue, QueueError, decorators};

use super::{copy_folder, open, small};
use crate::{EmbeddedQueue, Options};

#[tokio::test]
async fn keeps_the_contract() {
    for partitions in [1, 3] {
        let folder = tempfile::tempdir().expect("a folder");
        let queue = open(folder.path(), small(partitions));
        run(&queue, &Capabilities::whole(partitions, Some(1 << 20))).await;
    }
}

#[tokio::test]
async fn keeps_the_contract_when_calls_fail() {
    let folder = tempfile::tempdir().expect("a folder");
    let queue = decorators::Faulty::new(Arc::new(open(folder.path(), small(2))), 7, 0.2);
    run(&queue, &Capabilities::whole(2, Some(1 << 20))).await;
}

#[tokio::test]
async fn survives_an_orderly_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    survives_reopening(Arc::new(open(path, small(2))), |queue| async move {
        queue.close().await.expect("closes");
        Arc::new(open(path, small(2))) as Arc<dyn Queue>
    })
    .await;
}

#[tokio::test]
async fn survives_a_kill() {
    let (first, second) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let (from, to) = (first.path(), second.path());
    survives_reopening(Arc::new(open(from, small(2))), |killed| async move {
        copy_folder(from, to);
        drop(killed);
        Arc::new(open(to, small(2))) as Arc<dyn Queue>
    })
    .await;
}

#[test]
fn one_process_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = open(folder.path(), small(1));
    let Err(error) = EmbeddedQueue::open(folder.path(), small(1)) else { panic!("it was opened twice") };
    assert!(error.to_string().contains(&format!("process {} has it open", std::process::id())), "{error}");
    let id = first.id();
    drop(first);
    assert_eq!(open(folder.path(), small(1)).id(), id);
}

#[tokio::test]
async fn a_newer_folder_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    open(folder.path(), small(1)).producer("lines").await.expect("opens");
    for file in ["queue", "topics/lines/topic"] {
        let path = folder.path().join(file);
        let text = std::fs::read_to_string(&path).expect("reads");
        std::fs::write(&path, text.replacen(" 1\n", " 2\n", 1)).expect("writes");
        let refused = EmbeddedQueue::open(folder.path(), small(1)).err();
        assert!(matches!(refused, Some(QueueError::Format { .. })), "{file}: {refused:?}");
        assert!(refused.is_some_and(|e| e.to_string().contains("use the newer logdrive")));
        std::fs::write(&path, text).expect("writes");
    }
    let segment = super::files(folder.path(), "segment").remove(0);
    let mut bytes = std::fs::read(&segment).expect("reads");
    bytes[8] = 9;
    std::fs::write(&segment, bytes).expect("writes");
    assert!(matches!(EmbeddedQueue::open(folder.path(), small(1)).err(), Some(QueueError::Format { .. })));
}

#[tokio::test]
async fn a_topic_keeps_its_partitions() {
    let folder = tempfile::tempdir().expect("a folder");
    open(folder.path(), small(3)).producer("lines").await.expect("opens");
    let queue = open(folder.path(), Options { partitions: 5, ..small(1) });
    assert_eq!(queue.stats("lines").await.expect("stats").partitions.len(), 3);
    assert_eq!(queue.stats("others").await.expect("stats").partitions.len(), 5);
}
