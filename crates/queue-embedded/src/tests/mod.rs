//! The suite, and what only this driver can prove.

mod contract;
mod damage;
mod faults;
mod model_check;
mod room;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Batch;
use queue::testing::BatchOf;
use queue::{Outcome, Producer, Queue};

use crate::disk::{Disk, RealDisk};
use crate::{EmbeddedQueue, Options};

/// Small bounds, so that little data meets them all.
pub fn small(partitions: u32) -> Options {
    Options { partitions, max_bytes: 1 << 20, segment_bytes: 64 << 10, reserve_free: 0, ..Options::default() }
}

pub fn open(folder: &Path, options: Options) -> EmbeddedQueue {
    open_on(folder, options, Arc::new(RealDisk))
}

pub fn open_on(folder: &Path, options: Options, disk: Arc<dyn Disk>) -> EmbeddedQueue {
    EmbeddedQueue::open_on(folder, options, disk).expect("opens")
}

/// What the disk holds at this moment, as a kill would leave it.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("makes a folder");
    for entry in fs::read_dir(from).expect("lists") {
        let entry = entry.expect("lists");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else if let Err(error) = fs::copy(entry.path(), &target) {
            // A temporary file that was renamed meanwhile.
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{}", entry.path().display());
        }
    }
}

pub async fn append(lines: &dyn Producer, batch: Batch) -> Outcome {
    lines.append(batch).await.expect("an outcome")
}

/// The n-th batch of 1000 bytes of a source.
pub fn kilobyte(source: u128, n: u64) -> Batch {
    let line = format!("{n:0999}\n");
    BatchOf::source(source).at(n * 1000).text(&line)
}

/// The files of partition 0 of topic `lines` with an extension, sorted.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let list = fs::read_dir(folder.join("topics/lines/p0")).expect("lists");
    let paths = list.map(|entry| entry.expect("lists").path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
    paths.sort();
    paths
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(30);
    while !holds().await {
        assert!(Instant::now() < give_up, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Everything in topic `lines` from the first offset held on.
pub async fn everything(queue: &EmbeddedQueue) -> Vec<Batch> {
    let (_, first, end, _) = queue.stats("lines").await.expect("stats").partitions[0];
    let mut reader = queue.consumer("lines", "everything").await.expect("joins");
    let came = queue::testing::collect(&mut *reader, (end - first) as usize).await;
    came.into_iter().map(|delivery| delivery.batch).collect()
}
