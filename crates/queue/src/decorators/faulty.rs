//! Fails now and then, from a seed: calls that never arrive, and answers that are lost on the way back.

use std::sync::Arc;

use async_trait::async_trait;
use model::{Batch, Cursors, Partition, QueueId, SourceKey};
use parking_lot::Mutex;

use crate::{Ack, Consumer, Delivery, PollOptions, Position, Producer, Queue, QueueError, TopicStats};

/// A queue that injects faults into another.
pub struct Faulty {
    inner: Arc<dyn Queue>,
    dice: Arc<Dice>,
}

struct Dice {
    state: Mutex<u64>,
    rate: f64,
}

enum Fate {
    Fine,
    NeverArrives,
    AnswerLost,
}

const NEVER: QueueError = QueueError::Injected("the call did not arrive");
const LOST: QueueError = QueueError::Injected("the answer was lost");

impl Dice {
    fn throw(&self) -> Fate {
        let mut state = self.state.lock();
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = (*state >> 33) as f64 / (1u64 << 31) as f64;
        if share >= self.rate {
            Fate::Fine
        } else if share < self.rate / 2.0 {
            Fate::NeverArrives
        } else {
            Fate::AnswerLost
        }
    }

    /// For calls that may safely be done although the caller is told that they failed.
    async fn pass<T>(&self, call: impl Future<Output = Result<T, QueueError>>) -> Result<T, QueueError> {
        match self.throw() {
            Fate::Fine => call.await,
            Fate::NeverArrives => Err(NEVER),
            Fate::AnswerLost => call.await.and(Err(LOST)),
        }
    }
}

impl Faulty {
    /// Of all calls, `rate` (0 to 1) fail, half of them after they were done.
    pub fn new(inner: Arc<dyn Queue>, seed: u64, rate: f64) -> Self {
        Self { inner, dice: Arc::new(Dice { state: Mutex::new(seed), rate }) }
    }
}

#[async_trait]
impl Queue for Faulty {
    fn id(&self) -> QueueId {
        self.inner.id()
    }

    async fn producer(&self, topic: &str) -> Result<Arc<dyn Producer>, QueueError> {
        let inner = self.dice.pass(self.inner.producer(topic)).await?;
        Ok(Arc::new(FaultyProducer { inner, dice: Arc::clone(&self.dice) }))
    }

    async fn consumer(&self, topic: &str, group: &str) -> Result<Box<dyn Consumer>, QueueError> {
        let inner = self.dice.pass(self.inner.consumer(topic, group)).await?;
        Ok(Box::new(FaultyConsumer { inner, dice: Arc::clone(&self.dice) }))
    }

    async fn stats(&self, topic: &str) -> Result<TopicStats, QueueError> {
        self.dice.pass(self.inner.stats(topic)).await
    }

    async fn forget(&self, topic: &str, group: &str) -> Result<(), QueueError> {
        self.dice.pass(self.inner.forget(topic, group)).await
    }

    async fn close(&self) -> Result<(), QueueError> {
        self.inner.close().await
    }
}

struct FaultyProducer {
    inner: Arc<dyn Producer>,
    dice: Arc<Dice>,
}

#[async_trait]
impl Producer for FaultyProducer {
    fn append(&self, batch: Batch) -> Ack {
        match self.dice.throw() {
            Fate::Fine => self.inner.append(batch),
            Fate::NeverArrives => Ack::ready(Err(NEVER)),
            Fate::AnswerLost => {
                drop(self.inner.append(batch));
                Ack::ready(Err(LOST))
            }
        }
    }

    fn keeps_positions(&self) -> bool {
        self.inner.keeps_positions()
    }

    async fn positions(&self, keys: &[SourceKey]) -> Result<Vec<Option<Position>>, QueueError> {
        self.dice.pass(self.inner.positions(keys)).await
    }
}

struct FaultyConsumer {
    inner: Box<dyn Consumer>,
    dice: Arc<Dice>,
}

#[async_trait]
impl Consumer for FaultyConsumer {
    async fn poll(&mut self, options: PollOptions) -> Result<Vec<Delivery>, QueueError> {
        // A failed poll leaves the position where it was, so its answer cannot be lost after it was done.
        match self.dice.throw() {
            Fate::Fine => self.inner.poll(options).await,
            _ => Err(NEVER),
        }
    }

    fn assignment(&self) -> Vec<Partition> {
        self.inner.assignment()
    }

    async fn committed(&self) -> Result<Cursors, QueueError> {
        self.dice.pass(self.inner.committed()).await
    }

    async fn seek(&mut self, cursors: &Cursors) -> Result<(), QueueError> {
        self.dice.pass(self.inner.seek(cursors)).await
    }

    async fn commit(&mut self, cursors: &Cursors) -> Result<(), QueueError> {
        self.dice.pass(self.inner.commit(cursors)).await
    }
}
