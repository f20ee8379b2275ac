//! Answers late, as a far or busy queue does.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{Batch, Cursors, Partition, QueueId, SourceKey};

use crate::{Ack, Consumer, Delivery, PollOptions, Position, Producer, Queue, QueueError, TopicStats};

/// A queue that delays the answers of another. Needs tokio's timer.
pub struct Slow {
    inner: Arc<dyn Queue>,
    delay: Duration,
}

impl Slow {
    /// Every answer comes later by `delay`.
    pub fn new(inner: Arc<dyn Queue>, delay: Duration) -> Self {
        Self { inner, delay }
    }
}

#[async_trait]
impl Queue for Slow {
    fn id(&self) -> QueueId {
        self.inner.id()
    }

    async fn producer(&self, topic: &str) -> Result<Arc<dyn Producer>, QueueError> {
        tokio::time::sleep(self.delay).await;
        Ok(Arc::new(SlowProducer { inner: self.inner.producer(topic).await?, delay: self.delay }))
    }

    async fn consumer(&self, topic: &str, group: &str) -> Result<Box<dyn Consumer>, QueueError> {
        tokio::time::sleep(self.delay).await;
        Ok(Box::new(SlowConsumer { inner: self.inner.consumer(topic, group).await?, delay: self.delay }))
    }

    async fn stats(&self, topic: &str) -> Result<TopicStats, QueueError> {
        tokio::time::sleep(self.delay).await;
        self.inner.stats(topic).await
    }

    async fn forget(&self, topic: &str, group: &str) -> Result<(), QueueError> {
        tokio::time::sleep(self.delay).await;
        self.inner.forget(topic, group).await
    }

    async fn close(&self) -> Result<(), QueueError> {
        self.inner.close().await
    }
}

struct SlowProducer {
    inner: Arc<dyn Producer>,
    delay: Duration,
}

#[async_trait]
impl Producer for SlowProducer {
    fn append(&self, batch: Batch) -> Ack {
        self.inner.append(batch).held_back(self.delay)
    }

    fn keeps_positions(&self) -> bool {
        self.inner.keeps_positions()
    }

    async fn positions(&self, keys: &[SourceKey]) -> Result<Vec<Option<Position>>, QueueError> {
        tokio::time::sleep(self.delay).await;
        self.inner.positions(keys).await
    }
}

struct SlowConsumer {
    inner: Box<dyn Consumer>,
    delay: Duration,
}

#[async_trait]
impl Consumer for SlowConsumer {
    async fn poll(&mut self, options: PollOptions) -> Result<Vec<Delivery>, QueueError> {
        tokio::time::sleep(self.delay).await;
        self.inner.poll(options).await
    }

    fn assignment(&self) -> Vec<Partition> {
        self.inner.assignment()
    }

    async fn committed(&self) -> Result<Cursors, QueueError> {
        tokio::time::sleep(self.delay).await;
        self.inner.committed().await
    }

    async fn seek(&mut self, cursors: &Cursors) -> Result<(), QueueError> {
        tokio::time::sleep(self.delay).await;
        self.inner.seek(cursors).await
    }

    async fn commit(&mut self, cursors: &Cursors) -> Result<(), QueueError> {
        tokio::time::sleep(self.delay).await;
        self.inner.commit(cursors).await
    }
}
