//! What becomes of dead letters: they are tried again, or given up.
//!
//! Decision: the topic of dead letters is a log and stays one. Which of its entries are settled is noted beside it, by
//! their places, in a small file that is replaced by a rename; where all are settled up to a place, the group of those
//! who look at letters commits that place, and the queue may remove what is before it. A letter is settled only after
//! its store has made it durable, as a record or as a range that was dropped: a crash in between tries it again, and the
//! store knows it by its id.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::{Explain, Intervals};
use model::{Batch, BatchFlags, Codec, Cursors, Partition, Place, QueueId, RecordId};
use parking_lot::Mutex;
use queue::{DEAD_LETTERS, Delivery, PollOptions, Queue};
use serde::{Deserialize, Serialize};
use store::StoreBatch;

use crate::TransferError;
use crate::dead_letter::{DeadLetter, UNREADABLE, read_dead_letter};
use crate::pipeline::{Outcome, Parsers, Pipeline, empty, parse_all};
use crate::revisions::Revisions;

/// The consumer group of whoever looks at dead letters. Nothing is removed that it has not passed.
pub const LETTERS_GROUP: &str = "dashboard";
/// So many letters are settled at a time, of so many bytes.
const AT_ONCE_MAX: usize = 500;
const AT_ONCE_BYTES_MAX: usize = 32 << 20;
/// Bytes read from the queue at a time.
const POLL_BYTES: usize = 4 << 20;
/// Stretches of settled letters that are remembered: more only where every other letter is settled.
const STRETCHES_MAX: usize = 100_000;
/// A store has so long to take what is tried again.
const PATIENCE: Duration = Duration::from_secs(20);

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in its store, durably.
    Stored,
    /// It was given up, or a rule of its stream drops it.
    Dropped,
    /// Its store refused it again.
    Refused,
    /// It could not be tried now, or never can be.
    Kept,
}

/// A letter and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Which record.
    pub id: RecordId,
    /// The store that had refused it.
    pub store: String,
    /// What became of it.
    pub fate: Fate,
    /// Why it is still here, if it is.
    pub reason: Option<String>,
}

/// The dead letters of a transfer's stores.
#[derive(Clone)]
pub struct Letters(Arc<Inner>);

struct Inner {
    queue: Arc<dyn Queue>,
    pipelines: Vec<Arc<Pipeline>>,
    revisions: Arc<Revisions>,
    file: PathBuf,
    settled: Mutex<Settled>,
    /// One who settles at a time.
    turn: tokio::sync::Mutex<()>,
}

/// The places that are settled, by partition.
#[derive(Clone, Debug, Default)]
struct Settled(BTreeMap<Partition, Intervals>);

/// The file.
#[derive(Serialize, Deserialize)]
struct Note {
    version: u32,
    queue: String,
    settled: BTreeMap<u32, Vec<(u64, u64)>>,
}

/// A letter that is not settled, where it stands.
struct Open {
    place: Place,
    letter: DeadLetter,
    /// Its store; `None`: there is none of that name here.
    store: Option<usize>,
}

impl Letters {
    pub(crate) fn open(
        queue: Arc<dyn Queue>,
        pipelines: Vec<Arc<Pipeline>>,
        revisions: Arc<Revisions>,
        file: &Path,
    ) -> Result<Self, TransferError> {
        let settled = Mutex::new(read(file, queue.id())?);
        let turn = tokio::sync::Mutex::default();
        Ok(Self(Arc::new(Inner { queue, pipelines, revisions, file: file.to_owned(), settled, turn })))
    }

    /// Whether what stands there was tried again with success, or given up.
    pub fn is_settled(&self, place: Place) -> bool {
        self.0.settled.lock().has(place)
    }

    /// Tries letters again: those of these records, or all. The answer has those that were found; the flag says whether
    /// there are more than are done at a time.
    ///
    /// # Errors
    /// Where the queue cannot be read, or what became of them cannot be noted.
    pub async fn retry(&self, which: Option<&[RecordId]>) -> Result<(Vec<Settlement>, bool), TransferError> {
        self.settle(which, true).await
    }

    /// Gives letters up: their bytes are counted as dropped from now on.
    ///
    /// # Errors
    /// As [`Letters::retry`].
    pub async fn give_up(&self, which: Option<&[RecordId]>) -> Result<(Vec<Settlement>, bool), TransferError> {
        self.settle(which, false).await
    }

    async fn settle(&self, which: Option<&[RecordId]>, again: bool) -> Result<(Vec<Settlement>, bool), TransferError> {
        let _turn = self.0.turn.lock().await;
        let (open, more) = self.find(which).await?;
        let mut done: Vec<Option<Settlement>> = open.iter().map(|_| None).collect();
        for (number, pipeline) in self.0.pipelines.iter().enumerate() {
            let of_it = (0..open.len()).filter(|n| open[*n].store == Some(number)).collect::<Vec<_>>();
            for (at, settlement) in of_it.iter().zip(self.carry(pipeline, &of_it, &open, again).await) {
                done[*at] = Some(settlement);
            }
        }
        let settlements: Vec<Settlement> =
            open.iter().zip(done).map(|(open, done)| done.unwrap_or_else(|| open.homeless(again))).collect();
        let places = open.iter().zip(&settlements).filter(|(_, s)| matches!(s.fate, Fate::Stored | Fate::Dropped));
        self.note(places.map(|(open, _)| open.place).collect()).await?;
        Ok((settlements, more))
    }

    /// Letters that are not settled, and whether there are more.
    async fn find(&self, which: Option<&[RecordId]>) -> Result<(Vec<Open>, bool), TransferError> {
        let queue = &self.0.queue;
        let stats = queue.stats(DEAD_LETTERS).await?;
        let mut at = Cursors::start_of(queue.id());
        at.next.extend(stats.partitions.iter().map(|(partition, first, end, _)| (*partition, *first.min(end))));
        let is_over = |at: &Cursors| stats.partitions.iter().all(|(partition, _, end, _)| at.get(*partition) >= *end);
        let (mut found, mut bytes) = (Vec::new(), 0);
        if is_over(&at) {
            return Ok((found, false));
        }
        let mut consumer = queue.consumer(DEAD_LETTERS, LETTERS_GROUP).await?;
        consumer.seek(&at).await?;
        let options = PollOptions { max_bytes: POLL_BYTES, max_wait: Duration::from_millis(200) };
        while !is_over(&at) {
            let deliveries = consumer.poll(options).await?;
            if deliveries.is_empty() {
                break;
            }
            for Delivery { place, batch } in deliveries {
                at.pass(place);
                let letter = read_dead_letter(&batch);
                let wanted = which.is_none_or(|which| which.contains(&id_of(&letter)));
                if !wanted || self.is_settled(place) {
                    continue;
                }
                bytes += letter.bytes.len();
                if found.len() >= AT_ONCE_MAX || bytes > AT_ONCE_BYTES_MAX && !found.is_empty() {
                    return Ok((found, true));
                }
                found.push(Open { place, store: self.store_of(&letter), letter });
            }
        }
        Ok((found, false))
    }

    fn store_of(&self, letter: &DeadLetter) -> Option<usize> {
        match model::letter_store(&letter.reason) {
            None => self.0.pipelines.iter().position(|pipeline| pipeline.is_first),
            Some(name) => self.0.pipelines.iter().position(|pipeline| pipeline.name == name),
        }
    }

    /// Some letters of one store by its pipeline; what became of each.
    async fn carry(&self, pipeline: &Pipeline, of_it: &[usize], open: &[Open], again: bool) -> Vec<Settlement> {
        let settled = |n: usize, fate, reason| {
            let letter = &open[n].letter;
            Settlement { id: id_of(letter), store: pipeline.name.clone(), fate, reason }
        };
        let mut batches = Vec::new();
        let mut outcomes: Vec<Result<(usize, Fate), String>> = Vec::new();
        for n in of_it {
            let made = if again {
                self.record_of(&open[*n].letter, pipeline)
            } else {
                Ok(nothing_of(&open[*n].letter, pipeline))
            };
            outcomes.push(made.map(|batch| {
                let fate = if batch.batch.records.is_empty() { Fate::Dropped } else { Fate::Stored };
                batches.push(batch);
                (batches.len() - 1, fate)
            }));
        }
        let written = if batches.is_empty() {
            Ok(Vec::new())
        } else {
            match tokio::time::timeout(PATIENCE, pipeline.errands.run(batches)).await {
                Ok(Some(written)) => written.map_err(|error| error.chain()),
                Ok(None) => Err("the transfer is ending".to_owned()),
                Err(_) => Err(format!("store '{}' takes nothing now", pipeline.name)),
            }
        };
        of_it
            .iter()
            .zip(outcomes)
            .map(|(n, outcome)| match (outcome, &written) {
                (Err(reason), _) => settled(*n, Fate::Kept, Some(reason)),
                (Ok(_), Err(reason)) => settled(*n, Fate::Kept, Some(reason.clone())),
                (Ok((batch, fate)), Ok(refusals)) => match refusals.iter().find(|refusal| refusal.batch == batch) {
                    Some(refusal) => settled(*n, Fate::Refused, Some(refusal.reason.clone())),
                    None => settled(*n, fate, None),
                },
            })
            .collect()
    }

    /// The record as it was first parsed.
    fn record_of(&self, letter: &DeadLetter, pipeline: &Pipeline) -> Result<StoreBatch, String> {
        let batch = batch_of(letter)?;
        let delivery = Delivery { place: pipeline.errands.place(), batch };
        let parsers: Parsers = Parsers::default();
        match parse_all(vec![delivery], &parsers, &self.0.revisions, |_| false).pop() {
            Some(Outcome::Parsed(batch, _) | Outcome::Passed(batch)) => Ok(batch),
            Some(Outcome::Unreadable(_, _, reason)) => Err(reason),
            None => Err("it has no record".to_owned()),
        }
    }

    /// Remembers what is settled, and lets the queue remove what is settled from its beginning.
    async fn note(&self, places: Vec<Place>) -> Result<(), TransferError> {
        if places.is_empty() {
            return Ok(());
        }
        let stats = self.0.queue.stats(DEAD_LETTERS).await?;
        let mut settled = self.0.settled.lock().clone();
        places.iter().for_each(|place| settled.put(*place));
        let mut passed = Cursors::start_of(self.0.queue.id());
        for (partition, first, end, _) in &stats.partitions {
            passed.next.insert(*partition, settled.pass(*partition, *first, *end));
        }
        let (inner, wanted) = (self.0.clone(), settled.clone());
        let written = runtime::blocking(move || write(&inner.file, inner.queue.id(), &wanted)).await;
        let shown = self.0.file.display().to_string();
        let failed = |reason: String| TransferError::Note { action: "write", path: shown.clone(), reason };
        written.map_err(|_| failed("it panicked".to_owned()))?.map_err(|error| failed(error.to_string()))?;
        *self.0.settled.lock() = settled;
        // Where this fails, the queue keeps more than it need; the next settlement commits again.
        let mut consumer = self.0.queue.consumer(DEAD_LETTERS, LETTERS_GROUP).await?;
        if let Err(error) = consumer.commit(&passed).await {
            tracing::warn!(%error, "settled dead letters stay in the queue for now");
        }
        Ok(())
    }
}

impl Open {
    /// Its store is none of ours: it can only be given up.
    fn homeless(&self, again: bool) -> Settlement {
        let store = model::letter_store(&self.letter.reason).unwrap_or_default().to_owned();
        let reason =
            again.then(|| format!("'{store}' is no store of lines here, so it cannot be tried again; drop it"));
        let fate = if again { Fate::Kept } else { Fate::Dropped };
        Settlement { id: id_of(&self.letter), store, fate, reason }
    }
}

fn id_of(letter: &DeadLetter) -> RecordId {
    RecordId { key: letter.header.key, offset: letter.header.start }
}

/// The batch of one record that a letter was made of.
fn batch_of(letter: &DeadLetter) -> Result<Batch, String> {
    let bytes = &letter.bytes;
    if letter.reason.contains(UNREADABLE) {
        return Err("its bytes are not what was read from the file, so it cannot be tried again; drop it".to_owned());
    }
    if bytes.is_empty() || bytes.len() as u64 != letter.header.range_len() {
        return Err("not all of its bytes are here, so it cannot be tried again; drop it".to_owned());
    }
    let mut header = letter.header.clone();
    let changed = Arc::make_mut(&mut header);
    let starts = bytes[..bytes.len() - 1].iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    // It is one record, whatever lines it has.
    let continuations: Vec<u32> = starts.map(|(at, _)| at as u32 + 1).collect();
    changed.flags = BatchFlags::default();
    changed.codec = Codec::None;
    (changed.lines, changed.records) = (continuations.len() as u32 + 1, 1);
    changed.continuations = continuations.into();
    changed.payload_len = bytes.len() as u32;
    changed.payload_crc = crc32c::crc32c(bytes);
    Ok(Batch { header, payload: bytes.clone() })
}

/// Stands for a letter that is given up: its range is dropped.
fn nothing_of(letter: &DeadLetter, pipeline: &Pipeline) -> StoreBatch {
    let batch = Batch { header: letter.header.clone(), payload: bytes::Bytes::new() };
    let mut nothing = empty(pipeline.errands.place(), &batch);
    let range = [(letter.header.start, letter.header.end)].into_iter().collect();
    Arc::make_mut(&mut nothing.batch).dropped = range;
    nothing
}

impl Settled {
    fn has(&self, place: Place) -> bool {
        self.0.get(&place.partition).is_some_and(|offsets| offsets.contains(place.offset))
    }

    fn put(&mut self, place: Place) {
        self.0.entry(place.partition).or_default().insert(place.offset, place.offset + 1);
    }

    /// Up to where all is settled from `first` on. What is before `first` need not be remembered.
    fn pass(&mut self, partition: Partition, first: u64, end: u64) -> u64 {
        let offsets = self.0.entry(partition).or_default();
        offsets.remove(0, first);
        while offsets.ranges().len() > STRETCHES_MAX {
            // The oldest are shown again, rather than that memory grows.
            let (start, end) = offsets.ranges()[0];
            offsets.remove(start, end);
        }
        offsets.gaps(first, end).first().map_or(end, |(start, _)| *start)
    }
}

const VERSION: u32 = 1;
const FILE_BYTES_MAX: u64 = 16 << 20;

fn read(file: &Path, queue: QueueId) -> Result<Settled, TransferError> {
    let failed = |reason: String| TransferError::Note { action: "read", path: file.display().to_string(), reason };
    let bytes = match fs::metadata(file)
        .and_then(|at| if at.len() > FILE_BYTES_MAX { Ok(None) } else { fs::read(file).map(Some) })
    {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(failed("it is too long".to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Settled::default()),
        Err(error) => return Err(failed(error.to_string())),
    };
    let note: Note = serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))?;
    if note.queue != format!("{:032x}", queue.0) {
        // Places of other data mean nothing here.
        return Ok(Settled::default());
    }
    let offsets = |ranges: Vec<(u64, u64)>| ranges.into_iter().collect::<Intervals>();
    Ok(Settled(note.settled.into_iter().map(|(number, ranges)| (Partition(number), offsets(ranges))).collect()))
}

fn write(file: &Path, queue: QueueId, settled: &Settled) -> io::Result<()> {
    let stretches = settled.0.iter().map(|(partition, offsets)| (partition.0, offsets.ranges().to_vec()));
    let note = Note { version: VERSION, queue: format!("{:032x}", queue.0), settled: stretches.collect() };
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder)?;
    let draft = file.with_extension("new");
    let mut to = File::create(&draft)?;
    to.write_all(&serde_json::to_vec(&note)?)?;
    to.sync_all()?;
    fs::rename(&draft, file)?;
    File::open(folder)?.sync_all()
}
