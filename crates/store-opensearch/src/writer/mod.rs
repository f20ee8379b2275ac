//! Records on their way to the server.

mod bodies;
mod bulk;
mod pace;
mod ranges;
mod reached;
mod verdict;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use async_trait::async_trait;
use base::Intervals;
use futures_util::stream::{self, StreamExt};
use model::{Cursors, ParsedBatch, Place, QueueId, SourceKey};
use store::{Refusal, StoreBatch, StoreError, Writer};
use tokio::sync::watch;

use crate::OpenSearchStore;
use crate::document::{self, Limits};
use crate::http::Request;
pub use bodies::Bodies;
pub use pace::Pace;
pub use reached::Reached;

/// Batches with their numbers among those given.
type Chunk = Vec<(usize, Arc<ParsedBatch>)>;

/// Bytes of lines that are built into bulks as one piece of work, at least.
const CHUNK_BYTES_MIN: usize = 512 << 10;

/// What became of some documents.
#[derive(Default)]
struct Done {
    /// Batch and row of what is new in the store; `None`: all of it.
    created: Vec<(usize, usize)>,
    refusals: Vec<Refusal>,
}

impl Done {
    fn add(&mut self, mut other: Self) {
        self.created.append(&mut other.created);
        self.refusals.append(&mut other.refusals);
    }
}

/// A batch with refused records that whoever writes has yet to put aside.
pub struct Refused {
    place: Place,
    key: SourceKey,
    /// Which bytes these are.
    ranges: Intervals,
}

impl Refused {
    fn of(batch: &StoreBatch, number: usize, refusals: &[Refusal]) -> Self {
        let StoreBatch { place, batch } = batch;
        let records =
            refusals.iter().filter(|refusal| refusal.batch == number).map(|refusal| &batch.records[refusal.record]);
        let ranges = records.map(|record| {
            let start = batch.id(record).offset;
            (start, start + u64::from(record.size))
        });
        Self { place: *place, key: batch.header.key, ranges: ranges.collect() }
    }
}

/// Cuts batches into pieces of about so many bytes.
fn chunks(batches: &[StoreBatch], bytes: usize) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut filled = usize::MAX;
    for (number, batch) in batches.iter().enumerate() {
        if batch.batch.records.is_empty() {
            continue;
        }
        let len = batch.batch.payload.len();
        if filled >= bytes {
            chunks.push(Vec::new());
            filled = 0;
        }
        filled += len;
        if let Some(last) = chunks.last_mut() {
            last.push((number, batch.batch.clone()));
        }
    }
    chunks
}

impl OpenSearchStore {
    async fn deliver_all(&self, batches: &[StoreBatch]) -> Result<Done, StoreError> {
        let until = Instant::now() + self.options.patience;
        let total: usize = batches.iter().map(|batch| batch.batch.payload.len()).sum();
        let share = total / self.pace.limit().max(1) + 1;
        let chunks = chunks(batches, share.clamp(CHUNK_BYTES_MIN, (self.options.bulk_bytes / 4).max(CHUNK_BYTES_MIN)));
        let deliveries = stream::iter(chunks).map(|chunk| self.deliver(chunk, until));
        // One more than may be on their way now: it is built while they are.
        let together = (self.pace.limit() + 1).min(self.options.requests_max.max(1));
        let mut deliveries = deliveries.buffer_unordered(together);
        let (mut done, mut failed) = (Done::default(), None);
        // What is on its way already is not cut off by the failure of another: it would only have to go again.
        while let Some(delivery) = deliveries.next().await {
            match delivery {
                Ok(more) => done.add(more),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        self.bodies.fade();
        failed.map_or(Ok(done), Err)
    }

    async fn deliver(&self, chunk: Chunk, until: Instant) -> Result<Done, StoreError> {
        let limits = Limits { bulk_bytes: self.options.bulk_bytes, document_bytes: self.options.document_bytes };
        let turn = self.building.acquire().await;
        let (naming, batches, bodies) = (self.naming.clone(), chunk.clone(), self.bodies.clone());
        let built =
            runtime::blocking(move || document::build(&batches, &naming, limits, |room| bodies.take(room))).await;
        let built = built.map_err(|_| StoreError::Unavailable {
            at: self.http.shown(),
            reason: "the documents could not be built; this is a fault of ours".to_owned(),
        })?;
        drop(turn);
        let mut done = Done { created: Vec::new(), refusals: built.refusals };
        let sent = built.bulks.into_iter().map(|bulk| self.send_bulk(&chunk, bulk, until));
        for sent in futures_util::future::join_all(sent).await {
            done.add(sent?);
        }
        Ok(done)
    }

    /// Makes what was written visible, if the server lets us.
    pub(crate) async fn refresh(&self) {
        let ranges = crate::template::ranges_index(&self.naming);
        let names = format!("{},{ranges}", self.naming.pattern());
        let path = format!("/{names}/_refresh?ignore_unavailable=true&allow_no_indices=true");
        if let Err(error) = self.http.json(Request::empty(path)).await {
            tracing::debug!(%error, "cannot refresh, records are found a little later");
        }
    }

    /// Batches whose refused records are where they belong have arrived.
    fn put_aside(&self, is_done: impl Fn(&mut Refused) -> bool) {
        let mut places = Vec::new();
        self.refused.lock().retain_mut(|refused| {
            let done = is_done(refused);
            places.extend(done.then_some(refused.place));
            !done
        });
        if !places.is_empty() {
            self.arrive(places);
        }
    }

    /// These are held, or accounted for.
    fn arrive(&self, places: Vec<Place>) {
        let cursors = {
            let mut reached = self.reached.lock();
            places.into_iter().for_each(|place| reached.arrive(place));
            reached.cursors().clone()
        };
        self.durable.send_if_modified(|known| {
            let moved = *known != cursors;
            *known = cursors;
            moved
        });
    }

    /// Leaves what is new for the followers, in the order given.
    fn publish(&self, batches: &[StoreBatch], mut created: Vec<(usize, usize)>) {
        if self.hub.followers() == 0 {
            return;
        }
        created.sort_unstable();
        let mut created = created.into_iter().peekable();
        for (number, StoreBatch { batch, .. }) in batches.iter().enumerate() {
            let mut rows: Vec<std::ops::Range<u32>> = Vec::new();
            while let Some((_, row)) = created.next_if(|(of, _)| *of == number) {
                match rows.last_mut() {
                    Some(last) if last.end == row as u32 => last.end += 1,
                    _ => rows.push(row as u32..row as u32 + 1),
                }
            }
            self.hub.publish(batch, rows);
        }
    }
}

#[async_trait]
impl Writer for OpenSearchStore {
    async fn write(&self, batches: &[StoreBatch]) -> Result<Vec<Refusal>, StoreError> {
        self.writes.store(true, Ordering::SeqCst);
        // Who writes again has put the refused of before where they belong.
        self.put_aside(|_| true);
        {
            let mut reached = self.reached.lock();
            batches.iter().for_each(|batch| reached.begin(batch.place));
        }
        let written = async {
            self.prepare().await?;
            let done = self.deliver_all(batches).await?;
            self.note_dropped(batches).await?;
            Ok(done)
        };
        let mut done = written.await.inspect_err(|error: &StoreError| {
            *self.paused.lock() = Some(error.to_string());
        })?;
        *self.paused.lock() = None;
        self.dirty.store(true, Ordering::Relaxed);
        self.publish(batches, done.created);
        done.refusals.sort_by_key(|refusal| (refusal.batch, refusal.record));
        // The cursor waits for the refused to be put aside: until then, nobody but the queue has them.
        let refused = |number: &usize| done.refusals.iter().any(|refusal| refusal.batch == *number);
        let (later, now): (Vec<_>, Vec<_>) = (0..batches.len()).partition(refused);
        self.refused
            .lock()
            .extend(later.into_iter().map(|number| Refused::of(&batches[number], number, &done.refusals)));
        self.arrive(now.into_iter().map(|number| batches[number].place).collect());
        Ok(done.refusals)
    }

    async fn note_dead_letters(&self, key: SourceKey, ranges: &Intervals) -> Result<(), StoreError> {
        self.note_ranges(ranges::dead_letters(key, ranges)).await?;
        self.put_aside(|refused| {
            if refused.key == key {
                ranges.ranges().iter().for_each(|(start, end)| refused.ranges.remove(*start, *end));
            }
            refused.ranges.is_empty()
        });
        Ok(())
    }

    fn durable(&self) -> watch::Receiver<Cursors> {
        self.durable.subscribe()
    }

    async fn attach(&self, queue: QueueId) -> Result<(), StoreError> {
        self.writes.store(true, Ordering::SeqCst);
        self.refused.lock().clear();
        let mut reached = self.reached.lock();
        reached.attach(queue);
        self.durable.send_replace(reached.cursors().clone());
        Ok(())
    }

    /// What was answered is durable; this makes it visible. That it could not is no reason to hold anything.
    async fn flush(&self) -> Result<(), StoreError> {
        self.put_aside(|_| true);
        if self.dirty.swap(false, Ordering::Relaxed) {
            self.refresh().await;
        }
        Ok(())
    }
}
