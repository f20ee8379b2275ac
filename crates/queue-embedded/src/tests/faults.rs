//! A disk that fails: full, or broken at the moment of the sync.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use queue::testing::BatchOf;
use queue::{Outcome, Queue};

use super::{append, copy_folder, everything, files, kilobyte, open, open_on, small, until};
use crate::Options;
use crate::disk::{Disk, RealDisk};

#[derive(Default)]
struct BadDisk {
    /// Writes arrive and are reported as failed, as far as a full disk lets them.
    full: AtomicBool,
    no_free: AtomicBool,
    syncs_fail: AtomicBool,
    failed: Mutex<Vec<u64>>,
    synced_again: AtomicBool,
}

impl Disk for BadDisk {
    fn write(&self, file: &File, buffers: &[IoSlice<'_>], at: u64) -> io::Result<usize> {
        let written = RealDisk.write(file, buffers, at)?;
        if self.full.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(written) }
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let inode = file.metadata()?.ino();
        let mut failed = self.failed.lock();
        if failed.contains(&inode) {
            self.synced_again.store(true, Ordering::SeqCst);
        }
        if self.syncs_fail.swap(false, Ordering::SeqCst) {
            failed.push(inode);
            return Err(io::Error::other("input/output error"));
        }
        RealDisk.sync(file)
    }

    fn free(&self, folder: &Path) -> io::Result<u64> {
        if self.no_free.load(Ordering::SeqCst) { Ok(0) } else { RealDisk.free(folder) }
    }
}

#[tokio::test]
async fn a_full_disk_is_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = Arc::new(BadDisk::default());
    let options = Options { reserve_free: 1000, ..small(1) };
    let queue = open_on(folder.path(), options, Arc::clone(&disk) as Arc<dyn Disk>);
    let lines = queue.producer("lines").await.expect("opens");
    append(&*lines, kilobyte(1, 0)).await;
    for (n, fault) in (1..).zip([&disk.full, &disk.no_free]) {
        fault.store(true, Ordering::SeqCst);
        disk.no_free.store(true, Ordering::SeqCst);
        assert!(matches!(append(&*lines, kilobyte(1, n)).await, Outcome::BackPressure { .. }));
        let reason = queue.stats("lines").await.expect("stats").paused.expect("a reason");
        assert!(reason.contains("make room") && reason.contains(&folder.path().display().to_string()), "{reason}");
        assert!(matches!(append(&*lines, kilobyte(1, n)).await, Outcome::BackPressure { .. }));
        disk.full.store(false, Ordering::SeqCst);
        disk.no_free.store(false, Ordering::SeqCst);
        until("it resumes by itself", async || queue.stats("lines").await.expect("stats").paused.is_none()).await;
        assert!(matches!(append(&*lines, kilobyte(1, n)).await, Outcome::Appended(place) if place.offset == n));
    }
    assert_eq!(everything(&queue).await, (0..3).map(|n| kilobyte(1, n)).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_a_failed_write_left_behind_is_never_an_entry() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = Arc::new(BadDisk::default());
    let queue = open_on(folder.path(), small(1), Arc::clone(&disk) as Arc<dyn Disk>);
    let lines = queue.producer("lines").await.expect("opens");
    append(&*lines, kilobyte(1, 0)).await;
    disk.full.store(true, Ordering::SeqCst);
    disk.no_free.store(true, Ordering::SeqCst);
    // Both reach the file in one write, or one after the other; both are refused.
    let refused = [lines.append(kilobyte(2, 0)), lines.append(kilobyte(2, 1))];
    for ack in refused {
        assert!(matches!(ack.await.expect("an outcome"), Outcome::BackPressure { .. } | Outcome::Gap { .. }));
    }
    disk.full.store(false, Ordering::SeqCst);
    disk.no_free.store(false, Ordering::SeqCst);
    until("it resumes", async || queue.stats("lines").await.expect("stats").paused.is_none()).await;
    // As long as the first of those, so that the second stands exactly behind it.
    let other = BatchOf::source(3).text(&format!("{:x>999}\n", ""));
    assert!(matches!(append(&*lines, other.clone()).await, Outcome::Appended(_)));
    let copy = tempfile::tempdir().expect("a folder");
    copy_folder(folder.path(), copy.path());
    assert_eq!(everything(&open(copy.path(), small(1))).await, [kilobyte(1, 0), other]);
}

#[tokio::test]
async fn a_failed_sync_is_never_repeated_on_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = Arc::new(BadDisk::default());
    let queue = open_on(folder.path(), small(1), Arc::clone(&disk) as Arc<dyn Disk>);
    let lines = queue.producer("lines").await.expect("opens");
    let mut sent = Vec::new();
    for n in 0..30 {
        disk.syncs_fail.store(n % 10 == 5, Ordering::SeqCst);
        let before = files(folder.path(), "segment").len();
        if n % 10 == 5 {
            assert!(matches!(append(&*lines, kilobyte(1, n)).await, Outcome::BackPressure { .. }));
            assert_eq!(files(folder.path(), "segment").len(), before + 1, "a new segment");
        }
        assert!(matches!(append(&*lines, kilobyte(1, n)).await, Outcome::Appended(place) if place.offset == n));
        sent.push(kilobyte(1, n));
    }
    assert_eq!(disk.failed.lock().len(), 3);
    assert!(!disk.synced_again.load(Ordering::SeqCst));
    assert_eq!(everything(&queue).await, sent);
    drop((lines, queue));
    assert_eq!(everything(&open(folder.path(), small(1))).await, sent);
}

#[tokio::test]
async fn when_nothing_can_be_written_it_closes_and_says_why() {
    struct Dead(AtomicBool);
    impl Disk for Dead {
        fn write(&self, file: &File, buffers: &[IoSlice<'_>], at: u64) -> io::Result<usize> {
            if self.0.load(Ordering::SeqCst) {
                return Err(io::Error::other("input/output error"));
            }
            RealDisk.write(file, buffers, at)
        }
        fn sync(&self, file: &File) -> io::Result<()> {
            RealDisk.sync(file)
        }
        fn free(&self, folder: &Path) -> io::Result<u64> {
            RealDisk.free(folder)
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let disk = Arc::new(Dead(AtomicBool::new(false)));
    let queue = open_on(folder.path(), small(1), Arc::clone(&disk) as Arc<dyn Disk>);
    let lines = queue.producer("lines").await.expect("opens");
    append(&*lines, kilobyte(1, 0)).await;
    disk.0.store(true, Ordering::SeqCst);
    assert!(matches!(append(&*lines, kilobyte(1, 1)).await, Outcome::BackPressure { .. }));
    let error = lines.append(kilobyte(1, 1)).await.expect_err("is closed").to_string();
    assert!(error.contains("no new segment can be made: input/output error"), "{error}");
    assert!(queue.stats("lines").await.expect("stats").paused.is_some_and(|r| r.contains("input/output error")));
    assert_eq!(everything(&queue).await, [kilobyte(1, 0)], "what is durable can be read");
}
