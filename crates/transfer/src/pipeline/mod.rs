//! Poll → parse → write → commit.
//!
//! Two loops over one bounded channel: one polls and hands batches to the parsing threads, the other takes the parsed
//! batches in the order polled and writes them. A fault anywhere ends both, and the supervisor starts them again from
//! what is durable.

use std::sync::Arc;
use std::time::Duration;

use base::{Backoff, Explain, Intervals, Retry};
use codec::Parser;
use config::TransferConfig;
use futures_util::future;
use model::{Batch, Cursors, ParsedBatch, Place, SourceKey};
use parking_lot::Mutex;
use queue::{Consumer, DEAD_LETTERS, Delivery, LINES, PollOptions, Producer, Queue, QueueError};
use runtime::Shutdown;
use store::{Store, StoreBatch};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::TransferError;
use crate::dead_letter;
use crate::revisions::Revisions;
use crate::status::Status;

/// How long a poll waits for something new; also how often cursors are committed at the least.
const POLL_WAIT: Duration = Duration::from_millis(200);
/// Bytes given to one parsing thread at a time, so that several share what one poll brings.
const SHARE_BYTES: usize = 1 << 20;

pub struct Pipeline {
    pub config: TransferConfig,
    pub queue: Arc<dyn Queue>,
    pub store: Arc<dyn Store>,
    pub revisions: Revisions,
    pub status: Status,
}

/// Some batches on their way, parsed by a thread.
type Share = runtime::Blocking<Vec<Outcome>>;

enum Outcome {
    Parsed(StoreBatch),
    Unreadable(Place, Batch, String),
}

impl Pipeline {
    pub async fn run(self: Arc<Self>, shutdown: &Shutdown) -> Result<(), TransferError> {
        self.store.attach(self.queue.id()).await?;
        let mut consumer = self.queue.consumer(LINES, &self.config.group).await?;
        let reached = self.resume(&mut *consumer).await?;
        let letters = self.queue.producer(DEAD_LETTERS).await?;
        let (shares, parsed) = mpsc::channel(self.config.threads.max(1) + 1);
        let polling = self.poll_loop(&mut *consumer, reached, shares, shutdown);
        let writing = self.write_loop(parsed, &*letters, shutdown);
        future::try_join(polling, writing).await?;
        self.store.flush().await?;
        self.commit(&mut *consumer).await?;
        Ok(())
    }

    /// Begins behind what the store holds for sure. A store that carries cursors is the truth: it may be further than
    /// what was committed to the queue, and where it was lost or put back to an earlier state, what the queue still
    /// holds is taken again. Answers where that is.
    async fn resume(&self, consumer: &mut dyn Consumer) -> Result<Cursors, TransferError> {
        let mut start = if self.store.capabilities().carries_cursors {
            let held = self.store.durable().borrow().clone();
            if held.queue == self.queue.id() { held } else { Cursors::start_of(self.queue.id()) }
        } else {
            consumer.committed().await?
        };
        start.queue = self.queue.id();
        match consumer.seek(&start).await {
            Err(QueueError::OutOfRange { partition, asked, first, end }) => {
                warn!(%partition, asked, first, end, "the queue no longer holds the cursor, goes on with what it holds");
                Ok(Cursors::start_of(self.queue.id()))
            }
            sought => sought.map(|()| start).map_err(Into::into),
        }
    }

    async fn poll_loop(
        self: &Arc<Self>,
        consumer: &mut dyn Consumer,
        mut reached: Cursors,
        shares: mpsc::Sender<Share>,
        shutdown: &Shutdown,
    ) -> Result<(), TransferError> {
        let parsers: Arc<Mutex<Vec<Parser>>> = Arc::default();
        let options = PollOptions { max_bytes: self.config.poll_bytes.as_usize(), max_wait: POLL_WAIT };
        let mut durable = self.store.durable();
        while !shutdown.is_called() {
            let deliveries = match consumer.poll(options).await {
                Err(QueueError::Unreadable { place, reason }) => {
                    reached.pass(place);
                    self.skip(consumer, &reached, place, &reason).await?;
                    continue;
                }
                polled => polled?,
            };
            deliveries.iter().for_each(|delivery| reached.pass(delivery.place));
            for share in split(deliveries, SHARE_BYTES) {
                let (this, parsers) = (self.clone(), parsers.clone());
                let share = runtime::blocking(move || this.parse(share, &parsers));
                shares.send(share).await.map_err(|_| TransferError::Stage("write"))?;
            }
            if durable.has_changed().unwrap_or(false) {
                durable.mark_unchanged();
                self.commit(consumer).await?;
            }
        }
        Ok(())
    }

    /// Goes on behind a batch that the queue can no longer read: one bad block of a disk must not hold up all that
    /// comes after it. The bytes show up as a gap in the audit.
    async fn skip(
        &self,
        consumer: &mut dyn Consumer,
        behind: &Cursors,
        place: Place,
        reason: &str,
    ) -> Result<(), TransferError> {
        error!(%place, %reason, "a batch of the queue cannot be read and is left out; the audit shows the gap");
        self.status.count_unreadable();
        Ok(consumer.seek(behind).await?)
    }

    fn parse(&self, deliveries: Vec<Delivery>, parsers: &Mutex<Vec<Parser>>) -> Vec<Outcome> {
        let mut parser = parsers.lock().pop().unwrap_or_default();
        let outcomes = deliveries
            .into_iter()
            .map(|Delivery { place, batch }| match parser.parse(&batch, &self.revisions.rules_for(&batch.header)) {
                Ok(parsed) => Outcome::Parsed(StoreBatch { place, batch: Arc::new(parsed) }),
                Err(unreadable) => Outcome::Unreadable(place, batch, unreadable.to_string()),
            })
            .collect();
        parsers.lock().push(parser);
        outcomes
    }

    async fn write_loop(
        &self,
        mut parsed: mpsc::Receiver<Share>,
        letters: &dyn Producer,
        shutdown: &Shutdown,
    ) -> Result<(), TransferError> {
        while let Some(share) = parsed.recv().await {
            let outcomes = share.await.map_err(|_| TransferError::Stage("parse"))?;
            let mut batches = Vec::with_capacity(outcomes.len());
            for outcome in outcomes {
                match outcome {
                    Outcome::Parsed(batch) => batches.push(batch),
                    Outcome::Unreadable(place, batch, reason) => {
                        warn!(%place, path = &*batch.header.path, %reason, "a batch cannot be read, goes to the dead letters");
                        // What came before goes first: dead letters of a source must stay in the order of its bytes.
                        if !self.write(&std::mem::take(&mut batches), letters, shutdown).await? {
                            return Ok(());
                        }
                        let letter = dead_letter::of_batch(&batch, &reason);
                        self.bury(batch.header.key, vec![letter], letters, shutdown).await?;
                        batches.push(empty(place, &batch));
                    }
                }
            }
            if !self.write(&batches, letters, shutdown).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Writes, again and again while the store has no room. `false`: told to stop before it had.
    async fn write(
        &self,
        batches: &[StoreBatch],
        letters: &dyn Producer,
        shutdown: &Shutdown,
    ) -> Result<bool, TransferError> {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2), 3);
        let refusals = loop {
            match self.store.write(batches).await {
                Ok(refusals) => break refusals,
                Err(error) if error.retry() == Retry::Later => {
                    if backoff.tries() == 0 {
                        info!(error = %error, "the store takes nothing now, trying again");
                    }
                    if !shutdown.sleep(backoff.next_wait()).await {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        };
        for refusal in refusals {
            let batch = &batches[refusal.batch].batch;
            let letter = dead_letter::of_record(batch, refusal.record, &refusal.reason);
            self.status.count_dead_letters(&batch.header.stream, 1);
            self.bury(batch.header.key, vec![letter], letters, shutdown).await?;
        }
        batches.iter().for_each(|batch| self.status.count(&batch.batch));
        Ok(true)
    }

    async fn bury(
        &self,
        key: SourceKey,
        batches: Vec<Batch>,
        letters: &dyn Producer,
        shutdown: &Shutdown,
    ) -> Result<(), TransferError> {
        let ranges = dead_letter::bury(batches, letters, shutdown).await?;
        Ok(self.store.note_dead_letters(key, &ranges).await?)
    }

    async fn commit(&self, consumer: &mut dyn Consumer) -> Result<(), TransferError> {
        let cursors: Cursors = self.store.durable().borrow().clone();
        if cursors.queue == self.queue.id() {
            consumer.commit(&cursors).await?;
        }
        Ok(())
    }
}

/// Stands for a batch that went to the dead letters, so that the cursor moves past it.
fn empty(place: Place, batch: &Batch) -> StoreBatch {
    let parsed = ParsedBatch {
        header: batch.header.clone(),
        payload: bytes::Bytes::new(),
        text: Vec::new(),
        records: Vec::new(),
        columns: Vec::new(),
        spare: Vec::new(),
        dropped: Intervals::new(),
    };
    StoreBatch { place, batch: Arc::new(parsed) }
}

/// Cuts a poll into shares of about so many bytes, in order.
fn split(deliveries: Vec<Delivery>, bytes: usize) -> Vec<Vec<Delivery>> {
    let mut shares: Vec<Vec<Delivery>> = Vec::new();
    let mut filled = bytes;
    for delivery in deliveries {
        let len = delivery.batch.payload.len();
        if filled + len > bytes {
            shares.push(Vec::new());
            filled = 0;
        }
        filled += len;
        if let Some(last) = shares.last_mut() {
            last.push(delivery);
        }
    }
    shares
}
