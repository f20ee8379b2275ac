//! The queue without a server: a segment log in a folder.
//!
//! ```text
//! FOLDER/queue                    what this is, and the identity of its data
//! FOLDER/lock                     held while a process has it open
//! FOLDER/topics/NAME/topic        how many partitions
//! FOLDER/topics/NAME/groups/      one small file a consumer group: its cursors
//! FOLDER/topics/NAME/pN/          segments, snapshots of the high-waters
//! ```
//! Decisions: an entry is a batch as the agent made it, a header and the verbatim range (`frame`); one thread writes a
//! partition and syncs once for all that waits (`writer`); files of removed segments are written again, because
//! overwriting needs no new blocks and its sync is many times cheaper; recovery reads the newest snapshot and the last
//! segment, up to the first byte that is not as it was written (`recover`); nothing that a group has not read is ever
//! removed (`retention`).
//!
//! Must not know: what lines are, how batches came to be, who reads them.
#![deny(missing_docs)]

mod cursors;
mod disk;
mod frame;
mod locate;
mod marks;
mod meta;
mod options;
mod partition;
mod reader;
mod recover;
mod retention;
mod segment;
mod topic;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use model::{QueueId, SourceKey};
use parking_lot::Mutex;
use queue::driver::{LocalConsumer, check_name, partition_of};
use queue::{Consumer, Located, Producer, Queue, QueueError, TopicStats};
use rustix::fs::{FlockOperation, flock};

use disk::{Disk, RealDisk, io_error};
use topic::Topic;

pub use options::Options;

/// What a topic has done since it was opened, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Batches made durable.
    pub batches: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// Syncs that made them durable.
    pub groups: u64,
    /// Time spent in those, in nanoseconds.
    pub sync_nanos: u64,
    /// Bytes taken and not yet durable, now.
    pub in_flight: u64,
    /// Sources that are known, now.
    pub sources: u64,
}

/// A queue in a folder. Dropping it writes what was taken and ends its threads.
pub struct EmbeddedQueue {
    folder: PathBuf,
    id: QueueId,
    options: Arc<Options>,
    disk: Arc<dyn Disk>,
    topics: Mutex<Topics>,
}

#[derive(Default)]
struct Topics {
    open: HashMap<String, Arc<Topic>>,
    /// Held while the queue is open.
    lock: Option<File>,
}

impl EmbeddedQueue {
    /// Opens the queue in a folder with all its topics; makes it where there is none.
    ///
    /// # Errors
    /// Where another process has it open, where it was written by a newer logdrive or is damaged, and where the system
    /// refuses.
    pub fn open(folder: impl AsRef<Path>, options: Options) -> Result<Self, QueueError> {
        Self::open_on(folder.as_ref(), options, Arc::new(RealDisk))
    }

    fn open_on(folder: &Path, options: Options, disk: Arc<dyn Disk>) -> Result<Self, QueueError> {
        disk::make_folder(folder)?;
        let lock = take_lock(folder)?;
        let id = meta::open_queue(folder)?;
        let options = Arc::new(options.fitted());
        let topics_folder = folder.join("topics");
        disk::make_folder(&topics_folder)?;
        let topics = Mutex::new(Topics { open: HashMap::new(), lock: Some(lock) });
        let queue = Self { folder: folder.to_owned(), id, options, disk, topics };
        for name in topic::names(&topics_folder)? {
            queue.topic(&name)?;
        }
        Ok(queue)
    }

    /// What a topic has done since it was opened.
    ///
    /// # Errors
    /// Where the topic cannot be opened.
    pub fn counters(&self, topic: &str) -> Result<Counters, QueueError> {
        let topic = self.topic(topic)?;
        let mut sum = Counters::default();
        for partition in &topic.partitions {
            let counters = &partition.counters;
            sum.batches += counters.batches.load(Ordering::Relaxed);
            sum.bytes += counters.bytes.load(Ordering::Relaxed);
            sum.groups += counters.groups.load(Ordering::Relaxed);
            sum.sync_nanos += counters.sync_nanos.load(Ordering::Relaxed);
            sum.in_flight += partition.in_flight() as u64;
            sum.sources += partition.marks.lock().len() as u64;
        }
        Ok(sum)
    }

    fn topic(&self, name: &str) -> Result<Arc<Topic>, QueueError> {
        check_name("topic", name)?;
        let mut topics = self.topics.lock();
        if let Some(topic) = topics.open.get(name) {
            return Ok(Arc::clone(topic));
        }
        if topics.lock.is_none() {
            let at = self.folder.display().to_string();
            return Err(QueueError::Closed { at, reason: "it was closed".to_owned() });
        }
        let folder = self.folder.join("topics").join(name);
        let topic = Topic::open(folder, name, self.id, Arc::clone(&self.options), &self.disk)?;
        topics.open.insert(name.to_owned(), Arc::clone(&topic));
        Ok(topic)
    }

    fn shut(&self) {
        let mut topics = self.topics.lock();
        topics.open.values().for_each(|topic| topic.close());
        topics.lock = None;
    }
}

fn take_lock(folder: &Path) -> Result<File, QueueError> {
    let path = folder.join("lock");
    let failed = |e: std::io::Error| io_error("lock", &path, &e);
    let open = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = open.map_err(failed)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut owner = String::new();
        // Only for the message.
        let _ = file.read_to_string(&mut owner);
        let at = folder.display().to_string();
        return Err(QueueError::Unavailable { at, reason: format!("process {} has it open", owner.trim()) });
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(failed)?;
    Ok(file)
}

#[async_trait]
impl Queue for EmbeddedQueue {
    fn id(&self) -> QueueId {
        self.id
    }

    async fn producer(&self, topic: &str) -> Result<Arc<dyn Producer>, QueueError> {
        Ok(self.topic(topic)?)
    }

    async fn consumer(&self, topic: &str, group: &str) -> Result<Box<dyn Consumer>, QueueError> {
        check_name("group", group)?;
        let topic = self.topic(topic)?;
        topic.know(group).await?;
        Ok(Box::new(LocalConsumer::join(topic, group)))
    }

    async fn stats(&self, topic: &str) -> Result<TopicStats, QueueError> {
        Ok(self.topic(topic)?.stats())
    }

    async fn forget(&self, topic: &str, group: &str) -> Result<(), QueueError> {
        check_name("group", group)?;
        self.topic(topic)?.forget(group).await
    }

    async fn locate(&self, topic: &str, key: SourceKey, offset: u64) -> Result<Located, QueueError> {
        let topic = self.topic(topic)?;
        let number = partition_of(key.source, topic.partitions.len() as u32);
        let Some(partition) = topic.partitions.get(number.0 as usize).cloned() else { return Ok(Located::NotHeld) };
        let found = runtime::blocking(move || partition.locate(key, offset)).await;
        found.unwrap_or(Ok(Located::Unknown))
    }

    async fn close(&self) -> Result<(), QueueError> {
        self.shut();
        Ok(())
    }
}

impl Drop for EmbeddedQueue {
    fn drop(&mut self) {
        self.shut();
    }
}
