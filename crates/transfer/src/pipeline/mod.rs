//! Poll → parse → write → commit, for one store.
//!
//! Two loops over one bounded channel: one polls and hands batches to the parsing threads, the other takes the parsed
//! batches in the order polled and writes them. A store that takes nothing now is waited for; a fault that waiting
//! does not mend ends both, and the supervisor starts them again from what is durable. Each store has a pipeline and a
//! consumer group of its own, so that none waits for another.

mod errand;
mod parse;
mod write;

use std::collections::HashSet;
use std::sync::Arc;

use base::Explain;
use config::{Start, TransferConfig};
use futures_util::future;
use model::Cursors;
use parking_lot::Mutex;
use queue::{DEAD_LETTERS, Delivery, LINES, Queue};
use runtime::Shutdown;
use store::Store;
use tokio::sync::{Semaphore, mpsc};

use crate::TransferError;
use crate::dead_letter::Cemetery;
use crate::problems::{Patience, Problems};
use crate::reading::{Plan, Reading};
use crate::revisions::Revisions;
use crate::status::Status;
pub use errand::Errands;
pub use parse::{Outcome, Parsers, empty, parse_all};

/// Bytes given to one parsing thread at a time, so that several share what one poll brings.
const SHARE_BYTES: usize = 1 << 20;
/// Shares parsed ahead for a store that is far away, so that a write is worth its way.
const SHARES_AHEAD: usize = 4;
/// A fault that ended the pipeline.
const FAILS: &str = "fails";

/// What brings lines into one store.
pub struct Pipeline {
    /// The store's name.
    pub name: String,
    /// Its consumer group.
    pub group: String,
    /// Whether its dead letters bear the records' own sources: one store's can.
    pub is_first: bool,
    pub start: Start,
    pub config: TransferConfig,
    pub queue: Arc<dyn Queue>,
    pub store: Arc<dyn Store>,
    /// Streams that are not for this store.
    pub foreign: HashSet<String>,
    pub revisions: Arc<Revisions>,
    pub status: Status,
    pub problems: Problems,
    /// Behind what was written with its dead letters buried. A store that keeps no cursors may commit that far only.
    pub settled: Mutex<Cursors>,
    /// What is to be written out of turn.
    pub errands: Errands,
}

/// Some batches on their way, parsed by a thread.
type Share = runtime::Blocking<Vec<Outcome>>;

impl Pipeline {
    /// What problems call it.
    pub fn who(&self) -> String {
        format!("store {}", self.name)
    }

    pub async fn run(self: Arc<Self>, shutdown: &Shutdown) -> Result<(), TransferError> {
        let patience = Patience { who: self.who().into(), problems: self.problems.clone(), shutdown: shutdown.clone() };
        let ended = self.run_patiently(&patience).await;
        match &ended {
            Ok(()) => self.problems.clear(&patience.who, FAILS),
            Err(error) => self.problems.note(&patience.who, FAILS, &error.chain()),
        }
        ended
    }

    async fn run_patiently(self: &Arc<Self>, patience: &Patience) -> Result<(), TransferError> {
        let queue = &self.queue;
        let attach = || self.store.attach(queue.id());
        if patience.wait(write::TAKES_NOTHING, attach).await?.is_none() {
            return Ok(());
        }
        let plan = Plan {
            topic: LINES,
            group: self.group.clone(),
            start: self.start,
            held: self.store.capabilities().carries_cursors.then(|| self.store.durable()),
            poll_bytes: self.config.poll_bytes.as_usize(),
        };
        let Some(mut reading) = Reading::join(queue, plan, patience.clone()).await? else { return Ok(()) };
        let open = || queue.producer(DEAD_LETTERS);
        let Some(letters) = patience.wait("cannot reach the dead letters", open).await? else { return Ok(()) };
        let cemetery =
            Cemetery { letters, of: (!self.is_first).then(|| self.name.clone()), patience: patience.clone() };
        *self.settled.lock() = Cursors::start_of(queue.id());
        // A store that keeps the cursors itself is near: it takes every share at once, or has no room.
        let is_near = self.store.capabilities().carries_cursors;
        let ahead = if is_near { self.config.threads.max(1) + 1 } else { SHARES_AHEAD };
        let (shares, parsed) = mpsc::channel(ahead);
        let polling = self.poll_loop(&mut reading, shares, patience);
        let writing = self.write_loop(parsed, &cemetery, patience);
        let ((), written) = future::try_join(polling, writing).await?;
        if written && patience.wait("cannot be flushed", || self.store.flush()).await?.is_some() {
            self.commit(&mut reading).await?;
        }
        Ok(())
    }

    async fn poll_loop(
        self: &Arc<Self>,
        reading: &mut Reading,
        shares: mpsc::Sender<Share>,
        patience: &Patience,
    ) -> Result<(), TransferError> {
        let parsers: Arc<Parsers> = Arc::default();
        let threads = Arc::new(Semaphore::new(self.config.threads.max(1)));
        let mut durable = self.store.durable();
        while !patience.shutdown.is_called() {
            let deliveries = reading.poll().await?;
            self.status.count_unreadable(std::mem::take(&mut reading.unreadable));
            if deliveries.is_empty() {
                self.problems.clear(&patience.who, FAILS);
            }
            for share in split(deliveries, SHARE_BYTES) {
                let room = shares.reserve().await;
                let Ok(turn) = threads.clone().acquire_owned().await else { break };
                let (this, parsers) = (self.clone(), parsers.clone());
                let share = runtime::blocking(move || {
                    let _turn = turn;
                    parse_all(share, &parsers, &this.revisions, |stream| this.foreign.contains(stream))
                });
                match room {
                    Ok(room) => room.send(share),
                    // It stopped waiting for the store because it was told to stop.
                    Err(_) => return Ok(()),
                }
            }
            if durable.has_changed().unwrap_or(false) {
                durable.mark_unchanged();
                self.commit(reading).await?;
            }
        }
        Ok(())
    }

    async fn commit(&self, reading: &mut Reading) -> Result<(), TransferError> {
        let mut durable = self.store.durable().borrow().clone();
        if !self.store.capabilities().carries_cursors {
            let settled = self.settled.lock();
            durable.next.retain(|partition, next| {
                *next = settled.get(*partition).min(*next);
                *next > 0
            });
        }
        reading.commit(&durable).await
    }
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
