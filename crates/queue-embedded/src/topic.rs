//! A topic: its partitions, its groups, and the thread that keeps their cursors and gives room back.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{Batch, Cursors, Partition as Number, QueueId, SourceKey};
use parking_lot::{Condvar, Mutex};
use queue::driver::{Group, Log, merge, partition_of};
use queue::{Ack, Delivery, Position, Producer, QueueError, TopicStats};
use runtime::{JoinHandle, spawn_thread};
use tokio::sync::{Notify, oneshot};

use crate::disk::{self, Disk, io_error};
use crate::partition::Partition;
use crate::reader::Hint;
use crate::recover::recover;
use crate::writer::Writer;
use crate::{Options, cursors, meta};

/// How often the keeper looks by itself.
const LOOK: Duration = Duration::from_secs(1);

/// A topic that is open.
pub struct Topic {
    folder: PathBuf,
    queue: QueueId,
    options: Arc<Options>,
    pub(crate) partitions: Vec<Arc<Partition>>,
    groups: Mutex<HashMap<String, Group>>,
    changed: Arc<Notify>,
    desk: Arc<Desk>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Who waits for the keeper.
type Done = oneshot::Sender<Result<(), QueueError>>;

/// What the keeper is to do with a group.
enum Wish {
    /// Note how far it has come.
    Save(String, BTreeMap<Number, u64>, Done),
    /// Forget it.
    Forget(String, Done),
}

/// What waits for the keeper.
#[derive(Default)]
struct Desk {
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

#[derive(Default)]
struct Waiting {
    wishes: Vec<Wish>,
    look: bool,
    stop: bool,
}

impl Topic {
    /// Opens a topic, which is made if it is not there, and starts its threads.
    pub fn open(
        folder: PathBuf,
        name: &str,
        queue: QueueId,
        options: Arc<Options>,
        disk: &Arc<dyn Disk>,
    ) -> Result<Arc<Self>, QueueError> {
        let count = meta::open_topic(&folder, options.partitions)?;
        let groups_folder = folder.join("groups");
        disk::make_folder(&groups_folder)?;
        let groups = cursors::read_all(&groups_folder, queue)?;
        let desk = Arc::<Desk>::default();
        let changed = Arc::new(Notify::new());
        let mut partitions = Vec::new();
        let mut writers = Vec::new();
        for number in (0..count).map(Number) {
            let folder = folder.join(format!("p{number}"));
            disk::make_folder(&folder)?;
            let least_end = groups.values().filter_map(|next| next.get(&number)).max().copied().unwrap_or(0);
            let found = recover(&folder, queue, least_end)?;
            let partition =
                Partition::new(number, folder, queue, Arc::clone(&options), Arc::clone(disk), Arc::clone(&changed));
            let partition = Arc::new(partition);
            *partition.segments.write() = found.segments.into_iter().map(Arc::new).collect();
            *partition.marks.lock() = found.marks;
            *partition.recycled.lock() = found.recycled;
            let desk = Arc::clone(&desk);
            let rolled = Box::new(move || desk.look());
            writers.push(Writer::new(Arc::clone(&partition), count, found.tail, found.next, rolled)?);
            partitions.push(partition);
        }
        let groups = groups.into_iter().map(|(name, next)| (name, Group::at(next))).collect();
        let groups = Mutex::new(groups);
        let threads = Mutex::default();
        let topic = Arc::new(Self { folder, queue, options, partitions, groups, changed, desk, threads });
        topic.start(name, writers)?;
        Ok(topic)
    }

    fn start(self: &Arc<Self>, name: &str, writers: Vec<Writer>) -> Result<(), QueueError> {
        let failed = |e: std::io::Error| io_error("start a thread for", &self.folder, &e);
        let mut threads = self.threads.lock();
        for (n, writer) in writers.into_iter().enumerate() {
            let thread = spawn_thread(&format!("q{n}-{name}"), move || writer.run());
            threads.push(thread.map_err(failed)?);
        }
        let keeper = Arc::clone(self);
        threads.push(spawn_thread(&format!("qk-{name}"), move || keeper.keep()).map_err(failed)?);
        Ok(())
    }

    /// Writes what was taken, takes no more, ends the threads.
    pub fn close(&self) {
        self.partitions.iter().for_each(|p| p.stop());
        self.desk.waiting.lock().stop = true;
        self.desk.wake.notify_one();
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!(topic = %self.folder.display(), "a thread of the queue panicked");
            }
        }
    }

    pub fn stats(&self) -> TopicStats {
        let of = |p: &Arc<Partition>| {
            let (first, end) = p.range();
            (p.number, first, end, p.held_bytes())
        };
        let cursors = |group: &Group| Cursors { queue: self.queue, next: group.committed().clone() };
        let known = self.groups.lock();
        let mut groups: Vec<_> = known.iter().map(|(name, g)| (name.clone(), cursors(g))).collect();
        groups.sort_by(|a, b| a.0.cmp(&b.0));
        let unread = known.iter().filter(|(_, group)| group.is_unread()).map(|(name, _)| name.clone());
        let mut unread: Vec<_> = unread.collect();
        unread.sort();
        TopicStats {
            partitions: self.partitions.iter().map(of).collect(),
            groups,
            paused: self.partitions.iter().find_map(|p| p.paused()),
            unread,
        }
    }

    /// Makes a group known, durably: from now on nothing is removed that it has not read.
    pub async fn know(&self, group: &str) -> Result<(), QueueError> {
        let known = self.groups.lock().contains_key(group);
        if known { Ok(()) } else { self.save(group, &Cursors::start_of(self.queue)).await }
    }

    /// Forgets a group, durably: nothing is kept for it any more.
    pub async fn forget(&self, group: &str) -> Result<(), QueueError> {
        self.ask(|done| Wish::Forget(group.to_owned(), done)).await
    }

    /// How far every group has come in a partition; 0 where no group is known.
    fn passed(&self, partition: Number) -> u64 {
        let groups = self.groups.lock();
        groups.values().map(|g| g.committed().get(&partition).copied().unwrap_or(0)).min().unwrap_or(0)
    }

    /// The keeper's loop.
    fn keep(&self) {
        let mut still = Stillness::default();
        loop {
            let (wishes, stop) = self.desk.wait();
            self.grant(wishes);
            if stop {
                return;
            }
            let idle = still.idle(&self.partitions, &self.options);
            for partition in &self.partitions {
                let passed = self.passed(partition.number);
                partition.sweep(passed, self.partitions.len() as u32, !idle);
                partition.try_resume();
                if idle {
                    partition.trim(passed);
                }
            }
        }
    }

    /// Does all that was wished for, with one file for each group.
    fn grant(&self, wishes: Vec<Wish>) {
        let mut by_group: BTreeMap<String, (BTreeMap<Number, u64>, Vec<_>)> = BTreeMap::new();
        let mut forget = Vec::new();
        for wish in wishes {
            match wish {
                Wish::Save(group, next, done) => {
                    let (noted, waiting) = by_group.entry(group).or_default();
                    merge(noted, &next);
                    waiting.push(done);
                }
                Wish::Forget(group, done) => forget.push((group, done)),
            }
        }
        for (group, (next, waiting)) in by_group {
            let done = self.note_group(&group, &next);
            for waiter in waiting {
                // Whoever no longer waits does not want to know.
                let _ = waiter.send(done.clone());
            }
        }
        for (group, waiter) in forget {
            // As above.
            let _ = waiter.send(self.forget_group(&group));
        }
    }

    /// Puts a wish on the keeper's desk and waits for it.
    async fn ask(&self, wish: impl FnOnce(Done) -> Wish) -> Result<(), QueueError> {
        let closed = || QueueError::Closed { at: shown(&self.folder), reason: "it was closed".to_owned() };
        let (done, answer) = oneshot::channel();
        {
            let mut waiting = self.desk.waiting.lock();
            if waiting.stop {
                return Err(closed());
            }
            waiting.wishes.push(wish(done));
        }
        self.desk.wake.notify_one();
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    fn forget_group(&self, name: &str) -> Result<(), QueueError> {
        let mut groups = self.groups.lock();
        if groups.get(name).is_some_and(|group| !group.is_unread()) {
            return Err(QueueError::InUse { group: name.to_owned() });
        }
        // Under the lock: whoever joins meanwhile makes it known anew.
        cursors::remove(&self.folder.join("groups"), name)?;
        groups.remove(name);
        Ok(())
    }

    fn note_group(&self, name: &str, next: &BTreeMap<Number, u64>) -> Result<(), QueueError> {
        let before = self.groups.lock().get(name).map(|group| group.committed().clone());
        let mut merged = before.clone().unwrap_or_default();
        merge(&mut merged, next);
        if before.as_ref() == Some(&merged) && self.folder.join("groups").join(format!("{name}.cursor")).exists() {
            return Ok(());
        }
        cursors::write(&self.folder.join("groups"), name, self.queue, &merged)?;
        self.groups.lock().entry(name.to_owned()).or_default().note(&merged);
        Ok(())
    }
}

impl Desk {
    fn look(&self) {
        self.waiting.lock().look = true;
        self.wake.notify_one();
    }

    fn wait(&self) -> (Vec<Wish>, bool) {
        let mut waiting = self.waiting.lock();
        if waiting.wishes.is_empty() && !waiting.look && !waiting.stop {
            self.wake.wait_for(&mut waiting, LOOK);
        }
        waiting.look = false;
        (std::mem::take(&mut waiting.wishes), waiting.stop)
    }
}

/// Notices that nothing is appended any more.
#[derive(Default)]
struct Stillness {
    ends: Vec<u64>,
    since: base::Timestamp,
}

impl Stillness {
    fn idle(&mut self, partitions: &[Arc<Partition>], options: &Options) -> bool {
        let now = options.clock.now();
        let ends: Vec<_> = partitions.iter().map(|p| p.range().1).collect();
        if ends != self.ends {
            (self.ends, self.since) = (ends, now);
        }
        self.since < now.minus(options.idle_after)
    }
}

#[async_trait]
impl Producer for Topic {
    fn append(&self, batch: Batch) -> Ack {
        let number = partition_of(batch.header.key.source, self.partitions.len() as u32);
        self.partitions[number.0 as usize].append(batch)
    }

    async fn positions(&self, keys: &[SourceKey]) -> Result<Vec<Option<Position>>, QueueError> {
        let mut out = vec![None; keys.len()];
        let count = self.partitions.len() as u32;
        for partition in &self.partitions {
            partition.positions(keys, &mut out, |key| partition_of(key.source, count) == partition.number);
        }
        Ok(out)
    }
}

#[async_trait]
impl Log for Topic {
    type Hint = Hint;

    fn queue(&self) -> QueueId {
        self.queue
    }

    fn partitions(&self) -> u32 {
        self.partitions.len() as u32
    }

    fn range(&self, partition: Number) -> (u64, u64) {
        self.partitions.get(partition.0 as usize).map_or((0, 0), |p| p.range())
    }

    fn fetch(
        &self,
        partition: Number,
        from: u64,
        max_bytes: usize,
        hint: &mut Hint,
        out: &mut Vec<Delivery>,
    ) -> Result<u64, QueueError> {
        self.partitions[partition.0 as usize].fetch(from, max_bytes, hint, out)
    }

    fn groups(&self) -> &Mutex<HashMap<String, Group>> {
        &self.groups
    }

    fn changed(&self) -> &Notify {
        &self.changed
    }

    async fn save(&self, group: &str, cursors: &Cursors) -> Result<(), QueueError> {
        self.ask(|done| Wish::Save(group.to_owned(), cursors.next.clone(), done)).await
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// The topics of a queue that are there.
pub fn names(folder: &Path) -> Result<Vec<String>, QueueError> {
    let failed = |e: std::io::Error| io_error("list", folder, &e);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.path().is_dir() {
            names.extend(entry.file_name().into_string());
        }
    }
    names.sort();
    Ok(names)
}
