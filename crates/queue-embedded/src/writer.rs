//! The one thread that writes a partition.
//!
//! Decision: an answer is given only after the sync that covers it. A failed sync is never repeated on the same file:
//! the system may have dropped the pages and would report success. The writer begins a new segment behind the last
//! entry that is known to be durable, and whoever sent the rest is asked to send it again.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use base::Timestamp;
use model::{Place, SourceKey};
use queue::driver::{Verdict, after, judge};
use queue::{AckSender, Outcome, Position, QueueError};

use crate::disk::{io_error, is_full, sync_folder};
use crate::frame::{FRAME, Frame};
use crate::marks;
use crate::partition::{Partition, Request, Work};
use crate::recover::Tail;
use crate::segment::{HEAD, Segment, SegmentId, is_recycled};

/// What to say where the topic is as large as it may be.
const FULL: Duration = Duration::from_millis(100);
/// What to say where the disk is full or a write failed.
const FAILED: Duration = Duration::from_secs(1);
/// The system takes at most so many buffers a call.
const MAX_BUFFERS: usize = 1024;

/// The writer of a partition.
pub struct Writer {
    partition: Arc<Partition>,
    partitions: u32,
    segment: Arc<Segment>,
    tail: Tail,
    /// The segment must not be written again: begin a new one first.
    spoiled: bool,
    scratch: Vec<u8>,
    rolled: Box<dyn Fn() + Send>,
}

/// What one sync will cover.
#[derive(Default)]
struct Group {
    answers: Vec<(AckSender, Outcome)>,
    entries: Vec<Entry>,
    staged: HashMap<SourceKey, Position>,
    cost: usize,
}

struct Entry {
    request: Request,
    frame: Frame,
    at: u64,
}

enum WriteError {
    Full(io::Error),
    Broken(io::Error),
}

impl Writer {
    /// A writer that goes on at `tail` of the last segment, or else begins segment `next`.
    pub fn new(
        partition: Arc<Partition>,
        partitions: u32,
        tail: Option<Tail>,
        next: SegmentId,
        rolled: Box<dyn Fn() + Send>,
    ) -> Result<Self, QueueError> {
        let last = partition.segments.read().back().cloned();
        let (segment, tail) = match (last, tail) {
            (Some(last), Some(tail)) => (last, tail),
            _ => {
                let segment = begin_segment(&partition, next).map_err(|e| cannot_begin(&partition, &e))?;
                (segment, Tail { at: HEAD, end: next.base, crc: 0 })
            }
        };
        Ok(Self { partition, partitions, segment, tail, spoiled: false, scratch: Vec::new(), rolled })
    }

    /// Works until the partition is stopped.
    pub fn run(mut self) {
        let _guard = Guard(Arc::clone(&self.partition));
        loop {
            match self.partition.next_work() {
                Work::Append(requests) => self.append(requests),
                Work::Roll => {
                    if let Err(error) = self.roll() {
                        self.failed(&error);
                    }
                }
                Work::Stop => return,
            }
        }
    }

    fn append(&mut self, requests: Vec<Request>) {
        let mut group = Group::default();
        let mut refuse = None;
        let mut held = self.sealed_bytes();
        for request in requests {
            let header = &request.batch.header;
            let held_position = match group.staged.get(&header.key) {
                Some(position) => Some(*position),
                None => self.partition.marks.lock().get(header.key),
            };
            let verdict = judge(held_position, header);
            let answer = match (verdict, refuse) {
                (Verdict::Duplicate(position), _) => Outcome::Duplicate(position),
                (_, Some(outcome)) => outcome,
                (Verdict::Gap(expected), None) => Outcome::Gap { expected },
                (Verdict::Take, None) => match self.make_room(&request, &mut group, &mut held) {
                    Ok(()) => {
                        self.stage(&mut group, request);
                        continue;
                    }
                    Err(outcome) => {
                        refuse = Some(outcome);
                        outcome
                    }
                },
            };
            group.cost += request.cost();
            group.answers.push((request.ack, answer));
        }
        self.finish(group);
    }

    /// Sees to it that an entry may be written at the tail; begins a new segment where this one is full.
    fn make_room(&mut self, request: &Request, group: &mut Group, held: &mut u64) -> Result<(), Outcome> {
        let options = Arc::clone(&self.partition.options);
        // The header is short beside the payload; its exact length is known only once it is encoded.
        let len = request.cost() as u64;
        if *held + self.tail.at.max(self.segment.size()) + len > self.partition.max_bytes(self.partitions) {
            return Err(Outcome::BackPressure { retry_after: FULL });
        }
        if self.spoiled || (self.tail.at > HEAD && self.tail.at + len > options.segment_bytes) {
            self.finish(std::mem::take(group));
            if let Err(error) = self.roll() {
                self.failed(&error);
                return Err(Outcome::BackPressure { retry_after: FAILED });
            }
            *held = self.sealed_bytes();
        }
        if self.tail.at + len > self.segment.size() {
            let free = self.partition.disk.free(&self.partition.folder).unwrap_or(u64::MAX);
            if free < options.reserve_free.saturating_add(len) {
                self.partition.pause(format!(
                    "the disk of {} has {} left, {} are kept free (reserve); make room",
                    self.partition.folder.display(),
                    base::ByteSize(free),
                    base::ByteSize(options.reserve_free),
                ));
                return Err(Outcome::BackPressure { retry_after: FAILED });
            }
        }
        Ok(())
    }

    /// Bytes on disk of the segments before this one.
    fn sealed_bytes(&self) -> u64 {
        self.partition.held_bytes().saturating_sub(self.segment.size())
    }

    fn stage(&mut self, group: &mut Group, request: Request) {
        let header = &request.batch.header;
        if group.entries.is_empty() {
            self.scratch.clear();
        }
        let now = self.partition.options.clock.now();
        let frame = Frame::push(&mut self.scratch, header, self.segment.id.number, self.tail.end, now, self.tail.crc);
        group.staged.insert(header.key, after(header));
        group.cost += request.cost();
        group.entries.push(Entry { at: self.tail.at, frame, request });
        self.tail = Tail { at: self.tail.at + frame.len() as u64, end: self.tail.end + 1, crc: frame.crc };
    }

    /// Writes and syncs what is staged, and answers everybody.
    fn finish(&mut self, group: Group) {
        let written = if group.entries.is_empty() { Ok(()) } else { self.write(&group.entries) };
        let failed = match written {
            Ok(()) => {
                self.publish(&group.entries);
                false
            }
            Err(error) => {
                // Back to the last entry that is durable.
                self.tail = group.entries.first().map_or(self.tail, |first| Tail {
                    at: first.at,
                    end: first.frame.offset,
                    crc: first.frame.previous_crc,
                });
                let (WriteError::Full(cause) | WriteError::Broken(cause)) = &error;
                self.spoiled |= matches!(error, WriteError::Broken(_));
                self.failed(cause);
                true
            }
        };
        self.partition.done(group.cost);
        let number = self.partition.number;
        let appended = group.entries.into_iter().map(|entry| {
            let place = Place { partition: number, offset: entry.frame.offset };
            (entry.request.ack, Outcome::Appended(place))
        });
        for (ack, outcome) in appended.chain(group.answers) {
            let outcome = if failed { Outcome::BackPressure { retry_after: FAILED } } else { outcome };
            // Whoever no longer waits does not want to know.
            let _ = ack.send(Ok(outcome));
        }
    }

    fn write(&self, entries: &[Entry]) -> Result<(), WriteError> {
        let sort = |error: io::Error| {
            if is_full(&error) { WriteError::Full(error) } else { WriteError::Broken(error) }
        };
        let file = self.segment.file().map_err(sort)?;
        let mut scratch = &self.scratch[..];
        let mut buffers = Vec::with_capacity(entries.len() * 2);
        for entry in entries {
            let (head, rest) = scratch.split_at(FRAME + entry.frame.header_len);
            scratch = rest;
            buffers.push(IoSlice::new(head));
            buffers.push(IoSlice::new(&entry.request.batch.payload));
        }
        let mut at = entries[0].at;
        let mut left = &mut buffers[..];
        while !left.is_empty() {
            let now = left.len().min(MAX_BUFFERS);
            match self.partition.disk.write(file, &left[..now], at) {
                Ok(0) => return Err(WriteError::Broken(io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    at += written as u64;
                    IoSlice::advance_slices(&mut left, written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(sort(error)),
            }
        }
        let started = Instant::now();
        // Whatever the reason, a failed sync spoils the file.
        self.partition.disk.sync(file).map_err(WriteError::Broken)?;
        let nanos = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.partition.counters.sync_nanos.fetch_add(nanos, Ordering::Relaxed);
        Ok(())
    }

    /// Shows what is durable now to producers and consumers.
    fn publish(&self, entries: &[Entry]) {
        let Some(last) = entries.last() else { return };
        let now = last.frame.appended_at;
        {
            let mut marks = self.partition.marks.lock();
            for entry in entries {
                let header = &entry.request.batch.header;
                marks.note(header.key, after(header), now);
            }
        }
        for entry in entries {
            self.segment.remember(entry.frame.offset, entry.at);
        }
        self.segment.grow(self.tail.at, self.tail.end, now);
        let counters = &self.partition.counters;
        counters.groups.fetch_add(1, Ordering::Relaxed);
        counters.batches.fetch_add(entries.len() as u64, Ordering::Relaxed);
        counters.bytes.fetch_add(entries.iter().map(|e| e.frame.payload_len as u64).sum(), Ordering::Relaxed);
        self.partition.changed.notify_waiters();
    }

    /// Begins a new segment.
    fn roll(&mut self) -> io::Result<()> {
        let next = self.segment.id.next(self.tail.end);
        self.segment = begin_segment(&self.partition, next)?;
        self.tail = Tail { at: HEAD, end: next.base, crc: 0 };
        self.spoiled = false;
        (self.rolled)();
        Ok(())
    }

    /// A full disk is waited for; after anything else a new segment is tried, and if not even that can be made the
    /// partition closes.
    fn failed(&mut self, error: &io::Error) {
        let partition = Arc::clone(&self.partition);
        let folder = partition.folder.display();
        if is_full(error) {
            self.partition.pause(format!("the disk of {folder} is full: {error}; make room"));
            return;
        }
        tracing::error!(%folder, %error, "a write failed: going on in a new segment");
        self.spoiled = true;
        match self.roll() {
            Ok(()) => {}
            Err(error) if is_full(&error) => {
                self.partition.pause(format!("the disk of {folder} is full: {error}; make room"));
            }
            Err(error) => {
                tracing::error!(%folder, %error, "no new segment can be made either: the queue is closed");
                self.partition.fail(&format!("a write failed and no new segment can be made: {error}"));
            }
        }
    }
}

/// Whoever appends is told if the writer is gone.
struct Guard(Arc<Partition>);

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("its writer failed; see the log, then restart");
        }
    }
}

fn cannot_begin(partition: &Partition, error: &io::Error) -> QueueError {
    io_error("begin a segment in", &partition.folder, error)
}

/// Makes a segment part of the log, durably: first the snapshot, then the file with its head, then the name.
fn begin_segment(partition: &Partition, id: SegmentId) -> io::Result<Arc<Segment>> {
    let now = partition.options.clock.now();
    snapshot(partition, id, now)?;
    let recycled = partition.recycled.lock().pop();
    let fresh = recycled.unwrap_or_else(|| partition.folder.join("next.tmp"));
    let path = partition.folder.join(id.file_name());
    match write_head(partition, &fresh, &path, id, now) {
        Ok(file) => {
            let size = file.metadata()?.len();
            let segment = Arc::new(Segment::fresh(id, path, file, size, now));
            partition.segments.write().push_back(Arc::clone(&segment));
            Ok(segment)
        }
        Err(error) => {
            // It may be half-written; the next try makes a new one.
            let _ = fs::remove_file(&fresh);
            Err(error)
        }
    }
}

fn write_head(
    partition: &Partition,
    fresh: &PathBuf,
    path: &PathBuf,
    id: SegmentId,
    now: Timestamp,
) -> io::Result<File> {
    let file = File::options().read(true).write(true).create(true).truncate(!is_recycled(fresh)).open(fresh)?;
    let head = id.head(partition.queue, now);
    let written = partition.disk.write(&file, &[IoSlice::new(&head)], 0)?;
    if written < head.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    partition.disk.sync(&file)?;
    fs::rename(fresh, path)?;
    sync_folder(&partition.folder)?;
    Ok(file)
}

fn snapshot(partition: &Partition, id: SegmentId, now: Timestamp) -> io::Result<()> {
    let mut marks = partition.marks.lock();
    let forgotten = marks.forget_idle(now.minus(partition.options.forget_sources_after));
    if forgotten > 0 {
        tracing::info!(forgotten, left = marks.len(), "sources that have not grown for long are forgotten");
    }
    marks::write(&partition.folder, id.number, &marks)?;
    drop(marks);
    marks::prune(&partition.folder, id.number);
    Ok(())
}
