//! Taking batches.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use base::Intervals;
use model::{Cursors, QueueId, SourceKey};
use store::{Refusal, StoreBatch, StoreError, Writer};
use tokio::sync::watch;

use crate::EmbeddedStore;
use crate::manifest::{Change, SourceChange};
use crate::store::Inner;

#[async_trait]
impl Writer for EmbeddedStore {
    /// Batches of one partition must come in its order: what is durable is told by the highest place.
    async fn write(&self, batches: &[StoreBatch]) -> Result<Vec<Refusal>, StoreError> {
        let mut progress = self.inner.progress.subscribe();
        let mut rest = batches;
        while !rest.is_empty() {
            progress.mark_unchanged();
            let taken = self.inner.take(rest)?;
            rest = &rest[taken..];
            if !rest.is_empty() && progress.changed().await.is_err() {
                return Err(self.inner.closed());
            }
        }
        Ok(Vec::new())
    }

    async fn note_dead_letters(&self, key: SourceKey, ranges: &Intervals) -> Result<(), StoreError> {
        let change = SourceChange { dead_letter: ranges.clone(), ..SourceChange::of(key) };
        self.inner.commit_aside(Change { sources: vec![change], ..Change::default() }).await
    }

    fn durable(&self) -> watch::Receiver<Cursors> {
        self.inner.durable.subscribe()
    }

    async fn attach(&self, queue: QueueId) -> Result<(), StoreError> {
        if self.inner.durable.borrow().queue == queue {
            return Ok(());
        }
        let cursors = Cursors::start_of(queue);
        // Places of the other queue mean nothing from now on, also those in generations not yet sealed: their cursors
        // name that queue and are passed over then.
        self.inner.head.lock().passed = cursors.clone();
        let change = Change { cursors: Some(cursors.clone()), ..Change::default() };
        self.inner.commit_aside(change).await?;
        self.inner.durable.send_replace(cursors);
        Ok(())
    }

    async fn flush(&self) -> Result<(), StoreError> {
        let mut progress = self.inner.progress.subscribe();
        let mut wanted = None;
        loop {
            progress.mark_unchanged();
            if self.inner.flushed(&mut wanted)? {
                return Ok(());
            }
            if progress.changed().await.is_err() {
                return Err(self.inner.closed());
            }
        }
    }
}

impl Inner {
    /// Takes as many batches as there is room for; how many.
    fn take(&self, batches: &[StoreBatch]) -> Result<usize, StoreError> {
        let now = Instant::now();
        let mut head = self.head.lock();
        if head.stop {
            return Err(self.closed());
        }
        if let Some(reason) = head.no_room.clone() {
            return Err(self.exhausted(reason));
        }
        for (n, StoreBatch { place, batch }) in batches.iter().enumerate() {
            if head.is_full(self.head_bytes()) && !self.rotate(&mut head) {
                return match head.seal_fault.clone() {
                    Some(fault) if n == 0 => Err(self.exhausted(fault)),
                    _ => Ok(n),
                };
            }
            if let Some(taken) = head.take(batch, now) {
                // Published under the lock, so that followers see records in the order taken.
                self.hub.publish(&taken, std::iter::once(0..taken.records.len() as u32));
            }
            head.passed.pass(*place);
        }
        if head.is_full(self.head_bytes()) {
            self.rotate(&mut head);
        }
        Ok(batches.len())
    }

    /// Whether everything taken before the first call is durable by now. Sets work in motion where it is not.
    fn flushed(&self, wanted: &mut Option<u64>) -> Result<bool, StoreError> {
        let mut head = self.head.lock();
        if head.stop {
            return Err(self.closed());
        }
        let is_empty = head.active.since.is_none();
        let wanted = *wanted.get_or_insert(head.active.number - u64::from(is_empty));
        if head.sealed >= wanted {
            return Ok(true);
        }
        if let Some(fault) = &head.seal_fault {
            return Err(self.exhausted(fault.clone()));
        }
        if head.active.number == wanted {
            self.rotate(&mut head);
        }
        Ok(false)
    }

    /// Commits away from the threads that wait for sockets.
    async fn commit_aside(self: &Arc<Self>, change: Change) -> Result<(), StoreError> {
        let this = self.clone();
        let done = runtime::blocking(move || this.commit(change, |_| {}));
        done.await.map_err(|_| self.closed())?
    }
}
