//! The conformance suite.

use std::path::Path;
use std::sync::Arc;

use queue::testing::{Capabilities, run, survives_reopening};
use queue::{Queue, decorators};

use crate::{EmbeddedQueue, Options};

fn small(partitions: u32) -> Options {
    Options { partitions, max_bytes: 1 << 20, segment_bytes: 64 << 10, reserve_free: 0, ..Options::default() }
}

fn open(folder: &Path, options: Options) -> EmbeddedQueue {
    EmbeddedQueue::open(folder, options).expect("opens")
}

#[tokio::test]
async fn keeps_the_contract() {
    for partitions in [1, 3] {
        let folder = tempfile::tempdir().expect("a folder");
        let queue = open(folder.path(), small(partitions));
        run(&queue, &Capabilities { partitions, capacity: Some(1 << 20) }).await;
    }
}

#[tokio::test]
async fn keeps_the_contract_when_calls_fail() {
    let folder = tempfile::tempdir().expect("a folder");
    let queue = decorators::Faulty::new(Arc::new(open(folder.path(), small(2))), 7, 0.2);
    run(&queue, &Capabilities { partitions: 2, capacity: Some(1 << 20) }).await;
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
