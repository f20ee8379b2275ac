//! Counts what passes through, for metrics and tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use model::{Batch, Cursors, Partition, QueueId, SourceKey};

use crate::{Ack, Consumer, Delivery, Outcome, PollOptions, Position, Producer, Queue, QueueError, TopicStats};

/// What passed through a [`Counting`] queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Batches appended.
    pub appended: u64,
    /// Bytes of payload appended.
    pub appended_bytes: u64,
    /// Batches that were held already.
    pub duplicates: u64,
    /// Batches that came too early.
    pub gaps: u64,
    /// Batches for which there was no room.
    pub back_pressure: u64,
    /// Calls of poll that were answered.
    pub polls: u64,
    /// Batches handed out.
    pub delivered: u64,
    /// Bytes of payload handed out.
    pub delivered_bytes: u64,
    /// Commits done.
    pub commits: u64,
    /// Calls that failed.
    pub errors: u64,
}

#[derive(Default)]
struct Counters {
    appended: AtomicU64,
    appended_bytes: AtomicU64,
    duplicates: AtomicU64,
    gaps: AtomicU64,
    back_pressure: AtomicU64,
    polls: AtomicU64,
    delivered: AtomicU64,
    delivered_bytes: AtomicU64,
    commits: AtomicU64,
    errors: AtomicU64,
}

fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

impl Counters {
    fn checked<T>(&self, answer: Result<T, QueueError>) -> Result<T, QueueError> {
        if answer.is_err() {
            add(&self.errors, 1);
        }
        answer
    }

    fn appended(&self, answer: &Result<Outcome, QueueError>, bytes: u64) {
        match answer {
            Ok(Outcome::Appended(_)) => {
                add(&self.appended, 1);
                add(&self.appended_bytes, bytes);
            }
            Ok(Outcome::Duplicate(_)) => add(&self.duplicates, 1),
            Ok(Outcome::Gap { .. }) => add(&self.gaps, 1),
            Ok(Outcome::BackPressure { .. }) => add(&self.back_pressure, 1),
            Err(_) => add(&self.errors, 1),
        }
    }
}

/// A queue that counts what passes through to another.
pub struct Counting {
    inner: Arc<dyn Queue>,
    counters: Arc<Counters>,
}

impl Counting {
    /// From nought.
    pub fn new(inner: Arc<dyn Queue>) -> Self {
        Self { inner, counters: Arc::default() }
    }

    /// What passed until now. Appends count once somebody has seen their answer.
    pub fn counts(&self) -> Counts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let c = &*self.counters;
        Counts {
            appended: get(&c.appended),
            appended_bytes: get(&c.appended_bytes),
            duplicates: get(&c.duplicates),
            gaps: get(&c.gaps),
            back_pressure: get(&c.back_pressure),
            polls: get(&c.polls),
            delivered: get(&c.delivered),
            delivered_bytes: get(&c.delivered_bytes),
            commits: get(&c.commits),
            errors: get(&c.errors),
        }
    }
}

#[async_trait]
impl Queue for Counting {
    fn id(&self) -> QueueId {
        self.inner.id()
    }

    async fn producer(&self, topic: &str) -> Result<Arc<dyn Producer>, QueueError> {
        let inner = self.counters.checked(self.inner.producer(topic).await)?;
        Ok(Arc::new(CountingProducer { inner, counters: Arc::clone(&self.counters) }))
    }

    async fn consumer(&self, topic: &str, group: &str) -> Result<Box<dyn Consumer>, QueueError> {
        let inner = self.counters.checked(self.inner.consumer(topic, group).await)?;
        Ok(Box::new(CountingConsumer { inner, counters: Arc::clone(&self.counters) }))
    }

    async fn stats(&self, topic: &str) -> Result<TopicStats, QueueError> {
        self.counters.checked(self.inner.stats(topic).await)
    }

    async fn forget(&self, topic: &str, group: &str) -> Result<(), QueueError> {
        self.counters.checked(self.inner.forget(topic, group).await)
    }

    async fn close(&self) -> Result<(), QueueError> {
        self.counters.checked(self.inner.close().await)
    }
}

struct CountingProducer {
    inner: Arc<dyn Producer>,
    counters: Arc<Counters>,
}

#[async_trait]
impl Producer for CountingProducer {
    fn append(&self, batch: Batch) -> Ack {
        let bytes = batch.payload.len() as u64;
        let counters = Arc::clone(&self.counters);
        self.inner.append(batch).tapped(Arc::new(move |answer| counters.appended(answer, bytes)))
    }

    fn keeps_positions(&self) -> bool {
        self.inner.keeps_positions()
    }

    async fn positions(&self, keys: &[SourceKey]) -> Result<Vec<Option<Position>>, QueueError> {
        self.counters.checked(self.inner.positions(keys).await)
    }
}

struct CountingConsumer {
    inner: Box<dyn Consumer>,
    counters: Arc<Counters>,
}

#[async_trait]
impl Consumer for CountingConsumer {
    async fn poll(&mut self, options: PollOptions) -> Result<Vec<Delivery>, QueueError> {
        let found = self.counters.checked(self.inner.poll(options).await)?;
        add(&self.counters.polls, 1);
        add(&self.counters.delivered, found.len() as u64);
        add(&self.counters.delivered_bytes, found.iter().map(|d| d.batch.payload.len() as u64).sum());
        Ok(found)
    }

    fn assignment(&self) -> Vec<Partition> {
        self.inner.assignment()
    }

    async fn committed(&self) -> Result<Cursors, QueueError> {
        self.counters.checked(self.inner.committed().await)
    }

    async fn seek(&mut self, cursors: &Cursors) -> Result<(), QueueError> {
        self.counters.checked(self.inner.seek(cursors).await)
    }

    async fn commit(&mut self, cursors: &Cursors) -> Result<(), QueueError> {
        self.counters.checked(self.inner.commit(cursors).await)?;
        add(&self.counters.commits, 1);
        Ok(())
    }
}
