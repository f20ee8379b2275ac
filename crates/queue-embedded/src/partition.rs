//! One ordered lane of a topic: what its writer, its readers and its keeper share.
//!
//! Decision: one writer thread a partition. Whoever appends puts a batch into the inbox and goes on; the writer takes
//! all that is there, writes it with one call, syncs once, and then answers them all. So the cost of a sync is shared
//! by as many batches as arrived during the one before it, and a lone batch waits for nothing.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use model::{Batch, Partition as Number, QueueId, SourceKey};
use parking_lot::{Condvar, Mutex, RwLock};
use queue::driver::{HighWaters, check_batch};
use queue::{Ack, AckSender, Outcome, Position, QueueError};
use tokio::sync::Notify;

use crate::disk::{Disk, io_error};
use crate::segment::{Segment, recycled_name};
use crate::{Options, retention};

/// What a batch in the inbox costs besides its payload, in bytes.
const OVERHEAD: usize = 512;
/// What to say where too much is under way.
const SOON: Duration = Duration::from_millis(5);
/// What to say while nothing can be taken.
const LATER: Duration = Duration::from_millis(500);

/// A batch and who waits for it.
pub struct Request {
    pub batch: Batch,
    pub ack: AckSender,
}

impl Request {
    pub fn cost(&self) -> usize {
        self.batch.payload.len() + OVERHEAD
    }
}

#[derive(Default)]
struct Inbox {
    requests: VecDeque<Request>,
    roll: bool,
    stop: bool,
    closed: Option<String>,
    writer_waits: bool,
}

/// What the writer is to do.
pub enum Work {
    /// Append these.
    Append(Vec<Request>),
    /// Begin a new segment, so that the one before can be given back.
    Roll,
    /// End.
    Stop,
}

/// What is counted, for metrics.
#[derive(Default)]
pub struct Counters {
    pub batches: AtomicU64,
    pub bytes: AtomicU64,
    pub groups: AtomicU64,
    pub sync_nanos: AtomicU64,
}

/// A lane.
pub struct Partition {
    pub number: Number,
    pub folder: PathBuf,
    pub queue: QueueId,
    pub options: Arc<Options>,
    pub disk: Arc<dyn Disk>,
    pub changed: Arc<Notify>,
    pub segments: RwLock<VecDeque<Arc<Segment>>>,
    pub marks: Mutex<HighWaters>,
    pub recycled: Mutex<Vec<PathBuf>>,
    pub counters: Counters,
    paused: Mutex<Option<String>>,
    in_flight: AtomicUsize,
    inbox: Mutex<Inbox>,
    wake: Condvar,
}

impl Partition {
    pub fn new(
        number: Number,
        folder: PathBuf,
        queue: QueueId,
        options: Arc<Options>,
        disk: Arc<dyn Disk>,
        changed: Arc<Notify>,
    ) -> Self {
        Self {
            number,
            folder,
            queue,
            options,
            disk,
            changed,
            segments: RwLock::default(),
            marks: Mutex::default(),
            recycled: Mutex::default(),
            counters: Counters::default(),
            paused: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            inbox: Mutex::default(),
            wake: Condvar::new(),
        }
    }

    /// Takes a batch to be written, or says at once why not.
    pub fn append(&self, batch: Batch) -> Ack {
        if let Err(error) = check_batch(&batch, self.options.max_batch) {
            return Ack::ready(Err(error));
        }
        if self.paused.lock().is_some() {
            return Ack::ready(Ok(Outcome::BackPressure { retry_after: LATER }));
        }
        let (sender, ack) = Ack::channel();
        let request = Request { batch, ack: sender };
        let cost = request.cost();
        let mut inbox = self.inbox.lock();
        if let Some(reason) = &inbox.closed {
            return Ack::ready(Err(self.closed(reason.clone())));
        }
        let under_way = self.in_flight.load(Ordering::Relaxed);
        if under_way > 0 && under_way + cost > self.options.max_in_flight {
            return Ack::ready(Ok(Outcome::BackPressure { retry_after: SOON }));
        }
        self.in_flight.fetch_add(cost, Ordering::Relaxed);
        inbox.requests.push_back(request);
        if inbox.writer_waits {
            self.wake.notify_one();
        }
        ack
    }

    /// Waits for something to do: all batches that are there, as far as they fit one group.
    pub fn next_work(&self) -> Work {
        let mut inbox = self.inbox.lock();
        loop {
            if !inbox.requests.is_empty() {
                let mut bytes = 0;
                let fits = |request: &&Request| {
                    let first = bytes == 0;
                    bytes += request.cost();
                    first || bytes <= self.options.group_bytes
                };
                let count = inbox.requests.iter().take_while(fits).count();
                return Work::Append(inbox.requests.drain(..count).collect());
            }
            if inbox.stop {
                return Work::Stop;
            }
            if std::mem::take(&mut inbox.roll) {
                return Work::Roll;
            }
            inbox.writer_waits = true;
            self.wake.wait(&mut inbox);
            inbox.writer_waits = false;
        }
    }

    /// So much of what was taken is no longer under way.
    pub fn done(&self, cost: usize) {
        self.in_flight.fetch_sub(cost, Ordering::Relaxed);
    }

    /// Bytes taken and not yet answered.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Takes nothing more; the writer ends when it has written what was taken.
    pub fn stop(&self) {
        let mut inbox = self.inbox.lock();
        inbox.stop = true;
        inbox.closed.get_or_insert_with(|| "it was closed".to_owned());
        self.wake.notify_one();
    }

    /// Takes nothing more, for this reason; what is in the inbox is refused.
    pub fn fail(&self, reason: &str) {
        let left = {
            let mut inbox = self.inbox.lock();
            inbox.closed = Some(reason.to_owned());
            std::mem::take(&mut inbox.requests)
        };
        for request in left {
            self.done(request.cost());
            // Whoever no longer waits does not want to know.
            let _ = request.ack.send(Err(self.closed(reason.to_owned())));
        }
    }

    pub fn closed(&self, reason: String) -> QueueError {
        QueueError::Closed { at: self.folder.display().to_string(), reason }
    }

    /// Why nothing is taken now.
    pub fn paused(&self) -> Option<String> {
        let closed = self.inbox.lock();
        closed.closed.clone().filter(|_| !closed.stop).or_else(|| self.paused.lock().clone())
    }

    /// Takes nothing for now.
    pub fn pause(&self, reason: String) {
        let mut paused = self.paused.lock();
        if paused.is_none() {
            tracing::warn!(folder = %self.folder.display(), %reason, "the queue takes nothing for now");
        }
        *paused = Some(reason);
    }

    /// Takes batches again if the disk has room.
    pub fn try_resume(&self) {
        if self.paused.lock().is_none() {
            return;
        }
        let free = self.disk.free(&self.folder).unwrap_or(0);
        if free >= self.options.reserve_free + self.options.group_bytes as u64 {
            *self.paused.lock() = None;
            tracing::info!(folder = %self.folder.display(), "the disk has room: the queue takes batches again");
        }
    }

    pub fn positions(&self, keys: &[SourceKey], out: &mut [Option<Position>], mine: impl Fn(SourceKey) -> bool) {
        let marks = self.marks.lock();
        for (key, out) in keys.iter().zip(out).filter(|(key, _)| mine(**key)) {
            *out = marks.get(*key);
        }
    }

    /// First offset held and the offset behind the last that may be read.
    pub fn range(&self) -> (u64, u64) {
        let segments = self.segments.read();
        (segments.front().map_or(0, |s| s.id.base), segments.back().map_or(0, |s| s.end()))
    }

    /// Bytes on disk that are part of the log.
    pub fn held_bytes(&self) -> u64 {
        self.segments.read().iter().map(|s| s.size()).sum()
    }

    /// Most bytes on disk.
    pub fn max_bytes(&self, partitions: u32) -> u64 {
        self.options.max_bytes / u64::from(partitions)
    }

    /// Removes segments that every group has passed, as far as retention says. `recycle`: keep files to write again.
    pub fn sweep(&self, passed: u64, partitions: u32, recycle: bool) {
        let removed: Vec<_> = {
            let mut segments = self.segments.write();
            let Some(sealed) = segments.len().checked_sub(1) else { return };
            let list: Vec<_> = segments
                .iter()
                .take(sealed)
                .map(|s| retention::Sealed { end: s.end(), bytes: s.size(), changed_at: s.changed_at() })
                .collect();
            let limits = retention::Limits {
                keep_bytes: self.options.keep_bytes,
                keep_age: self.options.keep_age,
                max_bytes: self.max_bytes(partitions).saturating_sub(2 * self.options.segment_bytes),
            };
            let count = retention::removable(&list, passed, &limits, self.options.clock.now());
            segments.drain(..count).collect()
        };
        for segment in removed {
            self.remove(segment, recycle);
        }
    }

    fn remove(&self, segment: Arc<Segment>, recycle: bool) {
        let mut recycled = self.recycled.lock();
        // Nobody may be reading a file that is written again; one that is only unlinked stays readable.
        let again = recycle
            && recycled.len() < self.options.recycle
            && segment.size() <= self.options.segment_bytes * 2
            && Arc::strong_count(&segment) == 1;
        let done = if again {
            let path = self.folder.join(recycled_name(segment.id.number));
            fs::rename(&segment.path, &path).map(|()| recycled.push(path))
        } else {
            fs::remove_file(&segment.path)
        };
        if let Err(error) = done {
            let error = io_error("remove", &segment.path, &error);
            tracing::warn!(%error, "a segment that was read stays on disk until the next start");
        }
    }

    /// Gives unused files back to the disk, and has a segment that everybody has read replaced by an empty one.
    pub fn trim(&self, passed: u64) {
        for path in std::mem::take(&mut *self.recycled.lock()) {
            remove_quietly(&path);
        }
        let segments = self.segments.read();
        let Some(last) = segments.back() else { return };
        if last.end() > last.id.base && last.end() <= passed && last.size() > self.options.segment_bytes / 64 {
            let mut inbox = self.inbox.lock();
            inbox.roll = true;
            self.wake.notify_one();
        }
    }
}

fn remove_quietly(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::debug!(file = %path.display(), %error, "cannot remove an unused file");
    }
}
